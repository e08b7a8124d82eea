//! One instrument: its book and its trades, followed from the events of its shard.
//!
//! | event | of an order that rests | of the order that is on its way through the book |
//! |---|---|---|
//! | New | | it sets out: it is not in the book |
//! | Trade | LastQty leaves its level | a trade is told; it goes on with less |
//! | Prevented | what was prevented leaves its level | it goes on with less |
//! | Replaced, in place | what it lost leaves its level | |
//! | Replaced, else | all that was open leaves the level that it had | it sets out anew |
//! | Canceled | what was open leaves its level | |
//! | Expired | what was open, or was prevented, leaves its level | it is gone |
//! | end of the request | | what is open of it comes to its level |
//!
//! So a book is never crossed at the end of a step: who takes is not in it before it has met all that it can.

use super::book::Book;
use crate::planted::{self, Bug};
use crate::types::{EventRef, ExecType, Execution, Nanos, Order, PublicTrade, Seq};

/// The book of an instrument and the trades that nobody was told yet.
#[derive(Debug)]
pub(super) struct Feed {
    /// `None` until the shard has told where the book stands.
    book: Option<Book>,
    /// The last step that touched the instrument, or the one after which the book was told.
    pub(super) last: Seq,
    /// When that was.
    pub(super) time: Nanos,
    /// Whether what happened was told to its end: no step is half known.
    pub(super) is_settled: bool,
    /// The order that is on its way.
    taker: Option<Order>,
    /// The first of these has the number `trades_before`.
    pub(super) trades: Vec<PublicTrade>,
    pub(super) trades_before: u64,
    /// Whether somebody hears of trades.
    pub(super) keeps_trades: bool,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            book: None,
            last: Seq::ZERO,
            time: Nanos(0),
            is_settled: true,
            taker: None,
            trades: Vec::new(),
            trades_before: 0,
            keeps_trades: false,
        }
    }

    /// The book, once it is known.
    pub(super) fn book(&self) -> Option<&Book> {
        self.book.as_ref()
    }

    /// The shard tells the book after the step `last`. Nothing changes if it is known already.
    pub(super) fn begin(&mut self, book: impl FnOnce() -> Book, last: Seq, time: Nanos) {
        if self.book.is_none() {
            (self.book, self.last, self.time) = (Some(book()), last, time);
        }
    }

    /// The number of the next trade.
    pub(super) fn next_trade(&self) -> u64 {
        self.trades_before + self.trades.len() as u64
    }

    /// Follows an event; whether there was anything to follow.
    pub(super) fn follow(&mut self, execution: &Execution, at: EventRef, time: Nanos) -> bool {
        let Some(book) = &mut self.book else { return false };
        let order = &execution.order;
        let is_taker = self.taker.is_some_and(|taker| taker.id == order.id);
        match execution.exec_type {
            ExecType::Rejected => return false,
            ExecType::New => self.taker = Some(*order),
            ExecType::Trade => {
                let Some(fill) = execution.fill else { return false };
                if fill.maker {
                    book.take(order.side, order.price, fill.qty);
                } else {
                    self.taker = Some(*order);
                    if self.keeps_trades {
                        self.trades.push(PublicTrade {
                            id: fill.trade_id,
                            price: fill.price,
                            qty: fill.qty,
                            aggressor: order.side,
                            time,
                            seq: at.seq,
                        });
                    }
                }
            }
            ExecType::Replaced => {
                let Some(replaced) = execution.replaced else { return false };
                let lost = if replaced.kept_priority {
                    replaced.orig_qty.minus(order.qty)
                } else {
                    self.taker = Some(*order);
                    replaced.orig_qty.minus(order.cum_qty).minus(order.prevented_qty)
                };
                book.take(order.side, replaced.orig_price, lost);
            }
            ExecType::Prevented | ExecType::Canceled | ExecType::Expired if is_taker => {
                self.taker = Some(*order);
            }
            ExecType::Canceled if planted::has(Bug::BookUpdateLost) => {}
            ExecType::Prevented | ExecType::Canceled | ExecType::Expired => {
                let lost = execution.prevented.map_or(order.remaining(), |prevented| prevented.qty);
                book.take(order.side, order.price, lost);
            }
        }
        self.is_settled = false;
        true
    }

    /// The step ends, and the request with it if it is the `last` one.
    pub(super) fn settle(&mut self, at: EventRef, time: Nanos, last: bool) {
        if last
            && let Some(taker) = self.taker.take().filter(|taker| taker.status.is_open())
            && let Some(book) = &mut self.book
        {
            assert!(taker.ord_type.may_rest(taker.time_in_force), "what may not rest was closed");
            book.add(taker.side, taker.price, taker.remaining());
        }
        (self.last, self.time, self.is_settled) = (at.seq, time, true);
    }
}
