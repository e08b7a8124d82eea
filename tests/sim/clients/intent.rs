//! What clients want, and what they were told: the only thing that the checks believe.

use super::super::rng::Rng;
use super::super::venue::{MAX_QTY, TRADED, Traded, decimal};
use std::collections::BTreeMap;

/// `recvWindow` of the first attempt in milliseconds; that of each later one is a millisecond longer, so that the
/// journal tells which attempt made a step.
pub const WINDOW_BASE: u64 = 6_000;

/// What an order says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub traded: usize,
    pub buy: bool,
    pub price: i64,
    pub qty: i64,
    /// TimeInForce(59).
    pub tif: char,
    /// In milliseconds, where that is 6.
    pub expire: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    New(Terms),
    /// By its ClOrdID.
    Cancel(usize, String),
}

/// One thing that is wanted under one name.
#[derive(Clone, Debug)]
pub struct Intent {
    pub member: usize,
    pub name: String,
    pub what: What,
}

/// One message with it.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub intent: usize,
    /// What this message says: not always what the first one said.
    pub what: What,
    /// The client that sent it, and in which order it did.
    pub via: (usize, u64),
    /// When it was sent, where that decides until when it may run: a FIX client sends the same order again later.
    pub sent_ms: u64,
    /// The same bytes were sent again: what a gateway refused of one copy, it may take of another.
    pub sent_again: bool,
    pub verdict: Option<Verdict>,
}

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

/// All that was wanted and told in a run.
#[derive(Debug, Default)]
pub struct Seen {
    pub intents: Vec<Intent>,
    pub attempts: Vec<Attempt>,
    pub told: BTreeMap<At, Told>,
    pub answered: Vec<Answered>,
    /// MsgSeqNum of the attempts that went over FIX.
    pub numbers: BTreeMap<usize, u32>,
    /// What the streams told: member, instrument, execution.
    pub stream: Vec<(usize, usize, Told)>,
    /// The first OrderID that a name had.
    orders: BTreeMap<(usize, usize, String), u64>,
    /// Which session heard which event, for what must be heard in the end.
    pub heard: BTreeMap<(usize, At), u32>,
}

impl Terms {
    pub fn random(rng: &mut Rng, now_ms: u64) -> Self {
        let traded = rng.index(TRADED.len());
        let about = &TRADED[traded];
        let tif = rng.pick(&['1', '1', '1', '1', '1', '3', '3', '4', '6', '6']);
        let expire = if tif == '6' { now_ms + 1 + rng.below(20_000) } else { 0 };
        Self {
            traded,
            buy: rng.chance(1, 2),
            price: about.price + about.tick * (rng.below(7) as i64 - 3),
            qty: 1 + rng.below(MAX_QTY as u64 + 1) as i64,
            tif,
            expire,
        }
    }

    pub fn about(&self) -> &'static Traded {
        &TRADED[self.traded]
    }

    pub fn price_text(&self) -> String {
        decimal(self.price, self.about().price_scale)
    }

    pub fn qty_text(&self) -> String {
        decimal(self.qty, self.about().qty_scale)
    }
}

impl What {
    pub fn traded(&self) -> usize {
        match self {
            Self::New(terms) => terms.traded,
            Self::Cancel(traded, _) => *traded,
        }
    }
}

impl Seen {
    /// What a client of a member does next: something new, or something that it or the other client of the member did
    /// before. The number of the attempt.
    pub fn attempt(&mut self, member: usize, via: (usize, u64), now_ms: u64, rng: &mut Rng) -> usize {
        let own: Vec<usize> =
            (0..self.intents.len()).rev().filter(|at| self.intents[*at].member == member).take(12).collect();
        let (intent, what) = match (rng.below(100), own.is_empty()) {
            (60..78, false) => self.cancel(member, rng.pick(&own)),
            (78..94, false) => {
                let intent = rng.pick(&own);
                (intent, self.intents[intent].what.clone())
            }
            (94.., false) => {
                let intent = rng.pick(&own);
                (intent, other(&self.intents[intent].what))
            }
            _ => self.intend(member, What::New(Terms::random(rng, now_ms))),
        };
        self.attempts.push(Attempt { intent, what, via, sent_ms: now_ms, sent_again: false, verdict: None });
        self.attempts.len() - 1
    }

    fn intend(&mut self, member: usize, what: What) -> (usize, What) {
        let name = format!("c{}", self.intents.len());
        self.intents.push(Intent { member, name, what: what.clone() });
        (self.intents.len() - 1, what)
    }

    fn cancel(&mut self, member: usize, of: usize) -> (usize, What) {
        let (traded, name) = (self.intents[of].what.traded(), self.intents[of].name.clone());
        self.intend(member, What::Cancel(traded, name))
    }

    /// The name under which an attempt goes.
    pub fn name(&self, attempt: usize) -> &str {
        &self.intents[self.attempts[attempt].intent].name
    }

    /// An attempt had an outcome.
    pub fn verdict(&mut self, attempt: usize, verdict: Verdict) {
        let known = &mut self.attempts[attempt].verdict;
        if known.is_none() {
            *known = Some(verdict);
        }
    }

    /// An execution was told to a session.
    pub fn execution(&mut self, session: usize, at: At, told: Told) {
        if let Some(before) = self.told.get(&at) {
            check(*before == told, "one-event-one-content", || format!("{at:?}: {before:?}, then {told:?}"));
        }
        self.told.insert(at, told);
        *self.heard.entry((session, at)).or_default() += 1;
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
}

/// The same name for something else.
fn other(what: &What) -> What {
    match what {
        What::New(terms) => What::New(Terms { qty: terms.qty % MAX_QTY + 1, buy: !terms.buy, ..*terms }),
        What::Cancel(traded, name) => What::Cancel(*traded, format!("{name}0")),
    }
}

/// An invariant.
#[track_caller]
pub fn check(holds: bool, invariant: &str, why: impl FnOnce() -> String) {
    if !holds {
        panic!("invariant {invariant}: {}", why());
    }
}
