//! A start from a snapshot comes to what a start from the first record comes to, or does not take the snapshot.

use super::*;
use crate::run::journal::log::LogEnd;
use crate::run::recovery::snapshot::{load, write};
use crate::types::*;
use crate::wire::record::Reader;
use std::fs;

/// A journal of several segments in which both sessions trade, hear of some of it, and begin again now and then.
fn busy(dir: &Path, segments: u32) -> Venue {
    let mut venue = Venue::begin(dir);
    venue.trade();
    let (mut number, mut n) = (2, 0);
    while venue.log.end().place.segment < segments {
        n += 1;
        let made = venue.run(&order(MAKER, Side::Buy, &format!("b-{n}"), 1 + n % 3));
        number += 1;
        if number % 90 == 0 {
            venue.note(&SessionRecord::Reserved { session: MAKER, upto: MsgSeqNum(number + 200) });
        }
        venue.send(MAKER, number, OutboundBody::Event(made[0]));
        if n % 5 == 0 {
            // A sweep of several steps, now and then.
            let qty = if n % 90 == 0 { 150 } else { 1 };
            venue.run(&order(TAKER, Side::Sell, &format!("s-{n}"), qty));
            venue.note(&SessionRecord::Inbound { session: TAKER, number: MsgSeqNum(3 + n as u32) });
        }
    }
    venue.log.sync().unwrap();
    venue
}

/// Makes the snapshot that is due.
fn made(dir: &Path) -> Option<Made> {
    let folder = Folder::hold(dir).unwrap();
    make(&folder, Whose { vault: &vault(), wanted: &options().wanted }, NOW, || false).unwrap()
}

/// All that a start comes to, as far as it does not depend on from where it began.
fn come_to(recovered: &Recovered) -> (Vec<[u8; 32]>, BTreeMap<SessionId, SessionState>, Past, Streams) {
    let hashes = recovered.shards.iter().map(Shard::state_hash).collect();
    (hashes, recovered.sessions.clone(), recovered.past.clone(), recovered.streams.clone())
}

fn copy(dir: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

fn without_snapshots(dir: &Path) -> tempfile::TempDir {
    let to = copy(dir);
    for segment in snapshots(&Folder::hold(to.path()).unwrap()).unwrap() {
        fs::remove_file(to.path().join(snapshot_name(segment))).unwrap();
    }
    to
}

#[test]
fn a_start_from_a_snapshot_comes_to_what_the_whole_journal_comes_to() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = busy(dir.path(), 3);
    for segments in 4..9 {
        drop(venue);
        let found = made(dir.path()).unwrap();
        assert_eq!(found.segment, segments - 2);
        assert_eq!(made(dir.path()), None, "there is nothing new");
        let whole = recovered(without_snapshots(dir.path()).path()).unwrap();
        let copied = copy(dir.path());
        let mut again = recovered(copied.path()).unwrap();
        assert_eq!((again.report.snapshot, again.notes.len()), (Some(found.segment), 0));
        assert!(again.report.records < whole.report.records);
        assert_eq!(come_to(&again), come_to(&whole), "after segment {}", found.segment);
        let mut buffer = Vec::new();
        for seq in [1, 50, 200] {
            let read = again.log.read(Stream::Shard(ShardId(0)), Seq(seq), &mut buffer).unwrap();
            assert_eq!(read.map(|record| record.seq), Some(Seq(seq)), "what is there reads back");
        }
        venue = Venue::open(dir.path());
        let mut n = 0;
        while venue.log.end().place.segment < segments {
            n += 1;
            venue.run(&order(MAKER, Side::Buy, &format!("m-{segments}-{n}"), 2));
            venue.run(&order(TAKER, Side::Sell, &format!("t-{segments}-{n}"), 1));
        }
    }
    drop(venue);
    let replayed = replay(dir.path(), &vault(), |_| {}).unwrap();
    let verdicts: Vec<_> = replayed.snapshots.iter().map(|(of, verdict)| (*of, verdict.is_ok())).collect();
    assert_eq!(verdicts, [(2, true), (3, true), (4, true), (5, true), (6, true)]);
}

/// At every record of a journal, whatever is pending there: saved, loaded and run on it ends as if it never had been.
#[test]
fn a_snapshot_at_any_record_and_the_rest_come_to_the_same() {
    let dir = tempfile::tempdir().unwrap();
    drop(busy(dir.path(), 3));
    let copies: DropCopies = [(AccountId(1), vec![TAKER])].into();
    let folder = Folder::hold(dir.path()).unwrap();
    let wanted = Wanted { drop_copies: copies, ..options().wanted };
    let mut passes = vec![Pass::begin(&wanted), Pass::begin(&wanted)];
    let (mut n, mut pending) = (0u64, 0);
    walk_ahead(&folder, &vault(), Walked::nothing(), |place, record| {
        passes.iter_mut().try_for_each(|pass| pass.record(place, record, &mut |_| {}))?;
        n += 1;
        let is_pending = passes[1].shards.iter().any(Shard::has_pending);
        pending += u32::from(is_pending);
        if n % 23 == 0 || is_pending {
            let bytes = write(
                &Walked { end: LogEnd { place, link: [7; 32] }, ..Walked::nothing() },
                &passes[1],
                1,
                NOW,
            );
            let (walked, again) = snapshot::read(&mut Reader::new(&bytes), &wanted).unwrap();
            assert_eq!(walked.end.place, place);
            passes[1] = again;
        }
        Ok(())
    })
    .unwrap();
    assert!(pending > 1, "a sweep was cut");
    let mut ends = passes.into_iter().map(|pass| {
        let lasts: Vec<_> = pass.index.iter().flat_map(Index::lasts).collect();
        let (shards, sessions, past) = pass.finish();
        assert_eq!(past.accounts().len(), 2);
        (shards.iter().map(Shard::state_hash).collect::<Vec<_>>(), sessions, past, lasts)
    });
    assert_eq!(ends.next(), ends.next());
}

#[test]
fn a_damaged_snapshot_is_named_and_never_gives_a_wrong_state() {
    let dir = tempfile::tempdir().unwrap();
    drop(busy(dir.path(), 2));
    made(dir.path()).unwrap();
    let whole = come_to(&recovered(without_snapshots(dir.path()).path()).unwrap());
    let path = dir.path().join(snapshot_name(1));
    let sound = fs::read(&path).unwrap();
    let looks = |bytes: &[u8], what: String| {
        fs::write(&path, bytes).unwrap();
        let copied = copy(dir.path());
        let again = recovered(copied.path()).unwrap();
        match again.report.snapshot {
            // A byte that nothing depends on, such as the zeros behind the first page.
            Some(_) => assert_eq!(again.notes, [""; 0]),
            None => assert!(again.notes[0].starts_with("snapshot 00000001.snap is not used: "), "{what}"),
        }
        assert_eq!(come_to(&again), whole, "{what}");
        again.report.snapshot
    };
    let used = (0..12).filter(|n| {
        let at = n * (sound.len() - 1) / 11;
        let mut bytes = sound.clone();
        bytes[at] ^= 0x20;
        looks(&bytes, format!("byte {at}")).is_some()
    });
    assert!(used.count() <= 2);
    for cut in [0, 1, 4_096, sound.len() / 2, sound.len() - 1] {
        assert_eq!(looks(&sound[..cut], format!("cut at {cut}")), None);
    }
}

/// Without the journal: each byte of a snapshot is changed, and it opens as it was, or not at all.
#[test]
fn no_changed_byte_of_a_snapshot_passes() {
    let dir = tempfile::tempdir().unwrap();
    drop(busy(dir.path(), 2));
    made(dir.path()).unwrap();
    let (vault, wanted) = (vault(), Wanted::default());
    let whose = Whose { vault: &vault, wanted: &wanted };
    let folder = Folder::hold(dir.path()).unwrap();
    let hashes = |pass: &Pass| pass.shards.iter().map(Shard::state_hash).collect::<Vec<_>>();
    let whole = hashes(&load(&folder, 1, whose).unwrap().1);
    let path = dir.path().join(snapshot_name(1));
    let sound = fs::read(&path).unwrap();
    let head = crate::seal::FILE_HEADER_BYTES;
    for at in (0..head).step_by(7).chain((head..sound.len()).step_by(311)) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, bytes).unwrap();
        match load(&folder, 1, whose) {
            Ok((_, pass)) => assert!(at < head && hashes(&pass) == whole, "byte {at}"),
            Err(why) => assert!(!why.to_string().is_empty()),
        }
    }
}

#[test]
fn where_the_newest_snapshot_is_of_no_use_the_one_before_it_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    drop(busy(dir.path(), 3));
    made(dir.path()).unwrap();
    drop(busy_more(dir.path(), 4));
    made(dir.path()).unwrap();
    let newest = dir.path().join(snapshot_name(3));
    fs::write(&newest, b"something else").unwrap();
    let copied = copy(dir.path());
    let again = recovered(copied.path()).unwrap();
    assert_eq!(again.report.snapshot, Some(2));
    assert!(again.notes[0].starts_with("snapshot 00000003.snap is not used: "), "{:?}", again.notes);
    let replayed = replay(dir.path(), &vault(), |_| {}).unwrap();
    assert!(matches!(&replayed.snapshots[..], [(2, Ok(())), (3, Err(SnapshotFault::Seal(_)))]));
    // One that tells of more than there is, and one of another journal under its name.
    fs::copy(dir.path().join(snapshot_name(2)), dir.path().join(snapshot_name(9))).unwrap();
    fs::copy(dir.path().join(snapshot_name(2)), &newest).unwrap();
    let again = recovered(dir.path()).unwrap();
    let told = again.notes.join("\n");
    assert!(told.contains("00000009.snap is not used: the journal ends before it"), "{told}");
    assert!(told.contains("00000003.snap is not used: it says that it is of segment 2"), "{told}");
    assert_eq!(again.report.snapshot, Some(2));
}

/// Goes on until there are so many segments.
fn busy_more(dir: &Path, segments: u32) -> Venue {
    let mut venue = Venue::open(dir);
    let mut n = 0;
    while venue.log.end().place.segment < segments {
        n += 1;
        venue.run(&order(MAKER, Side::Buy, &format!("more-{segments}-{n}"), 1));
    }
    venue
}

#[test]
fn a_start_does_without_segments_that_a_snapshot_stands_for() {
    let dir = tempfile::tempdir().unwrap();
    drop(busy(dir.path(), 4));
    made(dir.path()).unwrap();
    let whole = come_to(&recovered(without_snapshots(dir.path()).path()).unwrap());
    for segment in 1..=3 {
        fs::remove_file(dir.path().join(segment_name(segment))).unwrap();
    }
    let copied = copy(dir.path());
    let mut again = recovered(copied.path()).unwrap();
    assert_eq!(come_to(&again), whole);
    // The first message of the maker stands in what was archived.
    let mut buffer = Vec::new();
    assert!(again.log.read(Stream::Shard(ShardId(0)), Seq(4), &mut buffer).unwrap().is_none());
    let last = again.streams.last(Stream::Shard(ShardId(0)));
    drop(again);
    let replayed = replay(copied.path(), &vault(), |_| {}).unwrap();
    assert_eq!((replayed.from, replayed.walked.streams.last(Stream::Shard(ShardId(0)))), (Some(3), last));
    drop(busy_more(copied.path(), 6));
    assert_eq!(made(copied.path()).map(|made| made.segment), Some(5));
    fs::remove_file(copied.path().join(segment_name(4))).unwrap();
    assert_eq!(recovered(copied.path()).unwrap().report.snapshot, Some(5));

    for snapshot in [3, 5] {
        fs::write(copied.path().join(snapshot_name(snapshot)), b"damaged").unwrap();
    }
    let fault = recovered(copied.path()).unwrap_err().to_string();
    assert!(fault.starts_with("segment 1 is missing, and no snapshot can stand for it: "), "{fault}");
    assert!(fault.contains("00000005.snap") && fault.contains("00000003.snap"), "{fault}");
}

#[test]
fn a_folder_with_a_snapshot_and_no_segment_is_no_new_journal() {
    let dir = tempfile::tempdir().unwrap();
    drop(busy(dir.path(), 2));
    made(dir.path()).unwrap();
    for segment in 1..=2 {
        fs::remove_file(dir.path().join(segment_name(segment))).unwrap();
    }
    assert_eq!(recovered(dir.path()).unwrap_err().to_string(), "segment 2 is missing");
}

#[test]
fn a_drop_copy_is_owed_nothing_of_an_account_that_is_none_of_its_any_more() {
    const COPY: SessionId = SessionId(9);
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    venue.note(&SessionRecord::InboundNext { session: COPY, next: MsgSeqNum(1) });
    drop(venue);
    drop(busy_more(dir.path(), 2));
    let copies: DropCopies = [(AccountId(1), vec![COPY])].into();
    let wanted = Wanted { drop_copies: copies, ..Wanted::default() };
    let folder = Folder::hold(dir.path()).unwrap();
    make(&folder, Whose { vault: &vault(), wanted: &wanted }, NOW, || false).unwrap();
    drop(folder);
    let owed = |wanted: Wanted| {
        let copied = copy(dir.path());
        let options = RecoveryOptions { wanted, ..options() };
        let recovered = recover(copied.path(), &options, NOW).unwrap();
        assert_eq!(recovered.report.snapshot, Some(1));
        recovered.sessions[&COPY].owed.len()
    };
    assert!(owed(wanted) > 100);
    assert_eq!(owed(Wanted::default()), 0);
}

#[test]
fn the_newest_snapshots_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    drop(Venue::begin(dir.path()));
    for segments in 2..6 {
        drop(busy_more(dir.path(), segments));
        made(dir.path()).unwrap();
    }
    let folder = Folder::hold(dir.path()).unwrap();
    assert_eq!(prune(&folder, 2, |_| true).unwrap(), Some(3));
    assert_eq!(snapshots(&folder).unwrap(), [3, 4]);
    assert_eq!(prune(&folder, 0, |_| true).unwrap(), Some(4), "the last one stays");
}

#[test]
fn a_snapshot_that_is_called_off_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(busy(dir.path(), 9));
    let folder = Folder::hold(dir.path()).unwrap();
    let made = make(&folder, Whose { vault: &vault(), wanted: &Wanted::default() }, NOW, || true);
    assert!(matches!(made, Err(JournalFault::CalledOff)));
    assert!(folder.names().unwrap().iter().all(|name| name.ends_with(".log")));
}
