//! Words: the values that every room speaks, and nothing that acts.
//!
//! ```text
//!   Request ──► Verified ──► Allowed ──►│ring│──► Command ──► Event ──►│ring│──► bytes to the sessions
//!   decode      verify       limit              sequence     matching            report
//! ```
//!
//! Each stage consumes one type and returns the next, so that an order that was not verified cannot reach
//! a limit, and one that was not limited cannot reach a shard. Words import nothing but each other.

pub mod command;
pub mod decimal;
pub mod event;
pub mod fix;
pub mod ids;
pub mod instrument;
pub mod kill;
pub mod lease;
pub mod market;
pub mod order;
pub mod price;
pub mod reject;
pub mod request;
#[cfg(test)]
pub(crate) mod samples;
pub mod session_log;
pub mod state;
pub mod stream;
pub mod text;
pub mod time;
pub mod timing;
pub mod websocket;

pub use command::{Command, Continue, Origin, Requester, ShardInput};
pub use decimal::Decimal;
pub use event::{
    AccountState, AccountTrade, Answer, BookLevel, CancelAllAfterSet, CancelRejected, Cause, Closed, Current,
    CxlRejResponseTo, Event, ExecType, Execution, Fill, MassCanceled, PositionState, Prevented, Recall,
    Repeated, Replaced, ShardOutput,
};
pub use fix::{FixVersion, Precision};
pub use ids::{
    AccountId, ApiKeyId, ApplSeqNum, ClOrdId, ConnId, GatewayId, InstrumentId, MemberId, OrderId, ReqId, Seq,
    SessionId, ShardId, SmpGroupId, Symbol, TradeId,
};
pub use instrument::{AccountLimits, Instrument, InstrumentKind, InstrumentState};
pub use kill::{Engaged, KillSwitch, KillTarget};
pub use lease::{
    CancelChoice, CancelOn, CancelPolicy, CancelRefusal, CancelTerms, LeaseId, LogonId, SessionBegan,
    SessionEnd, SessionEnded,
};
pub use market::{
    MarketDataRequest, MarketStream, MdEntryTypes, MdUpdateType, PublicTrade, Subscribed, SubscriptionRequest,
};
pub use order::{OrdStatus, OrdType, Order, OrderRef, ReplaceMode, Side, SmpMode, TimeInForce};
pub use price::{Notional, Price, Qty, Scale};
pub use reject::{Detail, Refusal, Reject};
pub use request::{
    Allowed, AmendOrder, CancelAllAfter, CancelOrder, CancelScope, MassCancel, NewOrder, OpenOrdersQuery,
    OrderQuery, Query, ReplaceOrder, Request, RequestKind, SignedBytes, StreamPosition, StreamQuery,
    TradesQuery, Unchanged, Unverified, Verified,
};
pub use session_log::{EventRef, LostRequest, MsgSeqNum, OutboundBody, SessionRecord};
pub use state::{ExposureState, RequestState};
pub use stream::{StreamAsk, StreamPage, StreamRequest, StreamRequestType};
pub use text::Text;
pub use time::{Nanos, Shift, Span};
pub use timing::{Stamps, Timing};
pub use websocket::{RateLimitType, RateLimitUse, ResponseType, SessionStatus};
