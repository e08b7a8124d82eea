//! A WebSocket client: it trades, or it listens to the private streams of its account and asks.

use crate::ledger::{Ledger, Outcome, Request, What};
use crate::line::{Line, wait};
use crate::server::Addresses;
use crate::site::Member;
use crate::support::now_millis;
use crate::support::websocket::{request, signed_request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;

/// Executions that are asked for once more when a stream is resumed, to see that they are the same.
const AGAIN: u64 = 20;

/// A connection that is logged on.
pub struct WebSocket {
    line: Line,
    member: Member,
    /// Answers that came, by their id.
    answers: BTreeMap<String, Value>,
}

impl WebSocket {
    pub fn connect(addresses: Addresses, member: &Member) -> io::Result<Self> {
        let mut line = Line::connect(addresses.websocket, &member.tls)?;
        line.send(
            b"GET /ws-api/v3 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )?;
        let end = wait("the upgrade", || {
            line.receive()?;
            Ok(line.input.windows(4).position(|window| window == b"\r\n\r\n"))
        })?;
        assert!(line.input.starts_with(b"HTTP/1.1 101 "), "not upgraded");
        line.input.drain(..end + 4);
        let mut client = Self { line, member: member.clone(), answers: BTreeMap::new() };
        let logon = signed_request(&member.key, &json!("logon"), ("session.logon", &[]), now_millis());
        let answer = client.ask("logon", &logon, &mut Ledger::default())?;
        assert_eq!(answer["status"], 200, "{answer}");
        Ok(client)
    }

    /// Resumes the private streams a little before where the ledger has them.
    pub fn resume(&mut self, ledger: &mut Ledger) -> io::Result<()> {
        let from: Vec<_> = ledger
            .places()
            .map(|(stream, last)| format!("{stream}:{}", last.saturating_sub(AGAIN)))
            .collect();
        let from = from.join(",");
        let params: &[(&str, &str)] = if from.is_empty() { &[] } else { &[("from", &from)] };
        let subscribe = request(&json!("resume"), ("userDataStream.subscribe", params), None);
        let answer = self.ask("resume", &subscribe, ledger)?;
        if answer["status"] != 200 {
            ledger.breach(format!("lost: the private streams do not go on from {from}: {answer}"));
        }
        for place in answer["result"]["streams"].as_array().into_iter().flatten() {
            ledger.begin_stream(place["applId"].as_str().unwrap_or_default());
        }
        Ok(())
    }

    /// Whether the server has told by a heartbeat that nothing is missing.
    pub fn hears_all(&mut self, ledger: &mut Ledger) -> io::Result<()> {
        wait("the heartbeat of a stream that is whole", || {
            let beats = self.take(ledger)?;
            let is_whole = |beat: &Value| {
                let told: BTreeMap<_, _> =
                    beat["streams"].as_array().into_iter().flatten().map(place).collect();
                ledger.places().all(|(stream, last)| told.get(stream) == Some(&last))
            };
            Ok(beats.iter().any(is_whole).then_some(()))
        })
    }

    /// Asks for the orders of requests that were accepted.
    pub fn verify(&mut self, ledger: &mut Ledger) -> io::Result<()> {
        let names = ledger.unverified.clone();
        for name in &names {
            let Some(asked) = ledger.request(name) else { continue };
            // A cancel is known by the order that it canceled.
            let of = if let What::Cancel { orig } = &asked.what { orig } else { name };
            let params = [("symbol", asked.symbol), ("origClientOrderId", of.as_str())];
            self.send(&request(&json!(format!("status-{name}")), ("order.status", &params), None))?;
        }
        for name in &names {
            let id = format!("status-{name}");
            let answer = wait("the state of an order", || {
                self.take(ledger)?;
                Ok(self.answers.remove(&id))
            })?;
            ledger.verify(name, answer["result"]["orderId"].as_u64());
        }
        ledger.unverified.drain(..names.len());
        Ok(())
    }

    /// Sends a request of the ledger, signed now; what was signed is kept, as if somebody had captured it.
    pub fn enter(&mut self, ledger: &mut Ledger, name: &str) -> io::Result<()> {
        let Some(asked) = ledger.request_mut(name) else { return Ok(()) };
        let (method, params) = parameters(name, asked);
        let params: Vec<_> = params.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let text = signed_request(&self.member.key, &json!(name), (method, &params), now_millis());
        asked.captured = Some(text.clone());
        self.send(&text)
    }

    /// Sends the very bytes again that somebody captured, if they were sent over WebSocket.
    pub fn replay(&mut self, ledger: &Ledger, name: &str) -> io::Result<()> {
        let captured = ledger.request(name).and_then(|request| request.captured.clone());
        captured.map_or(Ok(()), |text| self.send(&text))
    }

    /// Takes what has come; outcomes of requests are settled. How many were.
    pub fn settle(&mut self, ledger: &mut Ledger) -> io::Result<usize> {
        let taken = self.take(ledger);
        let answers = std::mem::take(&mut self.answers);
        let count = answers.len();
        answers.into_iter().for_each(|(name, answer)| settle(ledger, &name, &answer));
        taken.map(|_| count)
    }

    /// The answer with this id, if it has come.
    pub fn answer(&mut self, id: &str) -> io::Result<Option<Value>> {
        self.take(&mut Ledger::default())?;
        Ok(self.answers.remove(id))
    }

    fn ask(&mut self, id: &str, text: &str, ledger: &mut Ledger) -> io::Result<Value> {
        self.send(text)?;
        wait(id, || {
            self.take(ledger)?;
            Ok(self.answers.remove(id))
        })
    }

    /// A text frame of a client, with a mask of zeros.
    pub fn send(&mut self, text: &str) -> io::Result<()> {
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend((text.len() as u16).to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.line.send(&frame)
    }

    /// Takes what has come: executions go to the ledger, answers wait, heartbeats are given.
    fn take(&mut self, ledger: &mut Ledger) -> io::Result<Vec<Value>> {
        let mut beats = Vec::new();
        let received = self.line.receive();
        while let Some((opcode, text)) = frame(&mut self.line.input) {
            if opcode != 1 {
                continue;
            }
            let mut value: Value = serde_json::from_slice(&text).unwrap();
            let event = value["event"].take();
            match event["e"].as_str() {
                None => _ = self.answers.insert(value["id"].as_str().unwrap_or_default().to_owned(), value),
                Some("executionReport") => {
                    let (stream, number) = place(&event);
                    ledger.hear(stream, number, event.to_string());
                }
                Some("streamHeartbeat") => beats.push(event),
                Some(other) => ledger.breach(format!("lost: {other}: {event}")),
            }
        }
        received.map(|_| beats)
    }
}

fn place(event: &Value) -> (&str, u64) {
    (event["applId"].as_str().unwrap_or_default(), event["applSeqNum"].as_u64().unwrap_or_default())
}

/// The first frame, if it is whole: its opcode and what it carries.
fn frame(input: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let (&first, &second) = (input.first()?, input.get(1)?);
    let (length, begin) = match second {
        126 => (u16::from_be_bytes(input.get(2..4)?.try_into().unwrap()) as usize, 4),
        127 => (u64::from_be_bytes(input.get(2..10)?.try_into().unwrap()) as usize, 10),
        short => (short as usize, 2),
    };
    let text = input.get(begin..begin + length)?.to_vec();
    input.drain(..begin + length);
    Some((first & 0x0f, text))
}

fn parameters(name: &str, request: &Request) -> (&'static str, Vec<(&'static str, String)>) {
    let mut params = vec![("symbol", request.symbol.to_owned()), ("newClientOrderId", name.to_owned())];
    let method = match &request.what {
        What::New { side, price, qty } => {
            params.extend([
                ("side", side.word().to_owned()),
                ("type", "LIMIT".to_owned()),
                ("price", price.to_string()),
                ("quantity", quantity(*qty)),
            ]);
            "order.place"
        }
        What::Cancel { orig } => {
            params.push(("origClientOrderId", orig.clone()));
            "order.cancel"
        }
        What::Amend { orig, qty, .. } => {
            params.extend([("origClientOrderId", orig.clone()), ("newQty", quantity(*qty))]);
            "order.amend.keepPriority"
        }
    };
    (method, params)
}

/// A quantity in thousandths.
pub fn quantity(thousandths: u32) -> String {
    format!("0.{thousandths:03}")
}

fn settle(ledger: &mut Ledger, name: &str, answer: &Value) {
    let result = &answer["result"];
    let order = result["orderId"].as_u64().or_else(|| result["amendedOrder"]["orderId"].as_u64());
    let outcome = match (order, answer["error"]["data"]["name"].as_str()) {
        (Some(order), _) => Outcome::Accepted(order),
        // The outcome is to be asked for.
        (None, Some("OutcomeUnknown")) => return,
        (None, Some(refusal)) => Outcome::Refused(refusal.to_owned()),
        (None, None) => return ledger.breach(format!("{name} is answered {answer}")),
    };
    if answer["repeated"] != true && ledger.request(name).is_some_and(|request| request.outcome.is_some()) {
        ledger.breach(format!("executed twice: {name} is answered again as if it were new: {answer}"));
    }
    ledger.settle(name, outcome);
}
