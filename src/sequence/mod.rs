//! In what order: the only source of sequence numbers and of time in a shard.
//!
//! ```text
//!   a command, the clock's now ──► Sequencer ──► (Seq, time)      1, 2, 3 … ; time never goes back
//! ```
//!
//! What a shard does with a command depends on its time (the time window, the retention of results), so the time
//! stands in the journal beside the number and a replay uses it again. A clock that is set back must not open a
//! window that was closed, so the shard's time is the latest that it ever saw.

use crate::types::{Nanos, Seq};

/// Numbers commands and gives them their time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sequencer {
    last: Seq,
    time: Nanos,
}

/// Why a recorded step does not follow the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfSequence {
    /// A number is missing or stands there twice.
    #[error("record {found} stands where {expected} belongs")]
    Number {
        /// The number that comes next.
        expected: Seq,
        /// The number of the record.
        found: Seq,
    },
    /// The time of the record lies before that of the one before it.
    #[error("the time of record {0} lies before that of the record before it")]
    Time(Seq),
}

impl Sequencer {
    /// One that goes on after a command with this number and time.
    pub fn after(last: Seq, time: Nanos) -> Self {
        Self { last, time }
    }

    /// The number and the time of the next command.
    pub fn next(&mut self, now: Nanos) -> (Seq, Nanos) {
        self.last = self.last.next();
        self.time = self.time.max(now);
        (self.last, self.time)
    }

    /// Takes the number and the time of a recorded command, if it is the next.
    pub fn replay(&mut self, seq: Seq, time: Nanos) -> Result<(), OutOfSequence> {
        if seq != self.last.next() {
            return Err(OutOfSequence::Number { expected: self.last.next(), found: seq });
        }
        if time < self.time {
            return Err(OutOfSequence::Time(seq));
        }
        (self.last, self.time) = (seq, time);
        Ok(())
    }

    /// The last number that was given.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// The time of a question or a repetition, which take no number: never before that of the last command.
    pub fn time(&self, now: Nanos) -> Nanos {
        self.time.max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back_when_the_clock_does() {
        let mut sequencer = Sequencer::default();
        assert_eq!(sequencer.next(Nanos(100)), (Seq(1), Nanos(100)));
        assert_eq!(sequencer.next(Nanos(40)), (Seq(2), Nanos(100)));
        assert_eq!(sequencer.time(Nanos(50)), Nanos(100));
        assert_eq!(sequencer.next(Nanos(101)), (Seq(3), Nanos(101)));
    }

    #[test]
    fn a_replay_takes_the_recorded_number_and_time_or_says_what_is_wrong() {
        let mut sequencer = Sequencer::default();
        assert_eq!(sequencer.replay(Seq(1), Nanos(10)), Ok(()));
        let gap = OutOfSequence::Number { expected: Seq(2), found: Seq(3) };
        assert_eq!(sequencer.replay(Seq(3), Nanos(11)), Err(gap));
        assert_eq!(sequencer.replay(Seq(2), Nanos(9)), Err(OutOfSequence::Time(Seq(2))));
        assert_eq!(sequencer.replay(Seq(2), Nanos(10)), Ok(()));
        assert_eq!(sequencer.last(), Seq(2));
    }
}
