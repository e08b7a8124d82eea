//! Cancel on disconnect: whose orders go, when, and what comes too late to matter.

use super::venue::*;
use super::*;
use crate::limits::TIMERS_PER_STEP_MAX;

const GRACE: Span = Span::from_secs(10);
const ALMOST: Span = Span(GRACE.0 - 1);
const FIX: SessionId = SessionId(7);

fn terms(on: CancelOn) -> CancelTerms {
    CancelTerms { on, grace: GRACE }
}

fn fix_logon(logon: u64, on: CancelOn) -> Command {
    let lease = LeaseId::Session(FIX);
    Command::SessionBegan(SessionBegan { lease, logon: LogonId(logon), key: ApiKeyId(1), terms: terms(on) })
}

fn ws_logon(logon: u64, key: u32, on: CancelOn) -> Command {
    let (logon, key) = (LogonId(logon), ApiKeyId(key));
    Command::SessionBegan(SessionBegan { lease: LeaseId::Logon(logon), logon, key, terms: terms(on) })
}

fn ended(logon: u64, end: SessionEnd) -> Command {
    Command::SessionEnded(SessionEnded { logon: LogonId(logon), end })
}

fn dropped(logon: u64) -> Command {
    ended(logon, SessionEnd::Disconnect)
}

impl Venue {
    /// Account 1 buys on a FIX session, or on a WebSocket logon.
    fn place_on(&mut self, session: SessionId, logon: u64, id: &str) -> OrderId {
        let Command::New(requester, order) = self.new_order(buy(id)) else { panic!("a new order") };
        let requester = Requester { session, logon: LogonId(logon), ..requester };
        execution(&self.run(Command::New(requester, order))[0]).order.id
    }

    fn tell(&mut self, command: Command) {
        assert_eq!(self.run(command), [], "a session that begins or ends is no event");
    }

    fn changes_nothing(&mut self, command: Command) -> bool {
        let before = self.shard.state_hash();
        let nothing = matches!(self.shard.execute(None, &command, self.now), Outcome::Repetition(None));
        nothing && before == self.shard.state_hash()
    }

    /// Lets time go by and runs what is due: the orders that were canceled, and why.
    fn pass(&mut self, span: Span) -> Vec<(String, Cause)> {
        self.now = self.now + span;
        let mut told = Vec::new();
        while self.shard.is_due(self.now) {
            told.extend(self.fire().iter().map(|event| {
                let canceled = execution(event);
                assert_eq!((canceled.exec_type, canceled.cancel_id), (ExecType::Canceled, None));
                (canceled.order.cl_ord_id.to_string(), canceled.cause.unwrap())
            }));
        }
        told
    }

    fn open(&self) -> Vec<String> {
        self.shard.open_orders().map(|order| order.cl_ord_id.to_string()).collect()
    }
}

#[test]
fn a_session_that_breaks_loses_its_orders_when_its_grace_is_over_and_no_others() {
    let mut venue = Venue::new();
    venue.place_on(FIX, 0, "before");
    venue.tell(fix_logon(1, CancelOn::Disconnect));
    venue.place_on(FIX, 0, "a");
    venue.place_on(SessionId(8), 0, "other");
    venue.place_on(FIX, 0, "b");
    venue.tell(dropped(1));
    assert_eq!(venue.pass(ALMOST), []);
    let why = Cause::SessionDisconnected;
    assert_eq!(venue.pass(Span(1)), [("a".to_owned(), why), ("b".to_owned(), why)]);
    assert_eq!(venue.open(), ["before", "other"], "those were not entered under cancel on disconnect");
    assert_eq!(venue.shard.next_deadline(), None);
}

#[test]
fn a_new_logon_within_the_grace_keeps_the_orders_and_answers_for_them() {
    let mut venue = Venue::new();
    venue.tell(fix_logon(1, CancelOn::Both));
    venue.place_on(FIX, 0, "a");
    venue.tell(dropped(1));
    venue.pass(ALMOST);
    venue.tell(fix_logon(2, CancelOn::Both));
    assert_eq!(venue.pass(GRACE), []);
    venue.tell(ended(2, SessionEnd::Logout));
    assert_eq!(venue.pass(GRACE), [("a".to_owned(), Cause::SessionLoggedOut)]);
}

#[test]
fn the_mode_says_which_ends_cancel() {
    use CancelOn::{Both, Disconnect, Logout, Nothing};
    for (on, end, cancels) in [
        (Nothing, SessionEnd::Disconnect, false),
        (Nothing, SessionEnd::Logout, false),
        (Disconnect, SessionEnd::Disconnect, true),
        (Disconnect, SessionEnd::Logout, false),
        (Logout, SessionEnd::Disconnect, false),
        (Logout, SessionEnd::Logout, true),
        (Both, SessionEnd::Disconnect, true),
        (Both, SessionEnd::Logout, true),
    ] {
        for session in [FIX, SessionId::NONE] {
            let mut venue = Venue::new();
            let began = if session == FIX { fix_logon(1, on) } else { ws_logon(1, 1, on) };
            venue.shard.execute(None, &began, venue.now);
            venue.place_on(session, 1, "a");
            venue.shard.execute(None, &ended(1, end), venue.now);
            assert_eq!(venue.pass(GRACE).len(), usize::from(cancels), "{on:?}, {end:?}, {session}");
            assert_eq!(venue.pass(GRACE), []);
        }
    }
}

#[test]
fn what_comes_late_or_twice_cannot_touch_the_session_that_is_there_now() {
    let mut venue = Venue::new();
    venue.tell(fix_logon(1, CancelOn::Both));
    venue.place_on(FIX, 0, "a");
    // The client is back through another gateway before this one's loss is told.
    venue.tell(fix_logon(2, CancelOn::Both));
    assert!(venue.changes_nothing(dropped(1)), "the end of the logon before");
    assert!(venue.changes_nothing(fix_logon(1, CancelOn::Nothing)), "a logon that was overtaken");
    assert!(venue.changes_nothing(fix_logon(2, CancelOn::Both)), "told twice");
    assert!(venue.changes_nothing(dropped(3)), "of nobody");
    assert_eq!(venue.pass(GRACE), []);
    venue.tell(dropped(2));
    assert!(venue.changes_nothing(dropped(2)), "the grace does not begin again");
    assert!(venue.changes_nothing(ended(2, SessionEnd::Logout)));
    assert_eq!(venue.pass(GRACE).len(), 1);
    assert!(venue.changes_nothing(dropped(2)));
}

#[test]
fn a_logon_of_the_same_key_takes_over_what_ended_ones_left_and_not_what_others_hold() {
    let mut venue = Venue::new();
    for (logon, key) in [(1, 5), (2, 5), (3, 6)] {
        venue.tell(ws_logon(logon, key, CancelOn::Disconnect));
        venue.place_on(SessionId::NONE, logon, &format!("of-{logon}"));
    }
    venue.tell(dropped(1));
    venue.tell(dropped(3));
    venue.tell(ws_logon(4, 5, CancelOn::Disconnect));
    assert_eq!(venue.pass(GRACE), [("of-3".to_owned(), Cause::SessionDisconnected)], "another key's");
    venue.place_on(SessionId::NONE, 4, "of-4");
    venue.tell(dropped(4));
    let gone: Vec<_> = venue.pass(GRACE).into_iter().map(|(order, _)| order).collect();
    assert_eq!(gone, ["of-1", "of-4"]);
    assert_eq!(venue.open(), ["of-2"], "its connection is there all the while");
}

#[test]
fn a_logon_without_cancel_on_disconnect_keeps_what_is_in_its_grace_for_good() {
    let mut venue = Venue::new();
    venue.tell(ws_logon(1, 5, CancelOn::Both));
    venue.place_on(SessionId::NONE, 1, "a");
    venue.tell(dropped(1));
    venue.tell(ws_logon(2, 5, CancelOn::Nothing));
    venue.place_on(SessionId::NONE, 2, "b");
    venue.tell(dropped(2));
    assert_eq!(venue.pass(GRACE), []);
    assert_eq!(venue.open(), ["a", "b"]);
    assert!(venue.changes_nothing(ws_logon(3, 9, CancelOn::Nothing)), "there is nothing to take over");
}

#[test]
fn after_a_restart_every_grace_begins_now() {
    let mut venue = Venue::new();
    venue.tell(fix_logon(1, CancelOn::Disconnect));
    venue.place_on(FIX, 0, "held");
    venue.tell(ws_logon(2, 5, CancelOn::Both));
    venue.place_on(SessionId::NONE, 2, "ended");
    venue.tell(ws_logon(3, 6, CancelOn::Logout));
    venue.place_on(SessionId::NONE, 3, "on-logout");
    venue.tell(ended(2, SessionEnd::Logout));
    // The server was down for longer than any grace.
    venue.now = venue.now + Span::from_secs(3_600);
    venue.tell(Command::Restarted);
    assert_eq!(venue.shard.last_logon(), LogonId(3));
    assert_eq!(venue.pass(ALMOST), []);
    let told = venue.pass(Span(1));
    let expected = [("held", Cause::ServerRestarted), ("ended", Cause::SessionLoggedOut)];
    assert_eq!(told, expected.map(|(order, cause)| (order.to_owned(), cause)));
    assert_eq!(venue.open(), ["on-logout"], "a restart is no logout");
    assert!(!venue.changes_nothing(Command::Restarted) || venue.open().len() == 1);
}

#[test]
fn many_orders_in_many_books_go_in_bounded_steps_before_anything_else() {
    let mut venue = Venue::new();
    venue.tell(fix_logon(1, CancelOn::Both));
    let count = 2 * TIMERS_PER_STEP_MAX + 5;
    for n in 0..count {
        let Command::New(requester, order) = venue.new_order(buy(&format!("o{n}"))) else { panic!() };
        let instrument = InstrumentId(1 + (n % 2) as u16);
        venue.run(Command::New(Requester { session: FIX, ..requester }, NewOrder { instrument, ..order }));
    }
    venue.tell(dropped(1));
    venue.now = venue.now + GRACE;
    let sizes: Vec<usize> =
        std::iter::from_fn(|| venue.shard.is_due(venue.now).then(|| venue.fire().len())).collect();
    assert_eq!(sizes, [TIMERS_PER_STEP_MAX, TIMERS_PER_STEP_MAX, 5]);
    assert_eq!(venue.open(), Vec::<String>::new());
}

#[test]
fn a_session_without_orders_leaves_nothing_behind() {
    let mut venue = Venue::new();
    let before = format!("{:?}", venue.shard.leases);
    venue.tell(ws_logon(1, 5, CancelOn::Both));
    venue.place_on(SessionId::NONE, 1, "a");
    venue.run(venue.cancel_order(cancel("c", "a")));
    venue.tell(dropped(1));
    assert_eq!((format!("{:?}", venue.shard.leases), venue.shard.next_deadline()), (before, None));
}

#[test]
fn a_logon_looks_at_its_own_lease_and_at_those_that_its_key_left() {
    let mut venue = Venue::new();
    for n in 1..=300 {
        let lease = LeaseId::Session(SessionId(n));
        let (logon, key) = (LogonId(n.into()), ApiKeyId(1));
        venue.tell(Command::SessionBegan(SessionBegan { lease, logon, key, terms: terms(CancelOn::Both) }));
    }
    for logon in 301..=400 {
        venue.tell(ws_logon(logon, 2 + (logon % 2) as u32, CancelOn::Both));
        venue.place_on(SessionId::NONE, logon, &format!("o{logon}"));
    }
    let looked_at = |venue: &Venue, command: Command| {
        let Command::SessionBegan(began) = command else { panic!("a logon") };
        venue.shard.leases.candidates(&began).count()
    };
    assert_eq!(looked_at(&venue, fix_logon(401, CancelOn::Both)), 1);
    assert_eq!(looked_at(&venue, ws_logon(401, 2, CancelOn::Both)), 0, "all of its key are held");
    (303..=305).for_each(|logon| venue.tell(dropped(logon)));
    assert_eq!(looked_at(&venue, ws_logon(401, 2, CancelOn::Both)), 1);
    assert_eq!(looked_at(&venue, ws_logon(401, 3, CancelOn::Both)), 2);
    venue.tell(ws_logon(401, 3, CancelOn::Both));
    assert_eq!(looked_at(&venue, ws_logon(402, 3, CancelOn::Both)), 0, "it holds them now");
    venue.tell(Command::Restarted);
    let left = looked_at(&venue, ws_logon(402, 2, CancelOn::Both));
    assert_eq!((left, looked_at(&venue, ws_logon(402, 3, CancelOn::Both))), (50, 50));
}

#[test]
fn a_session_that_ended_without_cancelling_answers_for_its_orders_when_it_is_back() {
    let mut venue = Venue::new();
    venue.tell(fix_logon(1, CancelOn::Disconnect));
    venue.place_on(FIX, 0, "a");
    venue.tell(ended(1, SessionEnd::Logout));
    assert_eq!(venue.pass(GRACE), []);
    venue.tell(fix_logon(2, CancelOn::Disconnect));
    venue.tell(dropped(2));
    assert_eq!(venue.pass(GRACE).len(), 1);
}

#[test]
fn sessions_that_end_at_once_take_no_orders_of_others() {
    let mut venue = Venue::new();
    const COUNT: u64 = 3_000;
    for logon in 1..=COUNT {
        venue.tell(ws_logon(logon, logon as u32, CancelOn::Disconnect));
    }
    let left: Vec<String> = [1, COUNT / 2, COUNT].map(|logon| format!("of-{logon}")).into();
    for (logon, id) in [1, COUNT / 2, COUNT].into_iter().zip(&left) {
        venue.place_on(SessionId::NONE, logon, id);
    }
    for logon in (1..=COUNT).rev() {
        venue.tell(dropped(logon));
        assert!(venue.changes_nothing(dropped(logon)), "it has ended");
    }
    assert_eq!(venue.open(), left);
    let canceled = venue.pass(GRACE);
    assert_eq!(canceled.len(), 3);
    assert!(canceled.iter().all(|(_, cause)| *cause == Cause::SessionDisconnected));
    assert!(venue.changes_nothing(Command::Restarted), "no lease is left");
}
