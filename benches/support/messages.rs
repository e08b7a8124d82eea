//! The order on the wire, signed, in both protocols; and a FIX session to receive it.

use super::{NOW, SESSION, api_key, cl_ord_id, fix_session};
use sealgate::client::sign::websocket_payload;
use sealgate::decode::fix::Speaker;
use sealgate::session::fix::{Collected, LogonAsk, Numbers, Session, Settings};
use sealgate::types::{MsgSeqNum, Nanos};
use sealgate::wire::fix::{
    Begun, FIX44, Index, Message, Opening, Precision, PutFields, Template, finish, finish_signed, tag,
};

/// Who speaks in the FIX session.
pub const SPEAKER: Speaker = Speaker { session: SESSION, key: super::KEY };

/// A signed NewOrderSingle(D) of this number: 281 bytes, of which the signature covers 160.
pub fn fix_order(number: MsgSeqNum) -> Vec<u8> {
    let (mut out, begun) = begun_order(number, NOW, b"ALICE-1", cl_ord_id(u64::from(number.0)).as_bytes());
    finish_signed(&mut out, begun, &|bytes| api_key().sign(bytes));
    out
}

/// A NewOrderSingle(D) of a session that is signed as a whole, with an id that makes 200 bytes of it.
pub fn fix_order_of_200_bytes() -> Vec<u8> {
    let (mut out, begun) =
        begun_order(MsgSeqNum(2), NOW, b"ALICE-1", b"bench-000000000000000000000000000002");
    finish(&mut out, begun);
    out
}

/// A NewOrderSingle(D) of a session that is signed as a whole, sent at `now`.
pub fn session_order(number: MsgSeqNum, now: Nanos) -> Vec<u8> {
    let (mut out, begun) = begun_order(number, now, b"ALICE-2", cl_ord_id(u64::from(number.0)).as_bytes());
    finish(&mut out, begun);
    out
}

/// The OrderCancelRequest(F) for the order of the message before it.
pub fn session_cancel(number: MsgSeqNum, now: Nanos) -> Vec<u8> {
    let mut out = Vec::new();
    let begun = begin(&mut out, b"F", number, now);
    out.put(tag::ACCOUNT, b"ALICE-2");
    out.put(tag::CL_ORD_ID, cl_ord_id(u64::from(number.0)).as_bytes());
    out.put(tag::ORIG_CL_ORD_ID, cl_ord_id(u64::from(number.0) - 1).as_bytes());
    out.put(tag::SIDE, b"1");
    out.put(tag::SYMBOL, b"BTC-USD");
    out.put_time(tag::TRANSACT_TIME, now);
    finish(&mut out, begun);
    out
}

/// A NewOrderSingle(D) up to where its trailer begins.
fn begun_order(number: MsgSeqNum, now: Nanos, account: &[u8], cl_ord_id: &[u8]) -> (Vec<u8>, Begun) {
    let mut out = Vec::new();
    let begun = begin(&mut out, b"D", number, now);
    out.put(tag::ACCOUNT, account);
    out.put(tag::CL_ORD_ID, cl_ord_id);
    out.put(tag::ORDER_QTY, b"0.5");
    out.put(tag::ORD_TYPE, b"2");
    out.put(tag::PRICE, b"60000.00");
    out.put(tag::SIDE, b"1");
    out.put(tag::SYMBOL, b"BTC-USD");
    out.put(tag::TIME_IN_FORCE, b"1");
    out.put_time(tag::TRANSACT_TIME, now);
    (out, begun)
}

/// A signed `order.place`.
pub fn websocket_order() -> String {
    let params = [
        ("apiKey", "alice-key"),
        ("newClientOrderId", "bench-00000000000001"),
        ("price", "60000.00"),
        ("quantity", "0.5"),
        ("side", "BUY"),
        ("symbol", "BTC-USD"),
        ("timeInForce", "GTC"),
        ("timestamp", "1795512600000"),
        ("type", "LIMIT"),
    ];
    let signature = api_key().sign_base64(websocket_payload("order.place", &params).as_bytes());
    let quoted = |(name, value)| match name {
        "timestamp" => format!(r#""{name}":{value}"#),
        _ => format!(r#""{name}":"{value}""#),
    };
    let params = params.into_iter().chain([("signature", signature.as_str())]).map(quoted);
    let params = params.collect::<Vec<_>>().join(",");
    format!(r#"{{"id":1,"method":"order.place","params":{{{params}}}}}"#)
}

/// The venue's side of the session, logged on: the next message has number 2.
pub fn established() -> Session {
    established_at(NOW)
}

/// The same, logged on at `now`.
pub fn established_at(now: Nanos) -> Session {
    let mut bytes = Vec::new();
    let begun = begin(&mut bytes, b"A", MsgSeqNum::FIRST, now);
    bytes.put_uint(tag::ENCRYPT_METHOD, 0);
    bytes.put_uint(tag::HEART_BT_INT, 30);
    finish(&mut bytes, begun);
    let mut index = Index::new();
    let message = Message::parse(&bytes, &mut index).expect("a message");
    let ask = LogonAsk::read(&message, &FIX44).expect("a logon");
    let mut session = Session::new(Settings::acceptor(&fix_session()), Numbers::FRESH);
    session.logon(&ask, now, &mut Collected::forgetting()).expect("it is genuine");
    assert!(session.state().is_established());
    session
}

/// Appends the header of a message of the client's.
fn begin(out: &mut Vec<u8>, msg_type: &[u8], number: MsgSeqNum, sent: Nanos) -> Begun {
    let opening = Opening { msg_type, number, sent, poss_dup: None, poss_resend: false };
    Template::new(b"FIX.4.4", b"ALICE", b"SEALGATE", Precision::Millis).begin(out, &opening)
}
