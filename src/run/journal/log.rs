//! The log on disk: a folder of segments `00000001.log`, `00000002.log` …, the last of which is written.
//!
//! ```text
//!   batch of records ─► give each its place ─► seal ─► write ─► sync
//!                          │ no room left in the segment: write and sync what there is, begin the next segment
//! ```
//!
//! A segment is synced before the next one is begun, so only the last one can have a torn tail.

use super::index::Index;
use crate::limits::{RECORD_BYTES_MAX, SEGMENT_BYTES};
use crate::sys::file::{BlockFile, FileError, Folder};
use crate::types::{Nanos, Seq};
use crate::wire::record::{self, Damage, Place, Record, SEGMENT_HEADER_BYTES, SegmentHeader, Stream};

/// The longest record must fit a new segment.
const SEGMENT_BYTES_MIN: u64 = (SEGMENT_HEADER_BYTES + RECORD_BYTES_MAX) as u64;

const _: () = assert!(SEGMENT_BYTES >= SEGMENT_BYTES_MIN && SEGMENT_BYTES <= u32::MAX as u64);

/// A log that is open for appending.
#[derive(Debug)]
pub struct Log {
    folder: Folder,
    environment: String,
    segment_bytes: u64,
    current: Current,
    index: Index,
    /// An earlier segment that was read last.
    earlier: Option<(u32, BlockFile)>,
    is_synced: bool,
}

/// Where a log goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// The place of the next record.
    pub place: Place,
    /// The checksum of the last one; 0 before the first.
    pub checksum: u32,
}

/// The segment that is written.
#[derive(Debug)]
struct Current {
    file: BlockFile,
    size: u64,
    end: LogEnd,
}

/// Why the log stops. Nothing that was appended since the last sync may be told to anybody.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The name of the environment does not fit a segment's first page.
    #[error(transparent)]
    Segment(#[from] record::SegmentError),
    /// What came out of a ring is not a record: a bug of ours.
    #[error("what was to be appended is not a record: {0}")]
    NotARecord(Damage),
    /// The record is not the next of its stream: a bug of ours.
    #[error("record {found} of {stream} was appended where {expected} belongs")]
    OutOfOrder {
        /// The stream.
        stream: Stream,
        /// The number that comes next.
        expected: Seq,
        /// The number of the record.
        found: Seq,
    },
    /// A record that was written reads back wrong.
    #[error("{place} reads back wrong: {damage}")]
    ReadsBackWrong {
        /// Where.
        place: Place,
        /// How.
        damage: Damage,
    },
}

/// The name of a segment's file.
pub fn segment_name(segment: u32) -> String {
    format!("{segment:08}.log")
}

/// The number in the name of a segment's file.
pub fn segment_number(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".log")?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

impl Log {
    /// Begins a log in an empty folder.
    pub fn create(
        folder: Folder,
        environment: String,
        segment_bytes: u64,
        now: Nanos,
    ) -> Result<Self, LogError> {
        assert!(
            (SEGMENT_BYTES_MIN..=u64::from(u32::MAX)).contains(&segment_bytes),
            "a segment of {segment_bytes} bytes"
        );
        let before = LogEnd { place: Place { segment: 0, offset: 0 }, checksum: 0 };
        let current = begin_segment(&folder, &environment, segment_bytes, before, now)?;
        let index = Index::default();
        Ok(Self { folder, environment, segment_bytes, current, index, earlier: None, is_synced: true })
    }

    /// Goes on with a log that was read to its end.
    pub fn resume(
        folder: Folder,
        environment: String,
        segment_bytes: u64,
        end: LogEnd,
        index: Index,
    ) -> Result<Self, LogError> {
        let file = folder.open_file(&segment_name(end.place.segment), true)?;
        let current = Current { size: file.size()?, file, end };
        // What the process before this one wrote may not have been synced, so the first sync is still due.
        Ok(Self { folder, environment, segment_bytes, current, index, earlier: None, is_synced: false })
    }

    /// Appends whole records, one behind the other, as appenders made them. They are durable after [`Log::sync`].
    pub fn append(&mut self, batch: &mut [u8], now: Nanos) -> Result<(), LogError> {
        let (mut written, mut at) = (0, 0);
        let mut end = self.current.end;
        while at < batch.len() {
            let extent = record::extent_at(&batch[at..]).map_err(LogError::NotARecord)?;
            if u64::from(end.place.offset) + extent as u64 > self.current.size {
                self.write(&batch[written..at], end)?;
                self.sync()?;
                written = at;
                self.current = begin_segment(&self.folder, &self.environment, self.segment_bytes, end, now)?;
                end.place = self.current.end.place;
            }
            self.note(&batch[at..], end.place)?;
            end.checksum = record::seal(&mut batch[at..at + extent], end.place);
            end.place.offset += extent as u32;
            at += extent;
        }
        self.write(&batch[written..], end)
    }

    /// Returns when everything that was appended is on the disk.
    pub fn sync(&mut self) -> Result<(), LogError> {
        if !self.is_synced {
            self.current.file.sync()?;
            self.is_synced = true;
        }
        Ok(())
    }

    /// Whether everything that was appended is on the disk.
    pub fn is_synced(&self) -> bool {
        self.is_synced
    }

    /// Reads a record back into `buffer`; `None` where there is none of this number.
    pub fn read<'a>(
        &mut self,
        stream: Stream,
        seq: Seq,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<Record<'a>>, LogError> {
        let Some(place) = self.index.place(stream, seq) else { return Ok(None) };
        let file = self.segment(place.segment)?;
        buffer.resize(record::HEADER_BYTES, 0);
        file.read(buffer, place.offset.into())?;
        let wrong = |damage| LogError::ReadsBackWrong { place, damage };
        let extent = record::declared_extent(buffer).map_err(wrong)?;
        buffer.resize(extent, 0);
        file.read(buffer, place.offset.into())?;
        record::open(buffer, place).map(Some).map_err(wrong)
    }

    /// The last number of a stream that was appended.
    pub fn last(&self, stream: Stream) -> Seq {
        self.index.last(stream)
    }

    /// Where the next record goes.
    pub fn end(&self) -> LogEnd {
        self.current.end
    }

    /// A file that was not opened for writing stands for a disk that refuses.
    #[cfg(test)]
    pub fn refuse_writes(&mut self) {
        let name = segment_name(self.current.end.place.segment);
        self.current.file = self.folder.open_file(&name, false).unwrap();
    }

    fn write(&mut self, bytes: &[u8], end: LogEnd) -> Result<(), LogError> {
        if !bytes.is_empty() {
            self.is_synced = false;
            self.current.file.write(bytes, self.current.end.place.offset.into())?;
        }
        self.current.end = end;
        Ok(())
    }

    fn note(&mut self, record: &[u8], place: Place) -> Result<(), LogError> {
        let (stream, found) = record::heading_of(record).map_err(LogError::NotARecord)?;
        let expected = self.index.last(stream).next();
        if found != expected {
            return Err(LogError::OutOfOrder { stream, expected, found });
        }
        self.index.push(stream, place);
        Ok(())
    }

    fn segment(&mut self, number: u32) -> Result<&BlockFile, LogError> {
        if number == self.current.end.place.segment {
            return Ok(&self.current.file);
        }
        match &mut self.earlier {
            Some((open, _)) if *open == number => {}
            slot => *slot = Some((number, self.folder.open_file(&segment_name(number), false)?)),
        }
        match &self.earlier {
            Some((_, file)) => Ok(file),
            None => Ok(&self.current.file),
        }
    }
}

fn begin_segment(
    folder: &Folder,
    environment: &str,
    size: u64,
    before: LogEnd,
    now: Nanos,
) -> Result<Current, LogError> {
    let header = SegmentHeader {
        segment: before.place.segment + 1,
        size,
        time: now,
        environment: environment.to_owned(),
        previous_end: before.place.offset.into(),
        previous_checksum: before.checksum,
    };
    let file = folder.create_file(&segment_name(header.segment), size, &header.encode()?)?;
    let place = Place { segment: header.segment, offset: SEGMENT_HEADER_BYTES as u32 };
    Ok(Current { file, size, end: LogEnd { place, checksum: before.checksum } })
}
