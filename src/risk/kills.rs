//! The kill switches that are engaged: an operator's own, apart from what the configuration says of accounts and
//! instruments. Whoever changes one does not change the other: an order needs both to let it pass.

use crate::types::{AccountId, Engaged, InstrumentId, KillSwitch, KillTarget, Nanos, Refusal, Reject};
use std::collections::BTreeMap;

/// Those of a shard. Part of its state.
#[derive(Debug, Default, Hash)]
pub(super) struct Kills(BTreeMap<KillTarget, Engaged>);

impl Kills {
    /// Those that were engaged before.
    pub(super) fn restore(engaged: Vec<Engaged>) -> Self {
        Self(engaged.into_iter().map(|engaged| (engaged.target, engaged)).collect())
    }

    /// Engages or releases one. One that is engaged again tells since when it has been, and who did it first.
    pub(super) fn set(&mut self, switch: &KillSwitch, at: Nanos) {
        let KillSwitch { target, engaged, cancel, uid } = *switch;
        if engaged {
            let known = self.0.entry(target).or_insert(Engaged { target, since: at, cancel, uid });
            known.cancel |= cancel;
        } else {
            self.0.remove(&target);
        }
    }

    /// Whether an order may be entered, as far as they are concerned.
    pub(super) fn check(&self, account: AccountId, instrument: InstrumentId) -> Result<(), Refusal> {
        if self.has(KillTarget::Instrument(instrument)) {
            return Err(Reject::InstrumentHalted.into());
        }
        if self.has(KillTarget::Account(account)) {
            return Err(Reject::AccountDisabled.into());
        }
        Ok(())
    }

    /// Whether this one is engaged.
    pub(super) fn has(&self, target: KillTarget) -> bool {
        self.0.contains_key(&target)
    }

    /// Those that are engaged, accounts first.
    pub(super) fn engaged(&self) -> impl ExactSizeIterator<Item = Engaged> {
        self.0.values().copied()
    }
}
