//! The latest trades of each account: what `myTrades` tells.
//!
//! ```text
//!   nodes   … [ A ] [ B ] [ A ] [ C ] [ A ]      a ring: the newest takes the place of the oldest
//!               ▲───────────┴───────────┘        each knows the one before it of its account and instrument
//! ```
//!
//! A function of the events and no part of the state: no step depends on it, and a replay fills it again.

use crate::types::{
    AccountId, AccountTrade, Execution, Fill, InstrumentId, Nanos, OrderId, Side, TradesQuery,
};
use crate::wire::record::{DecodeError, Encoder, Reader};
use std::collections::BTreeMap;

/// Sides of trades that are kept: about seven megabytes.
const KEPT: usize = 131_072;

/// The trades.
#[derive(Debug, Default)]
pub(super) struct History {
    nodes: Vec<Node>,
    /// How many there ever were; the last `KEPT` of them are there.
    count: u64,
    /// The newest of an account in an instrument, counted from 1.
    newest: BTreeMap<(AccountId, InstrumentId), u64>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    trade: AccountTrade,
    /// The one before it of the same account and instrument; 0: none.
    before: u64,
}

impl History {
    /// Keeps the execution if it is a trade.
    pub(super) fn follow(&mut self, execution: &Execution) {
        let (Some(fill), order) = (execution.fill, &execution.order) else { return };
        if self.nodes.capacity() == 0 {
            self.nodes.reserve_exact(KEPT);
        }
        self.count += 1;
        let newest = self.newest.entry((order.account, order.instrument)).or_default();
        let trade = AccountTrade { fill, order: order.id, side: order.side, time: order.updated };
        let node = Node { trade, before: std::mem::replace(newest, self.count) };
        match self.nodes.get_mut(place(self.count)) {
            Some(oldest) => *oldest = node,
            None => self.nodes.push(node),
        }
    }

    /// Writes them into a snapshot.
    pub(super) fn save(&self, to: &mut Encoder) {
        let Self { nodes, count, newest } = self;
        to.put(count).put_all(newest.iter().map(|(of, at)| (*of, *at)));
        to.put_all(nodes.iter().map(|Node { trade, before }| {
            let AccountTrade { fill, order, side, time } = *trade;
            (fill, order, side, time, *before)
        }));
    }

    /// Reads what [`History::save`] wrote.
    pub(super) fn load(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = from.take::<u64>()?;
        let newest: BTreeMap<_, u64> = from.take_all()?.into_iter().collect();
        let node = |(fill, order, side, time, before): (Fill, OrderId, Side, Nanos, u64)| Node {
            trade: AccountTrade { fill, order, side, time },
            before,
        };
        let mut nodes: Vec<Node> = from.take_all()?.into_iter().map(node).collect();
        if nodes.len() as u64 != count.min(KEPT as u64) {
            return Err(DecodeError::Value { what: "trades", value: nodes.len() as u64 });
        }
        // Each leads to an older one, or the chain would never end.
        let oldest = count - nodes.len() as u64;
        for number in oldest + 1..=count {
            let before = nodes[place(number)].before;
            if before >= number {
                return Err(DecodeError::Value { what: "trade before", value: before });
            }
        }
        if let Some(at) = newest.values().find(|at| **at > count) {
            return Err(DecodeError::Value { what: "newest trade", value: *at });
        }
        if !nodes.is_empty() {
            nodes.reserve_exact(KEPT - nodes.len());
        }
        Ok(Self { nodes, count, newest })
    }

    /// The trades that are asked for, oldest first: from a number or a time on the first of them, else the last.
    pub(super) fn trades(&self, query: &TradesQuery) -> Vec<AccountTrade> {
        let forward = query.from.is_some() || query.start.is_some();
        let limit = usize::from(query.limit);
        let wanted = self.newest_first(query).filter(|trade| wanted(trade, query));
        let mut trades: Vec<AccountTrade> =
            if forward { wanted.collect() } else { wanted.take(limit).collect() };
        trades.reverse();
        trades.truncate(limit);
        trades
    }

    fn newest_first(&self, query: &TradesQuery) -> impl Iterator<Item = AccountTrade> {
        let mut at = self.newest.get(&(query.account, query.instrument)).copied().unwrap_or_default();
        let oldest = self.count.saturating_sub(KEPT as u64);
        std::iter::from_fn(move || {
            let node = (at > oldest).then(|| self.nodes[place(at)])?;
            at = node.before;
            Some(node.trade)
        })
    }
}

fn place(count: u64) -> usize {
    ((count - 1) % KEPT as u64) as usize
}

fn wanted(trade: &AccountTrade, query: &TradesQuery) -> bool {
    query.order.is_none_or(|order| order == trade.order)
        && query.from.is_none_or(|from| from <= trade.fill.trade_id)
        && query.start.is_none_or(|start| start <= trade.time)
        && query.end.is_none_or(|end| trade.time <= end)
}
