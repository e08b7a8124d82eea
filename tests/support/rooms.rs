//! The rooms of `src/`, and what each may import: the table that [`tidy`](../tidy.rs) holds the sources against.

/// What a room is: stages are plain structs, so they see no sockets, files, threads and clocks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Word,
    Tool,
    Stage,
    Threads,
    Beside,
}

/// A folder or file of `src/`: which other rooms it imports and which external crates it names.
pub struct Room {
    pub name: &'static str,
    pub kind: Kind,
    pub rooms: &'static [&'static str],
    pub crates: &'static [&'static str],
}

const fn room(
    name: &'static str,
    kind: Kind,
    rooms: &'static [&'static str],
    crates: &'static [&'static str],
) -> Room {
    Room { name, kind, rooms, crates }
}

use Kind::{Beside, Stage, Threads, Tool, Word};

/// Every room imports words, every stage imports `watch`; here stands what comes on top.
pub const ROOMS: &[Room] = &[
    room("types", Word, &[], &[]),
    room("limits", Word, &[], &[]),
    // Bugs behind a switch that only the simulator's tests throw.
    room("planted", Word, &[], &[]),
    // A configuration is where certificates and keys are registered, so it reads and checks them.
    room(
        "config",
        Word,
        &[],
        &["aws_lc_rs", "base64", "ed25519_dalek", "jiff", "rustc_hash", "toml", "x509_parser"],
    ),
    room(
        "wire",
        Tool,
        &[],
        &["aws_lc_rs", "base64", "crc32fast", "serde", "serde_json", "tungstenite", "zerocopy"],
    ),
    room("ring", Tool, &[], &["crossbeam_utils", "rtrb"]),
    room("seal", Tool, &["sys", "wire"], &["aws_lc_rs", "base64", "crc32fast", "cryptoki", "zeroize"]),
    room("sys", Tool, &[], &["libc", "zeroize"]),
    room("watch", Tool, &[], &["crossbeam_utils", "hdrhistogram"]),
    room("accept", Stage, &[], &["aws_lc_rs", "rustls", "x509_parser"]),
    room("session", Stage, &["wire"], &["base64"]),
    room("decode", Stage, &["wire"], &["base64", "serde"]),
    room(
        "verify",
        Stage,
        &["wire"],
        &["arc_swap", "crossbeam_queue", "curve25519_dalek", "ed25519_dalek", "fiat_crypto"],
    ),
    room("limit", Stage, &["ring"], &["rustc_hash"]),
    room("route", Stage, &[], &[]),
    room("sequence", Stage, &[], &[]),
    room("once", Stage, &[], &["siphasher"]),
    room("risk", Stage, &[], &[]),
    room("matching", Stage, &[], &[]),
    room("journal", Stage, &["wire"], &["zerocopy"]),
    room("report", Stage, &["wire"], &["serde", "serde_json"]),
    room("market", Stage, &[], &[]),
    room("run", Threads, ALL_BUT_CLI, &["crossbeam_utils", "rtrb"]),
    // It has a thread of its own, and speaks with agents by rings alone.
    room(
        "admin",
        Beside,
        &["ring", "seal", "sys", "watch"],
        &["axum", "prometheus_client", "serde", "serde_json", "tokio"],
    ),
    room(
        "client",
        Beside,
        &["wire", "session", "sys"],
        &[
            "base64",
            "ed25519_dalek",
            "futures_util",
            "rustls",
            "serde",
            "serde_json",
            "tokio",
            "tokio_rustls",
            "tokio_tungstenite",
            "tungstenite",
            "x509_parser",
        ],
    ),
    room(
        "cli",
        Beside,
        &["accept", "admin", "client", "journal", "run", "seal", "session", "sys", "watch", "wire"],
        &[
            "aws_lc_rs",
            "base64",
            "clap",
            "ed25519_dalek",
            "hdrhistogram",
            "rcgen",
            "rustls",
            "serde",
            "serde_json",
            "tempfile",
            "tokio",
            "tungstenite",
            "x509_parser",
        ],
    ),
];

const ALL_BUT_CLI: &[&str] = &[
    "wire", "ring", "seal", "sys", "watch", "accept", "session", "decode", "verify", "limit", "route",
    "sequence", "once", "risk", "matching", "journal", "report", "market", "run", "admin",
];
