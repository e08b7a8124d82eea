//! The folder of a demo: a configuration, a CA, a server and three members, each with certificate, API key and account.

use crate::cli::cert::{Ca, CertError, Validity, write_member, write_pair};
use crate::cli::init::write_master_key;
use crate::client::{self, ApiKey, tls};
use crate::config::{self, Config, ConfigError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::ClientConfig;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The configuration; `@MEMBERS@` stands for what [`write()`] makes.
const TEMPLATE: &str = include_str!("demo.toml");

/// The configuration's name in the folder.
const CONFIG: &str = "sealgate.toml";

/// The members: the market maker, then the bots. Each has an account and an API key of its own name.
pub const MEMBERS: [&str; 3] = ["maker", "bot-1", "bot-2"];

/// TargetCompID(56): the venue.
pub const VENUE: &str = "SEALGATE";

/// Why there is no folder to work with.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A certificate or key could not be made or written.
    #[error(transparent)]
    Cert(#[from] CertError),
    /// A file could not be written.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It is the configuration of something else.
    #[error("{0}: it has no account {1}, so it is not that of a demo")]
    NotADemo(PathBuf, &'static str),
}

/// The configuration of the folder, written if it is not there.
pub fn prepare(folder: &Path) -> Result<Config, SetupError> {
    let path = folder.join(CONFIG);
    if !path.exists() {
        write(folder, &path)?;
    }
    load(folder)
}

/// The configuration of a folder of an earlier demo. Ports are free ones, so that a demo never meets a server that runs
/// already; the file has the usual ones.
pub fn load(folder: &Path) -> Result<Config, SetupError> {
    let path = folder.join(CONFIG);
    let mut config = config::load(&path)?;
    if let Some(missing) = MEMBERS.into_iter().find(|name| config.directory.account_by_name(name).is_none()) {
        return Err(SetupError::NotADemo(path, missing));
    }
    let any_port = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    (config.fix_listen, config.websocket_listen) = (any_port, any_port);
    Ok(config)
}

fn write(folder: &Path, path: &Path) -> Result<(), SetupError> {
    // Throw-away, but a kept folder should still work tomorrow.
    let validity = Validity::years(1);
    let ca = Ca::make("Sealgate demo CA", validity)?;
    write_pair(folder, "ca", ca.pair())?;
    write_pair(folder, "server", &ca.make_server(&["localhost", "127.0.0.1"], validity)?)?;
    write_master_key(folder)?;
    let mut members = String::new();
    for (at, name) in MEMBERS.iter().enumerate() {
        let key = write_member(folder, &ca, name, validity)?;
        member(&mut members, at + 1, name, &BASE64.encode(key.public));
    }
    // Last, so that a folder with a configuration is whole.
    std::fs::write(path, TEMPLATE.replace("@MEMBERS@\n", &members))
        .map_err(|error| SetupError::Io(path.to_owned(), error))
}

/// Limits are high: the demo shows how fast orders go, not how they are throttled.
fn member(out: &mut String, id: usize, name: &str, public_key: &str) {
    // Writing to a String does not fail.
    let _ = write!(
        out,
        r#"[[member]]
id = {id}
name = "{name}"
certificates = ["{name}.pem"]

[[member.account]]
id = {id}
name = "{name}"
order_rate = "50000/1s"
cancel_rate = "50000/1s"
query_rate = "50000/1s"

[[member.api_key]]
id = {id}
name = "{name}"
public_key = "{public_key}"
accounts = ["{name}"]

[[member.fix_session]]
id = {id}
sender_comp_id = "{name}"
target_comp_id = "{VENUE}"

"#
    );
}

/// What a member connects with.
pub fn credentials(folder: &Path, name: &str) -> Result<(Arc<ClientConfig>, ApiKey), client::Error> {
    Ok((tls::Files::of_member(folder, name).load()?, ApiKey::from_folder(folder, name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_written_once_and_its_credentials_can_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let config = prepare(folder.path()).unwrap();
        assert_eq!(config.directory.members().len(), MEMBERS.len());
        assert_eq!(config.directory.instruments().len(), 3);
        for name in MEMBERS {
            let (_, key) = credentials(folder.path(), name).unwrap();
            assert_eq!(config.directory.key_by_name(name).unwrap().public_key, key.public_key());
        }
        let text = std::fs::read(folder.path().join(CONFIG)).unwrap();
        prepare(folder.path()).unwrap();
        assert_eq!(std::fs::read(folder.path().join(CONFIG)).unwrap(), text, "what is there is left alone");
    }

    #[test]
    fn the_folder_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(load(folder.path()), Err(SetupError::Config(_))));
        crate::cli::init::write(folder.path()).unwrap();
        assert!(matches!(prepare(folder.path()), Err(SetupError::NotADemo(_, "maker"))));
    }
}
