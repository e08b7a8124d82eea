//! At most once: did I do it already?
//!
//! ```text
//!   names    (account, instrument, ClOrdID) ─┐
//!            (key, account, signed bytes)   ─┼─► entry: content, where its first answer stands, how its order stands now
//!   orders   OrderID                        ─┘     └─ next entry, by age: the oldest is forgotten first
//! ```
//!
//! - A request is known by its ClOrdID; one whose ClOrdID the gateway made, by its signed bytes. Orders, cancels,
//!   amendments and mass cancels share their names. That of an amendment is a further name of its order.
//! - A known request with the same content gets its first result again, with other content it is refused; see
//!   [`Seen`]. Refusals are results too: a reject never executes later.
//! - The result itself stands in the journal: an entry names its steps there, and [`FirstAnswer`] puts it together.
//! - An entry is kept for [`ONCE_RETENTION`] of the shard's time, and beyond that while its order is open. A request is
//!   valid for minutes, so a captured message never runs twice. One that is refused for a timestamp of the future is kept
//!   no longer than others: nobody fills the memory with years to come.
//! - Forgetting is part of a sequenced step and bounded, so it is the same in a replay. Looking up changes nothing.
//! - Memory has a bound: [`Once::reserve`] makes room for so many requests at once, 104 bytes each, and
//!   [`Once::has_room`] says when a new one has to be refused. Nothing is forgotten to make room. Its pages are used in
//!   their order as requests come; [`Once::touch`] takes them before that.
//! - Cost: a hash of the name and three places in memory for a new request. Only a replay of more requests than there
//!   is room for copies tables.

mod entry;
mod first;
mod name;
mod table;
#[cfg(test)]
mod tests;
mod window;

pub use entry::{Entry, Kind, Seconds};
pub use first::{FirstAnswer, closed};
pub use name::{Hasher, Name};
pub use window::check_time;

use crate::limits::{ONCE_FORGOTTEN_PER_STEP_MAX, ONCE_IDS_FOR_CANCELS, ONCE_RETENTION};
use crate::planted::{self, Bug};
use crate::types::{Closed, Nanos, OrdStatus, Order, OrderId, Requester, Seq, ShardId};
use name::{Key, hash_of};
use std::mem::MaybeUninit;
use table::Table;

/// No entry.
const NONE: u32 = u32::MAX;

/// Requests for which there is room before anything is reserved.
const ROOM_AT_FIRST: usize = 4_096;

/// Entries that surely lie on one page of memory more than the one before them.
const ENTRIES_OF_A_PAGE: usize = 4_096 / size_of::<Entry>();

/// For how many requests memory is taken before they come.
const ENTRIES_AHEAD: usize = 16 * ENTRIES_OF_A_PAGE;

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
    /// It is closed: how, and where that stands.
    Closed(OrdStatus, Closed),
    /// The request made no order: it was a cancel, or it was refused.
    NoOrder,
}

/// What a request made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// An order, accepted or not, that stands so.
    Order(OrdStatus),
    /// An amendment of an order, which was accepted.
    Amendment(OrderId),
    /// Nothing that goes on; the order that it was about.
    Nothing(Option<OrderId>),
}

/// What a shard remembers of requests.
#[derive(Debug)]
pub struct Once {
    shard: ShardId,
    hasher: Hasher,
    entries: Vec<Entry>,
    /// Places whose memory was taken.
    touched: usize,
    /// The first place that was left; the others follow as younger ones.
    free: u32,
    names: Table,
    orders: Table,
    oldest: u32,
    youngest: u32,
    len: usize,
    ids_max: usize,
}

impl Once {
    /// Of a shard, without a bound until [`Once::reserve`] sets one.
    pub fn new(shard: ShardId) -> Self {
        Self {
            shard,
            hasher: Hasher::random(),
            entries: Vec::with_capacity(ROOM_AT_FIRST),
            touched: 0,
            free: NONE,
            names: names_for(ROOM_AT_FIRST),
            orders: orders_for(ROOM_AT_FIRST),
            oldest: NONE,
            youngest: NONE,
            len: 0,
            ids_max: NONE as usize - 1,
        }
    }

    /// From now on no more than `ids_max` are remembered, and there is room for all of them.
    pub fn reserve(&mut self, ids_max: usize) {
        self.ids_max = ids_max;
        self.make_room(ids_max + spare(ids_max));
    }

    /// Takes a page of memory that will be used soon, if there is one: for turns that have nothing else to do, so that
    /// no request waits for the system to give it. Whether there was one.
    pub fn touch(&mut self) -> bool {
        self.names.touch() || self.orders.touch() || self.touch_entries()
    }

    fn touch_entries(&mut self) -> bool {
        let len = self.entries.len();
        let at = self.touched.max(len);
        if at >= (len + ENTRIES_AHEAD).min(self.entries.capacity()) {
            return false;
        }
        self.entries.spare_capacity_mut()[at - len] = MaybeUninit::zeroed();
        self.touched = at + ENTRIES_OF_A_PAGE;
        true
    }

    /// Whether one more may be remembered: a cancel, or another request. If not, it is refused before it is sequenced.
    pub fn has_room(&self, is_cancel: bool, time: Nanos) -> bool {
        let kept = if is_cancel { 0 } else { self.ids_max / ONCE_IDS_FOR_CANCELS };
        let most = self.ids_max - kept;
        // What is due is forgotten in the step that the request makes, unless its order is open.
        self.len < most
            || (self.len < most + spare(self.ids_max)
                && self.oldest != NONE
                && self.entries[self.oldest as usize].due.is_past(time))
    }

    /// Whether this request came before.
    pub fn seen(&self, name: &Name, requester: &Requester) -> Seen {
        if planted::has(Bug::DedupeLost) {
            return Seen::Never;
        }
        if !requester.named
            && let Some(at) = self.find(&self.hasher.signed(name, requester))
        {
            return Seen::Same(Known(at));
        }
        match self.find(&self.hasher.name(name)) {
            None => Seen::Never,
            // The content leaves a made ClOrdID out, so it cannot tell whether two of them are one request.
            Some(at)
                if requester.named
                    && (self.entries[at as usize].content == halves(requester.content)
                        || planted::has(Bug::ContentIgnored)) =>
            {
                Seen::Same(Known(at))
            }
            Some(at) => Seen::Other(Known(at)),
        }
    }

    /// Remembers a request by its first step.
    pub fn remember(&mut self, name: Name, requester: &Requester, at: (Seq, Nanos), made: Made) -> Known {
        let key = self.hasher.name(&name);
        let content =
            if requester.named { halves(requester.content) } else { self.hasher.signed(&name, requester) };
        let whose = (name.account, name.instrument);
        Known(self.put(Entry::new((key, content), whose, requester, at, made)))
    }

    /// An order of a request that is not answered yet has told something in this step: it belongs to the answer.
    pub fn tell(&mut self, known: Known, seq: Seq) {
        let entry = &mut self.entries[known.0 as usize];
        entry.steps = u16::try_from(seq.0 - entry.seq.0 + 1).unwrap_or(u16::MAX);
    }

    /// How the order of the request that entered it stands after a step: still on its way, or closed by it.
    pub fn follow(&mut self, entered: Known, status: OrdStatus, seq: Seq) {
        let entry = &mut self.entries[entered.0 as usize];
        (entry.kind, entry.link) =
            if status.is_open() { (Kind::Sweeping, 0) } else { (Kind::Closed(status), seq.0) };
    }

    /// The order of the request that entered it rests in its book.
    pub fn rest(&mut self, entered: Known, handle: u32) {
        let entry = &mut self.entries[entered.0 as usize];
        (entry.kind, entry.link) = (Kind::Resting, handle.into());
    }

    /// A resting order was closed by a step.
    pub fn close(&mut self, order: &Order, seq: Seq) {
        assert!(!order.status.is_open(), "an open order is told by its book");
        let entered = self.by_order(order.id).expect("an order is known while it rests");
        self.follow(entered, order.status, seq);
    }

    /// Forgets the oldest results whose time has come, a few of them. For each sequenced step.
    pub fn forget(&mut self, time: Nanos) {
        for _ in 0..ONCE_FORGOTTEN_PER_STEP_MAX {
            let at = self.oldest;
            if at == NONE || !self.entries[at as usize].due.is_past(time) {
                return;
            }
            self.oldest = self.entries[at as usize].younger;
            if self.oldest == NONE {
                self.youngest = NONE;
            }
            let open = self.is_open(at);
            let entry = &mut self.entries[at as usize];
            if open {
                entry.due = Seconds::not_before(time + ONCE_RETENTION);
                self.append(at);
            } else {
                self.drop_entry(at);
            }
        }
    }

    /// The request that entered the order which a request entered or amended.
    pub fn entered(&self, known: Known) -> Option<Known> {
        let entry = self.entry(known);
        match entry.kind {
            Kind::Amendment => self.by_order(OrderId(entry.link)),
            _ => Some(known),
        }
    }

    /// The request that entered an order.
    pub fn by_order(&self, order: OrderId) -> Option<Known> {
        let seq = order.seq();
        let is = |at: u32| {
            let entry = &self.entries[at as usize];
            entry.seq == seq && entry.entered()
        };
        (order.shard() == self.shard)
            .then(|| self.orders.find(self.hasher.order(seq), is).map(Known))
            .flatten()
    }

    /// The request of a name.
    pub fn by_name(&self, name: &Name) -> Option<Known> {
        self.find(&self.hasher.name(name)).map(Known)
    }

    /// The request of a first step. It looks through all of them: for a start.
    pub fn by_step(&self, seq: Seq) -> Option<Known> {
        let next = |at: &u32| Some(self.entries[*at as usize].younger).filter(|at| *at != NONE);
        std::iter::successors(Some(self.oldest).filter(|at| *at != NONE), next)
            .find(|at| self.entries[*at as usize].seq == seq)
            .map(Known)
    }

    /// What is remembered of a request.
    pub fn entry(&self, known: Known) -> &Entry {
        &self.entries[known.0 as usize]
    }

    /// The order that a request entered or amended, or that it was about.
    pub fn order_of(&self, known: Known) -> Option<OrderId> {
        self.entry(known).order(self.shard)
    }

    /// How the order of a request stands now.
    pub fn standing(&self, known: Known) -> Standing {
        let entry = self.entry(known);
        match (entry.kind, entry.closed(self.shard)) {
            (Kind::Sweeping, _) => Standing::Sweeping,
            (Kind::Resting, _) => Standing::Resting(entry.link as u32),
            (Kind::Closed(status), Some(closed)) => Standing::Closed(status, closed),
            _ => Standing::NoOrder,
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

    /// All that is remembered, the oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let at = |at: u32| (at != NONE).then(|| &self.entries[at as usize]);
        std::iter::successors(at(self.oldest), move |entry| at(entry.younger))
    }

    /// With what names were made into the keys of the entries: they mean nothing without it.
    pub fn hasher(&self) -> Hasher {
        self.hasher
    }

    /// What [`Once::entries`] told before, in the same order.
    pub fn restore(shard: ShardId, hasher: Hasher, entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut once = Self { hasher, ..Self::new(shard) };
        for entry in entries {
            once.put(entry);
        }
        once
    }

    /// Feeds a state hash: the entries by age.
    pub fn hash_state(&self, state: &mut impl std::hash::Hasher) {
        std::hash::Hash::hash(&self.len, state);
        self.entries().for_each(|entry| entry.hash_state(state));
    }

    fn find(&self, key: &Key) -> Option<u32> {
        self.names.find(hash_of(key), |at| {
            let entry = &self.entries[at as usize];
            entry.name == *key || (!entry.is_named && entry.content == *key)
        })
    }

    /// Whether the order of a request is open: then its name may still be used, that of an amendment as well.
    fn is_open(&self, at: u32) -> bool {
        self.entered(Known(at)).is_some_and(|entered| self.entry(entered).is_open())
    }

    fn put(&mut self, entry: Entry) -> u32 {
        let at = self.place(entry);
        self.index(at);
        self.append(at);
        self.len += 1;
        at
    }

    /// A place that was left, or a new one.
    fn place(&mut self, entry: Entry) -> u32 {
        if self.free != NONE {
            let at = self.free;
            self.free = self.entries[at as usize].younger;
            self.entries[at as usize] = entry;
            return at;
        }
        if self.entries.len() == self.entries.capacity() {
            self.make_room(2 * self.entries.capacity());
        }
        self.entries.push(entry);
        u32::try_from(self.entries.len() - 1).expect("memory ends before four billion requests")
    }

    fn index(&mut self, at: u32) {
        let entry = &self.entries[at as usize];
        self.names.insert(hash_of(&entry.name), at);
        if !entry.is_named {
            self.names.insert(hash_of(&entry.content), at);
        }
        if entry.entered() {
            self.orders.insert(self.hasher.order(entry.seq), at);
        }
    }

    /// Room for so many, with the tables made anew: before there is traffic, or where a replay meets more than fit.
    fn make_room(&mut self, ids: usize) {
        let ids = ids.max(self.entries.len());
        self.entries.reserve_exact(ids - self.entries.len());
        self.touched = self.entries.len();
        (self.names, self.orders) = (names_for(ids), orders_for(ids));
        let mut at = self.oldest;
        while at != NONE {
            self.index(at);
            at = self.entries[at as usize].younger;
        }
    }

    fn append(&mut self, at: u32) {
        self.entries[at as usize].younger = NONE;
        match self.youngest {
            NONE => self.oldest = at,
            youngest => self.entries[youngest as usize].younger = at,
        }
        self.youngest = at;
    }

    fn drop_entry(&mut self, at: u32) {
        let entry = self.entries[at as usize];
        self.names.remove(hash_of(&entry.name), at);
        if !entry.is_named {
            self.names.remove(hash_of(&entry.content), at);
        }
        if entry.entered() {
            self.orders.remove(self.hasher.order(entry.seq), at);
        }
        self.entries[at as usize].younger = self.free;
        self.free = at;
        self.len -= 1;
    }

    /// Bytes that are taken when all room is used.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.names.bytes() + self.orders.bytes()
    }
}

/// How many more there may be than the bound says, while oldest ones are met a few at a time that are kept beyond their
/// time because their orders are open.
fn spare(ids_max: usize) -> usize {
    ids_max / 64 + ROOM_AT_FIRST
}

/// Two and a half slots for each request: a name, and signed bytes for the one without.
fn names_for(ids: usize) -> Table {
    Table::with_slots(ids * 5 / 2)
}

/// One and a half slots for each request: an order.
fn orders_for(ids: usize) -> Table {
    Table::with_slots(ids * 3 / 2)
}

fn halves(content: [u8; 16]) -> Key {
    let half = |at| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&content[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    [half(0), half(8)]
}
