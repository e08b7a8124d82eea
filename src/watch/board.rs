//! Everything that the operator can see of a running server, in one place: for ordinary threads.
//!
//! ```text
//!   agents: Watch, Meters, SecurityLog ──► Board::refresh, some times a minute ──► since the start, and of late
//! ```

use super::figures::{Figures, WatchReader};
use super::meters::{Meter, MetersReader};
use super::security::SecurityCounts;
use crate::types::{Nanos, Span};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What happened of late is told of one to two such times.
const WINDOW: Span = Span::from_secs(10);

/// A board that several threads look at; no agent is one of them.
#[derive(Clone, Debug)]
pub struct Board(Arc<Mutex<State>>);

/// What stands on it.
#[derive(Debug)]
pub struct State {
    watch: WatchReader,
    meters: Vec<MetersReader>,
    security: SecurityCounts,
    started: Nanos,
    now: Nanos,
    /// The window before this one, and this one.
    windows: [Window; 2],
}

/// What came since a moment.
#[derive(Debug, Default)]
struct Window {
    since: Nanos,
    figures: Figures,
    /// What the agents said at that moment.
    meters: Vec<[Option<u64>; Meter::ALL.len()]>,
}

/// One number of one agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    /// Whose.
    pub agent: &'a str,
    /// Of what.
    pub meter: Meter,
    /// How much.
    pub value: u64,
    /// How much more a second of late; `None` for a gauge.
    pub per_second: Option<u64>,
}

impl Board {
    /// A board on which nothing has happened yet.
    pub fn new(watch: WatchReader, meters: Vec<MetersReader>, security: SecurityCounts, now: Nanos) -> Self {
        let windows = [(); 2].map(|()| Window { since: now, ..Window::default() });
        Self(Arc::new(Mutex::new(State { watch, meters, security, started: now, now, windows })))
    }

    /// Takes what agents have handed over, and asks for what came since, and shows it all.
    pub fn refresh(&self, now: Nanos) -> MutexGuard<'_, State> {
        // Sums of what agents have counted: there is nothing to be left half done that would matter.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.refresh(now);
        state
    }
}

impl State {
    fn refresh(&mut self, now: Nanos) {
        self.now = self.now.max(now);
        if self.now.since(self.windows[1].since) >= WINDOW {
            self.windows.swap(0, 1);
            let [_, this] = &mut self.windows;
            this.figures.clear();
            this.since = self.now;
            this.meters.clear();
            this.meters.extend(self.meters.iter().map(MetersReader::read));
        }
        let this = &mut self.windows[1].figures;
        self.watch.collect(|figures| this.add(figures));
    }

    /// Since the start.
    pub fn total(&self) -> &Figures {
        self.watch.total()
    }

    /// Of late, and how long that is.
    pub fn recent(&self) -> (Figures, Span) {
        let [before, this] = &self.windows;
        let mut figures = before.figures.clone();
        figures.add(&this.figures);
        (figures, self.now.since(before.since))
    }

    /// How long it runs.
    pub fn uptime(&self) -> Span {
        self.now.since(self.started)
    }

    /// What each agent says of itself.
    pub fn readings(&self) -> Vec<Reading<'_>> {
        let before = &self.windows[0];
        let millis = self.now.since(before.since).as_millis().max(1);
        let mut told = Vec::new();
        for (at, reader) in self.meters.iter().enumerate() {
            for (meter, value) in Meter::ALL.into_iter().zip(reader.read()) {
                let Some(value) = value else { continue };
                // Before an agent said anything it had counted nothing.
                let then =
                    before.meters.get(at).and_then(|meters| meters[meter as usize]).unwrap_or_default();
                let rate = || value.saturating_sub(then).saturating_mul(1_000) / millis;
                let per_second = meter.is_counter().then(rate);
                told.push(Reading { agent: reader.agent(), meter, value, per_second });
            }
        }
        told
    }

    /// How often each kind of security event has happened.
    pub fn security(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.security.read()
    }
}
