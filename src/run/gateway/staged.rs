//! Bytes of a FIX session that wait until the session log is durable as far as they promise.
//!
//! ```text
//!   wire:      │ may leave │ waits for record 17 │ waits for record 21 …
//!   barriers:              └ (offset, 17)        └ (offset, 21)
//! ```
//!
//! Numbers were given when the bytes were made, so nothing overtakes: what stands behind a barrier waits for it.

use crate::types::Seq;
use std::collections::VecDeque;

/// The bytes, and the records that they wait for.
#[derive(Debug, Default)]
pub struct Staged {
    wire: Vec<u8>,
    barriers: VecDeque<(usize, Seq)>,
}

impl Staged {
    /// Where bytes are appended.
    pub fn wire(&mut self) -> &mut Vec<u8> {
        &mut self.wire
    }

    /// What is appended from here on waits for this record.
    pub fn barrier(&mut self, record: Seq) {
        self.barriers.push_back((self.wire.len(), record));
    }

    /// Gives the bytes that may leave, if there are any, and forgets them.
    pub fn release(&mut self, durable: Seq, send: impl FnOnce(&[u8])) {
        while self.barriers.front().is_some_and(|&(_, record)| record <= durable) {
            self.barriers.pop_front();
        }
        let free = self.barriers.front().map_or(self.wire.len(), |&(offset, _)| offset);
        if free == 0 {
            return;
        }
        send(&self.wire[..free]);
        self.wire.drain(..free);
        for (offset, _) in &mut self.barriers {
            *offset -= free;
        }
    }

    /// How many bytes wait.
    pub fn waiting(&self) -> usize {
        self.wire.len()
    }

    /// The connection is gone, and what it would have heard with it; the session log still has it. What the next one
    /// hears has numbers that follow those of the lost bytes, so it waits for the same records.
    pub fn clear(&mut self) {
        self.wire.clear();
        let last = self.barriers.back().map(|&(_, record)| (0, record));
        self.barriers.clear();
        self.barriers.extend(last);
    }

    /// Whether [`Staged::release`] has something to give.
    pub fn has_free(&self, durable: Seq) -> bool {
        let held = self.barriers.iter().find(|&&(_, record)| record > durable);
        held.map_or(self.wire.len(), |&(offset, _)| offset) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(staged: &mut Staged, durable: u64) -> Vec<u8> {
        let mut out = Vec::new();
        staged.release(Seq(durable), |bytes| out.extend_from_slice(bytes));
        out
    }

    #[test]
    fn what_stands_behind_a_barrier_waits_for_its_record() {
        let mut staged = Staged::default();
        staged.wire().extend_from_slice(b"ab");
        staged.barrier(Seq(5));
        staged.wire().extend_from_slice(b"cd");
        staged.barrier(Seq(7));
        staged.wire().extend_from_slice(b"ef");
        assert_eq!(released(&mut staged, 4), b"ab");
        assert_eq!(released(&mut staged, 4), b"");
        assert_eq!(released(&mut staged, 5), b"cd");
        assert_eq!(released(&mut staged, 9), b"ef");
        assert_eq!(staged.waiting(), 0);
    }

    #[test]
    fn a_barrier_that_is_reached_already_holds_nothing_back() {
        let mut staged = Staged::default();
        staged.barrier(Seq(3));
        staged.wire().extend_from_slice(b"ab");
        assert_eq!(released(&mut staged, 3), b"ab");
    }

    #[test]
    fn the_next_connection_waits_for_the_records_of_the_last() {
        let mut staged = Staged::default();
        staged.wire().extend_from_slice(b"ab");
        staged.barrier(Seq(5));
        staged.wire().extend_from_slice(b"Logon with new numbers");
        staged.clear();
        staged.wire().extend_from_slice(b"Logon that goes on with them");
        assert!(!staged.has_free(Seq(4)) && staged.has_free(Seq(5)));
        assert_eq!(released(&mut staged, 4), b"", "the reset may still be lost, and the numbers with it");
        assert_eq!(released(&mut staged, 5), b"Logon that goes on with them");
    }
}
