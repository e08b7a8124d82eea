//! A configuration that is right, and one table row for each way in which it can be wrong.

use super::schema::{Absent, Kind, SECTIONS};
use super::{AgentName, Caps, Config, Durability, Idle, SignaturePolicy, Signing, Topology, load, parse};
use crate::types::{AccountId, ApiKeyId, GatewayId, InstrumentId, Price, Qty, SessionId, ShardId, Span};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const RIGHT: &str = r#"environment = "test"
durability = "process"
[tls]
certificate = "server.crt"
key = "server.key"
client_roots = "ca.crt"
[listen]
fix = "127.0.0.1:9443"
websocket = "127.0.0.1:9444"
[caps]
connections = 8
output_bytes = "1MiB"
[[thread]]
core = 1
idle = "spin"
agents = ["gateway-0", "shard-0"]
[[thread]]
agents = ["journal-0"]
[[member]]
id = 1
name = "ALICE"
certificates = ["alice.crt"]
[[member.account]]
id = 11
name = "ALICE-1"
order_rate = "300/10s"
[[member.api_key]]
id = 21
name = "alice-key"
public_key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
accounts = ["ALICE-1"]
[[member.fix_session]]
id = 31
sender_comp_id = "ALICE"
target_comp_id = "SEALGATE"
heartbeat_min = "5s"
[[member]]
id = 2
name = "BOB"
spki_sha256 = ["00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"]
[[member.account]]
id = 12
name = "BOB-1"
signature = "session"
[[member.api_key]]
id = 22
name = "bob-key"
public_key = "bob.pub.pem"
accounts = ["BOB-1"]
signing = "binance"
[[instrument]]
id = 1
symbol = "BTC-USD"
kind = "spot"
base = "BTC"
quote = "USD"
price_scale = 2
qty_scale = 5
tick = "0.50"
lot = "0.001"
max_qty = "100"
max_notional = "10000000"
price_band = "7.5%"
reference = "100000"

[encryption]
provider = "none"
"#;

/// What is replaced, by what, and what is said to that.
#[rustfmt::skip]
const WRONG: &[(&str, &str, &str)] = &[
    ("[tls]", "[tls", "3: syntax: unclosed table, expected `]`; allowed: TOML: key = value, [section], [[section]]"),
    ("durability = \"process\"", "durability = \"process\"\ndurability = \"disk\"", "3: syntax: duplicate key; allowed: TOML: key = value, [section], [[section]]"),
    ("durability", "durable", "2: durable: no such key in the top; allowed: environment, data_dir, durability, [encryption], [head], [tls], [listen], [caps], [sockets], [verify], [once], [journal], [archive], [control], [admin], [[thread]], [[member]], [[instrument]]"),
    ("[caps]", "[archive]\ndir = \"a\"\n[journal]\nsnapshot_every = 0\n[caps]", "10: archive: without snapshots every segment is needed; allowed: [journal] snapshot_every from 1 on"),
    ("[caps]", "[archive]\ndir = \"a\"\nkeep_for = \"1h\"\n[caps]", "12: archive.keep_for: \"1h\"; allowed: \"24h\" to \"87840h\""),
    ("[caps]", "[sockets]\nbusy_poll = \"1ns\"\n[caps]", "11: sockets.busy_poll: \"1ns\"; allowed: whole microseconds"),
    ("[caps]", "[verify]\nmethod = \"fast\"\n[caps]", "11: verify.method: \"fast\"; allowed: \"tables\", \"dalek\""),
    ("key = \"server.key\"", "keys = \"server.key\"", "5: tls.keys: no such key in [tls]; allowed: certificate, key, client_roots"),
    ("\"process\"", "\"fast\"", "2: durability: \"fast\"; allowed: \"memory\", \"process\", \"disk\""),
    ("\"process\"", "3", "2: durability: a whole number stands there; allowed: \"memory\", \"process\", \"disk\""),
    ("environment = \"test\"", "", "1: environment: it is missing; allowed: 1 to 36 characters out of A-Z a-z 0-9 . _ : @ / + -"),
    ("\"test\"", "\"my test\"", "1: environment: \"my test\"; allowed: 1 to 36 characters out of A-Z a-z 0-9 . _ : @ / + -"),
    ("key = \"server.key\"", "", "3: tls.key: it is missing; allowed: a readable PEM file"),
    ("\"server.key\"", "\"other.key\"", "5: tls.key: \"other.key\": no such file; allowed: a readable PEM file"),
    ("\"server.key\"", "\".\"", "5: tls.key: \".\" is no file; allowed: a readable PEM file"),
    ("[listen]", "[[listen]]", "7: listen: a list stands there; allowed: [listen]"),
    ("fix = \"127.0.0.1:9443\"\nwebsocket = \"127.0.0.1:9444\"", "", "7: listen: nobody could connect; allowed: fix, websocket, or both"),
    ("127.0.0.1:9443", "localhost", "8: listen.fix: \"localhost\"; allowed: an IP address with a port, such as \"127.0.0.1:9443\""),
    ("9444", "9443", "9: listen.websocket: \"127.0.0.1:9443\" is that of fix too; allowed: another address or port"),
    ("connections = 8", "connections = 0", "11: caps.connections: 0; allowed: a whole number from 1 to 65536"),
    ("connections = 8", "connections = \"8\"", "11: caps.connections: a string stands there; allowed: a whole number from 1 to 65536"),
    ("connections = 8", "connections = 8.0", "11: caps.connections: a number with a point stands there; allowed: a whole number from 1 to 65536"),
    ("\"1MiB\"", "\"1MB\"", "12: caps.output_bytes: \"1MB\"; allowed: \"512KiB\" to \"1GiB\""),
    ("\"1MiB\"", "\"1KiB\"", "12: caps.output_bytes: \"1KiB\"; allowed: \"512KiB\" to \"1GiB\""),
    ("[[thread]]\ncore = 1", "[thread]\ncore = 1", "17: syntax: duplicate key; allowed: TOML: key = value, [section], [[section]]"),
    ("\"spin\"", "\"busy\"", "15: thread.idle: \"busy\"; allowed: \"spin\", \"yield\", \"park\""),
    ("\"shard-0\"", "\"shard-00\"", "16: thread.agents: \"shard-00\"; allowed: \"gateway-0\", \"gateway-1\" …, \"shard-0\", \"shard-1\" …, \"journal-0\", each on exactly one thread"),
    ("\"shard-0\"", "\"shard-8\"", "16: thread.agents: \"shard-8\": shards are numbered from 0, at most 8 of them; allowed: \"gateway-0\", \"gateway-1\" …, \"shard-0\", \"shard-1\" …, \"journal-0\", each on exactly one thread"),
    ("\"gateway-0\", \"shard-0\"", "\"gateway-0\"", "16: thread.agents: \"shard-0\" runs on no thread; allowed: \"gateway-0\", \"gateway-1\" …, \"shard-0\", \"shard-1\" …, \"journal-0\", each on exactly one thread"),
    ("[\"journal-0\"]", "[\"journal-0\", \"shard-0\"]", "18: thread.agents: \"shard-0\" runs on the thread of line 16 already; allowed: \"gateway-0\", \"gateway-1\" …, \"shard-0\", \"shard-1\" …, \"journal-0\", each on exactly one thread"),
    ("\"shard-0\"]\n[[thread]]\nagents = [\"journal-0\"]", "\"shard-0\", \"journal-0\"]", "16: thread.agents: a journal waits for the disk, and the agents beside it would wait with it; allowed: journals on threads of their own"),
    ("\"gateway-0\", \"shard-0\"", "\"gateway-1\", \"shard-0\"", "16: thread.agents: \"gateway-0\" runs on no thread; allowed: \"gateway-0\", \"gateway-1\" …, \"shard-0\", \"shard-1\" …, \"journal-0\", each on exactly one thread"),
    ("\"journal-0\"", "\"journal-1\"", "18: thread.agents: \"journal-1\": journals are numbered from 0, at most 1 of them; allowed: \"gateway-0\", \"gateway-1\" …, \"shard-0\", \"shard-1\" …, \"journal-0\", each on exactly one thread"),
    ("target_comp_id", "gateway = 1\ntarget_comp_id", "35: member.fix_session.gateway: there is no gateway-1; allowed: 0 to 0"),
    ("symbol", "shard = 1\nsymbol", "53: instrument.shard: there is no shard-1; allowed: 0 to 0"),
    ("symbol", "shard = 8\nsymbol", "53: instrument.shard: 8; allowed: a whole number from 0 to 7"),
    ("agents = [\"journal-0\"]", "agents = []", "18: thread.agents: a thread without agents; allowed: \"gateway-0\", \"gateway-1\" …, \"shard-0\", \"shard-1\" …, \"journal-0\", each on exactly one thread"),
    ("id = 1\nname = \"ALICE\"", "name = \"ALICE\"", "19: member.id: it is missing; allowed: a whole number from 1 to 65535"),
    ("id = 1\nname = \"ALICE\"", "id = 65536\nname = \"ALICE\"", "20: member.id: 65536; allowed: a whole number from 1 to 65535"),
    ("id = 1\nname = \"ALICE\"", "id = -1\nname = \"ALICE\"", "20: member.id: -1; allowed: a whole number from 1 to 65535"),
    ("id = 2\nname = \"BOB\"", "id = 1\nname = \"BOB\"", "38: member.id: 1 is taken on line 20; allowed: a value that stands there once in the whole file"),
    ("name = \"BOB\"", "name = \"ALICE\"", "39: member.name: ALICE is taken on line 21; allowed: a value that stands there once in the whole file"),
    ("\"alice.crt\"", "\"nobody.crt\"", "22: member.certificates: \"nobody.crt\": no such file; allowed: readable PEM files, each with a certificate that no other member has"),
    ("\"alice.crt\"", "\"bob.pub.pem\"", "22: member.certificates: \"bob.pub.pem\": there is no CERTIFICATE in it; allowed: readable PEM files, each with a certificate that no other member has"),
    ("spki_sha256 = [\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"]", "certificates = [\"alice.crt\"]", "40: member.certificates: the key of \"alice.crt\" is taken on line 22; allowed: a value that stands there once in the whole file"),
    ("\"00112233", "\"0011", "40: member.spki_sha256: \"0011445566778899aabbccddeeff00112233445566778899aabbccddeeff\"; allowed: 64 hexadecimal digits each, which no other member has"),
    ("certificates = [\"alice.crt\"]", "", "19: member.certificates: a member without a certificate could not connect; allowed: readable PEM files, each with a certificate that no other member has"),
    ("\"300/10s\"", "\"300\"", "26: member.account.order_rate: \"300\"; allowed: \"COUNT/WINDOW\" such as \"100/1s\": 1 to 1000000 in \"1ms\" to \"1h\""),
    ("\"300/10s\"", "\"0/1s\"", "26: member.account.order_rate: \"0/1s\"; allowed: \"COUNT/WINDOW\" such as \"100/1s\": 1 to 1000000 in \"1ms\" to \"1h\""),
    ("id = 12", "id = 11", "42: member.account.id: 11 is taken on line 24; allowed: a value that stands there once in the whole file"),
    ("name = \"BOB-1\"", "name = \"ALICE-1\"", "43: member.account.name: ALICE-1 is taken on line 25; allowed: a value that stands there once in the whole file"),
    ("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "11qYAYKxCrfVS/7TyWQHOg==", "30: member.api_key.public_key: \"11qYAYKxCrfVS/7TyWQHOg==\": no such file; allowed: 32 bytes in base64, or a PEM file with an Ed25519 public key"),
    ("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "30: member.api_key.public_key: it is a weak key: anybody can sign for it; allowed: 32 bytes in base64, or a PEM file with an Ed25519 public key"),
    ("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "30: member.api_key.public_key: these bytes are no point of the curve; allowed: 32 bytes in base64, or a PEM file with an Ed25519 public key"),
    ("\"bob.pub.pem\"", "\"alice.crt\"", "48: member.api_key.public_key: \"alice.crt\": there is no PUBLIC KEY in it; allowed: 32 bytes in base64, or a PEM file with an Ed25519 public key"),
    ("\"bob.pub.pem\"", "\"p256.pub.pem\"", "48: member.api_key.public_key: \"p256.pub.pem\": the public key in it is not an Ed25519 key; allowed: 32 bytes in base64, or a PEM file with an Ed25519 public key"),
    ("accounts = [\"ALICE-1\"]", "accounts = [\"BOB-1\"]", "31: member.api_key.accounts: \"BOB-1\" is no account of this member; allowed: ALICE-1"),
    ("accounts = [\"ALICE-1\"]", "accounts = []", "31: member.api_key.accounts: a key without an account could do nothing; allowed: names of accounts of the same member, at least one"),
    ("accounts = [\"ALICE-1\"]", "accounts = \"ALICE-1\"", "31: member.api_key.accounts: a string stands there; allowed: names of accounts of the same member, at least one"),
    ("\"5s\"", "\"5\"", "36: member.fix_session.heartbeat_min: \"5\"; allowed: \"1s\" to \"1h\""),
    ("\"5s\"", "\"1500ms\"", "36: member.fix_session.heartbeat_min: \"1500ms\": HeartBtInt has whole seconds; allowed: \"1s\" to \"1h\""),
    ("\"5s\"", "\"5s\"\nheartbeat_max = \"4s\"", "37: member.fix_session.heartbeat_max: \"4s\" is shorter than heartbeat_min; allowed: \"1s\" to \"1h\""),
    ("\"5s\"", "\"5s\"\nreset_allowed = \"no\"", "37: member.fix_session.reset_allowed: a string stands there; allowed: true or false"),
    ("signing = \"binance\"\n", "signing = \"binance\"\n[[member.fix_session]]\nid = 32\nsender_comp_id = \"ALICE\"\ntarget_comp_id = \"SEALGATE\"\n", "53: member.fix_session.sender_comp_id: ALICE to SEALGATE is taken on line 34; allowed: a value that stands there once in the whole file"),
    ("\"spot\"", "\"swap\"", "54: instrument.kind: \"swap\"; allowed: \"spot\", \"perpetual\", \"future\", \"option\""),
    ("price_scale = 2", "price_scale = 13", "57: instrument.price_scale: 13; allowed: a whole number from 0 to 12"),
    ("\"0.50\"", "\"0.505\"", "59: instrument.tick: \"0.505\": more decimal places than the instrument has; allowed: a positive decimal string with at most price_scale decimal places"),
    ("\"0.50\"", "0.50", "59: instrument.tick: a number with a point stands there; allowed: a positive decimal string with at most price_scale decimal places"),
    ("\"0.001\"", "\"0\"", "60: instrument.lot: \"0\"; allowed: a positive decimal string with at most qty_scale decimal places"),
    ("\"0.001\"", "\"1e-3\"", "60: instrument.lot: \"1e-3\": not a plain decimal number; allowed: a positive decimal string with at most qty_scale decimal places"),
    ("max_qty = \"100\"", "max_qty = \"100.0005\"", "61: instrument.max_qty: \"100.0005\" is not a multiple of lot; allowed: a multiple of 0.00100"),
    ("\"10000000\"", "\"100000000000000\"", "62: instrument.max_notional: \"100000000000000\": more digits than fit; allowed: a positive decimal string with at most price_scale + qty_scale decimal places"),
    ("\"7.5%\"", "\"7.5\"", "63: instrument.price_band: \"7.5\"; allowed: \"0%\" (none) to \"100%\", at most two decimal places"),
    ("reference = \"100000\"", "reference = \"100000.20\"", "64: instrument.reference: \"100000.20\" is not a multiple of tick; allowed: a multiple of 0.50"),
    ("reference = \"100000\"", "reference = \"-1\"", "64: instrument.reference: \"-1\"; allowed: a positive decimal string with at most price_scale decimal places"),
];

struct Fixture {
    dir: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let alice = rcgen::generate_simple_self_signed(vec!["alice".to_owned()]).unwrap();
        let bob = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let p256 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        for (name, text) in [
            ("server.crt", String::new()),
            ("server.key", String::new()),
            ("ca.crt", String::new()),
            ("alice.crt", alice.cert.pem()),
            ("bob.pub.pem", bob.public_key_pem()),
            ("p256.pub.pem", p256.public_key_pem()),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("sealgate.toml")
    }

    fn read(&self, text: &str) -> Result<Config, String> {
        let place = format!("{}:", self.path().display());
        parse(text, &self.path()).map_err(|error| error.to_string().replace(&place, ""))
    }
}

#[test]
fn reads_every_section_of_a_right_configuration() {
    let fixture = Fixture::new();
    let config = fixture.read(RIGHT).unwrap();
    assert_eq!((config.environment.as_str(), config.durability), ("test", Durability::Process));
    assert_eq!(config.data_dir, fixture.dir.path().join("data"));
    assert_eq!(config.tls.key, fixture.dir.path().join("server.key"));
    assert_eq!(config.fix_listen.map(|a| a.port()), Some(9443));
    assert_eq!((config.caps.connections, config.caps.output_bytes), (8, 1 << 20));
    let threads = &config.topology.threads;
    assert_eq!((threads[0].core, threads[0].idle), (Some(1), Idle::Spin));
    assert_eq!(threads[1].agents, [AgentName::Journal(0)]);

    let directory = &config.directory;
    let alice = directory.account_by_name("ALICE-1").unwrap();
    assert_eq!((alice.id, alice.rates.orders), (AccountId(11), (300, Span::from_secs(10))));
    assert_eq!(alice.signature, SignaturePolicy::Order);
    let key = directory.key_by_name("bob-key").unwrap();
    assert_eq!(
        (key.id, key.signing, &key.accounts[..]),
        (ApiKeyId(22), Signing::Binance, &[AccountId(12)][..])
    );
    let session = directory.session_by_comp_ids("ALICE", "SEALGATE").unwrap();
    assert_eq!((session.id, session.heartbeat_secs), (SessionId(31), (5, 60)));
    let instrument = directory.instrument_by_symbol("BTC-USD").unwrap();
    assert_eq!((instrument.tick, instrument.lot, instrument.max_qty), (Price(50), Qty(100), Qty(10_000_000)));
    assert_eq!((instrument.max_notional, instrument.band_bps), (100_000_000_000_000, 750));
}

#[test]
fn refuses_each_wrong_configuration_with_line_key_and_what_is_allowed() {
    let fixture = Fixture::new();
    assert!(WRONG.len() >= 25);
    let mut unexpected = Vec::new();
    for (right, wrong, message) in WRONG {
        assert!(RIGHT.contains(right), "{right} is not in the right configuration");
        let refused = fixture.read(&RIGHT.replacen(right, wrong, 1)).map(|_| ());
        if refused != Err((*message).to_owned()) {
            unexpected.push(format!("{right:?} → {wrong:?}:\n  {refused:?}\n  {message:?}"));
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}

#[test]
fn a_file_of_many_sessions_is_read_once_and_not_once_for_each() {
    let sessions: String = (100..1_100)
        .map(|id| {
            format!(
                "[[member.fix_session]]\nid = {id}\nsender_comp_id = \"S-{id}\"\ntarget_comp_id = \"SEALGATE\"\n"
            )
        })
        .collect();
    let text = RIGHT.replacen("[[member]]\nid = 2", &format!("{sessions}[[member]]\nid = 2"), 1);
    let counted = super::reader::LINES_COUNTED.get();
    let config = Fixture::new().read(&text).unwrap();
    assert_eq!(config.directory.sessions().len(), 1_001);
    assert_eq!(super::reader::LINES_COUNTED.get(), counted, "lines are counted for a refusal alone");
}

#[test]
fn tells_which_file_it_could_not_read() {
    let error = load(Path::new("nowhere/sealgate.toml")).unwrap_err().to_string();
    assert_eq!(
        error,
        "nowhere/sealgate.toml: no such file; allowed: a readable file in UTF-8; sealgate init writes one"
    );
}

#[test]
fn without_threads_the_topology_suits_the_machine() {
    let text =
        RIGHT.replace(&RIGHT[RIGHT.find("[[thread]]").unwrap()..RIGHT.find("[[member]]").unwrap()], "");
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    assert_eq!(Fixture::new().read(&text).unwrap().topology, Topology::for_cores(cores));
}

#[test]
fn what_is_placed_by_hand_is_read_beside_what_follows_the_rule() {
    let text = RIGHT
        .replace("\"gateway-0\", \"shard-0\"", "\"gateway-0\", \"gateway-1\", \"shard-0\", \"shard-1\"")
        .replace("target_comp_id", "gateway = 1\ntarget_comp_id")
        .replace("symbol", "shard = 1\nsymbol");
    let config = Fixture::new().read(&text).unwrap();
    assert_eq!((config.topology.gateways(), config.topology.shards()), (2, 2));
    assert_eq!(config.placement.gateways, [(SessionId(31), GatewayId(1))].into());
    assert_eq!(config.placement.shards, [(InstrumentId(1), ShardId(1))].into());
}

#[test]
fn defaults_of_the_schema_are_those_of_the_code() {
    let text = RIGHT.replace("connections = 8\noutput_bytes = \"1MiB\"\n", "");
    let empty = Fixture::new().read(&text).unwrap().caps;
    let code = Caps::default();
    assert_eq!(
        (empty.connections, empty.messages_per_second, empty.output_bytes),
        (code.connections, code.messages_per_second, code.output_bytes)
    );
    let sockets = |text: &str| Fixture::new().read(text).unwrap().sockets;
    let code = super::Sockets::default();
    let given = "[sockets]\nquick_ack = true\nbusy_poll = \"50us\"\n";
    assert_eq!((sockets(RIGHT), sockets(&format!("{RIGHT}[sockets]\n"))), (code, code));
    let wanted = super::Sockets { quick_ack: true, busy_poll: Span::from_micros(50), ..code };
    assert_eq!(sockets(&format!("{RIGHT}{given}")), wanted);
}

#[test]
fn a_fix_session_without_rules_has_those_of_the_code() {
    let session = &Fixture::new().read(RIGHT).unwrap().directory.sessions()[0].clone();
    assert_eq!(format!("{:?}", session.rules), format!("{:?}", super::FixRules::default()));
}

#[test]
fn every_default_of_the_schema_is_one_that_its_key_allows() {
    for (section, key) in SECTIONS.iter().flat_map(|s| s.keys.iter().map(move |key| (s, key))) {
        let Absent::Default(value) = key.absent else { continue };
        let value = value.trim_matches('"');
        let fits = match key.kind {
            Kind::Integer(min, max) => value.parse().is_ok_and(|n| (min..=max).contains(&n)),
            Kind::Duration(min, max) => {
                super::units::duration(value).is_some_and(|s| (min..=max).contains(&s))
            }
            Kind::Size(min, max) => super::units::size(value).is_some_and(|s| (min..=max).contains(&s)),
            Kind::Choice(words) => words.contains(&value),
            Kind::Rate => super::units::rate(value).is_some(),
            Kind::Percent => super::units::percent(value).is_some(),
            Kind::Boolean => value == "true" || value == "false",
            Kind::List(_) => value == "[]",
            Kind::Path(_) => !value.is_empty(),
            Kind::Name(max) => (1..=max).contains(&value.len()),
            Kind::Amount(_) | Kind::Address | Kind::PublicKey | Kind::Text(_) => false,
        };
        assert!(fits, "{}: {value}", section.path(key.name));
    }
}
