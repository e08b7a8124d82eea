//! FIX sessions at run time: added, changed, removed and listed over the control socket of a running server, and still
//! so after a restart.

use crate::support::control::{done, refused, socket};
use crate::support::fix::{Fields, buy, cancel};
use crate::support::{Fix, Setup, Venue};
use sealgate::admin::client::{Control, ControlError};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// How `session.list` tells the session of this SenderCompID.
fn listed(venue: &Venue, sender: &str) -> Value {
    let answer = done(venue, json!({ "do": "session.list" }));
    let sessions = answer["sessions"].as_array().unwrap();
    sessions.iter().find(|session| session["sender_comp_id"] == sender).cloned().unwrap_or_default()
}

fn add(sender: &str) -> Value {
    let keys = json!({ "sender_comp_id": sender, "target_comp_id": "SEALGATE", "heartbeat_max": "45s" });
    json!({ "do": "session.add", "member": "alice", "keys": keys })
}

fn set(session: &str, keys: Value) -> Value {
    json!({ "do": "session.set", "session": session, "keys": keys })
}

/// A client of alice under another SenderCompID.
fn connect(venue: &Venue, sender: &str) -> Fix {
    let mut fix = Fix::connect(venue, "alice");
    fix.sender = sender.to_owned();
    fix
}

fn log_on(venue: &Venue, sender: &str, fields: &str) -> (Fix, Fields) {
    let mut fix = connect(venue, sender);
    fix.logon(fields);
    let answer = fix.read();
    (fix, answer)
}

#[track_caller]
fn logged_on(venue: &Venue, sender: &str, next: u32, fields: &str) -> Fix {
    let mut fix = connect(venue, sender);
    fix.next = next;
    fix.logon(fields);
    let answer = fix.read();
    assert_eq!(answer.get(35), "A", "{answer:?}");
    fix
}

/// A closed session stays with its connection until the last bytes are out.
fn until_disconnected(venue: &Venue, sender: &str) {
    let started = Instant::now();
    while listed(venue, sender)["state"] != "disconnected" || !listed(venue, sender)["peer"].is_null() {
        assert!(started.elapsed() < Duration::from_secs(10), "{}", listed(venue, sender));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_session_that_is_added_trades_at_once_and_is_there_after_a_restart() {
    let mut venue = Venue::start();
    assert_eq!(log_on(&venue, "ALICE2", "").1, Fields(vec![]), "nobody knows it yet");
    let answer = done(&venue, add("ALICE2"));
    assert_eq!(answer, json!({ "session": 3, "member": "alice" }));

    let mut fix = logged_on(&venue, "ALICE2", 1, "");
    assert_eq!(fix.enter(buy("one")).get(150), "0");
    let told = listed(&venue, "ALICE2");
    assert_eq!((told["state"].as_str(), told["version"].as_str()), (Some("logged on"), Some("FIX.4.4")));
    assert_eq!((told["next_in"].as_u64(), told["next_out"].as_u64()), (Some(3), Some(3)));
    assert_eq!(
        (told["heartbeat_secs"].as_u64(), told["origin"].as_str()),
        (Some(30), Some("added at run time"))
    );
    assert!(told["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{told}");
    assert!(told["since"].is_string() && told["last_received"].is_string(), "{told}");
    assert_eq!(listed(&venue, "ALICE")["origin"], "configuration");

    venue.kill();
    venue.start_again();
    assert_eq!(listed(&venue, "ALICE2")["state"], "disconnected");
    let mut fix = logged_on(&venue, "ALICE2", 3, "");
    assert_eq!(fix.enter(buy("two")).get(150), "0");
}

#[test]
fn a_session_that_is_removed_is_logged_out_and_comes_back_with_its_numbers() {
    let mut venue = Venue::start();
    done(&venue, add("ALICE2"));
    let mut fix = logged_on(&venue, "ALICE2", 1, "");
    assert_eq!(fix.enter(buy("rests")).get(150), "0");
    let remove = json!({ "do": "session.remove", "session": "ALICE2", "text": "bye" });
    done(&venue, remove.clone());
    let logout = fix.read();
    assert_eq!((logout.get(35), logout.get(58)), ("5", "bye"));
    assert_eq!(listed(&venue, "ALICE2"), Value::Null);
    assert_eq!(refused(&venue, remove).0, "UnknownSession");
    drop(fix);
    assert_eq!(log_on(&venue, "ALICE2", "").1, Fields(vec![]));

    // Its number is no other's, here and after a restart.
    venue.stop();
    venue.start_again();
    assert_eq!(log_on(&venue, "ALICE2", "").1, Fields(vec![]));
    let other = json!({ "id": 3, "sender_comp_id": "ALICE3", "target_comp_id": "SEALGATE" });
    let add_other = json!({ "do": "session.add", "member": "alice", "keys": other });
    assert_eq!(refused(&venue, add_other).0, "IdTaken");
    assert_eq!(refused(&venue, add("ALICE2")).0, "CompIdTaken", "they are those of session 3");
    assert_eq!(done(&venue, add("ALICE3"))["session"], 4);

    // The same one comes back with its order and its numbers.
    let same = json!({ "id": 3, "sender_comp_id": "ALICE2", "target_comp_id": "SEALGATE" });
    done(&venue, json!({ "do": "session.add", "member": "alice", "keys": same }));
    assert_eq!(listed(&venue, "ALICE2")["next_in"], 3);
    let mut fix = logged_on(&venue, "ALICE2", 3, "");
    fix.order("F", cancel("c", "rests"));
    assert_eq!(fix.read().get(150), "4");
}

#[test]
fn of_several_gateways_the_one_that_keeps_the_session_takes_the_change() {
    let venue = Setup::new().topology("2x2/4").start();
    done(&venue, add("ALICE2"));
    done(&venue, add("ALICE3"));
    let mut clients = ["ALICE2", "ALICE3"].map(|sender| logged_on(&venue, sender, 1, ""));
    for fix in &mut clients {
        let id = format!("{}-1", fix.sender);
        assert_eq!(fix.enter(buy(&id)).get(150), "0");
        let told = listed(&venue, &fix.sender);
        assert_eq!((told["state"].as_str(), told["next_in"].as_u64()), (Some("logged on"), Some(3)));
        done(&venue, set(&fix.sender, json!({ "enabled": false })));
        assert_eq!(fix.read().get(35), "5");
    }
}

#[test]
fn a_session_of_the_configuration_is_removed_until_it_is_added_again() {
    let mut venue = Venue::start();
    done(&venue, json!({ "do": "session.remove", "session": "1" }));
    venue.stop();
    venue.start_again();
    let told = listed(&venue, "ALICE");
    assert_eq!(
        (told["state"].as_str(), told["origin"].as_str()),
        (Some("removed"), Some("removed at run time"))
    );
    assert_eq!(log_on(&venue, "ALICE", "141=Y|").1, Fields(vec![]));
    let same = json!({ "id": 1, "sender_comp_id": "ALICE", "target_comp_id": "SEALGATE" });
    done(&venue, json!({ "do": "session.add", "member": "alice", "keys": same }));
    logged_on(&venue, "ALICE", 1, "141=Y|");
}

#[test]
fn a_changed_setting_holds_from_the_next_logon_and_after_a_restart() {
    let mut venue = Venue::start();
    let _live = Fix::logged_on(&venue, "alice");
    done(&venue, set("ALICE", json!({ "heartbeat_max": "10s" })));
    assert_eq!(listed(&venue, "ALICE")["state"], "logged on", "a change of bounds disturbs nobody");
    venue.stop();
    venue.start_again();
    let (_fix, answer) = log_on(&venue, "ALICE", "141=Y|");
    assert_eq!((answer.get(35), answer.get(58)), ("5", "HeartBtInt must be 1 to 10 seconds"));
    let told = listed(&venue, "ALICE");
    assert_eq!(told["origin"], "configuration, changed at run time");
    assert_eq!(told["keys_at_run_time"], json!(["heartbeat_max"]));
}

#[test]
fn a_disabled_session_is_logged_out_repaired_and_enabled_again() {
    let mut venue = Venue::start();
    let mut fix = Fix::logged_on(&venue, "alice");
    let numbers = |next_in: u32, next_out: u32| json!({ "do": "session.set", "session": "ALICE", "next_in": next_in, "next_out": next_out });
    assert_eq!(refused(&venue, numbers(50, 70)).0, "Connected");
    done(&venue, set("ALICE", json!({ "enabled": false })));
    assert_eq!(fix.read().get(58), "the operator has disabled this session");
    drop(fix);
    until_disconnected(&venue, "ALICE");
    assert_eq!(log_on(&venue, "ALICE", "141=Y|").1, Fields(vec![]));

    let (name, message) = refused(&venue, numbers(1, 1));
    assert_eq!((name.as_str(), message.contains("below 3")), ("NumberUsed", true), "{message}");
    done(&venue, numbers(50, 70));
    venue.kill();
    venue.start_again();
    done(&venue, set("ALICE", json!({ "enabled": true })));
    let told = listed(&venue, "ALICE");
    assert_eq!((told["next_in"].as_u64(), told["enabled"].as_bool()), (Some(50), Some(true)));
    let mut fix = Fix::connect(&venue, "alice");
    fix.next = 50;
    fix.logon("");
    let answer = fix.read();
    assert_eq!((answer.get(35), answer.get(34)), ("A", told["next_out"].to_string().as_str()));
    assert!(told["next_out"].as_u64() >= Some(70), "{told}");
    fix.log_out();

    until_disconnected(&venue, "ALICE");
    done(&venue, json!({ "do": "session.set", "session": "ALICE", "reset": true }));
    let told = listed(&venue, "ALICE");
    assert_eq!((told["next_in"].as_u64(), told["next_out"].as_u64()), (Some(1), Some(1)));
    logged_on(&venue, "ALICE", 1, "");
}

#[test]
fn wrong_requests_are_refused_by_name_and_change_nothing() {
    let venue = Venue::start();
    let before = done(&venue, json!({ "do": "session.list" }));
    let keys = |more: Value| {
        let mut keys = json!({ "sender_comp_id": "X", "target_comp_id": "SEALGATE" });
        keys.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "do": "session.add", "member": "alice", "keys": keys })
    };
    let rows = [
        (json!({ "do": "shutdown" }), "BadRequest", "shutdown"),
        (json!({ "do": "session.remove" }), "BadRequest", "session"),
        (json!({ "do": "session.add", "member": "eve", "keys": {} }), "UnknownMember", "eve"),
        (
            json!({ "do": "session.add", "member": "alice", "keys": {} }),
            "KeyRefused",
            "sender_comp_id: it is missing",
        ),
        (keys(json!({ "colour": "red" })), "KeyRefused", "colour: no such key"),
        (keys(json!({ "heartbeat_max": "1 day" })), "KeyRefused", "heartbeat_max"),
        (
            keys(json!({ "heartbeat_min": "30s", "heartbeat_max": "3s" })),
            "KeyRefused",
            "shorter than heartbeat_min",
        ),
        (keys(json!({ "enabled": "yes" })), "KeyRefused", "true or false"),
        (keys(json!({ "gateway": 0 })), "KeyRefused", "gateway: a session stays"),
        (keys(json!({ "id": 0 })), "KeyRefused", "id"),
        (keys(json!({ "id": 1 })), "IdTaken", "id 1"),
        (keys(json!({ "sender_comp_id": "BOB" })), "CompIdTaken", "BOB"),
        (keys(json!({ "sender_comp_id": "a b" })), "KeyRefused", "sender_comp_id"),
        (keys(json!({ "a\n[[session]]": 1 })), "KeyRefused", "no such key"),
        (set("NOBODY", json!({ "enabled": true })), "UnknownSession", "NOBODY"),
        (set("ALICE", json!({})), "NothingToDo", "nothing"),
        (set("ALICE", json!({ "sender_comp_id": "EVE" })), "KeyRefused", "sender_comp_id"),
        (json!({ "do": "session.set", "session": "1", "next_in": 0 }), "BadRequest", "next_in"),
    ];
    for (request, name, message) in rows {
        let (found, text) = refused(&venue, request.clone());
        assert_eq!(found, name, "{request}: {text}");
        assert!(text.contains(message), "{request}: {text}");
    }
    assert_eq!(done(&venue, json!({ "do": "session.list" })), before);
    assert!(!venue.config().data_dir.join("sessions.sealed").exists());
}

#[test]
fn the_socket_is_its_owners_alone_and_takes_no_line_that_is_too_long() {
    let mut venue = Venue::start();
    let mode = std::fs::metadata(socket(&venue)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut control = Control::connect(&socket(&venue)).unwrap();
    let hello = control.say(br#"{"do":"hello"}"#).unwrap();
    assert_eq!((hello["server"].as_str(), hello["protocol"].as_u64()), (Some("sealgate"), Some(1)));
    for garbage in [&b"garbage"[..], b"", b"\xff\x00", b"{\"do\":\"hello\",\"do\":\"hello\"}"] {
        assert!(
            matches!(control.say(garbage), Err(ControlError::Refused(refusal)) if refusal.name == "BadRequest")
        );
    }
    let long = vec![b'x'; 20_000];
    assert!(
        matches!(control.say(&long), Err(ControlError::Refused(refusal)) if refusal.message.contains("longer"))
    );
    assert!(control.say(br#"{"do":"hello"}"#).is_ok(), "the next line is read as before");

    venue.kill();
    venue.start_again();
    assert!(Control::connect(&socket(&venue)).is_ok(), "what the killed server left is replaced");
    let path = socket(&venue);
    venue.stop();
    assert!(!path.exists());
}

#[test]
fn a_server_without_a_control_socket_serves_all_the_same() {
    let venue = Setup::new().file("[listen]", "[control]\nenabled = false\n\n[listen]").start();
    assert_eq!(venue.config().control_socket(), None);
    assert!(!venue.config().data_dir.join("control.sock").exists());
    let mut fix = Fix::logged_on(&venue, "alice");
    assert_eq!(fix.enter(buy("one")).get(150), "0");
}

#[test]
fn the_command_line_does_what_the_socket_does() {
    let venue = Venue::start();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealgate"));
        let output =
            command.arg("session").args(arguments).arg("--socket").arg(socket(&venue)).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let added =
        run(&["add", "alice", "sender_comp_id=ALICE2", "target_comp_id=SEALGATE", "sign_logon=false"]);
    assert_eq!((added.0, added.1.trim()), (Some(0), r#"{"member":"alice","session":3}"#), "{added:?}");
    assert_eq!(run(&["set", "ALICE2", "heartbeat_max=20s", "--next-in", "7"]).0, Some(0));
    let (code, table, _) = run(&["list"]);
    let row = table.lines().find(|line| line.contains("ALICE2")).unwrap();
    assert_eq!(code, Some(0));
    assert!(row.contains("disconnected") && row.ends_with("added at run time"), "{table}");
    let json: Value = serde_json::from_str(&run(&["list", "--json"]).1).unwrap();
    assert_eq!(json["sessions"][2]["next_in"], 7);
    let (code, _, why) = run(&["add", "eve", "id=9"]);
    assert_eq!(code, Some(1));
    assert!(why.starts_with("sealgate: session: UnknownMember: "), "{why}");
    assert_eq!(run(&["remove", "ALICE2"]).0, Some(0));
    assert!(!run(&["list"]).1.contains("ALICE2"));
}
