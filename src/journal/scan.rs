//! What the bytes of a segment say: records, then how they end.
//!
//! Records follow each other from the first page on. Where no record can be read, three questions decide, and the
//! table in [`decide`] is the whole answer:
//!
//! - **Where**: the last segment, or an earlier one? Only the last was being written when the server stopped.
//! - **Here**: is the place *blank* (its first 8 bytes were never written), does a record stand here that was *cut
//!   short* (the space of its end mark was never written, and what was written does not end with one), or is it
//!   *broken* (written to its end, yet wrong) or *foreign* (its checksum fits, but not its layout)?
//! - **After**: is there *nothing* but never-written space behind it, *bytes*, or whole *records*?
//!
//! None of them needs a key: checksum, length and end mark stand outside of what is sealed. Whether a record that
//! is whole is also genuine is for whoever opens it (`seal`).
//!
//! Never-written space is zeros: segments are new files, filled with them, and no record ends in one.
//!
//! A torn tail is cut without asking, because it cannot have been acknowledged: its sync had not returned. A bit
//! that changed in an acknowledged record never looks like that: the end mark is there, or the bytes behind it are.

use crate::planted::{self, Bug};
use crate::wire::record::{self, ALIGNMENT, Damage, END_MARK, Frame, HEADER_BYTES, Place};

/// Reads the records of one segment.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    /// The whole segment, its first page included.
    bytes: &'a [u8],
    segment: u32,
    at: usize,
    is_last: bool,
}

/// What stands at the next place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A record, still sealed.
    Record(Frame<'a>),
    /// No further record: how the segment ends, and where.
    End(Place, End),
}

/// How the records of a segment end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With never-written space, or with the segment.
    Clean,
    /// With a record that was cut short when the server stopped: so many bytes of it are to be cut.
    Torn {
        /// From the place to the last written byte.
        written: u32,
    },
    /// With bytes that are neither: an operator decides whether they may go.
    BadTail(Bad),
    /// In the middle: whole records stand behind it, or a whole segment does.
    Damaged(Bad),
}

/// What is wrong at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bad {
    /// Why no record could be read.
    pub damage: Damage,
    /// From the place to the last written byte of the segment.
    pub written: u32,
    /// Whole records behind it in this segment.
    pub records_after: u32,
}

/// The segment that is read: only the last one was being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Last,
    Earlier,
}

/// What stands at the place where no record could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Here {
    Blank,
    CutShort,
    Broken,
    Foreign,
}

/// What stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Nothing,
    Bytes,
    Records,
}

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing is wrong.
    End,
    /// Cut it and go on.
    Cut,
    /// Stop; `sealgate journal repair DIR --cut` may cut it.
    Ask,
    /// Stop.
    Refuse,
}

/// The recovery table. `docs/journal.md` has the same rows in an operator's words.
const fn decide(segment: Where, here: Here, after: After) -> Verdict {
    use {After::*, Here::*, Where::*};
    match (segment, here, after) {
        // 1: the journal ends here; or the segment, and the first page of the next one says whether it should.
        (Last | Earlier, Blank, Nothing) => Verdict::End,
        // 2: the server stopped while it wrote this record; no sync had returned since.
        (Last, CutShort, Nothing) => Verdict::Cut,
        // 3: a hole, or a record that was written to its end and is wrong: a disk that wrote out of order, or rot.
        (Last, Blank | CutShort, Bytes) => Verdict::Ask,
        (Last, Broken, Nothing | Bytes) => Verdict::Ask,
        // 4: what stands behind the damage was written after it, and so may have been acknowledged.
        (Last | Earlier, Blank | CutShort | Broken, Records) => Verdict::Refuse,
        // 5: a segment behind it was begun, so this one had been written to its end and synced.
        (Earlier, Blank | CutShort | Broken, Bytes) => Verdict::Refuse,
        (Earlier, CutShort | Broken, Nothing) => Verdict::Refuse,
        // 6: nothing is damaged; another version of Sealgate can read it.
        (Last | Earlier, Foreign, _) => Verdict::Refuse,
    }
}

impl<'a> Scanner<'a> {
    /// A scanner of a whole segment; its records begin behind the first page.
    pub fn new(bytes: &'a [u8], segment: u32, is_last: bool) -> Self {
        Self { bytes, segment, at: record::SEGMENT_HEADER_BYTES.min(bytes.len()), is_last }
    }

    /// What stands at the next place. After an end, the same end again.
    pub fn read(&mut self) -> Found<'a> {
        let place = self.place(self.at);
        let rest = &self.bytes[self.at..];
        match record::frame(rest, place) {
            Ok(frame) => {
                self.at += frame.extent();
                Found::Record(frame)
            }
            Err(damage) => Found::End(place, self.end(rest, damage)),
        }
    }

    /// Whole records behind the place where [`Scanner::read`] found an end, for an operator who wants to know.
    pub fn records_after(&self) -> impl Iterator<Item = Frame<'a>> + '_ {
        let mut at = self.at + ALIGNMENT;
        std::iter::from_fn(move || {
            while at < self.bytes.len() {
                if let Ok(frame) = record::frame(&self.bytes[at..], self.place(at)) {
                    at += frame.extent();
                    return Some(frame);
                }
                at += ALIGNMENT;
            }
            None
        })
    }

    fn place(&self, at: usize) -> Place {
        Place { segment: self.segment, offset: at as u32 }
    }

    fn end(&self, rest: &[u8], damage: Damage) -> End {
        let written = rest.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        if written == 0 {
            return End::Clean;
        }
        let here = here(rest, written, damage);
        let records_after = self.records_after().count() as u32;
        let segment = if self.is_last { Where::Last } else { Where::Earlier };
        let bad = Bad { damage, written: written as u32, records_after };
        match decide(segment, here, after(rest, written, here, records_after)) {
            Verdict::End => End::Clean,
            Verdict::Cut => End::Torn { written: written as u32 },
            Verdict::Ask | Verdict::Refuse if self.is_last && planted::has(Bug::TailCutTooFar) => {
                End::Torn { written: written as u32 }
            }
            Verdict::Ask => End::BadTail(bad),
            Verdict::Refuse => End::Damaged(bad),
        }
    }
}

/// `written`: how many bytes of `rest` there are up to the last one that is not zero.
fn here(rest: &[u8], written: usize, damage: Damage) -> Here {
    if matches!(damage, Damage::Unknown(_)) {
        return Here::Foreign;
    }
    if rest[..ALIGNMENT.min(rest.len())].iter().all(|byte| *byte == 0) {
        return Here::Blank;
    }
    // Fewer bytes than checksum and length have: the record stops within them.
    if written < ALIGNMENT {
        return Here::CutShort;
    }
    let Ok(extent) = record::extent_at(rest) else { return Here::Broken };
    // A changed length must not make a whole record look short: then its end mark is what was written last.
    let ends_with_a_mark = rest[..written].ends_with(&END_MARK);
    let mark = &rest[extent - END_MARK.len()..extent];
    if is_cut_mark(mark) && !ends_with_a_mark { Here::CutShort } else { Here::Broken }
}

/// Whether only the first bytes of an end mark were written, or none.
fn is_cut_mark(mark: &[u8]) -> bool {
    (0..END_MARK.len()).any(|cut| mark[..cut] == END_MARK[..cut] && mark[cut..].iter().all(|byte| *byte == 0))
}

fn after(rest: &[u8], written: usize, here: Here, records: u32) -> After {
    let end = match here {
        Here::Blank => 0,
        Here::CutShort | Here::Broken | Here::Foreign => {
            record::extent_at(rest).unwrap_or(HEADER_BYTES.min(rest.len()))
        }
    };
    match (records, written > end) {
        (1.., _) => After::Records,
        (0, true) => After::Bytes,
        (0, false) => After::Nothing,
    }
}

#[cfg(test)]
mod tests;
