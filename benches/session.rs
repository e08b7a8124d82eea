//! What the FIX session costs: an order that is in sequence, from bytes to the word that it may be decoded.
//!
//! Row of `docs/numbers.md`: session. Frame, checksum and fields in one pass, and the session's receive with the
//! dictionary's check; the record that it makes for the session log is dropped here, `benches/journal.rs` appends one.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use sealgate::session::fix::{Collected, Incoming, Session};
use sealgate::types::MsgSeqNum;
use sealgate::wire::fix::{Index, Taken, take};
use std::hint::black_box;
use std::time::{Duration, Instant};
use support::NOW;
use support::messages::{established, fix_order};

/// Each message comes once, so a new session stands ready after so many; they fit into the cache.
const MESSAGES: usize = 500;

fn receive(session: &mut Session, index: &mut Index, bytes: &[u8], out: &mut Collected) -> Incoming {
    let Taken::Message(message) = take(bytes, true, index) else { panic!("a message") };
    session.receive(&message, NOW, out)
}

/// The time of so many messages, without that of their logons.
fn run(mut left: usize, stream: &[Vec<u8>]) -> Duration {
    let (mut index, mut out, mut took) = (Index::new(), Collected::forgetting(), Duration::ZERO);
    while left > 0 {
        let messages = &stream[..left.min(stream.len())];
        let mut session = established();
        let begin = Instant::now();
        for bytes in messages {
            let incoming = receive(&mut session, &mut index, black_box(bytes), &mut out);
            assert_eq!(incoming, Incoming::Deliver);
        }
        took += begin.elapsed();
        left -= messages.len();
    }
    took
}

fn session(c: &mut Criterion) {
    let stream: Vec<_> = (2..).map(|number| fix_order(MsgSeqNum(number))).take(MESSAGES).collect();
    c.bench_function("session/fix order in sequence", |b| {
        b.iter_custom(|messages| run(messages as usize, &stream));
    });
}

criterion_group!(benches, session);
criterion_main!(benches);
