//! `sealgate key`: Ed25519 keys for API keys, and the master key of what is at rest.
//!
//! ```text
//!   sealgate key new FILE        FILE (0600, PKCS#8 PEM), and on stdout the public key for the configuration
//!   sealgate key public FILE     the public key of a file
//!   sealgate key sign FILE       the signature of stdin, and on stderr the SHA-256 of what was signed
//! ```
//!
//! `sign` is for those who debug their signing: a refusal tells the SHA-256 of the bytes that the server verified.

mod master;

use super::cert::{make_ed25519_key, write_secret};
use super::problem;
use crate::client::{ApiKey, Error};
use crate::wire::digest::sha256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use master::OfServer;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const SOH: u8 = 1;

/// Arguments of `sealgate key`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a key and print its public part, which goes into the configuration.
    New {
        /// The file of the private key; it must not be there.
        file: PathBuf,
    },
    /// Print the public part of a private key.
    Public {
        /// The private key, PKCS#8 in PEM.
        file: PathBuf,
    },
    /// Sign what stands on stdin and print the signature in base64.
    Sign(SignArgs),
    /// Make a master key, which the data folder is encrypted with: in a file, or where the configuration says.
    NewMaster {
        /// The file; it must not be there. Without it the key is made where the configuration has it: in a token, or in
        /// its key file.
        file: Option<PathBuf>,
        #[command(flatten)]
        of: OfServer,
    },
    /// Change the master key, while the server runs or while it does not. Where the configuration names two places, all
    /// is moved from the one to the other.
    RotateMaster(OfServer),
    /// Show what stands in the sealed file of changed FIX sessions.
    Unseal {
        /// The file, such as data/sessions.sealed.
        file: PathBuf,
        #[command(flatten)]
        of: OfServer,
    },
    /// Seal what stands on stdin as the file of changed FIX sessions, while the server is stopped.
    Seal {
        /// The file, such as data/sessions.sealed.
        file: PathBuf,
        #[command(flatten)]
        of: OfServer,
    },
}

#[derive(clap::Args)]
struct SignArgs {
    /// The private key, PKCS#8 in PEM.
    file: PathBuf,
    /// Sign this text in place of stdin.
    #[arg(long)]
    text: Option<String>,
    /// The character that stands for SOH in the text, such as '|': for FIX.
    #[arg(long, value_name = "CHAR")]
    soh: Option<char>,
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    match args.command {
        Command::New { file } => new(&file),
        Command::Public { file } => public(&file),
        Command::Sign(args) => sign(&args),
        Command::NewMaster { file, of } => master::new(file.as_deref(), &of),
        Command::RotateMaster(of) => master::rotate_master(&of),
        Command::Unseal { file, of } => master::unseal(&file, &of),
        Command::Seal { file, of } => master::seal(&file, &of),
    }
}

fn new(file: &Path) -> ExitCode {
    let made = make_ed25519_key().and_then(|key| write_secret(file, &key.private_pem).map(|()| key.public));
    match made {
        Ok(public) => {
            println!("{}", BASE64.encode(public));
            ExitCode::SUCCESS
        }
        Err(error) => problem("key new", &error, error.advice()),
    }
}

fn public(file: &Path) -> ExitCode {
    match read(file) {
        Ok(key) => {
            println!("{}", BASE64.encode(key.public_key()));
            ExitCode::SUCCESS
        }
        Err(error) => unreadable("key public", &error),
    }
}

fn sign(args: &SignArgs) -> ExitCode {
    let key = match read(&args.file) {
        Ok(key) => key,
        Err(error) => return unreadable("key sign", &error),
    };
    match payload(args) {
        Ok(bytes) => {
            println!("{}", key.sign_base64(&bytes));
            eprintln!("sha256 {} of {} bytes", super::cert::pin_text(&sha256(&bytes)), bytes.len());
            ExitCode::SUCCESS
        }
        Err(error) => problem("key sign", error, "give the bytes on stdin or with --text"),
    }
}

fn read(file: &Path) -> Result<ApiKey, Error> {
    ApiKey::from_pem_file("", file)
}

fn unreadable(what: &str, error: &Error) -> ExitCode {
    problem(what, error, "give the file that sealgate key new has made")
}

fn payload(args: &SignArgs) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match &args.text {
        Some(text) => bytes.extend_from_slice(text.as_bytes()),
        None => {
            std::io::stdin().lock().read_to_end(&mut bytes)?;
        }
    }
    Ok(args.soh.map_or(bytes.clone(), |soh| with_soh(&bytes, soh)))
}

/// Puts SOH for each `soh`.
fn with_soh(bytes: &[u8], soh: char) -> Vec<u8> {
    String::from_utf8_lossy(bytes).replace(soh, &char::from(SOH).to_string()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answer of Binance's FIX API documentation.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn signs_a_logon_as_the_known_answer_has_it() {
        let dir = tempfile::TempDir::new().unwrap();
        let file = dir.path().join("key.pem");
        std::fs::write(&file, PRIVATE).unwrap();
        let payload = with_soh(b"A|EXAMPLE|SPOT|1|20240627-11:17:25.223", '|');
        assert_eq!(
            read(&file).unwrap().sign_base64(&payload),
            "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA=="
        );
    }

    #[test]
    fn a_new_key_is_its_owners_alone_and_never_written_over() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::TempDir::new().unwrap();
        let file = dir.path().join("key.pem");
        assert_eq!(new(&file), ExitCode::SUCCESS);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let first = std::fs::read(&file).unwrap();
        assert_eq!(new(&file), ExitCode::FAILURE);
        assert_eq!(std::fs::read(&file).unwrap(), first);
    }
}
