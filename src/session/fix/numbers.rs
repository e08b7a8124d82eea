//! The numbers of a session: what outlives its connections and the process.

use crate::planted::{self, Bug};
use crate::types::{MsgSeqNum, SessionRecord};

/// The numbers of a session. Those of its log are folded from the log's records, in order.
///
/// ```text
/// sent: 1 … next_out − 1 │ may be used: next_out … durable │ asked for: … reserved
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The number that we expect.
    pub next_in: MsgSeqNum,
    /// The number of our next message.
    pub next_out: MsgSeqNum,
    /// The last number that a record reserves.
    pub reserved: MsgSeqNum,
    /// The last number whose reservation is durable.
    pub durable: MsgSeqNum,
}

impl Numbers {
    /// What a peer is told whose number was used.
    pub(super) fn too_low(&self, number: MsgSeqNum) -> String {
        format!("MsgSeqNum too low, expecting {} but received {number}", self.next_in)
    }

    /// Of a session that never was.
    pub const FRESH: Self = Self {
        next_in: MsgSeqNum::FIRST,
        next_out: MsgSeqNum::FIRST,
        reserved: MsgSeqNum(0),
        durable: MsgSeqNum(0),
    };

    /// Takes one record of this session's log, in the order in which they were written.
    pub fn fold(&mut self, record: &SessionRecord<'_>) {
        match *record {
            SessionRecord::Inbound { number, .. } | SessionRecord::Request { number, .. } => {
                self.next_in = number.next();
            }
            SessionRecord::InboundNext { next, .. } => self.next_in = next,
            SessionRecord::Outbound { number, .. } => self.next_out = self.next_out.max(number.next()),
            SessionRecord::Reserved { upto, .. } => self.reserved = upto,
            SessionRecord::Reset { .. } => *self = Self::FRESH,
            SessionRecord::Told { .. } | SessionRecord::Answered { .. } => {}
        }
    }

    /// After a restart: any reserved number may have been used, so none is used again. Those without a record
    /// are gap-filled when the peer asks.
    #[must_use]
    pub fn restarted(mut self) -> Self {
        if !planted::has(Bug::NumberReused) {
            self.next_out = self.next_out.max(self.reserved.next());
        }
        self.reserved = MsgSeqNum(self.next_out.0 - 1);
        self.durable = self.reserved;
        self
    }
}
