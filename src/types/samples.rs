//! Samples for unit tests: what a test is not about stands here, so that a test names only what it is about.
//!
//! ```
//! let order = Order { price: Price(101), ..samples::order() };
//! ```

use super::{
    AccountId, AccountLimits, ClOrdId, Instrument, InstrumentId, InstrumentKind, InstrumentState, Nanos,
    NewOrder, OrdType, Order, OrderId, Price, Qty, Scale, SessionId, Side, SmpGroupId, SmpMode, Symbol,
    TimeInForce,
};

/// `BTC-USD`, number 1: prices in hundredths, whole quantities, each step allowed, no bound and no band.
pub(crate) fn instrument() -> Instrument {
    Instrument {
        id: InstrumentId(1),
        symbol: Symbol::truncated("BTC-USD"),
        kind: InstrumentKind::Spot,
        base: Symbol::truncated("BTC"),
        quote: Symbol::truncated("USD"),
        price_scale: Scale(2),
        qty_scale: Scale(0),
        tick: Price(1),
        lot: Qty(1),
        max_qty: Qty(u64::MAX),
        max_notional: u64::MAX,
        band_bps: 0,
        reference: Price(100),
        state: InstrumentState::Trading,
    }
}

/// An account that may have 1,000 open orders, and any position.
pub(crate) fn limits(account: u32) -> AccountLimits {
    AccountLimits {
        account: AccountId(account),
        instrument: None,
        max_open_orders: 1_000,
        max_position: 0,
        smp_group: SmpGroupId::NONE,
        enabled: true,
    }
}

/// Account 1 asks to buy 10 of [`instrument`] at 100.
pub(crate) fn new_order(id: &str) -> NewOrder {
    NewOrder {
        account: AccountId(1),
        instrument: InstrumentId(1),
        cl_ord_id: ClOrdId::truncated(id),
        side: Side::Buy,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        smp: SmpMode::ExpireTaker,
        smp_group: None,
        reduce_only: false,
        expire: Nanos(0),
        price: Price(100),
        qty: Qty(10),
    }
}

/// That order, accepted.
pub(crate) fn order() -> Order {
    Order::accepted(&new_order("a"), OrderId(1), SessionId::NONE, Nanos(0))
}
