//! Is the number of a record the next of its stream: 1, 2, 3 … in each, with none left out.

use crate::types::Seq;
use crate::wire::record::{Record, Stream};
use std::collections::BTreeMap;

/// The last number of each stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams(BTreeMap<Stream, Seq>);

/// A record that is whole, but not the next of its stream: one before it was lost, or it stands there twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {found} of {stream} stands where {expected} belongs")]
pub struct Gap {
    /// The stream.
    pub stream: Stream,
    /// The number that comes next.
    pub expected: Seq,
    /// The number of the record.
    pub found: Seq,
}

impl Streams {
    /// Takes a record, if it is the next of its stream.
    pub fn take(&mut self, record: &Record<'_>) -> Result<(), Gap> {
        let last = self.0.entry(record.stream).or_default();
        let expected = last.next();
        if record.seq != expected {
            return Err(Gap { stream: record.stream, expected, found: record.seq });
        }
        *last = expected;
        Ok(())
    }

    /// The last number of a stream; zero where it has none.
    pub fn last(&self, stream: Stream) -> Seq {
        self.0.get(&stream).copied().unwrap_or_default()
    }

    /// All streams with their last numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Stream, Seq)> + '_ {
        self.0.iter().map(|(stream, last)| (*stream, *last))
    }
}
