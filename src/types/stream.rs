//! The private streams: where the executions of an account stand, and as of which number an answer is true.

use super::event::{Answer, Repeated};
use super::ids::{AccountId, ApplSeqNum};
use super::session_log::EventRef;

/// What comes next in the private stream of an account on a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPage {
    /// Whose.
    pub account: AccountId,
    /// The number of the last execution there is.
    pub last: ApplSeqNum,
    /// Where the next ones stand, one number after the other; not all of them if there are many.
    pub places: Vec<EventRef>,
}

impl Answer {
    /// The account whose state it tells: what it says is true as of a number of each private stream of that account.
    pub fn states(&self) -> Option<AccountId> {
        match self {
            Self::Order(query, _) => Some(query.account),
            Self::OpenOrders(query, _) => Some(query.account),
            Self::Trades(query, _) => Some(query.account),
            Self::Account(Ok(state)) => Some(state.limits.account),
            // Over FIX a repetition is told how its order stands.
            Self::Repeated(Repeated { current: Some(order), .. }) => Some(order.account),
            _ => None,
        }
    }
}
