//! A venue in the plainest way: orders in a list, no index, no tricks. It is told each step of the journal in turn and
//! says what cannot have happened.

use crate::clients::intent::{Terms, check};
use crate::venue::{MAX_OPEN_ORDERS, MAX_POSITION, MAX_QTY, TRADED};
use sealgate::types::{Command, Event, ExecType, Execution, OrdType, Order, Side, TimeInForce};
use std::collections::BTreeMap;

/// An order that rests.
#[derive(Clone, Debug)]
pub struct Resting {
    pub id: u64,
    pub account: u32,
    pub traded: usize,
    pub buy: bool,
    pub price: i64,
    pub qty: i64,
    pub cum: i64,
    pub expire: u64,
    /// Whether it may wait in the book.
    pub rests: bool,
    /// When it came to its place in the queue.
    pub place: u64,
}

/// One side of a trade: price, quantity, whether it bought, whether it rested, whose it was.
type Half = (i64, i64, bool, bool, u32);

/// The venue.
#[derive(Debug, Default)]
pub struct Model {
    pub open: Vec<Resting>,
    pub positions: BTreeMap<(usize, u32), i64>,
    /// Trades of which one side was told.
    half: BTreeMap<(usize, u64), Half>,
    /// Names that were accepted: by account and instrument.
    names: BTreeMap<(u32, usize, String), u64>,
    places: u64,
}

fn traded(order: &Order) -> usize {
    TRADED.iter().position(|traded| traded.id == order.instrument.0).expect("an instrument of the venue")
}

fn terms_of(order: &Order) -> Terms {
    let tif = match order.time_in_force {
        TimeInForce::Gtc => '1',
        TimeInForce::Ioc => '3',
        TimeInForce::Fok => '4',
        TimeInForce::Gtd => '6',
    };
    Terms {
        traded: traded(order),
        buy: order.side == Side::Buy,
        price: order.price.0,
        qty: order.qty.0 as i64,
        tif,
        expire: order.expire.as_millis(),
    }
}

impl Model {
    /// One step: what it brought about must be possible.
    pub fn step(&mut self, time: u64, command: &Command, events: &[Event], wanted: Option<&Terms>) {
        for event in events {
            let Event::Execution(execution) = event else { continue };
            match execution.exec_type {
                ExecType::New => self.enters(execution, command, wanted),
                ExecType::Trade => self.trades(execution, time),
                ExecType::Canceled | ExecType::Expired => self.closes(execution),
                _ => {}
            }
            self.limits(execution);
        }
        if !matches!(command, Command::Continue(_)) {
            check(self.half.is_empty(), "conservation", || format!("a trade has one side: {:?}", self.half));
        }
    }

    fn enters(&mut self, execution: &Execution, command: &Command, wanted: Option<&Terms>) {
        let order = &execution.order;
        let terms = terms_of(order);
        check(matches!(command, Command::New(..)), "order-of-a-request", || format!("{execution:?}"));
        check(wanted == Some(&terms), "what-was-signed", || format!("{wanted:?} became {terms:?}"));
        check(terms.qty <= MAX_QTY, "limit-quantity", || format!("{terms:?}"));
        let name = (order.account.0, terms.traded, order.cl_ord_id.as_str().to_owned());
        let twice = self.names.insert(name, order.id.0);
        check(twice.is_none(), "executed-once", || format!("{} was {twice:?} before", order.cl_ord_id));
        self.places += 1;
        self.open.push(Resting {
            id: order.id.0,
            account: order.account.0,
            traded: terms.traded,
            buy: terms.buy,
            price: terms.price,
            qty: terms.qty,
            cum: 0,
            expire: terms.expire,
            rests: matches!(terms.tif, '1' | '6'),
            place: self.places,
        });
        check(order.ord_type != OrdType::Market, "what-was-signed", || "nobody sends market orders".into());
    }

    fn trades(&mut self, execution: &Execution, time: u64) {
        let (order, fill) = (&execution.order, execution.fill.expect("a trade tells its fill"));
        let (price, qty, id) = (fill.price.0, fill.qty.0 as i64, order.id.0);
        let Some(at) = self.open.iter().position(|open| open.id == id) else {
            panic!("invariant closed-is-closed: {id} trades, and is not open");
        };
        if fill.maker {
            self.is_first(&self.open[at]);
        }
        let open = &mut self.open[at];
        open.cum += qty;
        let (cum, total, buy) = (open.cum, open.qty, open.buy);
        check(qty > 0 && cum <= total, "conservation", || format!("{cum} of {total} traded: {execution:?}"));
        check(cum == order.cum_qty.0 as i64, "conservation", || format!("{cum} traded: {execution:?}"));
        let worse = if buy { price > open.price } else { price < open.price };
        check(!worse, "price-limit", || format!("at {price}: {open:?}"));
        check(!fill.maker || price == open.price, "price-limit", || format!("a maker at {price}: {open:?}"));
        let expired = open.expire != 0 && open.expire * 1_000_000 <= time;
        check(!expired, "expired-is-closed", || format!("trades at {time}: {open:?}"));
        let (about, account) = (open.traded, open.account);
        if cum == total {
            self.open.remove(at);
        }
        *self.positions.entry((about, account)).or_default() += if buy { qty } else { -qty };
        let side = (price, qty, buy, fill.maker, account);
        match self.half.remove(&(about, fill.trade_id.0)) {
            None => drop(self.half.insert((about, fill.trade_id.0), side)),
            Some(other) => {
                let fits = (other.0, other.1, other.2, other.3) == (price, qty, !buy, !fill.maker);
                check(fits, "conservation", || format!("{other:?} against {side:?}"));
                check(other.4 != account, "self-match", || format!("{other:?} against {side:?}"));
            }
        }
    }

    /// Nobody stands before an order that is hit: a better price, or the same price earlier.
    fn is_first(&self, maker: &Resting) {
        let before = self.open.iter().find(|other| {
            let better = if maker.buy { other.price > maker.price } else { other.price < maker.price };
            let same_side = other.traded == maker.traded && other.buy == maker.buy && other.id != maker.id;
            same_side && (better || (other.price == maker.price && other.place < maker.place))
        });
        check(before.is_none(), "priority", || format!("{maker:?} is hit before {before:?}"));
    }

    fn closes(&mut self, execution: &Execution) {
        let id = execution.order.id.0;
        let at = self.open.iter().position(|open| open.id == id);
        check(at.is_some(), "closed-is-closed", || format!("closes, and is not open: {execution:?}"));
        if let Some(at) = at {
            self.open.remove(at);
        }
    }

    fn limits(&self, execution: &Execution) {
        let (account, about) = (execution.order.account.0, traded(&execution.order));
        if execution.exec_type == ExecType::New {
            let is_own = |open: &&Resting| open.account == account && open.traded == about && open.rests;
            let own = self.open.iter().filter(is_own);
            let count = own.count() as u32;
            check(count <= MAX_OPEN_ORDERS, "limit-open-orders", || format!("{count} of account {account}"));
        }
        let position = self.positions.get(&(about, account)).copied().unwrap_or(0);
        check(position.unsigned_abs() <= MAX_POSITION, "limit-position", || format!("{position}"));
    }

    /// Positions cancel out.
    pub fn sums_up(&self) {
        for (about, traded) in TRADED.iter().enumerate() {
            let sum: i64 = self.positions.iter().filter(|(key, _)| key.0 == about).map(|(_, n)| n).sum();
            check(sum == 0, "conservation", || format!("positions in {} sum up to {sum}", traded.symbol));
        }
    }
}
