//! Market data of a gateway: who hears of it, and how it is told.
//!
//! ```text
//!   release.rs ─► Market: books and trades ─► at the end of the turn, after all answers to orders have gone:
//!                                             each subscriber that has room ─► report ─► its session
//! ```
//!
//! A subscriber has room for its book while none of its bytes wait for the socket. Trades are told in any case, and
//! whoever does not read them is cut at its byte limit, as always.

use super::connections::Connections;
use super::counter::Counter;
use super::sockets::{Connection, Stage};
use super::{Gateway, sockets};
use crate::market::{Audience, Room, Told, Wish};
use crate::report::ws::Levels;
use crate::types::{Answer, ConnId, InstrumentId, MarketStream, Nanos, Subscribed};

/// A subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearer {
    /// A stream of a WebSocket connection.
    WebSocket(ConnId, Subscribed),
}

/// What a stream needs to hear.
pub(super) fn wish(stream: MarketStream, levels: u16) -> Wish {
    let (levels, trades) = match stream {
        MarketStream::Depth => (levels, false),
        MarketStream::Ticker => (1, false),
        MarketStream::Trades => (0, true),
    };
    Wish { levels, trades, once: false }
}

impl Gateway {
    /// A shard has told a book that was asked for.
    pub(super) fn market_begins(&mut self, answer: &Answer, time: Nanos) {
        if let Answer::Book { instrument, last, bids, asks } = answer {
            self.market.snapshot((*instrument, *last, time), bids, asks);
        }
    }

    /// Tells the subscribers what happened in this turn.
    pub(super) fn market_turn(&mut self, now: Nanos) {
        if !self.market.has_news() {
            return;
        }
        let Self { market, connections, dirty, counter, .. } = self;
        market.publish(now, &mut Ears { connections, dirty, counter });
        self.flush_turn();
    }

    /// A connection is gone: it hears no more.
    pub(super) fn market_leaves(&mut self, id: ConnId) {
        let Some(Connection { stage: Stage::WebSocket(websocket), .. }) = self.connections.get_mut(id) else {
            return;
        };
        let now = self.desk.clock.now();
        for subscribed in websocket.session().streams() {
            let hearer = Hearer::WebSocket(id, *subscribed);
            self.market.unsubscribe(subscribed.instrument, now, |other| *other == hearer);
        }
    }
}

/// The connections, as those to whom market data is told.
struct Ears<'a> {
    connections: &'a mut Connections<Connection>,
    dirty: &'a mut Vec<ConnId>,
    counter: &'a mut Counter,
}

impl Audience<Hearer> for Ears<'_> {
    fn room(&mut self, to: &Hearer) -> Room {
        let Hearer::WebSocket(conn, _) = to;
        match self.connections.get_mut(*conn) {
            Some(connection) if connection.watched_for_write => Room::Trades,
            Some(_) | None => Room::All,
        }
    }

    fn tell(&mut self, to: &Hearer, _: InstrumentId, told: &Told<'_>) {
        let Hearer::WebSocket(conn, to) = to;
        let text = self.counter.market(|reporter, out| match told {
            Told::Trade(trade, number) => reporter.trade(to, trade, *number, out),
            Told::Snapshot(stand) => {
                let (bids, asks) = (&stand.view.bids, &stand.view.asks);
                let told = Levels { first: None, last: stand.last, time: stand.time, bids, asks };
                reporter.levels(to, &told, out);
            }
            Told::Update(stand, update) => {
                let (bids, asks) = match to.stream {
                    MarketStream::Ticker => (&stand.view.bids, &stand.view.asks),
                    MarketStream::Depth | MarketStream::Trades => {
                        (&update.changes.bids, &update.changes.asks)
                    }
                };
                let first = Some(update.first);
                reporter.levels(to, &Levels { first, last: stand.last, time: stand.time, bids, asks }, out);
            }
        });
        if !text.is_empty() {
            sockets::send_text(self.connections, self.dirty, *conn, text);
        }
    }
}
