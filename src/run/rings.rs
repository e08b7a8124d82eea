//! The rings between one gateway, one shard and their journal, handed out by their ends.
//!
//! ```text
//!   gateway ── inputs ──► shard          gateway ── session records, read-backs ──► journal
//!   gateway ◄─ outputs ── shard          gateway ◄─ read-back answers, watermarks ── journal
//!                                        shard ── step records ──► journal
//! ```

use super::gateway::desk;
use super::gateway::session_log::SessionLog;
use super::journal;
use super::shard_agent;
use crate::journal::streams::Streams;
use crate::limits::{JOURNAL_RING_BYTES, READ_BACK_SLOTS, SHARD_INPUT_SLOTS, SHARD_OUTPUT_SLOTS};
use crate::ring::watermark::Watermark;
use crate::ring::{bytes, spsc};
use crate::sys::poll::Waker;
use crate::types::{GatewayId, ShardId};
use crate::wire::record::Stream;

/// How each agent is woken.
pub struct Wakers {
    /// The gateway's thread.
    pub gateway: Waker,
    /// The shard's thread.
    pub shard: Waker,
    /// The journal's thread.
    pub journal: Waker,
}

/// The ends that each agent has.
pub struct Ends {
    /// The gateway's, to the shard and to the session log.
    pub gateway: (desk::ShardPort, SessionLog),
    /// The shard's, to the gateway and to the journal.
    pub shard: (shard_agent::GatewayPort, shard_agent::JournalPort),
    /// The journal's, to the shard and to the gateway.
    pub journal: (journal::ShardPort, journal::GatewayPort),
}

/// Makes the rings; numbers go on where recovery found the streams.
pub fn connect(gateway: GatewayId, shard: ShardId, streams: &Streams, wakers: Wakers) -> Ends {
    let (inputs, inputs_out) = spsc::ring(SHARD_INPUT_SLOTS);
    let (outputs_in, outputs) = spsc::ring(SHARD_OUTPUT_SLOTS);
    let (steps, steps_out) = bytes::ring(JOURNAL_RING_BYTES);
    let (sessions, sessions_out) = bytes::ring(JOURNAL_RING_BYTES);
    let (questions, questions_out) = spsc::ring(READ_BACK_SLOTS);
    let (answers_in, answers) = spsc::ring(READ_BACK_SLOTS);
    let last_session = streams.last(Stream::Gateway(gateway));
    let shard_durable = Watermark::new(streams.last(Stream::Shard(shard)));
    let session_durable = Watermark::new(last_session);
    let log = SessionLog::new(
        gateway,
        last_session,
        sessions,
        session_durable.clone(),
        questions,
        answers,
        wakers.journal.clone(),
    );
    let durable = shard_durable.clone();
    Ends {
        gateway: (desk::ShardPort { inputs, outputs, durable, waker: wakers.shard }, log),
        shard: (
            shard_agent::GatewayPort {
                inputs: inputs_out,
                outputs: outputs_in,
                waker: wakers.gateway.clone(),
            },
            shard_agent::JournalPort { records: steps, waker: wakers.journal },
        ),
        journal: (
            journal::ShardPort { shard, records: steps_out, durable: shard_durable },
            journal::GatewayPort {
                gateway,
                records: sessions_out,
                durable: session_durable,
                requests: questions_out,
                answers: answers_in,
                waker: wakers.gateway,
            },
        ),
    }
}
