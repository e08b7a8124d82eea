//! The fast book against the naive one, and each rule by its story.

mod naive;

use super::*;
use crate::limits::{EVENTS_PER_STEP_MAX, FILLS_PER_STEP_MAX};
use crate::types::{ClOrdId, InstrumentId, Notional, OrderId, OrderRef, Seq, SmpMode, TimeInForce};
use naive::Naive;
use proptest::prelude::*;
use std::collections::HashMap;

const SHARD: ShardId = ShardId(1);

/// An order of account 1 to buy 10 at 100, to be changed where a test differs.
fn order(n: u64) -> Order {
    Order {
        id: OrderId::new(SHARD, Seq(n)),
        cl_ord_id: ClOrdId::truncated(&format!("o{n}")),
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
        status: OrdStatus::New,
        created: Nanos(n),
        updated: Nanos(n),
    }
}

/// A book with the paper that its tape writes on.
#[derive(Default)]
struct Desk {
    book: Book,
    handles: HashMap<OrderId, Handle>,
    trades: u64,
    steps: u64,
}

impl Desk {
    /// Enters an order and gives all its events, of all its steps.
    fn enter(&mut self, order: Order, band_edge: Option<Price>) -> Result<Vec<Event>, Reject> {
        self.book.admit(&order).map_err(|refusal| refusal.reject)?;
        let mut taker = Taker::new(order, band_edge);
        let (mut all, mut meet) =
            (Vec::new(), Book::enter as fn(&mut Book, &mut Taker, &mut Tape<'_>) -> Swept);
        loop {
            let mut events = Vec::new();
            let mut tape =
                Tape { shard: SHARD, time: order.created, trades: &mut self.trades, events: &mut events };
            let swept = meet(&mut self.book, &mut taker, &mut tape);
            assert!(events.len() <= EVENTS_PER_STEP_MAX, "a step is bounded");
            self.steps += 1;
            all.extend(events);
            match swept {
                Swept::More => meet = Book::proceed,
                Swept::Closed => break,
                Swept::Resting(handle) => {
                    self.handles.insert(order.id, handle);
                    break;
                }
            }
        }
        Ok(all)
    }

    fn cancel(&mut self, id: OrderId, time: Nanos) -> Order {
        let cancel = CancelOrder {
            account: AccountId(1),
            instrument: InstrumentId(1),
            cl_ord_id: ClOrdId::EMPTY,
            target: OrderRef::OrderId(id),
        };
        let mut events = Vec::new();
        let mut tape = Tape { shard: SHARD, time, trades: &mut self.trades, events: &mut events };
        self.book.cancel(self.handles[&id], &cancel, SessionId::NONE, &mut tape);
        match events[..] {
            [Event::Execution(canceled)] => canceled.order,
            _ => panic!("one event, not {events:?}"),
        }
    }
}

/// What happened, in short: kind, order, last quantity and price, cause.
type Told = (ExecType, u64, Option<(u64, i64)>, Option<Cause>);

fn story(events: &[Event]) -> Vec<Told> {
    let told = events.iter().map(|event| match event {
        Event::Execution(e) => {
            (e.exec_type, e.order.created.0, e.fill.map(|fill| (fill.qty.0, fill.price.0)), e.cause)
        }
        other => panic!("a book tells executions, not {other:?}"),
    });
    told.collect()
}

use ExecType::{Expired, New, Trade};

#[test]
fn price_goes_before_time_and_the_maker_sets_the_price() {
    let mut desk = Desk::default();
    desk.enter(Order { price: Price(99), ..order(1) }, None).unwrap();
    desk.enter(order(2), None).unwrap();
    desk.enter(order(3), None).unwrap();
    let sell = Order { side: Side::Sell, account: AccountId(2), price: Price(99), qty: Qty(25), ..order(4) };
    let events = desk.enter(sell, None).unwrap();
    let expected = [
        (New, 4, None, None),
        (Trade, 2, Some((10, 100)), None),
        (Trade, 4, Some((10, 100)), None),
        (Trade, 3, Some((10, 100)), None),
        (Trade, 4, Some((10, 100)), None),
        (Trade, 1, Some((5, 99)), None),
        (Trade, 4, Some((5, 99)), None),
    ];
    assert_eq!(story(&events), expected);
    assert_eq!(desk.book.best(Side::Buy), Some(BookLevel { price: Price(99), qty: Qty(5) }));
}

#[test]
fn a_market_order_takes_nothing_beyond_the_edge_of_the_band() {
    let mut desk = Desk::default();
    let ask = Order { side: Side::Sell, account: AccountId(2), ..order(1) };
    desk.enter(ask, None).unwrap();
    desk.enter(Order { price: Price(111), ..ask }, None).unwrap();
    let market = Order { ord_type: OrdType::Market, price: Price(0), qty: Qty(15), ..order(2) };
    let events = desk.enter(market, Some(Price(110))).unwrap();
    assert_eq!(story(&events)[3..], [(Expired, 2, None, Some(Cause::NoLiquidity))]);
    assert_eq!(story(&desk.enter(Order { qty: Qty(10), ..market }, None).unwrap())[1].2, Some((10, 111)));
}

#[test]
fn an_order_that_must_not_take_is_refused_at_a_crossing_price_only() {
    let mut desk = Desk::default();
    desk.enter(order(1), None).unwrap();
    let maker = Order { side: Side::Sell, ord_type: OrdType::LimitMaker, account: AccountId(2), ..order(2) };
    assert_eq!(desk.enter(maker, None), Err(Reject::WouldTake));
    assert_eq!(
        story(&desk.enter(Order { price: Price(101), ..maker }, None).unwrap()),
        [(New, 2, None, None)]
    );
}

#[test]
fn each_mode_of_self_match_prevention_closes_whom_it_names() {
    // The account's own order stands between two of another account.
    let sell = |n, account| Order { side: Side::Sell, account: AccountId(account), ..order(n) };
    let cases: [(SmpMode, &[(ExecType, u64)]); 4] = [
        (SmpMode::None, &[(New, 4), (Trade, 1), (Trade, 4), (Trade, 2), (Trade, 4), (Trade, 3), (Trade, 4)]),
        (SmpMode::ExpireTaker, &[(New, 4), (Trade, 1), (Trade, 4), (Expired, 4)]),
        (SmpMode::ExpireMaker, &[(New, 4), (Trade, 1), (Trade, 4), (Expired, 2), (Trade, 3), (Trade, 4)]),
        (SmpMode::ExpireBoth, &[(New, 4), (Trade, 1), (Trade, 4), (Expired, 2), (Expired, 4)]),
    ];
    for (smp, expected) in cases {
        let mut desk = Desk::default();
        for maker in [sell(1, 2), sell(2, 1), sell(3, 2)] {
            desk.enter(maker, None).unwrap();
        }
        let events = desk.enter(Order { smp, qty: Qty(30), ..order(4) }, None).unwrap();
        let short: Vec<_> = story(&events).into_iter().map(|(kind, n, ..)| (kind, n)).collect();
        assert_eq!(short, expected, "{smp:?}");
    }
}

#[test]
fn a_long_sweep_goes_on_in_steps_and_ends_like_a_short_one() {
    let mut desk = Desk::default();
    let makers = 2 * FILLS_PER_STEP_MAX as u64 + 1;
    for n in 1..=makers {
        desk.enter(Order { side: Side::Sell, account: AccountId(2), qty: Qty(1), ..order(n) }, None).unwrap();
    }
    desk.steps = 0;
    let events = desk.enter(Order { qty: Qty(makers + 5), ..order(1_000) }, None).unwrap();
    assert_eq!(desk.steps, 3);
    assert_eq!(events.len() as u64, 1 + 2 * makers);
    assert_eq!(desk.book.best(Side::Buy), Some(BookLevel { price: Price(100), qty: Qty(5) }));
}

#[test]
fn a_sweep_of_exactly_one_step_needs_no_second() {
    let mut desk = Desk::default();
    for n in 1..=FILLS_PER_STEP_MAX as u64 {
        desk.enter(Order { side: Side::Sell, account: AccountId(2), qty: Qty(1), ..order(n) }, None).unwrap();
    }
    desk.steps = 0;
    let ioc = Order { qty: Qty(1_000), time_in_force: TimeInForce::Ioc, ..order(1_000) };
    let events = desk.enter(ioc, None).unwrap();
    assert_eq!((desk.steps, story(&events).last().unwrap().3), (1, Some(Cause::ImmediateOrCancel)));
}

#[test]
fn a_full_book_refuses_what_could_rest_and_takes_what_cannot() {
    let mut desk = Desk::default();
    for n in 1..=ORDERS_PER_BOOK_MAX as u64 {
        desk.enter(Order { price: Price(1 + (n % 90) as i64), ..order(n) }, None).unwrap();
    }
    let n = ORDERS_PER_BOOK_MAX as u64 + 1;
    assert_eq!(desk.enter(order(n), None), Err(Reject::BookFull));
    let ioc = Order {
        side: Side::Sell,
        account: AccountId(2),
        price: Price(1),
        time_in_force: TimeInForce::Ioc,
        ..order(n)
    };
    assert!(desk.enter(ioc, None).is_ok());
    assert!(desk.enter(order(n), None).is_ok(), "there is a place again");
}

#[test]
fn a_level_holds_no_more_than_one_number_can_tell() {
    let mut desk = Desk::default();
    let huge = Order { qty: Qty(u64::MAX), price: Price(i64::MAX), ..order(1) };
    desk.enter(huge, None).unwrap();
    assert_eq!(desk.enter(Order { qty: Qty(1), ..huge }, None), Err(Reject::BookFull));
    let sell = Order { side: Side::Sell, account: AccountId(2), price: Price(1), ..huge };
    let events = desk.enter(sell, None).unwrap();
    match events.last() {
        Some(Event::Execution(e)) => assert_eq!(e.order.avg_price(), Some(Price(i64::MAX))),
        other => panic!("{other:?}"),
    }
    assert!(desk.book.is_empty());
}

/// What a random stream does next.
#[derive(Clone, Debug)]
enum Op {
    Enter(Order, Option<Price>),
    Cancel(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let kind = prop_oneof![
        12 => Just((OrdType::Limit, TimeInForce::Gtc)),
        3 => Just((OrdType::LimitMaker, TimeInForce::Gtc)),
        2 => Just((OrdType::Limit, TimeInForce::Ioc)),
        2 => Just((OrdType::Limit, TimeInForce::Fok)),
        1 => Just((OrdType::Market, TimeInForce::Ioc)),
    ];
    let smp = prop_oneof![
        Just(SmpMode::None),
        Just(SmpMode::ExpireTaker),
        Just(SmpMode::ExpireMaker),
        Just(SmpMode::ExpireBoth)
    ];
    // Wide prices build a deep book, and a large quantity now and then sweeps it.
    let qty = prop_oneof![30 => 1u64..6, 1 => 100u64..400];
    let price = prop_oneof![1 => 98i64..103, 3 => 80i64..120];
    let enter = (side, kind, smp, qty, price, 1u32..5, prop::option::of(90i64..110)).prop_map(
        |(side, (ord_type, time_in_force), smp, qty, price, account, edge)| {
            let price = Price(if ord_type == OrdType::Market { 0 } else { price });
            let account = AccountId(account);
            let order =
                Order { side, ord_type, time_in_force, smp, qty: Qty(qty), price, account, ..order(0) };
            Op::Enter(order, edge.map(Price))
        },
    );
    prop::collection::vec(prop_oneof![8 => enter, 1 => any::<usize>().prop_map(Op::Cancel)], 1..600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_fast_book_does_what_the_naive_book_does(ops in ops()) {
        let (mut fast, mut naive) = (Desk::default(), Naive::default());
        for (n, op) in (1..).zip(ops) {
            match op {
                Op::Enter(template, edge) => {
                    let Order { id, cl_ord_id, created, updated, .. } = order(n);
                    let order = Order { id, cl_ord_id, created, updated, ..template };
                    let worst = if order.ord_type == OrdType::Market { edge } else { Some(order.price) };
                    prop_assert_eq!(fast.enter(order, edge), naive.enter(order, worst, Nanos(n)));
                }
                Op::Cancel(which) if !naive.resting.is_empty() => {
                    let id = naive.resting[which % naive.resting.len()].id;
                    prop_assert_eq!(fast.cancel(id, Nanos(n)), naive.cancel(id, Nanos(n)));
                }
                Op::Cancel(_) => {}
            }
            for side in [Side::Buy, Side::Sell] {
                prop_assert_eq!(fast.book.levels(side).collect::<Vec<_>>(), naive.levels(side));
            }
        }
        prop_assert_eq!(fast.book.len(), naive.resting.len());
        for account in (1..5).map(AccountId) {
            let own = naive.resting.iter().filter(|order| order.account == account);
            prop_assert!(fast.book.orders_of(account).eq(own));
        }
    }
}
