//! `sealgate cert`: certificates for servers and members, and their names for the configuration.
//!
//! ```text
//!   sealgate cert client --ca ca.pem --ca-key ca-key.pem --name carol --out DIR
//!        └─► DIR/carol.pem, DIR/carol-key.pem (0600), and on stdout the SHA-256 of its key for the configuration
//! ```
//!
//! `make.rs` makes them; `init`, `demo` and the tests use it too. No command overwrites a key.

mod files;
mod make;

pub use files::{write_member, write_pair, write_secret};
pub use make::{Ca, CertError, Ed25519Key, Pair, Validity, make_ed25519_key};

use super::problem;
use crate::accept::{DEVELOPMENT_CA, pem_spki_sha256};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How long a certificate of a member or a server is good.
const YEARS: u32 = 2;

/// Arguments of `sealgate cert`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make the certificate of a member, signed by your CA, and print what the configuration needs of it.
    Client {
        #[command(flatten)]
        issuer: IssuerFiles,
        /// The name of the member; also that of the files.
        #[arg(long)]
        name: String,
    },
    /// Make the certificate of a server, signed by your CA.
    Server {
        #[command(flatten)]
        issuer: IssuerFiles,
        /// A DNS name or IP address under which clients connect; may be given more than once.
        #[arg(long = "name", required = true)]
        names: Vec<String>,
    },
    /// Print the SHA-256 of the public key of a certificate: the pin that a member has in the configuration.
    Pin {
        /// The certificate, in PEM.
        file: PathBuf,
    },
    /// Make the throw-away development CA and its pairs again, over those in the folder.
    Dev {
        /// The folder; `certs/` in this repository.
        dir: PathBuf,
    },
}

#[derive(clap::Args)]
struct IssuerFiles {
    /// The certificate of the CA, in PEM.
    #[arg(long)]
    ca: PathBuf,
    /// The private key of the CA, in PEM.
    #[arg(long)]
    ca_key: PathBuf,
    /// The folder for the new certificate and its key.
    #[arg(long, default_value = ".")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    let done = match args.command {
        Command::Client { issuer, name } => client(&issuer, &name),
        Command::Server { issuer, names } => server(&issuer, &names),
        Command::Pin { file } => pin(&file),
        Command::Dev { dir } => development(&dir),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => problem("cert", &error, error.advice()),
    }
}

/// A pin as the configuration writes it: 64 hexadecimal digits.
pub fn pin_text(spki_sha256: &[u8; 32]) -> String {
    spki_sha256.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the development CA, a server for loopback, and two members, over those that are there.
pub fn development(dir: &Path) -> Result<(), CertError> {
    let ca = Ca::make(DEVELOPMENT_CA, Validity::DEVELOPMENT)?;
    let server = ca.make_server(&["localhost", "127.0.0.1", "::1"], Validity::DEVELOPMENT)?;
    let members = ["alice", "bob"].map(|name| (name, ca.make_client(name, Validity::DEVELOPMENT)));
    files::replace_pair(dir, "ca", ca.pair())?;
    files::replace_pair(dir, "server", &server)?;
    for (name, pair) in members {
        files::replace_pair(dir, name, &pair?)?;
    }
    Ok(())
}

fn client(issuer: &IssuerFiles, name: &str) -> Result<(), CertError> {
    let pair = read_ca(issuer)?.make_client(name, Validity::years(YEARS))?;
    write_pair(&issuer.out, name, &pair)?;
    println!("{}", pin_text(&pair.spki_sha256));
    Ok(())
}

fn server(issuer: &IssuerFiles, names: &[String]) -> Result<(), CertError> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let pair = read_ca(issuer)?.make_server(&names, Validity::years(YEARS))?;
    write_pair(&issuer.out, "server", &pair)
}

fn pin(file: &Path) -> Result<(), CertError> {
    let pem = files::read(file)?;
    let spki = pem_spki_sha256(pem.as_bytes())
        .ok_or_else(|| CertError::NoCertificate(file.display().to_string()))?;
    println!("{}", pin_text(&spki));
    Ok(())
}

fn read_ca(issuer: &IssuerFiles) -> Result<Ca, CertError> {
    Ca::from_pem(&files::read(&issuer.ca)?, &files::read(&issuer.ca_key)?)
}

#[cfg(test)]
mod tests;
