//! The journal agent: writes what shards and gateways append to one log, syncs it once for all that wait, says how
//! far each stream is durable, and reads records back for FIX resends.
//!
//! ```text
//!   one turn:   take questions ─► look how far shards are ─► gateways' records, shards' up to there: seal, write
//!               ─► sync ─► publish ─► answer questions
//! ```
//!
//! **What is durable of a shard implies the session-log records before it.** A gateway appends that it took a message
//! before it hands the message to a shard, so by the time that the step is in the shard's ring, the record is in the
//! gateway's. How far shards are is looked at first, so that every step that is taken finds its record already there;
//! gateways' records are written first, so that this holds for every prefix of the file too, wherever a write is torn.
//! And gateways are drained whole in each turn, while a shard may be left with a rest.
//!
//! **Who waits.** A sync begins when there is something that somebody waits for: a step, or a record that holds a
//! session's bytes back. What a session was told needs none of its own: it goes with the next one, or alone after
//! [`ALONE_AFTER`]. Else it would stand in the way of the order that the answer brings about.
//!
//! **Durability.** `disk`: published after fdatasync. `process`: after the write. `memory`: once, at the start, as
//! reached for good; nothing waits, and the log is written all the same, though nobody wakes this thread for it: it
//! looks when its sleep is over, or when a ring is half full.
//!
//! **An error stops the process.** After one of a write or a sync nobody knows what is on the disk, so nothing is
//! published from then on, and every further turn gives the same fault.

pub mod ahead;
pub mod archive;
mod begin;
pub mod head;
pub mod index;
pub mod kept;
pub mod log;
pub mod port;
mod recall;
pub mod rotate;
pub mod stock;
pub mod walk;

#[cfg(test)]
mod tests;

use super::agent::{Agent, Epilogue, Fault, Work};
use super::phase::Phase;
use crate::config::Durability;
use crate::planted::{self, Bug};
use crate::ring::{Push, bytes, spsc, watermark::Watermark};
use crate::sys::clock::Clock;
use crate::sys::poll::Waker;
use crate::types::{
    Answer, Event, EventRef, GatewayId, Nanos, OutboundBody, Recall, Seq, SessionRecord, ShardId, Span,
};
use crate::watch::{Meter, Meters};
use crate::wire::record::{self, Stream};
use kept::SharedHead;
use log::{Log, LogError};
use std::collections::VecDeque;

/// Most bytes of shards in one write. At the speed of a slow disk this is some ten milliseconds; what is left goes
/// with the next one.
const SHARD_BYTES_PER_WRITE_MAX: usize = 4 * 1024 * 1024;

/// How long a record that nobody waits for lies before it is synced by itself. A loss of power before that costs a FIX
/// message its number, not what it told: it goes out again, marked PossResend.
const ALONE_AFTER: Span = Span::from_millis(1);

/// Most questions of one gateway answered in a turn, so that a long resend does not hold up the next sync.
const READ_BACKS_PER_TURN_MAX: usize = 64;

/// A shard's records on their way into the log, from the agent's side.
#[derive(Debug)]
pub struct ShardPort {
    /// Which shard.
    pub shard: ShardId,
    /// What its appender made.
    pub records: bytes::Reader,
    /// How far its steps are durable.
    pub durable: Watermark,
}

/// A gateway's records on their way into the log, and its questions, from the agent's side.
#[derive(Debug)]
pub struct GatewayPort {
    /// Which gateway.
    pub gateway: GatewayId,
    /// What its session appender made.
    pub records: bytes::Reader,
    /// How far its session log is durable.
    pub durable: Watermark,
    /// What it wants to have read back.
    pub requests: spsc::Consumer<Wanted>,
    /// The answers, one a request, in the order of the requests.
    pub answers: spsc::Producer<ReadBack>,
    /// Wakes its thread when something became durable or was read back.
    pub waker: Waker,
}

/// What a gateway wants to have read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What a message was made of, to send it again.
    Sent(SentBody),
    /// The facts of an answer that a shard left to the journal.
    Recall(ShardId, Box<Recall>),
}

/// What a message that we sent was made of, by its place in the journal: what a gateway asks for to send it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SentBody {
    /// An event of a shard.
    Event(EventRef),
    /// A message of a gateway's own.
    Own(OwnRef),
}

/// A message of a gateway's own: its `Outbound` record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnRef {
    /// Whose session log.
    pub gateway: GatewayId,
    /// The record in it.
    pub seq: Seq,
}

/// What stands in the journal there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // Events are nearly all of them.
pub enum ReadBack {
    /// The event, and when its step was sequenced: TransactTime(60).
    Event(EventRef, Nanos, Event),
    /// The body: MsgType(35) and body fields as they were sent.
    Own(OwnRef, Box<[u8]>),
    /// The answer that a shard left to the journal.
    Recalled(Box<Answer>),
    /// There is no such record: the gateway asked for what was never written.
    Missing(SentBody),
}

/// The agent.
#[derive(Debug)]
pub struct JournalAgent {
    name: String,
    log: Log,
    durability: Durability,
    shards: Vec<ShardPort>,
    gateways: Vec<GatewayPort>,
    /// Questions that were taken and not answered yet, one queue a gateway.
    asked: Vec<VecDeque<Wanted>>,
    /// Bytes that each shard had appended when the turn began.
    due: Vec<usize>,
    read: Vec<u8>,
    /// Where it is noted, apart from the log, how far that is synced.
    head: Option<SharedHead>,
    /// Since when something lies there that was written, and not synced because nobody waits for it.
    unsynced: Option<Nanos>,
    /// The server is stopping: sync, whatever the durability.
    is_syncing: bool,
    failed: Option<Fault>,
    clock: Clock,
    meters: Meters,
}

/// What one turn took out of the rings.
#[derive(Clone, Copy, Debug)]
struct Drained {
    records: usize,
    /// Somebody waits for one of them.
    is_awaited: bool,
    /// No shard was left with a rest.
    all: bool,
}

impl JournalAgent {
    /// An agent on a recovered log, which says at once how far each stream is durable.
    pub fn new(
        name: String,
        log: Log,
        durability: Durability,
        shards: Vec<ShardPort>,
        gateways: Vec<GatewayPort>,
    ) -> Self {
        let asked = gateways.iter().map(|_| VecDeque::new()).collect();
        let agent = Self {
            name,
            log,
            durability,
            shards,
            gateways,
            asked,
            due: Vec::new(),
            read: Vec::new(),
            head: None,
            unsynced: None,
            is_syncing: false,
            failed: None,
            clock: Clock::new(),
            meters: Meters::default(),
        };
        agent.publish();
        agent
    }

    /// The same, with meters at which somebody looks.
    #[must_use]
    pub fn metered(self, meters: Meters) -> Self {
        let mut agent = Self { meters, ..self };
        agent.meters.set(Meter::SegmentBytesLeft, agent.log.bytes_left());
        agent
    }

    /// Notes apart from the log how far it is synced.
    pub fn keeping(mut self, head: Option<SharedHead>) -> Self {
        self.head = head;
        self
    }

    fn turn(&mut self, now: Nanos) -> Result<Work, LogError> {
        self.log.turn(now);
        self.take_questions();
        let (began, before) = (self.clock.now(), self.log.bytes_written());
        let drained = self.drain(now)?;
        if drained.records > 0 {
            self.meters.add(Meter::BytesWritten, self.log.bytes_written() - before);
            if planted::has(Bug::AnswerBeforeSync) {
                self.publish();
            }
            if drained.is_awaited || self.durability != Durability::Disk {
                self.make_durable()?;
            } else {
                self.unsynced.get_or_insert(now);
            }
            self.meters.add(Meter::RecordsWritten, drained.records as u64);
            self.meters.add(Meter::Writes, 1);
            self.meters.set(Meter::SegmentBytesLeft, self.log.bytes_left());
            self.meters.add(Meter::WriteNanos, self.clock.now().since(began).0);
        }
        if self.unsynced.is_some_and(|since| now >= since + ALONE_AFTER) {
            self.make_durable()?;
        }
        if self.is_syncing {
            self.log.sync()?;
            self.publish();
        }
        self.note_head(now)?;
        let answered = self.answer(drained)?;
        if drained.records + answered > 0 {
            self.gateways.iter().for_each(|port| port.waker.wake());
        }
        Ok(Work::from_count(drained.records + answered))
    }

    /// Syncs what was written, if that is what durable means, and says so.
    fn make_durable(&mut self) -> Result<(), LogError> {
        if self.durability == Durability::Disk && !planted::has(Bug::SyncSkipped) {
            self.log.sync()?;
        }
        self.unsynced = None;
        self.publish();
        Ok(())
    }

    fn note_head(&self, now: Nanos) -> Result<(), LogError> {
        let Some(head) = &self.head else { return Ok(()) };
        let reached = self.log.head();
        match self.is_syncing {
            true => head.hold().settle(reached, now)?,
            false => head.hold().reached(reached, now)?,
        }
        Ok(())
    }

    fn is_settled(&self) -> bool {
        let head = self.head.as_ref();
        self.log.is_synced() && head.is_none_or(|head| head.hold().is_settled(self.log.head()))
    }

    /// Before the rings are drained: what a question is about was appended before it was asked, so then it is in the
    /// log, or in the rest of a shard's ring.
    fn take_questions(&mut self) {
        for (port, asked) in self.gateways.iter_mut().zip(&mut self.asked) {
            while asked.len() < READ_BACKS_PER_TURN_MAX
                && let Some(question) = port.requests.pop()
            {
                asked.push_back(question);
            }
        }
    }

    /// Puts what came into the log.
    fn drain(&mut self, now: Nanos) -> Result<Drained, LogError> {
        let mut drained = Drained { records: 0, is_awaited: false, all: true };
        // Of a shard nothing is taken that it appends from now on: what precedes it may not be seen here yet.
        self.due.clear();
        self.due.extend(self.shards.iter().map(|port| port.records.backlog()));
        if planted::has(Bug::SessionLogLast) {
            self.drain_shards(&mut drained, now)?;
        }
        for port in &mut self.gateways {
            let waits = port.records.backlog();
            let mut records = port.records.first(waits);
            while let Some(record) = records.next(usize::MAX) {
                drained.is_awaited |= record::is_awaited(record);
                drained.records += 1;
                self.log.put(record, now)?;
            }
        }
        self.drain_shards(&mut drained, now)?;
        self.log.write()?;
        Ok(drained)
    }

    fn drain_shards(&mut self, drained: &mut Drained, now: Nanos) -> Result<(), LogError> {
        let mut room = SHARD_BYTES_PER_WRITE_MAX;
        for (port, due) in self.shards.iter_mut().zip(&mut self.due) {
            let mut records = port.records.first(std::mem::take(due));
            while let Some(record) = records.next(room) {
                room -= record.len();
                drained.records += 1;
                drained.is_awaited = true;
                self.log.put(record, now)?;
            }
            drained.all &= records.is_empty();
        }
        Ok(())
    }

    fn publish(&self) {
        let reached = |stream| match self.durability {
            Durability::Memory => Watermark::FOR_GOOD,
            Durability::Process | Durability::Disk => self.log.last(stream),
        };
        for port in &self.shards {
            port.durable.publish(reached(Stream::Shard(port.shard)));
        }
        for port in &self.gateways {
            port.durable.publish(reached(Stream::Gateway(port.gateway)));
        }
    }

    fn answer(&mut self, drained: Drained) -> Result<usize, LogError> {
        let mut answered = 0;
        for (port, asked) in self.gateways.iter_mut().zip(&mut self.asked) {
            while port.answers.slots() > 0
                && let Some(question) = asked.front()
            {
                let answer = answer(&mut self.log, question, &mut self.read)?;
                if answer.is_none() && !drained.all {
                    break;
                }
                let Some(question) = asked.pop_front() else { break };
                let pushed = port.answers.push(answer.unwrap_or_else(|| missing(question)));
                assert_eq!(pushed, Push::Done, "there was a slot, and nobody else pushes");
                answered += 1;
            }
        }
        Ok(answered)
    }

    fn is_drained(&self) -> bool {
        self.shards.iter().all(|port| port.records.is_empty())
            && self.gateways.iter().all(|port| port.records.is_empty())
    }
}

impl Agent for JournalAgent {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn poll(&mut self, now: Nanos) -> Result<Work, Fault> {
        if let Some(fault) = &self.failed {
            return Err(fault.clone());
        }
        self.turn(now).map_err(|error| {
            let fault = Fault { agent: self.name.clone(), what: error.to_string() };
            self.failed = Some(fault.clone());
            fault
        })
    }

    fn has_input(&self) -> bool {
        !self.is_drained()
            || self.asked.iter().any(|asked| !asked.is_empty())
            || self.gateways.iter().any(|port| !port.requests.is_empty())
    }

    fn stopping(&mut self, phase: Phase, _now: Nanos) -> bool {
        self.is_syncing = phase >= Phase::Syncing;
        !self.is_syncing || (self.is_drained() && self.is_settled())
    }

    fn finish(self: Box<Self>) -> Epilogue {
        Epilogue::Nothing
    }
}

/// Reads what a gateway asked for; `None`: it is not there. What is there but does not read back as it was written is a
/// fault.
fn answer(log: &mut Log, question: &Wanted, buffer: &mut Vec<u8>) -> Result<Option<ReadBack>, LogError> {
    match question {
        Wanted::Sent(sent) => read_back(log, *sent, buffer),
        Wanted::Recall(shard, what) => {
            let answer = recall::recall(log, *shard, what, buffer)?;
            Ok(answer.map(|answer| ReadBack::Recalled(Box::new(answer))))
        }
    }
}

fn missing(question: Wanted) -> ReadBack {
    match question {
        Wanted::Sent(sent) => ReadBack::Missing(sent),
        Wanted::Recall(_, what) => ReadBack::Recalled(Box::new(recall::lost(&what))),
    }
}

fn read_back(log: &mut Log, question: SentBody, buffer: &mut Vec<u8>) -> Result<Option<ReadBack>, LogError> {
    let (stream, seq) = match question {
        SentBody::Event(event) => (Stream::Shard(event.shard), event.seq),
        SentBody::Own(own) => (Stream::Gateway(own.gateway), own.seq),
    };
    let Some(record) = log.read(stream, seq, buffer)? else { return Ok(None) };
    Ok(match question {
        SentBody::Event(at) => record::decode_step(&record)
            .ok()
            .and_then(|step| step.events.flatten().nth(event_index(at)))
            .map(|event| ReadBack::Event(at, record.time, event)),
        SentBody::Own(at) => match record::decode_session(&record) {
            Ok(SessionRecord::Outbound { body: OutboundBody::Own(body), .. }) => {
                Some(ReadBack::Own(at, body.into()))
            }
            _ => None,
        },
    })
}

fn event_index(at: EventRef) -> usize {
    if planted::has(Bug::ResendOtherBody) { 0 } else { at.index.into() }
}
