//! When a request passed each stage: stamped on its way, told in its answer where the client asked for it.

use super::time::Nanos;

/// When a request passed each stage; zero where it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// Its bytes were read.
    pub received: Nanos,
    /// Its fields were known.
    pub decoded: Nanos,
    /// Its signature was checked.
    pub verified: Nanos,
    /// Its limit was checked; it goes into the ring.
    pub limited: Nanos,
    /// The shard took it out of the ring.
    pub sequenced: Nanos,
    /// The shard has executed it and appended its record.
    pub matched: Nanos,
}

/// What an answer tells of the time that it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// As far as its request came.
    pub stamps: Stamps,
    /// Its gateway found that its record is as durable as configured; zero where there is none.
    pub durable: Nanos,
    /// The answer was written: what is left is TLS and the socket, and for a refusal over FIX the session log.
    pub sent: Nanos,
}

impl Stamps {
    /// Of a request whose bytes were read then, and that has come no further.
    pub fn received(at: Nanos) -> Self {
        Self { received: at, ..Self::default() }
    }
}

impl Timing {
    /// What each mark is called, in the order of the way.
    pub const NAMES: [&'static str; 7] =
        ["received", "verified", "limited", "sequenced", "matched", "durable", "sent"];

    /// An answer that a gateway gives itself.
    pub fn own(stamps: Stamps, sent: Nanos) -> Self {
        Self { stamps, durable: Nanos(0), sent }
    }

    /// The times of [`Timing::NAMES`]; `None` where the request did not pass. They never go back: threads have clocks
    /// of their own, which agree within some tens of nanoseconds.
    pub fn marks(&self) -> [Option<Nanos>; 7] {
        let Stamps { received, verified, limited, sequenced, matched, .. } = self.stamps;
        let mut last = Nanos(0);
        [received, verified, limited, sequenced, matched, self.durable, self.sent].map(|at| {
            if at.0 == 0 {
                return None;
            }
            last = last.max(at);
            Some(last)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_never_go_back_and_what_was_not_passed_is_not_told() {
        let stamps = Stamps {
            received: Nanos(10),
            decoded: Nanos(11),
            verified: Nanos(20),
            sequenced: Nanos(19),
            matched: Nanos(30),
            ..Stamps::default()
        };
        let told = Timing { stamps, durable: Nanos(0), sent: Nanos(25) }.marks();
        assert_eq!(told.map(|at| at.map_or(0, |at| at.0)), [10, 20, 0, 20, 30, 0, 30]);
        assert_eq!((told[2], told[5]), (None, None));
    }
}
