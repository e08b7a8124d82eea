//! The dead man's timer of an account: unless it is set again in time, all its open orders are canceled.
//!
//! - Only a request that was sent later than all before it sets the timer, or in the same instant as the last and is
//!   another, so a captured one that comes again changes nothing. What was sent last is answered again.
//! - It is set for a time, not for a length: what the server was down for counts.

use super::{At, Shard, Timer};
use crate::once::check_time;
use crate::planted::{self, Bug};
use crate::types::{
    AccountId, CancelAllAfter, CancelAllAfterSet, Cause, Detail, Event, Nanos, Refusal, Reject, Requester,
    Span,
};
use crate::wire::record::{DecodeError, Encoder, Reader};
use std::collections::BTreeMap;

/// Most requests of an account that bear one timestamp, which has milliseconds; further ones are refused.
const AT_ONCE_MAX: usize = 4;

/// The timers of a shard's accounts. Part of its state.
#[derive(Debug, Default, Hash)]
pub(super) struct DeadMen {
    accounts: BTreeMap<AccountId, DeadMan>,
}

#[derive(Clone, Copy, Debug, Default, Hash)]
struct DeadMan {
    /// When the last request was sent, and the signed bytes of all that were sent then.
    sent: Nanos,
    digests: [Option<[u8; 16]>; AT_ONCE_MAX],
    /// When the orders are canceled; `None`: it is off.
    at: Option<Nanos>,
}

impl DeadMen {
    /// Writes them into a snapshot.
    pub(super) fn save(&self, to: &mut Encoder) {
        let Self { accounts } = self;
        to.put_all(accounts.iter().map(|(account, dead_man)| {
            let DeadMan { sent, digests: [first, second, third, fourth], at } = *dead_man;
            (*account, sent, first, second, third, fourth, at)
        }));
    }

    /// Reads what [`DeadMen::save`] wrote.
    pub(super) fn load(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        type Digest = Option<[u8; 16]>;
        type Saved = (AccountId, Nanos, Digest, Digest, Digest, Digest, Option<Nanos>);
        let dead_man = |(account, sent, first, second, third, fourth, at): Saved| {
            (account, DeadMan { sent, digests: [first, second, third, fourth], at })
        };
        Ok(Self { accounts: from.take_all()?.into_iter().map(dead_man).collect() })
    }
}

impl DeadMan {
    /// What is known of the instant at which this request was sent, it included; `None` if it came too late.
    fn digests_with(&self, requester: &Requester) -> Option<[Option<[u8; 16]>; AT_ONCE_MAX]> {
        let mut digests = if requester.sent > self.sent { Default::default() } else { self.digests };
        let free =
            digests.iter_mut().find(|digest| digest.is_none()).filter(|_| requester.sent >= self.sent)?;
        *free = Some(requester.signed_digest);
        Some(digests)
    }
}

impl Shard {
    pub(super) fn run_cancel_all_after(&mut self, at: At, requester: &Requester, request: &CancelAllAfter) {
        let outcome = self.set_dead_man(at.1, requester, request);
        self.events.push(Event::CancelAllAfter(CancelAllAfterSet {
            account: request.account,
            at: outcome.ok().flatten(),
            refusal: outcome.err(),
        }));
    }

    fn set_dead_man(
        &mut self,
        time: Nanos,
        requester: &Requester,
        request: &CancelAllAfter,
    ) -> Result<Option<Nanos>, Refusal> {
        check_time(requester, time)?;
        let account = request.account;
        if !self.risk.accounts().any(|limits| limits.account == account) {
            return Err(Reject::AccountNotOnShard.into());
        }
        let before = self.dead_men.accounts.get(&account).copied().unwrap_or_default();
        let digest = Some(requester.signed_digest);
        if requester.sent == before.sent && before.digests.contains(&digest) {
            return Ok(before.at);
        }
        let Some(digests) = before.digests_with(requester) else {
            let clocks = Detail::Clocks { server: time, sent: requester.sent };
            return Err(Refusal::with(Reject::TimestampTooOld, clocks));
        };
        if let Some(at) = before.at {
            self.timers.clear(at, Timer::CancelAll(account));
        }
        let at = (request.timeout > Span::ZERO).then(|| time + request.timeout);
        if let Some(at) = at {
            self.timers.set(at, Timer::CancelAll(account));
        }
        self.dead_men.accounts.insert(account, DeadMan { sent: requester.sent, digests, at });
        Ok(at)
    }

    /// Nobody has set it again.
    pub(super) fn run_dead_man(&mut self, account: AccountId, at: At) {
        if let Some(dead_man) = self.dead_men.accounts.get_mut(&account) {
            dead_man.at = None;
        }
        if !planted::has(Bug::DeadManDeaf) {
            self.cancel_all_of(account, Cause::CancelAllAfter, at);
        }
    }
}
