//! The real process, from outside, under the faults that a machine has: `kill -9` at any moment, a disk that refuses, a
//! loss of power. Clients over both protocols remember what they were told, and the server that comes back is held
//! against it.
//!
//! ```text
//! site: folder, members ─► server: process, strace, kill ◄── TLS ──► client: FIX or WebSocket ─► ledger: told, heard
//!            │                                                                                       │
//!            └──► audit: sealgate journal verify, dump ──────────────── must be the same ────────────┘
//! ```
//!
//! ```text
//! SEALGATE_KILLS=1000 cargo test --release --test faults kills -- --nocapture
//! ```

#![allow(clippy::unwrap_used)] // A test may panic; clippy sees only the functions marked as tests.
#![allow(dead_code, unused_imports)] // `support` serves other test binaries too.

mod audit;
mod client;
mod cuts;
mod fix;
mod injected;
mod kills;
mod ledger;
mod life;
mod line;
mod power;
#[path = "../sim/rng.rs"]
mod rng;
mod server;
mod site;
#[path = "../support/mod.rs"]
mod support;
mod syncs;
mod websocket;

use std::time::SystemTime;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// What decides a run: given, or fresh.
fn seed() -> u64 {
    let fresh = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 >> 10;
    number("SEALGATE_FAULTS_SEED").unwrap_or_else(fresh)
}

/// Whether a Debian package is there; a test that needs it says so and passes, unless `SEALGATE_FAULTS=required`.
fn has_tool(name: &str) -> bool {
    let found = std::process::Command::new(name).arg("--help").output().is_ok();
    assert!(
        found || std::env::var("SEALGATE_FAULTS").as_deref() != Ok("required"),
        "{name} is not installed"
    );
    found
}

/// Leaves a test whose tool is not there.
macro_rules! tool {
    ($name:literal) => {
        if !crate::has_tool($name) {
            return println!("skipped: {} is not installed", $name);
        }
    };
}
pub(crate) use tool;
