//! A request on its way through a gateway: decoded, then verified, then allowed.

use super::ids::{AccountId, ApiKeyId, ClOrdId, InstrumentId, SessionId};
use super::order::{OrdType, OrderRef, Side, SmpMode, TimeInForce};
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

/// A question to a shard. It changes nothing and takes no sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// `order.status`.
    Order {
        /// Whose.
        account: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// Which.
        target: OrderRef,
    },
    /// `openOrders.status`.
    OpenOrders {
        /// Whose.
        account: AccountId,
        /// Where; everywhere if it is `None`.
        instrument: Option<InstrumentId>,
    },
    /// `depth`.
    Depth {
        /// Where.
        instrument: InstrumentId,
        /// Most levels a side.
        levels: u16,
    },
    /// `ticker.book`: the best level of each side, of one instrument or of all.
    BookTicker {
        /// Where; everywhere if it is `None`.
        instrument: Option<InstrumentId>,
    },
}

/// What a client asks of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// Enter an order.
    New(NewOrder),
    /// Cancel one.
    Cancel(CancelOrder),
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

    /// The evidence, copied to travel through a ring.
    pub fn signed_bytes(&self) -> SignedBytes {
        SignedBytes::new(self.0.signed, self.0.signature)
    }
}

/// The exact verified bytes with their signature: the evidence that the journal keeps of a request.
#[derive(Clone, Copy)]
pub struct SignedBytes {
    len: u16,
    /// Ed25519 over the bytes; `None` where the session's logon was signed instead.
    pub signature: Option<[u8; 64]>,
    bytes: [u8; SIGNED_BYTES_MAX],
}

impl SignedBytes {
    /// No evidence: a command of the venue's own.
    pub const NONE: Self = Self { len: 0, signature: None, bytes: [0; SIGNED_BYTES_MAX] };

    /// Copies at most [`SIGNED_BYTES_MAX`] bytes; decode has refused longer ones.
    pub fn new(signed: &[u8], signature: Option<[u8; 64]>) -> Self {
        assert!(
            signed.len() <= SIGNED_BYTES_MAX,
            "decode lets {SIGNED_BYTES_MAX} bytes pass, not {}",
            signed.len()
        );
        let mut bytes = [0; SIGNED_BYTES_MAX];
        bytes[..signed.len()].copy_from_slice(signed);
        Self { len: signed.len() as u16, signature, bytes }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl PartialEq for SignedBytes {
    fn eq(&self, other: &Self) -> bool {
        self.signature == other.signature && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for SignedBytes {}

impl std::fmt::Debug for SignedBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "SignedBytes({} bytes, {})",
            self.len,
            if self.signature.is_some() { "signed" } else { "unsigned" }
        )
    }
}

impl RequestKind {
    /// The account that acts; `None` for public questions.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::New(order) => Some(order.account),
            Self::Cancel(cancel) => Some(cancel.account),
            Self::Query(Query::Order { account, .. } | Query::OpenOrders { account, .. }) => Some(*account),
            Self::Query(Query::Depth { .. } | Query::BookTicker { .. }) => None,
        }
    }

    /// The instrument that it concerns; `None` where it is all of them.
    pub fn instrument(&self) -> Option<InstrumentId> {
        match self {
            Self::New(order) => Some(order.instrument),
            Self::Cancel(cancel) => Some(cancel.instrument),
            Self::Query(Query::Order { instrument, .. } | Query::Depth { instrument, .. }) => {
                Some(*instrument)
            }
            Self::Query(Query::OpenOrders { instrument, .. } | Query::BookTicker { instrument }) => {
                *instrument
            }
        }
    }
}
