//! From a configuration to a running server: rings between agents, agents on threads.
//!
//! ```text
//!   1  certificates, keys          refused before anything is touched
//!   2  listeners                   bound, not yet accepting
//!   3  recovery                    the journal replayed: shards, session numbers
//!   4  rings                       each gateway with each shard, all of them with the journal
//!   5  configuration as commands   what differs from the replayed state is journaled first
//!   6  threads                     each polls its agents until the server stops
//! ```

mod kills;
mod shards;
mod told;

use super::agent::{Agent, Epilogue, Fault};
use super::at_rest;
use super::gateway::desk::Desk;
use super::gateway::join::Joins;
use super::gateway::logons::Logons;
use super::gateway::streams::Positions;
use super::gateway::{Gateway, GatewayParts, Service};
use super::journal::JournalAgent;
use super::journal::kept::SharedHead;
use super::journal::stock::ThreadSupplier;
use super::journal::walk::JournalFault;
use super::phase::Control;
use super::recovery::{self, Recovered, RecoveryError, RecoveryOptions, SessionState, Wanted};
use super::rings::{self, Ends, GatewayEnds};
use super::server::StartError;
use super::shard::Shard;
use super::thread::Loop;
use crate::accept::{Acceptor, TlsPems};
use crate::admin::kill_port::KillPort;
use crate::admin::{self, ControlPlane, ControlStartError, MetricsPage, MetricsServer, port};
use crate::config::{AgentName, Config, Sockets, Topology, Verification};
use crate::limit::Limiter;
use crate::route::Router;
use crate::seal::Vault;
use crate::sys::clock::Clock;
use crate::sys::file::Folder;
use crate::sys::poll::{Poller, Waker};
use crate::sys::socket::{Listener, Port};
use crate::types::{GatewayId, InstrumentId, LogonId, SessionId};
use crate::verify::Verifier;
use crate::verify::tables::Keeper;
use crate::watch::{self, Board, Meters, MetersReader};
use crate::wire::record::Stream;
use kills::Kills;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

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
    pub board: Board,
    /// What concerns security.
    pub security: watch::SecurityReader,
    /// What recovery found.
    pub recovered: recovery::Report,
    /// Where the operator changes it at run time, unless there is no such place.
    pub control: Option<ControlPlane>,
    /// Where monitors read figures, unless there is no such place.
    pub page: Option<MetricsServer>,
    /// What was changed there before: for the operator, a line each.
    pub changes: Vec<String>,
}

/// The threads of a server.
pub struct Threads {
    /// To be joined.
    pub handles: Vec<Handle>,
    /// How many agents there are.
    pub agents: u32,
}

/// Agents that are connected and that nobody polls yet, with what belongs to them.
pub struct Assembled {
    /// The agents by name.
    pub agents: Agents,
    /// Where FIX sessions connect.
    pub fix: Option<SocketAddr>,
    /// Where WebSocket clients connect.
    pub websocket: Option<SocketAddr>,
    /// What is counted and timed.
    pub board: Board,
    /// What concerns security.
    pub security: watch::SecurityReader,
    /// What recovery found.
    pub recovered: recovery::Report,
    /// Snapshots that recovery could not use: for the operator, a line each.
    pub notes: Vec<String>,
    /// The folder of the journal.
    folder: Folder,
    beds: Beds,
    keeper: Option<Keeper>,
    beside: Beside,
    supplier: Option<ThreadSupplier>,
    alarm: watch::SecurityLog,
    /// The gateways, from the control plane's side.
    planes: Vec<port::PlanePort>,
    /// The shards, from there.
    pub kills: Vec<KillPort>,
    journaled: BTreeSet<SessionId>,
    head: Option<SharedHead>,
}

/// Takes the steps above; the first is [`acceptor`].
pub fn wire(mut config: Config, acceptor: Acceptor, control: &Control) -> Result<Wired, StartError> {
    let vault = Vault::open(&config.encryption, &config.data_dir)?;
    at_rest::make_archive(&config)?;
    let sessions = admin::sessions(&config, &vault)?;
    let mut changes = sessions.notes.clone();
    config.directory = sessions.directory.clone();
    let assembled = assemble(&config, acceptor, &vault, config.journal.segment_bytes)?;
    let socket = admin::bind(&config)?;
    changes.extend(assembled.notes);
    let page = config.admin.map(MetricsPage::bind).transpose().map_err(ControlStartError::from)?;
    let Assembled { agents, fix, websocket, board, security, recovered, .. } = assembled;
    let count = agents.len() as u32;
    let mut handles = spawn(&config, assembled.beds, agents, assembled.beside.threads, control)?;
    let alarm = assembled.alarm;
    if let Some(keeper) = assembled.keeper {
        let (alarm, meters) = (alarm.clone(), assembled.beside.keeper);
        let keeper = super::keeper::spawn(keeper, alarm, meters, control.clone());
        handles.push(keeper.map_err(StartError::Thread)?);
    }
    if let Some(snapshots) = super::snapshots::plan(&config) {
        let folder = assembled.folder;
        let (meters, vault) = (assembled.beside.files, vault.clone());
        handles.push(snapshots.spawn(folder, vault, meters, control.clone()).map_err(StartError::Thread)?);
    }
    if let Some(supplier) = assembled.supplier {
        let supplier = super::supplier::spawn(supplier, assembled.beside.stock, control.clone());
        handles.push(supplier.map_err(StartError::Thread)?);
    }
    let threads = Threads { handles, agents: count };
    let (journaled, gateways) = (assembled.journaled, assembled.planes);
    let shards = assembled.kills;
    let rotate = at_rest::rotation(vault.clone(), &config, assembled.head);
    let (security_log, board_of_plane) = (alarm, board.clone());
    let plane = admin::Parts {
        sessions,
        journaled,
        gateways,
        shards,
        security: security_log,
        board: board_of_plane,
        vault,
        rotate,
    };
    let operator = socket.map(|socket| ControlPlane::start(socket, plane)).transpose();
    let page = page.map(|page| page.start(board.clone())).transpose().map_err(ControlStartError::from);
    let page = page.inspect_err(|_| control.fail())?;
    let control = operator.inspect_err(|_| control.fail())?;
    Ok(Wired { threads, fix, websocket, board, security, recovered, control, page, changes })
}

/// The steps above but the last: whoever has the agents may poll them on threads, or in an order of its own choice,
/// as the simulator does. Segments of the journal have so many bytes.
pub fn assemble(
    config: &Config,
    acceptor: Acceptor,
    vault: &Vault,
    segment_bytes: u64,
) -> Result<Assembled, StartError> {
    let (verifier, keeper) = verifier(config)?;
    let topology = complete(&config.topology)?;
    let (gateways, shards) = (topology.gateways(), topology.shards());
    let router = Router::new(&config.directory, &config.placement, gateways, shards)?;
    let mut listeners = Vec::new();
    let fix = listen(config.fix_listen, config.sockets, Service::Fix, &mut listeners)?;
    let websocket = listen(config.websocket_listen, config.sockets, Service::WebSocket, &mut listeners)?;
    let options = RecoveryOptions {
        environment: config.environment.clone(),
        segment_bytes,
        vault: vault.clone(),
        head: at_rest::expected(config, vault)?,
        shards: router.shards().collect(),
        wanted: Wanted::of(&config.directory),
        archive: config.archive_dir().map(Path::to_owned),
    };
    let now = Clock::new().now();
    let mut recovered = recovery::recover(&config.data_dir, &options, now)?;
    let head = at_rest::keep_head(config, vault, now, recovered.log.head())?;
    let supplier = recovered.log.supply();
    let (report, notes) = (recovered.report, recovered.notes.clone());
    let folder = recovered.log.folder().map_err(JournalFault::from).map_err(RecoveryError::from)?;
    let journaled = recovered.sessions.keys().copied().collect();
    let (watches, reader) = watch::watches(gateways.into());
    let (alarm, security) = watch::security_log();
    let (meters, beside, readers) = meters(topology);
    let board = Board::new(reader, readers, alarm.counts(), Clock::new().now());
    let beds = Beds::new(config).map_err(StartError::Thread)?;
    let ports = (0..gateways).map(|id| port::connect(beds.waker(AgentName::Gateway(id))));
    let (planes, ports) = ports.unzip();
    let notes = notes.into_iter().chain(Kills::of(&recovered.shards).notes(config)).collect();
    let told = alarm.clone();
    let parts = Parts { acceptor, verifier, router, listeners, watches, meters, security: told, ports };
    let (agents, kills) = build(config, parts, recovered, head.clone(), &beds)?;
    Ok(Assembled {
        agents,
        fix,
        websocket,
        board,
        security,
        recovered: report,
        notes,
        folder,
        beds,
        keeper,
        beside,
        supplier,
        alarm,
        planes,
        kills,
        journaled,
        head,
    })
}

/// Each agent has a thread.
fn complete(topology: &Topology) -> Result<&Topology, StartError> {
    match topology.missing() {
        Some(missing) => Err(unexpected(&format!("{missing} runs on no thread")).into()),
        None => Ok(topology),
    }
}

/// Meters of all agents and of the verifier's keeper, and where they are read.
fn meters(topology: &Topology) -> (HashMap<AgentName, Meters>, Beside, Vec<MetersReader>) {
    let mut readers = Vec::new();
    let mut make = |name: String| {
        let (meters, reader) = watch::meters(name);
        readers.push(reader);
        meters
    };
    let agents = topology.threads.iter().flat_map(|thread| &thread.agents);
    let agents = agents.map(|name| (*name, make(name.to_string()))).collect();
    let threads = (0..topology.threads.len()).map(|at| make(format!("thread-{at}"))).collect();
    let [keeper, files, stock] =
        ["verify-keeper", "journal-files", "journal-stock"].map(|name| make(name.to_owned()));
    let beside = Beside { keeper, files, stock, threads };
    readers.sort_by(|a, b| a.agent().cmp(b.agent()));
    (agents, beside, readers)
}

/// Meters of what is no agent.
struct Beside {
    keeper: Meters,
    files: Meters,
    stock: Meters,
    threads: Vec<Meters>,
}

/// The verifier of all gateways, and who looks after its tables.
fn verifier(config: &Config) -> Result<(Verifier, Option<Keeper>), StartError> {
    Ok(match config.verification {
        Verification::Dalek => (Verifier::new(&config.directory)?, None),
        Verification::Tables { bytes_max } => {
            let (verifier, keeper) = Verifier::with_tables(&config.directory, bytes_max)?;
            (verifier, Some(keeper))
        }
    })
}

/// Reads the certificates of a configuration.
pub fn acceptor(config: &Config) -> Result<Acceptor, StartError> {
    Ok(Acceptor::new(&read_pems(config)?)?)
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
    sockets: Sockets,
    service: Service,
    listeners: &mut Vec<(Service, Listener)>,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(address) = address else { return Ok(None) };
    let failed = |error| StartError::Listen { address, error };
    let listener = Listener::bind(address, Port::Own);
    let listener = listener.and_then(|listener| listener.with(sockets)).map_err(failed)?;
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
    router: Router,
    listeners: Vec<(Service, Listener)>,
    /// One for each gateway.
    watches: Vec<watch::Watch>,
    meters: HashMap<AgentName, Meters>,
    security: watch::SecurityLog,
    /// One for each gateway.
    ports: Vec<port::GatewayPort>,
}

/// Agents by name.
pub type Agents = HashMap<AgentName, Box<dyn Agent>>;

/// Connects the gateways, the shards and their journal.
fn build(
    config: &Config,
    mut parts: Parts,
    recovered: Recovered,
    head: Option<SharedHead>,
    beds: &Beds,
) -> Result<(Agents, Vec<KillPort>), StartError> {
    let Recovered { mut log, mut shards, sessions, past, streams, .. } = recovered;
    let limiter = Limiter::resuming(&config.directory, past, Clock::new().now());
    let disk_full = log.disk_full();
    let (gateways, count) = (parts.router.gateways().len() as u8, parts.router.shards().len() as u8);
    let Ends { gateways: gateway_ends, shards: shard_ends, journal, kills: mut kill_ports } =
        rings::connect(gateways, count, &streams, |name| beds.waker(name));
    // One floor for all: a session may come back through another gateway.
    let mut positions = Positions::new(shards.len(), config.caps.stream_heartbeat);
    for shard in &mut shards {
        let at_hand = log.first_at_hand(Stream::Shard(shard.id()));
        shard.begin_at_hand(at_hand.map_err(RecoveryError::from)?);
        shard.streams().for_each(|(account, last)| positions.reach(account, shard.id(), last));
    }
    let last_logon = shards.iter().map(Shard::last_logon).max().unwrap_or_default();
    let kills = Kills::of(&shards);
    for port in &mut kill_ports {
        let own = |id: &InstrumentId| parts.router.shard_of(*id) == Some(port.shard);
        port.instruments = config.directory.instruments().iter().map(|known| known.id).filter(own).collect();
    }
    let mut agents = Agents::new();
    for (shard, ends) in shards.into_iter().zip(shard_ends) {
        let name = AgentName::Shard(shard.id().0);
        let meters = parts.meters.remove(&name).unwrap_or_default();
        let agent = shards::agent((config, &kills), &parts.router, shard, ends)?.metered(meters);
        agents.insert(name, Box::new(agent.heeding(disk_full.clone())));
    }
    let name = AgentName::Journal(0);
    let meters = parts.meters.remove(&name).unwrap_or_default();
    let journal =
        JournalAgent::new(name.to_string(), log, config.durability, journal.shards, journal.gateways);
    agents.insert(name, Box::new(journal.metered(meters).keeping(head)));
    let begin = (last_logon, positions, kills.halted());
    for gateway in self::gateways(config, parts, gateway_ends, sessions, limiter, begin)? {
        agents.insert(AgentName::Gateway(gateway.id().0), Box::new(gateway));
    }
    Ok((agents, kill_ports))
}

/// The gateways, each with the sessions that it keeps. The first accepts connections for all.
fn gateways(
    config: &Config,
    parts: Parts,
    ends: Vec<GatewayEnds>,
    mut sessions: BTreeMap<SessionId, SessionState>,
    limiter: Limiter,
    (last_logon, positions, halted): (LogonId, Positions, BTreeSet<InstrumentId>),
) -> Result<Vec<Gateway>, StartError> {
    let Parts { acceptor, verifier, router, mut listeners, watches, mut meters, security, ports } = parts;
    let directory = Arc::new(config.directory.clone());
    let mut gateways = Vec::new();
    for (((id, ends), watch), control) in router.gateways().zip(ends).zip(watches).zip(ports) {
        let GatewayEnds { shards, log, peers } = ends;
        let own = sessions_of(id, &router, &mut sessions);
        let desk = Desk {
            id,
            environment: config.environment.clone(),
            clock: Clock::even(),
            verifier: verifier.clone(),
            limiter: limiter.clone(),
            router: router.clone(),
            shards,
            joins: Joins::default(),
            directory: directory.clone(),
            watch,
            meters: meters.remove(&AgentName::Gateway(id.0)).unwrap_or_default(),
            requests: 0,
            security: security.clone(),
            closing: false,
            in_flight: 0,
            logons: Logons::after(last_logon),
            halted: halted.clone(),
        };
        let listeners = std::mem::take(&mut listeners);
        let (caps, acceptor, control) = (config.caps, acceptor.clone(), Some(control));
        let (positions, spins) = (positions.clone(), config.topology.spins(AgentName::Gateway(id.0)));
        let sessions = own;
        let parts =
            GatewayParts { desk, log, acceptor, peers, listeners, caps, spins, sessions, positions, control };
        gateways.push(Gateway::new(parts).map_err(StartError::Thread)?);
    }
    Ok(gateways)
}

/// Takes out what recovery knows of the sessions that a gateway keeps, also of those that are not there now and may
/// come back. Which gateway kept them before does not matter: all session logs are streams of one journal.
fn sessions_of(
    gateway: GatewayId,
    router: &Router,
    recovered: &mut BTreeMap<SessionId, SessionState>,
) -> BTreeMap<SessionId, SessionState> {
    let (own, others) = std::mem::take(recovered)
        .into_iter()
        .partition(|(session, _)| router.gateway_of(*session) == gateway);
    *recovered = others;
    own
}

/// Starts the threads of the topology, each with its agents.
fn spawn(
    config: &Config,
    beds: Beds,
    mut agents: Agents,
    meters: Vec<Meters>,
    control: &Control,
) -> Result<Vec<Handle>, StartError> {
    super::thread::warn_if_crowded(config);
    let mut threads = Vec::new();
    for ((plan, poller), meters) in config.topology.threads.iter().zip(beds.pollers).zip(meters) {
        let own: Vec<_> = plan.agents.iter().filter_map(|name| agents.remove(name)).collect();
        let name = own.first().map_or_else(|| "idle".to_owned(), |agent| agent.name());
        let turns = Loop::new(plan.clone(), own, poller, control.clone(), meters);
        let turns = turns.map_err(StartError::Thread)?;
        let spawned = std::thread::Builder::new().name(name).spawn(move || turns.run());
        threads.push(spawned.map_err(|error| {
            control.fail();
            StartError::Thread(error)
        })?);
    }
    Ok(threads)
}

fn unexpected(what: &str) -> Fault {
    Fault { agent: "wiring".to_owned(), what: what.to_owned() }
}
