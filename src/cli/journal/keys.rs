//! What a journal that is looked at offline is held against: the keys that open it, and the head that was kept apart
//! from it. From the configuration of its server, or from the command line.

use crate::cli::problem;
use crate::config::{self, Config, Encryption, Head};
use crate::run::journal::kept::{HeadError, JournalHead, KeptHead};
use crate::run::journal::walk::{JournalFault, Trust};
use crate::seal::{KeyError, Vault};
use crate::sys::clock::Clock;
use crate::sys::file::Folder;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where both are said to be.
#[derive(clap::Args)]
pub struct Keys {
    /// The configuration of the journal's server, which says where its master key and its head are [default:
    /// sealgate.toml in the folder of the server, or beside the journal].
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The file of the master key itself, whatever the configuration says: for a copy of the journal.
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "config")]
    key_file: Option<PathBuf>,
    /// The folder of archived segments, which are read as those of the journal itself [default: as the configuration
    /// says].
    #[arg(long, value_name = "DIR", global = true)]
    archive: Option<PathBuf>,
}

/// What it is held against.
pub struct Access {
    /// What opens it.
    pub vault: Vault,
    /// The head that it must come by.
    pub head: Option<JournalHead>,
    /// Where its head is kept.
    kept_in: Option<Head>,
    /// Where its archived segments are.
    archive: Option<PathBuf>,
}

impl Keys {
    /// The configuration of the journal's server.
    pub fn config(&self, dir: &Path) -> Result<Config, ExitCode> {
        match &self.config {
            Some(path) => config::load(path).map_err(|error| crate::cli::serve::refused(&error)),
            None => beside(dir).ok_or_else(|| {
                problem(
                    "journal",
                    "a snapshot needs the configuration of the server",
                    "name it with --config",
                )
            }),
        }
    }

    /// What there is for the journal in `dir`; a head that was given counts before one that is kept.
    pub fn access(&self, dir: &Path, head: Option<JournalHead>) -> Result<Access, ExitCode> {
        let of = |config: Config| {
            let archive = config.archive_dir().map(Path::to_owned);
            (config.encryption, config.head, archive)
        };
        let (encryption, kept_in, archive) = match (&self.key_file, &self.config) {
            (Some(path), _) => (Encryption::KeyFile(path.clone()), None, None),
            (None, Some(path)) => of(config::load(path).map_err(|error| crate::cli::serve::refused(&error))?),
            (None, None) => beside(dir).map_or((Encryption::None, None, None), of),
        };
        let archive = self.archive.clone().or(archive);
        let vault = Vault::open(&encryption, dir).map_err(|error| unusable(&error))?;
        let mut access = Access { vault, head, kept_in, archive };
        if head.is_none() {
            access.head = access.kept().map_err(|error| unreadable(&error))?;
        }
        Ok(access)
    }
}

impl Access {
    /// Holds the folder of the journal; what is not there is read in the archive.
    pub fn hold(&self, dir: &Path) -> Result<Folder, JournalFault> {
        Ok(Folder::hold(dir)?.with_annex(self.archive.as_deref()))
    }

    /// Both.
    pub fn trust(&self) -> Trust<'_> {
        Trust { vault: &self.vault, head: self.head }
    }

    /// The head that is kept.
    pub fn kept(&self) -> Result<Option<JournalHead>, HeadError> {
        self.kept_in.as_ref().map_or(Ok(None), |kept| KeptHead::read(&kept.file, &self.vault))
    }

    /// Notes another head where one is kept, and tells where that is.
    pub fn keep(&self, head: JournalHead) -> Result<Option<PathBuf>, HeadError> {
        let Some(Head { file, every }) = &self.kept_in else { return Ok(None) };
        let now = Clock::new().now();
        KeptHead::open(file, &self.vault, *every, now)?.settle(head, now)?;
        Ok(Some(file.clone()))
    }

    /// Only with a key, and nothing to hold it against.
    #[cfg(test)]
    pub fn with(vault: Vault, head: Option<JournalHead>) -> Self {
        Self { vault, head, kept_in: None, archive: None }
    }
}

/// The configuration beside a data folder, if it is that of the folder.
pub fn beside(dir: &Path) -> Option<Config> {
    let data_dir = dir.canonicalize().ok()?;
    let candidates = [data_dir.parent()?.join("sealgate.toml"), PathBuf::from("sealgate.toml")];
    let mut configs = candidates.iter().filter_map(|path| config::load(path).ok());
    configs.find(|config| config.data_dir.canonicalize().is_ok_and(|dir| dir == data_dir))
}

/// Says what is wrong with the master key.
pub fn unusable(error: &KeyError) -> ExitCode {
    problem("encryption", error, "see docs/security.md, \"At rest\"")
}

/// Says what is wrong with the head that is kept.
pub fn unreadable(error: &HeadError) -> ExitCode {
    problem("head", error, "see docs/journal.md, \"Evidence\"")
}
