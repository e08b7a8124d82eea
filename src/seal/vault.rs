//! Data keys, made and opened with the master key that there is, or none at all.

use super::cipher::{Cipher, KEY_BYTES, random};
use super::moving::Moving;
use super::{KeyError, KeyFile, KeyProvider, TokenKeys};
use crate::config::Encryption;
use crate::sys::secret::Secret;
use crate::types::Nanos;
use crate::wire::record::{CipherKind, JournalId, WrappedKey};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Seals and opens for everybody who writes to the data folder or reads in it. A clone is the same vault.
#[derive(Clone, Debug)]
pub struct Vault(Option<Arc<Mutex<Box<dyn KeyProvider>>>>);

/// The vault while nobody else uses it: whoever changes pages of keys holds it meanwhile.
#[derive(Debug)]
pub struct Held<'a>(pub(super) Option<MutexGuard<'a, Box<dyn KeyProvider>>>);

impl Vault {
    /// One that leaves everything as it is: the operator has said so.
    pub fn none() -> Self {
        Self(None)
    }

    /// One with the master keys of a provider.
    pub fn new(provider: Box<dyn KeyProvider>) -> Self {
        Self(Some(Arc::new(Mutex::new(provider))))
    }

    /// The one that the configuration names.
    pub fn open(encryption: &Encryption, data_dir: &Path) -> Result<Self, KeyError> {
        Ok(provider(encryption, data_dir)?.map_or_else(Self::none, Self::new))
    }

    /// How it seals.
    pub fn cipher(&self) -> CipherKind {
        match self.0 {
            Some(_) => CipherKind::Aes256Gcm,
            None => CipherKind::None,
        }
    }

    /// Whether it seals at all.
    pub fn is_sealing(&self) -> bool {
        self.0.is_some()
    }

    /// A number for a new journal.
    pub fn new_journal(&self) -> Result<JournalId, KeyError> {
        let mut id = [0; 16];
        match &mut self.hold().0 {
            Some(provider) => provider.draw(&mut id)?,
            None => random(&mut id)?,
        }
        Ok(JournalId(id))
    }

    /// Holds it.
    pub fn hold(&self) -> Held<'_> {
        // Whoever panicked has left nothing half done: a key is wrapped or it is not.
        Held(self.0.as_ref().map(|provider| provider.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

type Provider = Box<dyn KeyProvider>;

fn provider(encryption: &Encryption, data_dir: &Path) -> Result<Option<Provider>, KeyError> {
    Ok(match encryption {
        Encryption::None => None,
        Encryption::KeyFile(path) => Some(Box::new(KeyFile::open(path, data_dir)?)),
        Encryption::Token(token) => Some(Box::new(TokenKeys::open(token)?)),
        Encryption::Moving { to, from } => match (provider(to, data_dir)?, earlier(from, data_dir)?) {
            (Some(to), Some(from)) => Some(Box::new(Moving::new(to, from))),
            (to, _) => to,
        },
    })
}

/// The keys from which the data is moved; nothing if that was done.
fn earlier(encryption: &Encryption, data_dir: &Path) -> Result<Option<Provider>, KeyError> {
    Ok(match encryption {
        Encryption::Token(token) => TokenKeys::open_earlier(token)?.map(|keys| Box::new(keys) as Provider),
        Encryption::KeyFile(path) if !path.exists() => None,
        encryption => provider(encryption, data_dir)?,
    })
}

impl Held<'_> {
    /// A new data key for what `context` names, from offset `from` on; nothing if nothing is encrypted.
    pub(super) fn make(
        &mut self,
        context: &[u8],
        from: u32,
        time: Nanos,
    ) -> Result<Option<(Cipher, WrappedKey)>, KeyError> {
        let Some(provider) = &mut self.0 else { return Ok(None) };
        let key = Secret::new(KEY_BYTES, |bytes| provider.draw(bytes))?;
        let wrapped = provider.wrap(&key, context)?;
        let wrapped = WrappedKey { from, time, master: provider.current(), wrapped };
        Ok(Some((Cipher::new(&key)?, wrapped)))
    }

    /// The data key that was wrapped for what `context` names.
    pub(super) fn open(&mut self, key: &WrappedKey, context: &[u8]) -> Result<Cipher, KeyError> {
        let provider = self.0.as_mut().ok_or(KeyError::NoKey)?;
        Cipher::new(&provider.unwrap(key.master, &key.wrapped, context)?)
    }
}
