//! Events, answers and refusals → WebSocket messages.

use crate::config::Directory;
use crate::types::{
    Answer, Event, Execution, InstrumentId, Nanos, RateLimitUse, Refusal, RequestKind, ResponseType,
    SessionStatus,
};
use crate::wire::json::RequestId;
use std::sync::Arc;

/// Which request is answered.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// Its id.
    pub id: RequestId,
    /// `rateLimits`; `None` where the client asked for none.
    pub limits: Option<&'a [RateLimitUse]>,
}

/// A request that a shard has, and what was heard of it so far. Recycle it: it keeps its memory.
#[derive(Debug)]
pub struct Pending {}

impl Pending {
    /// Begins to wait for the answer to this request.
    pub fn new(_id: RequestId, _kind: &RequestKind, _style: ResponseType) -> Self {
        unimplemented!()
    }

    /// Takes one event of the request's steps; those of other orders pass.
    pub fn hear(&mut self, _event: &Event) {
        unimplemented!()
    }
}

/// Writes messages, one at a time, each to the end of `out`.
#[derive(Debug)]
pub struct Reporter {}

impl Reporter {
    /// Takes names and scales from the directory.
    pub fn new(_directory: Arc<Directory>) -> Self {
        unimplemented!()
    }

    /// An empty result: `ping`, `userDataStream.unsubscribe`.
    pub fn empty(&self, _to: &Reply<'_>, _out: &mut Vec<u8>) {
        unimplemented!()
    }

    /// `time`.
    pub fn time(&self, _to: &Reply<'_>, _now: Nanos, _out: &mut Vec<u8>) {
        unimplemented!()
    }

    /// `exchangeInfo`.
    pub fn exchange_info(
        &self,
        _to: &Reply<'_>,
        _which: Option<InstrumentId>,
        _environment: &str,
        _now: Nanos,
        _out: &mut Vec<u8>,
    ) {
        unimplemented!()
    }

    /// `session.logon`, `session.status`, `session.logout`.
    pub fn session(&self, _to: &Reply<'_>, _state: &SessionStatus, _now: Nanos, _out: &mut Vec<u8>) {
        unimplemented!()
    }

    /// `userDataStream.subscribe`.
    pub fn subscribed(&self, _to: &Reply<'_>, _subscription: u32, _out: &mut Vec<u8>) {
        unimplemented!()
    }

    /// An error.
    pub fn refused(&self, _to: &Reply<'_>, _refusal: &Refusal, _now: Nanos, _out: &mut Vec<u8>) {
        unimplemented!()
    }

    /// The answer to an order or a cancel, from the events that were heard of it; `time` is that of the last.
    pub fn executed(&self, _to: &Reply<'_>, _pending: &Pending, _time: Nanos, _out: &mut Vec<u8>) {
        unimplemented!()
    }

    /// The answer to a query, or to a repetition.
    pub fn answered(
        &self,
        _to: &Reply<'_>,
        _pending: &Pending,
        _answer: &Answer,
        _time: Nanos,
        _out: &mut Vec<u8>,
    ) {
        unimplemented!()
    }

    /// An event for a subscriber.
    pub fn execution_report(
        &self,
        _subscription: u32,
        _execution: &Execution,
        _time: Nanos,
        _out: &mut Vec<u8>,
    ) {
        unimplemented!()
    }
}
