//! Segments that go to the archive, from outside: nothing that is asked for is missed, journal and archive are read as
//! one, and another master key reaches both.

use super::stats::meter;
use crate::support::fix::buy;
use crate::support::websocket::resting;
use crate::support::{Fix, Setup, Venue, Ws};
use sealgate::admin::client::Control;
use sealgate::admin::protocol::Request;
use sealgate::config::Archive;
use sealgate::run::recovery::replay;
use sealgate::types::Span;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// A venue whose segments hold some two hundred orders and go to the archive at once.
fn venue() -> Venue {
    Setup::new()
        .adjust(|config| {
            (config.journal.segment_bytes, config.journal.snapshot_every) = (256 * 1024, 1);
            let dir = config.data_dir.with_file_name("archive");
            config.archive = Some(Archive { dir, keep_for: Span(0), keep: 1 });
        })
        .caps(|caps| caps.messages_per_second = 1_000_000)
        .order_rate(1_000_000, Span::from_secs(1))
        .accounts(|account| account.rates.cancels = (1_000_000, Span::from_secs(1)))
        .start()
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
        if segments(&venue.path("archive")).len() >= archived {
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
    fill(&venue, &mut ws, 3);
    assert!(!venue.path("data/00000001.log").exists());

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
