//! What the venue says on a session, in the words of its version: events, answers, refusals.

use super::{Line, REPLAY_STAGED_MAX, Told};
use crate::config::Directory;
use crate::report;
use crate::report::fix::refusal::{self, Echo};
use crate::report::fix::status::{self, Found};
use crate::report::fix::streams::{StreamReport, report};
use crate::report::fix::{MsgType, OwnId};
use crate::run::gateway::session_log::SessionLog;
use crate::session::fix::{Outgoing, Refused, Session, is_request};
use crate::types::{
    Answer, ApplSeqNum, FixVersion, LostRequest, Nanos, OpenOrdersQuery, Refusal, SessionRecord,
    StreamPosition, Timing,
};
use crate::wire::fix::Message;

/// Writes an event in the words of a session, the same each time.
pub(super) fn say(
    session: &Session,
    told: &Told<'_>,
    directory: &Directory,
    body: &mut Vec<u8>,
) -> Option<MsgType> {
    let msg_type = report::fix::event(told.event, told.at, told.time, directory, body)?;
    let settings = session.settings();
    if settings.read_only {
        report::fix::mark_copy(body);
    }
    report::fix::adapt(session.version(), msg_type, body);
    if settings.appl_seq_num {
        report::fix::put_place(told.event, told.at.shard, directory, body);
    }
    Some(msg_type)
}

impl Line {
    /// Tells an event: numbered and recorded now, sent if the session is established.
    pub fn tell_event(&mut self, told: &Told<'_>, directory: &Directory, now: Nanos, log: &mut SessionLog) {
        let (event, poss_resend) = (Some(told.at), told.poss_resend);
        self.with_mark(now, log, poss_resend, |session, body, out| {
            if let Some(msg_type) = say(session, told, directory, body) {
                let own = session.settings().session;
                let timing = told.asked.as_ref().filter(|(asker, _)| *asker == own).map(|(_, timing)| timing);
                let kept = put_timing(session, timing, body);
                let message = Outgoing { msg_type, body, event, poss_resend, sign: None };
                session.send_keeping(&message, kept, now, out);
            }
        });
    }

    /// Tells the answer to a repetition.
    pub fn tell_answer(
        &mut self,
        (answer, as_of): (&Answer, Option<&StreamPosition>),
        own: OwnId,
        timing: &Timing,
        directory: &Directory,
        log: &mut SessionLog,
    ) {
        let now = own.at;
        self.with(now, log, |session, body, out| {
            if let Some(msg_type) = report::fix::answer(answer, own, directory, body) {
                report::fix::adapt(session.version(), msg_type, body);
                put_as_of(session, as_of, directory, body);
                let kept = put_timing(session, Some(timing), body);
                session.send_keeping(&Outgoing::own(msg_type, body), kept, now, out);
            }
        });
    }

    /// Tells one of the reports that answer an OrderMassStatusRequest.
    pub fn tell_report(
        &mut self,
        (query, found, at): (&OpenOrdersQuery, Found<'_>, usize),
        as_of: Option<&StreamPosition>,
        own: OwnId,
        timing: &Timing,
        directory: &Directory,
        log: &mut SessionLog,
    ) {
        self.with(own.at, log, |session, body, out| {
            if let Some(msg_type) = status::open_order(query, found, at, own, directory, body) {
                report::fix::adapt(session.version(), msg_type, body);
                put_as_of(session, as_of, directory, body);
                let kept = put_timing(session, Some(timing), body);
                session.send_keeping(&Outgoing::own(msg_type, body), kept, own.at, out);
            }
        });
    }

    /// Tells what is worth nothing later, or is asked for by another number: numbered, not recorded.
    pub fn tell_passing(
        &mut self,
        now: Nanos,
        log: &mut SessionLog,
        write: impl FnOnce(&mut Vec<u8>) -> Option<MsgType>,
    ) {
        self.with(now, log, |session, body, out| {
            if let Some(msg_type) = write(body) {
                session.send_passing(msg_type, body, false, now, out);
            }
        });
    }

    /// Tells an execution of a private stream: because it is heard there, or again, as one of those up to `end`.
    pub fn tell_stream(
        &mut self,
        told: &Told<'_>,
        end: Option<ApplSeqNum>,
        directory: &Directory,
        now: Nanos,
        log: &mut SessionLog,
    ) {
        self.with(now, log, |session, body, out| {
            if let Some(msg_type) = say(session, told, directory, body) {
                if let Some(end) = end {
                    report::fix::put_resent(end, body);
                }
                session.send_passing(msg_type, body, end.is_some(), now, out);
            }
        });
    }

    /// Tells as of which numbers of the streams the reports that follow are, to a session that hears of such numbers.
    pub fn tell_as_of(
        &mut self,
        (query, streams): (&OpenOrdersQuery, &[StreamPosition]),
        own: OwnId,
        directory: &Directory,
        log: &mut SessionLog,
    ) {
        self.with(own.at, log, |session, body, out| {
            if session.settings().appl_seq_num {
                let heartbeat = StreamReport::Heartbeat(query.req_id.as_ref());
                let msg_type = report(heartbeat, streams, session.version(), own, directory, body);
                session.send(&Outgoing::own(msg_type, body), own.at, out);
            }
        });
    }

    /// The version of FIX that it speaks.
    pub fn version(&self) -> FixVersion {
        self.session.version()
    }

    /// Whether its connection has not taken what was said, so that what can wait does.
    pub fn is_behind(&self) -> bool {
        self.owner.is_some() && (self.congested || self.staged.waiting() > REPLAY_STAGED_MAX)
    }

    /// Whether old messages are being sent again.
    pub fn is_replaying(&self) -> bool {
        self.session.is_replaying()
    }

    /// Refuses a message of the connection.
    pub fn refuse(
        &mut self,
        message: &Message<'_>,
        why: &Refusal,
        timing: &Timing,
        now: Nanos,
        log: &mut SessionLog,
    ) {
        let number = message.number().unwrap_or_default();
        let own = OwnId { session: self.session.settings().session, at: now, number: u64::from(number.0) };
        self.with(now, log, |session, body, out| {
            match refusal::refuse(&Echo::of(message), why, own, body) {
                refusal::Told::Session(_) => {
                    session.reject(Refused { number, msg_type: message.msg_type() }, why, now, out);
                }
                refusal::Told::Application(msg_type) => {
                    report::fix::adapt(session.version(), msg_type, body);
                    let kept = put_timing(session, Some(timing), body);
                    session.send_keeping(&Outgoing::own(msg_type, body), kept, now, out);
                }
            }
            if is_request(message.msg_type()) {
                out.record(SessionRecord::Answered { session: own.session, number });
            }
        });
    }

    /// Refuses a request that the last run took, and that not every shard has executed which had to.
    pub(super) fn refuse_lost(&mut self, lost: &LostRequest, now: Nanos, log: &mut SessionLog) {
        let (session, number) = (self.session.settings().session, lost.number);
        self.with(now, log, |line, body, out| {
            let told = refusal::refuse_lost(lost, body);
            report::fix::adapt(line.version(), told, body);
            line.send(&Outgoing::own(told, body), now, out);
            out.record(SessionRecord::Answered { session, number });
        });
    }
}

/// Says as of which number of a private stream the answer is true, to sessions that hear of such numbers.
fn put_as_of(session: &Session, as_of: Option<&StreamPosition>, directory: &Directory, body: &mut Vec<u8>) {
    if let Some(as_of) = as_of.filter(|_| session.settings().appl_seq_num) {
        report::fix::put_as_of(as_of, directory, body);
    }
}

/// Appends the times of the request where its session wants them; how much of the body the log keeps: a copy that is
/// sent again later tells nothing of the time that the first one took.
fn put_timing(session: &Session, timing: Option<&Timing>, body: &mut Vec<u8>) -> usize {
    let kept = body.len();
    if let Some(timing) = timing.filter(|_| session.settings().timing) {
        report::fix::put_timing(timing, body);
    }
    kept
}
