//! Certificates and keys as files: keys for their owner's eyes alone, and never one over another.

use super::make::{Ca, CertError, Ed25519Key, Pair, Validity, make_ed25519_key};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes `NAME.pem` and `NAME-key.pem` (mode 0600) into a folder, which is made if need be. Refuses if one is there.
pub fn write_pair(dir: &Path, name: &str, pair: &Pair) -> Result<(), CertError> {
    let certificate = certificate_path(dir, name)?;
    fs::create_dir_all(dir).map_err(|why| file_error(dir, why))?;
    write_new(&certificate, pair.certificate_pem.as_bytes(), 0o644)?;
    write_secret(&key_path(dir, name), &pair.key_pem)
}

/// Writes a file that its owner alone may read (mode 0600). Refuses to write over one that is there: a key that is
/// lost is lost for ever.
pub fn write_secret(path: &Path, text: &str) -> Result<(), CertError> {
    write_new(path, text.as_bytes(), 0o600)
}

/// Writes what a member connects with: `NAME.pem`, `NAME-key.pem`, and `NAME-api-key.pem`, an Ed25519 key that signs
/// orders. Gives that key, whose public half belongs into the configuration.
pub fn write_member(dir: &Path, ca: &Ca, name: &str, validity: Validity) -> Result<Ed25519Key, CertError> {
    write_pair(dir, name, &ca.make_client(name, validity)?)?;
    let key = make_ed25519_key()?;
    write_secret(&dir.join(format!("{name}-api-key.pem")), &key.private_pem)?;
    Ok(key)
}

/// As [`write_pair`], over what is there.
pub(super) fn replace_pair(dir: &Path, name: &str, pair: &Pair) -> Result<(), CertError> {
    for path in [certificate_path(dir, name)?, key_path(dir, name)] {
        match fs::remove_file(&path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(file_error(&path, why)),
            _ => {}
        }
    }
    write_pair(dir, name, pair)
}

pub(super) fn read(path: &Path) -> Result<String, CertError> {
    fs::read_to_string(path).map_err(|why| file_error(path, why))
}

/// Where the certificate goes. A name that leaves the folder is refused.
fn certificate_path(dir: &Path, name: &str) -> Result<PathBuf, CertError> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if name.is_empty() || name.starts_with('.') || !plain {
        return Err(CertError::Name(name.to_owned()));
    }
    Ok(dir.join(format!("{name}.pem")))
}

fn key_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}-key.pem"))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CertError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|why| file_error(path, why))
}

fn file_error(path: &Path, why: io::Error) -> CertError {
    CertError::File { path: path.display().to_string(), why: why.to_string() }
}
