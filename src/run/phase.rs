//! The way to a clean stop, in phases that every thread sees.
//!
//! ```text
//!   Running ──► Closing ──► Draining ──► Syncing ──► Stopped
//!               gateways    shards       journals    threads end
//!               say good-   empty their  write and
//!               bye, take   rings        sync what
//!               nothing                  is left
//! ```
//!
//! A phase ends when every agent says that it has done its part, or when its time is up: a client that does not
//! read cannot keep the server from stopping. Gateways go on telling what becomes durable until `Stopped`.

use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

/// How far the server is on its way down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Not stopping.
    Running = 0,
    /// Gateways refuse requests, wait for the answers that are due, and log their sessions out.
    Closing = 1,
    /// Shards execute what is in their rings.
    Draining = 2,
    /// Journals write and sync what is in theirs.
    Syncing = 3,
    /// Threads end.
    Stopped = 4,
}

impl Phase {
    /// The ones that a stop passes through, in order.
    pub const STOPPING: [Self; 3] = [Self::Closing, Self::Draining, Self::Syncing];

    const fn from_u8(value: u8) -> Self {
        match value {
            0 => Self::Running,
            1 => Self::Closing,
            2 => Self::Draining,
            3 => Self::Syncing,
            _ => Self::Stopped,
        }
    }
}

/// The phase, seen by all threads, and how many agents have done their part of it.
#[derive(Clone, Debug)]
pub struct Control(Arc<CachePadded<Shared>>);

#[derive(Debug)]
struct Shared {
    phase: AtomicU8,
    done: AtomicU32,
    failed: AtomicBool,
}

impl Default for Control {
    fn default() -> Self {
        let (phase, done) = (AtomicU8::new(Phase::Running as u8), AtomicU32::new(0));
        Self(Arc::new(CachePadded::new(Shared { phase, done, failed: AtomicBool::new(false) })))
    }
}

impl Control {
    /// How far it is.
    pub fn phase(&self) -> Phase {
        Phase::from_u8(self.0.phase.load(Ordering::Acquire))
    }

    /// Starts the next phase, with nobody done.
    pub fn enter(&self, phase: Phase) {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.phase.store(phase as u8, Ordering::Release);
    }

    /// An agent has done its part of this phase; said once a phase. Too late for a phase whose time was up, it does not
    /// count for the next one.
    pub fn agent_done(&self, phase: Phase) {
        if self.phase() == phase {
            self.0.done.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// How many agents have.
    pub fn agents_done(&self) -> u32 {
        self.0.done.load(Ordering::Acquire)
    }

    /// A thread met a fault: all threads end as soon as they see it.
    pub fn fail(&self) {
        self.0.failed.store(true, Ordering::Release);
    }

    /// Whether a thread met a fault.
    pub fn has_failed(&self) -> bool {
        self.0.failed.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_comes_too_late_does_not_count_for_the_next_phase() {
        let control = Control::default();
        control.enter(Phase::Closing);
        control.agent_done(Phase::Closing);
        assert_eq!(control.agents_done(), 1);
        control.enter(Phase::Draining);
        control.agent_done(Phase::Closing);
        assert_eq!(control.agents_done(), 0);
    }
}
