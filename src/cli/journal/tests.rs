use super::*;
use crate::run::journal::log::segment_name;
use crate::run::recovery::samples::{MAKER, Venue, order};
use crate::seal::fixture::vault;
use crate::types::{OutboundBody, Side};
use serde_json::Value;

fn code(exit: ExitCode) -> bool {
    exit == ExitCode::SUCCESS
}

fn journal(dir: &Path) -> Venue {
    let mut venue = Venue::begin(dir);
    venue.trade();
    venue.send(MAKER, 3, OutboundBody::Own(b"3\x0145=2\x01"));
    venue
}

fn verified(dir: &Path) -> (bool, String) {
    let mut out = Vec::new();
    let exit = verify(dir, &Access::with(vault(), None), &mut out);
    (code(exit), String::from_utf8(out).unwrap())
}

fn dumped(dir: &Path, from: u64, account: Option<u32>) -> Vec<Value> {
    let mut out = Vec::new();
    assert!(code(dump::run(
        dir,
        &Access::with(vault(), None),
        &dump::Shown { from, account: account.map(AccountId), redact: false },
        &mut out
    )));
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn repaired(dir: &Path, yes: bool) -> (bool, String) {
    let mut out = Vec::new();
    let exit = repair::run(dir, &Access::with(vault(), None), yes, &mut out);
    (code(exit), String::from_utf8(out).unwrap())
}

/// Changes a byte, counted from the last written one back.
fn change(dir: &Path, from_end: usize) {
    let path = dir.join(segment_name(1));
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[last - from_end] ^= 0x11;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn verify_tells_the_end_of_each_stream_and_the_state() {
    let dir = tempfile::tempdir().unwrap();
    let venue = journal(dir.path());
    assert_eq!(verified(dir.path()), (false, String::new()), "not beside a server");
    let hash: String = venue.shard.state_hash().iter().map(|byte| format!("{byte:02x}")).collect();
    drop(venue);
    let (ok, told) = verified(dir.path());
    assert!(ok && told.ends_with("ok\n"), "{told}");
    assert!(told.contains("\nshard-0      last 5\n") && told.contains("\ngateway-0    last 8\n"), "{told}");
    assert!(told.contains(&format!("\nstate        shard-0 {hash}\n")), "{told}");
}

#[test]
fn dump_shows_each_record_with_its_evidence() {
    let dir = tempfile::tempdir().unwrap();
    drop(journal(dir.path()));
    let all = dumped(dir.path(), 0, None);
    assert_eq!(all.len(), 14);
    assert_eq!((&all[0]["type"], &all[0]["stream"]), (&"Started".into(), &"log".into()));
    let step = all.iter().find(|line| line["stream"] == "shard-0" && line["seq"] == 5).unwrap();
    assert_eq!((&step["signed"], &step["segment"]), (&"35=D\u{1}".into(), &1.into()));
    assert!(step["signature"].as_str().unwrap().starts_with("BwcHBwcH"));
    assert_eq!(step["command"]["new"]["newClientOrderId"], "t-1");
    assert_eq!(step["events"][1]["execution"]["fill"]["qty"], 4);
    assert_eq!(step["time"], "2023-11-14T22:13:20.000000000Z");
    assert_eq!(all[13]["body"], "3\u{1}45=2\u{1}");
}

#[test]
fn dump_picks_by_number_and_by_account() {
    let dir = tempfile::tempdir().unwrap();
    drop(journal(dir.path()));
    assert!(dumped(dir.path(), 5, None).iter().all(|line| line["seq"].as_u64() >= Some(5)));
    let seqs = |account| -> Vec<u64> {
        dumped(dir.path(), 0, Some(account)).iter().map(|line| line["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs(1), [2, 4, 5], "its limits, its order, and the trade of the other");
    assert_eq!(seqs(2), [3, 5]);
    assert!(seqs(9).is_empty());
}

#[test]
fn repair_finds_nothing_in_a_sound_journal() {
    let dir = tempfile::tempdir().unwrap();
    drop(journal(dir.path()));
    assert_eq!(repaired(dir.path(), true), (true, "nothing to repair\n".to_owned()));
}

#[test]
fn repair_tells_what_would_go_and_cuts_it_only_when_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = journal(dir.path());
    let end = venue.log.end().place;
    for n in 0..3 {
        venue.run(&order(MAKER, Side::Buy, &format!("n-{n}"), 1));
    }
    drop(venue);
    let path = dir.path().join(segment_name(1));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[end.offset as usize + 50] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(!verified(dir.path()).0);
    let (ok, told) = repaired(dir.path(), false);
    assert!(!ok && told.contains("2 whole records among them"), "{told}");
    assert!(told.contains("shard-0 7 Step") && told.contains("shard-0 8 Step"), "{told}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "nothing was changed");
    let (ok, told) = repaired(dir.path(), true);
    let kept = dir.path().join(format!("{}.cut-{}", segment_name(1), end.offset));
    assert!(ok && told.contains(kept.to_str().unwrap()), "{told}");
    assert!(bytes[end.offset as usize..].starts_with(&std::fs::read(kept).unwrap()));
    let (ok, told) = verified(dir.path());
    assert!(ok && told.contains("shard-0      last 5"), "{told}");
    assert_eq!(Venue::open(dir.path()).shard.last_seq().0, 5);
}

#[test]
fn repair_of_a_bad_last_record_needs_the_operator() {
    let dir = tempfile::tempdir().unwrap();
    drop(journal(dir.path()));
    change(dir.path(), 10);
    assert!(!repaired(dir.path(), false).0);
    assert!(repaired(dir.path(), true).0 && verified(dir.path()).0);
}

#[test]
fn repair_keeps_what_it_cut_there_before() {
    let dir = tempfile::tempdir().unwrap();
    drop(journal(dir.path()));
    let path = dir.path().join(segment_name(1));
    let bytes = std::fs::read(&path).unwrap();
    let mut kept = Vec::new();
    for from_end in [10, 11] {
        std::fs::write(&path, &bytes).unwrap();
        change(dir.path(), from_end);
        let (ok, told) = repaired(dir.path(), true);
        let file = told.trim_end().rsplit(' ').next().map(std::fs::read);
        assert!(ok, "{told}");
        kept.push((told.lines().last().unwrap_or_default().to_owned(), file.unwrap().unwrap()));
    }
    assert_ne!(kept[0].0, kept[1].0);
    let first = kept[0].0.rsplit(' ').next().map(std::fs::read).unwrap().unwrap();
    assert!(first == kept[0].1 && first != kept[1].1, "the first one is as it was");
}

#[test]
fn repair_gives_a_short_copy_its_space_back() {
    let dir = tempfile::tempdir().unwrap();
    drop(journal(dir.path()));
    let path = dir.path().join(segment_name(1));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 5_000]).unwrap();
    assert!(!verified(dir.path()).0);
    let (ok, told) = repaired(dir.path(), false);
    assert!(!ok && told.contains("5000 bytes are missing"), "{told}");
    assert!(repaired(dir.path(), true).0 && verified(dir.path()).0);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn repair_does_not_touch_what_it_cannot_mend() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = journal(dir.path());
    for n in 0..400 {
        venue.run(&order(MAKER, Side::Buy, &format!("n-{n}"), 1));
    }
    assert!(venue.log.end().place.segment > 1);
    drop(venue);
    change(dir.path(), 10);
    let before = std::fs::read(dir.path().join(segment_name(1))).unwrap();
    assert!(!repaired(dir.path(), true).0);
    assert_eq!(std::fs::read(dir.path().join(segment_name(1))).unwrap(), before);
    assert!(!repaired(&dir.path().join("nowhere"), true).0);
}
