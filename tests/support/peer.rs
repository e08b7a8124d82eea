//! A client that may do everything wrong: raw bytes under TLS or not, WebSocket text, FIX fields.

use super::venue::Venue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use sealgate::client::{ApiKey, sign, tls};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tungstenite::{Message, WebSocket};

/// Longer than anything here takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub type Tls = StreamOwned<ClientConnection, TcpStream>;

/// The TLS configuration of a member.
pub fn tls_of(venue: &Venue, member: &str) -> Arc<ClientConfig> {
    let files = tls::Files {
        roots: venue.path("ca.pem"),
        certificate: venue.path(format!("{member}.pem")),
        key: venue.path(format!("{member}-key.pem")),
    };
    files.load().unwrap()
}

pub fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A connection under TLS; the handshake is made with the first byte.
pub fn tls(address: SocketAddr, config: Arc<ClientConfig>) -> Tls {
    let name = "localhost".try_into().unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), tcp(address))
}

/// Everything until the peer closes, however it closes.
pub fn read_to_close(stream: &mut impl Read) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return all,
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("not closed after {PATIENCE:?}; it said {:?}", String::from_utf8_lossy(&all))
            }
            Err(_) => return all,
        }
    }
}

pub fn now_millis() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64
}

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
        let stream = tls(venue.websocket(), tls_of(venue, member));
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

    /// A request with these parameters, signed now.
    pub fn request(&mut self, method: &str, params: &[(&str, &str)]) -> String {
        self.request_at(method, params, now_millis())
    }

    /// A request with these parameters and this timestamp, signed.
    pub fn request_at(&mut self, method: &str, params: &[(&str, &str)], timestamp: u64) -> String {
        let (timestamp, key) = (timestamp.to_string(), self.key.clone());
        let mut all = params.to_vec();
        all.extend([("apiKey", key.name()), ("timestamp", timestamp.as_str())]);
        let signature = key.sign_base64(sign::websocket_payload(method, &all).as_bytes());
        self.plain(method, &all, Some(&signature))
    }

    /// A request with exactly these parameters.
    pub fn plain(&mut self, method: &str, params: &[(&str, &str)], signature: Option<&str>) -> String {
        self.next_id += 1;
        let mut object: serde_json::Map<String, Value> =
            params.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        if let Some(timestamp) = object.get_mut("timestamp") {
            *timestamp = json!(timestamp.as_str().unwrap().parse::<u64>().unwrap());
        }
        object.extend(signature.map(|signature| ("signature".to_owned(), json!(signature))));
        json!({"id": self.next_id, "method": method, "params": object}).to_string()
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

/// A limit order to buy, which rests.
pub fn resting<'a>(cl_ord_id: &'a str) -> Vec<(&'a str, &'a str)> {
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

/// A FIX client that counts its own numbers and does nothing else by itself.
pub struct Fix {
    pub stream: Tls,
    pub key: ApiKey,
    pub sender: String,
    pub next: u32,
    input: Vec<u8>,
}

/// A message as it came: its fields in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields(pub Vec<(u32, String)>);

impl Fields {
    pub fn get(&self, tag: u32) -> &str {
        self.0.iter().find(|(known, _)| *known == tag).map_or("", |(_, value)| value)
    }
}

impl Fix {
    /// Connects a member, without a Logon.
    pub fn connect(venue: &Venue, member: &str) -> Self {
        let stream = tls(venue.fix(), tls_of(venue, member));
        let sender = member.to_ascii_uppercase();
        Self { stream, key: venue.key(member), sender, next: 1, input: Vec::new() }
    }

    /// Connects a member and logs on, both sides from 1.
    pub fn logged_on(venue: &Venue, member: &str) -> Self {
        let mut fix = Self::connect(venue, member);
        fix.logon("141=Y|");
        let answer = fix.read();
        assert_eq!(answer.get(35), "A", "{answer:?}");
        fix
    }

    /// Sends a Logon with these fields beside the usual ones.
    pub fn logon(&mut self, fields: &str) {
        let time = fix_time(now_millis());
        let payload = sign::fix_logon_payload(&self.sender, "SEALGATE", self.next, &time);
        let signature = self.key.sign_base64(payload.as_bytes());
        let body =
            format!("98=0|108=30|{fields}553={}|95={}|96={signature}|", self.key.name(), signature.len());
        let message = self.message_at("A", &body, &time, false);
        self.send(&message);
    }

    /// Sends a message with this body, signed.
    pub fn order(&mut self, msg_type: &str, body: &str) {
        let message = self.message(msg_type, body, true);
        self.send(&message);
    }

    /// A message with the next number.
    pub fn message(&mut self, msg_type: &str, body: &str, signed: bool) -> Vec<u8> {
        self.message_at(msg_type, body, &fix_time(now_millis()), signed)
    }

    /// A message with the next number and this SendingTime.
    pub fn message_at(&mut self, msg_type: &str, body: &str, time: &str, signed: bool) -> Vec<u8> {
        let inner = format!("35={msg_type}|34={}|49={}|52={time}|56=SEALGATE|{body}", self.next, self.sender);
        self.next += 1;
        let mut inner = inner.replace('|', "\x01");
        if signed {
            let signature = STANDARD.encode(self.key.sign(inner.as_bytes()));
            inner.push_str(&format!("93={}\x0189={signature}\x01", signature.len()));
        }
        framed(&inner)
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    /// The next message; a closed connection is a message without fields.
    pub fn read(&mut self) -> Fields {
        let started = Instant::now();
        loop {
            if let Some(end) = message_end(&self.input) {
                let message: Vec<u8> = self.input.drain(..end).collect();
                return fields(&message);
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return Fields(Vec::new()),
                Ok(count) => self.input.extend_from_slice(&buffer[..count]),
            }
            assert!(started.elapsed() < PATIENCE, "no message");
        }
    }
}

/// `inner` between BeginString, BodyLength and CheckSum.
pub fn framed(inner: &str) -> Vec<u8> {
    let mut message = format!("8=FIX.4.4\x019={}\x01{inner}", inner.len()).into_bytes();
    let sum = message.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    message.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    message
}

/// UTCTimestamp with milliseconds.
pub fn fix_time(millis: u64) -> String {
    let at = sealgate::types::Nanos(millis * 1_000_000);
    let civil = sealgate::types::time::Civil::from_nanos(at);
    format!(
        "{:04}{:02}{:02}-{:02}:{:02}:{:02}.{:03}",
        civil.year,
        civil.month,
        civil.day,
        civil.hour,
        civil.minute,
        civil.second,
        civil.nanos / 1_000_000
    )
}

fn message_end(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(4).position(|window| window == b"\x0110=")?;
    let end = at + 1 + b"10=000\x01".len();
    (end <= bytes.len()).then_some(end)
}

fn fields(message: &[u8]) -> Fields {
    let text = String::from_utf8_lossy(message);
    let fields = text.split('\x01').filter_map(|field| field.split_once('='));
    Fields(fields.map(|(tag, value)| (tag.parse().unwrap(), value.to_owned())).collect())
}
