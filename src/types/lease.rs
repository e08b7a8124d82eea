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

/// What a Logon may change of the terms that stand in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CancelChoice {
    /// Everything.
    #[default]
    Any,
    /// It may let more ends cancel, and sooner.
    Stricter,
    /// Nothing.
    Fixed,
}

/// What stands in the configuration of a session: its terms, and how far a logon may choose others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelPolicy {
    /// What holds for a logon that does not say otherwise.
    pub terms: CancelTerms,
    /// What it may say.
    pub choice: CancelChoice,
    /// Longest grace that it may ask for.
    pub grace_max: Span,
}

/// What of a logon's wish its policy does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CancelRefusal {
    /// The mode.
    #[error("CancelOnDisconnectType is not allowed")]
    Mode,
    /// The grace.
    #[error("CODTimeoutWindow is not allowed")]
    Grace,
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

impl CancelPolicy {
    /// Longest grace that a configuration can allow, and that a logon may ask for unless it says otherwise: B3, whose
    /// fields these are, has the same.
    pub const GRACE_MAX: Span = Span::from_secs(60);

    /// The terms of a logon that asks for these, or for none.
    pub fn agree(&self, on: Option<CancelOn>, grace: Option<Span>) -> Result<CancelTerms, CancelRefusal> {
        let usual = self.terms;
        let terms = CancelTerms { on: on.unwrap_or(usual.on), grace: grace.unwrap_or(usual.grace) };
        let covers = |end| terms.on.covers(end) || !usual.on.covers(end);
        let (mode, grace) = match self.choice {
            CancelChoice::Fixed => (terms.on == usual.on, terms.grace == usual.grace),
            CancelChoice::Stricter if usual.on != CancelOn::Nothing => {
                let adds = covers(SessionEnd::Disconnect) && covers(SessionEnd::Logout);
                (adds, terms.grace <= usual.grace)
            }
            CancelChoice::Stricter | CancelChoice::Any => {
                (true, terms.grace <= self.grace_max.max(usual.grace))
            }
        };
        match (mode, grace) {
            (true, true) => Ok(terms),
            (false, _) => Err(CancelRefusal::Mode),
            (true, false) => Err(CancelRefusal::Grace),
        }
    }
}

impl Default for CancelPolicy {
    fn default() -> Self {
        Self { terms: CancelTerms::default(), choice: CancelChoice::Any, grace_max: Self::GRACE_MAX }
    }
}

impl CancelOn {
    /// By its number: CancelOnDisconnectType(35002).
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Nothing),
            1 => Some(Self::Disconnect),
            2 => Some(Self::Logout),
            3 => Some(Self::Both),
            _ => None,
        }
    }

    /// By its word in the WebSocket API and, in lower case, in the configuration.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Nothing, Self::Disconnect, Self::Logout, Self::Both].into_iter().find(|on| on.word() == word)
    }

    /// Its word in the WebSocket API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "NONE",
            Self::Disconnect => "DISCONNECT",
            Self::Logout => "LOGOUT",
            Self::Both => "BOTH",
        }
    }

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
    fn a_logon_chooses_within_its_policy() {
        use CancelOn::{Both, Disconnect, Logout, Nothing};
        let second = Span::from_secs(1);
        let terms = |on, grace| CancelTerms { on, grace };
        let policy =
            |choice, on| CancelPolicy { terms: terms(on, second), choice, ..CancelPolicy::default() };
        let any = policy(CancelChoice::Any, Both);
        assert_eq!(any.agree(None, None), Ok(terms(Both, second)));
        assert_eq!(any.agree(Some(Nothing), Some(Span::ZERO)), Ok(terms(Nothing, Span::ZERO)));
        assert_eq!(any.agree(None, Some(CancelPolicy::GRACE_MAX)).map(|terms| terms.on), Ok(Both));
        assert_eq!(any.agree(None, Some(Span::from_secs(61))), Err(CancelRefusal::Grace));
        let stricter = policy(CancelChoice::Stricter, Disconnect);
        assert_eq!(stricter.agree(Some(Both), Some(Span::ZERO)), Ok(terms(Both, Span::ZERO)));
        assert_eq!(stricter.agree(Some(Logout), None), Err(CancelRefusal::Mode));
        assert_eq!(stricter.agree(None, Some(Span::from_secs(2))), Err(CancelRefusal::Grace));
        let none_yet = policy(CancelChoice::Stricter, Nothing);
        assert!(none_yet.agree(Some(Logout), Some(Span::from_secs(2))).is_ok());
        let fixed = policy(CancelChoice::Fixed, Disconnect);
        assert_eq!(fixed.agree(Some(Disconnect), Some(second)), Ok(terms(Disconnect, second)));
        assert_eq!(fixed.agree(Some(Both), None), Err(CancelRefusal::Mode));
        assert_eq!(fixed.agree(None, Some(Span::ZERO)), Err(CancelRefusal::Grace));
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
