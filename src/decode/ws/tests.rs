//! What a message says, and what it must not say.

use super::*;
use crate::config::fixture::{BINANCE_KEY, BTC_USD, ETH_PERP, KEY, OURS, directory};
use crate::types::{
    CancelOrder, ClOrdId, NewOrder, OpenOrdersQuery, OrdType, OrderId, OrderQuery, OrderRef, Price, Qty,
    Side, SmpMode, TimeInForce,
};
use crate::wire::json::examples::{PAGE, example, names};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use ed25519_dalek::{Signature, SigningKey};
use proptest::prelude::*;

const NOW: Nanos = Nanos(1_719_487_045_223_000_789);
const SENT: Nanos = Nanos(1_719_487_045_000_000_000);
const LIMIT: &str = r#""symbol":"BTC-USD","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.5","price":"60000.10""#;

/// `apiKey`, `timestamp` and `signature`.
fn signed_by(key: &str) -> String {
    let signature = STANDARD.encode([0xa5; 64]);
    format!(r#""apiKey":"{key}","timestamp":1719487045000,"signature":"{signature}""#)
}

fn caller(logged_on: Option<ApiKeyId>) -> Caller {
    Caller { member: OURS, logged_on, received: NOW, token: 0x2a }
}

fn decoder() -> Decoder {
    Decoder::new(Arc::new(directory()), GatewayId(3))
}

fn request(method: &str, params: &str) -> String {
    format!(r#"{{"id":"x","method":"{method}","params":{{{params}}}}}"#)
}

/// The request, its signed form, whether it is signed, and its response type.
type Asked = (Request, String, bool, ResponseType);

fn ask(method: &str, params: &str, logged_on: Option<ApiKeyId>) -> Result<Asked, Refusal> {
    let text = request(method, params);
    let mut decoder = decoder();
    let decoded = decoder.decode(&text, &caller(logged_on)).map_err(|fault| fault.refusal)?;
    match decoded.ask {
        Ask::Shard(unverified, response) => {
            let signed = String::from_utf8(unverified.signed.to_vec()).unwrap();
            Ok((unverified.request, signed, unverified.signature.is_some(), response))
        }
        Ask::Local(local) => panic!("{local:?}"),
    }
}

fn signed(method: &str, params: &str) -> Result<Asked, Refusal> {
    ask(method, &[params, &signed_by("bot")].join(","), None)
}

fn refusal(method: &str, params: &str) -> Refusal {
    ask(method, params, Some(KEY)).expect_err(params)
}

fn name(text: &str) -> ClOrdId {
    ClOrdId::new(text).unwrap()
}

/// [`LIMIT`], decoded.
fn limit() -> NewOrder {
    NewOrder {
        smp_group: None,
        reduce_only: false,
        expire: Nanos(0),
        account: AccountId(1),
        instrument: BTC_USD,
        cl_ord_id: name("a-1"),
        side: Side::Buy,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        smp: SmpMode::ExpireTaker,
        price: Price(6_000_010),
        qty: Qty(5_000),
    }
}

#[test]
fn a_signed_order_says_what_it_says() {
    let params = format!(r#"{LIMIT},"newClientOrderId":"a-1","recvWindow":3000"#);
    let (request, form, is_signed, response) = signed("order.place", &params).unwrap();
    assert_eq!(request.kind, RequestKind::New(limit()));
    assert_eq!((request.key, request.session, request.named), (KEY, SessionId::NONE, true));
    assert_eq!((request.sent, request.recv_window), (SENT, Span::from_secs(3)));
    assert!(is_signed && response == ResponseType::Full);
    assert_eq!(
        form,
        "method=order.place&apiKey=bot&newClientOrderId=a-1&price=60000.10&quantity=0.5&recvWindow=3000&\
         side=BUY&symbol=BTC-USD&timeInForce=GTC&timestamp=1719487045000&type=LIMIT"
    );
}

#[test]
fn a_key_that_signs_as_binance_does_leaves_the_method_out() {
    let params = format!("{LIMIT},{}", signed_by("binance-key"));
    let (request, form, ..) = ask("order.place", &params, None).unwrap();
    assert_eq!(request.key, BINANCE_KEY);
    assert!(form.starts_with("apiKey=binance-key&price="), "{form}");
}

#[test]
fn order_types_take_what_goes_with_them() {
    let order =
        |params: &str| match signed("order.place", &format!(r#""symbol":"ETH-PERP","side":"SELL",{params}"#))
        {
            Ok((Request { kind: RequestKind::New(order), .. }, _, _, response)) => {
                Ok((order.ord_type, order.time_in_force, order.price.0, order.qty.0, response))
            }
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal),
        };
    use OrdType::{Limit, LimitMaker, Market};
    use TimeInForce::{Fok, Gtc, Ioc};
    let field = |reject, name| Err(Refusal::field(reject, name));
    let cases = [
        (r#""type":"LIMIT","price":"10.5","quantity":"7""#, Ok((Limit, Gtc, 105, 7, ResponseType::Full))),
        (
            r#""type":"LIMIT","price":10.50,"quantity":7,"timeInForce":"IOC","newOrderRespType":"ACK""#,
            Ok((Limit, Ioc, 105, 7, ResponseType::Ack)),
        ),
        (
            r#""type":"LIMIT","price":"1","quantity":"7","timeInForce":"FOK","newOrderRespType":"RESULT""#,
            Ok((Limit, Fok, 10, 7, ResponseType::Result)),
        ),
        (
            r#""type":"LIMIT_MAKER","price":"1","quantity":"7.0""#,
            Ok((LimitMaker, Gtc, 10, 7, ResponseType::Ack)),
        ),
        (r#""type":"MARKET","quantity":"7""#, Ok((Market, Ioc, 0, 7, ResponseType::Full))),
        (
            r#""type":"LIMIT_MAKER","price":"1","quantity":"7","timeInForce":"IOC""#,
            field(Reject::TimeInForceUnsupported, "timeInForce"),
        ),
        (
            r#""type":"LIMIT","price":"1","quantity":"7","timeInForce":"DAY""#,
            field(Reject::TimeInForceUnsupported, "timeInForce"),
        ),
        (r#""type":"MARKET","quantity":"7","price":"1""#, field(Reject::ParameterConflict, "price")),
        (
            r#""type":"MARKET","quantity":"7","timeInForce":"GTC""#,
            field(Reject::TimeInForceUnsupported, "timeInForce"),
        ),
        (r#""type":"STOP_LOSS","quantity":"7""#, field(Reject::OrderTypeUnsupported, "type")),
        (r#""type":"LIMIT","quantity":"7""#, field(Reject::FieldMissing, "price")),
        (r#""type":"LIMIT","price":"1""#, field(Reject::FieldMissing, "quantity")),
    ];
    for (params, expected) in cases {
        assert_eq!(order(params), expected, "{params}");
    }
}

#[test]
fn bad_orders_are_refused_with_the_field_at_fault() {
    let with = |from: &str, to: &str| LIMIT.replace(from, to);
    let field = |reject, name| Refusal::field(reject, name);
    let cases = [
        (with("60000.10", "-1"), field(Reject::PriceMalformed, "price")),
        (with("60000.10", "0"), field(Reject::PriceMalformed, "price")),
        (with("60000.10", "1.001"), field(Reject::PriceMalformed, "price")),
        (with("60000.10", "1e3"), field(Reject::PriceMalformed, "price")),
        (with("60000.10", "99999999999999999999"), field(Reject::PriceMalformed, "price")),
        (with("60000.10", "１"), field(Reject::PriceMalformed, "price")),
        (with("\"60000.10\"", "6e4"), field(Reject::FieldFormat, "price")),
        (with("\"60000.10\"", "-0.5"), field(Reject::PriceMalformed, "price")),
        (with("\"60000.10\"", "true"), field(Reject::FieldFormat, "price")),
        (with("\"60000.10\"", "null"), field(Reject::FieldFormat, "price")),
        (with("0.5", "0.00005"), field(Reject::QtyMalformed, "quantity")),
        (with("0.5", "9223372036854775807"), field(Reject::QtyMalformed, "quantity")),
        (with("0.5", ""), field(Reject::QtyMalformed, "quantity")),
        (with("BTC-USD", "DOGE-USD"), field(Reject::SymbolUnknown, "DOGE-USD")),
        (with("\"BTC-USD\"", "7"), field(Reject::FieldFormat, "symbol")),
        (with("BUY", "buy"), field(Reject::SideInvalid, "side")),
        (with("\"side\":\"BUY\",", ""), field(Reject::FieldMissing, "side")),
        (format!(r#"{LIMIT},"newClientOrderId":"a b""#), field(Reject::ClOrdIdInvalid, "newClientOrderId")),
        (
            format!(r#"{LIMIT},"newClientOrderId":"{}""#, "x".repeat(37)),
            field(Reject::ClOrdIdInvalid, "newClientOrderId"),
        ),
        (format!(r#"{LIMIT},"newClientOrderId":7"#), field(Reject::FieldFormat, "newClientOrderId")),
        (format!(r#"{LIMIT},"newOrderRespType":"full""#), field(Reject::FieldValue, "newOrderRespType")),
        (
            format!(r#"{LIMIT},"selfTradePreventionMode":"TRANSFER""#),
            field(Reject::FieldValue, "selfTradePreventionMode"),
        ),
        (format!(r#"{LIMIT},"icebergQty":"1""#), field(Reject::FieldNotForMessage, "icebergQty")),
        (format!(r#"{LIMIT},"orderId":1"#), field(Reject::FieldNotForMessage, "orderId")),
        (format!(r#"{LIMIT},"price":"1""#), field(Reject::FieldRepeated, "price")),
        (format!(r#"{LIMIT},"account":"their""#), field(Reject::AccountUnknown, "account")),
        (format!(r#"{LIMIT},"account":"nobody""#), field(Reject::AccountUnknown, "account")),
        (format!(r#"{LIMIT},"apiKey":"their-key""#), Reject::KeyUnknown.into()),
        (format!(r#"{LIMIT},"apiKey":"nobody""#), Reject::KeyUnknown.into()),
        (format!(r#"{LIMIT},"timestamp":-1"#), field(Reject::FieldFormat, "timestamp")),
        (format!(r#"{LIMIT},"timestamp":1.5"#), field(Reject::FieldFormat, "timestamp")),
        (format!(r#"{LIMIT},"timestamp":99999999999999999999"#), field(Reject::FieldValue, "timestamp")),
        (format!(r#"{LIMIT},"timestamp":18446744073709551615"#), field(Reject::FieldValue, "timestamp")),
        (format!(r#"{LIMIT},"recvWindow":0"#), field(Reject::FieldValue, "recvWindow")),
        (format!(r#"{LIMIT},"recvWindow":60001"#), field(Reject::FieldValue, "recvWindow")),
        (format!(r#"{LIMIT},"signature":"""#), field(Reject::FieldFormat, "signature")),
        (format!(r#"{LIMIT},"signature":"{}""#, "A".repeat(88)), field(Reject::FieldFormat, "signature")),
        (
            format!(r#"{LIMIT},"signature":"{}""#, STANDARD.encode([1; 64])),
            field(Reject::FieldMissing, "timestamp"),
        ),
        (format!(r#"{LIMIT},"returnRateLimits":"no""#), field(Reject::FieldFormat, "returnRateLimits")),
    ];
    for (params, expected) in cases {
        assert_eq!(refusal("order.place", &params), expected, "{params}");
    }
}

#[test]
fn who_asks_is_the_key_that_is_named_or_the_one_that_is_logged_on() {
    assert_eq!(ask("order.place", LIMIT, None).unwrap_err(), Reject::NotLoggedOn.into());
    let (request, ..) = ask("order.place", LIMIT, Some(KEY)).unwrap();
    assert_eq!((request.key, request.kind.account()), (KEY, Some(AccountId(1))));
    let (request, ..) = ask("order.place", &format!(r#"{LIMIT},"account":"beta""#), Some(KEY)).unwrap();
    assert_eq!(request.kind.account(), Some(AccountId(2)));
    let named = format!(r#"{LIMIT},"apiKey":"binance-key""#);
    let (request, _, is_signed, _) = ask("order.place", &named, Some(KEY)).unwrap();
    assert_eq!((request.key, is_signed), (BINANCE_KEY, false), "verify asks for the signature");
}

#[test]
fn a_request_without_signature_was_sent_when_it_came() {
    let (request, ..) = ask("order.place", LIMIT, Some(KEY)).unwrap();
    assert_eq!(request.sent, NOW);
    let (request, ..) =
        ask("order.place", &format!(r#"{LIMIT},"timestamp":"1719487045000""#), Some(KEY)).unwrap();
    assert_eq!(request.sent, SENT);
}

#[test]
fn the_gateway_names_what_the_client_does_not() {
    let made = |request: &Request| match request.kind {
        RequestKind::New(order) => order.cl_ord_id,
        other => panic!("{other:?}"),
    };
    let (request, ..) = signed("order.place", LIMIT).unwrap();
    assert_eq!(made(&request).as_str(), format!("3-{:x}-2a", NOW.0));
    assert!(!request.named, "its signed bytes know it again");
    let (unsigned, ..) = ask("order.place", LIMIT, Some(KEY)).unwrap();
    assert!(unsigned.named, "nothing else knows it again");
    let mut decoder = Decoder::new(Arc::new(directory()), GatewayId(u8::MAX));
    let last = Caller { received: Nanos(u64::MAX), token: u64::MAX, ..caller(Some(KEY)) };
    let text = self::request("order.place", LIMIT);
    let Ask::Shard(longest, _) = decoder.decode(&text, &last).unwrap().ask else { panic!("an order") };
    assert_eq!(made(&longest.request).as_bytes().len(), 36);
}

#[test]
fn content_is_what_is_asked_and_not_how() {
    let content = |params: &str| signed("order.place", params).unwrap().0.content;
    let named = format!(r#"{LIMIT},"newClientOrderId":"a-1""#);
    assert_eq!(content(&named), content(&format!(r#"{named},"recvWindow":9"#)));
    assert_eq!(content(&named), content(&named.replace("\"0.5\"", "0.5000")));
    assert_ne!(content(&named), content(&named.replace("0.5", "0.6")));
    assert_eq!(content(LIMIT), content(LIMIT));
}

#[test]
fn cancels_and_questions_name_one_order() {
    let symbol = r#""symbol":"BTC-USD""#;
    let (request, form, ..) =
        signed("order.cancel", &format!(r#"{symbol},"orderId":77,"newClientOrderId":"c-1""#)).unwrap();
    let target = OrderRef::OrderId(OrderId(77));
    let cancel = CancelOrder { account: AccountId(1), instrument: BTC_USD, cl_ord_id: name("c-1"), target };
    assert_eq!(request.kind, RequestKind::Cancel(cancel));
    assert!(form.starts_with("method=order.cancel&") && form.contains("&orderId=77&"), "{form}");

    let (request, ..) = signed("order.status", &format!(r#"{symbol},"origClientOrderId":"a-1""#)).unwrap();
    let target = OrderRef::ClOrdId(name("a-1"));
    let query = Query::Order(OrderQuery { account: AccountId(1), instrument: BTC_USD, target, req_id: None });
    assert_eq!(request.kind, RequestKind::Query(query));

    for method in ["order.cancel", "order.status"] {
        assert_eq!(refusal(method, symbol), Reject::OrderRefMissing.into());
        let both = format!(r#"{symbol},"orderId":1,"origClientOrderId":"a""#);
        assert_eq!(refusal(method, &both), Reject::OrderRefMissing.into());
        let negative = format!(r#"{symbol},"orderId":-1"#);
        assert_eq!(refusal(method, &negative), Refusal::field(Reject::FieldFormat, "orderId"));
        assert_eq!(refusal(method, r#""orderId":1"#), Refusal::field(Reject::FieldMissing, "symbol"));
    }
}

#[test]
fn questions_about_the_market_need_nobody() {
    let question = |method: &str, params: &str| {
        ask(method, params, None).map(|(request, form, is_signed, _)| {
            assert!(form.is_empty() && !is_signed && request.kind.account().is_none());
            request.kind
        })
    };
    let depth = |instrument, levels| Ok(RequestKind::Query(Query::Depth { instrument, levels }));
    assert_eq!(question("depth", r#""symbol":"ETH-PERP""#), depth(ETH_PERP, 100));
    assert_eq!(question("depth", r#""symbol":"ETH-PERP","limit":5"#), depth(ETH_PERP, 5));
    for limit in ["0", "1001", "70000"] {
        let params = format!(r#""symbol":"ETH-PERP","limit":{limit}"#);
        assert_eq!(question("depth", &params), Err(Refusal::field(Reject::FieldValue, "limit")));
    }
    let ticker = |instrument| Ok(RequestKind::Query(Query::BookTicker { instrument }));
    assert_eq!(question("ticker.book", ""), ticker(None));
    assert_eq!(question("ticker.book", r#""symbol":"BTC-USD""#), ticker(Some(BTC_USD)));
    assert_eq!(ask("openOrders.status", "", None).unwrap_err(), Reject::NotLoggedOn.into());
    let (request, ..) = ask("openOrders.status", "", Some(KEY)).unwrap();
    assert_eq!(
        request.kind,
        RequestKind::Query(Query::OpenOrders(OpenOrdersQuery {
            account: AccountId(1),
            instrument: None,
            side: None,
            req_id: None
        }))
    );
}

#[test]
fn the_gateway_answers_what_concerns_the_connection() {
    let local = |method: &str, params: &str| {
        let text = request(method, params);
        let mut decoder = decoder();
        let decoded = decoder.decode(&text, &caller(None)).map_err(|fault| fault.refusal)?;
        match decoded.ask {
            Ask::Local(local) => Ok((format!("{local:?}"), decoded.return_rate_limits)),
            Ask::Shard(..) => panic!("{text}"),
        }
    };
    let is = |what: &str| Ok((what.to_owned(), None));
    assert_eq!(local("ping", ""), is("Ping"));
    assert_eq!(local("time", r#""returnRateLimits":false"#), Ok(("Time".to_owned(), Some(false))));
    assert_eq!(local("exchangeInfo", ""), is("ExchangeInfo(None)"));
    assert_eq!(local("exchangeInfo", r#""symbol":"ETH-PERP""#), is("ExchangeInfo(Some(InstrumentId(4)))"));
    assert_eq!(local("session.status", ""), is("Status"));
    assert_eq!(local("session.logout", ""), is("Logout"));
    assert_eq!(local("userDataStream.subscribe", ""), is("Subscribe(None)"));
    assert_eq!(local("userDataStream.unsubscribe", r#""subscriptionId":0"#), is("Unsubscribe(Some(0))"));
    let unknown = Refusal::field(Reject::FieldNotForMessage, "x");
    assert_eq!(local("ping", r#""x":1"#), Err(unknown));
    assert_eq!(local("order.oco", ""), Err(Refusal::field(Reject::UnsupportedMessage, "order.oco")));
}

#[test]
fn a_logon_is_complete_and_recent() {
    let mut decoder = decoder();
    let mut logon = |params: &str, check: &dyn Fn(Logon<'_>)| {
        let text = request("session.logon", params);
        let decoded = decoder.decode(&text, &caller(None)).map_err(|fault| fault.refusal)?;
        match decoded.ask {
            Ask::Local(Local::Logon(logon)) => check(logon),
            other => panic!("{other:?}"),
        }
        Ok::<_, Refusal>(())
    };
    let good = signed_by("bot");
    logon(&good, &|logon| {
        assert_eq!((logon.key, logon.sent, logon.signature), (KEY, SENT, [0xa5; 64]));
        assert_eq!(logon.payload, b"method=session.logon&apiKey=bot&timestamp=1719487045000");
        assert_eq!(logon.check_time(NOW), Ok(()));
        assert_eq!(logon.check_time(SENT - CLOCK_AHEAD_MAX), Ok(()));
        let refused = |now| logon.check_time(now).unwrap_err().reject;
        assert_eq!(refused(SENT + Span(RECV_WINDOW_DEFAULT.0 + 1)), Reject::TimestampTooOld);
        assert_eq!(refused(SENT - Span(CLOCK_AHEAD_MAX.0 + 1)), Reject::TimestampAhead);
    })
    .unwrap();
    let mut refused = |params: &str| logon(params, &|_| panic!("taken")).unwrap_err();
    assert_eq!(refused(&signed_by("their-key")), Reject::LogonRefused.into());
    assert_eq!(refused(&signed_by("nobody")), Reject::LogonRefused.into());
    assert_eq!(
        refused(&format!(r#"{good},"symbol":"BTC-USD""#)),
        Refusal::field(Reject::FieldNotForMessage, "symbol")
    );
    assert_eq!(
        refused(&good.replace("timestamp", "recvWindow").replace("1719487045000", "1")),
        Refusal::field(Reject::FieldMissing, "timestamp")
    );
    assert_eq!(refused(r#""apiKey":"bot","timestamp":1"#), Refusal::field(Reject::FieldMissing, "signature"));
    assert_eq!(refused(r#""timestamp":1"#), Refusal::field(Reject::FieldMissing, "apiKey"));
}

#[test]
fn a_signed_form_has_a_longest() {
    let params = format!(r#"{LIMIT},"recvWindow":"{}5""#, "0".repeat(1_000));
    assert_eq!(refusal("order.place", &params), Reject::MessageTooLong.into());
}

/// The private key of the page.
const PAGE_KEY: &str = "MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u";

#[test]
fn the_page_shows_requests_that_are_understood_and_signed() {
    let pkcs8 = STANDARD.decode(PAGE_KEY).unwrap();
    let key = SigningKey::from_pkcs8_der(&pkcs8).unwrap().verifying_key();
    let verify = |payload: &[u8], signature: &[u8; 64]| {
        key.verify_strict(payload, &Signature::from_bytes(signature)).unwrap();
    };
    let requests = names(" request");
    assert_eq!(requests.len(), 28, "every method has an example");
    for name in requests {
        let (text, mut decoder) = (example(name), decoder());
        let method = name.strip_suffix(" request").unwrap();
        assert!(text.contains(&format!("\"method\": \"{method}\"")), "{name}");
        let logged_on = if text.contains("apiKey") { None } else { Some(KEY) };
        match decoder.decode(text, &caller(logged_on)).unwrap_or_else(|fault| panic!("{name}: {fault:?}")).ask
        {
            Ask::Shard(Unverified { signed, signature: Some(signature), .. }, _) => {
                verify(signed, &signature)
            }
            Ask::Local(Local::Logon(logon)) => verify(logon.payload, &logon.signature),
            Ask::Shard(..) | Ask::Local(_) => assert!(!text.contains("signature"), "{name}"),
        }
    }
}

#[test]
fn the_page_shows_the_signed_form() {
    let mut decoder = decoder();
    let decoded = decoder.decode(example("order.place request"), &caller(None)).unwrap();
    let Ask::Shard(Unverified { signed, signature: Some(signature), .. }, _) = decoded.ask else {
        panic!("a signed order")
    };
    let block = |text: &str| PAGE.contains(&format!("```\n{text}\n```"));
    assert!(
        block(std::str::from_utf8(signed).unwrap())
            && block(&STANDARD.encode(signature))
            && PAGE.contains(PAGE_KEY)
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_decoder_panic(text: String, logged_on: bool) {
        let _ = decoder().decode(&text, &caller(logged_on.then_some(KEY)));
    }

    #[test]
    fn no_parameters_make_the_decoder_panic(
        method in prop::sample::select(vec![
            "order.place", "order.cancel", "order.status", "openOrders.status", "depth", "ticker.book",
            "session.logon", "exchangeInfo", "userDataStream.unsubscribe", "ping", "depth.subscribe",
            "trades.unsubscribe",
        ]),
        params in prop::collection::btree_map(
            prop::sample::select(vec![
                "account", "apiKey", "limit", "newClientOrderId", "newOrderRespType", "orderId", "origClientOrderId",
                "price", "quantity", "recvWindow", "returnRateLimits", "selfTradePreventionMode", "side",
                "signature", "subscriptionId", "symbol", "timeInForce", "timestamp", "type",
            ]),
            prop::sample::select(vec![
                "\"BTC-USD\"", "\"BUY\"", "\"LIMIT\"", "\"MARKET\"", "\"bot\"", "\"beta\"", "\"GTC\"", "1",
                "-1", "0.5", "18446744073709551616", "true", "\"\"", "\"\\u0000\"", "\"999999999999999999\"",
            ]),
            0..14,
        ),
        logged_on: bool,
    ) {
        let params: Vec<_> = params.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let text = request(method, &params.join(","));
        let mut decoder = decoder();
        if let Ok(Decoded { ask: Ask::Shard(unverified, _), .. }) = decoder.decode(&text, &caller(logged_on.then_some(KEY))) {
            prop_assert!(unverified.signed.len() <= crate::limits::SIGNED_BYTES_MAX);
        }
    }
}
