//! Sessions at run time: added, changed, removed, listed, repaired, as the control plane wants it.

use super::super::session_log::SessionLog;
use super::{Line, Lines};
use crate::admin::port::{Numbers, RepairRefused, SessionState, SessionStatus};
use crate::config::{Directory, Role};
use crate::session::fix::{Repair, RepairError, Settings, State};
use crate::types::{Nanos, SessionId, Span};

impl Lines {
    /// Takes up what the directory says of a session now. One that may not stay is logged out; its line remains, so
    /// that what happens to its orders still takes numbers, which are there if it comes back.
    pub fn change(
        &mut self,
        directory: &Directory,
        session: SessionId,
        text: &str,
        now: Nanos,
        log: &mut SessionLog,
    ) {
        let known = directory.session(session);
        let line = match (self.lines.get_mut(&session), known) {
            (Some(line), _) => line,
            (None, Some(added)) => {
                self.lines.insert(session, Line::of(added, None));
                if matches!(added.role, Role::DropCopy(_)) {
                    self.unborn.push(session);
                    self.bear(now, log);
                }
                return;
            }
            (None, None) => return,
        };
        if let Some(changed) = known {
            line.session.reconfigure(Settings::acceptor(changed));
            line.obey(&changed.rules);
        }
        if !known.is_some_and(|session| session.enabled) {
            line.logout(text, now, log);
        }
    }

    /// A drop copy begins with its first record in the log: after a restart it is owed what happened from there on.
    pub(super) fn bear(&mut self, now: Nanos, log: &mut SessionLog) {
        while log.has_room()
            && let Some(session) = self.unborn.pop()
        {
            if let Some(line) = self.lines.get_mut(&session) {
                line.with(now, log, |session, _, out| session.begin(out));
            }
        }
    }

    /// Refuses what the last run took and nobody executed: a request that got no word gets one.
    pub(super) fn refuse_lost(&mut self, now: Nanos, log: &mut SessionLog) {
        while log.has_room()
            && let Some((session, lost)) = self.lost.pop_front()
        {
            if let Some(line) = self.lines.get_mut(&session) {
                line.refuse_lost(&lost, now, log);
            }
        }
    }

    /// How each session is. Those that were removed are not told.
    pub fn statuses(&self, directory: &Directory) -> Vec<(SessionStatus, Option<crate::types::ConnId>)> {
        let known = self.lines.iter().filter(|(session, _)| directory.session(**session).is_some());
        known.map(|(session, line)| (line.status(*session), line.owner())).collect()
    }

    /// Sets numbers by hand; `None`: there is no such session here.
    pub fn repair(
        &mut self,
        session: SessionId,
        numbers: Numbers,
        now: Nanos,
        log: &mut SessionLog,
    ) -> Option<Result<(), RepairRefused>> {
        let line = self.lines.get_mut(&session)?;
        // A session that is over keeps its connection until its last bytes are out.
        if line.owner().is_some() {
            return Some(Err(RepairRefused::Connected));
        }
        let Numbers { reset, next_in, next_out } = numbers;
        let repair = Repair { reset, next_in, next_out };
        let done = line.with(now, log, |session, _, out| session.repair(&repair, out));
        Some(done.map_err(|error| match error {
            RepairError::Connected => RepairRefused::Connected,
            RepairError::Used(next) => RepairRefused::Used(next),
        }))
    }
}

impl Line {
    fn status(&self, session: SessionId) -> SessionStatus {
        let (state, numbers) = (self.session.state(), self.session.numbers());
        let activity = self.session.last_activity();
        SessionStatus {
            session,
            version: std::str::from_utf8(self.session.settings().dictionary.begin_string).unwrap_or_default(),
            state: match state {
                State::Idle | State::LogonSent => SessionState::Disconnected,
                State::Active => SessionState::LoggedOn,
                State::Recovering => SessionState::Recovering,
                State::LogoutSent => SessionState::LoggingOut,
            },
            since: self.since.filter(|_| state.is_established()),
            peer: None,
            next_in: numbers.next_in,
            next_out: numbers.next_out,
            heartbeat: if activity.is_some() { self.session.heartbeat() } else { Span::ZERO },
            last_sent: activity.map(|(sent, _)| sent),
            last_received: activity.map(|(_, received)| received),
        }
    }
}
