//! What is said over a link: orders become the bytes of a protocol, bytes become answers.

use super::args::{Args, Protocol, Signing};
use super::fix::FixSpeaker;
use super::link::{Link, Peer};
use super::setup::Identity;
use super::venue::Venue;
use super::websocket::WebSocketSpeaker;
use crate::types::Nanos;
use std::io;

/// What a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An order that rests, far from the other side.
    New {
        /// Whether it buys.
        buys: bool,
    },
    /// A cancel of the order with this number.
    Cancel {
        /// The number of the message that was the order.
        order: u64,
        /// Whether that one buys.
        buys: bool,
    },
    /// A smaller quantity for an order that rests.
    Amend {
        /// The number of the message that was the order.
        order: u64,
        /// Whether it buys.
        buys: bool,
    },
    /// An order that trades with what the one before it left, or leaves something for the next one.
    Cross {
        /// Whether it buys.
        buys: bool,
    },
}

/// The first answer to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The number of the message.
    pub number: u64,
    /// Why it was refused, if it was.
    pub refused: Option<String>,
}

/// One connection, logged on.
pub enum Speaker {
    /// A FIX session.
    Fix(Box<FixSpeaker>),
    /// A WebSocket connection.
    WebSocket(Box<WebSocketSpeaker>),
}

impl Speaker {
    /// Connects and logs on; `sign` says what is signed from there on.
    pub fn connect(
        args: &Args,
        sign: Signing,
        venue: &Venue,
        member: &Identity,
        now: Nanos,
    ) -> io::Result<(Self, Link)> {
        let tls = member.tls.clone().map(|config| (config, venue.host.clone()));
        let peer = Peer { address: venue.address, tls, stamped: !args.no_kernel_timestamps };
        let mut link = Link::connect(peer)?;
        let terms = &venue.terms;
        let speaker = match args.protocol {
            Protocol::Fix => Self::Fix(Box::new(FixSpeaker::log_on(&mut link, member, terms, sign, now)?)),
            Protocol::Websocket => {
                let speaker = WebSocketSpeaker::log_on(&mut link, venue.address, member, terms, sign, now)?;
                Self::WebSocket(Box::new(speaker))
            }
        };
        Ok((speaker, link))
    }

    /// The bytes of message `number`, as said at `at`. Messages are said in the order in which they are made.
    pub fn message(&mut self, number: u64, action: Action, at: Nanos) -> Vec<u8> {
        match self {
            Self::Fix(fix) => fix.message(number, action, at),
            Self::WebSocket(websocket) => websocket.message(number, action, at),
        }
    }

    /// Takes the answers out of what came in.
    pub fn answers(&mut self, plain: &mut Vec<u8>, answers: &mut Vec<Answer>) -> io::Result<()> {
        match self {
            Self::Fix(fix) => fix.answers(plain, answers),
            Self::WebSocket(websocket) => websocket.answers(plain, answers),
        }
    }
}

/// The name of a refusal out of its text, `Name (detail): a sentence`: what refusals are counted by.
pub fn name_of(text: &str) -> String {
    let end = text.find(" (").into_iter().chain(text.find(':')).min().unwrap_or(text.len());
    text[..end].to_owned()
}

/// What the peer said that it must not say.
pub fn unexpected(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn refusals_go_by_their_name() {
        for (text, name) in [
            ("OrderRate (retry after 58998 ms): Too many new orders.", "OrderRate"),
            ("TooLateToCancel: The order is closed already.", "TooLateToCancel"),
            ("another engine's words", "another engine's words"),
        ] {
            assert_eq!(name_of(text), name);
        }
    }
}
