//! What a thread polls.

use super::phase::Phase;
use crate::sys::poll::Poller;
use crate::types::Nanos;

/// Whether a turn did something. A thread whose agents were all idle may rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// There was something to do, and there may be more.
    Done,
    /// There was nothing.
    Idle,
}

impl Work {
    /// `Done` if either is.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self == Self::Done { Self::Done } else { other }
    }

    /// `Done` if `count` is not zero.
    pub fn from_count(count: usize) -> Self {
        if count > 0 { Self::Done } else { Self::Idle }
    }
}

/// An error after which nothing more may be promised: the process stops. Trouble with one client is never a fault.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{agent}: {what}")]
pub struct Fault {
    /// Which agent.
    pub agent: String,
    /// What happened.
    pub what: String,
}

/// A set of stages that owns its state and talks to others through rings only.
pub trait Agent: Send {
    /// Its name in the topology, such as `shard-0`.
    fn name(&self) -> String;

    /// Does a bounded amount of work. Never blocks, unless it is a journal.
    fn poll(&mut self, now: Nanos) -> Result<Work, Fault>;

    /// Whether a ring has something for it: looked at once more before its thread sleeps.
    fn has_input(&self) -> bool;

    /// Its sockets, if it has any: they end its thread's sleep.
    fn sockets(&self) -> Option<&Poller> {
        None
    }

    /// Hears, each turn while the server stops, how far that has come; returns whether it has done its part of it.
    /// Polling goes on meanwhile.
    fn stopping(&mut self, phase: Phase, now: Nanos) -> bool;

    /// What is left of it at the end, for the summary.
    fn finish(self: Box<Self>) -> Epilogue;
}

/// What an agent leaves behind when the server has stopped.
#[derive(Clone, Debug)]
pub enum Epilogue {
    /// Nothing that anybody asks for.
    Nothing,
    /// A shard's last record and the hash of its state after it.
    Shard {
        /// Which shard.
        shard: crate::types::ShardId,
        /// Its last record.
        last: crate::types::Seq,
        /// The hash of its state.
        state_hash: [u8; 32],
    },
}
