//! A client against the acceptor's side of the same session machine, over a pipe.

use super::*;
use crate::client::ApiError;
use crate::config::{FixRules, FixSession};
use crate::report::fix::OwnId;
use crate::report::fix::refusal::{Echo, Told, refuse};
use crate::session::fix as session;
use crate::session::fix::{Collected, Incoming, LogonAsk, Outgoing, Session, Settings};
use crate::types::reject::FixAnswer;
use crate::types::{
    Detail, ExecType, MemberId, Nanos, OrdStatus, OrderId, Refusal, Reject, SessionId, Span, TradeId,
};
use crate::wire::fix::{FIX44, Framed, Index, Message, PutFields, RejectReason, frame, tag};
use ed25519_dalek::{Signature, VerifyingKey};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

const COMP_IDS: CompIds<'static> = CompIds { sender: "ALICE", target: "SEALGATE" };

/// The venue's end: a session, and what is read and written.
struct Venue {
    stream: DuplexStream,
    session: Session,
    out: Collected,
    inbox: Vec<u8>,
}

impl Venue {
    fn new(stream: DuplexStream) -> Self {
        let config = FixSession {
            id: SessionId(1),
            member: MemberId(1),
            sender_comp_id: "ALICE".to_owned(),
            target_comp_id: "SEALGATE".to_owned(),
            heartbeat_secs: (1, 60),
            sending_time_window: Span::from_secs(120),
            reset_on_logon: false,
            reset_allowed: true,
            enabled: true,
            role: crate::config::Role::Trading,
            given: Default::default(),
            sign_logon: false,
            rules: FixRules::default(),
            cancel: Default::default(),
        };
        let session = Session::new(Settings { reserve: None, ..Settings::acceptor(&config) }, Numbers::FRESH);
        Self { stream, session, out: Collected::forgetting(), inbox: Vec::new() }
    }

    /// The next message, whole.
    async fn read(&mut self) -> Vec<u8> {
        loop {
            if let Framed::Message(length) = frame(&self.inbox) {
                return self.inbox.drain(..length).collect();
            }
            assert_ne!(self.stream.read_buf(&mut self.inbox).await.unwrap(), 0, "the client has gone");
        }
    }

    async fn write(&mut self) {
        let bytes = std::mem::take(&mut self.out.wire);
        self.stream.write_all(&bytes).await.unwrap();
    }

    async fn log_on(&mut self) {
        let bytes = self.read().await;
        let mut index = Index::new();
        let ask = LogonAsk::read(&Message::parse(&bytes, &mut index).unwrap(), &FIX44).unwrap();
        self.session.logon(&ask, now(), &mut self.out).unwrap();
        self.write().await;
    }

    /// Takes the next message, which must be for the application.
    async fn delivered(&mut self) -> Vec<u8> {
        let bytes = self.read().await;
        let mut index = Index::new();
        let message = Message::parse(&bytes, &mut index).unwrap();
        assert_eq!(self.session.receive(&message, now(), &mut self.out), Incoming::Deliver);
        bytes
    }

    async fn say(&mut self, msg_type: &[u8], body: &[u8]) {
        let message = Outgoing { msg_type, body, event: None, poss_resend: false, sign: None };
        self.session.send(&message, now(), &mut self.out);
        self.write().await;
    }
}

fn key() -> ApiKey {
    ApiKey::from_bytes("alice", &[7; 32])
}

async fn connected() -> (Client, Reports, Venue) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let mut venue = Venue::new(far);
    let logon = Client::logon(near, COMP_IDS, key(), Options::default());
    let (client, ()) = tokio::join!(logon, venue.log_on());
    let (client, reports) = client.unwrap();
    (client, reports, venue)
}

fn order() -> NewOrder {
    NewOrder::limit("BTC-USD", Side::Buy, "0.50".parse().unwrap(), "100.25".parse().unwrap())
}

#[tokio::test]
async fn an_order_carries_a_signature_over_its_own_bytes() {
    let (client, _reports, mut venue) = connected().await;
    let order = order();
    let (sent, bytes) = tokio::join!(client.place(&order), venue.delivered());
    let mut index = Index::new();
    let message = Message::parse(&bytes, &mut index).unwrap();
    assert_eq!(message.get(tag::CL_ORD_ID).unwrap(), sent.unwrap().cl_ord_id.as_bytes());
    assert_eq!(
        (message.get(tag::ORDER_QTY), message.get(tag::PRICE)),
        (Some(&b"0.50"[..]), Some(&b"100.25"[..]))
    );
    let signed = message.signed().unwrap();
    use base64::Engine as _;
    let signature = base64::engine::general_purpose::STANDARD.decode(signed.signature).unwrap();
    let public = VerifyingKey::from_bytes(&key().public_key()).unwrap();
    let signature = Signature::from_slice(&signature).unwrap();
    public.verify_strict(signed.bytes, &signature).unwrap();
}

#[tokio::test]
async fn a_fill_is_told_with_its_trade() {
    let (_client, mut reports, mut venue) = connected().await;
    let body = "37=12\x01527=9\x0111=q-1\x0117=0-12-1\x01150=F\x0139=1\x011=MAKER\x0155=BTC-USD\x0154=1\x0138=2.0\x01\
                40=2\x0144=100.25\x0159=1\x0132=0.5\x0131=100.00\x01151=1.5\x0114=0.5\x016=100.00\x01\
                60=20240627-11:17:25.223\x01851=1\x01";
    venue.say(b"8", body.as_bytes()).await;
    let Report::Execution(report) = reports.next().await.unwrap().report else { panic!("not an execution") };
    assert_eq!((report.exec_type, report.status), (ExecType::Trade, OrdStatus::PartiallyFilled));
    assert_eq!(report.order_id, Some(OrderId(12)));
    let trade = report.trade.unwrap();
    assert_eq!((trade.id, trade.maker, trade.price), (TradeId(9), true, "100.00".parse().unwrap()));
}

#[tokio::test]
async fn a_reject_finds_its_order_by_the_number() {
    let (client, mut reports, mut venue) = connected().await;
    let order = order().named("mine");
    let (sent, _) = tokio::join!(client.place(&order), venue.delivered());
    let mut body = Vec::new();
    body.put_uint(tag::REF_SEQ_NUM, u64::from(sent.unwrap().number.0));
    body.put(tag::TEXT, b"SignatureInvalid: sign what you send.");
    venue.say(b"3", &body).await;
    let Report::Refused(refused) = reports.next().await.unwrap().report else { panic!("not a refusal") };
    assert_eq!(refused.cl_ord_id.as_deref(), Some("mine"));
    assert_eq!(refused.reject(), Some(Reject::SignatureInvalid));
}

#[tokio::test]
async fn logging_out_ends_the_connection_and_the_reports() {
    let (client, mut reports, mut venue) = connected().await;
    let goodbye = async {
        let bytes = venue.read().await;
        let mut index = Index::new();
        venue.session.receive(&Message::parse(&bytes, &mut index).unwrap(), now(), &mut venue.out);
        venue.write().await;
    };
    tokio::join!(client.logout(), goodbye);
    assert!(reports.next().await.is_none());
    assert!(matches!(client.place(&order()).await, Err(Error::Closed(why)) if why == "logged out"));
}

#[tokio::test]
async fn a_broken_connection_leaves_no_order_without_an_error() {
    let (client, mut reports, venue) = connected().await;
    drop(venue);
    assert!(reports.next().await.is_none());
    assert!(matches!(client.place(&order()).await, Err(Error::Closed(_))));
}

#[test]
fn a_market_order_has_no_price_and_a_maker_order_says_so() {
    let market = NewOrder::market("BTC-USD", Side::Sell, "1".parse().unwrap());
    let text = |order| String::from_utf8(messages::order(order, "a", Nanos(0))).unwrap().replace('\x01', "|");
    assert_eq!(text(&market), "11=a|55=BTC-USD|54=2|60=19700101-00:00:00.000|38=1|40=1|");
    let maker = NewOrder::limit_maker("BTC-USD", Side::Buy, "1".parse().unwrap(), "2".parse().unwrap());
    assert_eq!(text(&maker), "11=a|55=BTC-USD|54=1|60=19700101-00:00:00.000|38=1|40=2|18=6|44=2|");
}

/// Why a report says that something was refused.
fn refusal_in(report: &Report) -> ApiError {
    match report {
        Report::Execution(report) => ApiError::of_text(report.text.clone()),
        Report::CancelRejected(no) => no.error(),
        Report::MassCanceled(done) => ApiError::of_text(done.refused.clone().unwrap()),
        Report::Refused(no) => no.error(),
        other => panic!("{other:?} is no refusal"),
    }
}

#[tokio::test]
async fn every_refusal_of_the_table_has_its_typed_error_whatever_it_refuses() {
    let (_client, mut reports, mut venue) = connected().await;
    let own = OwnId { session: SessionId(1), at: Nanos(0), number: 2 };
    for reject in Reject::ALL {
        if reject.info().fix == FixAnswer::Never {
            continue;
        }
        let wait = Detail::RetryAfter(Span::from_millis(40));
        let refusal = Refusal::with(*reject, wait);
        for msg_type in [&b"D"[..], b"F", b"G", b"q", b"H", b"AF"] {
            let echo = Echo {
                msg_type,
                msg_seq_num: 2,
                cl_ord_id: Some(b"a"),
                symbol: Some(b"BTC-USD"),
                side: Some(b"1"),
                mass_cancel_request_type: Some(b"7"),
                ..Echo::default()
            };
            let mut body = Vec::new();
            match refuse(&echo, &refusal, own, &mut body) {
                Told::Application(answer) => venue.say(answer, &body).await,
                Told::Session(refusal) => {
                    let message = session::Refused { number: MsgSeqNum(2), msg_type };
                    venue.session.reject(message, &refusal, now(), &mut venue.out);
                    venue.write().await;
                }
            }
            let error = refusal_in(&reports.next().await.unwrap().report);
            let info = reject.info();
            let told = (error.reject, error.status, error.code, error.name(), error.retry_after);
            let wait = Some(Duration::from_millis(40));
            assert_eq!(told, (Some(*reject), info.ws_status, info.ws_code, info.name, wait), "{msg_type:?}");
        }
    }
}

#[tokio::test]
async fn what_a_session_says_in_the_standards_words_has_its_typed_error_too() {
    let (_client, mut reports, mut venue) = connected().await;
    for reason in RejectReason::ALL {
        let mut body = Vec::new();
        body.put_uint(tag::REF_SEQ_NUM, 2);
        body.put(tag::TEXT, reason.text().as_bytes());
        body.put_uint(tag::SESSION_REJECT_REASON, reason as u64);
        venue.say(b"3", &body).await;
        let error = refusal_in(&reports.next().await.unwrap().report);
        assert_eq!(error.reject, Some(reason.reject()));
    }
}
