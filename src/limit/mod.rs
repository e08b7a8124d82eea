//! Limit: how often. `Verified` → `Allowed`, or a refusal that says when to come back.
//!
//! Two limits stand on the path of a message:
//!
//! | limit | of | before or after the signature | counts |
//! |---|---|---|---|
//! | [`MessageCap`] | one connection | before: it is cheap, and protects the verification | every message, refused ones too |
//! | [`Limiter`] | one account | after: nobody can use up the limit of another | what it lets pass |
//!
//! New orders (with amendments and replacements), cancels (with mass cancels, and amendments that only shrink) and
//! queries of an account have windows of their own, so that one that may enter no more orders
//! can still cancel those that it has. Public questions are counted against their connection alone.
//!
//! All gateways share the rings: see [`crate::ring::rate`] for why that is exact. Cost: a look-up and a ring, 50 ns.

mod cap;

pub use cap::{CapVerdict, MessageCap};

use crate::config::{Directory, RateLimits};
use crate::ring::rate::{RateRing, Take, Usage};
use crate::types::{AccountId, Allowed, Detail, Nanos, Refusal, Reject, RequestKind, Span, Verified};
use std::collections::HashMap;
use std::sync::Arc;

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateClass {
    /// New orders.
    New,
    /// Cancels.
    Cancel,
    /// Questions about the account.
    Query,
}

/// The limits of all accounts. Clones share them: each gateway has one.
#[derive(Clone, Debug)]
pub struct Limiter {
    accounts: Arc<HashMap<AccountId, AccountRings>>,
}

#[derive(Debug)]
struct AccountRings([RateRing; RateClass::ALL.len()]);

impl RateClass {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::New, Self::Cancel, Self::Query];

    /// What a request counts as.
    pub fn of(kind: &RequestKind) -> Self {
        match kind {
            RequestKind::New(_) | RequestKind::Replace(_) => Self::New,
            // Who only shrinks an order takes risk away, as a cancel does.
            RequestKind::Amend(amend) if amend.keep_priority => Self::Cancel,
            RequestKind::Amend(_) => Self::New,
            RequestKind::Cancel(_) | RequestKind::MassCancel(_) | RequestKind::CancelAllAfter(_) => {
                Self::Cancel
            }
            RequestKind::Query(_) => Self::Query,
        }
    }

    fn limit(self, rates: &RateLimits) -> (u32, Span) {
        match self {
            Self::New => rates.orders,
            Self::Cancel => rates.cancels,
            Self::Query => rates.queries,
        }
    }

    fn reject(self) -> Reject {
        match self {
            Self::New => Reject::OrderRate,
            Self::Cancel => Reject::CancelRate,
            Self::Query => Reject::QueryRate,
        }
    }
}

impl Limiter {
    /// Unused limits for every account of the directory.
    pub fn new(directory: &Directory) -> Self {
        let rings = |rates: &RateLimits| {
            AccountRings(RateClass::ALL.map(|class| {
                let (limit, window) = class.limit(rates);
                RateRing::new(limit, window)
            }))
        };
        let accounts = directory.accounts().iter().map(|account| (account.id, rings(&account.rates)));
        Self { accounts: Arc::new(accounts.collect()) }
    }

    /// Lets a request pass, or says when the next of its class would.
    pub fn check<'a>(&self, verified: Verified<'a>, now: Nanos) -> Result<Allowed<'a>, Refusal> {
        let kind = &verified.request().kind;
        if let Some(account) = kind.account() {
            let class = RateClass::of(kind);
            // Decode has found the account in the same directory.
            let rings = self.accounts.get(&account).ok_or(Reject::AccountUnknown)?;
            if let Take::Refused { retry_after } = rings.of(class).take(now) {
                return Err(Refusal::with(class.reject(), Detail::RetryAfter(retry_after)));
            }
        }
        Ok(Allowed::admit(verified))
    }

    /// How much of its limits an account has used, in the order of [`RateClass::ALL`]: `rateLimits` of a WebSocket
    /// answer.
    pub fn usage(&self, account: AccountId, now: Nanos) -> Option<[Usage; RateClass::ALL.len()]> {
        let rings = self.accounts.get(&account)?;
        Some(RateClass::ALL.map(|class| rings.of(class).usage(now)))
    }
}

impl AccountRings {
    fn of(&self, class: RateClass) -> &RateRing {
        &self.0[class as usize]
    }
}

#[cfg(test)]
mod tests;
