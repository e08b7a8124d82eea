use super::*;
use crate::types::{Shift, Span};
use proptest::prelude::*;

const START: Nanos = Nanos(1_700_000_000_000_000_000);
const UPGRADE: &[u8] =
    b"GET /ws-api/v3 HTTP/1.1\r\nHost: sealgate\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const BINARY: &[u8] = &[0x82, 0x80, 0, 0, 0, 0];
const CLOSE: &[u8] = &[0x88, 0x80, 0, 0, 0, 0];
const PONG: &[u8] = &[0x8a, 0x80, 0, 0, 0, 0];

fn hear(session: &mut Session, bytes: &[u8], now: Nanos) -> Vec<Input> {
    session.receive(bytes, now);
    std::iter::from_fn(|| session.next_input(now)).collect()
}

fn said(session: &mut Session) -> Vec<u8> {
    let mut out = Vec::new();
    session.output(&mut out);
    out
}

fn open() -> Session {
    let mut session = Session::new(START);
    assert!(hear(&mut session, UPGRADE, START).is_empty());
    said(&mut session);
    session
}

fn secs(n: u64) -> Span {
    Span::from_secs(n)
}

/// A session in each of its phases, by name.
fn in_phase(name: &str) -> Session {
    let mut session = if name == "Upgrading" { Session::new(START) } else { open() };
    match name {
        "Upgrading" | "Open" => {}
        "Closing" => session.close(Close::ServerStopping, START),
        "Draining" => drop(hear(&mut session, BINARY, START)),
        "Over" => drop(hear(&mut session, CLOSE, START)),
        other => panic!("{other}"),
    }
    assert_eq!(phase(&session), name);
    session
}

fn phase(session: &Session) -> &'static str {
    match session.phase {
        Phase::Upgrading { .. } => "Upgrading",
        Phase::Open { .. } => "Open",
        Phase::Closing { .. } => "Closing",
        Phase::Draining { .. } => "Draining",
        Phase::Over => "Over",
    }
}

#[test]
fn every_event_in_every_phase_leads_where_the_table_says() {
    const PHASES: [&str; 5] = ["Upgrading", "Open", "Closing", "Draining", "Over"];
    type Event = fn(&mut Session);
    let table: &[(&str, Event, [&str; 5])] = &[
        ("upgrade", |s| drop(hear(s, UPGRADE, START)), ["Open", "Draining", "Draining", "Draining", "Over"]),
        (
            "HTTP alone",
            |s| drop(hear(s, b"GET / HTTP/1.1\r\n\r\n", START)),
            ["Draining", "Draining", "Draining", "Draining", "Over"],
        ),
        ("pong", |s| drop(hear(s, PONG, START)), ["Upgrading", "Open", "Closing", "Draining", "Over"]),
        (
            "binary frame",
            |s| drop(hear(s, BINARY, START)),
            ["Upgrading", "Draining", "Closing", "Draining", "Over"],
        ),
        ("close frame", |s| drop(hear(s, CLOSE, START)), ["Upgrading", "Over", "Over", "Draining", "Over"]),
        (
            "we close",
            |s| s.close(Close::ServerStopping, START),
            ["Over", "Closing", "Closing", "Draining", "Over"],
        ),
        ("nothing yet", |s| s.tick(START + secs(1)), ["Upgrading", "Open", "Closing", "Draining", "Over"]),
        ("deadline", |s| s.tick(START + secs(100)), ["Over", "Closing", "Over", "Over", "Over"]),
    ];
    for (name, event, to) in table {
        for (from, to) in PHASES.iter().zip(to) {
            let mut session = in_phase(from);
            event(&mut session);
            assert_eq!(phase(&session), *to, "{name} in {from}");
        }
    }
}

#[test]
fn a_client_that_does_not_upgrade_in_time_is_cut() {
    let mut session = Session::new(START);
    assert_eq!(session.deadline(), START + LOGON_DEADLINE);
    session.receive(&UPGRADE[..20], START + secs(9));
    session.tick(session.deadline());
    assert!(session.is_over() && said(&mut session).is_empty());
}

#[test]
fn an_open_connection_is_pinged_and_closed_when_nothing_comes_back() {
    let mut session = open();
    for ping in 1..=2 {
        assert_eq!(session.deadline(), START + secs(20 * ping));
        session.tick(session.deadline());
        assert_eq!(said(&mut session), [0x89, 0]);
    }
    session.tick(session.deadline());
    assert_eq!(said(&mut session)[..4], [0x88, 2 + Close::NoSignOfLife.reason().len() as u8, 0x03, 0xf0]);
    assert_eq!(session.deadline(), START + secs(60) + WS_CLOSE_DEADLINE);
    session.tick(session.deadline());
    assert!(session.is_over());
}

#[test]
fn any_bytes_are_a_sign_of_life() {
    let mut session = open();
    for second in (0..300).step_by(10) {
        session.tick(START + secs(second));
        assert!(session.is_open(), "{second}");
        if second % 50 == 0 {
            hear(&mut session, PONG, START + secs(second));
        }
    }
}

#[test]
fn one_key_is_logged_on_at_a_time() {
    let mut session = open();
    assert_eq!(session.logged_on(), None);
    assert_eq!(session.subscribe(&[AccountId(1)]), Err(Reject::NotLoggedOn.into()));
    session.log_on(ApiKeyId(1), CancelTerms::default(), START + secs(1)).unwrap();
    assert_eq!(
        session.log_on(ApiKeyId(2), CancelTerms::default(), START),
        Err(Reject::AlreadyLoggedOn.into())
    );
    assert_eq!(session.status().logged_on, Some((ApiKeyId(1), START + secs(1))));
    session.log_out();
    session.log_on(ApiKeyId(2), CancelTerms::default(), START).unwrap();
    assert_eq!(session.logged_on(), Some(ApiKeyId(2)));
}

#[test]
fn a_subscription_hears_of_the_accounts_of_its_key_until_it_ends() {
    let mut session = open();
    session.log_on(ApiKeyId(1), CancelTerms::default(), START).unwrap();
    assert_eq!(session.hears(AccountId(1)), None);
    assert_eq!(session.subscribe(&[AccountId(1), AccountId(2)]), Ok(0));
    assert_eq!(session.subscribe(&[AccountId(1), AccountId(2)]), Ok(0), "asked again, got again");
    assert_eq!((session.hears(AccountId(2)), session.hears(AccountId(3))), (Some(0), None));
    assert!(session.status().user_data_stream);
    assert_eq!(session.unsubscribe(Some(1)), Err(Refusal::field(Reject::FieldValue, "subscriptionId")));
    assert_eq!(session.unsubscribe(Some(0)), Ok(()));
    assert_eq!(session.hears(AccountId(2)), None);
    assert_eq!(session.subscribe(&[AccountId(1)]), Ok(1), "numbers are not used twice");
    session.log_out();
    assert_eq!(session.hears(AccountId(1)), None);
}

proptest! {
    #[test]
    fn no_bytes_and_no_timing_make_a_session_panic(
        upgraded: bool,
        steps in prop::collection::vec((any::<Vec<u8>>(), 0u64..40), 0..20),
    ) {
        let mut session = if upgraded { open() } else { Session::new(START) };
        let mut now = START;
        for (bytes, seconds) in steps {
            now = now + secs(seconds);
            hear(&mut session, &bytes, now);
            session.tick(now);
            prop_assert!(session.is_over() || session.deadline() > now);
        }
    }
}

#[test]
fn a_clock_that_is_set_moves_each_deadline_along() {
    let hour = Shift(3_600_000_000_000);
    for name in ["Upgrading", "Open", "Closing", "Draining"] {
        for by in [hour, Shift(-hour.0)] {
            let mut session = in_phase(name);
            let deadline = session.deadline();
            session.clock_moved(by);
            assert_eq!(session.deadline(), deadline + by, "{name}");
            session.tick(START + by + Span(1));
            assert_eq!(phase(&session), name, "no time has gone by");
        }
    }
}
