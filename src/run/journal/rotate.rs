//! Another master key for everything that there is, while a server runs or while none does.
//!
//! ```text
//!   new master key, durable ─► each segment and sealed file: keys wrapped anew, one page, synced ─► the head kept apart
//!                           ─► the old master key is put away
//! ```
//!
//! Until the last step both master keys are there, so wherever this is interrupted, everything opens with one of them;
//! done again, it goes on with the key that it had made. What is sealed is not touched, so the server goes on writing.

use super::kept::{HeadError, SharedHead};
use crate::seal::{FILE_HEADER_BYTES, HeadSealer, KeyError, Vault};
use crate::sys::file::{self, BlockFile, FileError};
use crate::types::Nanos;
use crate::wire::record::MasterId;
use std::io;
use std::path::{Path, PathBuf};

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The new master key.
    pub master: MasterId,
    /// Files whose keys were wrapped anew.
    pub files: u32,
    /// Their keys.
    pub keys: usize,
    /// Where the old master key is, for copies of the data.
    pub put_away: String,
}

/// Why it was not finished. Everything opens as before.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// A key does not open, or cannot be made.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// The keys of a file do not open.
    #[error("{file}: {why}")]
    KeysOf {
        /// Which.
        file: String,
        /// What is wrong.
        why: KeyError,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The head cannot be noted again.
    #[error(transparent)]
    Head(#[from] HeadError),
}

/// Gives everything in some folders another master key: the data folder first, then the archive, to which files go from
/// there.
pub fn rotate(
    vault: &Vault,
    folders: &[&Path],
    head: Option<&SharedHead>,
    now: Nanos,
) -> Result<Rotated, RotateError> {
    let master = vault.begin_rotation()?;
    let (mut files, mut keys) = (0, 0);
    // Until a whole round finds nothing: what was sealed just before may have got its name just after.
    loop {
        let before = files;
        for folder in folders {
            for path in files_in(folder)? {
                let rewrapped = rewrap(vault, &path)?;
                files += u32::from(rewrapped > 0);
                keys += rewrapped;
            }
        }
        if files == before {
            break;
        }
    }
    if let Some(head) = head {
        // Whoever notes the head does not wait for a token.
        let sealer = HeadSealer::new(vault, 0, now)?;
        head.hold().renew(sealer, now)?;
    }
    let put_away = vault.finish_rotation()?;
    Ok(Rotated { master, files, keys, put_away })
}

/// The plain files of a folder: a socket or a folder has no keys.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                files.push(entry.path());
            }
        }
        Ok(files)
    };
    list().map_err(|source| FileError { doing: "list", path: folder.to_owned(), source })
}

/// Wraps the keys of a file anew; how many there were to do.
fn rewrap(vault: &Vault, path: &Path) -> Result<usize, RotateError> {
    // It may just have been removed.
    let Some(file) = file::open_if_there(path)? else { return Ok(0) };
    loop {
        let head = head_of(&file)?;
        let rewrapped = vault.rewrap(&head);
        let rewrapped =
            rewrapped.map_err(|why| RotateError::KeysOf { file: path.display().to_string(), why })?;
        let Some(rewrapped) = rewrapped else { return Ok(0) };
        // The journal agent may have added a key to the same file meanwhile.
        let pages = vault.pages();
        if head_of(&file)? == head {
            file.write(&rewrapped.page, rewrapped.offset)?;
            file.sync()?;
            return Ok(rewrapped.keys);
        }
        drop(pages);
    }
}

fn head_of(file: &BlockFile) -> Result<Vec<u8>, FileError> {
    let length = usize::try_from(file.size()?).unwrap_or(usize::MAX).min(FILE_HEADER_BYTES);
    let mut bytes = vec![0; length];
    file.read(&mut bytes, 0)?;
    Ok(bytes)
}
