//! Every key of `sealgate.toml`, as data: what may stand there, the default, what it does. The reader takes bounds and
//! defaults from here, refusals quote it, `docs/configuration.md` is made of it, so the three cannot drift apart.

mod encryption;
mod fix;
mod journal;
mod limit;
mod operator;
mod reference;
mod sockets;

pub use reference::reference;

use crate::limits::SHARDS_MAX;
use crate::types::{CancelPolicy, Span};
use std::fmt;

/// One `[section]` or `[[section]]`.
#[derive(Debug)]
pub struct Section {
    /// Its name with dots; empty for the keys at the top.
    pub name: &'static str,
    /// Whether it stands there once or once for each thing.
    pub repeats: bool,
    /// What it is about.
    pub says: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its name within its section.
    pub name: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// What holds where it does not stand there.
    pub absent: Absent,
    /// What it does.
    pub says: &'static str,
}

/// What holds where a key does not stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The file is refused.
    Refused,
    /// This value, written as in the file.
    Default(&'static str),
    /// What the words say.
    Means(&'static str),
}

/// What may stand at a key. Its [`Display`](fmt::Display) is the text behind `allowed:` in a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string of at most so many characters, all of which may stand in a signed request.
    Name(usize),
    /// A whole number between two bounds, these included.
    Integer(u64, u64),
    /// `true` or `false`.
    Boolean,
    /// A length of time between two bounds.
    Duration(Span, Span),
    /// A number of bytes between two bounds.
    Size(u64, u64),
    /// A share of a price.
    Percent,
    /// So many messages in any window of a length.
    Rate,
    /// An amount as a decimal string at a scale of the instrument, which is named here.
    Amount(&'static str),
    /// IP address and port.
    Address,
    /// A folder or file; the words say of what.
    Path(&'static str),
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A list of strings; the words say of what.
    List(&'static str),
    /// An Ed25519 public key.
    PublicKey,
    /// A string; the words say of what.
    Text(&'static str),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(max) => write!(f, "1 to {max} characters out of A-Z a-z 0-9 . _ : @ / + -"),
            Self::Integer(min, max) => write!(f, "a whole number from {min} to {max}"),
            Self::Boolean => f.write_str("true or false"),
            Self::Duration(min, max) => {
                write!(
                    f,
                    "\"{}\" to \"{}\"",
                    super::units::duration_text(*min),
                    super::units::duration_text(*max)
                )
            }
            Self::Size(min, max) => {
                write!(f, "\"{}\" to \"{}\"", super::units::size_text(*min), super::units::size_text(*max))
            }
            Self::Percent => f.write_str("\"0%\" (none) to \"100%\", at most two decimal places"),
            Self::Rate => write!(
                f,
                "\"COUNT/WINDOW\" such as \"100/1s\": 1 to {RATE_COUNT_MAX} in \"1ms\" to \"{}\"",
                super::units::duration_text(RATE_WINDOW_MAX)
            ),
            Self::Amount(scale) => write!(f, "a positive decimal string with at most {scale} decimal places"),
            Self::Address => f.write_str("an IP address with a port, such as \"127.0.0.1:9443\""),
            Self::Path(what) => f.write_str(what),
            Self::Choice(words) => {
                for (at, word) in words.iter().enumerate() {
                    write!(f, "{}\"{word}\"", if at == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::List(what) | Self::Text(what) => f.write_str(what),
            Self::PublicKey => f.write_str("32 bytes in base64, or a PEM file with an Ed25519 public key"),
        }
    }
}

/// Most messages of one rate window: the rate ring keeps eight bytes for each.
pub const RATE_COUNT_MAX: u32 = 1_000_000;

/// Longest rate window.
pub const RATE_WINDOW_MAX: Span = Span::from_secs(3_600);

const fn required(name: &'static str, kind: Kind, says: &'static str) -> Key {
    Key { name, kind, absent: Absent::Refused, says }
}

const fn default(name: &'static str, kind: Kind, value: &'static str, says: &'static str) -> Key {
    Key { name, kind, absent: Absent::Default(value), says }
}

const fn optional(name: &'static str, kind: Kind, means: &'static str, says: &'static str) -> Key {
    Key { name, kind, absent: Absent::Means(means), says }
}

const ID_SAYS: &str = "Its number. It stands in the journal: never change it, never give it to another.";

// Cancel on disconnect: of a FIX session, and of the WebSocket logons of an API key.
const CANCEL_ON_DISCONNECT: Key = default(
    "cancel_on_disconnect",
    Kind::Choice(&["off", "disconnect", "logout", "both"]),
    "\"off\"",
    "Which ends of the session cancel its orders: those without a goodbye, those with one, both.",
);
const CANCEL_GRACE: Key = default(
    "cancel_grace",
    Kind::Duration(Span::ZERO, CancelPolicy::GRACE_MAX),
    "\"0s\"",
    "How long after such an end the orders wait for a new logon.",
);
const CANCEL_CHOICE: Key = default(
    "cancel_choice",
    Kind::Choice(&["any", "stricter", "fixed"]),
    "\"any\"",
    "What a logon may ask for instead: anything; more ends and a shorter grace; nothing.",
);
const CANCEL_GRACE_MAX: Key = default(
    "cancel_grace_max",
    Kind::Duration(Span::ZERO, CancelPolicy::GRACE_MAX),
    "\"60s\"",
    "Longest grace that a logon may ask for.",
);

/// All sections, in the order in which they stand in the documentation.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "",
        repeats: false,
        says: "At the top.",
        keys: &[
            required(
                "environment",
                Kind::Name(36),
                "Name of the environment, told to clients in `exchangeInfo`. Keys and CompIDs are unique in it.",
            ),
            default(
                "data_dir",
                Kind::Path("a folder; it is made if it is not there"),
                "\"data\"",
                "Where the journal and the session logs are.",
            ),
            default(
                "durability",
                Kind::Choice(&["memory", "process", "disk"]),
                "\"disk\"",
                "What must have happened to a record before its answer leaves: nothing; it survives the process; \
                 it is synced.",
            ),
        ],
    },
    encryption::ENCRYPTION,
    encryption::HEAD,
    Section {
        name: "tls",
        repeats: false,
        says: "Certificates. Both listeners speak TLS 1.3 only and ask each client for a certificate.",
        keys: &[
            required(
                "certificate",
                Kind::Path("a readable PEM file"),
                "The server's certificate chain, its own first.",
            ),
            required("key", Kind::Path("a readable PEM file"), "The server's private key, PKCS#8."),
            required(
                "client_roots",
                Kind::Path("a readable PEM file"),
                "The CAs that client certificates come from.",
            ),
        ],
    },
    Section {
        name: "listen",
        repeats: false,
        says: "Where clients connect. At least one of the two must stand there.",
        keys: &[
            optional("fix", Kind::Address, "no FIX", "FIX sessions. Port 0: the kernel chooses one."),
            optional("websocket", Kind::Address, "no WebSocket", "Clients, at the path `/ws-api/v3`."),
        ],
    },
    sockets::CAPS,
    sockets::SOCKETS,
    Section {
        name: "verify",
        repeats: false,
        says: "How signatures are verified; the verdicts are the same. The whole section may be left out.",
        keys: &[
            default(
                "method",
                Kind::Choice(&["tables", "dalek"]),
                "\"tables\"",
                "`tables`: over a table for each API key, which is a few times as fast; a sample of the verdicts is \
                 checked again in the background. `dalek`: by `ed25519-dalek` alone.",
            ),
            default(
                "tables",
                Kind::Size(1 << 20, 1 << 36),
                "\"256MiB\"",
                "Most memory of all tables: some 140 KB a key. Where it is short, the keys that were used longest ago \
                 are verified by `ed25519-dalek`.",
            ),
        ],
    },
    Section {
        name: "once",
        repeats: false,
        says: "What a shard remembers of requests, so that none runs twice. The whole section may be left out.",
        keys: &[default(
            "ids_max",
            Kind::Integer(100, 1_000_000_000),
            "10000000",
            "Most requests of the last 24 hours that a shard remembers: 104 bytes each, and their memory is taken as they \
             come. Above it orders are refused with `OnceFull`; the last sixteenth is kept for cancels.",
        )],
    },
    journal::SECTION,
    journal::ARCHIVE,
    Section {
        name: "control",
        repeats: false,
        says: "The socket over which `sealgate session` and the like speak to the running server. The whole section may be \
               left out.",
        keys: operator::CONTROL,
    },
    Section {
        name: "admin",
        repeats: false,
        says: "The HTTP listener at which a monitor reads figures: `GET /metrics`, for Prometheus. Left out, there is none.",
        keys: operator::ADMIN,
    },
    Section {
        name: "thread",
        repeats: true,
        says: "Which agents run on which thread. Left out altogether: `gateway-0` and `shard-0` on one thread, pinned \
               to the\nlast core where there are two or more, and `journal-0` on another.",
        keys: &[
            optional("core", Kind::Integer(0, 1_023), "not pinned", "The core that the thread is pinned to."),
            default(
                "idle",
                Kind::Choice(&["spin", "yield", "park"]),
                "\"park\"",
                "What it does when there is nothing to do: look again at once; let others run first; sleep. A gateway that spins also reads \
                 the connections that speak just now before it asks the system which are ready.",
            ),
            required(
                "agents",
                Kind::List(
                    "\"gateway-0\", \"gateway-1\" …, \"shard-0\", \"shard-1\" …, \"journal-0\", each on exactly one thread",
                ),
                "The agents that it polls in turn. A journal waits for the disk, so it shares a thread with no other \
                 kind.",
            ),
        ],
    },
    Section {
        name: "member",
        repeats: true,
        says: "A member of the venue, its certificates, and below it its accounts, API keys and FIX sessions. Who\nconnects with one of the certificates can use these and no others.",
        keys: &[
            required("id", Kind::Integer(1, u16::MAX as u64), ID_SAYS),
            required("name", Kind::Name(36), "Its name, for logs."),
            default(
                "certificates",
                Kind::List("readable PEM files, each with a certificate that no other member has"),
                "[]",
                "Its certificates; of a chain the first one counts. Of this list and the next, one has an entry.",
            ),
            default(
                "spki_sha256",
                Kind::List("64 hexadecimal digits each, which no other member has"),
                "[]",
                "Its certificates as SHA-256 of their SubjectPublicKeyInfo.",
            ),
        ],
    },
    Section {
        name: "member.account",
        repeats: true,
        says: "An account of the member above it.",
        keys: &[
            required("id", Kind::Integer(1, u32::MAX as u64), ID_SAYS),
            required("name", Kind::Name(36), "Its name on the wire: Account(1), `account`."),
            default(
                "signature",
                Kind::Choice(&["order", "session"]),
                "\"order\"",
                "What must be signed: each order and cancel, or the logon alone.",
            ),
            default("order_rate", Kind::Rate, "\"100/1s\"", "Most new orders in any window of this length."),
            default(
                "orders_per_day",
                Kind::Integer(0, u32::MAX as u64),
                "0",
                "Most new orders from midnight to midnight (UTC), beside those in a window. 0: no limit.",
            ),
            default("cancel_rate", Kind::Rate, "\"200/1s\"", "Most cancels, counted apart from the orders."),
            default("query_rate", Kind::Rate, "\"100/1s\"", "Most queries."),
            default(
                "max_open_orders",
                Kind::Integer(1, 1_000_000),
                "1000",
                "Most open orders in an instrument, where `[[member.account.limit]]` says nothing else of it.",
            ),
            default(
                "smp_group",
                Kind::Integer(0, u32::MAX as u64),
                "0",
                "Accounts of one group, of whatever member, do not trade with each other: self-match prevention \
                 treats them as one account. 0: no group. SelfMatchPreventionID(2362), `tradeGroupId`.",
            ),
            default("enabled", Kind::Boolean, "true", "False: it may cancel and ask, but not enter orders."),
        ],
    },
    limit::LIMIT,
    Section {
        name: "member.api_key",
        repeats: true,
        says: "An API key of the member above it.",
        keys: &[
            required("id", Kind::Integer(1, u32::MAX as u64), ID_SAYS),
            required("name", Kind::Name(64), "Its name on the wire: Username(553), `apiKey`."),
            required(
                "public_key",
                Kind::PublicKey,
                "The Ed25519 public key; `sealgate key new` makes a pair.",
            ),
            required(
                "accounts",
                Kind::List("names of accounts of the same member, at least one"),
                "The accounts that it may act for; the first is meant where a request names none.",
            ),
            default(
                "signing",
                Kind::Choice(&["sealgate", "binance"]),
                "\"sealgate\"",
                "What its WebSocket signatures cover: the method and the parameters, or the parameters alone.",
            ),
            CANCEL_ON_DISCONNECT,
            CANCEL_GRACE,
            CANCEL_CHOICE,
            CANCEL_GRACE_MAX,
        ],
    },
    Section {
        name: "member.fix_session",
        repeats: true,
        says: "A FIX session of the member above it, named from the client's side.",
        keys: fix::KEYS,
    },
    Section {
        name: "instrument",
        repeats: true,
        says: "What can be traded.",
        keys: &[
            required("id", Kind::Integer(1, u16::MAX as u64), ID_SAYS),
            required("symbol", Kind::Name(24), "Symbol(55)."),
            required(
                "kind",
                Kind::Choice(&["spot", "perpetual", "future", "option"]),
                "What kind of thing it is.",
            ),
            required("base", Kind::Name(24), "What a buyer gets."),
            required("quote", Kind::Name(24), "What prices are in."),
            required("price_scale", Kind::Integer(0, 12), "Decimal places of a price. Fixed for ever."),
            required("qty_scale", Kind::Integer(0, 12), "Decimal places of a quantity. Fixed for ever."),
            required("tick", Kind::Amount("price_scale"), "Prices are multiples of this."),
            required("lot", Kind::Amount("qty_scale"), "Quantities are multiples of this."),
            required("max_qty", Kind::Amount("qty_scale"), "Largest quantity of one order."),
            required(
                "max_notional",
                Kind::Amount("price_scale + qty_scale"),
                "Largest price × quantity of one order.",
            ),
            default(
                "price_band",
                Kind::Percent,
                "\"10%\"",
                "How far a price may lie from the reference price.",
            ),
            optional(
                "reference",
                Kind::Amount("price_scale"),
                "no band until there is a trade or a mid price",
                "The reference price until there was a trade or both sides of the book have an order.",
            ),
            default(
                "state",
                Kind::Choice(&["trading", "halted"]),
                "\"trading\"",
                "Halted: cancels are taken, orders are not.",
            ),
            optional(
                "shard",
                Kind::Integer(0, SHARDS_MAX as u64 - 1),
                "its `id` modulo the number of shards",
                "The shard that owns its book. Fixed for ever: the journal of that shard is where the book is.",
            ),
        ],
    },
];

impl Section {
    /// The section of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SECTIONS.iter().find(|section| section.name == name)
    }

    /// What a key or a section inside this one is called in messages: with the names of what it is in.
    pub fn path(&self, name: &str) -> String {
        if self.name.is_empty() { name.to_owned() } else { format!("{}.{name}", self.name) }
    }

    /// The section as it is written in the file.
    pub fn header(&self) -> String {
        match (self.name, self.repeats) {
            ("", _) => "the top".to_owned(),
            (name, false) => format!("[{name}]"),
            (name, true) => format!("[[{name}]]"),
        }
    }
}
