//! Connections that speak just now: a thread that spins reads them without asking first which are ready.
//!
//! ```text
//!   bytes came ─► hot: read in each turn ─► silent for a while, or too many are hot ─► the poller tells it again
//! ```
//!
//! Asking and reading are two system calls, reading is one; a read that finds nothing costs as much as asking. So it
//! pays while few connections speak. The poller is still asked every few turns, so that no other waits: it tells
//! whatever is not read.

use super::Gateway;
use crate::types::{ConnId, Nanos, Span};

/// Most connections that are read unasked.
const SPEAKERS_MAX: usize = 4;

/// One that was silent for so long is none of them any more.
const COOLS_AFTER: Span = Span::from_millis(10);

/// Where more speak than that, none is read unasked for so long.
const CROWDED_FOR: Span = Span::from_millis(10);

/// In so many turns the poller is asked once.
const TURNS_PER_LOOK: u32 = 4;

/// Who speaks.
#[derive(Debug, Default)]
pub(super) struct Hot {
    is_on: bool,
    /// And when it did last.
    speakers: Vec<(ConnId, Nanos)>,
    crowded_until: Nanos,
    turns: u32,
}

impl Hot {
    /// `is_on` on a thread that spins: one that sleeps is woken by the poller, which then has been asked already.
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on, speakers: Vec::with_capacity(SPEAKERS_MAX), ..Self::default() }
    }

    /// Bytes came from a connection.
    pub(super) fn spoke(&mut self, id: ConnId, now: Nanos) {
        if !self.is_on || now < self.crowded_until {
            return;
        }
        if let Some((_, last)) = self.speakers.iter_mut().find(|(speaker, _)| *speaker == id) {
            *last = now;
        } else if self.speakers.len() < SPEAKERS_MAX {
            self.speakers.push((id, now));
        } else {
            self.speakers.clear();
            self.crowded_until = now + CROWDED_FOR;
        }
    }

    /// The connection to be read at this place of a turn.
    fn speaker(&self, at: usize) -> Option<ConnId> {
        self.speakers.get(at).map(|(id, _)| *id)
    }

    /// The turn has read them all. Whether the poller is to be asked in it.
    fn read(&mut self, now: Nanos) -> bool {
        self.speakers.retain(|(_, last)| now.since(*last) < COOLS_AFTER);
        self.turns = (self.turns + 1) % TURNS_PER_LOOK;
        self.turns == 0 || self.speakers.is_empty()
    }
}

impl Gateway {
    /// Reads who speaks; how many had something, and whether the poller is to be asked as well.
    pub(super) fn hot_turn(&mut self, now: Nanos) -> (usize, bool) {
        let (mut count, mut at) = (0, 0);
        while let Some(id) = self.hot.speaker(at) {
            count += usize::from(self.read(id));
            at += 1;
        }
        (count, self.hot.read(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speakers(hot: &Hot) -> Vec<u64> {
        hot.speakers.iter().map(|(id, _)| id.0).collect()
    }

    #[test]
    fn who_is_silent_cools_and_the_poller_is_asked_every_few_turns() {
        let mut hot = Hot::new(true);
        hot.spoke(ConnId(1), Nanos(0));
        hot.spoke(ConnId(2), Nanos(5));
        let asked = (0..8).filter(|_| hot.read(Nanos(9))).count();
        assert_eq!((speakers(&hot), asked), (vec![1, 2], 2));
        hot.read(Nanos(0) + COOLS_AFTER);
        assert_eq!(speakers(&hot), [2]);
        assert!(hot.read(Nanos(5) + COOLS_AFTER) && hot.read(Nanos(6) + COOLS_AFTER), "nobody speaks");
    }

    #[test]
    fn where_many_speak_all_of_them_wait_for_the_poller_for_a_while() {
        let mut hot = Hot::new(true);
        (0..=SPEAKERS_MAX as u64).for_each(|n| hot.spoke(ConnId(n), Nanos(7)));
        assert_eq!(speakers(&hot), [0; 0]);
        hot.spoke(ConnId(1), Nanos(6) + CROWDED_FOR);
        assert_eq!(speakers(&hot), [0; 0]);
        hot.spoke(ConnId(1), Nanos(7) + CROWDED_FOR);
        assert_eq!(speakers(&hot), [1]);
    }

    #[test]
    fn a_thread_that_sleeps_reads_nobody_unasked() {
        let mut hot = Hot::new(false);
        hot.spoke(ConnId(1), Nanos(0));
        assert_eq!((speakers(&hot), hot.read(Nanos(0))), (vec![], true));
    }
}
