//! Fields → bytes: a message is appended to a buffer, and its BodyLength and CheckSum are filled in place.
//!
//! ```text
//! Template:  8=FIX.4.4|9=???|35=   …   49=SEALGATE|52=   …   56=ALICE|      made once for a session
//!                        │       MsgType|34=number|  time to the second │ fraction|
//! begin ─────────────────┘       put, put …      finish:  |10=ddd|
//!          three digits are left open; a shorter or longer body is moved by one byte
//! ```
//!
//! Tags are copied from a table of their texts, eight bytes at once. No allocation beyond the buffer's own growth.

use super::message::sum_of;
use super::text::{Precision, write_fraction, write_time, write_uint};
use super::{SOH, tag};
use crate::types::{MsgSeqNum, Nanos};

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
    match TAGS.get(tag as usize) {
        Some(text) => {
            // All eight bytes are copied, which is one move, and what is too much is taken back.
            out.extend_from_slice(text);
            out.truncate(out.len() - usize::from(text[7]));
        }
        None => {
            write_uint(out, u64::from(tag));
            out.push(b'=');
        }
    }
}

/// `tag=` for each tag of the standard. The last byte tells how many of the eight are too much.
static TAGS: [[u8; 8]; 2_048] = {
    let mut texts = [[0; 8]; 2_048];
    let mut tag = 0;
    while tag < texts.len() {
        let digits = if tag == 0 { 1 } else { tag.ilog10() as usize + 1 };
        let (mut rest, mut at) = (tag, digits);
        while at > 0 {
            at -= 1;
            texts[tag][at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        texts[tag][digits] = b'=';
        texts[tag][7] = 8 - digits as u8 - 1;
        tag += 1;
    }
    texts
};

/// The parts of a session's header that are the same in each message.
#[derive(Clone, Debug)]
pub struct Template {
    /// `8=…|9=000|35=`
    head: Vec<u8>,
    /// `49=…|52=`
    sender: Vec<u8>,
    /// `56=…|`
    target: Vec<u8>,
    precision: Precision,
    /// The second that was written last, and its text.
    second: (u64, Vec<u8>),
}

/// What differs from message to message in a header. Fields are sent in ascending order of their tags after 8, 9
/// and 35.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// MsgType(35).
    pub msg_type: &'a [u8],
    /// MsgSeqNum(34).
    pub number: MsgSeqNum,
    /// SendingTime(52).
    pub sent: Nanos,
    /// PossDupFlag(43)=Y with this OrigSendingTime(122).
    pub poss_dup: Option<Nanos>,
    /// PossResend(97)=Y.
    pub poss_resend: bool,
}

/// `YYYYMMDD-HH:MM:SS`
const SECOND_BYTES: usize = 17;

impl Template {
    /// For a session of this BeginString(8), SenderCompID(49) and TargetCompID(56). Timestamps have the digits of
    /// `precision`.
    pub fn new(begin_string: &[u8], sender: &[u8], target: &[u8], precision: Precision) -> Self {
        let (mut head, mut from, mut to) = (Vec::new(), Vec::new(), Vec::new());
        head.put(tag::BEGIN_STRING, begin_string);
        head.put(tag::BODY_LENGTH, b"000");
        put_tag(&mut head, tag::MSG_TYPE);
        from.put(tag::SENDER_COMP_ID, sender);
        put_tag(&mut from, tag::SENDING_TIME);
        to.put(tag::TARGET_COMP_ID, target);
        let second = (0, Vec::with_capacity(SECOND_BYTES));
        let mut template = Self { head, sender: from, target: to, precision, second };
        template.turn_to(0);
        template
    }

    /// Appends the header. The body is `put` after it, then [`finish`] closes the message.
    pub fn begin(&mut self, out: &mut Vec<u8>, opening: &Opening<'_>) -> Begun {
        let start = out.len();
        out.extend_from_slice(&self.head);
        let body = out.len() - b"35=".len();
        out.extend_from_slice(opening.msg_type);
        out.push(SOH);
        out.put_uint(tag::MSG_SEQ_NUM, u64::from(opening.number.0));
        if opening.poss_dup.is_some() {
            out.put_bool(tag::POSS_DUP_FLAG, true);
        }
        out.extend_from_slice(&self.sender);
        self.write_now(out, opening.sent);
        out.push(SOH);
        out.extend_from_slice(&self.target);
        if opening.poss_resend {
            out.put_bool(tag::POSS_RESEND, true);
        }
        if let Some(original) = opening.poss_dup {
            out.put_time_with(tag::ORIG_SENDING_TIME, original, self.precision);
        }
        Begun { start, body }
    }

    /// A time that is nearly always in the second of the last one.
    fn write_now(&mut self, out: &mut Vec<u8>, at: Nanos) {
        let second = at.0 / 1_000_000_000;
        if second != self.second.0 {
            self.turn_to(second);
        }
        out.extend_from_slice(&self.second.1);
        write_fraction(out, (at.0 % 1_000_000_000) as u32, self.precision);
    }

    #[cold]
    fn turn_to(&mut self, second: u64) {
        self.second.0 = second;
        self.second.1.clear();
        write_time(&mut self.second.1, Nanos(second * 1_000_000_000), Precision::Seconds);
    }
}

/// A message that was begun and not finished: where it stands in the buffer.
#[derive(Clone, Copy, Debug)]
#[must_use = "a message that is not finished has no BodyLength and no CheckSum"]
pub struct Begun {
    start: usize,
    body: usize,
}

const OPEN_DIGITS: usize = 3;

/// Fills in BodyLength and appends CheckSum.
pub fn finish(out: &mut Vec<u8>, begun: Begun) {
    fill_body_length(out, begun);
    let sum = sum_of(&out[begun.start..]);
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
