//! The dead man's timer of an account.

use super::venue::*;
use super::*;
use crate::limits::CANCELS_PER_STEP_MAX;

impl Venue {
    /// Account 1 sets its timer, with this much time to live, by a request that was sent now.
    fn arm(&mut self, timeout: Span) -> CancelAllAfterSet {
        self.now = self.now + Span::from_millis(1);
        self.arm_with(self.armed(timeout))
    }

    fn armed(&self, timeout: Span) -> Command {
        let request = CancelAllAfter { account: AccountId(1), timeout };
        let requester = self.requester(&RequestKind::CancelAllAfter(request));
        Command::CancelAllAfter(requester, request)
    }

    fn arm_with(&mut self, command: Command) -> CancelAllAfterSet {
        match &self.run(command)[..] {
            [Event::CancelAllAfter(set)] => *set,
            events => panic!("not one answer: {events:?}"),
        }
    }

    fn canceled(&mut self) -> Vec<(String, Option<Cause>)> {
        let before = self.log.len();
        self.run_due();
        let events = self.log[before..].iter().flat_map(|record| &record.events);
        events.map(|event| (execution(event).order.cl_ord_id.to_string(), execution(event).cause)).collect()
    }
}

const SECOND: Span = Span::from_secs(1);

#[test]
fn all_orders_of_the_account_go_when_the_timer_is_not_set_again() {
    let mut venue = Venue::new();
    venue.place(buy("a"));
    venue.place(NewOrder { instrument: InstrumentId(2), ..buy("b") });
    venue.place(NewOrder { price: Price(110), ..sell("other") });
    let set = venue.arm(SECOND);
    assert_eq!((set.at, set.refusal), (Some(venue.now + SECOND), None));
    venue.now = venue.now + Span::from_millis(900);
    assert_eq!(venue.canceled(), []);
    venue.arm(SECOND);
    venue.now = venue.now + Span::from_millis(900);
    assert_eq!(venue.canceled(), [], "it was set again");
    venue.now = venue.now + Span::from_millis(100);
    let cause = Some(Cause::CancelAllAfter);
    assert_eq!(venue.canceled(), [("a".to_owned(), cause), ("b".to_owned(), cause)]);
    assert_eq!(venue.shard.open_orders().count(), 1);
    venue.place(buy("c"));
    venue.now = venue.now + Span::from_secs(60);
    assert_eq!(venue.canceled(), [], "it has fired, and is off until it is set again");
}

#[test]
fn zero_turns_the_timer_off() {
    let mut venue = Venue::new();
    venue.place(buy("a"));
    venue.arm(SECOND);
    assert_eq!(venue.arm(Span::ZERO).at, None);
    assert_eq!(venue.shard.next_deadline(), None);
}

#[test]
fn a_captured_request_that_comes_again_changes_nothing() {
    let mut venue = Venue::new();
    venue.now = venue.now + SECOND;
    let captured = venue.armed(Span::from_secs(60));
    let first = venue.arm_with(captured);
    assert_eq!(venue.arm_with(captured), first, "sent again, answered again");
    let off = venue.arm(Span::ZERO);
    assert_eq!(off.at, None);
    let again = venue.arm_with(captured);
    assert_eq!(again.refusal.map(|refusal| refusal.reject), Some(Reject::TimestampTooOld));
    assert_eq!(venue.shard.next_deadline(), None);
}

#[test]
fn several_requests_of_one_millisecond_run_once_each_and_not_without_end() {
    let mut venue = Venue::new();
    let Command::CancelAllAfter(requester, request) = venue.armed(SECOND) else { panic!("a timer") };
    let numbered = |n: u8| {
        let timeout = Span::from_secs(u64::from(n) + 1);
        let requester = Requester { signed_digest: [n; 16], ..requester };
        Command::CancelAllAfter(requester, CancelAllAfter { timeout, ..request })
    };
    let set: Vec<_> = (0..4).map(|n| venue.arm_with(numbered(n)).at).collect();
    assert!(set.is_sorted() && set[0] < set[3]);
    assert_eq!(
        venue.arm_with(numbered(0)).at,
        set[3],
        "it has run, and is answered with how the timer stands"
    );
    assert!(venue.arm_with(numbered(4)).refusal.is_some());
}

#[test]
fn an_old_request_and_an_unknown_account_are_refused() {
    let mut venue = Venue::new();
    let late = venue.armed(SECOND);
    venue.now = venue.now + Span::from_secs(6);
    let refused = venue.arm_with(late);
    assert_eq!(refused.refusal.map(|refusal| refusal.reject), Some(Reject::TimestampTooOld));
    let Command::CancelAllAfter(requester, request) = venue.armed(SECOND) else { panic!("a timer") };
    let foreign = CancelAllAfter { account: AccountId(99), ..request };
    let refused = venue.arm_with(Command::CancelAllAfter(requester, foreign));
    assert_eq!(refused.refusal.map(|refusal| refusal.reject), Some(Reject::AccountNotOnShard));
}

#[test]
fn more_orders_than_a_step_holds_go_before_anything_else_that_is_due() {
    let mut venue = Venue::new();
    let count = CANCELS_PER_STEP_MAX + 7;
    for n in 0..count {
        venue.place(buy(&format!("o{n}")));
    }
    let at = venue.arm(SECOND).at.unwrap();
    venue.now = at;
    let first = venue.fire();
    assert_eq!(first.len(), CANCELS_PER_STEP_MAX);
    assert!(venue.shard.has_pending(), "the rest follows as a sweep of its own");
    let rest = venue.shard.proceed(venue.now).events.len();
    assert_eq!((rest, venue.shard.open_orders().count()), (7, 0));
    assert!(!venue.shard.has_pending() && !venue.shard.is_due(venue.now));
}
