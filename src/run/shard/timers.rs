//! What a shard has to do later: deadlines in the order of their times.
//!
//! ```text
//!   a command sets a deadline ─► Timers ─► next deadline: the agent looks at it before each input
//!                                   │
//!       the time has come: Command::Timers, a step of its own ─► what is due at the step's time, oldest first
//! ```
//!
//! - A deadline that has come is run before any command that is sequenced after it, so no order trades after its
//!   expiry, however late the agent looks.
//! - The step is in the journal with its time, and a replay runs what was due at that time: nothing is decided by a
//!   clock again.
//! - One step does at most [`TIMERS_PER_STEP_MAX`] things. What is left stays due, and the next step goes on with it.
//! - Cost: the logarithm of how many deadlines there are, and a node of memory for every six or so. Orders without a
//!   deadline never come here.

use super::{At, ReplayError, Shard, Step};
use crate::limits::TIMERS_PER_STEP_MAX;
use crate::matching::Handle;
use crate::once::Standing;
use crate::planted::{self, Bug};
use crate::types::{AccountId, Cause, Command, Event, InstrumentId, LeaseId, Nanos, OrderId, Seq};
use crate::wire::record::fields::Writer;
use crate::wire::record::{DecodeError, Encoder, Field, Reader};
use std::collections::BTreeSet;

/// What is to be done. Two that are due at one time are done in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Timer {
    /// The time of a resting order is over.
    Expiry(OrderId),
    /// The grace of a lease is over.
    Lease(LeaseId),
    /// The dead man's timer of an account.
    CancelAll(AccountId),
}

/// The deadlines of a shard. Part of its state.
#[derive(Debug, Default, Hash)]
pub(super) struct Timers {
    deadlines: BTreeSet<(Nanos, Timer)>,
}

impl Timers {
    /// Has something done at `at`, or as soon after it as the shard's agent looks.
    pub(super) fn set(&mut self, at: Nanos, timer: Timer) {
        self.deadlines.insert((at, timer));
    }

    /// What was set for `at` is not to be done any more. Nothing happens if it was not set.
    pub(super) fn clear(&mut self, at: Nanos, timer: Timer) {
        self.deadlines.remove(&(at, timer));
    }

    /// Writes them into a snapshot.
    pub(super) fn save(&self, to: &mut Encoder) {
        let Self { deadlines } = self;
        to.put_all(deadlines.iter().copied());
    }

    /// Reads what [`Timers::save`] wrote.
    pub(super) fn load(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { deadlines: from.take_all()?.into_iter().collect() })
    }

    /// The earliest deadline.
    fn next(&self) -> Option<Nanos> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The oldest of what is due.
    fn due(&self, time: Nanos) -> Option<(Nanos, Timer)> {
        self.deadlines.first().copied().filter(|(at, _)| *at <= time)
    }
}

impl Field for Timer {
    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Self::Expiry(order) => to.put(&1u8).put(order),
            Self::Lease(lease) => to.put(&2u8).put(lease),
            Self::CancelAll(account) => to.put(&3u8).put(account),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match from.take::<u8>()? {
            1 => from.take().map(Self::Expiry),
            2 => from.take().map(Self::Lease),
            3 => from.take().map(Self::CancelAll),
            other => Err(DecodeError::Value { what: "Timer", value: other.into() }),
        }
    }
}

impl Shard {
    /// When the next timer is due, if one is set.
    pub fn next_deadline(&self) -> Option<Nanos> {
        self.timers.next()
    }

    /// Whether a timer is due: then [`Shard::fire`] comes before the next command, and after a sweep that is pending.
    pub fn is_due(&self, now: Nanos) -> bool {
        self.next_deadline().is_some_and(|at| at <= self.sequencer.time(now))
            && !planted::has(Bug::NeverExpires)
    }

    /// Runs what is due, as a step of its own. More may be due after it.
    pub fn fire(&mut self, now: Nanos) -> Step<'_> {
        assert!(self.pending.is_none(), "a sweep ends before a timer is run");
        assert!(self.is_due(now), "a step for timers has something to do");
        let at = self.sequencer.next(now);
        self.run(at, None, &Command::Timers);
        self.step(at, None, &Command::Timers)
    }

    /// Whether a recorded step for timers has something to do at its time.
    pub(super) fn check_timers(&self, (seq, time): At, command: &Command) -> Result<(), ReplayError> {
        if *command == Command::Timers && self.timers.due(time).is_none() {
            return Err(ReplayError::NothingDue(seq));
        }
        Ok(())
    }

    pub(super) fn run_timers(&mut self, step: At) {
        for _ in 0..TIMERS_PER_STEP_MAX {
            let full = self.events.len() >= TIMERS_PER_STEP_MAX;
            let Some((at, timer)) = self.timers.due(step.1).filter(|_| !full) else { return };
            if !self.run_timer(timer, step) {
                return;
            }
            self.timers.clear(at, timer);
            // Cancels that go on as a sweep of their own come before what else is due.
            if self.pending.is_some() {
                return;
            }
        }
    }

    /// Runs one; returns whether it is done with. If it is not, the step is full, and it goes on in the next.
    fn run_timer(&mut self, timer: Timer, step: At) -> bool {
        let time = step.1;
        match timer {
            Timer::Expiry(order) => {
                if let Some((instrument, at)) = self.resting_order(order) {
                    let (book, mut tape) = self.book_and_tape(instrument, time);
                    book.expire(at, Cause::GoodTillDate, &mut tape);
                    self.follow_last(step.0);
                }
                true
            }
            Timer::Lease(lease) => self.run_lease(lease, step),
            Timer::CancelAll(account) => {
                self.run_dead_man(account, step);
                true
            }
        }
    }

    /// Where an order rests, if it does.
    fn resting_order(&self, order: OrderId) -> Option<(InstrumentId, Handle)> {
        let known = self.once.by_order(order)?;
        match self.once.standing(known) {
            Standing::Resting(handle) => Some((self.once.entry(known).instrument, Handle(handle))),
            _ => None,
        }
    }

    /// Lets once and timers follow the order that was closed last.
    pub(super) fn follow_last(&mut self, seq: Seq) {
        if let Some(Event::Execution(execution)) = self.events.last() {
            let order = execution.order;
            self.once.close(&order, seq);
            self.forget_expiry(&order);
        }
    }
}
