//! Deadlines: what is due is done first, bounded, and the same in a replay.

use super::super::timers::Timer;
use super::venue::*;
use super::*;

/// An order of account 1 that rests until `at`; the deadline is set as the command that enters it would.
fn resting_until(venue: &mut Venue, id: &str, at: Nanos) -> OrderId {
    let order = execution(&venue.place(buy(id))[0]).order.id;
    venue.by_hand = true;
    venue.shard.timers.set(at, Timer::Expiry(order));
    order
}

#[test]
fn an_order_expires_when_its_time_has_come_and_not_before() {
    let mut venue = Venue::new();
    let at = venue.now + Span::from_secs(10);
    let order = resting_until(&mut venue, "b", at);
    assert_eq!(venue.shard.next_deadline(), Some(at));
    assert!(!venue.shard.is_due(at - Span(1)) && venue.shard.is_due(at));
    venue.now = at;
    let events = venue.fire();
    let expired = execution(&events[0]);
    assert_eq!((expired.exec_type, expired.cause), (ExecType::Expired, Some(Cause::GoodTillDate)));
    assert_eq!(
        (expired.order.id, expired.order.status, expired.order.updated),
        (order, OrdStatus::Expired, at)
    );
    assert_eq!((events.len(), venue.shard.next_deadline()), (1, None));
    assert_eq!(venue.shard.open_orders().count(), 0);
    let late = cancel_reject(&venue.run(venue.cancel_order(cancel("c", "b"))));
    assert_eq!((late.refusal.reject, late.status), (Reject::TooLateToCancel, OrdStatus::Expired));
}

#[test]
fn the_time_of_a_shard_that_is_ahead_of_its_clock_counts() {
    let mut venue = Venue::new();
    let at = venue.now + Span::from_secs(10);
    resting_until(&mut venue, "b", at);
    venue.now = at - Span(1);
    venue.place(buy("b2"));
    venue.now = venue.now - Span::from_secs(5);
    assert!(!venue.shard.is_due(venue.now), "set back, and not yet due");
    venue.now = at;
    venue.run(Command::Account(limits(1)));
    assert!(venue.shard.is_due(at - Span::from_secs(5)), "it was that late already");
}

#[test]
fn more_than_a_step_holds_goes_on_in_the_next_oldest_first() {
    let mut venue = Venue::new();
    let at = venue.now + Span::from_secs(1);
    let count = crate::limits::TIMERS_PER_STEP_MAX + 3;
    let orders: Vec<OrderId> =
        (0..count).map(|n| resting_until(&mut venue, &format!("b{n}"), at + Span(n as u64))).collect();
    venue.now = at + Span::from_secs(1);
    let first = venue.fire();
    assert_eq!(first.len(), crate::limits::TIMERS_PER_STEP_MAX);
    let second = venue.fire();
    let expired: Vec<OrderId> = first.iter().chain(&second).map(|event| execution(event).order.id).collect();
    assert_eq!(expired, orders);
    assert!(!venue.shard.is_due(venue.now));
}

#[test]
fn a_deadline_that_was_cleared_or_whose_order_is_gone_does_nothing() {
    let mut venue = Venue::new();
    let at = venue.now + Span::from_secs(1);
    let order = resting_until(&mut venue, "b", at);
    venue.shard.timers.clear(at, Timer::Expiry(order));
    assert_eq!(venue.shard.next_deadline(), None);
    resting_until(&mut venue, "b2", at);
    venue.run(venue.cancel_order(cancel("c", "b2")));
    venue.now = at;
    assert_eq!(venue.fire(), []);
    assert_eq!(venue.shard.open_orders().count(), 1);
}

#[test]
fn a_replay_runs_what_the_record_says_and_never_by_its_clock() {
    let mut venue = Venue::new();
    let at = venue.now + Span::from_secs(1);
    let order = resting_until(&mut venue, "b", at);
    let before = venue.log.len();
    venue.now = at + Span::from_secs(7);
    venue.fire();
    let mut replayed = Shard::new(venue.shard.id());
    for record in &venue.log[..before] {
        replayed.replay(record.seq, record.time, &record.command).unwrap();
    }
    replayed.timers.set(at, Timer::Expiry(order));
    assert_ne!(replayed.state_hash(), venue.shard.state_hash());
    let record = &venue.log[before];
    assert_eq!(record.command, Command::Timers);
    let early = replayed.replay(record.seq, at - Span(1), &Command::Timers).unwrap_err();
    assert_eq!(early, ReplayError::NothingDue(record.seq));
    let step = replayed.replay(record.seq, record.time, &record.command).unwrap();
    assert_eq!(step.events, record.events);
    assert_eq!(replayed.state_hash(), venue.shard.state_hash());
}
