//! Requests that concern all instruments: they go to every shard, and are answered once.
//!
//! ```text
//!   request ─► a copy for each shard ─► events and answers of each, when they are durable ─► the last one ─► the answer
//! ```
//!
//! Either every shard gets it or none: room in all rings is asked for first. What a shard answers is merged into what
//! the others have answered, so the client sees one venue. With one shard there is nothing to join, and this is empty.

use crate::types::{Answer, Event, EventRef, MassCanceled};
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
    /// All have: this is what they answered, with the reports of those that had it for the first time.
    Answered(Box<Answer>, Vec<EventRef>),
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
        self.waiting.insert(token, Join { left: shards, answer: None, report: None, parts: Vec::new() });
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

    /// A shard has told the last event of the request.
    pub fn executed(&mut self, token: u64) -> Joined {
        self.finished(token, None)
    }

    /// A shard has answered the request.
    pub fn answered(&mut self, token: u64, answer: Box<Answer>) -> Joined {
        self.finished(token, Some(answer))
    }

    fn finished(&mut self, token: u64, answer: Option<Box<Answer>>) -> Joined {
        let Some(join) = self.waiting.get_mut(&token) else {
            return answer.map_or(Joined::Executed, |answer| Joined::Answered(answer, Vec::new()));
        };
        join.answer = match (join.answer.take(), answer) {
            (Some(first), Some(next)) => Some(merge(first, *next)),
            (first, next) => first.or(next),
        };
        join.left -= 1;
        if join.left > 0 {
            return Joined::Waits;
        }
        match self.waiting.remove(&token) {
            Some(Join { answer: Some(mut answer), report, parts, .. }) => {
                if let (Answer::Repeated(all), Some(part)) = (&mut *answer, report) {
                    add(&mut all.first, &part);
                }
                Joined::Answered(answer, parts)
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
        (Answer::Repeated(all), Answer::Repeated(more)) => {
            if let Event::MassCanceled(part) = more.first {
                add(&mut all.first, &part);
            }
        }
        // What concerns one instrument goes to one shard; and of two refusals of one request one is enough.
        _ => {}
    }
    first
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
        AccountId, CancelScope, ClOrdId, InstrumentId, OrderId, Repeated, Seq, SessionId, ShardId,
    };

    fn ticker(ids: &[u16]) -> Box<Answer> {
        Box::new(Answer::BookTicker(ids.iter().map(|id| (InstrumentId(*id), None, None)).collect()))
    }

    #[test]
    fn a_request_to_several_shards_is_answered_once_and_in_the_order_of_one() {
        let mut joins = Joins::default();
        let token = joins.begin(7, false, 3);
        assert_eq!(token, 7);
        assert_eq!(joins.answered(token, ticker(&[2, 5])), Joined::Waits);
        assert_eq!(joins.answered(token, ticker(&[])), Joined::Waits);
        assert_eq!(joins.answered(token, ticker(&[1, 4])), Joined::Answered(ticker(&[1, 2, 4, 5]), vec![]));
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
        assert_eq!(joins.answered(8, ticker(&[1])), Joined::Answered(ticker(&[1]), vec![]));
    }

    fn report(canceled: u32) -> Event {
        let scope = CancelScope { account: AccountId(1), instrument: None, side: None, session: None };
        let (id, by, cl_ord_id) = (OrderId(1), SessionId(9), ClOrdId::truncated("all"));
        Event::MassCanceled(MassCanceled { id, scope, by, cl_ord_id, canceled, refusal: None })
    }

    #[test]
    fn a_mass_cancel_that_one_shard_had_before_a_crash_and_another_has_not_is_counted_whole() {
        let mut joins = Joins::default();
        let token = joins.begin(1 << 63 | 9, true, 2);
        let first = Repeated { seq: Seq(4), first: report(5), fills: vec![], current: None, canceled: None };
        assert_eq!(joins.answered(token, Box::new(Answer::Repeated(first.clone()))), Joined::Waits);
        let at = EventRef { shard: ShardId(1), seq: Seq(7), index: 3 };
        assert!(joins.hear(token, &report(3), at));
        let whole = Box::new(Answer::Repeated(Repeated { first: report(8), ..first }));
        assert_eq!(joins.executed(token), Joined::Answered(whole, vec![at]));
    }
}
