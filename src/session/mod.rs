//! Bytes → framed messages, in sequence; heartbeats, rejects, resends.

pub mod fix;
pub mod ws;
