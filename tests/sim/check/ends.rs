//! What becomes of orders without anybody asking for it: cancel on disconnect, the dead man's timer, expiry. In the
//! plainest way: each shard's leases in a list, each deadline looked at before whatever is sequenced after it.

use super::model::Resting;
use crate::clients::seen::check;
use sealgate::run::recovery::ReplayedStep;
use sealgate::types::{
    ApiKeyId, CancelAllAfterSet, CancelOn, CancelTerms, Cause, Command, LeaseId, LogonId, Nanos, Requester,
    SessionBegan, SessionEnd, SessionId, Span,
};
use std::collections::BTreeMap;

/// The orders that a session answers for.
#[derive(Clone, Copy, Debug)]
struct Lease {
    key: ApiKeyId,
    terms: CancelTerms,
    logon: LogonId,
    /// Nobody holds it; its orders are canceled at this time, or never.
    ended: Option<Option<u64>>,
}

/// All of them, by shard.
#[derive(Debug, Default)]
pub struct Ends {
    leases: BTreeMap<(u8, LeaseId), Lease>,
    /// The timers of accounts: when, and when the request was sent that set them last.
    dead_men: BTreeMap<(u8, u32), (Option<u64>, Nanos)>,
}

impl Lease {
    fn ends(&mut self, end: SessionEnd, time: u64) {
        let until = self.terms.on.covers(end).then_some(time + self.terms.grace.0);
        self.ended = Some(until);
    }

    fn is_over(&self, time: u64) -> bool {
        self.ended.flatten().is_some_and(|until| until <= time)
    }
}

impl Ends {
    /// What an order belongs to that this requester enters.
    pub fn lease_of(&self, shard: u8, requester: &Requester) -> Option<LeaseId> {
        let id = match (requester.session, requester.logon) {
            (SessionId::NONE, LogonId::NONE) => return None,
            (SessionId::NONE, logon) => LeaseId::Logon(logon),
            (session, _) => LeaseId::Session(session),
        };
        let lease = self.leases.get(&(shard, id))?;
        (lease.terms.on != CancelOn::Nothing).then_some(id)
    }

    /// What was due before a step has been done: but by the start, which is told of first.
    pub fn before(&mut self, step: &ReplayedStep<'_>, open: &[Resting]) {
        let (shard, time) = (step.shard.0, step.time.0);
        let is_told =
            matches!(step.command, Command::SessionBegan(_) | Command::SessionEnded(_)) || requested(step);
        if !is_told {
            return;
        }
        let late = open.iter().find(|open| open.expire != 0 && open.expire * 1_000_000 <= time);
        check(late.is_none(), "expires-in-time", || format!("at {time}: {late:?}"));
        self.leases.retain(|(of, id), lease| {
            let is_over = *of == shard && lease.is_over(time);
            let left = open.iter().find(|open| is_over && open.lease == Some(*id));
            check(left.is_none(), "disconnect-cancels-all", || format!("at {time}: {left:?} of {lease:?}"));
            !is_over
        });
        for ((of, account), (at, _)) in &mut self.dead_men {
            if *of == shard && at.is_some_and(|at| at <= time) {
                let left = open.iter().find(|open| open.account == *account);
                check(left.is_none(), "dead-man-cancels-all", || {
                    format!("at {time}: {left:?}, due at {at:?}")
                });
                *at = None;
            }
        }
    }

    /// What a step says of sessions.
    pub fn after(&mut self, step: &ReplayedStep<'_>, open: &[Resting]) {
        let (shard, time) = (step.shard.0, step.time.0);
        let own = self.leases.iter_mut().filter(|((of, _), _)| *of == shard);
        match step.command {
            Command::SessionBegan(began) => {
                own.for_each(|((_, id), lease)| take_over(*id, lease, began));
                if began.terms.on != CancelOn::Nothing {
                    self.leases.entry((shard, began.lease)).or_insert_with(|| held(began));
                }
            }
            Command::SessionEnded(ended) => {
                let held = own.filter(|(_, lease)| lease.ended.is_none() && lease.logon == ended.logon);
                held.for_each(|(_, lease)| lease.ends(ended.end, time));
            }
            Command::Restarted => own.for_each(|(_, lease)| match lease.ended {
                None => lease.ends(SessionEnd::Disconnect, time),
                Some(Some(_)) => lease.ended = Some(Some(time + lease.terms.grace.0)),
                Some(None) => {}
            }),
            _ => return,
        }
        // What nobody holds and has no orders is of no use to a later logon.
        self.leases.retain(|(of, id), lease| {
            *of != shard || lease.ended.is_none() || open.iter().any(|open| open.lease == Some(*id))
        });
    }

    /// The venue closed an order over the end of a session, or the dead man's timer.
    pub fn closes(&self, step: &ReplayedStep<'_>, open: &Resting, cause: Cause) {
        let (shard, time) = (step.shard.0, step.time.0);
        match cause {
            Cause::SessionDisconnected | Cause::SessionLoggedOut | Cause::ServerRestarted => {
                let lease = open.lease.and_then(|id| self.leases.get(&(shard, id)));
                let is_due = lease.is_some_and(|lease| lease.is_over(time));
                check(is_due, "disconnect-cancels-its-own", || format!("at {time}: {open:?} of {lease:?}"));
            }
            Cause::CancelAllAfter => {
                let due = self.dead_men.get(&(shard, open.account)).and_then(|(at, _)| *at);
                let is_due = due.is_some_and(|at| at <= time);
                check(is_due, "dead-man-cancels-in-time", || format!("at {time}: {open:?}, due at {due:?}"));
            }
            _ => {}
        }
    }

    /// Every session has ended, and what was due is done.
    pub fn are_over(&self, time: u64, open_on: impl Fn(u8) -> Vec<Resting>) {
        for ((shard, id), lease) in &self.leases {
            // A session has a lease on each shard, which answers for the orders there.
            let open = open_on(*shard);
            check(lease.ended.is_some(), "every-end-is-told", || format!("shard-{shard}: {id:?} {lease:?}"));
            let left = open.iter().find(|open| lease.is_over(time) && open.lease == Some(*id));
            check(left.is_none(), "disconnect-cancels-all", || format!("at {time}: {left:?} of {lease:?}"));
        }
    }

    /// A dead man's timer was set, or not: by what was sent last.
    pub fn dead_man(&mut self, step: &ReplayedStep<'_>, set: &CancelAllAfterSet) {
        let Command::CancelAllAfter(requester, request) = step.command else {
            panic!("invariant order-of-a-request: {set:?}");
        };
        if set.refusal.is_some() {
            return;
        }
        let (at, sent) = self.dead_men.entry((step.shard.0, set.account.0)).or_default();
        check(requester.sent >= *sent, "dead-man-goes-on", || format!("{requester:?} after {sent:?}"));
        let anew = (request.timeout > Span::ZERO).then(|| step.time.0 + request.timeout.0);
        let told = set.at.map(|at| at.0);
        let is_right = told == anew || (requester.sent == *sent && told == *at);
        check(is_right, "dead-man-goes-on", || format!("{set:?}, was {at:?}, is {anew:?}"));
        (*at, *sent) = (told, requester.sent);
    }
}

/// Whether a client asked for a step.
fn requested(step: &ReplayedStep<'_>) -> bool {
    step.command.requester().is_some()
}

fn held(began: &SessionBegan) -> Lease {
    Lease { key: began.key, terms: began.terms, logon: began.logon, ended: None }
}

/// A session's next logon has what it left; a WebSocket logon what ended logons of its key left.
fn take_over(id: LeaseId, lease: &mut Lease, began: &SessionBegan) {
    let is_left = matches!((id, began.lease), (LeaseId::Logon(_), LeaseId::Logon(_)))
        && lease.key == began.key
        && lease.ended.is_some();
    if (id == began.lease || is_left) && lease.logon < began.logon {
        *lease = held(began);
    }
}
