//! The moment between taking a FIX order and executing it: a crash there must not leave the client without a word.
//!
//! The records of an order are written in their order, so the moment is a place in the journal: what stands from the
//! step on is taken out of the file, as if the process had died before.

use crate::support::fix::{Fields, buy, cancel};
use crate::support::{Fix, Setup, Venue, Ws};
use sealgate::types::{ClOrdId, Command};
use std::fs;

/// Takes the step that entered this order out of the journal, and all that was written after it.
fn forget_step(venue: &Venue, cl_ord_id: &str) {
    let name = ClOrdId::truncated(cl_ord_id);
    forget_last(venue, |command| matches!(command, Command::New(_, order) if order.cl_ord_id == name));
}

/// The same of the last step that is such.
fn forget_last(venue: &Venue, is_such: impl Fn(&Command) -> bool) {
    let data = venue.path("data");
    let mut place = None;
    sealgate::run::recovery::replay(&data, &venue.vault(), |step| {
        if is_such(step.command) {
            place = Some(step.place);
        }
    })
    .unwrap();
    let place = place.expect("it was executed");
    let file = data.join(format!("{:08}.log", place.segment));
    let mut bytes = fs::read(&file).unwrap();
    bytes[place.offset as usize..].fill(0);
    fs::write(&file, bytes).unwrap();
}

/// Logs on with the numbers that go on, asks for everything since `from`, and gives the refusals of lost requests.
fn lost(venue: &Venue, next: &mut u32, from: &str) -> (Fix, Vec<Fields>) {
    let mut fix = Fix::connect(venue, "alice");
    fix.next = *next;
    fix.logon("");
    let logon = fix.read();
    assert_eq!(logon.get(35), "A", "the number of what was lost is used up: {logon:?}");
    let resend = fix.message("2", format!("7={from}|16=0|"), false);
    fix.send(&resend);
    let test = fix.message("1", "112=END|", false);
    fix.send(&test);
    let mut refused = Vec::new();
    loop {
        let message = fix.read();
        assert!(!message.0.is_empty(), "the connection was cut");
        if message.get(112) == "END" {
            *next = fix.next;
            return (fix, refused);
        }
        if message.get(35) == "j" {
            refused.push(message);
        }
    }
}

#[test]
fn an_order_that_was_taken_and_not_executed_is_refused_after_the_restart_and_may_be_sent_again() {
    let mut venue = Venue::start();
    let mut fix = Fix::logged_on(&venue, "alice");
    let first = fix.enter(buy("fix-1"));
    let number = fix.next;
    assert_eq!(fix.enter(buy("fix-2")).get(150), "0");
    let mut next = fix.next;
    venue.kill();
    forget_step(&venue, "fix-2");
    venue.start_again();

    let (mut fix, refused) = lost(&venue, &mut next, first.get(34));
    let [refused] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!((refused.get(45), refused.get(372)), (number.to_string().as_str(), "D"));
    assert_eq!((refused.get(379), refused.get(380)), ("fix-2", "4"));
    assert!(refused.get(58).starts_with("LostByRestart"), "{refused:?}");

    fix.order("F", cancel("cancel-2", "fix-2"));
    assert_eq!(fix.read().get(35), "9", "it is not there");
    let again = fix.enter(format!("97=Y|{}", buy("fix-2")));
    assert_eq!(again.get(150), "0", "{again:?}");
    let repeated = fix.enter(format!("97=Y|{}", buy("fix-2")));
    assert_eq!((repeated.get(150), repeated.get(37)), ("I", again.get(37)));

    // The refusal is a message like others: it is told once, whatever happens then.
    next = fix.next;
    drop(fix);
    venue.kill();
    venue.start_again();
    let (mut fix, refused) = lost(&venue, &mut next, first.get(34));
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(fix.enter(buy("fix-1")).get(37), first.get(37), "what was executed before is known");
}

#[test]
fn a_mass_cancel_that_one_shard_had_done_says_so_and_is_done_by_the_other_when_it_is_sent_again() {
    let mut venue = Setup::new().topology("2x2/4").start();
    let mut fix = Fix::logged_on(&venue, "alice");
    let first = fix.enter(buy("one"));
    assert_eq!(fix.enter(buy("two").replace("55=BTC-USD", "55=BTC-PERP")).get(150), "0");
    let all = || format!("11=all|530=7|60={}|", sealgate_time());
    let number = fix.next;
    fix.order("q", all());
    while fix.read().get(35) != "r" {}
    let mut next = fix.next;
    venue.kill();
    // There is one such step a shard.
    forget_last(&venue, |command| matches!(command, Command::MassCancel(..)));
    venue.start_again();

    let (mut fix, refused) = lost(&venue, &mut next, first.get(34));
    let [refused] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!((refused.get(45), refused.get(372), refused.get(379)), (&*number.to_string(), "q", "all"));
    assert!(refused.get(58).starts_with("PartlyLostByRestart"), "{refused:?}");
    let open = || Ws::logged_on(&venue, "alice").call("openOrders.status", &[]);
    assert_eq!(open()["result"].as_array().unwrap().len(), 1, "what the other has");
    fix.order("q", format!("97=Y|{}", all()));
    let mut report = fix.read();
    while report.get(35) != "r" {
        report = fix.read();
    }
    assert_eq!(report.get(533), "2", "counted whole: {report:?}");
    assert_eq!(open()["result"], serde_json::json!([]));
}

#[test]
fn what_got_its_word_before_a_crash_gets_no_other() {
    let mut venue = Venue::start();
    let mut fix = Fix::logged_on(&venue, "alice");
    let first = fix.enter(buy("fix-1"));
    // Executed, repeated, refused by the dictionary, refused by the gateway, canceled together.
    assert_eq!(fix.enter(buy("fix-1")).get(150), "I");
    assert_eq!(fix.enter("11=fix-2|").get(35), "3");
    assert_eq!(fix.enter(buy("fix-3").replace("55=BTC-USD", "55=NONE")).get(150), "8");
    fix.order("q", format!("11=all|530=7|60={}|", sealgate_time()));
    while fix.read().get(35) != "r" {}
    let mut next = fix.next;
    venue.kill();
    venue.start_again();
    let (_, refused) = lost(&venue, &mut next, first.get(34));
    assert!(refused.is_empty(), "{refused:?}");
}

fn sealgate_time() -> String {
    crate::support::fix::fix_time(crate::support::now())
}
