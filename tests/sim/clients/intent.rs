//! What clients want: orders, amendments and cancels under names, each perhaps asked for more than once.

use super::super::rng::Rng;
use super::super::venue::{MAX_QTY, TRADED, Traded, decimal};
use super::seen::{Seen, Verdict};

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

/// What an amendment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amend {
    pub traded: usize,
    /// The order, by a name that it has or had.
    pub target: String,
    /// FIX repeats the side.
    pub buy: bool,
    pub qty: i64,
    pub price: Option<i64>,
    /// `order.amend.keepPriority`: the WebSocket's way, which may only shrink.
    pub keep: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    New(Terms),
    /// By its ClOrdID.
    Cancel(usize, String),
    Amend(Amend),
    /// `order.cancelReplace`: what is canceled, what is placed, and whether that happens in any case.
    Replace(String, Terms, bool),
    /// Where and which side; everywhere and both without.
    MassCancel(Option<usize>, Option<bool>),
}

/// How a client speaks, and so what it can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    Fix,
    Ws,
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
    /// The instrument that it names.
    pub fn traded(&self) -> Option<usize> {
        match self {
            Self::New(terms) | Self::Replace(_, terms, _) => Some(terms.traded),
            Self::Cancel(traded, _) => Some(*traded),
            Self::Amend(amend) => Some(amend.traded),
            Self::MassCancel(traded, _) => *traded,
        }
    }

    /// Whether it closes orders and does nothing else.
    pub fn is_cancel(&self) -> bool {
        matches!(self, Self::Cancel(..) | Self::MassCancel(..))
    }

    fn can_be_said(&self, tongue: Tongue) -> bool {
        match self {
            Self::Amend(amend) => amend.keep == (tongue == Tongue::Ws),
            Self::Replace(..) => tongue == Tongue::Ws,
            _ => true,
        }
    }
}

impl Seen {
    /// What a client of a member does next: something new, or something that it or the other client of the member did
    /// before. The number of the attempt.
    pub fn attempt(
        &mut self,
        (member, tongue): (usize, Tongue),
        via: (usize, u64),
        now_ms: u64,
        rng: &mut Rng,
    ) -> usize {
        let own = (0..self.intents.len()).rev().filter(|at| self.intents[*at].member == member);
        let own: Vec<usize> = own.take(12).collect();
        let (intent, what) = match (rng.below(100), own.is_empty()) {
            (44..56, false) => self.cancel(member, rng.pick(&own)),
            (56..70, false) => self.amend((member, tongue), rng.pick(&own), rng),
            (70..75, false) => self.replace((member, tongue), rng.pick(&own), now_ms, rng),
            (75..80, false) => {
                let traded = rng.chance(2, 3).then(|| rng.index(TRADED.len()));
                let side = rng.chance(1, 3).then(|| rng.chance(1, 2));
                self.intend(member, What::MassCancel(traded, side))
            }
            (80..95, false) => {
                let intent = rng.pick(&own);
                (intent, self.intents[intent].what.clone())
            }
            (95.., false) => {
                let intent = rng.pick(&own);
                (intent, other(&self.intents[intent].what))
            }
            _ => self.intend(member, What::New(Terms::random(rng, now_ms))),
        };
        let (intent, what) = match what.can_be_said(tongue) {
            true => (intent, what),
            false => self.intend(member, What::New(Terms::random(rng, now_ms))),
        };
        self.note_attempt(intent, what, via, now_ms)
    }

    /// An order that would rest, whatever else happens.
    pub fn last_order(&mut self, member: usize, via: (usize, u64), now_ms: u64, rng: &mut Rng) -> usize {
        let terms = Terms { tif: '3', expire: 0, qty: 1, ..Terms::random(rng, now_ms) };
        let (intent, what) = self.intend(member, What::New(terms));
        self.note_attempt(intent, what, via, now_ms)
    }

    fn note_attempt(&mut self, intent: usize, what: What, via: (usize, u64), sent_ms: u64) -> usize {
        self.attempts.push(Attempt { intent, what, via, sent_ms, sent_again: false, verdict: None });
        self.attempts.len() - 1
    }

    fn intend(&mut self, member: usize, what: What) -> (usize, What) {
        let name = format!("c{}", self.intents.len());
        self.intents.push(Intent { member, name, what: what.clone() });
        (self.intents.len() - 1, what)
    }

    /// The instrument of an intent, or any, and its name.
    fn target(&self, of: usize) -> (usize, String) {
        (self.intents[of].what.traded().unwrap_or(0), self.intents[of].name.clone())
    }

    fn cancel(&mut self, member: usize, of: usize) -> (usize, What) {
        let (traded, name) = self.target(of);
        self.intend(member, What::Cancel(traded, name))
    }

    fn amend(&mut self, (member, tongue): (usize, Tongue), of: usize, rng: &mut Rng) -> (usize, What) {
        let (traded, target) = self.target(of);
        let (about, keep) = (&TRADED[traded], tongue == Tongue::Ws);
        let buy = match &self.intents[of].what {
            What::New(terms) | What::Replace(_, terms, _) => terms.buy,
            What::Amend(amend) => amend.buy,
            _ => true,
        };
        let price = about.price + about.tick * (rng.below(7) as i64 - 3);
        let price = (!keep && rng.chance(1, 2)).then_some(price);
        let qty = 1 + rng.below(MAX_QTY as u64 + 1) as i64;
        self.intend(member, What::Amend(Amend { traded, target, buy, qty, price, keep }))
    }

    fn replace(
        &mut self,
        (member, tongue): (usize, Tongue),
        of: usize,
        now_ms: u64,
        rng: &mut Rng,
    ) -> (usize, What) {
        if tongue == Tongue::Fix {
            return self.cancel(member, of);
        }
        let (traded, target) = self.target(of);
        let mut terms = Terms { traded, ..Terms::random(rng, now_ms) };
        let about = &TRADED[traded];
        terms.price = about.price + about.tick * (rng.below(7) as i64 - 3);
        self.intend(member, What::Replace(target, terms, rng.chance(1, 2)))
    }

    /// The name under which an attempt goes.
    pub fn name(&self, attempt: usize) -> &str {
        &self.intents[self.attempts[attempt].intent].name
    }
}

/// The same name for something else.
fn other(what: &What) -> What {
    let turned = |terms: &Terms| Terms { qty: terms.qty % MAX_QTY + 1, buy: !terms.buy, ..*terms };
    match what {
        What::New(terms) => What::New(turned(terms)),
        What::Cancel(traded, name) => What::Cancel(*traded, format!("{name}0")),
        What::Amend(amend) => What::Amend(Amend { qty: amend.qty % MAX_QTY + 1, ..amend.clone() }),
        What::Replace(target, terms, allow) => What::Replace(target.clone(), turned(terms), *allow),
        What::MassCancel(traded, side) => What::MassCancel(*traded, Some(!side.unwrap_or(false))),
    }
}
