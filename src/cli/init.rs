//! `sealgate init DIR`: everything that a first server and its first two clients need.
//!
//! ```text
//!   sealgate.toml                  with comments; refuses to write over one
//!   ca.pem, server.pem             and their keys, *-key.pem, for their owner's eyes alone
//!   master.key                     what the data folder is encrypted with, likewise
//!   alice.pem, bob.pem             certificates of two members, and their keys
//!   alice-api-key.pem, bob-…       Ed25519 keys that sign orders
//! ```
//!
//! The CA is new each time, so nobody else's certificate opens this server.

use super::cert::{Ca, CertError, Validity, write_member, write_pair};
use super::problem;
use crate::seal::KeyFile;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The configuration; `@ALICE@` and `@BOB@` stand for public keys.
const TEMPLATE: &str = include_str!("init.toml");

/// How long the certificates are good.
const YEARS: u32 = 2;

/// Arguments of `sealgate init`.
#[derive(clap::Args)]
pub struct Args {
    /// The folder to write; it is made if it is not there, and must not have a sealgate.toml.
    pub dir: PathBuf,
}

/// Writes the folder and says what to do with it.
pub fn run(args: Args) -> ExitCode {
    match write(&args.dir) {
        Ok(config) => {
            next_steps(&args.dir, &config);
            ExitCode::SUCCESS
        }
        Err(error) => problem(format!("init {}", args.dir.display()), &error, error.advice()),
    }
}

/// Writes the folder and gives the path of the configuration.
pub fn write(dir: &Path) -> Result<PathBuf, CertError> {
    let config = dir.join("sealgate.toml");
    if config.exists() {
        let why = "there is a configuration already".to_owned();
        return Err(CertError::File { path: config.display().to_string(), why });
    }
    let validity = Validity::years(YEARS);
    let ca = Ca::make("Sealgate init CA", validity)?;
    write_pair(dir, "ca", ca.pair())?;
    write_pair(dir, "server", &ca.make_server(&["localhost", "127.0.0.1", "::1"], validity)?)?;
    write_master_key(dir)?;
    let member = |name: &str| write_member(dir, &ca, name, validity);
    let (alice, bob) = (member("alice")?, member("bob")?);
    let text = TEMPLATE
        .replace("@ALICE@", &BASE64.encode(alice.public))
        .replace("@BOB@", &BASE64.encode(bob.public));
    std::fs::write(&config, text)
        .map_err(|why| CertError::File { path: config.display().to_string(), why: why.to_string() })?;
    Ok(config)
}

/// Writes `master.key`, which the configuration names.
pub fn write_master_key(dir: &Path) -> Result<(), CertError> {
    let path = dir.join("master.key");
    KeyFile::create(&path)
        .map_err(|why| CertError::File { path: path.display().to_string(), why: why.to_string() })
}

fn next_steps(dir: &Path, config: &Path) {
    let (dir, config) = (dir.display(), config.display());
    println!("wrote {config}, a CA, a server certificate, and the members alice and bob\n");
    println!("run the server    sealgate serve --config {config}");
    println!("place an order    sealgate bot --home {dir} place buy BTC-USD 0.01 @ 99000");
    println!("run a bot         python3 docs/examples/python/sealgate.py {dir}");
    println!(
        "add a member      sealgate cert client --ca {dir}/ca.pem --ca-key {dir}/ca-key.pem --name carol \\"
    );
    println!("                    --out {dir}");
    println!("                  sealgate key new {dir}/carol-api-key.pem");
    println!("                  and a [[member]] in {config}\n");
    println!("Give each member its own files only, and keep ca-key.pem away from the server.");
    println!(
        "Keep a copy of master.key where no copy of the data folder is: without it the journal cannot be read."
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema::SECTIONS;
    use crate::config::{self, Durability};
    use crate::types::InstrumentKind;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    #[test]
    fn what_it_writes_is_a_configuration_with_two_members_and_three_instruments() {
        let dir = TempDir::new().unwrap();
        let config = config::load(&write(dir.path()).unwrap()).unwrap();
        assert_eq!(config.durability, Durability::Disk);
        let directory = &config.directory;
        let counts = (directory.members().len(), directory.accounts().len(), directory.keys().len());
        assert_eq!((counts, directory.sessions().len()), ((2, 2, 2), 2));
        let kinds: Vec<InstrumentKind> = directory.instruments().iter().map(|i| i.kind).collect();
        assert_eq!(kinds, [InstrumentKind::Spot, InstrumentKind::Perpetual, InstrumentKind::Option]);
        for member in directory.members() {
            assert_eq!(directory.member_by_spki(&member.spki_sha256[0]), Some(member.id));
        }
    }

    #[test]
    fn keys_are_their_owners_alone() {
        let dir = TempDir::new().unwrap();
        write(dir.path()).unwrap();
        let mut keys = 0;
        for entry in std::fs::read_dir(dir.path()).unwrap().map(Result::unwrap) {
            let secret = entry.file_name().into_string().unwrap().ends_with("-key.pem");
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert!(!secret || mode == 0o600, "{:?} has mode {mode:o}", entry.file_name());
            keys += u32::from(secret);
        }
        assert_eq!(keys, 6);
    }

    #[test]
    fn writes_over_nothing() {
        let dir = TempDir::new().unwrap();
        let config = write(dir.path()).unwrap();
        let first = std::fs::read(&config).unwrap();
        let refused = write(dir.path()).unwrap_err().to_string();
        assert!(refused.ends_with("sealgate.toml: there is a configuration already"), "{refused}");
        // Without the configuration the keys still stand in the way.
        std::fs::remove_file(&config).unwrap();
        assert!(write(dir.path()).is_err());
        assert!(!config.exists() && !first.is_empty());
    }

    #[test]
    fn the_template_shows_every_key_or_its_default() {
        for section in SECTIONS {
            for key in section.keys {
                let shown = TEMPLATE.lines().any(|line| {
                    let line = line.strip_prefix('#').unwrap_or(line);
                    line.split_once(" = ").is_some_and(|(name, _)| name == key.name)
                });
                assert!(shown || key.name == "spki_sha256", "{} is not shown", section.path(key.name));
            }
        }
    }

    #[test]
    fn the_defaults_that_the_template_shows_are_those_of_the_schema() {
        let defaults = SECTIONS.iter().flat_map(|section| section.keys).filter_map(|key| match key.absent {
            crate::config::schema::Absent::Default(value) => Some((key.name, value)),
            _ => None,
        });
        for (name, value) in defaults {
            let shown = TEMPLATE.lines().find_map(|line| line.strip_prefix(&format!("#{name} = ")));
            let shown = shown.map(|rest| rest.split("  ").next().unwrap_or(rest).trim());
            // An idle strategy stands in an example of another topology.
            assert!(name == "idle" || shown.is_none_or(|shown| shown == value), "{name}: {shown:?}");
        }
    }
}
