//! Order entry on sessions of other versions than FIX.4.4.

use crate::support::fix::{Fields, buy, cancel};
use crate::support::{Fix, Setup, Venue};
use sealgate::types::FixVersion;
use sealgate::wire::fix::{Dictionary, Index, Message, Validation, Verdict};

fn venue(version: FixVersion) -> Venue {
    Setup::new().fix_rules(move |rules| rules.version = version).start()
}

/// A member logged on to a session of this version.
fn logged_on(venue: &Venue, member: &str, version: FixVersion) -> Fix {
    let mut fix = Fix::connect(venue, member);
    fix.begin_string = version.begin_string();
    let appl_ver_id = String::from_utf8_lossy(version.appl_ver_id()).into_owned();
    fix.logon(&if version.is_fixt() { format!("141=Y|1137={appl_ver_id}|") } else { "141=Y|".to_owned() });
    let answer = fix.read();
    assert_eq!((answer.get(8), answer.get(35)), (version.begin_string(), "A"), "{answer:?}");
    assert_eq!(answer.get(1137), if version.is_fixt() { &appl_ver_id } else { "" });
    fix
}

/// What a client with the standard's dictionary says of a message.
#[track_caller]
pub fn assert_standard(version: FixVersion, fields: &Fields) {
    let text: String = fields.0.iter().map(|(tag, value)| format!("{tag}={value}\x01")).collect();
    let mut index = Index::new();
    let message = Message::parse(text.as_bytes(), &mut index).unwrap();
    match Dictionary::standard(version).validate(&message, Validation::FULL) {
        Verdict::Good(_) => {}
        Verdict::Fault(fault) => panic!("{version}: {fault:?}: {fields:?}"),
        Verdict::Unsupported => panic!("{version}: not supported: {fields:?}"),
    }
}

#[test]
fn orders_are_entered_traded_and_canceled_in_the_words_of_each_version() {
    for version in FixVersion::ALL {
        let venue = venue(version);
        let (mut alice, mut bob) = (logged_on(&venue, "alice", version), logged_on(&venue, "bob", version));
        let is_42 = version == FixVersion::Fix42;
        let rested = alice.enter(buy("maker"));
        assert_eq!(
            (rested.get(35), rested.get(150), rested.get(39)),
            ("8", "0", "0"),
            "{version} {rested:?}"
        );
        assert_eq!(rested.get(20), if is_42 { "0" } else { "" });
        let sell = buy("taker").replace("54=1|", "54=2|").replace("38=0.01|", "38=0.004|");
        bob.enter(sell);
        let (taken, made) = (bob.read(), alice.read());
        assert_eq!(taken.get(150), if is_42 { "2" } else { "F" }, "{version} {taken:?}");
        assert_eq!(made.get(150), if is_42 { "1" } else { "F" }, "{version} {made:?}");
        assert_eq!((taken.get(31), taken.get(32)), ("99000.00", "0.00400"));
        alice.order("F", cancel("cancel", "maker"));
        let canceled = alice.read();
        assert_eq!((canceled.get(150), canceled.get(41)), ("4", "maker"), "{version} {canceled:?}");
        alice.order("F", cancel("again", "nothing"));
        let unknown = alice.read();
        assert_eq!((unknown.get(35), unknown.get(102)), ("9", "1"), "{version} {unknown:?}");
        let rejected = alice.enter(buy("far").replace("44=99000.00", "44=1.00"));
        assert_eq!((rejected.get(35), rejected.get(39)), ("8", "8"), "{version} {rejected:?}");
        for told in [rested, taken, made, canceled, unknown, rejected] {
            assert_standard(version, &told);
        }
    }
}

#[test]
fn what_is_sent_again_has_the_same_body_in_the_words_of_the_version() {
    let version = FixVersion::Fix42;
    let venue = venue(version);
    let mut alice = logged_on(&venue, "alice", version);
    let rested = alice.enter(buy("again"));
    let request = alice.message("2", "7=2|16=2|", false);
    alice.send(&request);
    let again = alice.read();
    let body = |fields: &Fields| -> Vec<(u32, String)> {
        let header = [8, 9, 10, 34, 35, 43, 49, 52, 56, 97, 122];
        fields.0.iter().filter(|(tag, _)| !header.contains(tag)).cloned().collect()
    };
    assert_eq!(again.get(43), "Y");
    assert_eq!(body(&again), body(&rested));
}

#[test]
fn a_logon_of_another_version_is_closed_without_a_word() {
    let venue = venue(FixVersion::Fix42);
    let mut alice = Fix::connect(&venue, "alice");
    alice.logon("141=Y|");
    assert!(alice.read().0.is_empty());
}

#[test]
fn a_refused_fixt_logon_is_told_its_session_status() {
    let version = FixVersion::Fix50Sp2;
    let venue = venue(version);
    let alice = logged_on(&venue, "alice", version);
    drop(alice);
    let mut again = Fix::connect(&venue, "alice");
    again.begin_string = version.begin_string();
    again.logon("1137=9|");
    let logout = again.read();
    assert_eq!((logout.get(35), logout.get(1409)), ("5", "7"), "{logout:?}");
    assert!(logout.get(58).starts_with("MsgSeqNum too low, expecting 2 but received 1"));
}
