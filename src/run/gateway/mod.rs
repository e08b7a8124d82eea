//! A gateway: sockets, TLS, sessions, and the requests of its clients on their way to the shards and back.
//!
//! ```text
//!   hot.rs       who speaks just now is read before the kernel is asked
//!   sockets.rs   poll ─► accept ─► read ─► TLS ─► fix.rs, websocket.rs ─► desk.rs: verify, limit, route ─► │ring│
//!   release.rs   │ring│ ─► what is durable ─► report ─► line.rs, counter.rs: the sessions that hear it
//!   sockets.rs   flush: sessions' bytes ─► TLS ─► write, once a connection and turn
//!   timers.rs    deadlines of connections: those that are due
//!   handover.rs  connections that another gateway keeps go there; those that this one keeps come
//! ```
//!
//! ahead.rs has the signatures of what waits in one read verified together, before each message is taken in its turn.
//! market.rs tells books and trades to their subscribers, after all that was due to those who trade.
//! logons.rs tells the shards who logged on and whose session ended: cancel on disconnect.
//!
//! One turn does a bounded amount of each, and nothing in it blocks. A connection that breaks is dropped; no other is
//! touched. Events wait in the shards' rings until they are durable: the head of a ring is looked at, not taken.

mod ahead;
pub mod catch_up;
pub mod connections;
mod control;
pub mod counter;
pub mod desk;
pub mod fix;
pub mod handover;
mod hot;
pub mod join;
pub mod line;
pub mod link;
pub mod logons;
mod market;
pub mod recall;
mod release;
mod reports;
pub mod requests;
pub mod session_log;
mod sockets;
pub mod staged;
pub mod streams;
mod subscribers;
mod timers;
mod trust;
pub mod websocket;

use super::agent::{Agent, Epilogue, Fault, Work};
use super::phase::Phase;
use super::recovery::SessionState;
use crate::accept::Acceptor;
use crate::admin::port::GatewayPort;
use crate::config::Caps;
use crate::decode::ws::Decoder;
use crate::limits::OUTCOME_DEADLINE;
use crate::market::Market;
use crate::sys::poll::{Interest, Poller, Ready};
use crate::sys::socket::Listener;
use crate::types::{ConnId, GatewayId, Nanos, SessionId, Span, Stamps};
use crate::wire::ws::Close;
use connections::Connections;
use counter::Counter;
use desk::Desk;
use handover::Peers;
use hot::Hot;
use line::Lines;
use link::READ_BYTES;
use market::Hearer;
use reports::ReportQueue;
use session_log::SessionLog;
use sockets::{Connection, LISTENER_TOKENS, Population, Stage};
use std::collections::BTreeMap;
use streams::{CatchingUp, Positions};
use subscribers::Subscribers;
use timers::Timers;

/// What takes no hurry is looked at this often: requests that wait too long, figures that somebody wants.
const TICK_EVERY: Span = Span::from_millis(5);

/// How long, when the server stops, the answers that are due may take.
const ANSWERS_MAX: Span = Span::from_secs(2);

/// And how long the whole goodbye: clients have the difference to answer our Logout or Close.
const GOODBYE_MAX: Span = Span::from_secs(4);

/// What a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// FIX sessions.
    Fix,
    /// WebSocket clients.
    WebSocket,
}

/// What a gateway is made of.
pub struct GatewayParts {
    /// Verify, limit, route.
    pub desk: Desk,
    /// The session log.
    pub log: SessionLog,
    /// TLS.
    pub acceptor: Acceptor,
    /// The other gateways.
    pub peers: Peers,
    /// Where clients connect: at one of the gateways, which accepts for all.
    pub listeners: Vec<(Service, Listener)>,
    /// Caps on connections.
    pub caps: Caps,
    /// Whether its thread spins when there is nothing to do.
    pub spins: bool,
    /// What recovery knows of the FIX sessions that this gateway keeps.
    pub sessions: BTreeMap<SessionId, SessionState>,
    /// How far each private stream was told before.
    pub positions: Positions,
    /// What the control plane asks; `None`: there is none.
    pub control: Option<GatewayPort>,
}

/// The agent.
pub struct Gateway {
    desk: Desk,
    log: SessionLog,
    lines: Lines,
    decoder: Decoder,
    counter: Counter,
    acceptor: Acceptor,
    peers: Peers,
    listeners: Vec<(Service, Listener)>,
    caps: Caps,
    control: Option<GatewayPort>,
    connections: Connections<Connection>,
    hot: Hot,
    timers: Timers,
    /// FIX connections with messages that wait for room in the session log.
    starved: Vec<ConnId>,
    poller: Poller,
    ready: Vec<Ready>,
    /// So many of those that are ready were read in the last turn, if not all.
    first_ready: usize,
    scratch: Box<[u8]>,
    plain: Vec<u8>,
    /// Connections that have something to send.
    dirty: Vec<ConnId>,
    /// WebSocket connections that subscribed to events.
    subscribers: Subscribers,
    /// FIX connections that asked to hear private streams.
    hearers: Subscribers,
    /// Books and trades, as far as somebody hears of them.
    market: Market<Hearer>,
    /// How far each private stream was told.
    positions: Positions,
    /// Those who catch up with theirs.
    catching_up: CatchingUp,
    /// The shard whose events are told first in the next turn.
    first_shard: usize,
    /// Answers of many reports that are not told to their end.
    reports: ReportQueue,
    population: Population,
    /// Requests that were answered in this turn, and when they were found durable.
    answered: Vec<(Stamps, Nanos)>,
    is_open: bool,
    next_tick: Nanos,
    accept_again: Nanos,
    goodbye: Option<Nanos>,
}

impl Gateway {
    /// A gateway that takes up the sessions that recovery found.
    pub fn new(parts: GatewayParts) -> std::io::Result<Self> {
        let GatewayParts { desk, log, acceptor, peers, listeners, caps, spins, .. } = parts;
        let GatewayParts { sessions, positions, control, .. } = parts;
        let most = caps.connections as usize;
        Ok(Self {
            lines: Lines::new(desk.own_sessions(), sessions),
            decoder: Decoder::new(desk.directory.clone(), desk.id),
            counter: Counter::new(&desk),
            connections: Connections::new(most),
            hot: Hot::new(spins),
            timers: Timers::default(),
            starved: Vec::new(),
            poller: Poller::new()?,
            ready: Vec::with_capacity(256),
            first_ready: 0,
            scratch: vec![0; READ_BYTES].into(),
            plain: Vec::with_capacity(2 * READ_BYTES),
            dirty: Vec::with_capacity(most),
            subscribers: Subscribers::default(),
            hearers: Subscribers::default(),
            market: Market::new(desk.shards.len()),
            positions,
            catching_up: CatchingUp::default(),
            first_shard: 0,
            reports: ReportQueue::default(),
            population: Population::default(),
            answered: Vec::with_capacity(1_024),
            is_open: false,
            next_tick: Nanos(0),
            accept_again: Nanos(0),
            goodbye: None,
            desk,
            log,
            acceptor,
            peers,
            listeners,
            caps,
            control,
        })
    }

    /// Which gateway it is.
    pub fn id(&self) -> GatewayId {
        self.desk.id
    }

    /// Lets clients in, once the sessions have taken up what the last run owed them.
    fn open(&mut self) -> Result<(), Fault> {
        for (at, (_, listener)) in self.listeners.iter().enumerate() {
            let added = self.poller.add(listener, LISTENER_TOKENS - at as u64, Interest::Read);
            added.map_err(|error| self.fault(&error.to_string()))?;
        }
        self.is_open = true;
        Ok(())
    }

    fn fault(&self, what: &str) -> Fault {
        Fault { agent: self.name(), what: what.to_owned() }
    }

    fn tick(&mut self, now: Nanos) {
        if now < self.next_tick {
            return;
        }
        self.next_tick = now + TICK_EVERY;
        self.lines.keep_hours(now, &mut self.log);
        while let Some((conn, text)) = self.counter.give_up(now, OUTCOME_DEADLINE, &self.desk) {
            sockets::send_text(&mut self.connections, &mut self.dirty, conn, text);
        }
        self.market.forget(now);
        self.desk.watch.turn();
        self.desk.measure();
        self.log.measure(&mut self.desk.meters);
        self.population.measure(&mut self.desk.meters);
    }

    /// What has less hurry than a message of who speaks just now and its answer.
    fn rest_of_turn(&mut self, now: Nanos) -> Result<usize, Fault> {
        let mut count = 0;
        if self.is_open {
            count += self.sockets_turn(now)? + self.take_over(now);
            count += self.streams_read() + self.streams_turn(now);
            count += self.control_turn(now);
            self.timers_turn(now);
            self.tick(now);
        } else if self.lines.are_ready() {
            self.open()?;
            count += 1;
        }
        self.desk.tell_sessions();
        self.flush_turn(now);
        self.market_turn(now);
        Ok(count)
    }

    /// Refuses what is new, and says goodbye to everybody once the answers that are due are out.
    fn say_goodbye(&mut self, now: Nanos) -> bool {
        self.desk.closing = true;
        let since = *self.goodbye.get_or_insert(now);
        if self.desk.in_flight > 0 && now.since(since) < ANSWERS_MAX {
            return false;
        }
        while let Some((conn, text)) = self.counter.give_up(now, Span::ZERO, &self.desk) {
            sockets::send_text(&mut self.connections, &mut self.dirty, conn, text);
        }
        let ids: Vec<ConnId> = self.connections.iter_mut().map(|(id, _)| id).collect();
        for id in ids {
            // A Logout takes a number, so it needs room in the session log; who is left out now is told next turn.
            if self.log.has_room() {
                self.dismiss(id, now);
            }
        }
        self.connections.count() == 0 || now.since(since) >= GOODBYE_MAX
    }

    fn dismiss(&mut self, id: ConnId, now: Nanos) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if std::mem::replace(&mut connection.dismissed, true) {
            return;
        }
        match &mut connection.stage {
            Stage::Handshake(_) => return self.remove(id),
            Stage::WebSocket(websocket) => websocket.session().close(Close::ServerStopping, now),
            Stage::Fix(fix) => match fix.session().and_then(|session| self.lines.get_mut(session)) {
                Some(line) => line.logout("the server stops", now, &mut self.log),
                None => return self.remove(id),
            },
        }
        sockets::touch(&mut self.connections, &mut self.dirty, id);
    }
}

impl Agent for Gateway {
    fn name(&self) -> String {
        format!("gateway-{}", self.desk.id)
    }

    fn poll(&mut self, _: Nanos) -> Result<Work, Fault> {
        // By the clock that stamps what comes: another one may have been set before or after it.
        let now = self.begin_turn();
        let is_whole = self.hot.turn(now) || !self.is_open;
        let (mut count, mut heard) = (0, 0);
        if is_whole {
            count += self.lines.read_back(&self.desk.directory, now, &mut self.log);
            count += self.tell_recalled();
        }
        if self.is_open {
            // Answers leave before anything is read that is newer.
            let released = self.release();
            if released > 0 || !self.dirty.is_empty() {
                self.flush_turn(now);
            }
            heard = self.hot_turn();
            count += released + heard;
        }
        if is_whole && !self.hot.puts_off(heard) {
            count += self.rest_of_turn(now)?;
        }
        self.log.wake();
        Ok(Work::from_count(count))
    }

    fn has_input(&self) -> bool {
        self.log.has_answer()
            || self.lines.recalls.has_found()
            || self.control.as_ref().is_some_and(GatewayPort::has_order)
            || self.lines.have_free(self.log.durable())
            || self.peers.has_input()
            || self.desk.shards.iter().any(|port| port.has_durable_output())
    }

    fn sockets(&self) -> Option<&Poller> {
        Some(&self.poller)
    }

    fn stopping(&mut self, phase: Phase, now: Nanos) -> bool {
        phase != Phase::Closing || self.say_goodbye(now)
    }

    fn finish(self: Box<Self>) -> Epilogue {
        Epilogue::Nothing
    }
}
