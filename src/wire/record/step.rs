//! A step of a shard: the command, its evidence, and what it brought about.
//!
//! ```text
//!  command | signed length u16 | signature 0, or 1 and 64 bytes | signed bytes … | events u16 | event | event …
//! ```

use super::fields::{DecodeError, Reader, Writer};
use super::{Heading, Record, RecordType, Stream, encode};
use crate::limits::{EVENTS_PER_STEP_MAX, RECORD_BYTES_MAX, SIGNED_BYTES_MAX};
use crate::types::{Command, Event, Nanos, Seq, ShardId, SignedBytes};

/// A decoded step. The evidence and the events still stand in the record.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// What was executed.
    pub command: Command,
    /// The exact bytes that were signed; empty for a command of the venue's own.
    pub signed: &'a [u8],
    /// Ed25519 over them; `None` where the session's logon was signed instead.
    pub signature: Option<[u8; 64]>,
    /// What it brought about.
    pub events: Events<'a>,
}

/// The events of a step, decoded one at a time.
#[derive(Clone, Debug)]
pub struct Events<'a> {
    from: Reader<'a>,
    left: u16,
    bytes: &'a [u8],
}

/// Writes a step without its checksum and tells its extent. `out` has room for the longest record, else this
/// panics: a shard asks for that room before it takes a command.
pub fn encode_step(
    out: &mut [u8],
    shard: ShardId,
    seq: Seq,
    time: Nanos,
    command: &Command,
    signed: &SignedBytes<'_>,
    events: &[Event],
) -> usize {
    debug_assert!(out.len() >= RECORD_BYTES_MAX);
    assert!(events.len() <= EVENTS_PER_STEP_MAX, "a step makes at most {EVENTS_PER_STEP_MAX} events");
    let heading = Heading { stream: Stream::Shard(shard), record_type: RecordType::Step, seq, time };
    encode(out, heading, |to| {
        to.put(command);
        to.put(&(signed.bytes.len() as u16));
        to.put(&signed.signature);
        to.bytes(signed.bytes);
        put_events(to, events);
    })
}

/// Writes events alone, as they stand in a step. `out` has room for the longest record, else this panics.
pub fn encode_events<'a>(out: &'a mut [u8], events: &[Event]) -> &'a [u8] {
    let mut to = Writer::new(out, 0);
    put_events(&mut to, events);
    let end = to.at();
    &out[..end]
}

fn put_events(to: &mut Writer<'_>, events: &[Event]) {
    to.put(&(events.len() as u16));
    for event in events {
        to.put(event);
    }
}

/// Reads a step.
pub fn decode_step<'a>(record: &Record<'a>) -> Result<Step<'a>, DecodeError> {
    if record.record_type != RecordType::Step {
        return Err(DecodeError::OtherType);
    }
    let mut from = Reader::new(record.body);
    let command = from.take()?;
    let length = from.take::<u16>()?;
    if usize::from(length) > SIGNED_BYTES_MAX {
        return Err(DecodeError::Value { what: "signed length", value: length.into() });
    }
    let signature = from.take()?;
    let signed = from.bytes(length.into())?;
    let bytes = from.left();
    let count = from.take::<u16>()?;
    if usize::from(count) > EVENTS_PER_STEP_MAX {
        return Err(DecodeError::Value { what: "events", value: count.into() });
    }
    if count == 0 {
        from.end()?;
    }
    Ok(Step { command, signed, signature, events: Events { from, left: count, bytes } })
}

impl Step<'_> {
    /// The evidence as it came through the ring.
    pub fn signed_bytes(&self) -> SignedBytes<'_> {
        // `decode_step` has checked the length.
        SignedBytes::new(self.signed, self.signature)
    }
}

impl<'a> Events<'a> {
    /// Their number and all of them, encoded, whatever was taken already.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl Iterator for Events<'_> {
    type Item = Result<Event, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let event = self.from.take();
        if event.is_err() {
            self.left = 0;
        } else if self.left == 0
            && let Err(trailing) = self.from.end()
        {
            return Some(Err(trailing));
        }
        Some(event)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left.into()))
    }
}
