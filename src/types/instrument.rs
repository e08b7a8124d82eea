//! What can be traded, and how much of it by whom.

use super::ids::{AccountId, InstrumentId, SmpGroupId, Symbol};
use super::price::{Price, Qty, Scale};

/// What kind of thing an instrument is. They match alike; positions in them mean different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum InstrumentKind {
    /// One asset against another.
    Spot = 1,
    /// A perpetual future.
    Perpetual = 2,
    /// A future with an expiry.
    Future = 3,
    /// An option.
    Option = 4,
}

/// Whether an instrument trades: SecurityTradingStatus(326).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum InstrumentState {
    /// 17, `TRADING`: everything is allowed.
    Trading = 1,
    /// 2, `HALT`: cancels only.
    Halted = 2,
}

/// An instrument as a shard knows it. Changes are commands, so they stand in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instrument {
    /// Its number in the configuration.
    pub id: InstrumentId,
    /// Symbol(55).
    pub symbol: Symbol,
    /// What kind it is.
    pub kind: InstrumentKind,
    /// What a buyer gets, such as `BTC`.
    pub base: Symbol,
    /// What prices are in, such as `USD`.
    pub quote: Symbol,
    /// Decimal places of a price.
    pub price_scale: Scale,
    /// Decimal places of a quantity.
    pub qty_scale: Scale,
    /// Prices are multiples of this: MinPriceIncrement(969).
    pub tick: Price,
    /// Quantities are multiples of this: RoundLot(561).
    pub lot: Qty,
    /// The largest quantity of one order.
    pub max_qty: Qty,
    /// The largest price × quantity of one order, in units of the two scales together.
    pub max_notional: u64,
    /// How far a price may lie from the reference, in hundredths of a percent. 0: no band.
    pub band_bps: u32,
    /// Price against which the band is measured until there was a trade or a mid; zero: none.
    pub reference: Price,
    /// Whether it trades.
    pub state: InstrumentState,
}

/// What an account may do: in one instrument, or in each of which nothing of its own is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountLimits {
    /// Whose.
    pub account: AccountId,
    /// Where. What is said of one instrument has the group and the switch of the account.
    pub instrument: Option<InstrumentId>,
    /// Most open orders in the instrument.
    pub max_open_orders: u32,
    /// Most that the position in the instrument may become if all open orders of a side traded, long or short,
    /// in units of the instrument's quantity. 0: no limit.
    pub max_position: u64,
    /// The group inside which its orders do not trade with each other.
    pub smp_group: SmpGroupId,
    /// False: the account may cancel and ask, but not enter orders.
    pub enabled: bool,
}
