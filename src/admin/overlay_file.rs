//! The file of what was changed at run time: sealed like everything else in the data folder.
//!
//! ```text
//!   sessions.sealed     under the master key
//!   sessions.toml       where nothing is encrypted; with encryption it is refused, because anybody could have
//! written it
//! ```

use super::ControlStartError;
use super::protocol::Failure;
use crate::config::{OVERLAY_FILE, Overlay};
use crate::seal::{KeyError, Vault};
use crate::sys::clock::Clock;
use crate::sys::file::{self, FileError};
use std::io;
use std::path::{Path, PathBuf};

/// What the sealed file is for.
pub const PURPOSE: &str = "sessions";

/// The name of the sealed file.
pub const SEALED: &str = "sessions.sealed";

/// Where the file is.
pub fn path(data_dir: &Path, vault: &Vault) -> PathBuf {
    data_dir.join(if vault.is_sealing() { SEALED } else { OVERLAY_FILE })
}

/// Reads the file, if there is one.
pub fn load(data_dir: &Path, vault: &Vault) -> Result<Overlay, ControlStartError> {
    let path = path(data_dir, vault);
    let plain = data_dir.join(OVERLAY_FILE);
    if vault.is_sealing() && plain.exists() {
        return Err(ControlStartError::Sealed { path: plain, why: KeyError::NotSealed });
    }
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Overlay::default()),
        Err(source) => return Err(FileError { doing: "read", path, source }.into()),
    };
    let text = match vault.is_sealing() {
        true => vault.open_file(PURPOSE, &bytes),
        false => Ok(bytes),
    };
    let text = text.map_err(|why| ControlStartError::Sealed { path: path.clone(), why })?;
    Ok(Overlay::parse(&String::from_utf8_lossy(&text), &path)?)
}

/// Puts another in its place.
pub fn save(overlay: &Overlay, path: &Path, vault: &Vault) -> Result<(), Failure> {
    let text = overlay.text();
    let bytes = match vault.is_sealing() {
        true => vault.seal_file(PURPOSE, text.as_bytes(), Clock::new().now()).map_err(Failure::NotSealed)?,
        false => text.into_bytes(),
    };
    file::replace(path, &bytes).map_err(Failure::NotSaved)
}
