//! The last number that an agent has reached, for all who wait for it: the durable Seq of a stream.
//!
//! One agent publishes, any agent reads. What the publisher did before [`Watermark::publish`] is visible to whoever
//! sees the number (release, acquire). A read costs a load, and a cache miss if it changed.

use crate::types::Seq;
use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Watermark(Arc<CachePadded<AtomicU64>>);

impl Watermark {
    /// Above every number: what is published where nothing has to be waited for.
    pub const FOR_GOOD: Seq = Seq(u64::MAX);

    /// A watermark that stands at `reached`.
    pub fn new(reached: Seq) -> Self {
        Self(Arc::new(CachePadded::new(AtomicU64::new(reached.0))))
    }

    /// Everything up to and with `seq` is reached. Only one agent may publish.
    pub fn publish(&self, seq: Seq) {
        debug_assert!(seq >= self.reached(), "a watermark never falls: {seq} after {}", self.reached());
        self.0.store(seq.0, Ordering::Release);
    }

    /// Whether everything that will ever be counts as reached, so that nobody waits for it.
    pub fn is_for_good(&self) -> bool {
        self.reached() == Self::FOR_GOOD
    }

    /// What is reached.
    pub fn reached(&self) -> Seq {
        Seq(self.0.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clone_sees_what_was_published() {
        let watermark = Watermark::new(Seq(3));
        let reader = watermark.clone();
        assert_eq!(reader.reached(), Seq(3));
        watermark.publish(Seq(9));
        assert_eq!(reader.reached(), Seq(9));
    }
}
