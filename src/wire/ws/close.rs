//! Why we close a connection, with which code: one table, told in `docs/protocol-websocket.md`.

use tungstenite::Error;
use tungstenite::error::CapacityError;

/// Why we close a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// The server stops.
    ServerStopping,
    /// A frame against RFC 6455, such as one without mask.
    ProtocolError,
    /// A binary frame.
    BinaryFrame,
    /// Text that is not UTF-8.
    NotUtf8,
    /// Twice the message cap of a connection.
    TooManyMessages,
    /// No sign of life for too long.
    NoSignOfLife,
    /// A message longer than the limit.
    MessageTooLong,
}

impl Close {
    /// All of them, as the table has them.
    pub const ALL: &'static [Self] = &[
        Self::ServerStopping,
        Self::ProtocolError,
        Self::BinaryFrame,
        Self::NotUtf8,
        Self::TooManyMessages,
        Self::NoSignOfLife,
        Self::MessageTooLong,
    ];

    /// The status code of the close frame.
    pub const fn code(self) -> u16 {
        match self {
            Self::ServerStopping => 1001,
            Self::ProtocolError => 1002,
            Self::BinaryFrame => 1003,
            Self::NotUtf8 => 1007,
            Self::TooManyMessages | Self::NoSignOfLife => 1008,
            Self::MessageTooLong => 1009,
        }
    }

    /// The text of the close frame.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ServerStopping => "the server stops; connect again later",
            Self::ProtocolError => "a frame against RFC 6455",
            Self::BinaryFrame => "send text frames",
            Self::NotUtf8 => "text that is not UTF-8",
            Self::TooManyMessages => "far more messages than a connection may send",
            Self::NoSignOfLife => "no pong for too long",
            Self::MessageTooLong => "a message longer than the limit",
        }
    }

    /// What to say to a peer whose bytes tungstenite did not take; `None` where the connection is over anyway.
    pub(super) fn for_error(error: &Error) -> Option<Self> {
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed => None,
            Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(Self::MessageTooLong),
            Error::Utf8(_) => Some(Self::NotUtf8),
            _ => Some(Self::ProtocolError),
        }
    }
}

// A control frame carries 125 bytes, two of them the code.
const _: () = {
    let mut at = 0;
    while at < Close::ALL.len() {
        assert!(Close::ALL[at].reason().len() <= 123, "the reason fits a control frame");
        at += 1;
    }
};
