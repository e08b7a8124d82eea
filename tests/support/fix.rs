//! A FIX client that counts its own numbers and does nothing else by itself. In what it is given `|` stands for SOH.

use super::connection::{PATIENCE, Tls, now, read_to_close, send, tls};
use super::venue::Venue;
use sealgate::client::{ApiKey, sign};
use sealgate::types::Nanos;
use sealgate::wire::fix::{Precision, write_time};
use std::io::Read;
use std::time::Instant;

/// The client.
pub struct Fix {
    pub stream: Tls,
    pub key: ApiKey,
    pub sender: String,
    pub next: u32,
    /// HeartBtInt(108) of its Logon.
    pub heartbeat: u32,
    /// BeginString(8) of what it sends.
    pub begin_string: &'static str,
    input: Vec<u8>,
}

/// A message as it came: its fields in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields(pub Vec<(u32, String)>);

impl Fields {
    pub fn get(&self, tag: u32) -> &str {
        self.0.iter().find(|(known, _)| *known == tag).map_or("", |(_, value)| value)
    }

    /// How a message was refused: the MsgType of the answer, its reason, and the name in its text.
    #[track_caller]
    pub fn refusal(&self) -> (&str, &str, &str) {
        let reason = match self.get(35) {
            "3" => self.get(373),
            "8" => self.get(103),
            "9" => self.get(102),
            "j" => self.get(380),
            _ => panic!("not refused: {self:?}"),
        };
        let name = self.get(58).split([' ', ':']).next().unwrap_or_default();
        (self.get(35), reason, name)
    }

    #[track_caller]
    pub fn assert_refused(&self, msg_type: &str, reason: &str, name: &str) {
        assert_eq!(self.refusal(), (msg_type, reason, name), "{self:?}");
    }
}

impl Fix {
    /// Connects a member, without a Logon.
    pub fn connect(venue: &Venue, member: &str) -> Self {
        let stream = tls(venue.fix_addr(), venue.tls(member));
        let sender = member.to_ascii_uppercase();
        let (key, begin_string) = (venue.key(member), "FIX.4.4");
        Self { stream, key, sender, next: 1, heartbeat: 30, begin_string, input: Vec::new() }
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
        self.logon_at(fields, now());
    }

    /// Sends a Logon with this SendingTime.
    pub fn logon_at(&mut self, fields: &str, sent: Nanos) {
        let body = logon_body(&self.key, (&self.sender, self.next), (self.heartbeat, fields), sent);
        let message = self.message_at("A", body, sent, false);
        self.send(&message);
    }

    /// Logs out, and waits until the connection is closed.
    pub fn log_out(mut self) {
        let logout = self.message("5", "", false);
        self.send(&logout);
        read_to_close(&mut self.stream);
    }

    /// Sends a message with this body, signed.
    pub fn order(&mut self, msg_type: &str, body: impl AsRef<[u8]>) {
        let message = self.message(msg_type, body, true);
        self.send(&message);
    }

    /// Sends a NewOrderSingle, signed, and gives the answer.
    pub fn enter(&mut self, body: impl AsRef<[u8]>) -> Fields {
        self.order("D", body);
        self.read()
    }

    /// A message with the next number.
    pub fn message(&mut self, msg_type: &str, body: impl AsRef<[u8]>, signed: bool) -> Vec<u8> {
        self.message_at(msg_type, body, now(), signed)
    }

    /// A message with the next number and this SendingTime.
    pub fn message_at(
        &mut self,
        msg_type: &str,
        body: impl AsRef<[u8]>,
        sent: Nanos,
        signed: bool,
    ) -> Vec<u8> {
        let number = self.next;
        self.next += 1;
        let key = signed.then_some(&self.key);
        let inner = inner((&self.sender, number), (msg_type, body.as_ref()), sent, key);
        framed_as(self.begin_string, &inner)
    }

    pub fn send(&mut self, bytes: &[u8]) {
        send(&mut self.stream, bytes);
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

/// The body of a Logon with this number: `fields` beside the usual ones.
pub fn logon_body(
    key: &ApiKey,
    (sender, number): (&str, u32),
    (heartbeat, fields): (u32, &str),
    sent: Nanos,
) -> String {
    let payload = sign::fix_logon_payload(sender, "SEALGATE", number, &fix_time(sent));
    let (name, signature) = (key.name(), key.sign_base64(&payload));
    let length = signature.len();
    format!("98=0|108={heartbeat}|{fields}553={name}|95={length}|96={signature}|")
}

/// A message of a client from MsgType on, without BeginString, BodyLength and CheckSum; signed if there is a key.
pub fn inner(
    (sender, number): (&str, u32),
    (msg_type, body): (&str, &[u8]),
    sent: Nanos,
    key: Option<&ApiKey>,
) -> Vec<u8> {
    let time = fix_time(sent);
    let mut inner = format!("35={msg_type}|34={number}|49={sender}|52={time}|56=SEALGATE|").into_bytes();
    inner.extend_from_slice(body);
    let mut inner = soh(&inner);
    if let Some(key) = key {
        let signature = key.sign_base64(&inner);
        inner.extend(soh(format!("93={}|89={signature}|", signature.len()).as_bytes()));
    }
    inner
}

/// The body of a limit order to buy, which rests.
pub fn buy(cl_ord_id: &str) -> String {
    format!("11={cl_ord_id}|38=0.01|40=2|44=99000.00|54=1|55=BTC-USD|60={}|", fix_time(now()))
}

/// The body of a cancel of it.
pub fn cancel(cl_ord_id: &str, orig_cl_ord_id: &str) -> String {
    format!("11={cl_ord_id}|41={orig_cl_ord_id}|54=1|55=BTC-USD|60={}|", fix_time(now()))
}

/// Bytes with SOH for `|`.
pub fn soh(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if *byte == b'|' { 1 } else { *byte }).collect()
}

/// `inner` between BeginString, BodyLength and CheckSum, which fit.
pub fn framed(inner: &[u8]) -> Vec<u8> {
    framed_as("FIX.4.4", inner)
}

/// The same for another version.
pub fn framed_as(begin_string: &str, inner: &[u8]) -> Vec<u8> {
    let mut message = format!("8={begin_string}\x019={}\x01", inner.len()).into_bytes();
    message.extend_from_slice(inner);
    let sum = message.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    message.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    message
}

/// UTCTimestamp with milliseconds.
pub fn fix_time(at: Nanos) -> String {
    let mut text = Vec::new();
    write_time(&mut text, at, Precision::Millis);
    String::from_utf8(text).unwrap()
}

/// Where the first message ends, if it is whole.
pub fn message_end(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(4).position(|window| window == b"\x0110=")?;
    let end = at + 1 + b"10=000\x01".len();
    (end <= bytes.len()).then_some(end)
}

/// The fields of a message.
pub fn fields(message: &[u8]) -> Fields {
    let text = String::from_utf8_lossy(message);
    let fields = text.split('\x01').filter_map(|field| field.split_once('='));
    Fields(fields.map(|(tag, value)| (tag.parse().unwrap(), value.to_owned())).collect())
}
