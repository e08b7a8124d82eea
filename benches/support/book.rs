//! A book, and orders and cancels as they come to a busy one.

use super::flow::{RESTING, Random, Step, taking};
use super::{NOW, order};
use sealgate::limits::EVENTS_PER_STEP_MAX;
use sealgate::matching::{Book, Closing, Handle, Ledger, Swept, Taker, Tape};
use sealgate::types::*;

/// Positions are the work of risk: here nobody keeps them.
#[derive(Debug)]
struct NoLedger;

impl Ledger for NoLedger {
    fn follow(&mut self, _: &Execution) {}

    fn position(&self, _: AccountId, _: InstrumentId) -> i128 {
        0
    }
}

/// A book and the places of what rests in it; an order's `created` is its index here.
pub struct Desk {
    book: Book,
    random: Random,
    live: Vec<Option<Handle>>,
    free: Vec<usize>,
    events: Vec<Event>,
    trades: u64,
    seq: u64,
    last: Option<NewOrder>,
}

impl Desk {
    /// With as many as rest.
    pub fn new() -> Self {
        let live = vec![None; 2 * RESTING];
        let free = (0..live.len()).collect();
        let events = Vec::with_capacity(EVENTS_PER_STEP_MAX);
        let (book, random) = (Book::default(), Random::new());
        let mut desk = Self { book, random, live, free, events, trades: 0, seq: 0, last: None };
        for _ in 0..RESTING {
            desk.rest();
        }
        desk
    }

    /// The next request of this kind.
    pub fn step(&mut self, step: Step) {
        match step {
            Step::Rest => self.rest(),
            Step::Cancel => self.cancel(),
            Step::Take => self.take(),
        }
    }

    fn enter(&mut self, new: &NewOrder, index: usize) -> Swept {
        self.seq += 1;
        let id = OrderId::new(ShardId(1), Seq(self.seq));
        let order = Order { created: Nanos(index as u64), ..order(new, id) };
        self.events.clear();
        self.book.admit(&order).expect("there is room");
        let mut taker = Taker::new(order, None);
        let (trades, events, ledger) = (&mut self.trades, &mut self.events, &mut NoLedger);
        self.book.enter(&mut taker, &mut Tape { shard: ShardId(1), time: NOW, trades, events, ledger })
    }

    fn rest(&mut self) {
        let index = self.free.pop().expect("there is room");
        let order = self.random.resting(self.seq);
        match self.enter(&order, index) {
            Swept::Resting(handle) => self.live[index] = Some(handle),
            swept => panic!("{swept:?}"),
        }
        self.last = Some(order);
    }

    fn take(&mut self) {
        let last = self.last.expect("orders rest");
        assert_eq!(self.enter(&taking(self.seq, &last), usize::MAX), Swept::Closed);
        let Event::Execution(maker) = &self.events[1] else { panic!() };
        let index = maker.order.created.0 as usize;
        self.live[index] = None;
        self.free.push(index);
    }

    fn cancel(&mut self) {
        let (index, handle) = loop {
            let index = self.random.below(self.live.len() as u64) as usize;
            if let Some(handle) = self.live[index].take() {
                break (index, handle);
            }
        };
        self.free.push(index);
        let closing = Closing { cancel_id: None, session: SessionId::NONE, cause: Cause::Requested };
        self.events.clear();
        let (trades, events, ledger) = (&mut self.trades, &mut self.events, &mut NoLedger);
        let mut tape = Tape { shard: ShardId(1), time: NOW, trades, events, ledger };
        self.book.close(handle, &closing, &mut tape);
    }
}
