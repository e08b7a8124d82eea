//! `sealgate.toml` → [`Config`].

use super::Config;
use std::path::Path;

/// Why a configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// Reads a configuration file.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError(format!("{}: {error}", path.display())))?;
    parse(&text, path)
}

/// Reads a configuration; `path` is for messages, and what relative paths are relative to.
pub fn parse(_text: &str, path: &Path) -> Result<Config, ConfigError> {
    Err(ConfigError(format!("{}: not read yet", path.display())))
}
