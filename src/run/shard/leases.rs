//! Cancel on disconnect: who holds which orders, and what becomes of them when a session ends.
//!
//! ```text
//!   SessionBegan ─► Held ── SessionEnded, Restarted ──► Ended, until its grace is over ─► timer: its orders are canceled
//!                    ▲                                    │
//!                    └─────────── SessionBegan ◄──────────┘        or without a time, where the terms do not cover
//!                                                                  this end: the orders stay
//! ```
//!
//! - A lease knows the logon that holds it. The end of another logon changes nothing, and neither does the beginning of
//!   an older one: whatever comes late, twice, or through another gateway cannot cancel the orders of the session that
//!   is there now.
//! - Each shard does this for the orders that it has; all are told of each logon and each end.
//! - What would change nothing takes no sequence number.
//! - Memory: a lease for each session that is under cancel on disconnect, and for each ended one that left orders.

use super::timers::{Timer, Timers};
use super::{At, Shard};
use crate::limits::TIMERS_PER_STEP_MAX;
use crate::matching::Closing;
use crate::types::{
    ApiKeyId, CancelOn, CancelTerms, Cause, Command, InstrumentId, LeaseId, LogonId, Nanos, Requester,
    SessionBegan, SessionEnd, SessionEnded, SessionId,
};
use crate::wire::record::{DecodeError, Encoder, Reader};
use std::collections::BTreeMap;

/// The leases of a shard. Part of its state.
#[derive(Debug, Default, Hash)]
pub(super) struct Leases {
    leases: BTreeMap<LeaseId, Lease>,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Lease {
    key: ApiKeyId,
    terms: CancelTerms,
    /// The logon that holds it, or held it last.
    logon: LogonId,
    ended: Option<Ended>,
}

/// A lease that nobody holds.
#[derive(Clone, Copy, Debug, Hash)]
struct Ended {
    cause: Cause,
    /// When its orders are canceled; `None`: never, unless a logon takes it over and ends in turn.
    until: Option<Nanos>,
}

impl Lease {
    fn is_held_by(&self, logon: LogonId) -> bool {
        self.ended.is_none() && self.logon == logon
    }

    /// Whether a logon takes it over: its own session's again, or the same key's after a WebSocket logon has ended.
    fn passes_to(&self, id: LeaseId, began: &SessionBegan) -> bool {
        let is_own = id == began.lease;
        let is_left = matches!((id, began.lease), (LeaseId::Logon(_), LeaseId::Logon(_)))
            && self.key == began.key
            && self.ended.is_some();
        (is_own || is_left) && self.logon < began.logon
    }
}

impl Leases {
    /// What an order belongs to that is entered by this requester.
    pub(super) fn of(&self, requester: &Requester) -> Option<LeaseId> {
        let id = match (requester.session, requester.logon) {
            (SessionId::NONE, LogonId::NONE) => return None,
            (SessionId::NONE, logon) => LeaseId::Logon(logon),
            (session, _) => LeaseId::Session(session),
        };
        let lease = self.leases.get(&id)?;
        (lease.terms.on != CancelOn::Nothing).then_some(id)
    }

    /// Writes them into a snapshot.
    pub(super) fn save(&self, to: &mut Encoder) {
        let Self { leases } = self;
        to.put_all(leases.iter().map(|(id, lease)| {
            let Lease { key, terms, logon, ended } = *lease;
            (*id, key, terms, logon, ended.map(|Ended { cause, until }| (cause, until)))
        }));
    }

    /// Reads what [`Leases::save`] wrote.
    pub(super) fn load(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        type Saved = (LeaseId, ApiKeyId, CancelTerms, LogonId, Option<(Cause, Option<Nanos>)>);
        let lease = |(id, key, terms, logon, ended): Saved| {
            let ended = ended.map(|(cause, until)| Ended { cause, until });
            (id, Lease { key, terms, logon, ended })
        };
        Ok(Self { leases: from.take_all()?.into_iter().map(lease).collect() })
    }

    /// Whether the command changes nothing here.
    pub(super) fn is_idle(&self, command: &Command) -> bool {
        match command {
            Command::SessionBegan(began) => {
                let is_new = began.terms.on != CancelOn::Nothing && !self.leases.contains_key(&began.lease);
                !is_new && !self.leases.iter().any(|(id, lease)| lease.passes_to(*id, began))
            }
            Command::SessionEnded(ended) => !self.leases.values().any(|lease| lease.is_held_by(ended.logon)),
            Command::Restarted => self.leases.is_empty(),
            _ => false,
        }
    }

    pub(super) fn begin(&mut self, began: &SessionBegan, timers: &mut Timers) {
        let held = Lease { key: began.key, terms: began.terms, logon: began.logon, ended: None };
        for (id, lease) in &mut self.leases {
            if lease.passes_to(*id, began) {
                forget_deadline(*id, lease, timers);
                *lease = held;
            }
        }
        if began.terms.on != CancelOn::Nothing {
            self.leases.entry(began.lease).or_insert(held);
        }
    }

    pub(super) fn end(&mut self, ended: &SessionEnded, time: Nanos, timers: &mut Timers) {
        let cause = match ended.end {
            SessionEnd::Logout => Cause::SessionLoggedOut,
            SessionEnd::Disconnect => Cause::SessionDisconnected,
        };
        for (id, lease) in &mut self.leases {
            if lease.is_held_by(ended.logon) {
                run_out(*id, lease, ended.end, cause, time, timers);
            }
        }
    }

    /// Nobody is connected after a start. A grace that was running begins again: its client could not come back.
    pub(super) fn restart(&mut self, time: Nanos, timers: &mut Timers) {
        for (id, lease) in &mut self.leases {
            match lease.ended {
                None => run_out(*id, lease, SessionEnd::Disconnect, Cause::ServerRestarted, time, timers),
                Some(Ended { cause, until: Some(_) }) => {
                    forget_deadline(*id, lease, timers);
                    set_deadline(*id, lease, cause, time, timers);
                }
                Some(Ended { until: None, .. }) => {}
            }
        }
    }

    /// Why the orders of a lease whose time has come are canceled.
    fn cause(&self, id: LeaseId) -> Option<Cause> {
        self.leases.get(&id)?.ended.map(|ended| ended.cause)
    }

    /// The latest logon that holds, or held, a lease here.
    fn last_logon(&self) -> LogonId {
        self.leases.values().map(|lease| lease.logon).max().unwrap_or_default()
    }
}

fn run_out(id: LeaseId, lease: &mut Lease, end: SessionEnd, cause: Cause, time: Nanos, timers: &mut Timers) {
    if lease.terms.on.covers(end) {
        set_deadline(id, lease, cause, time, timers);
    } else {
        lease.ended = Some(Ended { cause, until: None });
    }
}

fn set_deadline(id: LeaseId, lease: &mut Lease, cause: Cause, time: Nanos, timers: &mut Timers) {
    let until = time + lease.terms.grace;
    timers.set(until, Timer::Lease(id));
    lease.ended = Some(Ended { cause, until: Some(until) });
}

fn forget_deadline(id: LeaseId, lease: &Lease, timers: &mut Timers) {
    if let Some(Ended { until: Some(until), .. }) = lease.ended {
        timers.clear(until, Timer::Lease(id));
    }
}

impl Shard {
    /// The latest logon of which the shard knows: those of the next run are to be later.
    pub fn last_logon(&self) -> LogonId {
        self.leases.last_logon()
    }

    /// A session began or ended, or all did.
    pub(super) fn run_session(&mut self, command: &Command, time: Nanos) {
        match command {
            Command::SessionBegan(began) => self.leases.begin(began, &mut self.timers),
            Command::SessionEnded(ended) => self.leases.end(ended, time, &mut self.timers),
            _ => self.leases.restart(time, &mut self.timers),
        }
        self.drop_empty_leases();
    }

    /// Cancels orders of a lease whose time has come, at most as many as a step holds; returns whether that was all.
    pub(super) fn run_lease(&mut self, id: LeaseId, (seq, time): At) -> bool {
        let Some(cause) = self.leases.cause(id) else { return true };
        let mut from = InstrumentId(0);
        while self.events.len() < TIMERS_PER_STEP_MAX {
            let next = self
                .books
                .range(from..)
                .find_map(|(instrument, book)| book.first_of_lease(id).map(|at| (*instrument, at)));
            let Some((instrument, at)) = next else {
                self.leases.leases.remove(&id);
                self.books.values_mut().for_each(|book| book.forget_lease(id));
                return true;
            };
            let (book, mut tape) = self.book_and_tape(instrument, time);
            book.close(at, &Closing::by_venue(cause), &mut tape);
            self.follow_last(seq);
            from = instrument;
        }
        false
    }

    /// What nobody holds and has no orders is of no use to a later logon.
    fn drop_empty_leases(&mut self) {
        let (books, timers) = (&mut self.books, &mut self.timers);
        self.leases.leases.retain(|id, lease| {
            let keeps =
                lease.ended.is_none() || books.values().any(|book| book.first_of_lease(*id).is_some());
            if !keeps {
                forget_deadline(*id, lease, timers);
                books.values_mut().for_each(|book| book.forget_lease(*id));
            }
            keeps
        });
    }
}
