//! The fast book against the naive one, and each rule by its story.

pub(crate) mod naive;

use super::*;
use crate::limits::{EVENTS_PER_STEP_MAX, FILLS_PER_STEP_MAX};
use crate::types::{OrderId, Seq, SmpGroupId, SmpMode, TimeInForce, samples};
use naive::Naive;
use proptest::prelude::*;
use std::collections::HashMap;

const SHARD: ShardId = ShardId(1);

/// An order of account 1 to buy 10 at 100, to be changed where a test differs.
fn order(n: u64) -> Order {
    Order {
        id: OrderId::new(SHARD, Seq(n)),
        cl_ord_id: ClOrdId::truncated(&format!("o{n}")),
        created: Nanos(n),
        updated: Nanos(n),
        ..samples::order()
    }
}

/// Positions that follow the trades.
#[derive(Debug, Default)]
struct Positions(HashMap<AccountId, i128>);

impl Ledger for Positions {
    fn follow(&mut self, execution: &Execution) {
        let traded = execution.fill.map_or(0, |fill| i128::from(fill.qty.0));
        let order = &execution.order;
        let bought = if order.side == Side::Buy { traded } else { -traded };
        *self.0.entry(order.account).or_default() += bought;
    }

    fn position(&self, account: AccountId, _: InstrumentId) -> i128 {
        self.0.get(&account).copied().unwrap_or_default()
    }
}

/// A book with the paper that its tape writes on.
#[derive(Default)]
struct Desk {
    book: Book,
    ledger: Positions,
    handles: HashMap<OrderId, Handle>,
    trades: u64,
    steps: u64,
}

impl Desk {
    /// Enters an order and gives all its events, of all its steps.
    fn enter(&mut self, order: Order, band_edge: Option<Price>) -> Result<Vec<Event>, Reject> {
        self.book.admit(&order).map_err(|refusal| refusal.reject)?;
        let mut taker = Taker::new(order, band_edge);
        let mut all = Vec::new();
        let swept = self.step(order.created, &mut all, |book, tape| book.enter(&mut taker, tape));
        self.sweep(taker, swept, &mut all);
        Ok(all)
    }

    /// Amends a resting order as a shard does.
    fn amend(&mut self, amended: Order) -> Result<Vec<Event>, Reject> {
        let at = self.handles[&amended.id];
        let before = *self.book.order(at);
        let mut all = Vec::new();
        if amended.price == before.price && amended.qty <= before.qty {
            let none = SessionId::NONE;
            self.step(amended.updated, &mut all, |book, tape| book.shrink(at, amended, none, tape));
            return Ok(all);
        }
        self.book.admit_amended(at, &amended).map_err(|refusal| refusal.reject)?;
        let mut taker = Taker::new(amended, None);
        let swept = self
            .step(amended.updated, &mut all, |book, tape| book.amend(at, &mut taker, SessionId::NONE, tape));
        self.sweep(taker, swept, &mut all);
        Ok(all)
    }

    fn sweep(&mut self, mut taker: Taker, mut swept: Swept, all: &mut Vec<Event>) {
        let (id, time) = (taker.order.id, taker.order.updated);
        while swept == Swept::More {
            swept = self.step(time, all, |book, tape| book.proceed(&mut taker, tape));
        }
        if let Swept::Resting(handle) = swept {
            self.handles.insert(id, handle);
        }
    }

    fn step<T>(
        &mut self,
        time: Nanos,
        all: &mut Vec<Event>,
        run: impl FnOnce(&mut Book, &mut Tape<'_>) -> T,
    ) -> T {
        let mut events = Vec::new();
        let (trades, ledger) = (&mut self.trades, &mut self.ledger);
        let done = run(&mut self.book, &mut Tape { shard: SHARD, time, trades, events: &mut events, ledger });
        assert!(events.len() <= EVENTS_PER_STEP_MAX, "a step is bounded");
        self.steps += 1;
        all.extend(events);
        done
    }

    fn cancel(&mut self, id: OrderId, time: Nanos) -> Order {
        let closing = Closing { cancel_id: None, session: SessionId::NONE, cause: Cause::Requested };
        let (at, mut events) = (self.handles[&id], Vec::new());
        self.step(time, &mut events, |book, tape| book.close(at, &closing, tape));
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

use ExecType::{Expired, New, Prevented, Trade};

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
    let cases: [(SmpMode, &[(ExecType, u64)]); 5] = [
        (SmpMode::None, &[(New, 4), (Trade, 1), (Trade, 4), (Trade, 2), (Trade, 4), (Trade, 3), (Trade, 4)]),
        (SmpMode::ExpireTaker, &[(New, 4), (Trade, 1), (Trade, 4), (Expired, 4)]),
        (SmpMode::ExpireMaker, &[(New, 4), (Trade, 1), (Trade, 4), (Expired, 2), (Trade, 3), (Trade, 4)]),
        (SmpMode::ExpireBoth, &[(New, 4), (Trade, 1), (Trade, 4), (Expired, 2), (Expired, 4)]),
        (
            SmpMode::Decrement,
            &[(New, 4), (Trade, 1), (Trade, 4), (Expired, 2), (Prevented, 4), (Trade, 3), (Trade, 4)],
        ),
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
fn accounts_of_one_group_are_kept_from_trading_with_each_other() {
    let of =
        |n, account, group| Order { account: AccountId(account), smp_group: SmpGroupId(group), ..order(n) };
    let mut desk = Desk::default();
    desk.enter(Order { side: Side::Sell, ..of(1, 1, 7) }, None).unwrap();
    let events = desk.enter(of(2, 2, 7), None).unwrap();
    assert_eq!(story(&events)[1..], [(Expired, 2, None, Some(Cause::SelfMatch))]);
    let Event::Execution(expired) = events[1] else { panic!() };
    let lost =
        crate::types::Prevented { qty: Qty(10), price: Price(100), counter: order(1).id, maker: false };
    assert_eq!((expired.prevented, expired.order.prevented_qty), (Some(lost), Qty(10)));
    assert_eq!(story(&desk.enter(of(3, 3, 8), None).unwrap())[1].0, Trade, "another group");
}

#[test]
fn a_reduce_only_order_is_clipped_at_the_fill() {
    let mut desk = Desk::default();
    desk.enter(Order { side: Side::Sell, account: AccountId(2), qty: Qty(6), ..order(1) }, None).unwrap();
    desk.enter(Order { qty: Qty(6), ..order(2) }, None).unwrap();
    // Account 1 has 6. What it offers rests, and is clipped when somebody takes it.
    let offer = Order { side: Side::Sell, reduce_only: true, qty: Qty(10), ..order(3) };
    assert_eq!(story(&desk.enter(offer, None).unwrap()), [(New, 3, None, None)]);
    let events = desk.enter(Order { account: AccountId(2), qty: Qty(8), ..order(4) }, None).unwrap();
    let expected = [
        (New, 4, None, None),
        (Trade, 3, Some((6, 100)), None),
        (Trade, 4, Some((6, 100)), None),
        (Expired, 3, None, Some(Cause::ReduceOnly)),
    ];
    assert_eq!(story(&events), expected);
    // Fill-or-kill looks at what can trade, not at what the level shows.
    desk.enter(Order { side: Side::Sell, reduce_only: true, price: Price(90), ..order(5) }, None).unwrap();
    let fok = Order { time_in_force: TimeInForce::Fok, account: AccountId(3), qty: Qty(1), ..order(6) };
    assert_eq!(story(&desk.enter(fok, None).unwrap())[1].3, Some(Cause::FillOrKill));
}

#[test]
fn a_resting_order_that_can_reduce_nothing_any_more_meets_nobody_of_its_own() {
    for smp in [SmpMode::ExpireTaker, SmpMode::ExpireMaker, SmpMode::ExpireBoth, SmpMode::Decrement] {
        for time_in_force in [TimeInForce::Gtc, TimeInForce::Fok] {
            let mut desk = Desk::default();
            // Account 1 has no position, and an order that may only reduce one; behind it stands somebody else's.
            let spent = Order { side: Side::Sell, reduce_only: true, ..order(1) };
            desk.enter(spent, None).unwrap();
            let other = Order { side: Side::Sell, account: AccountId(2), ..order(2) };
            desk.enter(other, None).unwrap();
            let events = desk.enter(Order { smp, time_in_force, ..order(3) }, None).unwrap();
            let expected = [
                (New, 3, None, None),
                (Expired, 1, None, Some(Cause::ReduceOnly)),
                (Trade, 2, Some((10, 100)), None),
                (Trade, 3, Some((10, 100)), None),
            ];
            assert_eq!(story(&events), expected, "{smp:?} {time_in_force:?}");
        }
    }
}

#[test]
fn a_smaller_quantity_keeps_the_place_and_anything_else_loses_it() {
    let mut desk = Desk::default();
    for n in 1..=3 {
        desk.enter(order(n), None).unwrap();
    }
    let replaced = |events: &[Event]| match events {
        [Event::Execution(e), ..] => e.replaced.map(|replaced| replaced.kept_priority),
        _ => None,
    };
    let queue = |desk: &Desk| -> Vec<u64> {
        desk.book.orders_by_priority(Side::Buy).map(|order| order.created.0).collect()
    };
    assert_eq!(replaced(&desk.amend(Order { qty: Qty(4), ..order(1) }).unwrap()), Some(true));
    assert_eq!(queue(&desk), [1, 2, 3]);
    assert_eq!(desk.book.best(Side::Buy), Some(BookLevel { price: Price(100), qty: Qty(24) }));
    assert_eq!(replaced(&desk.amend(Order { qty: Qty(5), ..order(1) }).unwrap()), Some(false));
    assert_eq!(queue(&desk), [2, 3, 1]);
    assert_eq!(replaced(&desk.amend(Order { price: Price(101), ..order(3) }).unwrap()), Some(false));
    assert_eq!(queue(&desk), [3, 2, 1]);
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
    Amend { which: usize, price: i64, less: bool, qty: u64 },
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
        Just(SmpMode::ExpireBoth),
        Just(SmpMode::Decrement)
    ];
    // Wide prices build a deep book, and a large quantity now and then sweeps it.
    let qty = prop_oneof![30 => 1u64..6, 1 => 100u64..400];
    let price = prop_oneof![1 => 98i64..103, 3 => 80i64..120];
    let whose = (1u32..6, prop::bool::weighted(0.2));
    let enter = (side, kind, smp, qty, price, whose, prop::option::of(90i64..110)).prop_map(
        |(side, (ord_type, time_in_force), smp, qty, price, (account, reduce_only), edge)| {
            let price = Price(if ord_type == OrdType::Market { 0 } else { price });
            // The last two accounts are one group.
            let smp_group = SmpGroupId(if account > 3 { 7 } else { 0 });
            let (account, qty) = (AccountId(account), Qty(qty));
            let whose = Order { account, smp_group, reduce_only, ..order(0) };
            let order = Order { side, ord_type, time_in_force, smp, qty, price, ..whose };
            Op::Enter(order, edge.map(Price))
        },
    );
    let amend = (any::<usize>(), 90i64..110, any::<bool>(), 1u64..8)
        .prop_map(|(which, price, less, qty)| Op::Amend { which, price, less, qty });
    let cancel = any::<usize>().prop_map(Op::Cancel);
    prop::collection::vec(prop_oneof![8 => enter, 1 => cancel, 2 => amend], 1..600)
}

/// The same operation where a unit of its price is `step`.
fn stretched(op: Op, step: i64) -> Op {
    match op {
        Op::Enter(order, edge) => {
            let order = Order { price: Price(order.price.0 * step), ..order };
            Op::Enter(order, edge.map(|edge| Price(edge.0 * step)))
        }
        Op::Amend { which, price, less, qty } => Op::Amend { which, price: price * step, less, qty },
        Op::Cancel(_) => op,
    }
}

/// How far prices lie apart: all on one page, a page each, pages that are found by a search. Two steps in turn: the
/// grain gets finer while orders rest.
fn steps() -> impl Strategy<Value = [i64; 2]> {
    prop_oneof![4 => Just([1, 1]), 1 => Just([7, 7]), 1 => Just([96, 40]), 1 => Just([1 << 18, 3]), 1 => Just([1 << 40, 64])]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_fast_book_does_what_the_naive_book_does(ops in ops(), steps in steps()) {
        let (mut fast, mut naive) = (Desk::default(), Naive::default());
        for (n, op) in (1..).zip(ops) {
            match stretched(op, steps[n as usize % 2]) {
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
                Op::Amend { which, price, less, qty } if !naive.resting.is_empty() => {
                    let before = naive.resting[which % naive.resting.len()];
                    let done = before.cum_qty.0 + before.prevented_qty.0;
                    let price = if less { before.price } else { Price(price) };
                    let cl_ord_id = ClOrdId::truncated(&format!("a{n}"));
                    let amended =
                        Order { cl_ord_id, price, qty: Qty(done + qty), updated: Nanos(n), ..before };
                    prop_assert_eq!(fast.amend(amended), naive.amend(amended, Nanos(n)));
                }
                Op::Cancel(_) | Op::Amend { .. } => {}
            }
            for side in [Side::Buy, Side::Sell] {
                prop_assert_eq!(fast.book.levels(side).collect::<Vec<_>>(), naive.levels(side));
            }
        }
        prop_assert_eq!(fast.book.len(), naive.resting.len());
        for account in (1..6).map(AccountId) {
            let position = naive.positions.get(&account).copied().unwrap_or_default();
            prop_assert_eq!(fast.ledger.position(account, InstrumentId(1)), position);
            let own = naive.resting.iter().filter(|order| order.account == account);
            prop_assert!(fast.book.orders_of(account).eq(own));
        }
        let rested: Vec<Order> = fast.book.as_rested().into_iter().copied().collect();
        let again = Book::restore(&rested, |_, _| {}).unwrap();
        for side in [Side::Buy, Side::Sell] {
            prop_assert!(again.levels(side).eq(fast.book.levels(side)));
            prop_assert!(again.orders_by_priority(side).eq(fast.book.orders_by_priority(side)));
        }
    }
}
