//! Each story of a request that comes twice.

use super::*;
use crate::limits::{CLOCK_AHEAD_MAX, ONCE_RETENTION};
use crate::types::{
    ExecType, Execution, OrdType, Price, SessionId, Side, SmpMode, Span, TimeInForce, TradeId,
};

const START: Nanos = Nanos(1_000_000_000_000);

fn name(id: &str) -> Name {
    Name { account: AccountId(1), instrument: InstrumentId(1), cl_ord_id: ClOrdId::truncated(id) }
}

/// A request with this content, named by its client, sent at the start.
fn named(content: u8) -> Requester {
    Requester {
        session: SessionId::NONE,
        logon: crate::types::LogonId::NONE,
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

fn order(n: u64, status: OrdStatus) -> Order {
    Order {
        smp_group: Default::default(),
        reduce_only: false,
        expire: Nanos(0),
        prevented_qty: Qty(0),
        id: OrderId(n),
        cl_ord_id: ClOrdId::truncated("a"),
        account: AccountId(1),
        instrument: InstrumentId(1),
        session: SessionId::NONE,
        lease: None,
        side: Side::Buy,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        smp: SmpMode::ExpireTaker,
        price: Price(100),
        qty: Qty(10),
        cum_qty: Qty::ZERO,
        cum_quote: Notional::ZERO,
        status,
        created: START,
        updated: START,
    }
}

fn execution(order: Order, exec_type: ExecType, fill: Option<Fill>) -> Execution {
    Execution { fill, ..Execution::bare(exec_type, order) }
}

fn told(order: Order, exec_type: ExecType, fill: Option<Fill>) -> Event {
    Event::Execution(execution(order, exec_type, fill))
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
    let order = order(n, status);
    let exec_type = if status == OrdStatus::Rejected { ExecType::Rejected } else { ExecType::New };
    once.remember(name(id), requester, (Seq(n), time), told(order, exec_type, None), Made::Order(&order))
}

#[test]
fn the_same_name_with_the_same_content_is_the_same_request() {
    let mut once = Once::default();
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
    let mut once = Once::default();
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
}

#[test]
fn the_first_result_is_the_last_event_of_the_request_with_all_its_fills() {
    let mut once = Once::default();
    let known = remember(&mut once, "a", &named(1), 1, OrdStatus::New, START);
    let mut at = order(1, OrdStatus::PartiallyFilled);
    for n in 1..=ONCE_FILLS_MAX as u64 + 3 {
        let fill = Fill { trade_id: TradeId(n), price: Price(100), qty: Qty(1), maker: false };
        at.cum_qty = Qty(n);
        once.tell(known, &execution(at, ExecType::Trade, Some(fill)));
    }
    assert_eq!(once.first(known), (Seq(1), &told(at, ExecType::Trade, once_fill(ONCE_FILLS_MAX as u64 + 3))));
    assert!(once.fills(known).map(|fill| fill.trade_id.0).eq(1..=ONCE_FILLS_MAX as u64));
}

fn once_fill(n: u64) -> Option<Fill> {
    Some(Fill { trade_id: TradeId(n), price: Price(100), qty: Qty(1), maker: false })
}

#[test]
fn a_closed_order_is_told_as_it_ended_beside_its_first_result() {
    let mut once = Once::default();
    let known = remember(&mut once, "a", &named(1), 1, OrdStatus::New, START);
    assert_eq!(once.standing(known), Standing::Sweeping);
    once.rest(known, 5);
    assert_eq!(once.standing(known), Standing::Resting(5));
    let filled = Order { cum_qty: Qty(10), updated: Nanos(9), ..order(1, OrdStatus::Filled) };
    once.close(&filled);
    assert_eq!(once.standing(known), Standing::Closed(filled));
    assert_eq!(once.first(known).1, &told(order(1, OrdStatus::New), ExecType::New, None));
    assert_eq!((once.by_order(OrderId(1)), once.by_name(&name("a"))), (Some(known), Some(known)));
}

#[test]
fn results_are_forgotten_oldest_first_after_their_retention_and_a_few_at_a_time() {
    let mut once = Once::default();
    for n in 1..=10 {
        remember(&mut once, &format!("o{n}"), &named(n as u8), n, OrdStatus::Rejected, START + Span(n));
    }
    once.forget(START + ONCE_RETENTION);
    assert_eq!(once.len(), 10, "the retention is not over");
    once.forget(START + ONCE_RETENTION + Span(2));
    assert_eq!(once.len(), 8);
    once.forget(START + ONCE_RETENTION + Span::from_secs(9));
    assert_eq!(once.len(), 8 - ONCE_FORGOTTEN_PER_STEP_MAX);
    assert_eq!(once.seen(&name("o3"), &named(3)), Seen::Never);
    assert_eq!(once.by_order(OrderId(3)), None);
    assert!(matches!(once.seen(&name("o7"), &named(7)), Seen::Same(_)));
    for _ in 0..2 {
        once.forget(START + ONCE_RETENTION + Span::from_secs(9));
    }
    assert!(once.is_empty());
    let again = remember(&mut once, "o1", &named(1), 11, OrdStatus::Rejected, START);
    assert_eq!(once.seen(&name("o1"), &named(1)), Seen::Same(again), "places are used again");
}

#[test]
fn an_open_order_is_never_forgotten() {
    let mut once = Once::default();
    let known = remember(&mut once, "a", &named(1), 1, OrdStatus::New, START);
    once.rest(known, 0);
    let late = START + ONCE_RETENTION + Span::from_secs(1);
    once.forget(late);
    assert_eq!(once.seen(&name("a"), &named(1)), Seen::Same(known));
    once.close(&order(1, OrdStatus::Canceled));
    once.forget(late + ONCE_RETENTION);
    assert!(once.is_empty());
}

#[test]
fn a_refused_request_from_the_future_is_kept_until_it_is_past() {
    let mut once = Once::default();
    let far = START + ONCE_RETENTION + ONCE_RETENTION;
    let ahead = Requester { sent: far, ..unnamed(1) };
    assert!(check_time(&ahead, START).is_err());
    remember(&mut once, "made", &ahead, 1, OrdStatus::Rejected, START);
    once.forget(START + ONCE_RETENTION + Span(1));
    assert!(check_time(&ahead, far).is_ok(), "it would be valid now");
    assert!(matches!(once.seen(&name("other"), &ahead), Seen::Same(_)), "but it was refused");
    once.forget(far + ONCE_RETENTION + Span(1));
    assert!(once.is_empty());
    assert!(check_time(&ahead, far + ONCE_RETENTION).is_err());
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
    let mut once = Once::default();
    let entered = remember(&mut once, "a", &named(1), 1, OrdStatus::New, START);
    once.rest(entered, 5);
    let at = (Seq(2), START + Span(1));
    let replaced = told(order(1, OrdStatus::New), ExecType::Replaced, None);
    let amended = once.remember(name("b"), &named(2), at, replaced, Made::Amendment(OrderId(1)));
    assert_eq!(once.entered(amended), Some(entered));
    assert_eq!((once.by_order(OrderId(1)), once.standing(amended)), (Some(entered), Standing::NoOrder));
    let later = START + ONCE_RETENTION + Span::from_secs(1);
    once.forget(later);
    assert!(once.by_name(&name("b")).is_some(), "the order is open");
    let closed = Order { cl_ord_id: ClOrdId::truncated("b"), qty: Qty(4), ..order(1, OrdStatus::Canceled) };
    once.close(&closed);
    assert_eq!(once.standing(entered), Standing::Closed(closed), "as the amendment left it");
    once.forget(later + ONCE_RETENTION + Span::from_secs(1));
    assert!(once.is_empty());
}
