//! What limit costs: one order of one account, at the highest rate that its limit lets pass, and one too many.
//!
//! Row of `docs/numbers.md`: limit.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use sealgate::limit::Limiter;
use sealgate::types::{Nanos, Reject, Span, Unverified, Verified};
use std::hint::black_box;
use support::{NOW, ORDER_SIGNED, ORDERS_PER_SECOND, directory, request};

/// Between two orders, so that each finds the slot of the one a window ago just free.
const BETWEEN: Span = Span(1_000_000_000 / ORDERS_PER_SECOND as u64);

fn limit(c: &mut Criterion) {
    let limiter = Limiter::new(&directory());
    let order = Unverified { request: request(ORDER_SIGNED), signed: &[], signature: None };
    let check = |now: Nanos| limiter.check(Verified::attest(black_box(order)), now);
    let mut now = NOW;
    c.bench_function("limit/passes", |b| {
        b.iter(|| {
            now = now + BETWEEN;
            check(now).expect("its slot is free")
        });
    });
    while check(now).is_ok() {}
    c.bench_function("limit/refused", |b| {
        b.iter(|| assert_eq!(check(now).expect_err("no slot is free").reject, Reject::OrderRate));
    });
}

criterion_group!(benches, limit);
criterion_main!(benches);
