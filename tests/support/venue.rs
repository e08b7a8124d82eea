//! A real server on free loopback ports, with certificates and keys of its own, gone when the test is.

use sealgate::client::ApiKey;
use sealgate::config::{AgentName, Config, Durability, Idle, ThreadPlan, Topology};
use sealgate::run::{Ended, Server};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A server, as `sealgate init` sets one up: members alice and bob, accounts ALICE and BOB, three instruments.
pub struct Venue {
    dir: TempDir,
    server: Option<Server>,
}

impl Venue {
    /// Starts one.
    pub fn start() -> Self {
        Self::start_with(|_| {}, |_| {})
    }

    /// Starts one with another configuration: `text` edits the file, `change` what was read from it.
    pub fn start_with(text: impl FnOnce(&mut String), change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = sealgate::cli::init::write(&dir.path().join("venue")).unwrap();
        let mut written = std::fs::read_to_string(&path).unwrap();
        text(&mut written);
        std::fs::write(&path, &written).unwrap();
        let mut venue = Self { dir, server: None };
        venue.start_again_with(change);
        venue
    }

    /// Starts it again after [`Venue::stop`] or [`Venue::kill`], on its journal.
    pub fn start_again(&mut self) {
        self.start_again_with(|_| {});
    }

    fn start_again_with(&mut self, change: impl FnOnce(&mut Config)) {
        let mut config = sealgate::config::load(&self.path("sealgate.toml")).unwrap();
        let free = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        (config.fix_listen, config.websocket_listen) = (free, free);
        // Tests run side by side, so nobody spins, and a kill of this process is the worst that can happen.
        config.durability = Durability::Process;
        config.topology = Topology { threads: vec![parked(PATH), parked(&[AgentName::Journal(0)])] };
        change(&mut config);
        self.server = Some(Server::start(config).unwrap());
    }

    /// The folder that `sealgate init` made.
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("venue")
    }

    /// A file in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder().join(name)
    }

    /// The API key of a member.
    pub fn key(&self, member: &str) -> ApiKey {
        ApiKey::from_pem_file(member, self.path(format!("{member}-api-key.pem"))).unwrap()
    }

    /// Where FIX sessions connect.
    pub fn fix(&self) -> SocketAddr {
        self.server().fix_addr().unwrap()
    }

    /// Where WebSocket clients connect.
    pub fn websocket(&self) -> SocketAddr {
        self.server().websocket_addr().unwrap()
    }

    /// The server.
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("it was started")
    }

    /// Stops it in order.
    pub fn stop(&mut self) -> Ended {
        self.server.take().expect("it was started").stop().unwrap()
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.server.take().expect("it was started").kill();
    }
}

const PATH: &[AgentName] = &[AgentName::Gateway(0), AgentName::Shard(0)];

fn parked(agents: &[AgentName]) -> ThreadPlan {
    ThreadPlan { core: None, idle: Idle::Park, agents: agents.to_vec() }
}
