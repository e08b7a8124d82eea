use super::*;
use crate::config::{Account, Member, SignaturePolicy};
use crate::types::{
    AccountLimits, ApiKeyId, CancelOrder, InstrumentId, MemberId, NewOrder, OpenOrdersQuery, OrdType,
    OrderId, OrderRef, Price, Qty, Query, Request, SessionId, Side, SmpMode, Text, TimeInForce, Unverified,
};

const NOW: Nanos = Nanos(1_800_000_000_000_000_000);
const WINDOW: Span = Span::from_secs(10);
const ALICE: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);

fn limiter() -> Limiter {
    let account = |id: AccountId| Account {
        id,
        name: format!("account-{id}"),
        member: MemberId(1),
        signature: SignaturePolicy::Order,
        rates: RateLimits { orders: (2, WINDOW), cancels: (3, WINDOW), queries: (1, WINDOW) },
        limits: AccountLimits {
            smp_group: Default::default(),
            account: id,
            instrument: None,
            max_open_orders: 1,
            max_position: 0,
            enabled: true,
        },
    };
    let member = Member { id: MemberId(1), name: "one".into(), spki_sha256: Vec::new() };
    let directory =
        Directory::new(vec![member], vec![account(ALICE), account(BOB)], vec![], vec![], vec![]).unwrap();
    Limiter::new(&directory)
}

fn new_order(account: AccountId) -> RequestKind {
    RequestKind::New(NewOrder {
        smp_group: None,
        reduce_only: false,
        expire: Nanos(0),
        account,
        instrument: InstrumentId(1),
        cl_ord_id: Text::EMPTY,
        side: Side::Buy,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        smp: SmpMode::default(),
        price: Price(1),
        qty: Qty(1),
    })
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
