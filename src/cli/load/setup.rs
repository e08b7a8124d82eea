//! The folder of a run: a configuration for the server, and what each connection comes with. Throw-away keys.

use super::args::{Args, Signing, SocketOption, word};
use super::crowd;
use super::terms::SYMBOL;
use crate::cli::cert::{Ca, CertError, Validity, write_member, write_pair};
use crate::cli::init::write_master_key;
use crate::client::{self, ApiKey, tls};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::ClientConfig;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The configuration's name in the folder.
pub const CONFIG: &str = "sealgate.toml";
/// TargetCompID(56).
pub const VENUE: &str = "SEALGATE";
/// HeartBtInt(108): longer than a run, so that no number goes to anything but an order.
const HEARTBEAT_SECS: u32 = 3_600;

/// What one connection comes with.
pub struct Identity {
    /// SenderCompID(49) and TargetCompID(56).
    pub comp_ids: (String, String),
    /// HeartBtInt(108).
    pub heartbeat_secs: u32,
    /// Its certificate; `None`: it connects in the clear.
    pub tls: Option<Arc<ClientConfig>>,
    /// Its API key.
    pub key: ApiKey,
}

/// Writes certificates, keys and configuration for as many accounts as there are.
pub fn write(folder: &Path, args: &Args, server_core: Option<usize>) -> Result<Vec<Identity>, SetupError> {
    let validity = Validity::years(1);
    let ca = certificates(folder, validity)?;
    write_master_key(folder)?;
    let mut config = head(args, server_core);
    // Accounts are shared by turns; over FIX a connection is a session of its own, of the member whose account it uses.
    let (accounts, connections) = (args.accounts, args.connections.max(args.accounts));
    let mut of_account = Vec::new();
    for at in 1..=accounts {
        let name = format!("load-{at}");
        let key = write_member(folder, &ca, &name, validity)?;
        member(&mut config, at, &name, &BASE64.encode(key.public), args.sign);
        (at..=connections).step_by(accounts as usize).for_each(|session| fix_session(&mut config, session));
        if at == 1 {
            crowd::configure(&mut config, args);
        }
        let tls = tls::Files::of_member(folder, &name).load()?;
        of_account.push((Some(tls), ApiKey::from_folder(folder, &name)?));
    }
    let path = folder.join(CONFIG);
    std::fs::write(&path, config).map_err(|error| SetupError::Io(path, error))?;
    let identity = |(session, (tls, key)): (u32, &(_, ApiKey))| Identity {
        comp_ids: (session_name(session), VENUE.to_owned()),
        heartbeat_secs: HEARTBEAT_SECS,
        tls: Option::clone(tls),
        key: key.clone(),
    };
    Ok((1..=connections).zip(of_account.iter().cycle()).map(identity).collect())
}

/// SenderCompID(49) of a FIX session of ours.
fn session_name(session: u32) -> String {
    format!("load-{session}")
}

fn fix_session(out: &mut String, id: u32) {
    let name = session_name(id);
    // Writing to a String does not fail.
    let _ = write!(
        out,
        r#"[[member.fix_session]]
id = {id}
sender_comp_id = "{name}"
target_comp_id = "{VENUE}"
heartbeat_max = "{HEARTBEAT_SECS}s"
"#
    );
}

/// Writes a CA and a server's certificate.
fn certificates(folder: &Path, validity: Validity) -> Result<Ca, CertError> {
    let ca = Ca::make("Sealgate load CA", validity)?;
    write_pair(folder, "ca", ca.pair())?;
    write_pair(folder, "server", &ca.make_server(&["localhost", "127.0.0.1"], validity)?)?;
    Ok(ca)
}

/// Writes what the two ends of a TLS echo need; what its client comes with.
pub fn for_echo(folder: &Path) -> Result<Arc<ClientConfig>, SetupError> {
    let validity = Validity::years(1);
    let ca = certificates(folder, validity)?;
    write_member(folder, &ca, "echo", validity)?;
    Ok(tls::Files::of_member(folder, "echo").load()?)
}

/// Why there is no folder to work with.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A certificate or key could not be made or written.
    #[error(transparent)]
    Cert(#[from] CertError),
    /// What was written could not be used.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// A file could not be written.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
}

fn head(args: &Args, server_core: Option<usize>) -> String {
    let (durability, idle) = (word(args.durability), word(args.idle));
    let sockets: Vec<&str> = args.sockets.iter().copied().map(SocketOption::key).collect();
    let sockets = sockets.join("\n");
    let threads = server_core.map_or(String::new(), |core| {
        format!(
            "[[thread]]\ncore = {core}\nidle = \"{idle}\"\nagents = [\"gateway-0\", \"shard-0\"]\n\
             [[thread]]\nidle = \"park\"\nagents = [\"journal-0\"]\n"
        )
    });
    format!(
        r#"environment = "load"
durability = "{durability}"
[encryption]
provider = "file"
key_file = "master.key"
[head]
file = "journal.head"
[tls]
certificate = "server.pem"
key = "server-key.pem"
client_roots = "ca.pem"
[listen]
websocket = "127.0.0.1:0"
fix = "127.0.0.1:0"
[caps]
connections = 65536
messages_per_second = 10000000
output_bytes = "64MiB"
[sockets]
{sockets}
{threads}[[instrument]]
id = 1
symbol = "{SYMBOL}"
kind = "perpetual"
base = "BTC"
quote = "USD"
price_scale = 1
qty_scale = 3
tick = "0.5"
lot = "0.001"
max_qty = "1000"
max_notional = "100000000"
price_band = "10%"
reference = "100000"
"#
    )
}

/// Limits are as high as they go: it is the path that is measured, not the limits.
fn member(out: &mut String, id: u32, name: &str, public_key: &str, sign: Signing) {
    let sign = word(sign);
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
signature = "{sign}"
order_rate = "1000000/1s"
cancel_rate = "1000000/1s"
query_rate = "1000/1s"
max_open_orders = 1000000
[[member.api_key]]
id = {id}
name = "{name}"
public_key = "{public_key}"
accounts = ["{name}"]
"#
    );
}
