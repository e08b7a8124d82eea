//! What a session that outlives its connections tells and may be told, the same over both protocols.

use super::ExecutionReport;
use std::time::Duration;
use tokio::sync::mpsc;

/// Events that may wait for their reader. Above it nothing more is read from the connection, and the server cuts it:
/// a bot that is so far behind must ask for its state anyway.
pub(super) const EVENTS_WAITING_MAX: usize = 65_536;

/// What to do when a connection ends.
#[derive(Clone, Copy, Debug)]
pub struct Recovery {
    /// The pause before the first attempt to connect again; it doubles from attempt to attempt.
    pub pause: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// How long to try before the session ends.
    pub give_up: Duration,
    /// An order whose answer was lost is sent again until it is so old; an older one is asked for instead.
    pub send_again: Duration,
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            pause: Duration::from_millis(100),
            pause_max: Duration::from_secs(10),
            give_up: Duration::from_secs(300),
            send_again: Duration::from_secs(2),
        }
    }
}

/// What a session tells; `O` is how its protocol tells an order.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // Nearly all events are the largest variant: executions.
pub enum Event<O> {
    /// There is a connection, logged on and subscribed.
    Connected {
        /// The open orders of the account. An execution that follows may tell what is in here already.
        open: Vec<O>,
        /// How long there was none; `None` at the beginning.
        away: Option<Duration>,
    },
    /// An order closed while there was no connection to tell it.
    ClosedMeanwhile(O),
    /// A change of an order, of this session or of another of the account.
    Execution(ExecutionReport),
    /// The connection ended. Requests under way wait for the next one.
    Disconnected {
        /// As far as it is known.
        why: String,
    },
    /// An attempt to connect failed, and the next comes after a pause.
    Retrying {
        /// Why it failed.
        why: String,
        /// How many have failed since the connection ended.
        attempt: u32,
        /// The pause.
        pause: Duration,
    },
    /// The answer to an order or cancel was lost, and was found out.
    Recovered {
        /// Of the order or of the cancel.
        cl_ord_id: String,
        /// How.
        how: Recovered,
    },
    /// The session is over: it was closed, or gave up. Nothing comes after it.
    Ended {
        /// Why.
        why: String,
    },
}

/// How a lost answer was found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// The answer was sent again, with what else had been missed: FIX.
    ToldAgain,
    /// The request was sent again. It had executed before, and this is its first answer again.
    SentAgainRepeated,
    /// The request was sent again. It had not arrived the first time.
    SentAgain,
    /// The server was asked for the order.
    Asked,
}

/// What a session tells, in order.
#[derive(Debug)]
pub struct Events<O> {
    heard: mpsc::Receiver<Event<O>>,
    over: bool,
}

impl<O> Events<O> {
    pub(super) fn new(heard: mpsc::Receiver<Event<O>>) -> Self {
        Self { heard, over: false }
    }

    /// The next event; `None` after [`Event::Ended`].
    pub async fn next(&mut self) -> Option<Event<O>> {
        if self.over {
            return None;
        }
        let event = self.heard.recv().await;
        self.over = matches!(event, None | Some(Event::Ended { .. }));
        event
    }

    /// The next event that is there already.
    pub fn try_next(&mut self) -> Option<Event<O>> {
        let event = self.heard.try_recv().ok();
        self.over |= matches!(event, Some(Event::Ended { .. }));
        event
    }
}

/// An answer with the time that it took from the moment it was handed over for sending.
#[derive(Clone, Debug)]
pub struct Timed<T> {
    /// The answer.
    pub answer: T,
    /// From sending to reading.
    pub round_trip: Duration,
    /// Whether the request had come before, and this is its first answer again.
    pub repeated: bool,
}

impl<T> Timed<T> {
    /// Another answer, that took as long.
    pub(super) fn map<U>(self, answer: impl FnOnce(T) -> U) -> Timed<U> {
        Timed { answer: answer(self.answer), round_trip: self.round_trip, repeated: self.repeated }
    }
}
