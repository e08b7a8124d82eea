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
use super::desk::Desk;
use super::line::Lines;
use super::session_log::SessionLog;
use super::sockets::{Connection, Stage, touch};
use super::{Gateway, sockets};
use crate::market::{Audience, Room, Told, View, Wish};
use crate::report::fix as report;
use crate::report::ws::Levels;
use crate::types::{
    Answer, ConnId, Instrument, InstrumentId, MarketStream, MdEntryTypes, MdUpdateType, Nanos, ReqId,
    SessionId, Subscribed,
};

/// A subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearer {
    /// A stream of a WebSocket connection.
    WebSocket(ConnId, Subscribed),
    /// A MarketDataRequest of a FIX connection.
    Fix(ConnId, SessionId, Request),
}

/// What a MarketDataRequest asks for in each of its instruments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// MDReqID(262).
    pub id: ReqId,
    /// What is told.
    pub entries: MdEntryTypes,
    /// How.
    pub update: MdUpdateType,
}

impl Hearer {
    pub(super) fn conn(&self) -> ConnId {
        match self {
            Self::WebSocket(conn, _) | Self::Fix(conn, ..) => *conn,
        }
    }
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
        let Self { market, connections, dirty, counter, lines, log, desk, .. } = self;
        market.publish(now, &mut Ears { connections, dirty, counter, lines, log, desk, now });
        self.flush_turn(now);
    }

    /// A connection is gone: it hears no more.
    pub(super) fn market_leaves(&mut self, id: ConnId) {
        let now = self.desk.clock.now();
        match self.connections.get_mut(id).map(|connection| &mut connection.stage) {
            Some(Stage::WebSocket(websocket)) => {
                for subscribed in websocket.session().streams() {
                    self.market.unsubscribe(subscribed.instrument, now, |hearer| hearer.conn() == id);
                }
            }
            Some(Stage::Fix(fix)) => {
                for (_, instrument) in fix.market_data() {
                    self.market.unsubscribe(*instrument, now, |hearer| hearer.conn() == id);
                }
            }
            Some(Stage::Handshake(_)) | None => {}
        }
    }
}

/// The connections, as those to whom market data is told.
struct Ears<'a> {
    connections: &'a mut Connections<Connection>,
    dirty: &'a mut Vec<ConnId>,
    counter: &'a mut Counter,
    lines: &'a mut Lines,
    log: &'a mut SessionLog,
    desk: &'a Desk,
    now: Nanos,
}

impl Audience<Hearer> for Ears<'_> {
    fn room(&mut self, to: &Hearer) -> Room {
        let Some(connection) = self.connections.get_mut(to.conn()) else { return Room::All };
        let waits = connection.watched_for_write;
        match to {
            Hearer::WebSocket(..) => {}
            // A number may have to be reserved first.
            Hearer::Fix(..) if !self.log.has_room() => return Room::None,
            Hearer::Fix(conn, session, _) => match self.lines.get_mut(*session) {
                // What is sent again comes first; the end of it is seen in one of the next turns.
                Some(line) if line.owner() == Some(*conn) && line.is_replaying() => return Room::Soon,
                _ => {}
            },
        }
        if waits { Room::Trades } else { Room::All }
    }

    fn tell(&mut self, to: &Hearer, instrument: InstrumentId, told: &Told<'_>) {
        match to {
            Hearer::WebSocket(conn, to) => self.tell_stream(*conn, to, told),
            Hearer::Fix(conn, session, request) => {
                let Some(instrument) = self.desk.directory.instrument(instrument) else { return };
                let Some(line) = self.lines.get_mut(*session) else { return };
                if line.owner() != Some(*conn) {
                    return;
                }
                line.tell_passing(self.now, self.log, |body| write_fix(request, instrument, told, body));
                touch(self.connections, self.dirty, *conn);
            }
        }
    }
}

impl Ears<'_> {
    fn tell_stream(&mut self, conn: ConnId, to: &Subscribed, told: &Told<'_>) {
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
            sockets::send_text(self.connections, self.dirty, conn, text);
        }
    }
}

/// What a FIX session is told; `None`: nothing that it wants.
fn write_fix(
    request: &Request,
    instrument: &Instrument,
    told: &Told<'_>,
    body: &mut Vec<u8>,
) -> Option<report::MsgType> {
    let Request { id, entries, update } = *request;
    match told {
        Told::Trade(trade, _) => Some(report::market::trade(id, instrument, trade, body)),
        Told::Snapshot(stand) => {
            Some(report::market::snapshot(id, instrument, entries, top(stand.view), stand.time, body))
        }
        Told::Update(stand, changed) => {
            let (before, now) = (top(changed.before), top(stand.view));
            let written = report::market::update(id, instrument, entries, (before, now), stand.time, body)?;
            if update == MdUpdateType::Incremental {
                return Some(written);
            }
            body.clear();
            Some(report::market::snapshot(id, instrument, entries, now, stand.time, body))
        }
    }
}

fn top(view: &View) -> report::market::Top {
    [view.bids.first().copied(), view.asks.first().copied()]
}
