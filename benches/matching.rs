//! What matching costs: a book of 2,000 resting orders on 200 levels, and orders that rest, cancels and orders that
//! take.
//!
//! Row of `docs/numbers.md`: matching. An iteration of the mix is one request of it.

mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use sealgate::limits::EVENTS_PER_STEP_MAX;
use sealgate::matching::{Book, Closing, Handle, Ledger, Swept, Taker, Tape};
use sealgate::types::*;
use support::flow::{MIX, RESTING, Random, Step, taking};
use support::{NOW, order};

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
struct Desk {
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
    fn new() -> Self {
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

    fn step(&mut self, step: Step) {
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

fn matching(c: &mut Criterion) {
    let mut desk = Desk::new();
    let mut bench = |name, steps: &[Step]| {
        let mut steps = steps.iter().cycle();
        c.bench_function(name, |b| {
            b.iter(|| desk.step(*steps.next().expect("they go round")));
        });
    };
    bench("matching/request of the mix", &MIX);
    bench("matching/rest or cancel", &[Step::Rest, Step::Cancel]);
    bench("matching/rest or take", &[Step::Rest, Step::Take]);
}

criterion_group!(benches, matching);
criterion_main!(benches);
