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
