//! The keys of `[encryption]`.

use super::{Kind, Section, optional, required};

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
