//! Connections that speak just now: a thread that spins reads them without asking first which are ready.
//!
//! ```text
//!   bytes came ─► hot: read in each turn ─► silent for a while, or too many are hot ─► the poller tells it again
//!        └ again: the poller lets go of it
//! ```
//!
//! Asking and reading are two system calls, reading is one; a read that finds nothing costs as much as asking. So it
//! pays while few connections speak. One that speaks again is let go by the poller: otherwise the kernel tells the
//! poller of each packet, in the time of whoever sends it.
//!
//! Whatever has no hurry, the poller among it, has its turn every few turns: no other waits for long, and who speaks is
//! looked at more often.

use super::Gateway;
use crate::sys::poll::Interest;
use crate::types::{ConnId, Nanos, Span};

/// Most connections that are read unasked.
const SPEAKERS_MAX: usize = 4;

/// One that was silent for so long is none of them any more.
const COOLS_AFTER: Span = Span::from_millis(10);

/// Where more speak than that, none is read unasked for so long.
const CROWDED_FOR: Span = Span::from_millis(10);

/// After so many turns one is whole.
const TURNS_PER_WHOLE: u32 = 8;

/// So many more, if each of them brings a message: that goes to its shard first.
const TURNS_PUT_OFF_MAX: u32 = 8;

/// Who speaks.
#[derive(Debug, Default)]
pub(super) struct Hot {
    is_on: bool,
    /// And when it did last.
    speakers: Vec<(ConnId, Nanos)>,
    /// Those that the poller is to tell again.
    cooled: Vec<ConnId>,
    crowded_until: Nanos,
    turns: u32,
}

impl Hot {
    /// `is_on` on a thread that spins: one that sleeps is woken by the poller, which then has been asked already.
    pub(super) fn new(is_on: bool) -> Self {
        let (speakers, cooled) = (Vec::with_capacity(SPEAKERS_MAX), Vec::with_capacity(SPEAKERS_MAX));
        Self { is_on, speakers, cooled, ..Self::default() }
    }

    /// Bytes came from a connection. Whether it speaks again, so that the poller may let go of it.
    pub(super) fn spoke(&mut self, id: ConnId, now: Nanos) -> bool {
        if !self.is_on || now < self.crowded_until {
            return false;
        }
        if let Some((_, last)) = self.speakers.iter_mut().find(|(speaker, _)| *speaker == id) {
            *last = now;
            return true;
        }
        if self.speakers.len() < SPEAKERS_MAX {
            self.speakers.push((id, now));
        } else {
            self.cooled.extend(self.speakers.drain(..).map(|(id, _)| id));
            self.crowded_until = now + CROWDED_FOR;
        }
        false
    }

    /// The connection to be read at this place of a turn.
    fn speaker(&self, at: usize) -> Option<ConnId> {
        self.speakers.get(at).map(|(id, _)| *id)
    }

    /// A turn begins. Whether it is one in which everything has its turn: each is, while nobody speaks.
    pub(super) fn turn(&mut self, now: Nanos) -> bool {
        self.turns += 1;
        let is_whole = self.turns >= TURNS_PER_WHOLE || self.speakers.is_empty();
        if is_whole {
            let cooled = self.speakers.extract_if(.., |(_, last)| now.since(*last) >= COOLS_AFTER);
            self.cooled.extend(cooled.map(|(id, _)| id));
        }
        is_whole
    }

    /// Who speaks was read in a turn that is to be whole. Whether the rest of it is put off, as there was something.
    pub(super) fn puts_off(&mut self, heard: usize) -> bool {
        let puts_off = heard > 0 && self.turns < TURNS_PER_WHOLE + TURNS_PUT_OFF_MAX;
        if !puts_off {
            self.turns = 0;
        }
        puts_off
    }
}

impl Gateway {
    /// Reads who speaks; how many had something.
    pub(super) fn hot_turn(&mut self) -> usize {
        while let Some(id) = self.hot.cooled.pop() {
            self.watch(id);
        }
        let (mut count, mut at) = (0, 0);
        while let Some(id) = self.hot.speaker(at) {
            count += usize::from(self.read(id));
            at += 1;
        }
        count
    }

    /// The poller lets go of a connection that is read without it. One whose bytes wait for the socket it keeps.
    pub(super) fn unwatch(&mut self, id: ConnId) {
        if let Some(connection) = self.connections.get_mut(id)
            && connection.is_watched
            && !connection.watched_for_write
        {
            connection.is_watched = self.poller.remove(connection.link.stream()).is_err();
        }
    }

    /// The poller tells of a connection again.
    fn watch(&mut self, id: ConnId) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if !std::mem::replace(&mut connection.is_watched, true)
            && self.poller.add(connection.link.stream(), id.0, Interest::Read).is_err()
        {
            self.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speakers(hot: &Hot) -> Vec<u64> {
        hot.speakers.iter().map(|(id, _)| id.0).collect()
    }

    #[test]
    fn who_is_silent_cools_and_every_few_turns_one_is_whole() {
        let mut hot = Hot::new(true);
        assert!(!hot.spoke(ConnId(1), Nanos(0)) && !hot.spoke(ConnId(2), Nanos(4)));
        assert!(hot.spoke(ConnId(2), Nanos(5)), "it speaks again");
        let turns = |hot: &mut Hot, count: u32, now: Nanos| {
            (0..count).filter(|_| hot.turn(now) && !hot.puts_off(0)).count()
        };
        assert_eq!(turns(&mut hot, 2 * TURNS_PER_WHOLE, Nanos(9)), 2);
        assert_eq!(speakers(&hot), [1, 2]);
        assert_eq!(turns(&mut hot, TURNS_PER_WHOLE, Nanos(0) + COOLS_AFTER), 1);
        assert_eq!(speakers(&hot), [2]);
        assert_eq!(hot.cooled, [ConnId(1)]);
        assert_eq!(turns(&mut hot, TURNS_PER_WHOLE, Nanos(5) + COOLS_AFTER), 1);
        assert_eq!(turns(&mut hot, 8, Nanos(6) + COOLS_AFTER), 8, "nobody speaks");
    }

    #[test]
    fn a_whole_turn_is_put_off_for_a_message_but_not_for_ever() {
        let mut hot = Hot::new(true);
        hot.spoke(ConnId(1), Nanos(0));
        let put_off = (1..).take_while(|_| !hot.turn(Nanos(0)) || hot.puts_off(1)).count();
        assert_eq!(put_off, (TURNS_PER_WHOLE + TURNS_PUT_OFF_MAX - 1) as usize);
        assert!(!hot.turn(Nanos(0)), "then it counts anew");
    }

    #[test]
    fn where_many_speak_all_of_them_wait_for_the_poller_for_a_while() {
        let mut hot = Hot::new(true);
        (0..=SPEAKERS_MAX as u64).for_each(|n| _ = hot.spoke(ConnId(n), Nanos(7)));
        assert_eq!((speakers(&hot).len(), hot.cooled.len()), (0, SPEAKERS_MAX));
        hot.spoke(ConnId(1), Nanos(6) + CROWDED_FOR);
        assert_eq!(speakers(&hot), [0; 0]);
        hot.spoke(ConnId(1), Nanos(7) + CROWDED_FOR);
        assert_eq!(speakers(&hot), [1]);
    }

    #[test]
    fn a_thread_that_sleeps_reads_nobody_unasked() {
        let mut hot = Hot::new(false);
        assert!(!hot.spoke(ConnId(1), Nanos(0)) && !hot.spoke(ConnId(1), Nanos(1)));
        assert_eq!((speakers(&hot), hot.turn(Nanos(1))), (vec![], true));
    }
}
