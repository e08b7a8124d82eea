//! Which WebSocket connections hear of which account, so that an event costs as much as it has hearers.

use super::connections::Connections;
use super::sockets::{Connection, Stage};
use crate::types::{AccountId, ConnId};
use std::collections::BTreeMap;

/// The connections of a gateway that subscribed.
#[derive(Debug, Default)]
pub(super) struct Subscribers(BTreeMap<AccountId, Vec<ConnId>>);

impl Subscribers {
    /// A connection hears of these accounts from now on.
    pub(super) fn add(&mut self, id: ConnId, accounts: &[AccountId]) {
        for account in accounts {
            let hearers = self.0.entry(*account).or_default();
            if !hearers.contains(&id) {
                hearers.push(id);
            }
        }
    }

    /// How many hear of an account.
    pub(super) fn count(&self, account: AccountId) -> usize {
        self.0.get(&account).map_or(0, Vec::len)
    }

    /// A connection is gone.
    pub(super) fn remove(&mut self, id: ConnId, accounts: &[AccountId]) {
        for account in accounts {
            if let Some(hearers) = self.0.get_mut(account) {
                hearers.retain(|hearer| *hearer != id);
            }
        }
    }

    /// Tells each connection that hears of the account; one of which `tell` says that it does not is not asked again.
    pub(super) fn tell(&mut self, account: AccountId, tell: impl FnMut(&ConnId) -> bool) {
        if let Some(hearers) = self.0.get_mut(&account) {
            hearers.retain(tell);
        }
    }
}

/// The accounts that a connection has subscribed to; none if it is no WebSocket connection.
pub(super) fn accounts_of(connections: &mut Connections<Connection>, id: ConnId) -> &[AccountId] {
    match connections.get_mut(id) {
        Some(Connection { stage: Stage::WebSocket(websocket), .. }) => websocket.session().subscribed(),
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: AccountId = AccountId(1);
    const BOB: AccountId = AccountId(2);

    fn hearers(subscribers: &mut Subscribers, account: AccountId) -> Vec<u64> {
        let mut heard = Vec::new();
        subscribers.tell(account, |id| {
            heard.push(id.0);
            true
        });
        heard
    }

    #[test]
    fn each_connection_hears_once_of_each_account_that_it_subscribed_to() {
        let mut subscribers = Subscribers::default();
        subscribers.add(ConnId(1), &[ALICE, BOB]);
        subscribers.add(ConnId(2), &[BOB]);
        subscribers.add(ConnId(1), &[ALICE]);
        assert_eq!(hearers(&mut subscribers, ALICE), [1]);
        assert_eq!(hearers(&mut subscribers, BOB), [1, 2]);
        assert!(hearers(&mut subscribers, AccountId(3)).is_empty());
        subscribers.remove(ConnId(1), &[ALICE, BOB]);
        assert_eq!((hearers(&mut subscribers, ALICE), hearers(&mut subscribers, BOB)), (vec![], vec![2]));
    }

    #[test]
    fn who_does_not_hear_any_more_is_not_asked_again() {
        let mut subscribers = Subscribers::default();
        subscribers.add(ConnId(1), &[ALICE]);
        subscribers.tell(ALICE, |_| false);
        assert!(hearers(&mut subscribers, ALICE).is_empty());
    }
}
