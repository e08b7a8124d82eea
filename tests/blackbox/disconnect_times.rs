//! How long cancel on disconnect takes.

use crate::cancel_on_disconnect::{leave_unread, wait_until_gone, ws_logon};
use crate::support::fix::buy;
use crate::support::websocket::resting;
use crate::support::{Fix, PATIENCE, Venue, now};
use sealgate::types::{Event, ExecType, Nanos};
use std::collections::{BTreeMap, HashMap};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long it takes from the end of a connection to the cancel in the engine: the two stand in one log, because client
/// and server share a clock here.
#[test]
#[ignore = "a measurement: a thousand connections, figures for docs/numbers.md"]
fn a_thousand_disconnects_are_measured() {
    let mut venue = Venue::start();
    let mut closed = HashMap::new();
    for n in 0..250 {
        for (kind, fix, reset) in [
            ("fix-fin", true, false),
            ("fix-rst", true, true),
            ("ws-fin", false, false),
            ("ws-rst", false, true),
        ] {
            let id = format!("{kind}-{n}");
            let at = if fix { fix_closed_at(&venue, &id, reset) } else { ws_closed_at(&venue, &id, reset) };
            closed.insert(id, at);
        }
    }
    sleep(Duration::from_secs(1));
    venue.stop();
    let mut took: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    sealgate::run::recovery::replay(&venue.path("data"), &venue.vault(), |step| {
        for event in step.events {
            let Event::Execution(it) = event else { continue };
            if it.exec_type == ExecType::Canceled {
                let id = it.order.cl_ord_id.to_string();
                let micros = step.time.since(closed[&id]).0 as f64 / 1e3;
                took.entry(id.rsplit_once('-').unwrap().0.to_owned()).or_default().push(micros);
                took.entry("all".to_owned()).or_default().push(micros);
            }
        }
    })
    .unwrap();
    assert_eq!(took["all"].len(), 1_000);
    for (kind, micros) in &mut took {
        micros.sort_by(f64::total_cmp);
        let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize];
        println!("{kind:8} p50 {:6.0} us   p99 {:6.0} us   max {:6.0} us", at(0.5), at(0.99), at(1.0));
    }
}

/// Enters an order and closes the connection: when that was.
fn fix_closed_at(venue: &Venue, id: &str, reset: bool) -> Nanos {
    wait_until_gone(venue);
    let mut fix = fix_logon_when_free(venue);
    assert_eq!(fix.enter(buy(id)).get(39), "0");
    if reset {
        let test_request = fix.message("1", "112=unread|", false);
        fix.send(&test_request);
        leave_unread(&fix.stream.sock);
    }
    let at = now();
    drop(fix.stream.sock);
    at
}

/// The connection of before may not be gone yet.
fn fix_logon_when_free(venue: &Venue) -> Fix {
    let started = Instant::now();
    loop {
        let mut fix = Fix::connect(venue, "alice");
        fix.logon("141=Y|35002=1|");
        if fix.read().get(35) == "A" {
            return fix;
        }
        assert!(started.elapsed() < PATIENCE);
    }
}

fn ws_closed_at(venue: &Venue, id: &str, reset: bool) -> Nanos {
    let mut ws = ws_logon(venue, &[("cancelOnDisconnect", "DISCONNECT")]);
    assert_eq!(ws.place(&resting(id))["status"], 200);
    if reset {
        ws.socket.send(tungstenite::Message::text(r#"{"id":1,"method":"ping"}"#)).unwrap();
        leave_unread(&ws.socket.get_ref().sock);
    }
    let at = now();
    drop(ws);
    at
}
