//! The path of an order allocates nothing, in the codec and in a whole server: an allocator counts.
//!
//! The first message of a connection may allocate what is used again for all that follow, so each test runs its subject
//! once before it counts.

#![allow(clippy::unwrap_used)] // A test may panic; clippy sees only the functions marked as tests.

use sealgate::sys::tally::{Counting, tally};
use sealgate::types::{MsgSeqNum, Nanos};
use sealgate::wire::fix::{
    Dictionary, Index, Opening, Precision, PutFields, Taken, Template, Validation, Verdict, Version, finish,
    take,
};

#[path = "allocations/server.rs"]
mod server;
#[path = "support/mod.rs"]
#[allow(dead_code, unused_imports)] // It is there for the black-box tests.
mod support;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates when it runs for the second time.
fn allocations(mut work: impl FnMut()) -> u64 {
    work();
    let before = tally().allocations;
    work();
    tally().allocations - before
}

const NOW: Nanos = Nanos(1_795_512_600_250_000_000);

fn write(template: &mut Template, msg_type: &[u8], fields: &[(u32, &[u8])], out: &mut Vec<u8>) {
    out.clear();
    let number = MsgSeqNum(1_234);
    let begun =
        template.begin(out, &Opening { msg_type, number, sent: NOW, poss_dup: None, poss_resend: false });
    for (tag, value) in fields {
        out.put(*tag, value);
    }
    out.put_time(60, NOW);
    finish(out, begun);
}

const ORDER: &[(u32, &[u8])] = &[
    (1, b"ALICE-1"),
    (11, b"mm-1"),
    (38, b"0.5"),
    (40, b"2"),
    (44, b"60000.00"),
    (54, b"1"),
    (55, b"BTC-USD"),
    (59, b"1"),
];

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(7)))), 1);
}

#[test]
fn reading_and_checking_an_order_allocates_nothing() {
    for version in Version::ALL {
        let begin_string = version.begin_string().as_bytes();
        let mut template = Template::new(begin_string, b"ALICE", b"SEALGATE", Precision::Millis);
        let mut bytes = Vec::new();
        write(&mut template, b"D", ORDER, &mut bytes);
        for dictionary in [Dictionary::of(version), Dictionary::standard(version)] {
            let mut index = Index::new();
            let made = allocations(|| {
                let Taken::Message(message) = take(&bytes, true, &mut index) else { panic!("a message") };
                let verdict = dictionary.validate(&message, Validation::FULL);
                // The standard's 4.2 and 4.3 want HandlInst(21); what refuses it allocates nothing either.
                assert!(matches!(verdict, Verdict::Good(_) | Verdict::Fault(_)));
                assert_eq!((message.time(60), message.get(11)), (Some(NOW), Some(&b"mm-1"[..])));
            });
            assert_eq!(made, 0, "{version}");
        }
    }
}

#[test]
fn reading_and_refusing_groups_allocates_nothing() {
    let dictionary = Dictionary::standard(Version::Fix44);
    let mut template = Template::new(b"FIX.4.4", b"ALICE", b"SEALGATE", Precision::Millis);
    let mut bytes = Vec::new();
    let parties: &[(u32, &[u8])] =
        &[(453, b"2"), (448, b"a"), (447, b"D"), (452, b"1"), (448, b"b"), (452, b"3")];
    write(&mut template, b"D", &[ORDER, parties].concat(), &mut bytes);
    let mut index = Index::new();
    let made = allocations(|| {
        let Taken::Message(message) = take(&bytes, true, &mut index) else { panic!("a message") };
        assert!(matches!(dictionary.validate(&message, Validation::FULL), Verdict::Good(_)));
    });
    assert_eq!(made, 0);
}

#[test]
fn writing_a_message_allocates_nothing() {
    let mut template = Template::new(b"FIX.4.4", b"SEALGATE", b"ALICE", Precision::Nanos);
    let mut out = Vec::new();
    assert_eq!(allocations(|| write(&mut template, b"8", ORDER, &mut out)), 0);
}
