//! From a folder to running state: one sequential pass over the journal at start.

use super::journal::log::Log;
use super::shard::Shard;
use crate::journal::streams::Streams;
use crate::types::{EventRef, GatewayId, MsgSeqNum, Nanos, Seq, SessionId, ShardId};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What recovery needs to know beside the folder.
#[derive(Clone, Debug)]
pub struct RecoveryOptions {
    /// The environment: the journal of another one is refused.
    pub environment: String,
    /// Size of a new segment: `limits::SEGMENT_BYTES`; smaller in tests.
    pub segment_bytes: u64,
    /// The shards that there are to be; a journal with others is refused.
    pub shards: Vec<ShardId>,
}

/// Everything that the journal knows.
#[derive(Debug)]
pub struct Recovered {
    /// The log, locked, checked, cut where it was torn, open for appending.
    pub log: Log,
    /// The shards in the order of their numbers, in the state after their last steps.
    pub shards: Vec<Shard>,
    /// The FIX sessions that ever spoke.
    pub sessions: BTreeMap<SessionId, SessionState>,
    /// The last number of each stream: where appenders and watermarks go on.
    pub streams: Streams,
    /// What was found, for the operator.
    pub report: Report,
}

/// What the session logs know of a FIX session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// The gateway that last wrote of it.
    pub gateway: GatewayId,
    /// The number that is expected of the client next.
    pub next_inbound: MsgSeqNum,
    /// The last of our numbers that may have been used: those without a message in `sent` are gap-filled.
    pub reserved: MsgSeqNum,
    /// Our messages that can be sent again, in the order of their numbers.
    pub sent: Vec<Sent>,
    /// Events that the session must hear of and never got a number: they go out with PossResend(97), oldest first.
    pub owed: Vec<EventRef>,
}

/// A message that we sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// MsgSeqNum(34).
    pub number: MsgSeqNum,
    /// When: OrigSendingTime(122) of a resend.
    pub time: Nanos,
    /// What.
    pub body: SentBody,
}

/// What a message that we sent was made of: [`super::journal::ReadBack`] gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentBody {
    /// An event.
    Event(EventRef),
    /// A message of the gateway's own: the number of its record in the session log.
    Own(Seq),
}

/// What recovery found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Segments read.
    pub segments: u32,
    /// Records read.
    pub records: u64,
    /// Bytes of a torn tail that were cut.
    pub cut: u64,
}

/// Why the journal cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// Another server holds it.
    #[error("{0} is in use by another server")]
    Locked(PathBuf),
}

/// Reads the journal in `dir`, or begins one there, and replays it.
#[allow(clippy::unimplemented, unused_variables)]
pub fn recover(dir: &Path, options: &RecoveryOptions, now: Nanos) -> Result<Recovered, RecoveryError> {
    unimplemented!()
}

impl SessionState {
    /// The first of our numbers that was never used.
    pub fn next_outbound(&self) -> MsgSeqNum {
        self.reserved.next()
    }
}
