//! What a shard is told after a start: the configuration, as far as its journal does not have it.
//!
//! Cost: what the shard knows is looked up and not searched, so ten thousand accounts are told as fast as one, each.

use super::kills::Kills;
use crate::config::Config;
use crate::route::Router;
use crate::run::shard::Shard;
use crate::types::{AccountId, AccountLimits, Command, InstrumentId};
use std::collections::{BTreeMap, BTreeSet};

/// Whose limits, and in which instrument; `None`: in all.
type Place = (AccountId, Option<InstrumentId>);

/// What must be told to a shard after a start: that it is one, and what the configuration says that it does not know.
pub(super) fn configuration_commands(
    config: &Config,
    router: &Router,
    shard: &Shard,
    kills: &Kills,
) -> Vec<Command> {
    // First of all: whoever was logged on is not any more, and what is left of a grace counts from now.
    let mut commands = vec![Command::Restarted];
    let known: BTreeMap<_, _> = shard.instruments().map(|known| (known.id, known)).collect();
    let instruments = config.directory.instruments().iter();
    for instrument in instruments.filter(|instrument| router.shard_of(instrument.id) == Some(shard.id())) {
        if known.get(&instrument.id) != Some(&instrument) {
            commands.push(Command::Instrument(*instrument));
        }
    }
    let known: BTreeMap<Place, _> = shard.accounts().map(|known| (place(known), known)).collect();
    let accounts = config.directory.accounts().iter().map(|account| account.limits);
    let wanted = accounts.chain(limits(config, router, shard));
    commands.extend(wanted.filter(|limits| known.get(&place(limits)) != Some(&limits)).map(Command::Account));
    commands.extend(kills.missing(shard));
    commands
}

fn place(limits: &AccountLimits) -> Place {
    (limits.account, limits.instrument)
}

/// The limits of single instruments, each for the shard that has it. One that is not in the configuration any more is
/// what the account may do in all.
fn limits(config: &Config, router: &Router, shard: &Shard) -> Vec<AccountLimits> {
    let directory = &config.directory;
    let of_shard =
        |limits: &&AccountLimits| limits.instrument.and_then(|id| router.shard_of(id)) == Some(shard.id());
    let mut all: Vec<_> = directory.limits().iter().filter(of_shard).copied().collect();
    let wanted: BTreeSet<Place> = all.iter().map(place).collect();
    let gone = shard.accounts().filter(|known| known.instrument.is_some() && !wanted.contains(&place(known)));
    all.extend(gone.filter_map(|known| {
        Some(AccountLimits { instrument: known.instrument, ..directory.account(known.account)?.limits })
    }));
    all
}
