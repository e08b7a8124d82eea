//! The deterministic core: one shard's stages put together, without threads, clocks or sockets.
//!
//! ```text
//!            ┌ repeated ──────────────────────────────────────────────► answer (no sequence number)
//!   command ─┴► sequence ─► once: remember ─► time window ─► risk ─► matching ─► step: command + events
//!   query ─────────────────────────────────────────────────────────────────────► answer (no sequence number)
//! ```
//!
//! What a shard holds is a function of its steps: number, time and command. [`Shard::replay`] runs the same code on
//! recorded steps and ends in the same state, which [`Shard::state_hash`] tells.
//!
//! How an agent drives it, each time that its output rings have room for [`EVENTS_PER_STEP_MAX`] events:
//! while [`Shard::has_pending`], call [`Shard::proceed`]; else take an input and call [`Shard::execute`] or
//! [`Shard::query`]. A step goes to the journal, then its [`Step::outputs`] to every gateway.
//!
//! [`EVENTS_PER_STEP_MAX`]: crate::limits::EVENTS_PER_STEP_MAX

use crate::types::{
    AccountId, Command, Event, Instrument, InstrumentId, Nanos, Order, Origin, Price, Query, Seq, ShardId,
    ShardOutput,
};

/// One shard: a matching engine with all that it needs.
#[derive(Debug)]
pub struct Shard {
    id: ShardId,
}

/// What a command came to.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Outcome<'a> {
    /// It was sequenced and executed; or refused, which is a step too.
    Step(Step<'a>),
    /// It is a repetition: nothing happened, this is its answer. There is none if nobody asked.
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
    /// What was executed; a [`Command::Continue`] of the shard's own for the rest of a sweep.
    pub command: &'a Command,
    /// What it brought about, in this order.
    pub events: &'a [Event],
    /// Who asked: for a [`Command::Continue`] the one who asked for the order. Not in the journal.
    pub origin: Option<Origin>,
    /// Whether the request is done: false while a sweep goes on.
    pub done: bool,
}

/// Why a recorded step could not be run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {}

impl Step<'_> {
    /// What goes to each gateway: the events with their places; the last one of a request is marked.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = ShardOutput> + '_ {
        let last = self.events.len().saturating_sub(1);
        self.events.iter().enumerate().map(move |(index, event)| ShardOutput::Event {
            shard: self.shard,
            seq: self.seq,
            index: index as u16,
            time: self.time,
            last: self.done && index == last,
            origin: self.origin,
            event: *event,
        })
    }
}

#[allow(clippy::unimplemented, unused_variables)]
impl Shard {
    /// A shard without instruments and accounts: they come as commands.
    pub fn new(id: ShardId) -> Self {
        Self { id }
    }

    /// Executes a command at `now`, or finds that it is a repetition. There must be nothing pending.
    pub fn execute<'a>(
        &'a mut self,
        origin: Option<Origin>,
        command: &'a Command,
        now: Nanos,
    ) -> Outcome<'a> {
        unimplemented!()
    }

    /// Whether a sweep is not done. Then [`Shard::proceed`] comes before anything else.
    pub fn has_pending(&self) -> bool {
        unimplemented!()
    }

    /// The next step of the sweep that is not done.
    pub fn proceed(&mut self, now: Nanos) -> Step<'_> {
        unimplemented!()
    }

    /// Answers a question from the state as it is.
    pub fn query(&self, origin: Origin, query: &Query, now: Nanos) -> ShardOutput {
        unimplemented!()
    }

    /// Runs a recorded step again; the caller compares its events with those recorded.
    pub fn replay<'a>(
        &'a mut self,
        seq: Seq,
        time: Nanos,
        command: &'a Command,
    ) -> Result<Step<'a>, ReplayError> {
        unimplemented!()
    }

    /// Which shard it is.
    pub fn id(&self) -> ShardId {
        self.id
    }

    /// The number of the last step.
    pub fn last_seq(&self) -> Seq {
        unimplemented!()
    }

    /// SHA-256 over all that later steps depend on, in a fixed order: equal states have equal hashes. It walks the
    /// whole state, so it is for recovery, tests and the self-check.
    pub fn state_hash(&self) -> [u8; 32] {
        unimplemented!()
    }

    /// Its instruments, by number.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        std::iter::empty()
    }

    /// Positions that were ever opened, by instrument and account: bought less sold.
    pub fn positions(&self) -> impl Iterator<Item = (InstrumentId, AccountId, i128)> {
        std::iter::empty()
    }

    /// All open orders, by instrument, then by OrderID.
    pub fn open_orders(&self) -> Vec<Order> {
        unimplemented!()
    }

    /// The price of the last trade.
    pub fn last_trade(&self, instrument: InstrumentId) -> Option<Price> {
        unimplemented!()
    }
}
