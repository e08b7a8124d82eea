//! What matching costs: a book of 2,000 resting orders on 200 levels, and orders that rest, cancels and orders that
//! take.
//!
//! Row of `docs/numbers.md`: matching. An iteration of the mix is one request of it.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use support::book::Desk;
use support::flow::{MIX, Step};

fn matching(c: &mut Criterion) {
    let mut desk = Desk::new();
    let mut bench = |name, steps: &[Step]| {
        let mut steps = steps.iter().cycle();
        c.bench_function(name, |b| {
            b.iter(|| desk.step(*steps.next().expect("they go round")));
        });
    };
    bench("matching/request of the mix", &MIX);
    bench("matching/rest or cancel", &[Step::Rest, Step::Cancel]);
    bench("matching/rest or take", &[Step::Rest, Step::Take]);
}

criterion_group!(benches, matching);
criterion_main!(benches);
