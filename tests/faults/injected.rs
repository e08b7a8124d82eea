//! A disk that refuses: `strace` lets a system call of the server fail, with the error that a broken or a full disk
//! gives.

use crate::cuts::settled;
use crate::ledger::{Outcome, What};
use crate::power::{Disk, watched};
use crate::tool;
use std::time::Duration;

/// Exit code of a server that a fault ended: docs/operations.md.
const FAULT: i32 = 3;

/// From which call of a thread on it fails: the server has begun by then, and its clients trade.
const FROM_CALL: u32 = 80;

/// A server whose calls fail from some moment on ends by itself and says why. What it had answered is on the disk: not
/// only written, but synced, so nothing was answered after the error.
fn ends_and_loses_nothing(call: &str, error: &str, doing: &str, why: &str) {
    tool!("strace");
    let mut lives = settled("disk");
    let log = lives.site.path().join("strace.log");
    let mut disk = Disk::of(&lives.site);
    let mut behind = watched(&log);
    behind.extend(["-e".to_owned(), format!("inject={call}:error={error}:when={FROM_CALL}+")]);
    let (status, said) = lives.until_it_ends(&behind);
    assert_eq!(status.code(), Some(FAULT), "{status}: {said}");
    let named = said.lines().find(|line| line.starts_with("sealgate: fault: "));
    let named = named.unwrap_or_else(|| panic!("no word of a fault: {said}"));
    assert!(named.contains(&format!(": {doing} ")) && named.contains(why), "{named}");
    println!("{named}");
    disk.replay(&log);
    disk.restore(&lives.site);
    lives.assert_nothing_is_lost();
}

#[test]
fn a_sync_that_fails_ends_the_server_and_nothing_is_answered_after_it() {
    ends_and_loses_nothing("fdatasync", "EIO", "fdatasync", "Input/output error");
}

#[test]
fn a_sync_for_which_there_is_no_room_ends_the_server_and_nothing_is_answered_after_it() {
    ends_and_loses_nothing("fdatasync", "ENOSPC", "fdatasync", "No space left on device");
}

#[test]
fn a_write_that_fails_ends_the_server_and_nothing_is_answered_after_it() {
    ends_and_loses_nothing("pwrite64", "EIO", "write", "Input/output error");
}

#[test]
fn a_write_for_which_there_is_no_room_ends_the_server_and_nothing_is_answered_after_it() {
    ends_and_loses_nothing("pwrite64", "ENOSPC", "write", "No space left on device");
}

#[test]
fn without_room_for_another_segment_orders_are_refused_for_good_and_cancels_go_on() {
    tool!("strace");
    let mut lives = settled("disk");
    let log = lives.site.path().join("strace.log");
    let mut behind = watched(&log);
    behind.extend(["-e".to_owned(), "inject=fallocate:error=ENOSPC".to_owned()]);
    let before = lives.counts().acknowledged;
    lives.live(&behind, Duration::from_millis(400));
    // Cancels go on while there is a reserve; a fast machine uses it up.
    lives.excuse("the reserve is used up");
    let requests = lives.clients.iter().flat_map(|client| client.ledger.requests());
    let (mut refused, mut canceled) = (0, 0);
    for (_, request) in requests {
        match (&request.what, &request.outcome) {
            (What::Cancel { .. }, Some(Outcome::Accepted(_))) => canceled += 1,
            (What::Cancel { .. }, Some(Outcome::Refused(why))) => assert_ne!(why, "DiskFull"),
            (_, Some(Outcome::Refused(why))) if why == "DiskFull" => refused += 1,
            _ => {}
        }
    }
    println!("{} answers: {refused} refused, {canceled} canceled", lives.counts().acknowledged - before);
    assert!(refused > 0 && canceled > 0, "{refused} refused, {canceled} canceled");
    lives.assert_nothing_is_lost();
}
