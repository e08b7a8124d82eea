//! One run: the seed picks what happens next, step by step, also while the journal waits for its disk.
//!
//! ```text
//!   step ─► poll an agent │ deliver bytes │ let a client act │ let time pass │ let something go wrong
//!              └─ a call of the disk ─► more steps (other threads go on meanwhile) ─► a fault, a crash, or it proceeds
//!   crash ─► what is left of the disk ─► audit of the journal ─► recovery, which may crash too ─► on
//! ```

use crate::check::audit::Audit;
use crate::clients::intent::{Seen, check};
use crate::clients::{Client, Turn, fix::Fix, ws::Ws};
use crate::keys;
use crate::machine::disk::{EIO, ENOSPC, Left, Op, SimDisk, Verdict};
use crate::machine::net::SimNet;
use crate::rng::Rng;
use crate::trace::Trace;
use crate::venue::{SEGMENT_BYTES, VENUE};
use sealgate::config::{Config, Durability};
use sealgate::run::agent::{Agent, Epilogue};
use sealgate::run::phase::Phase;
use sealgate::run::wiring;
use sealgate::seal::Vault;
use sealgate::sys::clock::Hand;
use sealgate::sys::machine::{self, Machine};
use sealgate::types::{Nanos, SessionId};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// Monday, 5 January 2026.
const BEGIN: u64 = 1_767_571_200_000_000_000;
const JOURNAL: &str = "/journal";
const CLIENTS: usize = 4;

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
    config: Config,
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
        hand.set(Nanos(BEGIN));
        let machine =
            Machine { clock: hand.clone(), disk: Arc::new(disk.clone()), network: Arc::new(net.clone()) };
        let clients = vec![
            Client::Fix(Fix::new(0, 0)),
            Client::Fix(Fix::new(1, 1)),
            Client::Ws(Ws::new(2, 0)),
            Client::Ws(Ws::new(3, 1)),
        ];
        Self {
            config: VENUE.config(&mut rng),
            vault: keys::vault(seed),
            temper: rng.pick(&[1, 4, 4, 10]),
            rng: RefCell::new(rng),
            hand,
            now: Cell::new(BEGIN),
            disk,
            net,
            machine,
            slots: RefCell::default(),
            clients: RefCell::new(clients),
            seen: RefCell::default(),
            trace: RefCell::new(Trace::new(aloud)),
            summary: Cell::default(),
            depth: Cell::new(0),
            dead: Cell::new(false),
            full: Cell::new(false),
            broken: Cell::new(false),
            settling: Cell::new(false),
            limit,
        }
    }

    fn run(&self) -> Summary {
        self.start();
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
        summary.told = (seen.told.len() + seen.answered.len() + seen.stream.len()) as u64;
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
            989..991 => self.full.set(true),
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
        self.act(at);
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
        if self.config.durability == Durability::Disk {
            let picture = self.disk.picture();
            if let Err(fault) = self.audit(&picture) {
                check(false, "worst-crash-starts", || fault);
            }
        }
    }

    fn audit(&self, disk: &SimDisk) -> Result<Audit, String> {
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
        if self.settling.get() {
            return Verdict::Proceed;
        }
        let running = !self.slots.borrow().is_empty();
        if op != Op::Read && running && self.depth.get() == 0 && self.chance(1, 2) {
            self.depth.set(1);
            let steps = self.rng.borrow_mut().below(6);
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

    /// What the crash left, judged; then the next start.
    fn crash(&self) {
        self.count(|summary| summary.crashes += 1);
        self.slots.take();
        self.net.reset_all();
        let before = self.disk.copy();
        let left = {
            let mut rng = self.rng.borrow_mut();
            match self.config.durability {
                Durability::Disk => rng.pick(&[Left::All, Left::Nothing, Left::Prefix, Left::Scattered]),
                _ => Left::All,
            }
        };
        self.note(&format!("crash {left:?}"), &[]);
        self.disk.crash(left, &mut self.rng.borrow_mut());
        self.rot_probe();
        if let Err(fault) = self.begun().then(|| self.audit(&self.disk.copy())).transpose() {
            // A write whose sectors went down out of order: refused by name, and the operator takes what was synced.
            check(left == Left::Scattered, "torn-is-cut", || format!("{left:?}: {fault}"));
            self.count(|summary| summary.refused_starts += 1);
            self.disk.restore(&before);
            self.disk.crash(Left::Nothing, &mut self.rng.borrow_mut());
            if let Err(fault) = self.begun().then(|| self.audit(&self.disk.copy())).transpose() {
                check(false, "synced-is-sound", || fault);
            }
        }
        self.full.set(false);
        self.broken.set(false);
        self.forward(1_000_000_000);
        self.start();
    }

    /// Whether there is a journal.
    fn begun(&self) -> bool {
        use sealgate::sys::machine::Disk;
        let picture = self.disk.copy();
        picture.names(Path::new(JOURNAL)).is_ok_and(|names| names.iter().any(|name| name.ends_with(".log")))
    }

    /// A copy of the disk with a bit that flipped: all that was told is there, or the start is refused.
    fn rot_probe(&self) {
        if !self.chance(1, 2) || !self.begun() {
            return;
        }
        let rotten = self.disk.copy();
        let rotted = rotten.rot(&mut self.rng.borrow_mut());
        // Whoever reads it says no, or finds everything.
        if let (Some(_), Err(fault)) = (rotted, self.audit(&rotten)) {
            check(!fault.is_empty(), "named-refusal", || "a refusal without a word".to_owned());
        }
    }

    fn start(&self) {
        loop {
            self.dead.set(false);
            let started = machine::within(&self.machine, || {
                wiring::assemble(&self.config, VENUE.acceptor.clone(), &self.vault, SEGMENT_BYTES)
            });
            match started {
                Ok(assembled) => {
                    let mut agents: Vec<_> = assembled.agents.into_iter().collect();
                    agents.sort_by_key(|(name, _)| name.to_string());
                    let slot = |(_, agent)| Rc::new(Slot { agent: RefCell::new(Some(agent)) });
                    *self.slots.borrow_mut() = agents.into_iter().map(slot).collect();
                    return;
                }
                Err(_) if self.dead.get() => {
                    self.net.reset_all();
                    self.disk.crash(Left::All, &mut self.rng.borrow_mut());
                }
                Err(error) => check(false, "starts-again", || error.to_string()),
            }
        }
    }

    /// Nothing goes wrong any more: everything that is under way comes to its end, and all must fit.
    fn settle(&self) {
        self.settling.set(true);
        if self.dead.get() {
            self.crash();
        }
        for at in 0..CLIENTS {
            if let Some(conn) = self.clients.borrow()[at].conn() {
                self.net.stall(conn, false);
            }
        }
        self.rounds(60, 20_000_000);
        for at in 0..2 {
            self.with_client(at, |client, turn| {
                if let Client::Fix(fix) = client {
                    fix.test(turn);
                }
            });
        }
        self.rounds(40, 20_000_000);
        // Timers stand still, so that the last events are heard.
        self.rounds(20, 0);
        let settled = self.clients.borrow().iter().all(Client::is_settled);
        check(settled, "everybody-is-answered", || "a client still waits".to_owned());
        let hashes = self.stop();
        let audit =
            self.audit(&self.disk.picture()).unwrap_or_else(|fault| panic!("invariant sound: {fault}"));
        check(audit.shards == hashes, "same-state", || format!("{:?} {hashes:?}", audit.shards));
        for client in self.clients.borrow().iter() {
            if let Client::Fix(fix) = client {
                fix.nothing_is_lost(&self.seen.borrow());
            }
        }
        audit.everything_was_told(&self.seen.borrow(), &[(0, SessionId(1)), (1, SessionId(2))]);
    }

    fn rounds(&self, count: usize, span: u64) {
        for _ in 0..count {
            self.forward(span);
            for flight in self.net.flights() {
                self.net.deliver(flight, true);
            }
            for slot in self.slots.borrow().iter() {
                self.poll(slot);
            }
            for flight in self.net.flights() {
                self.net.deliver(flight, true);
            }
            (0..CLIENTS).for_each(|at| self.act(at));
        }
    }

    /// Ends the process in order; the state of each shard.
    fn stop(&self) -> Vec<(u8, u64, [u8; 32])> {
        let slots = self.slots.take();
        for phase in Phase::STOPPING {
            for _ in 0..10 {
                for slot in &slots {
                    self.poll(slot);
                    let mut agent = slot.agent.borrow_mut();
                    agent.as_mut().expect("it runs").stopping(phase, Nanos(self.now.get()));
                }
            }
        }
        let epilogues = slots.iter().filter_map(|slot| slot.agent.take().map(Agent::finish));
        let mut hashes: Vec<_> = epilogues
            .filter_map(|epilogue| match epilogue {
                Epilogue::Shard { shard, last, state_hash } => Some((shard.0, last.0, state_hash)),
                Epilogue::Nothing => None,
            })
            .collect();
        hashes.sort_unstable();
        hashes
    }
}
