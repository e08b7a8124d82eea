//! Requests as they are written, answers and pushes as they are read.

use super::messages::{self, Answer, Envelope, Params};
use super::*;
use crate::config::fixture;
use crate::report::ws::{Reply, Reporter};
use crate::types::{Detail, ExecType, OrdStatus, OrderId, Refusal, Side, Span, TradeId};
use crate::wire::json::RequestId;

fn answer<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str::<Answer<T>>(text).unwrap().result
}

#[test]
fn an_order_is_written_with_its_numbers_as_strings_and_signed_last() {
    let key = ApiKey::from_bytes("alice", &[7; 32]);
    let order = NewOrder::limit("BTC-USD", Side::Buy, "0.50".parse().unwrap(), "64000.10".parse().unwrap());
    let text = Params::order(&order, "bot-1")
        .signed("order.place", &key, Nanos(1_700_000_000_123_456_789), None)
        .write(7, "order.place");
    let signed = "method=order.place&apiKey=alice&newClientOrderId=bot-1&newOrderRespType=FULL&price=64000.10\
                  &quantity=0.50&side=BUY&symbol=BTC-USD&timeInForce=GTC&timestamp=1700000000123&type=LIMIT";
    let signature = key.sign_base64(signed.as_bytes());
    assert_eq!(
        text,
        format!(
            r#"{{"id":7,"method":"order.place","params":{{"symbol":"BTC-USD","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.50","price":"64000.10","newClientOrderId":"bot-1","newOrderRespType":"FULL","apiKey":"alice","timestamp":1700000000123,"signature":"{signature}"}}}}"#
        )
    );
}

#[test]
fn a_question_without_parameters_has_no_params() {
    assert_eq!(Params::default().write(1, "time"), r#"{"id":1,"method":"time"}"#);
}

#[test]
fn a_text_that_json_must_escape_stays_one_text() {
    let text = Params::default().text("symbol", "a\"b\\c").write(1, "depth");
    let back: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(back["params"]["symbol"], "a\"b\\c");
}

#[test]
fn a_full_answer_tells_order_and_fills() {
    let state: OrderState = answer(
        r#"{"id":1,"status":200,"result":{"symbol":"BTC-USD","orderId":12,"orderListId":-1,
        "clientOrderId":"bot-1","transactTime":1660801715793,"price":"100.00","origQty":"2.0","executedQty":"1.5",
        "cummulativeQuoteQty":"150.00","status":"PARTIALLY_FILLED","timeInForce":"GTC","type":"LIMIT","side":"SELL",
        "fills":[{"price":"100.00","qty":"1.5","commission":"0","commissionAsset":"USD","tradeId":9}]},
        "rateLimits":[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50,"count":1}]}"#,
    );
    assert_eq!((state.order_id, state.status), (OrderId(12), OrdStatus::PartiallyFilled));
    assert_eq!((state.fills[0].trade_id, state.fills[0].qty), (TradeId(9), "1.5".parse().unwrap()));
}

#[test]
fn a_refusal_tells_when_to_come_back() {
    let text = r#"{"id":1,"status":429,"error":{"code":-1015,"msg":"OrderRate (retry after 20 ms): Too many.",
        "data":{"name":"OrderRate","serverTime":1,"retryAfter":21,"waitMillis":20}}}"#;
    let envelope: Envelope<'_> = serde_json::from_str(text).unwrap();
    let error = envelope.error.unwrap().into_error(429);
    assert_eq!(error.reject, Some(Reject::OrderRate));
    assert_eq!(error.retry_after, Some(Duration::from_millis(20)));
}

#[test]
fn an_execution_report_tells_its_trade() {
    let push = r#"{"subscriptionId":0,"event":{"e":"executionReport","E":2,"s":"BTC-USD","c":"bot-1","S":"BUY",
        "o":"LIMIT","f":"GTC","q":"2","p":"100.00","P":"0","F":"0","g":-1,"C":"","x":"TRADE","X":"FILLED","r":"NONE",
        "i":12,"l":"2","z":"2","L":"99.50","n":"0","N":null,"T":1660801715793,"t":9,"I":1,"w":false,"m":true,
        "M":false,"O":1,"Z":"199.00","Y":"199.00","Q":"0","W":1,"V":"NONE"}}"#;
    let report = messages::execution(push).unwrap().unwrap();
    assert_eq!((report.exec_type, report.status), (ExecType::Trade, OrdStatus::Filled));
    let trade = report.trade.unwrap();
    assert_eq!((trade.id, trade.maker), (TradeId(9), true));
    assert_eq!(trade.price, "99.50".parse().unwrap());
    assert_eq!(report.entered_as(), "bot-1");
}

#[test]
fn an_event_of_another_kind_is_passed_over() {
    let push = r#"{"subscriptionId":0,"event":{"e":"serverShutdown","E":1770123456789}}"#;
    assert_eq!(messages::execution(push).unwrap(), None);
}

#[test]
fn the_servers_word_that_it_does_not_know_is_no_refusal() {
    let refusal = crate::types::Refusal::from(Reject::OutcomeUnknown).to_string();
    let error = crate::client::ApiError::new(504, -1007, refusal, None);
    let told = unknown(Error::Refused(error), "bot-1".to_owned());
    assert!(matches!(told, Error::OutcomeUnknown { cl_ord_id, .. } if cl_ord_id == "bot-1"));
}

/// A client and the other end of its pipe, which answers when a test wants it to.
mod talking {
    use super::*;
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio::io::DuplexStream;
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::Message;

    struct Venue(WebSocketStream<DuplexStream>);

    impl Venue {
        /// The id of the next request.
        async fn request(&mut self) -> u64 {
            loop {
                if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                    return serde_json::from_str::<serde_json::Value>(&text).unwrap()["id"].as_u64().unwrap();
                }
            }
        }

        async fn say(&mut self, text: String) {
            self.0.send(Message::text(text)).await.unwrap();
        }
    }

    fn time_answer(id: u64, millis: u64) -> String {
        format!(r#"{{"id":{id},"status":200,"result":{{"serverTime":{millis}}},"rateLimits":[]}}"#)
    }

    /// A client that waits for answers so long: short where none comes, else long enough for a busy machine.
    async fn connected(timeout: Duration) -> (Client, Venue) {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let accept = tokio_tungstenite::accept_async(far);
        let (near, far) = tokio::join!(tokio_tungstenite::client_async("ws://localhost/", near), accept);
        let options = Options { timeout, ..Options::default() };
        let key = ApiKey::from_bytes("alice", &[7; 32]);
        (Client::over(near.unwrap().0, key, options), Venue(far.unwrap()))
    }

    const LONG: Duration = Duration::from_secs(30);

    fn order() -> NewOrder {
        NewOrder::limit("BTC-USD", Side::Buy, "1".parse().unwrap(), "2".parse().unwrap()).named("mine")
    }

    #[tokio::test]
    async fn answers_find_their_requests_in_whatever_order_they_come() {
        let (client, mut venue) = connected(LONG).await;
        let answers = async {
            let (first, second) = (venue.request().await, venue.request().await);
            venue.say(time_answer(second, 2)).await;
            venue.say(time_answer(first, 1)).await;
        };
        let (first, second, ()) = tokio::join!(client.time(), client.time(), answers);
        assert_eq!(
            (first.unwrap(), second.unwrap()),
            (Nanos::from_millis(1).unwrap(), Nanos::from_millis(2).unwrap())
        );
    }

    #[tokio::test]
    async fn an_order_without_an_answer_may_have_executed_and_its_late_answer_is_counted() {
        let (client, mut venue) = connected(Duration::from_secs(1)).await;
        let unknown = client.place(&order()).await.unwrap_err();
        assert!(matches!(unknown, Error::OutcomeUnknown { cl_ord_id, .. } if cl_ord_id == "mine"));
        let late = venue.request().await;
        venue.say(time_answer(late, 1)).await;
        let answers = async {
            let asked = venue.request().await;
            venue.say(time_answer(asked, 2)).await;
        };
        // The answer to a later question shows that the late one was read.
        tokio::join!(client.time(), answers).0.unwrap();
        assert_eq!(client.stray_answers(), 1);
    }

    #[tokio::test]
    async fn when_the_connection_ends_an_order_under_way_is_unknown_and_the_next_was_not_sent() {
        let (client, mut venue) = connected(LONG).await;
        let leave = async {
            venue.request().await;
            venue.0.close(None).await.unwrap();
        };
        let order = order();
        let (placed, ()) = tokio::join!(client.place(&order), leave);
        assert!(matches!(placed, Err(Error::OutcomeUnknown { .. })));
        assert!(matches!(client.place(&order).await, Err(Error::Closed(_))));
    }

    #[tokio::test]
    async fn a_question_without_an_answer_times_out() {
        let (client, _venue) = connected(Duration::from_millis(20)).await;
        assert!(matches!(client.time().await, Err(Error::TimedOut(_))));
    }

    #[tokio::test]
    async fn what_is_no_answer_ends_the_connection() {
        let (client, mut venue) = connected(LONG).await;
        venue.say("hello".to_owned()).await;
        client.orders.closed().await;
        assert!(matches!(client.time().await, Err(Error::Closed(why)) if why.contains("not an answer")));
    }
}

#[test]
fn every_refusal_of_the_table_has_its_typed_error() {
    let reporter = Reporter::new(Arc::new(fixture::directory()));
    let to = Reply { id: RequestId::Integer(1), limits: None, timing: None, as_of: None };
    for reject in Reject::ALL {
        let refusal = Refusal::with(*reject, Detail::RetryAfter(Span::from_millis(40)));
        let mut out = Vec::new();
        reporter.refused(&to, &refusal, Nanos(0), &mut out);
        let envelope: Envelope<'_> = serde_json::from_slice(&out).unwrap();
        let error = envelope.error.unwrap().into_error(envelope.status.unwrap());
        let info = reject.info();
        assert_eq!((error.reject, error.status, error.code), (Some(*reject), info.ws_status, info.ws_code));
        assert_eq!((error.name(), error.retry_after), (info.name, Some(Duration::from_millis(40))));
    }
}
