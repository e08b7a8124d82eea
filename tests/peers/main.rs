//! QuickFIX C++ as a live counterparty, through TLS, over a bad line: messages get lost, connections break in the
//! middle of one, the venue crashes. In the end both sides must tell the same numbers and the same executions.
//!
//! ```text
//! initiator.cpp ─► Chaos ─► stunnel ═ TLS ═► Sealgate               docs/signing.md, from the client's side
//! Sealgate's client ═ TLS ═► stunnel ─► Chaos ─► acceptor.cpp       which checks every signature with OpenSSL
//! ```
//!
//! Needs Debian's `g++`, `libquickfix-dev`, `libssl-dev`, `stunnel4`. Without them the tests say so and pass, unless
//! `SEALGATE_PEERS=required`; with `SEALGATE_PEERS=skip` they pass at once. The whole proof, about a minute:
//!
//! ```text
//! SEALGATE_PEERS_ORDERS=100000 cargo test --test peers -- --nocapture
//! ```

#![allow(clippy::unwrap_used)] // A test may panic; clippy sees only the functions marked as tests.
#![allow(dead_code, unused_imports)] // `support` serves other test binaries too.

#[path = "../support/mod.rs"]
mod support;

mod acceptor;
mod chaos;
mod initiator;
mod program;

/// Orders of each test, all sessions together.
fn orders() -> u32 {
    std::env::var("SEALGATE_PEERS_ORDERS").map_or(4_000, |text| text.parse().unwrap())
}
