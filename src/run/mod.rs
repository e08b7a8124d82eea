//! Threads: agents, wiring, one loop each.

pub mod shard;
