//! The grammar: what each line means.

use super::grammar::{Action, parse};
use super::websocket::order;
use crate::client::{NewOrder, OrderName};
use crate::types::{Decimal, OrderId, Side, TimeInForce};

fn words(line: &str) -> Action {
    parse(line.split_whitespace()).unwrap_or_else(|why| panic!("{line}: {why}"))
}

fn placed(line: &str) -> NewOrder {
    match words(line) {
        Action::Place(place) => order(&place, None).unwrap(),
        other => panic!("{line}: {other:?}"),
    }
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_price_makes_a_limit_order_and_none_a_market_order() {
    let limit = NewOrder::limit("BTC-USD", Side::Buy, number("0.01"), number("99000.5"));
    assert_eq!(placed("place buy BTC-USD 0.01 @ 99000.5"), limit);
    assert_eq!(placed("place buy BTC-USD 0.01 @99000.5"), limit);
    assert_eq!(placed("place buy BTC-USD 0.01 99000.5"), limit);
    assert_eq!(placed("place sell BTC-USD 0.01"), NewOrder::market("BTC-USD", Side::Sell, number("0.01")));
}

#[test]
fn flags_refine_an_order_wherever_they_stand() {
    let ioc = placed("place --tif ioc buy BTC-USD 1 @ 2 --id mine");
    assert_eq!((ioc.time_in_force, ioc.cl_ord_id.as_deref()), (Some(TimeInForce::Ioc), Some("mine")));
    let maker = placed("place buy BTC-USD 1 @ 2 --post-only");
    assert_eq!(maker, NewOrder::limit_maker("BTC-USD", Side::Buy, number("1"), number("2")));
}

#[test]
fn a_whole_number_is_an_order_id_unless_it_is_said_to_be_a_name() {
    let name = |line: &str| match words(line) {
        Action::Cancel { order, .. } | Action::Status { order, .. } => order.name(),
        other => panic!("{other:?}"),
    };
    assert_eq!(name("cancel BTC-USD 17"), OrderName::OrderId(OrderId(17)));
    assert_eq!(name("status BTC-USD 17 --by-name"), OrderName::from("17"));
    assert_eq!(name("cancel BTC-USD q-17"), OrderName::from("q-17"));
}
