//! The cap on messages of one connection, before anything costly is done with them.

use crate::types::{Detail, Nanos, Refusal, Reject, Shift, Span};

const SECOND: u64 = 1_000_000_000;

/// How many messages a connection may send: a bucket that leaks `messages_per_second`.
///
/// It holds as much as leaks in a second, so that a burst of that many passes at once. A message that finds it full
/// is refused but poured in all the same; one that finds it full twice over ends the connection. So whoever heeds the
/// refusals goes on, and whoever floods is cut.
#[derive(Clone, Debug)]
pub struct MessageCap {
    /// What one message fills, in nanoseconds of leaking.
    drop: u64,
    /// What is in the bucket.
    level: u64,
    /// When it was `level`.
    at: Nanos,
}

/// What is to be done with a message.
#[must_use = "a message above the cap must not go on"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapVerdict {
    /// Go on with it.
    Pass,
    /// Refuse it.
    Refuse(Refusal),
    /// Close the connection.
    Close,
}

impl MessageCap {
    /// An empty bucket. A cap of 0 is taken for 1.
    pub fn new(messages_per_second: u32) -> Self {
        let drop = (SECOND / u64::from(messages_per_second.max(1))).max(1);
        Self { drop, level: 0, at: Nanos(0) }
    }

    /// The clock was set: what has leaked goes by the time that went by.
    pub fn clock_moved(&mut self, by: Shift) {
        self.at = self.at + by;
    }

    /// Counts a message that came at `now`.
    pub fn count(&mut self, now: Nanos) -> CapVerdict {
        self.level = self.level.saturating_sub(now.since(self.at).0) + self.drop;
        self.at = self.at.max(now);
        match self.level {
            0..=SECOND => CapVerdict::Pass,
            level if level <= 2 * SECOND => {
                let retry_after = Span(level - SECOND);
                CapVerdict::Refuse(Refusal::with(Reject::ConnectionRate, Detail::RetryAfter(retry_after)))
            }
            _ => CapVerdict::Close,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Nanos = Nanos(1_800_000_000_000_000_000);

    fn verdicts(cap: &mut MessageCap, count: usize, now: Nanos) -> (usize, usize, usize) {
        let (mut pass, mut refuse, mut close) = (0, 0, 0);
        for _ in 0..count {
            match cap.count(now) {
                CapVerdict::Pass => pass += 1,
                CapVerdict::Refuse(_) => refuse += 1,
                CapVerdict::Close => close += 1,
            }
        }
        (pass, refuse, close)
    }

    #[test]
    fn a_burst_of_the_cap_passes_then_messages_are_refused_then_the_connection_is_closed() {
        let mut cap = MessageCap::new(100);
        assert_eq!(verdicts(&mut cap, 201, NOW), (100, 100, 1));
    }

    #[test]
    fn whoever_heeds_the_refusal_goes_on() {
        let mut cap = MessageCap::new(100);
        assert_eq!(verdicts(&mut cap, 100, NOW), (100, 0, 0));
        let CapVerdict::Refuse(Refusal { reject: Reject::ConnectionRate, detail: Detail::RetryAfter(wait) }) =
            cap.count(NOW)
        else {
            panic!("one too many passed")
        };
        assert_eq!(wait, Span::from_millis(10));
        // The refused one was counted, so one more has to leak before another has room.
        assert_eq!(cap.count(NOW + wait + Span::from_millis(10)), CapVerdict::Pass);
    }

    #[test]
    fn the_cap_itself_can_be_kept_up_for_ever() {
        let mut cap = MessageCap::new(3);
        let total: usize =
            (0..600).map(|second| verdicts(&mut cap, 3, NOW + Span::from_secs(second)).0).sum();
        assert_eq!(total, 1_800);
    }

    #[test]
    fn a_clock_that_is_behind_leaks_nothing_and_breaks_nothing() {
        let mut cap = MessageCap::new(2);
        assert_eq!(cap.count(NOW), CapVerdict::Pass);
        assert_eq!(cap.count(NOW - Span::from_secs(5)), CapVerdict::Pass);
        assert!(matches!(cap.count(NOW), CapVerdict::Refuse(_)));
    }
}
