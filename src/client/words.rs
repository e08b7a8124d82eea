//! How the WebSocket API writes FIX's words and numbers, read with `serde`.

use crate::types::{Decimal, ExecType, Nanos, OrdStatus, OrdType, OrderId, Side, TimeInForce, TradeId};
use crate::wire::json::words::{
    parse_exec_type, parse_ord_type, parse_side, parse_status, parse_time_in_force,
};
use serde::de::{Deserialize, Deserializer, Error, Unexpected};
use std::borrow::Cow;

macro_rules! words {
    ($( $name:ident: $type:ident by $parse:ident )*) => { $(
        pub(super) fn $name<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
            let word = Cow::<str>::deserialize(from)?;
            $parse(&word).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&word), &stringify!($type)))
        }
    )* };
}

words! {
    side: Side by parse_side
    ord_type: OrdType by parse_ord_type
    time_in_force: TimeInForce by parse_time_in_force
    status: OrdStatus by parse_status
    exec_type: ExecType by parse_exec_type
}

pub(super) fn decimal<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
    let text = Cow::<str>::deserialize(from)?;
    Decimal::parse(text.as_bytes()).map_err(D::Error::custom)
}

pub(super) fn levels<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(Decimal, Decimal)>, D::Error> {
    #[derive(serde::Deserialize)]
    struct Level(
        #[serde(deserialize_with = "decimal")] Decimal,
        #[serde(deserialize_with = "decimal")] Decimal,
    );
    Ok(Vec::<Level>::deserialize(from)?.into_iter().map(|level| (level.0, level.1)).collect())
}

pub(super) fn order_id<'de, D: Deserializer<'de>>(from: D) -> Result<OrderId, D::Error> {
    u64::deserialize(from).map(OrderId)
}

pub(super) fn trade_id<'de, D: Deserializer<'de>>(from: D) -> Result<TradeId, D::Error> {
    u64::deserialize(from).map(TradeId)
}

pub(super) fn millis<'de, D: Deserializer<'de>>(from: D) -> Result<Nanos, D::Error> {
    let millis = u64::deserialize(from)?;
    Nanos::from_millis(millis).ok_or_else(|| D::Error::custom("a time after the year 2554"))
}
