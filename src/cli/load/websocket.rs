//! The WebSocket API over a link.

use super::args::Signing;
use super::link::Link;
use super::setup::Identity;
use super::speaker::{Action, Answer, name_of, unexpected};
use super::terms::Terms;
use crate::client::{ApiKey, sign};
use crate::types::Nanos;
use crate::wire::ws::Pipe;
use serde::Deserialize;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use tungstenite::protocol::Role;
use tungstenite::{Error, Message, WebSocket};

/// A connection, upgraded and logged on.
pub struct WebSocketSpeaker {
    socket: WebSocket<Pipe>,
    terms: Terms,
    key: ApiKey,
    signs: bool,
}

/// What every answer has.
#[derive(Deserialize)]
struct Envelope {
    id: u64,
    status: u16,
    #[serde(default)]
    error: Option<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    msg: String,
}

impl WebSocketSpeaker {
    /// Upgrades, and logs the session on where it is what is signed.
    pub fn log_on(
        link: &mut Link,
        address: SocketAddr,
        member: &Identity,
        terms: &Terms,
        sign: Signing,
        now: Nanos,
    ) -> io::Result<Self> {
        let upgrade = format!(
            "GET /ws-api/v3?returnRateLimits=false HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2VhbGdhdGUgbG9hZCBrZQ==\r\n\r\n"
        );
        link.send(upgrade.as_bytes())?;
        let mut plain = Vec::new();
        let end = loop {
            link.wait(&mut plain)?;
            if let Some(at) = plain.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
        };
        if !plain.starts_with(b"HTTP/1.1 101 ") {
            return Err(unexpected(String::from_utf8_lossy(&plain)));
        }
        let socket = WebSocket::from_raw_socket(Pipe::new(plain.split_off(end)), Role::Client, None);
        let (terms, key) = (terms.clone(), member.key.clone());
        let mut speaker = Self { socket, terms, key, signs: sign == Signing::Order };
        if sign == Signing::Session {
            speaker.log_session_on(link, now)?;
        }
        Ok(speaker)
    }

    fn log_session_on(&mut self, link: &mut Link, now: Nanos) -> io::Result<()> {
        let logon = self.request(0, "session.logon", Vec::new(), now, true);
        link.send(&logon)?;
        let (mut plain, mut answers) = (Vec::new(), Vec::new());
        while answers.is_empty() {
            link.wait(&mut plain)?;
            self.answers(&mut plain, &mut answers)?;
        }
        match answers.remove(0).refused {
            Some(why) => Err(unexpected(why)),
            None => Ok(()),
        }
    }

    /// The bytes of a message.
    pub fn message(&mut self, number: u64, action: Action, at: Nanos) -> Vec<u8> {
        let signs = self.signs;
        match action {
            Action::New { buys } | Action::Cross { buys } => {
                let params = vec![
                    ("symbol", self.terms.symbol.clone()),
                    ("side", if buys { "BUY" } else { "SELL" }.to_owned()),
                    ("type", "LIMIT".to_owned()),
                    ("timeInForce", "GTC".to_owned()),
                    ("quantity", self.terms.qty.clone()),
                    ("price", self.terms.price(action, number)),
                    ("newClientOrderId", number.to_string()),
                    ("newOrderRespType", "FULL".to_owned()),
                ];
                self.request(number, "order.place", params, at, signs)
            }
            Action::Amend { order, .. } => {
                let params = vec![
                    ("symbol", self.terms.symbol.clone()),
                    ("origClientOrderId", order.to_string()),
                    ("newClientOrderId", number.to_string()),
                    ("newQty", self.terms.lowered.clone()),
                ];
                self.request(number, "order.amend.keepPriority", params, at, signs)
            }
            Action::Cancel { order, .. } => {
                let params = vec![
                    ("symbol", self.terms.symbol.clone()),
                    ("origClientOrderId", order.to_string()),
                    ("newClientOrderId", number.to_string()),
                ];
                self.request(number, "order.cancel", params, at, signs)
            }
        }
    }

    fn request(
        &mut self,
        id: u64,
        method: &str,
        mut params: Vec<(&'static str, String)>,
        at: Nanos,
        signs: bool,
    ) -> Vec<u8> {
        if signs {
            params.push(("apiKey", self.key.name().to_owned()));
        }
        let timestamp = at.as_millis().to_string();
        let mut signed: Vec<(&str, &str)> =
            params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        signed.push(("timestamp", &timestamp));
        let mut text = format!(r#"{{"id":{id},"method":"{method}","params":{{"timestamp":{timestamp}"#);
        for (name, value) in &params {
            text += &format!(r#","{name}":"{value}""#);
        }
        if signs {
            let signature = self.key.sign_base64(sign::websocket_payload(method, &signed).as_bytes());
            text += &format!(r#","signature":"{signature}""#);
        }
        text += "}}";
        // Into memory, so it cannot fail.
        let _ = self.socket.send(Message::text(text));
        std::mem::take(&mut self.socket.get_mut().output)
    }

    /// The answer to each message.
    pub fn answers(&mut self, plain: &mut Vec<u8>, answers: &mut Vec<Answer>) -> io::Result<()> {
        self.socket.get_mut().input.append(plain);
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let envelope: Envelope = serde_json::from_str(&text).map_err(|_| unexpected(&text))?;
                    let refused = match envelope.error {
                        Some(error) => Some(name_of(&error.msg)),
                        None if envelope.status != 200 => Some(format!("status {}", envelope.status)),
                        None => None,
                    };
                    answers.push(Answer { number: envelope.id, refused });
                }
                Ok(Message::Close(frame)) => return Err(unexpected(format!("the server closed: {frame:?}"))),
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(unexpected(error)),
            }
        }
    }
}
