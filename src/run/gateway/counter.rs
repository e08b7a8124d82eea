//! The WebSocket requests of a gateway that wait for their shard, and the writing of all answers.

use super::desk::Desk;
use super::line::Told;
use super::requests::Requests;
use crate::report::ws::{AsOf, Pending, Reply, Reporter};
use crate::ring::rate::Usage;
use crate::types::{
    AccountId, Answer, ConnId, Event, EventRef, Execution, Nanos, RateLimitType, RateLimitUse, Refusal,
    RequestKind, ResponseType, Span, Stamps, StreamPosition, Timing,
};
use crate::wire::json::RequestId;

/// What all WebSocket connections of a gateway share.
#[derive(Debug)]
pub struct Counter {
    reporter: Reporter,
    /// Requests that a shard has.
    pub requests: Requests<Waiting>,
    text: Vec<u8>,
    limits: Vec<RateLimitUse>,
}

/// A request that a shard has.
#[derive(Debug)]
pub struct Waiting {
    id: RequestId,
    pending: Pending,
    with_limits: bool,
    with_timing: bool,
    account: Option<AccountId>,
}

/// What an answer has beside what it tells.
#[derive(Clone, Copy, Debug)]
pub struct Extras {
    /// `rateLimits`.
    pub limits: bool,
    /// `timing`.
    pub timing: bool,
}

/// An answer of the gateway's own.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// Whose.
    pub id: RequestId,
    /// When its request was read.
    pub now: Nanos,
    /// How long it took, if the client wants to know.
    pub timing: Option<Timing>,
}

/// What the limits of an account count, in their order.
const KINDS: [RateLimitType; 3] = [RateLimitType::Orders, RateLimitType::Cancels, RateLimitType::Queries];

fn used(kind: RateLimitType, usage: &Usage) -> RateLimitUse {
    RateLimitUse { kind, window: usage.window, limit: usage.limit, count: usage.used }
}

impl Waiting {
    /// A request of this id and kind.
    pub fn new(id: RequestId, kind: &RequestKind, style: ResponseType, extras: Extras) -> Self {
        let Extras { limits: with_limits, timing: with_timing } = extras;
        Self { id, pending: Pending::new(kind, style), with_limits, with_timing, account: kind.account() }
    }
}

impl Counter {
    /// The counter of one gateway.
    pub fn new(desk: &Desk) -> Self {
        Self {
            reporter: Reporter::new(desk.directory.clone()),
            requests: Requests::default(),
            text: Vec::with_capacity(4 * 1024),
            limits: Vec::with_capacity(4),
        }
    }

    /// An event of a request's steps: remembered until the last one, which answers it. `None` if nobody waits.
    pub fn hear(&mut self, token: u64, event: &Event, at: EventRef) {
        if let Some(waiting) = self.requests.get_mut(token) {
            waiting.ask.pending.hear(event, at);
        }
    }

    /// Writes the answer to a request whose last event was heard.
    pub fn executed(
        &mut self,
        token: u64,
        time: Nanos,
        timing: &Timing,
        desk: &Desk,
    ) -> Option<(ConnId, &[u8])> {
        self.answer(token, &[], timing, desk, |reporter, to, waiting, out| {
            reporter.executed(to, &waiting.pending, time, out);
        })
    }

    /// Writes the answer to a question or a repetition.
    pub fn answered(
        &mut self,
        token: u64,
        (answer, as_of): (&Answer, &[StreamPosition]),
        time: Nanos,
        timing: &Timing,
        desk: &Desk,
    ) -> Option<(ConnId, &[u8])> {
        // What a request came to was told as of its own time, and a repetition is told the same.
        let as_of = if matches!(answer, Answer::Repeated(_)) { &[] } else { as_of };
        self.answer(token, as_of, timing, desk, |reporter, to, waiting, out| {
            reporter.answered(to, &waiting.pending, answer, time, out);
        })
    }

    /// Gives up the oldest request if it has waited too long, or if `longest` is zero: its outcome cannot be told.
    pub fn give_up(&mut self, now: Nanos, longest: Span, desk: &Desk) -> Option<(ConnId, &[u8])> {
        let waiting = self.requests.expire(now, longest)?;
        // How far it came is not known; that it was read is.
        let timing = Timing::own(Stamps::received(waiting.since), now);
        let text = self.write(&waiting.ask, &timing, desk, now, |reporter, to, waiting, out| {
            reporter.outcome_unknown(to, &waiting.pending, now, out);
        });
        Some((waiting.conn, text))
    }

    fn answer(
        &mut self,
        token: u64,
        as_of: &[StreamPosition],
        timing: &Timing,
        desk: &Desk,
        write: impl FnOnce(&Reporter, &Reply<'_>, &Waiting, &mut Vec<u8>),
    ) -> Option<(ConnId, &[u8])> {
        let waiting = self.requests.remove(token)?;
        let text = self.write_as_of(&waiting.ask, as_of, timing, desk, waiting.since, write);
        Some((waiting.conn, text))
    }

    /// Writes an answer with what the waiting request wants beside it.
    pub fn write(
        &mut self,
        waiting: &Waiting,
        timing: &Timing,
        desk: &Desk,
        now: Nanos,
        write: impl FnOnce(&Reporter, &Reply<'_>, &Waiting, &mut Vec<u8>),
    ) -> &[u8] {
        self.write_as_of(waiting, &[], timing, desk, now, write)
    }

    fn write_as_of(
        &mut self,
        waiting: &Waiting,
        as_of: &[StreamPosition],
        timing: &Timing,
        desk: &Desk,
        now: Nanos,
        write: impl FnOnce(&Reporter, &Reply<'_>, &Waiting, &mut Vec<u8>),
    ) -> &[u8] {
        let tells_state = !as_of.is_empty();
        let as_of = tells_state.then_some(AsOf { positions: as_of, directory: &desk.directory });
        self.text.clear();
        self.limits.clear();
        if waiting.with_limits {
            self.measure(waiting.account, now, desk);
        }
        let to = Reply {
            id: waiting.id,
            limits: waiting.with_limits.then_some(&self.limits),
            timing: waiting.with_timing.then_some(*timing),
            as_of,
        };
        write(&self.reporter, &to, waiting, &mut self.text);
        &self.text
    }

    /// Writes the answer to `account.rateLimits.orders`, which no shard knows.
    pub fn rate_limits(&mut self, own: &Own, with_limits: bool, account: AccountId, desk: &Desk) -> &[u8] {
        self.text.clear();
        self.limits.clear();
        self.measure(Some(account), own.now, desk);
        let to = Reply {
            id: own.id,
            limits: with_limits.then_some(&self.limits),
            timing: own.timing,
            as_of: None,
        };
        self.reporter.rate_limits(&to, &self.limits, &mut self.text);
        &self.text
    }

    /// What the account has used of its limits.
    fn measure(&mut self, account: Option<AccountId>, now: Nanos, desk: &Desk) {
        let Some(account) = account else { return };
        let usage = desk.limiter.usage(account, now).into_iter().flatten();
        self.limits.extend(KINDS.into_iter().zip(usage).map(|(kind, usage)| used(kind, &usage)));
        if let Some(today) = desk.limiter.usage_today(account, now) {
            self.limits.insert(1, used(RateLimitType::Orders, &today));
        }
    }

    /// Writes a refusal of what could not be read as a request.
    pub fn refuse(&mut self, own: &Own, refusal: &Refusal) -> &[u8] {
        self.own(own, |reporter, to, out| reporter.refused(to, refusal, own.now, out))
    }

    /// Writes an answer of the gateway's own.
    pub fn own(&mut self, own: &Own, write: impl FnOnce(&Reporter, &Reply<'_>, &mut Vec<u8>)) -> &[u8] {
        self.text.clear();
        write(
            &self.reporter,
            &Reply { id: own.id, limits: None, timing: own.timing, as_of: None },
            &mut self.text,
        );
        &self.text
    }

    /// Writes an answer of the gateway's own that tells the limits of an account.
    pub fn own_with_limits(
        &mut self,
        own: &Own,
        account: Option<AccountId>,
        desk: &Desk,
        write: impl FnOnce(&Reporter, &Reply<'_>, &mut Vec<u8>),
    ) -> &[u8] {
        self.text.clear();
        self.limits.clear();
        self.measure(account, own.now, desk);
        let to = Reply { id: own.id, limits: Some(&self.limits), timing: own.timing, as_of: None };
        write(&self.reporter, &to, &mut self.text);
        &self.text
    }

    /// Writes what a subscriber of market data is told.
    pub fn market(&mut self, write: impl FnOnce(&Reporter, &mut Vec<u8>)) -> &[u8] {
        self.text.clear();
        write(&self.reporter, &mut self.text);
        &self.text
    }

    /// Tells a subscriber that its stream has ended.
    pub fn stream_terminated(&mut self, subscription: u32, refusal: &Refusal, now: Nanos) -> &[u8] {
        self.text.clear();
        self.reporter.stream_terminated(subscription, refusal, now, &mut self.text);
        &self.text
    }

    /// Tells a subscriber how far its streams are.
    pub fn stream_heartbeat(&mut self, subscription: u32, positions: &[StreamPosition], now: Nanos) -> &[u8] {
        self.text.clear();
        self.reporter.stream_heartbeat(subscription, positions, now, &mut self.text);
        &self.text
    }

    /// Writes an event for a subscriber.
    pub fn execution_report(&mut self, subscription: u32, execution: &Execution, told: &Told<'_>) -> &[u8] {
        self.text.clear();
        self.reporter.execution_report(subscription, execution, told.at, told.time, &mut self.text);
        &self.text
    }
}
