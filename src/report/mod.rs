//! Event → bytes of each session that must hear it.
//!
//! One file a protocol; both tell the same cause in the same words, which stand here.

pub mod fix;
pub mod ws;

use crate::types::{Cause, ShardId};
use std::fmt;

/// ApplID(1180), `applId`: names the private stream of an account on a shard, as `account/shard`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplId<'a> {
    /// The name of the account.
    pub account: &'a str,
    /// The shard.
    pub shard: ShardId,
}

impl fmt::Display for ApplId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.shard)
    }
}

/// Why an order closed, as Text(58) and `reason` tell it; empty where the client itself asked for it.
pub const fn cause_text(cause: Cause) -> &'static str {
    match cause {
        Cause::Requested => "",
        Cause::ImmediateOrCancel => "ImmediateOrCancel: the rest found no counterparty at its price.",
        Cause::FillOrKill => "FillOrKill: not all of it could trade.",
        Cause::NoLiquidity => "NoLiquidity: a market order found no more liquidity inside the price band.",
        Cause::SelfMatch => "SelfMatch: it would have met an order of its own account or group.",
        Cause::MassCancel => "MassCancel: it was canceled together with others.",
        Cause::ReduceOnly => "ReduceOnly: there was no position left that it could reduce.",
        Cause::GoodTillDate => "GoodTillDate: its time was over.",
        Cause::SessionDisconnected => "SessionDisconnected: cancel on disconnect.",
        Cause::SessionLoggedOut => "SessionLoggedOut: cancel on disconnect, after a logout.",
        Cause::CancelAllAfter => "CancelAllAfter: the dead man's timer was not set again.",
        Cause::KillSwitch => "KillSwitch: the venue has stopped its account.",
        Cause::TradingHalt => "TradingHalt: the venue has halted its instrument.",
        Cause::ServerRestarted => "ServerRestarted: cancel on disconnect, no new logon after a restart.",
    }
}
