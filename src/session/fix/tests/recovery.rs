//! Numbers and replays: what a crash and a slow log may not break.

use super::super::{
    Collected, LogonAsk, LogonRequest, Notice, Numbers, Outgoing, OwnedRecord, Sent, Session,
};
use super::{NOON, Venue, acceptor_settings, client, time_text};
use crate::session::fix::Settings;
use crate::types::{EventRef, MsgSeqNum, OutboundBody, Seq, SessionId, SessionRecord, ShardId};
use crate::wire::fix::{Framed, Index, Message, frame};

pub(super) fn report(id: u32) -> Outgoing<'static> {
    let event = EventRef { shard: ShardId(0), seq: Seq(u64::from(id)), index: 0 };
    Outgoing { msg_type: b"8", body: b"37=1\x01", event: Some(event), poss_resend: false, sign: None }
}

pub(super) fn kept() -> Settings {
    Settings { reset_on_logon: false, reserve: Some(8), ..acceptor_settings() }
}

pub(super) fn logon_of_client(session: &mut Session, number: u32, out: &mut Collected) {
    let sent = time_text(NOON, 0);
    let bytes = client(&format!("35=A|34={number}|49=TW44|52={sent}|56=ISLD|98=0|108=30|"));
    let mut index = Index::new();
    let message = Message::parse(&bytes, &mut index).unwrap();
    let ask = LogonAsk::read(&message, session.settings().dictionary).unwrap();
    session.logon(&ask, NOON, out).unwrap();
}

fn types_and_numbers(mut wire: &[u8]) -> Vec<String> {
    let mut told = Vec::new();
    while let Framed::Message(length) = frame(wire) {
        let mut index = Index::new();
        let message = Message::parse(&wire[..length], &mut index).unwrap();
        let again = if message.flag(43) { "again" } else { "" };
        told.push(format!("{}{}{again}", message.msg_type().escape_ascii(), message.number().unwrap()));
        wire = &wire[length..];
    }
    assert!(wire.is_empty());
    told
}

#[test]
fn numbers_are_reserved_before_they_are_used_up() {
    let mut session = Session::new(kept(), Numbers::FRESH);
    let mut out = Collected::default();
    for id in 1..=3 {
        session.send(&report(id), NOON, &mut out);
    }
    assert_eq!(out.records[0], OwnedRecord::Reserved(MsgSeqNum(8)));
    assert_eq!(out.barriers.len(), 1, "the first of a new session waits for its reservation");
    for id in 4..=8 {
        session.send(&report(id), NOON, &mut out);
    }
    assert!(out.records.contains(&OwnedRecord::Reserved(MsgSeqNum(12))), "asked for with half a block left");
    session.reserved_durable(MsgSeqNum(12));
    session.send(&report(9), NOON, &mut out);
    assert_eq!(out.barriers.len(), 1, "the log was quick enough");
}

#[test]
fn numbers_that_run_out_wait_for_the_log() {
    let mut session = Session::new(kept(), Numbers::FRESH);
    let mut out = Collected::default();
    for id in 1..=9 {
        session.send(&report(id), NOON, &mut out);
    }
    assert_eq!(out.barriers.len(), 2);
}

#[test]
fn after_a_crash_no_reserved_number_is_used_again() {
    let session = SessionId(7);
    let records = [
        SessionRecord::Reserved { session, upto: MsgSeqNum(8) },
        SessionRecord::Inbound { session, number: MsgSeqNum(1) },
        SessionRecord::Outbound {
            session,
            number: MsgSeqNum(2),
            sent: NOON,
            body: OutboundBody::Own(b"35=8\x0137=1\x01"),
        },
        SessionRecord::InboundNext { session, next: MsgSeqNum(5) },
    ];
    let mut numbers = Numbers::FRESH;
    records.iter().for_each(|record| numbers.fold(record));
    let numbers = numbers.restarted();
    assert_eq!((numbers.next_in, numbers.next_out), (MsgSeqNum(5), MsgSeqNum(9)));

    let mut restored = Session::new(kept(), numbers);
    let mut out = Collected::default();
    logon_of_client(&mut restored, 5, &mut out);
    assert_eq!(types_and_numbers(&out.wire), ["A9"]);
}

#[test]
fn what_is_sent_during_a_replay_leaves_after_it() {
    let mut venue = Venue::new(kept());
    let mut out = Collected::default();
    logon_of_client(&mut venue.session, 1, &mut out);
    venue.session.send(&report(1), NOON, &mut out);
    venue.session.send(&report(2), NOON, &mut out);
    let mut index = Index::new();
    let ask = client(&format!("35=2|34=2|49=TW44|52={}|56=ISLD|7=1|16=0|", time_text(NOON, 0)));
    let mut out = Collected::default();
    venue.session.receive(&Message::parse(&ask, &mut index).unwrap(), NOON, &mut out);
    assert_eq!(out.notices, [Notice::Replay { from: MsgSeqNum(1), to: MsgSeqNum(3) }]);

    let again = |number| Sent {
        number: MsgSeqNum(number),
        sent: NOON,
        poss_resend: false,
        msg_type: b"8",
        body: b"37=1\x01",
    };
    venue.session.replay(&again(2), NOON, &mut out);
    venue.session.send(&report(3), NOON, &mut out);
    venue.session.replay(&again(3), NOON, &mut out);
    assert!(venue.session.is_replaying());
    venue.session.replayed(NOON, &mut out);
    assert_eq!(types_and_numbers(&out.wire), ["41again", "82again", "83again", "84"]);
}

#[test]
fn a_peer_that_reads_no_replay_is_cut_and_nothing_is_forgotten() {
    let mut session = Session::new(kept(), Numbers::FRESH);
    let mut out = Collected::default();
    logon_of_client(&mut session, 1, &mut out);
    let ask = client(&format!("35=2|34=2|49=TW44|52={}|56=ISLD|7=1|16=0|", time_text(NOON, 0)));
    let mut index = Index::new();
    session.receive(&Message::parse(&ask, &mut index).unwrap(), NOON, &mut out);
    let body = vec![b'x'; 3_000];
    let mut id = 0;
    while session.is_connected() {
        id += 1;
        session.send(&Outgoing { body: &body, ..report(id) }, NOON, &mut out);
        assert!(id < 1_000);
    }
    let recorded = out.records.iter().filter(|record| matches!(record, OwnedRecord::Outbound(..))).count();
    assert_eq!(recorded as u32, id);
}

#[test]
fn what_happens_without_a_connection_is_numbered_and_recorded() {
    let mut session = Session::new(kept(), Numbers::FRESH);
    let mut out = Collected::default();
    assert_eq!(session.send(&report(1), NOON, &mut out), MsgSeqNum(1));
    assert!(out.wire.is_empty());
    assert!(matches!(out.records.last(), Some(OwnedRecord::Outbound(MsgSeqNum(1), _, Err(_)))));
    logon_of_client(&mut session, 1, &mut out);
    assert_eq!(types_and_numbers(&out.wire), ["A2"]);
}

#[test]
fn an_initiator_signs_what_the_acceptor_asks_to_have_signed() {
    let mut initiator = Session::new(Settings::initiator("EXAMPLE", "SPOT"), Numbers::FRESH);
    let signed = std::cell::RefCell::new(Vec::new());
    let sign = |bytes: &[u8]| {
        signed.borrow_mut().push(bytes.to_vec());
        [7; 64]
    };
    let request = LogonRequest {
        heartbeat_secs: 30,
        username: Some(b"key-1"),
        reset: true,
        sign: &sign,
        sign_message: true,
        cancel_on: None,
        cancel_grace: None,
    };
    let mut out = Collected::forgetting();
    initiator.connect(&request, NOON, &mut out);
    let mut index = Index::new();
    let message = Message::parse(&out.wire, &mut index).unwrap();
    let ask = LogonAsk::read(&message, initiator.settings().dictionary).unwrap();
    assert_eq!((ask.username, ask.reset, ask.heartbeat_secs), (Some(&b"key-1"[..]), true, 30));
    let mut payload = Vec::new();
    ask.payload(&mut payload);
    assert_eq!(payload, b"A\x01EXAMPLE\x01SPOT\x011\x0120260105-12:00:00.000");
    assert_eq!(*signed.borrow(), [payload, ask.signed.unwrap().bytes.to_vec()]);
}
