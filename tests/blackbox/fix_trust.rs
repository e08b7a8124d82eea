//! Who may have a FIX session: certificate, then CompIDs, then signature, and only then anything that touches it.

use crate::support::fix::{buy, fix_time};
use crate::support::{Fix, Setup, Venue, now, read_to_close};
use sealgate::types::{Nanos, Span};

/// Logs on with the next number, and gives MsgType and Text of the answer; two empty ones where there is none.
fn answer(fix: &mut Fix, fields: &str) -> (String, String) {
    fix.logon(fields);
    let answer = fix.read();
    (answer.get(35).to_owned(), answer.get(58).to_owned())
}

fn nothing() -> (String, String) {
    Default::default()
}

/// That a session goes on with the numbers that it has: nothing has touched it.
#[track_caller]
fn assert_goes_on(fix: &mut Fix, cl_ord_id: &str) {
    let report = fix.enter(buy(cl_ord_id));
    assert_eq!((report.get(35), report.get(150)), ("8", "0"), "{report:?}");
}

#[test]
fn the_certificate_of_another_member_cannot_log_on_or_reset_a_session() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    assert_goes_on(&mut alice, "before");
    let next = alice.next;
    drop(alice);
    // Bob's certificate with Alice's CompIDs, signed by his key and by hers.
    for key in ["bob", "alice"] {
        let mut thief = Fix::connect(&venue, "bob");
        (thief.sender, thief.key) = ("ALICE".to_owned(), venue.key(key));
        assert_eq!(answer(&mut thief, "141=Y|789=1|"), nothing());
    }
    let mut alice = Fix::connect(&venue, "alice");
    alice.next = next;
    assert_eq!(answer(&mut alice, "").0, "A", "neither direction was touched");
    assert_goes_on(&mut alice, "after");
}

#[test]
fn a_logon_that_its_key_did_not_sign_resets_nothing() {
    let venue = Venue::start();
    let alice = Fix::logged_on(&venue, "alice");
    let (next, key) = (alice.next, venue.key("bob"));
    drop(alice);
    let mut forger = Fix::connect(&venue, "alice");
    forger.key = key;
    assert_eq!(answer(&mut forger, "141=Y|"), nothing());
    let mut alice = Fix::connect(&venue, "alice");
    alice.next = next;
    assert_eq!(answer(&mut alice, "").0, "A");
}

#[test]
fn a_second_logon_of_a_live_session_is_refused_without_a_word() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let mut second = Fix::connect(&venue, "alice");
    assert_eq!(answer(&mut second, "141=Y|"), nothing());
    assert_goes_on(&mut alice, "undisturbed");
}

#[test]
fn the_same_certificate_takes_a_session_over_where_the_policy_says_so() {
    let venue = Setup::new().fix_rules(|rules| rules.takeover = true).start();
    let mut first = Fix::logged_on(&venue, "alice");
    assert_goes_on(&mut first, "first");
    let mut second = Fix::connect(&venue, "alice");
    second.next = first.next;
    assert_eq!(answer(&mut second, "").0, "A");
    assert!(first.read().0.is_empty(), "the first connection is closed");
    assert_goes_on(&mut second, "second");
    let mut forger = Fix::connect(&venue, "alice");
    forger.key = venue.key("bob");
    assert_eq!(answer(&mut forger, "141=Y|"), nothing());
    assert_goes_on(&mut second, "third");
}

#[test]
fn a_logon_with_a_stale_sending_time_takes_no_session_over() {
    let venue = Setup::new().fix_rules(|rules| rules.takeover = true).start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let mut stale = Fix::connect(&venue, "alice");
    stale.next = alice.next;
    stale.logon_at("", Nanos(now().0 - Span::from_secs(600).0));
    assert!(stale.read().0.is_empty(), "it is refused without a word");
    assert_goes_on(&mut alice, "undisturbed");
}

#[test]
fn a_logon_that_would_be_refused_takes_no_session_over() {
    let venue = Setup::new()
        .fix_rules(|rules| rules.takeover = true)
        .fix_sessions(|session| session.reset_allowed = false)
        .start();
    let mut alice = Fix::connect(&venue, "alice");
    assert_eq!(answer(&mut alice, "").0, "A");
    assert_goes_on(&mut alice, "first");
    let next = alice.next;
    let taken = |heartbeat: u32, next: u32, fields: &str| {
        let mut second = Fix::connect(&venue, "alice");
        (second.heartbeat, second.next) = (heartbeat, next);
        answer(&mut second, fields)
    };
    assert_eq!(taken(9_999, next, ""), nothing(), "a HeartBtInt above all bounds");
    assert_eq!(taken(30, next - 1, ""), nothing(), "a number that was used");
    assert_eq!(taken(30, 1, "141=Y|"), nothing(), "a reset that the session does not allow");
    assert_goes_on(&mut alice, "undisturbed");
    assert_eq!(taken(30, alice.next, "").0, "A", "and one that is right still takes it");
    assert!(alice.read().0.is_empty(), "the first connection is closed");
}

#[test]
fn a_reset_does_not_reopen_what_was_executed() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let order = alice.message("D", buy("once"), true);
    alice.send(&order);
    assert_eq!(alice.read().get(150), "0");
    alice.next = 1;
    assert_eq!(answer(&mut alice, "141=Y|").0, "A");
    // The captured bytes have the number that is expected again.
    alice.send(&order);
    let again = alice.read();
    assert_eq!((again.get(35), again.get(150), again.get(39)), ("8", "I", "0"), "{again:?}");
}

#[test]
fn a_reset_is_refused_where_the_session_may_not_reset() {
    let venue = Setup::new().fix_sessions(|session| session.reset_allowed = false).start();
    let mut alice = Fix::connect(&venue, "alice");
    let told = ("5".to_owned(), "ResetSeqNumFlag is not allowed".to_owned());
    assert_eq!(answer(&mut alice, "141=Y|"), told);
    read_to_close(&mut alice.stream);
}

#[test]
fn after_so_many_forged_logons_none_is_looked_at_for_a_while() {
    let venue = Setup::new()
        .fix_rules(|rules| (rules.max_logon_failures, rules.logon_lockout) = (2, Span::from_secs(1)))
        .start();
    for _ in 0..2 {
        let mut forger = Fix::connect(&venue, "alice");
        forger.key = venue.key("bob");
        assert_eq!(answer(&mut forger, "141=Y|"), nothing());
    }
    assert_eq!(answer(&mut Fix::connect(&venue, "alice"), "141=Y|"), nothing());
    assert_eq!(answer(&mut Fix::connect(&venue, "bob"), "141=Y|").0, "A", "other sessions are not locked");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(answer(&mut Fix::connect(&venue, "alice"), "141=Y|").0, "A");
}

#[test]
fn a_password_is_wanted_where_the_session_has_one() {
    let digest = sealgate::wire::digest::sha256(b"correct horse");
    let venue = Setup::new().fix_rules(move |rules| rules.password_sha256 = Some(digest)).start();
    let wrong = ("5".to_owned(), "Password is not that of the session".to_owned());
    assert_eq!(answer(&mut Fix::connect(&venue, "alice"), "141=Y|"), wrong);
    let mut fix = Fix::connect(&venue, "alice");
    assert_eq!(answer(&mut fix, "141=Y|554=battery staple|"), wrong);
    let new = "141=Y|554=correct horse|925=another|";
    assert_eq!(answer(&mut Fix::connect(&venue, "alice"), new).1, "the operator sets passwords");
    assert_eq!(answer(&mut Fix::connect(&venue, "alice"), "141=Y|554=correct horse|").0, "A");
}

#[test]
fn a_logon_outside_the_hours_of_the_session_is_told_so() {
    let venue = Setup::new()
        .file(
            "sender_comp_id = \"ALICE\"",
            "sender_comp_id = \"ALICE\"\nschedule_days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]\n\
             schedule_start = \"00:00:00\"\nschedule_end = \"00:00:01\"\nschedule_zone = \"Asia/Tokyo\"",
        )
        .start();
    let told = ("5".to_owned(), "the session is closed at this hour".to_owned());
    assert_eq!(answer(&mut Fix::connect(&venue, "alice"), "141=Y|"), told);
    assert_eq!(answer(&mut Fix::connect(&venue, "bob"), "141=Y|").0, "A");
}

#[test]
fn at_the_end_of_its_hours_a_session_logs_out_and_its_numbers_begin_anew() {
    let end = now() + Span::from_secs(3);
    let time = fix_time(end)[9..17].to_owned();
    let hours = format!(
        "sender_comp_id = \"ALICE\"\nschedule_days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]\n\
         schedule_start = \"{time}\"\nschedule_end = \"{time}\""
    );
    let mut venue = Setup::new().file("sender_comp_id = \"ALICE\"", &hours).start();
    let mut alice = Fix::logged_on(&venue, "alice");
    assert_goes_on(&mut alice, "before");
    let logout = alice.read();
    assert_eq!((logout.get(35), logout.get(58)), ("5", "the hours of this session are over"));
    let goodbye = alice.message("5", "", false);
    alice.send(&goodbye);
    read_to_close(&mut alice.stream);
    let mut alice = Fix::connect(&venue, "alice");
    alice.logon("");
    let logon = alice.read();
    assert_eq!((logon.get(35), logon.get(34)), ("A", "1"), "both directions begin anew, unasked");
    assert_goes_on(&mut alice, "after");
    let next = alice.next;
    drop(alice);
    venue.kill();
    venue.start_again();
    let mut alice = Fix::connect(&venue, "alice");
    alice.next = next;
    alice.logon("");
    assert_eq!(alice.read().get(35), "A", "they began after the last end, so a restart leaves them");
}
