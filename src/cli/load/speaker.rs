//! What is said over a link: orders become the bytes of a protocol, bytes become answers.

use super::fix::FixSpeaker;
use super::link::Link;
use super::setup::Member;
use super::websocket::WebSocketSpeaker;
use super::{Protocol, Signing};
use crate::types::Nanos;
use std::io;
use std::net::SocketAddr;

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
    /// Connects and logs on.
    pub fn connect(
        protocol: Protocol,
        sign: Signing,
        address: SocketAddr,
        member: &Member,
        now: Nanos,
    ) -> io::Result<(Self, Link)> {
        let mut link = Link::connect(address, Some(member.tls.clone()))?;
        let speaker = match protocol {
            Protocol::Fix => Self::Fix(Box::new(FixSpeaker::log_on(&mut link, member, sign, now)?)),
            Protocol::Websocket => {
                Self::WebSocket(Box::new(WebSocketSpeaker::log_on(&mut link, address, member, sign, now)?))
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

/// What the peer said that it must not say.
pub fn unexpected(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

/// OrderQty(38) of orders that rest: so much that it can be lowered once.
pub const QTY: &str = "0.002";
/// What it is lowered to.
pub const LOWERED_QTY: &str = "0.001";

/// Prices of orders that rest, and of those that cross: in half dollars of an instrument whose price is 100,000.
pub fn price(action: Action, number: u64) -> String {
    // 200 levels a side, well inside the band.
    let level = number % 200;
    let halves = match action {
        Action::New { buys: true } => 199_000 - level,
        Action::New { buys: false } => 201_000 + level,
        // An amendment says the price again.
        Action::Amend { order, buys } => return price(Action::New { buys }, order),
        Action::Cross { .. } | Action::Cancel { .. } => 200_000,
    };
    format!("{}.{}", halves / 2, if halves % 2 == 0 { 0 } else { 5 })
}
