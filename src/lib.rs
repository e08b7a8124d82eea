//! Sealgate: a low-latency order entry server.
//!
//! ```text
//!            gateway agent × N                                                shard agent × M: a deterministic core
//! bytes ─► accept ─► session ─► decode ─► verify ─► limit ─► route ─►│ring│─► sequence ─► once ─► risk ─► matching ─► journal
//!          TLS 1.3   frames,    fields,   Ed25519   per      which   │    │   the only    at      hold,   price-      command
//!          identity  numbers,   dictio-   over the  account  shard   │    │   source of   most    limits  time        + events,
//!                    timers     nary      bytes                      │    │   Seq, time   once            books       appended
//! bytes ◄── report ◄──── released once durable ◄─────────────────────│ring│◄──────────────── events ◄─────────────────────┘
//!                             ▲
//!                             └── durable Seq of each shard, durable position of the session log ◄── journal agent: write, sync
//! ```
//!
//! Stages are plain structs: `&mut self`, an input, `now`, an output; no sockets, clocks or threads. [`run`] gives
//! them threads. Modules stand here in the order in which an order meets them; who may import whom is a table in
//! `tests/support/rooms.rs`. Where an order can be refused, and with which code, is one table: [`types::reject`].

// Words: what every room speaks.
pub mod config;
pub mod limits;
pub mod planted;
pub mod types;

// Tools.
pub mod ring;
pub mod seal;
pub mod sys;
pub mod watch;
pub mod wire;

// Stages, in path order.
pub mod accept;
pub mod session;

pub mod decode;

pub mod verify;

pub mod limit;

pub mod route;

pub mod sequence;

pub mod once;

pub mod risk;

pub mod matching;

pub mod journal;

pub mod report;

// The other way out: what the public hears of the books.
pub mod market;

// Threads.
pub mod run;

// Beside the path.
pub mod admin;
pub mod cli;
pub mod client;
