use super::*;
use crate::config::{Account, Member, SignaturePolicy, fixture};
use crate::types::{
    ApiKeyId, CancelAllAfter, CancelOrder, CancelScope, Command, InstrumentId, LogonId, MassCancel, MemberId,
    MsgSeqNum, NewOrder, OpenOrdersQuery, OrderId, OrderRef, Query, Request, Requester, SessionId, ShardId,
    Text, Unverified, samples,
};

const NOW: Nanos = Nanos(1_800_000_000_000_000_000);
const WINDOW: Span = Span::from_secs(10);
const ALICE: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);

fn rates(orders: u32, orders_per_day: Option<u32>) -> RateLimits {
    RateLimits { orders: (orders, WINDOW), orders_per_day, cancels: (3, WINDOW), queries: (1, WINDOW) }
}

fn directory(rates: RateLimits) -> Directory {
    let account = |id: AccountId| Account {
        rates,
        ..fixture::account(id.0, &format!("account-{id}"), MemberId(1), SignaturePolicy::Order)
    };
    let member = Member { id: MemberId(1), name: "one".into(), spki_sha256: Vec::new() };
    Directory::new(vec![member], vec![account(ALICE), account(BOB)], vec![], vec![], vec![]).unwrap()
}

fn limiter() -> Limiter {
    Limiter::new(&directory(rates(2, None)))
}

fn new_order(account: AccountId) -> RequestKind {
    RequestKind::New(NewOrder { account, cl_ord_id: Text::EMPTY, ..samples::new_order("") })
}

fn cancel(account: AccountId) -> RequestKind {
    let target = OrderRef::OrderId(OrderId(1));
    RequestKind::Cancel(CancelOrder { account, instrument: InstrumentId(1), cl_ord_id: Text::EMPTY, target })
}

fn check(limiter: &Limiter, kind: RequestKind, now: Nanos) -> Result<(), Refusal> {
    let request = Request {
        kind,
        session: SessionId::NONE,
        key: ApiKeyId(1),
        sent: now,
        recv_window: Span::ZERO,
        content: [0; 16],
        named: true,
    };
    let verified = Verified::attest(Unverified { request, signed: b"", signature: None });
    limiter.check(verified, now).map(|allowed| assert_eq!(allowed.request(), &request))
}

#[test]
fn a_refusal_names_the_class_and_when_to_come_back() {
    let limiter = limiter();
    assert_eq!(check(&limiter, new_order(ALICE), NOW), Ok(()));
    assert_eq!(check(&limiter, new_order(ALICE), NOW + Span::from_secs(1)), Ok(()));
    let refused = check(&limiter, new_order(ALICE), NOW + Span::from_secs(4)).unwrap_err();
    assert_eq!(refused, Refusal::with(Reject::OrderRate, Detail::RetryAfter(Span::from_secs(6))));
    assert_eq!(check(&limiter, new_order(ALICE), NOW + WINDOW), Ok(()));
}

#[test]
fn an_account_that_may_enter_no_more_orders_can_still_cancel() {
    let limiter = limiter();
    while check(&limiter, new_order(ALICE), NOW).is_ok() {}
    for _ in 0..3 {
        assert_eq!(check(&limiter, cancel(ALICE), NOW), Ok(()));
    }
    assert_eq!(check(&limiter, cancel(ALICE), NOW).unwrap_err().reject, Reject::CancelRate);
}

#[test]
fn one_account_does_not_use_up_the_limit_of_another() {
    let limiter = limiter();
    while check(&limiter, new_order(ALICE), NOW).is_ok() {}
    assert_eq!(check(&limiter, new_order(BOB), NOW), Ok(()));
}

#[test]
fn all_gateways_share_the_limit_of_an_account() {
    let (one, other) = (limiter(), limiter());
    let shared = one.clone();
    assert_eq!(check(&one, new_order(ALICE), NOW), Ok(()));
    assert_eq!(check(&shared, new_order(ALICE), NOW), Ok(()));
    assert!(check(&one, new_order(ALICE), NOW).is_err());
    assert_eq!(check(&other, new_order(ALICE), NOW), Ok(()), "another limiter is another venue");
}

#[test]
fn questions_about_an_account_are_limited_and_public_ones_are_not() {
    let limiter = limiter();
    let own = RequestKind::Query(Query::OpenOrders(OpenOrdersQuery {
        account: ALICE,
        instrument: None,
        side: None,
        req_id: None,
    }));
    assert_eq!(check(&limiter, own, NOW), Ok(()));
    assert_eq!(check(&limiter, own, NOW).unwrap_err().reject, Reject::QueryRate);
    for _ in 0..100 {
        let public = RequestKind::Query(Query::BookTicker { instrument: None });
        assert_eq!(check(&limiter, public, NOW), Ok(()));
    }
}

#[test]
fn usage_tells_each_class_apart() {
    let limiter = limiter();
    assert_eq!(check(&limiter, new_order(ALICE), NOW), Ok(()));
    let [orders, cancels, queries] = limiter.usage(ALICE, NOW).unwrap();
    assert_eq!((orders.used, orders.limit, orders.window), (1, 2, WINDOW));
    assert_eq!((cancels.used, cancels.limit), (0, 3));
    assert_eq!((queries.used, queries.limit), (0, 1));
    assert_eq!(limiter.usage(AccountId(9), NOW), None);
}

#[test]
fn an_account_that_nobody_knows_gets_nothing() {
    assert_eq!(check(&limiter(), new_order(AccountId(9)), NOW).unwrap_err().reject, Reject::AccountUnknown);
}

#[test]
fn a_day_has_a_limit_of_its_own() {
    let limiter = Limiter::new(&directory(rates(9, Some(2))));
    assert!((0..2).all(|_| check(&limiter, new_order(ALICE), NOW).is_ok()));
    let refused = check(&limiter, new_order(ALICE), NOW).unwrap_err();
    let to_midnight = Span::from_secs(16 * 60 * 60);
    assert_eq!(refused, Refusal::with(Reject::OrdersOfDay, Detail::RetryAfter(to_midnight)));
    let today = limiter.usage_today(ALICE, NOW).unwrap();
    assert_eq!((today.used, today.limit, today.window), (2, 2, Span::from_secs(24 * 60 * 60)));
    assert_eq!(limiter.usage_today(BOB, NOW).unwrap().used, 0);
    assert_eq!(check(&limiter, cancel(ALICE), NOW), Ok(()), "cancels are taken");
    assert_eq!(check(&limiter, new_order(ALICE), NOW + to_midnight), Ok(()));
}

/// As a shard takes it.
fn command(kind: RequestKind) -> Command {
    let requester = Requester {
        session: SessionId::NONE,
        number: MsgSeqNum(0),
        logon: LogonId::NONE,
        key: ApiKeyId(1),
        sent: NOW,
        recv_window: Span::ZERO,
        content: [0; 16],
        signed_digest: [0; 16],
        named: true,
    };
    match kind {
        RequestKind::New(order) => Command::New(requester, order),
        RequestKind::Cancel(cancel) => Command::Cancel(requester, cancel),
        RequestKind::MassCancel(cancel) => Command::MassCancel(requester, cancel),
        RequestKind::CancelAllAfter(request) => Command::CancelAllAfter(requester, request),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn after_a_restart_what_shards_had_taken_counts_and_nothing_else() {
    let directory = directory(rates(2, Some(4)));
    let mut past = Past::new(Past::kept(&directory));
    let (one, other) = (ShardId(0), ShardId(1));
    for (shard, after) in [(one, 0), (other, 1), (one, 3)] {
        past.count(shard, &command(new_order(ALICE)), NOW + Span::from_secs(after));
    }
    let scope = CancelScope { account: ALICE, instrument: None, side: None, session: None };
    let everywhere = [
        RequestKind::MassCancel(MassCancel { scope, cl_ord_id: Text::EMPTY }),
        RequestKind::CancelAllAfter(CancelAllAfter { account: ALICE, timeout: Span::ZERO }),
    ];
    for kind in everywhere {
        [one, other].into_iter().for_each(|shard| past.count(shard, &command(kind), NOW));
    }
    past.count(one, &Command::Timers, NOW);
    let now = NOW + Span::from_secs(4);
    let limiter = Limiter::resuming(&directory, past, now);

    let [orders, cancels, queries] = limiter.usage(ALICE, now).unwrap();
    assert_eq!((orders.used, cancels.used, queries.used), (2, 2, 0), "what all shards have is one request");
    assert_eq!(orders.retry_after, Span::from_secs(7), "ten seconds after the second last");
    assert_eq!(limiter.usage_today(ALICE, now).unwrap().used, 3);
    assert_eq!(limiter.usage(BOB, now).unwrap()[0].used, 0);
    assert_eq!(check(&limiter, new_order(ALICE), now).unwrap_err().reject, Reject::OrderRate);
    assert_eq!(check(&limiter, new_order(ALICE), NOW + Span::from_secs(11)), Ok(()));
    let full = check(&limiter, new_order(ALICE), NOW + Span::from_secs(30)).unwrap_err();
    assert_eq!(full.reject, Reject::OrdersOfDay, "the fourth of the day was the last");
}

#[test]
fn a_clock_that_was_set_back_makes_nobody_wait_longer_than_a_window() {
    let directory = directory(rates(2, None));
    let mut past = Past::new(Past::kept(&directory));
    for _ in 0..2 {
        past.count(ShardId(0), &command(new_order(ALICE)), NOW + Span::from_secs(3_600));
    }
    let limiter = Limiter::resuming(&directory, past, NOW);
    assert_eq!(limiter.usage(ALICE, NOW).unwrap()[0].retry_after, WINDOW);
}
