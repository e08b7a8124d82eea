//! How much is sent again in a minute.
//!
//! A ResendRequest of a few bytes may ask for all that was ever sent. So a session has a budget of replays and of bytes
//! for each minute; what is above it waits, merged into one range, and costs nothing while it waits.

use super::Settings;
use crate::types::{Nanos, Shift, Span};

const MINUTE: Span = Span::from_secs(60);

/// What was used up of a minute.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget {
    since: Nanos,
    replays: u32,
    bytes: u64,
}

impl Budget {
    /// Whether another replay may begin.
    pub(super) fn admits(&mut self, settings: &Settings, now: Nanos) -> bool {
        if now >= self.since + MINUTE || now < self.since {
            *self = Self { since: now, ..Self::default() };
        }
        self.replays < settings.resends_per_minute && !self.is_used_up(settings)
    }

    /// The clock was set.
    pub(super) fn clock_moved(&mut self, by: Shift) {
        self.since = self.since + by;
    }

    /// A replay has begun.
    pub(super) fn begin(&mut self) {
        self.replays = self.replays.saturating_add(1);
    }

    /// So much was sent again.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// Whether a replay under way has to pause.
    pub(super) fn is_used_up(&self, settings: &Settings) -> bool {
        self.bytes >= settings.resend_bytes_per_minute
    }

    /// When there is room again.
    pub(super) fn refills(&self) -> Nanos {
        self.since + MINUTE
    }
}
