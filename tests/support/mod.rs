//! A real server on free ports with throw-away certificates, and clients of it: the SDK's, and raw ones that may say
//! anything.
//!
//! ```no_run
//! let venue = TestServer::start();                        // members alice and bob, as `sealgate init` makes them
//! let bot = venue.websocket("alice").await;               // logged on
//! let mut raw = RawTls::connect(venue.ws_addr(), venue.tls("bob")).unwrap();
//! ```

#![allow(dead_code)] // Each test binary uses its part.
#![allow(clippy::unwrap_used)] // A test that cannot be set up has failed.

pub mod raw;

use sealgate::cli::{cert, init};
use sealgate::client::{ApiKey, fix, tls, ws};
use sealgate::config::{
    self, Account, AgentName, Caps, Config, Directory, Durability, Idle, RateLimits, SignaturePolicy,
    ThreadPlan, Topology,
};
use sealgate::run::server::{Ended, Server};
use sealgate::types::Span;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// TLS of a client.
pub type Tls = Arc<rustls::ClientConfig>;

/// A running server in its own folder.
pub struct TestServer {
    folder: Arc<TempDir>,
    config: Config,
    server: Server,
}

/// What a test may want otherwise. The default: `process` durability, so that a slow disk slows no test down.
pub struct Setup {
    folder: Arc<TempDir>,
    config: Config,
}

impl Setup {
    /// The folder of `sealgate init`, with ports that are free and threads that sleep.
    pub fn new() -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let mut config = config::load(&init::write(folder.path()).unwrap()).unwrap();
        let any_port = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        (config.fix_listen, config.websocket_listen) = (any_port, any_port);
        config.durability = Durability::Process;
        // Many servers run at once on few cores: none may spin.
        let thread = |agents| ThreadPlan { core: None, idle: Idle::Park, agents };
        config.topology = Topology {
            threads: vec![
                thread(vec![AgentName::Gateway(0), AgentName::Shard(0)]),
                thread(vec![AgentName::Journal(0)]),
            ],
        };
        Self { folder, config }
    }

    /// What must have happened before an answer leaves.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.config.durability = durability;
        self
    }

    /// Caps on connections.
    pub fn caps(mut self, adjust: impl FnOnce(&mut Caps)) -> Self {
        adjust(&mut self.config.caps);
        self
    }

    /// Changes every account.
    pub fn accounts(mut self, adjust: impl Fn(&mut Account)) -> Self {
        let old = &self.config.directory;
        let mut accounts = old.accounts().to_vec();
        accounts.iter_mut().for_each(adjust);
        self.config.directory = Directory::new(
            old.members().to_vec(),
            accounts,
            old.keys().to_vec(),
            old.sessions().to_vec(),
            old.instruments().to_vec(),
        )
        .unwrap();
        self
    }

    /// So many new orders, cancels and queries a second, of each account.
    pub fn rates(self, orders: u32, cancels: u32, queries: u32) -> Self {
        let second = Span::from_secs(1);
        self.accounts(|account| {
            account.rates = RateLimits {
                orders: (orders, second),
                cancels: (cancels, second),
                queries: (queries, second),
            };
        })
    }

    /// What must be signed.
    pub fn signature(self, policy: SignaturePolicy) -> Self {
        self.accounts(|account| account.signature = policy)
    }

    /// Anything else.
    pub fn adjust(mut self, adjust: impl FnOnce(&mut Config)) -> Self {
        adjust(&mut self.config);
        self
    }

    /// Starts it.
    pub fn start(self) -> TestServer {
        let server = Server::start(self.config.clone()).unwrap();
        TestServer { folder: self.folder, config: self.config, server }
    }
}

impl TestServer {
    /// A server as it is by default.
    pub fn start() -> Self {
        Setup::new().start()
    }

    /// Where FIX sessions connect.
    pub fn fix_addr(&self) -> SocketAddr {
        self.server.fix_addr().unwrap()
    }

    /// Where WebSocket clients connect.
    pub fn ws_addr(&self) -> SocketAddr {
        self.server.websocket_addr().unwrap()
    }

    /// The URL of the WebSocket API.
    pub fn url(&self) -> String {
        format!("wss://localhost:{}/ws-api/v3", self.ws_addr().port())
    }

    /// Certificates, keys, configuration, journal.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The server itself.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// The TLS of a member: `alice`, `bob`.
    pub fn tls(&self, member: &str) -> Tls {
        let file = |name: String| self.folder().join(name);
        let files = tls::Files {
            roots: file("ca.pem".into()),
            certificate: file(format!("{member}.pem")),
            key: file(format!("{member}-key.pem")),
        };
        files.load().unwrap()
    }

    /// TLS with a certificate of a CA that this server does not know.
    pub fn tls_of_stranger(&self) -> Tls {
        let validity = cert::Validity::years(1);
        let pair = cert::Ca::make("another CA", validity).unwrap().make_client("alice", validity).unwrap();
        self.tls_of(&pair)
    }

    /// TLS with a certificate of the right CA that belongs to no member.
    pub fn tls_of_nobody(&self) -> Tls {
        let read = |name: &str| std::fs::read_to_string(self.folder().join(name)).unwrap();
        let ca = cert::Ca::from_pem(&read("ca.pem"), &read("ca-key.pem")).unwrap();
        self.tls_of(&ca.make_client("carol", cert::Validity::years(1)).unwrap())
    }

    fn tls_of(&self, pair: &cert::Pair) -> Tls {
        use rustls::pki_types::pem::PemObject as _;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};
        let root = CertificateDer::from_pem_file(self.folder().join("ca.pem")).unwrap();
        let chain = CertificateDer::from_pem_slice(pair.certificate_pem.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(pair.key_pem.as_bytes()).unwrap();
        tls::config(vec![root], vec![chain], key).unwrap()
    }

    /// The API key of a member, which has its name.
    pub fn key(&self, member: &str) -> ApiKey {
        ApiKey::from_pem_file(member, self.folder().join(format!("{member}-api-key.pem"))).unwrap()
    }

    /// A WebSocket client of a member, logged on.
    pub async fn websocket(&self, member: &str) -> ws::Client {
        let bot = self.websocket_without_logon(member).await;
        bot.logon().await.unwrap();
        bot
    }

    /// A WebSocket client of a member.
    pub async fn websocket_without_logon(&self, member: &str) -> ws::Client {
        ws::Client::connect(&self.url(), self.tls(member), self.key(member)).await.unwrap()
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
    ) -> Result<(fix::Client, fix::Reports), sealgate::client::Error> {
        let address = format!("localhost:{}", self.fix_addr().port());
        let sender = member.to_uppercase();
        let session = fix::CompIds { sender: &sender, target: "SEALGATE" };
        fix::Client::connect_with(&address, session, self.tls(member), self.key(member), options).await
    }

    /// Stops it cleanly.
    pub fn stop(self) -> Ended {
        self.server.stop().unwrap()
    }

    /// Stops it cleanly and starts it again on what it left.
    pub fn restart(self) -> Self {
        let setup = Setup { folder: Arc::clone(&self.folder), config: self.config.clone() };
        self.stop();
        setup.start()
    }

    /// Ends its threads where they are, and starts it again on what they left.
    pub fn crash_and_restart(self) -> Self {
        let setup = Setup { folder: Arc::clone(&self.folder), config: self.config.clone() };
        self.server.kill();
        setup.start()
    }
}
