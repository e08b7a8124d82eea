//! FIX's words as the WebSocket API spells them, which is how Binance does: one table for who says them and who hears
//! them.

use crate::types::{
    Cause, ExecType, InstrumentKind, InstrumentState, OrdStatus, OrdType, RateLimitType, Side, SmpMode,
    TimeInForce,
};

macro_rules! words {
    ($( $(#[$doc:meta])* $name:ident, $parse:ident: $type:ident { $( $variant:ident = $word:literal ),* $(,)? } )*) => { $(
        $(#[$doc])*
        pub const fn $name(value: $type) -> &'static str {
            match value { $( $type::$variant => $word ),* }
        }

        $(#[$doc])*
        pub fn $parse(word: &str) -> Option<$type> {
            match word { $( $word => Some($type::$variant), )* _ => None }
        }
    )* };
}

words! {
    /// `side`.
    side, parse_side: Side { Buy = "BUY", Sell = "SELL" }
    /// `type`.
    ord_type, parse_ord_type: OrdType { Market = "MARKET", Limit = "LIMIT", LimitMaker = "LIMIT_MAKER" }
    /// `timeInForce`.
    time_in_force, parse_time_in_force: TimeInForce { Gtc = "GTC", Ioc = "IOC", Fok = "FOK", Gtd = "GTD" }
    /// `selfTradePreventionMode`.
    smp, parse_smp: SmpMode {
        None = "NONE", ExpireTaker = "EXPIRE_TAKER", ExpireMaker = "EXPIRE_MAKER", ExpireBoth = "EXPIRE_BOTH",
        Decrement = "DECREMENT",
    }
    /// `status` of an order.
    status, parse_status: OrdStatus {
        New = "NEW", PartiallyFilled = "PARTIALLY_FILLED", Filled = "FILLED", Canceled = "CANCELED",
        Rejected = "REJECTED", Expired = "EXPIRED",
    }
    /// `x` of an `executionReport`.
    exec_type, parse_exec_type: ExecType {
        New = "NEW", Trade = "TRADE", Canceled = "CANCELED", Rejected = "REJECTED", Expired = "EXPIRED",
        Replaced = "REPLACED", Prevented = "TRADE_PREVENTION",
    }
    /// `cancelCause`.
    cause, parse_cause: Cause {
        Requested = "REQUESTED", ImmediateOrCancel = "IMMEDIATE_OR_CANCEL", FillOrKill = "FILL_OR_KILL",
        NoLiquidity = "NO_LIQUIDITY", SelfMatch = "SELF_MATCH", GoodTillDate = "GOOD_TILL_DATE",
        MassCancel = "MASS_CANCEL", CancelAllAfter = "CANCEL_ALL_AFTER", ReduceOnly = "REDUCE_ONLY",
        SessionDisconnected = "SESSION_DISCONNECTED", SessionLoggedOut = "SESSION_LOGGED_OUT",
        ServerRestarted = "SERVER_RESTARTED", KillSwitch = "KILL_SWITCH", TradingHalt = "TRADING_HALT",
    }
    /// `kind` of an instrument.
    kind, parse_kind: InstrumentKind { Spot = "SPOT", Perpetual = "PERPETUAL", Future = "FUTURE", Option = "OPTION" }
    /// `status` of an instrument.
    state, parse_state: InstrumentState { Trading = "TRADING", Halted = "HALT" }
    /// `rateLimitType`.
    rate_limit_type, parse_rate_limit_type: RateLimitType {
        Orders = "ORDERS", Cancels = "CANCELS", Queries = "QUERIES",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_understood_as_it_is_said() {
        for value in [OrdStatus::New, OrdStatus::PartiallyFilled, OrdStatus::Canceled, OrdStatus::Expired] {
            assert_eq!(parse_status(status(value)), Some(value));
        }
        assert_eq!((parse_side("buy"), parse_side("BUY")), (None, Some(Side::Buy)));
    }
}
