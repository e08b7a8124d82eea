//! Who was away: what was missed of private streams, and, over WebSocket, then what happens now, without a gap or a
//! double.
//!
//! ```text
//!   from n ─► each shard: is n known, is all behind it kept? ─► answered ─► one stream after the other:
//!
//!   shard: where are the executions behind n? ─► journal: read them back ─► told ─► n moves ─► the shard again …
//!             └─ these are all there are: what happens from here on is held ─► all read: held ones follow ─► live
//! ```
//!
//! A shard answers in the order of its steps, so when its answer is here, this gateway has told every execution before
//! it, and has told none behind it: what is held begins exactly where the answer ends. What does not fit is dropped,
//! and the shard is asked once more. While bytes wait for the client, nothing is read. A range that has an end, as FIX
//! asks for it, holds nothing: it is told to its end.

use super::desk::Desk;
use super::line::Told;
use crate::limits::{STREAM_HELD_BYTES_MAX, STREAM_READS_MAX};
use crate::run::journal::{ReadBack, SentBody};
use crate::types::{
    AccountId, ApplSeqNum, ConnId, Event, EventRef, Execution, Nanos, Origin, Query, Refusal, Reject,
    ShardId, ShardInput, Stamps, StreamPage, StreamPosition, StreamQuery,
};
use std::collections::VecDeque;

/// The streams of a connection that are behind; `W` is the request that asked for them.
#[derive(Debug)]
pub struct CatchUp<W> {
    /// Tells its answers from those of a catch-up before it.
    token: u64,
    /// The first one is worked on.
    behind: VecDeque<Behind>,
    /// Streams that had told nothing behind the number that was asked for.
    current: Vec<StreamPosition>,
    phase: Phase<W>,
    /// Live events of the first, one text behind the other, and where each ends.
    held: Vec<u8>,
    ends: Vec<usize>,
}

/// A stream that is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Behind {
    /// The last number that was told.
    at: StreamPosition,
    /// The last that is to be told; `None`: and then what happens.
    to: Option<ApplSeqNum>,
}

/// What a shard says of a stream: the last number there is, or why it cannot be told.
pub type Found = ((AccountId, ShardId), Result<ApplSeqNum, Refusal>);

#[derive(Debug)]
enum Phase<W> {
    /// Every shard is asked whether it can; so many have not answered.
    Asking { left: usize, waiting: W, is_live: bool, found: Vec<Found> },
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
pub enum Progress<W> {
    /// It goes on.
    Goes,
    /// All shards have said what they can: the request is answered.
    Answered(W, Vec<Found>),
    /// Every stream is told to its end, or live.
    Done,
    /// What comes next cannot be told.
    Broken(Refusal),
}

/// What is to be told.
pub enum Said<'a> {
    /// An execution that was missed.
    Execution(&'a Execution, &'a Told<'a>),
    /// A text that was held.
    Held(&'a [u8]),
}

impl<W> CatchUp<W> {
    /// Asks every shard that is concerned whether it can: a query of the account for each of its streams that has gone
    /// on. `current` are those that have not; `is_live`: what happens until it is answered is told, by a subscription
    /// that there is already.
    pub fn begin(
        (behind, current): (Vec<StreamPosition>, Vec<StreamPosition>),
        token: u64,
        waiting: W,
        is_live: bool,
        (conn, now): (ConnId, Nanos),
        desk: &mut Desk,
    ) -> Result<Self, Refusal> {
        if desk.closing {
            return Err(Reject::ShuttingDown.into());
        }
        if desk.shards.iter().any(|port| port.inputs.slots() < behind.len()) {
            return Err(Reject::Busy.into());
        }
        for position in &behind {
            desk.limiter.charge_query(position.account, now)?;
        }
        for position in &behind {
            let asked = ask_shard(desk, position, conn, token);
            assert!(asked, "room was asked for, and nobody else pushes");
        }
        let phase = Phase::Asking { left: behind.len(), waiting, is_live, found: Vec::new() };
        let behind = behind.into_iter().map(|at| Behind { at, to: None }).collect();
        Ok(Self { token, behind, current, phase, held: Vec::new(), ends: Vec::new() })
    }

    /// Whether an answer is one of its own.
    pub fn is(&self, token: u64) -> bool {
        self.token == token
    }

    /// Whether live events are told as if it were not there: it has not begun.
    pub fn is_live(&self) -> bool {
        matches!(&self.phase, Phase::Asking { is_live: true, .. })
    }

    /// Whether a subscription that was behind is being resumed from elsewhere, and nobody knows yet whether it can be:
    /// it stands neither where it stood nor where it was asked to.
    pub fn is_undecided(&self) -> bool {
        matches!(&self.phase, Phase::Asking { is_live: false, .. })
    }

    /// The request that is not answered.
    pub fn waiting(&self) -> Option<&W> {
        if let Phase::Asking { waiting, .. } = &self.phase { Some(waiting) } else { None }
    }

    /// It begins now: streams that have told something since they were asked for are behind as well.
    pub fn wake(&mut self, now: impl Fn(&StreamPosition) -> ApplSeqNum) {
        let moved = self.current.drain(..).filter(|at| now(at) != at.number);
        self.behind.extend(moved.map(|at| Behind { at, to: None }));
    }

    /// It begins now, and each stream ends where this says.
    pub fn end_at(&mut self, end: impl Fn(&StreamPosition) -> ApplSeqNum) {
        for behind in &mut self.behind {
            behind.to = Some(end(&behind.at));
        }
        self.drop_done();
    }

    /// The last number of the one that is told now, if it has an end.
    pub fn end(&self) -> Option<ApplSeqNum> {
        self.behind.front().and_then(|behind| behind.to)
    }

    /// Where each stand that is behind.
    pub fn behind(&self) -> impl Iterator<Item = &StreamPosition> {
        self.behind.iter().map(|behind| &behind.at)
    }

    /// Where each stands of which something may be held back.
    pub fn untold(&self) -> impl Iterator<Item = &StreamPosition> {
        self.behind().chain(&self.current)
    }

    /// Whether there is nothing to tell.
    pub fn is_done(&self) -> bool {
        self.behind.is_empty()
    }

    /// Puts where it begins in the place of where the streams are now.
    pub fn stand(&self, streams: &mut [StreamPosition]) {
        if self.is_live() {
            return;
        }
        for stream in streams {
            let of_it = |at: &&StreamPosition| (at.account, at.shard) == (stream.account, stream.shard);
            if let Some(at) = self.behind().find(of_it) {
                *stream = *at;
            }
        }
    }

    /// Takes a live execution of the subscription; whether it may be told at once.
    pub fn passes(&mut self, execution: &Execution, shard: ShardId, text: impl FnOnce(&mut Vec<u8>)) -> bool {
        let is_it = |at: &StreamPosition| (at.account, at.shard) == (execution.order.account, shard);
        let Some(which) = self.behind().position(is_it) else {
            // What a current one tells before the answer is read back behind it.
            return self.is_live() || !self.current.iter().any(is_it);
        };
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
                    && ask_shard(desk, &first.at, conn, token)
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
    pub fn shard_answered(
        &mut self,
        stream: (AccountId, ShardId),
        page: Result<&StreamPage, &Refusal>,
    ) -> Progress<W> {
        match (&mut self.phase, page) {
            (Phase::Asking { left, found, .. }, page) => {
                found.push((stream, page.map(|page| page.last).map_err(|refusal| *refusal)));
                *left -= 1;
                if *left > 0 {
                    return Progress::Goes;
                }
                match std::mem::replace(&mut self.phase, Phase::Next) {
                    Phase::Asking { waiting, found, .. } => Progress::Answered(waiting, found),
                    _ => Progress::Goes,
                }
            }
            (Phase::Paging, Err(refusal)) => Progress::Broken(*refusal),
            (Phase::Paging, Ok(page)) => self.turn_page(page),
            (Phase::Next | Phase::Reading(_), _) => Progress::Goes,
        }
    }

    fn turn_page(&mut self, page: &StreamPage) -> Progress<W> {
        let Some(first) = self.behind.front() else { return Progress::Done };
        let most = first.to.map_or(u64::MAX, |to| to.0.saturating_sub(first.at.number.0));
        let places: VecDeque<EventRef> =
            page.places.iter().take(usize::try_from(most).unwrap_or(usize::MAX)).copied().collect();
        if places.is_empty() {
            return self.next_stream();
        }
        let holds = first.to.is_none() && first.at.number.0 + places.len() as u64 == page.last.0;
        self.phase = Phase::Reading(Reading { places, outstanding: 0, holds });
        Progress::Goes
    }

    /// Takes what the journal has read back.
    pub fn read(&mut self, answer: &ReadBack, tell: &mut impl FnMut(Said<'_>)) -> Progress<W> {
        let (Phase::Reading(reading), Some(first)) = (&mut self.phase, self.behind.front_mut()) else {
            return Progress::Goes;
        };
        let ReadBack::Event(at, time, event @ Event::Execution(execution)) = answer else {
            let kept = ApplSeqNum(first.at.number.0 + 1);
            return Progress::Broken(Refusal::bound(Reject::StreamTooOld, kept.0));
        };
        assert_eq!(
            execution.appl_seq_num,
            first.at.number.next(),
            "a shard names one number after the other"
        );
        let told = Told { event, at: *at, time: *time, poss_resend: false, asked: None };
        tell(Said::Execution(execution, &told));
        first.at.number = execution.appl_seq_num;
        reading.outstanding -= 1;
        if reading.outstanding > 0 || !reading.places.is_empty() {
            return Progress::Goes;
        }
        if first.to == Some(first.at.number) {
            return self.next_stream();
        }
        if !reading.holds {
            self.phase = Phase::Next;
            return Progress::Goes;
        }
        let mut from = 0;
        for end in &self.ends {
            tell(Said::Held(&self.held[from..*end]));
            from = *end;
        }
        self.let_go();
        self.next_stream()
    }

    fn next_stream(&mut self) -> Progress<W> {
        self.behind.pop_front();
        self.drop_done();
        self.phase = Phase::Next;
        if self.behind.is_empty() { Progress::Done } else { Progress::Goes }
    }

    /// Ranges that begin behind their end.
    fn drop_done(&mut self) {
        self.behind.retain(|behind| behind.to.is_none_or(|to| behind.at.number < to));
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
    desk.shards[usize::from(at.shard.0)].push(&ShardInput::Query { origin, query }, &[]).is_done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{AccountId, ExecType};
    use crate::wire::record::samples::order;

    const ALICE: AccountId = AccountId(1);
    const SHARD: ShardId = ShardId(0);

    fn at(number: u64) -> StreamPosition {
        StreamPosition { account: ALICE, shard: SHARD, number: ApplSeqNum(number) }
    }

    fn asking(is_live: bool) -> CatchUp<()> {
        let behind = [Behind { at: at(9), to: None }].into();
        let phase = Phase::Asking { left: 1, waiting: (), is_live, found: Vec::new() };
        CatchUp { token: 1, behind, current: Vec::new(), phase, held: Vec::new(), ends: Vec::new() }
    }

    fn passes(catch_up: &mut CatchUp<()>) -> bool {
        let order = crate::types::Order { account: ALICE, ..order() };
        catch_up.passes(&Execution::bare(ExecType::New, order), SHARD, |_| ())
    }

    #[test]
    fn a_subscription_goes_on_until_it_is_known_that_it_is_resumed_elsewhere() {
        let mut catch_up = asking(true);
        assert!(passes(&mut catch_up), "if it is refused, the subscription has missed nothing");
        let mut streams = [at(3)];
        catch_up.stand(&mut streams);
        assert_eq!(streams[0].number, ApplSeqNum(3), "and it stands where it stood");
        assert!(!catch_up.is_undecided() && asking(false).is_undecided());
        let page = StreamPage { account: ALICE, last: ApplSeqNum(9), places: Vec::new() };
        assert!(matches!(catch_up.shard_answered((ALICE, SHARD), Ok(&page)), Progress::Answered((), _)));
        assert!(!passes(&mut catch_up), "from then on it is read back");
        catch_up.stand(&mut streams);
        assert_eq!(streams[0].number, ApplSeqNum(9));
        assert!(!passes(&mut asking(false)), "one that was behind stays so");
    }

    #[test]
    fn a_stream_that_moves_before_the_answer_is_read_back_behind_the_number_that_was_asked_for() {
        let mut catch_up = CatchUp { behind: VecDeque::new(), current: vec![at(9)], ..asking(false) };
        assert!(!passes(&mut catch_up));
        catch_up.wake(|_| ApplSeqNum(10));
        assert_eq!(catch_up.behind().collect::<Vec<_>>(), [&at(9)]);
        let mut still = CatchUp { behind: VecDeque::new(), current: vec![at(9)], ..asking(false) };
        still.wake(|_| ApplSeqNum(9));
        assert!(still.is_done() && passes(&mut still));
    }

    #[test]
    fn a_range_is_told_to_its_end_and_holds_nothing() {
        let mut catch_up = asking(false);
        let place = |seq| EventRef { shard: SHARD, seq: crate::types::Seq(seq), index: 0 };
        let page =
            StreamPage { account: ALICE, last: ApplSeqNum(13), places: (10..=13).map(place).collect() };
        catch_up.shard_answered((ALICE, SHARD), Ok(&page));
        catch_up.end_at(|_| ApplSeqNum(11));
        catch_up.phase = Phase::Paging;
        assert!(matches!(catch_up.shard_answered((ALICE, SHARD), Ok(&page)), Progress::Goes));
        let Phase::Reading(reading) = &catch_up.phase else { panic!("{catch_up:?}") };
        assert!(reading.places.len() == 2 && !reading.holds);
        catch_up.end_at(|_| ApplSeqNum(9));
        assert!(catch_up.is_done(), "and one that ends where it begins is done");
    }
}
