//! Finds one message in a stream of bytes, and reads it.
//!
//! ```text
//! 8=FIX.4.4|9=63|35=A|…………………|10=128|
//!               └── BodyLength ┘ and there CheckSum must stand
//! ```
//!
//! BodyLength is trusted: where CheckSum does not stand at its end, everything up to the next CheckSum field
//! is garbled and dropped whole, the start of another message in it included. A parser that resynchronised
//! inside would take bytes for a message that its sender never meant as one. A garbled message is ignored
//! and uses up no sequence number.

use super::SOH;
use super::message::{Index, Malformed, Message, sum_of};
use super::text::parse_uint;
use crate::limits::FIX_MESSAGE_BYTES_MAX;

/// What stands at the start of the received bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    /// Nothing whole yet.
    NeedMore,
    /// A message of so many bytes whose BodyLength and CheckSum are right.
    Message(usize),
    /// So many bytes are no message: drop them and look again.
    Garbled {
        /// How many.
        skip: usize,
        /// What is wrong with them.
        why: Garble,
    },
    /// A message above the limit: the stream cannot be followed any further.
    TooLong,
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Garble {
    /// Bytes before `8=FIX`.
    #[error("no BeginString")]
    BeginString,
    /// The second field is not BodyLength, or CheckSum does not stand at its end.
    #[error("wrong BodyLength")]
    BodyLength,
    /// CheckSum is not the sum of the bytes, or has not three digits.
    #[error("wrong CheckSum")]
    CheckSum,
    /// What stands between is not `tag=value` throughout, or does not begin with 8, 9 and 35.
    #[error(transparent)]
    Fields(#[from] Malformed),
}

/// What stands at the start of the received bytes, with its fields.
#[derive(Clone, Copy, Debug)]
pub enum Taken<'a> {
    /// Nothing whole yet.
    NeedMore,
    /// A message whose BodyLength and CheckSum are right.
    Message(Message<'a>),
    /// So many bytes are no message: drop them and look again.
    Garbled {
        /// How many.
        skip: usize,
        /// What is wrong with them.
        why: Garble,
    },
    /// A message above the limit: the stream cannot be followed any further.
    TooLong,
}

const START: &[u8] = b"8=FIX";
/// `FIX.5.0SP2` is the longest BeginString that ever was.
const BEGIN_STRING_MAX: usize = 16;
const CHECK_SUM_BYTES: usize = b"10=000|".len();

/// Looks at the start of `bytes` and reads the message that stands there: fields and CheckSum together. Where CheckSum
/// is not checked, a wrong one does not garble a message.
pub fn take<'a>(bytes: &'a [u8], check_sum: bool, index: &'a mut Index) -> Taken<'a> {
    match locate(bytes) {
        Framed::NeedMore => Taken::NeedMore,
        Framed::TooLong => Taken::TooLong,
        Framed::Garbled { skip, why } => Taken::Garbled { skip, why },
        Framed::Message(end) => {
            let bytes = &bytes[..end];
            let (message, sum) = Message::read(bytes, index);
            let field = &bytes[end - CHECK_SUM_BYTES..];
            let sum = sum.wrapping_sub(sum_of(field));
            match message {
                _ if check_sum && !is_sum(field, sum) => Taken::Garbled { skip: end, why: Garble::CheckSum },
                Ok(message) => Taken::Message(message),
                Err(fault) => Taken::Garbled { skip: end, why: Garble::Fields(fault) },
            }
        }
    }
}

/// Looks at the start of `bytes` and reads no field: for who passes messages on, and against which [`take`] is tested.
pub fn frame(bytes: &[u8]) -> Framed {
    let found = locate(bytes);
    if let Framed::Message(end) = found {
        let (body, field) = bytes[..end].split_at(end - CHECK_SUM_BYTES);
        if !is_sum(field, sum_of(body)) {
            return Framed::Garbled { skip: end, why: Garble::CheckSum };
        }
    }
    found
}

/// Whether a CheckSum field has three digits and they tell this sum.
fn is_sum(field: &[u8], sum: u8) -> bool {
    field.get(3..6) == Some(&[b'0' + sum / 100, b'0' + sum / 10 % 10, b'0' + sum % 10])
}

/// Finds the end of the message by its BodyLength; CheckSum stands there and is not looked at.
fn locate(bytes: &[u8]) -> Framed {
    let seen = bytes.len().min(START.len());
    if bytes[..seen] != START[..seen] {
        return drop_to_start(bytes);
    }
    let Some(soh) = bytes.iter().take(BEGIN_STRING_MAX).position(|byte| *byte == SOH) else {
        return if bytes.len() < BEGIN_STRING_MAX {
            Framed::NeedMore
        } else {
            drop_to_check_sum(bytes, START.len(), Garble::BeginString)
        };
    };
    match body_length(&bytes[soh + 1..]) {
        Length::NeedMore => Framed::NeedMore,
        Length::Wrong => drop_to_check_sum(bytes, soh, Garble::BodyLength),
        Length::Is { field, body } => whole(bytes, soh + 1 + field + body),
    }
}

enum Length {
    NeedMore,
    Wrong,
    Is { field: usize, body: usize },
}

/// Reads `9=…|`.
fn body_length(bytes: &[u8]) -> Length {
    // Five digits are more than any message may have, and bound the search.
    let field = &bytes[..bytes.len().min(b"9=00000|".len())];
    let Some(soh) = field.iter().position(|byte| *byte == SOH) else {
        let may_become_one = field.iter().zip(b"9=").all(|(is, must)| is == must);
        return if may_become_one && field.len() < 8 { Length::NeedMore } else { Length::Wrong };
    };
    match field[..soh].strip_prefix(b"9=").and_then(parse_uint) {
        Some(body) => Length::Is { field: soh + 1, body: body as usize },
        None => Length::Wrong,
    }
}

/// A message whose body ends at `body_end`.
fn whole(bytes: &[u8], body_end: usize) -> Framed {
    if body_end + CHECK_SUM_BYTES > FIX_MESSAGE_BYTES_MAX {
        return Framed::TooLong;
    }
    let Some(tail) = bytes.get(body_end..) else { return Framed::NeedMore };
    let field = &tail[..tail.len().min(CHECK_SUM_BYTES)];
    match field {
        [b'1', b'0', b'=', digits @ .., SOH] if digits.len() == 3 && bytes[body_end - 1] == SOH => {
            Framed::Message(body_end + CHECK_SUM_BYTES)
        }
        _ if field.len() < CHECK_SUM_BYTES && !field.contains(&SOH) => Framed::NeedMore,
        _ => drop_to_check_sum(bytes, body_end - 1, Garble::BodyLength),
    }
}

/// Drops everything up to the end of the first CheckSum field at or after `from`.
fn drop_to_check_sum(bytes: &[u8], from: usize, why: Garble) -> Framed {
    let within = &bytes[..bytes.len().min(FIX_MESSAGE_BYTES_MAX)];
    let found = within[from..].windows(4).position(|four| four == b"\x0110=").map(|at| from + at + 4);
    let end = found.and_then(|at| within[at..].iter().position(|byte| *byte == SOH).map(|soh| at + soh + 1));
    match end {
        Some(skip) => Framed::Garbled { skip, why },
        None if bytes.len() >= FIX_MESSAGE_BYTES_MAX => Framed::TooLong,
        None => Framed::NeedMore,
    }
}

/// Drops everything before the next BeginString, or what cannot be the beginning of one.
fn drop_to_start(bytes: &[u8]) -> Framed {
    let skip = match bytes.windows(START.len()).position(|five| five == START) {
        Some(at) => at,
        None => {
            let partial = (1..START.len()).rev().find(|n| bytes.ends_with(&START[..*n])).unwrap_or(0);
            bytes.len() - partial
        }
    };
    Framed::Garbled { skip, why: Garble::BeginString }
}
