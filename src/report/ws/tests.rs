//! What clients are told, compared with the examples of `docs/protocol-websocket.md`.

mod changes;
mod streams;
mod timing;

use super::*;
use crate::config::fixture::{BTC_USD, ETH_PERP, KEY, directory};
use crate::limits::ONCE_FILLS_MAX;
use crate::types::{
    AccountId, ApplSeqNum, BookLevel, CancelOrder, CancelRejected, Cause, ClOrdId, CxlRejResponseTo, Detail,
    Event, ExecType, Fill, NewOrder, Notional, OpenOrdersQuery, OrdStatus, Order, OrderId, OrderQuery,
    OrderRef, Price, Qty, RateLimitType, Repeated, ResponseType, Seq, SessionId, ShardId, Side, Span, Text,
    TradeId, samples,
};
use crate::wire::json::examples::{PAGE, example, names};
use proptest::prelude::*;

const NOW: Nanos = Nanos(1_719_487_045_224_000_000);
const AT: EventRef = EventRef { shard: ShardId(0), seq: Seq(4711), index: 0 };
const ORDERS: RateLimitUse =
    RateLimitUse { kind: RateLimitType::Orders, window: Span::from_secs(10), limit: 50, count: 12 };
const CANCELS: RateLimitUse =
    RateLimitUse { kind: RateLimitType::Cancels, window: Span::from_secs(10), limit: 100, count: 3 };
const QUERIES: RateLimitUse =
    RateLimitUse { kind: RateLimitType::Queries, window: Span::from_secs(60), limit: 6_000, count: 70 };

fn reporter() -> Reporter {
    Reporter::new(Arc::new(directory()))
}

fn name(text: &str) -> ClOrdId {
    ClOrdId::new(text).unwrap()
}

fn new_order() -> NewOrder {
    NewOrder { instrument: BTC_USD, price: Price(6_000_010), qty: Qty(5_000), ..samples::new_order("bot-17") }
}

/// [`new_order`] after it was taken.
fn order() -> Order {
    Order::accepted(&new_order(), OrderId(4711), SessionId::NONE, NOW)
}

fn execution(exec_type: ExecType, order: Order) -> Execution {
    Execution::bare(exec_type, order)
}

fn filled_in_part() -> Execution {
    let fill = Fill { trade_id: TradeId(99), price: Price(6_000_000), qty: Qty(2_000), maker: false };
    let order = Order {
        cum_qty: fill.qty,
        cum_quote: fill.price.times(fill.qty),
        status: OrdStatus::PartiallyFilled,
        ..order()
    };
    let appl_seq_num = ApplSeqNum(12);
    Execution { appl_seq_num, fill: Some(fill), ..execution(ExecType::Trade, order) }
}

fn cancel() -> CancelOrder {
    let target = OrderRef::ClOrdId(name("bot-17"));
    CancelOrder { account: AccountId(1), instrument: BTC_USD, cl_ord_id: name("bot-18"), target }
}

fn canceled() -> Execution {
    let order = Order { status: OrdStatus::Canceled, ..filled_in_part().order };
    let cause = Some(Cause::Requested);
    Execution { cancel_id: Some(name("bot-18")), cause, ..execution(ExecType::Canceled, order) }
}

fn placing(response: ResponseType) -> Pending {
    Pending::new(&RequestKind::New(new_order()), response)
}

fn canceling() -> Pending {
    Pending::new(&RequestKind::Cancel(cancel()), ResponseType::Result)
}

fn asking(query: Query) -> Pending {
    Pending::new(&RequestKind::Query(query), ResponseType::Result)
}

fn order_query() -> OrderQuery {
    let target = OrderRef::ClOrdId(name("bot-17"));
    OrderQuery { account: AccountId(1), instrument: BTC_USD, target, req_id: None }
}

fn open_orders_query() -> OpenOrdersQuery {
    OpenOrdersQuery { account: AccountId(1), instrument: Some(BTC_USD), side: None, req_id: None }
}

fn heard(mut pending: Pending, events: &[Execution]) -> Pending {
    events.iter().for_each(|execution| pending.hear(&Event::Execution(*execution), AT));
    pending
}

fn said(write: impl FnOnce(&Reporter, &mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&reporter(), &mut out);
    String::from_utf8(out).unwrap()
}

fn to<'a>(id: &str, limits: &'a [RateLimitUse]) -> Reply<'a> {
    Reply { id: RequestId::Text(Text::new(id).unwrap()), limits: Some(limits), timing: None, as_of: None }
}

/// The answer to a question; as of number 12 if it tells the state of an account.
fn asked(pending: &Pending, answer: &Answer) -> String {
    let at = StreamPosition { account: AccountId(1), shard: ShardId(0), number: ApplSeqNum(12) };
    let as_of = AsOf { positions: &[at], directory: &directory() };
    let reply = Reply { as_of: answer.states().map(|_| as_of), ..to("ask-1", &[QUERIES]) };
    said(|r, out| r.answered(&reply, pending, answer, NOW, out))
}

fn refused(refusal: Refusal) -> String {
    said(|r, out| r.refused(&to("order-17", &[ORDERS]), &refusal, NOW, out))
}

/// Every response and event of the page, as the code writes it.
fn written() -> Vec<(&'static str, String)> {
    let rest = [changes::written(), streams::written(), timing::written()].concat();
    [of_the_connection(), of_orders(), of_questions(), of_errors(), rest].concat()
}

fn of_the_connection() -> Vec<(&'static str, String)> {
    let status = |logged_on: Option<_>, user_data_stream| SessionStatus {
        logged_on,
        cancel: match logged_on {
            Some(_) => crate::types::CancelTerms {
                on: crate::types::CancelOn::Disconnect,
                grace: Span::from_secs(2),
            },
            None => crate::types::CancelTerms::default(),
        },
        connected_since: NOW - Span::from_secs(5),
        return_rate_limits: true,
        timing: false,
        user_data_stream,
    };
    let session = |status| said(|r, out| r.session(&to("session-1", &[]), &status, NOW, out));
    vec![
        ("ping response", said(|r, out| r.empty(&to("ping-1", &[]), out))),
        ("time response", said(|r, out| r.time(&to("time-1", &[]), NOW, out))),
        (
            "exchangeInfo response",
            said(|r, out| {
                r.exchange_info(&to("info-1", &[]), Some(ETH_PERP), ("demo", &BTreeSet::new()), NOW, out)
            }),
        ),
        ("session.logon response", session(status(Some((KEY, NOW)), false))),
        ("session.status response", session(status(Some((KEY, NOW - Span::from_secs(3))), true))),
        ("session.logout response", session(status(None, false))),
        ("userDataStream.unsubscribe response", said(|r, out| r.empty(&to("stream-2", &[]), out))),
    ]
}

fn of_orders() -> Vec<(&'static str, String)> {
    let placed = |response, events: &[Execution]| {
        let pending = heard(placing(response), events);
        said(|r, out| r.executed(&to("order-17", &[ORDERS]), &pending, NOW, out))
    };
    let repeated = Repeated {
        canceled: None,
        seq: Seq(4711),
        first: Event::Execution(execution(ExecType::New, order())),
        fills: Vec::new(),
        current: Some(canceled().order),
    };
    vec![
        ("order.place ACK response", placed(ResponseType::Ack, &[execution(ExecType::New, order())])),
        ("order.place RESULT response", placed(ResponseType::Result, &[execution(ExecType::New, order())])),
        (
            "order.place FULL response",
            placed(ResponseType::Full, &[execution(ExecType::New, order()), filled_in_part()]),
        ),
        (
            "order.place repeated response",
            said(|r, out| {
                r.answered(
                    &to("order-17", &[ORDERS]),
                    &placing(ResponseType::Ack),
                    &Answer::Repeated(repeated.clone()),
                    NOW,
                    out,
                );
            }),
        ),
        (
            "order.cancel response",
            said(|r, out| {
                r.executed(&to("cancel-18", &[CANCELS]), &heard(canceling(), &[canceled()]), NOW, out);
            }),
        ),
    ]
}

fn of_questions() -> Vec<(&'static str, String)> {
    let answered = asked;
    let level = |price, qty| BookLevel { price: Price(price), qty: Qty(qty) };
    let (bid, ask) = (level(6_000_010, 3_000), level(6_000_100, 12_500));
    let depth = Query::Depth { instrument: BTC_USD, levels: 5 };
    let one = Query::BookTicker { instrument: Some(BTC_USD) };
    let at = EventRef { shard: ShardId(0), seq: Seq(4711), index: 1 };
    vec![
        (
            "order.status response",
            answered(&placing(ResponseType::Ack), &Answer::Order(order_query(), Ok(filled_in_part().order))),
        ),
        (
            "openOrders.status response",
            answered(&placing(ResponseType::Ack), &Answer::OpenOrders(open_orders_query(), vec![order()])),
        ),
        (
            "depth response",
            answered(
                &asking(depth),
                &Answer::Depth { instrument: BTC_USD, last: Seq(4711), bids: vec![bid], asks: vec![ask] },
            ),
        ),
        (
            "ticker.book response",
            answered(&asking(one), &Answer::BookTicker(vec![(BTC_USD, Some(bid), Some(ask))])),
        ),
        ("executionReport event", said(|r, out| r.execution_report(0, &filled_in_part(), at, NOW, out))),
    ]
}

fn of_errors() -> Vec<(&'static str, String)> {
    let clocks = Detail::Clocks { server: NOW, sent: NOW - Span::from_millis(6_010) };
    vec![
        ("field error", refused(Refusal::field(Reject::FieldMissing, "quantity"))),
        (
            "signature error",
            refused(Refusal::with(Reject::SignatureInvalid, Detail::SignedSha256([0xa5; 32]))),
        ),
        ("time error", refused(Refusal::with(Reject::TimestampTooOld, clocks))),
        (
            "rate error",
            refused(Refusal::with(Reject::OrderRate, Detail::RetryAfter(Span::from_micros(19_500)))),
        ),
        ("duplicate error", refused(Refusal::with(Reject::DuplicateClOrdId, Detail::OrderId(OrderId(4711))))),
        (
            "too late error",
            said(|r, out| {
                let mut pending = canceling();
                pending.hear(&Event::CancelRejected(changes::too_late()), AT);
                r.executed(&to("cancel-18", &[CANCELS]), &pending, NOW, out);
            }),
        ),
        (
            "unknown error",
            said(|r, out| {
                r.outcome_unknown(&to("order-17", &[ORDERS]), &placing(ResponseType::Ack), NOW, out)
            }),
        ),
    ]
}

#[test]
fn the_page_shows_what_is_written() {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let written = written();
    for (name, text) in &written {
        assert_eq!(json(example(name)), json(text), "{name}: {text}");
    }
    for what in [" response", " event", " error"] {
        for name in names(what) {
            assert!(written.iter().any(|(known, _)| *known == name), "{name} is on the page only");
        }
    }
}

#[test]
fn the_page_has_every_close_code() {
    use crate::wire::ws::Close;
    for why in Close::ALL {
        let row = format!("| {} | {} |", why.code(), why.reason());
        assert!(PAGE.contains(&row), "{row}");
    }
}

#[test]
fn the_page_has_the_limits() {
    use crate::limits::*;
    let thousands = |n: usize| format!("{},{:03}", n / 1_000, n % 1_000);
    let sentences = [
        format!(
            "| an upgrade request | {} bytes, within {} s |",
            thousands(UPGRADE_BYTES_MAX),
            LOGON_DEADLINE.as_millis() / 1_000
        ),
        format!("| a message | {} bytes |", thousands(WS_MESSAGE_BYTES_MAX)),
        format!("| parameters | {WS_PARAMS_MAX} |"),
        format!("| the signed form | {} bytes |", thousands(SIGNED_BYTES_MAX)),
        format!(
            "1 to {} ms; {} by default",
            thousands(RECV_WINDOW_MAX.as_millis() as usize),
            thousands(RECV_WINDOW_DEFAULT.as_millis() as usize)
        ),
        format!("At most {} ms ahead", thousands(CLOCK_AHEAD_MAX.as_millis() as usize)),
        format!("1 to {}, by default 100", thousands(usize::from(DEPTH_LEVELS_MAX))),
        format!("every {} seconds", WS_PING_EVERY.as_millis() / 1_000),
        format!("came for {};", WS_PONG_DEADLINE.as_millis() / 1_000),
        format!("the first {ONCE_FILLS_MAX} trades"),
    ];
    let page = PAGE.replace('\n', " ");
    for sentence in sentences {
        assert!(page.contains(&sentence), "{sentence}");
    }
}

#[test]
fn an_order_is_told_by_its_own_events_and_not_by_those_that_it_met() {
    let maker =
        Order { id: OrderId(1), cl_ord_id: name("other"), account: AccountId(5), ..filled_in_part().order };
    let theirs = Execution { order: maker, ..filled_in_part() };
    let pending = heard(placing(ResponseType::Full), &[theirs, filled_in_part(), theirs]);
    assert_eq!(pending.last, Some(Event::Execution(filled_in_part())));
    assert_eq!(pending.fills.len(), 1);
}

#[test]
fn an_order_without_events_has_no_outcome() {
    let text = said(|r, out| r.executed(&to("x", &[]), &placing(ResponseType::Full), NOW, out));
    assert!(text.contains("-1007") && text.contains(r#""clientOrderId":"bot-17""#), "{text}");
}

#[test]
fn a_refused_order_is_an_error_with_its_facts() {
    let refusal = Refusal::with(Reject::QtyTooLarge, Detail::Bound(1_000_000));
    let rejected = Execution {
        refusal: Some(refusal),
        ..execution(ExecType::Rejected, Order { status: OrdStatus::Rejected, ..order() })
    };
    let pending = heard(placing(ResponseType::Full), &[rejected]);
    let text = said(|r, out| r.executed(&to("x", &[]), &pending, NOW, out));
    assert!(
        text.starts_with(
            r#"{"id":"x","status":400,"error":{"code":-1013,"msg":"QtyTooLarge (bound 1000000): "#
        )
    );
    assert!(text.contains(r#""data":{"name":"QtyTooLarge","bound":1000000}"#), "{text}");
    let repeated = Repeated {
        canceled: None,
        seq: Seq(1),
        first: Event::Execution(rejected),
        fills: Vec::new(),
        current: None,
    };
    let text = said(|r, out| r.answered(&to("x", &[]), &pending, &Answer::Repeated(repeated), NOW, out));
    assert!(text.starts_with(r#"{"id":"x","status":400,"repeated":true,"error":"#), "{text}");
    let text = said(|r, out| {
        r.answered(&to("x", &[]), &pending, &Answer::Refused(Event::Execution(rejected)), NOW, out)
    });
    assert!(text.starts_with(r#"{"id":"x","status":400,"error":"#), "{text}");
}

#[test]
fn an_order_that_closed_by_its_terms_tells_why() {
    let expired = Execution {
        cause: Some(Cause::ImmediateOrCancel),
        ..execution(ExecType::Expired, Order { status: OrdStatus::Expired, ..order() })
    };
    let pending = heard(placing(ResponseType::Result), &[expired]);
    let text = said(|r, out| r.executed(&to("x", &[]), &pending, NOW, out));
    assert!(
        text.contains(r#""status":"EXPIRED""#) && text.contains(r#""reason":"ImmediateOrCancel: "#),
        "{text}"
    );
    let at = EventRef { shard: ShardId(0), seq: Seq(1), index: 0 };
    let text = said(|r, out| r.execution_report(3, &expired, at, NOW, out));
    assert!(text.contains(r#""x":"EXPIRED","X":"EXPIRED","r":"ImmediateOrCancel: "#), "{text}");
}

#[test]
fn a_cancel_is_reported_under_both_names() {
    let at = EventRef { shard: ShardId(2), seq: Seq(1), index: 7 };
    let text = said(|r, out| r.execution_report(0, &canceled(), at, NOW, out));
    assert!(text.contains(r#""c":"bot-18""#) && text.contains(r#""C":"bot-17","x":"CANCELED""#), "{text}");
    assert!(text.contains(&format!(r#""I":{}"#, (2u64 << 54) + (1 << 8) + 7)), "{text}");
    assert!(text.contains(r#""r":"NONE""#) && text.contains(r#""t":-1"#), "{text}");
}

#[test]
fn a_sweep_tells_its_first_trades_and_how_many_more() {
    let mut pending = placing(ResponseType::Full);
    for _ in 0..ONCE_FILLS_MAX + 2 {
        pending.hear(&Event::Execution(filled_in_part()), AT);
    }
    let text = said(|r, out| r.executed(&to("x", &[]), &pending, NOW, out));
    assert_eq!(text.matches("tradeId").count(), ONCE_FILLS_MAX);
    assert!(text.contains(r#""fillsOmitted":2"#), "{text}");
}

#[test]
fn ids_come_back_as_they_were() {
    for (id, told) in [
        (RequestId::Null, r#"{"id":null,"status":200,"result":{}}"#),
        (RequestId::Integer(-7), r#"{"id":-7,"status":200,"result":{}}"#),
        (RequestId::Text(Text::new("a\"b").unwrap()), r#"{"id":"a\"b","status":200,"result":{}}"#),
    ] {
        assert_eq!(said(|r, out| r.empty(&Reply { id, limits: None, timing: None, as_of: None }, out)), told);
    }
}

#[test]
fn every_book_and_none_are_told_as_arrays() {
    let all = asking(Query::BookTicker { instrument: None });
    let books = vec![(BTC_USD, None, None), (ETH_PERP, None, None)];
    let text = said(|r, out| r.answered(&to("x", &[]), &all, &Answer::BookTicker(books), NOW, out));
    assert!(text.contains(r#"[{"symbol":"BTC-USD","bidPrice":"0.00","bidQty":"0.0000","#), "{text}");
    let text = said(|r, out| r.answered(&to("x", &[]), &all, &Answer::BookTicker(Vec::new()), NOW, out));
    assert!(text.contains(r#""result":[]"#), "{text}");
}

#[test]
fn windows_are_told_in_the_largest_unit_that_fits() {
    assert_eq!(words::interval(Span::from_secs(10)), ("SECOND", 10));
    assert_eq!(words::interval(Span::from_secs(60)), ("MINUTE", 1));
    assert_eq!(words::interval(Span::from_secs(90)), ("SECOND", 90));
    assert_eq!(words::interval(Span::from_secs(86_400)), ("DAY", 1));
    assert_eq!(words::interval(Span::from_millis(1_500)), ("MILLISECOND", 1_500));
    assert_eq!(words::interval(Span::ZERO), ("MILLISECOND", 0));
}

proptest! {
    #[test]
    fn whatever_an_order_holds_is_told_as_json(
        price: i64, qty: u64, cum_quote: i128, id: u64, times: (u64, u64), wait: u64, bound: i64,
    ) {
        let order = Order {
            id: OrderId(id), price: Price(price), qty: Qty(qty), cum_qty: Qty(qty / 2),
            cum_quote: Notional(cum_quote / 2), created: Nanos(times.0), updated: Nanos(times.1), ..order()
        };
        let fill = Fill { trade_id: TradeId(id), price: Price(price), qty: Qty(qty), maker: true };
        let trade = Execution { fill: Some(fill), ..execution(ExecType::Trade, order) };
        let at = EventRef { shard: ShardId(u8::MAX), seq: Seq(u64::MAX >> 8), index: 0 };
        let pending = heard(placing(ResponseType::Full), &[trade]);
        let (now, reply) = (Nanos(times.1), to("x", &[ORDERS]));
        let texts = [
            said(|r, out| r.executed(&reply, &pending, now, out)),
            said(|r, out| r.answered(&reply, &pending, &Answer::Order(order_query(), Ok(order)), now, out)),
            said(|r, out| r.execution_report(0, &trade, at, now, out)),
            said(|r, out| r.refused(&reply, &Refusal::with(Reject::OrderRate, Detail::RetryAfter(Span(wait))), now, out)),
            said(|r, out| r.refused(&reply, &Refusal::with(Reject::QtyTooLarge, Detail::Bound(bound)), now, out)),
            said(|r, out| r.refused(&reply, &Refusal::with(Reject::TimestampAhead, Detail::Clocks { server: now, sent: Nanos(times.0) }), now, out)),
        ];
        for text in texts {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn whatever_a_client_names_is_told_as_json(id in ".{0,9}", field in ".{0,30}") {
        let reply = Reply { id: RequestId::Text(Text::truncated(&id)), limits: None, timing: None, as_of: None };
        let refusal = Refusal::field(Reject::FieldNotForMessage, &field);
        let text = said(|r, out| r.refused(&reply, &refusal, NOW, out));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let told = Text::<24>::truncated(&field);
        prop_assert_eq!(json["error"]["data"]["field"].as_str(), Some(told.as_str()));
    }
}
