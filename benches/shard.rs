//! What the deterministic core costs: sequence, once, risk and matching as `Shard::execute` puts them together, over
//! a warm shard: 2,000 resting orders, and as many remembered results as a day of one request a second makes.
//!
//! Rows of `docs/numbers.md`: sequence and once, and risk, together with matching, whose own figure is that of
//! `benches/matching.rs`. An iteration is one request.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use support::flow::MIX;
use support::venue::Venue;

/// Requests before anything is measured: more than are remembered.
const WARM: usize = 100_000;

fn shard(c: &mut Criterion) {
    let mut venue = Venue::new(WARM);
    let mut steps = MIX.iter().cycle();
    c.bench_function("shard/request of the mix", |b| {
        b.iter(|| venue.step(*steps.next().expect("they go round")));
    });
}

criterion_group!(benches, shard);
criterion_main!(benches);
