//! What a gateway remembers of its FIX sessions: the session log, one stream of records per gateway.

use super::ids::{ClOrdId, Seq, SessionId, ShardId};
use super::text::Text;
use std::fmt;

/// MsgSeqNum(34): 1, 2, 3 … in each direction of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MsgSeqNum(pub u32);

/// An event of a shard's journal: the record, and the place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventRef {
    /// Whose journal.
    pub shard: ShardId,
    /// The record.
    pub seq: Seq,
    /// The place of the event in it, from 0.
    pub index: u16,
}

/// A request that nobody answered, because the process died before it was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostRequest {
    /// MsgSeqNum(34).
    pub number: MsgSeqNum,
    /// MsgType(35).
    pub msg_type: Text<3>,
    /// ClOrdID(11).
    pub cl_ord_id: ClOrdId,
    /// Whether it concerns all shards and some of them had executed it.
    pub partly: bool,
}

/// What a message that we sent was made of, so that it can be sent again with the same body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboundBody<'a> {
    /// An event; its body follows from the journal.
    Event(EventRef),
    /// A message of the gateway's own, such as a reject: its MsgType(35) and body fields, as they were sent.
    Own(&'a [u8]),
}

/// One record of the session log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRecord<'a> {
    /// The message of this number was taken: the next one expected is the one after it.
    Inbound {
        /// Which session.
        session: SessionId,
        /// MsgSeqNum(34) of the client's message.
        number: MsgSeqNum,
    },
    /// The same of a message that asks for a change, such as an order: from here on it is owed an outcome.
    Request {
        /// Which session.
        session: SessionId,
        /// MsgSeqNum(34) of the client's message.
        number: MsgSeqNum,
        /// Its MsgType(35).
        msg_type: Text<3>,
        /// ClOrdID(11), empty where it has none that could be one.
        cl_ord_id: ClOrdId,
    },
    /// The request of this number has its outcome in a message of ours that stands before this record: a refusal, or
    /// the answer to a repetition. A request that a shard executed has it in its step.
    Answered {
        /// Which session.
        session: SessionId,
        /// MsgSeqNum(34) of the client's message.
        number: MsgSeqNum,
    },
    /// The client moved its numbers: SequenceReset(4).
    InboundNext {
        /// Which session.
        session: SessionId,
        /// The number that we expect next.
        next: MsgSeqNum,
    },
    /// This number was given to this body. Messages of the session's own that are never resent have no record.
    Outbound {
        /// Which session.
        session: SessionId,
        /// MsgSeqNum(34) of our message.
        number: MsgSeqNum,
        /// When it was sent: OrigSendingTime(122) of a resend.
        sent: super::Nanos,
        /// What it said.
        body: OutboundBody<'a>,
    },
    /// The message that is given the next number tells this event as well, in words of its own: a part of what several
    /// shards report of one request.
    Told {
        /// Which session.
        session: SessionId,
        /// The event, which it is owed no more.
        event: EventRef,
    },
    /// Numbers up to this one may be used; after a crash those without a record are gap-filled.
    Reserved {
        /// Which session.
        session: SessionId,
        /// The last reserved number.
        upto: MsgSeqNum,
    },
    /// Both directions start again at 1.
    Reset {
        /// Which session.
        session: SessionId,
    },
}

impl MsgSeqNum {
    /// The first number of a session.
    pub const FIRST: Self = Self(1);

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for MsgSeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
