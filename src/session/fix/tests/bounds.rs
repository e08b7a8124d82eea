//! What a session allows for each minute, each day and each connection.

use super::super::{CloseReason, Collected, Notice, Numbers, Outgoing, OwnedRecord, Sent, Session, Settings};
use super::recovery::{kept, logon_of_client, report};
use super::{NOON, client, time_text};
use crate::config::Window;
use crate::types::{MsgSeqNum, Nanos, Span};
use crate::wire::fix::{Index, Message};

const MINUTE: Span = Span::from_secs(60);

fn established(settings: Settings) -> Session {
    let (mut session, mut out) = (Session::new(settings, Numbers::FRESH), Collected::default());
    logon_of_client(&mut session, 1, &mut out);
    session
}

/// A ResendRequest for everything.
fn ask(session: &mut Session, number: u32, now: Nanos) -> Collected {
    let sent = time_text(now, 0);
    let bytes = client(&format!("35=2|34={number}|49=TW44|52={sent}|56=ISLD|7=1|16=0|"));
    let (mut index, mut out) = (Index::new(), Collected::default());
    session.receive(&Message::parse(&bytes, &mut index).unwrap(), now, &mut out);
    out
}

fn text(out: &Collected) -> String {
    String::from_utf8(out.wire.clone()).unwrap().replace('\x01', "|")
}

#[test]
fn replays_above_the_budget_wait_as_one_for_the_next_minute() {
    let mut session = established(Settings { resends_per_minute: 2, ..kept() });
    for number in 2..4 {
        assert!(!ask(&mut session, number, NOON).notices.is_empty());
        session.replayed(NOON, &mut Collected::default());
    }
    for number in 4..1_000 {
        let out = ask(&mut session, number, NOON);
        assert!(out.notices.is_empty() && out.wire.is_empty(), "it costs nothing while it waits");
    }
    let refills = NOON + MINUTE;
    assert!(session.deadline().is_some_and(|at| at <= refills));
    let mut out = Collected::default();
    session.tick(refills, &mut out);
    let replays = out.notices.iter().filter(|notice| matches!(notice, Notice::Replay { .. }));
    assert_eq!(replays.count(), 1);
}

#[test]
fn a_replay_that_has_used_up_its_bytes_pauses_and_new_messages_do_not_wait_with_it() {
    let mut session = established(Settings { resend_bytes_per_minute: 10, ..kept() });
    let mut out = Collected::default();
    (1..=4).for_each(|id| _ = session.send(&report(id), NOON, &mut out));
    ask(&mut session, 2, NOON);
    let body = b"37=1\x01";
    let again =
        |number| Sent { number: MsgSeqNum(number), sent: NOON, poss_resend: false, msg_type: b"8", body };
    let mut out = Collected::default();
    session.replay(&again(2), NOON, &mut out);
    session.send(&report(5), NOON, &mut out);
    assert!(!text(&out).contains("|34=6|"), "what is new waits for the replay");
    session.replay(&again(3), NOON, &mut out);
    assert_eq!(out.notices, [Notice::Paused]);
    assert!(text(&out).contains("|34=6|"), "but not for the next minute");
    let mut out = Collected::default();
    session.replay(&again(4), NOON, &mut out);
    assert!(out.wire.is_empty(), "what comes late is passed over");
    session.tick(NOON + MINUTE, &mut out);
    assert!(out.notices.contains(&Notice::Replay { from: MsgSeqNum(4), to: MsgSeqNum(5) }));
}

#[test]
fn who_connects_again_has_no_more_of_the_budget() {
    let mut session = established(Settings { resends_per_minute: 1, ..kept() });
    ask(&mut session, 2, NOON);
    session.disconnected();
    logon_of_client(&mut session, 3, &mut Collected::default());
    assert!(ask(&mut session, 4, NOON).notices.is_empty());
}

#[test]
fn a_session_takes_logons_in_its_hours_only_and_logs_out_at_their_end() {
    let mut session = Session::new(kept(), Numbers::FRESH);
    let hour = Span::from_secs(3_600);
    session.set_hours(Some(Window { opens: NOON + hour, closes: NOON + hour + hour }));
    let mut out = Collected::default();
    logon_of_client(&mut session, 1, &mut out);
    assert_eq!(out.notices, [Notice::Close(CloseReason::OutsideHours)]);
    assert!(text(&out).contains("|35=5|") && text(&out).contains("58=the session is closed at this hour|"));

    let closes = NOON + Span::from_secs(5);
    session.set_hours(Some(Window { opens: NOON, closes }));
    logon_of_client(&mut session, 1, &mut Collected::default());
    assert_eq!(session.deadline(), Some(closes));
    let mut out = Collected::default();
    session.tick(closes, &mut out);
    assert!(text(&out).contains("|35=5|"));
    assert!(!session.state().is_established());
}

#[test]
fn a_reset_after_a_disconnect_comes_before_the_next_number() {
    let settings = Settings { reset_on_disconnect: true, ..kept() };
    let mut session = established(settings.clone());
    session.disconnected();
    let mut out = Collected::default();
    assert_eq!(session.send(&report(1), NOON, &mut out), MsgSeqNum(1));
    assert_eq!(out.records[0], OwnedRecord::Reset);
    let used = Numbers { next_in: MsgSeqNum(7), ..Numbers::FRESH };
    let mut out = Collected::default();
    logon_of_client(&mut Session::new(settings, used), 1, &mut out);
    assert_eq!(out.records[0], OwnedRecord::Reset, "a crash ends the connection, too");
}

#[test]
fn the_last_number_that_was_taken_stands_behind_the_way_back_of_a_reject() {
    let mut session = established(Settings { last_msg_seq_num_processed: true, ..kept() });
    let now = time_text(NOON, 0);
    let bytes = client(&format!("35=ZZ|34=2|49=TW44|52={now}|56=ISLD|115=JCD|"));
    let (mut index, mut out) = (Index::new(), Collected::default());
    session.receive(&Message::parse(&bytes, &mut index).unwrap(), NOON, &mut out);
    assert!(text(&out).contains("|128=JCD|369=2|45=2|"), "{}", text(&out));
    let mut out = Collected::default();
    session.send(&Outgoing { event: None, ..report(1) }, NOON, &mut out);
    assert!(text(&out).contains("|369=2|37=1|"), "{}", text(&out));
}
