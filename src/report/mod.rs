//! Event → bytes of each session that must hear it.

pub mod ws;
