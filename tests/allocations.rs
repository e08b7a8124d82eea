//! What the codec does on the path of an order allocates nothing: an allocator counts.
//!
//! The first message of a connection may allocate what is used again for all that follow, so each test runs its subject
//! once before it counts.

#![allow(clippy::unwrap_used)] // A test may panic; clippy sees only the functions marked as tests.
#![allow(unsafe_code)] // An allocator cannot be written without; it counts and leaves the rest to the system's.

use sealgate::types::{MsgSeqNum, Nanos};
use sealgate::wire::fix::{
    Dictionary, Index, Opening, Precision, PutFields, Taken, Template, Validation, Verdict, Version, finish,
    take,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counted for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends has no counter any more.
    let _ = ALLOCATIONS.try_with(|counter| counter.set(counter.get() + 1));
}

// SAFETY: each call goes to the system's allocator with the arguments that came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates when it runs for the second time.
fn allocations(mut work: impl FnMut()) -> u64 {
    work();
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
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
