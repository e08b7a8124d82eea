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
//! New orders may have a limit of a day (UTC) beside that of their window.
//!
//! **After a restart** the windows of orders and cancels, and the day, are as full as the journal says: [`Past`]. What
//! never came to a shard does not count any more: questions, and what was answered without a record, such as a
//! repetition or what found a full ring.
//!
//! All gateways share the rings: see [`crate::ring::rate`] for why that is exact. Cost: a look-up and a ring, 50 ns.

mod cap;
mod past;

pub use cap::{CapVerdict, MessageCap};
pub use past::{Kept, Past, Used};

use crate::config::{Directory, RateLimits};
use crate::planted::{self, Bug};
use crate::ring::rate::{DayCount, RateRing, Take, Usage};
use crate::types::{
    AccountId, Allowed, AmendOrder, Detail, Nanos, Refusal, Reject, RequestKind, Span, Verified,
};
use rustc_hash::FxHashMap;
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
    accounts: Arc<FxHashMap<AccountId, AccountRings>>,
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
            RequestKind::Amend(amend) => Self::of_amend(amend),
            RequestKind::Cancel(_) | RequestKind::MassCancel(_) | RequestKind::CancelAllAfter(_) => {
                Self::Cancel
            }
            RequestKind::Query(_) => Self::Query,
        }
    }

    /// What an amendment counts as: who only shrinks an order takes risk away, as a cancel does.
    fn of_amend(amend: &AmendOrder) -> Self {
        if amend.keep_priority { Self::Cancel } else { Self::New }
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
        Self::resuming(directory, Past::default(), Nanos(0))
    }

    /// Limits for every account of the directory, as far used as they were before a start at `now`.
    pub fn resuming(directory: &Directory, mut past: Past, now: Nanos) -> Self {
        let accounts = directory.accounts().iter().map(|account| {
            let used = past.take(account.id);
            (account.id, AccountRings::resuming(&account.rates, used, now))
        });
        Self { accounts: Arc::new(accounts.collect()) }
    }

    /// Lets a request pass, or says when the next of its class would.
    pub fn check<'a>(&self, verified: Verified<'a>, now: Nanos) -> Result<Allowed<'a>, Refusal> {
        let kind = &verified.request().kind;
        if let Some(account) = kind.account() {
            let class = RateClass::of(kind);
            // Decode has found the account in the same directory.
            let rings = self.accounts.get(&account).ok_or(Reject::AccountUnknown)?;
            let (reject, retry_after) = match rings.of(class).take(now) {
                Take::Accepted => return Ok(Allowed::admit(verified)),
                Take::Refused { retry_after } => (class.reject(), retry_after),
                Take::DayIsFull { retry_after } => (Reject::OrdersOfDay, retry_after),
            };
            return Err(Refusal::with(reject, Detail::RetryAfter(retry_after)));
        }
        Ok(Allowed::admit(verified))
    }

    /// Counts a question that is none of the client's requests, such as where a private stream goes on.
    pub fn charge_query(&self, account: AccountId, now: Nanos) -> Result<(), Refusal> {
        let rings = self.accounts.get(&account).ok_or(Reject::AccountUnknown)?;
        match rings.of(RateClass::Query).take(now) {
            Take::Refused { retry_after } => {
                Err(Refusal::with(Reject::QueryRate, Detail::RetryAfter(retry_after)))
            }
            _ => Ok(()),
        }
    }

    /// How much of its limits an account has used, in the order of [`RateClass::ALL`]: `rateLimits` of a WebSocket
    /// answer.
    pub fn usage(&self, account: AccountId, now: Nanos) -> Option<[Usage; RateClass::ALL.len()]> {
        let rings = self.accounts.get(&account)?;
        Some(RateClass::ALL.map(|class| rings.of(class).usage(now)))
    }

    /// How many new orders an account has entered today, if there is a limit of that.
    pub fn usage_today(&self, account: AccountId, now: Nanos) -> Option<Usage> {
        self.accounts.get(&account)?.of(RateClass::New).usage_today(now)
    }
}

impl AccountRings {
    fn resuming(rates: &RateLimits, used: Used, now: Nanos) -> Self {
        let Used { orders, cancels, today } = used;
        let mut rings = RateClass::ALL.map(|class| {
            let (limit, window) = class.limit(rates);
            let limit = limit + u32::from(planted::has(Bug::RateOffByOne));
            RateRing::new(limit, window).with_day(rates.orders_per_day.filter(|_| class == RateClass::New))
        });
        let [new, cancel, _] = &mut rings;
        // A clock that was set back makes nobody wait longer than a window.
        let upto_now = |at: Nanos| at.min(now);
        new.resume(orders.into_iter().map(upto_now), today);
        cancel.resume(cancels.into_iter().map(upto_now), DayCount::default());
        Self(rings)
    }

    fn of(&self, class: RateClass) -> &RateRing {
        &self.0[class as usize]
    }
}

#[cfg(test)]
mod tests;
