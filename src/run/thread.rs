//! One thread: polls its agents in turn, rests as its idle strategy says when none had work, ends when told.

use super::agent::{Agent, Epilogue, Fault, Work};
use super::hiccup::Hiccups;
use super::phase::{Control, Phase};
use crate::config::{Config, Idle, ThreadPlan};
use crate::sys::clock::Clock;
use crate::sys::pin::{pin_to_core, usable_cores};
use crate::sys::poll::{EVENTS_MAX, Interest, Poller, Ready};
use crate::sys::tally::{Tally, tally};
use crate::types::{Nanos, Span};
use crate::watch::{Meter, Meters};

/// Longest sleep of a parked thread: timers of sessions are this exact while nothing else happens.
const PARK_MAX: Span = Span::from_millis(5);

/// How often the meters are written.
const MEASURE_EVERY: Span = Span::from_millis(5);

/// A thread to be: what it polls, and where it sleeps.
pub struct Loop {
    plan: ThreadPlan,
    agents: Vec<Box<dyn Agent>>,
    poller: Poller,
    /// What ended the last sleep; nobody looks, but it wants its memory only once.
    woken: Vec<Ready>,
    control: Control,
    meters: Meters,
    hiccups: Hiccups,
    /// When they are written next.
    measure_due: Nanos,
}

/// Tells the other threads if this one panics, so that none waits for it forever.
struct FailOnPanic<'a>(&'a Control);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail();
        }
    }
}

impl Loop {
    /// A loop over `agents`. `poller` is the one whose waker their neighbours have.
    pub fn new(
        plan: ThreadPlan,
        agents: Vec<Box<dyn Agent>>,
        poller: Poller,
        control: Control,
        meters: Meters,
    ) -> std::io::Result<Self> {
        // A thread that never sleeps need not be woken, and who sends would pay for it with each packet.
        let sleepers = agents.iter().filter(|_| plan.idle == Idle::Park);
        for (token, agent) in sleepers.enumerate() {
            if let Some(sockets) = agent.sockets() {
                // An epoll descriptor is readable while one of its own is, so one sleep covers all agents.
                poller.add(sockets, token as u64, Interest::Read)?;
            }
        }
        let woken = Vec::with_capacity(EVENTS_MAX);
        Ok(Self {
            plan,
            agents,
            poller,
            woken,
            control,
            meters,
            hiccups: Hiccups::default(),
            measure_due: Nanos(0),
        })
    }

    /// Runs until the server has stopped, or until an agent meets a fault.
    pub fn run(mut self) -> Result<Vec<Epilogue>, Fault> {
        let control = self.control.clone();
        let _guard = FailOnPanic(&control);
        if let Some(core) = self.plan.core
            && let Err(error) = pin_to_core(core)
        {
            eprintln!("sealgate: warning: cannot pin a thread to core {core}: {error}; it runs unpinned");
        }
        let ended = self.turns();
        if ended.is_err() {
            control.fail();
        }
        ended?;
        Ok(self.agents.into_iter().map(Agent::finish).collect())
    }

    fn turns(&mut self) -> Result<(), Fault> {
        let mut clock = Clock::new();
        let mut told = (Phase::Running, vec![false; self.agents.len()]);
        loop {
            let now = clock.now();
            self.hiccups.turn_begins(now);
            self.measure(now);
            let mut work = Work::Idle;
            for agent in &mut self.agents {
                work = work.or(agent.poll(now)?);
            }
            self.hiccups.turn_ends(now, work == Work::Idle);
            let phase = self.control.phase();
            if phase == Phase::Stopped || self.control.has_failed() {
                return Ok(());
            }
            if phase != Phase::Running {
                if told.0 != phase {
                    told = (phase, vec![false; self.agents.len()]);
                }
                for (agent, done) in self.agents.iter_mut().zip(&mut told.1) {
                    if agent.stopping(phase, now) && !std::mem::replace(done, true) {
                        self.control.agent_done(phase);
                    }
                }
            }
            if work == Work::Idle {
                self.rest();
            }
        }
    }

    /// Writes what the operator may look at.
    fn measure(&mut self, now: Nanos) {
        if now < self.measure_due {
            return;
        }
        self.measure_due = now + MEASURE_EVERY;
        let Tally { allocations, library_allocations, calls } = tally();
        // Where nobody counts allocations there are none, which would be a lie.
        if allocations > 0 {
            self.meters.set(Meter::Allocations, allocations);
            self.meters.set(Meter::LibraryAllocations, library_allocations);
        }
        self.meters.set(Meter::SystemCalls, calls);
        // Who sleeps or lets others go first is not robbed by them.
        if self.plan.idle == Idle::Spin {
            self.hiccups.measure(&mut self.meters);
        }
    }

    fn rest(&mut self) {
        match self.plan.idle {
            Idle::Spin => std::hint::spin_loop(),
            Idle::Yield => std::thread::yield_now(),
            Idle::Park => {
                let agents = &self.agents;
                let nothing_to_do = || agents.iter().all(|agent| !agent.has_input());
                // An interrupted or failed sleep is a short one: the next turn looks again.
                let _ = self.poller.sleep(Some(PARK_MAX), &mut self.woken, nothing_to_do);
            }
        }
    }
}

/// Fewer cores than spinning threads still works, only not fast: each waits for the others' time slices.
pub fn warn_if_crowded(config: &Config) {
    // Where the kernel does not tell, one is the safe guess.
    let cores = usable_cores().map_or(1, |cores| cores.len());
    let threads = &config.topology.threads;
    let spinning = threads.iter().filter(|thread| thread.idle == Idle::Spin).count();
    if spinning >= cores && spinning > 0 {
        eprintln!(
            "sealgate: warning: {spinning} of {} threads spin on {cores} cores; nothing is left for the kernel and \
             the journal, so use idle = \"yield\" or \"park\"",
            threads.len(),
        );
    }
}
