//! One message as an index over its bytes: one pass, no copy, no allocation.
//!
//! The index is a buffer of fixed size that its owner uses again for each message. DATA fields are taken by the length
//! field before them, so SOH and `=` survive in them. Cost: one comparison a byte; a look-up by tag scans the
//! index, about 25 entries of 8 bytes for an order.

use super::dictionary::DATA;
use super::text::{parse_bool, parse_time, parse_uint};
use super::{SOH, tag};
use crate::limits::{FIX_FIELDS_MAX, FIX_MESSAGE_BYTES_MAX};
use crate::types::{MsgSeqNum, Nanos};

/// Where a field stands in its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Its tag. A negative one, which is never in a dictionary, wraps around; [`Field::tag_text`] undoes it.
    pub tag: u32,
    at: u16,
    len: u16,
}

/// Room for the fields of one message, used again for the next. It is allocated by its first message; an empty one
/// costs nothing, so it may be taken out of its owner while it is used.
#[derive(Clone, Default)]
pub struct Index {
    fields: Vec<Field>,
}

/// A framed message: its bytes, and where its fields are.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    fields: &'a [Field],
    truncated: bool,
    wrong_length: Option<u32>,
}

/// Why a framed message has no fields. It is garbled: ignored, without using up a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A field is not `tag=value`.
    #[error("a field that is not tag=value")]
    Field,
    /// It does not begin with 8, 9, 35 and end with 10.
    #[error("BeginString, BodyLength and MsgType are not the first fields, or CheckSum is not the last")]
    Order,
    /// More bytes than a message may have; framing lets none pass.
    #[error("too long")]
    TooLong,
}

/// What an order signature covers, and the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The bytes after `9=…|` up to the first of SignatureLength(93) and Signature(89).
    pub bytes: &'a [u8],
    /// Signature(89): base64 text.
    pub signature: &'a [u8],
}

/// Why a message has no usable order signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// Neither 93 nor 89 is there.
    #[error("SignatureLength(93) and Signature(89) are missing")]
    Missing,
    /// They do not stand side by side directly before CheckSum, or one of them is alone or there twice.
    #[error(
        "SignatureLength(93) and Signature(89) must stand once, side by side, directly before CheckSum(10)"
    )]
    Place,
    /// 93 does not tell the length of 89.
    #[error("SignatureLength(93) is not the length of Signature(89)")]
    Length,
}

const _: () = assert!(FIX_MESSAGE_BYTES_MAX <= u16::MAX as usize, "offsets have two bytes");

impl Field {
    /// The tag as it was written.
    pub fn tag_text(tag: u32) -> i32 {
        tag as i32
    }
}

impl Index {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<'a> Message<'a> {
    /// Indexes a message that [`frame`](super::frame()) has found.
    pub fn parse(bytes: &'a [u8], index: &'a mut Index) -> Result<Self, Malformed> {
        if bytes.len() > FIX_MESSAGE_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        index.fields.clear();
        index.fields.reserve(FIX_FIELDS_MAX);
        let mut at = 0;
        let mut wrong_length = None;
        let mut previous = Field::default();
        while at < bytes.len() && index.fields.len() < FIX_FIELDS_MAX {
            let (tag, value_at) = read_tag(bytes, at)?;
            let length = match data_length(bytes, tag, previous) {
                Some(Ok(length)) if bytes.get(value_at + length) == Some(&SOH) => length,
                Some(_) => {
                    // Told in a Reject later; until then the field ends where any other would.
                    wrong_length = wrong_length.or(Some(previous.tag));
                    length_to_soh(bytes, value_at)?
                }
                None => length_to_soh(bytes, value_at)?,
            };
            previous = Field { tag, at: value_at as u16, len: length as u16 };
            index.fields.push(previous);
            at = value_at + length + 1;
        }
        let fields = &index.fields[..];
        let truncated = at < bytes.len();
        let begins = fields.len() >= 4 && [8, 9, 35] == [fields[0].tag, fields[1].tag, fields[2].tag];
        if !begins || !truncated && fields[fields.len() - 1].tag != tag::CHECK_SUM {
            return Err(Malformed::Order);
        }
        Ok(Self { bytes, fields, truncated, wrong_length })
    }

    /// All bytes, BeginString to CheckSum.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// All fields in the order in which they stand.
    pub fn fields(&self) -> &'a [Field] {
        self.fields
    }

    /// The value of a field of this message.
    pub fn value(&self, field: Field) -> &'a [u8] {
        &self.bytes[usize::from(field.at)..][..usize::from(field.len)]
    }

    /// The value of the first field with this tag.
    pub fn get(&self, tag: u32) -> Option<&'a [u8]> {
        self.fields.iter().find(|field| field.tag == tag).map(|field| self.value(*field))
    }

    /// An unsigned number; `None` where there is none or it is not a number.
    pub fn uint(&self, tag: u32) -> Option<u64> {
        self.get(tag).and_then(parse_uint)
    }

    /// Whether a flag is there and `Y`.
    pub fn flag(&self, tag: u32) -> bool {
        self.get(tag).and_then(parse_bool) == Some(true)
    }

    /// A timestamp; `None` where there is none or it is not one.
    pub fn time(&self, tag: u32) -> Option<Nanos> {
        self.get(tag).and_then(parse_time)
    }

    /// BeginString(8).
    pub fn begin_string(&self) -> &'a [u8] {
        self.value(self.fields[0])
    }

    /// MsgType(35).
    pub fn msg_type(&self) -> &'a [u8] {
        self.value(self.fields[2])
    }

    /// MsgSeqNum(34); `None` where it is missing or not a number.
    pub fn number(&self) -> Option<MsgSeqNum> {
        self.uint(tag::MSG_SEQ_NUM).and_then(|number| u32::try_from(number).ok()).map(MsgSeqNum)
    }

    /// Whether there are more fields than an index holds; those above are not in it.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The first length field that does not tell the length of its DATA field.
    pub fn wrong_length(&self) -> Option<u32> {
        self.wrong_length
    }

    /// What an order signature would cover where there is none: the bytes after `9=…|` up to CheckSum.
    pub fn signable(&self) -> &'a [u8] {
        let end = self.fields.last().map_or(0, |last| usize::from(last.at) - b"10=".len());
        &self.bytes[self.signed_from()..end]
    }

    /// What an order signature covers: found by the parsed fields, never by searching the text.
    pub fn signed(&self) -> Result<Signed<'a>, SignatureFault> {
        let is_part = |field: &Field| matches!(field.tag, tag::SIGNATURE_LENGTH | tag::SIGNATURE);
        let parts = self.fields.iter().filter(|field| is_part(field)).count();
        if parts == 0 {
            return Err(SignatureFault::Missing);
        }
        let (length, signature, first_at) = match self.fields {
            [.., before, one, other, _] if parts == 2 && !self.truncated => {
                let first_at = before.at + before.len + 1;
                match (one.tag, other.tag) {
                    (tag::SIGNATURE_LENGTH, tag::SIGNATURE) => (*one, *other, first_at),
                    (tag::SIGNATURE, tag::SIGNATURE_LENGTH) => (*other, *one, first_at),
                    _ => return Err(SignatureFault::Place),
                }
            }
            _ => return Err(SignatureFault::Place),
        };
        if parse_uint(self.value(length)) != Some(u64::from(signature.len)) {
            return Err(SignatureFault::Length);
        }
        let bytes = &self.bytes[self.signed_from()..usize::from(first_at)];
        Ok(Signed { bytes, signature: self.value(signature) })
    }

    fn signed_from(&self) -> usize {
        usize::from(self.fields[1].at + self.fields[1].len + 1)
    }
}

impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Logon carries credentials, so only what names a message is told.
        write!(
            f,
            "Message({} {:?}, {} fields)",
            self.msg_type().escape_ascii(),
            self.number(),
            self.fields.len()
        )
    }
}

/// Reads `tag=` at `at`; gives the tag and where the value begins. Leading zeros are malformed: one tag has one
/// spelling.
fn read_tag(bytes: &[u8], at: usize) -> Result<(u32, usize), Malformed> {
    let negative = bytes.get(at) == Some(&b'-');
    let digits_at = at + usize::from(negative);
    let mut tag = 0u32;
    let mut end = digits_at;
    while let Some(digit) = bytes.get(end).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit <= 9) {
        if end - digits_at == 9 || end > digits_at && tag == 0 {
            return Err(Malformed::Field);
        }
        tag = tag * 10 + u32::from(digit);
        end += 1;
    }
    if end == digits_at || bytes.get(end) != Some(&b'=') {
        return Err(Malformed::Field);
    }
    Ok((if negative { tag.wrapping_neg() } else { tag }, end + 1))
}

/// SecureDataLen(90).
const SMALLEST_LENGTH_TAG: u32 = 90;

/// The length that the field before has told for this one, if this one is DATA; an error if it is no number.
fn data_length(bytes: &[u8], tag: u32, previous: Field) -> Option<Result<usize, Malformed>> {
    // Nearly no field is DATA, and nearly no field has the smallest length tag or a larger one before it.
    if previous.tag < SMALLEST_LENGTH_TAG || DATA.binary_search(&(tag, previous.tag)).is_err() {
        return None;
    }
    let told = parse_uint(&bytes[usize::from(previous.at)..][..usize::from(previous.len)]);
    Some(told.and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= bytes.len()).ok_or(Malformed::Field))
}

fn length_to_soh(bytes: &[u8], at: usize) -> Result<usize, Malformed> {
    bytes[at..].iter().position(|byte| *byte == SOH).ok_or(Malformed::Field)
}
