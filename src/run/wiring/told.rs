//! What a shard is told after a start: the configuration, as far as its journal does not have it.

use crate::config::Config;
use crate::route::Router;
use crate::run::shard::Shard;
use crate::types::{AccountLimits, Command};

/// What must be told to a shard after a start: that it is one, and what the configuration says that it does not know.
pub(super) fn configuration_commands(config: &Config, router: &Router, shard: &Shard) -> Vec<Command> {
    // First of all: whoever was logged on is not any more, and what is left of a grace counts from now.
    let mut commands = vec![Command::Restarted];
    let instruments = config.directory.instruments().iter();
    for instrument in instruments.filter(|instrument| router.shard_of(instrument.id) == Some(shard.id())) {
        let known = shard.instruments().find(|known| known.id == instrument.id);
        if known != Some(instrument) {
            commands.push(Command::Instrument(*instrument));
        }
    }
    for account in config.directory.accounts() {
        if !shard.accounts().any(|known| *known == account.limits) {
            commands.push(Command::Account(account.limits));
        }
    }
    commands.extend(limit_commands(config, router, shard));
    commands
}

/// The limits of single instruments, each for the shard that has it. One that is not in the configuration any more is
/// what the account may do in all.
fn limit_commands(config: &Config, router: &Router, shard: &Shard) -> Vec<Command> {
    let directory = &config.directory;
    let of_shard =
        |limits: &&AccountLimits| limits.instrument.and_then(|id| router.shard_of(id)) == Some(shard.id());
    let wanted: Vec<_> = directory.limits().iter().filter(of_shard).copied().collect();
    let gone = shard.accounts().filter(|known| {
        let same =
            |limits: &AccountLimits| (limits.account, limits.instrument) == (known.account, known.instrument);
        known.instrument.is_some() && !wanted.iter().any(same)
    });
    let gone = gone.filter_map(|known| {
        Some(AccountLimits { instrument: known.instrument, ..directory.account(known.account)?.limits })
    });
    let all: Vec<_> = wanted.iter().copied().chain(gone).collect();
    let is_new = |limits: &AccountLimits| !shard.accounts().any(|known| known == limits);
    all.into_iter().filter(is_new).map(Command::Account).collect()
}
