//! Deadlines of connections: a turn looks at those that are due, and the others cost nothing.
//!
//! ```text
//!   a connection moved bytes ─► its next deadline ─► earlier than the one that stands? ─► heap
//!   the first of the heap is due ─► tick ─► bytes, the end, or only the next deadline
//! ```
//!
//! A deadline mostly moves away while a connection speaks (heartbeats), so what stands in the heap is early: it is
//! looked at then, and put back. That is once for each deadline, however much was said.
//!
//! Deadlines count the time that goes by: when the clock was set, all of them move along. Only what is UTC by its
//! nature does not: the hours of a session, and what the shards time.

use super::fix::{Go, PrivateTurn};
use super::line::Lines;
use super::sockets::{Connection, Stage, touch};
use super::{Gateway, TICK_EVERY};
use crate::types::{ConnId, Nanos};
use crate::watch::SecurityEvent;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// No deadline.
pub(super) const NEVER: Nanos = Nanos(u64::MAX);

/// When which connection is to be looked at. An entry whose time is not the connection's `due` was overtaken by an
/// earlier one, and is passed over.
#[derive(Default)]
pub(super) struct Timers(BinaryHeap<Reverse<(Nanos, ConnId)>>);

impl Timers {
    fn next_due(&mut self, now: Nanos) -> Option<(Nanos, ConnId)> {
        let &Reverse((at, id)) = self.0.peek()?;
        if at > now {
            return None;
        }
        self.0.pop();
        Some((at, id))
    }

    /// Sees to it that a connection is looked at when its next deadline has come.
    pub(super) fn schedule(&mut self, id: ConnId, connection: &mut Connection, lines: &Lines, now: Nanos) {
        let Some(deadline) = connection.next_deadline(lines) else { return };
        // What is overdue could not be done, for want of room in the session log; a little later there may be some.
        let at = if deadline > now { deadline } else { now + TICK_EVERY };
        if at < connection.due {
            connection.due = at;
            self.0.push(Reverse((at, id)));
        }
    }
}

impl Connection {
    fn next_deadline(&self, lines: &Lines) -> Option<Nanos> {
        let stage = match &self.stage {
            Stage::Handshake(_) => None,
            Stage::Fix(fix) => fix.deadline(lines),
            Stage::WebSocket(websocket) => Some(websocket.deadline()),
        };
        let earliest = self.deadline.into_iter().chain(stage).min();
        earliest.filter(|deadline| *deadline < NEVER)
    }
}

impl Gateway {
    /// The time of this turn. If the clock was set since the last one, deadlines are set with it.
    pub(super) fn begin_turn(&mut self) -> Nanos {
        let (now, shift) = self.desk.clock.look();
        let Some(by) = shift else { return now };
        self.lines.clock_moved(by);
        self.counter.requests.clock_moved(by);
        for (id, connection) in self.connections.iter_mut() {
            connection.deadline = connection.deadline.map(|deadline| deadline + by);
            match &mut connection.stage {
                Stage::Handshake(_) => {}
                Stage::Fix(fix) => fix.clock_moved(by),
                Stage::WebSocket(websocket) => websocket.clock_moved(by),
            }
            // What stands in the heap is early now, and looked at; or it is late, and stands there once more.
            self.timers.schedule(id, connection, &self.lines, now);
        }
        now
    }

    /// Looks at the connections whose deadline has come, and at those that waited for room in the session log.
    pub(super) fn timers_turn(&mut self, now: Nanos) {
        while let Some((at, id)) = self.timers.next_due(now) {
            let Some(connection) = self.connections.get_mut(id) else { continue };
            if connection.due != at {
                continue;
            }
            connection.due = NEVER;
            let is_late = connection.deadline.is_some_and(|deadline| now >= deadline)
                || match &mut connection.stage {
                    Stage::Handshake(_) => false,
                    Stage::Fix(fix) => {
                        let go = fix.tick(now, &mut self.lines, &mut self.log);
                        let Self { desk, lines, log, positions, hearers, .. } = self;
                        fix.beat(&mut PrivateTurn { conn: id, now, desk, lines, log, positions, hearers });
                        fix.settle(&mut self.lines, &mut self.desk);
                        go == Go::Silent
                    }
                    Stage::WebSocket(websocket) => {
                        websocket.session().tick(now);
                        websocket.beat(now, &self.positions, &mut self.counter);
                        websocket.settle(&mut self.desk);
                        false
                    }
                };
            if !is_late {
                // Whatever it has to say is said at the end of the turn, and then its next deadline is known.
                touch(&mut self.connections, &mut self.dirty, id);
                continue;
            }
            if !connection.leaving {
                let peer = connection.peer;
                self.desk.note(peer, SecurityEvent::LogonTimedOut);
            }
            self.remove(id);
        }
        if !self.starved.is_empty() && self.log.has_room() {
            for id in std::mem::take(&mut self.starved) {
                self.resume(id, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_the_order_of_its_time_and_nothing_else_does() {
        let mut timers = Timers::default();
        for (at, id) in [(30, 1), (10, 2), (20, 3)] {
            timers.0.push(Reverse((Nanos(at), ConnId(id))));
        }
        assert_eq!(timers.next_due(Nanos(9)), None);
        assert_eq!(timers.next_due(Nanos(20)), Some((Nanos(10), ConnId(2))));
        assert_eq!(timers.next_due(Nanos(20)), Some((Nanos(20), ConnId(3))));
        assert_eq!(timers.next_due(Nanos(20)), None);
    }
}
