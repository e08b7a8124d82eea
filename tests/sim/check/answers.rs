//! What questions were answered and what the market was told, against how everything stood.

use super::history::levels;
use super::model::{Model, Resting};
use crate::clients::seen::{MarketTold, Question, Said, Seen, Stands, check};
use std::collections::BTreeSet;

impl Model {
    /// Every answer was true at some moment between question and answer.
    pub fn answers(&self, seen: &Seen) {
        for question in &seen.questions {
            let Question { member, sent, heard, said } = question;
            let (account, times) = (*member as u32 + 1, (*sent, *heard));
            let is_true = match said {
                Said::Order(traded, name, stands) => {
                    self.stood((account, *traded, name), stands.as_ref(), times)
                }
                Said::Open(traded, told) => {
                    let mut told = told.clone();
                    told.sort_unstable();
                    let books = self.history.books_between(*traded, times);
                    books.iter().any(|book| open_of(book, account) == told)
                }
                Said::Reports(traded, told) => {
                    let ids = |orders: &[Stands]| orders.iter().map(|order| order.0).collect::<BTreeSet<_>>();
                    let books = self.history.books_between(*traded, times);
                    books.iter().any(|book| ids(&open_of(book, account)) == ids(told))
                        && told.iter().all(|told| self.history.order_between(told.0, times).contains(told))
                }
                Said::Position(traded, position, open) => {
                    let books = self.history.books_between(*traded, times);
                    let positions = self.history.positions_between(*traded, account, times);
                    let is_open = |book: &Vec<Resting>| open_of(book, account).len() as i64 == *open;
                    positions.contains(position) && books.iter().any(is_open)
                }
                Said::Book(traded, last, bids, asks) => {
                    let book = self.history.book_at(*traded, *last);
                    let is_new = self.history.changed_after(*traded, *last).is_none_or(|next| next >= *sent);
                    is_new && levels(book, true) == *bids && levels(book, false) == *asks
                }
                Said::Best(traded, bid, ask) => {
                    let books = self.history.books_between(*traded, times);
                    books.iter().any(|book| (best(book, true), best(book, false)) == (*bid, *ask))
                }
            };
            check(is_true, "answers-are-true", || format!("{question:?}"));
        }
    }

    /// An order stood so, or was not there.
    fn stood(
        &self,
        (account, traded, name): (u32, usize, &String),
        stands: Option<&Stands>,
        times: (u64, u64),
    ) -> bool {
        let name = (account, traded, name.clone());
        let known = self.names.get(&name).or_else(|| self.refused.get(&name));
        match (known, stands) {
            (None, None) => true,
            (Some((_, since)), None) => *since >= times.0,
            (None, Some(_)) => false,
            (Some((id, _)), Some(stands)) => self.history.order_between(*id, times).contains(stands),
        }
    }

    /// Everything that the market was told is as the journal has it.
    pub fn market(&self, seen: &Seen) {
        let nothing = Vec::new();
        let trades = |traded: &usize| self.history.trades.get(traded).unwrap_or(&nothing);
        for told in &seen.market {
            let is_true = match told {
                MarketTold::Book(traded, last, bids, asks) => {
                    let book = self.history.book_at(*traded, *last);
                    levels(book, true) == *bids && levels(book, false) == *asks
                }
                MarketTold::Best(traded, last, bid, ask) => {
                    let book = self.history.book_at(*traded, *last);
                    (best(book, true), best(book, false)) == (*bid, *ask)
                }
                MarketTold::Trade(traded, step, number, price, qty, maker) => {
                    trades(traded).contains(&(*step, *number, *price, *qty, *maker))
                }
                MarketTold::Trades(traded, numbers) => {
                    let all: Vec<u64> = trades(traded).iter().map(|trade| trade.1).collect();
                    numbers.is_empty() || all.windows(numbers.len()).any(|some| some == numbers)
                }
            };
            check(is_true, "market-is-the-book", || format!("{told:?}"));
        }
    }

    /// What somebody holds of a book in the end is all that there is.
    pub fn is_held(&self, traded: usize, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> bool {
        let open: Vec<Resting> = self.open.iter().filter(|open| open.traded == traded).cloned().collect();
        levels(&open, true) == bids && levels(&open, false) == asks
    }
}

/// The open orders of an account as answers tell them.
fn open_of(book: &[Resting], account: u32) -> Vec<Stands> {
    let own = book.iter().filter(|open| open.account == account);
    let stands = |open: &Resting| {
        let status = if open.cum == 0 { '0' } else { '1' };
        (open.id, open.cum, open.qty, open.price, status)
    };
    let mut own: Vec<Stands> = own.map(stands).collect();
    own.sort_unstable();
    own
}

fn best(book: &[Resting], buy: bool) -> Option<(i64, i64)> {
    levels(book, buy).first().copied()
}
