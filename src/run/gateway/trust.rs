//! The order of trust at a FIX Logon: nothing of a session is touched before its last step.
//!
//! ```text
//!   certificate ─► CompIDs ─► lockout ─► form ─► API key ─► signature ─► password ─► numbers, 141, 789, store
//!   └─────────── whatever fails here closes the connection without a word ──────┘    └ what fails here is told
//! ```

use super::desk::{Desk, Sender};
use crate::config::{FixRules, FixSession, Role};
use crate::decode;
use crate::session::fix::{LogonAsk, PasswordFault};
use crate::types::{ApiKeyId, Nanos, SessionId, Shift};
use crate::wire::digest;
use crate::wire::fix::{Message, tag};
use std::collections::BTreeMap;

/// A Logon that is genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Genuine {
    /// The key that signed it.
    pub(super) key: ApiKeyId,
    /// Whether the password is right, where the session wants one.
    pub(super) password: Result<(), PasswordFault>,
}

/// Sessions whose Logons failed: after too many in a row none is looked at for a while. Only who has the member's
/// certificate gets as far as being counted, so nobody else can lock a session.
#[derive(Debug, Default)]
pub(super) struct Lockouts(BTreeMap<SessionId, Lockout>);

#[derive(Clone, Copy, Debug, Default)]
struct Lockout {
    failures: u32,
    until: Nanos,
}

impl Lockouts {
    /// Whether Logons of this session are not looked at now.
    pub(super) fn is_locked(&self, session: SessionId, now: Nanos) -> bool {
        self.0.get(&session).is_some_and(|lockout| now < lockout.until)
    }

    /// A Logon was not genuine.
    pub(super) fn failed(&mut self, session: SessionId, rules: &FixRules, now: Nanos) {
        let lockout = self.0.entry(session).or_default();
        lockout.failures += 1;
        if rules.max_logon_failures > 0 && lockout.failures >= rules.max_logon_failures {
            *lockout = Lockout { failures: 0, until: now + rules.logon_lockout };
        }
    }

    /// The clock was set: a lockout lasts as long as it was to.
    pub(super) fn clock_moved(&mut self, by: Shift) {
        self.0.values_mut().for_each(|lockout| lockout.until = lockout.until + by);
    }

    /// A Logon was genuine.
    pub(super) fn passed(&mut self, session: SessionId) {
        self.0.remove(&session);
    }
}

/// Certificate → CompIDs: the session that a Logon names, if it is one of the certificate's member.
pub(super) fn session_of<'d>(message: &Message<'_>, from: &Sender, desk: &'d Desk) -> Option<&'d FixSession> {
    let text = |tag| std::str::from_utf8(message.get(tag)?).ok();
    let (sender, target) = (text(tag::SENDER_COMP_ID)?, text(tag::TARGET_COMP_ID)?);
    let session = desk.directory.session_by_comp_ids(sender, target)?;
    (session.member == from.identity.member && session.enabled).then_some(session)
}

/// API key → signature → password.
pub(super) fn judge(ask: &LogonAsk<'_>, session: &FixSession, from: &Sender, desk: &Desk) -> Option<Genuine> {
    let member = from.identity.member;
    let key = desk.directory.key_by_name(std::str::from_utf8(ask.username?).ok()?)?;
    if desk.closing || key.member != member {
        return None;
    }
    // A copy tells all of its accounts, so the key must be one for all of them.
    if let Role::DropCopy(accounts) = &session.role
        && !accounts.iter().all(|account| key.accounts.contains(account))
    {
        return None;
    }
    let mut payload = Vec::with_capacity(128);
    ask.payload(&mut payload);
    let signature = decode::signature(ask.raw_data?)?;
    if !desk.verifier.logon(member, key.id, &payload, &signature) {
        return None;
    }
    if session.sign_logon {
        let whole = ask.signed.ok()?;
        let signature = decode::signature(whole.signature)?;
        if !desk.verifier.logon(member, key.id, whole.bytes, &signature) {
            return None;
        }
    }
    Some(Genuine { key: key.id, password: password(ask, &session.rules) })
}

/// A session without a password takes any, as the standard's clients may send one.
fn password(ask: &LogonAsk<'_>, rules: &FixRules) -> Result<(), PasswordFault> {
    let Some(digest) = rules.password_sha256 else { return Ok(()) };
    if !ask.password.is_some_and(|password| digest::is_sha256_of(password.0, &digest)) {
        return Err(PasswordFault::Wrong);
    }
    if ask.new_password { Err(PasswordFault::New) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Span;

    #[test]
    fn so_many_failures_in_a_row_lock_a_session_for_a_while() {
        let rules =
            FixRules { max_logon_failures: 3, logon_lockout: Span::from_secs(5), ..FixRules::default() };
        let (session, now) = (SessionId(1), Nanos(1_000));
        let mut lockouts = Lockouts::default();
        (0..2).for_each(|_| lockouts.failed(session, &rules, now));
        lockouts.passed(session);
        (0..2).for_each(|_| lockouts.failed(session, &rules, now));
        assert!(!lockouts.is_locked(session, now), "one that was genuine stood between");
        lockouts.failed(session, &rules, now);
        assert!(lockouts.is_locked(session, now) && !lockouts.is_locked(SessionId(2), now));
        assert!(!lockouts.is_locked(session, now + rules.logon_lockout));
    }

    #[test]
    fn without_a_limit_nothing_is_locked() {
        let rules = FixRules { max_logon_failures: 0, ..FixRules::default() };
        let mut lockouts = Lockouts::default();
        (0..1_000).for_each(|_| lockouts.failed(SessionId(1), &rules, Nanos(0)));
        assert!(!lockouts.is_locked(SessionId(1), Nanos(0)));
    }
}
