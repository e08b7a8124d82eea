//! Verifies one signature as often as it is told, and tells how long that took: a line in, a line out.
//!
//! `verify 10` or `strict 10` → nanoseconds of the ten together.

use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _};
use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::time::Instant;

/// As long as what is signed of an order.
const MESSAGE: [u8; 200] = [b'x'; 200];

fn main() {
    if cfg!(curve25519_dalek_backend = "avx512") {
        panic!("this is not the default build: a backend was chosen");
    }
    let key = SigningKey::from_bytes(&[7; 32]);
    let signature: Signature = key.sign(&MESSAGE);
    let key = key.verifying_key();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let (way, turns) = line.split_once(' ').expect("how, and how often");
        let turns: u32 = turns.parse().expect("a number");
        let started = Instant::now();
        for _ in 0..turns {
            let (message, signature) = (black_box(&MESSAGE), black_box(&signature));
            let sound = match way {
                "verify" => key.verify(message, signature),
                _ => key.verify_strict(message, signature),
            };
            sound.expect("it is genuine");
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", started.elapsed().as_nanos()).and_then(|()| out.flush()).expect("a reader");
    }
}
