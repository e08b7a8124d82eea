//! The beginning of a segment, and of a key in one that was begun before.
//!
//! A key is on the disk before the first record that is sealed with it. Between looking which master key wraps and
//! having written the key, nobody changes the master key.

use super::head::Head;
use super::log::{Current, LogEnd, LogError, LogOptions, key_of, segment_name};
use super::stock::Prepared;
use crate::seal::{RecordSealer, SegmentKeys, Vault};
use crate::sys::file::{BlockFile, Folder};
use crate::types::Nanos;
use crate::wire::record::{JournalId, KEYS_MAX, KeyPage, Place, SEGMENT_HEADER_BYTES, SegmentHeader};

/// Makes the segment behind `before`, with the key of its records and what opens them.
pub(super) fn begin_segment(
    folder: &Folder,
    options: &LogOptions,
    journal: JournalId,
    (before, now): (LogEnd, Nanos),
    Prepared { spare, key: ready }: Prepared,
) -> Result<(Current, SegmentKeys), LogError> {
    let (segment, size) = (before.place.segment + 1, options.segment_bytes);
    let place = Place { segment, offset: SEGMENT_HEADER_BYTES as u32 };
    // The pages are held until the file is there, so that a rotation of the master key does not miss it.
    let (key, _pages) = options.vault.key_for(journal, place, ready).map_err(key_of(segment))?;
    let opens = SegmentKeys::begin(&key);
    let (sealer, key) = RecordSealer::new(key, now);
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
    Ok((Current { file, size, end: LogEnd { place, link }, sealer }, opens))
}

/// Begins a new key in a segment that has records already; what opens the segment opens those of the new key as well.
/// `None` if it has no room for another.
pub(super) fn begin_key(
    file: &BlockFile,
    vault: &Vault,
    journal: JournalId,
    (from, now): (Place, Nanos),
    opens: &mut SegmentKeys,
) -> Result<Option<RecordSealer>, LogError> {
    let (key, _pages) = vault.key_for(journal, from, None).map_err(key_of(from.segment))?;
    let mut head = Head::read(file)??;
    let mut keys = head.keys.clone();
    // A key with which no record was sealed that is still there: its place is written again, but not with it.
    keys.keys.retain(|key| key.from < from.offset);
    if keys.keys.len() == KEYS_MAX {
        return Ok(None);
    }
    opens.push(&key);
    let (sealer, key) = RecordSealer::new(key, now);
    if let Some(key) = key {
        keys.keys.push(key);
        head.replace_keys(file, keys)?;
    }
    Ok(Some(sealer))
}
