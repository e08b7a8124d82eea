//! What stands in the application messages of FIX, written and read by hand. `|` stands for SOH.

use super::fix_message::{Message, time};
use super::intent::{WINDOW_BASE, What};
use super::seen::{self, Passed, RateClass, Said, Seen, Stands};
use crate::rng::Rng;
use crate::venue::{TRADED, decimal, scaled};
use sealgate::types::Nanos;

/// A question that is not answered, or not to its end.
#[derive(Clone, Debug)]
pub struct Question {
    member: usize,
    sent: u64,
    about: About,
    /// What has come of the answer.
    told: Vec<(usize, Stands)>,
}

#[derive(Clone, Debug)]
enum About {
    Order(usize, String),
    Open(Option<usize>),
}

fn side(buy: bool) -> u8 {
    if buy { 1 } else { 2 }
}

/// Type and body of an attempt.
pub fn order(seen: &Seen, attempt: usize, now: Nanos) -> (&'static str, String) {
    let (name, window, now) = (seen.name(attempt), WINDOW_BASE + attempt as u64, time(now));
    let rest = format!("60={now}|25000={window}|");
    match &seen.attempts[attempt].what {
        What::New(terms) | What::Replace(_, terms, _) => {
            let expire = match terms.tif {
                '6' => format!("126={}|", time(Nanos(terms.expire * 1_000_000))),
                _ => String::new(),
            };
            let (symbol, price, qty) = (terms.about().symbol, terms.price_text(), terms.qty_text());
            let (side, tif) = (side(terms.buy), terms.tif);
            ("D", format!("11={name}|38={qty}|40=2|44={price}|54={side}|55={symbol}|59={tif}|{expire}{rest}"))
        }
        What::Cancel(traded, target) => {
            let symbol = TRADED[*traded].symbol;
            ("F", format!("11={name}|41={target}|54=1|55={symbol}|{rest}"))
        }
        What::Amend(amend) => {
            let about = &TRADED[amend.traded];
            let price = amend.price.map(|price| format!("44={}|", decimal(price, about.price_scale)));
            let (price, qty) = (price.unwrap_or_default(), decimal(amend.qty, about.qty_scale));
            let (target, side, symbol) = (&amend.target, side(amend.buy), about.symbol);
            ("G", format!("11={name}|38={qty}|40=2|41={target}|{price}54={side}|55={symbol}|{rest}"))
        }
        What::MassCancel(traded, buy) => {
            let side = buy.map(|buy| format!("54={}|", side(buy))).unwrap_or_default();
            let scope = match traded {
                Some(traded) => format!("55={}|530=1|", TRADED[*traded].symbol),
                None => "530=7|".to_owned(),
            };
            ("q", format!("11={name}|{side}{scope}{rest}"))
        }
    }
}

/// Type and body of a question, and what is kept of it until it is answered.
pub fn question(
    seen: &Seen,
    (member, number): (usize, u64),
    now: Nanos,
    rng: &mut Rng,
) -> Option<(&'static str, String, Question)> {
    let question = |about| Question { member, sent: now.0, about, told: Vec::new() };
    if rng.chance(1, 3) {
        let traded = rng.chance(1, 2).then(|| rng.index(TRADED.len()));
        let scope = match traded {
            Some(traded) => format!("55={}|585=1|", TRADED[traded].symbol),
            None => "585=7|".to_owned(),
        };
        return Some(("AF", format!("584={number}|{scope}"), question(About::Open(traded))));
    }
    let own: Vec<_> = seen.intents.iter().filter(|intent| intent.member == member).collect();
    let intent = own.get(rng.index(own.len().max(1)))?;
    let (traded, name) = (intent.what.traded()?, intent.name.clone());
    let body = format!("11={name}|54=1|55={}|790={number}|", TRADED[traded].symbol);
    Some(("H", body, question(About::Order(traded, name))))
}

impl Question {
    /// A part of the answer; whether it was the last one.
    pub fn hear(&mut self, message: &Message) -> bool {
        let traded = TRADED.iter().position(|traded| traded.symbol == message.get(55));
        if let (Some(traded), Ok(order)) = (traded, message.get(37).parse()) {
            let number = |tag| scaled(message.get(tag));
            let status = message.get(39).chars().next().unwrap_or(' ');
            self.told.push((traded, (order, number(14), number(38), number(44), status)));
        }
        match self.about {
            About::Order(..) => true,
            About::Open(_) => message.get(912) == "Y" || message.get(911) == "0",
        }
    }

    /// What the answer says.
    pub fn said(&self, heard: u64) -> Vec<seen::Question> {
        let said: Vec<Said> = match &self.about {
            About::Order(traded, name) => {
                let stands = self.told.first().map(|(_, stands)| *stands);
                vec![Said::Order(*traded, name.clone(), stands)]
            }
            About::Open(one) => {
                let of =
                    |about| self.told.iter().filter(move |told| told.0 == about).map(|told| told.1).collect();
                let about = (0..TRADED.len()).filter(|traded| one.is_none_or(|one| one == *traded));
                about.map(|about| Said::Reports(about, of(about))).collect()
            }
        };
        let (member, sent) = (self.member, self.sent);
        said.into_iter().map(|said| seen::Question { member, sent, heard, said }).collect()
    }
}

impl Seen {
    /// What an attempt counts as.
    pub fn class(&self, attempt: usize) -> RateClass {
        match &self.attempts[attempt].what {
            What::New(_) | What::Replace(..) => RateClass::Orders,
            What::Amend(amend) if !amend.keep => RateClass::Orders,
            _ => RateClass::Cancels,
        }
    }

    /// When a gateway let the request pass that this answers, if it tells.
    pub fn passed_at(
        &mut self,
        of: (usize, RateClass),
        message: &Message,
        (request, attempt): ((usize, u64), Option<usize>),
    ) {
        if !message.get(25_012).is_empty()
            && let Ok(at) = message.get(25_011).parse()
        {
            self.passed(of, Passed { at, request, attempt });
        }
    }
}
