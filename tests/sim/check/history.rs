//! How everything stood at each time: what answers to questions, and what the market was told, are held against.

use super::model::Resting;
use crate::clients::seen::{Levels, Stands};
use crate::venue::TRADED;
use sealgate::run::recovery::ReplayedStep;
use sealgate::types::{Event, OrdStatus};
use std::collections::BTreeMap;

/// What stood so from a step on.
#[derive(Clone, Debug)]
pub struct Since<T> {
    pub seq: u64,
    pub time: u64,
    pub what: T,
}

/// Step, number, price, quantity, whether the buyer rested.
pub type Trade = (u64, u64, i64, i64, bool);

/// All of a journal.
#[derive(Debug, Default)]
pub struct History {
    /// The open orders of each instrument.
    books: BTreeMap<usize, Vec<Since<Vec<Resting>>>>,
    /// The position of each account in each instrument.
    positions: BTreeMap<(usize, u32), Vec<Since<i64>>>,
    /// Each order.
    orders: BTreeMap<u64, Vec<Since<Stands>>>,
    /// Trades of each instrument in order.
    pub trades: BTreeMap<usize, Vec<Trade>>,
}

impl History {
    /// A step is done, and everything stands so.
    pub fn note(
        &mut self,
        step: &ReplayedStep<'_>,
        open: &[Resting],
        positions: &BTreeMap<(usize, u32), i64>,
    ) {
        let (seq, time) = (step.seq.0, step.time.0);
        let mut touched = [false; TRADED.len()];
        for event in step.events {
            let Event::Execution(execution) = event else { continue };
            let order = &execution.order;
            let Some(about) = TRADED.iter().position(|traded| traded.id == order.instrument.0) else {
                continue;
            };
            touched[about] = true;
            let qty = |qty: sealgate::types::Qty| qty.0 as i64;
            let what = (order.id.0, qty(order.cum_qty), qty(order.qty), order.price.0, status(order.status));
            let known = self.orders.entry(order.id.0).or_default();
            known.retain(|since| since.seq != seq);
            known.push(Since { seq, time, what });
            if let Some(fill) = execution.fill.filter(|fill| fill.maker) {
                let buy = order.side == sealgate::types::Side::Buy;
                let trade = (seq, fill.trade_id.0, fill.price.0, qty(fill.qty), buy);
                self.trades.entry(about).or_default().push(trade);
            }
        }
        for about in (0..TRADED.len()).filter(|about| touched[*about]) {
            let what = open.iter().filter(|open| open.traded == about).cloned().collect();
            self.books.entry(about).or_default().push(Since { seq, time, what });
            for ((_, account), what) in positions.iter().filter(|((of, _), _)| *of == about) {
                let known = self.positions.entry((about, *account)).or_default();
                known.push(Since { seq, time, what: *what });
            }
        }
    }

    /// How an order stood at some moment between two times; none before it was.
    pub fn order_between(&self, id: u64, times: (u64, u64)) -> Vec<Stands> {
        between(self.orders.get(&id), times, None)
    }

    /// The open orders of an instrument at each moment between two times.
    pub fn books_between(&self, about: usize, times: (u64, u64)) -> Vec<Vec<Resting>> {
        between(self.books.get(&about), times, Some(Vec::new()))
    }

    /// The same of a position.
    pub fn positions_between(&self, about: usize, account: u32, times: (u64, u64)) -> Vec<i64> {
        between(self.positions.get(&(about, account)), times, Some(0))
    }

    /// The open orders of an instrument after a step of its shard.
    pub fn book_at(&self, about: usize, seq: u64) -> &[Resting] {
        let all = self.books.get(&about).map_or(&[][..], Vec::as_slice);
        let count = all.partition_point(|since| since.seq <= seq);
        count.checked_sub(1).map_or(&[][..], |last| &all[last].what)
    }

    /// When the book of an instrument changed next after a step.
    pub fn changed_after(&self, about: usize, seq: u64) -> Option<u64> {
        let all = self.books.get(&about)?;
        all.get(all.partition_point(|since| since.seq <= seq)).map(|since| since.time)
    }
}

fn status(status: OrdStatus) -> char {
    match status {
        OrdStatus::New => '0',
        OrdStatus::PartiallyFilled => '1',
        OrdStatus::Filled => '2',
        OrdStatus::Canceled => '4',
        OrdStatus::Rejected => '8',
        OrdStatus::Expired => 'C',
    }
}

/// What stood at some moment between two times, both included, and what was before the first.
fn between<T: Clone>(all: Option<&Vec<Since<T>>>, (from, upto): (u64, u64), before: Option<T>) -> Vec<T> {
    let all = all.map_or(&[][..], Vec::as_slice);
    let mut found = Vec::new();
    if all.first().is_none_or(|first| first.time >= from) {
        found.extend(before);
    }
    for (at, since) in all.iter().enumerate() {
        let until = all.get(at + 1).map_or(u64::MAX, |next| next.time);
        if since.time <= upto && until >= from {
            found.push(since.what.clone());
        }
    }
    found
}

/// The levels of a side, best first.
pub fn levels(open: &[Resting], buy: bool) -> Levels {
    let mut levels: BTreeMap<i64, i64> = BTreeMap::new();
    for open in open.iter().filter(|open| open.buy == buy) {
        *levels.entry(open.price).or_default() += open.qty - open.cum;
    }
    match buy {
        true => levels.into_iter().rev().collect(),
        false => levels.into_iter().collect(),
    }
}
