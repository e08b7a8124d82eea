//! Where to: which shard owns an instrument.
//!
//! ```text
//!   instrument ──► its number modulo the number of shards ──► shard
//!   no instrument (a question about all of them) ───────────► every shard
//! ```
//!
//! An instrument keeps its shard when others come or go, because its book and its journal live there. Only another
//! number of shards moves it, and that needs journals that start anew.

use crate::config::Directory;
use crate::types::{InstrumentId, ShardId};

/// The table from instruments to shards.
#[derive(Clone, Debug)]
pub struct Router {
    shards: u8,
    /// By the number of the instrument.
    owners: Vec<Option<ShardId>>,
}

impl Router {
    /// Gives the instruments of `directory` to shards 0 … `shards` − 1.
    pub fn new(directory: &Directory, shards: u8) -> Self {
        assert!(shards > 0, "a venue has at least one shard");
        let mut owners = Vec::new();
        for instrument in directory.instruments() {
            let at = usize::from(instrument.id.0);
            if owners.len() <= at {
                owners.resize(at + 1, None);
            }
            owners[at] = Some(ShardId((instrument.id.0 % u16::from(shards)) as u8));
        }
        Self { shards, owners }
    }

    /// The shard that owns the instrument; `None` if there is no such instrument.
    pub fn shard_of(&self, instrument: InstrumentId) -> Option<ShardId> {
        self.owners.get(usize::from(instrument.0)).copied().flatten()
    }

    /// All shards, for what concerns every instrument.
    pub fn shards(&self) -> impl ExactSizeIterator<Item = ShardId> + use<> {
        (0..self.shards).map(ShardId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Instrument, InstrumentKind, InstrumentState, Price, Qty, Scale, Symbol};

    fn directory(ids: &[u16]) -> Directory {
        let instrument = |id: &u16| Instrument {
            id: InstrumentId(*id),
            symbol: Symbol::truncated(&format!("I-{id}")),
            kind: InstrumentKind::Spot,
            base: Symbol::truncated("BTC"),
            quote: Symbol::truncated("USD"),
            price_scale: Scale(2),
            qty_scale: Scale(2),
            tick: Price(1),
            lot: Qty(1),
            max_qty: Qty(1),
            max_notional: 1,
            band_bps: 0,
            reference: Price(0),
            state: InstrumentState::Trading,
        };
        Directory::new(vec![], vec![], vec![], vec![], ids.iter().map(instrument).collect()).unwrap()
    }

    #[test]
    fn each_instrument_has_one_shard_and_keeps_it_when_others_come() {
        let router = Router::new(&directory(&[1, 5, 8]), 2);
        let owners = |router: &Router| [1, 5, 8].map(|id| router.shard_of(InstrumentId(id)));
        assert_eq!(owners(&router), [Some(ShardId(1)), Some(ShardId(1)), Some(ShardId(0))]);
        assert_eq!(owners(&Router::new(&directory(&[8, 2, 1, 5, 3]), 2)), owners(&router));
        assert!(router.shards().eq([ShardId(0), ShardId(1)]));
    }

    #[test]
    fn what_is_not_listed_has_no_shard() {
        let router = Router::new(&directory(&[1]), 2);
        assert_eq!(router.shard_of(InstrumentId(0)), None);
        assert_eq!(router.shard_of(InstrumentId(2)), None);
    }
}
