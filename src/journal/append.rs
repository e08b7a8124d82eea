//! A step, or a record of a session log, as bytes for the ring to the journal agent.
//!
//! The bytes have no checksum yet: that covers the place of the record in the log, which the journal agent knows.
//! Whoever appends has asked its ring for room beforehand, so that nothing fails here; a record that would be too
//! long is a bug of ours and panics. Cost: one copy of the fields, no allocation.

use crate::limits::{EVENTS_PER_STEP_MAX, FIX_MESSAGE_BYTES_MAX, RECORD_BYTES_MAX};
use crate::types::{Command, Event, GatewayId, Nanos, Seq, SessionRecord, ShardId, SignedBytes};
use crate::wire::record;

/// Longest record of a session log: what a gateway asks its ring for.
pub const SESSION_RECORD_BYTES_MAX: usize = FIX_MESSAGE_BYTES_MAX + 64;

/// Appends the steps of a shard. Its ring has room for [`RECORD_BYTES_MAX`] before each.
#[derive(Debug)]
pub struct Appender {
    buffer: Box<[u8]>,
}

/// Appends the session log of a gateway and numbers its records. Its ring has room for
/// [`SESSION_RECORD_BYTES_MAX`] before each.
#[derive(Debug)]
pub struct SessionAppender {
    gateway: GatewayId,
    last: Seq,
    buffer: Box<[u8]>,
}

impl Default for Appender {
    fn default() -> Self {
        Self { buffer: vec![0; RECORD_BYTES_MAX].into() }
    }
}

impl Appender {
    /// The record of a step.
    pub fn step(
        &mut self,
        shard: ShardId,
        seq: Seq,
        time: Nanos,
        command: &Command,
        signed: &SignedBytes<'_>,
        events: &[Event],
    ) -> &[u8] {
        let extent = record::encode_step(&mut self.buffer, shard, seq, time, command, signed, events);
        &self.buffer[..extent]
    }
}

impl SessionAppender {
    /// An appender that goes on after `last`, which recovery tells.
    pub fn new(gateway: GatewayId, last: Seq) -> Self {
        Self { gateway, last, buffer: vec![0; SESSION_RECORD_BYTES_MAX].into() }
    }

    /// The record, with its number in the session log: it is durable when the watermark has reached that, and the
    /// body of a message of the gateway's own is read back by it.
    pub fn record(&mut self, now: Nanos, record: &SessionRecord<'_>) -> (Seq, &[u8]) {
        self.last = self.last.next();
        let extent = record::encode_session(&mut self.buffer, self.gateway, self.last, now, record);
        (self.last, &self.buffer[..extent])
    }

    /// The number of the last record.
    pub fn last(&self) -> Seq {
        self.last
    }
}

const _: () = assert!(EVENTS_PER_STEP_MAX <= u16::MAX as usize, "a step counts its events in two bytes");
