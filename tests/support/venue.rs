//! A real server on free loopback ports, with certificates and keys of its own, gone when the test is.

use sealgate::client::{ApiKey, Error, fix, tls, ws};
use sealgate::config::{
    self, Account, Caps, Config, Directory, Durability, FixRules, FixSession, Idle, SignaturePolicy, Topology,
};
use sealgate::run::journal::walk::JournalFault;
use sealgate::run::recovery::RecoveryError;
use sealgate::run::{Ended, Server, StartError};
use sealgate::seal::Vault;
use sealgate::sys::file::FolderError;
use sealgate::types::Span;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server, as `sealgate init` sets one up: members alice and bob, accounts ALICE and BOB, three instruments.
pub struct Venue {
    dir: TempDir,
    config: Config,
    server: Option<Server>,
}

/// What a test wants otherwise.
pub struct Setup {
    dir: TempDir,
    changes: Vec<Change>,
}

type Change = Box<dyn FnOnce(&mut Config)>;

impl Setup {
    /// What `sealgate init` writes, with ports that are free. Tests run side by side, so no thread spins; a kill of
    /// this process is the worst that can happen, so no answer waits for a disk.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        sealgate::cli::init::write(dir.path()).unwrap();
        let topology = std::env::var(TOPOLOGY).unwrap_or_else(|_| "1x1/1".to_owned());
        Self { dir, changes: Vec::new() }
            .adjust(|config| config.durability = Durability::Process)
            .topology(&topology)
    }

    /// So many gateways and shards on so many threads, such as "2x2/4".
    pub fn topology(self, text: &str) -> Self {
        let mut topology: Topology = text.parse().unwrap();
        topology.threads.iter_mut().for_each(|thread| thread.idle = Idle::Park);
        self.adjust(|config| config.topology = topology)
    }

    /// Changes the file, before it is read.
    pub fn file(self, from: &str, to: &str) -> Self {
        let path = self.dir.path().join(CONFIG);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "the configuration has no {from:?}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        self
    }

    /// Changes what was read from the file.
    pub fn adjust(mut self, change: impl FnOnce(&mut Config) + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// What must have happened before an answer leaves.
    pub fn durability(self, durability: Durability) -> Self {
        self.adjust(move |config| config.durability = durability)
    }

    /// Caps of connections.
    pub fn caps(self, change: impl FnOnce(&mut Caps) + 'static) -> Self {
        self.adjust(|config| change(&mut config.caps))
    }

    /// So many new orders of each account in any such window.
    pub fn order_rate(self, orders: u32, window: Span) -> Self {
        self.accounts(move |account| account.rates.orders = (orders, window))
    }

    /// What each account must sign.
    pub fn signature(self, policy: SignaturePolicy) -> Self {
        self.accounts(move |account| account.signature = policy)
    }

    /// How each FIX session behaves.
    pub fn fix_rules(self, change: impl Fn(&mut FixRules) + 'static) -> Self {
        self.fix_sessions(move |session| change(&mut session.rules))
    }

    /// How each FIX session is set up.
    pub fn fix_sessions(self, change: impl Fn(&mut FixSession) + 'static) -> Self {
        self.adjust(move |config| {
            let mut sessions = config.directory.sessions().to_vec();
            sessions.iter_mut().for_each(change);
            config.directory = config.directory.with_sessions(sessions).unwrap();
        })
    }

    /// How each account is set up.
    pub fn accounts(self, change: impl Fn(&mut Account) + 'static) -> Self {
        self.adjust(move |config| {
            let old = &config.directory;
            let mut accounts = old.accounts().to_vec();
            accounts.iter_mut().for_each(change);
            let (members, keys) = (old.members().to_vec(), old.keys().to_vec());
            let (sessions, instruments) = (old.sessions().to_vec(), old.instruments().to_vec());
            config.directory = Directory::new(members, accounts, keys, sessions, instruments).unwrap();
        })
    }

    /// Why the file is refused.
    pub fn refused(self) -> String {
        config::load(&self.dir.path().join(CONFIG)).expect_err("it is wrong").to_string()
    }

    /// Starts it.
    pub fn start(self) -> Venue {
        let mut config = config::load(&self.dir.path().join(CONFIG)).unwrap();
        (config.fix_listen, config.websocket_listen) = (FREE, FREE);
        self.changes.into_iter().for_each(|change| change(&mut config));
        let mut venue = Venue { dir: self.dir, config, server: None };
        venue.start_again();
        venue
    }
}

impl Venue {
    /// Starts one.
    pub fn start() -> Self {
        Setup::new().start()
    }

    /// Starts it again after [`Venue::stop`] or [`Venue::kill`], on its journal.
    pub fn start_again(&mut self) {
        assert!(self.server.is_none(), "it was ended");
        let until = Instant::now() + super::PATIENCE;
        self.server = Some(loop {
            match Server::start(self.config.clone()) {
                // A test beside this one has just forked: its child has our lock too, until it is another program.
                Err(StartError::Recovery(RecoveryError::Journal(JournalFault::Folder(
                    FolderError::Held(_),
                )))) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                started => break started.unwrap(),
            }
        });
    }

    /// Stops it in order.
    pub fn stop(&mut self) -> Ended {
        self.server.take().expect("it was started").stop().unwrap()
    }

    /// Whether a fault ended it.
    pub fn has_failed(&self) -> bool {
        self.server().has_failed()
    }

    /// The fault that ended it.
    pub fn fault(&mut self) -> String {
        self.server.take().expect("it was started").stop().expect_err("it failed").to_string()
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.server.take().expect("it was started").kill();
    }

    /// Changes its configuration between [`Venue::stop`] or [`Venue::kill`] and [`Venue::start_again`].
    pub fn adjust(&mut self, change: impl FnOnce(&mut Config)) {
        assert!(self.server.is_none(), "it was ended");
        change(&mut self.config);
    }

    /// The configuration that it runs with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What opens its journal.
    pub fn vault(&self) -> Vault {
        Vault::open(&self.config.encryption, &self.config.data_dir).unwrap()
    }

    /// The folder that `sealgate init` made.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// A file in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder().join(name)
    }

    /// Where monitors read figures.
    pub fn admin_addr(&self) -> SocketAddr {
        self.server().admin_addr().unwrap()
    }

    /// Where FIX sessions connect.
    pub fn fix_addr(&self) -> SocketAddr {
        self.server().fix_addr().unwrap()
    }

    /// Where WebSocket clients connect.
    pub fn websocket_addr(&self) -> SocketAddr {
        self.server().websocket_addr().unwrap()
    }

    /// The URL of the WebSocket API.
    pub fn url(&self) -> String {
        format!("wss://localhost:{}/ws-api/v3", self.websocket_addr().port())
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it was started")
    }
}

/// What a member has, and the SDK's clients of it.
impl Venue {
    /// The API key of a member.
    pub fn key(&self, member: &str) -> ApiKey {
        ApiKey::from_folder(&self.path(""), member).unwrap()
    }

    /// The TLS configuration of a member.
    pub fn tls(&self, member: &str) -> Arc<rustls::ClientConfig> {
        tls::Files::of_member(&self.path(""), member).load().unwrap()
    }

    /// The WebSocket client of a member, logged on.
    pub async fn websocket(&self, member: &str) -> ws::Client {
        let bot = ws::Client::connect(&self.url(), self.tls(member), self.key(member)).await.unwrap();
        bot.logon().await.unwrap();
        bot
    }

    /// The FIX session of a member, logged on, both sequences at 1.
    pub async fn fix(&self, member: &str) -> (fix::Client, fix::Reports) {
        self.fix_with(member, fix::Options::default()).await.unwrap()
    }

    /// The FIX session of a member, with options.
    pub async fn fix_with(
        &self,
        member: &str,
        options: fix::Options,
    ) -> Result<(fix::Client, fix::Reports), Error> {
        let address = format!("localhost:{}", self.fix_addr().port());
        let session = fix::CompIds { sender: &member.to_uppercase(), target: "SEALGATE" };
        fix::Client::connect_with(&address, session, self.tls(member), self.key(member), options).await
    }
}

const CONFIG: &str = "sealgate.toml";
const FREE: Option<SocketAddr> =
    Some(SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0));

/// Every test that names no topology runs on this one: `SEALGATE_TOPOLOGY=2x2/4 cargo test --test blackbox`.
const TOPOLOGY: &str = "SEALGATE_TOPOLOGY";
