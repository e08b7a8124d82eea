//! Requests that concern all instruments: they go to every shard, and are answered once.
//!
//! ```text
//!   request ─► a copy for each shard ─► events and answers of each, when they are durable ─► the last one ─► the answer
//! ```
//!
//! Either every shard gets it or none: room in all rings is asked for first. What a shard answers is merged into what
//! the others have answered, so the client sees one venue. With one shard there is nothing to join, and this is empty.

use super::fix::session_of;
use crate::types::{Answer, Event, EventRef, Execution, MassCanceled, StreamPosition};
use std::collections::BTreeMap;

/// Where the number of a join stands in the token of a FIX request; its session and MsgSeqNum stand below.
const FIX_SHIFT: u32 = 48;

/// Numbers of joins before the first comes again: more than rings have slots, and they fit below the mark of FIX.
const NUMBERS: u64 = (1 << 15) - 1;

/// The requests of a gateway that several shards have.
#[derive(Debug, Default)]
pub struct Joins {
    waiting: BTreeMap<u64, Join>,
    last: u64,
}

/// One of them.
#[derive(Debug)]
struct Join {
    /// How many shards have not finished it.
    left: usize,
    /// What was answered so far.
    answer: Option<Box<Answer>>,
    /// What was reported so far.
    report: Option<MassCanceled>,
    /// Where its parts stand.
    parts: Vec<EventRef>,
    /// The number of each stream as of which its part of the answer is true.
    as_of: Vec<StreamPosition>,
}

/// What a request has come to, when a shard has finished it.
#[derive(Debug, PartialEq, Eq)]
pub enum Joined {
    /// Others have not.
    Waits,
    /// All have: what they did is told by their events.
    Executed,
    /// All have: their reports in one, and where each of them stands.
    Reported(Box<Event>, Vec<EventRef>),
    /// All have: this is what they answered.
    Answered(Whole),
}

/// What shards have answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Whole {
    /// Merged.
    pub answer: Box<Answer>,
    /// The reports of those that had the request for the first time.
    pub parts: Vec<EventRef>,
    /// The number of each private stream as of which it is true, where it tells the state of an account.
    pub as_of: Vec<StreamPosition>,
}

impl Joins {
    /// Begins to wait for `shards`; the token that the request has there. A WebSocket request has its own, FIX
    /// requests of a session share one, so they are told apart by the number of the join.
    pub fn begin(&mut self, token: u64, is_fix: bool, shards: usize) -> u64 {
        if shards < 2 {
            return token;
        }
        // Counted from 1, because 0 stands in the token of a request to one shard.
        self.last = self.last % NUMBERS + 1;
        let token = if is_fix { token | self.last << FIX_SHIFT } else { token };
        let (parts, as_of) = (Vec::new(), Vec::new());
        self.waiting.insert(token, Join { left: shards, answer: None, report: None, parts, as_of });
        token
    }

    /// A shard tells an event of a request; whether that is a part of a report which is told when all shards have.
    pub fn hear(&mut self, token: u64, event: &Event, at: EventRef) -> bool {
        let (Event::MassCanceled(part), Some(join)) = (event, self.waiting.get_mut(&token)) else {
            return false;
        };
        join.report = Some(join.report.map_or(*part, |report| report.and(part)));
        join.parts.push(at);
        true
    }

    /// An order has changed. Over FIX open orders are told one by one, each as it is by then, so what a shard has said
    /// of them follows while the others have not answered.
    pub fn follow(&mut self, execution: &Execution) {
        let changed = &execution.order;
        for (_, join) in self.waiting.iter_mut().filter(|(token, _)| session_of(**token).is_some()) {
            if let Some(Answer::OpenOrders(query, orders)) = join.answer.as_deref_mut()
                && query.account == changed.account
                && let Some(order) = orders.iter_mut().find(|order| order.id == changed.id)
            {
                *order = *changed;
            }
        }
    }

    /// A shard has told the last event of the request.
    pub fn executed(&mut self, token: u64) -> Joined {
        self.finished(token, None, None)
    }

    /// A shard has answered the request, as of this number of the account's private stream there.
    pub fn answered(&mut self, token: u64, answer: Box<Answer>, as_of: Option<StreamPosition>) -> Joined {
        self.finished(token, Some(answer), as_of)
    }

    fn finished(&mut self, token: u64, answer: Option<Box<Answer>>, as_of: Option<StreamPosition>) -> Joined {
        let Some(join) = self.waiting.get_mut(&token) else {
            let (parts, as_of) = (Vec::new(), as_of.into_iter().collect());
            return answer
                .map_or(Joined::Executed, |answer| Joined::Answered(Whole { answer, parts, as_of }));
        };
        join.as_of.extend(as_of);
        join.answer = match (join.answer.take(), answer) {
            (Some(first), Some(next)) => Some(merge(first, *next)),
            (first, next) => first.or(next),
        };
        join.left -= 1;
        if join.left > 0 {
            return Joined::Waits;
        }
        match self.waiting.remove(&token) {
            Some(Join { answer: Some(mut answer), report, parts, mut as_of, .. }) => {
                as_of.sort_unstable_by_key(|at| at.shard);
                if let (Some(all), Some(part)) = (outcome(&mut answer), report) {
                    add(all, &part);
                }
                Joined::Answered(Whole { answer, parts, as_of })
            }
            Some(Join { report: Some(report), parts, .. }) => {
                Joined::Reported(Box::new(Event::MassCanceled(report)), parts)
            }
            _ => Joined::Executed,
        }
    }
}

/// Two shards' answers to one request, as one shard with the instruments of both would give it.
fn merge(mut first: Box<Answer>, next: Answer) -> Box<Answer> {
    match (&mut *first, next) {
        (Answer::OpenOrders(_, all), Answer::OpenOrders(_, more)) => {
            all.extend(more);
            all.sort_unstable_by_key(|order| order.id);
        }
        (Answer::BookTicker(all), Answer::BookTicker(more)) => {
            all.extend(more);
            all.sort_unstable_by_key(|(instrument, ..)| *instrument);
        }
        (Answer::Account(Ok(all)), Answer::Account(Ok(more))) => {
            all.positions.extend(more.positions);
            all.positions.sort_unstable_by_key(|position| position.instrument);
        }
        (all, mut more) => {
            if let (Some(all), Some(Event::MassCanceled(part))) = (outcome(all), outcome(&mut more)) {
                add(all, part);
            }
        }
    }
    first
}

/// What became of a request: now, or when it came first. What concerns one instrument goes to one shard, so only
/// reports of mass cancels are added up.
fn outcome(answer: &mut Answer) -> Option<&mut Event> {
    match answer {
        Answer::Repeated(repeated) => Some(&mut repeated.first),
        Answer::Refused(event) => Some(event),
        _ => None,
    }
}

fn add(first: &mut Event, part: &MassCanceled) {
    if let Event::MassCanceled(report) = first {
        *report = report.and(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{
        AccountId, CancelScope, ClOrdId, InstrumentId, OrderId, Reject, Repeated, Seq, SessionId, ShardId,
    };

    fn ticker(ids: &[u16]) -> Box<Answer> {
        Box::new(Answer::BookTicker(ids.iter().map(|id| (InstrumentId(*id), None, None)).collect()))
    }

    fn whole(answer: Box<Answer>, parts: Vec<EventRef>) -> Joined {
        Joined::Answered(Whole { answer, parts, as_of: vec![] })
    }

    #[test]
    fn a_request_to_several_shards_is_answered_once_and_in_the_order_of_one() {
        let mut joins = Joins::default();
        let token = joins.begin(7, false, 3);
        assert_eq!(token, 7);
        assert_eq!(joins.answered(token, ticker(&[2, 5]), None), Joined::Waits);
        assert_eq!(joins.answered(token, ticker(&[]), None), Joined::Waits);
        assert_eq!(joins.answered(token, ticker(&[1, 4]), None), whole(ticker(&[1, 2, 4, 5]), vec![]));
        assert!(joins.waiting.is_empty());
    }

    #[test]
    fn requests_of_one_fix_session_do_not_mix() {
        let (mut joins, session) = (Joins::default(), 1 << 63 | 9);
        let (first, second) = (joins.begin(session, true, 2), joins.begin(session, true, 2));
        assert!(first != second && (first as u16, second as u16) == (9, 9));
        assert_eq!(joins.executed(first), Joined::Waits);
        assert_eq!(joins.executed(second), Joined::Waits);
        assert_eq!(joins.executed(first), Joined::Executed);
    }

    #[test]
    fn what_one_shard_has_alone_is_not_joined() {
        let mut joins = Joins::default();
        assert_eq!(joins.begin(7, false, 1), 7);
        assert_eq!(joins.executed(7), Joined::Executed);
        assert_eq!(joins.answered(8, ticker(&[1]), None), whole(ticker(&[1]), vec![]));
    }

    fn report(canceled: u32) -> Event {
        let scope = CancelScope { account: AccountId(1), instrument: None, side: None, session: None };
        let (id, by, cl_ord_id) = (OrderId(1), SessionId(9), ClOrdId::truncated("all"));
        Event::MassCanceled(MassCanceled { id, scope, by, cl_ord_id, canceled, refusal: None })
    }

    #[test]
    fn what_one_shard_refuses_does_not_hide_what_another_did() {
        let mut joins = Joins::default();
        let token = joins.begin(1 << 63 | 9, true, 2);
        let (Event::MassCanceled(done), refusal) = (report(3), Some(Reject::OnceFull.into())) else { return };
        let refused = MassCanceled { id: OrderId::NONE, canceled: 0, refusal, ..done };
        let at = EventRef { shard: ShardId(1), seq: Seq(7), index: 3 };
        assert!(joins.hear(token, &report(3), at));
        assert_eq!(joins.executed(token), Joined::Waits);
        let all = Event::MassCanceled(MassCanceled { refusal, ..done });
        let refused = Box::new(Answer::Refused(Event::MassCanceled(refused)));
        assert_eq!(joins.answered(token, refused, None), whole(Box::new(Answer::Refused(all)), vec![at]));
    }

    #[test]
    fn a_mass_cancel_that_one_shard_had_before_a_crash_and_another_has_not_is_counted_whole() {
        let mut joins = Joins::default();
        let token = joins.begin(1 << 63 | 9, true, 2);
        let first = Repeated { seq: Seq(4), first: report(5), fills: vec![], current: None, canceled: None };
        assert_eq!(joins.answered(token, Box::new(Answer::Repeated(first.clone())), None), Joined::Waits);
        let at = EventRef { shard: ShardId(1), seq: Seq(7), index: 3 };
        assert!(joins.hear(token, &report(3), at));
        let all = Box::new(Answer::Repeated(Repeated { first: report(8), ..first }));
        assert_eq!(joins.executed(token), whole(all, vec![at]));
    }
}
