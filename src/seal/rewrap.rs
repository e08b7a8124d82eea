//! Wrapping data keys anew, when the master key changes. What they seal is not touched.

use super::vault::Held;
use super::{FILE_HEADER_BYTES, KeyError, Vault, file, is_sealed_file, record};
use crate::wire::record::{
    FIRST_PAGE_BYTES, KEY_PAGE_BYTES, KeyPage, SEGMENT_HEADER_BYTES, SegmentHeader, WrappedKey,
};

const _: () = assert!(FILE_HEADER_BYTES == SEGMENT_HEADER_BYTES, "both have their keys in the same pages");

/// A page of keys that is to be written over the one that does not hold.
#[derive(Debug)]
pub struct Rewrapped {
    /// Where in the file.
    pub offset: u64,
    /// The page.
    pub page: [u8; KEY_PAGE_BYTES],
    /// How many keys are in it.
    pub keys: usize,
}

impl Vault {
    /// What becomes of the keys of a segment or a sealed file, by its first `FILE_HEADER_BYTES`; nothing if they are
    /// wrapped with the current master key, or if it is neither.
    pub fn rewrap(&self, head: &[u8]) -> Result<Option<Rewrapped>, KeyError> {
        let Some(pages) = head.get(FIRST_PAGE_BYTES..FILE_HEADER_BYTES) else { return Ok(None) };
        let (segment, is_file) = (SegmentHeader::decode(head).ok(), is_sealed_file(head));
        if segment.is_none() && !is_file {
            return Ok(None);
        }
        let context = |key: &WrappedKey| match &segment {
            Some(header) => record::context(header.journal, header.segment, key.from),
            None => file::context_of(head),
        };
        let Some((mut keys, slot)) = KeyPage::newer(pages) else { return Ok(None) };
        let mut held = self.hold();
        let current = held.current()?;
        if keys.keys.iter().all(|key| key.master == current) {
            return Ok(None);
        }
        for key in &mut keys.keys {
            *key = held.wrap_anew(key, &context(key))?;
        }
        keys.generation = keys.generation.wrapping_add(1).max(1);
        let offset = (FIRST_PAGE_BYTES + (1 - slot) * KEY_PAGE_BYTES) as u64;
        Ok(Some(Rewrapped { offset, page: keys.encode(), keys: keys.keys.len() }))
    }
}

impl Held<'_> {
    fn wrap_anew(&mut self, key: &WrappedKey, context: &[u8]) -> Result<WrappedKey, KeyError> {
        let provider = self.0.as_mut().ok_or(KeyError::NoKey)?;
        let data_key = provider.unwrap(key.master, &key.wrapped, context)?;
        let wrapped = provider.wrap(&data_key, context)?;
        Ok(WrappedKey { master: provider.current(), wrapped, ..*key })
    }
}
