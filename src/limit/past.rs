//! What accounts have used of their limits, from the steps of shards: so that a restart gives nobody a new budget.
//!
//! Of each account and class, the last arrivals are kept that its limit would let pass in a window, with the time at
//! which a shard took them: a little later than the gateway's, so what was a window then is one now. A limit that is
//! raised begins with what the lower one has kept.

use super::RateClass;
use crate::config::Directory;
use crate::planted::{self, Bug};
use crate::ring::rate::DayCount;
use crate::types::{AccountId, Command, Nanos, ShardId};
use std::collections::{BTreeMap, VecDeque};

/// How many orders and cancels of each account are kept.
pub type Kept = BTreeMap<AccountId, [u32; 2]>;

/// What all accounts have used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    kept: Kept,
    accounts: BTreeMap<AccountId, Used>,
}

/// What an account has used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// When its last orders came, the oldest first.
    pub orders: VecDeque<Nanos>,
    /// When its last cancels came, the oldest first.
    pub cancels: VecDeque<Nanos>,
    /// How many orders came on the last day that had any.
    pub today: DayCount,
}

impl Past {
    /// Nothing yet, for the accounts of a directory.
    pub fn new(kept: Kept) -> Self {
        Self { kept, accounts: BTreeMap::new() }
    }

    /// How much is to be kept for the limits of a directory.
    pub fn kept(directory: &Directory) -> Kept {
        let accounts = directory.accounts().iter();
        accounts.map(|account| (account.id, [account.rates.orders.0, account.rates.cancels.0])).collect()
    }

    /// Counts what a shard has taken from a client at `time`.
    pub fn count(&mut self, shard: ShardId, command: &Command, time: Nanos) {
        let Some((account, class, is_everywhere)) = counted(command) else { return };
        // What all shards have is one request. Shards are numbered from 0.
        if is_everywhere && shard != ShardId(0) {
            return;
        }
        let [orders, cancels] = self.kept.get(&account).copied().unwrap_or_default();
        let used = self.accounts.entry(account).or_default();
        match class {
            RateClass::New => {
                if !planted::has(Bug::DayForgotten) {
                    used.today = used.today.with(time);
                }
                keep(&mut used.orders, orders, time);
            }
            RateClass::Cancel => keep(&mut used.cancels, cancels, time),
            RateClass::Query => {}
        }
    }

    /// What each account has used.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (&AccountId, &Used)> {
        self.accounts.iter()
    }

    /// Puts in what was told of an account.
    pub fn put(&mut self, account: AccountId, used: Used) {
        self.accounts.insert(account, used);
    }

    /// Takes out what an account has used.
    pub(super) fn take(&mut self, account: AccountId) -> Used {
        self.accounts.remove(&account).unwrap_or_default()
    }
}

/// Whose a command is, as what it counts, and whether all shards have it; `None` for those of the venue's own.
fn counted(command: &Command) -> Option<(AccountId, RateClass, bool)> {
    Some(match command {
        Command::New(_, order) => (order.account, RateClass::New, false),
        Command::Replace(_, replace) => (replace.order.account, RateClass::New, false),
        Command::Amend(_, amend) => (amend.account, RateClass::of_amend(amend), false),
        Command::Cancel(_, cancel) => (cancel.account, RateClass::Cancel, false),
        Command::MassCancel(_, cancel) => {
            (cancel.scope.account, RateClass::Cancel, cancel.scope.instrument.is_none())
        }
        Command::CancelAllAfter(_, request) => (request.account, RateClass::Cancel, true),
        Command::Continue(_)
        | Command::Timers
        | Command::Instrument(_)
        | Command::Account(_)
        | Command::Reference(..)
        | Command::SessionBegan(_)
        | Command::SessionEnded(_)
        | Command::Restarted
        | Command::Kill(_) => return None,
    })
}

/// Keeps the latest `most` times in their order: those of several shards come nearly so.
fn keep(times: &mut VecDeque<Nanos>, most: u32, time: Nanos) {
    let after = times.iter().rev().take_while(|other| **other > time).count();
    times.insert(times.len() - after, time);
    let most = if planted::has(Bug::RatesForgotten) { 0 } else { most as usize };
    while times.len() > most {
        times.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_in_their_order() {
        let mut times = VecDeque::new();
        for time in [5, 3, 9, 4, 8] {
            keep(&mut times, 3, Nanos(time));
        }
        assert_eq!(times, [5, 8, 9].map(Nanos));
        keep(&mut times, 0, Nanos(10));
        assert!(times.is_empty());
    }
}
