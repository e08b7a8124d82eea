//! Where master keys are, and what can go wrong with them.

use super::cipher::random;
use crate::sys::file::FileError;
use crate::sys::secret::Secret;
use crate::wire::record::{MasterId, Wrapped};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Has master keys, and wraps data keys with them. One is current: the others only open what they once wrapped.
pub trait KeyProvider: Send + fmt::Debug {
    /// The master key that wraps.
    fn current(&self) -> MasterId;

    /// Draws random bytes: data keys, the number of a journal.
    fn draw(&mut self, bytes: &mut [u8]) -> Result<(), KeyError> {
        random(bytes)
    }

    /// Encrypts a data key with the current master key; `context` must be the same to open it.
    fn wrap(&mut self, key: &Secret, context: &[u8]) -> Result<Wrapped, KeyError>;

    /// Opens a data key that master key `id` wrapped.
    fn unwrap(&mut self, id: MasterId, wrapped: &Wrapped, context: &[u8]) -> Result<Secret, KeyError>;

    /// Makes a new master key, durable, and the current one from now on. Where a rotation was interrupted, its new key
    /// stays the current one.
    fn begin_rotation(&mut self) -> Result<(), KeyError>;

    /// Nothing is wrapped with an earlier master key any more: puts them away, and tells where they are, for copies of
    /// the data that still need them.
    fn finish_rotation(&mut self) -> Result<String, KeyError>;
}

/// What is wrong with a key. No variant has anything of it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file of the master key cannot be read.
    #[error("the key file cannot be used: {0}")]
    Unreadable(#[from] FileError),
    /// Others than its owner may read it.
    #[error("the key file {} has mode {mode:04o}: it must be its owner's alone, 0600", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is where the data is that it protects.
    #[error("the key file {} is inside the data folder: whoever copies the data would have its key", .0.display())]
    InsideData(PathBuf),
    /// It is no key file.
    #[error("{}: {why}", path.display())]
    NotAKeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something was wrapped with a master key that is not there.
    #[error("it was sealed under master key {0}, which is not there: another key file, or another token?")]
    UnknownMaster(MasterId),
    /// A wrapped key does not open.
    #[error("a data key does not open with master key {0}: it was changed, or moved from another place")]
    Unwrap(MasterId),
    /// It is sealed, and there is no key.
    #[error("it is encrypted, and no master key was given")]
    NoKey,
    /// It is not sealed, although there is a key: anybody could have written it.
    #[error("it is not encrypted, although the configuration wants it so: anybody could have written it")]
    NotSealed,
    /// A sealed file was changed.
    #[error("its seal does not fit: it was changed, or is another file")]
    Forged,
    /// The kernel has no memory or no random bytes.
    #[error("no memory or random bytes for a key: {0}")]
    Machine(#[from] io::Error),
}
