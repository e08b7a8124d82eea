//! A WebSocket text message → what is asked.

use crate::config::Directory;
use crate::types::{ApiKeyId, GatewayId, InstrumentId, MemberId, Nanos, ResponseType, Span, Unverified};
use crate::wire::json::{Fault, RequestId};
use std::sync::Arc;

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Whose certificate it is.
    pub member: MemberId,
    /// The key that is logged on.
    pub logged_on: Option<ApiKeyId>,
    /// When the message was read.
    pub received: Nanos,
    /// The gateway's name for this request; with the time, it names an order that the client did not name.
    pub token: u64,
}

/// A decoded message.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// Its id.
    pub id: RequestId,
    /// `returnRateLimits`, where the request says so.
    pub return_rate_limits: Option<bool>,
    /// What is asked.
    pub ask: Ask<'a>,
}

/// What is asked.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // It is taken apart at once, never stored.
pub enum Ask<'a> {
    /// The gateway answers it.
    Local(Local<'a>),
    /// A shard answers it, once verified.
    Shard(Unverified<'a>, ResponseType),
}

/// What the gateway itself answers.
#[derive(Clone, Copy, Debug)]
pub enum Local<'a> {
    /// `ping`.
    Ping,
    /// `time`.
    Time,
    /// `exchangeInfo`, of one instrument or of all.
    ExchangeInfo(Option<InstrumentId>),
    /// `session.logon`: ask verify, then tell the session.
    Logon(Logon<'a>),
    /// `session.status`.
    Status,
    /// `session.logout`.
    Logout,
    /// `userDataStream.subscribe`.
    Subscribe,
    /// `userDataStream.unsubscribe`, of one subscription or of all.
    Unsubscribe(Option<u32>),
}

/// `session.logon`.
#[derive(Clone, Copy, Debug)]
pub struct Logon<'a> {
    /// Which key.
    pub key: ApiKeyId,
    /// The signed bytes.
    pub payload: &'a [u8],
    /// The signature.
    pub signature: [u8; 64],
    /// `timestamp`.
    pub sent: Nanos,
    /// `recvWindow`.
    pub recv_window: Span,
}

/// Decodes messages; keeps the memory that it needs for the next one.
#[derive(Debug)]
pub struct Decoder {}

impl Decoder {
    /// For one gateway.
    pub fn new(_directory: Arc<Directory>, _gateway: GatewayId) -> Self {
        unimplemented!()
    }

    /// Decodes one message.
    pub fn decode<'a>(&'a mut self, _text: &'a str, _caller: &Caller) -> Result<Decoded<'a>, Fault> {
        unimplemented!()
    }
}
