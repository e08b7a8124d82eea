//! A few bytes that are sealed again and again in one place: the head of a journal, which is kept apart from it.
//!
//! ```text
//!    0          8          12       16     20           28       32            4096
//!    | SEALHEAD | checksum | cipher | zero | generation | length | …           |
//!    | 8 bytes  | u32      | u32    | u32  | u64        | u32    |             |
//!   32                        160       176
//!    | key, as in a segment   | tag     | content …
//!    | 16 + 96 bytes, 16 zero | 16      | at most 256 bytes
//! ```
//!
//! `checksum` is the CRC-32 of the page behind it. The nonce is the generation, which counts up under a key that this
//! process has drawn; a process that goes on draws another. Without encryption the tag is half of a SHA-256.

use super::cipher::{Cipher, NONCE_BYTES};
use super::{KeyError, Vault};
use crate::types::Nanos;
use crate::wire::digest::sha256_cut;
use crate::wire::record::{KEY_PAGE_BYTES, KeyPage, TAG_BYTES};

/// What one writing takes up.
pub const HEAD_PAGE_BYTES: usize = KEY_PAGE_BYTES;

const MAGIC: [u8; 8] = *b"SEALHEAD";
const CHECKED_FROM: usize = 12;
const KEY_FROM: usize = 32;
const KEY_END: usize = KEY_FROM + 16 + 96;
const TAG_FROM: usize = 160;
const CONTENT_FROM: usize = TAG_FROM + TAG_BYTES;
const CONTENT_BYTES_MAX: usize = 256;
const CONTEXT: &[u8] = b"sealgate head key\0";

/// Seals heads, one after the other.
#[derive(Debug)]
pub struct HeadSealer {
    cipher: Option<Cipher>,
    key: KeyPage,
    generation: u64,
}

impl HeadSealer {
    /// One with a key of its own, for what comes after `generation`.
    pub fn new(vault: &Vault, generation: u64, now: Nanos) -> Result<Self, KeyError> {
        let (cipher, key) = vault.hold().make_stored(CONTEXT, now)?.unzip();
        Ok(Self { cipher, key: KeyPage { generation: 1, keys: key.into_iter().collect() }, generation })
    }

    /// The same, for what comes after another's.
    pub fn after(self, other: &Self) -> Self {
        Self { generation: other.generation, ..self }
    }

    /// The generation of the last one.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Seals the next one.
    pub fn seal(&mut self, content: &[u8]) -> Result<[u8; HEAD_PAGE_BYTES], KeyError> {
        assert!(content.len() <= CONTENT_BYTES_MAX, "a head of {} bytes", content.len());
        self.generation += 1;
        let mut page = [0; HEAD_PAGE_BYTES];
        page[..8].copy_from_slice(&MAGIC);
        page[12..16].copy_from_slice(&u32::from(self.cipher.is_some()).to_le_bytes());
        page[20..28].copy_from_slice(&self.generation.to_le_bytes());
        page[28..32].copy_from_slice(&(content.len() as u32).to_le_bytes());
        page[KEY_FROM..KEY_END].copy_from_slice(&self.key.encode()[..KEY_END - KEY_FROM]);
        let (head, rest) = page.split_at_mut(TAG_FROM);
        let (tag, body) = rest.split_at_mut(TAG_BYTES);
        let body = &mut body[..content.len()];
        body.copy_from_slice(content);
        let associated = &head[CHECKED_FROM..KEY_FROM];
        tag.copy_from_slice(&match &self.cipher {
            Some(cipher) => cipher.seal(nonce(self.generation), associated, body)?,
            None => sha256_cut(&[associated, body].concat()),
        });
        let checksum = crc32fast::hash(&page[CHECKED_FROM..]);
        page[8..CHECKED_FROM].copy_from_slice(&checksum.to_le_bytes());
        Ok(page)
    }
}

impl Vault {
    /// The newer of two pages with its generation and which it is; `None` if neither was ever written to its end.
    pub fn open_head(&self, pages: &[u8]) -> Result<Option<(Vec<u8>, u64, usize)>, KeyError> {
        let whole =
            pages.chunks_exact(HEAD_PAGE_BYTES).take(2).enumerate().filter(|(_, page)| is_whole(page));
        match whole.max_by_key(|(_, page)| number(page, 20)) {
            Some((at, page)) => Ok(Some((self.open_page(page)?, number(page, 20), at))),
            None => Ok(None),
        }
    }

    fn open_page(&self, page: &[u8]) -> Result<Vec<u8>, KeyError> {
        let length = (number(page, 28) as u32 as usize).min(CONTENT_BYTES_MAX);
        let associated = &page[CHECKED_FROM..KEY_FROM];
        let (tag, body) = (&page[TAG_FROM..CONTENT_FROM], &page[CONTENT_FROM..CONTENT_FROM + length]);
        let is_sealed = page[12..16] != [0; 4];
        match (self.is_sealing(), is_sealed) {
            (false, true) => return Err(KeyError::NoKey),
            (true, false) => return Err(KeyError::NotSealed),
            (false, false) if tag == sha256_cut(&[associated, body].concat()) => return Ok(body.to_vec()),
            (false, false) => return Err(KeyError::Forged),
            (true, true) => {}
        }
        let mut keys = [0; KEY_PAGE_BYTES];
        keys[..KEY_END - KEY_FROM].copy_from_slice(&page[KEY_FROM..KEY_END]);
        let key = KeyPage::decode(&keys).and_then(|page| page.keys.first().copied());
        let cipher = self.hold().open(&key.ok_or(KeyError::Forged)?, CONTEXT)?;
        let mut content = vec![0; length];
        let opened = cipher.open(nonce(number(page, 20)), associated, body, tag, &mut content);
        opened.ok_or(KeyError::Forged)?;
        Ok(content)
    }
}

fn is_whole(page: &[u8]) -> bool {
    page.starts_with(&MAGIC) && page[8..CHECKED_FROM] == crc32fast::hash(&page[CHECKED_FROM..]).to_le_bytes()
}

/// Eight bytes of a page; a number of four stands in the lower half.
fn number(page: &[u8], at: usize) -> u64 {
    page[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn nonce(generation: u64) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    nonce[..8].copy_from_slice(&generation.to_le_bytes());
    nonce
}
