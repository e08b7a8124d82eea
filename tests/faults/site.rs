//! A venue in a folder of its own: what `sealgate init` writes, two members more, and a journal whose segments are as
//! small as they may be, so that segments and snapshots change all the time.

use crate::server::binary;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sealgate::cli::cert::{Ca, Validity, write_member};
use sealgate::client::{ApiKey, tls};
use std::fs::{read_to_string, write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use tempfile::TempDir;

/// The members, and how each of them trades. Whoever trades over FIX listens over WebSocket as well.
const MEMBERS: [(&str, Protocol); 4] = [
    ("alice", Protocol::Fix),
    ("bob", Protocol::WebSocket),
    ("carol", Protocol::Fix),
    ("dave", Protocol::WebSocket),
];

/// How orders are entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Fix,
    WebSocket,
}

/// Who connects, with what.
#[derive(Clone)]
pub struct Member {
    /// The account, which is the CompID too.
    pub account: String,
    pub protocol: Protocol,
    pub key: ApiKey,
    pub tls: Arc<rustls::ClientConfig>,
}

/// The folder.
pub struct Site {
    dir: TempDir,
    pub members: Vec<Member>,
}

impl Site {
    /// A venue that has never run.
    pub fn new(durability: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = sealgate::cli::init::write(dir.path()).unwrap();
        let mut text = settle(&read_to_string(&config).unwrap(), durability);
        for (at, (name, _)) in MEMBERS.iter().enumerate().skip(2) {
            text.push_str(&add_member(dir.path(), at + 1, name));
        }
        write(&config, text).unwrap();
        let member = |(name, protocol): (&str, Protocol)| Member {
            account: name.to_uppercase(),
            protocol,
            key: ApiKey::from_folder(dir.path(), name).unwrap(),
            tls: tls::Files::of_member(dir.path(), name).load().unwrap(),
        };
        let members = MEMBERS.map(member).to_vec();
        Self { dir, members }
    }

    /// From now on the logon alone is signed, not each order.
    pub fn sign_sessions(&mut self) {
        let text = read_to_string(self.config()).unwrap();
        let signed = text.replace("#signature = \"order\" ", "signature = \"session\" ");
        assert_ne!(signed, text, "init shows how");
        write(self.config(), signed).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("sealgate.toml")
    }

    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The names in the data folder that end so.
    pub fn files(&self, end: &str) -> Vec<String> {
        // A server that was killed early enough has not made the folder.
        let entries = std::fs::read_dir(self.data()).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names.filter_map(|name| name.into_string().ok()).filter(|name| name.ends_with(end)).collect()
    }

    /// Runs `sealgate journal …` on its journal.
    pub fn journal(&self, command: &str) -> Output {
        let mut sealgate = Command::new(binary());
        sealgate.args(["journal", command]).arg(self.data()).arg("--config").arg(self.config());
        sealgate.output().unwrap()
    }
}

/// Ports that are free, limits that are never met, small files, and threads that leave the cores to others.
fn settle(text: &str, durability: &str) -> String {
    let mut text = text
        .replace("#durability = \"disk\"", &format!("durability = \"{durability}\""))
        .replace("\"127.0.0.1:9443\"", "\"127.0.0.1:0\"")
        .replace("\"127.0.0.1:9444\"", "\"127.0.0.1:0\"")
        .replace("#every = \"1s\" ", "every = \"10ms\"")
        .replace("\"1000/1s\"", "\"1000000/1s\"")
        .replace("\"2000/1s\"", "\"1000000/1s\"");
    text.push_str(
        r#"
[journal]
segment = "1MiB"
snapshot_every = 1
[caps]
messages_per_second = 1000000
stream_heartbeat = "100ms"
[[thread]]
agents = ["gateway-0", "shard-0"]
[[thread]]
agents = ["gateway-1", "shard-1"]
[[thread]]
agents = ["journal-0"]
"#,
    );
    text
}

fn add_member(dir: &Path, id: usize, name: &str) -> String {
    let file = |name: &str| read_to_string(dir.join(name)).unwrap();
    let ca = Ca::from_pem(&file("ca.pem"), &file("ca-key.pem")).unwrap();
    let key = write_member(dir, &ca, name, Validity::years(1)).unwrap();
    let (public, account) = (BASE64.encode(key.public), name.to_uppercase());
    format!(
        r#"[[member]]
id = {id}
name = "{name}"
certificates = ["{name}.pem"]
[[member.account]]
id = {id}
name = "{account}"
order_rate = "1000000/1s"
cancel_rate = "1000000/1s"
query_rate = "1000000/1s"
[[member.api_key]]
id = {id}
name = "{name}"
public_key = "{public}"
accounts = ["{account}"]
[[member.fix_session]]
id = {id}
sender_comp_id = "{account}"
target_comp_id = "SEALGATE"
"#
    )
}
