//! Who may have a session, and when.

use super::{Line, Lines};
use crate::config::{FixRules, FixSession};
use crate::run::gateway::session_log::SessionLog;
use crate::run::recovery::SessionState;
use crate::session::fix::{CloseReason, LogonAsk, PasswordFault, Settings};
use crate::types::{ApiKeyId, ConnId, Nanos, SessionId, Span};

/// Hours end at whole seconds; a Logon looks for itself.
const HOURS_EVERY: Span = Span::from_secs(1);

/// Sessions whose hours are looked at in one tick.
const HOURS_PER_TICK: usize = 64;

/// The connection that has a session, and what it has proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The connection.
    pub conn: ConnId,
    /// The key that signed its logon.
    pub key: ApiKeyId,
    /// SHA-256 of its certificate's SubjectPublicKeyInfo.
    pub spki: [u8; 32],
}

impl Lines {
    /// Tells sessions without a connection their hours, a few in each tick.
    pub fn keep_hours(&mut self, now: Nanos, log: &mut SessionLog) {
        if now < self.hours_due {
            return;
        }
        let next = self.lines.visit_some(self.hours_from, HOURS_PER_TICK, |line| {
            if log.has_room() {
                line.keep_hours(now, log);
            }
        });
        self.hours_from = next.unwrap_or(SessionId::NONE);
        if next.is_none() {
            self.hours_due = now + HOURS_EVERY;
        }
    }
}

impl Line {
    /// A session of the configuration.
    pub(super) fn of(config: &FixSession, state: Option<SessionState>) -> Self {
        let mut line = Self::new(Settings::acceptor(config), state);
        line.obey(&config.rules);
        line
    }

    /// Takes up what an operator says of who may have the session, and when.
    pub(super) fn obey(&mut self, rules: &FixRules) {
        (self.takeover, self.schedule, self.hours) = (rules.takeover, rules.schedule.clone(), None);
    }

    /// A genuine Logon. The connection that has the session keeps it, unless the same certificate may take it over.
    pub fn logon(
        &mut self,
        ask: &LogonAsk<'_>,
        owner: Owner,
        now: Nanos,
        log: &mut SessionLog,
    ) -> Result<(), CloseReason> {
        // What is refused without a word takes the session from nobody.
        self.session.check_sending_time(ask, now)?;
        self.free_for(owner, ask, now)?;
        self.keep_hours(now, log);
        self.with(now, log, |session, _, out| session.logon(ask, now, out))?;
        (self.owner, self.since) = (Some(owner), Some(now));
        Ok(())
    }

    /// A genuine Logon inside the session.
    pub fn logon_again(
        &mut self,
        ask: &LogonAsk<'_>,
        now: Nanos,
        log: &mut SessionLog,
    ) -> Result<(), CloseReason> {
        self.with(now, log, |session, _, out| session.logon_again(ask, now, out))
    }

    /// A Logon that is genuine but for its password.
    pub fn refuse_password(
        &mut self,
        fault: PasswordFault,
        owner: Owner,
        now: Nanos,
        log: &mut SessionLog,
    ) -> Result<(), CloseReason> {
        self.let_go();
        if self.owner.is_some() {
            return Err(CloseReason::AlreadyLoggedOn);
        }
        self.over = None;
        self.with(now, log, |session, _, out| session.refuse_password(fault, now, out))?;
        self.owner = Some(owner);
        Ok(())
    }

    /// A connection whose session is over, and that has said all, only waits for its client to close.
    fn let_go(&mut self) {
        if self.over.is_some() && !self.has_staged() {
            self.disconnected();
        }
    }

    /// Nobody has the session any more, unless somebody keeps it: also from one who would not get it.
    fn free_for(&mut self, owner: Owner, ask: &LogonAsk<'_>, now: Nanos) -> Result<(), CloseReason> {
        self.let_go();
        match self.owner {
            Some(before) if !self.takeover || before.spki != owner.spki => {
                return Err(CloseReason::AlreadyLoggedOn);
            }
            Some(_) => {
                self.session.check_takeover(ask, now)?;
                self.disconnected();
            }
            None => {}
        }
        self.over = None;
        self.logged_out = false;
        Ok(())
    }

    /// Tells the session its hours, and when the last are over, lets its numbers begin anew. A session that has a
    /// connection logs out first.
    pub fn keep_hours(&mut self, now: Nanos, log: &mut SessionLog) {
        let Some(schedule) = self.schedule.as_ref().filter(|_| self.owner.is_none()) else { return };
        if self.hours.is_some_and(|hours| now < hours.closes) {
            return;
        }
        let closed = schedule.last_close(now);
        self.hours = schedule.window(now);
        self.session.set_hours(self.hours);
        if closed.is_some_and(|closed| self.begun.is_some_and(|begun| begun < closed)) {
            self.with(now, log, |session, _, out| session.begin_anew(out));
        }
    }
}
