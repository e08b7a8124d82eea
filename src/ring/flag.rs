//! A state that one thread tells and any agent sees, such as a full disk.

use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag. Clones share it. A look costs a load, and a cache miss if it changed.
#[derive(Clone, Debug, Default)]
pub struct Flag(Arc<CachePadded<AtomicBool>>);

impl Flag {
    /// Raises or lowers it; whether that is a change. Only one thread may.
    pub fn set(&self, is_set: bool) -> bool {
        self.0.swap(is_set, Ordering::AcqRel) != is_set
    }

    /// Whether it is raised.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clone_sees_it_and_a_change_is_told_once() {
        let flag = Flag::default();
        let seen = flag.clone();
        assert!(!seen.is_set() && flag.set(true) && !flag.set(true) && seen.is_set());
        assert!(flag.set(false) && !seen.is_set());
    }
}
