//! From a recovered shard to its agent, if the configuration is still one for it.

use super::kills::Kills;
use super::told::configuration_commands;
use super::unexpected;
use crate::config::Config;
use crate::route::Router;
use crate::run::agent::Fault;
use crate::run::rings::ShardEnds;
use crate::run::server::StartError;
use crate::run::shard::Shard;
use crate::run::shard_agent::ShardAgent;
use crate::sys::clock::Clock;

/// A shard under its agent, which has been told what the configuration says.
pub(super) fn agent(
    (config, kills): (&Config, &Kills),
    router: &Router,
    mut shard: Shard,
    ends: ShardEnds,
) -> Result<ShardAgent, StartError> {
    check_nothing_is_gone(config, &shard)?;
    check_nothing_moved(router, &shard)?;
    let commands = configuration_commands(config, router, &shard, kills);
    shard.reserve_ids(config.once_ids_max);
    let mut clock = Clock::new();
    let now = clock.now();
    let mut agent = ShardAgent::new(shard, clock, ends.gateways, ends.journal).obeying(ends.kills);
    agent.configure(&commands, now)?;
    Ok(agent)
}

/// An instrument or account with a history cannot be left out: its orders could not be told any more.
fn check_nothing_is_gone(config: &Config, shard: &Shard) -> Result<(), Fault> {
    let instruments = shard.instruments().filter(|known| config.directory.instrument(known.id).is_none());
    let accounts = shard.accounts().filter(|known| config.directory.account(known.account).is_none());
    let mut gone = instruments
        .map(|known| format!("instrument {} ({})", known.id, known.symbol))
        .chain(accounts.map(|known| format!("account {}", known.account)));
    match gone.next() {
        Some(what) => Err(unexpected(&format!(
            "the journal knows {what}, which the configuration leaves out; keep it, halted or disabled"
        ))),
        None => Ok(()),
    }
}

/// A book lives where its journal is. With another number of shards the default rule gives instruments to other
/// shards, and so does another `shard`.
fn check_nothing_moved(router: &Router, shard: &Shard) -> Result<(), StartError> {
    let moved = shard.instruments().find_map(|known| {
        let now = router.shard_of(known.id).filter(|owner| *owner != shard.id())?;
        Some(StartError::Moved { instrument: known.id, symbol: known.symbol, was: shard.id(), now })
    });
    moved.map_or(Ok(()), Err)
}
