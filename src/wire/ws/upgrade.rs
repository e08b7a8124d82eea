//! The HTTP request that becomes a WebSocket connection (RFC 6455 §4), and the plain answers to those that do not.

use crate::limits::UPGRADE_BYTES_MAX;
use tungstenite::Error;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response, write_response};

/// The one path that is served.
pub const PATH: &str = "/ws-api/v3";

/// What the connection asked for in the query of its URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// `returnRateLimits`: whether answers carry `rateLimits` where the request does not say. `true` by default.
    pub return_rate_limits: bool,
}

/// An upgrade request on its way in.
#[derive(Debug, Default)]
pub(super) struct Upgrade {
    request: Vec<u8>,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Its end has not come yet.
    Incomplete,
    /// The answer is 101; behind the request stood these bytes.
    Accepted(Options, Vec<u8>),
    /// The answer says why not, and that the connection ends.
    Refused,
}

impl Upgrade {
    /// Takes bytes of the request, and writes the answer to `out` once it is whole.
    pub(super) fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Outcome {
        // Look again from where the end may have begun, so that a request in single bytes costs no square.
        let searched = self.request.len().saturating_sub(3);
        self.request.extend_from_slice(bytes);
        let end = self.request[searched..].windows(4).position(|at| at == b"\r\n\r\n");
        let Some(end) = end.map(|at| searched + at + 4).filter(|&end| end <= UPGRADE_BYTES_MAX) else {
            if self.request.len() < UPGRADE_BYTES_MAX {
                return Outcome::Incomplete;
            }
            refuse(431, "Request Header Fields Too Large", "The request is too long.", out);
            return Outcome::Refused;
        };
        match answer(&self.request[..end], out) {
            Ok(options) => Outcome::Accepted(options, self.request.split_off(end)),
            Err((status, title, advice)) => {
                refuse(status, title, advice, out);
                Outcome::Refused
            }
        }
    }
}

type NotTaken = (u16, &'static str, &'static str);

const BAD_REQUEST: NotTaken = (400, "Bad Request", "This is not a WebSocket upgrade (RFC 6455).");
const NOT_FOUND: NotTaken = (404, "Not Found", "The WebSocket API is at /ws-api/v3.");
const BAD_QUERY: NotTaken = (400, "Bad Request", "The query may have returnRateLimits=true or false.");
const BAD_METHOD: NotTaken = (405, "Method Not Allowed", "Use GET.");
const NO_UPGRADE: NotTaken = (426, "Upgrade Required", "Speak WebSocket, version 13, at /ws-api/v3.");

/// Writes the 101, or tells what to write instead.
fn answer(request: &[u8], out: &mut Vec<u8>) -> Result<Options, NotTaken> {
    let request = match Request::try_parse(request) {
        Ok(Some((_, request))) => request,
        Err(Error::Protocol(ProtocolError::WrongHttpMethod)) => return Err(BAD_METHOD),
        Ok(None) | Err(_) => return Err(BAD_REQUEST),
    };
    if request.uri().path() != PATH || request.uri().authority().is_some() {
        return Err(NOT_FOUND);
    }
    let options = options(request.uri().query()).ok_or(BAD_QUERY)?;
    let response = create_response(&request).map_err(|error| match error {
        Error::Protocol(
            ProtocolError::MissingConnectionUpgradeHeader
            | ProtocolError::MissingUpgradeWebSocketHeader
            | ProtocolError::MissingSecWebSocketVersionHeader,
        ) => NO_UPGRADE,
        _ => BAD_REQUEST,
    })?;
    write_response(out, &response).map_err(|_| BAD_REQUEST)?;
    Ok(options)
}

/// Options that we do not have are refused: a client that asks for another time unit must not read ours as it.
fn options(query: Option<&str>) -> Option<Options> {
    match query {
        None | Some("" | "returnRateLimits=true") => Some(Options { return_rate_limits: true }),
        Some("returnRateLimits=false") => Some(Options { return_rate_limits: false }),
        Some(_) => None,
    }
}

fn refuse(status: u16, title: &str, advice: &str, out: &mut Vec<u8>) {
    let also = match status {
        405 => "Allow: GET\r\n",
        426 => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        _ => "",
    };
    let connection = if status == 426 { "Upgrade, close" } else { "close" };
    let length = advice.len() + 1;
    let text = format!(
        "HTTP/1.1 {status} {title}\r\nConnection: {connection}\r\n{also}Content-Type: text/plain\r\n\
         Content-Length: {length}\r\n\r\n{advice}\n"
    );
    out.extend_from_slice(text.as_bytes());
}
