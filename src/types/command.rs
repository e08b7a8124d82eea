//! What a shard executes: commands, in the order in which they were sequenced.

use super::ids::{ApiKeyId, ConnId, GatewayId, InstrumentId, OrderId, SessionId};
use super::instrument::{AccountLimits, Instrument};
use super::kill::KillSwitch;
use super::lease::{LogonId, SessionBegan, SessionEnded};
use super::price::Price;
use super::request::{
    AmendOrder, CancelAllAfter, CancelOrder, CancelScope, MassCancel, NewOrder, Query, ReplaceOrder,
};
use super::session_log::MsgSeqNum;
use super::time::{Nanos, Span};
use super::timing::Stamps;

/// Where an answer goes, and how long the request took so far. Not part of a shard's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The gateway that reads the request's connection.
    pub gateway: GatewayId,
    /// The connection.
    pub conn: ConnId,
    /// The gateway's own name of the request: finds its `id` and how it wants to be answered.
    pub token: u64,
    /// When it passed each stage.
    pub stamps: Stamps,
}

/// The part of a request that its execution needs: what is in [`Request`](super::Request), less the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The FIX session; [`SessionId::NONE`] for WebSocket.
    pub session: SessionId,
    /// MsgSeqNum(34) of its message; 0 for WebSocket.
    pub number: MsgSeqNum,
    /// The WebSocket logon; [`LogonId::NONE`] without one, and for FIX.
    pub logon: LogonId,
    /// The API key.
    pub key: ApiKeyId,
    /// When it was sent, by its sender's clock.
    pub sent: Nanos,
    /// How old it may be.
    pub recv_window: Span,
    /// What must be equal in a repetition.
    pub content: [u8; 16],
    /// SHA-256, cut to 16 bytes, of the signed bytes, if they are what tells the request from others
    /// ([`Request::is_told_by_bytes`](super::Request::is_told_by_bytes)); zeros if not.
    pub signed_digest: [u8; 16],
    /// Whether its ClOrdID came from the client.
    pub named: bool,
}

impl Command {
    /// Who asked for it; `None` for commands of the venue's own.
    pub fn requester(&self) -> Option<&Requester> {
        match self {
            Self::New(requester, _)
            | Self::Cancel(requester, _)
            | Self::Amend(requester, _)
            | Self::Replace(requester, _)
            | Self::MassCancel(requester, _)
            | Self::CancelAllAfter(requester, _) => Some(requester),
            Self::Continue(_)
            | Self::Instrument(_)
            | Self::Account(_)
            | Self::Reference(..)
            | Self::SessionBegan(_)
            | Self::SessionEnded(_)
            | Self::Restarted
            | Self::Kill(_)
            | Self::Timers => None,
        }
    }
}

/// The rest of a sweep that was longer than one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Continue {
    /// An order has more to meet.
    Order {
        /// Where.
        instrument: InstrumentId,
        /// The taker.
        order: OrderId,
    },
    /// More orders are to be canceled together.
    Cancels(CancelScope),
    /// More of all orders of a book are to be canceled.
    Book(InstrumentId),
}

/// One command of a shard. Its state is a function of these, their sequence and their times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // It lives in ring slots, whose size is that of the largest anyway.
pub enum Command {
    /// Enter an order.
    New(Requester, NewOrder),
    /// Cancel one.
    Cancel(Requester, CancelOrder),
    /// Amend one.
    Amend(Requester, AmendOrder),
    /// Cancel one and enter another.
    Replace(Requester, ReplaceOrder),
    /// Cancel many.
    MassCancel(Requester, MassCancel),
    /// Set the dead man's timer of an account.
    CancelAllAfter(Requester, CancelAllAfter),
    /// Go on with a sweep.
    Continue(Continue),
    /// Add an instrument or change it.
    Instrument(Instrument),
    /// Set what an account may do.
    Account(AccountLimits),
    /// Set the reference price of an instrument's band.
    Reference(InstrumentId, Price),
    /// A session logged on: its lease is held.
    SessionBegan(SessionBegan),
    /// A logon ended: its leases run out.
    SessionEnded(SessionEnded),
    /// The server was started again: all logons have ended, and every grace begins now.
    Restarted,
    /// Engage or release a kill switch.
    Kill(KillSwitch),
    /// Run the timers that are due at the time of this step: the shard's own.
    Timers,
}

/// What goes through the ring to a shard.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::large_enum_variant)]
pub enum ShardInput {
    /// To be sequenced and executed.
    Command {
        /// Where the answer goes; `None` for commands of the venue's own.
        origin: Option<Origin>,
        /// What to execute.
        command: Command,
        /// The signature over the bytes that stand beside it in the ring: with them the evidence, a
        /// [`SignedBytes`](super::SignedBytes).
        signature: Option<[u8; 64]>,
    },
    /// To be answered from the state as it is.
    Query {
        /// Where the answer goes.
        origin: Origin,
        /// The question.
        query: Query,
    },
}
