//! The keys of the places where an operator and a monitor speak to the running server.

use super::{Key, Kind, default, optional, required};

/// The keys of `[control]`.
pub const CONTROL: &[Key] = &[
    default("enabled", Kind::Boolean, "true", "False: there is no such socket."),
    optional(
        "socket",
        Kind::Path("a path of at most 107 bytes"),
        "`control.sock` in `data_dir`",
        "The Unix domain socket. Only the user of the server, and root, may use it.",
    ),
];

/// The keys of `[admin]`.
pub const ADMIN: &[Key] = &[
    required("listen", Kind::Address, "Its address, such as `127.0.0.1:9445`. Port 0 takes a free one."),
    default(
        "remote",
        Kind::Boolean,
        "false",
        "Whether the address may be one that other machines can reach. Nobody is asked who he is there.",
    ),
];
