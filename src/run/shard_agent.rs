//! A shard under a thread: takes inputs from the gateways' rings in turn, runs the core, appends the record, tells
//! every gateway. Timers that are due come before the next input, and so does what the operator wants.
//!
//! Back-pressure: a command is taken only while each output ring has room for the most events that one step can
//! make, and the journal ring for the longest record. While one is full the inputs wait in their rings, which fill,
//! and the gateways answer `Busy`. Nothing is dropped.

use super::agent::{Agent, Epilogue, Fault, Work};
use super::journal::port::JournalPort;
use super::phase::Phase;
use super::shard::{Outcome, Shard, Step};
use crate::admin::kill_port::{self, Order};
use crate::journal::append::Appender;
use crate::limits::{EVENTS_PER_STEP_MAX, RECORD_BYTES_MAX, SHARD_INPUT_SLOTS};
use crate::ring::flag::Flag;
use crate::ring::spsc;
use crate::run::rings::InputReader;
use crate::sys::clock::Clock;
use crate::sys::poll::Waker;
use crate::types::{Cause, Command, Event, Nanos, Origin, ShardInput, ShardOutput, SignedBytes, Span};
use crate::watch::{Meter, Meters};
use std::collections::VecDeque;

/// Most inputs in one turn: all that a gateway can have put into its ring since the last one. Were it fewer, the ring
/// between two agents of one thread would fill, and refuse orders as `Busy` for which there was time.
const INPUTS_PER_TURN_MAX: usize = SHARD_INPUT_SLOTS;

/// How often the meters are written.
const MEASURE_EVERY: Span = Span::from_millis(5);

/// The rings between one gateway and this shard, from the shard's side.
#[derive(Debug)]
pub struct GatewayPort {
    /// Requests of the gateway.
    pub inputs: InputReader,
    /// What the gateway hears.
    pub outputs: spsc::Producer<ShardOutput>,
    /// Wakes the gateway's thread where that sleeps.
    pub waker: Waker,
}

/// A gateway that hears what happens.
#[derive(Debug)]
struct Listener {
    outputs: spsc::Producer<ShardOutput>,
    waker: Waker,
}

/// The agent.
#[derive(Debug)]
pub struct ShardAgent {
    shard: Shard,
    clock: Clock,
    inputs: Vec<InputReader>,
    gateways: Vec<Listener>,
    /// The gateway that is asked first in the next turn, so that none starves.
    first: usize,
    journal: JournalPort,
    appender: Appender,
    /// Commands of the venue's own that wait for the end of a sweep.
    waiting: VecDeque<Command>,
    /// What the control plane asks; `None`: there is none.
    kills: Option<kill_port::ShardPort>,
    /// A kill switch that was engaged, whose orders are not all canceled: its ticket and what is to be answered.
    killing: Option<(u64, kill_port::Done)>,
    /// Whether the journal has no room for its next segment: what is left is for cancels.
    disk_full: Flag,
    meters: Meters,
    /// When they are written next.
    measure_due: Nanos,
}

impl ShardAgent {
    /// An agent for a recovered (or new) shard.
    pub fn new(shard: Shard, clock: Clock, gateways: Vec<GatewayPort>, journal: JournalPort) -> Self {
        let split = |GatewayPort { inputs, outputs, waker }| (inputs, Listener { outputs, waker });
        let (inputs, gateways) = gateways.into_iter().map(split).unzip();
        Self {
            shard,
            clock,
            inputs,
            gateways,
            first: 0,
            journal,
            appender: Appender::default(),
            waiting: VecDeque::new(),
            kills: None,
            killing: None,
            disk_full: Flag::default(),
            meters: Meters::default(),
            measure_due: Nanos(0),
        }
    }

    /// The same, which does what an operator asks.
    #[must_use]
    pub fn obeying(self, kills: kill_port::ShardPort) -> Self {
        Self { kills: Some(kills), ..self }
    }

    /// The same, which takes no orders while the journal's disk is full.
    #[must_use]
    pub fn heeding(self, disk_full: Flag) -> Self {
        Self { disk_full, ..self }
    }

    /// The same, with meters at which somebody looks.
    #[must_use]
    pub fn metered(self, meters: Meters) -> Self {
        Self { meters, ..self }
    }

    /// Writes what the operator may look at, before the rings are emptied.
    fn measure(&mut self, now: Nanos) {
        if now < self.measure_due {
            return;
        }
        self.measure_due = now + MEASURE_EVERY;
        let waiting = self.inputs.iter().map(|inputs| inputs.slots() as u64).sum();
        self.meters.set(Meter::InputsWaiting, waiting);
        self.journal.measure(self.shard.last_seq(), &mut self.meters);
    }

    /// Executes commands of the venue's own before the first gateway speaks, such as instruments of the configuration.
    /// What became due while the server was down comes after them. A sweep that a crash cut short comes before them:
    /// then they wait until the agent runs and the gateways hear how it ends. So does a kill switch, which may cancel
    /// orders.
    pub fn configure(&mut self, commands: &[Command], now: Nanos) -> Result<(), Fault> {
        let cancels = commands.iter().position(|command| matches!(command, Command::Kill(_)));
        let at_once = if self.shard.has_pending() { 0 } else { cancels.unwrap_or(commands.len()) };
        let (at_once, later) = commands.split_at(at_once);
        self.waiting.extend(later);
        for command in at_once {
            if !self.has_room() {
                return Err(self.fault("the journal ring is too small for the configuration"));
            }
            self.configure_one(command, now)?;
        }
        Ok(())
    }

    fn configure_one(&mut self, command: &Command, now: Nanos) -> Result<(), Fault> {
        if let Outcome::Step(step) = self.shard.execute(None, command, now) {
            if step.events.is_empty() && *command != Command::Restarted {
                let what =
                    format!("the journal does not allow {command:?}: what an instrument is never changes");
                return Err(self.fault(&what));
            }
            append(&mut self.appender, &mut self.journal, &step, &SignedBytes::NONE);
            // What the venue says of itself is heard by nobody but the agents.
            if matches!(command, Command::Kill(_)) {
                tell_all(&mut self.gateways, &step, self.clock.now());
            }
        }
        Ok(())
    }

    fn fault(&self, what: &str) -> Fault {
        Fault { agent: self.name(), what: what.to_owned() }
    }

    fn has_room(&self) -> bool {
        self.journal.records.fits(1, RECORD_BYTES_MAX)
            && self.gateways.iter().all(|gateway| gateway.outputs.slots() >= EVENTS_PER_STEP_MAX)
    }

    /// Takes the next input of a gateway, if one has any. It is read where it lies in its ring.
    fn take_next(&mut self, now: Nanos) -> bool {
        let count = self.inputs.len();
        let mut from_first = (0..count).map(|offset| (self.first + offset) % count);
        let Some(at) = from_first.find(|at| !self.inputs[*at].is_empty()) else { return false };
        self.first = (at + 1) % count;
        let Some(letter) = self.inputs[at].front() else { return false };
        match letter.value() {
            ShardInput::Query { origin, query } => {
                let output = self.shard.query(stamped(*origin, now), query, now);
                tell_one(&mut self.gateways, output, self.clock.now());
            }
            ShardInput::Command { origin, command, signature } => {
                let origin = origin.map(|origin| stamped(origin, now));
                match self.shard.execute(origin, command, now) {
                    Outcome::Step(step) => {
                        let signed = SignedBytes::new(letter.bytes(), *signature);
                        append(&mut self.appender, &mut self.journal, &step, &signed);
                        tell_all(&mut self.gateways, &step, self.clock.now());
                    }
                    Outcome::Repetition(Some(output)) => {
                        tell_one(&mut self.gateways, output, self.clock.now());
                    }
                    Outcome::Repetition(None) => {}
                }
            }
        }
        letter.release();
        true
    }

    /// A step that no input asks for: a timer has no evidence, and that of the request whose sweep goes on stands in
    /// the record of its first step.
    fn go_on(&mut self, run: fn(&mut Shard, Nanos) -> Step<'_>, now: Nanos) {
        let step = run(&mut self.shard, now);
        append(&mut self.appender, &mut self.journal, &step, &SignedBytes::NONE);
        tell_all(&mut self.gateways, &step, self.clock.now());
        if let Some((_, done)) = &mut self.killing {
            done.canceled += killed(&step);
        }
        self.answer_operator();
    }

    /// Does what the operator asks, if he does; whether he did.
    fn obey(&mut self, now: Nanos) -> bool {
        let Some((ticket, order)) = self.kills.as_mut().and_then(|port| port.take()) else { return false };
        let mut done = kill_port::Done::default();
        if let Order::Set(switch) = order
            && let Outcome::Step(step) = self.shard.execute(None, &Command::Kill(switch), now)
        {
            append(&mut self.appender, &mut self.journal, &step, &SignedBytes::NONE);
            tell_all(&mut self.gateways, &step, self.clock.now());
            (done.changed, done.canceled) = (true, killed(&step));
        }
        self.killing = Some((ticket, done));
        self.answer_operator();
        true
    }

    /// Answers the operator once all is done; he waits himself until it is durable.
    fn answer_operator(&mut self) {
        if self.shard.has_pending() {
            return;
        }
        let (Some((ticket, done)), Some(port)) = (self.killing.take(), &mut self.kills) else { return };
        let (upto, engaged) = (self.shard.last_seq(), self.shard.engaged().collect());
        port.done(ticket, kill_port::Done { upto, engaged, ..done });
    }

    fn has_order(&self) -> bool {
        self.kills.as_ref().is_some_and(kill_port::ShardPort::has_order)
    }
}

impl Agent for ShardAgent {
    fn name(&self) -> String {
        format!("shard-{}", self.shard.id())
    }

    fn poll(&mut self, now: Nanos) -> Result<Work, Fault> {
        self.measure(now);
        self.shard.take_orders(!self.disk_full.is_set());
        let mut taken = 0;
        let mut is_asked = self.has_order();
        while taken < INPUTS_PER_TURN_MAX && (self.has_input() || self.shard.is_due(now)) && self.has_room() {
            // Read for each input: the time of an order is when it was sequenced, after all queueing.
            let now = self.clock.now();
            if self.shard.has_pending() {
                self.go_on(Shard::proceed, now);
            } else if let Some(command) = self.waiting.pop_front() {
                self.configure_one(&command, now)?;
            } else if self.shard.is_due(now) {
                self.go_on(Shard::fire, now);
            } else if is_asked {
                is_asked = self.obey(now);
            } else if !self.take_next(now) {
                break;
            }
            taken += 1;
        }
        match taken {
            // The first touch of a page takes as long as all the rest of an order.
            0 => drop(self.shard.touch()),
            _ => {
                self.journal.wake();
                self.gateways.iter().for_each(|gateway| gateway.waker.wake());
            }
        }
        Ok(Work::from_count(taken))
    }

    fn has_input(&self) -> bool {
        self.shard.has_pending()
            || !self.waiting.is_empty()
            || self.has_order()
            || self.inputs.iter().any(|inputs| !inputs.is_empty())
    }

    fn stopping(&mut self, phase: Phase, _now: Nanos) -> bool {
        // Gateways fill the rings until they have closed, so emptiness counts from the next phase on.
        phase != Phase::Draining
            || (!self.shard.has_pending() && self.inputs.iter().all(InputReader::is_empty))
    }

    fn finish(self: Box<Self>) -> Epilogue {
        Epilogue::Shard {
            shard: self.shard.id(),
            last: self.shard.last_seq(),
            state_hash: self.shard.state_hash(),
        }
    }
}

/// How many orders a step of a kill switch has canceled.
fn killed(step: &Step<'_>) -> u64 {
    let by_switch = |event: &&Event| match event {
        Event::Execution(it) => matches!(it.cause, Some(Cause::KillSwitch | Cause::TradingHalt)),
        _ => false,
    };
    step.events.iter().filter(by_switch).count() as u64
}

fn stamped(mut origin: Origin, now: Nanos) -> Origin {
    origin.stamps.sequenced = now;
    origin
}

fn append(appender: &mut Appender, journal: &mut JournalPort, step: &Step<'_>, signed: &SignedBytes<'_>) {
    let record = appender.step(step.shard, step.seq, step.time, step.command, signed, step.events);
    let pushed = journal.records.push(record);
    assert!(pushed.is_done(), "room for a record was asked for before the step was taken");
}

fn tell_all(gateways: &mut [Listener], step: &Step<'_>, matched: Nanos) {
    for mut output in step.outputs() {
        if let ShardOutput::Event { origin: Some(origin), .. } = &mut output {
            origin.stamps.matched = matched;
        }
        for gateway in gateways.iter_mut() {
            let pushed = gateway.outputs.push(output.clone());
            assert!(pushed.is_done(), "room for the events was asked for before the step was taken");
        }
    }
}

fn tell_one(gateways: &mut [Listener], mut output: ShardOutput, matched: Nanos) {
    if let ShardOutput::Answer { origin, .. } = &mut output {
        origin.stamps.matched = matched;
    }
    let Some(id) = output.gateway() else { return };
    if let Some(gateway) = gateways.get_mut(usize::from(id.0)) {
        let pushed = gateway.outputs.push(output);
        assert!(pushed.is_done(), "room for an answer was asked for before the input was taken");
    }
}

#[cfg(test)]
mod tests;
