//! `targets/session.rs` under libFuzzer.

#![no_main]

#[path = "../targets/mod.rs"]
#[allow(dead_code)] // Each program runs one of them.
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::session::run(data));
