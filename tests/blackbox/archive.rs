//! Segments that go to the archive, from outside: nothing that is asked for is missed, journal and archive are read as
//! one, and another master key reaches both.

use super::stats::meter;
use crate::support::fix::buy;
use crate::support::websocket::{refusal, resting};
use crate::support::{Fix, Setup, Venue, Ws};
use sealgate::admin::client::Control;
use sealgate::admin::protocol::Request;
use sealgate::config::Archive;
use sealgate::run::recovery::replay;
use sealgate::types::Span;
use serde_json::Value;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// A venue whose segments hold some two hundred orders and go to the archive at once.
fn venue() -> Venue {
    setup().start()
}

fn setup() -> Setup {
    Setup::new()
        .adjust(|config| {
            (config.journal.segment_bytes, config.journal.snapshot_every) = (256 * 1024, 1);
            let dir = config.data_dir.with_file_name("archive");
            config.archive = Some(Archive { dir, keep_for: Span(0), keep: 1 });
        })
        .fix_rules(|rules| rules.appl_seq_num = true)
        .caps(|caps| caps.messages_per_second = 1_000_000)
        .order_rate(1_000_000, Span::from_secs(1))
        .accounts(|account| account.rates.cancels = (1_000_000, Span::from_secs(1)))
}

/// Where its segments go.
fn archive_of(venue: &Venue) -> PathBuf {
    venue.config().archive.as_ref().unwrap().dir.clone()
}

fn segments(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".log"));
    names.sort();
    names
}

fn status(ws: &mut Ws, name: &str) -> Value {
    ws.call("order.status", &[("symbol", "BTC-USD"), ("origClientOrderId", name)])
}

fn figures(venue: &Venue) -> Value {
    Control::connect(&venue.config().control_socket().unwrap()).unwrap().ask(&Request::Stats).unwrap()
}

/// Enters and cancels until so many segments are in the archive.
fn fill(venue: &Venue, ws: &mut Ws, archived: usize) {
    let until = Instant::now() + Duration::from_secs(180);
    for n in 0.. {
        if segments(&archive_of(venue)).len() >= archived {
            return;
        }
        assert!(Instant::now() < until, "{:?}", segments(&venue.path("data")));
        let name = format!("fill-{archived}-{n}");
        assert_eq!(ws.call("order.place", &resting(&name))["status"], 200);
        let cancel = [("symbol", "BTC-USD"), ("origClientOrderId", name.as_str())];
        assert_eq!(ws.call("order.cancel", &cancel)["status"], 200);
    }
}

fn journal(venue: &Venue, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealgate"));
    let (data, key) = (venue.path("data"), venue.path("master.key"));
    command.arg("journal").args(words).arg(data).arg("--key-file").arg(key).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

/// Bob logs on again: filling may take longer than a silent session lives.
fn back(venue: &Venue, next: u32) -> Fix {
    let mut fix = Fix::connect(venue, "bob");
    fix.next = next;
    fix.logon("");
    assert_eq!(fix.read().get(35), "A");
    fix
}

#[test]
fn what_was_archived_is_still_told_and_is_read_with_the_rest_as_one_journal() {
    let mut venue = venue();
    let (mut ws, mut fix) = (Ws::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    let entered = fix.enter(buy("early-fix"));
    let request = ws.request("order.place", &resting("early"));
    let placed = ws.raw(&request);
    let cancel = [("symbol", "BTC-USD"), ("origClientOrderId", "early")];
    assert_eq!(ws.call("order.cancel", &cancel)["status"], 200);
    let closed = status(&mut ws, "early");
    assert_eq!(ws.call("order.place", &resting("open"))["status"], 200);
    let next = fix.next + 1;
    fix.log_out();
    fill(&venue, &mut ws, 3);
    assert!(!venue.path("data/00000001.log").exists());
    let mut fix = back(&venue, next);

    // The results of requests, a closed order and a FIX message are read in the archive.
    let again = ws.raw(&request);
    assert_eq!(
        (&again["result"]["orderId"], &again["repeated"]),
        (&placed["result"]["orderId"], &true.into())
    );
    assert_eq!(status(&mut ws, "early")["result"], closed["result"]);
    fix.order("2", "7=2|16=2|");
    assert_eq!(fix.read().get(37), entered.get(37), "the execution is sent again, and no gap fill");
    let figures = figures(&venue);
    let of = |name| meter(&figures, "journal-files", name);
    assert!(
        of("archived_segments") >= 2 && of("segments") >= 2 && of("snapshot_age_seconds") < 600,
        "{figures}"
    );
    drop((ws, fix));
    venue.kill();
    venue.start_again();
    let mut ws = Ws::logged_on(&venue, "alice");
    assert_eq!(status(&mut ws, "open")["result"]["status"], "NEW");
    let again = ws.raw(&request);
    let name = again["error"]["data"]["name"].as_str();
    assert!(again["repeated"] == true || name == Some("ResultArchived"), "it never runs twice: {again}");
    drop(ws);
    venue.stop();

    let archive = venue.path("archive");
    let (dir, archive) = (venue.path("data"), archive.to_str().unwrap());
    let rest = journal(&venue, &["verify"]);
    assert!(rest.status.success() && told(&rest).contains("snapshot"), "{}", told(&rest));
    let whole = journal(&venue, &["--archive", archive, "verify"]);
    assert!(whole.status.success(), "{}", told(&whole));
    let count = segments(&dir).len() + segments(Path::new(archive)).len();
    assert!(told(&whole).contains(&format!(" in {count} segments")), "{}", told(&whole));
    let dump = told(&journal(&venue, &["--archive", archive, "dump"]));
    let names = ["\"early\"", "\"open\"", "\"segment\":1,"];
    assert!(names.iter().all(|name| dump.contains(name)), "from the first record on");

    // A segment that is in neither place is missed.
    std::fs::remove_file(Path::new(archive).join("00000002.log")).unwrap();
    let broken = journal(&venue, &["--archive", archive, "verify"]);
    assert!(told(&broken).contains("segment 2 is missing"), "{}", told(&broken));
}

#[test]
fn another_master_key_reaches_the_archive_as_well() {
    let mut venue = venue();
    let mut ws = Ws::logged_on(&venue, "alice");
    fill(&venue, &mut ws, 2);
    let mut control = Control::connect(&venue.config().control_socket().unwrap()).unwrap();
    let done = control.ask(&Request::RotateMaster).unwrap();
    assert!(done["files"].as_u64().unwrap() >= 4, "both places: {done}");
    fill(&venue, &mut ws, 3);
    drop(ws);
    venue.stop();
    let whole = journal(&venue, &["--archive", venue.path("archive").to_str().unwrap(), "verify"]);
    assert!(whole.status.success(), "{}", told(&whole));
    assert!(
        replay(&venue.path("archive"), &venue.vault(), |_| {}).is_ok(),
        "an archive can be read by itself"
    );
}

/// Asks to hear the private stream from behind this number.
fn resume(ws: &mut Ws, after: u64) -> Value {
    let from = format!("ALICE/0:{after}");
    let request = ws.plain("userDataStream.subscribe", &[("from", &from)], None);
    ws.raw(&request)
}

/// The numbers of the next executions.
fn numbers(ws: &mut Ws, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let event = ws.message()["event"].take();
        assert_ne!(event["e"], "eventStreamTerminated", "{event}");
        numbers.extend(event["applSeqNum"].as_u64().filter(|_| event["e"] == "executionReport"));
    }
    numbers
}

#[test]
fn a_private_stream_is_resumed_out_of_the_archive_over_both_protocols_and_else_from_the_first_number_there_is()
 {
    let mut venue = venue();
    let mut ws = Ws::logged_on(&venue, "alice");
    fill(&venue, &mut ws, 2);
    assert!(!venue.path("data/00000001.log").exists());
    assert_eq!(resume(&mut ws, 0)["status"], 200);
    assert_eq!(numbers(&mut ws, 8), [1, 2, 3, 4, 5, 6, 7, 8]);
    let mut fix = Fix::logged_on(&venue, "alice");
    let ask = fix.message("BW", "1346=early|1347=0|1351=1|1355=ALICE/0|1182=2|1183=5|", false);
    fix.send(&ask);
    let told: Vec<_> =
        std::iter::repeat_with(|| fix.read()).filter(|told| told.get(35) == "8").take(4).collect();
    for (told, number) in told.iter().zip(["2", "3", "4", "5"]) {
        assert_eq!((told.get(1181), told.get(1352)), (number, "Y"), "{told:?}");
    }
    drop((ws, fix));

    // The archive is away: what it had can be told no more, and the first number that can is said at once.
    venue.kill();
    std::fs::rename(archive_of(&venue), venue.path("away")).unwrap();
    std::fs::create_dir(archive_of(&venue)).unwrap();
    venue.start_again();
    let mut ws = Ws::logged_on(&venue, "alice");
    let refused = resume(&mut ws, 0);
    assert_eq!(refusal(&refused).0, "StreamTooOld");
    let first = refused["error"]["data"]["bound"].as_u64().unwrap();
    assert_eq!(refusal(&resume(&mut ws, first - 1)).0, "StreamTooOld");
    assert_eq!(resume(&mut ws, first)["status"], 200);
    assert_eq!(numbers(&mut ws, 3), [first + 1, first + 2, first + 3]);
}

#[test]
fn an_archive_on_another_file_system_is_filled_and_read_as_one_beside_the_journal() {
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else {
        return eprintln!("skipped: there is no /dev/shm to write to");
    };
    let dir = elsewhere.path().join("archive");
    let venue = setup().adjust(move |config| {
        config.archive = Some(Archive { dir, keep_for: Span(0), keep: 1 });
    });
    let venue = venue.start();
    let device = |path: &Path| std::fs::metadata(path).unwrap().dev();
    if device(elsewhere.path()) == device(&venue.path("data")) {
        return eprintln!("skipped: /dev/shm is the file system of the test's folder");
    }
    let mut ws = Ws::logged_on(&venue, "alice");
    let request = ws.request("order.place", &resting("early"));
    let placed = ws.raw(&request);
    fill(&venue, &mut ws, 2);
    assert_eq!(segments(&archive_of(&venue))[..2], ["00000001.log", "00000002.log"]);
    assert!(!venue.path("data/00000001.log").exists(), "it has one place");
    let again = ws.raw(&request);
    assert_eq!(
        (&again["result"]["orderId"], &again["repeated"]),
        (&placed["result"]["orderId"], &true.into())
    );
    let mut venue = venue;
    drop(ws);
    venue.stop();
    let archive = archive_of(&venue);
    let whole = journal(&venue, &["--archive", archive.to_str().unwrap(), "verify"]);
    assert!(whole.status.success(), "{}", told(&whole));
}
