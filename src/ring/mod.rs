//! Lock-free rings between agents, and the account rate ring that all gateways share.
//!
//! | ring | from → to | holds | when full |
//! |---|---|---|---|
//! | [`spsc`] | one agent → one agent | values of one type | [`Push::Full`] gives the value back |
//! | [`letters`] | one agent → one agent | values of one type, each with some bytes | [`Push::Full`], and nothing was written |
//! | [`bytes`] | one agent → one agent | records of any length, each in one piece | [`Push::Full`], and nothing was written |
//! | [`watermark`] | one agent → any agents | the last number that was reached | only the last one counts |
//! | [`flag`] | one thread → any agents | a state, such as a full disk | only the last one counts |
//! | [`rate`] | any agents ↔ any agents | the last N arrivals of an account | the arrival is refused |
//!
//! Nothing here blocks, sleeps, allocates after construction, or drops anything silently. Waking a sleeping
//! reader is [`crate::sys::poll`]'s business.

pub mod bytes;
pub mod flag;
pub mod letters;
pub mod rate;
pub mod spsc;
pub mod watermark;

/// The atomics of [`rate`]. `tests/loom.rs` compiles the same file with loom's atomics in their place.
mod sync {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering};
}

#[cfg(test)]
mod rate_tests;

/// What became of a value that was pushed. Back-pressure is a value: whoever pushes says what happens if it is full.
#[must_use = "a full ring did not take the value"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push<T = ()> {
    /// The reader will see it.
    Done,
    /// There was no room; here it is again.
    Full(T),
}

impl<T> Push<T> {
    /// Whether the ring took it.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}
