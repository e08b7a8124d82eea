//! What a refusal promises: that it can be kept, and that it is before it is told.

use super::super::{Collected, Outgoing, OwnedRecord, Refused, Sent, Session};
use super::recovery::{kept, logon_of_client, report};
use super::{NOON, client, time_text};
use crate::limits::FIX_MESSAGE_BYTES_MAX;
use crate::session::fix::Numbers;
use crate::types::{MsgSeqNum, Reject};
use crate::wire::fix::{Framed, Index, Message, frame};

fn established() -> Session {
    let (mut session, mut out) = (Session::new(kept(), Numbers::FRESH), Collected::default());
    logon_of_client(&mut session, 1, &mut out);
    session
}

/// A message that is as long as one may be: `fill` is the field that makes it so.
fn longest(before: &str, fill: &str) -> Vec<u8> {
    let with = |length: usize| client(&format!("{before}{fill}{}|", "x".repeat(length)));
    let room = FIX_MESSAGE_BYTES_MAX - with(1_000).len();
    let message = with(1_000 + room);
    assert_eq!(message.len(), FIX_MESSAGE_BYTES_MAX);
    message
}

#[test]
fn what_answers_the_longest_message_is_no_longer_than_a_message() {
    let head = format!("34=2|49=TW44|52={}|56=ISLD|", time_text(NOON, 0));
    let messages = [
        longest("35=D|34=2|", "115="),
        longest(&format!("35=D|{head}"), "129="),
        longest(&format!("35=ZZ|{head}"), "116="),
        longest("35=D|34=2|11=a|", "145="),
    ];
    for bytes in messages {
        let (mut session, mut out) = (established(), Collected::default());
        let mut index = Index::new();
        session.receive(&Message::parse(&bytes, &mut index).unwrap(), NOON, &mut out);
        assert_short(&out);
    }
    let msg_type = "x".repeat(3_900);
    let bytes = client(&format!("35={msg_type}|{head}"));
    let (mut session, mut out) = (established(), Collected::default());
    let mut index = Index::new();
    let message = Message::parse(&bytes, &mut index).unwrap();
    session.receive(&message, NOON, &mut out);
    let refused = Refused { number: message.number().unwrap(), msg_type: message.msg_type() };
    session.reject(refused, &Reject::FieldValue.into(), NOON, &mut out);
    assert!(out.records.iter().any(|record| matches!(record, OwnedRecord::Outbound(..))));
    assert_short(&out);
}

fn assert_short(out: &Collected) {
    for record in &out.records {
        if let OwnedRecord::Outbound(_, _, Ok(own)) = record {
            assert!(own.len() < FIX_MESSAGE_BYTES_MAX / 2, "{} bytes", own.len());
        }
    }
    let mut wire = &out.wire[..];
    while let Framed::Message(length) = frame(wire) {
        wire = &wire[length..];
    }
    assert!(wire.is_empty(), "each is a message that a client takes");
}

#[test]
fn what_the_venue_says_of_its_own_waits_for_the_log_and_an_event_does_not() {
    let (mut session, mut out) = (established(), Collected::default());
    session.send(&report(1), NOON, &mut out);
    let event = out.wire.len();
    assert!(out.barriers.is_empty(), "an event is durable when it is told");
    session.send(&Outgoing { event: None, ..report(2) }, NOON, &mut out);
    assert_eq!(out.barriers, [event], "its record stands before the barrier, its bytes behind it");
}

#[test]
fn what_may_have_been_told_under_another_number_says_so_each_time() {
    let (mut session, mut out) = (established(), Collected::default());
    session.send(&report(1), NOON, &mut out);
    let ask = client(&format!("35=2|34=2|49=TW44|52={}|56=ISLD|7=2|16=2|", time_text(NOON, 0)));
    let (mut index, mut out) = (Index::new(), Collected::default());
    session.receive(&Message::parse(&ask, &mut index).unwrap(), NOON, &mut out);
    let sent =
        Sent { number: MsgSeqNum(2), sent: NOON, poss_resend: true, msg_type: b"8", body: b"37=1\x01" };
    session.replay(&sent, NOON, &mut out);
    let mut index = Index::new();
    let message = Message::parse(&out.wire, &mut index).unwrap();
    assert!(message.flag(43) && message.flag(97));
}
