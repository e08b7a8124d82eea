//! A WebSocket client: logs on, sends orders, cancels and questions, keeps what it sent, and sends some of it again.

use super::Turn;
use super::intent::{Answered, Told, Verdict, WINDOW_BASE, What};
use crate::machine::net::{ConnIx, Got};
use crate::venue::{TRADED, scaled};
use sealgate::client::sign;
use sealgate::types::{Nanos, Span};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// After so long without an answer it gives the connection up.
const PATIENCE: Span = Span::from_secs(5);

/// Every frame of a client is masked; with what means nothing.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub struct Ws {
    pub id: usize,
    pub member: usize,
    pub conn: Option<ConnIx>,
    input: Vec<u8>,
    is_open: bool,
    logged_on: bool,
    subscribed: bool,
    next_id: u64,
    /// What is not answered on this connection, by id: the attempt, or none for what is no order.
    waiting: BTreeMap<u64, Option<usize>>,
    /// What was sent on any connection, signed: a thief could have it too.
    captured: Vec<(usize, String)>,
    since: Nanos,
    attempts: u64,
}

impl Ws {
    pub fn new(id: usize, member: usize) -> Self {
        Self {
            id,
            member,
            conn: None,
            input: Vec::new(),
            is_open: false,
            logged_on: false,
            subscribed: id.is_multiple_of(2),
            next_id: 0,
            waiting: BTreeMap::new(),
            captured: Vec::new(),
            since: Nanos(0),
            attempts: 0,
        }
    }

    pub fn act(&mut self, turn: &mut Turn<'_>) {
        let Some(conn) = self.conn else { return self.connect(turn) };
        match turn.net.receive(conn) {
            Got::Gone => return self.conn = None,
            Got::Bytes(bytes) => {
                turn.trace.note("ws<", &bytes);
                self.input.extend(bytes);
                self.since = turn.now;
            }
            Got::Nothing => {}
        }
        self.listen(turn);
        let is_late = !self.waiting.is_empty() && turn.now.since(self.since) > PATIENCE;
        if is_late || (!turn.settling && turn.rng.chance(1, 150)) {
            turn.net.close(conn);
            self.conn = None;
        } else if self.logged_on && !turn.settling && turn.rng.chance(1, 2) {
            self.ask(turn);
        }
    }

    pub fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    fn connect(&mut self, turn: &mut Turn<'_>) {
        let to = turn.venue.websocket;
        let Some(conn) = turn.net.connect(to, turn.venue.members[self.member].spki) else { return };
        (self.conn, self.is_open, self.logged_on, self.since) = (Some(conn), false, false, turn.now);
        self.input.clear();
        self.waiting.clear();
        let upgrade = "GET /ws-api/v3 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        turn.net.send(conn, upgrade.as_bytes());
    }

    fn listen(&mut self, turn: &mut Turn<'_>) {
        if !self.is_open {
            let Some(at) = self.input.windows(4).position(|window| window == b"\r\n\r\n") else { return };
            self.input.drain(..at + 4);
            self.is_open = true;
            self.log_on(turn);
        }
        while let Some((opcode, payload)) = self.frame() {
            match opcode {
                1 => self.hear(&payload, turn),
                9 => self.write(10, &payload, turn),
                8 => {
                    if let Some(conn) = self.conn.take() {
                        turn.net.close(conn);
                    }
                    return;
                }
                _ => {}
            }
        }
    }

    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (head, length) = match *self.input.get(1)? & 0x7f {
            126 => (4, usize::from(u16::from_be_bytes([*self.input.get(2)?, *self.input.get(3)?]))),
            127 => (10, u64::from_be_bytes(self.input.get(2..10)?.try_into().ok()?) as usize),
            short => (2, usize::from(short)),
        };
        if self.input.len() < head + length {
            return None;
        }
        let frame: Vec<u8> = self.input.drain(..head + length).collect();
        Some((frame[0] & 0xf, frame[head..].to_vec()))
    }

    fn write(&mut self, opcode: u8, payload: &[u8], turn: &mut Turn<'_>) {
        let Some(conn) = self.conn else { return };
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            long => {
                frame.push(0x80 | 126);
                frame.extend((long as u16).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        turn.trace.note("ws>", payload);
        turn.net.send(conn, &frame);
    }

    fn log_on(&mut self, turn: &mut Turn<'_>) {
        let text = self.request("session.logon", &[], true, None, turn);
        self.write(1, text.as_bytes(), turn);
        if self.subscribed {
            let text = json!({"id": "stream", "method": "userDataStream.subscribe"}).to_string();
            self.write(1, text.as_bytes(), turn);
        }
    }

    /// A request with these parameters; what it is about is remembered under its id.
    fn request(
        &mut self,
        method: &str,
        params: &[(&str, String)],
        signed: bool,
        attempt: Option<usize>,
        turn: &Turn<'_>,
    ) -> String {
        self.next_id += 1;
        let member = &turn.venue.members[self.member];
        let now = turn.now.as_millis().to_string();
        let mut all: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if signed {
            all.extend([("apiKey", member.key.name()), ("timestamp", now.as_str())]);
        }
        let mut object = serde_json::Map::new();
        for (name, value) in &all {
            let number = matches!(*name, "timestamp" | "recvWindow" | "goodTillDate");
            let value = if number { json!(value.parse::<u64>().unwrap_or(0)) } else { json!(value) };
            object.insert((*name).to_owned(), value);
        }
        if signed {
            let signature = member.key.sign_base64(sign::websocket_payload(method, &all).as_bytes());
            object.insert("signature".to_owned(), json!(signature));
        }
        self.waiting.insert(self.next_id, attempt);
        json!({"id": self.next_id, "method": method, "params": object}).to_string()
    }

    fn ask(&mut self, turn: &mut Turn<'_>) {
        match turn.rng.below(20) {
            0 if !self.captured.is_empty() => {
                let (attempt, text) = self.captured[turn.rng.index(self.captured.len())].clone();
                turn.seen.attempts[attempt].sent_again = true;
                self.write(1, text.as_bytes(), turn);
            }
            1..4 => self.question(turn),
            _ => self.order(turn),
        }
    }

    fn question(&mut self, turn: &mut Turn<'_>) {
        let own: Vec<_> = turn.seen.intents.iter().filter(|intent| intent.member == self.member).collect();
        let recent = own.len().saturating_sub(if turn.rng.chance(1, 2) { 3 } else { own.len() });
        let Some(intent) = own[recent..].get(turn.rng.index(own[recent..].len().max(1))) else { return };
        let symbol = TRADED[intent.what.traded()].symbol.to_owned();
        let params = [("symbol", symbol), ("origClientOrderId", intent.name.clone())];
        let text = self.request("order.status", &params, false, None, turn);
        self.write(1, text.as_bytes(), turn);
    }

    fn order(&mut self, turn: &mut Turn<'_>) {
        self.attempts += 1;
        let via = (self.id, self.attempts);
        let attempt = turn.seen.attempt(self.member, via, turn.now.as_millis(), turn.rng);
        let name = turn.seen.name(attempt).to_owned();
        let mut params =
            vec![("newClientOrderId", name), ("recvWindow", (WINDOW_BASE + attempt as u64).to_string())];
        let method = match &turn.seen.attempts[attempt].what {
            What::New(terms) => {
                let tif = match terms.tif {
                    '3' => "IOC",
                    '4' => "FOK",
                    '6' => "GTD",
                    _ => "GTC",
                };
                params.extend([
                    ("symbol", terms.about().symbol.to_owned()),
                    ("side", if terms.buy { "BUY" } else { "SELL" }.to_owned()),
                    ("type", "LIMIT".to_owned()),
                    ("timeInForce", tif.to_owned()),
                    ("price", terms.price_text()),
                    ("quantity", terms.qty_text()),
                ]);
                if terms.tif == '6' {
                    params.push(("goodTillDate", terms.expire.to_string()));
                }
                "order.place"
            }
            What::Cancel(traded, target) => {
                let symbol = TRADED[*traded].symbol.to_owned();
                params.extend([("symbol", symbol), ("origClientOrderId", target.clone())]);
                "order.cancel"
            }
        };
        let text = self.request(method, &params, true, Some(attempt), turn);
        self.captured.push((attempt, text.clone()));
        self.write(1, text.as_bytes(), turn);
    }

    fn hear(&mut self, payload: &[u8], turn: &mut Turn<'_>) {
        let Ok(value) = serde_json::from_slice::<Value>(payload) else { return };
        if let Some(event) = value.get("event") {
            return self.event(event, turn);
        }
        let Some(attempt) = value["id"].as_u64().and_then(|id| self.waiting.remove(&id)) else { return };
        let (ok, result) = (value["status"] == 200, &value["result"]);
        if ok && result["authorizedSince"].is_u64() {
            self.logged_on = true;
        }
        match attempt {
            Some(attempt) if !ok => {
                let name = value["error"]["data"]["name"].as_str().unwrap_or_default().to_owned();
                // The one error that promises nothing.
                if value["error"]["code"] != -1007 {
                    turn.seen.verdict(attempt, Verdict::Refused(name));
                }
            }
            Some(attempt) => {
                turn.seen.verdict(attempt, Verdict::Done);
                self.answered(result, turn);
            }
            None if ok && result["orderId"].is_u64() => self.answered(result, turn),
            None => {}
        }
    }

    /// What an answer says of an order.
    fn answered(&self, result: &Value, turn: &mut Turn<'_>) {
        let text = |name: &str| result[name].as_str().unwrap_or_default().to_owned();
        let traded = TRADED.iter().position(|traded| traded.symbol == text("symbol")).unwrap_or(0);
        let is_cancel = result.get("origClientOrderId").is_some();
        let fills = result["fills"].as_array().into_iter().flatten().map(|fill| {
            let number = |name: &str| scaled(fill[name].as_str().unwrap_or_default());
            (number("price"), number("qty"), fill["tradeId"].as_u64().unwrap_or(0))
        });
        turn.seen.answer(Answered {
            member: self.member,
            traded,
            order_id: result["orderId"].as_u64().unwrap_or(0),
            cl_ord_id: text(if is_cancel { "origClientOrderId" } else { "clientOrderId" }),
            cum: scaled(&text("executedQty")),
            canceled: is_cancel && text("status") == "CANCELED",
            fills: fills.collect(),
        });
    }

    fn event(&self, event: &Value, turn: &mut Turn<'_>) {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let (cum, qty) = (scaled(&text("z")), scaled(&text("q")));
        let exec_type = match text("x").as_str() {
            "NEW" => '0',
            "TRADE" => 'F',
            "CANCELED" => '4',
            "EXPIRED" => 'C',
            "REJECTED" => '8',
            _ => return,
        };
        let last = (exec_type == 'F').then(|| (scaled(&text("L")), scaled(&text("l"))));
        let order_id = event["i"].as_u64().unwrap_or(0);
        let traded = TRADED.iter().position(|traded| traded.symbol == text("s")).unwrap_or(0);
        let leaves = if matches!(text("X").as_str(), "NEW" | "PARTIALLY_FILLED") { qty - cum } else { 0 };
        let told = Told { order_id, cl_ord_id: text("c"), exec_type, cum, leaves, last };
        turn.seen.stream.push((self.member, traded, told));
    }
}
