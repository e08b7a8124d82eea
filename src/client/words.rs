//! FIX's words as the WebSocket API writes them, in both directions, and the numbers that it puts into strings.

use crate::types::{Decimal, ExecType, Nanos, OrdStatus, OrdType, OrderId, Side, SmpMode, TimeInForce};
use serde::de::{Deserialize, Deserializer, Error, Unexpected};
use std::borrow::Cow;

macro_rules! words {
    ($( $name:ident: $type:ident { $( $variant:ident = $word:literal ),* $(,)? } )*) => { $(
        #[allow(dead_code)] // Some words are only said, some only heard.
        pub(super) mod $name {
            use super::*;

            pub(in crate::client) fn name(value: $type) -> &'static str {
                match value { $( $type::$variant => $word ),* }
            }

            pub(in crate::client) fn parse(word: &str) -> Option<$type> {
                match word { $( $word => Some($type::$variant), )* _ => None }
            }

            pub(in crate::client) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                let word = Cow::<str>::deserialize(from)?;
                parse(&word).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&word), &stringify!($type)))
            }
        }
    )* };
}

words! {
    side: Side { Buy = "BUY", Sell = "SELL" }
    ord_type: OrdType { Market = "MARKET", Limit = "LIMIT", LimitMaker = "LIMIT_MAKER" }
    time_in_force: TimeInForce { Gtc = "GTC", Ioc = "IOC", Fok = "FOK", Gtd = "GTD" }
    smp: SmpMode {
        None = "NONE", ExpireTaker = "EXPIRE_TAKER", ExpireMaker = "EXPIRE_MAKER", ExpireBoth = "EXPIRE_BOTH",
        Decrement = "DECREMENT",
    }
    status: OrdStatus {
        New = "NEW", PartiallyFilled = "PARTIALLY_FILLED", Filled = "FILLED", Canceled = "CANCELED",
        Rejected = "REJECTED", Expired = "EXPIRED",
    }
    exec_type: ExecType {
        New = "NEW", Trade = "TRADE", Canceled = "CANCELED", Rejected = "REJECTED", Expired = "EXPIRED",
        Replaced = "REPLACED", Prevented = "TRADE_PREVENTION",
    }
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

pub(super) fn millis<'de, D: Deserializer<'de>>(from: D) -> Result<Nanos, D::Error> {
    let millis = u64::deserialize(from)?;
    Nanos::from_millis(millis).ok_or_else(|| D::Error::custom("a time after the year 2554"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_understood_as_it_is_said() {
        for value in [OrdStatus::New, OrdStatus::PartiallyFilled, OrdStatus::Canceled, OrdStatus::Expired] {
            assert_eq!(status::parse(status::name(value)), Some(value));
        }
        assert_eq!(side::parse("buy"), None);
    }
}
