//! How long to wait before the next attempt to connect.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// Pauses that double up to a longest one. Each is drawn from its upper half, so that the clients that one restart of
/// a server threw out do not come back in the same moment.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
    random: u64,
}

impl Backoff {
    /// From `first` to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        // The standard library's only source of randomness; it need not be a good one.
        Self::seeded(first, longest, RandomState::new().build_hasher().finish())
    }

    fn seeded(first: Duration, longest: Duration, seed: u64) -> Self {
        Self { next: first.min(longest), longest, random: seed | 1 }
    }

    /// The pause before the next attempt.
    pub fn pause(&mut self) -> Duration {
        let (whole, half) = (self.next, self.next / 2);
        self.next = whole.saturating_mul(2).min(self.longest);
        let spread = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).saturating_add(1);
        whole.saturating_sub(Duration::from_nanos(self.draw() % spread))
    }

    /// Xorshift: any sequence that is not the neighbour's will do.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_the_longest_and_keep_to_their_upper_half() {
        for seed in 0..100 {
            let mut backoff = Backoff::seeded(FIRST, LONGEST, seed);
            for millis in [100, 200, 400, 800, 1_000, 1_000] {
                let (pause, whole) = (backoff.pause(), Duration::from_millis(millis));
                assert!(pause >= whole / 2 && pause <= whole, "{pause:?} of {whole:?}");
            }
        }
    }

    #[test]
    fn two_clients_do_not_come_back_in_the_same_moment() {
        let pauses = |seed| {
            let mut backoff = Backoff::seeded(FIRST, LONGEST, seed);
            [backoff.pause(), backoff.pause(), backoff.pause()]
        };
        assert_ne!(pauses(1), pauses(99));
    }
}
