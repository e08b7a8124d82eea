//! A subscriber that was away: what it missed of its private streams, then what happens now, without a gap or a double.
//!
//! ```text
//!   subscribe from n ─► each shard: is n known, is all behind it kept? ─► answered ─► one stream after the other:
//!
//!   shard: where are the executions behind n? ─► journal: read them back ─► told ─► n moves ─► the shard again …
//!             └─ these are all there are: what happens from here on is held ─► all read: held ones follow ─► live
//! ```
//!
//! A shard answers in the order of its steps, so when its answer is here, this gateway has told every execution before
//! it, and has told none behind it: what is held begins exactly where the answer ends. What does not fit is dropped,
//! and the shard is asked once more. While bytes wait for the client, nothing is read.

use super::counter::{Counter, Extras};
use super::desk::Desk;
use super::line::Told;
use crate::limits::{STREAM_HELD_BYTES_MAX, STREAM_READS_MAX};
use crate::run::journal::{ReadBack, SentBody};
use crate::session::ws::Session;
use crate::types::{
    ApplSeqNum, ConnId, Event, EventRef, Execution, Nanos, Origin, Query, Refusal, Reject, ShardId,
    ShardInput, Stamps, StreamPage, StreamPosition, StreamQuery,
};
use crate::wire::json::RequestId;
use std::collections::VecDeque;

/// The streams of a connection that are behind.
#[derive(Debug)]
pub struct CatchUp {
    /// Tells its answers from those of a catch-up before it.
    token: u64,
    /// The last number of each that was told. The first one is worked on.
    behind: VecDeque<StreamPosition>,
    phase: Phase,
    /// Live events of the first, one text behind the other, and where each ends.
    held: Vec<u8>,
    ends: Vec<usize>,
}

/// The request that waits.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Its id.
    pub id: RequestId,
    /// When it was read.
    pub now: Nanos,
    /// What it wants to know beside its answer.
    pub extras: Extras,
    /// Whether what happens until it is answered is told, by a subscription that there is already.
    pub is_live: bool,
}

#[derive(Debug)]
enum Phase {
    /// Every shard is asked whether it can; so many have not answered.
    Asking { left: usize, waiting: Waiting, refusal: Option<Refusal> },
    /// The shard of the first is to be asked for places.
    Next,
    /// It was.
    Paging,
    /// The places are read back.
    Reading(Reading),
}

#[derive(Debug)]
struct Reading {
    places: VecDeque<EventRef>,
    /// Asked of the journal and not answered.
    outstanding: usize,
    /// These were all there were, and everything since is held.
    holds: bool,
}

/// What a shard's or the journal's answer comes to.
#[derive(Debug)]
pub enum Progress {
    /// It goes on.
    Goes,
    /// All shards have said what they can: the request is answered.
    Answered(Waiting, Result<(), Refusal>),
    /// Every stream is live.
    Done,
    /// What comes next cannot be told.
    Broken(Refusal),
}

impl CatchUp {
    /// Asks every shard that is concerned whether it can.
    pub fn begin(
        positions: Vec<StreamPosition>,
        token: u64,
        waiting: Waiting,
        conn: ConnId,
        desk: &mut Desk,
    ) -> Result<Self, Refusal> {
        if desk.shards.iter().any(|port| port.inputs.slots() < positions.len()) {
            return Err(Reject::Busy.into());
        }
        for position in &positions {
            let asked = ask_shard(desk, position, conn, token);
            assert!(asked, "room was asked for, and nobody else pushes");
        }
        let phase = Phase::Asking { left: positions.len(), waiting, refusal: None };
        Ok(Self { token, behind: positions.into(), phase, held: Vec::new(), ends: Vec::new() })
    }

    /// Whether an answer is one of its own.
    pub fn is(&self, token: u64) -> bool {
        self.token == token
    }

    /// Whether live events are told as if it were not there: it has not begun.
    pub fn is_live(&self) -> bool {
        matches!(&self.phase, Phase::Asking { waiting, .. } if waiting.is_live)
    }

    /// The request that is not answered.
    pub fn waiting(&self) -> Option<Waiting> {
        if let Phase::Asking { waiting, .. } = &self.phase { Some(*waiting) } else { None }
    }

    /// Puts where it begins in the place of where the streams are now.
    pub fn stand(&self, streams: &mut [StreamPosition]) {
        if self.is_live() {
            return;
        }
        for stream in streams {
            let of_it = |at: &&StreamPosition| (at.account, at.shard) == (stream.account, stream.shard);
            if let Some(at) = self.behind.iter().find(of_it) {
                *stream = *at;
            }
        }
    }

    /// Takes a live execution of the subscription; whether it may be told at once.
    pub fn passes(&mut self, execution: &Execution, shard: ShardId, text: impl FnOnce(&mut Vec<u8>)) -> bool {
        let is_of = |at: &StreamPosition| (at.account, at.shard) == (execution.order.account, shard);
        let Some(which) = self.behind.iter().position(is_of) else { return true };
        let is_live = self.is_live();
        let Phase::Reading(reading) = &mut self.phase else { return is_live };
        if which > 0 || !reading.holds {
            return false;
        }
        text(&mut self.held);
        self.ends.push(self.held.len());
        if self.held.len() > STREAM_HELD_BYTES_MAX {
            reading.holds = false;
            self.let_go();
        }
        false
    }

    /// Asks for what comes next, as far as there is room; how much was asked for.
    pub fn ask(
        &mut self,
        conn: ConnId,
        desk: &mut Desk,
        read: &mut impl FnMut(u64, SentBody) -> bool,
    ) -> usize {
        let token = self.token;
        match &mut self.phase {
            Phase::Next => {
                if let Some(first) = self.behind.front()
                    && ask_shard(desk, first, conn, token)
                {
                    self.phase = Phase::Paging;
                    return 1;
                }
                0
            }
            Phase::Reading(reading) => {
                let mut asked = 0;
                while reading.outstanding < STREAM_READS_MAX
                    && let Some(&place) = reading.places.front()
                    && read(token, SentBody::Event(place))
                {
                    reading.places.pop_front();
                    reading.outstanding += 1;
                    asked += 1;
                }
                asked
            }
            Phase::Asking { .. } | Phase::Paging => 0,
        }
    }

    /// Takes the answer of a shard.
    pub fn shard_answered(&mut self, page: Result<&StreamPage, &Refusal>) -> Progress {
        match (&mut self.phase, page) {
            (Phase::Asking { left, refusal, .. }, page) => {
                *refusal = refusal.or(page.err().copied());
                *left -= 1;
                if *left > 0 {
                    return Progress::Goes;
                }
                let Phase::Asking { waiting, refusal, .. } = std::mem::replace(&mut self.phase, Phase::Next)
                else {
                    return Progress::Goes;
                };
                Progress::Answered(waiting, refusal.map_or(Ok(()), Err))
            }
            (_, Err(refusal)) => Progress::Broken(*refusal),
            (_, Ok(page)) => {
                let Some(first) = self.behind.front() else { return Progress::Done };
                if page.places.is_empty() {
                    return self.next_stream();
                }
                let holds = first.number.0 + page.places.len() as u64 == page.last.0;
                let places = page.places.iter().copied().collect();
                self.phase = Phase::Reading(Reading { places, outstanding: 0, holds });
                Progress::Goes
            }
        }
    }

    /// Takes what the journal has read back.
    pub fn read(
        &mut self,
        answer: &ReadBack,
        subscription: u32,
        counter: &mut Counter,
        session: &mut Session,
    ) -> Progress {
        let (Phase::Reading(reading), Some(first)) = (&mut self.phase, self.behind.front_mut()) else {
            return Progress::Goes;
        };
        let ReadBack::Event(at, time, event @ Event::Execution(execution)) = answer else {
            let kept = ApplSeqNum(first.number.0 + 1);
            return Progress::Broken(Refusal::bound(Reject::StreamTooOld, kept.0));
        };
        assert_eq!(execution.appl_seq_num, first.number.next(), "a shard names one number after the other");
        let told = Told { event, at: *at, time: *time, poss_resend: false, asked: None };
        session.send(counter.execution_report(subscription, execution, &told));
        first.number = execution.appl_seq_num;
        reading.outstanding -= 1;
        if reading.outstanding > 0 || !reading.places.is_empty() {
            return Progress::Goes;
        }
        if !reading.holds {
            self.phase = Phase::Next;
            return Progress::Goes;
        }
        let mut from = 0;
        for end in &self.ends {
            session.send(&self.held[from..*end]);
            from = *end;
        }
        self.let_go();
        self.next_stream()
    }

    fn next_stream(&mut self) -> Progress {
        self.behind.pop_front();
        self.phase = Phase::Next;
        if self.behind.is_empty() { Progress::Done } else { Progress::Goes }
    }

    fn let_go(&mut self) {
        self.held.clear();
        self.ends.clear();
    }
}

/// Asks a shard where the executions behind a position stand; false if its ring is full.
fn ask_shard(desk: &mut Desk, at: &StreamPosition, conn: ConnId, token: u64) -> bool {
    let origin = Origin { gateway: desk.id, conn, token, stamps: Stamps::default() };
    let query = Query::Stream(StreamQuery { account: at.account, after: at.number });
    desk.shards[usize::from(at.shard.0)].push(ShardInput::Query { origin, query }).is_done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{AccountId, ExecType};
    use crate::wire::record::samples::order;

    const ALICE: AccountId = AccountId(1);
    const SHARD: ShardId = ShardId(0);

    fn asking(is_live: bool) -> CatchUp {
        let extras = Extras { limits: false, timing: false };
        let waiting = Waiting { id: RequestId::default(), now: Nanos(0), extras, is_live };
        let behind = StreamPosition { account: ALICE, shard: SHARD, number: ApplSeqNum(9) };
        let phase = Phase::Asking { left: 1, waiting, refusal: None };
        CatchUp { token: 1, behind: [behind].into(), phase, held: Vec::new(), ends: Vec::new() }
    }

    fn passes(catch_up: &mut CatchUp) -> bool {
        let order = crate::types::Order { account: ALICE, ..order() };
        catch_up.passes(&Execution::bare(ExecType::New, order), SHARD, |_| ())
    }

    #[test]
    fn a_subscription_goes_on_until_it_is_known_that_it_is_resumed_elsewhere() {
        let mut catch_up = asking(true);
        assert!(passes(&mut catch_up), "if it is refused, the subscription has missed nothing");
        let mut streams = [StreamPosition { account: ALICE, shard: SHARD, number: ApplSeqNum(3) }];
        catch_up.stand(&mut streams);
        assert_eq!(streams[0].number, ApplSeqNum(3), "and it stands where it stood");
        let page = StreamPage { account: ALICE, last: ApplSeqNum(9), places: Vec::new() };
        assert!(matches!(catch_up.shard_answered(Ok(&page)), Progress::Answered(_, Ok(()))));
        assert!(!passes(&mut catch_up), "from then on it is read back");
        catch_up.stand(&mut streams);
        assert_eq!(streams[0].number, ApplSeqNum(9));
        assert!(!passes(&mut asking(false)), "one that was behind stays so");
    }
}
