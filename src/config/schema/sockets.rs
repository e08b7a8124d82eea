//! The keys of the gateways' sockets: what bounds them, and what the kernel does for them.

use super::{Key, Kind, Section, default};
use crate::types::Span;

/// Smallest limit of waiting output: the longest answer, a `depth` of a thousand levels, must fit several times.
const OUTPUT_BYTES_MIN: u64 = 512 * 1024;

/// `[caps]`.
pub const CAPS: Section = Section {
    name: "caps",
    repeats: false,
    says: "Bounds that protect the gateways. The whole section may be left out.",
    keys: &[
        default(
            "connections",
            Kind::Integer(1, 65_536),
            "1024",
            "Most connections of one gateway; further ones are closed at once.",
        ),
        default(
            "messages_per_second",
            Kind::Integer(1, 10_000_000),
            "10000",
            "Most messages of one connection before signatures; above it they are refused, above twice it closes.",
        ),
        default(
            "output_bytes",
            Kind::Size(OUTPUT_BYTES_MIN, 1 << 30),
            "\"4MiB\"",
            "Most bytes that wait for a client that does not read; above it the connection is cut.",
        ),
        default(
            "stream_heartbeat",
            Kind::Duration(Span::from_millis(100), Span::from_secs(3_600)),
            "\"10s\"",
            "How often a subscriber hears the last number of each of its private streams.",
        ),
    ],
};

/// `[sockets]`.
pub const SOCKETS: Section = Section {
    name: "sockets",
    repeats: false,
    says: "What the kernel does for the sockets of clients; [decision 14](decisions/0014-sockets.md) has what each was found to \
           be worth. The whole section may be left out.",
    keys: SOCKET_KEYS,
};

const SOCKET_KEYS: &[Key] = &[
    default(
        "kernel_timestamps",
        Kind::Boolean,
        "false",
        "Times the stage `kernel` too: from the kernel having bytes of a client to the gateway having read them \
         (SO_TIMESTAMPING).",
    ),
    default(
        "no_delay",
        Kind::Boolean,
        "true",
        "Each answer leaves at once (TCP_NODELAY). False: a small one waits until the one before it is acknowledged.",
    ),
    default(
        "quick_ack",
        Kind::Boolean,
        "false",
        "What was read is acknowledged at once and not with the answer (TCP_QUICKACK): a system call and a packet more for \
         each read.",
    ),
    default(
        "busy_poll",
        Kind::Duration(Span::ZERO, Span::from_millis(1)),
        "\"0s\"",
        "For how long a look at a socket polls its network device (SO_BUSY_POLL), in microseconds. More than the kernel's \
         `net.core.busy_read` wants CAP_NET_ADMIN.",
    ),
];
