//! Master keys in a file outside the data folder.
//!
//! ```text
//!   # comment
//!   sealgate-master-key <base64 of 32 bytes>      the current one
//!   sealgate-master-key <base64 of 32 bytes>      one that it replaces, while headers are still wrapped with it
//! ```
//!
//! A data key is wrapped with AES-256-GCM under a random nonce, which stands before it. There are a few such for each
//! segment, so nonces stay far below what random ones of 96 bits allow (2³² under one key).

use super::cipher::{Cipher, KEY_BYTES, NONCE_BYTES, random};
use super::{KeyError, KeyProvider};
use crate::sys::secret::{self, Secret};
use crate::wire::digest::sha256;
use crate::wire::record::{MasterId, TAG_BYTES, Wrapped};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, Zeroizing};

const LABEL: &str = "sealgate-master-key ";

const HEAD: &str = "\
# The master key of a Sealgate server. Whoever has it can read the data folder; without it nobody can, so keep a copy of it
# where neither the data folder nor its copies are.
";

/// Bits of the mode that would give the key to others.
pub(super) const OTHERS: u32 = 0o177;

/// The provider.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    /// The current one first.
    keys: Vec<Master>,
}

#[derive(Debug)]
struct Master {
    id: MasterId,
    key: Secret,
    cipher: Cipher,
}

impl Master {
    fn new(key: Secret) -> Result<Self, KeyError> {
        let mut named = Zeroizing::new(b"sealgate master key\0".to_vec());
        named.extend_from_slice(key.bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&sha256(&named)[..16]);
        Ok(Self { id: MasterId(id), cipher: Cipher::new(&key)?, key })
    }
}

impl KeyFile {
    /// Makes a file with a new key; there must be none.
    pub fn create(path: &Path) -> Result<(), KeyError> {
        let key = Master::new(Secret::new(KEY_BYTES, random)?)?;
        Ok(secret::create_file(path, text(&[&key]).as_bytes())?)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One with a key that every test has.
    #[cfg(test)]
    pub(super) fn fixed(byte: u8) -> Self {
        let master = Master::new(Secret::take(&mut [byte; KEY_BYTES]).unwrap()).unwrap();
        Self { path: PathBuf::new(), keys: vec![master] }
    }

    /// Reads a file, which must not be inside `data_dir`.
    pub fn open(path: &Path, data_dir: &Path) -> Result<Self, KeyError> {
        let (bytes, mode) = secret::read_file(path)?;
        let bytes = Zeroizing::new(bytes);
        if mode & OTHERS != 0 {
            return Err(KeyError::Mode { path: path.to_owned(), mode });
        }
        if is_inside(path, data_dir) {
            return Err(KeyError::InsideData(path.to_owned()));
        }
        let wrong = |why| KeyError::NotAKeyFile { path: path.to_owned(), why };
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("this is not a key file"))?;
        let mut keys = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let encoded = line.strip_prefix(LABEL).ok_or_else(|| wrong("this is not a key file"))?;
            let mut raw = BASE64.decode(encoded.trim()).map_err(|_| wrong("a key is not base64"))?;
            if raw.len() != KEY_BYTES {
                raw.zeroize();
                return Err(wrong("a key has not 32 bytes"));
            }
            keys.push(Master::new(Secret::take(&mut raw)?)?);
        }
        if keys.is_empty() {
            return Err(wrong("there is no key in it"));
        }
        Ok(Self { path: path.to_owned(), keys })
    }
}

/// The text of a file with these keys.
fn text(keys: &[&Master]) -> Zeroizing<String> {
    // Room for all of it, so that no growing leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(HEAD.len() + keys.len() * 80));
    text.push_str(HEAD);
    for master in keys {
        text.push_str(LABEL);
        BASE64.encode_string(master.key.bytes(), &mut text);
        text.push('\n');
    }
    text
}

/// Whether a file is inside a folder, whatever links lead there. A folder that is not there yet has nothing in it.
fn is_inside(path: &Path, folder: &Path) -> bool {
    match (path.canonicalize(), folder.canonicalize()) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        _ => path.starts_with(folder),
    }
}

impl KeyProvider for KeyFile {
    fn current(&self) -> MasterId {
        self.keys.first().map_or(MasterId([0; 16]), |master| master.id)
    }

    fn wrap(&mut self, key: &Secret, context: &[u8]) -> Result<Wrapped, KeyError> {
        let master = self.keys.first().ok_or(KeyError::NoKey)?;
        let mut bytes = Zeroizing::new([0; NONCE_BYTES + KEY_BYTES + TAG_BYTES]);
        let mut nonce = [0; NONCE_BYTES];
        random(&mut nonce)?;
        let (head, rest) = bytes.split_at_mut(NONCE_BYTES);
        let (sealed, room) = rest.split_at_mut(KEY_BYTES);
        head.copy_from_slice(&nonce);
        sealed.copy_from_slice(key.bytes());
        room.copy_from_slice(&master.cipher.seal(nonce, context, sealed)?);
        Wrapped::new(bytes.as_slice()).ok_or(KeyError::Unwrap(master.id))
    }

    fn unwrap(&mut self, id: MasterId, wrapped: &Wrapped, context: &[u8]) -> Result<Secret, KeyError> {
        let master = self.keys.iter().find(|master| master.id == id).ok_or(KeyError::UnknownMaster(id))?;
        let (nonce, rest) =
            wrapped.as_bytes().split_first_chunk::<NONCE_BYTES>().ok_or(KeyError::Unwrap(id))?;
        let (sealed, tag) = rest.split_at_checked(KEY_BYTES).ok_or(KeyError::Unwrap(id))?;
        Secret::new(KEY_BYTES, |out| {
            master.cipher.open(*nonce, context, sealed, tag, out).ok_or(KeyError::Unwrap(id))
        })
    }

    fn begin_rotation(&mut self) -> Result<(), KeyError> {
        if self.keys.len() == 1 {
            let new = Master::new(Secret::new(KEY_BYTES, random)?)?;
            let all: Vec<&Master> = std::iter::once(&new).chain(&self.keys).collect();
            secret::replace_file(&self.path, text(&all).as_bytes())?;
            self.keys.insert(0, new);
        }
        Ok(())
    }

    fn finish_rotation(&mut self) -> Result<String, KeyError> {
        let (current, earlier) = self.keys.split_first().ok_or(KeyError::NoKey)?;
        let put_away = self.put_away(earlier)?;
        secret::replace_file(&self.path, text(&[current]).as_bytes())?;
        self.keys.truncate(1);
        Ok(put_away)
    }

    fn retire(&mut self) -> Result<String, KeyError> {
        let put_away = self.put_away(&self.keys)?;
        secret::remove_file(&self.path)?;
        self.keys.clear();
        Ok(put_away)
    }
}

impl KeyFile {
    /// Writes keys into files of their own, and tells their names.
    fn put_away(&self, keys: &[Master]) -> Result<String, KeyError> {
        let mut put_away = Vec::new();
        for master in keys {
            let path = self.path.with_added_extension(format!("retired-{}", master.id));
            // A rotation that was interrupted here has made it already.
            if !path.exists() {
                secret::create_file(&path, text(&[master]).as_bytes())?;
            }
            put_away.push(path.display().to_string());
        }
        Ok(put_away.join(", "))
    }
}
