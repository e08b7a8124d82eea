//! The sockets of a gateway: accepting, reading, writing, and saying goodbye.

use super::Gateway;
use super::Service;
use super::connections::Connections;
use super::desk::Sender;
use super::fix::{FixConnection, FixTurn, Go};
use super::line::Lines;
use super::link::{Gone, Link};
use super::session_log::SessionLog;
use super::subscribers::accounts_of;
use super::timers::NEVER;
use super::websocket::{Turn, WebSocket};
use crate::accept::{TlsConnection, identify};
use crate::limits::{HANDSHAKE_DEADLINE, SHARD_INPUT_SLOTS};
use crate::run::agent::{Agent, Fault};
use crate::sys::poll::{Interest, Poller};
use crate::sys::socket::{Accepted, Stream};
use crate::types::{ConnId, GatewayId, MemberId, Nanos, Span, Text};
use crate::watch::{self, Meter, Meters, SecurityEvent};
use std::net::SocketAddr;

/// Requests that are taken in one turn before the shards have theirs: half of what a ring to one holds. The others wait
/// in their sockets for the next turn, instead of being refused as `Busy` by a shard that had no time to take them.
const REQUESTS_PER_TURN_MAX: u64 = SHARD_INPUT_SLOTS as u64 / 2;

/// Connections accepted or taken over in one turn; the kernel, or the ring, keeps the others.
pub(super) const ACCEPTS_PER_TURN_MAX: usize = 16;

/// A listener that found no descriptor free looks again after this.
const EXHAUSTED_PAUSE: Span = Span::from_millis(100);

/// How long a peer has to take our last bytes and close.
const LEAVE_DEADLINE: Span = Span::from_secs(1);

/// Tokens of listeners count down from here; connections have their [`ConnId`].
pub(super) const LISTENER_TOKENS: u64 = u64::MAX - 1;

/// One connection.
pub(super) struct Connection {
    pub(super) link: Link,
    pub(super) peer: SocketAddr,
    member: Option<MemberId>,
    pub(super) stage: Stage,
    /// Whether the poller tells of it; one that is read unasked it does not.
    pub(super) is_watched: bool,
    pub(super) watched_for_write: bool,
    pub(super) queued: bool,
    /// When it must have come further; `None` once it has.
    pub(super) deadline: Option<Nanos>,
    /// When it is looked at next, if nothing comes.
    pub(super) due: Nanos,
    /// Nothing more is taken from it; it goes when its bytes are out and the peer has closed, or at its deadline.
    pub(super) leaving: bool,
    /// It was told that the server stops.
    pub(super) dismissed: bool,
}

/// How far a connection has come.
#[allow(clippy::large_enum_variant)] // One a connection, made once.
pub(super) enum Stage {
    Handshake(Service),
    Fix(FixConnection),
    WebSocket(WebSocket),
}

/// How many connections have come how far.
#[derive(Debug, Default)]
pub(super) struct Population {
    handshaking: u64,
    fix: u64,
    websocket: u64,
}

impl Population {
    fn of(&mut self, stage: &Stage) -> &mut u64 {
        match stage {
            Stage::Handshake(_) => &mut self.handshaking,
            Stage::Fix(_) => &mut self.fix,
            Stage::WebSocket(_) => &mut self.websocket,
        }
    }

    /// A connection is gone.
    pub(super) fn leaves(&mut self, stage: &Stage) {
        *self.of(stage) -= 1;
    }

    /// Writes what the operator may look at.
    pub(super) fn measure(&self, meters: &mut Meters) {
        meters.set(Meter::Handshakes, self.handshaking);
        meters.set(Meter::FixConnections, self.fix);
        meters.set(Meter::WebSocketConnections, self.websocket);
    }
}

/// What becomes of a connection whose bytes were taken.
#[derive(PartialEq, Eq)]
enum Fate {
    Stay,
    /// Closed at once.
    Drop,
    /// Closed when its bytes are out.
    Leave,
    /// Goes to the gateway that keeps its session.
    Over(GatewayId),
}

/// Remembers that a connection has something to send.
pub(super) fn touch(connections: &mut Connections<Connection>, dirty: &mut Vec<ConnId>, id: ConnId) {
    if let Some(connection) = connections.get_mut(id)
        && !std::mem::replace(&mut connection.queued, true)
    {
        dirty.push(id);
    }
}

/// Sends a text to a WebSocket connection, if it is still there.
pub(super) fn send_text(
    connections: &mut Connections<Connection>,
    dirty: &mut Vec<ConnId>,
    id: ConnId,
    text: &[u8],
) {
    if let Some(Connection { stage: Stage::WebSocket(websocket), .. }) = connections.get_mut(id) {
        websocket.session().send(text);
        touch(connections, dirty, id);
    }
}

impl Gateway {
    /// Asks the kernel who is ready, and reads each such connection once.
    pub(super) fn sockets_turn(&mut self, now: Nanos) -> Result<usize, Fault> {
        let asked = self.desk.requests;
        let mut ready = std::mem::take(&mut self.ready);
        let polled = self.poller.poll(&mut ready);
        polled.map_err(|error| Fault { agent: self.name(), what: format!("epoll: {error}") })?;
        let (listeners, mut told) = (self.listeners.len() as u64, 0);
        // Whom a turn leaves out is among the first in the next one.
        let first = self.first_ready.min(ready.len());
        ready.rotate_left(first);
        for event in &ready {
            if self.desk.requests - asked >= REQUESTS_PER_TURN_MAX {
                break;
            }
            told += 1;
            if event.token > LISTENER_TOKENS - listeners {
                self.accept((LISTENER_TOKENS - event.token) as usize, now);
                continue;
            }
            let id = ConnId(event.token);
            if event.writable {
                touch(&mut self.connections, &mut self.dirty, id);
            }
            if event.readable {
                self.read(id);
            }
        }
        let count = ready.len();
        self.first_ready = if told < count { told } else { 0 };
        self.ready = ready;
        Ok(count)
    }

    fn accept(&mut self, listener: usize, now: Nanos) {
        if now < self.accept_again {
            return;
        }
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            let (service, listener) = &self.listeners[listener];
            match listener.accept() {
                Accepted::Stream(stream, peer) => {
                    let service = *service;
                    self.deal(stream, peer, service, now);
                }
                Accepted::WouldBlock => return,
                Accepted::Exhausted(_) => {
                    self.accept_again = now + EXHAUSTED_PAUSE;
                    return;
                }
            }
        }
    }

    /// Takes what came before as if it had just been read.
    pub(super) fn resume(&mut self, id: ConnId, now: Nanos) {
        self.plain.clear();
        match self.arrived(id, now) {
            Fate::Stay => touch(&mut self.connections, &mut self.dirty, id),
            Fate::Leave => self.leave(id, now),
            Fate::Drop => self.remove(id),
            Fate::Over(to) => self.hand_over(id, to),
        }
    }

    /// Begins with a connection that was accepted.
    pub(super) fn greet(&mut self, stream: Stream, peer: SocketAddr, service: Service, now: Nanos) {
        let tls = stream.machine_spki().map_or_else(|| self.acceptor.connection(), TlsConnection::bare);
        let link = Link::new(stream, tls, self.caps.output_bytes);
        let connection = Connection {
            link,
            peer,
            member: None,
            stage: Stage::Handshake(service),
            is_watched: true,
            watched_for_write: false,
            queued: false,
            deadline: Some(now + HANDSHAKE_DEADLINE),
            due: NEVER,
            leaving: false,
            dismissed: false,
        };
        self.enter(connection, now);
    }

    /// Gives a connection its place, if there is one; dropping it closes it.
    pub(super) fn enter(&mut self, connection: Connection, now: Nanos) -> Option<ConnId> {
        if self.desk.closing {
            return None;
        }
        if self.connections.is_full() {
            self.desk.note(connection.peer, SecurityEvent::ConnectionsExhausted);
            return None;
        }
        *self.population.of(&connection.stage) += 1;
        let id = self.connections.insert(|_| connection);
        let entered = self.connections.get_mut(id)?;
        entered.is_watched = true;
        if self.poller.add(entered.link.stream(), id.0, Interest::Read).is_err() {
            self.remove(id);
            return None;
        }
        self.timers.schedule(id, entered, &self.lines, now);
        Some(id)
    }

    /// Reads a connection once; whether bytes came.
    pub(super) fn read(&mut self, id: ConnId) -> bool {
        let Some(connection) = self.connections.get_mut(id) else { return false };
        // What comes waits in its socket until the journal has caught up and what was read before is taken; the poller
        // tells it again.
        if matches!(&connection.stage, Stage::Fix(fix) if fix.starved || !self.log.has_room()) {
            return false;
        }
        self.plain.clear();
        let read = connection.link.read(&mut self.scratch, &mut self.plain);
        if read == Ok(false) {
            return false;
        }
        let now = self.desk.clock.now();
        if let (Some(arrived), Stage::Fix(_) | Stage::WebSocket(_)) =
            (connection.link.arrived(), &connection.stage)
        {
            self.desk.watch.time(watch::Stage::Kernel, now.since(arrived));
        }
        let speaks_again = self.hot.spoke(id, now);
        let broken = read.err();
        // What came before the end counts: a client may send and close.
        let (leaving, peer) = (connection.leaving, connection.peer);
        let fate = if leaving { Fate::Stay } else { self.arrived(id, now) };
        match (broken, fate) {
            (Some(Gone::Tls(fault)), _) if !leaving => {
                let fault = Text::truncated(&fault.to_string());
                self.desk.note(peer, SecurityEvent::TlsFailed { fault });
                self.leave(id, now); // The alert is on its way.
            }
            (Some(_), _) | (None, Fate::Drop) => self.remove(id),
            (None, Fate::Leave) => self.leave(id, now),
            (None, Fate::Over(to)) => self.hand_over(id, to),
            (None, Fate::Stay) => touch(&mut self.connections, &mut self.dirty, id),
        }
        if speaks_again {
            self.unwatch(id);
        }
        true
    }

    /// Takes what was read, as far as the connection has come.
    fn arrived(&mut self, id: ConnId, now: Nanos) -> Fate {
        let Some(connection) = self.connections.get_mut(id) else { return Fate::Stay };
        if let Stage::Handshake(service) = connection.stage {
            if connection.link.tls().is_handshaking() {
                return Fate::Stay;
            }
            // A handshake cannot end without a certificate, so the default is never taken.
            let (peer, spki) = (connection.peer, connection.link.tls().peer_spki().unwrap_or_default());
            let Some(identity) = identify(spki, &self.desk.directory) else {
                self.desk.note(peer, SecurityEvent::UnknownCertificate { spki });
                return Fate::Drop;
            };
            connection.deadline = None;
            connection.member = Some(identity.member);
            let from = Sender { peer, identity };
            self.population.leaves(&connection.stage);
            connection.stage = Stage::begin(service, from, self.caps.messages_per_second, now);
            *self.population.of(&connection.stage) += 1;
        }
        match &mut connection.stage {
            Stage::Handshake(_) => Fate::Stay,
            Stage::Fix(fix) => {
                let (desk, lines, log) = (&mut self.desk, &mut self.lines, &mut self.log);
                let (market, positions, hearers) = (&mut self.market, &self.positions, &mut self.hearers);
                let mut turn =
                    FixTurn { conn: id, received: now, desk, lines, log, market, positions, hearers };
                let go = fix.receive(&self.plain, &mut turn);
                if fix.catches_up().is_some() {
                    self.catching_up.add(id);
                }
                if fix.starved {
                    self.starved.push(id);
                }
                if let Some(evicted) = self.lines.evicted.take() {
                    self.remove(evicted);
                }
                match go {
                    Go::On => Fate::Stay,
                    Go::Silent => Fate::Drop,
                    Go::Leave => Fate::Leave,
                    Go::Over(to) => Fate::Over(to),
                }
            }
            Stage::WebSocket(websocket) => {
                let (desk, decoder, counter) = (&mut self.desk, &mut self.decoder, &mut self.counter);
                let (positions, before) = (&self.positions, websocket.session().subscription());
                let market = &mut self.market;
                let mut turn = Turn { conn: id, received: now, desk, decoder, counter, market, positions };
                websocket.receive(&self.plain, &mut turn);
                if websocket.catches_up().is_some() {
                    self.catching_up.add(id);
                }
                let session = websocket.session();
                if session.subscription() != before {
                    self.subscribers.add(id, session.subscribed());
                }
                Fate::Stay
            }
        }
    }

    /// What is on its way still goes out, then the connection is closed.
    fn leave(&mut self, id: ConnId, now: Nanos) {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.leave(now);
            match &mut connection.stage {
                Stage::Handshake(_) => {}
                Stage::Fix(fix) => fix.leaves(id, &mut self.lines, &mut self.desk),
                Stage::WebSocket(websocket) => websocket.leaves(&mut self.desk),
            }
            touch(&mut self.connections, &mut self.dirty, id);
        }
    }

    /// Drops a connection; its session lives on.
    pub(super) fn remove(&mut self, id: ConnId) {
        self.subscribers.remove(id, accounts_of(&mut self.connections, id));
        if let Some(Connection { stage: Stage::Fix(fix), .. }) = self.connections.get_mut(id) {
            self.hearers.remove(id, &fix.subscribed());
        }
        self.market_leaves(id);
        let stage = self.connections.remove(id).map(|connection| connection.stage);
        if let Some(stage) = &stage {
            self.population.leaves(stage);
        }
        match stage {
            Some(Stage::Fix(fix)) => fix.gone(id, &mut self.lines, &mut self.desk),
            Some(Stage::WebSocket(mut websocket)) => websocket.leaves(&mut self.desk),
            Some(Stage::Handshake(_)) | None => {}
        }
    }

    /// Writes what connections have to send, and counts the answers that went out with it.
    pub(super) fn flush_turn(&mut self, now: Nanos) {
        // Bytes of FIX sessions may have waited for the session log until now.
        let (connections, dirty) = (&mut self.connections, &mut self.dirty);
        self.lines.freed(self.log.durable(), |id| touch(connections, dirty, id));
        while let Some(id) = self.dirty.pop() {
            let Some(connection) = self.connections.get_mut(id) else { continue };
            connection.queued = false;
            let (peer, member, waited) = (connection.peer, connection.member, connection.watched_for_write);
            let flushed =
                connection.flush(id, now, &self.poller, &mut self.lines, &self.log, &mut self.plain);
            let Err(gone) = flushed else {
                if waited && !connection.watched_for_write {
                    self.market.has_drained();
                }
                self.timers.schedule(id, connection, &self.lines, now);
                continue;
            };
            if let (Gone::SlowReader, Some(member)) = (gone, member) {
                self.desk.note(peer, SecurityEvent::SlowReader { member });
            }
            self.remove(id);
        }
        let sent = self.desk.clock.now();
        for (stamps, durable) in self.answered.drain(..) {
            self.desk.answered(&stamps, durable, sent);
        }
    }
}

impl Stage {
    fn begin(service: Service, from: Sender, messages_per_second: u32, now: Nanos) -> Self {
        match service {
            Service::Fix => Self::Fix(FixConnection::new(from, messages_per_second, now)),
            Service::WebSocket => Self::WebSocket(WebSocket::new(from, messages_per_second, now)),
        }
    }
}

impl Connection {
    fn leave(&mut self, now: Nanos) {
        self.leaving = true;
        self.deadline.get_or_insert(now + LEAVE_DEADLINE);
    }

    /// Moves what its session has to say through TLS into the socket.
    fn flush(
        &mut self,
        id: ConnId,
        now: Nanos,
        poller: &Poller,
        lines: &mut Lines,
        log: &SessionLog,
        plain: &mut Vec<u8>,
    ) -> Result<(), Gone> {
        // A connection that has bytes which wait for the session log does not close over them.
        let mut holds = false;
        let is_over = match &mut self.stage {
            Stage::Handshake(_) => false,
            Stage::Fix(fix) => match fix.session().and_then(|session| lines.get_mut(session)) {
                Some(line) => {
                    line.release(log.durable(), |bytes| self.link.send(bytes));
                    holds = line.has_staged();
                    line.is_over() && !holds
                }
                None => false,
            },
            Stage::WebSocket(websocket) => {
                plain.clear();
                websocket.session().output(plain);
                if !plain.is_empty() {
                    self.link.send(plain);
                }
                websocket.session().is_over()
            }
        };
        if is_over {
            self.leave(now);
        }
        let waits = self.link.flush()?;
        if let Stage::Fix(fix) = &self.stage
            && let Some(line) = fix.session().and_then(|session| lines.get_mut(session))
        {
            line.congested = waits;
        }
        if waits != self.watched_for_write {
            self.watched_for_write = waits;
            let interest = if waits { Interest::ReadWrite } else { Interest::Read };
            // It fails only for a socket that is gone, which the next read tells.
            let _ = match std::mem::replace(&mut self.is_watched, true) {
                true => poller.modify(self.link.stream(), id.0, interest),
                false => poller.add(self.link.stream(), id.0, interest),
            };
        }
        if self.leaving && !waits && !holds {
            self.link.close();
            if !self.link.flush()? {
                self.link.finish();
            }
        }
        Ok(())
    }
}
