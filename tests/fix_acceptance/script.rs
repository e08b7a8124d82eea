//! A script: its steps, and how a message that it sends is completed.

use sealgate::types::Nanos;
use sealgate::wire::fix::{Precision, SOH, write_time};

/// One line of a script.
#[derive(Debug)]
pub struct Step {
    /// Its line, from 1.
    pub line: usize,
    /// Which client, from 1.
    pub client: u32,
    /// What is done.
    pub action: Action,
}

/// What a line says.
#[derive(Debug)]
pub enum Action {
    /// The client connects.
    Connect,
    /// The client disconnects.
    Disconnect,
    /// The server must close, without a word.
    ExpectDisconnect,
    /// The client sends.
    Send(Vec<u8>),
    /// The server must send this next.
    Expect(Vec<u8>),
    /// The harness sets numbers of the server's session: (of the peer, of its own).
    SetNumbers(Option<u32>, Option<u32>),
}

/// Reads a script.
pub fn parse(bytes: &[u8]) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() || line.starts_with(b"#") {
            continue;
        }
        let step = step(at + 1, line);
        steps.push(step.ok_or_else(|| format!("line {}: unknown step {}", at + 1, shown(line)))?);
    }
    Ok(steps)
}

fn step(line: usize, text: &[u8]) -> Option<Step> {
    let (kind, rest) = text.split_first()?;
    let (client, what) = match rest.iter().position(|byte| *byte == b',') {
        Some(comma) => match number(&rest[..comma]) {
            Some(client) => (client, &rest[comma + 1..]),
            None => (1, rest),
        },
        None => (1, rest),
    };
    let action = match (kind, what.trim_ascii_end()) {
        (b'i', b"CONNECT") => Action::Connect,
        (b'i', b"DISCONNECT") => Action::Disconnect,
        (b'e', b"DISCONNECT") => Action::ExpectDisconnect,
        (b'i', set) if set.starts_with(b"SET_SESSION") => set_numbers(set)?,
        (b'I', _) => Action::Send(what.to_vec()),
        (b'E', _) => Action::Expect(what.to_vec()),
        _ => return None,
    };
    Some(Step { line, client, action })
}

fn set_numbers(text: &[u8]) -> Option<Action> {
    let (mut theirs, mut ours) = (None, None);
    for word in text.split(|byte| byte.is_ascii_whitespace()) {
        if let Some(next) = word.strip_prefix(b"NEXTTARGETSEQNUM=") {
            theirs = Some(number(next)?);
        } else if let Some(next) = word.strip_prefix(b"NEXTSENDERSEQNUM=") {
            ours = Some(number(next)?);
        }
    }
    Some(Action::SetNumbers(theirs, ours))
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A message as it goes out: `<TIME>` is now, a missing BodyLength is inserted, a missing CheckSum appended. What does
/// not begin with BeginString goes out as it is.
pub fn completed(text: &[u8], now: Nanos) -> Vec<u8> {
    if text.starts_with(b"8=") { framed(&with_times(text, now, Precision::Seconds)) } else { text.to_vec() }
}

/// Inserts a missing BodyLength and appends a missing CheckSum.
pub fn framed(text: &[u8]) -> Vec<u8> {
    let mut message = text.to_vec();
    if find(&message, b"\x019=").is_none() {
        let body = find(&message, b"\x01").map_or(message.len(), |at| at + 1);
        let end = find(&message, b"\x0110=").map_or(message.len(), |at| at + 1);
        let field = format!("9={}\x01", end.saturating_sub(body)).into_bytes();
        message.splice(body..body, field);
    }
    if find(&message, b"\x0110=").is_none() {
        let sum = message.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        message.extend_from_slice(format!("10={sum:03}").as_bytes());
        message.push(SOH);
    }
    message
}

/// Puts times for `<TIME>`, `<TIME+n>` and `<TIME-n>`.
pub fn with_times(text: &[u8], now: Nanos, precision: Precision) -> Vec<u8> {
    let mut done = Vec::new();
    let mut rest = text;
    while let Some(at) = find(rest, b"<TIME") {
        let Some(length) = rest[at..].iter().position(|byte| *byte == b'>') else { break };
        let offset = std::str::from_utf8(&rest[at + b"<TIME".len()..at + length]).unwrap_or_default();
        let seconds = offset.parse::<i64>().unwrap_or(0);
        done.extend_from_slice(&rest[..at]);
        write_time(&mut done, Nanos(now.0.saturating_add_signed(seconds * 1_000_000_000)), precision);
        rest = &rest[at + length + 1..];
    }
    done.extend_from_slice(rest);
    done
}

/// Where `what` stands first.
pub fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// A message for people: `|` for SOH.
pub fn shown(message: &[u8]) -> String {
    String::from_utf8_lossy(message).replace('\x01', "|")
}
