//! Every refusal of risk, at both sides of its bound, and inputs at the ends of their types.

use super::*;
use crate::types::{Fill, OrdStatus, Qty, Scale, Symbol, TimeInForce, TradeId, samples};
use proptest::prelude::*;

const EMPTY: Touch = Touch { bid: None, ask: None };

/// Lots of 10 and ticks of 5; at most 1,000 and a notional of 600,000; 10 % around 500.
fn instrument() -> Instrument {
    Instrument {
        tick: Price(5),
        lot: Qty(10),
        max_qty: Qty(1_000),
        max_notional: 505_000,
        band_bps: 1_000,
        reference: Price(500),
        ..samples::instrument()
    }
}

fn limits() -> AccountLimits {
    AccountLimits { max_open_orders: 2, max_position: 3_000, ..samples::limits(1) }
}

fn order() -> Order {
    Order { price: Price(500), ..samples::order() }
}

fn risk() -> Risk {
    let mut risk = Risk::default();
    assert!(risk.list(&instrument()));
    risk.limit(&limits());
    risk
}

/// An execution of an order of account 1, as matching tells it.
fn execution(exec_type: ExecType, new: Order, cum: u64, status: OrdStatus, traded: u64) -> Execution {
    let order = Order { cum_qty: Qty(cum), status, ..new };
    let fill = Fill { trade_id: TradeId(1), price: new.price, qty: Qty(traded), maker: true };
    Execution { fill: (traded > 0).then_some(fill), ..Execution::bare(exec_type, order) }
}

fn verdict(risk: &Risk, order: Order) -> Result<(), (Reject, Detail)> {
    risk.check(&order, EMPTY).map(|_| ()).map_err(|refusal| (refusal.reject, refusal.detail))
}

#[test]
fn each_rule_refuses_beyond_its_bound_and_names_it() {
    let risk = risk();
    let cases = [
        (Order { qty: Qty(0), ..order() }, Reject::QtyOffLot, 10),
        (Order { qty: Qty(15), ..order() }, Reject::QtyOffLot, 10),
        (Order { qty: Qty(1_010), ..order() }, Reject::QtyTooLarge, 1_000),
        (Order { qty: Qty(1_000), price: Price(510), ..order() }, Reject::NotionalTooLarge, 505_000),
        (Order { price: Price(0), ..order() }, Reject::PriceOffTick, 5),
        (Order { price: Price(-5), ..order() }, Reject::PriceOffTick, 5),
        (Order { price: Price(502), ..order() }, Reject::PriceOffTick, 5),
        (Order { price: Price(555), ..order() }, Reject::PriceOutsideBand, 550),
        (Order { price: Price(445), ..order() }, Reject::PriceOutsideBand, 450),
    ];
    for (order, reject, bound) in cases {
        assert_eq!(verdict(&risk, order), Err((reject, Detail::Bound(bound))), "{order:?}");
    }
    for inside in [
        Order { qty: Qty(1_000), price: Price(505), ..order() },
        Order { price: Price(550), ..order() },
        Order { price: Price(450), ..order() },
    ] {
        assert_eq!(verdict(&risk, inside), Ok(()), "{inside:?}");
    }
}

#[test]
fn a_halted_instrument_and_a_disabled_account_take_no_orders() {
    let mut risk = risk();
    risk.limit(&AccountLimits { enabled: false, ..limits() });
    assert_eq!(verdict(&risk, order()), Err((Reject::AccountDisabled, Detail::None)));
    assert!(risk.list(&Instrument { state: InstrumentState::Halted, ..instrument() }));
    assert_eq!(verdict(&risk, order()), Err((Reject::InstrumentHalted, Detail::None)));
    assert_eq!(risk.known(AccountId(1), InstrumentId(1)), Ok(()), "a cancel is taken");
}

#[test]
fn strangers_are_refused() {
    let risk = risk();
    let unknown = Order { account: AccountId(9), ..order() };
    assert_eq!(verdict(&risk, unknown), Err((Reject::AccountNotOnShard, Detail::None)));
    let unknown = Order { instrument: InstrumentId(9), ..order() };
    assert_eq!(verdict(&risk, unknown), Err((Reject::InstrumentNotOnShard, Detail::None)));
}

#[test]
fn the_reference_is_the_last_trade_else_the_middle_else_what_was_set() {
    let mut risk = risk();
    let far = Order { price: Price(700), ..order() };
    let wide = Touch { bid: Some(Price(600)), ask: Some(Price(800)) };
    assert!(risk.check(&far, EMPTY).is_err());
    assert!(risk.check(&far, Touch { bid: wide.bid, ask: None }).is_err(), "one side has no middle");
    assert!(risk.check(&far, wide).is_ok());
    assert!(risk.refer(InstrumentId(1), Price(690)));
    assert!(risk.check(&far, EMPTY).is_ok());
    risk.apply(&execution(ExecType::New, order(), 0, OrdStatus::New, 0));
    risk.apply(&execution(ExecType::Trade, order(), 10, OrdStatus::Filled, 10));
    assert_eq!(risk.last_trade(InstrumentId(1)), Some(Price(500)));
    assert!(risk.check(&far, wide).is_err(), "a trade at 500 counts more than a middle of 700");
}

#[test]
fn a_market_order_gets_the_edge_of_its_side_and_is_measured_at_the_reference() {
    let mut risk = risk();
    let market = Order { ord_type: OrdType::Market, price: Price(0), ..order() };
    let edge = |risk: &Risk, order: &Order| risk.check(order, EMPTY).unwrap().band_edge;
    assert_eq!(edge(&risk, &market), Some(Price(550)));
    assert_eq!(edge(&risk, &Order { side: Side::Sell, ..market }), Some(Price(450)));
    assert!(risk.list(&Instrument { max_notional: 4_999, ..instrument() }));
    assert_eq!(verdict(&risk, market).unwrap_err().0, Reject::NotionalTooLarge);
    // Without any reference it takes what is there, measured at the price that it would meet first.
    assert!(risk.refer(InstrumentId(1), Price(0)));
    assert_eq!(edge(&risk, &market), None);
    let dear = Touch { bid: None, ask: Some(Price(500)) };
    assert_eq!(risk.check(&market, dear).unwrap_err().reject, Reject::NotionalTooLarge);
}

#[test]
fn places_are_for_orders_that_may_rest() {
    let mut risk = risk();
    for _ in 0..2 {
        risk.apply(&execution(ExecType::New, order(), 0, OrdStatus::New, 0));
    }
    assert_eq!(verdict(&risk, order()), Err((Reject::TooManyOpenOrders, Detail::Bound(2))));
    assert_eq!(verdict(&risk, Order { time_in_force: TimeInForce::Ioc, ..order() }), Ok(()));
    risk.apply(&execution(ExecType::Canceled, order(), 0, OrdStatus::Canceled, 0));
    assert_eq!(verdict(&risk, order()), Ok(()));
}

#[test]
fn the_position_limit_counts_open_orders_of_the_side_as_if_they_had_traded() {
    let mut risk = risk();
    let big = Order { qty: Qty(1_000), ..order() };
    risk.limit(&AccountLimits { max_open_orders: 9, ..limits() });
    risk.apply(&execution(ExecType::New, big, 0, OrdStatus::New, 0));
    risk.apply(&execution(ExecType::Trade, big, 1_000, OrdStatus::Filled, 1_000));
    risk.apply(&execution(ExecType::New, big, 0, OrdStatus::New, 0));
    assert_eq!(verdict(&risk, big), Ok(()), "1,000 held, 1,000 open, 1,000 more");
    risk.apply(&execution(ExecType::New, big, 0, OrdStatus::New, 0));
    assert_eq!(verdict(&risk, order()), Err((Reject::PositionLimit, Detail::Bound(3_000))));
    assert_eq!(verdict(&risk, Order { side: Side::Sell, ..big }), Ok(()), "the other side has room");
    risk.apply(&execution(ExecType::Expired, big, 0, OrdStatus::Expired, 0));
    assert_eq!(verdict(&risk, big), Ok(()));
}

#[test]
fn what_gives_numbers_their_meaning_never_changes() {
    let mut risk = risk();
    assert!(!risk.list(&Instrument { price_scale: Scale(3), ..instrument() }));
    assert!(!risk.list(&Instrument { symbol: Symbol::truncated("ETH-USD"), ..instrument() }));
    assert!(risk.list(&Instrument { tick: Price(1), lot: Qty(1), ..instrument() }));
    assert_eq!(
        risk.instruments().next().map(|listed| (listed.tick, listed.price_scale)),
        Some((Price(1), Scale(2)))
    );
    assert!(!risk.refer(InstrumentId(9), Price(1)) && !risk.refer(InstrumentId(1), Price(-1)));
}

proptest! {
    #[test]
    fn no_number_makes_it_panic(
        order_numbers in any::<(i64, u64, bool, bool)>(),
        rules in any::<(i64, u64, u64, u64, u32, i64)>(),
        touch in any::<(Option<i64>, Option<i64>)>(),
        max_position in any::<u64>(),
        ends in any::<(bool, bool)>(),
    ) {
        let (price, qty, buy, market) = order_numbers;
        let (tick, lot, max_qty, max_notional, band_bps, reference) = rules;
        let mut risk = Risk::default();
        let listed = Instrument {
            tick: Price(tick), lot: Qty(lot), max_qty: Qty(max_qty), max_notional, band_bps,
            reference: Price(reference), ..instrument()
        };
        prop_assert!(risk.list(&listed));
        risk.limit(&AccountLimits { max_position, ..limits() });
        let new = Order {
            price: Price(if ends.0 { i64::MAX } else { price }),
            qty: Qty(if ends.1 { u64::MAX } else { qty }),
            side: if buy { Side::Buy } else { Side::Sell },
            ord_type: if market { OrdType::Market } else { OrdType::Limit },
            ..order()
        };
        for _ in 0..3 {
            let _ = risk.check(&new, Touch { bid: touch.0.map(Price), ask: touch.1.map(Price) });
            risk.apply(&execution(ExecType::New, new, 0, OrdStatus::New, 0));
            risk.apply(&execution(ExecType::Trade, new, new.qty.0, OrdStatus::Filled, new.qty.0));
        }
    }
}
