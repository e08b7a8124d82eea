//! One run: the seed picks what happens next, step by step, also while the journal waits for its disk.
//!
//! ```text
//!   step ─► poll an agent │ deliver bytes │ let a client act │ let time pass │ let something go wrong
//!              └─ a call of the disk ─► more steps (other threads go on meanwhile) ─► a fault, a crash, or it proceeds
//!   crash ─► what is left of the disk ─► audit of the journal ─► recovery, which may crash too ─► on
//! ```

mod crash;
mod settle;
mod snapshots;

pub use settle::journal;

use crate::check::audit::Audit;
use crate::clients::seen::{Seen, check};
use crate::clients::{self, Client, Turn};
use crate::keys;
use crate::machine::disk::{EIO, ENOSPC, Op, SimDisk, Verdict};
use crate::machine::net::SimNet;
use crate::rng::Rng;
use crate::trace::Trace;
use crate::venue::{Plan, SEGMENT_BYTES, VENUE};
use sealgate::config::Durability;
use sealgate::run::agent::Agent;
use sealgate::seal::Vault;
use sealgate::sys::clock::Hand;
use sealgate::sys::machine::{self, Machine};
use sealgate::types::Nanos;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// Monday, 5 January 2026.
const BEGIN: u64 = 1_767_571_200_000_000_000;
const JOURNAL: &str = "/journal";
const CLIENTS: usize = 5;

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub trace: u64,
    pub events: u64,
    pub orders: u64,
    pub told: u64,
    pub crashes: u64,
    pub refused_starts: u64,
}

struct Slot {
    agent: RefCell<Option<Box<dyn Agent>>>,
}

pub struct World {
    rng: RefCell<Rng>,
    hand: Hand,
    now: Cell<u64>,
    disk: SimDisk,
    net: SimNet,
    machine: Machine,
    plan: Plan,
    vault: Vault,
    slots: RefCell<Vec<Rc<Slot>>>,
    clients: RefCell<Vec<Client>>,
    seen: RefCell<Seen>,
    trace: RefCell<Trace>,
    summary: Cell<Summary>,
    /// Steps inside of a call of the disk.
    depth: Cell<u32>,
    /// The process is dead: nothing that it still does has an effect.
    dead: Cell<bool>,
    /// What the disk does wrong until the process has stopped over it.
    full: Cell<bool>,
    broken: Cell<bool>,
    settling: Cell<bool>,
    /// Nothing goes wrong for a while.
    calm: Cell<bool>,
    /// How much goes wrong: in some runs little, so that much is traded in them.
    temper: u64,
    limit: u64,
}

thread_local! {
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

/// The disk is asked for something: what happens meanwhile, and what becomes of it.
pub fn during(op: Op) -> Verdict {
    let world = WORLD.with_borrow(Clone::clone);
    world.map_or(Verdict::Proceed, |world| world.during(op))
}

/// Runs a seed for so many events.
pub fn run(seed: u64, events: u64, aloud: bool) -> Summary {
    let world = Rc::new(World::new(seed, events, aloud));
    WORLD.set(Some(Rc::clone(&world)));
    struct Clear;
    impl Drop for Clear {
        fn drop(&mut self) {
            if let Some(world) = WORLD.take() {
                world.slots.take();
            }
        }
    }
    let _clear = Clear;
    world.run()
}

impl World {
    fn new(seed: u64, limit: u64, aloud: bool) -> Self {
        let mut rng = Rng::new(seed);
        let (disk, net, hand) = (SimDisk::default(), SimNet::new(rng.fork()), Hand::default());
        let machine =
            Machine { clock: hand.clone(), disk: Arc::new(disk.clone()), network: Arc::new(net.clone()) };
        // Now and then a day ends on the way.
        let begin = BEGIN - rng.pick(&[0, 0, 3_000_000_000, 20_000_000_000]);
        hand.set(Nanos(begin));
        let plan = VENUE.plan(&mut rng);
        let seen = Seen::new(plan.orders_per_day);

        Self {
            plan,
            vault: keys::vault(seed),
            temper: rng.pick(&[1, 4, 4, 10]),
            rng: RefCell::new(rng),
            hand,
            now: Cell::new(begin),
            disk,
            net,
            machine,
            slots: RefCell::default(),
            clients: RefCell::new(clients::all()),
            seen: RefCell::new(seen),
            trace: RefCell::new(Trace::new(aloud)),
            summary: Cell::default(),
            depth: Cell::new(0),
            dead: Cell::new(false),
            full: Cell::new(false),
            broken: Cell::new(false),
            settling: Cell::new(false),
            calm: Cell::new(false),
            limit,
        }
    }

    fn run(&self) -> Summary {
        if !self.start() {
            self.crash();
        }
        self.warm_up();
        while self.summary.get().events < self.limit {
            self.step();
            if self.dead.get() {
                self.crash();
            }
        }
        self.settle();
        let seen = self.seen.borrow();
        let mut summary = self.summary.get();
        summary.trace = self.trace.borrow().hash();
        summary.orders = seen.attempts.len() as u64;
        let streamed: usize = seen.streams.values().map(|stream| stream.len()).sum();
        let answers = seen.answered.len() + seen.questions.len() + seen.market.len();
        summary.told = (seen.told.len() + streamed + answers) as u64;
        summary
    }

    fn count(&self, change: impl FnOnce(&mut Summary)) {
        let mut summary = self.summary.get();
        change(&mut summary);
        self.summary.set(summary);
    }

    fn chance(&self, n: u64, of: u64) -> bool {
        self.rng.borrow_mut().chance(n, of)
    }

    fn note(&self, what: &str, bytes: &[u8]) {
        self.trace.borrow_mut().note(what, bytes);
    }

    /// One event, whatever the seed picks.
    fn step(&self) {
        self.count(|summary| summary.events += 1);
        let dice = self.rng.borrow_mut().below(1_000);
        match dice {
            0..430 => self.poll_one(),
            430..640 => self.deliver_one(),
            640..900 => self.act_one(),
            900..975 => self.pass_time(),
            _ if self.settling.get() || !self.chance(self.temper, 10) => self.poll_one(),
            975..980 => self.break_one(),
            980..984 => self.stall_one(),
            984..989 => self.probe(),
            989..991 => self.full.set(!self.full.get()),
            991..994 => self.broken.set(true),
            994..999 => self.die("killed"),
            _ => self.pass_time(),
        }
    }

    fn poll_one(&self) {
        let slot = {
            let slots = self.slots.borrow();
            let at = self.rng.borrow_mut().index(slots.len().max(1));
            self.note("poll", &[at as u8]);
            slots.get(at).cloned()
        };
        if let Some(slot) = slot {
            self.poll(&slot);
        }
    }

    fn poll(&self, slot: &Slot) {
        // An agent that waits for its disk is not polled by anybody else.
        let Ok(mut agent) = slot.agent.try_borrow_mut() else { return };
        let Some(agent) = agent.as_mut() else { return };
        let polled = machine::within(&self.machine, || agent.poll(Nanos(self.now.get())));
        if let Err(fault) = polled
            && !self.dead.get()
        {
            let expected = self.full.get() || self.broken.get();
            check(expected, "no-fault-without-reason", || fault.to_string());
            self.die("stopped");
        }
    }

    fn deliver_one(&self) {
        let flights = self.net.flights();
        if !flights.is_empty() {
            let (at, all) = {
                let mut rng = self.rng.borrow_mut();
                (rng.index(flights.len()), rng.chance(2, 3))
            };
            self.net.deliver(flights[at], all);
        }
    }

    fn act_one(&self) {
        let at = self.rng.borrow_mut().index(CLIENTS);
        let answered = self.seen.borrow().questions.len();
        self.act(at);
        // What an answer has just told must outlive a crash at this moment.
        if self.seen.borrow().questions.len() > answered && self.chance(1, 3) {
            self.probe();
        }
    }

    fn act(&self, at: usize) {
        self.with_client(at, Client::act);
    }

    fn with_client(&self, at: usize, act: impl FnOnce(&mut Client, &mut Turn<'_>)) {
        let mut turn = Turn {
            rng: &mut self.rng.borrow_mut(),
            net: &self.net,
            now: Nanos(self.now.get()),
            seen: &mut self.seen.borrow_mut(),
            trace: &mut self.trace.borrow_mut(),
            venue: &VENUE,
            epoch: self.summary.get().crashes,
            settling: self.settling.get(),
            takeover: self.plan.takeover,
        };
        act(&mut self.clients.borrow_mut()[at], &mut turn);
    }

    fn pass_time(&self) {
        let span = {
            let mut rng = self.rng.borrow_mut();
            match rng.below(100) {
                0..70 => rng.below(2_000_000),
                70..97 => rng.below(200_000_000),
                _ => rng.below(12_000_000_000),
            }
        };
        self.forward(span);
    }

    fn forward(&self, span: u64) {
        self.now.set(self.now.get() + 1 + span);
        self.hand.set(Nanos(self.now.get()));
    }

    fn break_one(&self) {
        let at = self.rng.borrow_mut().index(CLIENTS);
        if let Some(conn) = self.clients.borrow()[at].conn() {
            self.note("reset", &[at as u8]);
            self.net.reset(conn);
        }
    }

    fn stall_one(&self) {
        let at = self.rng.borrow_mut().index(CLIENTS);
        let stalled = self.chance(1, 2);
        if let Some(conn) = self.clients.borrow()[at].conn() {
            self.net.stall(conn, stalled);
        }
    }

    /// The process dies here and now.
    fn die(&self, how: &str) {
        self.note(how, &[]);
        self.dead.set(true);
    }

    /// What a crash at this moment would leave in the worst case must hold all that anybody was told.
    fn probe(&self) {
        if self.plan.config.durability == Durability::Disk {
            let picture = self.disk.picture();
            if let Err(fault) = self.audit(&picture) {
                check(false, "worst-crash-starts", || fault);
            }
        }
    }

    fn audit(&self, disk: &SimDisk) -> Result<Audit, String> {
        let audit = self.look(disk)?;
        check(audit.unfit.is_empty(), "snapshots-are-of-use", || format!("{:?}", audit.unfit));
        Ok(audit)
    }

    /// The same of a disk that may be rotten.
    fn look(&self, disk: &SimDisk) -> Result<Audit, String> {
        let machine = Machine { disk: Arc::new(disk.clone()), ..self.machine.clone() };
        let audit =
            machine::within(&machine, || Audit::of(Path::new(JOURNAL), &self.vault, &self.seen.borrow()));
        audit.map_err(|fault| fault.to_string())
    }

    /// The disk is asked for something. Other threads go on meanwhile; then it is done, fails, or the process dies.
    fn during(&self, op: Op) -> Verdict {
        if self.dead.get() {
            return Verdict::Fail(EIO);
        }
        if self.settling.get() || self.calm.get() {
            return Verdict::Proceed;
        }
        // Who holds the pages of keys would keep a thread waiting that wants them, and all of them are one here.
        let running = !self.slots.borrow().is_empty() && self.vault.has_free_pages();
        if op != Op::Read && running && self.depth.get() == 0 && self.chance(1, 2) {
            self.depth.set(1);
            let steps = self.rng.borrow_mut().pick(&[1, 2, 4, 8, 40]);
            for _ in 0..steps {
                if !self.dead.get() {
                    self.step();
                }
            }
            self.depth.set(0);
        }
        if self.dead.get() {
            return Verdict::Fail(EIO);
        }
        if op == Op::Read {
            return Verdict::Proceed;
        }
        if self.chance(self.temper, 500) {
            self.die("killed in a call");
            return match op {
                Op::Write(bytes) if bytes >= 8 && self.chance(1, 2) => {
                    Verdict::Tear(8 * self.rng.borrow_mut().index(bytes / 8 + 1))
                }
                _ => Verdict::Fail(EIO),
            };
        }
        match op {
            Op::Other if self.full.get() => Verdict::Fail(ENOSPC),
            Op::Write(_) | Op::Sync if self.broken.get() => Verdict::Fail(EIO),
            _ => Verdict::Proceed,
        }
    }

    /// In some runs the journal is nearly a segment long when they begin, so that they meet the next one.
    fn warm_up(&self) {
        if self.chance(1, 6) {
            let share = self.rng.borrow_mut().pick(&[7, 8, 9, 17]);
            self.calm.set(true);
            for _ in 0..1_000 {
                if self.disk.written() > share * SEGMENT_BYTES as usize / 10 {
                    break;
                }
                self.rounds(1, 250_000_000);
            }
            self.calm.set(false);
        }
    }
}
