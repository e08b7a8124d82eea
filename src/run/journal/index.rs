//! Where each record of each stream stands: eight bytes a record, so that a resend finds its event.

use crate::types::Seq;
use crate::wire::record::{Place, Stream};
use std::collections::BTreeMap;

/// Places of one block: a block is allocated at once, so that growing never copies what is there.
const BLOCK: usize = 1 << 16;

/// Stream and number → place.
#[derive(Clone, Debug, Default)]
pub struct Index(BTreeMap<Stream, Vec<Vec<u64>>>);

impl Index {
    /// Notes the place of the next record of a stream.
    pub fn push(&mut self, stream: Stream, place: Place) {
        let blocks = self.0.entry(stream).or_default();
        match blocks.last_mut() {
            Some(block) if block.len() < BLOCK => block.push(place.pack()),
            _ => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(place.pack());
                blocks.push(block);
            }
        }
    }

    /// The place of record `seq` of a stream.
    pub fn place(&self, stream: Stream, seq: Seq) -> Option<Place> {
        let at = usize::try_from(seq.0.checked_sub(1)?).ok()?;
        let block = self.0.get(&stream)?.get(at / BLOCK)?;
        block.get(at % BLOCK).copied().map(Place::unpack)
    }

    /// The last number of a stream.
    pub fn last(&self, stream: Stream) -> Seq {
        let blocks = self.0.get(&stream).map_or(&[][..], Vec::as_slice);
        let last = blocks.last().map_or(0, Vec::len);
        Seq((blocks.len().saturating_sub(1) * BLOCK + last) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ShardId;

    #[test]
    fn finds_each_record_across_blocks_and_none_beside_them() {
        let (shard, mut index) = (Stream::Shard(ShardId(0)), Index::default());
        assert_eq!((index.last(shard), index.place(shard, Seq(1))), (Seq(0), None));
        let place = |n: u32| Place { segment: n / 1_000, offset: n };
        for n in 1..=70_000 {
            index.push(shard, place(n));
        }
        assert_eq!(index.last(shard), Seq(70_000));
        for n in [1, 65_536, 65_537, 70_000] {
            assert_eq!(index.place(shard, Seq(n.into())), Some(place(n)));
        }
        assert_eq!(index.place(shard, Seq(0)), None);
        assert_eq!(index.place(shard, Seq(70_001)), None);
        assert_eq!(index.place(Stream::Log, Seq(1)), None);
    }
}
