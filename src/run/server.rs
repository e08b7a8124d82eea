//! A running server: started from a configuration, asked for its addresses and figures, stopped in phases.

use super::agent::{Epilogue, Fault};
use super::phase::{Control, Phase};
use super::recovery::{self, RecoveryError};
use super::wiring::{self, Handle, Wired};
use crate::accept::Acceptor;
use crate::admin::{ControlPlane, MetricsServer};
use crate::config::Config;
use crate::route::PlacementError;
use crate::sys::clock::Clock;
use crate::types::{InstrumentId, Seq, ShardId, Symbol};
use crate::watch::{Board, Figures, SecurityReader, SecurityRecord};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long each phase of a stop may take.
const STOP_PHASE_MAX: [(Phase, Duration); 3] = [
    (Phase::Closing, Duration::from_secs(5)),
    (Phase::Draining, Duration::from_secs(5)),
    (Phase::Syncing, Duration::from_secs(60)),
];

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file of the configuration cannot be read.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Certificates or keys are no use.
    #[error("certificates: {0}")]
    Tls(#[from] crate::accept::AcceptorError),
    /// A public key of the configuration is no use.
    #[error(transparent)]
    Key(#[from] crate::verify::KeyError),
    /// The master key cannot be had.
    #[error("encryption: {0}")]
    MasterKey(#[from] crate::seal::KeyError),
    /// The head of the journal that is kept apart cannot be used.
    #[error(transparent)]
    Head(#[from] super::journal::kept::HeadError),
    /// An address is taken, or not ours.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The journal cannot be taken up.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// Something is placed on an agent that is not there.
    #[error(transparent)]
    Placement(#[from] PlacementError),
    /// The journal of one shard has the book of an instrument that the configuration gives to another.
    #[error(
        "the journal has instrument {instrument} ({symbol}) on shard-{was}, but the configuration gives it to \
         shard-{now}: a book does not move, so keep the number of shards, or give the instrument `shard = {was}`"
    )]
    Moved {
        /// Which.
        instrument: InstrumentId,
        /// Its symbol.
        symbol: Symbol,
        /// Whose journal has it.
        was: ShardId,
        /// Who should have it.
        now: ShardId,
    },
    /// There is no place for the operator, or what was changed there cannot be taken up.
    #[error(transparent)]
    Control(#[from] crate::admin::ControlStartError),
    /// A command of the configuration was refused by a shard.
    #[error(transparent)]
    Configure(#[from] Fault),
    /// The kernel has no descriptors or threads for us.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    control: Control,
    threads: Vec<Handle>,
    agents: u32,
    fix: Option<SocketAddr>,
    websocket: Option<SocketAddr>,
    board: Board,
    security: SecurityReader,
    recovered: recovery::Report,
    plane: Option<ControlPlane>,
    page: Option<MetricsServer>,
    changes: Vec<String>,
}

/// What a stopped server leaves behind.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Each shard's last record and the hash of its state.
    pub shards: Vec<(ShardId, Seq, [u8; 32])>,
    /// All that was counted and timed.
    pub figures: Figures,
}

impl Server {
    /// Starts everything that the configuration names; returns when connections are accepted.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let acceptor = Self::acceptor(&config)?;
        Self::start_with(config, acceptor)
    }

    /// The certificates of a configuration, for whoever wants to look at them before [`Server::start_with`].
    pub fn acceptor(config: &Config) -> Result<Acceptor, StartError> {
        wiring::acceptor(config)
    }

    /// Starts everything that the configuration names, with certificates that were read already.
    pub fn start_with(config: Config, acceptor: Acceptor) -> Result<Self, StartError> {
        let control = Control::default();
        let wired = wiring::wire(config, acceptor, &control)?;
        let Wired { threads, fix, websocket, board, security, recovered, .. } = wired;
        Ok(Self {
            control,
            agents: threads.agents,
            threads: threads.handles,
            fix,
            websocket,
            board,
            security,
            recovered,
            plane: wired.control,
            page: wired.page,
            changes: wired.changes,
        })
    }

    /// Where FIX sessions connect.
    pub fn fix_addr(&self) -> Option<SocketAddr> {
        self.fix
    }

    /// Where WebSocket clients connect.
    pub fn websocket_addr(&self) -> Option<SocketAddr> {
        self.websocket
    }

    /// Where monitors read figures.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.page.as_ref().map(MetricsServer::address)
    }

    /// The next thing that concerns security: for the operator's log. To be asked some times a second.
    pub fn security_event(&mut self) -> Option<SecurityRecord> {
        self.security.take()
    }

    /// What recovery found at start.
    pub fn recovered(&self) -> &recovery::Report {
        &self.recovered
    }

    /// What was changed at run time before and holds on top of the configuration, a line each.
    pub fn changes(&self) -> &[String] {
        &self.changes
    }

    /// How many security events were lost, since this was asked last, because nobody read them in time.
    pub fn security_events_lost(&mut self) -> u64 {
        self.security.lost()
    }

    /// Whether an agent met a fault: then the server answers nobody any more, and [`Server::stop`] tells why.
    pub fn has_failed(&self) -> bool {
        self.control.has_failed()
    }

    /// Logs sessions out, executes what was taken, syncs, and ends the threads.
    pub fn stop(mut self) -> Result<Ended, Fault> {
        drop(self.page.take());
        if let Some(plane) = self.plane.take() {
            plane.stop();
        }
        for (phase, longest) in STOP_PHASE_MAX {
            self.control.enter(phase);
            let started = Instant::now();
            while self.control.agents_done() < self.agents
                && !self.control.has_failed()
                && started.elapsed() < longest
            {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        self.control.enter(Phase::Stopped);
        self.join()
    }

    /// Ends the threads where they are, as if the process had been killed: for tests of what a crash leaves.
    pub fn kill(mut self) {
        self.control.fail();
        let _ = self.join();
    }

    fn join(&mut self) -> Result<Ended, Fault> {
        let mut shards = Vec::new();
        let mut fault = None;
        for thread in self.threads.drain(..) {
            let panicked = || Fault { agent: "a thread".to_owned(), what: "panicked".to_owned() };
            match thread.join().unwrap_or_else(|_| Err(panicked())) {
                Ok(epilogues) => shards.extend(epilogues.into_iter().filter_map(shard_epilogue)),
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        // The gateways are gone, and have handed over all that they had.
        let figures = self.board.refresh(Clock::new().now()).total().clone();
        fault.map_or(Ok(Ended { shards, figures }), Err)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.control.fail();
            let _ = self.join();
        }
    }
}

fn shard_epilogue(epilogue: Epilogue) -> Option<(ShardId, Seq, [u8; 32])> {
    match epilogue {
        Epilogue::Shard { shard, last, state_hash } => Some((shard, last, state_hash)),
        Epilogue::Nothing => None,
    }
}
