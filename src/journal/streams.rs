//! Is the number of a record the next of its stream: 1, 2, 3 … in each, with none left out.

use crate::types::Seq;
use crate::wire::record::{Record, Stream};
use std::collections::BTreeMap;

/// The last number of each stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    lasts: BTreeMap<Stream, Seq>,
    /// What stood before is not there: the first number of each stream that is met is taken as it is.
    is_cut: bool,
}

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

impl FromIterator<(Stream, Seq)> for Streams {
    fn from_iter<I: IntoIterator<Item = (Stream, Seq)>>(lasts: I) -> Self {
        Self { lasts: lasts.into_iter().collect(), is_cut: false }
    }
}

impl Streams {
    /// Those of a journal whose beginning is not there.
    pub fn cut_off() -> Self {
        Self { is_cut: true, ..Self::default() }
    }

    /// Takes a record, if it is the next of its stream.
    pub fn take(&mut self, record: &Record<'_>) -> Result<(), Gap> {
        let unknown = if self.is_cut { Seq(record.seq.0.saturating_sub(1)) } else { Seq(0) };
        let last = self.lasts.entry(record.stream).or_insert(unknown);
        let expected = last.next();
        if record.seq != expected {
            return Err(Gap { stream: record.stream, expected, found: record.seq });
        }
        *last = expected;
        Ok(())
    }

    /// The last number of a stream; zero where it has none.
    pub fn last(&self, stream: Stream) -> Seq {
        self.lasts.get(&stream).copied().unwrap_or_default()
    }

    /// All streams with their last numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Stream, Seq)> + '_ {
        self.lasts.iter().map(|(stream, last)| (*stream, *last))
    }
}
