//! Kill switches: an account that may enter nothing, or an instrument in which nothing is entered, until it is
//! released.

use super::ids::{AccountId, InstrumentId};
use super::time::Nanos;

/// What a kill switch stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KillTarget {
    /// All that an account enters, in every instrument of the shard.
    Account(AccountId),
    /// All that is entered in an instrument.
    Instrument(InstrumentId),
}

/// A kill switch is engaged or released: a command of the operator's, and the event that says that it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KillSwitch {
    /// Which.
    pub target: KillTarget,
    /// Whether it is engaged; else it is released.
    pub engaged: bool,
    /// Whether open orders are canceled as it is engaged.
    pub cancel: bool,
    /// The operator, as the user of the machine that asked over the control socket.
    pub uid: u32,
}

/// A kill switch that is engaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Engaged {
    /// What it stops.
    pub target: KillTarget,
    /// Since when.
    pub since: Nanos,
    /// Whether open orders were canceled.
    pub cancel: bool,
    /// Who did it.
    pub uid: u32,
}

impl Engaged {
    /// What engages it on a shard that does not have it.
    pub const fn again(&self) -> KillSwitch {
        let Self { target, since: _, cancel, uid } = *self;
        KillSwitch { target, engaged: true, cancel, uid }
    }
}
