//! The FIX session, acceptor and initiator in one: who may speak now.
//!
//! ```text
//! bytes ─► wire::fix::take ─► receive ─► Incoming::Deliver: decode the message just given
//!                                │
//!    send, reject, logout,       │
//!    replay, tick ───────────────┤
//!                                ▼
//!    Output: wire bytes, log records, barriers, notices
//! ```
//!
//! A connection of an acceptor starts without a session. Its first message must be a Logon: [`LogonAsk::read`]. The
//! caller judges it (certificate, CompIDs, key, signature) before any number or store is touched, finds the
//! [`Session`], and calls [`Session::logon`]. Whatever fails before that closes the connection without a word.
//!
//! Then, for each message: [`Session::receive`], and after it [`Session::take_queued`] until it says no. For bytes
//! that are garbled: [`Session::garbled`]. At [`Session::deadline`], or before: [`Session::tick`].
//!
//! Invariants: a number of ours is used once, and only when its reservation is in the log or a barrier stands
//! before it; each number of the peer's is taken once, in order; what is sent again carries the same body;
//! a replay is never interleaved with newer messages. In the steady state nothing is allocated.

mod budget;
mod inbound;
mod logon;
mod numbers;
mod outbound;
mod output;
mod repair;
mod resend;
mod settings;
mod state;
mod timers;

pub use inbound::is_request;
pub use logon::{LogonAsk, LogonFault, LogonRequest, PasswordFault, Secret, logon_payload};
pub use numbers::Numbers;
pub use outbound::{Outgoing, Refused, Signer};
pub use output::{CloseReason, Collected, Notice, Output, OwnedRecord};
pub use repair::{Repair, RepairError};
pub use resend::{Sent, split_own};
pub use settings::{Settings, validation};
pub use state::{Act, Input, State, decide};

use crate::config::Window;
use crate::types::{CancelTerms, FixVersion, MsgSeqNum, Nanos, Reject, Span};
use crate::wire::fix::{Message, SOH, Template, parse_uint, tag};
use budget::Budget;
use resend::{Queue, Replay};

/// One session, with or without a connection.
pub struct Session {
    settings: Settings,
    numbers: Numbers,
    state: State,
    connection: Connection,
    /// The last connection has ended, and with it both sequences: they start at 1 before the next number is used.
    reset_due: bool,
    /// The hours in which the session is open, or those to come; `None`: it always is.
    hours: Option<Window>,
    /// What may still be sent again. It outlives connections: who comes again has no more of it.
    budget: Budget,
    /// What our headers begin with.
    template: Template,
    /// A body that is being made.
    body: Vec<u8>,
    /// A record that is being made.
    own: Vec<u8>,
}

/// What the caller does with the message that it has just passed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Nothing: it is dealt with.
    Done,
    /// It is an application message, in sequence and as the dictionary has it: decode it.
    Deliver,
    /// Nothing but count it: it was answered with a Reject or a BusinessMessageReject.
    Rejected(Reject),
    /// It is a Logon inside the session: judge it like a first one, then call [`Session::logon_again`].
    Logon,
}

/// What lives as long as a connection.
#[derive(Default)]
struct Connection {
    /// HeartBtInt(108); zero: none.
    heartbeat: Span,
    /// What was agreed on for its orders.
    cancel: CancelTerms,
    last_sent: Nanos,
    last_received: Nanos,
    /// A TestRequest is unanswered.
    probing: bool,
    /// The number of our Logon.
    logon_sent: MsgSeqNum,
    /// When our Logon or Logout is overdue.
    overdue: Nanos,
    /// The message that showed that others are missing.
    missing_before: MsgSeqNum,
    /// When what is missing was asked for, or when something of it came.
    recovering_since: Nanos,
    /// The last number that our ResendRequest asks for; `None`: it asks for all.
    asked_to: Option<MsgSeqNum>,
    /// NextExpectedMsgSeqNum(789) stood in both Logons, so what is missing comes unasked.
    fills_unasked: bool,
    queue: Queue,
    replay: Option<Replay>,
    /// The next replay, asked for during one: one at a time.
    replay_after: Option<Replay>,
    /// What was sent during a replay: it leaves after it.
    held: Vec<u8>,
}

impl Session {
    /// A session with the numbers of its log: [`Numbers::FRESH`], or folded and [`Numbers::restarted`].
    pub fn new(settings: Settings, numbers: Numbers) -> Self {
        Self {
            reset_due: settings.reset_on_disconnect && numbers != Numbers::FRESH,
            template: settings.template(),
            settings,
            numbers,
            state: State::Idle,
            connection: Connection::default(),
            hours: None,
            budget: Budget::default(),
            body: Vec::new(),
            own: Vec::new(),
        }
    }

    /// Where it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// How it is set up.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The version of its application messages.
    pub fn version(&self) -> FixVersion {
        self.settings.dictionary.version
    }

    /// Its numbers.
    pub fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// Whether a connection belongs to it.
    pub fn is_connected(&self) -> bool {
        self.state != State::Idle
    }

    /// What its connection has agreed on for its orders.
    pub fn cancel_terms(&self) -> CancelTerms {
        self.connection.cancel
    }

    /// Whether a replay is under way: what is sent meanwhile is held back.
    pub fn is_replaying(&self) -> bool {
        self.connection.replay.is_some()
    }

    /// Takes one message of the connection.
    pub fn receive(&mut self, message: &Message<'_>, now: Nanos, out: &mut dyn Output) -> Incoming {
        if !self.is_connected() {
            return Incoming::Done;
        }
        self.connection.last_received = now;
        self.connection.probing = false;
        let expected = self.numbers.next_in;
        let incoming = self.take_in(message, now, out);
        if self.numbers.next_in != expected {
            self.connection.recovering_since = now;
            self.ask_next_chunk(now, out);
        }
        incoming
    }

    /// Takes bytes of the connection that are no message, or one whose fields cannot be read: they are ignored and
    /// use up no number, so they are asked for again. Where the session is set up for it, they are refused instead.
    pub fn garbled(&mut self, bytes: &[u8], now: Nanos, out: &mut dyn Output) -> Incoming {
        if !self.settings.reject_garbled_message || !self.state.is_established() {
            return Incoming::Done;
        }
        let Some(number) = garbled_value(bytes, tag::MSG_SEQ_NUM).and_then(parse_uint) else {
            return Incoming::Done;
        };
        let number = MsgSeqNum(u32::try_from(number).unwrap_or(u32::MAX));
        self.consume_if_next(number, out);
        self.reject_garbled(number, garbled_value(bytes, tag::MSG_TYPE).unwrap_or_default(), now, out);
        self.close_gap();
        Incoming::Done
    }

    /// We want to end the session. The peer's Logout closes it, or a time limit.
    pub fn logout(&mut self, text: &str, now: Nanos, out: &mut dyn Output) {
        match self.step(Input::Stop) {
            Act::SayLogout => self.say_logout(text.as_bytes(), now, out),
            Act::Close => self.close(CloseReason::LoggedOut, out),
            _ => {}
        }
    }

    /// The connection is gone. A replay under way is off.
    pub fn disconnected(&mut self) {
        let was_connected = self.is_connected();
        self.step(Input::Lost);
        self.reset_due |= was_connected && self.settings.reset_on_disconnect;
        self.forget_connection();
    }

    /// Tells the hours in which the session is open, or the next ones: outside of them a Logon is refused, and at their
    /// end the session logs out. The caller tells the next ones when these are over.
    pub fn set_hours(&mut self, hours: Option<Window>) {
        self.hours = hours;
    }

    /// Both sequences of a session without a connection start at 1 again: its hours are over.
    pub fn begin_anew(&mut self, out: &mut dyn Output) {
        if !self.is_connected() {
            self.reset(out);
        }
    }

    /// Numbers up to this one are reserved durably.
    pub fn reserved_durable(&mut self, upto: MsgSeqNum) {
        // A reset in between may have taken the reservation back.
        self.numbers.durable = self.numbers.durable.max(upto.min(self.numbers.reserved));
    }

    fn step(&mut self, input: Input) -> Act {
        let (act, next) = decide(self.state, input);
        self.state = next;
        act
    }

    /// The session is over: the caller closes the connection when it has sent what we said.
    fn close(&mut self, reason: CloseReason, out: &mut dyn Output) {
        self.flush_held(out);
        self.state = State::Idle;
        self.reset_due |= self.settings.reset_on_disconnect;
        self.forget_connection();
        out.notice(Notice::Close(reason));
    }

    fn forget_connection(&mut self) {
        let queue = std::mem::take(&mut self.connection.queue).emptied();
        let mut held = std::mem::take(&mut self.connection.held);
        held.clear();
        self.connection = Connection { queue, held, ..Connection::default() };
    }
}

/// The value of the first field with this tag in bytes that are no message.
fn garbled_value(bytes: &[u8], tag: u32) -> Option<&[u8]> {
    bytes.split(|byte| *byte == SOH).find_map(|field| {
        let at = field.iter().position(|byte| *byte == b'=')?;
        (parse_uint(&field[..at]) == Some(u64::from(tag))).then_some(&field[at + 1..])
    })
}

#[cfg(test)]
mod tests;
