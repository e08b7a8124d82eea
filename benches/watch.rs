//! What recording costs: a time into the histogram of its stage, the whole way of one request, and a turn in which
//! nobody asks for what was recorded. Recording may cost 50 ns a stage.

use criterion::{Criterion, criterion_group, criterion_main};
use sealgate::types::{Nanos, Reject, Span, Stamps};
use sealgate::watch::{Meter, Stage, meters, watches};
use std::hint::black_box;

/// Times as they come: never the same bucket twice in a row.
fn times() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        500 + state % 20_000
    }
}

fn recording(criterion: &mut Criterion) {
    let (mut watches, _reader) = watches(1);
    let watch = &mut watches[0];
    let mut next = times();
    criterion.bench_function("the time of one stage", |bencher| {
        bencher.iter(|| watch.time(black_box(Stage::Verify), Span(next())));
    });
    criterion.bench_function("the five stages that a request's stamps tell", |bencher| {
        bencher.iter(|| {
            let mut at = 1_000_000;
            let mut stamp = || {
                at += next();
                Nanos(at)
            };
            let stamps = Stamps {
                received: stamp(),
                decoded: stamp(),
                verified: stamp(),
                limited: stamp(),
                sequenced: stamp(),
                matched: stamp(),
            };
            watch.stamps(black_box(&stamps));
        });
    });
    criterion.bench_function("a refusal by its reason", |bencher| {
        bencher.iter(|| watch.refuse(black_box(Reject::OrderRate)));
    });
    criterion.bench_function("a turn in which nobody asks", |bencher| bencher.iter(|| watch.turn()));
    let (mut meters, _reader) = meters("gateway-0");
    criterion.bench_function("one meter", |bencher| {
        bencher.iter(|| meters.set(black_box(Meter::InFlight), black_box(7)));
    });
}

criterion_group!(benches, recording);
criterion_main!(benches);
