//! At most once: did I do it already?
//!
//! ```text
//!   names    (account, instrument, ClOrdID) ─┐
//!   digests  (key, account, signed bytes)   ─┼─► entry: content, first result, its fills, how the order stands now
//!   orders   OrderID                        ─┘     └─ next entry, by age: the oldest is forgotten first
//! ```
//!
//! - A request is known by its ClOrdID; one whose ClOrdID the gateway made, by its signed bytes. Orders, cancels,
//!   amendments and mass cancels share their names. That of an amendment is a further name of its order.
//! - A known request with the same content gets its first result again, with other content it is refused; see
//!   [`Seen`]. Refusals are results too: a reject never executes later.
//! - An entry is kept for [`ONCE_RETENTION`] of the shard's time, and beyond that while its order is open or while its
//!   request could still be valid (a timestamp from the future). So a captured message never runs twice.
//! - Forgetting is part of a sequenced step and bounded, so it is the same in a replay. Looking up changes nothing.
//! - Cost: two hash lookups for a new request. Memory grows by chunks and by parts of tables, never by copying it all.

mod index;
mod pool;
#[cfg(test)]
mod tests;
mod window;

pub use window::check_time;

use crate::limits::{ONCE_FILLS_MAX, ONCE_FORGOTTEN_PER_STEP_MAX, ONCE_RETENTION, RECV_WINDOW_MAX};
use crate::types::{
    AccountId, AmendOrder, ApiKeyId, CancelOrder, ClOrdId, Event, Execution, Fill, InstrumentId, MassCancel,
    Nanos, NewOrder, Notional, OrdStatus, Order, OrderId, Price, Qty, Requester, Seq,
};
use index::{ByNumber, Hashed, Index};
use pool::Pool;
use std::collections::hash_map::RandomState;
use std::hash::{Hash, Hasher};

/// No entry, no fill.
const NONE: u32 = u32::MAX;

/// The name of a request: unique per account and instrument. What concerns all instruments has a name space of its own,
/// under instrument 0, which no instrument has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// ClOrdID(11) of the request.
    pub cl_ord_id: ClOrdId,
}

/// The signed bytes of a request. The key belongs to it, because where the logon stands for the signature, the bytes
/// need not name the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Digest {
    key: ApiKeyId,
    account: AccountId,
    signed: [u8; 16],
}

/// Whether a request came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It did not.
    Never,
    /// It did: its result is told again.
    Same(Known),
    /// Its ClOrdID stands for another request: it is refused.
    Other(Known),
}

/// A remembered request, until the next one is sequenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known(u32);

/// How the order of a request stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It still meets makers: its step is not the last.
    Sweeping,
    /// It rests in its book, under this handle.
    Resting(u32),
    /// It is closed.
    Closed(Order),
    /// The request made no order: it was a cancel, or it was refused.
    NoOrder,
}

/// What a request made.
#[derive(Clone, Copy, Debug)]
pub enum Made<'a> {
    /// An order, accepted or not.
    Order(&'a Order),
    /// An amendment of an order, which was accepted.
    Amendment(OrderId),
    /// Nothing that goes on.
    Nothing,
}

/// How far a closed order came, and what amendments made of it; the rest is as the first result tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Progress {
    status: OrdStatus,
    cl_ord_id: ClOrdId,
    price: Price,
    qty: Qty,
    cum_qty: Qty,
    prevented_qty: Qty,
    cum_quote: Notional,
    updated: Nanos,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Sweeping,
    Resting(u32),
    Closed(Progress),
    /// It amended this order, whose own entry says how it stands.
    Amended(OrderId),
    NoOrder,
}

/// Laid out as written: what forgetting reads comes first, so that it touches few lines of cold memory.
#[derive(Debug)]
#[repr(C)]
struct Entry {
    /// When it may be forgotten.
    due: Nanos,
    /// Until when its request could be valid.
    valid_until: Nanos,
    name: Hashed<Name>,
    /// The order that it made; [`OrderId::NONE`] if it made none.
    order: OrderId,
    /// The next younger one.
    younger: u32,
    digest: Option<Hashed<Digest>>,
    fills: Fills,
    state: State,
    content: [u8; 16],
    seq: Seq,
    /// The place of what became of the cancel that the request was as well.
    canceled: u32,
    first: Event,
}

/// The fills of a first result: a list in the pool.
#[derive(Clone, Copy, Debug)]
struct Fills {
    first: u32,
    last: u32,
    len: usize,
}

#[derive(Debug)]
struct FillNode {
    fill: Fill,
    next: u32,
}

/// What a shard remembers of requests.
#[derive(Debug)]
pub struct Once {
    entries: Pool<Entry>,
    fills: Pool<FillNode>,
    /// First results of the cancels of `order.cancelReplace`.
    canceled: Pool<Event>,
    names: Index<Name, RandomState>,
    digests: Index<Digest, RandomState>,
    orders: Index<OrderId, ByNumber>,
    oldest: u32,
    youngest: u32,
    len: usize,
}

impl Default for Once {
    fn default() -> Self {
        Self {
            entries: Pool::new(),
            fills: Pool::new(),
            canceled: Pool::new(),
            names: Index::new(),
            digests: Index::new(),
            orders: Index::new(),
            oldest: NONE,
            youngest: NONE,
            len: 0,
        }
    }
}

impl Once {
    /// Whether this request came before.
    pub fn seen(&self, name: &Name, requester: &Requester) -> Seen {
        let digest = Digest::of(name, requester).map(|digest| self.digests.hashed(digest));
        if let Some(at) = digest.and_then(|digest| self.digests.get(&digest)) {
            return Seen::Same(Known(at));
        }
        match self.names.get(&self.names.hashed(*name)) {
            None => Seen::Never,
            // The content leaves a made ClOrdID out, so it cannot tell whether two of them are one request.
            Some(at) if requester.named && self.entries[at].content == requester.content => {
                Seen::Same(Known(at))
            }
            Some(at) => Seen::Other(Known(at)),
        }
    }

    /// Remembers a request by its first event.
    pub fn remember(
        &mut self,
        name: Name,
        requester: &Requester,
        (seq, time): (Seq, Nanos),
        first: Event,
        made: Made<'_>,
    ) -> Known {
        let digest = Digest::of(&name, requester).map(|digest| self.digests.hashed(digest));
        let name = self.names.hashed(name);
        let (order, state) = match made {
            Made::Order(order) => (order.id, State::of(order)),
            Made::Amendment(of) => (OrderId::NONE, State::Amended(of)),
            Made::Nothing => (OrderId::NONE, State::NoOrder),
        };
        let at = self.entries.put(Entry {
            due: time + ONCE_RETENTION,
            valid_until: requester.sent + requester.recv_window.min(RECV_WINDOW_MAX),
            name,
            order,
            younger: NONE,
            digest,
            fills: Fills { first: NONE, last: NONE, len: 0 },
            state,
            content: requester.content,
            seq,
            canceled: NONE,
            first,
        });
        self.names.insert(name, at);
        if let Some(digest) = digest {
            self.digests.insert(digest, at);
        }
        if order != OrderId::NONE {
            self.orders.insert(self.orders.hashed(order), at);
        }
        self.append(at);
        self.len += 1;
        Known(at)
    }

    /// What became of the cancel that a request was as well.
    pub fn remember_canceled(&mut self, known: Known, canceled: Event) {
        self.entries[known.0].canceled = self.canceled.put(canceled);
    }

    /// A later event about the order of a request that is not answered yet: the first result tells it, too. What an
    /// amendment changed stays part of it.
    pub fn tell(&mut self, known: Known, execution: &Execution) {
        let entry = &mut self.entries[known.0];
        let replaced = match &entry.first {
            Event::Execution(first) => first.replaced,
            _ => None,
        };
        entry.first = Event::Execution(Execution { replaced, ..*execution });
        if let Some(fill) = execution.fill.filter(|_| entry.fills.len < ONCE_FILLS_MAX) {
            let at = self.fills.put(FillNode { fill, next: NONE });
            let list = &mut entry.fills;
            match list.last {
                NONE => list.first = at,
                last => self.fills[last].next = at,
            }
            list.last = at;
            list.len += 1;
        }
    }

    /// How the order of the request that entered it stands after a step: still on its way, or closed.
    pub fn follow(&mut self, entered: Known, order: &Order) {
        self.entries[entered.0].state = State::of(order);
    }

    /// The order of the request that entered it rests in its book.
    pub fn rest(&mut self, entered: Known, handle: u32) {
        self.entries[entered.0].state = State::Resting(handle);
    }

    /// A resting order closed.
    pub fn close(&mut self, order: &Order) {
        assert!(!order.status.is_open(), "an open order is told by its book");
        let entered = self.by_order(order.id).expect("an order is known while it rests");
        self.follow(entered, order);
    }

    /// Forgets the oldest results whose time has come, a few of them. For each sequenced step.
    pub fn forget(&mut self, time: Nanos) {
        for _ in 0..ONCE_FORGOTTEN_PER_STEP_MAX {
            let at = self.oldest;
            if at == NONE || self.entries[at].due > time {
                return;
            }
            self.oldest = self.entries[at].younger;
            if self.oldest == NONE {
                self.youngest = NONE;
            }
            let open = self.is_open(at);
            let entry = &mut self.entries[at];
            if open || entry.valid_until >= time {
                entry.due = time + ONCE_RETENTION;
                self.append(at);
            } else {
                self.drop_entry(at);
            }
        }
    }

    /// Whether the order of a request is open: then its name may still be used, that of an amendment as well.
    fn is_open(&self, at: u32) -> bool {
        let at = match self.entries[at].state {
            State::Amended(order) => self.by_order(order).map(|known| known.0),
            _ => Some(at),
        };
        at.is_some_and(|at| matches!(self.entries[at].state, State::Resting(_) | State::Sweeping))
    }

    /// The request that entered the order which a request entered or amended.
    pub fn entered(&self, known: Known) -> Option<Known> {
        match self.entries[known.0].state {
            State::Amended(order) => self.by_order(order),
            _ => Some(known),
        }
    }

    /// The request that entered an order.
    pub fn by_order(&self, order: OrderId) -> Option<Known> {
        self.orders.get(&self.orders.hashed(order)).map(Known)
    }

    /// The request of a name.
    pub fn by_name(&self, name: &Name) -> Option<Known> {
        self.names.get(&self.names.hashed(*name)).map(Known)
    }

    /// The record of the first result, and the result: the last event about the request's order, or the refusal.
    pub fn first(&self, known: Known) -> (Seq, &Event) {
        let entry = &self.entries[known.0];
        (entry.seq, &entry.first)
    }

    /// What became of the cancel that the request was as well.
    pub fn canceled(&self, known: Known) -> Option<&Event> {
        let at = self.entries[known.0].canceled;
        (at != NONE).then(|| &self.canceled[at])
    }

    /// The fills of the first result, oldest first.
    pub fn fills(&self, known: Known) -> impl Iterator<Item = Fill> {
        let first = self.entries[known.0].fills.first;
        let next = |at: &u32| Some(self.fills[*at].next).filter(|next| *next != NONE);
        std::iter::successors(Some(first).filter(|at| *at != NONE), next).map(|at| self.fills[at].fill)
    }

    /// How the order of a request stands now.
    pub fn standing(&self, known: Known) -> Standing {
        let entry = &self.entries[known.0];
        match (entry.state, &entry.first) {
            (State::Sweeping, _) => Standing::Sweeping,
            (State::Resting(handle), _) => Standing::Resting(handle),
            (State::Closed(progress), Event::Execution(first)) => Standing::Closed(progress.of(first.order)),
            (State::NoOrder | State::Amended(_) | State::Closed(_), _) => Standing::NoOrder,
        }
    }

    /// How many requests are remembered.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Feeds a state hash: the entries by age. Handles are left out, as the book's own order tells them.
    pub fn hash_state(&self, state: &mut impl Hasher) {
        self.len.hash(state);
        let mut at = self.oldest;
        while at != NONE {
            let entry = &self.entries[at];
            let digest = entry.digest.map(|digest| digest.key);
            (entry.name.key, digest, entry.content, entry.seq, entry.first).hash(state);
            match entry.state {
                State::Sweeping => 1u8.hash(state),
                State::Resting(_) => 2u8.hash(state),
                State::Closed(progress) => (3u8, progress).hash(state),
                State::NoOrder => 4u8.hash(state),
                State::Amended(order) => (5u8, order).hash(state),
            }
            (entry.due, entry.valid_until, entry.fills.len).hash(state);
            self.canceled(Known(at)).hash(state);
            self.fills(Known(at)).for_each(|fill| fill.hash(state));
            at = entry.younger;
        }
    }

    fn append(&mut self, at: u32) {
        self.entries[at].younger = NONE;
        match self.youngest {
            NONE => self.oldest = at,
            youngest => self.entries[youngest].younger = at,
        }
        self.youngest = at;
    }

    fn drop_entry(&mut self, at: u32) {
        let entry = &self.entries[at];
        self.names.remove(&entry.name);
        if let Some(digest) = &entry.digest {
            self.digests.remove(digest);
        }
        if entry.order != OrderId::NONE {
            self.orders.remove(&self.orders.hashed(entry.order));
        }
        let mut fill = entry.fills.first;
        while fill != NONE {
            self.fills.leave(fill);
            fill = self.fills[fill].next;
        }
        if self.entries[at].canceled != NONE {
            self.canceled.leave(self.entries[at].canceled);
        }
        self.entries.leave(at);
        self.len -= 1;
    }
}

impl Name {
    /// The name of an order.
    pub fn of_order(order: &NewOrder) -> Self {
        Self { account: order.account, instrument: order.instrument, cl_ord_id: order.cl_ord_id }
    }

    /// The name of a cancel itself, not of the order that it means.
    pub fn of_cancel(cancel: &CancelOrder) -> Self {
        Self { account: cancel.account, instrument: cancel.instrument, cl_ord_id: cancel.cl_ord_id }
    }

    /// The name of an amendment, which becomes one of its order.
    pub fn of_amend(amend: &AmendOrder) -> Self {
        Self { account: amend.account, instrument: amend.instrument, cl_ord_id: amend.cl_ord_id }
    }

    /// The name of a mass cancel.
    pub fn of_mass_cancel(cancel: &MassCancel) -> Self {
        let instrument = cancel.scope.instrument.unwrap_or(InstrumentId(0));
        Self { account: cancel.scope.account, instrument, cl_ord_id: cancel.cl_ord_id }
    }
}

impl Digest {
    /// Only a request without a name of its client's is known by its bytes.
    fn of(name: &Name, requester: &Requester) -> Option<Self> {
        let digest = Self { key: requester.key, account: name.account, signed: requester.signed_digest };
        (!requester.named).then_some(digest)
    }
}

impl State {
    fn of(order: &Order) -> Self {
        if order.status.is_open() {
            return Self::Sweeping;
        }
        Self::Closed(Progress {
            status: order.status,
            cl_ord_id: order.cl_ord_id,
            price: order.price,
            qty: order.qty,
            cum_qty: order.cum_qty,
            prevented_qty: order.prevented_qty,
            cum_quote: order.cum_quote,
            updated: order.updated,
        })
    }
}

impl Progress {
    fn of(self, order: Order) -> Order {
        let Self { status, cl_ord_id, price, qty, cum_qty, prevented_qty, cum_quote, updated } = self;
        Order { status, cl_ord_id, price, qty, cum_qty, prevented_qty, cum_quote, updated, ..order }
    }
}
