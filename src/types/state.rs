//! What a stage holds, in words: for a snapshot, from which a stage is made again.

use super::ids::{AccountId, InstrumentId, Seq};
use super::order::OrdStatus;

/// What an account has and could have in one instrument. Sums are wider than quantities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExposureState {
    /// Where.
    pub instrument: InstrumentId,
    /// Whose.
    pub account: AccountId,
    /// Bought less sold.
    pub position: i128,
    /// What its open buy orders could still buy, those apart that may only reduce.
    pub buy: u128,
    /// What those could.
    pub buy_reducing: u128,
    /// What its open sell orders could still sell, those apart that may only reduce.
    pub sell: u128,
    /// What those could.
    pub sell_reducing: u128,
    /// How many are open.
    pub open_orders: u32,
}

/// A remembered request. What its numbers mean, `once` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestState {
    /// The key of its name.
    pub name: u128,
    /// Its content, or the key of its signed bytes.
    pub content: u128,
    /// The record of its first step.
    pub seq: Seq,
    /// What the kind says.
    pub link: u64,
    /// When it may be forgotten: seconds since 1970.
    pub due: u32,
    /// Whose it is.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// How many steps it took.
    pub steps: u16,
    /// What became of it.
    pub kind: u8,
    /// How its order was closed.
    pub closed: Option<OrdStatus>,
    /// Whether its ClOrdID came from the client.
    pub is_named: bool,
}
