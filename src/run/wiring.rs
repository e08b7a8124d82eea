//! From a configuration to a running server: rings between agents, agents on threads.
//!
//! ```text
//!   1  certificates, keys          refused before anything is touched
//!   2  listeners                   bound, not yet accepting
//!   3  recovery                    the journal replayed: shards, session numbers
//!   4  rings                       gateway × shard, each with its journal
//!   5  configuration as commands   what differs from the replayed state is journaled first
//!   6  threads                     each polls its agents until the server stops
//! ```

use super::agent::{Agent, Epilogue, Fault};
use super::gateway::desk;
use super::gateway::session_log::SessionLog;
use super::gateway::{Gateway, GatewayParts, Service};
use super::journal::JournalAgent;
use super::phase::Control;
use super::recovery::{self, Recovered, RecoveryOptions, SessionState};
use super::rings::{self, Wakers};
use super::server::StartError;
use super::shard::Shard;
use super::shard_agent::ShardAgent;
use super::thread::Loop;
use crate::accept::{Acceptor, TlsPems};
use crate::config::{AgentName, Config, Idle};
use crate::limit::Limiter;
use crate::limits::SEGMENT_BYTES;
use crate::route::Router;
use crate::sys::clock::Clock;
use crate::sys::pin;
use crate::sys::poll::{Poller, Waker};
use crate::sys::socket::{Listener, Port};
use crate::types::{Command, GatewayId, SessionId, ShardId};
use crate::verify::Verifier;
use crate::watch;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

/// The one gateway and the one shard that there are today; several come with topologies.
const GATEWAY: GatewayId = GatewayId(0);
const SHARD: ShardId = ShardId(0);

/// A thread that runs.
pub type Handle = JoinHandle<Result<Vec<Epilogue>, Fault>>;

/// What a server is made of when all its threads run.
pub struct Wired {
    /// The threads and how many agents they poll.
    pub threads: Threads,
    /// Where FIX sessions connect.
    pub fix: Option<SocketAddr>,
    /// Where WebSocket clients connect.
    pub websocket: Option<SocketAddr>,
    /// What is counted and timed.
    pub watch: watch::WatchReader,
    /// What concerns security.
    pub security: watch::SecurityReader,
    /// What recovery found.
    pub recovered: recovery::Report,
}

/// The threads of a server.
pub struct Threads {
    /// To be joined.
    pub handles: Vec<Handle>,
    /// How many agents there are.
    pub agents: u32,
}

/// Takes the steps above.
pub fn wire(config: Config, control: &Control) -> Result<Wired, StartError> {
    let acceptor = Acceptor::new(&read_pems(&config)?)?;
    let verifier = Verifier::new(&config.directory)?;
    let mut listeners = Vec::new();
    let fix = listen(config.fix_listen, Service::Fix, &mut listeners)?;
    let websocket = listen(config.websocket_listen, Service::WebSocket, &mut listeners)?;
    let options = RecoveryOptions {
        environment: config.environment.clone(),
        segment_bytes: SEGMENT_BYTES,
        shards: vec![SHARD],
    };
    let recovered = recovery::recover(&config.data_dir, &options, Clock::new().now())?;
    let report = recovered.report;
    let (watch, watch_reader) = watch::watch();
    let (security, security_reader) = watch::security_log();
    let beds = Beds::new(&config).map_err(StartError::Thread)?;
    let parts = Parts { acceptor, verifier, listeners, watch, security };
    let agents = build(&config, parts, recovered, &beds)?;
    let count = agents.len() as u32;
    let handles = spawn(&config, beds, agents, control)?;
    let threads = Threads { handles, agents: count };
    Ok(Wired { threads, fix, websocket, watch: watch_reader, security: security_reader, recovered: report })
}

fn read_pems(config: &Config) -> Result<TlsPems, StartError> {
    let read =
        |path: &Path| std::fs::read(path).map_err(|error| StartError::File { path: path.to_owned(), error });
    Ok(TlsPems {
        certificate: read(&config.tls.certificate)?,
        key: read(&config.tls.key)?,
        client_roots: read(&config.tls.client_roots)?,
    })
}

fn listen(
    address: Option<SocketAddr>,
    service: Service,
    listeners: &mut Vec<(Service, Listener)>,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(address) = address else { return Ok(None) };
    let failed = |error| StartError::Listen { address, error };
    let listener = Listener::bind(address, Port::Own).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    listeners.push((service, listener));
    Ok(Some(bound))
}

/// Where each thread of the topology sleeps, and so how each agent is woken.
struct Beds {
    pollers: Vec<Poller>,
    wakers: HashMap<AgentName, Waker>,
}

impl Beds {
    fn new(config: &Config) -> std::io::Result<Self> {
        let mut beds = Self { pollers: Vec::new(), wakers: HashMap::new() };
        for thread in &config.topology.threads {
            let poller = Poller::new()?;
            beds.wakers.extend(thread.agents.iter().map(|name| (*name, poller.waker())));
            beds.pollers.push(poller);
        }
        Ok(beds)
    }

    fn waker(&self, name: AgentName) -> Waker {
        self.wakers[&name].clone()
    }
}

/// What was made before recovery.
struct Parts {
    acceptor: Acceptor,
    verifier: Verifier,
    listeners: Vec<(Service, Listener)>,
    watch: watch::Watch,
    security: watch::SecurityLog,
}

/// Connects one gateway, one shard and their journal.
fn build(
    config: &Config,
    parts: Parts,
    recovered: Recovered,
    beds: &Beds,
) -> Result<HashMap<AgentName, Box<dyn Agent>>, StartError> {
    let Recovered { log, mut shards, sessions, streams, .. } = recovered;
    let shard = shards.pop().ok_or_else(|| unexpected("recovery gave no shard"))?;
    check_nothing_is_gone(config, &shard)?;
    let names = [AgentName::Gateway(GATEWAY.0), AgentName::Shard(SHARD.0), AgentName::Journal(0)];
    let [gateway, shard_waker, journal] = names.map(|name| beds.waker(name));
    let ends = rings::connect(GATEWAY, SHARD, &streams, Wakers { gateway, shard: shard_waker, journal });

    let commands = configuration_commands(config, &shard);
    let (to_gateway, to_journal) = ends.shard;
    let mut clock = Clock::new();
    let now = clock.now();
    let mut shard = ShardAgent::new(shard, clock, vec![to_gateway], to_journal);
    shard.configure(&commands, now)?;

    let (from_shard, from_gateway) = ends.journal;
    let journal = JournalAgent::new(
        "journal-0".to_owned(),
        log,
        config.durability,
        vec![from_shard],
        vec![from_gateway],
    );
    let (to_shard, log) = ends.gateway;
    let gateway = gateway_agent(config, parts, to_shard, log, sessions).map_err(StartError::Thread)?;
    let agents: [Box<dyn Agent>; 3] = [Box::new(gateway), Box::new(shard), Box::new(journal)];
    Ok(names.into_iter().zip(agents).collect())
}

fn gateway_agent(
    config: &Config,
    parts: Parts,
    shard: desk::ShardPort,
    log: SessionLog,
    sessions: BTreeMap<SessionId, SessionState>,
) -> std::io::Result<Gateway> {
    let Parts { acceptor, verifier, listeners, watch, security } = parts;
    let directory = Arc::new(config.directory.clone());
    let desk = desk::Desk {
        id: GATEWAY,
        environment: config.environment.clone(),
        clock: Clock::new(),
        verifier,
        limiter: Limiter::new(&directory),
        router: Router::new(&directory, 1),
        shards: vec![shard],
        directory,
        watch,
        security,
        closing: false,
        in_flight: 0,
    };
    Gateway::new(GatewayParts { desk, log, acceptor, listeners, caps: config.caps, sessions })
}

/// An instrument or account with a history cannot be left out: its orders could not be told any more.
fn check_nothing_is_gone(config: &Config, shard: &Shard) -> Result<(), Fault> {
    let instruments = shard.instruments().filter(|known| config.directory.instrument(known.id).is_none());
    let accounts = shard.accounts().filter(|known| config.directory.account(known.account).is_none());
    let mut gone = instruments
        .map(|known| format!("instrument {} ({})", known.id, known.symbol))
        .chain(accounts.map(|known| format!("account {}", known.account)));
    match gone.next() {
        Some(what) => Err(unexpected(&format!(
            "the journal knows {what}, which the configuration leaves out; keep it, halted or disabled"
        ))),
        None => Ok(()),
    }
}

/// What must be told to a shard so that it knows what the configuration says; nothing where it knows already.
fn configuration_commands(config: &Config, shard: &Shard) -> Vec<Command> {
    let mut commands = Vec::new();
    for instrument in config.directory.instruments() {
        let known = shard.instruments().find(|known| known.id == instrument.id);
        if known != Some(instrument) {
            commands.push(Command::Instrument(*instrument));
        }
    }
    for account in config.directory.accounts() {
        if !shard.accounts().any(|known| *known == account.limits) {
            commands.push(Command::Account(account.limits));
        }
    }
    commands
}

/// Starts the threads of the topology, each with its agents.
fn spawn(
    config: &Config,
    beds: Beds,
    mut agents: HashMap<AgentName, Box<dyn Agent>>,
    control: &Control,
) -> Result<Vec<Handle>, StartError> {
    warn_if_crowded(config);
    let mut threads = Vec::new();
    for (plan, poller) in config.topology.threads.iter().zip(beds.pollers) {
        let own: Vec<_> = plan.agents.iter().filter_map(|name| agents.remove(name)).collect();
        let name = own.first().map_or_else(|| "idle".to_owned(), |agent| agent.name());
        let turns = Loop::new(plan.clone(), own, poller, control.clone()).map_err(StartError::Thread)?;
        let spawned = std::thread::Builder::new().name(name).spawn(move || turns.run());
        threads.push(spawned.map_err(|error| {
            control.fail();
            StartError::Thread(error)
        })?);
    }
    Ok(threads)
}

/// Fewer cores than spinning threads still works, only not fast: each waits for the others' time slices.
fn warn_if_crowded(config: &Config) {
    // Where the kernel does not tell, one is the safe guess.
    let cores = pin::usable_cores().map_or(1, |cores| cores.len());
    let threads = &config.topology.threads;
    let spinning = threads.iter().filter(|thread| thread.idle == Idle::Spin).count();
    if spinning >= cores && spinning > 0 {
        eprintln!(
            "sealgate: warning: {spinning} of {} threads spin on {cores} cores; nothing is left for the kernel and \
             the journal, so use idle = \"yield\" or \"park\"",
            threads.len(),
        );
    }
}

fn unexpected(what: &str) -> Fault {
    Fault { agent: "wiring".to_owned(), what: what.to_owned() }
}
