//! Fields → bytes: a message is appended to a buffer, and its BodyLength and CheckSum are filled in place.
//!
//! ```text
//! begin:  8=FIX.4.4|9=???|35=…|34=…|…header…|      put, put …      finish:  |10=ddd|
//!                     └── three digits are left open; a shorter or longer body is moved by one byte
//! ```

use super::text::{Precision, write_time, write_uint};
use super::{SOH, tag};
use crate::types::{MsgSeqNum, Nanos};

/// The standard header, without BeginString and BodyLength's value. Fields are sent in ascending order of
/// their tags after 8, 9 and 35.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// BeginString(8).
    pub begin_string: &'a [u8],
    /// MsgType(35).
    pub msg_type: &'a [u8],
    /// MsgSeqNum(34).
    pub number: MsgSeqNum,
    /// SenderCompID(49).
    pub sender: &'a [u8],
    /// TargetCompID(56).
    pub target: &'a [u8],
    /// SendingTime(52).
    pub sent: Nanos,
    /// PossDupFlag(43)=Y with this OrigSendingTime(122).
    pub poss_dup: Option<Nanos>,
    /// PossResend(97)=Y.
    pub poss_resend: bool,
    /// Digits of 52 and 122.
    pub precision: Precision,
}

/// Appending fields to a buffer.
pub trait PutFields {
    /// A value as it is. It must not contain SOH, unless its length went before it.
    fn put(&mut self, tag: u32, value: &[u8]);
    /// An unsigned number.
    fn put_uint(&mut self, tag: u32, value: u64);
    /// `Y` or `N`.
    fn put_bool(&mut self, tag: u32, value: bool);
    /// A timestamp with milliseconds.
    fn put_time(&mut self, tag: u32, at: Nanos);
    /// A timestamp.
    fn put_time_with(&mut self, tag: u32, at: Nanos, precision: Precision);
    /// A value with what cannot stand in it (SOH, other control characters) told as `?`: for texts that
    /// repeat what a client sent.
    fn put_text(&mut self, tag: u32, value: &[u8]);
}

impl PutFields for Vec<u8> {
    fn put(&mut self, tag: u32, value: &[u8]) {
        put_tag(self, tag);
        self.extend_from_slice(value);
        self.push(SOH);
    }

    fn put_uint(&mut self, tag: u32, value: u64) {
        put_tag(self, tag);
        write_uint(self, value);
        self.push(SOH);
    }

    fn put_bool(&mut self, tag: u32, value: bool) {
        self.put(tag, if value { b"Y" } else { b"N" });
    }

    fn put_time(&mut self, tag: u32, at: Nanos) {
        self.put_time_with(tag, at, Precision::Millis);
    }

    fn put_time_with(&mut self, tag: u32, at: Nanos, precision: Precision) {
        put_tag(self, tag);
        write_time(self, at, precision);
        self.push(SOH);
    }

    fn put_text(&mut self, tag: u32, value: &[u8]) {
        put_tag(self, tag);
        self.extend(value.iter().map(|byte| if byte.is_ascii_control() { b'?' } else { *byte }));
        self.push(SOH);
    }
}

fn put_tag(out: &mut Vec<u8>, tag: u32) {
    write_uint(out, u64::from(tag));
    out.push(b'=');
}

/// A message that was begun and not finished: where it stands in the buffer.
#[derive(Clone, Copy, Debug)]
#[must_use = "a message that is not finished has no BodyLength and no CheckSum"]
pub struct Begun {
    start: usize,
    body: usize,
}

const OPEN_DIGITS: usize = 3;

/// Appends the header. The body is `put` after it, then [`finish`] closes the message.
pub fn begin(out: &mut Vec<u8>, header: &Header<'_>) -> Begun {
    let start = out.len();
    out.put(tag::BEGIN_STRING, header.begin_string);
    put_tag(out, tag::BODY_LENGTH);
    out.extend_from_slice(b"000");
    out.push(SOH);
    let body = out.len();
    out.put(tag::MSG_TYPE, header.msg_type);
    out.put_uint(tag::MSG_SEQ_NUM, u64::from(header.number.0));
    if header.poss_dup.is_some() {
        out.put_bool(tag::POSS_DUP_FLAG, true);
    }
    out.put(tag::SENDER_COMP_ID, header.sender);
    out.put_time_with(tag::SENDING_TIME, header.sent, header.precision);
    out.put(tag::TARGET_COMP_ID, header.target);
    if header.poss_resend {
        out.put_bool(tag::POSS_RESEND, true);
    }
    if let Some(original) = header.poss_dup {
        out.put_time_with(tag::ORIG_SENDING_TIME, original, header.precision);
    }
    Begun { start, body }
}

/// Fills in BodyLength and appends CheckSum.
pub fn finish(out: &mut Vec<u8>, begun: Begun) {
    fill_body_length(out, begun);
    let sum = out[begun.start..].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    let digits = [b'0' + sum / 100, b'0' + sum / 10 % 10, b'0' + sum % 10];
    out.put(tag::CHECK_SUM, &digits);
}

/// As [`finish`], with the order signature before CheckSum: `sign` is given the signed bytes and returns an
/// Ed25519 signature, which goes into 93 and 89 as base64.
pub fn finish_signed(out: &mut Vec<u8>, begun: Begun, sign: &dyn Fn(&[u8]) -> [u8; 64]) {
    let signature = base64_of(&sign(&out[begun.body..]));
    out.put_uint(tag::SIGNATURE_LENGTH, signature.len() as u64);
    out.put(tag::SIGNATURE, &signature);
    finish(out, begun);
}

fn fill_body_length(out: &mut Vec<u8>, begun: Begun) {
    let length = out.len() - begun.body;
    let digits = length.checked_ilog10().map_or(1, |log| log as usize + 1);
    let (from, shift) = (begun.body - 1, digits.abs_diff(OPEN_DIGITS));
    if digits > OPEN_DIGITS {
        let end = out.len();
        out.resize(end + shift, 0);
        out.copy_within(from..end, from + shift);
    } else if shift > 0 {
        out.drain(from - shift..from);
    }
    let (mut rest, last) = (length, begun.body - 1 - OPEN_DIGITS + digits);
    for byte in out[last - digits..last].iter_mut().rev() {
        *byte = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// Base64 of a signature: 88 characters, padded.
pub fn base64_of(signature: &[u8; 64]) -> [u8; 88] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = [b'='; 88];
    for (group, out) in signature.chunks(3).zip(text.chunks_mut(4)) {
        let at = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for (i, byte) in out.iter_mut().enumerate().take(group.len() + 1) {
            *byte = ALPHABET[(bits >> (18 - 6 * i) & 63) as usize];
        }
    }
    text
}
