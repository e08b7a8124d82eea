//! What clients were told: the only thing that the checks believe.

use super::intent::{Attempt, Intent};
use std::collections::{BTreeMap, BTreeSet};

/// What the client was told of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Done,
    /// Refused, under this name: it never executes.
    Refused(String),
}

/// The place of an event in the journal: what ExecID(17) names.
pub type At = (u8, u64, u16);

/// An execution as a client heard of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub order_id: u64,
    pub cl_ord_id: String,
    pub exec_type: char,
    pub cum: i64,
    pub leaves: i64,
    pub last: Option<(i64, i64)>,
}

/// What the answer to an order or a question says of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub member: usize,
    pub traded: usize,
    pub order_id: u64,
    pub cl_ord_id: String,
    pub cum: i64,
    pub canceled: bool,
    /// Price, quantity, number.
    pub fills: Vec<(i64, i64, u64)>,
}

/// A private stream: the account's number, the shard.
pub type StreamId = (u32, u8);

/// A question and what was said, with the virtual times between which it was answered.
#[derive(Clone, Debug)]
pub struct Question {
    pub member: usize,
    pub sent: u64,
    pub heard: u64,
    pub said: Said,
}

/// How an order stands: its number, CumQty, OrderQty, Price, and OrdStatus(39).
pub type Stands = (u64, i64, i64, i64, char);

/// A level: price and quantity.
pub type Levels = Vec<(i64, i64)>;

/// An answer to a question.
#[derive(Clone, Debug)]
pub enum Said {
    /// The order of this name stands so, or is not there.
    Order(usize, String, Option<Stands>),
    /// The open orders of an instrument.
    Open(usize, Vec<Stands>),
    /// The same over FIX: one report for each, as it was when that was made.
    Reports(usize, Vec<Stands>),
    /// Position and number of open orders in an instrument.
    Position(usize, i64, i64),
    /// The book after a step: its last update, bids, asks.
    Book(usize, u64, Levels, Levels),
    /// Best bid and ask.
    Best(usize, Option<(i64, i64)>, Option<(i64, i64)>),
}

/// What the market data streams told.
#[derive(Clone, Debug)]
pub enum MarketTold {
    /// The book after a step, as the updates add up to it.
    Book(usize, u64, Levels, Levels),
    /// Best bid and ask after a step.
    Best(usize, u64, Option<(i64, i64)>, Option<(i64, i64)>),
    /// A trade: its step, its number, price, quantity, whether the buyer rested.
    Trade(usize, u64, u64, i64, i64, bool),
    /// All trades of a subscription, by number.
    Trades(usize, Vec<u64>),
}

/// What counts together against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RateClass {
    Orders,
    Cancels,
    Queries,
}

/// A request that a gateway let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Passed {
    /// When.
    pub at: u64,
    /// Its client, and that one's number of it: one request may have several answers.
    pub request: (usize, u64),
    /// What was wanted with it.
    pub attempt: Option<usize>,
}

/// All that was wanted and told in a run.
#[derive(Debug, Default)]
pub struct Seen {
    pub intents: Vec<Intent>,
    pub attempts: Vec<Attempt>,
    pub told: BTreeMap<At, Told>,
    pub answered: Vec<Answered>,
    /// MsgSeqNum of the attempts that went over FIX.
    pub numbers: BTreeMap<usize, u32>,
    /// What the private streams told, by number.
    pub streams: BTreeMap<StreamId, BTreeMap<u64, (usize, Told)>>,
    pub questions: Vec<Question>,
    pub market: Vec<MarketTold>,
    /// The first OrderID that a name had.
    orders: BTreeMap<(usize, usize, String), u64>,
    /// Which session heard which event, for what must be heard in the end.
    pub heard: BTreeMap<(usize, At), u32>,
    /// What gateways let pass, by member and class, as their answers tell.
    pub passed: BTreeMap<(usize, RateClass), BTreeSet<Passed>>,
    /// Signed requests over WebSocket, with their attempts: a thief could have them too.
    pub captured: Vec<(Option<usize>, String)>,
    /// When the server was started.
    pub starts: Vec<u64>,
    /// Most orders of an account on a day, if there is such a limit.
    pub orders_per_day: Option<u32>,
}

impl Seen {
    /// Nothing yet; `orders_per_day`: the limit of a day.
    pub fn new(orders_per_day: Option<u32>) -> Self {
        Self { orders_per_day, ..Self::default() }
    }

    /// An attempt had an outcome.
    pub fn verdict(&mut self, attempt: usize, verdict: Verdict) {
        let attempt = &mut self.attempts[attempt];
        if let Verdict::Refused(why) = &verdict {
            let is_kept = !(why.starts_with("DiskFull") && attempt.what.is_cancel());
            check(is_kept, "cancels-while-full", || format!("{attempt:?}: {why}"));
        }
        attempt.verdict.get_or_insert(verdict);
    }

    /// An execution was told to a session.
    pub fn execution(&mut self, session: usize, at: At, told: Told) {
        if let Some(before) = self.told.get(&at) {
            check(*before == told, "one-event-one-content", || format!("{at:?}: {before:?}, then {told:?}"));
        }
        self.told.insert(at, told);
        *self.heard.entry((session, at)).or_default() += 1;
    }

    /// A private stream told its execution of this number.
    pub fn streamed(&mut self, stream: StreamId, number: u64, traded: usize, told: Told) {
        let known = self.streams.entry(stream).or_default();
        let first = known.entry(number).or_insert_with(|| (traded, told.clone()));
        check(*first == (traded, told.clone()), "resumed-is-the-same", || {
            format!("{stream:?} {number}: {first:?}, then {told:?}")
        });
    }

    /// An answer told how an order stands.
    pub fn answer(&mut self, answered: Answered) {
        let key = (answered.member, answered.traded, answered.cl_ord_id.clone());
        let id = *self.orders.entry(key).or_insert(answered.order_id);
        check(id == answered.order_id, "executed-once", || {
            format!("{} was order {id}, then {}", answered.cl_ord_id, answered.order_id)
        });
        self.answered.push(answered);
    }

    /// A gateway let a request pass.
    pub fn passed(&mut self, of: (usize, RateClass), passed: Passed) {
        self.passed.entry(of).or_default().insert(passed);
    }
}

/// An invariant.
#[track_caller]
pub fn check(holds: bool, invariant: &str, why: impl FnOnce() -> String) {
    if !holds {
        panic!("invariant {invariant}: {}", why());
    }
}
