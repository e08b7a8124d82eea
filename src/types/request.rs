//! A request on its way through a gateway: decoded, then verified, then allowed.

use super::ids::{
    AccountId, ApiKeyId, ApplSeqNum, ClOrdId, InstrumentId, OrderId, ReqId, SessionId, ShardId, SmpGroupId,
    TradeId,
};
use super::order::{OrdType, Order, OrderRef, ReplaceMode, Side, SmpMode, TimeInForce};
use super::price::{Price, Qty};
use super::time::{Nanos, Span};
use crate::limits::SIGNED_BYTES_MAX;

/// NewOrderSingle(D), `order.place`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Account(1).
    pub account: AccountId,
    /// Symbol(55).
    pub instrument: InstrumentId,
    /// ClOrdID(11); made by the gateway where a WebSocket request has none.
    pub cl_ord_id: ClOrdId,
    /// Side(54).
    pub side: Side,
    /// OrdType(40).
    pub ord_type: OrdType,
    /// TimeInForce(59).
    pub time_in_force: TimeInForce,
    /// Self-match prevention.
    pub smp: SmpMode,
    /// SelfMatchPreventionID(2362), if the client names it: it must be that of its account.
    pub smp_group: Option<SmpGroupId>,
    /// Whether it may only reduce the position.
    pub reduce_only: bool,
    /// ExpireTime(126) of [`TimeInForce::Gtd`]; else zero.
    pub expire: Nanos,
    /// Price(44); zero for a market order.
    pub price: Price,
    /// OrderQty(38).
    pub qty: Qty,
}

/// OrderCancelRequest(F), `order.cancel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelOrder {
    /// Account(1).
    pub account: AccountId,
    /// Symbol(55).
    pub instrument: InstrumentId,
    /// ClOrdID(11) of the cancel itself; made by the gateway where a WebSocket request has none.
    pub cl_ord_id: ClOrdId,
    /// The order to cancel.
    pub target: OrderRef,
}

/// OrderCancelReplaceRequest(G), `order.amend.keepPriority`: the order keeps its OrderID and takes this ClOrdID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmendOrder {
    /// Account(1).
    pub account: AccountId,
    /// Symbol(55).
    pub instrument: InstrumentId,
    /// ClOrdID(11) of the request, and of the order from then on.
    pub cl_ord_id: ClOrdId,
    /// The order to amend.
    pub target: OrderRef,
    /// Price(44) from now on; `None`: as it is.
    pub price: Option<Price>,
    /// OrderQty(38) from now on, what has traded included.
    pub qty: Qty,
    /// Whether it is refused if it would lose its priority.
    pub keep_priority: bool,
    /// What the request repeats of the order, and must not change.
    pub unchanged: Unchanged,
}

/// Fields that an OrderCancelReplaceRequest(G) repeats as the standard wants it; `None` where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unchanged {
    /// Side(54).
    pub side: Option<Side>,
    /// OrdType(40) with ExecInst(18).
    pub ord_type: Option<OrdType>,
    /// TimeInForce(59).
    pub time_in_force: Option<TimeInForce>,
    /// ExecInst(18)=E.
    pub reduce_only: Option<bool>,
    /// ExpireTime(126).
    pub expire: Option<Nanos>,
}

/// `order.cancelReplace`: cancels an order and places another in the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplaceOrder {
    /// What is canceled. Its ClOrdID is a label of the events: the request is known by that of the new order.
    pub cancel: CancelOrder,
    /// What is placed.
    pub order: NewOrder,
    /// Whether it is placed if nothing was canceled.
    pub mode: ReplaceMode,
}

/// OrderMassCancelRequest(q), `openOrders.cancelAll`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MassCancel {
    /// Which orders.
    pub scope: CancelScope,
    /// ClOrdID(11) of the request; made by the gateway where a WebSocket request has none.
    pub cl_ord_id: ClOrdId,
}

/// `cancelAllAfter`: the dead man's timer of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelAllAfter {
    /// Whose.
    pub account: AccountId,
    /// How long after it is sequenced all open orders are canceled; zero: never.
    pub timeout: Span,
}

/// Which open orders of an account are canceled together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CancelScope {
    /// Whose.
    pub account: AccountId,
    /// Where; everywhere if it is `None`.
    pub instrument: Option<InstrumentId>,
    /// Of which side; of both if it is `None`.
    pub side: Option<Side>,
    /// Entered by which FIX session; by any if it is `None`.
    pub session: Option<SessionId>,
}

/// Which order is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderQuery {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// Which.
    pub target: OrderRef,
    /// OrdStatusReqID(790).
    pub req_id: Option<ReqId>,
}

/// Which open orders are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrdersQuery {
    /// Whose.
    pub account: AccountId,
    /// Where; everywhere if it is `None`.
    pub instrument: Option<InstrumentId>,
    /// Of which side; of both if it is `None`.
    pub side: Option<Side>,
    /// MassStatusReqID(584).
    pub req_id: Option<ReqId>,
}

/// Which trades of an account are asked for: the latest, or those from a time or a number on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradesQuery {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// Of this order alone.
    pub order: Option<OrderId>,
    /// From this one on, oldest first.
    pub from: Option<TradeId>,
    /// Not before.
    pub start: Option<Nanos>,
    /// Not after.
    pub end: Option<Nanos>,
    /// At most so many.
    pub limit: u16,
}

/// A question to a shard. It changes nothing and takes no sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// OrderStatusRequest(H), `order.status`.
    Order(OrderQuery),
    /// OrderMassStatusRequest(AF), `openOrders.status`.
    OpenOrders(OpenOrdersQuery),
    /// `myTrades`.
    Trades(TradesQuery),
    /// `account.status`: positions, open orders and limits.
    Account(AccountId),
    /// `account.rateLimits.orders`: the gateway answers it, once it is verified.
    RateLimits(AccountId),
    /// `order.test`: what would become of this order, as far as it can be known before it meets the book.
    Test(NewOrder),
    /// `depth`.
    Depth {
        /// Where.
        instrument: InstrumentId,
        /// Most levels a side.
        levels: u16,
    },
    /// All levels of a book: what a gateway asks of its own accord, to follow the book from there.
    Book(InstrumentId),
    /// `ticker.book`: the best level of each side, of one instrument or of all.
    BookTicker {
        /// Where; everywhere if it is `None`.
        instrument: Option<InstrumentId>,
    },
    /// Where the executions stand that come next in a private stream. A gateway asks it, no client.
    Stream(StreamQuery),
}

/// What came after a number in the private stream of an account on a shard: asked by a gateway that resumes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamQuery {
    /// Whose.
    pub account: AccountId,
    /// The last number that is known: ApplBegSeqNum(1182) less one.
    pub after: ApplSeqNum,
}

/// A place in the private stream of an account on a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPosition {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub shard: ShardId,
    /// The last number that was told.
    pub number: ApplSeqNum,
}

/// What a client asks of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// Enter an order.
    New(NewOrder),
    /// Cancel one.
    Cancel(CancelOrder),
    /// Amend one.
    Amend(AmendOrder),
    /// Cancel one and enter another.
    Replace(ReplaceOrder),
    /// Cancel many.
    MassCancel(MassCancel),
    /// Set the dead man's timer.
    CancelAllAfter(CancelAllAfter),
    /// Ask.
    Query(Query),
}

/// A decoded request with all that later stages need to know of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub kind: RequestKind,
    /// The FIX session on which it came; [`SessionId::NONE`] for WebSocket.
    pub session: SessionId,
    /// The API key that stands for it: of the logon, or named in the request.
    pub key: ApiKeyId,
    /// SendingTime(52) or `timestamp`: when its sender says it was sent.
    pub sent: Nanos,
    /// `recvWindow`: how old it may be when it is sequenced.
    pub recv_window: Span,
    /// SHA-256, cut to 16 bytes, of what must be equal in a repetition: everything but the request's id,
    /// timestamp, recvWindow and signature. Made by decode.
    pub content: [u8; 16],
    /// Whether its ClOrdID came from the client. If it did not, a repetition is known by its signed bytes.
    pub named: bool,
}

impl Request {
    /// Whether its signed bytes are what tells it from others, as it has no name of its client's that would.
    pub fn is_told_by_bytes(&self) -> bool {
        !self.named || matches!(self.kind, RequestKind::CancelAllAfter(_))
    }
}

/// A decoded request beside the bytes that its signature must cover: what `verify` takes.
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'a> {
    /// The request.
    pub request: Request,
    /// The signed bytes, exactly: a slice of the message (FIX), or the sorted parameters (WebSocket).
    pub signed: &'a [u8],
    /// The signature, if the request carries one.
    pub signature: Option<[u8; 64]>,
}

/// A request whose sender is proven, by its own signature or by that of its session where the policy of the
/// account allows it. Only `verify` makes one; `tests/tidy.rs` sees to it.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a>(Unverified<'a>);

/// A verified request that its account's rate limit let through. Only `limit` makes one.
#[derive(Clone, Copy, Debug)]
pub struct Allowed<'a>(Unverified<'a>);

impl<'a> Verified<'a> {
    /// The verdict of `verify`.
    pub fn attest(request: Unverified<'a>) -> Self {
        Self(request)
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.0.request
    }
}

impl<'a> Allowed<'a> {
    /// The verdict of `limit`.
    pub fn admit(verified: Verified<'a>) -> Self {
        Self(verified.0)
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.0.request
    }

    /// The evidence.
    pub fn signed_bytes(&self) -> SignedBytes<'a> {
        SignedBytes::new(self.0.signed, self.0.signature)
    }
}

/// The exact verified bytes with their signature: the evidence that the journal keeps of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SignedBytes<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Ed25519 over the bytes; `None` where the session's logon was signed instead.
    pub signature: Option<[u8; 64]>,
}

impl<'a> SignedBytes<'a> {
    /// No evidence: a command of the venue's own.
    pub const NONE: Self = Self { bytes: &[], signature: None };

    /// At most [`SIGNED_BYTES_MAX`] bytes; decode has refused longer ones.
    pub fn new(bytes: &'a [u8], signature: Option<[u8; 64]>) -> Self {
        let len = bytes.len();
        assert!(len <= SIGNED_BYTES_MAX, "decode lets {SIGNED_BYTES_MAX} bytes pass, not {len}");
        Self { bytes, signature }
    }
}

impl std::fmt::Debug for SignedBytes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_signed = if self.signature.is_some() { "signed" } else { "unsigned" };
        write!(f, "SignedBytes({} bytes, {is_signed})", self.bytes.len())
    }
}

impl RequestKind {
    /// The account that acts; `None` for public questions.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::New(order) => Some(order.account),
            Self::Cancel(cancel) => Some(cancel.account),
            Self::Amend(amend) => Some(amend.account),
            Self::Replace(replace) => Some(replace.order.account),
            Self::MassCancel(cancel) => Some(cancel.scope.account),
            Self::CancelAllAfter(request) => Some(request.account),
            Self::Query(query) => query.account(),
        }
    }

    /// The instrument that it concerns; `None` where it is all of them.
    pub fn instrument(&self) -> Option<InstrumentId> {
        match self {
            Self::New(order) => Some(order.instrument),
            Self::Cancel(cancel) => Some(cancel.instrument),
            Self::Amend(amend) => Some(amend.instrument),
            Self::Replace(replace) => Some(replace.order.instrument),
            Self::MassCancel(cancel) => cancel.scope.instrument,
            Self::CancelAllAfter(_) => None,
            Self::Query(query) => query.instrument(),
        }
    }
}

impl Query {
    /// The account that asks about itself; `None` for public questions.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Order(query) => Some(query.account),
            Self::OpenOrders(query) => Some(query.account),
            Self::Trades(query) => Some(query.account),
            Self::Account(account) | Self::RateLimits(account) => Some(*account),
            Self::Test(order) => Some(order.account),
            Self::Stream(query) => Some(query.account),
            Self::Depth { .. } | Self::Book(_) | Self::BookTicker { .. } => None,
        }
    }

    /// The instrument that it concerns; `None` where it is all of them.
    pub fn instrument(&self) -> Option<InstrumentId> {
        match self {
            Self::Order(query) => Some(query.instrument),
            Self::Trades(query) => Some(query.instrument),
            Self::Test(order) => Some(order.instrument),
            Self::Depth { instrument, .. } | Self::Book(instrument) => Some(*instrument),
            Self::OpenOrders(query) => query.instrument,
            Self::BookTicker { instrument } => *instrument,
            Self::Account(_) | Self::RateLimits(_) | Self::Stream(_) => None,
        }
    }
}

impl CancelScope {
    /// Whether it takes this open order of its account.
    pub fn takes(&self, order: &Order) -> bool {
        self.side.is_none_or(|side| side == order.side)
            && self.session.is_none_or(|session| session == order.session)
    }
}
