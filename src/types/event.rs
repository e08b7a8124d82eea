//! What a shard says: events, which stand in the journal, and answers, which do not.

use super::command::Origin;
use super::ids::{
    AccountId, ApplSeqNum, ClOrdId, GatewayId, InstrumentId, OrderId, Seq, SessionId, ShardId, TradeId,
};
use super::instrument::{AccountLimits, Instrument};
use super::kill::KillSwitch;
use super::order::{OrdStatus, Order, Side};
use super::price::{Price, Qty};
use super::reject::Refusal;
use super::request::{CancelScope, OpenOrdersQuery, OrderQuery, TradesQuery};
use super::stream::StreamPage;
use super::time::Nanos;

/// ExecType(150).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExecType {
    /// 0: the order was accepted.
    New = 1,
    /// F: it traded.
    Trade = 2,
    /// 4: it was canceled.
    Canceled = 3,
    /// 8: it was refused.
    Rejected = 4,
    /// C: its own terms ended it.
    Expired = 5,
    /// 5: it was amended.
    Replaced = 6,
    /// D, `TRADE_PREVENTION`: self-match prevention took quantity from it, and it goes on with the rest.
    Prevented = 7,
}

/// Why an order closed without a request to cancel it, or that there was one. Text(58) and `reason` tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cause {
    /// A cancel request.
    Requested = 1,
    /// Immediate-or-cancel: the rest found no counterparty at its price.
    ImmediateOrCancel = 2,
    /// Fill-or-kill: not all of it could trade.
    FillOrKill = 3,
    /// A market order found no (more) liquidity inside the price band.
    NoLiquidity = 4,
    /// Self-match prevention.
    SelfMatch = 5,
    /// Good-till-date: the time of a resting order was over.
    GoodTillDate = 6,
    /// A mass cancel request.
    MassCancel = 7,
    /// Reduce-only: there was no position left that it could reduce.
    ReduceOnly = 8,
    /// Cancel on disconnect: its session ended without a goodbye, and none came back in time.
    SessionDisconnected = 32,
    /// Cancel on disconnect: its session logged out, and none came back in time.
    SessionLoggedOut = 33,
    /// Cancel on disconnect: the server was started again, and its session did not come back in time.
    ServerRestarted = 34,
    /// The dead man's timer of its account was not set again in time.
    CancelAllAfter = 35,
    /// The kill switch of its account was engaged.
    KillSwitch = 36,
    /// The kill switch of its instrument was engaged.
    TradingHalt = 37,
}

/// CxlRejResponseTo(434): what was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CxlRejResponseTo {
    /// 1: a cancel.
    Cancel = 1,
    /// 2: an amendment.
    Replace = 2,
}

/// What an amendment changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replaced {
    /// OrigClOrdID(41): the ClOrdID that the order had before.
    pub orig_cl_ord_id: ClOrdId,
    /// The OrderQty(38) that it had before.
    pub orig_qty: Qty,
    /// The Price(44) that it had before.
    pub orig_price: Price,
    /// Whether it stayed where it was in the queue.
    pub kept_priority: bool,
}

/// What self-match prevention took from an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prevented {
    /// How much it lost.
    pub qty: Qty,
    /// The price at which it would have traded.
    pub price: Price,
    /// The order that it would have met.
    pub counter: OrderId,
    /// Whether this order was resting.
    pub maker: bool,
}

/// One trade of one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fill {
    /// The same for both sides.
    pub trade_id: TradeId,
    /// LastPx(31).
    pub price: Price,
    /// LastQty(32).
    pub qty: Qty,
    /// Whether this order was resting: LastLiquidityInd(851) is 1.
    pub maker: bool,
}

/// ExecutionReport(8), `executionReport`: an order after a change, and the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Execution {
    /// Its place in the private stream of the account on the shard. The shard gives it when a step is done, so where
    /// an execution is kept as the first result of a request, it has none.
    pub appl_seq_num: ApplSeqNum,
    /// What happened.
    pub exec_type: ExecType,
    /// The order after it.
    pub order: Order,
    /// ClOrdID(11) of the cancel request, where one closed the order; then the order's own is OrigClOrdID(41).
    pub cancel_id: Option<ClOrdId>,
    /// The FIX session of that cancel request or amendment, which hears of it too; [`SessionId::NONE`] if it is none.
    pub cancel_session: SessionId,
    /// The trade, for [`ExecType::Trade`].
    pub fill: Option<Fill>,
    /// Why the order closed, for [`ExecType::Canceled`] and [`ExecType::Expired`].
    pub cause: Option<Cause>,
    /// Why it was refused, for [`ExecType::Rejected`].
    pub refusal: Option<Refusal>,
    /// What changed, for [`ExecType::Replaced`].
    pub replaced: Option<Replaced>,
    /// What was prevented, where [`Cause::SelfMatch`] closed the order, and for [`ExecType::Prevented`].
    pub prevented: Option<Prevented>,
}

/// OrderMassCancelReport(r), the answer to `openOrders.cancelAll`: stands behind the last order that was canceled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MassCanceled {
    /// The number of the report.
    pub id: OrderId,
    /// Which orders were meant.
    pub scope: CancelScope,
    /// The FIX session that asked.
    pub by: SessionId,
    /// ClOrdID(11) of the request.
    pub cl_ord_id: ClOrdId,
    /// TotalAffectedOrders(533): how many were canceled on this shard.
    pub canceled: u32,
    /// Why nothing was.
    pub refusal: Option<Refusal>,
}

/// The answer to `cancelAllAfter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CancelAllAfterSet {
    /// Whose timer.
    pub account: AccountId,
    /// When all open orders are canceled, unless it is set again before; `None`: it is off.
    pub at: Option<Nanos>,
    /// Why it was not changed.
    pub refusal: Option<Refusal>,
}

/// OrderCancelReject(9), the error answer to `order.cancel` and to an amendment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CancelRejected {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// The FIX session that asked.
    pub session: SessionId,
    /// ClOrdID(11) of the cancel request.
    pub cl_ord_id: ClOrdId,
    /// OrigClOrdID(41): the order it meant, if by ClOrdID.
    pub orig_cl_ord_id: Option<ClOrdId>,
    /// OrderID(37): the order it meant, if known.
    pub order_id: Option<OrderId>,
    /// OrdStatus(39) of that order; `Rejected` if it is unknown, as the standard has it.
    pub status: OrdStatus,
    /// What was refused.
    pub response_to: CxlRejResponseTo,
    /// Why.
    pub refusal: Refusal,
}

/// What one step of a shard brought about. Events stand in the journal beside their command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::large_enum_variant)] // Executions are nearly all of them.
pub enum Event {
    /// An order changed.
    Execution(Execution),
    /// A cancel or an amendment was refused.
    CancelRejected(CancelRejected),
    /// A mass cancel is done.
    MassCanceled(MassCanceled),
    /// The dead man's timer of an account was set.
    CancelAllAfter(CancelAllAfterSet),
    /// An instrument was added or changed.
    Instrument(Instrument),
    /// An account's limits were set.
    Account(AccountLimits),
    /// A reference price was set.
    Reference(InstrumentId, Price),
    /// A kill switch was engaged or released.
    Kill(KillSwitch),
}

/// A level of a book: price and the quantity there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookLevel {
    /// The price.
    pub price: Price,
    /// The open quantity of all orders at it.
    pub qty: Qty,
}

/// The first answer to a request that came again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The record of the first answer.
    pub seq: Seq,
    /// The order as that answer told it, or the refusal; for FIX, [`Repeated::current`] tells today's state.
    pub first: Event,
    /// The trades that answer told.
    pub fills: Vec<Fill>,
    /// The order as it is now, if it is still known.
    pub current: Option<Order>,
    /// What became of the cancel, where the request was `order.cancelReplace`.
    pub canceled: Option<Event>,
}

/// A closed order: where its last event stands. A shard keeps no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Closed {
    /// Which order.
    pub order: OrderId,
    /// The record of the step that closed it.
    pub seq: Seq,
}

/// How the order of a repeated request stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // It is boxed where it travels.
pub enum Current {
    /// There is none, or it is not known any more.
    Unknown,
    /// It is open.
    Open(Order),
    /// It is closed.
    Closed(Closed),
}

/// An answer whose facts stand in the journal: the gateway has them read back, and answers then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // It is boxed where it travels.
pub enum Recall {
    /// The first answer to a request that came again.
    Repeated {
        /// The record of its first step.
        seq: Seq,
        /// How many steps it took.
        steps: u16,
        /// Its order as it is now.
        current: Current,
    },
    /// A closed order that is asked for.
    Order(OrderQuery, Closed),
}

/// A trade of an account as `myTrades` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountTrade {
    /// The trade.
    pub fill: Fill,
    /// The account's order.
    pub order: OrderId,
    /// Its side.
    pub side: Side,
    /// When.
    pub time: Nanos,
}

/// What an account has in one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionState {
    /// Where.
    pub instrument: InstrumentId,
    /// Bought less sold.
    pub position: i128,
    /// What its open buy orders could still buy.
    pub open_buy: u128,
    /// What its open sell orders could still sell.
    pub open_sell: u128,
    /// How many orders are open.
    pub open_orders: u32,
    /// The position that it may have at most, in units of the instrument's quantity; 0: no limit.
    pub max_position: u64,
}

/// What an account has and may do on one shard. Shards own different instruments, so the positions of several are
/// joined by putting them one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// What it may do.
    pub limits: AccountLimits,
    /// What it has, by instrument.
    pub positions: Vec<PositionState>,
}

/// The answer to a [`Query`](super::Query), or to a repetition. Boxed: it is off the path of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // It is boxed where it travels.
pub enum Answer {
    /// OrderStatusRequest(H), `order.status`: the order, or why there is none.
    Order(OrderQuery, Result<Order, Refusal>),
    /// OrderMassStatusRequest(AF), `openOrders.status`.
    OpenOrders(OpenOrdersQuery, Vec<Order>),
    /// `myTrades`, oldest first.
    Trades(TradesQuery, Vec<AccountTrade>),
    /// `account.status`, or why there is none.
    Account(Result<AccountState, Refusal>),
    /// `order.test`: why it would be refused.
    Tested(Result<(), Refusal>),
    /// `depth`.
    Depth {
        /// Which book.
        instrument: InstrumentId,
        /// The sequence number of the state that is told.
        last: Seq,
        /// Best first.
        bids: Vec<BookLevel>,
        /// Best first.
        asks: Vec<BookLevel>,
    },
    /// A whole book, for a gateway that follows it from there.
    Book {
        /// Which book.
        instrument: InstrumentId,
        /// The sequence number of the state that is told.
        last: Seq,
        /// Best first.
        bids: Vec<BookLevel>,
        /// Best first.
        asks: Vec<BookLevel>,
    },
    /// `ticker.book`: for each instrument its best bid and ask.
    BookTicker(Vec<(InstrumentId, Option<BookLevel>, Option<BookLevel>)>),
    /// What comes next in a private stream, or why it cannot be told.
    Stream(AccountId, Result<StreamPage, Refusal>),
    /// A repetition of a request, with its first answer.
    Repeated(Repeated),
    /// What this answers stands in the journal. It never reaches a client.
    Recall(Recall),
    /// A report that was joined from those of several shards.
    Reported(Event),
    /// A repetition with other content, or an id in use: refused, and the first stays as it was.
    Refused(Event),
}

/// What goes through the ring from a shard to a gateway. Every gateway gets every event; the origin says
/// which of them has the requester.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)]
pub enum ShardOutput {
    /// One event of a step.
    Event {
        /// Which shard.
        shard: ShardId,
        /// The record.
        seq: Seq,
        /// The place of the event in its record, from 0.
        index: u16,
        /// When the step was sequenced: TransactTime(60).
        time: Nanos,
        /// Whether the step ends with this event.
        ends: bool,
        /// Whether the request is answered with this event: the last one of its last step.
        last: bool,
        /// Who asked.
        origin: Option<Origin>,
        /// What happened.
        event: Event,
    },
    /// An answer that must wait until what it tells is durable.
    Answer {
        /// Which shard.
        shard: ShardId,
        /// The last record that the answer may tell of.
        after: Seq,
        /// When it was made.
        time: Nanos,
        /// Who asked.
        origin: Origin,
        /// The answer.
        answer: Box<Answer>,
    },
}

impl Execution {
    /// What happened to an order, and nothing beside it.
    pub const fn bare(exec_type: ExecType, order: Order) -> Self {
        Self {
            appl_seq_num: ApplSeqNum::ZERO,
            exec_type,
            order,
            cancel_id: None,
            cancel_session: SessionId::NONE,
            fill: None,
            cause: None,
            refusal: None,
            replaced: None,
            prevented: None,
        }
    }
}

impl MassCanceled {
    /// The reports of two shards in one. A refusal of one of them speaks for both.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        let canceled = self.canceled.saturating_add(other.canceled);
        // One that was refused before it was taken has no number.
        let id = if self.id == OrderId::NONE { other.id } else { self.id };
        Self { id, canceled, refusal: self.refusal.or(other.refusal), ..self }
    }
}

impl CancelAllAfterSet {
    /// The outcomes on two shards in one: a refusal of one of them speaks for both, and so does the earlier time.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        let at = self.at.zip(other.at).map(|(one, another)| one.min(another));
        Self { at: at.or(self.at).or(other.at), refusal: self.refusal.or(other.refusal), ..self }
    }
}

impl Event {
    /// The account that hears of it; `None` for changes of the venue's own.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Execution(execution) => Some(execution.order.account),
            Self::CancelRejected(reject) => Some(reject.account),
            Self::MassCanceled(canceled) => Some(canceled.scope.account),
            Self::CancelAllAfter(set) => Some(set.account),
            Self::Instrument(_) | Self::Account(_) | Self::Reference(..) | Self::Kill(_) => None,
        }
    }

    /// The FIX sessions that hear of it, each once: the one that entered the order, then the one that asked to
    /// cancel it if that is another. [`SessionId::NONE`] stands for no session.
    pub fn sessions(&self) -> [SessionId; 2] {
        match self {
            Self::Execution(e) if e.cancel_session == e.order.session => [e.order.session, SessionId::NONE],
            Self::Execution(e) => [e.order.session, e.cancel_session],
            Self::CancelRejected(reject) => [reject.session, SessionId::NONE],
            Self::MassCanceled(canceled) => [canceled.by, SessionId::NONE],
            // It was asked over WebSocket: FIX has no such message.
            Self::CancelAllAfter(_)
            | Self::Instrument(_)
            | Self::Account(_)
            | Self::Reference(..)
            | Self::Kill(_) => [SessionId::NONE; 2],
        }
    }
}

impl ShardOutput {
    /// The record that must be durable before this may be told.
    pub fn seq(&self) -> Seq {
        match self {
            Self::Event { seq, .. } => *seq,
            Self::Answer { after, .. } => *after,
        }
    }

    /// The gateway that has the requester, if there is one.
    pub fn gateway(&self) -> Option<GatewayId> {
        match self {
            Self::Event { origin, .. } => origin.map(|origin| origin.gateway),
            Self::Answer { origin, .. } => Some(origin.gateway),
        }
    }
}
