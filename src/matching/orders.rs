//! The resting orders of a book: a slab whose places never move, threaded by two kinds of list.
//!
//! ```text
//!   place     0      1      2      3          A place is the order's handle: found and unlinked in O(1).
//!           [ A ]──[ C ]  [ B ]  free ─► …    Queue of a level; chains of an account and of a lease: oldest first.
//! ```
//!
//! The slab is reserved at once and never grows; places that were left are used again, last left first, while
//! they are warm. Lists are links inside the nodes, so nothing is allocated per order.

use super::Handle;
use crate::limits::ORDERS_PER_BOOK_MAX;
use crate::types::{AccountId, LeaseId, Order, Qty};
use std::collections::{BTreeMap, VecDeque};

/// No place.
const NONE: u32 = u32::MAX;

/// Where an order stands. Neighbours are touched far more often than read, so this is apart from the orders, and two of
/// them share a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
struct Node {
    in_level: Links,
    in_account: Links,
    in_lease: Links,
    level: u32,
    /// Where the ends of its account's chain are.
    account: u32,
}

#[derive(Clone, Copy, Debug)]
struct Links {
    prev: u32,
    next: u32,
}

/// Both ends of a list of orders.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    first: u32,
    last: u32,
}

/// The slab.
#[derive(Debug)]
pub(super) struct Orders {
    nodes: Vec<Node>,
    /// Each at the place of its node.
    orders: Vec<Order>,
    /// The last place that was left; those before it hang on its level links.
    free: u32,
    len: usize,
    /// How many of them may only reduce a position.
    reduce_only: usize,
    /// An account's chain stays when it is empty: accounts come back.
    accounts: BTreeMap<AccountId, u32>,
    chains: Vec<Ends>,
    /// A lease's chain stays until the lease is forgotten.
    leases: BTreeMap<LeaseId, Ends>,
}

impl Links {
    const NONE: Self = Self { prev: NONE, next: NONE };
}

impl Ends {
    pub(super) const EMPTY: Self = Self { first: NONE, last: NONE };

    pub(super) fn first(self) -> Option<Handle> {
        handle(self.first)
    }

    pub(super) fn is_empty(self) -> bool {
        self.first == NONE
    }
}

impl Orders {
    pub(super) fn new() -> Self {
        let (nodes, orders) =
            (Vec::with_capacity(ORDERS_PER_BOOK_MAX), Vec::with_capacity(ORDERS_PER_BOOK_MAX));
        let (accounts, chains, leases) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { nodes, orders, free: NONE, len: 0, reduce_only: 0, accounts, chains, leases }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn reduce_only(&self) -> usize {
        self.reduce_only
    }

    pub(super) fn order(&self, at: Handle) -> &Order {
        &self.orders[at.0 as usize]
    }

    pub(super) fn order_mut(&mut self, at: Handle) -> &mut Order {
        &mut self.orders[at.0 as usize]
    }

    /// The level in which an order rests.
    pub(super) fn level(&self, at: Handle) -> u32 {
        self.nodes[at.0 as usize].level
    }

    /// Takes an order in, last in the queue of its level.
    pub(super) fn insert(&mut self, order: Order, level: u32, queue: &mut Ends) -> Handle {
        assert!(self.len < ORDERS_PER_BOOK_MAX, "the book was asked for room before");
        let account = self.account(order.account);
        let (in_level, in_account, in_lease) = (Links::NONE, Links::NONE, Links::NONE);
        let node = Node { in_level, in_account, in_lease, level, account };
        let at = self.free;
        let at = if at == NONE {
            self.nodes.push(node);
            self.orders.push(order);
            (self.nodes.len() - 1) as u32
        } else {
            self.free = self.nodes[at as usize].in_level.next;
            self.nodes[at as usize] = node;
            self.orders[at as usize] = order;
            at
        };
        self.len += 1;
        self.reduce_only += usize::from(order.reduce_only);
        append(&mut self.nodes, at, queue, |node| &mut node.in_level);
        self.enter_chains(at);
        Handle(at)
    }

    /// Takes an order out, and gives what was left of it.
    pub(super) fn remove(&mut self, at: Handle, queue: &mut Ends) -> Qty {
        let order = self.order(at);
        let (left, reduce_only) = (order.remaining(), order.reduce_only);
        unlink(&mut self.nodes, at.0, queue, |node| &mut node.in_level);
        self.leave_chains(at.0);
        self.nodes[at.0 as usize].in_level.next = self.free;
        self.free = at.0;
        self.len -= 1;
        self.reduce_only -= usize::from(reduce_only);
        left
    }

    /// Takes an order out of the queue of its level; [`Orders::requeue`] puts it into another.
    pub(super) fn leave_level(&mut self, at: Handle, queue: &mut Ends) {
        unlink(&mut self.nodes, at.0, queue, |node| &mut node.in_level);
    }

    /// Puts an order that left its level, and is `amended` now, to the end of a queue, and of the chains it is in.
    pub(super) fn requeue(&mut self, at: Handle, amended: &Order, level: u32, queue: &mut Ends) {
        self.orders[at.0 as usize] = *amended;
        self.nodes[at.0 as usize].level = level;
        append(&mut self.nodes, at.0, queue, |node| &mut node.in_level);
        let chain = &mut self.chains[self.nodes[at.0 as usize].account as usize];
        put_last(&mut self.nodes, at.0, chain, |node| &mut node.in_account);
        if let Some(chain) = amended.lease.and_then(|lease| self.leases.get_mut(&lease)) {
            put_last(&mut self.nodes, at.0, chain, |node| &mut node.in_lease);
        }
    }

    /// Tells the orders of a queue where their level is now.
    pub(super) fn move_level(&mut self, queue: Ends, to: u32) {
        let mut next = queue.first();
        while let Some(Handle(at)) = next {
            let node = &mut self.nodes[at as usize];
            node.level = to;
            next = handle(node.in_level.next);
        }
    }

    #[inline]
    fn enter_chains(&mut self, at: u32) {
        let chain = &mut self.chains[self.nodes[at as usize].account as usize];
        append(&mut self.nodes, at, chain, |node| &mut node.in_account);
        if let Some(lease) = self.orders[at as usize].lease {
            let chain = self.leases.entry(lease).or_insert(Ends::EMPTY);
            append(&mut self.nodes, at, chain, |node| &mut node.in_lease);
        }
    }

    #[inline]
    fn leave_chains(&mut self, at: u32) {
        let chain = &mut self.chains[self.nodes[at as usize].account as usize];
        unlink(&mut self.nodes, at, chain, |node| &mut node.in_account);
        if let Some(chain) = self.orders[at as usize].lease.and_then(|lease| self.leases.get_mut(&lease)) {
            unlink(&mut self.nodes, at, chain, |node| &mut node.in_lease);
        }
    }

    /// Where the chain of an account is, made if there is none.
    fn account(&mut self, account: AccountId) -> u32 {
        *self.accounts.entry(account).or_insert_with(|| {
            self.chains.push(Ends::EMPTY);
            (self.chains.len() - 1) as u32
        })
    }

    /// The orders of a level, oldest first.
    pub(super) fn queue(&self, ends: Ends) -> impl Iterator<Item = (Handle, &Order)> {
        self.walk(ends.first, |node| node.in_level.next)
    }

    /// All orders in an order that agrees with every list: those of levels, of accounts and of leases. Let them rest
    /// one after the other, and each list is as it was. `ends`: of the levels, in an order of the caller's.
    pub(super) fn as_rested(&self, ends: impl Iterator<Item = Ends>) -> Vec<&Order> {
        let before = |node: &Node| {
            [node.in_level, node.in_account, node.in_lease].iter().filter(|links| links.prev != NONE).count()
        };
        let heads: Vec<Handle> = ends.flat_map(|ends| self.queue(ends)).map(|(at, _)| at).collect();
        let mut waits: Vec<usize> = self.nodes.iter().map(before).collect();
        let mut ready: VecDeque<u32> =
            heads.iter().map(|at| at.0).filter(|at| waits[*at as usize] == 0).collect();
        let mut rested = Vec::with_capacity(self.len);
        while let Some(at) = ready.pop_front() {
            let node = &self.nodes[at as usize];
            rested.push(self.order(Handle(at)));
            for next in [node.in_level.next, node.in_account.next, node.in_lease.next] {
                if next != NONE {
                    waits[next as usize] -= 1;
                    if waits[next as usize] == 0 {
                        ready.push_back(next);
                    }
                }
            }
        }
        assert_eq!(rested.len(), self.len, "they came to rest one after the other");
        rested
    }

    /// The orders of an account, oldest first.
    pub(super) fn of_account(&self, account: AccountId) -> impl Iterator<Item = &Order> {
        self.walk(self.chain(account).first, |node| node.in_account.next).map(|(_, order)| order)
    }

    /// The oldest order of a lease.
    pub(super) fn first_of_lease(&self, lease: LeaseId) -> Option<Handle> {
        self.chain_of_lease(lease).first()
    }

    /// No order of the lease will come any more.
    pub(super) fn forget_lease(&mut self, lease: LeaseId) {
        let chain = self.leases.remove(&lease);
        assert!(chain.is_none_or(Ends::is_empty), "a lease is forgotten after its last order");
    }

    fn chain_of_lease(&self, lease: LeaseId) -> Ends {
        self.leases.get(&lease).copied().unwrap_or(Ends::EMPTY)
    }

    pub(super) fn first_of_account(&self, account: AccountId) -> Option<Handle> {
        self.chain(account).first()
    }

    pub(super) fn next_of_account(&self, at: Handle) -> Option<Handle> {
        handle(self.nodes[at.0 as usize].in_account.next)
    }

    fn chain(&self, account: AccountId) -> Ends {
        self.accounts.get(&account).map_or(Ends::EMPTY, |chain| self.chains[*chain as usize])
    }

    fn walk(&self, first: u32, next: fn(&Node) -> u32) -> impl Iterator<Item = (Handle, &Order)> {
        let successor = move |at: &Handle| handle(next(&self.nodes[at.0 as usize]));
        std::iter::successors(handle(first), successor).map(|at| (at, self.order(at)))
    }
}

/// Puts a node to the end of a list.
#[inline]
fn append(nodes: &mut [Node], at: u32, ends: &mut Ends, pick: impl Fn(&mut Node) -> &mut Links) {
    *pick(&mut nodes[at as usize]) = Links { prev: ends.last, next: NONE };
    match handle(ends.last) {
        Some(last) => pick(&mut nodes[last.0 as usize]).next = at,
        None => ends.first = at,
    }
    ends.last = at;
}

/// Takes a node out of a list.
#[inline]
fn unlink(nodes: &mut [Node], at: u32, ends: &mut Ends, pick: impl Fn(&mut Node) -> &mut Links) {
    let Links { prev, next } = *pick(&mut nodes[at as usize]);
    match handle(prev) {
        Some(prev) => pick(&mut nodes[prev.0 as usize]).next = next,
        None => ends.first = next,
    }
    match handle(next) {
        Some(next) => pick(&mut nodes[next.0 as usize]).prev = prev,
        None => ends.last = prev,
    }
}

/// Moves a node of a list to its end.
#[inline]
fn put_last(nodes: &mut [Node], at: u32, ends: &mut Ends, pick: impl Fn(&mut Node) -> &mut Links) {
    if ends.last != at {
        unlink(nodes, at, ends, &pick);
        append(nodes, at, ends, &pick);
    }
}

fn handle(at: u32) -> Option<Handle> {
    (at != NONE).then_some(Handle(at))
}
