//! Each story of a request that comes twice.

mod model;

use super::*;
use crate::limits::{CLOCK_AHEAD_MAX, ONCE_RETENTION, RECV_WINDOW_MAX};
use crate::types::{AccountId, ApiKeyId, ClOrdId, InstrumentId, LogonId, SessionId, Span, samples};

const SHARD: ShardId = ShardId(1);

const START: Nanos = Nanos(1_000_000_000_000);

fn name(id: &str) -> Name {
    Name { account: AccountId(1), instrument: InstrumentId(1), cl_ord_id: ClOrdId::truncated(id) }
}

/// A request with this content, named by its client, sent at the start.
fn named(content: u8) -> Requester {
    Requester {
        session: SessionId::NONE,
        number: crate::types::MsgSeqNum(0),
        logon: LogonId::NONE,
        key: ApiKeyId(1),
        sent: START,
        recv_window: Span::from_secs(5),
        content: [content; 16],
        signed_digest: [content; 16],
        named: true,
    }
}

fn unnamed(signed: u8) -> Requester {
    Requester { named: false, content: [7; 16], signed_digest: [signed; 16], ..named(0) }
}

/// Order `n`, made by step `n`.
fn order(n: u64, status: OrdStatus) -> Order {
    let id = OrderId::new(SHARD, Seq(n));
    Order { id, status, created: START, updated: START, ..samples::order() }
}

fn once() -> Once {
    Once::new(SHARD)
}

/// Remembers order `n`, which stands so.
fn remember(
    once: &mut Once,
    id: &str,
    requester: &Requester,
    n: u64,
    status: OrdStatus,
    time: Nanos,
) -> Known {
    once.remember(name(id), requester, (Seq(n), time), Made::Order(status))
}

fn id(n: u64) -> OrderId {
    OrderId::new(SHARD, Seq(n))
}

#[test]
fn the_same_name_with_the_same_content_is_the_same_request() {
    let mut once = once();
    assert_eq!(once.seen(&name("a"), &named(1)), Seen::Never);
    let known = remember(&mut once, "a", &named(1), 1, OrdStatus::New, START);
    assert_eq!(once.seen(&name("a"), &named(1)), Seen::Same(known));
    let later = Requester { sent: START + Span::from_secs(9), signed_digest: [9; 16], ..named(1) };
    assert_eq!(once.seen(&name("a"), &later), Seen::Same(known), "signed anew, asked the same");
    assert_eq!(once.seen(&name("a"), &named(2)), Seen::Other(known));
    assert_eq!(once.seen(&name("b"), &named(1)), Seen::Never);
    let elsewhere = Name { instrument: InstrumentId(2), ..name("a") };
    assert_eq!(once.seen(&elsewhere, &named(1)), Seen::Never, "names are scoped to the instrument");
}

#[test]
fn a_request_without_a_name_is_known_by_its_signed_bytes() {
    let mut once = once();
    let known = remember(&mut once, "made-1", &unnamed(1), 1, OrdStatus::New, START);
    assert_eq!(once.seen(&name("made-2"), &unnamed(1)), Seen::Same(known));
    assert_eq!(once.seen(&name("made-2"), &unnamed(2)), Seen::Never, "asked again, signed anew");
    let other_key = Requester { key: ApiKeyId(2), ..unnamed(1) };
    assert_eq!(once.seen(&name("made-3"), &other_key), Seen::Never);
    assert_eq!(
        once.seen(&name("made-1"), &unnamed(2)),
        Seen::Other(known),
        "a made name that was made twice"
    );
    assert_eq!(once.seen(&name("made-1"), &named(7)), Seen::Other(known), "content is no signature");
}

#[test]
fn the_steps_of_a_request_are_those_in_which_its_order_told_something() {
    let mut once = once();
    let known = remember(&mut once, "a", &named(1), 5, OrdStatus::New, START);
    assert_eq!((once.entry(known).seq, once.entry(known).steps), (Seq(5), 1));
    once.tell(known, Seq(5));
    once.tell(known, Seq(7));
    assert_eq!((once.entry(known).seq, once.entry(known).steps), (Seq(5), 3));
}

#[test]
fn an_order_is_followed_from_its_sweep_to_its_end() {
    let mut once = once();
    let known = remember(&mut once, "a", &named(1), 1, OrdStatus::New, START);
    assert_eq!(once.standing(known), Standing::Sweeping);
    once.rest(known, 5);
    assert_eq!(once.standing(known), Standing::Resting(5));
    once.close(&order(1, OrdStatus::Filled), Seq(9));
    let end = Closed { order: id(1), seq: Seq(9) };
    assert_eq!(once.standing(known), Standing::Closed(OrdStatus::Filled, end));
    assert_eq!((once.by_order(id(1)), once.by_name(&name("a"))), (Some(known), Some(known)));
    assert_eq!(once.by_order(OrderId::new(ShardId(2), Seq(1))), None, "that of another shard");
    let refused = remember(&mut once, "b", &named(1), 2, OrdStatus::Rejected, START);
    let end = Closed { order: id(2), seq: Seq(2) };
    assert_eq!(once.standing(refused), Standing::Closed(OrdStatus::Rejected, end));
}

#[test]
fn results_are_forgotten_oldest_first_after_their_retention_and_a_few_at_a_time() {
    let mut once = once();
    let second = |n| START + Span::from_secs(n);
    for n in 1..=10 {
        remember(&mut once, &format!("o{n}"), &named(n as u8), n, OrdStatus::Rejected, second(n));
    }
    once.forget(START + ONCE_RETENTION);
    assert_eq!(once.len(), 10, "the retention is not over");
    once.forget(second(2) + ONCE_RETENTION);
    assert_eq!(once.len(), 8);
    once.forget(second(99) + ONCE_RETENTION);
    assert_eq!(once.len(), 8 - ONCE_FORGOTTEN_PER_STEP_MAX);
    assert_eq!(once.seen(&name("o3"), &named(3)), Seen::Never);
    assert_eq!(once.by_order(id(3)), None);
    assert!(matches!(once.seen(&name("o7"), &named(7)), Seen::Same(_)));
    for _ in 0..2 {
        once.forget(second(99) + ONCE_RETENTION);
    }
    assert!(once.is_empty());
    let again = remember(&mut once, "o1", &named(1), 11, OrdStatus::Rejected, START);
    assert_eq!(once.seen(&name("o1"), &named(1)), Seen::Same(again), "places are used again");
    assert_eq!(once.entries.len(), 10, "and none is wasted");
}

#[test]
fn an_open_order_is_never_forgotten() {
    let mut once = once();
    let known = remember(&mut once, "a", &named(1), 1, OrdStatus::New, START);
    once.rest(known, 0);
    let late = START + ONCE_RETENTION + Span::from_secs(1);
    once.forget(late);
    assert_eq!(once.seen(&name("a"), &named(1)), Seen::Same(known));
    once.close(&order(1, OrdStatus::Canceled), Seq(2));
    once.forget(late + ONCE_RETENTION);
    assert!(once.is_empty());
}

#[test]
fn a_refused_request_from_the_future_is_kept_as_long_as_any_other_and_no_longer() {
    let mut once = once();
    let almost = START + ONCE_RETENTION - RECV_WINDOW_MAX;
    for (n, sent) in [(1, almost), (2, START + Span(u64::MAX / 8))] {
        let ahead = Requester { sent, ..unnamed(n as u8) };
        assert!(check_time(&ahead, START).is_err());
        remember(&mut once, &format!("made-{n}"), &ahead, n, OrdStatus::Rejected, START);
    }
    let ahead = Requester { sent: almost, ..unnamed(1) };
    once.forget(almost);
    assert!(check_time(&ahead, almost).is_ok(), "it would be valid now");
    assert!(matches!(once.seen(&name("other"), &ahead), Seen::Same(_)), "but it was refused");
    once.forget(START + ONCE_RETENTION + Span::from_secs(1));
    assert!(once.is_empty(), "however far ahead they were");
}

#[test]
fn the_time_window_includes_both_its_edges() {
    let verdict = |age_plus: u64, age_minus: u64, window: Span| {
        let requester = Requester { recv_window: window, ..named(1) };
        check_time(&requester, START + Span(age_plus) - Span(age_minus)).map_err(|refusal| refusal.reject)
    };
    use crate::types::Reject::{TimestampAhead, TimestampTooOld};
    let window = Span::from_secs(5);
    assert_eq!(verdict(window.0, 0, window), Ok(()));
    assert_eq!(verdict(window.0 + 1, 0, window), Err(TimestampTooOld));
    assert_eq!(verdict(0, CLOCK_AHEAD_MAX.0, window), Ok(()));
    assert_eq!(verdict(0, CLOCK_AHEAD_MAX.0 + 1, window), Err(TimestampAhead));
    assert_eq!(verdict(0, 0, Span::ZERO), Ok(()));
    assert_eq!(
        verdict(RECV_WINDOW_MAX.0 + 1, 0, Span(u64::MAX)),
        Err(TimestampTooOld),
        "no window is longer"
    );
}

#[test]
fn the_name_of_an_amendment_is_one_of_its_order_for_as_long_as_the_order_is_open() {
    let mut once = once();
    let entered = remember(&mut once, "a", &named(1), 1, OrdStatus::New, START);
    once.rest(entered, 5);
    let at = (Seq(2), START + Span(1));
    let amended = once.remember(name("b"), &named(2), at, Made::Amendment(id(1)));
    assert_eq!((once.entered(amended), once.order_of(amended)), (Some(entered), Some(id(1))));
    assert_eq!((once.by_order(id(1)), once.standing(amended)), (Some(entered), Standing::NoOrder));
    let later = START + ONCE_RETENTION + Span::from_secs(1);
    once.forget(later);
    assert!(once.by_name(&name("b")).is_some(), "the order is open");
    once.close(&order(1, OrdStatus::Canceled), Seq(3));
    once.forget(later + ONCE_RETENTION + Span::from_secs(1));
    assert!(once.is_empty());
}

#[test]
fn a_full_memory_refuses_what_is_new_and_cancels_last_and_forgets_nothing_for_it() {
    let mut once = once();
    once.reserve(32);
    for n in 1..=32 {
        let is_cancel = n > 30;
        assert!(once.has_room(is_cancel, START), "{n}");
        assert_eq!(once.has_room(false, START), !is_cancel, "{n}: the last two are for cancels");
        remember(&mut once, &format!("o{n}"), &named(1), n, OrdStatus::Filled, START);
    }
    assert!(!once.has_room(true, START + ONCE_RETENTION - Span(1)), "and all of them are kept");
    assert!((1..=32).all(|n| once.by_name(&name(&format!("o{n}"))).is_some()));
    assert!(once.has_room(false, START + ONCE_RETENTION), "the next step forgets some");
}

#[test]
fn open_orders_beyond_their_time_take_neither_more_memory_nor_the_room_of_cancels() {
    const IDS: usize = 100_000;
    let mut once = once();
    once.reserve(IDS);
    let bytes = once.bytes();
    let later = START + ONCE_RETENTION + Span::from_secs(1);
    for (n, time) in
        (1..=3 * IDS as u64).zip(std::iter::repeat_n(START, IDS * 15 / 16).chain(std::iter::repeat(later)))
    {
        if once.has_room(false, time) {
            once.forget(time);
            remember(&mut once, &format!("o{n}"), &named(1), n, OrdStatus::New, time);
        }
    }
    assert!(once.len() > IDS * 15 / 16 && once.len() < IDS, "{}", once.len());
    assert!(once.has_room(true, later) && once.bytes() == bytes, "{} bytes", once.bytes());
}

#[test]
fn what_was_remembered_is_restored_with_its_age() {
    let mut once = once();
    for n in 1..=20 {
        let requester = if n % 3 == 0 { unnamed(n as u8) } else { named(n as u8) };
        remember(&mut once, &format!("o{n}"), &requester, n, OrdStatus::Filled, START + Span::from_secs(n));
    }
    once.forget(START + Span::from_secs(7) + ONCE_RETENTION);
    let mut again = Once::restore(SHARD, once.hasher(), once.entries().copied());
    for n in 1..=20 {
        let requester = if n % 3 == 0 { unnamed(n as u8) } else { named(n as u8) };
        let seen = again.seen(&name(&format!("o{n}")), &requester);
        assert_eq!(matches!(seen, Seen::Same(_)), n > 4, "{n}");
    }
    for once in [&mut once, &mut again] {
        once.forget(START + Span::from_secs(7) + ONCE_RETENTION);
    }
    let told = |once: &Once| once.entries().map(|entry| entry.seq.0).collect::<Vec<_>>();
    assert_eq!(told(&again), told(&once));
}

#[test]
fn memory_is_taken_ahead_of_requests_and_no_further() {
    let mut once = once();
    once.reserve(1_000_000);
    let ahead = |once: &mut Once| std::iter::from_fn(|| once.touch().then_some(())).count();
    assert!((16..200).contains(&ahead(&mut once)), "tables and entries");
    assert_eq!(ahead(&mut once), 0);
    for n in 1..=2_000 {
        remember(&mut once, &format!("o{n}"), &named(1), n, OrdStatus::Filled, START);
    }
    assert!(ahead(&mut once) > 0, "it follows");
    assert!((1..=2_000).all(|n| once.by_name(&name(&format!("o{n}"))).is_some()));
}

/// `cargo test --lib ten_million_requests -- --ignored --nocapture` tells what they take.
#[test]
#[ignore = "takes a gigabyte; docs/numbers.md has what it told"]
fn ten_million_requests_take_less_than_a_gibibyte() {
    const COUNT: u64 = 10_000_000;
    let mut once = once();
    once.reserve(COUNT as usize);
    let (before, began) = (resident(), std::time::Instant::now());
    let mut slowest = std::time::Duration::ZERO;
    for n in 1..=COUNT {
        let at = std::time::Instant::now();
        // The worst mix: every request an order without a name of its client's.
        let signed_digest =
            u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes();
        let requester = Requester { signed_digest, ..unnamed(0) };
        remember(&mut once, &format!("0-{n}"), &requester, n, OrdStatus::Filled, START);
        slowest = slowest.max(at.elapsed());
    }
    let (bytes, resident) = (once.bytes(), resident() - before);
    println!(
        "{COUNT} requests: {bytes} bytes reserved, {resident} resident, {} a request",
        bytes as u64 / COUNT
    );
    println!("{} ns each, the slowest {slowest:?}", began.elapsed().as_nanos() / u128::from(COUNT));
    assert!(bytes <= 1 << 30 && resident <= 1 << 30);
    assert!(once.by_name(&name("0-1")).is_some() && once.by_order(id(COUNT)).is_some());
}

/// Bytes of the process that stand in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}
