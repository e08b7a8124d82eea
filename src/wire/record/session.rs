//! Records of session logs, and of the log itself.
//!
//! ```text
//!  Inbound        session u16 | MsgSeqNum u32
//!  InboundNext    session u16 | MsgSeqNum u32
//!  OutboundEvent  session u16 | MsgSeqNum u32 | shard u8 | seq u64 | index u16      when it was sent: the record's time
//!  OutboundOwn    session u16 | MsgSeqNum u32 | MsgType and body fields …           when it was sent: the record's time
//!  Reserved       session u16 | MsgSeqNum u32
//!  Reset          session u16
//!  Told           session u16 | shard u8 | seq u64 | index u16      the session's next message tells this event as well
//!  Request        session u16 | MsgSeqNum u32 | MsgType text | ClOrdID text
//!  Answered       session u16 | MsgSeqNum u32
//!  Started        cut u64
//! ```

use super::fields::{DecodeError, Reader};
use super::{Heading, Record, RecordType, Stream, encode};
use crate::limits::FIX_MESSAGE_BYTES_MAX;
use crate::types::{GatewayId, Nanos, OutboundBody, Seq, SessionRecord};

/// What the journal agent has to say of the log itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRecord {
    /// A server took up the log here. What was written before and not acknowledged is void from here on: see
    /// `docs/journal.md`.
    Started {
        /// Bytes of a torn tail that were cut off then.
        cut: u64,
    },
}

/// Writes a record of a session log without its checksum and tells its extent. An `Outbound` has the time at
/// which it was sent; the others that of `now`. `out` has room for the longest record, else this panics.
pub fn encode_session(
    out: &mut [u8],
    gateway: GatewayId,
    seq: Seq,
    now: Nanos,
    record: &SessionRecord<'_>,
) -> usize {
    let (record_type, time) = match record {
        SessionRecord::Inbound { .. } => (RecordType::Inbound, now),
        SessionRecord::InboundNext { .. } => (RecordType::InboundNext, now),
        SessionRecord::Outbound { sent, body: OutboundBody::Event(_), .. } => {
            (RecordType::OutboundEvent, *sent)
        }
        SessionRecord::Outbound { sent, body: OutboundBody::Own(_), .. } => (RecordType::OutboundOwn, *sent),
        SessionRecord::Reserved { .. } => (RecordType::Reserved, now),
        SessionRecord::Reset { .. } => (RecordType::Reset, now),
        SessionRecord::Told { .. } => (RecordType::Told, now),
        SessionRecord::Request { .. } => (RecordType::Request, now),
        SessionRecord::Answered { .. } => (RecordType::Answered, now),
    };
    let heading = Heading { stream: Stream::Gateway(gateway), record_type, seq, time };
    encode(out, heading, |to| {
        match record {
            SessionRecord::Inbound { session, number } => to.put(session).put(number),
            SessionRecord::InboundNext { session, next } => to.put(session).put(next),
            SessionRecord::Outbound { session, number, body: OutboundBody::Event(event), .. } => {
                to.put(session).put(number).put(event)
            }
            SessionRecord::Outbound { session, number, body: OutboundBody::Own(bytes), .. } => {
                assert!(bytes.len() <= FIX_MESSAGE_BYTES_MAX, "a body is shorter than its message");
                to.put(session).put(number).bytes(bytes)
            }
            SessionRecord::Reserved { session, upto } => to.put(session).put(upto),
            SessionRecord::Reset { session } => to.put(session),
            SessionRecord::Told { session, event } => to.put(session).put(event),
            SessionRecord::Request { session, number, msg_type, cl_ord_id } => {
                to.put(session).put(number).put(msg_type).put(cl_ord_id)
            }
            SessionRecord::Answered { session, number } => to.put(session).put(number),
        };
    })
}

/// Reads a record of a session log.
pub fn decode_session<'a>(record: &Record<'a>) -> Result<SessionRecord<'a>, DecodeError> {
    let mut from = Reader::new(record.body);
    let session = from.take()?;
    let decoded = match record.record_type {
        RecordType::Inbound => SessionRecord::Inbound { session, number: from.take()? },
        RecordType::InboundNext => SessionRecord::InboundNext { session, next: from.take()? },
        RecordType::OutboundEvent => SessionRecord::Outbound {
            session,
            number: from.take()?,
            sent: record.time,
            body: OutboundBody::Event(from.take()?),
        },
        RecordType::OutboundOwn => SessionRecord::Outbound {
            session,
            number: from.take()?,
            sent: record.time,
            body: OutboundBody::Own(own_body(&mut from)?),
        },
        RecordType::Reserved => SessionRecord::Reserved { session, upto: from.take()? },
        RecordType::Reset => SessionRecord::Reset { session },
        RecordType::Told => SessionRecord::Told { session, event: from.take()? },
        RecordType::Request => SessionRecord::Request {
            session,
            number: from.take()?,
            msg_type: from.take()?,
            cl_ord_id: from.take()?,
        },
        RecordType::Answered => SessionRecord::Answered { session, number: from.take()? },
        RecordType::Step | RecordType::Started => return Err(DecodeError::OtherType),
    };
    from.end()?;
    Ok(decoded)
}

/// Writes a record of the log itself without its checksum and tells its extent. `out` has room for the longest
/// record, else this panics.
pub fn encode_log(out: &mut [u8], seq: Seq, now: Nanos, record: &LogRecord) -> usize {
    let LogRecord::Started { cut } = record;
    let heading = Heading { stream: Stream::Log, record_type: RecordType::Started, seq, time: now };
    encode(out, heading, |to| {
        to.put(cut);
    })
}

/// Reads a record of the log itself.
pub fn decode_log(record: &Record<'_>) -> Result<LogRecord, DecodeError> {
    if record.record_type != RecordType::Started {
        return Err(DecodeError::OtherType);
    }
    let mut from = Reader::new(record.body);
    let decoded = LogRecord::Started { cut: from.take()? };
    from.end()?;
    Ok(decoded)
}

fn own_body<'a>(from: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let body = from.rest();
    if body.len() > FIX_MESSAGE_BYTES_MAX {
        return Err(DecodeError::Value { what: "body length", value: body.len() as u64 });
    }
    Ok(body)
}
