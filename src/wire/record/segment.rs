//! What a segment begins with: a page that never changes, and two pages for its keys.
//!
//! ```text
//!    0         8          12       16        20       24             32     40     48       49              112
//!    | magic   | checksum | format | segment | cipher | previous end | size | time | length | environment   |
//!    | 8 bytes | u32      | u32    | u32     | u32    | u64          | u64  | u64  | u8     | 63 bytes      |
//!   112        128             160           4096              8192              12288
//!    | journal  | previous link | zero        | keys            | keys            | records …
//!    | 16 bytes | 32 bytes      |             | one page        | one page        |
//! ```
//!
//! `checksum` is the CRC-32 of the page behind it. `previous end` is where the records of the segment before
//! this one end, and `previous link` the SHA-256 of the last of them: neither a lost end nor a swapped file passes.
//! Both are 0 in segment 1. `journal` is drawn once, for segment 1, and tells this journal from all others. `cipher`
//! is 0 where the journal is not encrypted, 1 for AES-256-GCM. The first record's link is the SHA-256 of the page
//! behind `checksum`. The pages of keys are in [`super::keys`].

use super::frame::Link;
use super::keys::KEY_PAGE_BYTES;
use crate::types::Nanos;
use crate::wire::digest::sha256;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The page that never changes.
pub const FIRST_PAGE_BYTES: usize = 4_096;

/// Where the first record stands: keys can be rewrapped without touching a record.
pub const SEGMENT_HEADER_BYTES: usize = FIRST_PAGE_BYTES + 2 * KEY_PAGE_BYTES;

/// The version of everything in this folder of the source. Another one is refused, not guessed at.
pub const FORMAT: u32 = 2;

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
    /// The link to the last record before this segment.
    pub previous_link: Link,
    /// The journal that it belongs to.
    pub journal: JournalId,
    /// How its records are sealed.
    pub cipher: CipherKind,
}

/// Tells one journal from another: drawn when it is begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalId(pub [u8; 16]);

/// How records are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum CipherKind {
    /// They are not.
    None = 0,
    /// With AES-256-GCM, under the data keys in the segment's pages of keys.
    Aes256Gcm = 1,
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
    /// Neither page of keys is whole.
    #[error("both pages of its keys are damaged")]
    Keys,
    /// A cipher that this version does not know.
    #[error("cipher {0}, which this version does not know")]
    Cipher(u32),
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
    cipher: U32,
    previous_end: U64,
    size: U64,
    time: U64,
    environment_len: u8,
    environment: [u8; ENVIRONMENT_BYTES_MAX],
    journal: [u8; 16],
    previous_link: Link,
}

const _: () = assert!(size_of::<RawSegment>() == 160, "the byte map above");

impl SegmentHeader {
    /// Writes the page.
    pub fn encode(&self) -> Result<[u8; FIRST_PAGE_BYTES], SegmentError> {
        let name = self.environment.as_bytes();
        if name.is_empty() || name.len() > ENVIRONMENT_BYTES_MAX {
            return Err(SegmentError::Environment);
        }
        let mut raw = RawSegment {
            magic: MAGIC,
            checksum: U32::ZERO,
            format: U32::new(FORMAT),
            segment: U32::new(self.segment),
            cipher: U32::new(self.cipher as u32),
            previous_end: U64::new(self.previous_end),
            size: U64::new(self.size),
            time: U64::new(self.time.0),
            environment_len: name.len() as u8,
            environment: [0; ENVIRONMENT_BYTES_MAX],
            journal: self.journal.0,
            previous_link: self.previous_link,
        };
        raw.environment[..name.len()].copy_from_slice(name);
        let mut page = [0; FIRST_PAGE_BYTES];
        page[..size_of::<RawSegment>()].copy_from_slice(raw.as_bytes());
        let checksum = crc32fast::hash(&page[12..]);
        page[8..12].copy_from_slice(&checksum.to_le_bytes());
        Ok(page)
    }

    /// Reads the page.
    pub fn decode(bytes: &[u8]) -> Result<Self, SegmentError> {
        let page = bytes.get(..FIRST_PAGE_BYTES).ok_or(SegmentError::NotASegment)?;
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
            previous_link: raw.previous_link,
            journal: JournalId(raw.journal),
            cipher: match raw.cipher.get() {
                0 => CipherKind::None,
                1 => CipherKind::Aes256Gcm,
                unknown => return Err(SegmentError::Cipher(unknown)),
            },
        })
    }
}

/// The link of a segment's first record, by its first page.
pub fn first_link(page: &[u8]) -> Link {
    sha256(&page[12..FIRST_PAGE_BYTES])
}

impl std::fmt::Display for JournalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
