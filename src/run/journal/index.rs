//! Where each record of each stream stands: eight bytes a record, so that a resend finds its event.

use crate::types::Seq;
use crate::wire::record::{DecodeError, Encoder, Place, Reader, Stream};
use std::collections::BTreeMap;

/// Places of one block: a block is allocated at once, so that growing never copies what is there.
const BLOCK: usize = 1 << 16;

/// Stream and number → place. Of records that stood in segments that were archived when a snapshot was made, nothing is
/// kept.
#[derive(Clone, Debug, Default)]
pub struct Index(BTreeMap<Stream, Places>);

/// The places of one stream.
#[derive(Clone, Debug, Default)]
struct Places {
    /// So many of its first records are not kept.
    gone: u64,
    blocks: Vec<Vec<u64>>,
}

impl Index {
    /// Notes the place of the next record of a stream.
    pub fn push(&mut self, stream: Stream, place: Place) {
        self.0.entry(stream).or_default().push(place.pack());
    }

    /// The place of record `seq` of a stream.
    pub fn place(&self, stream: Stream, seq: Seq) -> Option<Place> {
        let places = self.0.get(&stream)?;
        let at = usize::try_from(seq.0.checked_sub(places.gone + 1)?).ok()?;
        let block = places.blocks.get(at / BLOCK)?;
        block.get(at % BLOCK).copied().map(Place::unpack)
    }

    /// The first segment of which something is kept; 1 where nothing is.
    pub fn first_segment(&self) -> u32 {
        let firsts = self.0.values().filter_map(|places| places.iter().next());
        firsts.map(|place| Place::unpack(*place).segment).min().unwrap_or(1)
    }

    /// The first number of a stream whose record stands in segment `from` or behind it; the one after the last if none
    /// does.
    pub fn first_from(&self, stream: Stream, from: u32) -> Seq {
        let Some(places) = self.0.get(&stream) else { return Seq(1) };
        let before = places.iter().take_while(|place| Place::unpack(**place).segment < from).count();
        Seq(places.gone + before as u64 + 1)
    }

    /// The last number of a stream.
    pub fn last(&self, stream: Stream) -> Seq {
        self.0.get(&stream).map_or(Seq(0), |places| Seq(places.gone + places.len()))
    }

    /// All streams with their last numbers.
    pub fn lasts(&self) -> impl Iterator<Item = (Stream, Seq)> {
        self.0.iter().map(|(stream, places)| (*stream, Seq(places.gone + places.len())))
    }

    /// Writes it into a snapshot, without the records before segment `from`.
    pub fn save(&self, from: u32, to: &mut Encoder) {
        to.put(&(self.0.len() as u64));
        for (stream, places) in &self.0 {
            let before = |place: &&u64| Place::unpack(**place).segment < from;
            let gone = places.iter().take_while(before).count() as u64;
            to.put(stream).put(&(places.gone + gone)).put(&(places.len() - gone));
            places.iter().skip(gone as usize).for_each(|place| {
                to.put(place);
            });
        }
    }

    /// Reads what [`Index::save`] wrote.
    pub fn load(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut index = Self::default();
        for _ in 0..from.take::<u64>()? {
            let (stream, gone) = from.take()?;
            let mut places = Places { gone, blocks: Vec::new() };
            for _ in 0..from.take::<u64>()? {
                places.push(from.take()?);
            }
            index.0.insert(stream, places);
        }
        Ok(index)
    }
}

impl Places {
    fn push(&mut self, place: u64) {
        match self.blocks.last_mut() {
            Some(block) if block.len() < BLOCK => block.push(place),
            _ => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(place);
                self.blocks.push(block);
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &u64> {
        self.blocks.iter().flatten()
    }

    fn len(&self) -> u64 {
        let last = self.blocks.last().map_or(0, Vec::len);
        (self.blocks.len().saturating_sub(1) * BLOCK + last) as u64
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
        let firsts = [1, 5, 70, 71].map(|segment| index.first_from(shard, segment));
        assert_eq!(firsts, [Seq(1_000), Seq(5_000), Seq(70_000), Seq(70_001)]);
    }
}
