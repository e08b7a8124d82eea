//! Times per stage and refusals by reason, of one agent.
//!
//! Cost: recording a time is an index and an increment, some nanoseconds (`cargo bench --bench watch`); a turn in which
//! nobody asks is one load.

use crate::types::{Reject, Span, Stamps};
use crossbeam_utils::CachePadded;
use crossbeam_utils::atomic::AtomicCell;
use hdrhistogram::Histogram;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A part of an order's way, from its bytes to those of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The kernel had the last bytes of a read → they were read: once a read, where `[sockets] kernel_timestamps` is
    /// set. It is no part of the total.
    Kernel,
    /// Bytes were read → its fields are known; TLS and framing are in it.
    Decode,
    /// → its signature is checked.
    Verify,
    /// → its limit is checked.
    Limit,
    /// → the shard has taken it out of the ring.
    Ring,
    /// → it is sequenced, checked, matched and appended.
    Match,
    /// → its record is durable.
    Durable,
    /// → the bytes of its answer are given to the socket.
    Report,
    /// Bytes were read → the bytes of its answer are given to the socket.
    Total,
}

/// Times and counts.
#[derive(Clone, Debug)]
pub struct Figures {
    stages: [Histogram<u64>; Stage::ALL.len()],
    /// By the number of the refusal.
    rejects: Box<[u64]>,
}

/// The agent's end: it writes.
#[derive(Debug)]
pub struct Watch {
    figures: Box<Figures>,
    shared: Arc<CachePadded<Exchange>>,
}

/// The other end: it reads what all agents have written.
#[derive(Debug)]
pub struct WatchReader {
    total: Figures,
    agents: Vec<Arc<CachePadded<Exchange>>>,
}

/// Two boxes on their way: each is put by one side and taken by the other, so that neither ever waits.
struct Exchange {
    /// Whether empty figures lie ready: what the agent looks at.
    wanted: AtomicBool,
    /// From the reader to the agent.
    empty: AtomicCell<Option<Box<Figures>>>,
    /// From the agent to the reader.
    written: AtomicCell<Option<Box<Figures>>>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

const _: () = assert!(AtomicCell::<Option<Box<Figures>>>::is_lock_free(), "a box is a pointer");

/// The figures of some agents: the end that each writes to, and the end at which their sum is read.
pub fn watches(agents: usize) -> (Vec<Watch>, WatchReader) {
    let watches: Vec<Watch> = (0..agents).map(|_| Watch::new()).collect();
    let agents = watches.iter().map(|watch| Arc::clone(&watch.shared)).collect();
    (watches, WatchReader { total: Figures::default(), agents })
}

impl Stage {
    /// All of them, in the order of the way.
    pub const ALL: [Self; 9] = [
        Self::Kernel,
        Self::Decode,
        Self::Verify,
        Self::Limit,
        Self::Ring,
        Self::Match,
        Self::Durable,
        Self::Report,
        Self::Total,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Decode => "decode",
            Self::Verify => "verify",
            Self::Limit => "limit",
            Self::Ring => "ring",
            Self::Match => "match",
            Self::Durable => "durable",
            Self::Report => "report",
            Self::Total => "total",
        }
    }
}

impl Watch {
    fn new() -> Self {
        let empty = AtomicCell::new(Some(Box::default()));
        let shared = Exchange { wanted: AtomicBool::new(true), empty, written: AtomicCell::new(None) };
        Self { figures: Box::default(), shared: Arc::new(CachePadded::new(shared)) }
    }

    /// Records how long a stage took.
    pub fn time(&mut self, stage: Stage, took: Span) {
        self.figures.stages[stage as usize].saturating_record(took.0);
    }

    /// Records the stages that the stamps tell of: those up to the shard's answer.
    pub fn stamps(&mut self, stamps: &Stamps) {
        let way = [
            (Stage::Decode, stamps.received, stamps.decoded),
            (Stage::Verify, stamps.decoded, stamps.verified),
            (Stage::Limit, stamps.verified, stamps.limited),
            (Stage::Ring, stamps.limited, stamps.sequenced),
            (Stage::Match, stamps.sequenced, stamps.matched),
        ];
        for (stage, from, to) in way.into_iter().filter(|(_, from, to)| from.0 != 0 && to.0 != 0) {
            self.time(stage, to.since(from));
        }
    }

    /// Counts a refusal.
    pub fn refuse(&mut self, reject: Reject) {
        self.figures.rejects[usize::from(reject as u16)] += 1;
    }

    /// Hands over what was recorded, if somebody wants it. To be called now and then, such as once a turn.
    pub fn turn(&mut self) {
        if self.shared.wanted.load(Ordering::Relaxed) {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        self.shared.wanted.store(false, Ordering::Relaxed);
        if let Some(empty) = self.shared.empty.take() {
            let full = std::mem::replace(&mut self.figures, empty);
            let before = self.shared.written.swap(Some(full));
            debug_assert!(before.is_none(), "the reader takes before it asks again");
        }
    }
}

/// The agent has come to its end and may take its time: nothing that it recorded is lost.
impl Drop for Watch {
    fn drop(&mut self) {
        let mut last = std::mem::take(&mut self.figures);
        if let Some(before) = self.shared.written.take() {
            last.add(&before);
        }
        self.shared.written.store(Some(last));
    }
}

impl WatchReader {
    /// Everything that was handed over so far, and a request for what came since: the next call tells it.
    pub fn refresh(&mut self) -> &Figures {
        self.collect(|_| {});
        &self.total
    }

    /// The same, and shows what is new to `each`.
    pub fn collect(&mut self, mut each: impl FnMut(&Figures)) {
        for agent in &self.agents {
            if let Some(mut figures) = agent.written.take() {
                each(&figures);
                self.total.add(&figures);
                figures.clear();
                agent.empty.store(Some(figures));
                agent.wanted.store(true, Ordering::Release);
            }
        }
    }

    /// Everything that was handed over until the last call.
    pub fn total(&self) -> &Figures {
        &self.total
    }
}

impl Figures {
    /// The longest time that is told apart from longer ones.
    pub const LONGEST: Span = Span::from_secs(60);

    /// The times of a stage in nanoseconds, to one percent.
    pub fn stage(&self, stage: Stage) -> &Histogram<u64> {
        &self.stages[stage as usize]
    }

    /// The stages that are timed here, in the order of the way: that of the kernel where it says anything.
    pub fn stages(&self) -> impl Iterator<Item = (Stage, &Histogram<u64>)> {
        let all = Stage::ALL.into_iter().zip(&self.stages);
        all.filter(|(stage, times)| *stage != Stage::Kernel || !times.is_empty())
    }

    /// How often each refusal was given, those that were, in the order of their numbers.
    pub fn rejects(&self) -> impl Iterator<Item = (Reject, u64)> + '_ {
        let counted = Reject::ALL.iter().map(|&reject| (reject, self.rejects[usize::from(reject as u16)]));
        counted.filter(|(_, count)| *count > 0)
    }

    /// Adds the figures of another agent.
    pub fn add(&mut self, other: &Self) {
        for (ours, theirs) in self.stages.iter_mut().zip(&other.stages) {
            // All histograms here have the same bounds, so it cannot fail.
            let added = ours.add(theirs);
            debug_assert!(added.is_ok());
        }
        for (ours, theirs) in self.rejects.iter_mut().zip(&other.rejects) {
            *ours += theirs;
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.stages.iter_mut().for_each(Histogram::reset);
        self.rejects.fill(0);
    }
}

impl Default for Figures {
    fn default() -> Self {
        let last = Reject::ALL.iter().map(|&reject| usize::from(reject as u16)).max().unwrap_or(0);
        // Two digits: times to one percent, in 30 KiB a stage, which stays in the cache.
        let histogram = || {
            Histogram::new_with_bounds(1, Self::LONGEST.0, 2)
                .expect("the bounds are in order and so are the digits")
        };
        Self { stages: std::array::from_fn(|_| histogram()), rejects: vec![0; last + 1].into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Nanos;

    fn watch() -> (Watch, WatchReader) {
        let (mut watches, reader) = watches(1);
        (watches.remove(0), reader)
    }

    #[test]
    fn the_figures_of_several_agents_are_read_as_one() {
        let (mut watches, mut reader) = watches(3);
        for (at, watch) in watches.iter_mut().enumerate() {
            watch.time(Stage::Total, Span(at as u64));
            watch.refuse(Reject::Busy);
            watch.turn();
        }
        let figures = reader.refresh();
        assert_eq!(figures.stage(Stage::Total).len(), 3);
        assert_eq!(figures.rejects().collect::<Vec<_>>(), [(Reject::Busy, 3)]);
    }

    #[test]
    fn what_an_agent_records_is_told_once_it_has_handed_over() {
        let (mut watch, mut reader) = watch();
        watch.time(Stage::Verify, Span(20_000));
        watch.refuse(Reject::OrderRate);
        watch.refuse(Reject::OrderRate);
        assert_eq!(reader.refresh().stage(Stage::Verify).len(), 0);
        watch.turn();
        let figures = reader.refresh();
        assert!(figures.stage(Stage::Verify).value_at_quantile(0.5).abs_diff(20_000) <= 200);
        assert_eq!(figures.rejects().collect::<Vec<_>>(), [(Reject::OrderRate, 2)]);
        watch.time(Stage::Verify, Span(1));
        watch.turn();
        assert_eq!(reader.refresh().stage(Stage::Verify).len(), 2);
    }

    #[test]
    fn nothing_is_lost_when_the_agent_ends() {
        let (mut watch, mut reader) = watch();
        watch.refuse(Reject::Busy);
        watch.turn();
        watch.refuse(Reject::Busy);
        drop(watch);
        assert_eq!(reader.refresh().rejects().collect::<Vec<_>>(), [(Reject::Busy, 2)]);
        assert_eq!(reader.refresh().rejects().collect::<Vec<_>>(), [(Reject::Busy, 2)]);
    }

    #[test]
    fn an_agent_goes_on_for_as_long_as_nobody_reads() {
        let (mut watch, mut reader) = watch();
        for _ in 0..3 {
            watch.refuse(Reject::Busy);
            watch.turn();
        }
        assert_eq!(reader.refresh().rejects().collect::<Vec<_>>(), [(Reject::Busy, 1)]);
        watch.turn();
        assert_eq!(reader.refresh().rejects().collect::<Vec<_>>(), [(Reject::Busy, 3)]);
    }

    #[test]
    fn stamps_tell_the_stages_that_a_request_has_passed() {
        let (mut watch, mut reader) = watch();
        let refused =
            Stamps { received: Nanos(100), decoded: Nanos(300), verified: Nanos(1_000), ..Stamps::default() };
        watch.stamps(&refused);
        watch.turn();
        let figures = reader.refresh();
        let lengths = Stage::ALL.map(|stage| figures.stage(stage).len());
        let told: Vec<Stage> = figures.stages().map(|(stage, _)| stage).collect();
        assert_eq!(told, Stage::ALL[1..], "the kernel said nothing");
        assert_eq!(lengths, [0, 1, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_reader_and_an_agent_on_two_threads_agree_on_the_sum() {
        let (mut watch, mut reader) = watch();
        let agent = std::thread::spawn(move || {
            for n in 0..50_000 {
                watch.time(Stage::Total, Span(n));
                watch.turn();
            }
        });
        while !agent.is_finished() {
            reader.refresh();
        }
        agent.join().unwrap();
        assert_eq!(reader.refresh().stage(Stage::Total).len(), 50_000);
    }

    #[test]
    fn a_time_beyond_all_bounds_is_counted_as_the_longest() {
        let (mut watch, mut reader) = watch();
        watch.time(Stage::Durable, Span(u64::MAX));
        watch.time(Stage::Durable, Span::ZERO);
        watch.turn();
        assert_eq!(reader.refresh().stage(Stage::Durable).len(), 2);
    }
}
