//! The log on disk: a folder of segments `00000001.log`, `00000002.log` …, the last of which is written.
//!
//! ```text
//!   batch of records ─► give each its place ─► seal ─► write ─► sync
//!                          │ no room left in the segment: write and sync what there is, begin the next segment
//! ```
//!
//! Each segment, each start and each day has a data key of its own, which is on the disk before the first record that
//! is sealed with it. So a place that a crash left half written is written again under another key than before.
//!
//! A segment is synced before the next one is begun, so only the last one can have a torn tail.

use super::head::Head;
use super::index::Index;
use super::kept::{HeadError, JournalHead};
use super::stock::Stock;
use crate::limits::{RECORD_BYTES_MAX, SEGMENT_BYTES};
use crate::planted::{self, Bug};
use crate::ring::flag::Flag;
use crate::seal::{KeyError, RecordSealer, SegmentKeys, Vault};
use crate::sys::file::{BlockFile, FileError, Folder, Spare};
use crate::types::{Nanos, Seq};
use crate::wire::record::{
    self, Damage, JournalId, KEYS_MAX, KeyPage, Link, Place, Record, SEGMENT_HEADER_BYTES, SegmentHeader,
    Stream,
};
use std::collections::BTreeMap;
use std::io::ErrorKind;

/// The longest record must fit a new segment.
const SEGMENT_BYTES_MIN: u64 = (SEGMENT_HEADER_BYTES + RECORD_BYTES_MAX) as u64;

const _: () = assert!(SEGMENT_BYTES >= SEGMENT_BYTES_MIN && SEGMENT_BYTES <= u32::MAX as u64);

/// A log that is open for appending.
#[derive(Debug)]
pub struct Log {
    folder: Folder,
    options: LogOptions,
    journal: JournalId,
    current: Current,
    index: Index,
    /// An earlier segment that was read last.
    earlier: Option<(u32, BlockFile)>,
    /// The keys of the segments that were read from.
    keys: BTreeMap<u32, SegmentKeys>,
    /// Where a record is opened that was read.
    opened: Vec<u8>,
    /// Where it ended when it was synced last.
    synced: LogEnd,
    is_synced: bool,
    /// Where the next file comes from; `None`: it is made when it is needed.
    stock: Option<Stock>,
}

/// How a log is written.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The environment whose journal it is.
    pub environment: String,
    /// Size of a new segment.
    pub segment_bytes: u64,
    /// What seals it.
    pub vault: Vault,
}

/// Where a log goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// The place of the next record.
    pub place: Place,
    /// What it links to; zeros before the first segment.
    pub link: Link,
}

/// The segment that is written.
#[derive(Debug)]
struct Current {
    file: BlockFile,
    size: u64,
    end: LogEnd,
    sealer: RecordSealer,
}

/// Why the log stops. Nothing that was appended since the last sync may be told to anybody.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// There was no room for the next segment for so long that what was kept for cancels is used up.
    #[error("the journal's disk is full, and its reserve is used up: {0}")]
    ReserveUsedUp(FileError),
    /// The name of the environment does not fit a segment's first page.
    #[error(transparent)]
    Segment(#[from] record::SegmentError),
    /// There is no key to seal with, or to read with.
    #[error("segment {segment}: {why}")]
    Key {
        /// Of which segment.
        segment: u32,
        /// What is wrong.
        why: KeyError,
    },
    /// It cannot be noted how far the log is.
    #[error(transparent)]
    Head(#[from] HeadError),
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
    pub fn create(folder: Folder, options: LogOptions, now: Nanos) -> Result<Self, LogError> {
        let size = options.segment_bytes;
        assert!((SEGMENT_BYTES_MIN..=u64::from(u32::MAX)).contains(&size), "a segment of {size} bytes");
        let journal = options.vault.new_journal().map_err(key_of(1))?;
        let current = begin_segment(&folder, &options, journal, (LogEnd::START, now), None)?;
        Ok(Self::new(folder, options, journal, current, Index::default(), true))
    }

    /// Goes on with a log that was read to its end, under a new key.
    pub fn resume(
        folder: Folder,
        options: LogOptions,
        end: LogEnd,
        index: Index,
        now: Nanos,
    ) -> Result<Self, LogError> {
        let file = folder.open_file(&segment_name(end.place.segment), true)?;
        let journal = Head::read(&file)??.header.journal;
        let size = file.size()?;
        let current = match begin_key(&file, &options.vault, journal, end.place, now)? {
            Some(sealer) => Current { file, size, end, sealer },
            None => {
                // A segment is whole on the disk before the next one is begun.
                file.sync()?;
                begin_segment(&folder, &options, journal, (end, now), None)?
            }
        };
        // What the process before this one wrote may not have been synced, so the first sync is still due.
        Ok(Self::new(folder, options, journal, current, index, false))
    }

    fn new(
        folder: Folder,
        options: LogOptions,
        journal: JournalId,
        current: Current,
        index: Index,
        is_synced: bool,
    ) -> Self {
        let (keys, opened) = (BTreeMap::new(), Vec::new());
        let (synced, stock) = (current.end, None);
        Self {
            folder,
            options,
            journal,
            current,
            index,
            earlier: None,
            keys,
            opened,
            synced,
            is_synced,
            stock,
        }
    }

    /// From now on the next file comes from there.
    pub fn supply(&mut self, stock: Stock) {
        self.stock = Some(stock);
    }

    /// What says that there is no room for the next file.
    pub fn disk_full(&self) -> Flag {
        self.stock.as_ref().map_or_else(Flag::default, |stock| stock.is_full().clone())
    }

    /// Looks after what it will need; for each turn of its agent.
    pub fn turn(&mut self, now: Nanos) {
        if let Some(stock) = &mut self.stock {
            stock.turn(now);
        }
    }

    /// Appends whole records, one behind the other, as appenders made them. They are durable after [`Log::sync`].
    pub fn append(&mut self, batch: &mut [u8], now: Nanos) -> Result<(), LogError> {
        if self.current.sealer.is_of_another_day(now) {
            self.begin_day(now)?;
        }
        let (mut written, mut at) = (0, 0);
        let mut end = self.current.end;
        while at < batch.len() {
            let extent = record::extent_at(&batch[at..]).map_err(LogError::NotARecord)?;
            if u64::from(end.place.offset) + extent as u64 > self.current.size {
                self.write(&batch[written..at], end)?;
                self.begin_segment(now)?;
                written = at;
                end = self.current.end;
            }
            self.note(&batch[at..], end.place)?;
            let sealed = self.current.sealer.seal(&mut batch[at..at + extent], end.place, &end.link);
            end.link = sealed.map_err(key_of(end.place.segment))?;
            end.place.offset += extent as u32;
            at += extent;
        }
        self.write(&batch[written..], end)
    }

    fn begin_day(&mut self, now: Nanos) -> Result<(), LogError> {
        let Current { file, end, .. } = &self.current;
        match begin_key(file, &self.options.vault, self.journal, end.place, now)? {
            Some(sealer) => self.current.sealer = sealer,
            None => self.begin_segment(now)?,
        }
        // Its key is not among those that were opened before.
        self.keys.remove(&self.current.end.place.segment);
        Ok(())
    }

    /// Syncs the segment that is written, and begins the next one.
    fn begin_segment(&mut self, now: Nanos) -> Result<(), LogError> {
        if !planted::has(Bug::SegmentNotSynced) {
            self.sync()?;
        }
        let spare = self.stock.as_mut().and_then(Stock::take);
        let at = (self.current.end, now);
        self.current = begin_segment(&self.folder, &self.options, self.journal, at, spare)
            .map_err(|error| self.named(error))?;
        if let Some(stock) = &self.stock {
            stock.named();
        }
        Ok(())
    }

    /// Says what an error means for a log that has no room for a segment.
    fn named(&self, error: LogError) -> LogError {
        match (error, &self.stock) {
            (LogError::File(error), Some(stock)) if stock.is_full().is_set() => {
                LogError::ReserveUsedUp(error)
            }
            (error, _) => error,
        }
    }

    /// Returns when everything that was appended is on the disk.
    pub fn sync(&mut self) -> Result<(), LogError> {
        if !self.is_synced {
            let synced = self.current.file.sync();
            if !planted::has(Bug::SyncErrorIgnored) {
                synced?;
            }
            self.is_synced = true;
            self.synced = self.current.end;
        }
        Ok(())
    }

    /// Whether everything that was appended is on the disk.
    pub fn is_synced(&self) -> bool {
        self.is_synced
    }

    /// Reads a record back by way of `buffer`; `None` where there is none of this number.
    pub fn read(
        &mut self,
        stream: Stream,
        seq: Seq,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<Record<'_>>, LogError> {
        let Some(place) = self.index.place(stream, seq) else { return Ok(None) };
        if self.is_gone(place.segment)? {
            return Ok(None);
        }
        self.open_keys(place.segment)?;
        let file = self.segment(place.segment)?;
        buffer.resize(record::HEADER_BYTES, 0);
        file.read(buffer, place.offset.into())?;
        let wrong = |damage| LogError::ReadsBackWrong { place, damage };
        let extent = record::declared_extent(buffer).map_err(wrong)?;
        buffer.resize(extent, 0);
        file.read(buffer, place.offset.into())?;
        let frame = record::frame(buffer, place).map_err(wrong)?;
        let keys = self.keys.get(&place.segment).ok_or(Damage::Forged).map_err(wrong)?;
        keys.read(&frame, &mut self.opened).map(Some).map_err(wrong)
    }

    /// The folder, which stays held while whoever gets this has it.
    pub fn folder(&self) -> Result<Folder, FileError> {
        self.folder.again()
    }

    /// The last number of a stream that was appended.
    pub fn last(&self, stream: Stream) -> Seq {
        self.index.last(stream)
    }

    /// Where the next record goes.
    pub fn end(&self) -> LogEnd {
        self.current.end
    }

    /// How far it is on the disk, to be noted apart from it.
    pub fn head(&self) -> JournalHead {
        JournalHead { journal: self.journal, end: self.synced }
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

    /// Opens the keys of a segment that is to be read, the first time that it is.
    fn open_keys(&mut self, segment: u32) -> Result<(), LogError> {
        if !self.keys.contains_key(&segment) {
            let head = Head::read(self.segment(segment)?)??;
            let keys = SegmentKeys::open(&self.options.vault, &head.header, &head.keys);
            self.keys.insert(segment, keys.map_err(key_of(segment))?);
        }
        Ok(())
    }

    /// Whether a segment was archived: nothing of it can be read back.
    fn is_gone(&mut self, number: u32) -> Result<bool, LogError> {
        match self.segment(number) {
            Err(LogError::File(error)) if error.source.kind() == ErrorKind::NotFound => Ok(true),
            found => found.map(|_| false),
        }
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

impl LogEnd {
    /// Before the first segment.
    pub const START: Self = Self { place: Place { segment: 0, offset: 0 }, link: [0; 32] };
}

/// Makes the segment behind `before`, with the key of its records.
fn begin_segment(
    folder: &Folder,
    options: &LogOptions,
    journal: JournalId,
    (before, now): (LogEnd, Nanos),
    spare: Option<Spare>,
) -> Result<Current, LogError> {
    let (segment, size) = (before.place.segment + 1, options.segment_bytes);
    let place = Place { segment, offset: SEGMENT_HEADER_BYTES as u32 };
    // Held until the file is there, so that a rotation of the master key does not miss it.
    let mut vault = options.vault.hold();
    let (sealer, key) = RecordSealer::new(&mut vault, journal, place, now).map_err(key_of(segment))?;
    let header = SegmentHeader {
        segment,
        size,
        time: now,
        environment: options.environment.clone(),
        previous_end: before.place.offset.into(),
        previous_link: before.link,
        journal,
        cipher: options.vault.cipher(),
    };
    let keys = KeyPage { generation: 1, keys: key.into_iter().collect() };
    let (head, link) = Head::encode(&header, &keys)?;
    let file = match spare {
        Some(spare) => folder.adopt(spare, &segment_name(segment), &head)?,
        None => folder.create_file(&segment_name(segment), size, &head)?,
    };
    Ok(Current { file, size, end: LogEnd { place, link }, sealer })
}

/// Begins a new key in a segment that has records already. `None` if it has no room for another.
fn begin_key(
    file: &BlockFile,
    vault: &Vault,
    journal: JournalId,
    from: Place,
    now: Nanos,
) -> Result<Option<RecordSealer>, LogError> {
    let mut held = vault.hold();
    let mut head = Head::read(file)??;
    let mut keys = head.keys.clone();
    // A key with which no record was sealed that is still there: its place is written again, but not with it.
    keys.keys.retain(|key| key.from < from.offset);
    if keys.keys.len() == KEYS_MAX {
        return Ok(None);
    }
    let (sealer, key) = RecordSealer::new(&mut held, journal, from, now).map_err(key_of(from.segment))?;
    if let Some(key) = key {
        keys.keys.push(key);
        head.replace_keys(file, keys)?;
    }
    Ok(Some(sealer))
}

fn key_of(segment: u32) -> impl FnOnce(KeyError) -> LogError {
    move |why| LogError::Key { segment, why }
}
