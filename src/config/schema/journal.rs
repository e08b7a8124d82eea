//! The keys of the journal's files.

use super::{Key, Kind, Section, default, required};
use crate::limits::ONCE_RETENTION;
use crate::types::Span;

/// `[journal]`.
pub const SECTION: Section = Section {
    name: "journal",
    repeats: false,
    says: "The files of the journal: see `docs/journal.md`. The whole section may be left out.",
    keys: KEYS,
};

/// `[archive]`.
pub const ARCHIVE: Section = Section {
    name: "archive",
    repeats: false,
    says: "Where segments of the journal go that are needed for nothing any more: see [journal.md](journal.md#archive). Left \
           out: all stay in `data_dir`.",
    keys: &[
        required(
            "dir",
            Kind::Path("a folder; it is made if it is not there"),
            "The folder, on another file system if you like; of this server alone.",
        ),
        default(
            "keep_for",
            Kind::Duration(ONCE_RETENTION, Span::from_secs(10 * 366 * 24 * 3_600)),
            "\"24h\"",
            "A segment stays at least so long after its last record: FIX resends, resumed streams and first answers that go \
             further back are told from it.",
        ),
        default(
            "keep",
            Kind::Integer(0, 1_000_000),
            "4",
            "So many closed segments stay in any case, beside the one that is written.",
        ),
    ],
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
