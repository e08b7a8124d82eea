//! A remembered request in 72 bytes, whatever became of it.

use super::name::{Key, joined, split};
use super::{Closed, Made, NONE};
use crate::limits::ONCE_RETENTION;
use crate::types::{
    AccountId, InstrumentId, Nanos, OrdStatus, OrderId, RequestState, Requester, Seq, ShardId, Span,
};
use std::hash::{Hash, Hasher};

/// A point in time in whole seconds since 1970, rounded up. Enough until 2106.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seconds(u32);

/// What became of a request. What `link` of its entry means, stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An order that still meets makers.
    Sweeping,
    /// An order that rests in its book: its handle there.
    Resting,
    /// An order that is closed: the record of the step that closed it.
    Closed(OrdStatus),
    /// An amendment that was taken: the order that it amended.
    Amendment,
    /// A cancel, or a refused amendment: the order that it is about, or none.
    NoOrder,
}

// The numbers of the kinds in a snapshot.
const SWEEPING: u8 = 1;
const RESTING: u8 = 2;
const CLOSED: u8 = 3;
const AMENDMENT: u8 = 4;
const NO_ORDER: u8 = 5;

/// The slot of a request. What its answer told stands in the journal, in the steps that are named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Key,
    /// What must be equal in a repetition; the key of its signed bytes where `is_named` is false.
    pub content: Key,
    /// The record of its first step.
    pub seq: Seq,
    /// See [`Kind`].
    pub link: u64,
    /// When it may be forgotten.
    pub due: Seconds,
    /// The next younger one.
    pub(super) younger: u32,
    /// Whose it is.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// How many steps it took.
    pub steps: u16,
    /// What became of it.
    pub kind: Kind,
    /// Whether its ClOrdID came from the client.
    pub is_named: bool,
}

const _: () =
    assert!(size_of::<Entry>() == 72, "10 million of them, with their tables, take less than 1 GiB");

impl Seconds {
    /// The first whole second that is not before this.
    pub fn not_before(time: Nanos) -> Self {
        Self(u32::try_from(time.0.div_ceil(Span::from_secs(1).0)).unwrap_or(u32::MAX))
    }

    /// Whether it has come.
    pub fn is_past(self, time: Nanos) -> bool {
        Nanos(Span::from_secs(self.0.into()).0) <= time
    }
}

impl Entry {
    /// A request that was sequenced just now.
    pub(super) fn new(
        (name, content): (Key, Key),
        at: (AccountId, InstrumentId),
        requester: &Requester,
        (seq, time): (Seq, Nanos),
        made: Made,
    ) -> Self {
        let (kind, link) = match made {
            Made::Order(status) if status.is_open() => (Kind::Sweeping, 0),
            Made::Order(status) => (Kind::Closed(status), seq.0),
            Made::Amendment(order) => (Kind::Amendment, order.0),
            Made::Nothing(about) => (Kind::NoOrder, about.unwrap_or(OrderId::NONE).0),
        };
        Self {
            name,
            content,
            seq,
            link,
            due: Seconds::not_before(time + ONCE_RETENTION),
            younger: NONE,
            account: at.0,
            instrument: at.1,
            steps: 1,
            kind,
            is_named: requester.named,
        }
    }

    /// In words, less its place among the others.
    pub fn state(&self) -> RequestState {
        let Self { name, content, seq, link, due, younger: _, account, instrument, steps, kind, is_named } =
            *self;
        let (kind, closed) = match kind {
            Kind::Sweeping => (SWEEPING, None),
            // Its place is another one in the next run.
            Kind::Resting => (RESTING, None),
            Kind::Closed(status) => (CLOSED, Some(status)),
            Kind::Amendment => (AMENDMENT, None),
            Kind::NoOrder => (NO_ORDER, None),
        };
        RequestState {
            name: joined(name),
            content: joined(content),
            seq,
            link: if kind == RESTING { 0 } else { link },
            due: due.0,
            account,
            instrument,
            steps,
            kind,
            closed,
            is_named,
        }
    }

    /// Whether the order of a request rests: then its link is to be the place, before it becomes an entry.
    pub fn is_resting(state: &RequestState) -> bool {
        state.kind == RESTING
    }

    /// From words; `None` if they are none of an entry.
    pub fn from_state(state: &RequestState) -> Option<Self> {
        let kind = match (state.kind, state.closed) {
            (SWEEPING, None) => Kind::Sweeping,
            (RESTING, None) => Kind::Resting,
            (CLOSED, Some(status)) => Kind::Closed(status),
            (AMENDMENT, None) => Kind::Amendment,
            (NO_ORDER, None) => Kind::NoOrder,
            _ => return None,
        };
        Some(Self {
            name: split(state.name),
            content: split(state.content),
            seq: state.seq,
            link: state.link,
            due: Seconds(state.due),
            younger: NONE,
            account: state.account,
            instrument: state.instrument,
            steps: state.steps,
            kind,
            is_named: state.is_named,
        })
    }

    /// Whether it entered an order, taken or not.
    pub(super) fn entered(&self) -> bool {
        matches!(self.kind, Kind::Sweeping | Kind::Resting | Kind::Closed(_))
    }

    /// Whether the order that it entered is open.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.kind, Kind::Sweeping | Kind::Resting)
    }

    /// The order that it entered, amended or was about.
    pub(super) fn order(&self, shard: ShardId) -> Option<OrderId> {
        match self.kind {
            Kind::Sweeping | Kind::Resting | Kind::Closed(_) => Some(OrderId::new(shard, self.seq)),
            Kind::Amendment | Kind::NoOrder => Some(OrderId(self.link)).filter(|of| *of != OrderId::NONE),
        }
    }

    /// Where the last event of the order stands that it entered, if that is closed.
    pub(super) fn closed(&self, shard: ShardId) -> Option<Closed> {
        let order = OrderId::new(shard, self.seq);
        matches!(self.kind, Kind::Closed(_)).then_some(Closed { order, seq: Seq(self.link) })
    }

    /// Feeds a state hash. Keys are left out: they are made with a secret of this run, and the record tells the name.
    /// So is the handle of a resting order: the order of its book tells it.
    pub(super) fn hash_state(&self, state: &mut impl Hasher) {
        let link = if self.kind == Kind::Resting { 0 } else { self.link };
        (self.seq, self.steps, self.kind, link, self.account, self.instrument, self.is_named).hash(state);
        self.due.hash(state);
    }
}
