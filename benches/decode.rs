//! What decode costs: a signed order of either protocol, from a message in sequence to `Unverified`; and what the FIX
//! codec costs before, from bytes to fields that the dictionary has checked.
//!
//! Rows of `docs/numbers.md`: decode, codec. A FIX message comes to decode as the session leaves it; the text of a
//! WebSocket message comes as it is, so its JSON and its signed form are in the figure.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use sealgate::decode;
use sealgate::decode::ws::{Ask, Caller, Decoder};
use sealgate::types::{GatewayId, MsgSeqNum};
use sealgate::wire::fix::{Dictionary, Index, Message, Taken, Validation, Verdict, Version, take};
use std::hint::black_box;
use std::sync::Arc;
use support::messages::{SPEAKER, fix_order, fix_order_of_200_bytes, websocket_order};
use support::{MEMBER, NOW, directory};

fn fix(c: &mut Criterion) {
    let (directory, bytes, mut index) = (directory(), fix_order(MsgSeqNum(2)), Index::new());
    let message = Message::parse(&bytes, &mut index).expect("a message");
    c.bench_function("decode/fix NewOrderSingle", |b| {
        b.iter(|| decode::fix::decode(black_box(&message), SPEAKER, &directory).expect("an order"));
    });
}

/// An order of 200 bytes that is not signed itself.
fn codec(c: &mut Criterion) {
    let (bytes, mut index) = (fix_order_of_200_bytes(), Index::new());
    assert_eq!(bytes.len(), 200);
    c.bench_function("codec/take", |b| {
        b.iter(|| assert!(matches!(take(black_box(&bytes), true, &mut index), Taken::Message(_))));
    });
    for (name, dictionary) in
        [("dialect", Dictionary::of(Version::Fix44)), ("standard", Dictionary::standard(Version::Fix44))]
    {
        c.bench_function(&format!("codec/take and validate, {name}"), |b| {
            b.iter(|| {
                let taken = take(black_box(&bytes), true, &mut index);
                let Taken::Message(message) = taken else { panic!("a message") };
                assert!(matches!(dictionary.validate(&message, Validation::FULL), Verdict::Good(_)));
            });
        });
    }
}

fn websocket(c: &mut Criterion) {
    let mut decoder = Decoder::new(Arc::new(directory()), GatewayId(0));
    let caller = Caller { member: MEMBER, logged_on: None, received: NOW, token: 1 };
    let text = websocket_order();
    c.bench_function("decode/websocket order.place", |b| {
        b.iter(|| {
            let decoded = decoder.decode(black_box(&text), &caller).expect("a request");
            let Ask::Shard(unverified, _) = decoded.ask else { panic!("a shard answers it") };
            black_box(&unverified);
        });
    });
}

criterion_group!(benches, fix, codec, websocket);
criterion_main!(benches);
