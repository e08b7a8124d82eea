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
//! - Cost: an end looks at the leases of its logon alone, and a logon at its own and at those that logons of the same
//!   key left: so ten thousand that end at once, and come back at once, are no more than that.

use super::timers::{Timer, Timers};
use super::{At, Shard};
use crate::limits::TIMERS_PER_STEP_MAX;
use crate::matching::Closing;
use crate::planted::{self, Bug};
use crate::types::{
    ApiKeyId, CancelOn, CancelTerms, Cause, Command, InstrumentId, LeaseId, LogonId, Nanos, Requester,
    SessionBegan, SessionEnd, SessionEnded, SessionId, Span,
};
use crate::wire::record::{DecodeError, Encoder, Reader};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// The leases of a shard. Part of its state.
#[derive(Debug, Default)]
pub(super) struct Leases {
    leases: BTreeMap<LeaseId, Lease>,
    /// Those that are held, by the logon that holds them: it follows from `leases`.
    held: BTreeSet<(LogonId, LeaseId)>,
    /// Those of WebSocket logons that nobody holds, by their key: it follows from `leases`.
    left: BTreeSet<(ApiKeyId, LeaseId)>,
}

impl Hash for Leases {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { leases, held: _, left: _ } = self;
        leases.hash(state);
    }
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
    /// Whether a logon takes over one of its candidates: its own session's again, or the same key's after a WebSocket
    /// logon has ended.
    fn passes_to(&self, id: LeaseId, began: &SessionBegan) -> bool {
        let is_own = id == began.lease;
        let is_left =
            matches!((id, began.lease), (LeaseId::Logon(_), LeaseId::Logon(_))) && self.ended.is_some();
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
        let Self { leases, held: _, left: _ } = self;
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
        let leases: BTreeMap<LeaseId, Lease> = from.take_all()?.into_iter().map(lease).collect();
        let held = leases.iter().filter(|(_, lease)| lease.ended.is_none());
        let held = held.map(|(id, lease)| (lease.logon, *id)).collect();
        let left = leases.iter().filter(|(_, lease)| lease.ended.is_some());
        let left = left.filter_map(|(id, lease)| place_of_left(*id, lease)).collect();
        Ok(Self { leases, held, left })
    }

    /// Whether the command changes nothing here.
    pub(super) fn is_idle(&self, command: &Command) -> bool {
        match command {
            Command::SessionBegan(began) => {
                let is_new = began.terms.on != CancelOn::Nothing && !self.leases.contains_key(&began.lease);
                !is_new && !self.candidates(began).any(|id| self.leases[&id].passes_to(id, began))
            }
            Command::SessionEnded(ended) => self.held_by(ended.logon).next().is_none(),
            Command::Restarted => self.leases.is_empty(),
            _ => false,
        }
    }

    pub(super) fn begin(&mut self, began: &SessionBegan, timers: &mut Timers) {
        let held = Lease { key: began.key, terms: began.terms, logon: began.logon, ended: None };
        let candidates: Vec<_> = self.candidates(began).collect();
        for id in candidates {
            let lease = self.leases.get_mut(&id).expect("a candidate is there");
            if lease.passes_to(id, began) {
                forget_deadline(id, lease, timers);
                if let Some(place) = place_of_left(id, lease) {
                    self.left.remove(&place);
                }
                self.held.remove(&(lease.logon, id));
                self.held.insert((began.logon, id));
                *lease = held;
            }
        }
        if began.terms.on != CancelOn::Nothing && !self.leases.contains_key(&began.lease) {
            self.leases.insert(began.lease, held);
            self.held.insert((began.logon, began.lease));
        }
    }

    /// The leases that a logon may take over: its own, and those that logons of its key left.
    pub(super) fn candidates(&self, began: &SessionBegan) -> impl Iterator<Item = LeaseId> {
        let all = planted::has(Bug::LeaseOfOthers);
        let (own, key) = (began.lease, if all { ApiKeyId(0) } else { began.key });
        let left = self.left.range((key, LeaseId::Session(SessionId::NONE))..);
        let left = left.take_while(move |(of, _)| all || *of == key).map(|(_, id)| *id);
        let left = left.filter(move |id| matches!(own, LeaseId::Logon(_)) && *id != own);
        self.leases.contains_key(&own).then_some(own).into_iter().chain(left)
    }

    fn held_by(&self, logon: LogonId) -> impl Iterator<Item = LeaseId> {
        let first = (logon, LeaseId::Session(SessionId::NONE));
        self.held.range(first..).take_while(move |(of, _)| *of == logon).map(|(_, id)| *id)
    }

    /// Tells the leases that are held no more.
    pub(super) fn end(&mut self, ended: &SessionEnded, time: Nanos, timers: &mut Timers) -> Vec<LeaseId> {
        let cause = match ended.end {
            SessionEnd::Logout => Cause::SessionLoggedOut,
            SessionEnd::Disconnect => Cause::SessionDisconnected,
        };
        let left: Vec<_> = self.held_by(ended.logon).collect();
        for id in &left {
            self.held.remove(&(ended.logon, *id));
            let lease = self.leases.get_mut(id).expect("what is held is there");
            run_out(*id, lease, ended.end, cause, time, timers);
            self.left.extend(place_of_left(*id, lease));
        }
        left
    }

    /// Nobody is connected after a start. A grace that was running begins again: its client could not come back.
    pub(super) fn restart(&mut self, time: Nanos, timers: &mut Timers) -> Vec<LeaseId> {
        self.held.clear();
        for (id, lease) in &mut self.leases {
            match lease.ended {
                None => {
                    run_out(*id, lease, SessionEnd::Disconnect, Cause::ServerRestarted, time, timers);
                    self.left.extend(place_of_left(*id, lease));
                }
                Some(Ended { cause, until: Some(_) }) => {
                    forget_deadline(*id, lease, timers);
                    set_deadline(*id, lease, cause, time, timers);
                }
                Some(Ended { until: None, .. }) => {}
            }
        }
        self.leases.keys().copied().collect()
    }

    /// Forgets a lease.
    fn remove(&mut self, id: LeaseId) -> Option<Lease> {
        let lease = self.leases.remove(&id)?;
        if let Some(place) = place_of_left(id, &lease) {
            self.left.remove(&place);
        }
        Some(lease)
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

/// Where a lease stands in `left` once nobody holds it.
fn place_of_left(id: LeaseId, lease: &Lease) -> Option<(ApiKeyId, LeaseId)> {
    matches!(id, LeaseId::Logon(_)).then_some((lease.key, id))
}

fn run_out(id: LeaseId, lease: &mut Lease, end: SessionEnd, cause: Cause, time: Nanos, timers: &mut Timers) {
    if lease.terms.on.covers(end) {
        set_deadline(id, lease, cause, time, timers);
    } else {
        lease.ended = Some(Ended { cause, until: None });
    }
}

fn set_deadline(id: LeaseId, lease: &mut Lease, cause: Cause, time: Nanos, timers: &mut Timers) {
    let grace = if planted::has(Bug::GraceIgnored) { Span::ZERO } else { lease.terms.grace };
    let until = time + grace;
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
        let left = match command {
            Command::SessionBegan(began) => return self.leases.begin(began, &mut self.timers),
            Command::SessionEnded(ended) => self.leases.end(ended, time, &mut self.timers),
            _ => self.leases.restart(time, &mut self.timers),
        };
        left.into_iter().for_each(|id| self.drop_if_empty(id));
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
                self.leases.remove(id);
                self.books.values_mut().for_each(|book| book.forget_lease(id));
                return true;
            };
            let (book, mut tape) = self.book_and_tape(instrument, time);
            book.close(at, &Closing::by_venue(cause), &mut tape);
            self.follow_last(seq);
            from = instrument;
            if planted::has(Bug::LeaseKeepsOne) {
                self.leases.remove(id);
                self.books.values_mut().for_each(|book| book.forget_lease(id));
                return true;
            }
        }
        false
    }

    /// What nobody holds and has no orders is of no use to a later logon.
    fn drop_if_empty(&mut self, id: LeaseId) {
        if self.books.values().any(|book| book.first_of_lease(id).is_some()) {
            return;
        }
        if let Some(lease) = self.leases.remove(id) {
            forget_deadline(id, &lease, &mut self.timers);
            self.books.values_mut().for_each(|book| book.forget_lease(id));
        }
    }
}
