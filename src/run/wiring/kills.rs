//! Kill switches that recovery found: what shards, gateways and the operator are told of them.

use crate::config::Config;
use crate::run::shard::Shard;
use crate::types::time::Civil;
use crate::types::{Command, Engaged, InstrumentId, KillTarget};
use std::collections::{BTreeMap, BTreeSet};

/// The kill switches that a journal knows. One that only some shards had engaged, or released, when the server ended is
/// engaged on all of them: nobody was told that it was not.
pub(super) struct Kills(BTreeMap<KillTarget, Engaged>);

impl Kills {
    /// Those of all shards together.
    pub(super) fn of(shards: &[Shard]) -> Self {
        let mut all = BTreeMap::new();
        for engaged in shards.iter().flat_map(Shard::engaged) {
            let first = all.entry(engaged.target).or_insert(engaged);
            if engaged.since < first.since {
                *first = engaged;
            }
        }
        Self(all)
    }

    /// The instruments in which nothing is entered.
    pub(super) fn halted(&self) -> BTreeSet<InstrumentId> {
        let instrument = |target: &KillTarget| match target {
            KillTarget::Instrument(instrument) => Some(*instrument),
            KillTarget::Account(_) => None,
        };
        self.0.keys().filter_map(instrument).collect()
    }

    /// What a shard that has every account does not know.
    pub(super) fn missing<'a>(&'a self, shard: &'a Shard) -> impl Iterator<Item = Command> + 'a {
        let is_for_all = |engaged: &&Engaged| matches!(engaged.target, KillTarget::Account(_));
        let is_known = |engaged: &&Engaged| shard.engaged().any(|known| known.target == engaged.target);
        let missing = self.0.values().filter(is_for_all).filter(move |engaged| !is_known(engaged));
        missing.map(|engaged| Command::Kill(engaged.again()))
    }

    /// What the operator is told of them at the start, a line each.
    pub(super) fn notes<'a>(&'a self, config: &'a Config) -> impl Iterator<Item = String> + 'a {
        self.0.values().map(|engaged| {
            let directory = &config.directory;
            // The start is refused where the configuration leaves out what the journal knows.
            let name = match engaged.target {
                KillTarget::Account(id) => {
                    format!("account {}", directory.account(id).map_or("?", |known| known.name.as_str()))
                }
                KillTarget::Instrument(id) => {
                    format!(
                        "instrument {}",
                        directory.instrument(id).map_or("?", |known| known.symbol.as_str())
                    )
                }
            };
            let since = Civil::from_nanos(engaged.since);
            format!("{name}: stopped since {since:.3}; `sealgate kill release {name}` ends that")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::samples::{instrument, limits};
    use crate::types::{KillSwitch, Nanos, ShardId};

    const ACCOUNT: KillTarget = KillTarget::Account(crate::types::AccountId(1));

    fn shard(id: u8, kills: &[(KillTarget, u64)]) -> Shard {
        let mut shard = Shard::new(ShardId(id));
        for command in [Command::Instrument(instrument()), Command::Account(limits(1))] {
            shard.execute(None, &command, Nanos(1));
        }
        for (target, at) in kills {
            let switch = KillSwitch { target: *target, engaged: true, cancel: true, uid: 7 };
            shard.execute(None, &Command::Kill(switch), Nanos(*at));
        }
        shard
    }

    #[test]
    fn what_one_shard_had_engaged_before_a_crash_is_engaged_on_all_as_it_was_meant() {
        let halt = KillTarget::Instrument(instrument().id);
        let shards = [shard(0, &[]), shard(1, &[(ACCOUNT, 9), (halt, 9)]), shard(2, &[(ACCOUNT, 5)])];
        let kills = Kills::of(&shards);
        let again = KillSwitch { target: ACCOUNT, engaged: true, cancel: true, uid: 7 };
        let missing = shards.each_ref().map(|shard| kills.missing(shard).collect::<Vec<_>>());
        assert_eq!(missing, [vec![Command::Kill(again)], vec![], vec![]], "an instrument has one shard");
        assert_eq!(kills.0[&ACCOUNT].since, Nanos(5));
        assert_eq!(kills.halted(), BTreeSet::from([instrument().id]));
    }
}
