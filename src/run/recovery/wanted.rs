//! What the configuration wants to be gathered from a journal, and what is saved of it.

use super::DropCopies;
use crate::config::Directory;
use crate::limit::{Kept, Past, Used};
use crate::ring::rate::DayCount;
use crate::types::AccountId;
use crate::wire::record::{DecodeError, Encoder, Reader};

/// Of whom, and how much of it.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The drop copy sessions of each account: what they were not told is owed to them.
    pub drop_copies: DropCopies,
    /// How many of the last orders and cancels of each account count against its limits.
    pub kept: Kept,
}

impl Wanted {
    /// What a directory wants.
    pub fn of(directory: &Directory) -> Self {
        let accounts = directory.accounts().iter().map(|account| account.id);
        let hearing = accounts.map(|account| (account, directory.drop_copies(account).to_vec()));
        let drop_copies = hearing.filter(|(_, sessions)| !sessions.is_empty()).collect();
        Self { drop_copies, kept: Past::kept(directory) }
    }
}

/// Writes what accounts have used of their limits.
pub(super) fn save_past(past: &Past, to: &mut Encoder) {
    to.put(&(past.accounts().len() as u64));
    for (account, used) in past.accounts() {
        let Used { orders, cancels, today: DayCount { day, count } } = used;
        to.put(account).put(day).put(count);
        to.put_all(orders.iter().copied()).put_all(cancels.iter().copied());
    }
}

/// Reads what [`save_past`] wrote.
pub(super) fn load_past(from: &mut Reader<'_>, kept: Kept) -> Result<Past, DecodeError> {
    let mut past = Past::new(kept);
    for _ in 0..from.take::<u64>()? {
        let account: AccountId = from.take()?;
        let (day, count) = from.take()?;
        let (orders, cancels): (Vec<_>, Vec<_>) = (from.take_all()?, from.take_all()?);
        let today = DayCount { day, count };
        past.put(account, Used { orders: orders.into(), cancels: cancels.into(), today });
    }
    Ok(past)
}
