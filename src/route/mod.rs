//! Where to: which shard owns an instrument, which gateway keeps a FIX session.
//!
//! ```text
//!   instrument ──► `shard` of the configuration, or its number modulo the number of shards ──► shard
//!   no instrument (what concerns all of them) ───────────────────────────────────────────────► every shard
//!   FIX session ──► `gateway` of the configuration, or its number modulo … ──────────────────► gateway
//! ```
//!
//! An instrument keeps its shard for ever, because its book and its journal live there: recovery compares the journal
//! with this table and refuses another one by name. So the rule looks at nothing that may change but the number of
//! shards. A FIX session may move to another gateway with each start, because all session logs stand in one journal.

use crate::config::{Directory, Placement};
use crate::types::{GatewayId, InstrumentId, SessionId, ShardId};
use std::collections::BTreeMap;

/// The table from instruments to shards, and the one from sessions to gateways.
#[derive(Clone, Debug)]
pub struct Router {
    gateways: u8,
    shards: u8,
    /// By the number of the instrument.
    owners: Vec<Option<ShardId>>,
    /// Sessions that do not follow the rule.
    placed: BTreeMap<SessionId, GatewayId>,
}

/// A place by hand that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// The shard of an instrument.
    #[error("instrument {0} is placed on shard-{1}, which is not there")]
    Shard(InstrumentId, ShardId),
    /// The gateway of a session.
    #[error("FIX session {0} is placed on gateway-{1}, which is not there")]
    Gateway(SessionId, GatewayId),
}

impl Router {
    /// Gives the instruments of `directory` to so many shards, and its sessions to so many gateways.
    pub fn new(
        directory: &Directory,
        placement: &Placement,
        gateways: u8,
        shards: u8,
    ) -> Result<Self, PlacementError> {
        assert!(gateways > 0 && shards > 0, "a venue has at least one of each");
        if let Some((&session, &gateway)) =
            placement.gateways.iter().find(|(_, gateway)| gateway.0 >= gateways)
        {
            return Err(PlacementError::Gateway(session, gateway));
        }
        let mut owners = Vec::new();
        for instrument in directory.instruments() {
            let id = instrument.id;
            let rule = ShardId((id.0 % u16::from(shards)) as u8);
            let owner = placement.shards.get(&id).copied().unwrap_or(rule);
            if owner.0 >= shards {
                return Err(PlacementError::Shard(id, owner));
            }
            let at = usize::from(id.0);
            if owners.len() <= at {
                owners.resize(at + 1, None);
            }
            owners[at] = Some(owner);
        }
        Ok(Self { gateways, shards, owners, placed: placement.gateways.clone() })
    }

    /// The shard that owns the instrument; `None` if there is no such instrument.
    pub fn shard_of(&self, instrument: InstrumentId) -> Option<ShardId> {
        self.owners.get(usize::from(instrument.0)).copied().flatten()
    }

    /// The gateway that keeps a FIX session, also one that comes at run time.
    pub fn gateway_of(&self, session: SessionId) -> GatewayId {
        let rule = GatewayId((session.0 % u16::from(self.gateways)) as u8);
        self.placed.get(&session).copied().unwrap_or(rule)
    }

    /// All shards, for what concerns every instrument.
    pub fn shards(&self) -> impl ExactSizeIterator<Item = ShardId> + use<> {
        (0..self.shards).map(ShardId)
    }

    /// All gateways.
    pub fn gateways(&self) -> impl ExactSizeIterator<Item = GatewayId> + use<> {
        (0..self.gateways).map(GatewayId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Instrument, Symbol, samples};

    fn directory(ids: &[u16]) -> Directory {
        let instrument = |id: &u16| Instrument {
            id: InstrumentId(*id),
            symbol: Symbol::truncated(&format!("I-{id}")),
            ..samples::instrument()
        };
        Directory::new(vec![], vec![], vec![], vec![], ids.iter().map(instrument).collect()).unwrap()
    }

    fn router(ids: &[u16], placement: Placement) -> Result<Router, PlacementError> {
        Router::new(&directory(ids), &placement, 3, 2)
    }

    #[test]
    fn each_instrument_has_one_shard_and_keeps_it_when_others_come() {
        let router = router(&[1, 5, 8], Placement::default()).unwrap();
        let owners = |router: &Router| [1, 5, 8].map(|id| router.shard_of(InstrumentId(id)));
        assert_eq!(owners(&router), [Some(ShardId(1)), Some(ShardId(1)), Some(ShardId(0))]);
        let more = self::router(&[8, 2, 1, 5, 3], Placement::default()).unwrap();
        assert_eq!(owners(&more), owners(&router));
        assert!(router.shards().eq([ShardId(0), ShardId(1)]));
    }

    #[test]
    fn what_is_not_listed_has_no_shard() {
        let router = router(&[1], Placement::default()).unwrap();
        assert_eq!(router.shard_of(InstrumentId(0)), None);
        assert_eq!(router.shard_of(InstrumentId(2)), None);
    }

    #[test]
    fn what_the_operator_placed_stays_there_and_must_be_there() {
        let placed = |instrument, shard| Placement {
            shards: [(InstrumentId(instrument), ShardId(shard))].into(),
            ..Placement::default()
        };
        let router = router(&[1, 2], placed(1, 0)).unwrap();
        assert_eq!(router.shard_of(InstrumentId(1)), Some(ShardId(0)));
        assert_eq!(router.shard_of(InstrumentId(2)), Some(ShardId(0)));
        let gone = PlacementError::Shard(InstrumentId(1), ShardId(2));
        assert_eq!(self::router(&[1, 2], placed(1, 2)).unwrap_err(), gone);
    }

    #[test]
    fn each_session_has_one_gateway_and_may_be_placed_on_another() {
        let placed = |gateway| Placement {
            gateways: [(SessionId(4), GatewayId(gateway))].into(),
            ..Placement::default()
        };
        let router = router(&[1], placed(2)).unwrap();
        let gateways = [3, 4, 5, 7].map(|session| router.gateway_of(SessionId(session)).0);
        assert_eq!(gateways, [0, 2, 2, 1]);
        let gone = PlacementError::Gateway(SessionId(4), GatewayId(3));
        assert_eq!(self::router(&[1], placed(3)).unwrap_err(), gone);
    }
}
