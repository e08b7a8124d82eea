//! What is fuzzed, as plain functions from bytes: they panic where something is not as it must be.

pub mod decoding;
pub mod framing;
pub mod session;

use sealgate::config::{self, Config};
use std::sync::LazyLock;

/// A venue as `sealgate init` sets it up.
pub static VENUE: LazyLock<Config> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a folder");
    let file = sealgate::cli::init::write(dir.path()).expect("a configuration");
    config::load(&file).expect("that is one")
});

/// `inner` between BeginString, BodyLength and CheckSum, which fit.
pub fn framed(inner: &[u8]) -> Vec<u8> {
    let mut message = format!("8=FIX.4.4\x019={}\x01", inner.len()).into_bytes();
    message.extend_from_slice(inner);
    let sum = message.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    message.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    message
}
