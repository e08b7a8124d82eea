//! Rules that the public scripts leave out.

use super::super::{CloseReason, State};
use super::{Venue, acceptor_settings, client, time_text};
use crate::limits::OUTBOUND_BLOCK;
use crate::session::fix::{OwnedRecord, Settings};
use crate::types::{MsgSeqNum, Nanos, Refusal, Reject, Shift, Span};

/// A header in the client's name.
fn head(venue: &Venue, msg_type: &str, number: u32) -> String {
    format!("35={msg_type}|34={number}|49=TW44|52={}|56=ISLD|", time_text(venue.now, 0))
}

fn say(venue: &mut Venue, msg_type: &str, number: u32, rest: &str) {
    let text = head(venue, msg_type, number) + rest;
    venue.feed(0, &client(&text));
}

fn logged_on(settings: Settings) -> Venue {
    let mut venue = Venue::new(settings);
    venue.connect();
    say(&mut venue, "A", 1, "98=0|108=30|");
    assert!(venue.sent(0).unwrap().contains("|35=A|34=1|"));
    venue
}

fn kept() -> Settings {
    Settings { reset_on_logon: false, ..acceptor_settings() }
}

const ORDER: &str = "11=a|40=1|54=1|55=BTC|60=20260105-12:00:00|";

#[test]
fn a_logon_behind_the_numbers_is_told_why_and_closed() {
    let mut venue = logged_on(kept());
    venue.disconnect(0);
    venue.links.clear();
    venue.connect();
    say(&mut venue, "A", 1, "98=0|108=30|");
    let logout = venue.sent(0).unwrap();
    assert!(
        logout.contains("|35=5|") && logout.contains("58=MsgSeqNum too low, expecting 2 but received 1|")
    );
    assert_eq!(venue.links[0].closed, Some(Some(CloseReason::SequenceTooLow)));
}

#[test]
fn a_reset_is_refused_where_the_session_may_not() {
    let settings = Settings { reset_allowed: false, ..kept() };
    let mut venue = Venue::new(settings);
    venue.connect();
    say(&mut venue, "A", 1, "98=0|108=30|141=Y|");
    assert!(venue.sent(0).unwrap().contains("58=ResetSeqNumFlag is not allowed|"));
    assert!(!venue.log.contains(&OwnedRecord::Reset));
}

#[test]
fn a_reset_leaves_only_behind_a_barrier() {
    let mut venue = logged_on(kept());
    say(&mut venue, "A", 1, "98=0|108=30|141=Y|");
    assert!(venue.sent(0).unwrap().contains("|35=A|34=1|"));
    let reset = venue.log.iter().position(|record| *record == OwnedRecord::Reset).unwrap();
    let reserved = OwnedRecord::Reserved(MsgSeqNum(OUTBOUND_BLOCK));
    assert_eq!(venue.log[reset + 1..reset + 3], [OwnedRecord::Inbound(MsgSeqNum(1)), reserved]);
}

#[test]
fn heartbeats_outside_the_bounds_are_told() {
    let mut venue = Venue::new(kept());
    venue.connect();
    say(&mut venue, "A", 1, "98=0|108=61|");
    assert!(venue.sent(0).unwrap().contains("58=HeartBtInt must be 1 to 60 seconds|"));
}

#[test]
fn a_second_connection_does_not_disturb_the_first() {
    let mut venue = logged_on(kept());
    let second = venue.connect();
    let logon = head(&venue, "A", 2) + "98=0|108=30|";
    venue.feed(second, &client(&logon));
    assert_eq!(venue.links[second].closed, Some(None));
    assert!(venue.links[second].sent.is_empty());
    assert_eq!(venue.session.numbers().next_in, MsgSeqNum(2));
    say(&mut venue, "1", 2, "112=still|");
    assert!(venue.sent(0).unwrap().contains("112=still|"));
}

#[test]
fn an_order_is_delivered_once_and_its_number_recorded() {
    let mut venue = logged_on(kept());
    say(&mut venue, "D", 2, ORDER);
    let copy = head(&venue, "D", 2) + "43=Y|122=20260105-12:00:00|" + ORDER;
    venue.feed(0, &client(&copy));
    assert_eq!(venue.delivered.len(), 1);
    assert_eq!(venue.session.state(), State::Active);
    assert!(venue.log.contains(&OwnedRecord::Request(MsgSeqNum(2))));
}

#[test]
fn messages_before_their_turn_are_delivered_in_order() {
    let mut venue = logged_on(kept());
    venue.echoes = false;
    for (number, id) in [(4, "c"), (3, "b")] {
        say(&mut venue, "D", number, &ORDER.replace("11=a", &format!("11={id}")));
    }
    assert!(venue.sent(0).unwrap().contains("|35=2|34=2|"));
    assert_eq!(venue.session.state(), State::Recovering);
    assert!(venue.sent(0).is_none(), "one ResendRequest at a time");
    say(&mut venue, "D", 2, ORDER);
    let ids: Vec<_> =
        venue.delivered.iter().map(|message| String::from_utf8_lossy(message).into_owned()).collect();
    let at = |id: &str| ids.iter().position(|message| message.contains(&format!("\x0111={id}\x01")));
    assert_eq!((at("a"), at("b"), at("c")), (Some(0), Some(1), Some(2)));
    assert_eq!(venue.session.state(), State::Active);
}

#[test]
fn what_did_not_fit_into_the_queue_is_asked_for_again() {
    let mut venue = logged_on(kept());
    venue.echoes = false;
    let long = format!("58={}|", "x".repeat(3_000));
    for number in 3..120 {
        say(&mut venue, "D", number, &(ORDER.to_owned() + &long));
    }
    // The last of all is short and fits, so a hole is left before it.
    say(&mut venue, "D", 120, ORDER);
    assert!(venue.sent(0).unwrap().contains("|7=2|16=0|"));
    assert!(venue.sent(0).is_none());
    say(&mut venue, "D", 2, ORDER);
    let next = venue.session.numbers().next_in;
    assert!(next > MsgSeqNum(50) && next < MsgSeqNum(120));
    assert!(venue.sent(0).unwrap().contains(&format!("|7={next}|16=0|")));
}

#[test]
fn a_gap_that_nothing_fills_is_asked_for_again() {
    let mut venue = logged_on(kept());
    venue.echoes = false;
    say(&mut venue, "D", 3, ORDER);
    assert!(venue.sent(0).unwrap().contains("|35=2|34=2|"));
    let asked = venue.now;
    for number in 4..8 {
        venue.now = venue.now + Span::from_secs(15);
        say(&mut venue, "0", number, "");
        venue.wait(0, Span::ZERO);
        let told = venue.sent(0);
        assert_eq!(
            told.is_some_and(|text| text.contains("|7=2|16=0|")),
            venue.now == asked + Span::from_secs(60)
        );
    }
}

#[test]
fn a_message_of_another_client_ends_the_session() {
    let mut venue = logged_on(kept());
    let text = head(&venue, "D", 2).replace("49=TW44", "49=EVIL") + ORDER;
    venue.feed(0, &client(&text));
    assert!(venue.sent(0).unwrap().contains("58=CompID problem|"));
    assert!(venue.sent(0).unwrap().contains("|35=5|"));
    assert_eq!(venue.session.state(), State::LogoutSent);
    venue.wait(0, Span::from_secs(5));
    assert_eq!(venue.links[0].closed, Some(Some(CloseReason::LogoutTimeout)));
}

#[test]
fn an_order_after_our_logout_is_not_taken() {
    let mut venue = logged_on(kept());
    let mut out = super::Collected::default();
    venue.session.logout("Server shuts down", venue.now, &mut out);
    venue.act(0, out);
    assert!(venue.sent(0).unwrap().contains("58=Server shuts down|"));
    say(&mut venue, "D", 2, ORDER);
    assert!(venue.delivered.is_empty());
    assert_eq!(venue.session.numbers().next_in, MsgSeqNum(2));
}

#[test]
fn a_message_without_a_number_ends_the_session() {
    let mut venue = logged_on(kept());
    let text = head(&venue, "0", 2).replace("34=2|", "");
    venue.feed(0, &client(&text));
    assert!(venue.sent(0).unwrap().contains("|35=5|"));
}

#[test]
fn more_fields_than_fit_are_refused_and_use_up_their_number() {
    let mut venue = logged_on(kept());
    let many: String = (0..200).map(|_| "58=x|").collect();
    say(&mut venue, "D", 2, &(ORDER.to_owned() + &many));
    assert!(venue.sent(0).unwrap().contains("373=99|"));
    assert_eq!(venue.session.numbers().next_in, MsgSeqNum(3));
}

#[test]
fn a_resend_of_what_was_never_sent_is_refused() {
    let mut venue = logged_on(kept());
    say(&mut venue, "2", 2, "7=0|16=0|");
    assert!(venue.sent(0).unwrap().contains("371=7|372=2|373=5|"));
    say(&mut venue, "2", 3, "7=99|16=0|");
    assert!(venue.sent(0).unwrap().contains("371=7|372=2|373=5|"));
    say(&mut venue, "2", 4, "7=2|16=1|");
    assert!(venue.sent(0).unwrap().contains("371=16|372=2|373=5|"));
}

#[test]
fn a_refusal_by_the_gateway_is_recorded_and_sent_again() {
    let mut venue = logged_on(kept());
    venue.echoes = false;
    say(&mut venue, "D", 2, ORDER);
    let mut out = super::Collected::default();
    let refused = crate::session::fix::Refused { number: MsgSeqNum(2), msg_type: b"D" };
    venue.session.reject(refused, &Refusal::tag(Reject::SignatureMissing, 89), venue.now, &mut out);
    assert_eq!(out.barriers, [0], "a reject is a promise: it waits for the log");
    venue.act(0, out);
    let reject = venue.sent(0).unwrap();
    assert!(reject.contains("|35=3|34=2|") && reject.contains("|45=2|58=SignatureMissing"));
    assert!(reject.contains("|371=89|372=D|373=8|"));
    say(&mut venue, "2", 3, "7=1|16=0|");
    assert!(venue.sent(0).unwrap().contains("|36=2|123=Y|"));
    let again = venue.sent(0).unwrap();
    assert!(again.contains("|35=3|34=2|43=Y|") && again.contains("|45=2|58=SignatureMissing"));
}

#[test]
fn the_deadline_tells_when_there_is_something_to_do() {
    let mut venue = logged_on(kept());
    let logon_at = venue.now;
    assert_eq!(venue.session.deadline(), Some(logon_at + Span::from_secs(30)));
    venue.wait(0, Span::from_secs(60));
    assert!(venue.sent(0).unwrap().contains("|35=0|"));
    assert_eq!(venue.session.deadline(), Some(logon_at + Span::from_secs(36)));
    venue.wait(0, Span::from_secs(60));
    assert!(venue.sent(0).unwrap().contains("|35=1|"));
    assert_eq!(venue.session.deadline(), Some(logon_at + Span::from_secs(72)));
    assert_eq!(venue.now, Nanos(logon_at.0 + 36_000_000_000));
}

#[test]
fn a_clock_that_is_set_makes_nobody_look_silent() {
    let hour = Shift(3_600_000_000_000);
    for by in [hour, Shift(-hour.0)] {
        let mut venue = logged_on(kept());
        venue.wait(0, Span::from_secs(20));
        assert_eq!(venue.sent(0), None, "nothing is due");
        let due = venue.session.deadline().unwrap();
        venue.now = venue.now + by;
        venue.session.clock_moved(by);
        assert_eq!(venue.session.deadline(), Some(due + by));
        venue.wait(0, Span::from_secs(9));
        assert_eq!((venue.sent(0), venue.links[0].closed), (None, None), "{by:?}");
        venue.wait(0, Span::from_secs(1));
        let heartbeat = venue.sent(0).unwrap();
        assert!(heartbeat.contains("|35=0|"), "30 s after the Logon: {heartbeat}");
        let sent = time_text(venue.now, 0);
        assert!(heartbeat.contains(&format!("|52={sent}")), "in UTC as it is now: {heartbeat}");
    }
}
