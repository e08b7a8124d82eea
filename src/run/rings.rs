//! The rings between gateways, shards and their journal, handed out by their ends.
//!
//! ```text
//!   gateway ── inputs ──► shard          gateway ── session records, read-backs ──► journal
//!   gateway ◄─ outputs ── shard          gateway ◄─ read-back answers, watermarks ── journal
//!   gateway ── connections ──► gateway   shard ── step records ──► journal
//!   control plane ── kill switches ──► shard
//! ```
//!
//! Each pair of gateway and shard has two rings of its own, each gateway and each shard one of records to the journal.

use super::gateway::desk;
use super::gateway::handover::{self, Peers};
use super::gateway::session_log::SessionLog;
use super::journal;
use super::journal::port::JournalPort;
use super::shard_agent;
use crate::admin::kill_port::{self, KillPort};
use crate::config::AgentName;
use crate::journal::streams::Streams;
use crate::limits::{
    JOURNAL_RING_BYTES, READ_BACK_SLOTS, SHARD_INPUT_SLOTS, SHARD_OUTPUT_SLOTS, SIGNED_BYTES_MAX,
};
use crate::ring::watermark::Watermark;
use crate::ring::{bytes, letters, spsc};
use crate::sys::poll::Waker;
use crate::types::{GatewayId, ShardId, ShardInput};
use crate::wire::record::Stream;

/// Where a gateway writes inputs of a shard, each with its signed bytes.
pub type InputWriter = letters::Writer<ShardInput, SIGNED_BYTES_MAX>;

/// Where the shard reads them.
pub type InputReader = letters::Reader<ShardInput, SIGNED_BYTES_MAX>;

/// The ends that each agent has; gateways and shards in the order of their numbers.
pub struct Ends {
    /// Of each gateway.
    pub gateways: Vec<GatewayEnds>,
    /// Of each shard.
    pub shards: Vec<ShardEnds>,
    /// Of the journal.
    pub journal: JournalEnds,
    /// Of the control plane: to and from each shard.
    pub kills: Vec<KillPort>,
}

/// What a gateway has.
pub struct GatewayEnds {
    /// To and from each shard.
    pub shards: Vec<desk::ShardPort>,
    /// To and from the journal.
    pub log: SessionLog,
    /// To and from the other gateways.
    pub peers: Peers,
}

/// What a shard has.
pub struct ShardEnds {
    /// To and from each gateway.
    pub gateways: Vec<shard_agent::GatewayPort>,
    /// To the journal.
    pub journal: JournalPort,
    /// To and from the control plane.
    pub kills: kill_port::ShardPort,
}

/// What the journal has.
#[derive(Default)]
pub struct JournalEnds {
    /// From each shard.
    pub shards: Vec<journal::ShardPort>,
    /// From and to each gateway.
    pub gateways: Vec<journal::GatewayPort>,
}

/// Makes the rings of so many gateways and shards; `waker` tells how an agent is woken. Numbers go on where recovery
/// found the streams.
pub fn connect(gateways: u8, shards: u8, streams: &Streams, waker: impl Fn(AgentName) -> Waker) -> Ends {
    let wakers: Vec<Waker> = (0..gateways).map(|id| waker(AgentName::Gateway(id))).collect();
    let journal_waker = waker(AgentName::Journal(0));
    let mut journal = JournalEnds::default();
    let mut gateway_ends = Vec::new();
    for (id, peers) in (0..gateways).zip(handover::connect(&wakers)) {
        let (log, port) =
            session_log(GatewayId(id), streams, wakers[usize::from(id)].clone(), &journal_waker);
        journal.gateways.push(port);
        gateway_ends.push(GatewayEnds { shards: Vec::new(), log, peers });
    }
    let (mut shard_ends, mut kills) = (Vec::new(), Vec::new());
    for shard in (0..shards).map(ShardId) {
        let (steps, records) = bytes::ring(JOURNAL_RING_BYTES);
        let durable = Watermark::new(streams.last(Stream::Shard(shard)));
        let mut ports = Vec::new();
        for (gateway, gateway_waker) in gateway_ends.iter_mut().zip(&wakers) {
            let waker = waker(AgentName::Shard(shard.0));
            let (to_shard, from_gateway) = pair(durable.clone(), waker, gateway_waker.clone());
            gateway.shards.push(to_shard);
            ports.push(from_gateway);
        }
        let to_journal =
            JournalPort { records: steps, durable: durable.clone(), waker: journal_waker.clone() };
        let (to_shard, port) = kill_port::between(shard, durable.clone(), waker(AgentName::Shard(shard.0)));
        kills.push(to_shard);
        shard_ends.push(ShardEnds { gateways: ports, journal: to_journal, kills: port });
        journal.shards.push(journal::ShardPort { shard, records, durable });
    }
    Ends { gateways: gateway_ends, shards: shard_ends, journal, kills }
}

/// Between one gateway and one shard.
fn pair(durable: Watermark, shard: Waker, gateway: Waker) -> (desk::ShardPort, shard_agent::GatewayPort) {
    let (inputs, inputs_out) = letters::ring(SHARD_INPUT_SLOTS);
    let (outputs_in, outputs) = spsc::ring(SHARD_OUTPUT_SLOTS);
    (
        desk::ShardPort { inputs, outputs, durable, waker: shard },
        shard_agent::GatewayPort { inputs: inputs_out, outputs: outputs_in, waker: gateway },
    )
}

/// Between one gateway and the journal.
fn session_log(
    gateway: GatewayId,
    streams: &Streams,
    waker: Waker,
    journal: &Waker,
) -> (SessionLog, journal::GatewayPort) {
    let (sessions, records) = bytes::ring(JOURNAL_RING_BYTES);
    let (questions, requests) = spsc::ring(READ_BACK_SLOTS);
    let (answers, answers_out) = spsc::ring(READ_BACK_SLOTS);
    let last = streams.last(Stream::Gateway(gateway));
    let durable = Watermark::new(last);
    let to_journal = JournalPort { records: sessions, durable: durable.clone(), waker: journal.clone() };
    let log = SessionLog::new(gateway, last, to_journal, questions, answers_out);
    (log, journal::GatewayPort { gateway, records, durable, requests, answers, waker })
}
