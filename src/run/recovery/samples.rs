//! A small venue that keeps a real journal, for tests: shard and session log as the agents write them.

use super::{Recovered, RecoveryError, RecoveryOptions, Wanted, recover};
use crate::journal::append::{Appender, SessionAppender};
use crate::limits::RECORD_BYTES_MAX;
use crate::run::journal::log::Log;
use crate::run::shard::{Outcome, Shard, Step};
use crate::seal::fixture::vault;
use crate::types::*;
use crate::wire::record::{SEGMENT_HEADER_BYTES, Stream};
use std::path::Path;

pub const NOW: Nanos = Nanos(1_700_000_000_000_000_000);
pub const MAKER: SessionId = SessionId(1);
pub const TAKER: SessionId = SessionId(2);

/// A shard and the session log of a gateway, on one log.
pub struct Venue {
    pub shard: Shard,
    pub log: Log,
    pub appender: Appender,
    pub sessions: SessionAppender,
    pub now: Nanos,
}

pub fn options() -> RecoveryOptions {
    RecoveryOptions {
        wanted: Wanted { kept: [1, 2].map(|id| (AccountId(id), [7, 2])).into(), ..Wanted::default() },
        archive: None,
        vault: vault(),
        head: None,
        environment: "test".to_owned(),
        segment_bytes: (SEGMENT_HEADER_BYTES + RECORD_BYTES_MAX) as u64,
        shards: vec![ShardId(0)],
    }
}

pub fn recovered(dir: &Path) -> Result<Recovered, RecoveryError> {
    recover(dir, &options(), NOW)
}

pub fn order(session: SessionId, side: Side, name: &str, qty: u64) -> Command {
    let order =
        NewOrder { account: AccountId(session.0.into()), side, qty: Qty(qty), ..samples::new_order(name) };
    let requester = Requester {
        logon: LogonId::NONE,
        session,
        number: MsgSeqNum(0),
        key: ApiKeyId(1),
        sent: NOW,
        recv_window: Span::from_secs(60),
        content: crate::wire::digest::content(&RequestKind::New(order), true),
        signed_digest: [0; 16],
        named: true,
    };
    Command::New(requester, order)
}

impl Venue {
    /// Takes up the journal in `dir` as a server does.
    pub fn open(dir: &Path) -> Self {
        let recovered = recovered(dir).unwrap();
        let last = recovered.streams.last(Stream::Gateway(GatewayId(0)));
        Self {
            shard: recovered.shards.into_iter().next().unwrap(),
            log: recovered.log,
            appender: Appender::default(),
            sessions: SessionAppender::new(GatewayId(0), last),
            now: NOW,
        }
    }

    /// One with an instrument and two accounts.
    pub fn begin(dir: &Path) -> Self {
        let mut venue = Self::open(dir);
        venue.run(&Command::Instrument(samples::instrument()));
        for account in [1, 2] {
            venue.run(&Command::Account(samples::limits(account)));
        }
        venue
    }

    /// Executes a command and appends its steps; where each of their events stands.
    pub fn run(&mut self, command: &Command) -> Vec<EventRef> {
        let signed = SignedBytes::new(b"35=D\x01", Some([7; 64]));
        let mut refs = Vec::new();
        let mut keep = |appender: &mut Appender, log: &mut Log, step: Step<'_>, signed: &SignedBytes<'_>| {
            let Step { shard, seq, time, command, events, .. } = step;
            log.append(appender.step(shard, seq, time, command, signed, events), NOW).unwrap();
            refs.extend((0..events.len()).map(|index| EventRef { shard, seq, index: index as u16 }));
        };
        match self.shard.execute(None, command, self.now) {
            Outcome::Step(step) => keep(&mut self.appender, &mut self.log, step, &signed),
            Outcome::Repetition(answer) => panic!("{answer:?}"),
        }
        while self.shard.has_pending() {
            keep(&mut self.appender, &mut self.log, self.shard.proceed(self.now), &SignedBytes::NONE);
        }
        refs
    }

    /// Appends to the session log.
    pub fn note(&mut self, record: &SessionRecord<'_>) -> Seq {
        let (seq, bytes) = self.sessions.record(self.now, record);
        self.log.append(bytes, NOW).unwrap();
        seq
    }

    /// Gives a number to a body.
    pub fn send(&mut self, session: SessionId, number: u32, body: OutboundBody<'_>) -> Seq {
        let number = MsgSeqNum(number);
        self.note(&SessionRecord::Outbound { session, number, sent: self.now, body })
    }

    /// Both sessions log on, trade a little, and hear of some of it. Ends with all that happened durable.
    pub fn trade(&mut self) {
        for session in [MAKER, TAKER] {
            self.note(&SessionRecord::Reset { session });
            self.note(&SessionRecord::Reserved { session, upto: MsgSeqNum(100) });
        }
        self.note(&SessionRecord::Inbound { session: MAKER, number: MsgSeqNum(2) });
        let refs = self.run(&order(MAKER, Side::Buy, "m-1", 10));
        self.send(MAKER, 2, OutboundBody::Event(refs[0]));
        self.note(&SessionRecord::Inbound { session: TAKER, number: MsgSeqNum(2) });
        self.run(&order(TAKER, Side::Sell, "t-1", 4));
        self.log.sync().unwrap();
    }
}

/// A journal of so many segments, or one that goes on until there are so many.
pub fn busy_journal(dir: &Path, segments: u32) {
    let mut venue = if dir.join("00000001.log").exists() { Venue::open(dir) } else { Venue::begin(dir) };
    let mut n = 0;
    while venue.log.end().place.segment < segments {
        n += 1;
        venue.run(&order(MAKER, Side::Buy, &format!("busy-{segments}-{n}"), 1));
    }
    venue.log.sync().unwrap();
}
