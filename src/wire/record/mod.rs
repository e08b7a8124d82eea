//! Journal records: steps of shards and records of session logs ↔ bytes.
//!
//! One record, little-endian. It begins at a multiple of 8 in its segment:
//!
//! ```text
//!  0          4        8          40     41   42     43        48    56     64       length-16  length
//!  | checksum | length | link     | kind | id | type | zero    | seq | time | body … | tag      | zero … | end mark |
//!  | u32      | u32    | 32 bytes | u8   | u8 | u8   | 5 bytes | u64 | u64  |        | 16 bytes | 0 to 7 | 4 bytes  |
//!                                 └─────────────── sealed ──────────────────┘
//! ```
//!
//! - `checksum` is the CRC-32 of the record's place (segment, offset) and of everything after itself, end mark
//!   included, so that neither a changed bit nor a record at another place passes. It is against faults, and needs no
//!   key: what can be told of a journal's end is told without one.
//! - `length` counts everything up to the end of the tag. What stands there takes up `length` + 4 bytes, rounded up
//!   to 8.
//! - `link` is the SHA-256 of the record before, or of the segment's first page: see [`mod@frame`].
//! - `tag` is that of AES-256-GCM over the sealed part, with place, length and link authenticated; zeros where the
//!   journal is not encrypted. How it is made is the business of `seal`.
//! - `kind` and `id` name the stream; `seq` counts 1, 2, 3 … within it.
//! - `end mark` has no zero byte and ends each record, so that a record that was written to its end can be told
//!   from one that was cut short. Recovery depends on it: see `journal::scan`.
//!
//! Bodies are in [`step`] and [`session`]; what a body means is not known here. Decoding trusts nothing: any
//! bytes give a record or a named error.

mod choices;
mod encoder;
pub mod fields;
pub mod frame;
pub mod keys;
pub mod segment;
pub mod session;
pub mod step;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use crate::limits::RECORD_BYTES_MAX;
use crate::types::{GatewayId, Nanos, Seq, ShardId};
use std::fmt;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use encoder::Encoder;
pub use fields::{DecodeError, Field, Reader};
pub use frame::{Associated, Frame, Link, TAG_BYTES, declared_extent, extent_at, frame, parse, seal};
pub use keys::{KEY_PAGE_BYTES, KEYS_MAX, KeyPage, MasterId, Wrapped, WrappedKey};
pub use segment::{
    CipherKind, ENVIRONMENT_BYTES_MAX, FIRST_PAGE_BYTES, JournalId, SEGMENT_HEADER_BYTES, SegmentError,
    SegmentHeader,
};
pub use session::{LogRecord, decode_log, decode_session, encode_log, encode_session};
pub use step::{Events, Step, decode_step, encode_events, encode_step};

/// A sequence of records with numbers of its own. One log carries many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// The steps of a shard.
    Shard(ShardId),
    /// The session log of a gateway.
    Gateway(GatewayId),
    /// What the journal agent has to say of the log itself.
    Log,
}

/// What a record's body is. The numbers stand in the journal and are never given to another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RecordType {
    /// A command with its evidence and its events.
    Step = 1,
    /// A message of a client was taken.
    Inbound = 16,
    /// A client moved its numbers.
    InboundNext = 17,
    /// A number was given to an event.
    OutboundEvent = 18,
    /// A number was given to a message of the gateway's own.
    OutboundOwn = 19,
    /// Numbers were reserved.
    Reserved = 20,
    /// A session began again at 1.
    Reset = 21,
    /// The next message of a session tells an event as well.
    Told = 22,
    /// A request of a client was taken, and is owed an outcome.
    Request = 23,
    /// A request has its outcome.
    Answered = 24,
    /// A server took up the log.
    Started = 32,
}

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of the segment, from 1.
    pub segment: u32,
    /// The byte in it.
    pub offset: u32,
}

/// A record that is whole and not sealed any more; its body is still to be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The stream that it belongs to.
    pub stream: Stream,
    /// Its place in the stream.
    pub seq: Seq,
    /// When it was made.
    pub time: Nanos,
    /// What its body is.
    pub record_type: RecordType,
    /// The body.
    pub body: &'a [u8],
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The length is none that a record can have, or reaches beyond the segment.
    #[error("a length of {0} bytes, which no record here can have")]
    Length(u32),
    /// The checksum does not fit.
    #[error("the checksum does not fit")]
    Checksum,
    /// The checksum fits, but the record was not sealed for this place with the key of this place.
    #[error("the checksum fits, but the seal does not: somebody changed it who had not the key")]
    Forged,
    /// It is whole, but the header says what this version does not know.
    #[error("unknown {0} in a record that is whole: written by another version?")]
    Unknown(&'static str),
}

/// Bytes of a record before its body.
pub const HEADER_BYTES: usize = size_of::<RawHeader>();

/// What each record ends with. No byte of it is zero, and it is not ASCII, as signed bytes mostly are.
pub const END_MARK: [u8; 4] = [0xa5, 0x5e, 0xa1, 0xed];

/// Records begin at multiples of this.
pub const ALIGNMENT: usize = 8;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawHeader {
    checksum: U32,
    length: U32,
    link: Link,
    kind: u8,
    id: u8,
    record_type: u8,
    zero: [u8; 5],
    seq: U64,
    time: U64,
}

const _: () = assert!(size_of::<RawHeader>() == 64, "the byte map above");
const _: () = assert!(RECORD_BYTES_MAX.is_multiple_of(ALIGNMENT), "the longest record ends aligned");

/// What a record's header says, less what follows from the body and the place.
#[derive(Clone, Copy, Debug)]
struct Heading {
    stream: Stream,
    record_type: RecordType,
    seq: Seq,
    time: Nanos,
}

/// Writes a record whose body is what `body` writes, not sealed yet; its extent is returned. `out` has room
/// for the longest record: who asks for that beforehand never fails here.
fn encode(out: &mut [u8], heading: Heading, body: impl FnOnce(&mut fields::Writer<'_>)) -> usize {
    let mut writer = fields::Writer::new(out, HEADER_BYTES);
    body(&mut writer);
    let (end, length) = (writer.at(), writer.at() + TAG_BYTES);
    let extent = frame::extent(length);
    assert!(extent <= RECORD_BYTES_MAX, "a record of {extent} bytes is longer than the longest");
    let (kind, id) = heading.stream.to_bytes();
    let raw = RawHeader {
        checksum: U32::ZERO,
        length: U32::new(length as u32),
        link: [0; 32],
        kind,
        id,
        record_type: heading.record_type as u8,
        zero: [0; 5],
        seq: U64::new(heading.seq.0),
        time: U64::new(heading.time.0),
    };
    out[..HEADER_BYTES].copy_from_slice(raw.as_bytes());
    out[end..extent - END_MARK.len()].fill(0);
    out[extent - END_MARK.len()..extent].copy_from_slice(&END_MARK);
    extent
}

/// What the record at the start of `bytes` was told to be by its writer, before it is sealed: stream and seq.
pub fn heading_of(bytes: &[u8]) -> Result<(Stream, Seq), Damage> {
    let (raw, _) = RawHeader::ref_from_prefix(bytes).map_err(|_| Damage::Length(0))?;
    let stream = Stream::from_bytes(raw.kind, raw.id).ok_or(Damage::Unknown("stream"))?;
    Ok((stream, Seq(raw.seq.get())))
}

/// Whether a gateway may hold bytes back until this record of its is durable; what it notes of messages that came, and
/// of executions that were told, holds nothing back.
pub fn is_awaited(bytes: &[u8]) -> bool {
    let record_type =
        RawHeader::ref_from_prefix(bytes).ok().and_then(|(raw, _)| RecordType::from_byte(raw.record_type));
    !matches!(
        record_type,
        Some(
            RecordType::Inbound
                | RecordType::InboundNext
                | RecordType::OutboundEvent
                | RecordType::Told
                | RecordType::Request
                | RecordType::Answered
        )
    )
}

impl Stream {
    fn to_bytes(self) -> (u8, u8) {
        match self {
            Self::Shard(shard) => (1, shard.0),
            Self::Gateway(gateway) => (2, gateway.0),
            Self::Log => (3, 0),
        }
    }

    fn from_bytes(kind: u8, id: u8) -> Option<Self> {
        match (kind, id) {
            (1, id) => Some(Self::Shard(ShardId(id))),
            (2, id) => Some(Self::Gateway(GatewayId(id))),
            (3, 0) => Some(Self::Log),
            _ => None,
        }
    }
}

impl RecordType {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Step,
        Self::Inbound,
        Self::InboundNext,
        Self::OutboundEvent,
        Self::OutboundOwn,
        Self::Reserved,
        Self::Reset,
        Self::Told,
        Self::Request,
        Self::Answered,
        Self::Started,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|known| *known as u8 == byte)
    }
}

impl Place {
    /// Both parts in one number: what an index keeps of a record.
    pub const fn pack(self) -> u64 {
        (self.segment as u64) << 32 | self.offset as u64
    }

    /// The place that [`Place::pack`] packed.
    pub const fn unpack(packed: u64) -> Self {
        Self { segment: (packed >> 32) as u32, offset: packed as u32 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {} offset {}", self.segment, self.offset)
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shard(shard) => write!(f, "shard-{shard}"),
            Self::Gateway(gateway) => write!(f, "gateway-{gateway}"),
            Self::Log => f.write_str("log"),
        }
    }
}
