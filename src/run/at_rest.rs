//! What a start does for what is at rest: what it expects of the journal, where it notes how far that is, and how the
//! master key is changed later.

use super::journal::kept::{HeadError, JournalHead, KeptHead, SharedHead};
use super::journal::rotate::{self, Rotated};
use super::journal::walk::{JournalFault, segments_from};
use super::recovery::RecoveryError;
use super::server::StartError;
use crate::admin;
use crate::config::{Config, Head};
use crate::seal::Vault;
use crate::sys::clock::Clock;
use crate::sys::file::Folder;
use crate::types::Nanos;
use std::path::{Path, PathBuf};

/// What the journal must come by, if that is noted anywhere.
pub fn expected(config: &Config, vault: &Vault) -> Result<Option<JournalHead>, StartError> {
    let Some(head) = &config.head else { return Ok(None) };
    let folder = Folder::create(&config.data_dir).map_err(JournalFault::from).map_err(RecoveryError::from)?;
    let has_journal = !segments_from(&folder, None).map_err(RecoveryError::from)?.is_empty();
    Ok(KeptHead::expected(&head.file, vault, has_journal)?)
}

/// Begins to note how far the journal is: where it is now, before anything is appended.
pub fn keep_head(
    config: &Config,
    vault: &Vault,
    now: Nanos,
    reached: JournalHead,
) -> Result<Option<SharedHead>, HeadError> {
    let Some(Head { file, every }) = &config.head else { return Ok(None) };
    let mut head = KeptHead::open(file, vault, *every, now)?;
    head.settle(reached, now)?;
    Ok(Some(SharedHead::new(head)))
}

/// Makes the archive, so that one that is away later is missed.
pub fn make_archive(config: &Config) -> Result<(), StartError> {
    let Some(dir) = config.archive_dir() else { return Ok(()) };
    Folder::create(dir).map_err(JournalFault::from).map_err(RecoveryError::from)?;
    Ok(())
}

/// Changes the master key, when the operator says so.
pub fn rotation(vault: Vault, config: &Config, head: Option<SharedHead>) -> admin::Rotate {
    let folders: Vec<PathBuf> = config.sealed_folders().into_iter().map(Path::to_owned).collect();
    Box::new(move || {
        let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
        let rotated = rotate::rotate(&vault, &folders, head.as_ref(), Clock::new().now());
        let Rotated { master, files, keys, put_away } = rotated.map_err(|error| error.to_string())?;
        Ok(admin::MasterRotated { master: master.to_string(), files, keys, put_away })
    })
}
