//! Verification with a known key beside `verify` and `verify_strict` of `ed25519-dalek` in its default build, in one run.
//!
//! The repository's settings choose another backend for curve25519-dalek, which is the faster one; its default build is
//! what `cargo add ed25519-dalek` gives, so they are taken away here:
//!
//!     RUSTFLAGS= cargo run --release --manifest-path benches/peers/Cargo.toml --bin verify
//!
//! The three take turns in rounds that are shorter than a time slice; a figure is the median of its rounds.

use ed25519_dalek::{Signature, Signer as _, SigningKey};
use sealgate::verify::known::KeyTable;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 2_001;
const TURNS: u32 = 10;
/// As long as what is signed of an order.
const MESSAGE: [u8; 200] = [b'x'; 200];

fn main() {
    if cfg!(curve25519_dalek_backend = "avx512") {
        println!("not dalek's default build: curve25519_dalek_backend is set; run with RUSTFLAGS= in front");
    }
    let key = SigningKey::from_bytes(&[7; 32]);
    let signature = key.sign(&MESSAGE);
    let known = KeyTable::new(key.verifying_key().as_bytes()).expect("a point");
    let public = key.verifying_key();
    let bytes = signature.to_bytes();
    let signature = Signature::from_bytes(&bytes);
    let mut ways: [(&str, Box<dyn FnMut() -> bool>); 4] = [
        ("Sealgate, table of a known key", Box::new(|| known.signed(black_box(&MESSAGE), black_box(&bytes)))),
        (
            "the same without AVX-512 IFMA",
            Box::new(|| known.signed_one_by_one(black_box(&MESSAGE), black_box(&bytes))),
        ),
        (
            "ed25519-dalek 3.0, `verify`",
            Box::new(|| {
                use ed25519_dalek::Verifier as _;
                public.verify(black_box(&MESSAGE), &signature).is_ok()
            }),
        ),
        (
            "ed25519-dalek 3.0, `verify_strict`",
            Box::new(|| public.verify_strict(black_box(&MESSAGE), &signature).is_ok()),
        ),
    ];
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        for ((_, way), times) in ways.iter_mut().zip(&mut times) {
            let started = Instant::now();
            for _ in 0..TURNS {
                assert!(way(), "it is genuine");
            }
            times.push((started.elapsed().as_nanos() / u128::from(TURNS)) as u64);
        }
    }
    println!("| a signature over 200 bytes | µs, median | p10 – p90 |\n|---|---|---|");
    let mut medians = Vec::new();
    for ((name, _), times) in ways.iter().zip(&mut times) {
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100] as f64 / 1_000.0;
        medians.push(at(50));
        println!("| {name} | {:.2} | {:.2} – {:.2} |", at(50), at(10), at(90));
    }
    println!(
        "Sealgate takes {:.2} × of `verify`, without AVX-512 IFMA {:.2} ×",
        medians[0] / medians[2],
        medians[1] / medians[2]
    );
}
