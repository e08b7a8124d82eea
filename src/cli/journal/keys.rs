//! The keys of a journal that is looked at offline: from the configuration of its server, or from a key file.

use crate::cli::problem;
use crate::config::{self, Config, Encryption};
use crate::seal::{KeyError, Vault};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the master key is said to be.
#[derive(clap::Args)]
pub struct Keys {
    /// The configuration of the journal's server, which says where its master key is [default: sealgate.toml in the
    /// folder of the server, or beside the journal].
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The file of the master key itself, whatever the configuration says: for a copy of the journal.
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "config")]
    key_file: Option<PathBuf>,
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

    /// What opens the journal in `dir`.
    pub fn vault(&self, dir: &Path) -> Result<Vault, ExitCode> {
        let encryption = match (&self.key_file, &self.config) {
            (Some(path), _) => Encryption::KeyFile(path.clone()),
            (None, Some(path)) => {
                config::load(path).map_err(|error| crate::cli::serve::refused(&error))?.encryption
            }
            (None, None) => beside(dir).map_or(Encryption::None, |config| config.encryption),
        };
        Vault::open(&encryption, dir).map_err(|error| unusable(&error))
    }
}

/// What the configuration beside a data folder says of it.
fn beside(dir: &Path) -> Option<Config> {
    let data_dir = dir.canonicalize().ok()?;
    let candidates = [data_dir.parent()?.join("sealgate.toml"), PathBuf::from("sealgate.toml")];
    let configs = candidates.iter().filter_map(|path| config::load(path).ok());
    let mut ours = configs.filter(|config| config.data_dir.canonicalize().is_ok_and(|dir| dir == data_dir));
    ours.next()
}

/// Says what is wrong with the master key.
pub fn unusable(error: &KeyError) -> ExitCode {
    problem("encryption", error, "see docs/security.md, \"At rest\"")
}
