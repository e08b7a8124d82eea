//! Snapshots, from outside: a server that makes them forgets nothing, and needs no segment that one stands for.

use crate::support::fix::buy;
use crate::support::websocket::{refusal, resting};
use crate::support::{Fix, Setup, Venue, Ws};
use sealgate::run::recovery::{replay, snapshot_name};
use sealgate::types::Span;
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

/// A segment holds some two hundred orders.
const SEGMENT_BYTES: u64 = 256 * 1024;

/// A server that makes a snapshot after each segment.
pub fn setup() -> Setup {
    Setup::new()
        .adjust(|config| {
            config.journal.segment_bytes = SEGMENT_BYTES;
            config.journal.snapshot_every = 1;
        })
        .caps(|caps| caps.messages_per_second = 1_000_000)
        .order_rate(1_000_000, Span::from_secs(1))
}

fn venue() -> Venue {
    setup().start()
}

/// Takes the first segments away, as an operator does who archives them.
pub fn archive(venue: &Venue, count: usize) {
    for segment in &files(venue, ".log")[..count] {
        fs::rename(venue.path("data").join(segment), venue.path(segment)).unwrap();
    }
}

/// The files of the journal that end so, the oldest first.
pub fn files(venue: &Venue, end: &str) -> Vec<String> {
    let names = fs::read_dir(venue.path("data")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(end));
    names.sort();
    names
}

/// Enters and cancels until so many segments were begun, and the newest snapshot is there, with at most one before it.
pub fn fill(venue: &Venue, ws: &mut Ws, segments: usize) {
    for n in 0.. {
        if files(venue, ".log").len() >= segments {
            break;
        }
        let name = format!("fill-{segments}-{n}");
        assert_eq!(ws.call("order.place", &resting(&name))["status"], 200);
        let cancel = [("symbol", "BTC-USD"), ("origClientOrderId", name.as_str())];
        assert_eq!(ws.call("order.cancel", &cancel)["status"], 200);
    }
    // Where segments come faster than snapshots are made, some are left out. Old ones go after the new one is there.
    let newest = snapshot_name(segments as u32 - 1);
    let until = Instant::now() + Duration::from_secs(120);
    while files(venue, ".snap").last() != Some(&newest) || files(venue, ".snap").len() > 2 {
        assert!(Instant::now() < until, "{:?}", files(venue, ".snap"));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn status(ws: &mut Ws, name: &str) -> Value {
    ws.call("order.status", &[("symbol", "BTC-USD"), ("origClientOrderId", name)])
}

#[test]
fn a_server_that_makes_snapshots_is_killed_and_finds_everything() {
    let mut venue = venue();
    let (mut ws, mut fix) = (Ws::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    let entered = fix.enter(buy("early"));
    let request = ws.request("order.place", &resting("open"));
    let placed = ws.raw(&request);
    fill(&venue, &mut ws, 4);
    let before = status(&mut ws, "open")["result"].clone();
    let next = fix.next;
    venue.kill();
    venue.start_again();

    let mut ws = Ws::logged_on(&venue, "alice");
    let again = ws.raw(&request);
    assert_eq!((&again["result"], &again["repeated"]), (&placed["result"], &true.into()));
    assert_eq!(status(&mut ws, "open")["result"], before);
    let mut fix = Fix::connect(&venue, "bob");
    fix.next = next;
    fix.logon("");
    let logon = fix.read();
    assert_eq!(logon.get(35), "A", "{logon:?}");
    let resend = fix.message("2", format!("7={}|16={}|", entered.get(34), entered.get(34)), false);
    fix.send(&resend);
    let same = fix.read();
    assert_eq!((same.get(43), same.get(17)), ("Y", entered.get(17)), "{same:?}");
    drop((ws, fix));
    let ended = venue.stop();
    let replayed = replay(&venue.path("data"), &venue.vault(), |_| {}).unwrap();
    assert_eq!(replayed.shards[0].state_hash(), ended.shards[0].2, "the whole journal comes to the same");
    assert!(replayed.snapshots.iter().all(|(_, verdict)| verdict.is_ok()), "{:?}", replayed.snapshots);
}

#[test]
fn a_start_without_the_segments_that_a_snapshot_stands_for_says_what_is_archived() {
    let mut venue = venue();
    let (mut ws, mut fix) = (Ws::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    let entered = fix.enter(buy("early"));
    let open = ws.request("order.place", &resting("open"));
    let placed = ws.raw(&open);
    let closed = ws.request("order.place", &resting("closed"));
    assert_eq!(ws.raw(&closed)["status"], 200);
    ws.call("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", "closed")]);
    fill(&venue, &mut ws, 4);
    let next = fix.next;
    venue.kill();
    archive(&venue, 3);
    venue.start_again();

    let mut ws = Ws::logged_on(&venue, "alice");
    assert_eq!(status(&mut ws, "open")["result"]["orderId"], placed["result"]["orderId"]);
    let again = ws.raw(&open);
    assert_eq!(
        (&again["result"]["orderId"], &again["repeated"]),
        (&placed["result"]["orderId"], &true.into())
    );
    assert_eq!(refusal(&ws.raw(&closed)).0, "ResultArchived", "it does not run twice");
    assert_eq!(refusal(&status(&mut ws, "closed")).0, "ResultArchived");
    assert_eq!(ws.call("order.place", &resting("new"))["status"], 200);

    let mut fix = Fix::connect(&venue, "bob");
    fix.next = next;
    fix.logon("");
    assert_eq!(fix.read().get(35), "A");
    let resend = fix.message("2", format!("7={}|16=0|", entered.get(34)), false);
    fix.send(&resend);
    let fill = fix.read();
    assert_eq!((fill.get(35), fill.get(123), fill.get(34)), ("4", "Y", entered.get(34)), "{fill:?}");
    drop((ws, fix));
    let ended = venue.stop();
    let replayed = replay(&venue.path("data"), &venue.vault(), |_| {}).unwrap();
    assert_eq!((replayed.from, replayed.shards[0].state_hash()), (Some(3), ended.shards[0].2));
}

#[test]
fn a_captured_order_runs_zero_times_after_an_archive_on_any_gateway_and_over_either_protocol() {
    let patient = setup().fix_sessions(|session| session.sending_time_window = Span::from_secs(600));
    let mut venue = patient.topology("2x2/4").start();
    let (mut ws, mut fix) = (Ws::logged_on(&venue, "alice"), Fix::logged_on(&venue, "alice"));
    let mut unnamed = resting("unnamed");
    unnamed.retain(|(name, _)| *name != "newClientOrderId");
    let captured =
        [resting("open"), resting("closed"), unnamed].map(|order| ws.request("order.place", &order));
    let placed = captured.each_ref().map(|request| ws.raw(request)["result"]["orderId"].clone());
    assert!(placed.iter().all(Value::is_u64), "{placed:?}");
    ws.call("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", "closed")]);
    let of_fix = fix.message("D", buy("of-fix"), true);
    fix.send(&of_fix);
    let entered = fix.read();
    assert_eq!(entered.get(150), "0", "{entered:?}");
    fill(&venue, &mut Ws::logged_on(&venue, "bob"), 4);
    venue.kill();
    archive(&venue, 3);
    venue.start_again();

    let open = |ws: &mut Ws| ws.call("openOrders.status", &[])["result"].clone();
    let before = open(&mut Ws::logged_on(&venue, "alice"));
    assert_eq!(before.as_array().unwrap().len(), 3);
    for _ in 0..4 {
        let mut ws = Ws::logged_on(&venue, "alice");
        let again = captured.each_ref().map(|request| ws.raw(request));
        for open in [0, 2] {
            assert_eq!(
                (&again[open]["result"]["orderId"], &again[open]["repeated"]),
                (&placed[open], &true.into())
            );
        }
        assert_eq!(refusal(&again[1]).0, "ResultArchived");
        let other_protocol = ws.place(&resting("of-fix"));
        assert_eq!(other_protocol["result"]["orderId"].to_string(), entered.get(37), "{other_protocol}");
    }
    // The captured bytes have the number that is expected again.
    let mut fix = Fix::logged_on(&venue, "alice");
    fix.send(&of_fix);
    let again = fix.read();
    assert_eq!((again.get(150), again.get(37)), ("I", entered.get(37)), "{again:?}");
    fix.next += 1;
    let other_protocol = fix.enter(buy("open"));
    assert_eq!((other_protocol.get(150), other_protocol.get(37)), ("I", placed[0].to_string().as_str()));
    assert_eq!(open(&mut Ws::logged_on(&venue, "alice")), before);
}
