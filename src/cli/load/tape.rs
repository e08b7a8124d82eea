//! What was sent when, and answered when.

use super::speaker::Answer;
use crate::types::Span;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest time that is told exactly: a minute.
const LONGEST_NANOS: u64 = 60_000_000_000;

/// Stamps of one run, in the order of the messages.
pub struct Tape {
    first: u64,
    warm_up: Duration,
    stamps: Vec<Stamp>,
    connections: Vec<bool>,
    outstanding: u64,
    /// Refusals by what was said.
    pub rejected: BTreeMap<String, u64>,
    /// Turns in which there was nothing to do: as long as they are, so long somebody else had the core.
    pub idle: Histogram<u64>,
    /// How long answers waited in the client's kernel until they were read; after the warm-up.
    pub kernel: Histogram<u64>,
    ended: Duration,
}

#[derive(Clone, Copy)]
struct Stamp {
    sent: Duration,
    /// Zero: no answer yet.
    answered: Duration,
    /// The first message of its connection.
    first: bool,
}

impl Tape {
    /// For messages from `first` on.
    pub fn new(first: u64, warm_up: Duration, connections: usize) -> Self {
        Self {
            first,
            warm_up,
            stamps: Vec::new(),
            connections: vec![false; connections],
            outstanding: 0,
            rejected: BTreeMap::new(),
            idle: histogram(),
            kernel: histogram(),
            ended: Duration::ZERO,
        }
    }

    /// So many messages are to come.
    pub fn expects(&mut self, count: u64) {
        self.stamps.reserve(usize::try_from(count).unwrap_or_default());
    }

    /// Message `number` goes, or should.
    pub fn sent(&mut self, number: u64, connection: usize, at: Duration) {
        debug_assert_eq!(number, self.first + self.stamps.len() as u64);
        let first = !std::mem::replace(&mut self.connections[connection], true);
        self.stamps.push(Stamp { sent: at, answered: Duration::ZERO, first });
        self.outstanding += 1;
    }

    /// Its first answer, which had waited in the kernel for so long; later ones, such as trades, are not timed.
    pub fn answered(&mut self, answer: Answer, at: Duration, waited: Option<Span>) {
        let place = answer.number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let Some(stamp) =
            place.and_then(|at| self.stamps.get_mut(at)).filter(|stamp| stamp.answered.is_zero())
        else {
            return;
        };
        stamp.answered = at;
        self.outstanding -= 1;
        if let Some(waited) = waited
            && stamp.sent >= self.warm_up
            && !stamp.first
        {
            self.kernel.saturating_record(waited.0);
        }
        if let Some(why) = answer.refused {
            *self.rejected.entry(why).or_default() += 1;
        }
    }

    /// A turn without work.
    pub fn idle_turn(&mut self, took: Duration) {
        self.idle.saturating_record(nanos(took));
    }

    /// Whether all that was sent is answered.
    pub fn is_complete(&self) -> bool {
        self.outstanding == 0
    }

    /// The run is over.
    pub fn end(&mut self, at: Duration) {
        self.ended = at;
    }

    /// How many were sent, and answered, after the warm-up.
    pub fn counts(&self) -> (u64, u64) {
        let measured = || self.stamps.iter().filter(|stamp| stamp.sent >= self.warm_up);
        (measured().count() as u64, measured().filter(|stamp| !stamp.answered.is_zero()).count() as u64)
    }

    /// How long the measured part took.
    pub fn measured(&self) -> Duration {
        self.ended.saturating_sub(self.warm_up)
    }

    /// All so far, for a progress line.
    pub fn so_far(&self) -> (usize, u64) {
        (self.stamps.len(), self.stamps.len() as u64 - self.outstanding)
    }

    /// From sent, or due, to answered, after the warm-up.
    pub fn latency(&self) -> Histogram<u64> {
        self.histogram(|stamp| stamp.sent >= self.warm_up && !stamp.first)
    }

    /// The first message of each connection.
    pub fn first_latency(&self) -> Histogram<u64> {
        self.histogram(|stamp| stamp.first)
    }

    fn histogram(&self, counts: impl Fn(&Stamp) -> bool) -> Histogram<u64> {
        let mut latency = histogram();
        for stamp in self.stamps.iter().filter(|stamp| counts(stamp) && !stamp.answered.is_zero()) {
            latency.saturating_record(nanos(stamp.answered.saturating_sub(stamp.sent)));
        }
        latency
    }

    /// For each of `parts` of the measured time: when it begins, p50, p99 and the longest.
    pub fn over_time(&self, parts: u32) -> Vec<(Duration, [u64; 3])> {
        let part = (self.measured() / parts).max(Duration::from_millis(1));
        let mut all: BTreeMap<u32, Histogram<u64>> = BTreeMap::new();
        for stamp in
            self.stamps.iter().filter(|stamp| stamp.sent >= self.warm_up && !stamp.answered.is_zero())
        {
            let at = (stamp.sent - self.warm_up).as_nanos() / part.as_nanos();
            let latency = all.entry(at as u32).or_insert_with(histogram);
            latency.saturating_record(nanos(stamp.answered.saturating_sub(stamp.sent)));
        }
        let told = |latency: &Histogram<u64>| {
            [latency.value_at_quantile(0.5), latency.value_at_quantile(0.99), latency.max()]
        };
        all.iter().map(|(at, latency)| (part * *at, told(latency))).collect()
    }
}

/// An empty one with three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NANOS, 3).expect("the bounds are in order")
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(LONGEST_NANOS).min(LONGEST_NANOS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(number: u64) -> Answer {
        Answer { number, refused: None }
    }

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn the_first_answer_counts_and_the_warm_up_and_first_messages_do_not() {
        let mut tape = Tape::new(10, millis(100), 2);
        for (number, at) in [(10, 0), (11, 1), (12, 150), (13, 200)] {
            tape.sent(number, (number % 2) as usize, millis(at));
        }
        for (number, at) in [(10, 3), (11, 2), (12, 157), (12, 190), (99, 5)] {
            tape.answered(answer(number), millis(at), Some(Span::from_millis(1)));
        }
        tape.end(millis(300));
        assert_eq!(tape.counts(), (2, 1));
        assert!(!tape.is_complete());
        let (latency, first) = (tape.latency(), tape.first_latency());
        assert_eq!((latency.len(), latency.max() / 1_000_000), (1, 7));
        assert_eq!((first.len(), first.max() / 1_000_000), (2, 3));
        assert_eq!((tape.kernel.len(), tape.kernel.max() / 1_000_000), (1, 1));
    }

    #[test]
    fn refusals_are_counted_by_what_was_said() {
        let mut tape = Tape::new(0, Duration::ZERO, 1);
        for number in 0..3 {
            tape.sent(number, 0, millis(number));
            tape.answered(Answer { number, refused: Some("busy".to_owned()) }, millis(number + 1), None);
        }
        assert_eq!(tape.rejected, BTreeMap::from([("busy".to_owned(), 3)]));
    }

    #[test]
    fn over_time_has_a_row_for_each_part_in_which_something_was_sent() {
        let mut tape = Tape::new(0, Duration::ZERO, 1);
        for number in 0..10 {
            tape.sent(number, 0, millis(number * 10));
            tape.answered(answer(number), millis(number * 10 + 1 + number), None);
        }
        tape.end(millis(100));
        let parts = tape.over_time(5);
        assert_eq!(parts.len(), 5);
        assert_eq!(parts[4].0, millis(80));
        assert!(parts.windows(2).all(|pair| pair[0].1[2] < pair[1].1[2]));
    }
}
