//! From the shards back to the clients: what is durable is told, in the order of each shard.

use super::fix;
use super::join::{Joined, Whole};
use super::line::Told;
use super::recall::For;
use super::sockets;
use super::{Gateway, Stage};
use crate::report::fix::OwnId;
use crate::types::{
    Answer, Event, EventRef, MsgSeqNum, Nanos, Origin, SessionId, SessionRecord, ShardOutput, Timing,
};

/// Most events told in one turn, so that sockets are not kept waiting during a long sweep: more than a shard makes of
/// what is read in one. Each shard has its share.
const RELEASES_PER_TURN_MAX: usize = 2_048;

impl Gateway {
    /// Tells what is durable; returns how much that was. It pauses while the session log has no room: the events wait
    /// in their rings, and the shards behind them. Another shard is the first in each turn, so that none has all the
    /// room.
    pub(super) fn release(&mut self) -> usize {
        let shards = self.desk.shards.len();
        self.first_shard = (self.first_shard + 1) % shards;
        let released: usize =
            (0..shards).map(|offset| self.release_of((self.first_shard + offset) % shards)).sum();
        released + self.tell_reports()
    }

    fn release_of(&mut self, shard: usize) -> usize {
        let share = RELEASES_PER_TURN_MAX / self.desk.shards.len();
        let mut count = 0;
        while count < share
            && self.lines.recalls.has_room()
            && self.log.has_room()
            && let Some(output) = self.desk.shards[shard].durable_output()
        {
            self.tell(output);
            count += 1;
        }
        count
    }

    fn tell(&mut self, output: ShardOutput) {
        let now = self.desk.clock.now();
        match output {
            ShardOutput::Event { shard, seq, index, time, ends, last, origin, event } => {
                let origin = origin.filter(|origin| origin.gateway == self.desk.id);
                let at = EventRef { shard, seq, index };
                let asked = origin.and_then(|origin| {
                    let timing = Timing { stamps: origin.stamps, durable: now, sent: now };
                    Some((fix::session_of(origin.token)?, timing))
                });
                let told = Told { event: &event, at, time, poss_resend: false, asked };
                // What several shards report of one request is told once, when the last of them has.
                let joined = origin.is_some_and(|origin| self.desk.joins.hear(origin.token, &event, at));
                if let Some(refusal) = event.refusal().filter(|_| origin.is_some()) {
                    self.desk.watch.refuse(refusal.reject);
                }
                if let Some(origin) = origin {
                    self.tell_requester(&told, origin, last, now);
                }
                if !joined {
                    self.tell_sessions(&told, now);
                }
                self.tell_subscribers(&told, now);
                self.tell_drop_copies(&told, now);
                if let Event::Kill(switch) = &event {
                    self.desk.switched(switch);
                }
                if self.market.is_active() {
                    self.market.hear(&event, at, time, (ends, last));
                }
            }
            ShardOutput::Answer { time, answer, .. } if matches!(*answer, Answer::Book { .. }) => {
                self.market_begins(&answer, time);
            }
            ShardOutput::Answer { origin, shard, answer, .. } if matches!(*answer, Answer::Stream(..)) => {
                self.stream_answered(origin, shard, &answer);
            }
            ShardOutput::Answer { shard, time, origin, answer, .. } => match *answer {
                Answer::Recall(what) => {
                    self.lines.recalls.push(For { origin, shard, time, durable: now }, what)
                }
                _ => self.tell_answer(answer, For { origin, shard, time, durable: now }),
            },
        }
    }

    /// Tells what was read back for those who asked; returns how much that was.
    pub(super) fn tell_recalled(&mut self) -> usize {
        let mut count = 0;
        while self.log.has_room()
            && let Some((to, answer)) = self.lines.recalls.next_found()
        {
            self.tell_answer(answer, to);
            count += 1;
        }
        count
    }

    fn tell_answer(&mut self, answer: Box<Answer>, to: For) {
        if let Some(refusal) = answer.refusal() {
            self.desk.watch.refuse(refusal.reject);
        }
        // A shard answers in the order of its steps, so what it tells is true as of what this gateway has told.
        let as_of = answer.states().map(|account| self.positions.at(account, to.shard));
        let joined = self.desk.joins.answered(to.origin.token, answer, as_of);
        self.finish_request(joined, to.origin, to.time, to.durable);
    }

    /// A shard has finished a request: if all that have it have, it is answered.
    fn finish_request(&mut self, joined: Joined, origin: Origin, time: Nanos, durable: Nanos) {
        let now = self.desk.clock.now();
        let timing = Timing { stamps: origin.stamps, durable, sent: now };
        match joined {
            Joined::Waits => return,
            Joined::Answered(whole) => self.answer(whole, origin.token, time, &timing),
            Joined::Reported(event, parts) if fix::session_of(origin.token).is_some() => {
                let answer = Box::new(Answer::Reported(*event));
                self.answer(Whole { answer, parts, as_of: Vec::new() }, origin.token, time, &timing);
            }
            Joined::Executed | Joined::Reported(..) => {
                let text = self.counter.executed(origin.token, time, &timing, &self.desk);
                if let Some((conn, text)) = text {
                    sockets::send_text(&mut self.connections, &mut self.dirty, conn, text);
                }
            }
        }
        self.desk.landed();
        self.answered.push((origin.stamps, durable));
    }

    /// WebSocket: the events of a request make its answer. FIX: its session hears them anyway.
    fn tell_requester(&mut self, told: &Told<'_>, origin: Origin, last: bool, now: Nanos) {
        if fix::session_of(origin.token).is_none() {
            self.counter.hear(origin.token, told.event, told.at);
        }
        if last {
            let joined = self.desk.joins.executed(origin.token);
            self.finish_request(joined, origin, told.time, now);
        }
    }

    fn answer(&mut self, whole: Whole, token: u64, time: Nanos, timing: &Timing) {
        match fix::session_of(token) {
            Some(session) => self.answer_session((session, fix::number_of(token)), whole, timing),
            None => {
                let told = (&*whole.answer, whole.as_of.as_slice());
                let text = self.counter.answered(token, told, time, timing, &self.desk);
                if let Some((conn, text)) = text {
                    sockets::send_text(&mut self.connections, &mut self.dirty, conn, text);
                }
            }
        }
    }

    fn answer_session(&mut self, (session, number): (SessionId, MsgSeqNum), whole: Whole, timing: &Timing) {
        let now = timing.sent;
        let Whole { answer, parts, as_of } = whole;
        if let Answer::OpenOrders(query, orders) = *answer {
            return self.report_all(session, query, (orders, &as_of), timing);
        }
        if let Some(line) = self.lines.get_mut(session) {
            // What the answer tells as well is owed to the session no more.
            for event in parts {
                self.log.append(now, &SessionRecord::Told { session, event });
            }
            // The number of the last record tells two answers of one instant apart.
            let own = OwnId { session, at: now, number: self.log.last().0 };
            let told = (&*answer, as_of.first());
            line.tell_answer(told, own, timing, &self.desk.directory, &mut self.log);
            // What a step executed has its outcome there; a repetition has none.
            if let Answer::Repeated(_) | Answer::Refused(_) = *answer {
                self.log.append(now, &SessionRecord::Answered { session, number });
            }
            if let Some(conn) = line.owner() {
                sockets::touch(&mut self.connections, &mut self.dirty, conn);
            }
        }
    }

    fn tell_sessions(&mut self, told: &Told<'_>, now: Nanos) {
        for session in told.event.sessions() {
            let Some(line) = self.lines.get_mut(session) else { continue };
            line.tell_event(told, &self.desk.directory, now, &mut self.log);
            if let Some(conn) = line.owner() {
                sockets::touch(&mut self.connections, &mut self.dirty, conn);
            }
        }
    }

    /// After all who trade: a copy delays nobody's own report.
    fn tell_drop_copies(&mut self, told: &Told<'_>, now: Nanos) {
        let Event::Execution(execution) = told.event else { return };
        for session in self.desk.directory.drop_copies(execution.order.account) {
            let Some(line) = self.lines.get_mut(*session) else { continue };
            line.tell_event(told, &self.desk.directory, now, &mut self.log);
            if let Some(conn) = line.owner() {
                sockets::touch(&mut self.connections, &mut self.dirty, conn);
            }
        }
    }

    fn tell_subscribers(&mut self, told: &Told<'_>, now: Nanos) {
        let Event::Execution(execution) = told.event else { return };
        self.stream_moves(execution, told.at.shard);
        self.lines.recalls.hear(execution);
        self.reports.hear(execution);
        self.desk.joins.follow(execution);
        let (connections, dirty, counter) = (&mut self.connections, &mut self.dirty, &mut self.counter);
        self.subscribers.tell(execution.order.account, |&conn| {
            let Some(connection) = connections.get_mut(conn) else { return false };
            let Stage::WebSocket(websocket) = &mut connection.stage else { return false };
            let hears = websocket.tell(execution, told, counter);
            if hears {
                sockets::touch(connections, dirty, conn);
            }
            hears
        });
        let (lines, log, desk) = (&mut self.lines, &mut self.log, &self.desk);
        self.hearers.tell(execution.order.account, |&conn| {
            let Some(connection) = connections.get_mut(conn) else { return false };
            let Stage::Fix(fix) = &connection.stage else { return false };
            let hears = fix.hear(told, execution, (lines, log, desk), now);
            if hears {
                sockets::touch(connections, dirty, conn);
            }
            hears
        });
    }
}
