//! What an operator may change about a session: how it is set up, and, while nobody is connected, its numbers.

use super::{Output, Session, Settings};
use crate::types::{MsgSeqNum, Nanos, SessionRecord, Span};

/// Numbers that an operator sets by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Both sequences start at 1 again, before anything else is set.
    pub reset: bool,
    /// The number that we expect next.
    pub next_in: Option<MsgSeqNum>,
    /// The number of our next message.
    pub next_out: Option<MsgSeqNum>,
}

/// Why numbers were not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RepairError {
    /// A peer that is connected counts with the numbers as they are.
    #[error("the session is connected; disable it first, set the numbers, and enable it again")]
    Connected,
    /// A number is given to one body and never to another.
    #[error("numbers below {0} were used and are given to nothing else; reset the session to begin at 1")]
    Used(MsgSeqNum),
}

impl Session {
    /// Another set-up for the same session. Bounds of a Logon hold from the next one on.
    pub fn reconfigure(&mut self, settings: Settings) {
        debug_assert_eq!(settings.session, self.settings.session, "another session is another session");
        self.template = settings.template();
        self.settings = settings;
    }

    /// Stands in the log from now on, with the numbers as they are.
    pub fn begin(&mut self, out: &mut dyn Output) {
        let (session, next) = (self.settings.session, self.numbers.next_in);
        out.record(SessionRecord::InboundNext { session, next });
    }

    /// Sets numbers as an operator wants them; what is not refused stands in the log.
    pub fn repair(&mut self, repair: &Repair, out: &mut dyn Output) -> Result<(), RepairError> {
        if self.is_connected() {
            return Err(RepairError::Connected);
        }
        self.reset_if_due(out);
        let lowest = if repair.reset { MsgSeqNum::FIRST } else { self.numbers.next_out };
        if repair.next_out.is_some_and(|next| next < lowest) {
            return Err(RepairError::Used(lowest));
        }
        if repair.reset {
            self.reset(out);
        }
        let session = self.settings.session;
        if let Some(next) = repair.next_in {
            self.numbers.next_in = next;
            out.record(SessionRecord::InboundNext { session, next });
        }
        if let Some(next) = repair.next_out {
            self.numbers.next_out = next;
            // What is reserved and has no body is gap-filled: just what the numbers that are skipped need.
            let skipped = MsgSeqNum(next.0 - 1);
            if skipped > self.numbers.reserved {
                self.numbers.reserved = skipped;
                out.record(SessionRecord::Reserved { session, upto: skipped });
            }
        }
        Ok(())
    }

    /// HeartBtInt(108) of the connection; zero without one.
    pub fn heartbeat(&self) -> Span {
        self.connection.heartbeat
    }

    /// When the connection last sent and received something; `None` without one.
    pub fn last_activity(&self) -> Option<(Nanos, Nanos)> {
        self.is_connected().then_some((self.connection.last_sent, self.connection.last_received))
    }
}
