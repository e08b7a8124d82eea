//! What everything costs but sockets, TLS and the signature: the way of an order from the bytes of its message to the
//! bytes of its ExecutionReport, through the stages and rings of the server itself.
//!
//! ```text
//!            gateway's thread                                            shard's thread
//!   bytes ─► take ─► session ─► decode ─► verify ─► limit ─► route ─►│ring│─► ShardAgent: sequence … matching, record
//!   bytes ◄─ session ◄─ report ◄─ durable as of `memory` ◄───────────│ring│◄──┘
//! ```
//!
//! `cargo run --release --example path`; a row of `docs/numbers.md`. Orders and cancels in turn, each sent when the one
//! before it is answered, over a book of 2,000 other orders; the session is signed, so `verify` looks at its logon
//! alone; no histogram is kept. Both threads are pinned and spin; then one thread does all in turn. What the journal
//! does with a record comes after its ring, and here the shard's thread drops it once the answer is out.

mod support;

use sealgate::config::{AgentName, Placement};
use sealgate::decode;
use sealgate::journal::streams::Streams;
use sealgate::limit::Limiter;
use sealgate::report;
use sealgate::ring::bytes;
use sealgate::ring::watermark::Watermark;
use sealgate::route::Router;
use sealgate::run::agent::Agent;
use sealgate::run::gateway::desk::{Asker, Desk};
use sealgate::run::gateway::session_log::SessionLog;
use sealgate::run::rings::{self, Ends};
use sealgate::run::shard::Shard;
use sealgate::run::shard_agent::ShardAgent;
use sealgate::session::fix::{Incoming, Notice, Outgoing, Output, Session};
use sealgate::sys::clock::Clock;
use sealgate::sys::pin::{pin_to_core, usable_cores};
use sealgate::sys::poll::Poller;
use sealgate::types::*;
use sealgate::verify::{Authority, Verifier};
use sealgate::watch::{self, Meters};
use sealgate::wire::fix::{Index, Taken, take};
use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::flow::{MAKERS, RESTING, Random};
use support::messages::{SPEAKER, established_at, session_cancel, session_order};
use support::{KEY, MEMBER, SESSION_SIGNED, account_limits, directory_with, instrument, requester};

/// Orders and cancels that are measured, after a tenth as many that are not.
const ORDERS: u32 = 200_000;
/// The same in a build that is not measured: it only has to run.
const ORDERS_TRIED: u32 = 100;
/// A rate that is looked at and never reached.
const RATE: (u32, Span) = (1_000, Span::from_millis(1));

fn main() {
    let orders = if cfg!(debug_assertions) { ORDERS_TRIED } else { ORDERS };
    let cores = usable_cores().expect("the kernel tells");
    println!(
        "{:<40}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "nanoseconds, bytes to bytes", "p50", "p90", "p99", "p99.9", "max"
    );
    if let [here, there, ..] = cores[..] {
        tell("path/two cores, one ring each way", two_cores(here, there, orders));
    }
    pin_to_core(cores[0]).expect("the core is usable");
    tell("path/one core, all agents in turn", one_core(orders));
}

fn tell(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    print!("{name:<40}");
    for permille in [500, 900, 990, 999, 1_000] {
        print!("{:>12}", times[(times.len() - 1) * permille / 1_000].as_nanos());
    }
    println!();
}

fn two_cores(here: usize, there: usize, orders: u32) -> Vec<Duration> {
    let (mut gateway, mut core) = venue();
    let done = Arc::new(AtomicBool::new(false));
    let is_done = done.clone();
    let shard = thread::spawn(move || {
        pin_to_core(there).expect("the core is usable");
        while !is_done.load(Ordering::Relaxed) {
            core.turn();
        }
    });
    pin_to_core(here).expect("the core is usable");
    let times = gateway.drive(orders, spin_loop);
    done.store(true, Ordering::Relaxed);
    shard.join().expect("it stops when it is told");
    times
}

fn one_core(orders: u32) -> Vec<Duration> {
    let (mut gateway, mut core) = venue();
    gateway.drive(orders, || core.turn())
}

/// The shard and the end of the journal's rings.
struct Core {
    agent: ShardAgent,
    clock: Clock,
    records: [bytes::Reader; 2],
}

impl Core {
    fn turn(&mut self) {
        self.agent.poll(self.clock.now()).expect("nothing fails");
        for records in &mut self.records {
            while let Some(record) = records.front() {
                record.release();
            }
        }
    }
}

/// The gateway's part, with one FIX session.
struct Gateway {
    desk: Desk,
    session: Session,
    log: SessionLog,
    index: Index,
    body: Vec<u8>,
    wire: Vec<u8>,
    _poller: Poller,
}

/// What the session says, and where its records go.
struct Out<'a> {
    wire: &'a mut Vec<u8>,
    log: &'a mut SessionLog,
    now: Nanos,
}

impl Output for Out<'_> {
    fn wire(&mut self) -> &mut Vec<u8> {
        self.wire
    }

    fn record(&mut self, record: SessionRecord<'_>) {
        self.log.append(self.now, &record);
    }

    fn barrier(&mut self) {}

    fn notice(&mut self, notice: Notice) {
        panic!("nothing is amiss: {notice:?}");
    }
}

impl Gateway {
    /// The times of so many messages, each from its bytes to those of its answer; `wait` is called until it is there.
    fn drive(&mut self, orders: u32, mut wait: impl FnMut()) -> Vec<Duration> {
        let mut times = Vec::with_capacity(orders as usize);
        for number in (2..).map(MsgSeqNum).take((orders + orders / 10) as usize) {
            let now = self.desk.clock.now();
            let is_order = number.0 % 2 == 0;
            let bytes = if is_order { session_order(number, now) } else { session_cancel(number, now) };
            let started = Instant::now();
            self.receive(black_box(&bytes), number);
            self.answer(&mut wait);
            let took = started.elapsed();
            assert!(!black_box(&self.wire).is_empty(), "it was told");
            if number.0 >= orders / 10 + 2 {
                times.push(took);
            }
        }
        times
    }

    fn receive(&mut self, bytes: &[u8], number: MsgSeqNum) {
        self.wire.clear();
        let now = self.desk.clock.now();
        let Taken::Message(message) = take(bytes, true, &mut self.index) else { panic!("a message") };
        let out = &mut Out { wire: &mut self.wire, log: &mut self.log, now };
        assert_eq!(self.session.receive(&message, now, out), Incoming::Deliver);
        let unverified = decode::fix::decode(&message, SPEAKER, &self.desk.directory).expect("a request");
        let mut asker = Asker {
            conn: ConnId::new(0, 1),
            token: number.0.into(),
            authority: Authority { member: MEMBER, logged_on: Some(KEY) },
            logon: LogonId::NONE,
            stamps: Stamps::received(now),
        };
        self.desk.submit(unverified, &mut asker).expect("it is allowed");
    }

    /// Tells the session what became of its request.
    fn answer(&mut self, wait: &mut impl FnMut()) {
        loop {
            let Some(output) = self.desk.shards[0].durable_output() else {
                wait();
                continue;
            };
            let ShardOutput::Event { shard, seq, index, time, last, event, .. } = output else {
                panic!("no repetition")
            };
            let (at, now) = (EventRef { shard, seq, index }, self.desk.clock.now());
            self.body.clear();
            let told = report::fix::event(&event, at, time, &self.desk.directory, &mut self.body);
            let msg_type = told.expect("sessions hear of it");
            let report =
                Outgoing { msg_type, body: &self.body, event: Some(at), poss_resend: false, sign: None };
            let out = &mut Out { wire: &mut self.wire, log: &mut self.log, now };
            self.session.send(&report, now, out);
            if last {
                return;
            }
        }
    }
}

/// A gateway and a shard with their rings, as the server wires them; nothing has to become durable.
fn venue() -> (Gateway, Core) {
    let (directory, poller, mut clock) =
        (directory_with(RATE), Poller::new().expect("the kernel gives one"), Clock::new());
    let ends = rings::connect(1, 1, &Streams::default(), |_: AgentName| poller.waker());
    let Ends { mut gateways, mut shards, mut journal, kills: _ } = ends;
    let (gateway, shard) = (gateways.remove(0), shards.remove(0));
    let (steps, sessions) = (journal.shards.remove(0), journal.gateways.remove(0));
    steps.durable.publish(Watermark::FOR_GOOD);
    sessions.durable.publish(Watermark::FOR_GOOD);
    let mut desk = Desk {
        id: GatewayId(0),
        environment: "bench".to_owned(),
        clock: Clock::new(),
        verifier: Verifier::new(&directory).expect("keys"),
        limiter: Limiter::new(&directory),
        router: Router::new(&directory, &Placement::default(), 1, 1).expect("one shard"),
        shards: gateway.shards,
        joins: Default::default(),
        logons: Default::default(),
        halted: Default::default(),
        directory: Arc::new(directory),
        watch: watch::watches(1).0.remove(0),
        security: watch::security_log().0,
        meters: Meters::default(),
        requests: 0,
        closing: false,
        in_flight: 0,
    };
    let (session, log) = (established_at(desk.clock.now()), gateway.log);
    let (index, body, wire) = (Index::new(), Vec::with_capacity(4_096), Vec::with_capacity(4_096));
    let shard_core = busy_shard(&mut clock);
    let agent = ShardAgent::new(shard_core, clock.clone(), shard.gateways, shard.journal);
    let core = Core { agent, clock, records: [steps.records, sessions.records] };
    (Gateway { desk, session, log, index, body, wire, _poller: poller }, core)
}

/// A shard with a book of [`RESTING`] orders, none of which the orders of the session meet.
fn busy_shard(clock: &mut Clock) -> Shard {
    let (mut shard, mut random) = (Shard::new(ShardId(0)), Random::new());
    let makers = (1..=MAKERS).map(AccountId).chain([SESSION_SIGNED]);
    let setup = makers.map(|account| Command::Account(account_limits(account)));
    for command in [Command::Instrument(instrument())].into_iter().chain(setup) {
        shard.execute(None, &command, clock.now());
    }
    for n in 0..RESTING as u64 {
        let now = clock.now();
        // A hundred ticks off the price of the session's orders on either side.
        let mut order = random.resting(n);
        order.price = Price(order.price.0 + if order.side == Side::Buy { -100 } else { 100 });
        // Names of the session's orders end in low numbers.
        order.cl_ord_id = support::cl_ord_id(1_000_000_000 + n);
        shard.execute(None, &Command::New(requester(1_000_000_000 + n, now), order), now);
    }
    shard
}
