//! The session log from the gateway's side: records on their way to the journal, and what is read back from it.

use crate::journal::append::{SESSION_RECORD_BYTES_MAX, SessionAppender};
use crate::limits::{DROP_COPIES_PER_ACCOUNT_MAX, SHARDS_MAX, STREAM_HEARERS_MAX};
use crate::ring::spsc;
use crate::run::journal::port::JournalPort;
use crate::run::journal::{OwnRef, ReadBack, Wanted};
use crate::types::{GatewayId, Nanos, Seq, SessionRecord};
use crate::watch::Meters;

/// Most records that one message, or one event, can make: room for them is asked for before it is taken. An event is
/// told to two trading sessions and to drop copies, and each may have to reserve numbers first; so may those who hear
/// its stream.
const RECORDS_PER_INPUT_MAX: usize = 2 * (2 + DROP_COPIES_PER_ACCOUNT_MAX) + STREAM_HEARERS_MAX;
const _: () =
    assert!(SHARDS_MAX as usize + 2 <= RECORDS_PER_INPUT_MAX, "a report tells a part of each shard at most");

/// One gateway's stream of session records.
#[derive(Debug)]
pub struct SessionLog {
    gateway: GatewayId,
    appender: SessionAppender,
    journal: JournalPort,
    requests: spsc::Producer<Wanted>,
    answers: spsc::Consumer<ReadBack>,
    dirty: bool,
}

impl SessionLog {
    /// A log that goes on after `last`.
    pub fn new(
        gateway: GatewayId,
        last: Seq,
        journal: JournalPort,
        requests: spsc::Producer<Wanted>,
        answers: spsc::Consumer<ReadBack>,
    ) -> Self {
        let appender = SessionAppender::new(gateway, last);
        Self { gateway, appender, journal, requests, answers, dirty: false }
    }

    /// Whether a message may be taken: its records fit for sure. While not, messages wait in their sockets.
    pub fn has_room(&self) -> bool {
        self.journal.records.fits(RECORDS_PER_INPUT_MAX, SESSION_RECORD_BYTES_MAX)
    }

    /// Appends a record; its number.
    pub fn append(&mut self, now: Nanos, record: &SessionRecord<'_>) -> Seq {
        let (seq, bytes) = self.appender.record(now, record);
        let pushed = self.journal.records.push(bytes);
        assert!(pushed.is_done(), "room for the records was asked for before the message was taken");
        self.dirty = true;
        seq
    }

    /// Wakes the journal if something was appended since the last time.
    pub fn wake(&mut self) {
        if std::mem::take(&mut self.dirty) {
            self.journal.wake();
        }
    }

    /// Where the last record stands.
    pub fn last_ref(&self) -> OwnRef {
        OwnRef { gateway: self.gateway, seq: self.appender.last() }
    }

    /// The number of the last record.
    pub fn last(&self) -> Seq {
        self.appender.last()
    }

    /// How far the log is durable.
    pub fn durable(&self) -> Seq {
        self.journal.durable.reached()
    }

    /// Writes what the operator may look at.
    pub fn measure(&self, meters: &mut Meters) {
        self.journal.measure(self.last(), meters);
    }

    /// Asks for something to be read back; false if too much is asked for already.
    pub fn ask(&mut self, what: Wanted) -> bool {
        let asked = self.requests.push(what).is_done();
        if asked {
            self.journal.waker.wake();
        }
        asked
    }

    /// The next thing that was read back; answers come in the order of the questions.
    pub fn answer(&mut self) -> Option<ReadBack> {
        self.answers.pop()
    }

    /// Whether an answer waits.
    pub fn has_answer(&self) -> bool {
        !self.answers.is_empty()
    }
}
