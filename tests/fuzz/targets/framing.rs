//! Framing: a stream of bytes, however it is cut into reads, gives the same messages as a framer that is written as the
//! rule is told, and each of them is one.

use sealgate::limits::FIX_MESSAGE_BYTES_MAX;
use sealgate::wire::fix::{Garble, Index, Message, Taken, take};

/// The first byte says how the rest is cut into reads.
pub fn run(data: &[u8]) {
    let [cut, stream @ ..] = data else { return };
    let whole = messages(stream, stream.len().max(1));
    assert_eq!(whole, messages(stream, usize::from(*cut) + 1), "the reads decide what is a message");
    for message in &whole.messages {
        is_one(message);
    }
    assert_eq!(whole.messages, naive(stream));
}

#[derive(Debug, PartialEq, Eq)]
struct Stream {
    messages: Vec<Vec<u8>>,
    /// It held a message above the limit, and nothing behind it was looked at.
    ended: bool,
}

/// As a connection does it.
fn messages(stream: &[u8], read: usize) -> Stream {
    let (mut inbox, mut index, mut messages) = (Vec::new(), Index::new(), Vec::new());
    for chunk in stream.chunks(read) {
        inbox.extend_from_slice(chunk);
        loop {
            match take(&inbox, true, &mut index) {
                Taken::NeedMore => break,
                Taken::Message(message) => {
                    let length = message.bytes().len();
                    messages.push(inbox.drain(..length).collect());
                }
                // It is framed well, and dropped for what stands inside.
                Taken::Garbled { skip, why: Garble::Fields(_) } => {
                    messages.push(inbox.drain(..skip).collect())
                }
                Taken::Garbled { skip, .. } => {
                    assert!(skip > 0, "nothing is dropped, for ever");
                    inbox.drain(..skip);
                    if inbox.is_empty() {
                        break;
                    }
                }
                Taken::TooLong => return Stream { messages, ended: true },
            }
        }
        assert!(inbox.len() < FIX_MESSAGE_BYTES_MAX.max(read), "it waits for more than a message may have");
    }
    Stream { messages, ended: false }
}

fn is_one(message: &[u8]) {
    assert!(message.len() <= FIX_MESSAGE_BYTES_MAX && message.starts_with(b"8=FIX"));
    let (body, check_sum) = message.split_at(message.len() - 7);
    let sum = body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    assert_eq!(check_sum, format!("10={sum:03}\x01").as_bytes());
    let mut index = Index::new();
    if let Ok(message) = Message::parse(message, &mut index) {
        let begin = message.begin_string().len() + b"8=|9=|".len() + message.value(message.fields()[1]).len();
        assert_eq!(message.uint(9), Some((body.len() - begin) as u64), "BodyLength is trusted, and right");
    }
}

/// The rule, one sentence a line, without a thought of cost.
fn naive(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some(start) = find(rest, b"8=FIX") {
        rest = &rest[start..];
        let Some(step) = first(rest) else { return messages };
        if let Step::Message(length) = step {
            messages.push(rest[..length].to_vec());
        }
        let (Step::Message(length) | Step::Drop(length)) = step;
        rest = &rest[length..];
    }
    messages
}

enum Step {
    Message(usize),
    Drop(usize),
}

/// What stands at the start, which is `8=FIX`; nothing if more is needed, or if it is too long.
fn first(bytes: &[u8]) -> Option<Step> {
    let drop_from = |from: usize| {
        let within = &bytes[..bytes.len().min(FIX_MESSAGE_BYTES_MAX)];
        let at = from + find(&within[from..], b"\x0110=")? + 4;
        Some(Step::Drop(at + find(&within[at..], b"\x01")? + 1))
    };
    let Some(begin_string) = find(&bytes[..bytes.len().min(16)], b"\x01") else {
        return if bytes.len() < 16 { None } else { drop_from(5) };
    };
    let rest = &bytes[begin_string + 1..];
    let field = &rest[..rest.len().min(8)];
    let Some(field_length) = find(field, b"\x01") else {
        let may_become_one = field.len() < 8 && field.iter().zip(b"9=").all(|(is, must)| is == must);
        return if may_become_one { None } else { drop_from(begin_string) };
    };
    let Some(body) = field[..field_length].strip_prefix(b"9=").and_then(number) else {
        return drop_from(begin_string);
    };
    let end = begin_string + 1 + field_length + 1 + body;
    if end + 7 > FIX_MESSAGE_BYTES_MAX {
        return None;
    }
    let tail = bytes.get(end..)?;
    let tail = &tail[..tail.len().min(7)];
    let is_check_sum =
        tail.len() == 7 && tail.starts_with(b"10=") && tail[6] == 1 && !tail[3..6].contains(&1);
    if is_check_sum && bytes[end - 1] == 1 {
        let sum = bytes[..end].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        let fits = tail[3..6] == *format!("{sum:03}").as_bytes();
        return Some(if fits { Step::Message(end + 7) } else { Step::Drop(end + 7) });
    }
    if tail.len() < 7 && !tail.contains(&1) {
        return None;
    }
    drop_from(end - 1)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    (0..bytes.len()).find(|at| bytes[*at..].starts_with(what))
}

fn number(digits: &[u8]) -> Option<usize> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}
