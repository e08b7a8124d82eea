//! Cancel on disconnect: which orders a session answers for, and what becomes of them when it ends.
//!
//! A lease is the set of orders that are canceled together. A logon holds leases; when it ends, they run out, and a
//! logon that comes before that takes them over.

use super::ids::{ApiKeyId, SessionId};
use super::time::{Nanos, Span};

/// Which ends of a session cancel its orders: CancelOnDisconnectType(35002).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CancelOn {
    /// 0: none.
    #[default]
    Nothing = 0,
    /// 1: those without a goodbye of the client.
    Disconnect = 1,
    /// 2: those with one.
    Logout = 2,
    /// 3: all.
    Both = 3,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SessionEnd {
    /// The client said goodbye: Logout(5), `session.logout`, a WebSocket close.
    Logout = 1,
    /// It did not: the connection broke, or the server closed it over a fault, a silence or a limit.
    Disconnect = 2,
}

/// What a session has agreed on for its orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CancelTerms {
    /// Which ends count.
    pub on: CancelOn,
    /// How long after such an end the orders wait for a new logon: CODTimeoutWindow(35003).
    pub grace: Span,
}

/// One logon of a session. Later ones have higher numbers, over all gateways and restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogonId(pub u64);

/// A lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseId {
    /// The orders of a FIX session, over all its connections.
    Session(SessionId),
    /// The orders of one WebSocket logon.
    Logon(LogonId),
}

/// A session logged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionBegan {
    /// What its orders belong to.
    pub lease: LeaseId,
    /// The logon, which holds it from now on.
    pub logon: LogonId,
    /// The API key that logged on: a WebSocket logon takes over what ended logons of the same key left.
    pub key: ApiKeyId,
    /// What was agreed on.
    pub terms: CancelTerms,
}

/// A logon ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionEnded {
    /// Which one. If a later one has taken its leases over, nothing happens.
    pub logon: LogonId,
    /// How.
    pub end: SessionEnd,
}

impl CancelOn {
    /// Whether this end cancels.
    pub const fn covers(self, end: SessionEnd) -> bool {
        matches!(
            (self, end),
            (Self::Both, _) | (Self::Disconnect, SessionEnd::Disconnect) | (Self::Logout, SessionEnd::Logout)
        )
    }
}

impl LogonId {
    /// No logon: a request that came on none.
    pub const NONE: Self = Self(0);

    /// Bits for the gateway: logons of several gateways in one instant differ.
    const GATEWAY_BITS: u32 = 8;

    /// The logon that follows `last` at `now`. It is later than all that its gateway made, whatever the clock says.
    #[must_use]
    pub fn after(last: Self, gateway: u8, now: Nanos) -> Self {
        let step = last.0.max(now.0) >> Self::GATEWAY_BITS;
        let step = if step == last.0 >> Self::GATEWAY_BITS { step + 1 } else { step };
        Self(step << Self::GATEWAY_BITS | u64::from(gateway))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logons_grow_whatever_the_clock_says_and_differ_between_gateways() {
        let now = Nanos(1_700_000_000_000_000_000);
        let first = LogonId::after(LogonId::NONE, 1, now);
        let second = LogonId::after(first, 1, now);
        let third = LogonId::after(second, 1, Nanos(5));
        assert!(LogonId::NONE < first && first < second && second < third);
        assert_ne!(first, LogonId::after(LogonId::NONE, 2, now));
        assert!(third < LogonId::after(third, 0, now + Span::from_millis(1)));
    }

    #[test]
    fn a_mode_covers_the_ends_that_it_names() {
        use SessionEnd::{Disconnect, Logout};
        let covers = |on: CancelOn| (on.covers(Disconnect), on.covers(Logout));
        assert_eq!(covers(CancelOn::Nothing), (false, false));
        assert_eq!(covers(CancelOn::Disconnect), (true, false));
        assert_eq!(covers(CancelOn::Logout), (false, true));
        assert_eq!(covers(CancelOn::Both), (true, true));
    }
}
