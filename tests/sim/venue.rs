//! The venue of every run: two members, each with a FIX session and a WebSocket bot for the same account, two
//! instruments on two shards, limits so tight that they are met all the time.

use super::rng::Rng;
use sealgate::accept::Acceptor;
use sealgate::client::ApiKey;
use sealgate::config::{
    self, Config, ControlSocket, Directory, Durability, SignaturePolicy, Topology, Verification,
};
use sealgate::run::Server;
use sealgate::types::{Qty, Span};
use std::net::SocketAddr;
use std::sync::LazyLock;

/// A new segment of the journal is this long: the least that there may be, so that runs meet many.
pub const SEGMENT_BYTES: u64 = (12 + 128) * 1_024;

/// Orders, cancels and questions of one account in a second.
pub const ORDER_RATE: u32 = 12;
pub const CANCEL_RATE: u32 = 8;
pub const QUERY_RATE: u32 = 6;
/// Of one account on a day, where that is limited.
const ORDERS_PER_DAY: u32 = 40;
pub const MAX_OPEN_ORDERS: u32 = 4;
pub const MAX_POSITION: u64 = 7;
pub const MAX_QTY: i64 = 5;

/// A thing that is traded.
pub struct Traded {
    pub id: u16,
    pub symbol: &'static str,
    pub price_scale: u32,
    pub qty_scale: u32,
    /// Orders are some ticks around this.
    pub price: i64,
    pub tick: i64,
}

pub const TRADED: [Traded; 2] = [
    Traded { id: 1, symbol: "BTC-USD", price_scale: 2, qty_scale: 5, price: 10_000_000, tick: 1 },
    Traded { id: 2, symbol: "BTC-PERP", price_scale: 1, qty_scale: 3, price: 1_000_000, tick: 5 },
];

/// A member, whose account has the number of its place from 1.
pub struct Member {
    pub name: &'static str,
    pub comp_id: &'static str,
    pub account: &'static str,
    pub key: ApiKey,
    pub spki: [u8; 32],
}

pub struct Venue {
    pub members: [Member; 2],
    pub fix: SocketAddr,
    pub websocket: SocketAddr,
    /// Shards have numbers below this.
    pub shards_max: u8,
    config: Config,
    pub acceptor: Acceptor,
}

/// What a seed makes of the venue for a run.
pub struct Plan {
    pub config: Config,
    /// At each start there may be another number of gateways.
    pub gateways: &'static [u8],
    pub shards: u8,
    /// Whether a Logon takes its session from another connection.
    pub takeover: bool,
    /// Most orders of an account on a day, in some runs.
    pub orders_per_day: Option<u32>,
}

/// Made once: certificates cost time, and nobody looks at them.
pub static VENUE: LazyLock<Venue> = LazyLock::new(Venue::make);

impl Venue {
    fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        sealgate::cli::init::write(dir.path()).unwrap();
        let mut config = config::load(&dir.path().join("sealgate.toml")).unwrap();
        let acceptor = Server::acceptor(&config).unwrap();
        let member = |name, comp_id, seed| {
            let spki = config.directory.member_by_name(name).unwrap().spki_sha256[0];
            Member { name, comp_id, account: comp_id, key: ApiKey::from_bytes(name, &[seed; 32]), spki }
        };
        let members = [member("alice", "ALICE", 7), member("bob", "BOB", 9)];
        config.directory = directory(&config.directory, &members);
        config.data_dir = "/journal".into();
        config.head = None;
        config.control = ControlSocket::Disabled;
        config.verification = Verification::Dalek;
        config.caps.connections = 64;
        config.caps.output_bytes = 128 * 1_024;
        config.once_ids_max = 4_096;
        let (fix, websocket) = (([10, 0, 0, 1], 9_444).into(), ([10, 0, 0, 1], 9_443).into());
        (config.fix_listen, config.websocket_listen) = (Some(fix), Some(websocket));
        Self { members, fix, websocket, shards_max: 3, config, acceptor }
    }

    /// The name of the environment, which stands in the journal.
    pub fn environment(&self) -> &str {
        &self.config.environment
    }

    /// The member of a client, by its place among the clients.
    pub fn member_of(&self, client: usize) -> usize {
        client % self.members.len()
    }

    /// What a seed makes of it.
    pub fn plan(&self, rng: &mut Rng) -> Plan {
        let mut config = self.config.clone();
        let gateways = rng.pick(&[&[1][..], &[2], &[3], &[1, 2, 3]]);
        let shards = rng.pick(&[1, 2, 2, 3]);
        config.durability = if rng.chance(1, 5) { Durability::Process } else { Durability::Disk };
        let takeover = rng.chance(1, 2);
        let mut sessions = config.directory.sessions().to_vec();
        for session in &mut sessions {
            session.rules.takeover = takeover;
            session.rules.timing = true;
        }
        let orders_per_day = rng.pick(&[None, None, None, Some(ORDERS_PER_DAY)]);
        let mut accounts = config.directory.accounts().to_vec();
        accounts.iter_mut().for_each(|account| account.rates.orders_per_day = orders_per_day);
        let old = &config.directory;
        let (members, keys, instruments) = (old.members(), old.keys(), old.instruments());
        config.directory =
            Directory::new(members.to_vec(), accounts, keys.to_vec(), sessions, instruments.to_vec())
                .unwrap();
        Plan { config, gateways, shards, takeover, orders_per_day }
    }
}

impl Plan {
    /// What holds from a start on.
    pub fn start(&self, rng: &mut Rng) -> Config {
        let topology = Topology::spread(rng.pick(self.gateways), self.shards, 1);
        Config { topology, ..self.config.clone() }
    }
}

fn directory(old: &Directory, members: &[Member]) -> Directory {
    let mut accounts = old.accounts().to_vec();
    for account in &mut accounts {
        let second = Span::from_secs(1);
        account.rates.orders = (ORDER_RATE, second);
        account.rates.cancels = (CANCEL_RATE, second);
        account.rates.queries = (QUERY_RATE, second);
        account.limits.max_open_orders = MAX_OPEN_ORDERS;
        account.limits.max_position = MAX_POSITION;
    }
    accounts[1].signature = SignaturePolicy::Session;
    let mut keys = old.keys().to_vec();
    keys.iter_mut().zip(members).for_each(|(key, member)| key.public_key = member.key.public_key());
    let mut instruments = old.instruments().to_vec();
    instruments.retain(|instrument| TRADED.iter().any(|traded| traded.id == instrument.id.0));
    instruments.iter_mut().for_each(|instrument| instrument.max_qty = Qty(MAX_QTY as _));
    Directory::new(old.members().to_vec(), accounts, keys, old.sessions().to_vec(), instruments).unwrap()
}

/// A scaled number as it stands on the wire.
pub fn decimal(value: i64, scale: u32) -> String {
    let one = 10_i64.pow(scale);
    format!("{}.{:0width$}", value / one, value % one, width = scale as usize)
}

/// The same back, of a number with all its places.
pub fn scaled(text: &str) -> i64 {
    text.chars().filter(|c| *c != '.').collect::<String>().parse().unwrap_or(-1)
}
