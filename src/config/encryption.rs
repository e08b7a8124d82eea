//! `[encryption]`: where the master key is, and where it was.

use super::file::outside;
use super::reader::{ConfigError, Section};
use super::{Encryption, PinSource, Token};
use std::path::Path;

/// Reads the section. Whether a file of a key is one is looked at when it is opened, also by those who have no
/// configuration.
pub(super) fn read(section: &Section<'_>, data_dir: &Path) -> Result<Encryption, ConfigError> {
    let provider = section.get("provider")?.choice()?;
    let file = section.find("key_file")?.map(|entry| outside(&entry, data_dir)).transpose()?;
    let file = file.map(Encryption::KeyFile);
    let token = section.find("module")?.is_some().then(|| token(section, data_dir)).transpose()?;
    let token = token.map(Encryption::Token);
    let missing = |name| {
        section.refuse_at(name, "it is missing", format!("a path, as provider = {provider:?} needs it"))
    };
    let (to, from) = match provider {
        "none" => return Ok(Encryption::None),
        "file" => (file.ok_or_else(|| missing("key_file"))?, token),
        _ => (token.ok_or_else(|| missing("module"))?, file),
    };
    Ok(match from {
        None => to,
        Some(from) => Encryption::Moving { to: Box::new(to), from: Box::new(from) },
    })
}

fn token(section: &Section<'_>, data_dir: &Path) -> Result<Token, ConfigError> {
    let text = |name: &'static str| -> Result<Option<String>, ConfigError> {
        section.find(name)?.map(|entry| entry.text().map(str::to_owned)).transpose()
    };
    let (label, serial) = (text("token")?, text("token_serial")?);
    if label.is_none() && serial.is_none() {
        return Err(section.refuse_at("token", "no token is named", "token, token_serial, or both"));
    }
    let key = text("key")?
        .ok_or_else(|| section.refuse_at("key", "it is missing", "the label of the master key"))?;
    let file = section.find("pin_file")?.map(|entry| outside(&entry, data_dir)).transpose()?;
    let pin = match (file, text("pin_env")?) {
        (Some(file), None) => PinSource::File(file),
        (None, Some(name)) => PinSource::Environment(name),
        (None, None) => {
            return Err(section.refuse_at("pin_file", "nobody knows the PIN", "pin_file or pin_env"));
        }
        (Some(_), Some(_)) => {
            return Err(section.refuse_at(
                "pin_env",
                "the PIN is in two places",
                "pin_file or pin_env, not both",
            ));
        }
    };
    Ok(Token { module: section.get("module")?.path()?, label, serial, key, pin })
}
