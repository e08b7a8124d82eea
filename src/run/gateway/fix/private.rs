//! The private streams of a FIX connection: what its client asks for by their own numbers.
//!
//! ```text
//!   BW 1347=0 ─► each shard: is it kept? ─► BX ─► read back, one after the other: 8 with 1352=Y ─► BY: that was all
//!   BW 1347=1 ─► BX: from this number on ─► each execution, whoever caused it ─► BY now and then: the last number
//! ```
//!
//! What happens meanwhile is told meanwhile: the standard marks what is sent again, and the number says where it
//! belongs. None of it is recorded: it is asked for by the number of the stream, as often as it is needed, on any
//! session.

use super::FixConnection;
use crate::config::Role;
use crate::decode;
use crate::limits::STREAM_HEARERS_MAX;
use crate::report::fix::streams::{self, StreamReport, Verdict};
use crate::report::fix::{MsgType, OwnId};
use crate::run::gateway::catch_up::{CatchUp, Found, Progress, Said};
use crate::run::gateway::desk::Desk;
use crate::run::gateway::line::{Lines, Told};
use crate::run::gateway::session_log::SessionLog;
use crate::run::gateway::streams::Positions;
use crate::run::gateway::subscribers::Subscribers;
use crate::run::journal::{ReadBack, SentBody};
use crate::types::{
    AccountId, ApiKeyId, ApplSeqNum, ConnId, Execution, FixVersion, MsgSeqNum, Nanos, Refusal, Reject,
    SessionId, ShardId, StreamAsk, StreamPage, StreamPosition, StreamRequest, StreamRequestType,
};
use crate::wire::fix::Message;

/// One stream.
type Stream = (AccountId, ShardId);

/// What a connection has asked for.
#[derive(Debug, Default)]
pub(super) struct Private {
    /// The streams that it hears.
    subscribed: Vec<Stream>,
    /// What is sent again.
    resend: Option<Box<Resend>>,
    /// How many there were: tells the answers to one from those to another.
    resends: u64,
    /// When it hears how far its streams are.
    heartbeat: Nanos,
}

#[derive(Debug)]
struct Resend {
    request: StreamRequest,
    number: MsgSeqNum,
    catch_up: CatchUp<()>,
}

/// What a connection works with while its streams have the turn.
pub(in crate::run::gateway) struct PrivateTurn<'a> {
    pub(in crate::run::gateway) conn: ConnId,
    pub(in crate::run::gateway) now: Nanos,
    pub(in crate::run::gateway) desk: &'a mut Desk,
    pub(in crate::run::gateway) lines: &'a mut Lines,
    pub(in crate::run::gateway) log: &'a mut SessionLog,
    pub(in crate::run::gateway) positions: &'a Positions,
    pub(in crate::run::gateway) hearers: &'a mut Subscribers,
}

impl Private {
    /// Whether it hears a stream.
    fn hears(&self, stream: Stream) -> bool {
        self.subscribed.contains(&stream)
    }

    fn hears_account(&self, account: AccountId) -> bool {
        self.subscribed.iter().any(|(of, _)| *of == account)
    }
}

impl FixConnection {
    /// ApplicationMessageRequest(BW). What cannot be understood is refused as any message; else a BX says what is done.
    pub(super) fn stream_request(
        &mut self,
        id: SessionId,
        key: ApiKeyId,
        message: &Message<'_>,
        turn: &mut PrivateTurn<'_>,
    ) -> Result<(), Refusal> {
        let (accounts, directory) = (turn.accounts(id, key), turn.desk.directory.clone());
        let shards = turn.desk.shards.len();
        let request = decode::fix::stream_request(message, &accounts, shards, &directory)?;
        let number = message.number().unwrap_or_default();
        let verdicts = turn.verdicts(&request, &[]);
        if verdicts.iter().any(|verdict| verdict.found.is_err()) {
            turn.acknowledge(id, number, (&request, &verdicts), None);
            return Ok(());
        }
        let sends_again = request.asks.iter().any(|ask| ask.first.is_some()) && request.kind.resends();
        let done = match request.kind {
            _ if sends_again => self.begin_resend(&request, number, turn),
            StreamRequestType::Subscribe => self.subscribe(&request, turn),
            kind => {
                self.end_streams(kind, &request, turn);
                Ok(())
            }
        };
        // What is sent again is answered when the shards have said that they can.
        if done.is_err() || !sends_again {
            turn.acknowledge(id, number, (&request, &verdicts), done.as_ref().err());
        }
        Ok(())
    }

    /// Asks the shards whether they can.
    fn begin_resend(
        &mut self,
        request: &StreamRequest,
        number: MsgSeqNum,
        turn: &mut PrivateTurn<'_>,
    ) -> Result<(), Refusal> {
        if self.private.resend.is_some() {
            return Err(Reject::ResendUnderWay.into());
        }
        if request.kind == StreamRequestType::Subscribe {
            turn.has_room_for(request, &self.private)?;
        }
        let position = |ask: &StreamAsk| {
            let ((account, shard), first) = (ask.stream.ok()?, ask.first?);
            Some(StreamPosition { account, shard, number: ApplSeqNum(first.0 - 1) })
        };
        let behind = request.asks.iter().filter_map(position).collect();
        self.private.resends += 1;
        let (token, at) = (self.private.resends, (turn.conn, turn.now));
        let catch_up = CatchUp::begin((behind, Vec::new()), token, (), false, at, turn.desk)?;
        let request = request.clone();
        self.private.resend = Some(Box::new(Resend { request, number, catch_up }));
        Ok(())
    }

    fn subscribe(&mut self, request: &StreamRequest, turn: &mut PrivateTurn<'_>) -> Result<(), Refusal> {
        turn.has_room_for(request, &self.private)?;
        if self.private.subscribed.is_empty() {
            self.private.heartbeat = turn.positions.next_heartbeat(turn.now);
        }
        for stream in request.asks.iter().filter_map(|ask| ask.stream.ok()) {
            if !self.private.hears(stream) {
                self.private.subscribed.push(stream);
            }
            turn.hearers.add(turn.conn, &[stream.0]);
        }
        Ok(())
    }

    /// Ends what a request wants no more of; a question ends nothing.
    fn end_streams(&mut self, kind: StreamRequestType, request: &StreamRequest, turn: &mut PrivateTurn<'_>) {
        if matches!(kind, StreamRequestType::CancelResend | StreamRequestType::CancelAll) {
            self.private.resend = None;
        }
        if matches!(kind, StreamRequestType::Unsubscribe | StreamRequestType::CancelAll) {
            self.unsubscribe(request, turn);
        }
    }

    fn unsubscribe(&mut self, request: &StreamRequest, turn: &mut PrivateTurn<'_>) {
        let named = |stream: &Stream| request.asks.iter().any(|ask| ask.stream == Ok(*stream));
        self.private.subscribed.retain(|stream| !named(stream));
        for (account, _) in request.asks.iter().filter_map(|ask| ask.stream.ok()) {
            if !self.private.hears_account(account) {
                turn.hearers.remove(turn.conn, &[account]);
            }
        }
    }

    /// The accounts of which it hears.
    pub(in crate::run::gateway) fn subscribed(&self) -> Vec<AccountId> {
        self.private.subscribed.iter().map(|(account, _)| *account).collect()
    }

    /// The session and the key for which something is read back, if something is.
    pub(in crate::run::gateway) fn catches_up(&self) -> Option<SessionId> {
        self.private.resend.as_ref().and(self.session)
    }

    /// Asks for what comes next; how much was asked for.
    pub(in crate::run::gateway) fn ask(
        &mut self,
        conn: ConnId,
        desk: &mut Desk,
        read: &mut impl FnMut(u64, SentBody) -> bool,
    ) -> usize {
        self.private.resend.as_mut().map_or(0, |resend| resend.catch_up.ask(conn, desk, read))
    }

    /// Takes the answer of a shard.
    pub(in crate::run::gateway) fn shard_answered(
        &mut self,
        token: u64,
        stream: Stream,
        page: Result<&StreamPage, &Refusal>,
        turn: &mut PrivateTurn<'_>,
    ) {
        let Some(resend) = self.private.resend.as_mut().filter(|resend| resend.catch_up.is(token)) else {
            return;
        };
        let progress = resend.catch_up.shard_answered(stream, page);
        self.proceed(progress, turn);
    }

    /// Takes what the journal has read back.
    pub(in crate::run::gateway) fn read(
        &mut self,
        token: u64,
        answer: &ReadBack,
        turn: &mut PrivateTurn<'_>,
    ) {
        let resend = self.private.resend.as_mut().filter(|resend| resend.catch_up.is(token));
        let Some((resend, session)) = resend.zip(self.session) else { return };
        let Some(line) = turn.lines.get_mut(session) else { return };
        let end = resend.catch_up.end();
        let progress = resend.catch_up.read(answer, &mut |said| {
            if let Said::Execution(_, told) = said {
                line.tell_stream(told, end, &turn.desk.directory, turn.now, turn.log);
            }
        });
        self.proceed(progress, turn);
    }

    fn proceed(&mut self, progress: Progress<()>, turn: &mut PrivateTurn<'_>) {
        match progress {
            Progress::Goes => {}
            Progress::Answered((), found) => self.resend_begins(&found, turn),
            Progress::Done => self.resend_ends(None, turn),
            Progress::Broken(refusal) => self.resend_ends(Some(&refusal), turn),
        }
    }

    /// All shards have answered. What happens from here on is live, and what is behind is sent again.
    fn resend_begins(&mut self, found: &[Found], turn: &mut PrivateTurn<'_>) {
        let Some((mut resend, session)) = self.private.resend.take().zip(self.session) else { return };
        let verdicts = turn.verdicts(&resend.request, found);
        let request = &resend.request;
        let refused = verdicts.iter().any(|verdict| verdict.found.is_err());
        let subscribes = request.kind == StreamRequestType::Subscribe && !refused;
        let done = if subscribes { self.subscribe(request, turn) } else { Ok(()) };
        turn.acknowledge(session, resend.number, (request, &verdicts), done.as_ref().err());
        if refused || done.is_err() {
            return;
        }
        let asks = &resend.request.asks;
        resend.catch_up.end_at(|at| {
            let ask = asks.iter().find(|ask| ask.stream == Ok((at.account, at.shard)));
            ask.and_then(|ask| ask.last).unwrap_or_else(|| turn.positions.at(at.account, at.shard).number)
        });
        let is_done = resend.catch_up.is_done();
        self.private.resend = Some(resend);
        if is_done {
            self.resend_ends(None, turn);
        }
    }

    /// All is sent again, or what comes next cannot be.
    fn resend_ends(&mut self, refusal: Option<&Refusal>, turn: &mut PrivateTurn<'_>) {
        let Some((resend, session)) = self.private.resend.take().zip(self.session) else { return };
        let id = &resend.request.id;
        let asks = resend.request.asks.iter();
        let mut ends: Vec<StreamPosition> = asks
            .filter_map(|ask| {
                let (account, shard) = ask.stream.ok()?;
                let now = turn.positions.at(account, shard);
                Some(StreamPosition { number: ask.last.unwrap_or(now.number), ..now })
            })
            .collect();
        resend.catch_up.stand(&mut ends);
        let report = refusal.map_or(StreamReport::Resent(id), |refusal| StreamReport::Broken(id, refusal));
        turn.report(session, report, &ends);
    }

    /// Tells an execution of a stream that it hears, unless its session is told anyway; whether it hears the account.
    pub(in crate::run::gateway) fn hear(
        &self,
        told: &Told<'_>,
        execution: &Execution,
        (lines, log, desk): (&mut Lines, &mut SessionLog, &Desk),
        now: Nanos,
    ) -> bool {
        let (account, Some(session)) = (execution.order.account, self.session) else { return false };
        let is_told = told.event.sessions().contains(&session)
            || desk.directory.drop_copies(account).contains(&session);
        if !is_told
            && self.private.hears((account, told.at.shard))
            && let Some(line) = lines.get_mut(session)
        {
            line.tell_stream(told, None, &desk.directory, now, log);
        }
        self.private.hears_account(account)
    }

    /// When it hears how far its streams are.
    pub(super) fn heartbeat(&self) -> Option<Nanos> {
        (!self.private.subscribed.is_empty()).then_some(self.private.heartbeat)
    }

    /// Time has passed.
    pub(in crate::run::gateway) fn beat(&mut self, turn: &mut PrivateTurn<'_>) {
        let Some(session) = self.session.filter(|_| self.heartbeat().is_some_and(|due| turn.now >= due))
        else {
            return;
        };
        if turn.log.has_room() {
            self.private.heartbeat = turn.positions.next_heartbeat(turn.now);
            let streams = self.private.subscribed.iter();
            let ends: Vec<_> = streams.map(|(account, shard)| turn.positions.at(*account, *shard)).collect();
            turn.report(session, StreamReport::Heartbeat(None), &ends);
        }
    }
}

impl PrivateTurn<'_> {
    /// The accounts whose streams a session may hear: those of its key, or those of which it gets copies.
    fn accounts(&self, id: SessionId, key: ApiKeyId) -> Vec<AccountId> {
        let directory = &self.desk.directory;
        let session = directory.sessions().iter().find(|session| session.id == id);
        match session.map(|session| &session.role) {
            Some(Role::DropCopy(accounts)) => accounts.clone(),
            _ => directory.key(key).map(|key| key.accounts.clone()).unwrap_or_default(),
        }
    }

    /// What is said of each stream: what its shard has found, or how far it was told.
    fn verdicts(&self, request: &StreamRequest, found: &[Found]) -> Vec<Verdict> {
        let of = |ask: &StreamAsk| {
            let (account, shard) = ask.stream?;
            if let Some((_, Err(refusal))) = found.iter().find(|(stream, _)| *stream == (account, shard)) {
                return Err(*refusal);
            }
            let last = self.positions.at(account, shard).number;
            let is_ahead = ask.last.is_some_and(|end| end > last);
            if is_ahead { Err(Refusal::bound(Reject::StreamAhead, last.0)) } else { Ok(last) }
        };
        request.asks.iter().map(|ask| Verdict { ask: *ask, found: of(ask) }).collect()
    }

    /// Each connection that hears a stream may cost a record of the session log for an event.
    fn has_room_for(&self, request: &StreamRequest, known: &Private) -> Result<(), Refusal> {
        let accounts = request.asks.iter().filter_map(|ask| Some(ask.stream.ok()?.0));
        let mut new = accounts.filter(|account| !known.hears_account(*account));
        match new.any(|account| self.hearers.count(account) >= STREAM_HEARERS_MAX) {
            true => Err(Reject::TooManyHearers.into()),
            false => Ok(()),
        }
    }

    fn acknowledge(
        &mut self,
        session: SessionId,
        number: MsgSeqNum,
        (request, verdicts): (&StreamRequest, &[Verdict]),
        refusal: Option<&Refusal>,
    ) {
        let own = OwnId { session, at: self.now, number: u64::from(number.0) };
        if let Some(refusal) = refusal.or(verdicts.iter().find_map(|verdict| verdict.found.as_ref().err())) {
            self.desk.watch.refuse(refusal.reject);
        }
        self.say(session, |_, body| Some(streams::ack(request, verdicts, refusal, own, body)));
    }

    fn report(&mut self, session: SessionId, report: StreamReport<'_>, ends: &[StreamPosition]) {
        let (own, directory) =
            (OwnId { session, at: self.now, number: self.log.last().0 }, self.desk.directory.clone());
        self.say(session, |version, body| {
            Some(streams::report(report, ends, version, own, &directory, body))
        });
    }

    fn say(&mut self, session: SessionId, write: impl FnOnce(FixVersion, &mut Vec<u8>) -> Option<MsgType>) {
        if let Some(line) = self.lines.get_mut(session).filter(|line| line.owner() == Some(self.conn)) {
            let version = line.version();
            line.tell_passing(self.now, self.log, |body| write(version, body));
        }
    }
}
