//! Market data: the books and trades that subscribers hear of, derived from the events that every gateway hears anyway.
//!
//! ```text
//!   first subscriber ─► Query::Book ─► shard ─► Answer::Book ─► snapshot ─┐
//!   events of the shard, when they are durable ─────────────────► hear ───┴─► Feed: book, trades
//!                                                                                │ publish, once a turn
//!   subscriber ◄─ trades, each; the book as it is, against what it knows: View ◄─┘
//! ```
//!
//! - The answer and the events come through one ring, so the book is that of the shard from the first event on.
//! - A book is shown as it is between two steps, so never crossed; and only what is durable, since only that is heard.
//! - An update id is the number of a step of the shard: the same for every subscriber, at every gateway, after every
//!   restart, and in the answer to `depth`. Each update tells the ids that it covers: from one after the last that was
//!   told.
//! - Conflation: who has no room is passed over. When there is room again, one update leads from what was told last to
//!   the book as it is. Trades are never conflated.
//! - Cost: nothing while nobody subscribes, but for one comparison an event. Then a binary search for each event of an
//!   instrument that somebody hears of, and for each subscriber and turn one pass over the levels that it sees.

mod book;
mod feed;
mod view;

pub use book::Book;
pub use view::{Changes, View};

use crate::limits::MARKET_TRADES_KEPT_MAX;
use crate::planted::{self, Bug};
use crate::types::{BookLevel, Event, EventRef, InstrumentId, Nanos, PublicTrade, Seq, Span};
use feed::Feed;
use std::collections::BTreeMap;

/// How long a book is followed after the last subscriber has gone: who comes back costs the shard no question.
const LINGER: Span = Span::from_secs(5);

/// What somebody wants to hear of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// How many levels a side; zero: nothing of the book.
    pub levels: u16,
    /// Whether trades.
    pub trades: bool,
    /// Whether the book is told once, and that is all.
    pub once: bool,
}

/// What a subscriber can take now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Everything.
    All,
    /// Trades, which are not conflated; its book waits until [`Market::has_drained`].
    Trades,
    /// Nothing but trades of which too many are kept for it; it is asked again in the next turn.
    Soon,
    /// Nothing; it is asked again in the next turn.
    None,
}

/// What a subscriber is told.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// A trade, and its number in the subscription, from 1.
    Trade(&'a PublicTrade, u64),
    /// The book as it is.
    Snapshot(&'a Stand<'a>),
    /// What has changed in it.
    Update(&'a Stand<'a>, &'a Update<'a>),
}

/// Where a book stands.
#[derive(Clone, Copy, Debug)]
pub struct Stand<'a> {
    /// The last update that is in it.
    pub last: Seq,
    /// When that was.
    pub time: Nanos,
    /// Its best levels.
    pub view: &'a View,
}

/// What leads there.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// The first update that is told: one after the last that was.
    pub first: Seq,
    /// As it was told before.
    pub before: &'a View,
    /// The difference.
    pub changes: &'a Changes,
}

/// Whoever passes on what subscribers are told.
pub trait Audience<T> {
    /// How much a subscriber can take.
    fn room(&mut self, to: &T) -> Room;
    /// Tells it.
    fn tell(&mut self, to: &T, instrument: InstrumentId, told: &Told<'_>);
}

/// One subscriber of one instrument.
#[derive(Debug)]
struct Subscription<T> {
    to: T,
    wish: Wish,
    view: View,
    /// The last update that it was told; `None`: it has no snapshot yet.
    told: Option<Seq>,
    /// The number of the feed's next trade for it, and of the first that it heard of.
    next_trade: u64,
    first_trade: u64,
}

/// An instrument that somebody hears of.
#[derive(Debug)]
struct Topic<T> {
    feed: Feed,
    subscriptions: Vec<Subscription<T>>,
    /// Whether there may be something to tell: it stands in the list of those.
    has_news: bool,
    /// Since when nobody hears of it.
    idle_since: Option<Nanos>,
}

/// Whether a topic has told all that it has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rest {
    /// It has.
    Nothing,
    /// Somebody has no room.
    Held,
    /// Somebody is to be asked again in the next turn.
    Now,
}

/// All that a gateway's subscribers hear of; `T` says who a subscriber is.
#[derive(Debug)]
pub struct Market<T> {
    topics: BTreeMap<InstrumentId, Topic<T>>,
    /// Instruments that the step which is being heard has touched, by shard.
    touched: Vec<Vec<InstrumentId>>,
    /// Instruments with something to tell.
    news: Vec<InstrumentId>,
    /// Instruments with subscribers that have no room.
    held: Vec<InstrumentId>,
    view: View,
    changes: Changes,
}

impl<T> Market<T> {
    /// Nobody subscribes yet.
    pub fn new(shards: usize) -> Self {
        Self {
            topics: BTreeMap::new(),
            touched: (0..shards).map(|_| Vec::new()).collect(),
            news: Vec::new(),
            held: Vec::new(),
            view: View::default(),
            changes: Changes::default(),
        }
    }

    /// Whether events are listened to.
    pub fn is_active(&self) -> bool {
        !self.topics.is_empty()
    }

    /// Whether [`Market::publish`] has something to do.
    pub fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Whether the book of an instrument must be asked for before it can be subscribed to.
    pub fn is_unknown(&self, instrument: InstrumentId) -> bool {
        !self.topics.contains_key(&instrument)
    }

    /// Somebody hears of an instrument from now on. The caller has asked the shard for the book if it is unknown.
    pub fn subscribe(&mut self, instrument: InstrumentId, to: T, wish: Wish) {
        let topic = self.topics.entry(instrument).or_insert_with(|| Topic {
            feed: Feed::new(),
            subscriptions: Vec::new(),
            has_news: false,
            idle_since: None,
        });
        topic.idle_since = None;
        topic.feed.keeps_trades |= wish.trades;
        let trade = topic.feed.next_trade();
        let view = View::default();
        topic.subscriptions.push(Subscription {
            to,
            wish,
            view,
            told: None,
            next_trade: trade,
            first_trade: trade,
        });
        note(&mut self.news, instrument, topic);
    }

    /// Those of an instrument of whom `is_gone` says so hear no more; how many that were.
    pub fn unsubscribe(
        &mut self,
        instrument: InstrumentId,
        now: Nanos,
        is_gone: impl Fn(&T) -> bool,
    ) -> usize {
        let Some(topic) = self.topics.get_mut(&instrument) else { return 0 };
        let before = topic.subscriptions.len();
        topic.subscriptions.retain(|subscription| !is_gone(&subscription.to));
        topic.rest(now);
        before - topic.subscriptions.len()
    }

    /// How many subscriptions of an instrument are such.
    pub fn count(&self, instrument: InstrumentId, is_such: impl Fn(&T) -> bool) -> usize {
        let subscriptions = self.topics.get(&instrument).map_or(&[][..], |topic| &topic.subscriptions);
        subscriptions.iter().filter(|subscription| is_such(&subscription.to)).count()
    }

    /// Lets go of the books that nobody has heard of for a while.
    pub fn forget(&mut self, now: Nanos) {
        let lingers = |topic: &Topic<T>| topic.idle_since.is_none_or(|since| now.since(since) < LINGER);
        if self.topics.values().all(lingers) {
            return;
        }
        self.topics.retain(|_, topic| lingers(topic));
        let topics = &self.topics;
        self.news.retain(|instrument| topics.contains_key(instrument));
        self.held.retain(|instrument| topics.contains_key(instrument));
    }

    /// The shard tells a book as it is after the step `last`.
    pub fn snapshot(
        &mut self,
        (instrument, last, time): (InstrumentId, Seq, Nanos),
        bids: &[BookLevel],
        asks: &[BookLevel],
    ) {
        let Some(topic) = self.topics.get_mut(&instrument) else { return };
        topic.feed.begin(|| Book::new(bids, asks), last, time);
        note(&mut self.news, instrument, topic);
    }

    /// A shard tells an event: with it its step `ends`, and the request if it is the `last`.
    pub fn hear(&mut self, event: &Event, at: EventRef, time: Nanos, (ends, last): (bool, bool)) {
        let Some(touched) = self.touched.get_mut(usize::from(at.shard.0)) else { return };
        if let Event::Execution(execution) = event
            && let Some(topic) = self.topics.get_mut(&execution.order.instrument)
        {
            let was_settled = topic.feed.is_settled;
            if topic.feed.follow(execution, at, time) && was_settled {
                touched.push(execution.order.instrument);
            }
        }
        if ends {
            for instrument in touched.drain(..) {
                if let Some(topic) = self.topics.get_mut(&instrument) {
                    topic.feed.settle(at, time, last);
                    note(&mut self.news, instrument, topic);
                }
            }
        }
    }

    /// Somebody who had no room has some again.
    pub fn has_drained(&mut self) {
        for instrument in self.held.drain(..) {
            if let Some(topic) = self.topics.get_mut(&instrument) {
                note(&mut self.news, instrument, topic);
            }
        }
    }

    /// Tells everybody what there is to tell and they have room for.
    pub fn publish(&mut self, now: Nanos, audience: &mut impl Audience<T>) {
        let Self { topics, news, held, view, changes, .. } = self;
        news.retain(|instrument| {
            let Some(topic) = topics.get_mut(instrument) else { return false };
            let subscriptions = topic.subscriptions.len();
            let rest = topic.publish(*instrument, (&mut *view, &mut *changes), audience);
            if topic.subscriptions.len() < subscriptions {
                topic.rest(now);
            }
            topic.has_news = rest == Rest::Now;
            if rest == Rest::Held && !held.contains(instrument) {
                held.push(*instrument);
            }
            topic.has_news
        });
    }

    /// The book of an instrument, if it is followed.
    pub fn book(&self, instrument: InstrumentId) -> Option<&Book> {
        self.topics.get(&instrument).and_then(|topic| topic.feed.book())
    }
}

impl<T> Topic<T> {
    fn publish(
        &mut self,
        instrument: InstrumentId,
        scratch: (&mut View, &mut Changes),
        audience: &mut impl Audience<T>,
    ) -> Rest {
        let (view, changes) = scratch;
        let Self { feed, subscriptions, .. } = self;
        // Not even a trade is told before its step is known to its end; and nothing without a book.
        if feed.book().is_none() || !feed.is_settled {
            return Rest::Nothing;
        }
        let mut rest = Rest::Nothing;
        subscriptions.retain_mut(|subscription| {
            let left = subscription.hear(feed, instrument, (&mut *view, &mut *changes), audience);
            rest = rest.max(left);
            !(subscription.wish.once && subscription.told.is_some())
        });
        // What all have heard of is forgotten.
        let next = subscriptions.iter().filter(|s| s.wish.trades).map(|s| s.next_trade).min();
        let heard = next.unwrap_or(feed.next_trade()) - feed.trades_before;
        feed.trades.drain(..heard as usize);
        feed.trades_before += heard;
        rest
    }

    /// Remembers what is of use to those who are left.
    fn rest(&mut self, now: Nanos) {
        self.feed.keeps_trades = self.subscriptions.iter().any(|subscription| subscription.wish.trades);
        self.idle_since = match self.subscriptions.is_empty() {
            true => self.idle_since.or(Some(now)),
            false => None,
        };
    }
}

impl<T> Subscription<T> {
    fn hear(
        &mut self,
        feed: &Feed,
        instrument: InstrumentId,
        scratch: (&mut View, &mut Changes),
        audience: &mut impl Audience<T>,
    ) -> Rest {
        let hears_trade = self.wish.trades && self.next_trade < feed.next_trade();
        let hears_book = self.told != Some(feed.last) && (self.wish.levels > 0 || self.told.is_none());
        if !hears_trade && !hears_book {
            return Rest::Nothing;
        }
        let room = audience.room(&self.to);
        let kept = if self.wish.trades { feed.next_trade() - self.next_trade } else { 0 };
        let is_far_behind = kept > MARKET_TRADES_KEPT_MAX;
        if room == Room::None || (room == Room::Soon && !is_far_behind) {
            return Rest::Now;
        }
        if hears_trade {
            let from = (self.next_trade - feed.trades_before) as usize;
            for trade in &feed.trades[from..] {
                self.next_trade += 1;
                if planted::has(Bug::TradeSkipped) && self.next_trade - self.first_trade == 2 {
                    continue;
                }
                let told = Told::Trade(trade, self.next_trade - self.first_trade);
                audience.tell(&self.to, instrument, &told);
            }
        }
        if !hears_book {
            return Rest::Nothing;
        }
        match room {
            Room::Trades => return Rest::Held,
            Room::Soon | Room::None => return Rest::Now,
            Room::All => {}
        }
        self.hear_book(feed, instrument, scratch, audience);
        Rest::Nothing
    }

    fn hear_book(
        &mut self,
        feed: &Feed,
        instrument: InstrumentId,
        (view, changes): (&mut View, &mut Changes),
        audience: &mut impl Audience<T>,
    ) {
        let Some(book) = feed.book() else { return };
        view.look(book, usize::from(self.wish.levels));
        let stand = Stand { last: feed.last, time: feed.time, view };
        match self.told {
            None => audience.tell(&self.to, instrument, &Told::Snapshot(&stand)),
            Some(told) => {
                if !changes.between(&self.view, view) {
                    // What happened is out of its sight. The next update covers it.
                    return;
                }
                let first = if planted::has(Bug::UpdateIdRepeated) { told } else { told.next() };
                let update = Update { first, before: &self.view, changes };
                audience.tell(&self.to, instrument, &Told::Update(&stand, &update));
            }
        }
        self.told = Some(feed.last);
        std::mem::swap(&mut self.view, view);
    }
}

fn note<T>(news: &mut Vec<InstrumentId>, instrument: InstrumentId, topic: &mut Topic<T>) {
    if !std::mem::replace(&mut topic.has_news, true) {
        news.push(instrument);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ExecType, Execution, Fill, Price, Qty, ShardId, TradeId};
    use crate::wire::record::samples::order;

    /// One subscriber, and how many trades it was told.
    struct One(Room, usize);

    impl Audience<u8> for One {
        fn room(&mut self, _: &u8) -> Room {
            self.0
        }

        fn tell(&mut self, _: &u8, _: InstrumentId, told: &Told<'_>) {
            self.1 += usize::from(matches!(told, Told::Trade(..)));
        }
    }

    fn trade(market: &mut Market<u8>, number: u64) {
        let order = order();
        let trade_id = TradeId::new(ShardId(0), number);
        let fill = Some(Fill { trade_id, price: Price(1), qty: Qty(1), maker: false });
        let execution = Execution { fill, ..Execution::bare(ExecType::Trade, order) };
        let at = EventRef { shard: ShardId(0), seq: Seq(number), index: 0 };
        market.hear(&Event::Execution(execution), at, Nanos(0), (true, false));
    }

    #[test]
    fn what_is_kept_for_a_subscriber_that_must_wait_is_bounded() {
        let (mut market, instrument) = (Market::new(1), order().instrument);
        market.subscribe(instrument, 1, Wish { levels: 1, trades: true, once: false });
        market.snapshot((instrument, Seq(0), Nanos(0)), &[], &[]);
        let mut one = One(Room::All, 0);
        market.publish(Nanos(0), &mut one);
        one.0 = Room::Soon;
        for number in 1..=3 * MARKET_TRADES_KEPT_MAX {
            trade(&mut market, number);
            market.publish(Nanos(0), &mut one);
            let kept = market.topics[&instrument].feed.trades.len() as u64;
            assert!(kept <= MARKET_TRADES_KEPT_MAX, "{kept} trades");
        }
        assert!(market.has_news(), "it is asked again");
        one.0 = Room::All;
        market.publish(Nanos(0), &mut one);
        assert_eq!(one.1 as u64, 3 * MARKET_TRADES_KEPT_MAX, "it was told each");
    }

    #[test]
    fn subscriptions_of_an_instrument_are_counted_until_they_are_told() {
        let (mut market, instrument) = (Market::new(1), order().instrument);
        let once = Wish { levels: 1, trades: false, once: true };
        (0..3).for_each(|_| market.subscribe(instrument, 1, once));
        market.snapshot((instrument, Seq(0), Nanos(0)), &[], &[]);
        market.publish(Nanos(0), &mut One(Room::Trades, 0));
        assert_eq!(
            (market.count(instrument, |to| *to == 1), market.count(instrument, |to| *to == 2)),
            (3, 0)
        );
        market.has_drained();
        market.publish(Nanos(0), &mut One(Room::All, 0));
        assert_eq!(market.count(instrument, |to| *to == 1), 0);
    }
}
