//! The deterministic core: one shard's stages put together, without threads, clocks or sockets.
//!
//! ```text
//!   command ─► once: seen? ─► sequence ─► time window ─► risk ─► matching ─► settle ─► step: command + events
//!                 │                          └─ refused ──────────────────────▲
//!                 └ repeated ─► answer         settle: risk and once follow each event
//!   query ────────────────────► answer         (answers change nothing and take no sequence number)
//! ```
//!
//! What a shard holds is a function of its steps: number, time and command. [`Shard::replay`] runs the same code on
//! recorded steps and ends in the same state, which [`Shard::state_hash`] tells.
//!
//! How an agent drives it, each time that its output rings have room for [`EVENTS_PER_STEP_MAX`] events:
//! while [`Shard::has_pending`], call [`Shard::proceed`]; while [`Shard::is_due`], call [`Shard::fire`]; else take
//! an input and call [`Shard::execute`] or [`Shard::query`]. A step goes to the journal, then its [`Step::outputs`]
//! to every gateway.

mod amend;
mod cancels;
mod dead_man;
mod hash;
mod history;
mod kills;
mod leases;
mod query;
mod requests;
mod state;
mod streams;
#[cfg(test)]
mod tests;
mod timers;

use crate::limits::EVENTS_PER_STEP_MAX;
use crate::matching::{Book, Ledger, Taker};
use crate::once::{Known, Once};
use crate::risk::Risk;
use crate::sequence::{OutOfSequence, Sequencer};
use crate::types::{
    AccountId, AccountLimits, Command, Continue, Event, Execution, Instrument, InstrumentId, Nanos, Order,
    Origin, Price, Seq, ShardId, ShardOutput, Side,
};
use cancels::Cancels;
use dead_man::DeadMen;
use history::History;
use leases::Leases;
use std::collections::BTreeMap;
use streams::Streams;
use timers::{Timer, Timers};

/// The number and the time of a step.
type At = (Seq, Nanos);

/// One shard: a matching engine with all that it needs.
#[derive(Debug)]
pub struct Shard {
    id: ShardId,
    sequencer: Sequencer,
    once: Once,
    risk: Risk,
    books: BTreeMap<InstrumentId, Book>,
    /// How many trades it has made.
    trades: u64,
    /// What goes on in the next step.
    pending: Option<Pending>,
    /// What `myTrades` tells: a function of the events, and nothing depends on it.
    history: History,
    streams: Streams,
    timers: Timers,
    leases: Leases,
    dead_men: DeadMen,
    /// The first step that the journal can read back. Not part of the state.
    at_hand: Seq,
    /// Whether the journal has room for more than cancels. Not part of the state.
    takes_orders: bool,
    /// The step that was made last. Not part of the state.
    events: Vec<Event>,
    continuation: Command,
}

/// A sweep that was longer than one step.
#[derive(Debug)]
struct Pending {
    rest: Rest,
    /// Not part of the state: after a restart nobody waits for the answer.
    origin: Option<Origin>,
}

/// What goes on.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // There is one of them.
enum Rest {
    /// An order meets the book.
    Order(Sweep),
    /// Orders are canceled together.
    Cancels(Cancels),
    /// All orders of a book are.
    Book(InstrumentId),
}

/// An order on its way through the book.
#[derive(Debug)]
struct Sweep {
    taker: Taker,
    /// The request that is answered with it.
    known: Known,
    /// The request that entered the order: another one if this is an amendment.
    entered: Known,
}

/// What a command came to.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // It is returned and taken apart at once.
pub enum Outcome<'a> {
    /// It was sequenced and executed; or refused, which is a step too.
    Step(Step<'a>),
    /// It is a repetition, or changes nothing: nothing happened, this is its answer. There is none if nobody asked.
    Repetition(Option<ShardOutput>),
}

/// One sequenced step: what the journal appends (beside the signed bytes) and what the gateways hear.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Which shard.
    pub shard: ShardId,
    /// Its number.
    pub seq: Seq,
    /// Its time.
    pub time: Nanos,
    /// What was executed; a [`Command::Continue`] of the shard's own for the rest of a sweep, [`Command::Timers`] for
    /// what was due.
    pub command: &'a Command,
    /// What it brought about, in this order. Empty for a change by the venue that was not taken.
    pub events: &'a [Event],
    /// Who asked: for a [`Command::Continue`] the one who asked for the order. Not in the journal.
    pub origin: Option<Origin>,
    /// Whether the request is done: false while a sweep goes on.
    pub done: bool,
}

/// Why a recorded step could not be run again: the journal is not one of this code's shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It does not follow the step before it.
    #[error(transparent)]
    Sequence(#[from] OutOfSequence),
    /// A sweep is not done, and the record is not its continuation; or it is one of nothing.
    #[error("record {0} does not continue the sweep that is pending, or none is")]
    Continuation(Seq),
    /// A repetition has no record, and neither has what changes nothing.
    #[error("record {0} repeats what stands in the journal before it")]
    Repetition(Seq),
    /// It runs timers, and none is due at its time.
    #[error("record {0} runs timers, but none is due at its time")]
    NothingDue(Seq),
}

impl Shard {
    /// A shard without instruments and accounts: they come as commands.
    pub fn new(id: ShardId) -> Self {
        Self {
            id,
            sequencer: Sequencer::default(),
            once: Once::new(id),
            risk: Risk::default(),
            books: BTreeMap::new(),
            trades: 0,
            pending: None,
            history: History::default(),
            streams: Streams::default(),
            timers: Timers::default(),
            leases: Leases::default(),
            dead_men: DeadMen::default(),
            at_hand: Seq(0),
            takes_orders: true,
            events: Vec::with_capacity(EVENTS_PER_STEP_MAX),
            continuation: Command::Timers,
        }
    }

    /// Executes a command at `now`, or finds that it is a repetition. Nothing may be pending; a
    /// [`Command::Continue`] comes from [`Shard::proceed`] only, a [`Command::Timers`] from [`Shard::fire`].
    pub fn execute<'a>(
        &'a mut self,
        origin: Option<Origin>,
        command: &'a Command,
        now: Nanos,
    ) -> Outcome<'a> {
        assert!(self.pending.is_none(), "a sweep ends before the next command begins");
        assert!(!matches!(command, Command::Continue(_)), "a shard continues its sweeps itself");
        assert!(*command != Command::Timers, "a shard knows itself what is due");
        if self.is_idle(command) {
            return Outcome::Repetition(None);
        }
        if let Some(answer) = self.repetition(command, now).or_else(|| self.no_room(command, now)) {
            return Outcome::Repetition(origin.map(|origin| self.answer(origin, now, answer)));
        }
        let at = self.sequencer.next(now);
        self.run(at, origin, command);
        Outcome::Step(self.step(at, origin, command))
    }

    /// Bounds how many requests are remembered, and makes room for all of them. Beyond that new ones are refused.
    pub fn reserve_ids(&mut self, ids_max: usize) {
        self.once.reserve(ids_max);
    }

    /// Takes a page of memory that requests to come will need, if there is one; nothing else changes.
    pub fn touch(&mut self) -> bool {
        self.once.touch()
    }

    /// Whether new orders, and what may become one, are taken; repetitions and cancels always are.
    pub fn take_orders(&mut self, takes: bool) {
        self.takes_orders = takes;
    }

    /// Whether a sweep is not done. Then [`Shard::proceed`] comes before anything else.
    pub fn has_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The next step of the sweep that is not done.
    pub fn proceed(&mut self, now: Nanos) -> Step<'_> {
        let pending = self.pending.as_ref().expect("there is a sweep to go on with");
        let (origin, command) = (pending.origin, Command::Continue(pending.continuation()));
        let at = self.sequencer.next(now);
        self.run(at, origin, &command);
        self.continuation = command;
        self.step(at, origin, &self.continuation)
    }

    /// Runs a recorded step again; the caller compares its events with those recorded. After an error the shard is
    /// of no use.
    pub fn replay<'a>(
        &'a mut self,
        seq: Seq,
        time: Nanos,
        command: &'a Command,
    ) -> Result<Step<'a>, ReplayError> {
        let expected = self.pending.as_ref().map(Pending::continuation);
        let found = if let Command::Continue(of) = command { Some(*of) } else { None };
        if expected != found {
            return Err(ReplayError::Continuation(seq));
        }
        self.check_timers((seq, time), command)?;
        if self.is_idle(command) || self.repetition(command, time).is_some() {
            return Err(ReplayError::Repetition(seq));
        }
        self.sequencer.replay(seq, time)?;
        self.run((seq, time), None, command);
        Ok(self.step((seq, time), None, command))
    }

    /// Which shard it is.
    pub fn id(&self) -> ShardId {
        self.id
    }

    /// The number of the last step.
    pub fn last_seq(&self) -> Seq {
        self.sequencer.last()
    }

    /// Its instruments, by number.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.risk.instruments()
    }

    /// The limits of its accounts, by number.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountLimits> {
        self.risk.accounts()
    }

    /// Positions that were ever opened, by instrument and account: bought less sold.
    pub fn positions(&self) -> impl Iterator<Item = (InstrumentId, AccountId, i128)> {
        self.risk.positions()
    }

    /// All resting orders: by instrument, then bids and asks in the order in which they trade.
    pub fn open_orders(&self) -> impl Iterator<Item = &Order> {
        self.books
            .values()
            .flat_map(|book| book.orders_by_priority(Side::Buy).chain(book.orders_by_priority(Side::Sell)))
    }

    /// The price of the last trade.
    pub fn last_trade(&self, instrument: InstrumentId) -> Option<Price> {
        self.risk.last_trade(instrument)
    }

    /// Runs a command that was sequenced.
    fn run(&mut self, at: At, origin: Option<Origin>, command: &Command) {
        self.events.clear();
        self.once.forget(at.1);
        self.run_command(at, origin, command);
        self.streams.number(at.0, &mut self.events);
    }

    fn run_command(&mut self, at: At, origin: Option<Origin>, command: &Command) {
        match command {
            Command::New(requester, order) => self.run_new(at, origin, requester, order),
            Command::Cancel(requester, cancel) => self.run_cancel(at, requester, cancel),
            Command::Amend(requester, amend) => self.run_amend(at, origin, requester, amend),
            Command::Replace(requester, replace) => self.run_replace(at, origin, requester, replace),
            Command::MassCancel(requester, cancel) => self.run_mass_cancel(at, origin, requester, cancel),
            Command::Continue(_) => {
                let Pending { rest, origin } =
                    self.pending.take().expect("it was compared with what is pending");
                match rest {
                    Rest::Order(sweep) => self.sweep(sweep, origin, at),
                    Rest::Cancels(cancels) => self.cancel_more(cancels, origin, at),
                    Rest::Book(instrument) => self.empty_book(instrument, at),
                }
            }
            Command::SessionBegan(_) | Command::SessionEnded(_) | Command::Restarted => {
                self.run_session(command, at.1);
            }
            Command::CancelAllAfter(requester, request) => self.run_cancel_all_after(at, requester, request),
            Command::Timers => self.run_timers(at),
            Command::Kill(switch) => self.run_kill(at, switch),
            Command::Instrument(instrument) => {
                if self.risk.list(instrument) {
                    self.books.entry(instrument.id).or_default();
                    self.events.push(Event::Instrument(*instrument));
                }
            }
            Command::Account(limits) => {
                self.risk.limit(limits);
                self.streams.open(limits.account);
                self.events.push(Event::Account(*limits));
            }
            Command::Reference(instrument, reference) => {
                if self.risk.refer(*instrument, *reference) {
                    self.events.push(Event::Reference(*instrument, *reference));
                }
            }
        }
    }

    fn step<'a>(&'a self, (seq, time): At, origin: Option<Origin>, command: &'a Command) -> Step<'a> {
        let (shard, done) = (self.id, self.pending.is_none());
        Step { shard, seq, time, command, events: &self.events, origin, done }
    }
}

impl Pending {
    fn continuation(&self) -> Continue {
        match &self.rest {
            Rest::Order(Sweep { taker, .. }) => {
                Continue::Order { instrument: taker.order.instrument, order: taker.order.id }
            }
            Rest::Cancels(cancels) => Continue::Cancels(cancels.scope),
            Rest::Book(instrument) => Continue::Book(*instrument),
        }
    }
}

/// Positions are risk's; matching asks for them while it clips reduce-only orders.
impl Ledger for Risk {
    fn follow(&mut self, execution: &Execution) {
        self.apply(execution);
    }

    fn position(&self, account: AccountId, instrument: InstrumentId) -> i128 {
        Risk::position(self, instrument, account)
    }
}

impl Step<'_> {
    /// What goes to each gateway: the events with their places. The last one of a request is marked; where
    /// self-match prevention closed resting orders, that may be an event of another order of the requester.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = ShardOutput> + '_ {
        let last = self.events.len().saturating_sub(1);
        self.events.iter().enumerate().map(move |(index, event)| ShardOutput::Event {
            shard: self.shard,
            seq: self.seq,
            index: index as u16,
            time: self.time,
            ends: index == last,
            last: self.done && index == last,
            origin: self.origin,
            event: *event,
        })
    }
}
