//! One number for the whole state.

use super::{Rest, Shard};
use crate::wire::digest::sha256;
use std::hash::{Hash, Hasher};

/// How many bytes are folded into the digest at a time.
const BLOCK_BYTES: usize = 64 * 1024;

impl Shard {
    /// SHA-256 over all that later steps depend on, in a fixed order: equal states have equal hashes. It walks the
    /// whole state, so it is for recovery, tests and the self-check.
    pub fn state_hash(&self) -> [u8; 32] {
        let mut state = StateHasher::new();
        (self.id, self.sequencer, self.trades).hash(&mut state);
        match self.pending.as_ref().map(|pending| &pending.rest) {
            None => 0u8.hash(&mut state),
            Some(Rest::Order(sweep)) => (1u8, sweep.taker).hash(&mut state),
            // Where it goes on follows from what is left in the books.
            Some(Rest::Cancels(cancels)) => (2u8, cancels.scope, cancels.canceled).hash(&mut state),
            Some(Rest::Book(instrument)) => (3u8, instrument).hash(&mut state),
        }
        (&self.timers, &self.leases, &self.dead_men, &self.streams).hash(&mut state);
        self.risk.hash_state(&mut state);
        for (instrument, book) in &self.books {
            instrument.hash(&mut state);
            book.hash_state(&mut state);
        }
        self.once.hash_state(&mut state);
        state.digest()
    }
}

/// SHA-256 in blocks, each with the digest of what came before it. Integers are written in little endian and as wide
/// on every machine.
struct StateHasher {
    block: Vec<u8>,
}

impl StateHasher {
    fn new() -> Self {
        Self { block: Vec::with_capacity(BLOCK_BYTES + 1_024) }
    }

    fn fold(&mut self) {
        let digest = sha256(&self.block);
        self.block.clear();
        self.block.extend_from_slice(&digest);
    }

    fn digest(mut self) -> [u8; 32] {
        self.fold();
        sha256(&self.block)
    }
}

impl Hasher for StateHasher {
    fn write(&mut self, bytes: &[u8]) {
        if self.block.len() + bytes.len() > BLOCK_BYTES {
            self.fold();
        }
        self.block.extend_from_slice(bytes);
    }

    fn write_u16(&mut self, n: u16) {
        self.write(&n.to_le_bytes());
    }

    fn write_u32(&mut self, n: u32) {
        self.write(&n.to_le_bytes());
    }

    fn write_u64(&mut self, n: u64) {
        self.write(&n.to_le_bytes());
    }

    fn write_u128(&mut self, n: u128) {
        self.write(&n.to_le_bytes());
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    fn finish(&self) -> u64 {
        unreachable!("the digest is 32 bytes")
    }
}
