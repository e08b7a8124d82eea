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

    /// The same with all of them: what they wrapped was moved to another provider.
    fn retire(&mut self) -> Result<String, KeyError>;
}

/// What is wrong with a key. No variant has anything of it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file of the master key cannot be read.
    #[error("the key file cannot be used: {0}")]
    Unreadable(#[from] FileError),
    /// The file of the PIN cannot be read.
    #[error("the PIN cannot be read: {0}")]
    PinUnreadable(FileError),
    /// The variable of the PIN is not there.
    #[error("the PIN cannot be read: there is no {0} in the environment")]
    NoPin(String),
    /// The PIN has bytes that no PIN has.
    #[error("the PIN is no text in UTF-8")]
    NotAPin,
    /// The library of the token cannot be used.
    #[error("the PKCS#11 module {} cannot be used: {why}", path.display())]
    Module {
        /// The library.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// There is no such token, or there are several.
    #[error("{found} tokens are {wanted}; there are: {there}")]
    NotOneToken {
        /// How many there are.
        found: usize,
        /// What was asked for.
        wanted: String,
        /// What there is.
        there: String,
    },
    /// The token refused the PIN. It is not tried again: too many wrong ones lock a token.
    #[error("token {token:?} refused the PIN: {why}; it is not tried again before a restart")]
    WrongPin {
        /// Its label.
        token: String,
        /// What it said.
        why: String,
    },
    /// The token has no such key.
    #[error("token {token:?} has no AES key with the label {key:?}; `sealgate key new-master` makes one")]
    NoTokenKey {
        /// Its label.
        token: String,
        /// The label of the key.
        key: String,
    },
    /// The token has such a key already.
    #[error("token {token:?} has a key with the label {key:?} already")]
    TokenKeyThere {
        /// Its label.
        token: String,
        /// The label of the key.
        key: String,
    },
    /// Something that calls itself the master key is none.
    #[error("the key {key:?} of token {token:?} is no master key: {why}")]
    NotAMaster {
        /// The token's label.
        token: String,
        /// The label of the key.
        key: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The token did not do what it was asked for.
    #[error("the token could not {doing}: {why}")]
    Token {
        /// What it was asked for.
        doing: &'static str,
        /// What it said.
        why: String,
    },
    /// Others than its owner may read it.
    #[error("{} has mode {mode:04o}: it must be its owner's alone, 0600", path.display())]
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
