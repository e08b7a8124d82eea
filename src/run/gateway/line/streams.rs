//! What is read back for those who catch up with private streams, in one queue with what sessions are sent again.

use super::{Lines, Question};
use crate::run::gateway::session_log::SessionLog;
use crate::run::journal::{ReadBack, SentBody, Wanted};
use crate::types::ConnId;

impl Lines {
    /// Asks for what a subscriber has missed, behind what was asked for before; false if that is too much.
    pub fn read_for(&mut self, conn: ConnId, token: u64, what: SentBody, log: &mut SessionLog) -> bool {
        let asked = log.ask(Wanted::Sent(what));
        if asked {
            self.questions.push_back(Question::Stream { conn, token });
        }
        asked
    }

    /// What was read back for a subscriber.
    pub fn take_read(&mut self) -> Option<(ConnId, u64, ReadBack)> {
        self.read.pop_front()
    }
}
