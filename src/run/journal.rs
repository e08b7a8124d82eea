//! The journal agent: writes what shards and gateways append to one log, syncs it once for all that wait, says how
//! far each stream is durable, and reads records back for FIX resends.

pub mod log;

use super::agent::{Agent, Epilogue, Fault, Work};
use super::phase::Phase;
use crate::config::Durability;
use crate::ring::{bytes, spsc, watermark::Watermark};
use crate::types::{Event, EventRef, GatewayId, Nanos, Seq, ShardId};
use log::Log;

/// A shard's records on their way into the log, from the agent's side.
#[derive(Debug)]
pub struct ShardPort {
    /// Which shard.
    pub shard: ShardId,
    /// What its appender made.
    pub records: bytes::Reader,
    /// How far its steps are durable. Starts at its last step of recovery.
    pub durable: Watermark,
}

/// A gateway's records on their way into the log, and its questions, from the agent's side.
#[derive(Debug)]
pub struct GatewayPort {
    /// Which gateway.
    pub gateway: GatewayId,
    /// What its session appender made.
    pub records: bytes::Reader,
    /// How far its session log is durable. Starts at its last record of recovery.
    pub durable: Watermark,
    /// What it wants to have read back.
    pub requests: spsc::Consumer<ReadBack>,
    /// The answers, one a request, in the order of the requests.
    pub answers: spsc::Producer<ReadBackAnswer>,
}

/// What a gateway needs again, to send it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBack {
    /// An event of a shard.
    Event(EventRef),
    /// The body of a message of the gateway's own: the number of its `Outbound` record in the session log.
    Own(Seq),
}

/// What stands in the journal there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // Events are nearly all of them.
pub enum ReadBackAnswer {
    /// The event, and when its step was sequenced: TransactTime(60).
    Event(EventRef, Nanos, Event),
    /// The body: MsgType(35) and body fields as they were sent.
    Own(Seq, Box<[u8]>),
    /// There is no such record: the gateway asked for what it never wrote.
    Missing(ReadBack),
}

/// The agent.
#[derive(Debug)]
pub struct JournalAgent {
    log: Log,
    durability: Durability,
    shards: Vec<ShardPort>,
    gateways: Vec<GatewayPort>,
}

#[allow(clippy::unimplemented, unused_variables)]
impl JournalAgent {
    /// An agent on a recovered log. With [`Durability::Memory`] nothing ever waits: every watermark is published as
    /// reached for good, here.
    pub fn new(
        name: String,
        log: Log,
        durability: Durability,
        shards: Vec<ShardPort>,
        gateways: Vec<GatewayPort>,
    ) -> Self {
        Self { log, durability, shards, gateways }
    }
}

#[allow(clippy::unimplemented, unused_variables)]
impl Agent for JournalAgent {
    fn name(&self) -> String {
        unimplemented!()
    }

    fn poll(&mut self, now: Nanos) -> Result<Work, Fault> {
        unimplemented!()
    }

    fn stopping(&mut self, phase: Phase, now: Nanos) -> bool {
        unimplemented!()
    }

    fn finish(self: Box<Self>) -> Epilogue {
        unimplemented!()
    }
}
