//! Connections that go over from one gateway to another.
//!
//! ```text
//!   gateway-0 accepts ─► socket ─► the next gateway in turn      handshake, WebSocket: it stays there
//!   any gateway: a Logon ─► the whole connection ─► the gateway that keeps the session, which judges it
//! ```
//!
//! One gateway accepts for all, so the port is the server's own and connections are dealt out evenly however few they
//! are. A FIX session is the state of one gateway; which session a client means is known when its Logon was read, so
//! the connection goes over then, if the session is one of the certificate's member: socket, TLS state, and the bytes
//! from the Logon on. The gateway that keeps the session judges the Logon as if it had come there.
//! docs/decisions/0005-gateways.md says why it is done so.

use super::sockets::{ACCEPTS_PER_TURN_MAX, Connection};
use super::timers::NEVER;
use super::{Gateway, Service};
use crate::limits::HANDOVER_SLOTS;
use crate::ring::{Push, spsc};
use crate::sys::poll::Waker;
use crate::sys::socket::Stream;
use crate::types::{ConnId, GatewayId, Nanos};
use crate::watch::SecurityEvent;
use std::net::SocketAddr;

/// What goes over.
pub(super) enum Handover {
    /// A connection that was just accepted.
    Accepted(Stream, SocketAddr, Service),
    /// One that asks for a session of the other.
    Logon(Box<Connection>),
}

/// The rings between a gateway and all others.
pub struct Peers {
    own: GatewayId,
    /// By number; there is none to oneself.
    others: Vec<Option<Peer>>,
    /// Who has the next connection that is accepted.
    next: usize,
}

/// The rings between two gateways, from the side of one.
struct Peer {
    outbox: spsc::Producer<Handover>,
    inbox: spsc::Consumer<Handover>,
    waker: Waker,
}

/// Connects gateways 0, 1 … with each other; each is woken by its waker.
pub fn connect(wakers: &[Waker]) -> Vec<Peers> {
    let alone =
        |own| Peers { own: GatewayId(own as u8), others: wakers.iter().map(|_| None).collect(), next: 0 };
    let mut all: Vec<Peers> = (0..wakers.len()).map(alone).collect();
    for a in 0..wakers.len() {
        for b in a + 1..wakers.len() {
            let (to_b, from_a) = spsc::ring(HANDOVER_SLOTS);
            let (to_a, from_b) = spsc::ring(HANDOVER_SLOTS);
            all[a].others[b] = Some(Peer { outbox: to_b, inbox: from_b, waker: wakers[b].clone() });
            all[b].others[a] = Some(Peer { outbox: to_a, inbox: from_a, waker: wakers[a].clone() });
        }
    }
    all
}

impl Peers {
    /// Who is to have the next connection: each gateway in turn.
    pub(super) fn next(&mut self) -> GatewayId {
        let next = GatewayId(self.next as u8);
        self.next = (self.next + 1) % self.others.len();
        next
    }

    /// Hands over; a full ring gives it back.
    pub(super) fn give(&mut self, to: GatewayId, what: Handover) -> Push<Handover> {
        assert!(to != self.own, "what is one's own is not handed over");
        let Some(Some(peer)) = self.others.get_mut(usize::from(to.0)) else { return Push::Full(what) };
        let pushed = peer.outbox.push(what);
        if pushed.is_done() {
            peer.waker.wake();
        }
        pushed
    }

    /// What another handed over, if one did.
    pub(super) fn take(&mut self) -> Option<Handover> {
        self.others.iter_mut().flatten().find_map(|peer| peer.inbox.pop())
    }

    /// Whether another has handed over something.
    pub(super) fn has_input(&self) -> bool {
        self.others.iter().flatten().any(|peer| !peer.inbox.is_empty())
    }
}

impl Gateway {
    /// Each gateway has the next connection in turn.
    pub(super) fn deal(&mut self, stream: Stream, peer: SocketAddr, service: Service, now: Nanos) {
        let next = self.peers.next();
        if next == self.desk.id {
            return self.greet(stream, peer, service, now);
        }
        // One that is that far behind has more than enough: it stays here.
        if let Push::Full(Handover::Accepted(stream, ..)) =
            self.peers.give(next, Handover::Accepted(stream, peer, service))
        {
            self.greet(stream, peer, service, now);
        }
    }

    /// Takes the connections that other gateways hand over; returns how many.
    pub(super) fn take_over(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        while count < ACCEPTS_PER_TURN_MAX
            && let Some(handover) = self.peers.take()
        {
            match handover {
                Handover::Accepted(stream, peer, service) => self.greet(stream, peer, service, now),
                Handover::Logon(connection) => {
                    if let Some(id) = self.enter(*connection, now) {
                        self.resume(id, now);
                    }
                }
            }
            count += 1;
        }
        count
    }

    /// Gives a connection to the gateway that keeps its session.
    pub(super) fn hand_over(&mut self, id: ConnId, to: GatewayId) {
        let Some(mut connection) = self.connections.remove(id) else { return };
        self.population.leaves(&connection.stage);
        // It fails only for a socket that is gone, which its new gateway finds out.
        let _ = self.poller.remove(connection.link.stream());
        (connection.queued, connection.watched_for_write, connection.due) = (false, false, NEVER);
        if let Push::Full(Handover::Logon(connection)) =
            self.peers.give(to, Handover::Logon(Box::new(connection)))
        {
            // Dropped and so closed: the same as at a gateway that is full.
            self.desk.note(connection.peer, SecurityEvent::ConnectionsExhausted);
        }
    }
}
