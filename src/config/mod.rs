//! What an operator may tune, parsed once and then immutable.
//!
//! `file.rs` reads `sealgate.toml` into this and refuses what is wrong with file, line, key and what is allowed;
//! `directory.rs` answers who may do what. What is fixed at build time is in `limits.rs`.

mod account_limits;
mod directory;
mod encryption;
mod file;
mod fix;
#[cfg(test)]
pub(crate) mod fixture;
mod instruments;
mod members;
mod overlay;
mod pem;
mod placement;
mod reader;
mod schedule;
pub mod schema;
#[cfg(test)]
mod tests;
mod threads;
mod topology;
mod units;

pub use directory::{
    Account, ApiKey, Directory, DirectoryError, FixSession, Member, RateLimits, Role, SignaturePolicy,
    Signing,
};
pub use file::{load, parse};
pub use fix::{FixChecks, FixRules};
pub use overlay::{
    Applied, Change, FILE as OVERLAY_FILE, Overlay, SessionKeys, change_session, check_keys, new_session,
    text_value,
};
pub use placement::Placement;
pub use reader::ConfigError;
pub use schedule::{Schedule, Window};
pub use topology::NotATopology;

use crate::limits::SEGMENT_BYTES;
use crate::types::{Scale, Span};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of the environment, such as `production`; told to clients in exchangeInfo.
    pub environment: String,
    /// The folder of the journal.
    pub data_dir: PathBuf,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// How the data folder is encrypted.
    pub encryption: Encryption,
    /// Where the head of the journal is kept; `None`: nowhere.
    pub head: Option<Head>,
    /// Certificates.
    pub tls: TlsFiles,
    /// Where FIX sessions connect; `None`: not served.
    pub fix_listen: Option<SocketAddr>,
    /// Where WebSocket clients connect; `None`: not served.
    pub websocket_listen: Option<SocketAddr>,
    /// Where the running server takes orders of its operator.
    pub control: ControlSocket,
    /// Where monitors read figures over HTTP; `None`: nowhere.
    pub admin: Option<SocketAddr>,
    /// Caps on connections.
    pub caps: Caps,
    /// What the kernel does for the sockets of clients.
    pub sockets: Sockets,
    /// How signatures are verified.
    pub verification: Verification,
    /// Most requests that a shard remembers.
    pub once_ids_max: usize,
    /// The files of the journal.
    pub journal: JournalFiles,
    /// Where segments go that are needed for nothing any more; `None`: they stay.
    pub archive: Option<Archive>,
    /// Which agent runs on which thread.
    pub topology: Topology,
    /// Which shard has an instrument and which gateway a FIX session, where the operator said so.
    pub placement: Placement,
    /// Members, accounts, keys, sessions and instruments.
    pub directory: Directory,
}

/// What must have happened to a record before an answer that tells of it may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: the process may lose it.
    Memory,
    /// It was written: survives kill −9 of the process.
    Process,
    /// It was synced (fdatasync): survives loss of power. The default.
    Disk,
}

/// How the data folder is encrypted: where the master key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all: the operator has said so.
    None,
    /// In a file of its own, outside the data folder.
    KeyFile(PathBuf),
    /// In a token, which it never leaves.
    Token(Token),
    /// On its way from one place to another, until the master key is rotated.
    Moving {
        /// Where the key is that wraps.
        to: Box<Self>,
        /// Where the keys are that opened what there is until now.
        from: Box<Self>,
    },
}

/// A token of PKCS#11 and the master key in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The library of its maker.
    pub module: PathBuf,
    /// Its label, if it must have one.
    pub label: Option<String>,
    /// Its serial number, if it must have one.
    pub serial: Option<String>,
    /// The label of the master key.
    pub key: String,
    /// Where the PIN of its user is.
    pub pin: PinSource,
}

/// Where a PIN is: never in the configuration itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinSource {
    /// In a file that only its owner can read.
    File(PathBuf),
    /// In a variable of the environment.
    Environment(String),
}

/// Where it is noted, apart from the data folder, how far the journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The file.
    pub file: PathBuf,
    /// How often it is written at most.
    pub every: Span,
}

/// The Unix domain socket of the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlSocket {
    /// `control.sock` in the data folder.
    InDataDir,
    /// At a path of the operator's choice.
    At(PathBuf),
    /// None.
    Disabled,
}

/// Files of TLS, in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's certificate chain, its own first.
    pub certificate: PathBuf,
    /// The server's private key, PKCS#8.
    pub key: PathBuf,
    /// Roots that a client's certificate must come from.
    pub client_roots: PathBuf,
}

/// Caps that protect the gateways.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Most connections of one gateway; further ones are closed at once.
    pub connections: u32,
    /// Most messages per second of one connection before signatures are looked at; above it they are refused,
    /// at twice the cap the connection is closed.
    pub messages_per_second: u32,
    /// Most bytes that wait for a client that does not read; above it the connection is cut.
    pub output_bytes: usize,
    /// How often a subscriber hears how far its private streams are.
    pub stream_heartbeat: Span,
}

/// What the kernel does for the sockets of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sockets {
    /// It says when it had what is read.
    pub kernel_timestamps: bool,
    /// It sends each answer at once.
    pub no_delay: bool,
    /// It acknowledges at once what was read.
    pub quick_ack: bool,
    /// It polls the network device for so long.
    pub busy_poll: Span,
}

/// The files of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalFiles {
    /// Size of a new segment.
    pub segment_bytes: u64,
    /// After how many segments a snapshot is made; 0: none is.
    pub snapshot_every: u32,
    /// How many snapshots are kept.
    pub snapshots: u32,
}

/// Where segments of the journal go, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The folder.
    pub dir: PathBuf,
    /// So long after its last record a segment stays.
    pub keep_for: Span,
    /// So many closed segments stay in any case.
    pub keep: u32,
}

/// How signatures are verified. The verdicts are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Over a table for each key, as far as the memory reaches.
    Tables {
        /// Most memory of all tables, in bytes.
        bytes_max: usize,
    },
    /// By `ed25519-dalek` alone.
    Dalek,
}

/// Threads and what runs on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The threads, each pinned to its core.
    pub threads: Vec<ThreadPlan>,
}

/// One thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadPlan {
    /// The core that it is pinned to; `None`: wherever the kernel puts it.
    pub core: Option<usize>,
    /// What it does when there is nothing to do.
    pub idle: Idle,
    /// The agents that it polls in turn.
    pub agents: Vec<AgentName>,
}

/// What a thread does when a turn found no work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Look again at once: the least latency, a whole core.
    Spin,
    /// Let others run, then look again (`sched_yield`).
    Yield,
    /// Sleep until a socket or a ring has something: the least processor time.
    Park,
}

/// An agent of the topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgentName {
    /// `gateway-0`, `gateway-1` …
    Gateway(u8),
    /// `shard-0`, `shard-1` …
    Shard(u8),
    /// `journal-0` …: may block in fdatasync, so it shares a thread with no other kind.
    Journal(u8),
}

impl Config {
    /// Where the control socket is; `None`: there is none.
    pub fn control_socket(&self) -> Option<PathBuf> {
        match &self.control {
            ControlSocket::InDataDir => Some(self.data_dir.join("control.sock")),
            ControlSocket::At(path) => Some(path.clone()),
            ControlSocket::Disabled => None,
        }
    }
}

impl Config {
    /// Where files are that are sealed. They go from the first folder to the others.
    pub fn sealed_folders(&self) -> Vec<&Path> {
        std::iter::once(self.data_dir.as_path()).chain(self.archive_dir()).collect()
    }

    /// The folder of archived segments, if there is one.
    pub fn archive_dir(&self) -> Option<&Path> {
        self.archive.as_ref().map(|archive| archive.dir.as_path())
    }
}

impl std::fmt::Display for AgentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Gateway(n) => write!(f, "gateway-{n}"),
            Self::Shard(n) => write!(f, "shard-{n}"),
            Self::Journal(n) => write!(f, "journal-{n}"),
        }
    }
}

impl Default for JournalFiles {
    fn default() -> Self {
        Self { segment_bytes: SEGMENT_BYTES, snapshot_every: 4, snapshots: 2 }
    }
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            connections: 1_024,
            messages_per_second: 10_000,
            output_bytes: 4 * 1024 * 1024,
            stream_heartbeat: Span::from_secs(10),
        }
    }
}

impl Default for Sockets {
    fn default() -> Self {
        Self { kernel_timestamps: false, no_delay: true, quick_ack: false, busy_poll: Span::ZERO }
    }
}

impl Default for Verification {
    fn default() -> Self {
        Self::Tables { bytes_max: 256 << 20 }
    }
}

const _: () = assert!(Scale::MAX.0 <= 18, "ten to this power must fit an i64");
const _: () = assert!(crate::limits::RECV_WINDOW_MAX.0 > Span::ZERO.0);
