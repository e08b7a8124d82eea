//! The rings between the control plane and an agent.
//!
//! ```text
//!   control plane ── Order ──► gateway       one at a time, applied between two polls
//!   control plane ◄── Done ─── gateway       each with the ticket of its order
//! ```
//!
//! What a shard is asked stands in `kill_port`.

use crate::config::Directory;
use crate::limits::CONTROL_SLOTS;
use crate::ring::spsc;
use crate::sys::poll::Waker;
use crate::types::{MsgSeqNum, Nanos, SessionId, Span, Text};
use std::net::SocketAddr;
use std::sync::Arc;

/// What a gateway is asked to do.
#[derive(Clone, Debug)]
pub enum Order {
    /// Tell how the FIX sessions are.
    List,
    /// This is the directory from now on; it differs from the one before in this session.
    Change {
        /// The directory.
        directory: Arc<Directory>,
        /// The session that was added, changed or removed.
        session: SessionId,
        /// Text(58) of the Logout if the session may not stay.
        text: Text<120>,
    },
    /// Set numbers of a session by hand.
    Repair {
        /// The session.
        session: SessionId,
        /// The numbers.
        numbers: Numbers,
    },
}

/// Numbers that are set by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Both sequences start at 1 again first.
    pub reset: bool,
    /// The number expected of the client next.
    pub next_in: Option<MsgSeqNum>,
    /// The number of our next message.
    pub next_out: Option<MsgSeqNum>,
}

/// What a gateway has done.
#[derive(Clone, Debug)]
pub enum Done {
    /// The sessions that live here.
    Listed(Vec<SessionStatus>),
    /// The directory holds.
    Changed,
    /// The numbers are set, or why they are not; `None`: the session does not live here.
    Repaired(Option<Result<(), RepairRefused>>),
}

/// Why numbers were not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairRefused {
    /// A client is connected.
    Connected,
    /// Numbers below this one were used.
    Used(MsgSeqNum),
}

/// How a FIX session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionStatus {
    /// Which.
    pub session: SessionId,
    /// BeginString(8).
    pub version: &'static str,
    /// How far it is.
    pub state: SessionState,
    /// Since when it has been logged on.
    pub since: Option<Nanos>,
    /// Its connection.
    pub peer: Option<SocketAddr>,
    /// The number expected of the client next.
    pub next_in: MsgSeqNum,
    /// The number of our next message.
    pub next_out: MsgSeqNum,
    /// HeartBtInt(108) of the connection.
    pub heartbeat: Span,
    /// When it last sent something.
    pub last_sent: Option<Nanos>,
    /// When something last came.
    pub last_received: Option<Nanos>,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Nobody is connected.
    Disconnected,
    /// Logged on, and nothing is missing.
    LoggedOn,
    /// Logged on; messages of the client are missing and were asked for.
    Recovering,
    /// Our Logout is out.
    LoggingOut,
}

/// The control plane's end of the rings to a gateway.
pub type PlanePort = PlaneEnd<Order, Done>;

/// The gateway's end.
pub type GatewayPort = AgentEnd<Order, Done>;

/// The control plane's end: it asks for an `O` and is answered with a `D`.
#[derive(Debug)]
pub struct PlaneEnd<O, D> {
    orders: spsc::Producer<(u64, O)>,
    done: spsc::Consumer<(u64, D)>,
    waker: Waker,
}

/// The agent's end.
#[derive(Debug)]
pub struct AgentEnd<O, D> {
    orders: spsc::Consumer<(u64, O)>,
    done: spsc::Producer<(u64, D)>,
}

/// Both ends; `waker` wakes the agent's thread.
pub fn connect<O, D>(waker: Waker) -> (PlaneEnd<O, D>, AgentEnd<O, D>) {
    let (orders, orders_out) = spsc::ring(CONTROL_SLOTS);
    let (done_in, done) = spsc::ring(CONTROL_SLOTS);
    (PlaneEnd { orders, done, waker }, AgentEnd { orders: orders_out, done: done_in })
}

impl<O, D> PlaneEnd<O, D> {
    /// Asks; false if the agent has not even taken what was asked before.
    pub fn ask(&mut self, ticket: u64, order: O) -> bool {
        let asked = self.orders.push((ticket, order)).is_done();
        self.waker.wake();
        asked
    }

    /// The answer of this ticket, if it is there. Answers that nobody waited for are dropped.
    pub fn answer(&mut self, ticket: u64) -> Option<D> {
        while let Some((of, done)) = self.done.pop() {
            if of == ticket {
                return Some(done);
            }
        }
        None
    }
}

impl<O, D> AgentEnd<O, D> {
    /// The next order, if there is room for its answer.
    pub fn take(&mut self) -> Option<(u64, O)> {
        if self.done.slots() == 0 { None } else { self.orders.pop() }
    }

    /// Answers it.
    pub fn done(&mut self, ticket: u64, done: D) {
        // There was a slot when the order was taken. Without a control plane nobody wants to know.
        let _ = self.done.push((ticket, done));
    }

    /// Whether an order waits.
    pub fn has_order(&self) -> bool {
        !self.orders.is_empty()
    }
}
