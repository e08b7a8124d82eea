//! The first page of a segment.
//!
//! ```text
//!    0         8           12        16         20          24              32      40      48
//!    | magic   | checksum  | format  | segment  | previous  | previous end  | size  | time  |
//!    | 8 bytes | u32       | u32     | u32      | u32       | u64           | u64   | u64   |
//!   48         49                    112                                                 4096
//!    | length  | environment         | zero: kept for the key of an encrypted segment      |
//!    | u8      | 63 bytes            |                                                     |
//! ```
//!
//! `checksum` is the CRC-32 of the page behind it. `previous end` is where the records of the segment before
//! this one end, and `previous` the checksum of the last of them: neither a lost end nor a swapped file passes.
//! Both are 0 in segment 1.

use crate::types::Nanos;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Where the first record stands: one page, so that its key can be rewrapped without touching a record.
pub const SEGMENT_HEADER_BYTES: usize = 4_096;

/// The version of everything in this folder of the source. Another one is refused, not guessed at.
pub const FORMAT: u32 = 1;

/// Longest name of an environment.
pub const ENVIRONMENT_BYTES_MAX: usize = 63;

const MAGIC: [u8; 8] = *b"SEALJRNL";

/// What the first page of a segment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Its number, from 1.
    pub segment: u32,
    /// Its size in bytes, this page included.
    pub size: u64,
    /// When it was made.
    pub time: Nanos,
    /// The environment whose journal it is.
    pub environment: String,
    /// Where the records of the segment before this one end.
    pub previous_end: u64,
    /// The checksum of the last record before this segment.
    pub previous_checksum: u32,
}

/// Why a page is not the first of a segment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// Something else, or shorter than a page.
    #[error("this is not a journal segment")]
    NotASegment,
    /// Another version wrote it.
    #[error("format {0}, but this version reads format {FORMAT}")]
    Format(u32),
    /// The checksum does not fit.
    #[error("the checksum of the segment's first page does not fit")]
    Checksum,
    /// A name that is no name.
    #[error("the name of an environment has 1 to {ENVIRONMENT_BYTES_MAX} bytes of UTF-8")]
    Environment,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawSegment {
    magic: [u8; 8],
    checksum: U32,
    format: U32,
    segment: U32,
    previous_checksum: U32,
    previous_end: U64,
    size: U64,
    time: U64,
    environment_len: u8,
    environment: [u8; ENVIRONMENT_BYTES_MAX],
}

const _: () = assert!(size_of::<RawSegment>() == 112, "the byte map above");

impl SegmentHeader {
    /// Writes the page.
    pub fn encode(&self) -> Result<[u8; SEGMENT_HEADER_BYTES], SegmentError> {
        let name = self.environment.as_bytes();
        if name.is_empty() || name.len() > ENVIRONMENT_BYTES_MAX {
            return Err(SegmentError::Environment);
        }
        let mut raw = RawSegment {
            magic: MAGIC,
            checksum: U32::ZERO,
            format: U32::new(FORMAT),
            segment: U32::new(self.segment),
            previous_checksum: U32::new(self.previous_checksum),
            previous_end: U64::new(self.previous_end),
            size: U64::new(self.size),
            time: U64::new(self.time.0),
            environment_len: name.len() as u8,
            environment: [0; ENVIRONMENT_BYTES_MAX],
        };
        raw.environment[..name.len()].copy_from_slice(name);
        let mut page = [0; SEGMENT_HEADER_BYTES];
        page[..size_of::<RawSegment>()].copy_from_slice(raw.as_bytes());
        let checksum = crc32fast::hash(&page[12..]);
        page[8..12].copy_from_slice(&checksum.to_le_bytes());
        Ok(page)
    }

    /// Reads the page.
    pub fn decode(bytes: &[u8]) -> Result<Self, SegmentError> {
        let page = bytes.get(..SEGMENT_HEADER_BYTES).ok_or(SegmentError::NotASegment)?;
        let (raw, _) = RawSegment::ref_from_prefix(page).map_err(|_| SegmentError::NotASegment)?;
        if raw.magic != MAGIC {
            return Err(SegmentError::NotASegment);
        }
        if raw.checksum.get() != crc32fast::hash(&page[12..]) {
            return Err(SegmentError::Checksum);
        }
        if raw.format.get() != FORMAT {
            return Err(SegmentError::Format(raw.format.get()));
        }
        let name =
            raw.environment.get(..usize::from(raw.environment_len)).ok_or(SegmentError::Environment)?;
        let environment = std::str::from_utf8(name).map_err(|_| SegmentError::Environment)?;
        Ok(Self {
            segment: raw.segment.get(),
            size: raw.size.get(),
            time: Nanos(raw.time.get()),
            environment: environment.to_owned(),
            previous_end: raw.previous_end.get(),
            previous_checksum: raw.previous_checksum.get(),
        })
    }
}
