//! A WebSocket client that signs what a test wants sent, and sends what a test wants said.

use super::connection::{Tls, now_millis, send, tls};
use super::venue::Venue;
use sealgate::client::{ApiKey, sign};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// A WebSocket client.
pub struct Ws {
    pub socket: WebSocket<Tls>,
    key: ApiKey,
    next_id: u64,
}

impl Ws {
    /// Connects a member.
    pub fn connect(venue: &Venue, member: &str) -> Self {
        Self::connect_as(venue, member, member)
    }

    /// Connects a member with the API key of another.
    pub fn connect_as(venue: &Venue, member: &str, key: &str) -> Self {
        let stream = tls(venue.websocket_addr(), venue.tls(member));
        let (socket, _) = tungstenite::client("wss://localhost/ws-api/v3", stream).unwrap();
        Self { socket, key: venue.key(key), next_id: 0 }
    }

    /// Connects a member and logs on.
    pub fn logged_on(venue: &Venue, member: &str) -> Self {
        let mut ws = Self::connect(venue, member);
        let answer = ws.call("session.logon", &[]);
        assert_eq!(answer["status"], 200, "{answer}");
        ws
    }

    /// Sends bytes as they are, below the framing.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        send(self.socket.get_mut(), bytes);
    }

    /// Sends text as it is and gives the next answer.
    pub fn raw(&mut self, text: &str) -> Value {
        self.socket.send(Message::text(text)).unwrap();
        self.answer()
    }

    /// The next message that is an answer, not an event.
    pub fn answer(&mut self) -> Value {
        loop {
            let value = self.message();
            if value.get("event").is_none() {
                return value;
            }
        }
    }

    /// The next text message.
    pub fn message(&mut self) -> Value {
        loop {
            match self.socket.read().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The code with which the peer closes; answers before it are passed over.
    pub fn close_code(&mut self) -> u16 {
        loop {
            match self.socket.read() {
                Ok(Message::Close(Some(frame))) => return frame.code.into(),
                Ok(_) => {}
                Err(error) => panic!("closed without a code: {error}"),
            }
        }
    }

    /// Calls a method with these parameters, signed now.
    pub fn call(&mut self, method: &str, params: &[(&str, &str)]) -> Value {
        let request = self.request(method, params);
        self.raw(&request)
    }

    /// Places an order, signed now.
    pub fn place(&mut self, params: &[(&str, &str)]) -> Value {
        self.call("order.place", params)
    }

    /// A request with these parameters, signed now.
    pub fn request(&mut self, method: &str, params: &[(&str, &str)]) -> String {
        self.request_at(method, params, now_millis())
    }

    /// A request with these parameters and this timestamp, signed.
    pub fn request_at(&mut self, method: &str, params: &[(&str, &str)], timestamp: u64) -> String {
        self.next_id += 1;
        signed_request(&self.key, &json!(self.next_id), (method, params), timestamp)
    }

    /// A request with exactly these parameters.
    pub fn plain(&mut self, method: &str, params: &[(&str, &str)], signature: Option<&str>) -> String {
        self.next_id += 1;
        request(&json!(self.next_id), (method, params), signature)
    }

    /// Subscribes to the executions of the logon's accounts.
    pub fn subscribe(&mut self) {
        let answer = self.raw(r#"{"id":"subscribe","method":"userDataStream.subscribe"}"#);
        assert_eq!(answer["status"], 200, "{answer}");
    }

    /// Whether the connection still answers.
    pub fn is_alive(&mut self) -> bool {
        self.raw(r#"{"id":"alive","method":"ping"}"#)["status"] == 200
    }
}

/// A request with these parameters and this timestamp, signed.
pub fn signed_request(
    key: &ApiKey,
    id: &Value,
    (method, params): (&str, &[(&str, &str)]),
    timestamp: u64,
) -> String {
    let timestamp = timestamp.to_string();
    let mut all = params.to_vec();
    all.extend([("apiKey", key.name()), ("timestamp", timestamp.as_str())]);
    let signature = key.sign_base64(sign::websocket_payload(method, &all).as_bytes());
    request(id, (method, &all), Some(&signature))
}

/// A request with exactly these parameters.
pub fn request(id: &Value, (method, params): (&str, &[(&str, &str)]), signature: Option<&str>) -> String {
    let mut object: serde_json::Map<String, Value> =
        params.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    if let Some(timestamp) = object.get_mut("timestamp") {
        *timestamp = json!(timestamp.as_str().unwrap().parse::<u64>().unwrap());
    }
    object.extend(signature.map(|signature| ("signature".to_owned(), json!(signature))));
    json!({"id": id, "method": method, "params": object}).to_string()
}

/// A limit order to buy, which rests.
pub fn resting(cl_ord_id: &str) -> Vec<(&str, &str)> {
    vec![
        ("symbol", "BTC-USD"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("price", "99000.00"),
        ("quantity", "0.01"),
        ("newClientOrderId", cl_ord_id),
    ]
}

/// `params` with one of them another value, or added.
pub fn with<'a>(
    mut params: Vec<(&'a str, &'a str)>,
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    params.retain(|(known, _)| *known != name);
    params.push((name, value));
    params
}

/// How a request was refused: the name in its text, and its code.
#[track_caller]
pub fn refusal(answer: &Value) -> (String, i64) {
    let error = &answer["error"];
    let name = error["msg"].as_str().unwrap_or_else(|| panic!("not refused: {answer}"));
    let name = name.split([' ', ':']).next().unwrap().to_owned();
    (name, error["code"].as_i64().unwrap())
}
