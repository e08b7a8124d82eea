//! `sealgate key new-master`, `rotate-master`, `seal` and `unseal`: the key that everything at rest is sealed with.

use crate::admin::client::{Control, ControlError};
use crate::admin::overlay_file;
use crate::admin::protocol::Request;
use crate::cli::problem;
use crate::config::{self, Config, Encryption};
use crate::run::journal::kept::{KeptHead, SharedHead};
use crate::run::journal::rotate::{RotateError, Rotated, rotate};
use crate::seal::{KeyError, KeyFile, TokenKeys, Vault};
use crate::sys::clock::Clock;
use crate::sys::file::{self, Folder};
use serde_json::{Value, json};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const SEE: &str = "see docs/security.md, \"At rest\"";

/// Where the server is, whose key it is.
#[derive(clap::Args)]
pub struct OfServer {
    /// The configuration of the server.
    #[arg(long, value_name = "FILE", default_value = "sealgate.toml")]
    config: PathBuf,
}

impl OfServer {
    fn load(&self) -> Result<Config, ExitCode> {
        config::load(&self.config).map_err(|error| crate::cli::serve::refused(&error))
    }

    fn vault(&self) -> Result<Vault, ExitCode> {
        let config = self.load()?;
        open(&config)
    }
}

fn open(config: &Config) -> Result<Vault, ExitCode> {
    let vault = Vault::open(&config.encryption, &config.data_dir);
    let vault = vault.map_err(|error| problem("encryption", error, SEE))?;
    match config.encryption {
        Encryption::None => Err(problem("encryption", "the configuration says \"none\"", SEE)),
        _ => Ok(vault),
    }
}

/// Makes a master key: in a file, or where the configuration has it.
pub fn new(file: Option<&Path>, of: &OfServer) -> ExitCode {
    let encryption = match file {
        Some(file) => Encryption::KeyFile(file.to_owned()),
        None => match of.load() {
            Ok(config) => config.encryption,
            Err(code) => return code,
        },
    };
    make(&encryption)
}

fn make(encryption: &Encryption) -> ExitCode {
    let made = match encryption {
        Encryption::None => return problem("key new-master", "the configuration says \"none\"", SEE),
        Encryption::Moving { to, .. } => return make(to),
        Encryption::KeyFile(file) => KeyFile::create(file).map(|()| {
            format!("wrote {}; keep a copy of it where no copy of the data folder is", file.display())
        }),
        Encryption::Token(token) => TokenKeys::create(token).map(|name| {
            format!(
                "made {:?} in token {name:?}, which it never leaves; keep a backup of the token",
                token.key
            )
        }),
    };
    match made {
        Ok(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Err(error @ KeyError::TokenKeyThere { .. }) => {
            problem("key new-master", error, "change the one that is there with `sealgate key rotate-master`")
        }
        Err(error @ KeyError::Unreadable(_)) => {
            problem("key new-master", error, "a key is never written over; name another file")
        }
        Err(error) => problem("key new-master", error, SEE),
    }
}

/// Asks the server to change its master key; does it here where none runs.
pub fn rotate_master(of: &OfServer) -> ExitCode {
    let config = match of.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    if let Some(socket) = config.control_socket()
        && let Ok(mut control) = Control::connect(&socket)
    {
        return match control.ask(&Request::RotateMaster) {
            Ok(done) => tell(&done),
            Err(ControlError::Refused(refusal)) => problem("key rotate-master", refusal.message, SEE),
            Err(error) => problem(socket.display(), error, "ask again: what was begun goes on"),
        };
    }
    rotate_here(&config).unwrap_or_else(|code| code)
}

fn rotate_here(config: &Config) -> Result<ExitCode, ExitCode> {
    let vault = open(config)?;
    // Held, so that no server begins meanwhile.
    let _folder = Folder::hold(&config.data_dir).map_err(|error| {
        problem("key rotate-master", error, "is the server running without a control socket?")
    })?;
    let now = Clock::new().now();
    let rotated = config
        .head
        .as_ref()
        .map(|head| KeptHead::open(&head.file, &vault, head.every, now).map(SharedHead::new))
        .transpose()
        .map_err(RotateError::from)
        .and_then(|head| rotate(&vault, &config.sealed_folders(), head.as_ref(), now));
    let Rotated { master, files, keys, put_away } =
        rotated.map_err(|error| problem("key rotate-master", error, "mend the cause and do it again"))?;
    let done = json!({"master": master.to_string(), "files": files, "keys": keys, "put_away": put_away});
    Ok(tell(&done))
}

fn tell(done: &Value) -> ExitCode {
    let text = |name: &str| done[name].as_str().unwrap_or_default().to_owned();
    println!(
        "master key {}: {} keys in {} files wrapped with it",
        text("master"),
        done["keys"],
        done["files"]
    );
    println!("the old one is put away: {}; older copies of the data need it", text("put_away"));
    ExitCode::SUCCESS
}

/// Shows what stands in a sealed file.
pub fn unseal(path: &Path, of: &OfServer) -> ExitCode {
    let content = of.vault().and_then(|vault| {
        let bytes =
            std::fs::read(path).map_err(|error| problem(path.display(), error, "name a sealed file"))?;
        let content = vault.open_file(overlay_file::PURPOSE, &bytes);
        content.map_err(|error| problem(path.display(), error, SEE))
    });
    match content {
        Ok(content) => match io::stdout().write_all(&content) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => problem("stdout", error, "the rest was not written"),
        },
        Err(code) => code,
    }
}

/// Seals what stands on stdin.
pub fn seal(path: &Path, of: &OfServer) -> ExitCode {
    let sealed = of.vault().and_then(|vault| {
        let mut content = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut content);
        read.map_err(|error| problem("stdin", error, "give the content on stdin"))?;
        let sealed = vault.seal_file(overlay_file::PURPOSE, &content, Clock::new().now());
        sealed.map_err(|error| problem("key seal", error, SEE))
    });
    match sealed.map(|bytes| file::replace(path, &bytes)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => problem("key seal", error, "nothing was changed"),
        Err(code) => code,
    }
}
