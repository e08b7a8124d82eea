//! A venue in the plainest way: orders in a list, no index, no tricks. It is told each step of the journal in turn and
//! says what cannot have happened.

use super::ends::Ends;
use super::history::History;
use crate::clients::intent::{Terms, What};
use crate::clients::seen::check;
use crate::venue::{MAX_OPEN_ORDERS, MAX_POSITION, MAX_QTY, TRADED};
use sealgate::run::recovery::ReplayedStep;
use sealgate::types::{
    Cause, Command, Event, ExecType, Execution, LeaseId, MassCanceled, OrdType, Order, OrderRef,
    ReplaceOrder, Side, TimeInForce,
};
use std::collections::{BTreeMap, BTreeSet};

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
    /// The session that answers for it, if one does.
    pub lease: Option<LeaseId>,
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
    /// Names that were accepted: by account and instrument; the order, and when it took the name.
    pub names: BTreeMap<(u32, usize, String), (u64, u64)>,
    /// Names of what was refused.
    pub refused: BTreeMap<(u32, usize, String), (u64, u64)>,
    /// Mass cancels that were done: by shard, account, instrument and name.
    swept: BTreeSet<(u8, u32, Option<u16>, String)>,
    places: u64,
    /// Which shard has an instrument.
    pub home: BTreeMap<usize, u8>,
    ends: Ends,
    pub history: History,
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
    pub fn step(&mut self, step: &ReplayedStep<'_>, wanted: Option<&What>) {
        let (shard, time, command) = (step.shard.0, step.time.0, step.command);
        self.ends.before(step, &self.open_on(shard));
        for event in step.events {
            match event {
                Event::Execution(execution) => {
                    match execution.exec_type {
                        ExecType::New => self.enters(execution, step, wanted),
                        ExecType::Replaced => self.amends(execution, step, wanted),
                        ExecType::Trade => self.trades(execution, time),
                        ExecType::Canceled | ExecType::Expired => self.closes(execution, step),
                        ExecType::Rejected => self.refuses(execution, time),
                        ExecType::Prevented => {}
                    }
                    self.limits(execution);
                }
                Event::MassCanceled(report) => self.swept(report, step),
                Event::CancelAllAfter(set) => self.ends.dead_man(step, set),
                Event::Instrument(instrument) => {
                    let at = TRADED.iter().position(|traded| traded.id == instrument.id.0);
                    self.home.extend(at.map(|at| (at, shard)));
                }
                _ => {}
            }
        }
        if !matches!(command, Command::Continue(_)) {
            check(self.half.is_empty(), "conservation", || format!("a trade has one side: {:?}", self.half));
        }
        self.ends.after(step, &self.open_on(shard));
        self.history.note(step, &self.open, &self.positions);
    }

    /// All sessions have ended, and longer ago than any grace.
    pub fn nobody_is_there(&self, time: u64) {
        self.ends.are_over(time, |shard| self.open_on(shard));
    }

    fn open_on(&self, shard: u8) -> Vec<Resting> {
        let is_here = |open: &&Resting| self.home.get(&open.traded) == Some(&shard);
        self.open.iter().filter(is_here).cloned().collect()
    }

    fn enters(&mut self, execution: &Execution, step: &ReplayedStep<'_>, wanted: Option<&What>) {
        let order = &execution.order;
        let terms = terms_of(order);
        let is_request = matches!(step.command, Command::New(..) | Command::Replace(..));
        check(is_request, "order-of-a-request", || format!("{execution:?}"));
        let said = match wanted {
            Some(What::New(terms) | What::Replace(_, terms, _)) => Some(terms),
            _ => None,
        };
        check(said == Some(&terms), "what-was-signed", || format!("{wanted:?} became {terms:?}"));
        check(terms.qty <= MAX_QTY, "limit-quantity", || format!("{terms:?}"));
        check(order.ord_type != OrdType::Market, "what-was-signed", || "nobody sends market orders".into());
        self.takes_name(order, step.time.0);
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
            lease: step.command.requester().and_then(|requester| self.ends.lease_of(step.shard.0, requester)),
        });
    }

    /// What was refused is known under its name too.
    fn refuses(&mut self, execution: &Execution, time: u64) {
        let order = &execution.order;
        let name = (order.account.0, traded(order), order.cl_ord_id.as_str().to_owned());
        self.refused.insert(name, (order.id.0, time));
    }

    /// A name stands for one order, for ever.
    fn takes_name(&mut self, order: &Order, time: u64) {
        let name = (order.account.0, traded(order), order.cl_ord_id.as_str().to_owned());
        let twice = self.names.insert(name, (order.id.0, time));
        check(twice.is_none(), "executed-once", || format!("{} was {twice:?} before", order.cl_ord_id));
    }

    fn amends(&mut self, execution: &Execution, step: &ReplayedStep<'_>, wanted: Option<&What>) {
        let order = &execution.order;
        let Some(at) = self.open.iter().position(|open| open.id == order.id.0) else {
            panic!("invariant closed-is-closed: amended, and not open: {execution:?}");
        };
        let (Some(What::Amend(amend)), Some(replaced)) = (wanted, execution.replaced) else {
            panic!("invariant what-was-signed: {wanted:?} amended {execution:?}");
        };
        let target = (order.account.0, amend.traded, amend.target.clone());
        let meant = self.names.get(&target).map(|(id, _)| *id);
        check(meant == Some(order.id.0), "what-was-signed", || format!("{amend:?} amended {execution:?}"));
        self.takes_name(order, step.time.0);
        let open = &mut self.open[at];
        let before = (replaced.orig_qty.0 as i64, replaced.orig_price.0);
        check(before == (open.qty, open.price), "amended-from", || format!("{open:?}: {execution:?}"));
        let price = amend.price.unwrap_or(open.price);
        let after = (order.qty.0 as i64, order.price.0, order.cum_qty.0 as i64);
        check(after == (amend.qty, price, open.cum), "what-was-signed", || {
            format!("{amend:?}: {execution:?}")
        });
        check(amend.qty > open.cum && amend.qty <= MAX_QTY, "limit-quantity", || {
            format!("{open:?} {amend:?}")
        });
        let keeps = price == open.price && amend.qty <= open.qty;
        check(keeps || !amend.keep, "amended-in-place", || format!("{open:?} {amend:?}"));
        check(keeps == replaced.kept_priority, "amended-in-place", || format!("{open:?}: {execution:?}"));
        (open.qty, open.price) = (amend.qty, price);
        if !keeps {
            self.places += 1;
            open.place = self.places;
        }
    }

    /// A mass cancel leaves nothing of what it means, and counts what it closed.
    fn swept(&mut self, report: &MassCanceled, step: &ReplayedStep<'_>) {
        let scope = &report.scope;
        let closed = step.events.iter().filter(|event| matches!(event, Event::Execution(_))).count();
        check(report.canceled as usize == closed, "mass-cancel-counts", || format!("{report:?}: {closed}"));
        if report.refusal.is_some() {
            return check(closed == 0, "refused-is-refused", || format!("{report:?} canceled {closed}"));
        }
        let instrument = scope.instrument.map(|id| id.0);
        let name = (step.shard.0, scope.account.0, instrument, report.cl_ord_id.as_str().to_owned());
        let is_new = self.swept.insert(name);
        check(is_new, "executed-once", || format!("{report:?} came before"));
        let left = self.open_on(step.shard.0);
        let left = left.iter().find(|open| is_in_scope(open, report));
        check(left.is_none(), "mass-cancel-takes-all", || format!("{report:?} left {left:?}"));
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

    fn closes(&mut self, execution: &Execution, step: &ReplayedStep<'_>) {
        let id = execution.order.id.0;
        let Some(at) = self.open.iter().position(|open| open.id == id) else {
            panic!("invariant closed-is-closed: closes, and is not open: {execution:?}");
        };
        let open = self.open.remove(at);
        let time = step.time.0;
        match execution.cause {
            Some(Cause::Requested) => {
                let (Command::Cancel(_, cancel) | Command::Replace(_, ReplaceOrder { cancel, .. })) =
                    step.command
                else {
                    panic!("invariant what-was-signed: nobody asked to cancel {execution:?}");
                };
                let meant = match cancel.target {
                    OrderRef::OrderId(id) => Some(id.0),
                    OrderRef::ClOrdId(name) => {
                        let name = (cancel.account.0, open.traded, name.as_str().to_owned());
                        self.names.get(&name).map(|(id, _)| *id)
                    }
                };
                check(meant == Some(id), "what-was-signed", || format!("{cancel:?} canceled {execution:?}"));
            }
            Some(Cause::MassCancel) => {
                let report = step.events.iter().find_map(|event| match event {
                    Event::MassCanceled(report) => Some(report),
                    _ => None,
                });
                let is_meant = report.is_some_and(|report| is_in_scope(&open, report));
                check(is_meant, "mass-cancel-takes-its-own", || format!("{report:?} took {open:?}"));
            }
            Some(Cause::GoodTillDate) => {
                let is_over = open.expire != 0 && open.expire * 1_000_000 <= time;
                check(is_over, "expires-in-time", || format!("at {time}: {open:?}"));
            }
            Some(cause) => self.ends.closes(step, &open, cause),
            None => {}
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

/// Whether a mass cancel means an order.
fn is_in_scope(open: &Resting, report: &MassCanceled) -> bool {
    let scope = &report.scope;
    open.account == scope.account.0
        && scope.instrument.is_none_or(|instrument| instrument.0 == TRADED[open.traded].id)
        && scope.side.is_none_or(|side| (side == Side::Buy) == open.buy)
}
