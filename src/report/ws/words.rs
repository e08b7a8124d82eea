//! FIX's words as Binance spells them.

use crate::types::{
    Cause, ExecType, InstrumentKind, InstrumentState, OrdStatus, OrdType, RateLimitType, Side, SmpMode, Span,
    TimeInForce,
};

pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

pub(super) const fn ord_type(ord_type: OrdType) -> &'static str {
    match ord_type {
        OrdType::Market => "MARKET",
        OrdType::Limit => "LIMIT",
        OrdType::LimitMaker => "LIMIT_MAKER",
    }
}

pub(super) const fn time_in_force(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Gtc => "GTC",
        TimeInForce::Ioc => "IOC",
        TimeInForce::Fok => "FOK",
        TimeInForce::Gtd => "GTD",
    }
}

pub(super) const fn smp(smp: SmpMode) -> &'static str {
    match smp {
        SmpMode::None => "NONE",
        SmpMode::ExpireTaker => "EXPIRE_TAKER",
        SmpMode::ExpireMaker => "EXPIRE_MAKER",
        SmpMode::ExpireBoth => "EXPIRE_BOTH",
        SmpMode::Decrement => "DECREMENT",
    }
}

pub(super) const fn status(status: OrdStatus) -> &'static str {
    match status {
        OrdStatus::New => "NEW",
        OrdStatus::PartiallyFilled => "PARTIALLY_FILLED",
        OrdStatus::Filled => "FILLED",
        OrdStatus::Canceled => "CANCELED",
        OrdStatus::Rejected => "REJECTED",
        OrdStatus::Expired => "EXPIRED",
    }
}

pub(super) const fn exec_type(exec_type: ExecType) -> &'static str {
    match exec_type {
        ExecType::New => "NEW",
        ExecType::Trade => "TRADE",
        ExecType::Canceled => "CANCELED",
        ExecType::Rejected => "REJECTED",
        ExecType::Expired => "EXPIRED",
        ExecType::Replaced => "REPLACED",
        ExecType::Prevented => "TRADE_PREVENTION",
    }
}

/// `cancelCause`.
pub(super) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Requested => "REQUESTED",
        Cause::ImmediateOrCancel => "IMMEDIATE_OR_CANCEL",
        Cause::FillOrKill => "FILL_OR_KILL",
        Cause::NoLiquidity => "NO_LIQUIDITY",
        Cause::SelfMatch => "SELF_MATCH",
        Cause::GoodTillDate => "GOOD_TILL_DATE",
        Cause::MassCancel => "MASS_CANCEL",
        Cause::CancelAllAfter => "CANCEL_ALL_AFTER",
        Cause::ReduceOnly => "REDUCE_ONLY",
        Cause::SessionDisconnected => "SESSION_DISCONNECTED",
        Cause::SessionLoggedOut => "SESSION_LOGGED_OUT",
        Cause::ServerRestarted => "SERVER_RESTARTED",
    }
}

pub(super) const fn kind(kind: InstrumentKind) -> &'static str {
    match kind {
        InstrumentKind::Spot => "SPOT",
        InstrumentKind::Perpetual => "PERPETUAL",
        InstrumentKind::Future => "FUTURE",
        InstrumentKind::Option => "OPTION",
    }
}

pub(super) const fn state(state: InstrumentState) -> &'static str {
    match state {
        InstrumentState::Trading => "TRADING",
        InstrumentState::Halted => "HALT",
    }
}

pub(super) const fn rate_limit_type(kind: RateLimitType) -> &'static str {
    match kind {
        RateLimitType::Orders => "ORDERS",
        RateLimitType::Cancels => "CANCELS",
        RateLimitType::Queries => "QUERIES",
    }
}

/// A window as `interval` and `intervalNum`: the largest unit that divides it.
pub(super) fn interval(window: Span) -> (&'static str, u64) {
    const UNITS: [(&str, u64); 4] =
        [("DAY", 86_400_000), ("HOUR", 3_600_000), ("MINUTE", 60_000), ("SECOND", 1_000)];
    let millis = window.as_millis_ceil();
    let unit = UNITS.into_iter().find(|(_, length)| millis >= *length && millis.is_multiple_of(*length));
    let (name, length) = unit.unwrap_or(("MILLISECOND", 1));
    (name, millis / length)
}
