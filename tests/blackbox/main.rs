//! A real server from outside: real sockets, real certificates, clients that do things wrong.
#![allow(clippy::unwrap_used)] // A test may panic; clippy sees only the functions marked as tests.

mod handshake;
mod order_entry_fix;
mod order_entry_websocket;
mod restart;

#[path = "../support/peer.rs"]
mod peer;
#[path = "../support/venue.rs"]
mod venue;
