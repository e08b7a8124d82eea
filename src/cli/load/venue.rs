//! Where orders go, and with what: a server on throw-away keys, one on a given configuration, or one that runs already.
//!
//! ```text
//!   flags ─┬─ neither ──► setup: a folder of our own ─────┐
//!          ├─ --config ─► its file, the members' folder ──┼─► child ──┐
//!          └─ --connect ► an address, the members' folder ┘           ├─► Venue: address, members, terms, figures
//!                                  └──────────────────────────────────┘
//! ```

use super::args::{Args, Protocol};
use super::child::{self, Served};
use super::report::{Asked, Micros};
use super::setup::{self, CONFIG, Identity, VENUE};
use super::terms::Terms;
use super::{Failed, failed};
use crate::admin::client::Control;
use crate::admin::protocol::Request;
use crate::client::{ApiKey, tls};
use crate::config::{self, Config, Role};
use rustls::pki_types::ServerName;
use serde_json::Value;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// HeartBtInt(108) for a server of whose sessions nothing is known.
const HEARTBEAT_SECS: u32 = 60;

/// A server that runs, with all that its clients need.
pub struct Venue {
    /// Where the protocol is spoken.
    pub address: SocketAddr,
    /// Whom its certificate must name.
    pub host: ServerName<'static>,
    /// With what connections come, by turns.
    pub members: Vec<Identity>,
    /// What is traded.
    pub terms: Terms,
    server: Option<Served>,
    control: Option<PathBuf>,
    _folder: TempDir,
}

/// Finds or starts the server that the flags name.
pub fn open(args: &Args, server_core: Option<usize>) -> Result<Venue, Failed> {
    let folder = tempfile::tempdir().map_err(failed("a temporary folder"))?;
    match (&args.venue.config, &args.venue.connect) {
        (Some(file), _) => configured(args, file, folder),
        (_, Some(address)) => running(args, address, folder),
        (None, None) => own(args, server_core, folder),
    }
}

fn own(args: &Args, server_core: Option<usize>, folder: TempDir) -> Result<Venue, Failed> {
    let members = setup::write(folder.path(), args, server_core).map_err(failed("the folder"))?;
    let control = Some(folder.path().join("data").join("control.sock"));
    started(args, &folder.path().join(CONFIG), folder, members, Terms::own(), control)
}

fn configured(args: &Args, file: &Path, folder: TempDir) -> Result<Venue, Failed> {
    let config = config::load(file).map_err(failed("--config"))?;
    let beside = file.parent().unwrap_or(Path::new("."));
    let home = args.venue.home.as_deref().unwrap_or(beside);
    let terms = Terms::of(&args.venue, Some(&config)).map_err(failed("the instrument"))?;
    let members = members(args, home, Some(&config))?;
    started(args, file, folder, members, terms, config.control_socket())
}

fn started(
    args: &Args,
    file: &Path,
    folder: TempDir,
    members: Vec<Identity>,
    terms: Terms,
    control: Option<PathBuf>,
) -> Result<Venue, Failed> {
    let figures = folder.path().join("figures.json");
    let server = child::start(file, figures).map_err(failed("the server"))?;
    let listens = match args.protocol {
        Protocol::Fix => server.fix,
        Protocol::Websocket => server.websocket,
    };
    let address = reachable(listens.ok_or_else(|| Failed {
        what: "the server",
        why: "it does not listen for this --protocol".to_owned(),
    })?);
    let host = ServerName::from(address.ip());
    Ok(Venue { address, host, members, terms, server: Some(server), control, _folder: folder })
}

fn running(args: &Args, address: &str, folder: TempDir) -> Result<Venue, Failed> {
    let wanted = || Failed { what: "--connect", why: format!("{address}: HOST:PORT is wanted") };
    let (host, _) = address.rsplit_once(':').ok_or_else(wanted)?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let mut found = address.to_socket_addrs().map_err(failed("--connect"))?;
    let at = found.next().ok_or_else(wanted)?;
    let host = ServerName::try_from(host).map_err(|_| wanted())?;
    let home = args.venue.home.clone().unwrap_or_else(|| PathBuf::from("venue"));
    // Whoever says where to connect can do without a configuration, as `sealgate bot` does.
    let config = config::load(&home.join(CONFIG)).ok().filter(|_| !args.venue.plain);
    let terms = Terms::of(&args.venue, config.as_ref()).map_err(failed("the instrument"))?;
    let members = match args.venue.plain {
        true => args.venue.member.iter().map(|name| in_the_clear(name)).collect(),
        false => members(args, &home, config.as_ref())?,
    };
    enough(args, &members)?;
    let control = config.and_then(|config| config.control_socket());
    Ok(Venue { address: at, host, members, terms, server: None, control, _folder: folder })
}

/// The members of a folder; over FIX, once for each of their sessions.
fn members(args: &Args, home: &Path, config: Option<&Config>) -> Result<Vec<Identity>, Failed> {
    let mut found = Vec::new();
    for name in &args.venue.member {
        let tls = tls::Files::of_member(home, name).load().map_err(failed("--home or --member"))?;
        let key = ApiKey::from_folder(home, name).map_err(failed("--home or --member"))?;
        for (comp_ids, heartbeat_secs) in sessions(name, config) {
            found.push(Identity { comp_ids, heartbeat_secs, tls: Some(tls.clone()), key: key.clone() });
        }
    }
    enough(args, &found)?;
    Ok(found)
}

/// Over FIX a connection is a session, and a session is one connection.
fn enough(args: &Args, members: &[Identity]) -> Result<(), Failed> {
    let (connections, sessions) = (args.connections as usize, members.len());
    if args.protocol == Protocol::Websocket || connections <= sessions {
        return Ok(());
    }
    let why =
        format!("over FIX each is a session of its own, and there are {sessions}; name more with --member");
    Err(Failed { what: "--connections", why })
}

/// SenderCompID(49), TargetCompID(56) and the longest HeartBtInt(108) of each trading session of a member.
fn sessions(member: &str, config: Option<&Config>) -> Vec<((String, String), u32)> {
    let usual = || vec![((member.to_uppercase(), VENUE.to_owned()), HEARTBEAT_SECS)];
    let Some(config) = config else { return usual() };
    let directory = &config.directory;
    let Some(member) = directory.members().iter().find(|known| known.name == member) else { return usual() };
    let trades = |session: &&config::FixSession| {
        session.member == member.id && session.enabled && matches!(session.role, Role::Trading)
    };
    let told = |session: &config::FixSession| {
        ((session.sender_comp_id.clone(), session.target_comp_id.clone()), session.heartbeat_secs.1)
    };
    directory.sessions().iter().filter(trades).map(told).collect()
}

fn in_the_clear(name: &str) -> Identity {
    Identity {
        comp_ids: (name.to_uppercase(), VENUE.to_owned()),
        heartbeat_secs: HEARTBEAT_SECS,
        tls: None,
        // The logon has a signature all the same, which nobody looks at.
        key: ApiKey::from_bytes(name, &[0; 32]),
    }
}

/// An address that a client on this machine can connect to.
fn reachable(listens: SocketAddr) -> SocketAddr {
    let local: IpAddr = match listens {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    if listens.ip().is_unspecified() { SocketAddr::new(local, listens.port()) } else { listens }
}

impl Venue {
    /// What the server's threads have asked of the system so far; `None` where it does not tell us.
    pub fn asked(&self) -> Option<Asked> {
        self.stats().map(|stats| Asked::of(&stats))
    }

    /// Memory that the server has resident, if it was started here.
    pub fn resident_bytes(&self) -> io::Result<u64> {
        self.server.as_ref().ok_or(io::ErrorKind::NotFound)?.resident_bytes()
    }

    fn stats(&self) -> Option<Value> {
        Control::connect(self.control.as_ref()?).ok()?.ask(&Request::Stats).ok()
    }

    /// Stops the server if it was started here. What it timed of itself, as far as it tells.
    pub fn close(mut self) -> Result<Value, Failed> {
        match self.server.take() {
            Some(server) => server.stop().map_err(failed("the server")),
            None => Ok(self.stats().map_or(Value::Null, |stats| in_micros(&stats["stages_ns"]))),
        }
    }
}

/// What `sealgate stats` tells in nanoseconds as `sealgate serve --figures` writes it.
fn in_micros(stages: &Value) -> Value {
    let row = |stage: &Value| {
        let mut told = serde_json::to_value(Micros::default()).unwrap_or_default();
        for (key, value) in told.as_object_mut()? {
            let nanos = stage[key.as_str()].as_u64().unwrap_or_default();
            *value = if key == "count" { nanos.into() } else { super::report::micros(nanos).into() };
        }
        told["stage"] = stage["stage"].clone();
        Some(told)
    };
    stages.as_array().into_iter().flatten().filter_map(row).collect()
}
