//! What verify costs: a signature of a registered key, over its table and by dalek, and what is left where the session
//! is signed instead.
//!
//! Row of `docs/numbers.md`: verify. The signature covers 200 bytes, as that of an order does.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use sealgate::types::{AccountId, Unverified};
use sealgate::verify::known::way::Way;
use sealgate::verify::known::{Claim, KeyTable, TOGETHER_MAX, signed_together_by};
use sealgate::verify::{Authority, Verifier};
use std::hint::black_box;
use support::{KEY, MEMBER, ORDER_SIGNED, SESSION_SIGNED, api_key, directory, request};

fn verify(c: &mut Criterion) {
    let (verifier, mut keeper) = Verifier::with_tables(&directory(), 1 << 20).expect("the key is sound");
    while keeper.turn().made {}
    let authority = Authority { member: MEMBER, logged_on: Some(KEY) };
    let signed = [b'x'; 200];
    let signature = api_key().sign(&signed);
    let mut bench = |name, account: AccountId, signature| {
        let unverified = Unverified { request: request(account), signed: &signed, signature };
        c.bench_function(name, |b| {
            b.iter(|| verifier.verify(black_box(unverified), authority).expect("it is genuine"));
        });
    };
    bench("verify/order signed", ORDER_SIGNED, Some(signature));
    bench("verify/session signed", SESSION_SIGNED, None);
    let strict = ed25519_dalek::VerifyingKey::from_bytes(&api_key().public_key()).expect("a point");
    let known = KeyTable::new(strict.as_bytes()).expect("a point");
    for way in Way::all() {
        c.bench_function(&format!("verify/order signed, {}", way.name()), |b| {
            b.iter(|| known.signed_by(way, black_box(&signed), black_box(&signature)));
        });
        for count in [2, 4, TOGETHER_MAX] {
            let claims = [Claim { key: &known, message: &signed, signature: &signature }; TOGETHER_MAX];
            c.bench_function(&format!("verify/{count} together, {}", way.name()), |b| {
                b.iter(|| signed_together_by(way, black_box(&claims[..count])));
            });
        }
    }
    c.bench_function("verify/table of a key", |b| b.iter(|| KeyTable::new(black_box(strict.as_bytes()))));
    let signature = ed25519_dalek::Signature::from_bytes(&signature);
    c.bench_function("verify/order signed, dalek", |b| {
        b.iter(|| strict.verify_strict(black_box(&signed), &signature))
    });
}

criterion_group!(benches, verify);
criterion_main!(benches);
