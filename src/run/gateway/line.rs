//! The FIX sessions of a gateway: the state machine of each, with or without a connection, what it has sent, and what
//! waits for the session log.
//!
//! ```text
//!   event, refusal ─► Line: number ─► record ─► staged bytes ─► connection, if there is one
//!   ResendRequest ─► Line: numbers asked for ─► read back from the journal ─► the same bodies again
//! ```
//!
//! A session outlives its connections: what happens meanwhile takes numbers, and the client asks for them.

mod logon;
mod operator;
mod replay;
mod sink;
mod streams;
mod table;
mod tell;

use super::recall::{self, Recalls};
use super::session_log::SessionLog;
use super::staged::Staged;
use super::trust::Lockouts;
use crate::config::{Directory, FixSession, Role, Schedule, Window};
use crate::planted::{self, Bug};
use crate::run::journal::{ReadBack, SentBody, Wanted};
use crate::run::recovery::{Sent, SessionState};
use crate::session::fix::{
    self as session, CloseReason, Incoming, Numbers, Output, Session, Settings, State, split_own,
};
use crate::types::{
    ApiKeyId, CancelTerms, ConnId, Event, EventRef, LostRequest, MsgSeqNum, Nanos, Seq, SessionEnd,
    SessionId, Shift, Timing,
};
use crate::wire::fix::Message;
pub use logon::Owner;
use replay::{Replay, newest, next_of};
use sink::Sink;
use std::collections::{BTreeMap, VecDeque};
use table::Table;

/// Most bodies of one replay that are asked for at a time, so that one session does not fill the ring.
const REPLAY_ASKED_MAX: usize = 8;

/// A replay pauses while so many bytes wait to be sent.
const REPLAY_STAGED_MAX: usize = 64 * 1024;

/// One session.
pub struct Line {
    session: Session,
    /// The connection that has it.
    owner: Option<Owner>,
    /// When that connection logged on.
    since: Option<Nanos>,
    /// What it has sent since its numbers began, in the order of the numbers: the newest.
    sent: VecDeque<Sent>,
    /// Whether a genuine Logon with the certificate of the owner takes the session from it.
    takeover: bool,
    /// When it is open, and the window that was told to the session.
    schedule: Option<Schedule>,
    hours: Option<Window>,
    /// When its numbers began; `None`: it has none yet.
    begun: Option<Nanos>,
    staged: Staged,
    /// Reservations that are not durable yet: the record, and the last number.
    reservations: VecDeque<(Seq, MsgSeqNum)>,
    replay: Option<Replay>,
    /// How many replays there were.
    jobs: u64,
    /// The socket does not take what is there: a replay waits.
    pub congested: bool,
    /// The session is over: the connection goes when its bytes are out.
    over: Option<CloseReason>,
    /// The client said Logout first.
    logged_out: bool,
    body: Vec<u8>,
}

/// An event with its place and its time.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// What happened.
    pub event: &'a Event,
    /// Its place in the journal.
    pub at: EventRef,
    /// When it was sequenced.
    pub time: Nanos,
    /// Whether it may have been told before the last run ended.
    pub poss_resend: bool,
    /// The FIX session whose request brought it about just now, and the times of that.
    pub asked: Option<(SessionId, Timing)>,
}

/// All sessions of a gateway.
pub struct Lines {
    lines: Table,
    /// What was asked of the journal; it answers in this order.
    questions: VecDeque<Question>,
    /// Answers that shards left to the journal.
    pub(super) recalls: Recalls,
    /// What the last run owed, and nobody was asked for yet.
    owed: VecDeque<(SessionId, EventRef)>,
    /// Sessions whose Logons fail.
    pub(super) lockouts: Lockouts,
    /// The connection whose session another has just taken over: it is to be closed.
    pub(super) evicted: Option<ConnId>,
    /// When the hours of idle sessions are looked at next, and from which on.
    hours_due: Nanos,
    hours_from: SessionId,
    /// Requests of the last run that got no answer and were not executed.
    lost: VecDeque<(SessionId, LostRequest)>,
    /// What was read back for subscribers who catch up, and whose catch-up it is.
    read: VecDeque<(ConnId, u64, ReadBack)>,
    /// Drop copies that the log does not know yet.
    unborn: Vec<SessionId>,
}

/// Why something was asked of the journal.
enum Question {
    /// For a replay.
    Replay { session: SessionId, job: u64, sent: Sent },
    /// It happened when the last run ended, and its session may not have heard of it.
    Owed { session: SessionId },
    /// A shard left the answer to the journal.
    Recall(recall::For),
    /// A subscriber catches up.
    Stream { conn: ConnId, token: u64 },
}

impl Line {
    fn new(settings: Settings, state: Option<SessionState>) -> Self {
        let numbers = state.as_ref().map_or(Numbers::FRESH, |state| {
            let recovered = Numbers {
                next_in: state.next_inbound,
                next_out: state.sent.last().map_or(MsgSeqNum::FIRST, |sent| sent.number.next()),
                reserved: state.reserved,
                durable: state.reserved,
            };
            recovered.restarted()
        });
        Self {
            session: Session::new(settings, numbers),
            owner: None,
            since: None,
            takeover: false,
            schedule: None,
            hours: None,
            begun: state.as_ref().and_then(|state| state.begun),
            sent: state.map(|state| newest(state.sent)).unwrap_or_default(),
            staged: Staged::default(),
            reservations: VecDeque::new(),
            replay: None,
            jobs: 0,
            congested: false,
            over: None,
            logged_out: false,
            body: Vec::with_capacity(1_024),
        }
    }

    /// The connection that has the session.
    pub fn owner(&self) -> Option<ConnId> {
        self.owner.map(|owner| owner.conn)
    }

    /// The key that signed its logon.
    pub fn key(&self) -> Option<ApiKeyId> {
        self.owner.map(|owner| owner.key)
    }

    /// Whether the session is over, and its connection is to be closed.
    pub fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Whether a wrong CheckSum garbles a message.
    pub fn checks_sum(&self) -> bool {
        self.session.settings().validate_checksum
    }

    /// Bytes of the connection that are no message.
    pub fn garbled(&mut self, bytes: &[u8], now: Nanos, log: &mut SessionLog) {
        self.with(now, log, |session, _, out| session.garbled(bytes, now, out));
    }

    /// A message of the connection.
    pub fn receive(&mut self, message: &Message<'_>, now: Nanos, log: &mut SessionLog) -> Incoming {
        let was_ours = self.session.state() == State::LogoutSent;
        let incoming = self.with(now, log, |session, _, out| session.receive(message, now, out));
        self.logged_out |= !was_ours && self.over == Some(CloseReason::LoggedOut);
        incoming
    }

    /// How the session ended, if it did: with a goodbye only if the client said it, and of its own accord.
    pub fn end(&self) -> Option<SessionEnd> {
        let end = if self.logged_out { SessionEnd::Logout } else { SessionEnd::Disconnect };
        self.is_over().then_some(end)
    }

    /// What its connection has agreed on for its orders; `None` if the Logon was refused.
    pub fn cancel_terms(&self) -> Option<CancelTerms> {
        (!self.is_over()).then(|| self.session.cancel_terms())
    }

    /// The next message that had come before its turn.
    pub fn take_queued(&mut self, bytes: &mut Vec<u8>, now: Nanos, log: &mut SessionLog) -> bool {
        self.with(now, log, |session, _, out| session.take_queued(bytes, now, out))
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Nanos, log: &mut SessionLog) {
        if self.session.deadline().is_some_and(|deadline| now >= deadline) {
            self.with(now, log, |session, _, out| session.tick(now, out));
        }
    }

    /// Ends the session from our side.
    pub fn logout(&mut self, text: &str, now: Nanos, log: &mut SessionLog) {
        self.with(now, log, |session, _, out| session.logout(text, now, out));
    }

    /// The connection is gone.
    pub fn disconnected(&mut self) {
        self.session.disconnected();
        self.owner = None;
        self.over = None;
        self.replay = None;
        self.congested = false;
        self.staged.clear();
    }

    /// Gives the bytes that may leave.
    pub fn release(&mut self, durable: Seq, send: impl FnOnce(&[u8])) {
        self.staged.release(durable, send);
    }

    /// Whether bytes wait.
    pub fn has_staged(&self) -> bool {
        self.staged.waiting() > 0
    }

    /// Whether nothing waits: no bytes, no numbers, no replay.
    fn is_idle(&self) -> bool {
        !self.has_staged() && self.reservations.is_empty() && self.replay.is_none()
    }

    fn learn_durable(&mut self, durable: Seq) {
        while let Some(&(record, upto)) = self.reservations.front()
            && record <= durable
        {
            self.reservations.pop_front();
            self.session.reserved_durable(upto);
        }
    }

    /// Runs the session with its buffers and the log behind its output.
    fn with<T>(
        &mut self,
        now: Nanos,
        log: &mut SessionLog,
        run: impl FnOnce(&mut Session, &mut Vec<u8>, &mut dyn Output) -> T,
    ) -> T {
        self.with_mark(now, log, false, run)
    }

    fn with_mark<T>(
        &mut self,
        now: Nanos,
        log: &mut SessionLog,
        poss_resend: bool,
        run: impl FnOnce(&mut Session, &mut Vec<u8>, &mut dyn Output) -> T,
    ) -> T {
        let mut sink = Sink {
            now,
            log,
            sent: &mut self.sent,
            begun: &mut self.begun,
            staged: &mut self.staged,
            reservations: &mut self.reservations,
            replay: &mut self.replay,
            over: &mut self.over,
            jobs: &mut self.jobs,
            poss_resend,
        };
        self.body.clear();
        run(&mut self.session, &mut self.body, &mut sink)
    }
}

impl Lines {
    /// The sessions that the gateway keeps, with what recovery knows of them.
    pub fn new<'a>(
        sessions: impl Iterator<Item = &'a FixSession>,
        mut recovered: BTreeMap<SessionId, SessionState>,
    ) -> Self {
        let (mut owed, mut lost, mut unborn) = (VecDeque::new(), VecDeque::new(), Vec::new());
        let mut lines = Table::default();
        for session in sessions {
            let state = recovered.remove(&session.id);
            if state.is_none() && matches!(session.role, Role::DropCopy(_)) {
                unborn.push(session.id);
            }
            if let Some(state) = &state {
                owed.extend(state.owed.iter().map(|at| (session.id, *at)));
                lost.extend(state.lost.iter().map(|lost| (session.id, *lost)));
            }
            lines.insert(session.id, Line::of(session, state));
        }
        // One that is not there now may come back: what happens to its orders meanwhile takes its numbers.
        for (session, state) in recovered {
            owed.extend(state.owed.iter().map(|at| (session, *at)));
            lost.extend(state.lost.iter().map(|lost| (session, *lost)));
            lines.insert(session, Line::new(Settings::dormant(session), Some(state)));
        }
        Self {
            lines,
            questions: VecDeque::new(),
            recalls: Recalls::default(),
            owed,
            lost,
            read: VecDeque::new(),
            unborn,
            lockouts: Lockouts::default(),
            evicted: None,
            hours_due: Nanos(0),
            hours_from: SessionId::NONE,
        }
    }

    /// A session that the gateway keeps.
    pub fn get_mut(&mut self, session: SessionId) -> Option<&mut Line> {
        self.lines.get_mut(&session)
    }

    /// When a session has something to do though nothing comes.
    pub fn deadline(&self, session: SessionId) -> Option<Nanos> {
        self.lines.get(&session).and_then(|line| line.session.deadline())
    }

    /// The clock was set.
    pub fn clock_moved(&mut self, by: Shift) {
        self.lines.visit_all(|line| line.session.clock_moved(by));
        self.lockouts.clock_moved(by);
    }

    /// Whether all that the last run owed is told: only then clients are let in, so that it stands before what is new.
    pub fn are_ready(&self) -> bool {
        self.owed.is_empty() && self.questions.is_empty() && self.unborn.is_empty() && self.lost.is_empty()
    }

    /// Asks the journal for what replays and the last run's debts need, and takes its answers. Returns how many.
    pub fn read_back(&mut self, directory: &Directory, now: Nanos, log: &mut SessionLog) -> usize {
        self.bear(now, log);
        self.refuse_lost(now, log);
        self.ask(log);
        let mut answered = 0;
        while log.has_room()
            && let Some(answer) = log.answer()
        {
            let question = self.questions.pop_front();
            assert!(question.is_some(), "the journal answers what it was asked");
            if let Some(question) = question {
                self.take_answer(question, answer, directory, now, log);
            }
            answered += 1;
        }
        self.finish_replays(now, log);
        answered
    }

    /// Whether connections have bytes that may leave now.
    pub fn have_free(&self, durable: Seq) -> bool {
        self.lines.busy().any(|line| line.owner.is_some() && line.staged.has_free(durable))
    }

    /// Tells sessions how far their reservations are durable, and which connections have bytes that may leave now.
    pub fn freed(&mut self, durable: Seq, mut has_bytes: impl FnMut(ConnId)) {
        self.lines.visit_busy(|_, line| {
            line.learn_durable(durable);
            if let Some(conn) = line.owner()
                && line.has_staged()
            {
                has_bytes(conn);
            }
            true
        });
        self.lines.retain_busy();
    }

    fn ask(&mut self, log: &mut SessionLog) {
        while let Some(&(session, at)) = self.owed.front() {
            if !log.ask(Wanted::Sent(SentBody::Event(at))) {
                return;
            }
            self.owed.pop_front();
            self.questions.push_back(Question::Owed { session });
        }
        while let Some(to) = self.recalls.ask(log) {
            self.questions.push_back(Question::Recall(to));
        }
        let questions = &mut self.questions;
        self.lines.visit_busy(|session, line| {
            if line.congested || line.staged.waiting() > REPLAY_STAGED_MAX {
                return true;
            }
            let Some(replay) = &mut line.replay else { return true };
            while replay.outstanding < REPLAY_ASKED_MAX
                && let Some(sent) = next_of(&line.sent, replay)
            {
                if !log.ask(Wanted::Sent(sent.body)) {
                    return false;
                }
                questions.push_back(Question::Replay { session, job: replay.job, sent });
                replay.next = sent.number.next();
                replay.outstanding += 1;
            }
            true
        });
    }

    fn take_answer(
        &mut self,
        question: Question,
        answer: ReadBack,
        directory: &Directory,
        now: Nanos,
        log: &mut SessionLog,
    ) {
        match question {
            Question::Recall(to) => {
                if let ReadBack::Recalled(answer) = answer {
                    self.recalls.answered(to, answer);
                }
            }
            Question::Stream { conn, token } => self.read.push_back((conn, token, answer)),
            Question::Owed { session } => {
                if let (Some(line), ReadBack::Event(at, time, event)) = (self.lines.get_mut(&session), answer)
                {
                    let poss_resend = !planted::has(Bug::NotMarked);
                    let told = Told { event: &event, at, time, poss_resend, asked: None };
                    line.tell_event(&told, directory, now, log);
                }
            }
            Question::Replay { session, job, sent } => {
                let Some(line) = self.lines.get_mut(&session) else { return };
                let Some(replay) = line.replay.as_mut().filter(|replay| replay.job == job) else { return };
                replay.outstanding -= 1;
                line.with(now, log, |session, body, out| {
                    let msg_type = match &answer {
                        ReadBack::Event(at, time, event) => {
                            let (at, time, poss_resend) = (*at, *time, sent.poss_resend);
                            let told = Told { event, at, time, poss_resend, asked: None };
                            tell::say(session, &told, directory, body)
                        }
                        ReadBack::Own(_, own) => split_own(own).map(|(msg_type, own)| {
                            body.extend_from_slice(own);
                            msg_type
                        }),
                        ReadBack::Missing(_) | ReadBack::Recalled(_) => None,
                    };
                    // What cannot be made again is gap-filled with the next number that can.
                    if let Some(msg_type) = msg_type {
                        let Sent { number, time: sent, poss_resend, .. } = sent;
                        let again = session::Sent { number, sent, poss_resend, msg_type, body };
                        session.replay(&again, now, out);
                    }
                });
            }
        }
    }

    fn finish_replays(&mut self, now: Nanos, log: &mut SessionLog) {
        self.lines.visit_busy(|_, line| {
            let Some(replay) = &line.replay else { return true };
            if next_of(&line.sent, replay).is_none() && replay.outstanding == 0 {
                line.replay = None;
                line.with(now, log, |session, _, out| session.replayed(now, out));
            }
            true
        });
    }
}
