//! The private stream of an account: numbered without a gap, and resumed without one, whatever happened meanwhile.

use crate::support::websocket::{refusal, resting, with};
use crate::support::{Setup, Venue, Ws};
use sealgate::types::Span;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where there are two shards, these two instruments have one each.
const SYMBOLS: [&str; 2] = ["BTC-USD", "BTC-PERP"];

fn two_by_two() -> Venue {
    Setup::new().topology("2x2/4").order_rate(10_000, Span::from_secs(1)).start()
}

/// A subscriber with what it was told last of each stream.
struct Subscriber {
    ws: Ws,
    told: BTreeMap<String, u64>,
    heard: Vec<Value>,
}

impl Subscriber {
    fn new(venue: &Venue, told: BTreeMap<String, u64>) -> Self {
        let mut subscriber = Self { ws: Ws::logged_on(venue, "alice"), told, heard: Vec::new() };
        let from: Vec<String> =
            subscriber.told.iter().map(|(stream, last)| format!("{stream}:{last}")).collect();
        let from = from.join(",");
        let params: &[(&str, &str)] = if from.is_empty() { &[] } else { &[("from", &from)] };
        let request = subscriber.ws.plain("userDataStream.subscribe", params, None);
        let answer = subscriber.ws.raw(&request);
        assert_eq!(answer["status"], 200, "{answer}");
        for at in answer["result"]["streams"].as_array().unwrap() {
            let stream = at["applId"].as_str().unwrap().to_owned();
            let last = at["applSeqNum"].as_u64().unwrap();
            assert_eq!(*subscriber.told.entry(stream).or_insert(last), last, "{answer}");
        }
        subscriber
    }

    /// Takes the next execution, which must have the next number of its stream.
    fn hear(&mut self) -> &Value {
        loop {
            let event = self.ws.message()["event"].take();
            if event["e"] != "executionReport" {
                continue;
            }
            let last = self.told.get_mut(event["applId"].as_str().unwrap()).unwrap();
            assert_eq!(event["applSeqNum"], *last + 1, "no gap, no double: {event}");
            *last += 1;
            self.heard.push(event);
            return self.heard.last().unwrap();
        }
    }

    fn total(&self) -> u64 {
        self.told.values().sum()
    }
}

/// Places orders that rest, in both instruments in turn.
fn place(ws: &mut Ws, names: impl Iterator<Item = u64>) {
    for n in names {
        let name = format!("order-{n}");
        let placed = ws.place(&with(resting(&name), "symbol", SYMBOLS[n as usize % 2]));
        assert_eq!(placed["status"], 200, "{placed}");
    }
}

#[test]
fn who_was_away_hears_each_execution_once_and_in_order_and_then_what_happens_now() {
    let venue = two_by_two();
    let mut first = Subscriber::new(&venue, BTreeMap::new());
    assert_eq!(first.told, BTreeMap::from([("ALICE/0".to_owned(), 0), ("ALICE/1".to_owned(), 0)]));
    let mut trader = Ws::logged_on(&venue, "alice");
    place(&mut trader, 0..4);
    (0..4).for_each(|_| _ = first.hear());
    let told = first.told.clone();
    drop(first);
    // More than a shard names at a time.
    place(&mut trader, 4..204);
    // Connections are dealt out in turn, so these reach both gateways.
    let mut resumed = [Subscriber::new(&venue, told.clone()), Subscriber::new(&venue, told)];
    place(&mut trader, 204..206);
    for subscriber in &mut resumed {
        (4..206).for_each(|_| _ = subscriber.hear());
        let of_one = subscriber.heard.iter().filter(|event| event["s"] == SYMBOLS[0]);
        assert!(of_one.zip((4..206).step_by(2)).all(|(event, n)| event["c"] == format!("order-{n}")));
        assert_eq!(subscriber.total(), 206);
    }
}

#[test]
fn a_stream_is_resumed_while_orders_are_entered() {
    let venue = two_by_two();
    let mut told = Subscriber::new(&venue, BTreeMap::new()).told;
    let mut trader = Ws::logged_on(&venue, "alice");
    let count = 400;
    std::thread::scope(|scope| {
        scope.spawn(|| place(&mut trader, 0..count));
        // Each connection hears some and is gone; together they hear all.
        while told.values().sum::<u64>() < count {
            let mut subscriber = Subscriber::new(&venue, told.clone());
            let some = (count - subscriber.total()).min(17);
            (0..some).for_each(|_| _ = subscriber.hear());
            told = subscriber.told;
        }
    });
    assert_eq!(told.values().copied().collect::<Vec<_>>(), [count / 2, count / 2]);
}

#[test]
fn the_numbers_go_on_after_a_crash_and_what_was_before_it_is_told_again() {
    let mut venue = two_by_two();
    let mut subscriber = Subscriber::new(&venue, BTreeMap::new());
    let mut trader = Ws::logged_on(&venue, "alice");
    place(&mut trader, 0..10);
    (0..3).for_each(|_| _ = subscriber.hear());
    let told = subscriber.told;
    venue.kill();
    venue.start_again();
    let mut trader = Ws::logged_on(&venue, "alice");
    let mut resumed = Subscriber::new(&venue, told);
    (3..10).for_each(|_| _ = resumed.hear());
    place(&mut trader, 10..12);
    (10..12).for_each(|_| _ = resumed.hear());
    assert_eq!(resumed.total(), 12);
    let fresh = Subscriber::new(&venue, BTreeMap::new());
    assert_eq!(fresh.told, resumed.told, "who does not resume is told where the streams are");
}

#[test]
fn a_subscriber_hears_how_far_its_streams_are_though_nothing_happens() {
    let beat = |config: &mut sealgate::config::Caps| config.stream_heartbeat = Span::from_millis(100);
    let venue = Setup::new().caps(beat).start();
    let mut subscriber = Subscriber::new(&venue, BTreeMap::new());
    let mut trader = Ws::logged_on(&venue, "alice");
    place(&mut trader, [0].into_iter());
    subscriber.hear();
    let event = subscriber.ws.message()["event"].take();
    assert_eq!(event["e"], "streamHeartbeat", "{event}");
    assert_eq!(event["streams"][0]["applId"], "ALICE/0", "{event}");
    assert_eq!(event["streams"][0]["applSeqNum"], 1, "{event}");
}

#[test]
fn a_place_that_is_not_in_a_stream_of_ones_own_is_refused() {
    let venue = Venue::start();
    let mut ws = Ws::logged_on(&venue, "alice");
    for (from, name) in [
        ("ALICE/0:1", "StreamAhead"),
        ("BOB/0:0", "AccountUnknown"),
        ("NOBODY/0:0", "AccountUnknown"),
        ("ALICE/9:0", "FieldValue"),
        ("ALICE/0", "FieldValue"),
        ("ALICE/0:x", "FieldValue"),
        ("ALICE/0:0,ALICE/0:0", "FieldRepeated"),
    ] {
        let request = ws.plain("userDataStream.subscribe", &[("from", from)], None);
        assert_eq!(refusal(&ws.raw(&request)).0, name, "{from}");
    }
    assert_eq!(ws.raw(r#"{"id":1,"method":"session.status"}"#)["result"]["userDataStream"], false);
    let mut stranger = Ws::connect(&venue, "alice");
    let request = stranger.plain("userDataStream.subscribe", &[("from", "ALICE/0:0")], None);
    assert_eq!(refusal(&stranger.raw(&request)).0, "NotLoggedOn");
}

#[test]
fn every_request_to_resume_is_answered_also_one_that_another_takes_the_place_of() {
    let venue = two_by_two();
    let mut trader = Ws::logged_on(&venue, "alice");
    place(&mut trader, 0..4);
    let mut ws = Ws::logged_on(&venue, "alice");
    let from = [("from", "ALICE/0:0,ALICE/1:0")];
    let mut bytes = Vec::new();
    for id in ["first", "second"] {
        let request = ws.plain("userDataStream.subscribe", &from, None);
        let mut request: Value = serde_json::from_str(&request).unwrap();
        request["id"] = id.into();
        bytes.extend(masked(&request.to_string()));
    }
    // In one write, so that the shards have not answered the first when the second is read.
    ws.send_bytes(&bytes);
    let (mut answered, mut heard) = (BTreeMap::new(), 0);
    while answered.len() < 2 || heard < 4 {
        let message = ws.message();
        match message["id"].as_str() {
            Some(id) => _ = answered.insert(id.to_owned(), message["status"].as_u64()),
            None => heard += usize::from(message["event"]["e"] == "executionReport"),
        }
    }
    assert_eq!(answered["second"], Some(200));
}

#[test]
fn a_subscription_outlives_a_request_to_resume_it_that_is_refused() {
    let venue = two_by_two();
    let mut subscriber = Subscriber::new(&venue, BTreeMap::new());
    let mut trader = Ws::logged_on(&venue, "alice");
    std::thread::scope(|scope| {
        scope.spawn(|| place(&mut trader, 0..200));
        while subscriber.total() < 200 {
            let request = subscriber.ws.plain("userDataStream.subscribe", &[("from", "ALICE/0:9999")], None);
            subscriber.ws.send_bytes(&masked(&request));
            (0..4).for_each(|_| _ = subscriber.hear());
        }
    });
}

/// A text frame of a client, with a mask of zeros.
fn masked(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}
