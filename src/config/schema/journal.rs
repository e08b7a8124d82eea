//! The keys of the journal's files.

use super::{Key, Kind, Section, default};

/// `[journal]`.
pub const SECTION: Section = Section {
    name: "journal",
    repeats: false,
    says: "The files of the journal: see `docs/journal.md`. The whole section may be left out.",
    keys: KEYS,
};

const KEYS: &[Key] = &[
    default(
        "segment",
        Kind::Size(1 << 20, 1 << 30),
        "\"64MiB\"",
        "Size of a new segment. Those that are there keep theirs. The next one is made beforehand: two must have room.",
    ),
    default(
        "snapshot_every",
        Kind::Integer(0, 1_000),
        "4",
        "A snapshot is made after so many segments, beside the path of orders: a start reads the newest one and what came \
         after it. 0: none is made.",
    ),
    default(
        "snapshots",
        Kind::Integer(1, 100),
        "2",
        "How many are kept. Where the newest cannot be used, the one before it is.",
    ),
];
