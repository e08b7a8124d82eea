//! The private streams: each execution of an account has its number, and by it its place is found again.
//!
//! ```text
//!   step ─► its executions, in order ─► the next number of the stream of (account, this shard) ─► index: number → place
//!   question: what came after number n? ─► places, oldest first ─► the gateway reads them back from the journal
//! ```
//!
//! - Numbers count 1, 2, 3 … over everything that an account is told of unasked: what trades, closes, changes or
//!   refuses an order of its own. How far each stream is, is part of the state; a replay gives the same numbers.
//! - The index is a function of the steps and no part of the state. It keeps the last [`STREAM_RESUMABLE_MAX`]
//!   executions of a stream, eight bytes each, in blocks: what grows is never copied, and the oldest block becomes the
//!   newest.
//! - Cost: a look-up and eight bytes for each execution.

use super::Shard;
use crate::limits::{EVENTS_PER_STEP_MAX, STREAM_PAGE_MAX, STREAM_RESUMABLE_MAX};
use crate::planted::{self, Bug};
use crate::types::{
    AccountId, ApplSeqNum, Event, EventRef, Refusal, Reject, Seq, ShardId, StreamPage, StreamQuery,
};
use crate::wire::record::{DecodeError, Encoder, Reader};
use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};

/// Places of a block: 8 KiB.
const BLOCK: usize = 1_024;
const BLOCKS_MAX: usize = STREAM_RESUMABLE_MAX / BLOCK;

const INDEX_BITS: u32 = 8;
const _: () = assert!(EVENTS_PER_STEP_MAX <= 1 << INDEX_BITS, "a place has room for every event of a step");

/// The private streams of a shard.
#[derive(Debug, Default)]
pub(super) struct Streams(BTreeMap<AccountId, Stream>);

/// The stream of one account.
#[derive(Debug, Default)]
struct Stream {
    last: ApplSeqNum,
    /// The places of the last executions. The last block ends with `last`, and all others are full.
    blocks: VecDeque<Vec<u64>>,
}

impl Streams {
    /// An account has a stream from the beginning.
    pub(super) fn open(&mut self, account: AccountId) {
        self.0.entry(account).or_default();
    }

    /// Gives the executions of a step their numbers.
    pub(super) fn number(&mut self, step: Seq, events: &mut [Event]) {
        for (index, event) in events.iter_mut().enumerate() {
            if let Event::Execution(execution) = event {
                let stream = self.0.entry(execution.order.account).or_default();
                execution.appl_seq_num = stream.push(step, index);
            }
        }
    }

    /// The number of the last execution of an account.
    pub(super) fn last(&self, account: AccountId) -> ApplSeqNum {
        self.0.get(&account).map_or(ApplSeqNum::ZERO, |stream| stream.last)
    }

    /// How far each stream is, by account.
    pub(super) fn positions(&self) -> impl Iterator<Item = (AccountId, ApplSeqNum)> {
        self.0.iter().map(|(account, stream)| (*account, stream.last))
    }

    /// Writes them into a snapshot.
    pub(super) fn save(&self, to: &mut Encoder) {
        let Self(streams) = self;
        to.put(&(streams.len() as u64));
        for (account, Stream { last, blocks }) in streams {
            to.put(account).put(last).put(&(blocks.iter().map(Vec::len).sum::<usize>() as u64));
            blocks.iter().flatten().for_each(|place| {
                to.put(place);
            });
        }
    }

    /// Reads what [`Streams::save`] wrote.
    pub(super) fn load(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut streams = BTreeMap::new();
        for _ in 0..from.take::<u64>()? {
            let (account, last): (AccountId, ApplSeqNum) = (from.take()?, from.take()?);
            let mut stream = Stream::default();
            let places = from.take_all::<u64>()?;
            if places.len() > STREAM_RESUMABLE_MAX || places.len() as u64 > last.0 {
                return Err(DecodeError::Value { what: "places of a stream", value: places.len() as u64 });
            }
            for place in places {
                stream.reserve();
                if let Some(block) = stream.blocks.back_mut() {
                    block.push(place);
                }
            }
            streams.insert(account, Stream { last, ..stream });
        }
        Ok(Self(streams))
    }

    /// Where the executions stand that came after a number; a bounded number of them.
    fn page(&self, shard: ShardId, at_hand: Seq, query: &StreamQuery) -> Result<StreamPage, Refusal> {
        let StreamQuery { account, after } = *query;
        let refuse = |reject, bound: ApplSeqNum| Err(Refusal::bound(reject, bound.0));
        let Some(stream) = self.0.get(&account).filter(|stream| stream.last >= after) else {
            let last = self.last(account);
            let nothing = StreamPage { account, last, places: Vec::new() };
            return if after == last { Ok(nothing) } else { refuse(Reject::StreamAhead, last) };
        };
        let kept = stream.told_from(at_hand);
        if after < kept {
            return refuse(Reject::StreamTooOld, kept);
        }
        let after =
            if planted::has(Bug::ResumeOffByOne) && after < stream.last { after.next() } else { after };
        let most = (stream.last.0 - after.0).min(STREAM_PAGE_MAX as u64);
        let places = (1..=most).map(|n| stream.place(shard, ApplSeqNum(after.0 + n))).collect();
        Ok(StreamPage { account, last: stream.last, places })
    }
}

impl Stream {
    fn push(&mut self, step: Seq, index: usize) -> ApplSeqNum {
        self.reserve();
        if let Some(block) = self.blocks.back_mut() {
            block.push(step.0 << INDEX_BITS | index as u64);
        }
        self.last = self.last.next();
        self.last
    }

    /// Sees to it that the last block has room.
    fn reserve(&mut self) {
        if self.blocks.back().is_some_and(|block| block.len() < BLOCK) {
            return;
        }
        let oldest = if self.blocks.len() == BLOCKS_MAX { self.blocks.pop_front() } else { None };
        let mut block = oldest.unwrap_or_else(|| Vec::with_capacity(BLOCK));
        block.clear();
        self.blocks.push_back(block);
    }

    /// The number from which on everything is kept: what came after it can be told again.
    fn kept(&self) -> ApplSeqNum {
        let full = self.blocks.len().saturating_sub(1) * BLOCK;
        let kept = full + self.blocks.back().map_or(0, Vec::len);
        ApplSeqNum(self.last.0 - kept as u64)
    }

    /// The same, of what stands in this step or behind it.
    fn told_from(&self, at_hand: Seq) -> ApplSeqNum {
        let step = |number: u64| self.place(ShardId(0), ApplSeqNum(number)).seq;
        let (mut kept, mut last) = (self.kept().0, self.last.0);
        while kept < last {
            let middle = kept.midpoint(last);
            if step(middle + 1) < at_hand { kept = middle + 1 } else { last = middle }
        }
        ApplSeqNum(kept)
    }

    /// The place of an execution that is kept.
    fn place(&self, shard: ShardId, number: ApplSeqNum) -> EventRef {
        let at = (number.0 - self.kept().0 - 1) as usize;
        let packed = self.blocks[at / BLOCK][at % BLOCK];
        let index = (packed & ((1 << INDEX_BITS) - 1)) as u16;
        EventRef { shard, seq: Seq(packed >> INDEX_BITS), index }
    }
}

/// Which blocks there are is no part of the state.
impl Hash for Streams {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (account, last) in self.positions() {
            (account, last).hash(state);
        }
    }
}

impl Shard {
    /// The number of the last execution of each account: ApplSeqNum(1181) of its private stream here.
    pub fn streams(&self) -> impl Iterator<Item = (AccountId, ApplSeqNum)> {
        self.streams.positions()
    }

    pub(super) fn stream_page(&self, query: &StreamQuery) -> Result<StreamPage, Refusal> {
        self.streams.page(self.id, self.at_hand, query)
    }

    /// The journal has no step before this one at hand, so that what it told cannot be told again.
    pub fn begin_at_hand(&mut self, step: Seq) {
        self.at_hand = step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ExecType, Execution};
    use crate::wire::record::samples::order;

    const ALICE: AccountId = AccountId(1);
    const SHARD: ShardId = ShardId(3);

    fn execution(account: AccountId) -> Event {
        Event::Execution(Execution::bare(ExecType::New, crate::types::Order { account, ..order() }))
    }

    fn after(number: u64) -> StreamQuery {
        StreamQuery { account: ALICE, after: ApplSeqNum(number) }
    }

    #[test]
    fn each_account_counts_its_own_executions_and_finds_them_again() {
        let mut streams = Streams::default();
        let bob = AccountId(2);
        let mut events = [execution(ALICE), execution(bob), execution(ALICE)];
        streams.number(Seq(7), &mut events);
        let numbers = events.map(|event| match event {
            Event::Execution(execution) => execution.appl_seq_num.0,
            _ => 0,
        });
        assert_eq!(numbers, [1, 1, 2]);
        let page = streams.page(SHARD, Seq(1), &after(0)).unwrap();
        let at = |index| EventRef { shard: SHARD, seq: Seq(7), index };
        assert_eq!((page.last, page.places), (ApplSeqNum(2), vec![at(0), at(2)]));
        assert_eq!(streams.page(SHARD, Seq(1), &after(2)).unwrap().places, []);
        assert_eq!(streams.page(SHARD, Seq(1), &after(3)).unwrap_err().reject, Reject::StreamAhead);
    }

    #[test]
    fn what_is_older_than_the_bound_is_refused_with_the_first_number_that_is_not() {
        let mut streams = Streams::default();
        let count = STREAM_RESUMABLE_MAX as u64 + 10;
        for step in 1..=count {
            streams.number(Seq(step), &mut [execution(ALICE)]);
        }
        let refusal = streams.page(SHARD, Seq(1), &after(0)).unwrap_err();
        let kept = streams.0[&ALICE].kept().0;
        assert_eq!(refusal, Refusal::bound(Reject::StreamTooOld, kept));
        assert!(count - kept > (STREAM_RESUMABLE_MAX - BLOCK) as u64);
        let page = streams.page(SHARD, Seq(1), &after(kept)).unwrap();
        assert_eq!(page.places.len(), STREAM_PAGE_MAX);
        assert_eq!(page.places[0].seq, Seq(kept + 1));
        let page = streams.page(SHARD, Seq(1), &after(count - 1)).unwrap();
        assert_eq!((page.last, page.places[0].seq), (ApplSeqNum(count), Seq(count)));
    }

    #[test]
    fn what_stands_in_an_archive_is_refused_with_the_first_number_that_does_not() {
        let mut streams = Streams::default();
        for step in (10..=50).step_by(10) {
            streams.number(Seq(step), &mut [execution(ALICE), execution(ALICE)]);
        }
        for (at_hand, kept) in [(1, 0), (10, 0), (11, 2), (30, 4), (50, 8), (51, 10), (99, 10)] {
            let page = streams.page(SHARD, Seq(at_hand), &after(kept)).unwrap();
            assert_eq!(page.places.len() as u64, 10 - kept, "from step {at_hand}");
            if kept > 0 {
                let refusal = streams.page(SHARD, Seq(at_hand), &after(kept - 1)).unwrap_err();
                assert_eq!(refusal, Refusal::bound(Reject::StreamTooOld, kept), "from step {at_hand}");
            }
        }
    }
}
