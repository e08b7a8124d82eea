//! What the control plane asks of a gateway, done between two polls.

use super::Gateway;
use super::sockets;
use crate::admin::port::{Done, Order};
use crate::types::{Nanos, SessionId};

impl Gateway {
    /// Does what was asked; returns how much that was. What takes numbers of a session needs room in its log.
    pub(super) fn control_turn(&mut self, now: Nanos) -> usize {
        let mut count = 0;
        while self.log.has_room()
            && let Some((ticket, order)) = self.control.as_mut().and_then(|port| port.take())
        {
            let done = self.obey(order, now);
            if let Some(port) = &mut self.control {
                port.done(ticket, done);
            }
            count += 1;
        }
        count
    }

    fn obey(&mut self, order: Order, now: Nanos) -> Done {
        match order {
            Order::List => {
                let mut listed = self.lines.statuses(&self.desk.directory);
                for (status, conn) in &mut listed {
                    status.peer =
                        conn.and_then(|conn| self.connections.get_mut(conn)).map(|found| found.peer);
                }
                Done::Listed(listed.into_iter().map(|(status, _)| status).collect())
            }
            Order::Change { directory, session, text } => {
                self.desk.directory = directory;
                let Self { desk, lines, log, .. } = self;
                // Each gateway has the directory, one keeps the session.
                if desk.router.gateway_of(session) == desk.id {
                    lines.change(&desk.directory, session, text.as_str(), now, log);
                    self.touch_session(session);
                }
                Done::Changed
            }
            Order::Repair { session, numbers } => {
                Done::Repaired(self.lines.repair(session, numbers, now, &mut self.log))
            }
        }
    }

    /// Its connection may have something to send.
    fn touch_session(&mut self, session: SessionId) {
        let owner = self.lines.get_mut(session).and_then(|line| line.owner());
        if let Some(conn) = owner {
            sockets::touch(&mut self.connections, &mut self.dirty, conn);
        }
    }
}
