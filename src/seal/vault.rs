//! Data keys, made and opened with the master key that there is, or none at all.

use super::cipher::{Cipher, KEY_BYTES, random};
use super::moving::Moving;
use super::record::context;
use super::{KeyError, KeyFile, KeyProvider, TokenKeys};
use crate::config::Encryption;
use crate::sys::secret::Secret;
use crate::types::Nanos;
use crate::wire::record::{CipherKind, JournalId, MasterId, Place, Wrapped, WrappedKey};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// Seals and opens for everybody who writes to the data folder or reads in it. A clone is the same vault.
#[derive(Clone, Debug)]
pub struct Vault(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    /// Held for one call at a time, which may take as long as a token does.
    provider: Mutex<Box<dyn KeyProvider>>,
    /// The master key that wraps. Never held while the provider is asked for something.
    current: Mutex<MasterId>,
}

/// The provider while nobody else uses it.
#[derive(Debug)]
pub(super) struct Held<'a>(pub(super) Option<MutexGuard<'a, Box<dyn KeyProvider>>>);

/// The pages of keys in the data folder, while nobody else writes one or changes the master key: whoever writes one
/// holds this from having read what was there, or from having looked which master key wraps, until it has its name. No
/// token is waited for meanwhile.
#[derive(Debug)]
pub struct Pages<'a>(Option<MutexGuard<'a, MasterId>>);

/// A data key for the records of a segment from a place on, and as it is to be stored.
#[derive(Debug)]
pub struct DataKey {
    /// The first record that is sealed with it.
    pub from: Place,
    /// Nothing where nothing is encrypted.
    pub(super) key: Option<(Arc<Cipher>, MasterId, Wrapped)>,
}

impl Vault {
    /// One that leaves everything as it is: the operator has said so.
    pub fn none() -> Self {
        Self(None)
    }

    /// One with the master keys of a provider.
    pub fn new(provider: Box<dyn KeyProvider>) -> Self {
        let current = Mutex::new(provider.current());
        Self(Some(Arc::new(Shared { provider: Mutex::new(provider), current })))
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

    pub(super) fn hold(&self) -> Held<'_> {
        // Whoever panicked has left nothing half done: a key is wrapped or it is not.
        Held(self.0.as_ref().map(|shared| shared.provider.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Holds the pages of keys.
    pub fn pages(&self) -> Pages<'_> {
        Pages(self.0.as_ref().map(|shared| shared.current.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Whether nobody holds the pages of keys. Who plays threads by turns on one of them asks before another's turn.
    pub fn has_free_pages(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|shared| !matches!(shared.current.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// A new data key for records from a place on. A token may take its time for that.
    pub fn data_key(&self, journal: JournalId, from: Place) -> Result<DataKey, KeyError> {
        let made = self.hold().make(&context(journal, from.segment, from.offset))?;
        Ok(DataKey { from, key: made.map(|(cipher, master, wrapped)| (Arc::new(cipher), master, wrapped)) })
    }

    /// The key that was made beforehand, if it is for this place and the master key did not change since, else a new
    /// one; and the pages, in which it is to be stored.
    pub fn key_for(
        &self,
        journal: JournalId,
        from: Place,
        mut ready: Option<DataKey>,
    ) -> Result<(DataKey, Pages<'_>), KeyError> {
        loop {
            let key = match ready.take().filter(|key| key.from == from) {
                Some(key) => key,
                None => self.data_key(journal, from)?,
            };
            let pages = self.pages();
            if pages.master() == key.master() {
                return Ok((key, pages));
            }
        }
    }

    /// Makes a new master key the current one.
    pub fn begin_rotation(&self) -> Result<MasterId, KeyError> {
        let mut held = self.hold();
        held.0.as_mut().ok_or(KeyError::NoKey)?.begin_rotation()?;
        let current = held.current()?;
        // Before anybody is given a key that it wrapped.
        if let Some(wraps) = &mut self.pages().0 {
            **wraps = current;
        }
        Ok(current)
    }

    /// Puts the earlier ones away, and tells where.
    pub fn finish_rotation(&self) -> Result<String, KeyError> {
        self.hold().0.as_mut().ok_or(KeyError::NoKey)?.finish_rotation()
    }
}

impl DataKey {
    /// The master key that wrapped it; `None` where nothing is encrypted.
    pub fn master(&self) -> Option<MasterId> {
        self.key.as_ref().map(|(_, master, _)| *master)
    }
}

impl Pages<'_> {
    /// The master key that wraps.
    pub fn master(&self) -> Option<MasterId> {
        self.0.as_deref().copied()
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
    /// A new data key for what `context` names; nothing if nothing is encrypted.
    pub(super) fn make(&mut self, context: &[u8]) -> Result<Option<(Cipher, MasterId, Wrapped)>, KeyError> {
        let Some(provider) = &mut self.0 else { return Ok(None) };
        let key = Secret::new(KEY_BYTES, |bytes| provider.draw(bytes))?;
        let wrapped = provider.wrap(&key, context)?;
        Ok(Some((Cipher::new(&key)?, provider.current(), wrapped)))
    }

    /// The same, as it stands in a page of keys.
    pub(super) fn make_stored(
        &mut self,
        context: &[u8],
        time: Nanos,
    ) -> Result<Option<(Cipher, WrappedKey)>, KeyError> {
        let stored = |(cipher, master, wrapped)| (cipher, WrappedKey { from: 0, time, master, wrapped });
        Ok(self.make(context)?.map(stored))
    }

    /// The data key that was wrapped for what `context` names.
    pub(super) fn open(&mut self, key: &WrappedKey, context: &[u8]) -> Result<Cipher, KeyError> {
        let provider = self.0.as_mut().ok_or(KeyError::NoKey)?;
        Cipher::new(&provider.unwrap(key.master, &key.wrapped, context)?)
    }

    /// The master key that wraps.
    pub(super) fn current(&self) -> Result<MasterId, KeyError> {
        self.0.as_ref().map(|provider| provider.current()).ok_or(KeyError::NoKey)
    }
}
