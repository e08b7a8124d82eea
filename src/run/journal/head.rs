//! What a segment begins with, on the disk: its first page, and its keys, which are replaced page by page.
//!
//! ```text
//!   first page │ keys, generation n │ keys, generation n-1 │ records …
//!                                     └ the next writing goes here, is synced, and is then the one that holds
//! ```
//!
//! So whenever a writing is interrupted, one page holds, and has every key that a record was sealed with. Two of us
//! write keys: the journal agent, when it begins a key, and whoever rotates the master key. Both hold the vault's pages
//! from reading a page to having written the other.

use crate::sys::file::{BlockFile, FileError};
use crate::wire::record::segment::first_link;
use crate::wire::record::{
    FIRST_PAGE_BYTES, KEY_PAGE_BYTES, KeyPage, Link, SEGMENT_HEADER_BYTES, SegmentError, SegmentHeader,
};

/// What stands before the records of a segment.
#[derive(Clone, Debug)]
pub struct Head {
    /// The first page.
    pub header: SegmentHeader,
    /// The link of the first record.
    pub link: Link,
    /// Its keys.
    pub keys: KeyPage,
    /// Which of the two pages they were read from.
    slot: usize,
}

impl Head {
    /// Reads what a segment begins with.
    pub fn decode(bytes: &[u8]) -> Result<Self, SegmentError> {
        let header = SegmentHeader::decode(bytes)?;
        let pages = bytes.get(FIRST_PAGE_BYTES..SEGMENT_HEADER_BYTES).ok_or(SegmentError::NotASegment)?;
        let (keys, slot) = KeyPage::newer(pages).ok_or(SegmentError::Keys)?;
        Ok(Self { header, link: first_link(bytes), keys, slot })
    }

    /// Reads it from a file.
    pub fn read(file: &BlockFile) -> Result<Result<Self, SegmentError>, FileError> {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        let length = bytes.len().min(usize::try_from(file.size()?).unwrap_or(usize::MAX));
        file.read(&mut bytes[..length], 0)?;
        Ok(Self::decode(&bytes[..length]))
    }

    /// The bytes of a new one.
    pub fn encode(header: &SegmentHeader, keys: &KeyPage) -> Result<(Vec<u8>, Link), SegmentError> {
        let mut bytes = vec![0; SEGMENT_HEADER_BYTES];
        bytes[..FIRST_PAGE_BYTES].copy_from_slice(&header.encode()?);
        bytes[FIRST_PAGE_BYTES..][..KEY_PAGE_BYTES].copy_from_slice(&keys.encode());
        let link = first_link(&bytes);
        Ok((bytes, link))
    }

    /// Puts other keys in the place of those that hold; returns when they are on the disk.
    pub fn replace_keys(&mut self, file: &BlockFile, mut keys: KeyPage) -> Result<(), FileError> {
        keys.generation = self.keys.generation.wrapping_add(1).max(1);
        let slot = 1 - self.slot;
        file.write(&keys.encode(), (FIRST_PAGE_BYTES + slot * KEY_PAGE_BYTES) as u64)?;
        file.sync()?;
        (self.keys, self.slot) = (keys, slot);
        Ok(())
    }
}
