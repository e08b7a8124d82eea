//! Why we close a connection, with which code: one table, told in `docs/protocol-websocket.md`.

/// Why we close a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// 1001: the server stops.
    ServerStopping,
    /// 1002: a frame against RFC 6455, such as one without mask.
    ProtocolError,
    /// 1003: a binary frame.
    BinaryFrame,
    /// 1007: text that is not UTF-8.
    NotUtf8,
    /// 1008: twice the message cap of a connection.
    TooManyMessages,
    /// 1008: no sign of life for too long.
    NoPong,
    /// 1009: a message longer than the limit.
    MessageTooLong,
}
