//! The agent between its rings, polled at times of the test's choosing.

use super::*;
use crate::ring::watermark::Watermark;
use crate::ring::{bytes, letters};
use crate::run::rings::InputWriter;
use crate::sys::clock::Hand;
use crate::sys::poll::Poller;
use crate::types::*;

const START: Nanos = Nanos(1_700_000_000_000_000_000);

/// A shard's agent, and the other ends of its rings.
struct Bench {
    agent: ShardAgent,
    hand: Hand,
    inputs: InputWriter,
    outputs: spsc::Consumer<ShardOutput>,
    records: bytes::Reader,
    sent: u64,
    _poller: Poller,
}

impl Bench {
    fn new(output_slots: usize, journal_bytes: usize) -> Self {
        let mut bench = Self::with(Shard::new(ShardId(0)), output_slots, journal_bytes);
        bench
            .agent
            .configure(&[Command::Instrument(instrument()), Command::Account(account())], START)
            .unwrap();
        bench
    }

    /// An agent for a shard that was there before.
    fn with(shard: Shard, output_slots: usize, journal_bytes: usize) -> Self {
        let hand = Hand::default();
        hand.set(START);
        let poller = Poller::new().unwrap();
        let (inputs, inputs_out) = letters::ring(1_024);
        let (outputs_in, outputs) = spsc::ring(output_slots);
        let (records_in, records) = bytes::ring(journal_bytes);
        let gateway = GatewayPort { inputs: inputs_out, outputs: outputs_in, waker: poller.waker() };
        let journal =
            JournalPort { records: records_in, durable: Watermark::default(), waker: poller.waker() };
        let agent = ShardAgent::new(shard, hand.clock(), vec![gateway], journal);
        Self { agent, hand, inputs, outputs, records, sent: 0, _poller: poller }
    }

    /// Puts an order, sent now, into the ring.
    fn order(&mut self, id: &str) {
        self.sent += 1;
        let requester = requester(self.sent as u8, self.hand.clock().now());
        let origin =
            Origin { gateway: GatewayId(0), conn: ConnId(1), token: self.sent, stamps: Stamps::default() };
        let command = Command::New(requester, buy(id));
        let input = ShardInput::Command { origin: Some(origin), command, signature: None };
        assert!(self.inputs.push(&input, &[]).is_done());
    }

    /// Polls once; the events that came out, and how many.
    fn poll(&mut self) -> (Work, Vec<Event>) {
        let work = self.agent.poll(self.hand.clock().now()).unwrap();
        (work, self.events())
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.outputs.pop())
            .filter_map(|output| match output {
                ShardOutput::Event { event, .. } => Some(event),
                ShardOutput::Answer { .. } => None,
            })
            .collect()
    }

    fn journaled(&mut self) -> usize {
        let mut count = 0;
        while let Some(record) = self.records.front() {
            record.release();
            count += 1;
        }
        count
    }
}

fn requester(content: u8, sent: Nanos) -> Requester {
    Requester {
        session: SessionId(7),
        number: MsgSeqNum(0),
        logon: LogonId::NONE,
        key: ApiKeyId(1),
        sent,
        recv_window: crate::limits::RECV_WINDOW_DEFAULT,
        content: [content; 16],
        signed_digest: [content; 16],
        named: true,
    }
}

fn account() -> AccountLimits {
    samples::limits(1)
}

fn instrument() -> Instrument {
    Instrument { max_qty: Qty(1_000), ..samples::instrument() }
}

fn buy(id: &str) -> NewOrder {
    NewOrder { qty: Qty(1), ..samples::new_order(id) }
}

fn refused(event: &Event) -> Option<Refusal> {
    match event {
        Event::Execution(execution) => execution.refusal,
        _ => None,
    }
}

#[test]
fn an_order_held_in_a_ring_for_6_s_is_refused_and_tells_both_clocks() {
    let mut bench = Bench::new(SLOTS, JOURNAL);
    bench.order("late");
    bench.hand.set(START + Span::from_secs(6));
    let (_, events) = bench.poll();
    let refusal = refused(&events[0]).unwrap();
    assert_eq!(refusal.reject, Reject::TimestampTooOld);
    assert_eq!(refusal.detail, Detail::Clocks { server: START + Span::from_secs(6), sent: START });
    bench.order("in-time");
    bench.hand.set(START + Span::from_secs(10));
    let (_, events) = bench.poll();
    assert_eq!(refused(&events[0]), None, "what comes after it is judged by its own time");
}

const SLOTS: usize = 4 * EVENTS_PER_STEP_MAX;
const JOURNAL: usize = 8 * RECORD_BYTES_MAX;

#[test]
fn every_step_is_journaled_before_it_is_told() {
    let mut bench = Bench::new(SLOTS, JOURNAL);
    assert_eq!(bench.journaled(), 2, "the configuration");
    bench.order("a");
    bench.order("b");
    let (work, events) = bench.poll();
    assert_eq!((work, events.len(), bench.journaled()), (Work::Done, 2, 2));
    assert_eq!(bench.poll().0, Work::Idle);
}

#[test]
fn a_full_output_ring_leaves_orders_in_theirs_and_loses_none() {
    let mut bench = Bench::new(EVENTS_PER_STEP_MAX + 1, JOURNAL);
    for n in 0..10 {
        bench.order(&format!("order-{n}"));
    }
    bench.agent.poll(START).unwrap();
    let first = bench.events().len();
    assert_eq!(first, 2, "the third step might not have had room");
    let mut told = first;
    while let (Work::Done, events) = bench.poll() {
        told += events.len();
    }
    assert_eq!(told, 10);
}

#[test]
fn a_full_journal_ring_stops_the_shard_until_the_journal_has_caught_up() {
    let mut bench = Bench::new(SLOTS, 2 * RECORD_BYTES_MAX + 2_048);
    for n in 0..20 {
        bench.order(&format!("order-{n}"));
    }
    let taken = bench.poll().1.len();
    assert!(taken < 20, "the ring has room for a few short records beside the longest");
    assert!(bench.agent.has_input());
    assert_eq!(bench.poll(), (Work::Idle, vec![]));
    let mut told = taken;
    while told < 20 {
        assert!(bench.journaled() > 0);
        told += bench.poll().1.len();
    }
}

#[test]
fn draining_is_done_when_the_rings_are_empty() {
    let mut bench = Bench::new(SLOTS, JOURNAL);
    bench.order("a");
    assert!(bench.agent.stopping(Phase::Closing, START), "gateways may still fill the ring");
    assert!(!bench.agent.stopping(Phase::Draining, START));
    bench.poll();
    assert!(bench.agent.stopping(Phase::Draining, START));
}

#[test]
fn a_sweep_that_a_crash_cut_short_ends_before_the_server_configures_itself() {
    let mut shard = Shard::new(ShardId(0));
    let mut run = |command| _ = shard.execute(None, &command, START);
    run(Command::Instrument(instrument()));
    run(Command::Account(account()));
    let orders = crate::limits::CANCELS_PER_STEP_MAX as u8 + 10;
    for n in 0..orders {
        run(Command::New(requester(n, START), buy(&format!("b-{n}"))));
    }
    let scope = CancelScope { account: AccountId(1), instrument: None, side: None, session: None };
    let cancel = MassCancel { scope, cl_ord_id: ClOrdId::truncated("all") };
    run(Command::MassCancel(requester(255, START), cancel));
    assert!(shard.has_pending());

    let mut bench = Bench::with(shard, SLOTS, JOURNAL);
    let halted = Instrument { state: InstrumentState::Halted, ..instrument() };
    bench.agent.configure(&[Command::Restarted, Command::Instrument(halted)], START).unwrap();
    assert!(bench.agent.has_input());
    bench.order("after");
    let (_, events) = bench.poll();
    let [rest @ .., Event::MassCanceled(report), Event::Execution(after)] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!((rest.len(), report.canceled), (10, u32::from(orders)));
    assert_eq!(after.refusal.map(|refusal| refusal.reject), Some(Reject::InstrumentHalted));
    assert_eq!(bench.journaled(), 3, "the rest of the sweep, the configuration, the order");
}
