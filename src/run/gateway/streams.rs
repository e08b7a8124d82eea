//! The private streams of a gateway: how far it has told each, and the subscribers that catch up.
//!
//! ```text
//!   release.rs ─► each execution moves its stream ─► heartbeats, and where a new subscription begins
//!   line.rs    ─► what was read back of the journal ─► catch_up.rs of the connection ─► its session
//!   a turn     ─► some of those that catch up ask for more, another one first each time
//! ```

use super::Gateway;
use super::catch_up::Progress;
use super::fix::PrivateTurn;
use super::line::Lines;
use super::sockets::{self, Connection, Stage};
use crate::limits::{SHARDS_MAX, STREAM_READERS_MAX, STREAM_READS_PER_MINUTE};
use crate::run::journal::ReadBack;
use crate::types::{
    AccountId, Answer, ApiKeyId, ApplSeqNum, ConnId, Execution, Nanos, Origin, Refusal, ShardId, Span,
    StreamPage, StreamPosition,
};
use std::collections::{BTreeMap, VecDeque};

const MINUTE: Span = Span::from_secs(60);

/// How far each stream was told.
#[derive(Clone, Debug)]
pub struct Positions {
    shards: usize,
    /// How often a subscriber hears of them.
    heartbeat: Span,
    told: BTreeMap<AccountId, [ApplSeqNum; SHARDS_MAX as usize]>,
}

/// Who catches up, and what was read for them.
#[derive(Debug, Default)]
pub(super) struct CatchingUp {
    connections: VecDeque<ConnId>,
    /// Executions that were read back in this minute for each API key.
    read: BTreeMap<ApiKeyId, (Nanos, u32)>,
}

impl Positions {
    /// Streams at their beginning.
    pub fn new(shards: usize, heartbeat: Span) -> Self {
        Self { shards, heartbeat, told: BTreeMap::new() }
    }

    /// When a subscriber who heard of them now hears of them again.
    pub fn next_heartbeat(&self, now: Nanos) -> Nanos {
        now + self.heartbeat
    }

    /// A stream has come so far.
    pub fn reach(&mut self, account: AccountId, shard: ShardId, number: ApplSeqNum) {
        if let Some(at) = self.told.entry(account).or_default().get_mut(usize::from(shard.0)) {
            *at = number;
        }
    }

    /// How far a stream is.
    pub fn at(&self, account: AccountId, shard: ShardId) -> StreamPosition {
        let told = self.told.get(&account).and_then(|told| told.get(usize::from(shard.0)));
        StreamPosition { account, shard, number: told.copied().unwrap_or_default() }
    }

    /// How far all streams of these accounts are.
    pub fn of(&self, accounts: &[AccountId]) -> Vec<StreamPosition> {
        let all = accounts.iter().flat_map(|&account| {
            let told = self.told.get(&account).copied().unwrap_or_default();
            let shards = (0..self.shards).zip(told);
            shards.map(move |(shard, number)| StreamPosition { account, shard: ShardId(shard as u8), number })
        });
        all.collect()
    }
}

impl CatchingUp {
    /// A connection begins to catch up.
    pub(super) fn add(&mut self, id: ConnId) {
        if !self.connections.contains(&id) {
            self.connections.push_back(id);
        }
    }

    /// Whether a key has not had its share of the minute.
    fn has_share(&mut self, key: ApiKeyId, now: Nanos) -> bool {
        let (since, count) = self.read.entry(key).or_default();
        if now >= *since + MINUTE || now < *since {
            (*since, *count) = (now, 0);
        }
        *count < STREAM_READS_PER_MINUTE
    }

    /// An execution is read back for a key.
    fn spend(&mut self, key: ApiKeyId) {
        self.read.entry(key).or_default().1 += 1;
    }
}

impl Gateway {
    /// An execution is told: its stream has come so far.
    pub(super) fn stream_moves(&mut self, execution: &Execution, shard: ShardId) {
        self.positions.reach(execution.order.account, shard, execution.appl_seq_num);
    }

    /// Asks for what those who catch up need next; returns how much.
    pub(super) fn streams_turn(&mut self, now: Nanos) -> usize {
        let mut asked = 0;
        for _ in 0..self.catching_up.connections.len().min(STREAM_READERS_MAX) {
            let Some(id) = self.catching_up.connections.pop_front() else { break };
            let Some(connection) = self.connections.get_mut(id) else { continue };
            let Some((key, is_behind)) = connection.reader(&mut self.lines) else { continue };
            self.catching_up.connections.push_back(id);
            if is_behind || !self.catching_up.has_share(key, now) {
                continue;
            }
            let (lines, log, budget) = (&mut self.lines, &mut self.log, &mut self.catching_up);
            let mut read = |token, body| {
                let asked = budget.has_share(key, now) && lines.read_for(id, token, body, log);
                if asked {
                    budget.spend(key);
                }
                asked
            };
            asked += match &mut connection.stage {
                Stage::WebSocket(websocket) => websocket.ask(id, &mut self.desk, &mut read),
                Stage::Fix(fix) => fix.ask(id, &mut self.desk, &mut read),
                Stage::Handshake(_) => 0,
            };
        }
        asked
    }

    /// Takes what was read back for those who catch up; returns how much. Over FIX each takes a number, and that may
    /// take a record.
    pub(super) fn streams_read(&mut self) -> usize {
        let mut count = 0;
        while self.log.has_room()
            && let Some((id, token, answer)) = self.lines.take_read()
        {
            self.advance(id, token, Came::Read(&answer));
            count += 1;
        }
        count
    }

    /// A shard has said what comes next in a stream.
    pub(super) fn stream_answered(&mut self, origin: Origin, shard: ShardId, answer: &Answer) {
        if let Answer::Stream(account, page) = answer {
            self.advance(origin.conn, origin.token, Came::Page((*account, shard), page.as_ref()));
        }
    }

    fn advance(&mut self, id: ConnId, token: u64, came: Came<'_>) {
        let now = self.desk.clock.now();
        let Self { connections, desk, lines, log, positions, hearers, counter, subscribers, .. } = self;
        let Some(connection) = connections.get_mut(id) else { return };
        match &mut connection.stage {
            Stage::Handshake(_) => return,
            Stage::Fix(fix) => {
                let mut turn = PrivateTurn { conn: id, now, desk, lines, log, positions, hearers };
                match came {
                    Came::Page(stream, page) => fix.shard_answered(token, stream, page, &mut turn),
                    Came::Read(answer) => fix.read(token, answer, &mut turn),
                }
            }
            Stage::WebSocket(websocket) => {
                let progress = match came {
                    Came::Page(stream, page) => websocket.shard_answered(token, stream, page),
                    Came::Read(answer) => websocket.read(token, answer, counter),
                };
                match progress {
                    Progress::Goes => {}
                    Progress::Done => websocket.caught_up(),
                    Progress::Broken(refusal) => websocket.stream_ends(&refusal, now, counter),
                    Progress::Answered(waiting, found) => {
                        if websocket.resumed(waiting, &found, positions, (desk, counter)) {
                            subscribers.add(id, websocket.session().subscribed());
                        }
                    }
                }
            }
        }
        sockets::touch(&mut self.connections, &mut self.dirty, id);
    }
}

/// What somebody who catches up has waited for.
enum Came<'a> {
    Page((AccountId, ShardId), Result<&'a StreamPage, &'a Refusal>),
    Read(&'a ReadBack),
}

impl Connection {
    /// The key for which it is read, if something is behind, and whether it has to take other bytes first.
    fn reader(&mut self, lines: &mut Lines) -> Option<(ApiKeyId, bool)> {
        match &self.stage {
            Stage::Handshake(_) => None,
            Stage::WebSocket(websocket) => Some((websocket.catches_up()?, self.watched_for_write)),
            Stage::Fix(fix) => {
                let line = lines.get_mut(fix.catches_up()?)?;
                Some((line.key()?, self.watched_for_write || line.is_behind() || line.is_replaying()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_share_of_a_minute_and_turns_that_read_nothing_cost_none_of_it() {
        let (mut catching_up, key, now) = (CatchingUp::default(), ApiKeyId(1), Nanos(0));
        // A thread that spins asks far more often than the journal answers.
        (0..2 * STREAM_READS_PER_MINUTE).for_each(|_| assert!(catching_up.has_share(key, now)));
        for _ in 0..STREAM_READS_PER_MINUTE {
            assert!(catching_up.has_share(key, now));
            catching_up.spend(key);
        }
        assert!(!catching_up.has_share(key, now));
        assert!(catching_up.has_share(ApiKeyId(2), now));
        assert!(catching_up.has_share(key, now + MINUTE));
    }
}
