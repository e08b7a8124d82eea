//! The keys of `[encryption]` and `[head]`.

use super::{Kind, Section, default, optional, required};
use crate::types::Span;

/// How the data folder is encrypted.
pub const ENCRYPTION: Section = Section {
    name: "encryption",
    repeats: false,
    says: "How what stands in `data_dir` is encrypted: see [security.md](security.md#at-rest).",
    keys: &[
        required(
            "provider",
            Kind::Choice(&["file", "none"]),
            "Where the master key is: in a file of its own; nowhere, which leaves everything readable to whoever \
             has the disk.",
        ),
        optional(
            "key_file",
            Kind::Path("a file outside of `data_dir`, with mode 0600"),
            "only with `provider = \"file\"`",
            "The master key, as `sealgate init` or `sealgate key new-master` makes it.",
        ),
    ],
};

/// Where it is noted how far the journal is.
pub const HEAD: Section = Section {
    name: "head",
    repeats: false,
    says: "Where it is noted, apart from `data_dir`, how far the journal is synced, so that an old copy of it is found: see \
           [journal.md](journal.md#evidence). Left out: nowhere.",
    keys: &[
        required(
            "file",
            Kind::Path("a file outside of `data_dir`"),
            "The file. It is worth as much as it is kept from those who may write to `data_dir`.",
        ),
        default(
            "every",
            Kind::Duration(Span::from_millis(10), Span::from_secs(3_600)),
            "\"1s\"",
            "How often it is written at most: what was synced since then could be cut off unnoticed.",
        ),
    ],
};
