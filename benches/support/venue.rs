//! A warm shard, and clients that ask it for what comes to a busy book.

use super::flow::{MAKERS, MIX, RESTING, Random, Step, TAKER, taking};
use super::{INSTRUMENT, NOW, account_limits, cl_ord_id, instrument, requester};
use sealgate::run::shard::{Outcome, Shard};
use sealgate::types::*;
use std::hint::black_box;

/// Between two requests, so that 86,400 results are remembered and each request lets one be forgotten.
const BETWEEN: Span = Span::from_secs(1);

/// A shard and the orders that rest in it.
pub struct Venue {
    shard: Shard,
    random: Random,
    now: Nanos,
    open: Vec<(OrderId, AccountId)>,
    /// Where in `open` the order of a sequence number is.
    places: Vec<usize>,
    requests: u64,
    last: Option<NewOrder>,
}

impl Venue {
    /// After so many requests of the mix.
    pub fn new(warm: usize) -> Self {
        let mut venue = Self {
            shard: Shard::new(ShardId(1)),
            random: Random::new(),
            now: NOW,
            open: Vec::new(),
            places: Vec::new(),
            requests: 0,
            last: None,
        };
        venue.send(Command::Instrument(instrument()));
        for account in (1..=MAKERS).map(AccountId).chain([TAKER]) {
            venue.send(Command::Account(account_limits(account)));
        }
        for _ in 0..RESTING {
            venue.rest();
        }
        MIX.iter().cycle().take(warm).for_each(|step| venue.step(*step));
        venue
    }

    /// The next request of this kind.
    pub fn step(&mut self, step: Step) {
        match step {
            Step::Rest => self.rest(),
            Step::Cancel => self.cancel(),
            Step::Take => self.take(),
        }
    }

    /// Executes a command; the order of its first event, and of the second: the maker's.
    fn send(&mut self, command: Command) -> [Option<OrderId>; 2] {
        match self.shard.execute(None, black_box(&command), self.now) {
            Outcome::Step(step) => [0, 1].map(|n| match black_box(step.events).get(n) {
                Some(Event::Execution(execution)) => Some(execution.order.id),
                _ => None,
            }),
            Outcome::Repetition(_) => panic!("each request is new"),
        }
    }

    fn next(&mut self) -> Requester {
        self.requests += 1;
        self.now = self.now + BETWEEN;
        requester(self.requests, self.now)
    }

    fn rest(&mut self) {
        let requester = self.next();
        let order = self.random.resting(self.requests);
        let [Some(id), None] = self.send(Command::New(requester, order)) else { panic!("it rests") };
        let seq = self.shard.last_seq().0 as usize;
        self.places.resize(seq + 1, 0);
        self.places[seq] = self.open.len();
        self.open.push((id, order.account));
        self.last = Some(order);
    }

    fn take(&mut self) {
        let requester = self.next();
        let order = taking(self.requests, &self.last.expect("orders rest"));
        let [Some(_), Some(maker)] = self.send(Command::New(requester, order)) else { panic!("it takes") };
        self.remove(self.places[seq_of(maker)]);
    }

    fn cancel(&mut self) {
        let at = self.random.below(self.open.len() as u64) as usize;
        let (order, account) = self.remove(at);
        let requester = self.next();
        let (cl_ord_id, target) = (cl_ord_id(self.requests), OrderRef::OrderId(order));
        let cancel = CancelOrder { account, instrument: INSTRUMENT, cl_ord_id, target };
        self.send(Command::Cancel(requester, cancel));
    }

    fn remove(&mut self, at: usize) -> (OrderId, AccountId) {
        let removed = self.open.swap_remove(at);
        if let Some((moved, _)) = self.open.get(at) {
            self.places[seq_of(*moved)] = at;
        }
        removed
    }
}

/// The sequence number in an OrderID.
fn seq_of(order: OrderId) -> usize {
    (order.0 - OrderId::new(ShardId(1), Seq::ZERO).0) as usize
}
