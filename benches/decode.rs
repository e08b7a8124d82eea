//! What decode costs: a signed order of either protocol, from a message in sequence to `Unverified`.
//!
//! Row of `docs/numbers.md`: decode. A FIX message comes parsed, as the session leaves it; the text of a WebSocket
//! message comes as it is, so its JSON and its signed form are in the figure.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use sealgate::decode;
use sealgate::decode::ws::{Ask, Caller, Decoder};
use sealgate::types::{GatewayId, MsgSeqNum};
use sealgate::wire::fix::{Index, Message};
use std::hint::black_box;
use std::sync::Arc;
use support::messages::{SPEAKER, fix_order, websocket_order};
use support::{MEMBER, NOW, directory};

fn fix(c: &mut Criterion) {
    let (directory, bytes, mut index) = (directory(), fix_order(MsgSeqNum(2)), Index::new());
    let message = Message::parse(&bytes, &mut index).expect("a message");
    c.bench_function("decode/fix NewOrderSingle", |b| {
        b.iter(|| decode::fix::decode(black_box(&message), SPEAKER, &directory).expect("an order"));
    });
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

criterion_group!(benches, fix, websocket);
criterion_main!(benches);
