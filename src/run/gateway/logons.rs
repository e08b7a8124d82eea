//! Cancel on disconnect, the gateway's part: every shard is told of each logon and of its end.
//!
//! ```text
//!   Logon ─► LogonId ─► SessionBegan ─►│every ring│         the shards hold the orders; what a logon was and which
//!   end   ─────────────► SessionEnded ─►│every ring│         orders are its own, they know from their journals
//! ```
//!
//! What a full ring does not take waits here, in order, and until it is told no request passes by it: an order never
//! comes to a shard before the logon that it belongs to. When the server stops, nothing is told: orders outlive
//! it, and every grace begins with the next start.

use super::desk::Desk;
use crate::planted::{self, Bug};
use crate::types::{
    ApiKeyId, CancelTerms, Command, GatewayId, LeaseId, LogonId, SessionBegan, SessionEnd, SessionEnded,
    SessionId, ShardInput,
};
use std::collections::VecDeque;

/// The logons of a gateway.
#[derive(Debug, Default)]
pub struct Logons {
    last: LogonId,
    /// What the rings had no room for, oldest first. No more than connections come and go until they have.
    waiting: VecDeque<Command>,
}

impl Logons {
    /// Logons later than `last`, which is that of all runs before.
    pub fn after(last: LogonId) -> Self {
        Self { last, waiting: VecDeque::new() }
    }

    /// Whether something waits for room.
    pub fn are_behind(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn next(&mut self, gateway: GatewayId, now: crate::types::Nanos) -> LogonId {
        self.last = LogonId::after(self.last, gateway.0, now);
        self.last
    }
}

impl Desk {
    /// A session has logged on: its orders are its own from here on. For WebSocket the session is
    /// [`SessionId::NONE`].
    pub fn session_began(&mut self, session: SessionId, key: ApiKeyId, terms: CancelTerms) -> LogonId {
        let now = self.clock.now();
        let logon = self.logons.next(self.id, now);
        let lease = match session {
            SessionId::NONE => LeaseId::Logon(logon),
            session => LeaseId::Session(session),
        };
        self.logons.waiting.push_back(Command::SessionBegan(SessionBegan { lease, logon, key, terms }));
        self.tell_sessions();
        logon
    }

    /// A logon has ended.
    pub fn session_ended(&mut self, logon: LogonId, end: SessionEnd) {
        if !self.closing && !planted::has(Bug::EndUntold) {
            self.logons.waiting.push_back(Command::SessionEnded(SessionEnded { logon, end }));
            self.tell_sessions();
        }
    }

    /// Tells the shards what they were not told yet, as far as all their rings have room.
    pub fn tell_sessions(&mut self) {
        while let Some(command) = self.logons.waiting.front().copied() {
            let input = ShardInput::Command { origin: None, command, signature: None };
            if !self.tell_all(&input, &[]).is_done() {
                return;
            }
            self.logons.waiting.pop_front();
        }
    }
}
