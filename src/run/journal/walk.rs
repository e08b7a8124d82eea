//! A journal from its first record to its end: the one pass on which recovery and every offline command stand.
//!
//! ```text
//!   for each segment: its first page follows from the segment before ─► its records, each the next of its stream ─► visit
//!   the last segment: clean or torn; anything else has a name and a place
//! ```

use super::log::{LogEnd, segment_name, segment_number};
use crate::journal::scan::{Bad, End, Found, Scanner};
use crate::journal::streams::{Gap, Streams};
use crate::sys::file::{FileError, Folder, FolderError};
use crate::wire::record::{self, DecodeError, Place, Record, SegmentHeader};

/// Why a journal is not read on. None of these is ever repaired without an operator.
#[derive(Debug, thiserror::Error)]
pub enum JournalFault {
    /// Another process holds the folder, or there is none.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no segment in the folder.
    #[error("there is no journal in {0}")]
    Empty(String),
    /// A segment between others, or the first, is not there.
    #[error("segment {0} is missing")]
    MissingSegment(u32),
    /// A file's first page is not that of a segment of this journal.
    #[error("segment {segment}: {why}")]
    Segment {
        /// Which.
        segment: u32,
        /// What is wrong with it.
        why: record::SegmentError,
    },
    /// The file of one segment bears the name of another.
    #[error("the file of segment {expected} says that it is segment {found}")]
    WrongSegment {
        /// By its name.
        expected: u32,
        /// By its first page.
        found: u32,
    },
    /// The journal of another environment.
    #[error("this is the journal of environment {found:?}, not of {expected:?}")]
    Environment {
        /// The one that was asked for.
        expected: String,
        /// The journal's.
        found: String,
    },
    /// A file is shorter or longer than its first page says.
    #[error("segment {segment} has {found} bytes instead of {expected}: a copy that did not finish?")]
    Size {
        /// Which.
        segment: u32,
        /// By its first page.
        expected: u64,
        /// What is there.
        found: u64,
        /// Whether it is the last segment, which an operator may repair.
        is_last: bool,
    },
    /// A segment does not go on where the one before it ends.
    #[error("segment {segment} does not follow from the one before it, which ends at offset {ends_at}")]
    Link {
        /// Which.
        segment: u32,
        /// Where the one before ends.
        ends_at: u32,
    },
    /// The last bytes are no record, and not plainly torn.
    #[error("{place}: {}; a bad end of {} bytes without a whole record, and not plainly torn: \
             an operator decides with `sealgate journal repair`", .bad.damage, .bad.written)]
    BadTail {
        /// Where.
        place: Place,
        /// What stands there.
        bad: Bad,
    },
    /// Damaged in the middle.
    #[error("{place}: {}; damaged in the middle: {} whole records stand behind it in this segment",
            .bad.damage, .bad.records_after)]
    Damaged {
        /// Where.
        place: Place,
        /// What stands there.
        bad: Bad,
    },
    /// A record is whole, but not the next of its stream.
    #[error("{place}: {gap}")]
    Gap {
        /// Where.
        place: Place,
        /// What is missing.
        gap: Gap,
    },
    /// A record is whole, but its body is not what its type says.
    #[error("{place}: {why}")]
    Body {
        /// Where.
        place: Place,
        /// What is wrong with it.
        why: DecodeError,
    },
    /// Whoever was shown the records wanted no more of them.
    #[error("the reading of the journal was called off")]
    CalledOff,
    /// A record contradicts those before it.
    #[error("{place}: {what}")]
    Contradiction {
        /// Where.
        place: Place,
        /// How.
        what: String,
    },
}

/// How far a walk came.
#[derive(Clone, Debug)]
pub struct Walked {
    /// Where the last whole record ends.
    pub end: LogEnd,
    /// Bytes of a torn record behind it; 0 if the end is clean.
    pub torn: u32,
    /// Segments read.
    pub segments: u32,
    /// Records read.
    pub records: u64,
    /// The last number of each stream.
    pub streams: Streams,
    /// The environment whose journal it is.
    pub environment: String,
}

/// The numbers of the segments in a folder, none missing.
pub fn segments(folder: &Folder) -> Result<Vec<u32>, JournalFault> {
    let found: Vec<u32> = folder.names()?.iter().filter_map(|name| segment_number(name)).collect();
    match (1u32..).zip(&found).find(|(expected, number)| expected != *number) {
        Some((missing, _)) => Err(JournalFault::MissingSegment(missing)),
        None => Ok(found),
    }
}

/// Reads the whole journal and shows each record, in the order in which they were written.
pub fn walk(
    folder: &Folder,
    mut visit: impl FnMut(Place, &Record<'_>) -> Result<(), JournalFault>,
) -> Result<Walked, JournalFault> {
    let numbers = segments(folder)?;
    let Some(&last) = numbers.last() else {
        return Err(JournalFault::Empty(folder.path().display().to_string()));
    };
    let mut walked = Walked {
        end: LogEnd { place: Place { segment: 0, offset: 0 }, checksum: 0 },
        torn: 0,
        segments: last,
        records: 0,
        streams: Streams::default(),
        environment: String::new(),
    };
    let mut bytes = Vec::new();
    for segment in numbers {
        let header = read_segment(folder, segment, segment == last, &mut bytes)?;
        follows(&header, &walked)?;
        walked.environment = header.environment;
        walk_segment(&bytes, segment, segment == last, &mut walked, &mut visit)?;
    }
    Ok(walked)
}

/// Reads the file of a segment whole.
pub fn read_segment(
    folder: &Folder,
    segment: u32,
    is_last: bool,
    bytes: &mut Vec<u8>,
) -> Result<SegmentHeader, JournalFault> {
    let file = folder.open_file(&segment_name(segment), false)?;
    let found = file.size()?;
    let mut page = [0; record::SEGMENT_HEADER_BYTES];
    let head = page.len().min(usize::try_from(found).unwrap_or(usize::MAX));
    file.read(&mut page[..head], 0)?;
    let header =
        SegmentHeader::decode(&page[..head]).map_err(|why| JournalFault::Segment { segment, why })?;
    if header.segment != segment {
        return Err(JournalFault::WrongSegment { expected: segment, found: header.segment });
    }
    if header.size != found {
        return Err(JournalFault::Size { segment, expected: header.size, found, is_last });
    }
    bytes.resize(usize::try_from(found).unwrap_or(usize::MAX), 0);
    file.read(bytes, 0)?;
    Ok(header)
}

fn follows(header: &SegmentHeader, walked: &Walked) -> Result<(), JournalFault> {
    let end = walked.end;
    if header.previous_end != u64::from(end.place.offset) || header.previous_checksum != end.checksum {
        return Err(JournalFault::Link { segment: header.segment, ends_at: end.place.offset });
    }
    if header.segment > 1 && header.environment != walked.environment {
        return Err(JournalFault::Environment {
            expected: walked.environment.clone(),
            found: header.environment.clone(),
        });
    }
    Ok(())
}

fn walk_segment(
    bytes: &[u8],
    segment: u32,
    is_last: bool,
    walked: &mut Walked,
    visit: &mut impl FnMut(Place, &Record<'_>) -> Result<(), JournalFault>,
) -> Result<(), JournalFault> {
    let mut scanner = Scanner::new(bytes, segment, is_last);
    loop {
        match scanner.read() {
            Found::Record(place, record) => {
                walked.streams.take(&record).map_err(|gap| JournalFault::Gap { place, gap })?;
                visit(place, &record)?;
                walked.records += 1;
                walked.end.checksum = record.checksum;
            }
            Found::End(place, end) => {
                walked.end.place = place;
                return match end {
                    End::Clean => Ok(()),
                    End::Torn { written } => {
                        walked.torn = written;
                        Ok(())
                    }
                    End::BadTail(bad) => Err(JournalFault::BadTail { place, bad }),
                    End::Damaged(bad) => Err(JournalFault::Damaged { place, bad }),
                };
            }
        }
    }
}
