//! Will we remember: what is appended, and what a journal that was found says.
//!
//! ```text
//!   step, session record ──► append ──►│byte ring│──► journal agent: places, seals, writes, syncs
//!
//!   bytes of a segment ──► scan ──► record, record, record … ──► end: clean, torn, or refused with its place
//!                                     │
//!                                     └──► streams: is the number the next of its stream
//! ```
//!
//! One log carries the streams of all shards and gateways of a journal agent, so that one sync serves them all; see
//! `docs/decisions/0003-one-log-many-streams.md`. Files and syncs are in `run::journal`.

pub mod append;
pub mod scan;
pub mod streams;
