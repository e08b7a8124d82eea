//! Where the private streams stand, and what was missed of them.
//!
//! ```text
//!   again connected ─► BW behind the last numbers ─► executions again, and those of now between ─► told in order ─► BY
//! ```
//!
//! A session whose numbers began anew, or were lost by the other side, is not told again what it missed; its executions
//! have numbers of their own, by which a venue that tells them sends them again. So each is told once and in order,
//! whatever the session forgot.

use super::answers::pause;
use super::{Entry, Kind, Ledger, Request, State, Ticket};
use crate::client::error::ApiError;
use crate::client::fix::messages;
use crate::client::fix::report::{StreamAck, StreamReport};
use crate::client::{ExecutionReport, StreamPlace};
use crate::types::Nanos;
use std::collections::BTreeMap;

/// The private streams of which a session has heard.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The last number that was told of each.
    last: BTreeMap<String, u64>,
    /// Something may be missing behind it.
    is_behind: bool,
    /// Something is asked for: executions wait for those before them.
    asked: bool,
    held: BTreeMap<(String, u64), ExecutionReport>,
}

impl Places {
    /// Takes an execution; what can be told now follows in [`Places::next`].
    fn take(&mut self, place: &StreamPlace, report: &ExecutionReport) {
        if self.last.get(&place.appl_id).is_none_or(|last| *last < place.number) {
            self.held.insert((place.appl_id.clone(), place.number), report.clone());
        }
    }

    /// The next execution that may be told. While something is asked for, none is told before the one with the number
    /// before it; else each at once: of the orders of others a session hears nothing, so its numbers have gaps.
    fn next(&mut self) -> Option<ExecutionReport> {
        let follows =
            |stream: &String, number: u64| self.last.get(stream).is_some_and(|last| last + 1 == number);
        let mut held = self.held.keys();
        let (stream, number) = held.find(|(stream, number)| !self.asked || follows(stream, *number))?.clone();
        let report = self.held.remove(&(stream.clone(), number));
        self.last.insert(stream, number);
        report
    }
}

impl Ledger {
    /// Asks for what was missed of the streams; false if nothing can be missing, or nothing is known of them.
    pub(super) fn ask_streams(&mut self, may_miss: bool, now: Nanos) -> bool {
        self.places.is_behind = (may_miss || self.places.is_behind) && !self.places.last.is_empty();
        if !self.places.is_behind {
            return false;
        }
        self.places.asked = true;
        let place =
            |(appl_id, number): (&String, &u64)| StreamPlace { appl_id: appl_id.clone(), number: *number };
        let behind: Vec<StreamPlace> = self.places.last.iter().map(place).collect();
        let name = self.own_name();
        let body = messages::streams(b"0", &behind, &name);
        let (kind, msg_type) = (Kind::Streams, b"BW".as_slice());
        self.ask(Request { kind, msg_type, name, symbol: None, account: None, body }, now);
        true
    }

    /// An execution of a stream, or one that has no place in any.
    pub(super) fn placed(&mut self, report: &ExecutionReport, now: Nanos) {
        let Some(place) = &report.place else { return self.executed(report) };
        self.places.take(place, report);
        self.tell_placed();
        self.streams_go_on(now);
    }

    /// Whether streams are asked for, and not in vain so far.
    pub(super) fn streams_wait(&self) -> bool {
        let waits = |entry: &Entry| entry.request.kind == Kind::Streams && entry.state != State::Lost;
        self.entries.values().any(waits)
    }

    /// What is sent again comes, so the request for it is not late.
    fn streams_go_on(&mut self, now: Nanos) {
        let asked = self.entries.values_mut().find(|entry| entry.request.kind == Kind::Streams);
        if let Some(entry) = asked.filter(|entry| matches!(entry.state, State::Sent(_))) {
            entry.state = State::Sent(now);
        }
    }

    fn tell_placed(&mut self) {
        while let Some(report) = self.places.next() {
            self.executed(&report);
        }
    }

    /// A venue that cannot send them again says so.
    pub(super) fn streams_acknowledged(&mut self, ack: &StreamAck, now: Nanos) {
        if let (Some(why), Some(ticket)) = (&ack.refused, self.names.get(&ack.req_id).copied()) {
            self.streams_refused(ticket, &ApiError::of_text(why.clone()), now);
        }
    }

    /// Numbers that the venue does not know, any more or at all, say nothing of what it tells from now on.
    pub(super) fn streams_refused(&mut self, ticket: Ticket, refusal: &ApiError, now: Nanos) {
        match self.entries.get_mut(&ticket) {
            Some(entry) if refusal.is_passing() => entry.state = State::Later(now + pause(refusal)),
            _ => {
                self.places.last.clear();
                self.streams_are_told(now);
            }
        }
    }

    /// All that was missed is told.
    pub(super) fn streams_reported(&mut self, report: &StreamReport, now: Nanos) {
        if report.req_id.as_ref().is_some_and(|name| self.names.contains_key(name)) {
            self.streams_are_told(now);
        }
    }

    /// Nothing more is sent again: what was held is told, and the fence is asked for behind it.
    pub(super) fn streams_are_told(&mut self, now: Nanos) {
        for ticket in self.tickets(|entry| entry.request.kind == Kind::Streams) {
            self.remove(ticket);
        }
        (self.places.asked, self.places.is_behind) = (false, false);
        self.tell_placed();
        self.fence(now);
    }

    /// The connection has ended: what waited for others before it is asked for again with them.
    pub(super) fn streams_break(&mut self) {
        self.places.is_behind |= self.places.asked;
        self.places.asked = false;
        self.places.held.clear();
    }
}
