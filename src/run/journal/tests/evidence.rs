//! What somebody does who may write to the folder: each thing is found, and named with its place.
//!
//! The forger of these tests knows the layout and makes every checksum fit; what he has not is the master key. One of
//! them has the key of a segment as well.

use super::super::head::Head;
use super::super::kept::{JournalHead, KeptHead};
use super::super::log::{Log, LogOptions, segment_name};
use super::super::walk::{JournalFault, Trust, walk};
use super::{NOW, SMALL};
use crate::seal::fixture::{other_vault, vault};
use crate::seal::{RecordSealer, Vault};
use crate::sys::file::Folder;
use crate::types::{Nanos, ShardId, SignedBytes, Span};
use crate::wire::record::samples::{commands, events, step};
use crate::wire::record::{Damage, Frame, Place, SEGMENT_HEADER_BYTES, frame};
use std::path::Path;

const RECORDS: u64 = 110;

fn options(vault: Vault) -> LogOptions {
    LogOptions { environment: "test".to_owned(), segment_bytes: SMALL, vault }
}

/// A journal of three segments, and its head.
fn journal(dir: &Path, vault: Vault) -> JournalHead {
    let mut log = Log::create(Folder::create(dir).unwrap(), options(vault), NOW).unwrap();
    for seq in 1..=RECORDS {
        let record = step(ShardId(0), seq, &commands()[0], &SignedBytes::NONE, &events());
        log.append(&record, NOW).unwrap();
    }
    log.sync().unwrap();
    assert_eq!(log.end().place.segment, 3);
    log.head()
}

fn read(dir: &Path, segment: u32) -> Vec<u8> {
    std::fs::read(dir.join(segment_name(segment))).unwrap()
}

fn write(dir: &Path, segment: u32, bytes: &[u8]) {
    std::fs::write(dir.join(segment_name(segment)), bytes).unwrap();
}

/// The records of a segment.
fn frames(bytes: &[u8], segment: u32) -> Vec<Frame<'_>> {
    let mut at = SEGMENT_HEADER_BYTES;
    std::iter::from_fn(|| {
        let found = frame(&bytes[at..], Place { segment, offset: at as u32 }).ok()?;
        at += found.extent();
        Some(found)
    })
    .collect()
}

/// Makes the checksum of a record fit its place.
fn forge_checksum(bytes: &mut [u8], place: Place, extent: usize) {
    let record = &mut bytes[place.offset as usize..][..extent];
    let mut crc = crc32fast::Hasher::new();
    crc.update(&place.segment.to_le_bytes());
    crc.update(&place.offset.to_le_bytes());
    crc.update(&record[4..]);
    let checksum = crc.finalize().to_le_bytes();
    record[..4].copy_from_slice(&checksum);
}

fn verdict(dir: &Path, vault: &Vault, head: Option<JournalHead>) -> Result<u64, JournalFault> {
    let folder = Folder::hold(dir).unwrap();
    walk(&folder, Trust { vault, head }, |_, _| Ok(())).map(|walked| walked.records)
}

/// What is said to a journal whose second segment was changed.
fn said_to(change: impl Fn(&mut Vec<u8>, &[(Place, usize)])) -> JournalFault {
    let dir = tempfile::tempdir().unwrap();
    journal(dir.path(), vault());
    let mut bytes = read(dir.path(), 2);
    let places: Vec<_> = frames(&bytes, 2).iter().map(|it| (it.place(), it.extent())).collect();
    change(&mut bytes, &places);
    write(dir.path(), 2, &bytes);
    verdict(dir.path(), &vault(), None).unwrap_err()
}

#[test]
fn a_changed_record_is_named_although_its_checksum_fits() {
    let fault = said_to(|bytes, places| {
        let (place, extent) = places[5];
        bytes[place.offset as usize + 70] ^= 1;
        forge_checksum(bytes, place, extent);
    });
    let JournalFault::Refused { place, why: Damage::Forged } = fault else { panic!("{fault}") };
    assert_eq!(place.segment, 2);
}

#[test]
fn swapped_and_repeated_records_are_named_although_their_checksums_fit() {
    for is_swap in [true, false] {
        let fault = said_to(|bytes, places| {
            let ((first, extent), (second, same)) = (places[3], places[4]);
            assert_eq!(extent, same, "records of one length");
            let (from, to) = (first.offset as usize, second.offset as usize);
            let (one, two) = (bytes[from..from + extent].to_vec(), bytes[to..to + extent].to_vec());
            bytes[to..to + extent].copy_from_slice(&one);
            if is_swap {
                bytes[from..from + extent].copy_from_slice(&two);
            }
            forge_checksum(bytes, first, extent);
            forge_checksum(bytes, second, extent);
        });
        assert!(matches!(fault, JournalFault::Refused { why: Damage::Forged, .. }), "{fault}");
    }
}

#[test]
fn a_record_that_was_left_out_is_named() {
    let fault = said_to(|bytes, places| {
        let (gone, extent) = places[3];
        let end = SEGMENT_HEADER_BYTES + places.iter().map(|(_, extent)| extent).sum::<usize>();
        bytes.copy_within(gone.offset as usize + extent..end, gone.offset as usize);
        bytes[end - extent..end].fill(0);
        for (place, extent) in &places[3..places.len() - 1] {
            forge_checksum(bytes, *place, *extent);
        }
    });
    assert!(matches!(fault, JournalFault::Refused { why: Damage::Forged, .. }), "{fault}");
}

#[test]
fn a_segment_of_another_journal_does_not_follow() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    journal(dir.path(), vault());
    journal(other.path(), vault());
    for segment in [2, 3] {
        let own = read(dir.path(), segment);
        write(dir.path(), segment, &read(other.path(), segment));
        let fault = verdict(dir.path(), &vault(), None).unwrap_err();
        assert!(matches!(fault, JournalFault::Link { segment: found, .. } if found == segment), "{fault}");
        write(dir.path(), segment, &own);
    }
    // The first one has nothing before it: what follows tells.
    write(dir.path(), 1, &read(other.path(), 1));
    assert!(matches!(verdict(dir.path(), &vault(), None), Err(JournalFault::Link { segment: 2, .. })));
}

/// Who has the data key of a segment can write records in it that open. They are bound all the same.
#[test]
fn who_has_the_key_of_a_segment_cannot_rewrite_it_unnoticed() {
    let dir = tempfile::tempdir().unwrap();
    let head = journal(dir.path(), vault());
    let mut bytes = read(dir.path(), 2);
    let parsed = Head::decode(&bytes).unwrap();
    let place = Place { segment: 2, offset: SEGMENT_HEADER_BYTES as u32 };
    // The same key again, as if it had been read from the memory of the server: here, the whole segment is sealed anew.
    let (mut sealer, key) = RecordSealer::new(vault().data_key(parsed.header.journal, place).unwrap(), NOW);
    let keys = crate::wire::record::KeyPage { generation: 9, keys: key.into_iter().collect() };
    bytes[4_096..8_192].copy_from_slice(&keys.encode());
    let count = frames(&bytes, 2).len() as u64;
    let first = first_seq(dir.path());
    let (mut at, mut link) = (place, parsed.link);
    for seq in first..first + count {
        let mut record = step(ShardId(0), seq, &commands()[0], &SignedBytes::new(b"forged", None), &events());
        if at.offset as usize + record.len() > bytes.len() {
            break;
        }
        link = sealer.seal(&mut record, at, &link).unwrap();
        bytes[at.offset as usize..][..record.len()].copy_from_slice(&record);
        at.offset += record.len() as u32;
    }
    bytes[at.offset as usize..].fill(0);
    write(dir.path(), 2, &bytes);
    let fault = verdict(dir.path(), &vault(), Some(head)).unwrap_err();
    assert!(matches!(fault, JournalFault::Link { segment: 3, .. }), "{fault}");
    // Even with the rest taken away, somebody remembers that there was more.
    std::fs::remove_file(dir.path().join(segment_name(3))).unwrap();
    assert!(verdict(dir.path(), &vault(), None).is_ok(), "by itself it is sound");
    let fault = verdict(dir.path(), &vault(), Some(head)).unwrap_err();
    assert!(matches!(fault, JournalFault::BehindHead { .. }), "{fault}");
}

/// The number of the first record of segment 2.
fn first_seq(dir: &Path) -> u64 {
    let (mut last, folder) = (0, Folder::hold(dir).unwrap());
    walk(&folder, &vault(), |place, record| {
        last = if place.segment == 1 { record.seq.0 } else { last };
        Ok(())
    })
    .unwrap();
    last + 1
}

#[test]
fn the_head_tells_an_old_copy_a_cut_end_and_another_journal() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for vault in [vault(), Vault::none()] {
        let dir = dir.path().join(vault.is_sealing().to_string());
        let head = journal(&dir, vault.clone());
        assert_eq!(verdict(&dir, &vault, Some(head)).unwrap(), RECORDS);
        let elsewhere = journal(&other.path().join(vault.is_sealing().to_string()), vault.clone());
        assert!(matches!(verdict(&dir, &vault, Some(elsewhere)), Err(JournalFault::OtherJournal { .. })));
        // Each record that is cut off whole: the journal ends cleanly, but not where it did.
        let bytes = read(&dir, 3);
        for cut in frames(&bytes, 3) {
            let mut shorter = bytes.clone();
            shorter[cut.place().offset as usize..].fill(0);
            write(&dir, 3, &shorter);
            assert!(verdict(&dir, &vault, None).is_ok());
            let fault = verdict(&dir, &vault, Some(head)).unwrap_err();
            assert!(matches!(fault, JournalFault::BehindHead { .. }), "{fault}");
        }
        std::fs::remove_file(dir.join(segment_name(3))).unwrap();
        let fault = verdict(&dir, &vault, Some(head)).unwrap_err();
        assert!(matches!(fault, JournalFault::BehindHead { .. }), "{fault}");
    }
}

/// Without encryption anybody can make a journal that is sound. Not one that comes by a head.
#[test]
fn a_journal_that_was_rewritten_does_not_come_by_its_head() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let head = journal(dir.path(), Vault::none());
    let forged = journal(other.path(), Vault::none());
    let same_number = JournalHead { journal: forged.journal, ..head };
    let fault = verdict(other.path(), &Vault::none(), Some(same_number)).unwrap_err();
    assert!(matches!(fault, JournalFault::NotTheHead { .. }), "{fault}");
}

#[test]
fn a_head_is_kept_at_most_once_an_interval_and_is_nobody_elses_to_write() {
    let dir = tempfile::tempdir().unwrap();
    let (path, every) = (dir.path().join("head"), Span::from_secs(1));
    let first = journal(&dir.path().join("journal"), vault());
    let later = |n: u32| {
        let mut head = first;
        head.end.place.offset += 8 * n;
        head
    };
    assert_eq!(KeptHead::read(&path, &vault()).unwrap(), None);
    let mut kept = KeptHead::open(&path, &vault(), every, NOW).unwrap();
    let read = || KeptHead::read(&path, &vault()).unwrap();
    kept.settle(first, NOW).unwrap();
    assert_eq!(read(), Some(first));
    kept.reached(later(1), Nanos(NOW.0 + every.0 - 1)).unwrap();
    assert_eq!(read(), Some(first), "not yet");
    for n in 1..5 {
        kept.reached(later(n), Nanos(NOW.0 + u64::from(n) * every.0)).unwrap();
        assert_eq!(read(), Some(later(n)));
    }
    drop(kept);
    // Another server goes on, under another key; a page that was torn leaves the one before.
    let mut kept = KeptHead::open(&path, &vault(), every, NOW).unwrap();
    kept.settle(later(9), NOW).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let newest = [0, 1].map(|page| {
        let mut torn = whole.clone();
        torn[page * 4_096 + 200..][..50].fill(0);
        std::fs::write(&path, &torn).unwrap();
        read()
    });
    assert!(newest.contains(&Some(later(4))) && newest.contains(&Some(later(9))), "{newest:?}");
    std::fs::write(&path, &whole).unwrap();
    assert!(KeptHead::read(&path, &other_vault()).is_err(), "another master key");
    assert!(KeptHead::read(&path, &Vault::none()).is_err(), "none at all");
    assert_eq!(later(9).to_string().parse(), Ok(later(9)));
    assert!("1:2:3:4".parse::<JournalHead>().is_err() && "".parse::<JournalHead>().is_err());
}
