//! Market data against the books that it tells of: whatever happens in the shard, what is derived from its events is
//! what its book holds, and what a subscriber was told leads there.

use super::*;
use crate::market::{Audience, Changes, Market, Room, Told, Wish};
use crate::types::*;
use std::collections::BTreeMap;

/// How many levels the subscriber sees: fewer than there are, so that levels come into its sight and leave it.
const LEVELS: u16 = 3;

type Side2 = [BTreeMap<Price, Qty>; 2];

/// A gateway's side of one instrument, with one subscriber.
pub(super) struct Follower {
    market: Market<()>,
    instrument: InstrumentId,
    client: Client,
    steps: u64,
}

/// What the subscriber has made of what it was told.
#[derive(Default)]
struct Client {
    book: Side2,
    last: Option<Seq>,
    has_room: bool,
    trades: Vec<PublicTrade>,
}

impl Follower {
    /// Follows an instrument from where its book stands now.
    pub(super) fn new(shard: &Shard, instrument: InstrumentId) -> Self {
        let mut market = Market::new(2);
        let wish = Wish { levels: LEVELS, trades: true, once: false };
        market.subscribe(instrument, (), wish);
        let answer = shard.query(venue::origin(0), &Query::Book(instrument), Nanos(1));
        let ShardOutput::Answer { answer, after, time, .. } = answer else { panic!("it is a question") };
        let Answer::Book { last, bids, asks, .. } = *answer else { panic!("of a book") };
        assert_eq!(last, after);
        market.snapshot((instrument, last, time), &bids, &asks);
        Self { market, instrument, client: Client { has_room: true, ..Client::default() }, steps: 0 }
    }

    /// Hears a step as gateways do. Three steps of four the subscriber has room for its book.
    pub(super) fn hear<'a>(&mut self, outputs: impl Iterator<Item = ShardOutput> + 'a) {
        for output in outputs {
            if let ShardOutput::Event { shard, seq, index, time, ends, last, event, .. } = output {
                let at = EventRef { shard, seq, index };
                self.market.hear(&event, at, time, (ends, last));
            }
        }
        self.steps += 1;
        let had_room = std::mem::replace(&mut self.client.has_room, !self.steps.is_multiple_of(4));
        if !had_room {
            self.market.has_drained();
        }
        self.market.publish(Nanos(1), &mut self.client);
    }

    /// The request is done: the derived book is that of the shard, and the subscriber sees the top of it.
    pub(super) fn check(&mut self, shard: &Shard) {
        let book = &shard.books[&self.instrument];
        let derived = self.market.book(self.instrument).expect("it was told");
        for side in [Side::Buy, Side::Sell] {
            assert!(derived.levels(side).eq(book.levels(side)), "{side:?} after {}", shard.last_seq().0);
        }
        if self.client.has_room {
            let top = [Side::Buy, Side::Sell].map(|side| -> BTreeMap<Price, Qty> {
                book.levels(side).take(usize::from(LEVELS)).map(|level| (level.price, level.qty)).collect()
            });
            assert_eq!(self.client.book, top, "after {}", shard.last_seq().0);
        }
    }

    /// The trades that the subscriber heard of.
    pub(super) fn trades(&self) -> &[PublicTrade] {
        &self.client.trades
    }
}

impl Client {
    fn apply(&mut self, changes: &Changes) {
        for (side, changes) in self.book.iter_mut().zip([&changes.bids, &changes.asks]) {
            for change in changes {
                match change.qty {
                    Qty::ZERO => assert!(side.remove(&change.price).is_some()),
                    qty => assert_ne!(side.insert(change.price, qty), Some(qty)),
                }
            }
        }
    }
}

impl Audience<()> for Client {
    fn room(&mut self, (): &()) -> Room {
        if self.has_room { Room::All } else { Room::Trades }
    }

    fn tell(&mut self, (): &(), _: InstrumentId, told: &Told<'_>) {
        match told {
            Told::Trade(trade, number) => {
                self.trades.push(**trade);
                assert_eq!(*number, self.trades.len() as u64, "each once, in order");
            }
            Told::Snapshot(stand) => {
                assert_eq!(self.last.replace(stand.last), None, "one snapshot");
                let known = |levels: &[BookLevel]| levels.iter().map(|l| (l.price, l.qty)).collect();
                self.book = [known(&stand.view.bids), known(&stand.view.asks)];
            }
            Told::Update(stand, update) => {
                assert_eq!(self.last.replace(stand.last).map(Seq::next), Some(update.first), "no gap");
                assert!(stand.last >= update.first);
                self.apply(update.changes);
            }
        }
        let best = |side: usize| self.book[side].keys();
        if let (Some(bid), Some(ask)) = (best(0).next_back(), best(1).next()) {
            assert!(bid < ask, "never crossed");
        }
    }
}

#[test]
fn a_subscriber_that_comes_late_begins_where_the_book_stands() {
    let mut venue = venue::Venue::new();
    venue.place(venue::buy("b1"));
    venue.place(NewOrder { price: Price(99), ..venue::buy("b2") });
    let mut follower = Follower::new(&venue.shard, InstrumentId(1));
    let sell = venue.new_order(NewOrder { qty: Qty(15), price: Price(99), ..venue::sell("s1") });
    let Outcome::Step(step) = venue.shard.execute(None, &sell, venue.now) else { panic!() };
    let seq = step.seq;
    follower.hear(step.outputs());
    follower.check(&venue.shard);
    let told: Vec<_> = follower.trades().iter().map(|t| (t.price.0, t.qty.0, t.aggressor, t.seq)).collect();
    assert_eq!(told, [(100, 10, Side::Sell, seq), (99, 5, Side::Sell, seq)]);
}

#[test]
fn what_happens_during_a_sweep_of_many_steps_is_told_step_by_step_and_never_crossed() {
    let mut venue = venue::Venue::new();
    let makers = crate::limits::FILLS_PER_STEP_MAX * 2 + 10;
    for n in 0..makers {
        venue.place(NewOrder { qty: Qty(1), ..venue::sell(&format!("s{n}")) });
    }
    let mut follower = Follower::new(&venue.shard, InstrumentId(1));
    let sweep = venue.new_order(NewOrder { qty: Qty(1_000), ..venue::buy("sweep") });
    let Outcome::Step(step) = venue.shard.execute(None, &sweep, venue.now) else { panic!() };
    follower.hear(step.outputs());
    while venue.shard.has_pending() {
        follower.hear(venue.shard.proceed(venue.now).outputs());
    }
    follower.check(&venue.shard);
    assert_eq!(follower.trades().len(), makers);
}
