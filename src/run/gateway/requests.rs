//! Requests that a shard has, until they are answered: which connection asked, and what its answer looks like.
//!
//! A token is a slot and how often it was used, so that an answer that comes after its request was given up finds
//! nothing. Requests stand in the order in which they were made, so the ones that wait too long are at the front.

use crate::types::{ConnId, Nanos, Shift, Span};
use std::collections::VecDeque;

/// Generations stay below this, so that the highest bit of a token is free to tell other tokens apart.
const GENERATION_MAX: u32 = u32::MAX >> 1;

/// A request that waits.
#[derive(Debug)]
pub struct Waiting<T> {
    /// Who asked.
    pub conn: ConnId,
    /// When.
    pub since: Nanos,
    /// What the answer needs to know.
    pub ask: T,
}

/// The table.
#[derive(Debug)]
pub struct Requests<T> {
    slots: Vec<(u32, Option<Waiting<T>>)>,
    free: Vec<u32>,
    by_age: VecDeque<(Nanos, u64)>,
}

impl<T> Default for Requests<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), by_age: VecDeque::new() }
    }
}

impl<T> Requests<T> {
    /// The token that the next request gets.
    pub fn next_token(&self) -> u64 {
        match self.free.last() {
            Some(&slot) => token(slot, self.slots[slot as usize].0),
            None => token(self.slots.len() as u32, 0),
        }
    }

    /// Puts a request under [`Requests::next_token`].
    pub fn insert(&mut self, conn: ConnId, since: Nanos, ask: T) -> u64 {
        let token = self.next_token();
        let waiting = Waiting { conn, since, ask };
        match self.free.pop() {
            Some(slot) => self.slots[slot as usize].1 = Some(waiting),
            None => self.slots.push((0, Some(waiting))),
        }
        self.by_age.push_back((since, token));
        token
    }

    /// The request of this token, if it still waits.
    pub fn get_mut(&mut self, token: u64) -> Option<&mut Waiting<T>> {
        let (generation, waiting) = self.slots.get_mut(slot_of(token))?;
        if u64::from(*generation) != token >> 32 {
            return None;
        }
        waiting.as_mut()
    }

    /// Takes the request out: it is answered now.
    pub fn remove(&mut self, token: u64) -> Option<Waiting<T>> {
        self.get_mut(token)?;
        let slot = slot_of(token);
        let (generation, waiting) = &mut self.slots[slot];
        *generation = (*generation + 1) & GENERATION_MAX;
        self.free.push(slot as u32);
        // Answered ones at the front go at once, so the list is as short as the requests that wait.
        let taken = waiting.take();
        while let Some(&(_, oldest)) = self.by_age.front()
            && self.get_mut(oldest).is_none()
        {
            self.by_age.pop_front();
        }
        taken
    }

    /// Takes out the oldest request if it has waited for `longest` at least.
    pub fn expire(&mut self, now: Nanos, longest: Span) -> Option<Waiting<T>> {
        let &(since, token) = self.by_age.front()?;
        if now.since(since) < longest {
            return None;
        }
        self.remove(token)
    }

    /// The clock was set: nobody has waited for that.
    pub fn clock_moved(&mut self, by: Shift) {
        self.by_age.iter_mut().for_each(|(since, _)| *since = *since + by);
        self.slots.iter_mut().filter_map(|(_, waiting)| waiting.as_mut()).for_each(|waiting| {
            waiting.since = waiting.since + by;
        });
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }
}

fn token(slot: u32, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(slot)
}

fn slot_of(token: u64) -> usize {
    (token & 0xffff_ffff) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONN: ConnId = ConnId(1);

    #[test]
    fn a_late_answer_finds_nothing() {
        let mut requests = Requests::default();
        let first = requests.insert(CONN, Nanos(0), 'a');
        assert_eq!(requests.remove(first).map(|waiting| waiting.ask), Some('a'));
        let second = requests.insert(CONN, Nanos(1), 'b');
        assert_ne!(first, second);
        assert!(requests.get_mut(first).is_none());
        assert!(requests.get_mut(second).is_some());
    }

    #[test]
    fn requests_are_given_up_oldest_first_and_not_before_their_time() {
        let mut requests = Requests::default();
        let tokens: Vec<u64> = (0..3).map(|n| requests.insert(CONN, Nanos(n), n)).collect();
        requests.remove(tokens[0]);
        assert!(requests.expire(Nanos(10), Span(10)).is_none());
        assert_eq!(requests.expire(Nanos(11), Span(10)).map(|waiting| waiting.ask), Some(1));
        assert_eq!(requests.expire(Nanos(12), Span(10)).map(|waiting| waiting.ask), Some(2));
        assert!(requests.expire(Nanos(99), Span(10)).is_none() && requests.is_empty());
    }

    #[test]
    fn nobody_has_waited_because_the_clock_was_set() {
        let mut requests = Requests::default();
        requests.insert(CONN, Nanos(10), 'a');
        requests.clock_moved(Shift(1_000));
        assert!(requests.expire(Nanos(1_019), Span(10)).is_none());
        assert_eq!(requests.expire(Nanos(1_020), Span(10)).map(|waiting| waiting.since), Some(Nanos(1_010)));
    }

    #[test]
    fn the_announced_token_is_the_one_that_is_given() {
        let mut requests = Requests::default();
        for n in 0..100u64 {
            let announced = requests.next_token();
            assert_eq!(requests.insert(CONN, Nanos(n), n), announced);
            if n % 3 == 0 {
                requests.remove(announced);
            }
        }
    }
}
