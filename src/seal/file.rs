//! A file that is sealed whole.
//!
//! ```text
//!    0          8          12       16       20     24       32       33        64         80     4096
//!    | SEALFILE | checksum | format | cipher | zero | length | length | purpose | tag      | zero | keys, as in a segment
//!    | 8 bytes  | u32      | u32    | u32    | u32  | u64    | u8     | 31      | 16 bytes |      | two pages
//!   12288
//!    | content …
//! ```
//!
//! `checksum` is the CRC-32 of the page behind it. The content is encrypted under a data key of its own; format,
//! cipher, length and purpose are authenticated with it, so that no file passes for another. In a file that is not
//! encrypted the tag is the first half of the SHA-256 of all that. The pages of keys are those of a segment: see
//! `wire::record::keys`.

use super::cipher::NONCE_BYTES;
use super::{KeyError, Vault};
use crate::types::Nanos;
use crate::wire::digest::sha256_cut;
use crate::wire::record::{CipherKind, KEY_PAGE_BYTES, KeyPage, TAG_BYTES};

/// Where the content begins.
pub const FILE_HEADER_BYTES: usize = 3 * KEY_PAGE_BYTES;

const MAGIC: [u8; 8] = *b"SEALFILE";
const FORMAT: u32 = 1;
const CHECKED_FROM: usize = 12;
const TAG_FROM: usize = 64;
const TAG_END: usize = TAG_FROM + TAG_BYTES;
const PURPOSE_FROM: usize = 32;
const PURPOSE_BYTES_MAX: usize = TAG_FROM - PURPOSE_FROM - 1;

/// A key seals one file, so its nonce is no counter.
const NONCE: [u8; NONCE_BYTES] = [0; NONCE_BYTES];

/// Whether a file begins as a sealed one does.
pub fn is_sealed_file(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

impl Vault {
    /// Seals a file. `purpose` is what it is for, such as `"sessions"`: it opens for nothing else.
    pub fn seal_file(&self, purpose: &str, content: &[u8], now: Nanos) -> Result<Vec<u8>, KeyError> {
        let mut file = vec![0; FILE_HEADER_BYTES + content.len()];
        let (head, body) = file.split_at_mut(FILE_HEADER_BYTES);
        body.copy_from_slice(content);
        head[..8].copy_from_slice(&MAGIC);
        head[CHECKED_FROM..TAG_FROM].copy_from_slice(&authenticated(self.cipher(), purpose, content.len()));
        let made = self.hold().make_stored(&context(purpose), now)?;
        let tag = match &made {
            Some((cipher, _)) => cipher.seal(NONCE, &head[CHECKED_FROM..TAG_FROM], body)?,
            None => plain_tag(&head[CHECKED_FROM..TAG_FROM], body),
        };
        head[TAG_FROM..TAG_END].copy_from_slice(&tag);
        let checksum = crc(&head[CHECKED_FROM..KEY_PAGE_BYTES]);
        head[8..CHECKED_FROM].copy_from_slice(&checksum);
        let keys = made.into_iter().map(|(_, wrapped)| wrapped).collect();
        let page = KeyPage { generation: 1, keys }.encode();
        head[KEY_PAGE_BYTES..2 * KEY_PAGE_BYTES].copy_from_slice(&page);
        Ok(file)
    }

    /// Opens a file that was sealed for the same purpose.
    pub fn open_file(&self, purpose: &str, file: &[u8]) -> Result<Vec<u8>, KeyError> {
        let (head, body) = file.split_at_checked(FILE_HEADER_BYTES).ok_or(KeyError::NotSealed)?;
        if !is_sealed_file(head) {
            return Err(KeyError::NotSealed);
        }
        let kind = match head[16..20] {
            [0, 0, 0, 0] => CipherKind::None,
            _ => CipherKind::Aes256Gcm,
        };
        match (self.cipher(), kind) {
            (CipherKind::None, CipherKind::Aes256Gcm) => return Err(KeyError::NoKey),
            (CipherKind::Aes256Gcm, CipherKind::None) => return Err(KeyError::NotSealed),
            _ => {}
        }
        let associated = authenticated(kind, purpose, body.len());
        let tag = &head[TAG_FROM..TAG_END];
        let checksum = crc(&head[CHECKED_FROM..KEY_PAGE_BYTES]);
        if head[CHECKED_FROM..TAG_FROM] != associated || head[8..CHECKED_FROM] != checksum {
            return Err(KeyError::Forged);
        }
        let mut content = vec![0; body.len()];
        match kind {
            CipherKind::None if tag != plain_tag(&associated, body) => return Err(KeyError::Forged),
            CipherKind::None => content.copy_from_slice(body),
            CipherKind::Aes256Gcm => {
                let (keys, _) = KeyPage::newer(&head[KEY_PAGE_BYTES..]).ok_or(KeyError::Forged)?;
                let key = keys.keys.first().ok_or(KeyError::Forged)?;
                let cipher = self.hold().open(key, &context(purpose))?;
                cipher.open(NONCE, &associated, body, tag, &mut content).ok_or(KeyError::Forged)?;
            }
        }
        Ok(content)
    }
}

/// What is authenticated beside the content, as it stands in the first page.
fn authenticated(cipher: CipherKind, purpose: &str, length: usize) -> [u8; TAG_FROM - CHECKED_FROM] {
    assert!(purpose.len() <= PURPOSE_BYTES_MAX, "{purpose} is too long for a purpose");
    let mut bytes = [0; TAG_FROM - CHECKED_FROM];
    let mut put = |at: usize, part: &[u8]| {
        bytes[at - CHECKED_FROM..at - CHECKED_FROM + part.len()].copy_from_slice(part);
    };
    put(12, &FORMAT.to_le_bytes());
    put(16, &(cipher as u32).to_le_bytes());
    put(24, &(length as u64).to_le_bytes());
    put(PURPOSE_FROM, &[purpose.len() as u8]);
    put(PURPOSE_FROM + 1, purpose.as_bytes());
    bytes
}

fn plain_tag(associated: &[u8], content: &[u8]) -> [u8; TAG_BYTES] {
    sha256_cut(&[associated, content].concat())
}

fn crc(page: &[u8]) -> [u8; 4] {
    crc32fast::hash(page).to_le_bytes()
}

/// The same, by the first page of a file.
pub(super) fn context_of(head: &[u8]) -> Vec<u8> {
    let length = usize::from(head[PURPOSE_FROM]).min(PURPOSE_BYTES_MAX);
    [b"sealgate file key\0".as_slice(), &head[PURPOSE_FROM + 1..PURPOSE_FROM + 1 + length]].concat()
}

/// What a data key is for: it opens for nothing else.
fn context(purpose: &str) -> Vec<u8> {
    [b"sealgate file key\0".as_slice(), purpose.as_bytes()].concat()
}
