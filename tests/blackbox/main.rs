//! Sealgate from outside: a real server on real sockets with real certificates, clients that do as they should and
//! clients that do not; and the signing vectors. One binary for all of it, because each links everything.
#![allow(clippy::unwrap_used)] // A test may panic; clippy sees only the functions marked as tests.

mod account_limits;
mod archive;
mod as_of;
mod asyncapi;
mod at_rest;
mod bad_input_fix;
mod bad_input_websocket;
mod bot;
mod cancel_all_after;
mod cancel_on_disconnect;
mod clock_step;
mod demo;
mod disconnect_times;
mod disk_full;
mod drop_copy;
mod exactly_once;
mod examples;
mod fix_private_stream;
mod fix_reconnect;
mod fix_resend;
mod fix_trust;
mod fix_versions;
mod handshake;
mod kill_state;
mod kill_switch;
mod load;
mod lost_request;
mod market_data;
mod market_data_fix;
mod once;
mod order_changes;
mod order_entry_fix;
mod order_entry_websocket;
mod private_stream;
mod rate_limits;
mod reconnect;
mod restart;
mod sdk;
mod sessions;
mod signing;
mod snapshots;
mod stats;
mod timing;
mod token;
mod topologies;
mod trading;

#[path = "../support/mod.rs"]
mod support;
