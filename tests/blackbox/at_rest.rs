//! What is on the disk: nobody reads it without the master key, or changes it unnoticed; and no key that is missing or
//! wrong costs anything.

use crate::support::websocket::resting;
use crate::support::{Venue, Ws};
use sealgate::admin::client::Control;
use sealgate::admin::protocol::Request;
use sealgate::config::Encryption;
use sealgate::run::Server;
use sealgate::seal::{KeyFile, Vault};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const SECRET: &str = "a-ClOrdID-that-nobody-sees";

/// A venue with an order in its journal, ended as by a crash.
fn venue() -> Venue {
    let mut venue = Venue::start();
    place(&venue, SECRET);
    venue.kill();
    venue
}

fn place(venue: &Venue, id: &str) {
    let mut ws = Ws::logged_on(venue, "alice");
    assert_eq!(ws.call("order.place", &resting(id))["status"], 200);
}

/// Why it does not start.
fn refused(venue: &Venue) -> String {
    Server::start(venue.config().clone()).expect_err("it must not start").to_string()
}

/// The order is there, and trading goes on.
fn nothing_is_lost(venue: &mut Venue) {
    venue.start_again();
    let mut ws = Ws::logged_on(venue, "alice");
    let found = ws.call("order.status", &[("symbol", "BTC-USD"), ("origClientOrderId", SECRET)]);
    assert_eq!(found["result"]["clientOrderId"], SECRET, "{found}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in files(from) {
        std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

fn put_back(from: &Path, to: &Path) {
    std::fs::remove_dir_all(to).unwrap();
    copy(from, to);
}

/// The last written byte of the first segment.
fn written(data: &Path) -> (PathBuf, Vec<u8>, usize) {
    let path = data.join("00000001.log");
    let bytes = std::fs::read(&path).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    (path, bytes, last)
}

#[test]
fn nothing_of_an_order_can_be_read_on_the_disk() {
    let venue = venue();
    let found = |what: &[u8]| {
        let holds =
            |path: &PathBuf| std::fs::read(path).unwrap().windows(what.len()).any(|part| part == what);
        files(&venue.path("data")).iter().filter(|path| holds(path)).count()
    };
    assert_eq!(found(SECRET.as_bytes()), 0);
    assert_eq!(found(b"BTC-USD"), 0);
    assert_eq!(found(b"SEALJRNL"), 1, "it is the journal that was searched");
}

#[test]
fn a_journal_without_encryption_says_what_it_holds() {
    let mut venue =
        crate::support::Setup::new().adjust(|config| config.encryption = Encryption::None).start();
    place(&venue, SECRET);
    venue.kill();
    let (_, bytes, _) = written(&venue.path("data"));
    assert!(
        bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()),
        "so the search above finds what is there"
    );
    nothing_is_lost(&mut venue);
    venue.kill();
    venue.adjust(|config| {
        let folder = config.data_dir.parent().unwrap().to_owned();
        config.encryption = Encryption::KeyFile(folder.join("master.key"));
    });
    assert!(
        refused(&venue).contains("not encrypted, although the configuration wants it so"),
        "{}",
        refused(&venue)
    );
}

#[test]
fn a_key_file_that_is_missing_another_or_readable_to_others_is_refused_and_nothing_is_lost() {
    let mut venue = venue();
    let (path, aside) = (venue.path("master.key"), venue.path("aside.key"));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(refused(&venue).contains("has mode 0644: it must be its owner's alone"), "{}", refused(&venue));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::rename(&path, &aside).unwrap();
    assert!(refused(&venue).contains("the key file cannot be used: read"), "{}", refused(&venue));
    KeyFile::create(&path).unwrap();
    let error = refused(&venue);
    assert!(error.contains("was sealed under master key") && error.contains("which is not there"), "{error}");
    venue.adjust(|config| config.encryption = Encryption::None);
    assert!(refused(&venue).contains("it is encrypted, and no master key was given"), "{}", refused(&venue));
    let inside = venue.path("data/master.key");
    std::fs::copy(&aside, &inside).unwrap();
    venue.adjust(move |config| config.encryption = Encryption::KeyFile(inside));
    assert!(refused(&venue).contains("is inside the data folder"), "{}", refused(&venue));
    venue.adjust(move |config| config.encryption = Encryption::KeyFile(aside));
    nothing_is_lost(&mut venue);
}

#[test]
fn the_master_key_is_changed_while_the_server_runs() {
    let mut venue = venue();
    let old = venue.path("old");
    copy(&venue.path("data"), &old);
    let before = std::fs::read(venue.path("master.key")).unwrap();
    venue.start_again();
    let mut control = Control::connect(&venue.config().control_socket().unwrap()).unwrap();
    let keys = [("heartbeat_max".to_owned(), "30s".into())].into();
    let set = Request::Set { session: "1".to_owned(), keys, reset: false, next_in: None, next_out: None };
    control.ask(&set).unwrap();
    place(&venue, "before");
    let done = control.ask(&Request::RotateMaster).unwrap();
    assert_eq!(done["files"], 2, "a segment, and the changed sessions: {done}");
    place(&venue, "after");
    let put_away = PathBuf::from(done["put_away"].as_str().unwrap());
    assert_eq!(std::fs::read(&put_away).unwrap(), before, "for copies of the data");
    assert_ne!(std::fs::read(venue.path("master.key")).unwrap(), before);
    venue.kill();
    nothing_is_lost(&mut venue);
    venue.stop();
    let replay = |dir: &Path, key: &Path| {
        let vault = Vault::open(&Encryption::KeyFile(key.to_owned()), dir).unwrap();
        sealgate::run::recovery::replay(dir, &vault, |_| {}).map(|replayed| replayed.walked.records)
    };
    assert!(replay(&venue.path("data"), &put_away).is_err(), "the old key opens nothing any more");
    assert!(replay(&old, &put_away).is_ok(), "but the copies that were made under it");
}

#[test]
fn changed_sessions_are_sealed_and_a_file_that_is_not_is_refused() {
    let mut venue = Venue::start();
    let mut control = Control::connect(&venue.config().control_socket().unwrap()).unwrap();
    let keys = [("heartbeat_max".to_owned(), "37s".into())].into();
    let set = Request::Set { session: "1".to_owned(), keys, reset: false, next_in: None, next_out: None };
    control.ask(&set).unwrap();
    venue.stop();
    let sealed = std::fs::read(venue.path("data/sessions.sealed")).unwrap();
    assert!(!sealed.windows(3).any(|part| part == b"37s"));
    let plain = venue.path("data/sessions.toml");
    std::fs::write(&plain, "").unwrap();
    assert!(refused(&venue).contains("anybody could have written it"), "{}", refused(&venue));
    std::fs::remove_file(plain).unwrap();
    let mut changed = sealed.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(venue.path("data/sessions.sealed"), changed).unwrap();
    assert!(refused(&venue).contains("its seal does not fit"), "{}", refused(&venue));
    std::fs::write(venue.path("data/sessions.sealed"), sealed).unwrap();
    venue.start_again();
}

#[test]
fn an_old_copy_a_cut_end_and_an_empty_folder_are_found_by_the_head_that_is_kept_apart() {
    let mut venue = venue();
    let (data, old, new) = (venue.path("data"), venue.path("old"), venue.path("new"));
    copy(&data, &old);
    venue.start_again();
    place(&venue, "second");
    venue.stop();
    copy(&data, &new);

    put_back(&old, &data);
    let error = refused(&venue);
    assert!(error.contains("this is an old copy of it, or its end was cut off"), "{error}");

    put_back(&new, &data);
    let (path, mut bytes, last) = written(&data);
    // Whole records are cut off: nothing is torn.
    let mark = [0xa5, 0x5e, 0xa1, 0xed];
    let end = bytes[..last].windows(4).rposition(|part| part == mark).unwrap() + 4;
    bytes[end..].fill(0);
    std::fs::write(path, bytes).unwrap();
    let error = refused(&venue);
    assert!(error.contains("this is an old copy of it, or its end was cut off"), "{error}");

    std::fs::remove_dir_all(&data).unwrap();
    let error = refused(&venue);
    assert!(error.contains("there is no journal, but the head kept apart says"), "{error}");

    copy(&new, &data);
    let head = std::fs::read(venue.path("journal.head")).unwrap();
    std::fs::remove_file(venue.path("journal.head")).unwrap();
    let error = refused(&venue);
    assert!(error.contains("there is a journal, but no head of it"), "{error}");
    let mut changed = head.clone();
    changed.fill(7);
    std::fs::write(venue.path("journal.head"), changed).unwrap();
    assert!(refused(&venue).contains("this is no head of a journal"), "{}", refused(&venue));
    std::fs::write(venue.path("journal.head"), head).unwrap();
    nothing_is_lost(&mut venue);
}

/// After a crash the head is behind by an interval at most, and the journal comes by it.
#[test]
fn a_crash_leaves_a_head_that_the_journal_comes_by() {
    let mut venue = venue();
    for n in 0..3 {
        venue.start_again();
        place(&venue, &format!("order-{n}"));
        venue.kill();
    }
    nothing_is_lost(&mut venue);
}
