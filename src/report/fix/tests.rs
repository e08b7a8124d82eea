//! Every message that the venue sends, as the protocol page shows it.

mod market;

use super::refusal::{Echo, Told, refuse};
use super::*;
use crate::config::fixture::account;
use crate::config::{Member, SignaturePolicy};
use crate::limits::FIX_MESSAGE_BYTES_MAX;
use crate::types::{
    AccountId, BookLevel, Cause, ClOrdId, Detail, Fill, InstrumentId, MemberId, MsgSeqNum, Price, Qty,
    Reject, Scale, Seq, ShardId, Span, Stamps, TradeId, samples,
};
use crate::wire::fix::{FIX44, Index, Message, Opening, Precision, Template, Validation, Verdict, finish};

const NOW: Nanos = Nanos(1_795_512_600_250_000_000);
const OWN: OwnId = OwnId { session: SessionId(31), at: NOW, number: 12 };
const AT: EventRef = EventRef { shard: ShardId(0), seq: Seq(1_204), index: 1 };

fn directory() -> Directory {
    let member = Member { id: MemberId(1), name: "ALICE".to_owned(), spki_sha256: Vec::new() };
    let account = account(11, "ALICE-1", member.id, SignaturePolicy::Order);
    let instrument = Instrument { qty_scale: Scale(4), ..samples::instrument() };
    Directory::new(vec![member], vec![account], Vec::new(), Vec::new(), vec![instrument]).unwrap()
}

fn name(text: &str) -> ClOrdId {
    ClOrdId::new(text).unwrap()
}

fn order() -> Order {
    Order {
        id: OrderId::new(ShardId(0), Seq(1_204)),
        cl_ord_id: name("mm-1"),
        account: AccountId(11),
        session: SessionId(31),
        price: Price(6_000_010),
        qty: Qty(5_000),
        created: NOW,
        updated: NOW,
        ..samples::order()
    }
}

fn execution(exec_type: ExecType, order: Order) -> Execution {
    Execution::bare(exec_type, order)
}

fn partly_filled() -> Execution {
    let (price, qty) = (Price(6_000_010), Qty(2_000));
    let order =
        Order { cum_qty: qty, cum_quote: price.times(qty), status: OrdStatus::PartiallyFilled, ..order() };
    let fill = Some(Fill { trade_id: TradeId::new(ShardId(0), 88), price, qty, maker: true });
    Execution { fill, ..execution(ExecType::Trade, order) }
}

fn canceled() -> Execution {
    let order = Order { status: OrdStatus::Canceled, ..partly_filled().order };
    let cancel_id = Some(name("mm-2"));
    Execution { cancel_id, cause: Some(Cause::Requested), ..execution(ExecType::Canceled, order) }
}

fn rejected(id: OrderId, reject: Reject, detail: Detail) -> Execution {
    let order = Order { id, status: OrdStatus::Rejected, ..order() };
    Execution { refusal: Some(Refusal::with(reject, detail)), ..execution(ExecType::Rejected, order) }
}

fn cancel_rejected() -> CancelRejected {
    CancelRejected {
        response_to: crate::types::CxlRejResponseTo::Cancel,
        account: AccountId(11),
        instrument: InstrumentId(1),
        session: SessionId(31),
        cl_ord_id: name("mm-2"),
        orig_cl_ord_id: Some(name("mm-1")),
        order_id: None,
        status: OrdStatus::Rejected,
        refusal: Reject::OrderUnknown.into(),
    }
}

const ECHO: Echo<'static> = Echo {
    mass_cancel_request_type: None,
    md_req_id: None,
    msg_type: b"D",
    msg_seq_num: 12,
    order_id: None,
    cl_ord_id: Some(b"mm-1"),
    orig_cl_ord_id: None,
    account: Some(b"ALICE-1"),
    symbol: Some(b"BTC-USD"),
    side: Some(b"1"),
    order_qty: Some(b"0.5"),
    ord_type: Some(b"2"),
    price: Some(b"60000.10"),
    time_in_force: None,
    exec_inst: None,
};

/// Header and trailer around a body, `|` for SOH. The dictionary must know it all.
fn framed(write: impl FnOnce(&mut Vec<u8>) -> Option<MsgType>) -> String {
    let mut body = Vec::new();
    let msg_type = write(&mut body).unwrap();
    let mut out = Vec::new();
    let opening = Opening { msg_type, number: MsgSeqNum(7), sent: NOW, poss_dup: None, poss_resend: false };
    let begun = Template::new(b"FIX.4.4", b"SEALGATE", b"ALICE", Precision::Millis).begin(&mut out, &opening);
    out.extend_from_slice(&body);
    finish(&mut out, begun);
    let mut index = Index::new();
    match FIX44.validate(&Message::parse(&out, &mut index).unwrap(), Validation::FULL) {
        Verdict::Good(_) => {}
        Verdict::Fault(fault) => panic!("{fault:?}: {}", String::from_utf8_lossy(&out)),
        Verdict::Unsupported => panic!("{msg_type:?}"),
    }
    String::from_utf8(out).unwrap().replace('\x01', "|")
}

fn told(what: &Event) -> String {
    framed(|out| event(what, AT, NOW, &directory(), out))
}

fn timing() -> Timing {
    let at = |nanos| Nanos(NOW.0 - 6_000 + nanos);
    let (received, decoded, verified) = (at(0), at(700), at(5_093));
    let stamps =
        Stamps { received, decoded, verified, limited: at(5_131), sequenced: at(5_402), matched: at(6_155) };
    Timing { stamps, durable: at(6_480), sent: at(6_515) }
}

fn answered(what: &Answer) -> String {
    framed(|out| answer(what, OWN, &directory(), out))
}

fn refused(echo: &Echo<'_>, refusal: Refusal) -> String {
    framed(|out| match refuse(echo, &refusal, OWN, out) {
        Told::Application(msg_type) => Some(msg_type),
        Told::Session(_) => None,
    })
}

/// What the venue says, one of each kind, by the heading under which the protocol page shows it.
fn examples() -> Vec<(&'static str, String)> {
    let duplicate = Detail::OrderId(order().id);
    let expired =
        Order { time_in_force: TimeInForce::Ioc, status: OrdStatus::Expired, ..partly_filled().order };
    let expired =
        Execution { cause: Some(Cause::ImmediateOrCancel), ..execution(ExecType::Expired, expired) };
    let repeated = Repeated {
        canceled: None,
        seq: AT.seq,
        first: Event::Execution(execution(ExecType::New, order())),
        fills: Vec::new(),
        current: Some(partly_filled().order),
    };
    let cancel = Echo { msg_type: b"F", cl_ord_id: Some(b"mm-2"), orig_cl_ord_id: Some(b"mm-1"), ..ECHO };
    let wait = Detail::RetryAfter(Span::from_millis(40));
    vec![
        ("A limit order was accepted:", told(&Event::Execution(execution(ExecType::New, order())))),
        (
            "The same, on a session with `timing`:",
            framed(|out| {
                let written =
                    event(&Event::Execution(execution(ExecType::New, order())), AT, NOW, &directory(), out);
                put_timing(&timing(), out);
                written
            }),
        ),
        ("It traded in part, as the resting side:", told(&Event::Execution(partly_filled()))),
        ("It was canceled by OrderCancelRequest `mm-2`:", told(&Event::Execution(canceled()))),
        (
            "An immediate-or-cancel order traded in part, and the rest expired:",
            told(&Event::Execution(expired)),
        ),
        (
            "The matching engine refused an order:",
            told(&Event::Execution(rejected(order().id, Reject::PriceOutsideBand, Detail::None))),
        ),
        (
            "The ClOrdID stands for another order:",
            answered(&Answer::Refused(Event::Execution(rejected(
                OrderId::NONE,
                Reject::DuplicateClOrdId,
                duplicate,
            )))),
        ),
        (
            "A NewOrderSingle came again (PossResend) and is answered with the order as it is now:",
            answered(&Answer::Repeated(repeated)),
        ),
        ("The matching engine refused a cancel:", told(&Event::CancelRejected(cancel_rejected()))),
        (
            "The gateway refused an order, here for the rate limit of its account:",
            refused(&ECHO, Refusal::with(Reject::OrderRate, wait)),
        ),
        ("The gateway refused a cancel:", refused(&cancel, Refusal::with(Reject::CancelRate, wait))),
        (
            "A message that is not served:",
            refused(&Echo { msg_type: b"G", ..ECHO }, Reject::UnsupportedMessage.into()),
        ),
    ]
    .into_iter()
    .chain(market::examples())
    .collect()
}

const BEGIN: &str = "<!-- generated: SEALGATE_BLESS=1 cargo test --lib report::fix -->\n";
const END: &str = "<!-- end of what is generated -->\n";

#[test]
fn the_protocol_page_shows_what_is_sent() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol-fix.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (there, tail) = rest.split_once(END).unwrap();
    let right: String =
        examples().iter().map(|(what, message)| format!("\n{what}\n\n{}", folded(message))).collect();
    if std::env::var_os("SEALGATE_BLESS").is_some() {
        std::fs::write(path, format!("{head}{BEGIN}{right}\n{END}{tail}")).unwrap();
    } else {
        assert_eq!(there, right + "\n", "docs/protocol-fix.md: {BEGIN}");
    }
}

/// A message as an indented block, broken between fields.
fn folded(message: &str) -> String {
    let mut out = String::new();
    let mut width = usize::MAX;
    for field in message.split_inclusive('|') {
        if width > 110 - field.len().min(100) {
            out.push_str(if out.is_empty() { "    " } else { "\n    " });
            width = 0;
        }
        out.push_str(field);
        width += field.len();
    }
    out + "\n"
}

#[test]
fn a_trade_tells_the_order_after_it_and_whether_it_made_or_took() {
    let text = told(&Event::Execution(partly_filled()));
    for field in
        ["|150=F|39=1|", "|32=0.2000|31=60000.10|151=0.3000|14=0.2000|6=60000.10|", "|851=1|", "|527=88|"]
    {
        assert!(text.contains(field), "{field} in {text}");
    }
    let mut taker = partly_filled();
    taker.fill.as_mut().unwrap().maker = false;
    assert!(told(&Event::Execution(taker)).contains("|851=2|"));
}

#[test]
fn order_types_read_back_as_they_were_entered() {
    let read = |ord_type, time_in_force| {
        let order = Order { ord_type, time_in_force, ..order() };
        told(&Event::Execution(execution(ExecType::New, order)))
    };
    assert!(read(OrdType::LimitMaker, TimeInForce::Gtc).contains("|40=2|44=60000.10|59=1|18=6|"));
    let market = read(OrdType::Market, TimeInForce::Ioc);
    assert!(market.contains("|40=1|59=3|") && !market.contains("|44="), "{market}");
    assert!(read(OrdType::Limit, TimeInForce::Fok).contains("|40=2|44=60000.10|59=4|151="));
}

#[test]
fn each_event_has_an_exec_id_of_its_own_and_always_the_same() {
    let body = |at, time| {
        let mut out = Vec::new();
        event(&Event::Execution(partly_filled()), at, time, &directory(), &mut out).unwrap();
        out
    };
    assert_eq!(body(AT, NOW), body(AT, NOW));
    let others = [
        EventRef { shard: ShardId(1), ..AT },
        EventRef { seq: AT.seq.next(), ..AT },
        EventRef { index: 2, ..AT },
    ];
    for other in others {
        assert_ne!(body(AT, NOW), body(other, NOW));
    }
}

#[test]
fn a_repeated_cancel_is_answered_with_the_state_of_its_order() {
    let first = Event::Execution(canceled());
    let repeated = Repeated { canceled: None, seq: AT.seq, first, fills: Vec::new(), current: None };
    let text = answered(&Answer::Repeated(repeated));
    assert!(text.contains("|11=mm-2|41=mm-1|17=0|150=I|39=4|"), "{text}");

    let first = Event::CancelRejected(cancel_rejected());
    let repeated = Repeated { canceled: None, seq: AT.seq, first, fills: Vec::new(), current: None };
    let text = answered(&Answer::Repeated(repeated));
    assert!(text.contains("|35=9|") && text.contains("|434=1|102=1|58=OrderUnknown: "), "{text}");
}

#[test]
fn a_cancel_that_nobody_asked_for_has_a_reason_for_the_restatement() {
    let causes = [
        (Cause::Requested, None),
        (Cause::SessionDisconnected, Some("|378=99|")),
        (Cause::CancelAllAfter, Some("|378=99|")),
        (Cause::SelfMatch, Some("|378=8|")),
        (Cause::ReduceOnly, Some("|378=8|")),
    ];
    for (cause, reason) in causes {
        let event = Event::Execution(Execution { cause: Some(cause), ..canceled() });
        let text = answered(&Answer::Refused(event));
        assert_eq!(reason.is_some_and(|reason| text.contains(reason)), text.contains("|378="), "{text}");
        assert_eq!(reason.is_some(), text.contains("|378="), "{text}");
    }
}

#[test]
fn a_repeated_trade_does_not_trade_again() {
    let first = Event::Execution(partly_filled());
    let repeated = Repeated { canceled: None, seq: AT.seq, first, fills: Vec::new(), current: None };
    let text = answered(&Answer::Repeated(repeated));
    for field in ["|32=", "|31=", "|527=", "|851="] {
        assert!(!text.contains(field), "{field} in {text}");
    }
}

#[test]
fn nothing_is_written_for_what_no_session_hears() {
    let mut out = Vec::new();
    let silent = Event::Reference(InstrumentId(1), Price(1));
    assert_eq!(event(&silent, AT, NOW, &directory(), &mut out), None);
    let level = BookLevel { price: Price(1), qty: Qty(1) };
    let depth = Answer::Depth { instrument: InstrumentId(1), last: Seq(1), bids: vec![level], asks: vec![] };
    assert_eq!(answer(&depth, OWN, &directory(), &mut out), None);
    let foreign = Order { instrument: InstrumentId(9), ..order() };
    let unknown = Event::Execution(execution(ExecType::New, foreign));
    assert_eq!(event(&unknown, AT, NOW, &directory(), &mut out), None);
    assert!(out.is_empty());
}

#[test]
fn what_the_table_gives_to_the_session_is_left_to_it() {
    let mut out = Vec::new();
    for refusal in [
        Refusal::tag(Reject::FieldMissing, 44),
        Refusal::with(Reject::SignatureInvalid, Detail::SignedSha256([0xab; 32])),
    ] {
        assert_eq!(refuse(&ECHO, &refusal, OWN, &mut out), Told::Session(refusal));
    }
    assert!(out.is_empty());
}

/// The session keeps bodies in its log and cuts nothing, so each must fit a message.
#[test]
fn every_refusal_of_every_message_type_is_a_good_message() {
    for reject in Reject::ALL {
        for msg_type in [b"D", b"F", b"G"] {
            let echo = Echo { msg_type, ..ECHO };
            let mut out = Vec::new();
            if let Told::Application(_) = refuse(&echo, &(*reject).into(), OWN, &mut out) {
                let text =
                    refused(&echo, Refusal::with(*reject, Detail::Clocks { server: NOW, sent: Nanos(5) }));
                assert!(text.is_ascii() && text.len() < 1_024, "{text}");
            }
        }
    }
}

#[test]
fn what_is_no_number_is_not_echoed_as_one() {
    let echo = Echo { order_qty: Some(b"lots"), price: Some(b"1e3"), ..ECHO };
    let text = refused(&echo, Refusal::tag(Reject::QtyMalformed, 38));
    assert!(!text.contains("|38=") && !text.contains("|44=") && text.contains("|103=13|"), "{text}");
}

#[test]
fn a_refusal_is_shorter_than_a_message_whatever_it_refuses() {
    let long = "x".repeat(4_000);
    for msg_type in ["D", "F", "G", &long] {
        for tag in [1, 11, 18, 37, 38, 40, 41, 44, 54, 55, 59] {
            let filled = if tag == 38 || tag == 44 { "0".repeat(3_900) } else { long[..3_900].to_owned() };
            let fields = match msg_type.len() {
                1 => format!("35={msg_type}|34=12|{tag}={filled}|"),
                _ => format!("35={msg_type}|34=12|{tag}=1|"),
            };
            let fields = fields.replace('|', "\x01");
            let bytes = format!("8=FIX.4.4\x019={}\x01{fields}10=000\x01", fields.len()).into_bytes();
            let mut index = Index::new();
            let message = Message::parse(&bytes, &mut index).unwrap();
            let refusal = Refusal::with(Reject::OrderRate, Detail::RetryAfter(Span::from_millis(40)));
            let mut out = Vec::new();
            assert_ne!(refuse(&Echo::of(&message), &refusal, OWN, &mut out), Told::Session(refusal));
            assert!(out.len() < FIX_MESSAGE_BYTES_MAX / 2, "{} bytes for {tag}", out.len());
        }
    }
}
