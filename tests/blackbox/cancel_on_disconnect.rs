//! Cancel on disconnect from outside: each cell of the table in docs/cancel-on-disconnect.md, and the graces.

use crate::support::fix::buy;
use crate::support::websocket::{resting, with};
use crate::support::{Fix, PATIENCE, Setup, Venue, Ws, read_to_close};
use serde_json::Value;
use std::net::{Shutdown, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for the server to have acted if it were to act at all.
const MOMENT: Duration = Duration::from_millis(100);

/// The modes: what stands in 35002, the word of the WebSocket API, and which ends they cover: without a goodbye,
/// with one.
const MODES: [(&str, &str, bool, bool); 4] = [
    ("0", "NONE", false, false),
    ("1", "DISCONNECT", true, false),
    ("2", "LOGOUT", false, true),
    ("3", "BOTH", true, true),
];

/// How a connection can end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// Logout(5), `session.logout`.
    Logout,
    /// A WebSocket close frame.
    Close,
    /// The socket is closed and nothing was said.
    Fin,
    /// The socket is reset, as by a client that was killed with bytes unread.
    Reset,
    /// TLS close_notify, and the socket stays.
    TlsClose,
    /// A fault of the client, over which the server closes.
    Fault,
    /// Nothing comes any more, and the socket stays.
    Silence,
}

impl End {
    fn is_clean(self) -> bool {
        matches!(self, Self::Logout | Self::Close)
    }
}

/// A connection of alice that looks at her orders and is no part of any story.
struct Watcher(Ws);

impl Watcher {
    fn new(venue: &Venue) -> Self {
        let mut ws = Ws::logged_on(venue, "alice");
        ws.subscribe();
        Self(ws)
    }

    fn status(&mut self, id: &str) -> String {
        let answer = self.0.call("order.status", &[("symbol", "BTC-USD"), ("origClientOrderId", id)]);
        answer["result"]["status"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    #[track_caller]
    fn sees_canceled(&mut self, id: &str) {
        let started = Instant::now();
        while self.status(id) != "CANCELED" {
            assert!(started.elapsed() < PATIENCE, "{id} is not canceled");
            sleep(Duration::from_millis(2));
        }
    }

    #[track_caller]
    fn sees(&mut self, id: &str, canceled: bool, what: &str) {
        if canceled {
            return self.sees_canceled(id);
        }
        sleep(MOMENT);
        assert_eq!(self.status(id), "NEW", "{what}");
        let canceled = self.0.call("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", id)]);
        assert_eq!(canceled["status"], 200, "{canceled}");
    }

    /// The next report that tells of a cancel.
    fn canceled(&mut self) -> Value {
        loop {
            let message = self.0.message();
            if message["event"]["x"] == "CANCELED" {
                return message["event"].clone();
            }
        }
    }
}

/// Alice's FIX session, logged on with these fields and on from the numbers of before.
fn fix_logon(venue: &Venue, next: u32, fields: &str) -> Fix {
    let mut fix = Fix::connect(venue, "alice");
    fix.next = next;
    fix.logon(fields);
    let answer = fix.read();
    assert_eq!(answer.get(35), "A", "{answer:?}");
    fix
}

pub fn ws_logon(venue: &Venue, params: &[(&str, &str)]) -> Ws {
    let mut ws = Ws::connect(venue, "alice");
    let answer = ws.call("session.logon", params);
    assert_eq!(answer["status"], 200, "{answer}");
    ws
}

/// Waits for bytes that nobody reads: a socket that is closed over them resets its connection.
pub fn leave_unread(socket: &TcpStream) {
    assert_eq!(socket.peek(&mut [0; 1]).unwrap(), 1);
}

/// Ends a FIX connection; what is given back keeps the socket.
fn end_fix(mut fix: Fix, end: End) -> Option<Fix> {
    match end {
        End::Logout => {
            fix.log_out();
            return None;
        }
        End::Fin => fix.stream.sock.shutdown(Shutdown::Both).unwrap(),
        End::Reset => {
            let test_request = fix.message("1", "112=unread|", false);
            fix.send(&test_request);
            leave_unread(&fix.stream.sock);
        }
        End::TlsClose => {
            fix.stream.conn.send_close_notify();
            fix.stream.conn.write_tls(&mut fix.stream.sock).unwrap();
            return Some(fix);
        }
        End::Fault => {
            fix.next = 1;
            let behind = fix.message("0", "", false);
            fix.send(&behind);
            read_to_close(&mut fix.stream);
        }
        End::Silence => return Some(fix),
        End::Close => unreachable!("a WebSocket close"),
    }
    None
}

fn end_websocket(mut ws: Ws, end: End) -> Option<Ws> {
    match end {
        End::Logout => {
            let answer = ws.raw(r#"{"id":1,"method":"session.logout"}"#);
            assert_eq!(answer["result"]["cancelOnDisconnect"], "NONE", "{answer}");
            return Some(ws);
        }
        End::Close => {
            ws.socket.close(None).unwrap();
            while ws.socket.read().is_ok() {}
        }
        End::Fin => ws.socket.get_mut().sock.shutdown(Shutdown::Both).unwrap(),
        End::Reset => {
            ws.socket.send(tungstenite::Message::text(r#"{"id":1,"method":"ping"}"#)).unwrap();
            leave_unread(&ws.socket.get_mut().sock);
        }
        End::TlsClose => {
            let stream = ws.socket.get_mut();
            stream.conn.send_close_notify();
            stream.conn.write_tls(&mut stream.sock).unwrap();
            return Some(ws);
        }
        End::Fault => {
            ws.socket.send(tungstenite::Message::binary(vec![1])).unwrap();
            assert_eq!(ws.close_code(), 1003);
        }
        End::Silence => unreachable!("it takes a minute"),
    }
    None
}

#[test]
fn a_fix_session_cancels_at_the_ends_that_its_mode_names() {
    let venue = Venue::start();
    let mut watcher = Watcher::new(&venue);
    for end in [End::Logout, End::Fin, End::Reset, End::TlsClose, End::Fault] {
        for (number, word, dirty, clean) in MODES {
            let mut fix = fix_logon(&venue, 1, &format!("141=Y|35002={number}|"));
            let id = format!("{end:?}-{word}");
            assert_eq!(fix.enter(buy(&id)).get(39), "0");
            let kept = end_fix(fix, end);
            watcher.sees(&id, if end.is_clean() { clean } else { dirty }, &id);
            drop(kept);
            wait_until_gone(&venue);
        }
    }
}

/// The session can be logged on to again: its last connection is gone.
pub fn wait_until_gone(venue: &Venue) {
    let started = Instant::now();
    loop {
        let mut fix = Fix::connect(venue, "alice");
        fix.logon("141=Y|35002=0|");
        if fix.read().get(35) == "A" {
            fix.log_out();
            return;
        }
        assert!(started.elapsed() < PATIENCE);
    }
}

#[test]
fn a_websocket_logon_cancels_at_the_ends_that_its_mode_names() {
    let venue = Venue::start();
    let mut watcher = Watcher::new(&venue);
    for end in [End::Logout, End::Close, End::Fin, End::Reset, End::TlsClose, End::Fault] {
        for (_, word, dirty, clean) in MODES {
            let mut ws = ws_logon(&venue, &[("cancelOnDisconnect", word)]);
            let id = format!("{end:?}-{word}");
            assert_eq!(ws.place(&resting(&id))["status"], 200);
            let kept = end_websocket(ws, end);
            watcher.sees(&id, if end.is_clean() { clean } else { dirty }, &id);
            drop(kept);
        }
    }
}

#[test]
fn a_fix_session_that_falls_silent_is_a_disconnect() {
    for (number, canceled) in [("1", true), ("2", false)] {
        let venue = Venue::start();
        let mut watcher = Watcher::new(&venue);
        let mut fix = Fix::connect(&venue, "alice");
        fix.heartbeat = 1;
        fix.logon(&format!("141=Y|35002={number}|"));
        assert_eq!(fix.read().get(35), "A");
        fix.enter(buy("silent"));
        let started = Instant::now();
        let mut kept = end_fix(fix, End::Silence).unwrap();
        // 2.4 heartbeats, as the session has it; what it says meanwhile is read and not answered.
        read_to_close(&mut kept.stream);
        assert!(started.elapsed() > Duration::from_secs(2));
        watcher.sees("silent", canceled, number);
    }
}

/// Prices of the bids, as bob sees them: a logon of alice would take her orders over.
fn bids(venue: &Venue) -> Vec<String> {
    let mut bob = Ws::connect(venue, "bob");
    let depth = bob.raw(r#"{"id":1,"method":"depth","params":{"symbol":"BTC-USD"}}"#);
    let levels = depth["result"]["bids"].as_array().unwrap();
    levels.iter().map(|level| level[0].as_str().unwrap().to_owned()).collect()
}

fn a_restart_is_a_disconnect(end: impl Fn(&mut Venue)) {
    for (alice, bob, kept) in [("1", "0", vec!["97000.00"]), ("3", "2", vec!["97000.00"])] {
        a_restart_with_modes_of_fix(&end, alice, bob, &kept);
    }
}

/// Alice's and bob's FIX sessions in these modes, and a WebSocket logon in each mode; the orders of FIX that stay.
fn a_restart_with_modes_of_fix(end: impl FnOnce(&mut Venue), alice: &str, bob: &str, kept: &[&str]) {
    let mut venue = Venue::start();
    let mut fix = Fix::connect(&venue, "bob");
    fix.logon(&format!("141=Y|35002={bob}|35003=300|"));
    assert_eq!(fix.read().get(35), "A");
    assert_eq!(fix.enter(buy("fix-bob").replace("99000", "97000")).get(39), "0");
    let mut fix_of_alice = fix_logon(&venue, 1, &format!("141=Y|35002={alice}|35003=300|"));
    assert_eq!(fix_of_alice.enter(buy("fix-alice")).get(39), "0");
    let logons: Vec<Ws> = (0..)
        .zip(MODES)
        .map(|(n, (_, word, ..))| {
            let mut ws = ws_logon(&venue, &[("cancelOnDisconnect", word), ("cancelGrace", "300")]);
            let placed = ws.place(&with(resting(word), "price", &format!("9800{n}.00")));
            assert_eq!(placed["status"], 200);
            ws
        })
        .collect();
    end(&mut venue);
    // Longer than the grace, which does not run meanwhile: the clients cannot come back.
    sleep(Duration::from_millis(400));
    venue.start_again();
    let started = Instant::now();
    assert_eq!(bids(&venue).len(), 6, "a restart cancels nothing by itself");
    let stay = [&["98002.00", "98000.00"], kept].concat();
    wait_until(|| bids(&venue) == stay);
    assert!(started.elapsed() > Duration::from_millis(200), "before the grace was over");
    sleep(MOMENT);
    assert_eq!(bids(&venue), stay);
    drop((fix, fix_of_alice, logons));
}

#[test]
fn a_crash_of_the_server_is_a_disconnect_whose_grace_begins_with_the_next_start() {
    a_restart_is_a_disconnect(Venue::kill);
}

#[test]
fn a_stop_of_the_server_is_a_disconnect_whose_grace_begins_with_the_next_start() {
    a_restart_is_a_disconnect(|venue| drop(venue.stop()));
}

#[test]
fn a_logon_within_the_grace_keeps_the_orders_also_over_a_crash() {
    let mut venue = Venue::start();
    let mut fix = fix_logon(&venue, 1, "141=Y|35002=3|35003=2000|");
    let both = [("cancelOnDisconnect", "BOTH"), ("cancelGrace", "2000")];
    let mut ws = ws_logon(&venue, &both);
    fix.enter(buy("fix"));
    ws.place(&resting("ws"));
    let next = fix.next;
    drop((fix, ws));
    let (fix, ws) = (fix_logon(&venue, next, "35002=3|35003=2000|"), ws_logon(&venue, &both));
    let next = fix.next;
    venue.kill();
    venue.start_again();
    drop((fix, ws));
    let (fix, ws) = (fix_logon(&venue, next, "35002=3|35003=0|"), ws_logon(&venue, &both[..1]));
    sleep(Duration::from_millis(2_300));
    let mut watcher = Watcher::new(&venue);
    assert_eq!((watcher.status("fix"), watcher.status("ws")), ("NEW".to_owned(), "NEW".to_owned()));
    // They are the orders of the sessions that are there now, which agreed on no grace.
    drop((fix, ws));
    watcher.sees_canceled("fix");
    watcher.sees_canceled("ws");
}

#[test]
fn the_cause_is_told_to_other_sessions_at_once_and_to_the_fix_session_when_it_is_back() {
    let venue = Venue::start();
    let mut watcher = Watcher::new(&venue);
    let mut fix = fix_logon(&venue, 1, "141=Y|35002=3|");
    let entered = fix.enter(buy("gone"));
    let (next, last) = (fix.next, entered.get(34).parse::<u32>().unwrap());
    drop(fix);
    let report = watcher.canceled();
    assert_eq!((&report["c"], &report["X"]), (&"gone".into(), &"CANCELED".into()));
    assert_eq!(report["r"], "SessionDisconnected: cancel on disconnect.");

    let mut fix = fix_logon(&venue, next, "35002=3|");
    let resend = fix.message("2", format!("7={}|16=0|", last + 1), false);
    fix.send(&resend);
    let canceled = fix.read();
    assert_eq!((canceled.get(43), canceled.get(150), canceled.get(39)), ("Y", "4", "4"), "{canceled:?}");
    assert_eq!((canceled.get(11), canceled.get(37)), ("gone", entered.get(37)));
    assert_eq!(canceled.get(58), "SessionDisconnected: cancel on disconnect.");

    // The first result is given again, with how the order stands; nothing runs twice.
    assert_eq!(fix.read().get(35), "4", "what is left of the resend");
    let again = fix.enter(buy("gone"));
    assert_eq!((again.get(150), again.get(39)), ("I", "4"), "{again:?}");
}

#[test]
fn each_shard_cancels_what_it_has_and_another_gateway_takes_over() {
    let mut venue = Setup::new().topology("2x2/4").start();
    let mut watcher = Watcher::new(&venue);
    let on_the_other_shard = |id| with(with(resting(id), "symbol", "BTC-PERP"), "quantity", "1");
    // Connections are dealt out in turn, so the second logon comes to another gateway than the first.
    // The grace is longer than the second logon takes on a busy machine.
    let terms = [("cancelOnDisconnect", "BOTH"), ("cancelGrace", "20000")];
    let mut first = ws_logon(&venue, &terms);
    assert_eq!(first.place(&resting("a"))["status"], 200);
    assert_eq!(first.place(&on_the_other_shard("b"))["status"], 200);
    drop(first);
    let second = ws_logon(&venue, &terms[..1]);
    sleep(MOMENT);
    assert_eq!(watcher.status("a"), "NEW");
    drop(second);
    watcher.sees_canceled("a");
    let mut fix = fix_logon(&venue, 1, "141=Y|35002=1|");
    fix.enter(buy("c"));
    let perp = buy("d").replace("BTC-USD", "BTC-PERP").replace("38=0.01", "38=1");
    assert_eq!(fix.enter(perp).get(39), "0");
    drop(fix);
    watcher.sees_canceled("c");
    wait_until(|| {
        let open = watcher.0.call("openOrders.status", &[]);
        open["result"].as_array().is_some_and(|orders| orders.is_empty())
    });
    venue.stop();
}

#[test]
fn only_the_orders_of_the_connection_that_ended_go() {
    let venue = Venue::start();
    let mut watcher = Watcher::new(&venue);
    let both = [("cancelOnDisconnect", "BOTH")];
    let (mut first, mut second) = (ws_logon(&venue, &both), ws_logon(&venue, &both));
    let mut plain = Ws::connect(&venue, "alice");
    for (ws, id) in [(&mut first, "first"), (&mut second, "second"), (&mut plain, "no-logon")] {
        assert_eq!(ws.place(&resting(id))["status"], 200);
    }
    drop((first, plain));
    watcher.sees_canceled("first");
    assert_eq!((watcher.status("second"), watcher.status("no-logon")), ("NEW".into(), "NEW".into()));
    assert!(second.is_alive());
}

#[test]
fn the_configuration_says_what_holds_and_what_a_logon_may_ask_for() {
    let keys =
        "cancel_on_disconnect = \"disconnect\"\ncancel_grace = \"50ms\"\ncancel_choice = \"stricter\"\n";
    let venue = Setup::new()
        .file("accounts = [\"ALICE\"]\n", &format!("accounts = [\"ALICE\"]\n{keys}"))
        .file("sender_comp_id = \"ALICE\"", &format!("{keys}sender_comp_id = \"ALICE\""))
        .start();
    let mut watcher = Watcher::new(&venue);

    let mut fix = Fix::connect(&venue, "alice");
    fix.logon("141=Y|");
    let answer = fix.read();
    assert_eq!((answer.get(35002), answer.get(35003)), ("1", "50"), "it is told what holds: {answer:?}");
    fix.enter(buy("by-default"));
    drop(fix);
    watcher.sees_canceled("by-default");
    wait_until(|| logon_of(&venue, "141=Y|35002=3|35003=0|").get(35) == "A");
    for (fields, text) in [
        ("141=Y|35002=0|", "CancelOnDisconnectType is not allowed"),
        ("141=Y|35002=2|", "CancelOnDisconnectType is not allowed"),
        ("141=Y|35003=51|", "CODTimeoutWindow is not allowed"),
    ] {
        wait_until(|| {
            let answer = logon_of(&venue, fields);
            (answer.get(35), answer.get(58)) == ("5", text)
        });
    }

    let mut ws = Ws::connect(&venue, "alice");
    for (name, value) in
        [("cancelOnDisconnect", "NONE"), ("cancelOnDisconnect", "ALL"), ("cancelGrace", "51")]
    {
        let refused = ws.call("session.logon", &[(name, value)]);
        assert_eq!(crate::support::websocket::refusal(&refused).0, "FieldValue", "{refused}");
        assert!(refused["error"]["msg"].as_str().unwrap().contains(name), "{refused}");
    }
    let answer = ws.call("session.logon", &[]);
    assert_eq!(answer["result"]["cancelOnDisconnect"], "DISCONNECT", "{answer}");
    assert_eq!(answer["result"]["cancelGrace"], 50);
    ws.place(&with(resting("ws-by-default"), "price", "98000.00"));
    drop(ws);
    watcher.sees_canceled("ws-by-default");
}

fn logon_of(venue: &Venue, fields: &str) -> crate::support::fix::Fields {
    let mut fix = Fix::connect(venue, "alice");
    fix.logon(fields);
    fix.read()
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "it does not come");
    }
}
