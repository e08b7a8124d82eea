//! Events, answers and refusals → WebSocket messages, with the fields that Binance's documentation gives them.
//!
//! ```text
//!   Local ────► ping, time, exchangeInfo, session.*                {"id", "status", "result" | "error", "rateLimits"}
//!   Event ────► Pending::hear … executed() ─► order.place, .cancel, .cancelReplace, .amend, openOrders.cancelAll
//!   Answer ───► answered() ─► order.status, account.status, myTrades, depth, ticker.book, repetitions …
//!   Event ────► execution_report() ─► {"subscriptionId", "event"}
//!   Market ───► levels(), trade() ──► the same
//! ```
//!
//! What is ours and not Binance's: `repeated` beside `status` (the answer is that of an earlier copy of the request),
//! `reason` in an order (why it closed), `data` of an error (the facts of the refusal), `fillsOmitted`. Cost: one pass
//! over the buffer, a look-up in the directory; no allocation once the buffer has grown.

mod account;
mod changes;
mod event;
mod market;
mod order;
mod pending;
mod refusal;
mod stream;
#[cfg(test)]
mod tests;
mod words;

pub use pending::Pending;
pub use stream::Levels;

use super::ApplId;
use crate::config::Directory;
use crate::types::{
    Answer, Event, EventRef, Execution, Instrument, InstrumentId, MarketStream, Nanos, PublicTrade, Query,
    RateLimitUse, Refusal, Reject, RequestKind, Scale, SessionStatus, StreamPosition, Subscribed, Timing,
};
use crate::wire::json::{RequestId, Writer};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Which request is answered.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// Its id.
    pub id: RequestId,
    /// `rateLimits`; `None` where the client asked for none.
    pub limits: Option<&'a [RateLimitUse]>,
    /// `timing`; `None` where the client asked for none.
    pub timing: Option<Timing>,
    /// `asOf`; `None` where it tells no state of an account.
    pub as_of: Option<AsOf<'a>>,
}

/// The number of each private stream as of which an answer is true.
#[derive(Clone, Copy, Debug)]
pub struct AsOf<'a> {
    /// The streams.
    pub positions: &'a [StreamPosition],
    /// The names of their accounts.
    pub directory: &'a Directory,
}

/// Writes messages, one at a time, each to the end of `out`.
#[derive(Clone, Debug)]
pub struct Reporter {
    directory: Arc<Directory>,
}

impl Reporter {
    /// Takes names and scales from the directory.
    pub fn new(directory: Arc<Directory>) -> Self {
        Self { directory }
    }

    /// An empty result: `ping`, `userDataStream.unsubscribe`.
    pub fn empty(&self, to: &Reply<'_>, out: &mut Vec<u8>) {
        result(to, false, out, |w| w.object(|_| {}));
    }

    /// `time`.
    pub fn time(&self, to: &Reply<'_>, now: Nanos, out: &mut Vec<u8>) {
        result(to, false, out, |w| w.object(|w| w.key("serverTime").unsigned(now.as_millis())));
    }

    /// `exchangeInfo` of one instrument or of all; its `rateLimits` are those of the reply. The venue has a name, and
    /// instruments that are halted whatever the configuration says.
    pub fn exchange_info(
        &self,
        to: &Reply<'_>,
        which: Option<InstrumentId>,
        venue: (&str, &BTreeSet<InstrumentId>),
        now: Nanos,
        out: &mut Vec<u8>,
    ) {
        result(to, false, out, |w| market::exchange_info(&self.directory, to, which, venue, now, w));
    }

    /// `account.rateLimits.orders`.
    pub fn rate_limits(&self, to: &Reply<'_>, used: &[RateLimitUse], out: &mut Vec<u8>) {
        result(to, false, out, |w| rate_limits(used, true, w));
    }

    /// `session.logon`, `session.status`, `session.logout`.
    pub fn session(&self, to: &Reply<'_>, status: &SessionStatus, now: Nanos, out: &mut Vec<u8>) {
        let key = status.logged_on.and_then(|(key, since)| Some((self.directory.key(key)?, since)));
        result(to, false, out, |w| {
            w.object(|w| {
                match key {
                    Some((key, since)) => {
                        w.key("apiKey").text(&key.name);
                        w.key("authorizedSince").unsigned(since.as_millis());
                    }
                    None => {
                        w.key("apiKey").null();
                        w.key("authorizedSince").null();
                    }
                }
                w.key("cancelGrace").unsigned(status.cancel.grace.as_millis());
                w.key("cancelOnDisconnect").text(status.cancel.on.word());
                w.key("connectedSince").unsigned(status.connected_since.as_millis());
                w.key("returnRateLimits").boolean(status.return_rate_limits);
                w.key("serverTime").unsigned(now.as_millis());
                w.key("timing").boolean(status.timing);
                w.key("userDataStream").boolean(status.user_data_stream);
            });
        });
    }

    /// `userDataStream.subscribe`.
    pub fn subscribed(&self, to: &Reply<'_>, subscription: u32, out: &mut Vec<u8>) {
        result(to, false, out, |w| {
            w.object(|w| w.key("subscriptionId").unsigned(u64::from(subscription)));
        });
    }

    /// `userDataStream.subscribe`: the number behind which each stream goes on.
    pub fn subscribed_to(
        &self,
        to: &Reply<'_>,
        subscription: u32,
        positions: &[StreamPosition],
        out: &mut Vec<u8>,
    ) {
        result(to, false, out, |w| {
            w.object(|w| {
                w.key("subscriptionId").unsigned(u64::from(subscription));
                event::positions("streams", positions, &self.directory, w);
            });
        });
    }

    /// `streamHeartbeat` for a subscriber: the last number of each of its streams.
    pub fn stream_heartbeat(
        &self,
        subscription: u32,
        positions: &[StreamPosition],
        now: Nanos,
        out: &mut Vec<u8>,
    ) {
        event::of_stream("streamHeartbeat", subscription, now, out, |w| {
            event::positions("streams", positions, &self.directory, w);
        });
    }

    /// `eventStreamTerminated` for a subscriber who cannot be told what comes next.
    pub fn stream_terminated(&self, subscription: u32, refusal: &Refusal, now: Nanos, out: &mut Vec<u8>) {
        event::of_stream("eventStreamTerminated", subscription, now, out, |w| {
            w.key("reason").display(refusal);
        });
    }

    /// An error.
    pub fn refused(&self, to: &Reply<'_>, refusal: &Refusal, now: Nanos, out: &mut Vec<u8>) {
        refusal::write(to, false, refusal, out, |w| refusal::facts(refusal, now, w));
    }

    /// `-1007`: a request that was handed to its shard, and no answer came in time. The answer tells how to ask for it.
    pub fn outcome_unknown(&self, to: &Reply<'_>, pending: &Pending, now: Nanos, out: &mut Vec<u8>) {
        let refusal = Refusal::from(Reject::OutcomeUnknown);
        let named = match &pending.kind {
            RequestKind::New(order) => Some((order.instrument, order.cl_ord_id)),
            RequestKind::Cancel(cancel) => Some((cancel.instrument, cancel.cl_ord_id)),
            RequestKind::Amend(amend) => Some((amend.instrument, amend.cl_ord_id)),
            RequestKind::Replace(replace) => Some((replace.order.instrument, replace.order.cl_ord_id)),
            RequestKind::MassCancel(_) | RequestKind::CancelAllAfter(_) | RequestKind::Query(_) => None,
        };
        refusal::write(to, false, &refusal, out, |w| {
            w.key("serverTime").unsigned(now.as_millis());
            if let Some((instrument, name)) = named {
                w.key("symbol").text(self.symbol(instrument));
                w.key("clientOrderId").text(name.as_str());
            }
        });
    }

    /// The answer to an order or a cancel, from the events that were heard of it; `time` is that of the last.
    pub fn executed(&self, to: &Reply<'_>, pending: &Pending, time: Nanos, out: &mut Vec<u8>) {
        match &pending.last {
            Some(event) => {
                let told = order::Told {
                    event,
                    fills: &pending.fills,
                    more_fills: pending.more_fills,
                    replaced: pending.replaced,
                    canceled: pending.canceled.as_ref(),
                    listed: &pending.listed,
                };
                self.tell(to, false, pending, &told, time, out);
            }
            None => self.outcome_unknown(to, pending, time, out),
        }
    }

    /// The answer to a question, or to a repetition.
    pub fn answered(
        &self,
        to: &Reply<'_>,
        pending: &Pending,
        answer: &Answer,
        time: Nanos,
        out: &mut Vec<u8>,
    ) {
        match answer {
            Answer::Order(_, Err(refusal)) | Answer::Account(Err(refusal)) | Answer::Tested(Err(refusal)) => {
                self.refused(to, refusal, time, out);
            }
            Answer::Tested(Ok(())) => self.empty(to, out),
            Answer::Recall(_) => self.refused(to, &Reject::OutcomeUnknown.into(), time, out),
            Answer::Account(Ok(state)) => match self.directory.account(state.limits.account) {
                Some(account) => {
                    result(to, false, out, |w| account::status(account, state, &self.directory, w));
                }
                None => self.refused(to, &Reject::AccountNotOnShard.into(), time, out),
            },
            Answer::Trades(query, trades) => {
                self.of_instrument(query.instrument, to, time, out, |instrument, w| {
                    account::trades(instrument, trades, w);
                });
            }
            Answer::Order(_, Ok(order)) => {
                self.of_instrument(order.instrument, to, time, out, |instrument, w| {
                    order::status(order, instrument, w);
                });
            }
            Answer::OpenOrders(_, orders) => result(to, false, out, |w| {
                w.array(|w| {
                    for order in orders {
                        if let Some(instrument) = self.directory.instrument(order.instrument) {
                            order::status(order, instrument, w);
                        }
                    }
                });
            }),
            Answer::Depth { instrument, last, bids, asks }
            | Answer::Book { instrument, last, bids, asks } => {
                self.of_instrument(*instrument, to, time, out, |instrument, w| {
                    market::depth(instrument, *last, bids, asks, w);
                });
            }
            Answer::BookTicker(books) => self.book_ticker(to, pending, books, time, out),
            // Asked and taken by the gateway itself.
            Answer::Stream(..) => {}
            Answer::Repeated(repeated) => {
                let told = order::Told::repeated(repeated);
                let time = order::time_of(&repeated.first).unwrap_or(time);
                self.tell(to, true, pending, &told, time, out);
            }
            Answer::Refused(event) | Answer::Reported(event) => {
                let told = order::Told::refused(event);
                self.tell(to, false, pending, &told, time, out);
            }
        }
    }

    /// A result in the terms of an instrument.
    fn of_instrument(
        &self,
        instrument: InstrumentId,
        to: &Reply<'_>,
        time: Nanos,
        out: &mut Vec<u8>,
        content: impl FnOnce(&Instrument, &mut Writer<'_>),
    ) {
        match self.directory.instrument(instrument) {
            Some(instrument) => result(to, false, out, |w| content(instrument, w)),
            None => self.refused(to, &Reject::InstrumentNotOnShard.into(), time, out),
        }
    }

    fn book_ticker(
        &self,
        to: &Reply<'_>,
        pending: &Pending,
        books: &[market::Best],
        time: Nanos,
        out: &mut Vec<u8>,
    ) {
        let one = matches!(pending.kind, RequestKind::Query(Query::BookTicker { instrument: Some(_) }));
        if one && books.is_empty() {
            return self.refused(to, &Reject::InstrumentNotOnShard.into(), time, out);
        }
        result(to, false, out, |w| market::book_ticker(&self.directory, books, one, w));
    }

    /// `executionReport` for a subscriber: the event, its place in the journal, when it was sequenced.
    pub fn execution_report(
        &self,
        subscription: u32,
        execution: &Execution,
        at: EventRef,
        time: Nanos,
        out: &mut Vec<u8>,
    ) {
        let order = &execution.order;
        let names = (self.directory.instrument(order.instrument), self.directory.account(order.account));
        if let (Some(instrument), Some(account)) = names {
            let stream = ApplId { account: &account.name, shard: at.shard };
            event::execution_report(subscription, execution, (instrument, stream), at, time, out);
        }
    }

    /// `depthSnapshot` and `depthUpdate`, or `bookTicker`, for a subscriber.
    pub fn levels(&self, to: &Subscribed, told: &Levels<'_>, out: &mut Vec<u8>) {
        let Some(instrument) = self.directory.instrument(to.instrument) else { return };
        match to.stream {
            MarketStream::Depth => stream::depth(to.number, instrument, told, out),
            MarketStream::Ticker => stream::ticker(to.number, instrument, told, out),
            MarketStream::Trades => {}
        }
    }

    /// `trade` for a subscriber; `number` is its place in the subscription, from 1.
    pub fn trade(&self, to: &Subscribed, trade: &PublicTrade, number: u64, out: &mut Vec<u8>) {
        if let Some(instrument) = self.directory.instrument(to.instrument) {
            stream::trade(to.number, instrument, trade, number, out);
        }
    }

    /// The outcome of an order or a cancel, of this copy of the request or of an earlier one.
    fn tell(
        &self,
        to: &Reply<'_>,
        repeated: bool,
        pending: &Pending,
        told: &order::Told<'_>,
        time: Nanos,
        out: &mut Vec<u8>,
    ) {
        match (&pending.kind, told.event) {
            (RequestKind::Replace(replace), _) => {
                return self.replaced(to, repeated, (pending, replace), told, time, out);
            }
            (RequestKind::CancelAllAfter(_), Event::CancelAllAfter(set)) => {
                return self.timer_set(to, set, time, out);
            }
            (RequestKind::MassCancel(cancel), Event::MassCanceled(done)) => {
                return self.canceled_all(to, repeated, (cancel, done), told, time, out);
            }
            _ => {}
        }
        match told.outcome(&self.directory) {
            Ok((execution, instrument)) => result(to, repeated, out, |w| {
                order::executed(pending, told, execution, instrument, time, w);
            }),
            Err(refusal) => refusal::write(to, repeated, &refusal, out, |w| {
                refusal::facts(&refusal, time, w);
                told.refused_facts(w);
            }),
        }
    }

    fn symbol(&self, instrument: InstrumentId) -> &str {
        self.directory.instrument(instrument).map_or("", |instrument: &Instrument| instrument.symbol.as_str())
    }
}

/// An answer that is not an error.
fn result(to: &Reply<'_>, repeated: bool, out: &mut Vec<u8>, content: impl FnOnce(&mut Writer<'_>)) {
    envelope(to, 200, repeated, out, |w| content(w.key("result")));
}

fn envelope(
    to: &Reply<'_>,
    status: u16,
    repeated: bool,
    out: &mut Vec<u8>,
    outcome: impl FnOnce(&mut Writer<'_>),
) {
    Writer::new(out).object(|w| {
        match &to.id {
            RequestId::Null => w.key("id").null(),
            RequestId::Integer(id) => w.key("id").integer(*id),
            RequestId::Text(id) => w.key("id").text(id.as_str()),
        }
        w.key("status").unsigned(u64::from(status));
        if repeated {
            w.key("repeated").boolean(true);
        }
        outcome(w);
        if let Some(AsOf { positions, directory }) = to.as_of {
            event::positions("asOf", positions, directory, w);
        }
        if let Some(limits) = to.limits {
            w.key("rateLimits");
            rate_limits(limits, true, w);
        }
        if let Some(timing) = &to.timing {
            w.key("timing");
            write_timing(timing, w);
        }
    });
}

/// Nanoseconds as text: as a number they would have more digits than a double keeps.
fn write_timing(timing: &Timing, w: &mut Writer<'_>) {
    w.object(|w| {
        for (name, at) in Timing::NAMES.into_iter().zip(timing.marks()) {
            if let Some(at) = at {
                w.key(name).decimal(i128::from(at.0), Scale(0));
            }
        }
    });
}

fn rate_limits(limits: &[RateLimitUse], with_count: bool, w: &mut Writer<'_>) {
    w.array(|w| {
        for limit in limits {
            let (interval, count) = words::interval(limit.window);
            w.object(|w| {
                w.key("rateLimitType").text(words::rate_limit_type(limit.kind));
                w.key("interval").text(interval);
                w.key("intervalNum").unsigned(count);
                w.key("limit").unsigned(u64::from(limit.limit));
                if with_count {
                    w.key("count").unsigned(u64::from(limit.count));
                }
            });
        }
    });
}
