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
            Kind::Choice(&["file", "pkcs11", "none"]),
            "Where the master key is that wraps: in a file of its own; in a token that it never leaves; nowhere, which \
             leaves everything readable to whoever has the disk.",
        ),
        optional(
            "key_file",
            Kind::Path("a file outside of `data_dir`, with mode 0600"),
            "required with `provider = \"file\"`",
            "The master key, as `sealgate init` or `sealgate key new-master` makes it. With `provider = \"pkcs11\"`: the \
             key from which the data is moved into the token; it opens, and wraps nothing.",
        ),
        optional(
            "module",
            Kind::Path("a PKCS#11 library"),
            "required with `provider = \"pkcs11\"`",
            "The library of the token's maker, such as `/usr/lib/softhsm/libsofthsm2.so`. With `provider = \"file\"`: the \
             token from which the data is moved into the file; it opens, and wraps nothing.",
        ),
        optional(
            "token",
            Kind::Text("the label of a token"),
            "any label",
            "Which token, by its label. With `module`, this or `token_serial` must be there; where both are, both must fit.",
        ),
        optional("token_serial", Kind::Text("the serial number of a token"), "any number", "Which token."),
        optional(
            "key",
            Kind::Text("the label (CKA_LABEL) of AES-256 keys"),
            "required with `module`",
            "The master key in the token, as `sealgate key new-master` makes it there.",
        ),
        optional(
            "pin_file",
            Kind::Path("a file outside of `data_dir`, with mode 0600"),
            "none",
            "A file with the PIN of the token's user. With `module`, this or `pin_env` must be there. The PIN itself never \
             stands here.",
        ),
        optional(
            "pin_env",
            Kind::Text("the name of an environment variable"),
            "none",
            "The variable of the server's environment that has the PIN.",
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
