//! Kill switches of accounts and instruments.

use super::venue::*;
use super::*;
use crate::limits::CANCELS_PER_STEP_MAX;

const ALICE: KillTarget = KillTarget::Account(AccountId(1));
const HERE: KillTarget = KillTarget::Instrument(InstrumentId(1));

fn engage(target: KillTarget, cancel: bool) -> KillSwitch {
    KillSwitch { target, engaged: true, cancel, uid: 1_000 }
}

fn release(target: KillTarget) -> KillSwitch {
    KillSwitch { target, engaged: false, cancel: false, uid: 1_000 }
}

impl Venue {
    /// Has a switch set to its end; the events of each step. None: there was nothing to do.
    fn switch(&mut self, switch: KillSwitch) -> Vec<usize> {
        let mut steps = Vec::new();
        if let Outcome::Step(step) = self.shard.execute(None, &Command::Kill(switch), self.now) {
            steps.push(keep(&mut self.log, step).len());
        }
        while self.shard.has_pending() {
            steps.push(keep(&mut self.log, self.shard.proceed(self.now)).len());
        }
        steps
    }

    fn refusal(&mut self, order: NewOrder) -> Option<Reject> {
        let events = self.place(order);
        execution(&events[0]).refusal.map(|refusal| refusal.reject)
    }

    fn is_engaged(&self, target: KillTarget) -> bool {
        self.shard.engaged().any(|engaged| engaged.target == target)
    }
}

#[test]
fn what_is_stopped_enters_nothing_until_it_is_released_and_nobody_else_is_stopped() {
    for (target, stopped, other) in [
        (ALICE, Reject::AccountDisabled, sell("other")),
        (HERE, Reject::InstrumentHalted, NewOrder { instrument: InstrumentId(2), ..sell("other") }),
    ] {
        let mut venue = Venue::new();
        venue.place(buy("before"));
        assert_eq!(venue.switch(engage(target, false)), [1]);
        assert_eq!(venue.refusal(buy("a")), Some(stopped));
        assert_eq!(venue.refusal(NewOrder { price: Price(110), ..other }), None);
        let canceled = venue.run(venue.cancel_order(cancel("c", "before")));
        assert_eq!(execution(&canceled[0]).cause, Some(Cause::Requested), "cancels are taken");
        assert_eq!(venue.switch(release(target)), [1]);
        assert_eq!(venue.refusal(buy("b")), None);
        assert!(!venue.is_engaged(target));
    }
}

#[test]
fn what_changes_nothing_leaves_no_record_and_who_was_first_is_remembered() {
    let mut venue = Venue::new();
    assert!(venue.switch(release(ALICE)).is_empty(), "it is not engaged");
    assert!(venue.switch(engage(KillTarget::Account(AccountId(99)), true)).is_empty(), "nobody knows it");
    assert!(venue.switch(engage(KillTarget::Instrument(InstrumentId(99)), true)).is_empty());
    venue.switch(engage(ALICE, false));
    let first = venue.shard.engaged().next().unwrap();
    venue.now = venue.now + Span::from_secs(1);
    assert!(venue.switch(KillSwitch { uid: 0, ..engage(ALICE, false) }).is_empty(), "it is engaged already");
    venue.place(sell("other"));
    assert_eq!(
        venue.switch(KillSwitch { uid: 0, ..engage(ALICE, true) }),
        [1],
        "its orders are to go as well"
    );
    let again = venue.shard.engaged().next().unwrap();
    assert_eq!(again, Engaged { cancel: true, ..first });
    assert_eq!(venue.shard.open_orders().count(), 1);
}

#[test]
fn all_orders_go_in_as_many_steps_as_they_need_and_each_tells_why() {
    for (target, cause) in [(ALICE, Cause::KillSwitch), (HERE, Cause::TradingHalt)] {
        let mut venue = Venue::new();
        let count = CANCELS_PER_STEP_MAX + 7;
        for n in 0..count {
            venue.place(buy(&format!("o{n}")));
        }
        venue.place(NewOrder { instrument: InstrumentId(2), account: AccountId(2), ..buy("stays") });
        // The first event says what was done.
        assert_eq!(venue.switch(engage(target, true)), [CANCELS_PER_STEP_MAX, 8]);
        let events = venue.log.iter().flat_map(|record| &record.events);
        let canceled = events.filter_map(|event| match event {
            Event::Execution(it) if it.exec_type == ExecType::Canceled => Some(*it),
            _ => None,
        });
        let canceled: Vec<Execution> = canceled.collect();
        assert_eq!(canceled.len(), count);
        assert!(canceled.iter().all(|it| it.cause == Some(cause) && it.order.account == AccountId(1)));
        assert_eq!(venue.shard.open_orders().count(), 1);
        assert!(venue.is_engaged(target));
    }
}

#[test]
fn an_account_is_told_that_it_cannot_trade_and_what_was_refused_is_not_done_later() {
    let mut venue = Venue::new();
    let can_trade = |venue: &Venue| match venue.ask(Query::Account(AccountId(1))) {
        Answer::Account(Ok(state)) => state.limits.enabled,
        answer => panic!("{answer:?}"),
    };
    assert!(can_trade(&venue));
    venue.switch(engage(ALICE, false));
    assert!(!can_trade(&venue));
    let command = venue.new_order(buy("a"));
    assert_eq!(story(&venue.run(command)), [(ExecType::Rejected, Some(Reject::AccountDisabled))]);
    venue.switch(release(ALICE));
    assert!(venue.send(command).is_err(), "it gets its first answer");
    assert_eq!(venue.shard.open_orders().count(), 0);
}

#[test]
fn the_configuration_and_the_kill_switch_must_both_let_an_order_pass() {
    let mut venue = Venue::new();
    venue.switch(engage(ALICE, false));
    venue.switch(engage(HERE, false));
    venue.run(Command::Account(limits(1)));
    venue.run(Command::Instrument(instrument(1)));
    assert_eq!(venue.refusal(buy("a")), Some(Reject::InstrumentHalted));
    venue.switch(release(HERE));
    assert_eq!(venue.refusal(buy("b")), Some(Reject::AccountDisabled));
    venue.run(Command::Account(AccountLimits { enabled: false, ..limits(1) }));
    venue.switch(release(ALICE));
    assert_eq!(venue.refusal(buy("c")), Some(Reject::AccountDisabled));
}
