//! The control plane: what an operator asks of a running server, over a socket of its own.
//!
//! ```text
//!   sealgate session … ──► control.sock ──► server.rs ──► requests.rs ──► plane.rs ──► sessions.sealed
//!   sealgate kill …         socket.rs       one line a      │                │
//!        client.rs                          request         │                └──►│ring│──► gateway, between two polls
//!                                                           └──► kill.rs ───────►│ring│──► every shard      port.rs
//! ```
//!
//! stats.rs tells what the server measures of itself over the same socket, metrics.rs to a monitor over HTTP.
//!
//! It has a thread of its own, under Tokio, and no share in any lock: gateways take its orders from a ring when they
//! have the time, so nothing that happens here can stall an order. A change of the directory comes to a gateway as a
//! new directory: whoever looks something up on the order path looks it up as before.

pub mod client;
mod kill;
pub mod kill_port;
mod metrics;
pub mod overlay_file;
mod plane;
pub mod port;
pub mod protocol;
mod report;
mod requests;
mod server;
pub mod socket;
mod stats;

use crate::config::{Config, ConfigError, Directory, Overlay};
use crate::limits::KILL_ANSWER_MAX;
use crate::seal::{KeyError, Vault};
use crate::sys::clock::Clock;
use crate::sys::file::FileError;
use crate::types::SessionId;
use crate::watch::{Board, SecurityLog};
use kill::Switches;
use kill_port::KillPort;
pub use metrics::{MetricsError, MetricsPage, MetricsServer};
use plane::Plane;
use port::PlanePort;
use requests::Requests;
pub use requests::{MasterRotated, Rotate};
use socket::{Bound, SocketError};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Why there is no control plane.
#[derive(Debug, thiserror::Error)]
pub enum ControlStartError {
    /// There is no socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// What was changed at run time cannot be taken up.
    #[error(transparent)]
    Overlay(#[from] ConfigError),
    /// The file with it cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no page for monitors.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The file with it was not sealed by us.
    #[error("{}: {why}; `sealgate key seal` seals what you trust", path.display())]
    Sealed {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: KeyError,
    },
    /// The kernel has no thread for it.
    #[error("cannot start the control plane: {0}")]
    Thread(#[from] io::Error),
}

/// The configuration with what was changed at run time.
#[derive(Debug)]
pub struct Sessions {
    /// What the configuration says.
    pub file: Directory,
    /// What holds.
    pub directory: Directory,
    /// What the operator is told at the start.
    pub notes: Vec<String>,
    overlay: Overlay,
    path: PathBuf,
}

/// Takes up what was changed at run time.
pub fn sessions(config: &Config, vault: &Vault) -> Result<Sessions, ControlStartError> {
    let path = overlay_file::path(&config.data_dir, vault);
    let overlay = overlay_file::load(&config.data_dir, vault)?;
    let file = config.directory.clone();
    let applied = overlay.apply(&file, &path)?;
    Ok(Sessions { file, directory: applied.directory, notes: applied.notes, overlay, path })
}

/// Binds the socket, if the configuration wants one.
pub fn bind(config: &Config) -> Result<Option<Bound>, ControlStartError> {
    Ok(config.control_socket().map(|path| socket::bind(&path)).transpose()?)
}

/// What a control plane is made of.
pub struct Parts {
    /// The configuration and its changes.
    pub sessions: Sessions,
    /// Sessions that the journal knows.
    pub journaled: BTreeSet<SessionId>,
    /// The gateways, by number.
    pub gateways: Vec<PlanePort>,
    /// The shards, for kill switches.
    pub shards: Vec<KillPort>,
    /// What concerns security.
    pub security: SecurityLog,
    /// What the server measures of itself.
    pub board: Board,
    /// What seals the changes.
    pub vault: Vault,
    /// Changes the master key.
    pub rotate: Rotate,
}

/// How often what agents have counted is taken from them, also if nobody looks: so that "of late" is.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Takes it for as long as it is polled.
async fn sample(board: &Board) {
    loop {
        drop(board.refresh(Clock::new().now()));
        tokio::time::sleep(SAMPLE_EVERY).await;
    }
}

/// A control plane that runs; it ends when this is dropped.
#[derive(Debug)]
pub struct ControlPlane {
    path: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ControlPlane {
    /// Starts it on a socket that is bound.
    pub fn start(bound: Bound, parts: Parts) -> Result<Self, ControlStartError> {
        let Sessions { file, directory, overlay, path, .. } = parts.sessions;
        let shards = parts.shards;
        let patience = Duration::from_millis(KILL_ANSWER_MAX.as_millis());
        let switches = Switches { directory: directory.clone(), shards, patience, ticket: 0 };
        let plane = Plane {
            file,
            directory: Arc::new(directory),
            overlay,
            path,
            journaled: parts.journaled,
            gateways: parts.gateways,
            vault: parts.vault,
            ticket: 0,
        };
        let requests = Requests {
            plane: plane.into(),
            switches: switches.into(),
            security: parts.security,
            board: parts.board,
            rotate: Arc::new(parts.rotate.into()),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let path = bound.path.clone();
        let thread = std::thread::Builder::new().name("control".to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(server::serve(bound, requests, stopped)) {
                eprintln!(
                    "sealgate: warning: control socket: {error}; nothing can be changed until a restart"
                );
            }
        })?;
        Ok(Self { path, stop: Some(stop), thread: Some(thread) })
    }

    /// Ends it, and takes its socket away.
    pub fn stop(self) {
        // A server that is killed leaves it; the next one replaces it.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // What it said when it panicked is on stderr; the agents go on without it.
            let _ = thread.join();
        }
    }
}
