//! A journal from its first record to its end: the one pass on which recovery and every offline command stand.
//!
//! ```text
//!   for each segment: its first page follows from the segment before ─► its records ─► visit
//!       a record: whole ─► its seal opens ─► it links to the one before ─► it is the next of its stream
//!   the last segment: clean or torn; anything else has a name and a place
//! ```

use super::head::Head;
use super::kept::JournalHead;
use super::log::{LogEnd, segment_name, segment_number};
use crate::journal::scan::{Bad, End, Found, Scanner};
use crate::journal::streams::{Gap, Streams};
use crate::seal::{KeyError, SegmentKeys, Vault};
use crate::sys::file::{FileError, Folder, FolderError};
use crate::wire::record::{self, Damage, DecodeError, Frame, JournalId, Place, Record, SegmentHeader};

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
    /// The first segment is not there, and nothing that could stand for it.
    #[error("segment {segment} is missing, and no snapshot can stand for it: {notes}")]
    NoSnapshot {
        /// Which.
        segment: u32,
        /// Why not.
        notes: String,
    },
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
    /// A segment cannot be opened with the keys that there are.
    #[error("segment {segment}: {why}")]
    Key {
        /// Which.
        segment: u32,
        /// What is wrong.
        why: KeyError,
    },
    /// A record is whole, but its seal does not open, or another version wrote it.
    #[error("{place}: {why}")]
    Refused {
        /// Where.
        place: Place,
        /// What is wrong with it.
        why: Damage,
    },
    /// A record does not link to the one before it.
    #[error(
        "{place}: it links to another record than the one before it, which was changed or comes from elsewhere"
    )]
    Chain {
        /// Where.
        place: Place,
    },
    /// The head that was kept apart is that of another journal.
    #[error("the head kept apart is that of journal {expected}, but this is journal {found}")]
    OtherJournal {
        /// By the head.
        expected: JournalId,
        /// In the folder.
        found: JournalId,
    },
    /// The journal does not reach as far as it once did.
    #[error(
        "the journal ends at {ends}, but the head kept apart says that it was synced up to {reached}: this is an old \
         copy of it, or its end was cut off"
    )]
    BehindHead {
        /// Where it ends.
        ends: Place,
        /// What the head says.
        reached: Place,
    },
    /// There is no journal, although one was there.
    #[error("there is no journal, but the head kept apart says that one was synced up to {reached}")]
    Gone {
        /// What the head says.
        reached: Place,
    },
    /// What stands before the head is not what stood there.
    #[error(
        "{place}: what stands before it is not what the head kept apart is bound to: the journal was rewritten"
    )]
    NotTheHead {
        /// The place of the head.
        place: Place,
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

impl JournalFault {
    /// Whether a snapshot from which the journal was read on could be what is wrong.
    pub fn may_be_of_a_snapshot(&self) -> bool {
        matches!(
            self,
            Self::Link { .. }
                | Self::Chain { .. }
                | Self::Gap { .. }
                | Self::Body { .. }
                | Self::Contradiction { .. }
                | Self::Environment { .. }
        )
    }
}

/// What a journal is held against, beside itself.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// What opens it.
    pub vault: &'a Vault,
    /// How far it was, as somebody noted who is not in the folder.
    pub head: Option<JournalHead>,
}

impl<'a> From<&'a Vault> for Trust<'a> {
    fn from(vault: &'a Vault) -> Self {
        Self { vault, head: None }
    }
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
    /// Its number.
    pub journal: JournalId,
}

impl Walked {
    /// How far the journal is, to be noted apart from it.
    pub fn head(&self) -> JournalHead {
        JournalHead { journal: self.journal, end: self.end }
    }
}

impl Walked {
    /// Not a step yet.
    pub fn nothing() -> Self {
        Self {
            end: LogEnd::START,
            torn: 0,
            segments: 0,
            records: 0,
            streams: Streams::default(),
            environment: String::new(),
            journal: JournalId::default(),
        }
    }
}

/// The numbers of the segments in a folder, none missing between them: from `first` on, or from the first that is
/// there.
pub fn segments_from(folder: &Folder, first: Option<u32>) -> Result<Vec<u32>, JournalFault> {
    let mut found: Vec<u32> = folder.names()?.iter().filter_map(|name| segment_number(name)).collect();
    let first = first.or(found.first().copied()).unwrap_or(1);
    found.retain(|number| *number >= first);
    match (first..).zip(&found).find(|(expected, number)| expected != *number) {
        Some((missing, _)) => Err(JournalFault::MissingSegment(missing)),
        None => Ok(found),
    }
}

/// What stands before the first segment that is there, as that one says.
fn before_first(folder: &Folder) -> Result<Walked, JournalFault> {
    let Some(segment @ 2..) = segments_from(folder, None)?.first().copied() else {
        return Ok(Walked::nothing());
    };
    let file = folder.open_file(&segment_name(segment), false)?;
    let head = Head::read(&file)?.map_err(|why| JournalFault::Segment { segment, why })?;
    let SegmentHeader { previous_end, previous_link: link, environment, .. } = head.header;
    let offset = u32::try_from(previous_end).unwrap_or(u32::MAX);
    let end = LogEnd { place: Place { segment: segment - 1, offset }, link };
    Ok(Walked { end, streams: Streams::cut_off(), environment, ..Walked::nothing() })
}

/// Reads all that is there of a journal and shows each record, in the order in which they were written.
pub fn walk<'a>(
    folder: &Folder,
    trust: impl Into<Trust<'a>>,
    visit: impl FnMut(Place, &Record<'_>) -> Result<(), JournalFault>,
) -> Result<Walked, JournalFault> {
    walk_on(folder, trust, before_first(folder)?, None, visit)
}

/// The same behind what was read already, up to and with segment `upto`, or to the end. What is counted is what is
/// read now.
pub fn walk_on<'a>(
    folder: &Folder,
    trust: impl Into<Trust<'a>>,
    from: Walked,
    upto: Option<u32>,
    mut visit: impl FnMut(Place, &Record<'_>) -> Result<(), JournalFault>,
) -> Result<Walked, JournalFault> {
    let numbers = segments_from(folder, Some(from.end.place.segment + 1))?;
    let Some(&last) = numbers.last() else {
        return Err(JournalFault::Empty(folder.path().display().to_string()));
    };
    let mut walked = Walked { torn: 0, segments: 0, records: 0, ..from };
    let Trust { vault, head: wanted } = trust.into();
    let mut watch = HeadWatch::behind(wanted, walked.end)?;
    let mut bytes = Vec::new();
    for segment in numbers.into_iter().take_while(|segment| upto.is_none_or(|upto| *segment <= upto)) {
        let head = read_segment(folder, segment, segment == last, &mut bytes)?;
        follows(&head.header, &walked)?;
        let keys = SegmentKeys::open(vault, &head.header, &head.keys);
        let keys = keys.map_err(|why| JournalFault::Key { segment, why })?;
        walked.environment = head.header.environment;
        walked.journal = head.header.journal;
        let place = Place { segment, offset: record::SEGMENT_HEADER_BYTES as u32 };
        walked.end = LogEnd { place, link: head.link };
        watch.passes(walked.head())?;
        let scanner = Scanner::new(&bytes, segment, segment == last);
        walk_segment(scanner, &keys, &mut walked, &mut watch, &mut visit)?;
        walked.segments += 1;
    }
    if upto.is_none() {
        watch.passed(walked.end.place)?;
    }
    Ok(walked)
}

/// Reads the file of a segment whole.
pub fn read_segment(
    folder: &Folder,
    segment: u32,
    is_last: bool,
    bytes: &mut Vec<u8>,
) -> Result<Head, JournalFault> {
    let file = folder.open_file(&segment_name(segment), false)?;
    let found = file.size()?;
    let head = Head::read(&file)?.map_err(|why| JournalFault::Segment { segment, why })?;
    let header = &head.header;
    if header.segment != segment {
        return Err(JournalFault::WrongSegment { expected: segment, found: header.segment });
    }
    if header.size != found {
        return Err(JournalFault::Size { segment, expected: header.size, found, is_last });
    }
    bytes.resize(usize::try_from(found).unwrap_or(usize::MAX), 0);
    file.read(bytes, 0)?;
    Ok(head)
}

fn follows(header: &SegmentHeader, walked: &Walked) -> Result<(), JournalFault> {
    let end = walked.end;
    if header.previous_end != u64::from(end.place.offset) || header.previous_link != end.link {
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
    mut scanner: Scanner<'_>,
    keys: &SegmentKeys,
    walked: &mut Walked,
    watch: &mut HeadWatch,
    visit: &mut impl FnMut(Place, &Record<'_>) -> Result<(), JournalFault>,
) -> Result<(), JournalFault> {
    let mut scratch = Vec::new();
    loop {
        match scanner.read() {
            Found::Record(frame) => {
                let place = frame.place();
                let record = open(&frame, keys, walked.end, &mut scratch)?;
                walked.streams.take(&record).map_err(|gap| JournalFault::Gap { place, gap })?;
                visit(place, &record)?;
                walked.records += 1;
                walked.end.link = frame.next_link();
                walked.end.place = Place { offset: place.offset + frame.extent() as u32, ..place };
                watch.passes(walked.head())?;
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

/// Whether the journal comes by the head that was kept apart.
struct HeadWatch {
    wanted: Option<JournalHead>,
    is_passed: bool,
}

impl HeadWatch {
    /// Behind what was read already, such as what a snapshot stands for: a head within that is not met any more.
    fn behind(wanted: Option<JournalHead>, read: LogEnd) -> Result<Self, JournalFault> {
        match wanted {
            Some(head) if head.end.place == read.place && head.end.link != read.link => {
                Err(JournalFault::NotTheHead { place: head.end.place })
            }
            Some(head) => Ok(Self { wanted, is_passed: head.end.place <= read.place }),
            None => Ok(Self { wanted, is_passed: true }),
        }
    }

    fn passes(&mut self, at: JournalHead) -> Result<(), JournalFault> {
        let Some(wanted) = self.wanted.filter(|_| !self.is_passed) else { return Ok(()) };
        if wanted.journal != at.journal {
            return Err(JournalFault::OtherJournal { expected: wanted.journal, found: at.journal });
        }
        // Behind it without having met it: other records stand there.
        if at.end.place > wanted.end.place
            || (at.end.place == wanted.end.place && at.end.link != wanted.end.link)
        {
            return Err(JournalFault::NotTheHead { place: wanted.end.place });
        }
        self.is_passed = at.end == wanted.end;
        Ok(())
    }

    fn passed(&self, ends: Place) -> Result<(), JournalFault> {
        match self.wanted {
            Some(wanted) if !self.is_passed => {
                Err(JournalFault::BehindHead { ends, reached: wanted.end.place })
            }
            _ => Ok(()),
        }
    }
}

/// Opens a record, which must be the one behind `before`.
fn open<'a>(
    frame: &Frame<'_>,
    keys: &SegmentKeys,
    before: LogEnd,
    scratch: &'a mut Vec<u8>,
) -> Result<Record<'a>, JournalFault> {
    let place = frame.place();
    let record = keys.read(frame, scratch).map_err(|why| JournalFault::Refused { place, why })?;
    if *frame.link() != before.link {
        return Err(JournalFault::Chain { place });
    }
    Ok(record)
}
