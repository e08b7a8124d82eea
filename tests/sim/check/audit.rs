//! What a journal says, against what the clients were told of it.

use super::model::Model;
use super::rates::rates;
use crate::clients::intent::{WINDOW_BASE, What};
use crate::clients::seen::{At, Seen, Told, Verdict, check};
use crate::venue::TRADED;
use sealgate::run::journal::walk::JournalFault;
use sealgate::run::recovery::{self, ReplayedStep, SessionState};
use sealgate::seal::Vault;
use sealgate::types::{Event, ExecType, Execution, InstrumentId, SessionId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What one pass over a journal gathers.
#[derive(Default)]
pub struct Audit {
    events: BTreeMap<At, Event>,
    /// The executions of each account on each shard, in their order.
    streams: BTreeMap<(u32, u8), Vec<At>>,
    pub model: Model,
    /// The attempt of each step that an order was entered or closed by, in the order of the journal: shard, session.
    order: BTreeMap<(u8, SessionId), Vec<usize>>,
    /// Attempts that did something.
    effective: BTreeMap<usize, At>,
    /// Attempts that a shard executed; the first one, of what concerns all.
    executed: BTreeSet<usize>,
    last_time: BTreeMap<u8, u64>,
    /// What was accepted under a name.
    accepted: BTreeMap<usize, usize>,
    /// Where the last whole record ends: segment, offset.
    pub end: (u32, u32),
    /// What is wrong with snapshots.
    pub unfit: Vec<String>,
    /// The last record and the state hash of each shard.
    pub shards: Vec<(u8, u64, [u8; 32])>,
}

impl Audit {
    /// Reads a journal on the machine that this thread is inside of, and checks it.
    pub fn of(folder: &Path, vault: &Vault, seen: &Seen) -> Result<Self, JournalFault> {
        let mut audit = Self::default();
        let replayed = recovery::replay(folder, vault, |step| audit.step(&step, seen))?;
        audit.model.sums_up();
        audit.end = (replayed.walked.end.place.segment, replayed.walked.end.place.offset);
        let unfit =
            replayed.snapshots.iter().filter_map(|(segment, fit)| Some((segment, fit.as_ref().err()?)));
        audit.unfit = unfit.map(|(segment, why)| format!("{segment}: {why}")).collect();
        audit.session_log_first(&replayed.sessions, seen);
        for shard in &replayed.shards {
            audit.shards.push((shard.id().0, shard.last_seq().0, shard.state_hash()));
            audit.compare_state(shard);
        }
        audit.compare(seen);
        Ok(audit)
    }

    fn step(&mut self, step: &ReplayedStep<'_>, seen: &Seen) {
        let attempt = step.command.requester().and_then(|requester| {
            requester.recv_window.as_millis_ceil().checked_sub(WINDOW_BASE).map(|attempt| attempt as usize)
        });
        let wanted = attempt.and_then(|attempt| seen.attempts.get(attempt));
        let shard = step.shard.0;
        let last = self.last_time.insert(shard, step.time.0).unwrap_or(0);
        check(last <= step.time.0, "time-goes-on", || format!("shard-{shard}: {last}, then {}", step.time.0));
        self.model.step(step, wanted.map(|wanted| &wanted.what));
        for (index, event) in step.events.iter().enumerate() {
            let at = (shard, step.seq.0, index as u16);
            self.events.insert(at, *event);
            if let Event::Execution(execution) = event {
                self.streams.entry((execution.order.account.0, shard)).or_default().push(at);
            }
            if let (Some(attempt), Event::Execution(execution)) = (attempt, event)
                && execution.exec_type != ExecType::Rejected
            {
                self.effective.entry(attempt).or_insert(at);
                if let (ExecType::New | ExecType::Replaced, Some(wanted)) = (execution.exec_type, wanted) {
                    self.accepted.insert(wanted.intent, attempt);
                    // A FIX client sends its order again with a new time.
                    let until = wanted.sent_ms + WINDOW_BASE + attempt as u64 + 1;
                    let in_time = wanted.via.0 < 2 || step.time.as_millis() <= until;
                    check(in_time, "too-late-is-refused", || format!("{wanted:?} ran at {}", step.time.0));
                }
            }
        }
        if let (Some(attempt), Some(requester)) = (attempt, step.command.requester()) {
            self.order.entry((shard, requester.session)).or_default().push(attempt);
            let is_everywhere = matches!(wanted.map(|wanted| &wanted.what), Some(What::MassCancel(None, _)));
            if shard == 0 || !is_everywhere {
                self.executed.insert(attempt);
            }
        }
    }

    /// What ran for a FIX session was taken from it before, by the record of its number.
    fn session_log_first(&self, sessions: &BTreeMap<SessionId, SessionState>, seen: &Seen) {
        for ((_, session), attempts) in self.order.iter().filter(|((_, session), _)| session.0 != 0) {
            let next = sessions.get(session).map_or(0, |session| session.next_inbound.0);
            for attempt in attempts {
                let number = seen.numbers.get(attempt).copied().unwrap_or(0);
                check(number < next, "session-log-first", || {
                    format!("session {session} ran {number}, and expects {next} next")
                });
            }
        }
    }

    fn compare_state(&self, shard: &sealgate::run::shard::Shard) {
        for (about, traded) in TRADED.iter().enumerate() {
            let id = InstrumentId(traded.id);
            let known = shard.open_orders().filter(|order| order.instrument == id);
            let known: BTreeMap<u64, i64> = known.map(|order| (order.id.0, order.cum_qty.0 as i64)).collect();
            if shard.instruments().all(|instrument| instrument.id != id) {
                continue;
            }
            let own = self.model.open.iter().filter(|open| open.traded == about);
            let own: BTreeMap<u64, i64> = own.map(|open| (open.id, open.cum)).collect();
            check(known == own || shard.has_pending(), "state-of-the-book", || {
                format!("the shard has {known:?}, the model {own:?}")
            });
        }
        for (instrument, account, position) in shard.positions() {
            let about = TRADED.iter().position(|traded| traded.id == instrument.0).unwrap_or(0);
            let own = self.model.positions.get(&(about, account.0)).copied().unwrap_or(0);
            check(i128::from(own) == position, "conservation", || format!("{own}, the shard has {position}"));
        }
    }

    fn compare(&self, seen: &Seen) {
        for (at, told) in &seen.told {
            let Some(Event::Execution(execution)) = self.events.get(at) else {
                panic!("invariant told-is-kept: {at:?} {told:?} is not in the journal");
            };
            check(is_told(execution, told), "told-is-kept", || format!("{at:?} {told:?}: {execution:?}"));
        }
        let mut by_order: BTreeMap<u64, Vec<&Execution>> = BTreeMap::new();
        for event in self.events.values() {
            if let Event::Execution(execution) = event {
                by_order.entry(execution.order.id.0).or_default().push(execution);
            }
        }
        for answered in &seen.answered {
            let found = by_order.get(&answered.order_id).map_or(&[][..], Vec::as_slice);
            let cum = found.iter().map(|e| e.order.cum_qty.0 as i64).max().unwrap_or(-1);
            check(cum >= answered.cum, "told-is-kept", || format!("{answered:?}: {found:?}"));
            let closed = found.iter().any(|e| e.exec_type == ExecType::Canceled);
            check(closed || !answered.canceled, "told-is-kept", || format!("{answered:?}: not canceled"));
            for fill in &answered.fills {
                let is_it = |e: &&&Execution| {
                    e.fill.is_some_and(|f| (f.price.0, f.qty.0 as i64, f.trade_id.0) == *fill)
                };
                check(found.iter().find(is_it).is_some(), "told-is-kept", || format!("{answered:?}"));
            }
        }
        self.streamed(seen);
        self.model.answers(seen);
        self.model.market(seen);
        rates(seen, &self.executed, seen.orders_per_day);
        self.promises(seen);
    }

    /// The private streams told the executions of the account, each under its number.
    fn streamed(&self, seen: &Seen) {
        for (stream, told) in &seen.streams {
            let all = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
            for (number, (traded, told)) in told {
                let at = number.checked_sub(1).and_then(|at| all.get(at as usize));
                let Some((at, Event::Execution(execution))) =
                    at.and_then(|at| Some((at, self.events.get(at)?)))
                else {
                    panic!("invariant told-is-kept: the stream told {number} of {stream:?}: {told:?}");
                };
                let is_it = is_told(execution, told) && TRADED[*traded].id == execution.order.instrument.0;
                check(is_it, "resumed-is-the-same", || {
                    format!("{number} of {stream:?} is {told:?}, and {execution:?} at {at:?}")
                });
            }
        }
    }

    fn promises(&self, seen: &Seen) {
        for (attempt, at) in &self.effective {
            let Some(known) = seen.attempts.get(*attempt) else { continue };
            let refused = match &known.verdict {
                // Of one that concerns all shards some had done their part.
                Some(Verdict::Refused(why)) if why.contains("LostByRestart") => {
                    !matches!(known.what, What::MassCancel(None, _))
                }
                Some(Verdict::Refused(_)) => !known.sent_again,
                _ => false,
            };
            check(!refused, "refused-is-refused", || format!("{known:?} did something at {at:?}"));
        }
        for (at, known) in seen.attempts.iter().enumerate() {
            let accepted = self.accepted.get(&known.intent).map(|first| &seen.attempts[*first].what);
            let other = accepted.is_some_and(|what| *what != known.what);
            let done = known.verdict == Some(Verdict::Done);
            check(!(other && done), "other-content-is-refused", || {
                format!("attempt {at} {known:?} was done, and {accepted:?} stands under its name")
            });
        }
        for ((shard, session), attempts) in &self.order {
            let mut last: BTreeMap<usize, u64> = BTreeMap::new();
            for attempt in attempts {
                let Some(known) = seen.attempts.get(*attempt) else { continue };
                let (client, number) = known.via;
                let before = last.insert(client, number).unwrap_or(0);
                check(before <= number || session.0 == 0, "order-of-a-session", || {
                    format!("shard-{shard} ran {number} of client {client} after {before}")
                });
            }
        }
    }

    /// Everything that a session must hear of was told to it.
    pub fn everything_was_told(&self, seen: &Seen, sessions: &[(usize, SessionId)]) {
        for (at, event) in &self.events {
            let Event::Execution(_) = event else { continue };
            for (client, session) in sessions {
                let concerns = event.sessions().contains(session);
                check(!concerns || seen.heard.contains_key(&(*client, *at)), "told-at-last", || {
                    format!("session {session} never heard of {at:?} {event:?}")
                });
            }
        }
    }
}

fn is_told(execution: &Execution, told: &Told) -> bool {
    let order = &execution.order;
    let exec_type = match execution.exec_type {
        ExecType::New => '0',
        ExecType::Trade => 'F',
        ExecType::Canceled => '4',
        ExecType::Expired => 'C',
        ExecType::Rejected => '8',
        ExecType::Replaced => '5',
        ExecType::Prevented => 'D',
    };
    let name = execution.cancel_id.unwrap_or(order.cl_ord_id);
    let last = execution.fill.map(|fill| (fill.price.0, fill.qty.0 as i64));
    exec_type == told.exec_type
        && order.id.0 == told.order_id
        && name.as_str() == told.cl_ord_id
        && order.cum_qty.0 as i64 == told.cum
        && order.leaves_qty().0 as i64 == told.leaves
        && last == told.last
}
