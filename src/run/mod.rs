//! Threads: agents, wiring, one loop each. The only rooms with sockets, clocks and files are here and in `sys`.
//!
//! ```text
//!   thread ─► loop { gateway.poll(now); shard.poll(now); }        idle: spin, yield or park
//!   thread ─► loop { journal.poll(now) }                          blocks in fdatasync, so it is alone
//!
//!   gateway-0 ──► ShardInput ──► shard-0 ──► ShardOutput ──► gateway-0     rings of values
//!   gateway-0 ──► session records ──► journal-0 ◄── shard records ◄── shard-0     rings of bytes
//!   journal-0 ──► watermarks ──► gateway-0                                 what may be told
//! ```
//!
//! `wiring.rs` connects them, `server.rs` starts and stops the whole, `thread.rs` is the loop, `phase.rs` the way to a
//! clean stop; `keeper.rs` is the thread beside them that makes the tables of `verify`, `snapshots.rs` the one
//! that makes snapshots, `supplier.rs` the one that makes the journal's next file. Each agent is a file or a folder
//! of its own.

pub mod agent;
mod at_rest;
pub mod gateway;
mod hiccup;
pub mod journal;
pub mod keeper;
pub mod phase;
pub mod recovery;
pub mod rings;
pub mod server;
pub mod shard;
pub mod shard_agent;
pub mod snapshots;
pub mod supplier;
pub mod thread;
pub mod wiring;

pub use server::{Ended, Server, StartError};
