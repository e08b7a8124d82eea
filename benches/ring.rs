//! What the ring to a shard costs: an order as a gateway puts it in, on one thread, and to another core and back.
//!
//! Row of `docs/numbers.md`: ring, whose budget is one way, half of there and back. Between cores both threads are
//! pinned and spin; with one core alone there is nothing to measure.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use sealgate::limits::SHARD_INPUT_SLOTS;
use sealgate::ring::letters::ring;
use sealgate::run::rings::{InputReader, InputWriter};
use sealgate::sys::pin::{pin_to_core, usable_cores};
use sealgate::types::*;
use std::hint::{black_box, spin_loop};
use std::thread;
use support::{NOW, ORDER_SIGNED, new_order, requester, signed_bytes};

fn order() -> ShardInput {
    let stamps = Stamps { received: NOW, decoded: NOW, verified: NOW, limited: NOW, ..Stamps::default() };
    let origin = Origin { gateway: GatewayId(0), conn: ConnId::new(1, 1), token: 1, stamps };
    let command = Command::New(requester(1, NOW), new_order(1, ORDER_SIGNED, Side::Buy));
    ShardInput::Command { origin: Some(origin), command, signature: signed_bytes().signature }
}

fn same_thread(c: &mut Criterion) {
    let (mut writer, mut reader): (InputWriter, InputReader) = ring(SHARD_INPUT_SLOTS);
    let (order, signed) = (order(), signed_bytes());
    c.bench_function("ring/push and pop", |b| {
        b.iter(|| {
            assert!(writer.push(black_box(&order), signed.bytes).is_done());
            read(&mut reader)
        });
    });
}

fn two_cores(c: &mut Criterion) {
    let cores = usable_cores().expect("the kernel tells");
    let [here, there, ..] = cores[..] else { return };
    let (mut out, arriving) = ring(SHARD_INPUT_SLOTS);
    let (returning, mut back) = ring(SHARD_INPUT_SLOTS);
    let echo = thread::spawn(move || {
        pin_to_core(there).expect("the core is usable");
        echo(arriving, returning);
    });
    pin_to_core(here).expect("the core is usable");
    let (order, signed) = (order(), signed_bytes());
    c.bench_function("ring/there and back between two cores", |b| {
        b.iter(|| {
            assert!(out.push(black_box(&order), signed.bytes).is_done());
            while !read(&mut back) {
                spin_loop();
            }
        });
    });
    drop(out);
    echo.join().expect("it ends with its ring");
}

/// Reads all of the oldest order, if there is one.
fn read(from: &mut InputReader) -> bool {
    let Some(letter) = from.front() else { return false };
    black_box(*letter.value());
    black_box(letter.bytes().iter().fold(0, |sum, byte| sum ^ byte));
    letter.release();
    true
}

/// Sends back what comes, until nothing can come any more.
fn echo(mut arriving: InputReader, mut returning: InputWriter) {
    loop {
        if let Some(letter) = arriving.front() {
            assert!(returning.push(letter.value(), letter.bytes()).is_done());
            letter.release();
        } else if arriving.is_abandoned() {
            return;
        } else {
            spin_loop();
        }
    }
}

criterion_group!(benches, same_thread, two_cores);
criterion_main!(benches);
