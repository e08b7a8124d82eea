//! One message as an index over its bytes: no copy, no allocation.
//!
//! ```text
//! bytes ─► walk: tag, value, tag, value, … ─► (tag, offset, length) of each field ─► Message
//!   └─ sum of all of them, for CheckSum         └─ for a small tag the place of its first field
//! ```
//!
//! The index is a buffer of fixed size that its owner uses again for each message. DATA fields are taken by the length
//! field before them, so SOH and `=` survive in them. A look-up of a tag below 256 is one step; above, it scans the
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
    slots: Option<Box<Slots>>,
}

#[derive(Clone)]
struct Slots {
    fields: [Field; FIX_FIELDS_MAX],
    /// For each small tag the place of its first field, if that field has this tag; what was left by an earlier
    /// message is told by its having another.
    places: [u8; PLACES],
}

const PLACES: usize = 256;

/// A framed message: its bytes, and where its fields are.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    fields: &'a [Field],
    places: &'a [u8; PLACES],
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
const _: () = assert!(FIX_FIELDS_MAX <= PLACES, "places have one byte");

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

impl Slots {
    /// Keeps a field behind `count` others.
    #[inline]
    fn keep(&mut self, count: usize, field: Field) {
        self.fields[count] = field;
        if let Some(place) = self.places.get_mut(field.tag as usize) {
            let first = usize::from(*place);
            if first >= count || self.fields[first].tag != field.tag {
                *place = count as u8;
            }
        }
    }
}

impl<'a> Message<'a> {
    /// Indexes a message that [`frame`](super::frame()) has found.
    pub fn parse(bytes: &'a [u8], index: &'a mut Index) -> Result<Self, Malformed> {
        Self::read(bytes, index).0
    }

    /// Indexes a whole message, and gives the sum of its bytes, modulo 256.
    pub(super) fn read(bytes: &'a [u8], index: &'a mut Index) -> (Result<Self, Malformed>, u8) {
        if bytes.len() > FIX_MESSAGE_BYTES_MAX {
            return (Err(Malformed::TooLong), 0);
        }
        let slots = index.slots.get_or_insert_with(|| {
            Box::new(Slots { fields: [Field::default(); FIX_FIELDS_MAX], places: [0; PLACES] })
        });
        let sum = sum_of(bytes);
        let walked = match walk(bytes, slots) {
            Ok(walked) => walked,
            Err(fault) => return (Err(fault), sum),
        };
        let fields = &slots.fields[..walked.count];
        let truncated = walked.end < bytes.len();
        let begins = fields.len() >= 4 && [8, 9, 35] == [fields[0].tag, fields[1].tag, fields[2].tag];
        if !begins || !truncated && fields[fields.len() - 1].tag != tag::CHECK_SUM {
            return (Err(Malformed::Order), sum);
        }
        (Ok(Self { bytes, fields, places: &slots.places, truncated, wrong_length: walked.wrong_length }), sum)
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
        let field = match self.places.get(tag as usize) {
            Some(place) => self.fields.get(usize::from(*place)).filter(|field| field.tag == tag),
            None => self.fields.iter().find(|field| field.tag == tag),
        };
        field.map(|field| self.value(*field))
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

/// A walk over the bytes of a message: where it is.
struct Walk<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Walk<'_> {
    /// Reads `tag=`. Leading zeros are malformed: one tag has one spelling.
    #[inline]
    fn tag(&mut self) -> Result<u32, Malformed> {
        let negative = self.bytes.get(self.at) == Some(&b'-');
        let digits_at = self.at + usize::from(negative);
        let (mut tag, mut end) = (0u32, digits_at);
        loop {
            let byte = *self.bytes.get(end).ok_or(Malformed::Field)?;
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                if byte != b'=' || end == digits_at {
                    return Err(Malformed::Field);
                }
                self.at = end + 1;
                return Ok(if negative { tag.wrapping_neg() } else { tag });
            }
            if end - digits_at == 9 || end > digits_at && tag == 0 {
                return Err(Malformed::Field);
            }
            tag = tag * 10 + u32::from(digit);
            end += 1;
        }
    }

    /// Passes over a value up to its separator; gives its length.
    #[inline]
    fn value(&mut self) -> Result<usize, Malformed> {
        let length = soh_in(&self.bytes[self.at..]).ok_or(Malformed::Field)?;
        self.at += length + 1;
        Ok(length)
    }

    /// Passes over so many bytes and the separator behind them, if one stands there.
    fn data(&mut self, length: usize) -> Option<usize> {
        self.bytes.get(self.at..=self.at + length).filter(|data| data.last() == Some(&SOH))?;
        self.at += length + 1;
        Some(length)
    }
}

/// What a walk over a message found.
struct Walked {
    count: usize,
    end: usize,
    wrong_length: Option<u32>,
}

/// Field after field, as far as there is room for them.
fn walk(bytes: &[u8], slots: &mut Slots) -> Result<Walked, Malformed> {
    let mut walk = Walk { bytes, at: 0 };
    let (mut count, mut wrong_length) = (0, None);
    let mut previous = Field::default();
    while walk.at < bytes.len() && count < FIX_FIELDS_MAX {
        let tag = walk.tag()?;
        let at = walk.at;
        let length = match data_length(bytes, tag, previous) {
            None => walk.value()?,
            Some(told) => match told.and_then(|length| walk.data(length)) {
                Some(length) => length,
                None => {
                    // Told in a Reject later; until then the field ends where any other would.
                    wrong_length = wrong_length.or(Some(previous.tag));
                    walk.value()?
                }
            },
        };
        previous = Field { tag, at: at as u16, len: length as u16 };
        slots.keep(count, previous);
        count += 1;
    }
    Ok(Walked { count, end: walk.at, wrong_length })
}

/// Where the first separator stands: looked for in eight bytes at once, since one by one takes most of a walk.
#[inline]
fn soh_in(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let mut at = 0;
    while let Some(eight) = bytes[at..].first_chunk() {
        let zero_if_soh = u64::from_le_bytes(*eight) ^ (ONES * SOH as u64);
        // The lowest bit that is left is that of the first byte which is zero; above it others may be.
        let found = zero_if_soh.wrapping_sub(ONES) & !zero_if_soh & HIGHS;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    bytes[at..].iter().position(|byte| *byte == SOH).map(|behind| at + behind)
}

/// The length that the field before has told for this one, if this one is DATA; inside, nothing if it is no number.
#[inline]
fn data_length(bytes: &[u8], tag: u32, previous: Field) -> Option<Option<usize>> {
    // Nearly no field is DATA, and nearly no field has the smallest length tag or a larger one before it.
    if previous.tag < SMALLEST_LENGTH_TAG || !is_data(tag, previous.tag) {
        return None;
    }
    let told = parse_uint(&bytes[usize::from(previous.at)..][..usize::from(previous.len)]);
    Some(told.and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= bytes.len()))
}

#[cold]
fn is_data(tag: u32, length_tag: u32) -> bool {
    DATA.binary_search(&(tag, length_tag)).is_ok()
}

/// SecureDataLen(90).
const SMALLEST_LENGTH_TAG: u32 = 90;

/// The sum of some bytes, modulo 256.
pub(super) fn sum_of(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}
