//! A record from outside: its place, its length, what it links to, and something sealed.
//!
//! ```text
//!   record n:    place │ length │ link = SHA-256(record n-1) │ sealed │ tag        all of it ──SHA-256──► link of n+1
//! ```
//!
//! The link stands in each record, and is authenticated with it, so that each one can be opened by itself: what stands
//! behind a damaged record can still be told. Whoever reads a journal compares each link with the record before. A
//! GCM tag would not do as a link: who has the key of a segment can make another record with the same tag. SHA-256
//! binds him too, because the segments behind his link to what he would change.

use super::{ALIGNMENT, Damage, END_MARK, HEADER_BYTES, Place, RawHeader, Record, RecordType, Seq, Stream};
use crate::limits::RECORD_BYTES_MAX;
use crate::planted::{self, Bug};
use crate::types::Nanos;
use aws_lc_rs::digest::{Context, SHA256};
use zerocopy::FromBytes;
use zerocopy::little_endian::U64 as LittleU64;

/// SHA-256 of a record, or of a segment's first page: what the record behind it names.
pub type Link = [u8; 32];

/// Bytes of the tag of AES-256-GCM.
pub const TAG_BYTES: usize = 16;

/// Place, length and link of a record: what is authenticated beside what is sealed.
pub type Associated = [u8; PLACE_BYTES + SEALED_FROM - LENGTH_FROM];

/// Where the length stands: what the checksum covers.
const LENGTH_FROM: usize = 4;
/// Where the link stands.
const LINK_FROM: usize = 8;
/// Where the sealed part begins.
const SEALED_FROM: usize = 40;
const PLACE_BYTES: usize = 8;

/// Stream, type, number and time: the sealed part before the body.
const SEALED_HEADER_BYTES: usize = HEADER_BYTES - SEALED_FROM;

/// The shortest record: one without a body.
const LENGTH_MIN: usize = HEADER_BYTES + TAG_BYTES;

/// A record that stands whole where it belongs, as its checksum says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    place: Place,
    whole: &'a [u8],
    length: usize,
}

impl<'a> Frame<'a> {
    /// Where it stands.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The bytes that it takes up in the segment.
    pub fn extent(&self) -> usize {
        self.whole.len()
    }

    /// The link to what stands before it.
    pub fn link(&self) -> &'a Link {
        self.whole[LINK_FROM..].first_chunk().unwrap_or(&[0; 32])
    }

    /// What is sealed, without its tag.
    pub fn sealed(&self) -> &'a [u8] {
        &self.whole[SEALED_FROM..self.length - TAG_BYTES]
    }

    /// The tag.
    pub fn tag(&self) -> &'a [u8] {
        &self.whole[self.length - TAG_BYTES..self.length]
    }

    /// What is authenticated beside it.
    pub fn associated(&self) -> Associated {
        associated(self.whole, self.place)
    }

    /// The link of what stands behind it.
    pub fn next_link(&self) -> Link {
        link_to(self.whole, self.place)
    }
}

/// Bytes that a record of this length takes up.
pub(super) fn extent(length: usize) -> usize {
    (length + END_MARK.len()).next_multiple_of(ALIGNMENT)
}

/// Seals a whole record, as `encode_step` and its kin wrote it, for its place behind `link`, and gives the link of the
/// next. `encrypt` gets what is to be authenticated and what is to be sealed in place, and gives the tag.
pub fn seal<E>(
    record: &mut [u8],
    place: Place,
    link: &Link,
    encrypt: impl FnOnce(&Associated, &mut [u8]) -> Result<[u8; TAG_BYTES], E>,
) -> Result<Link, E> {
    record[LINK_FROM..SEALED_FROM].copy_from_slice(link);
    let associated = associated(record, place);
    let length = length_of(record) as usize;
    let tag = encrypt(&associated, &mut record[SEALED_FROM..length - TAG_BYTES])?;
    record[length - TAG_BYTES..length].copy_from_slice(&tag);
    let checksum = checksum(record, place);
    record[..LENGTH_FROM].copy_from_slice(&checksum.to_le_bytes());
    Ok(link_to(record, place))
}

/// The bytes that the record that begins with `bytes` takes up, by its length, if a record can have that.
pub fn declared_extent(bytes: &[u8]) -> Result<usize, Damage> {
    if bytes.len() < ALIGNMENT {
        return Err(Damage::Length(0));
    }
    let length = length_of(bytes);
    // Compared before it is rounded up, so that no length can overflow.
    if (length as usize) < LENGTH_MIN || length as usize > RECORD_BYTES_MAX - END_MARK.len() {
        return Err(Damage::Length(length));
    }
    Ok(extent(length as usize))
}

/// The same, if all of them are there.
pub fn extent_at(bytes: &[u8]) -> Result<usize, Damage> {
    let extent = declared_extent(bytes)?;
    if extent > bytes.len() { Err(Damage::Length(extent as u32)) } else { Ok(extent) }
}

/// Finds the record at the start of `bytes`, which stands at `place`.
pub fn frame(bytes: &[u8], place: Place) -> Result<Frame<'_>, Damage> {
    let extent = extent_at(bytes)?;
    let whole = &bytes[..extent];
    let fits = whole[..LENGTH_FROM] == checksum(whole, place).to_le_bytes();
    if !fits && !planted::has(Bug::ChecksumIgnored) {
        return Err(Damage::Checksum);
    }
    let length = length_of(whole) as usize;
    let padding = &whole[length..extent - END_MARK.len()];
    if !whole.ends_with(&END_MARK) || padding.iter().any(|byte| *byte != 0) {
        return Err(Damage::Unknown("layout"));
    }
    Ok(Frame { place, whole, length })
}

/// Reads what was sealed in a frame and is not sealed any more.
pub fn parse(opened: &[u8]) -> Result<Record<'_>, Damage> {
    let Some((header, body)) = opened.split_first_chunk::<SEALED_HEADER_BYTES>() else {
        return Err(Damage::Unknown("layout"));
    };
    let [kind, id, record_type, zero @ ..] = header;
    let number = |at: usize| LittleU64::read_from_bytes(&header[at..at + 8]).map_or(0, |number| number.get());
    if zero[..5] != [0; 5] {
        return Err(Damage::Unknown("layout"));
    }
    Ok(Record {
        stream: Stream::from_bytes(*kind, *id).ok_or(Damage::Unknown("stream"))?,
        seq: Seq(number(8)),
        time: Nanos(number(16)),
        record_type: RecordType::from_byte(*record_type).ok_or(Damage::Unknown("record type"))?,
        body,
    })
}

fn length_of(bytes: &[u8]) -> u32 {
    let mut length = [0; 4];
    length.copy_from_slice(&bytes[LENGTH_FROM..LINK_FROM]);
    u32::from_le_bytes(length)
}

fn place_bytes(place: Place) -> [u8; PLACE_BYTES] {
    let mut bytes = [0; PLACE_BYTES];
    bytes[..4].copy_from_slice(&place.segment.to_le_bytes());
    bytes[4..].copy_from_slice(&place.offset.to_le_bytes());
    bytes
}

fn associated(record: &[u8], place: Place) -> Associated {
    let mut bytes = [0; size_of::<Associated>()];
    bytes[..PLACE_BYTES].copy_from_slice(&place_bytes(place));
    bytes[PLACE_BYTES..].copy_from_slice(&record[LENGTH_FROM..SEALED_FROM]);
    bytes
}

fn checksum(record: &[u8], place: Place) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&place_bytes(place));
    crc.update(&record[LENGTH_FROM..]);
    crc.finalize()
}

fn link_to(record: &[u8], place: Place) -> Link {
    let mut hash = Context::new(&SHA256);
    hash.update(&place_bytes(place));
    hash.update(&record[LENGTH_FROM..]);
    let mut link = [0; 32];
    link.copy_from_slice(hash.finish().as_ref());
    link
}

const _: () = assert!(size_of::<RawHeader>() == HEADER_BYTES && SEALED_HEADER_BYTES == 24, "the byte map");
