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

use super::begin::{begin_key, begin_segment};
use super::head::Head;
use super::index::Index;
use super::kept::{HeadError, JournalHead};
use super::stock::{NextKey, Prepared, Stock, ThreadSupplier};
use crate::limits::{RECORD_BYTES_MAX, SEGMENT_BYTES};
use crate::planted::{self, Bug};
use crate::ring::flag::Flag;
use crate::seal::{KeyError, RecordSealer, SegmentKeys, Vault};
use crate::sys::file::{BlockFile, FileError, Folder};
use crate::types::{Nanos, Seq};
use crate::wire::record::{self, Damage, JournalId, Link, Place, Record, SEGMENT_HEADER_BYTES, Stream};
use std::collections::BTreeMap;
use std::io::ErrorKind;

/// The longest record must fit a new segment.
const SEGMENT_BYTES_MIN: u64 = (SEGMENT_HEADER_BYTES + RECORD_BYTES_MAX) as u64;

/// Bytes of one write: they are sealed, and copied by the kernel, while they are in the core's own cache.
const PIECE_BYTES: usize = 256 * 1024;

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
    /// Sealed records that are not written yet: they end where the log does.
    batch: Vec<u8>,
    /// Bytes of records that were written.
    written: u64,
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
pub(super) struct Current {
    pub(super) file: BlockFile,
    pub(super) size: u64,
    pub(super) end: LogEnd,
    pub(super) sealer: RecordSealer,
}

/// Why the log stops. Nothing that was appended since the last sync may be told to anybody.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The next segment could not be begun for so long that what was kept for cancels is used up.
    #[error("the journal's next segment cannot be begun, and the reserve is used up: {0}")]
    ReserveUsedUp(Box<Self>),
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
        let begun = begin_segment(&folder, &options, journal, (LogEnd::START, now), Prepared::default())?;
        Ok(Self::new(folder, options, journal, begun, Index::default(), true))
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
        let head = Head::read(&file)??;
        let (journal, size) = (head.header.journal, file.size()?);
        let keys = SegmentKeys::open(&options.vault, &head.header, &head.keys);
        let mut keys = keys.map_err(key_of(end.place.segment))?;
        let begun = match begin_key(&file, &options.vault, journal, (end.place, now), &mut keys)? {
            Some(sealer) => (Current { file, size, end, sealer }, keys),
            None => {
                // A segment is whole on the disk before the next one is begun.
                file.sync()?;
                begin_segment(&folder, &options, journal, (end, now), Prepared::default())?
            }
        };
        // What the process before this one wrote may not have been synced, so the first sync is still due.
        let mut log = Self::new(folder, options, journal, begun, index, false);
        log.open_all_keys()?;
        Ok(log)
    }

    fn new(
        folder: Folder,
        options: LogOptions,
        journal: JournalId,
        (current, own_keys): (Current, SegmentKeys),
        index: Index,
        is_synced: bool,
    ) -> Self {
        let keys = BTreeMap::from([(current.end.place.segment, own_keys)]);
        let (synced, stock, opened) = (current.end, None, Vec::new());
        let batch = Vec::with_capacity(PIECE_BYTES + RECORD_BYTES_MAX);
        Self {
            folder,
            options,
            journal,
            current,
            index,
            earlier: None,
            keys,
            opened,
            batch,
            written: 0,
            synced,
            is_synced,
            stock,
        }
    }

    /// From now on the next file is made beforehand, by a supplier whose thread is to be started; on a machine in
    /// memory there are no threads.
    pub fn supply(&mut self) -> Option<ThreadSupplier> {
        let LogOptions { vault, segment_bytes, .. } = &self.options;
        let key = NextKey::after(vault.clone(), self.journal, self.current.end.place.segment);
        let (stock, supplier) = Stock::new(self.folder.path(), *segment_bytes, key);
        self.stock = Some(stock);
        supplier
    }

    /// What says that there is no room for the next file.
    pub fn disk_full(&self) -> Flag {
        self.stock.as_ref().map_or_else(Flag::default, |stock| stock.is_full().clone())
    }

    /// What is left of the segment that is written.
    pub fn bytes_left(&self) -> u64 {
        self.current.size.saturating_sub(self.current.end.place.offset.into())
    }

    /// Looks after what it will need; for each turn of its agent.
    pub fn turn(&mut self, now: Nanos) {
        if let Some(stock) = &mut self.stock {
            stock.turn(now);
        }
    }

    /// Appends whole records, one behind the other, as appenders made them. They are durable after [`Log::sync`].
    pub fn append(&mut self, mut batch: &[u8], now: Nanos) -> Result<(), LogError> {
        while !batch.is_empty() {
            let extent = record::extent_at(batch).map_err(LogError::NotARecord)?;
            self.put(&batch[..extent], now)?;
            batch = &batch[extent..];
        }
        self.write()
    }

    /// Appends a record as its appender made it. It is in the file after [`Log::write`]; until then nothing may be
    /// read.
    pub fn put(&mut self, record: &[u8], now: Nanos) -> Result<(), LogError> {
        let extent = record::extent_at(record).map_err(LogError::NotARecord)?;
        if self.current.sealer.is_of_another_day(now) {
            self.write()?;
            self.begin_day(now)?;
        }
        if u64::from(self.current.end.place.offset) + extent as u64 > self.current.size {
            self.write()?;
            self.begin_segment(now)?;
        }
        self.note(record, self.current.end.place)?;
        let from = self.batch.len();
        self.batch.extend_from_slice(&record[..extent]);
        let Current { end, sealer, .. } = &mut self.current;
        let sealed = sealer.seal(&mut self.batch[from..], end.place, &end.link);
        end.link = sealed.map_err(key_of(end.place.segment))?;
        end.place.offset += extent as u32;
        if self.batch.len() >= PIECE_BYTES {
            self.write()?;
        }
        Ok(())
    }

    /// Writes what was put.
    pub fn write(&mut self) -> Result<(), LogError> {
        if !self.batch.is_empty() {
            let length = self.batch.len() as u64;
            self.is_synced = false;
            self.current.file.write(&self.batch, u64::from(self.current.end.place.offset) - length)?;
            self.written += length;
            self.batch.clear();
        }
        Ok(())
    }

    /// Bytes of records that were written since it was opened.
    pub fn bytes_written(&self) -> u64 {
        self.written
    }

    fn begin_day(&mut self, now: Nanos) -> Result<(), LogError> {
        // A key is ready for the next segment, so no order waits until another one is made.
        if self.stock.as_ref().is_some_and(Stock::is_ready) {
            return self.begin_segment(now);
        }
        let Current { file, end, .. } = &self.current;
        let at = (end.place, now);
        let Some(keys) = self.keys.get_mut(&end.place.segment) else { return self.begin_segment(now) };
        match begin_key(file, &self.options.vault, self.journal, at, keys)? {
            Some(sealer) => self.current.sealer = sealer,
            None => self.begin_segment(now)?,
        }
        Ok(())
    }

    /// Syncs the segment that is written, and begins the next one.
    fn begin_segment(&mut self, now: Nanos) -> Result<(), LogError> {
        if !planted::has(Bug::SegmentNotSynced) {
            self.sync()?;
        }
        let prepared = self.stock.as_mut().map(Stock::take).unwrap_or_default();
        let at = (self.current.end, now);
        let begun = begin_segment(&self.folder, &self.options, self.journal, at, prepared);
        let (current, keys) = begun.map_err(|error| self.named(error))?;
        let segment = current.end.place.segment;
        self.current = current;
        self.keys.insert(segment, keys);
        if let Some(stock) = &self.stock {
            stock.named(segment);
        }
        Ok(())
    }

    /// Says what an error means for a log that has no room for a segment.
    fn named(&self, error: LogError) -> LogError {
        match &self.stock {
            Some(stock) if stock.is_full().is_set() => LogError::ReserveUsedUp(Box::new(error)),
            _ => error,
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

    /// The first record of a stream that can be read back: those before it were archived.
    pub fn first_at_hand(&mut self, stream: Stream) -> Result<Seq, LogError> {
        let mut segment = self.index.first_segment();
        while segment < self.current.end.place.segment && self.is_gone(segment)? {
            segment += 1;
        }
        Ok(self.index.first_from(stream, segment))
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

    fn note(&mut self, record: &[u8], place: Place) -> Result<(), LogError> {
        let (stream, found) = record::heading_of(record).map_err(LogError::NotARecord)?;
        let expected = self.index.last(stream).next();
        if found != expected {
            return Err(LogError::OutOfOrder { stream, expected, found });
        }
        self.index.push(stream, place);
        Ok(())
    }

    /// Opens the keys of all that can be read back: a token is asked for them now, and not when somebody waits.
    fn open_all_keys(&mut self) -> Result<(), LogError> {
        for segment in self.index.first_segment()..self.current.end.place.segment {
            if !self.is_gone(segment)? {
                self.open_keys(segment)?;
            }
        }
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

pub(super) fn key_of(segment: u32) -> impl FnOnce(KeyError) -> LogError {
    move |why| LogError::Key { segment, why }
}
