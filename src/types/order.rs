//! What an order is, in FIX's words.

use super::ids::{AccountId, ClOrdId, InstrumentId, OrderId, SessionId, SmpGroupId};
use super::lease::LeaseId;
use super::price::{Notional, Price, Qty};
use super::request::NewOrder;
use super::time::Nanos;

/// Side(54).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Side {
    /// 1, `BUY`.
    Buy = 1,
    /// 2, `SELL`.
    Sell = 2,
}

/// OrdType(40).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OrdType {
    /// 1, `MARKET`: takes what is there within the price band; the rest expires.
    Market = 1,
    /// 2, `LIMIT`.
    Limit = 2,
    /// `LIMIT_MAKER`, in FIX a limit order with ExecInst(18)=6: refused if it would take.
    LimitMaker = 3,
}

/// TimeInForce(59).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TimeInForce {
    /// 1, `GTC`: good till cancel.
    Gtc = 1,
    /// 3, `IOC`: immediate or cancel.
    Ioc = 3,
    /// 4, `FOK`: fill or kill.
    Fok = 4,
    /// 6, `GTD`: good till the time that the order names.
    Gtd = 6,
}

/// What happens when an order would meet one of its own account or group: self-match prevention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SmpMode {
    /// `NONE`: they trade.
    None = 1,
    /// `EXPIRE_TAKER`: what is left of the newer one expires. The default.
    #[default]
    ExpireTaker = 2,
    /// `EXPIRE_MAKER`: the resting one expires and the newer goes on.
    ExpireMaker = 3,
    /// `EXPIRE_BOTH`: both expire.
    ExpireBoth = 4,
    /// `DECREMENT`: both lose the quantity that would have traded; who has none left expires.
    Decrement = 5,
}

/// `cancelReplaceMode`: what becomes of the new order when the old one could not be canceled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ReplaceMode {
    /// `STOP_ON_FAILURE`: it is not attempted.
    StopOnFailure = 1,
    /// `ALLOW_FAILURE`: it is attempted all the same.
    AllowFailure = 2,
}

/// OrdStatus(39).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OrdStatus {
    /// 0: on the book, nothing traded.
    New = 1,
    /// 1: something traded, something left.
    PartiallyFilled = 2,
    /// 2: all traded.
    Filled = 3,
    /// 4: closed by a request or by the venue.
    Canceled = 4,
    /// 8: never lived.
    Rejected = 5,
    /// C: closed by its own terms (IOC, FOK, a market order without liquidity, self-match prevention).
    Expired = 6,
}

/// Which order a cancel or a query means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderRef {
    /// By OrderID(37).
    OrderId(OrderId),
    /// By a ClOrdID with which it was entered or amended: OrigClOrdID(41).
    ClOrdId(ClOrdId),
}

/// An order and how far it came: enough for every report about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// OrderID(37).
    pub id: OrderId,
    /// ClOrdID(11): with which it was entered, or amended last.
    pub cl_ord_id: ClOrdId,
    /// Account(1).
    pub account: AccountId,
    /// Symbol(55).
    pub instrument: InstrumentId,
    /// The FIX session that entered it and hears of it; [`SessionId::NONE`] for WebSocket.
    pub session: SessionId,
    /// What it belongs to under cancel on disconnect, if it is entered under that.
    pub lease: Option<LeaseId>,
    /// Side(54).
    pub side: Side,
    /// OrdType(40).
    pub ord_type: OrdType,
    /// TimeInForce(59).
    pub time_in_force: TimeInForce,
    /// Self-match prevention of this order as a taker.
    pub smp: SmpMode,
    /// SelfMatchPreventionID(2362): orders of one group do not trade with each other, whatever their accounts;
    /// [`SmpGroupId::NONE`]: the account alone.
    pub smp_group: SmpGroupId,
    /// Whether it may only bring the position of its account nearer to zero: ExecInst(18)=E, `reduceOnly`.
    pub reduce_only: bool,
    /// ExpireTime(126), `goodTillDate`, of [`TimeInForce::Gtd`]; else zero.
    pub expire: Nanos,
    /// Price(44); zero for a market order.
    pub price: Price,
    /// OrderQty(38).
    pub qty: Qty,
    /// CumQty(14): traded so far.
    pub cum_qty: Qty,
    /// What self-match prevention took from it so far.
    pub prevented_qty: Qty,
    /// Sum of price × quantity over its trades.
    pub cum_quote: Notional,
    /// OrdStatus(39).
    pub status: OrdStatus,
    /// When it was sequenced.
    pub created: Nanos,
    /// When it last changed.
    pub updated: Nanos,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// How much of a position (bought less sold) an order of this side could bring to zero.
    pub const fn reducible(self, position: i128) -> u128 {
        let against = match self {
            Self::Buy => position.saturating_neg(),
            Self::Sell => position,
        };
        if against > 0 { against.unsigned_abs() } else { 0 }
    }
}

impl OrdType {
    /// Whether what is left of such an order may wait in the book.
    pub const fn may_rest(self, time_in_force: TimeInForce) -> bool {
        match self {
            Self::Market => false,
            Self::Limit => matches!(time_in_force, TimeInForce::Gtc | TimeInForce::Gtd),
            Self::LimitMaker => true,
        }
    }
}

impl OrdStatus {
    /// Whether the order can still trade.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::New | Self::PartiallyFilled)
    }
}

impl Order {
    /// An order as it is accepted at `time`: nothing of it has traded.
    pub fn accepted(new: &NewOrder, id: OrderId, session: SessionId, time: Nanos) -> Self {
        Self {
            id,
            cl_ord_id: new.cl_ord_id,
            account: new.account,
            instrument: new.instrument,
            session,
            lease: None,
            side: new.side,
            ord_type: new.ord_type,
            time_in_force: new.time_in_force,
            smp: new.smp,
            smp_group: new.smp_group.unwrap_or_default(),
            reduce_only: new.reduce_only,
            expire: new.expire,
            price: new.price,
            qty: new.qty,
            cum_qty: Qty::ZERO,
            prevented_qty: Qty::ZERO,
            cum_quote: Notional::ZERO,
            status: OrdStatus::New,
            created: time,
            updated: time,
        }
    }

    /// What is neither traded nor prevented yet, whether or not it still can trade.
    pub fn remaining(&self) -> Qty {
        self.qty.minus(self.cum_qty).minus(self.prevented_qty)
    }

    /// Whether self-match prevention keeps the two from trading.
    pub fn is_own(&self, other: &Self) -> bool {
        self.account == other.account
            || (self.smp_group != SmpGroupId::NONE && self.smp_group == other.smp_group)
    }

    /// LeavesQty(151): what can still trade; zero once the order is closed.
    pub fn leaves_qty(&self) -> Qty {
        if self.status.is_open() { self.remaining() } else { Qty::ZERO }
    }

    /// AvgPx(6) in units of the price's scale; `None` before the first trade.
    pub fn avg_price(&self) -> Option<Price> {
        self.cum_quote.average(self.cum_qty)
    }
}
