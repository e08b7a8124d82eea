//! The way of records to the journal, from the side of who appends them: a shard's steps, a gateway's session log.

use crate::ring::{bytes, watermark::Watermark};
use crate::sys::poll::Waker;
use crate::types::Seq;
use crate::watch::{Meter, Meters};

/// A stream of records on its way to the journal.
#[derive(Debug)]
pub struct JournalPort {
    /// Records.
    pub records: bytes::Writer,
    /// How far they are durable.
    pub durable: Watermark,
    /// Wakes the journal's thread.
    pub waker: Waker,
}

impl JournalPort {
    /// Writes what the operator may look at; `last` is the number of the last record.
    pub fn measure(&self, last: Seq, meters: &mut Meters) {
        meters.set(Meter::Records, last.0);
        meters.set(Meter::RecordsNotDurable, last.0.saturating_sub(self.durable.reached().0));
        meters.set(Meter::JournalBytesWaiting, self.records.backlog() as u64);
    }

    /// Wakes the journal for what was appended, where somebody waits for it or the ring fills.
    pub fn wake(&self) {
        if !self.durable.is_for_good() || self.records.is_half_full() {
            self.waker.wake();
        }
    }
}
