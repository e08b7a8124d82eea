//! What decode and session of a WebSocket connection learn, and report tells.

use super::ids::ApiKeyId;
use super::lease::CancelTerms;
use super::time::{Nanos, Span};

/// `newOrderRespType`: how much of an order the answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseType {
    /// `ACK`: that it was taken, and its number.
    Ack,
    /// `RESULT`: and the order.
    Result,
    /// `FULL`: and its trades.
    Full,
}

/// What `session.logon`, `session.status` and `session.logout` tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionStatus {
    /// The key that is logged on, and since when.
    pub logged_on: Option<(ApiKeyId, Nanos)>,
    /// What becomes of the orders of the logon when it ends.
    pub cancel: CancelTerms,
    /// Since when the client is connected.
    pub connected_since: Nanos,
    /// Whether answers carry `rateLimits` where the request does not say.
    pub return_rate_limits: bool,
    /// Whether answers carry `timing` where the request does not say.
    pub timing: bool,
    /// Whether it hears events.
    pub user_data_stream: bool,
}

/// `rateLimitType`: what a rate limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitType {
    /// `ORDERS`: new orders.
    Orders,
    /// `CANCELS`.
    Cancels,
    /// `QUERIES`.
    Queries,
}

/// One entry of `rateLimits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitUse {
    /// What is counted.
    pub kind: RateLimitType,
    /// The length of its window.
    pub window: Span,
    /// How many fit into a window.
    pub limit: u32,
    /// How many are in it.
    pub count: u32,
}
