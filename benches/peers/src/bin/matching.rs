//! Matching alone beside `matchcore` 0.4, in one run on one core: the same stream of operations over about 2,000
//! resting orders within 500 ticks of the middle on each side; of a hundred, 9 new orders, 3 that take at once, 6
//! cancels and 82 that move a resting order to another price.
//!
//! ```text
//!   flow ─► one list of operations ─┬─► Sealgate's book   ─► fills ─┐
//!                                   └─► matchcore's book  ─► fills ─┴─ equal, or there is no figure
//! ```
//!
//! Both are asked by OrderID, as a cancel and an amendment name their order, and both find it by one lookup in a hash
//! map of the same kind: `matchcore` inside, for Sealgate here, since in the server the lookup is another stage's. The
//! books take turns in rounds shorter than a time slice; a figure is the median of the rounds. What a Sealgate book
//! writes for each operation is the whole report that its client gets; `matchcore` returns the trades.

use matchcore as mc;
use rustc_hash::FxHashMap;
use sealgate::limits::EVENTS_PER_STEP_MAX;
use sealgate::matching::{Book, Closing, Handle, Ledger, Swept, Taker, Tape};
use sealgate::types::*;
use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::time::{Duration, Instant};

const RESTING: usize = 2_000;
const TICKS: u64 = 500;
const MIDDLE: u64 = 100_000;
const LOT: u64 = 10;
const PER_ROUND: usize = 2_000;
const ROUNDS: usize = 2_001;
const NOW: Nanos = Nanos(1_800_000_000_000_000_000);

/// One operation; `id` is the number of the operation that entered the order.
#[derive(Clone, Copy)]
enum Op {
    New { side: Side, price: u64 },
    Take { side: Side },
    Cancel { id: u64 },
    Move { id: u64, price: u64 },
}

/// What traded: how often, how much, at which prices, so that a difference in one trade shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fills {
    trades: u64,
    qty: u64,
    value: u128,
}

fn main() {
    let mut flow = Flow::new();
    let (mut ours, mut theirs) = (Ours::new(), Theirs::new());
    let mut times = [Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS)];
    for round in 0..ROUNDS {
        let first = flow.next;
        let ops: Vec<Op> = match round {
            0 => (0..RESTING).map(|_| flow.place()).collect(),
            _ => (0..PER_ROUND).map(|_| flow.op()).collect(),
        };
        let commands: Vec<mc::Command> = (first..).zip(&ops).map(|(n, op)| command(n, *op)).collect();
        let started = Instant::now();
        for (n, op) in (first..).zip(&ops) {
            ours.run(n, black_box(*op));
        }
        times[0].push(started.elapsed());
        let started = Instant::now();
        for command in &commands {
            theirs.run(black_box(command));
        }
        times[1].push(started.elapsed());
        assert_eq!(ours.fills, theirs.fills, "both matched alike, round {round}");
        assert_eq!(ours.handles.len(), flow.live.len(), "what rests is what the flow believes, round {round}");
    }
    tell(flow.next, ours.fills, times.map(|times| figures(&times[1..])));
}

fn tell(operations: u64, fills: Fills, [ours, theirs]: [[f64; 3]; 2]) {
    println!("{operations} operations, {} trades of {} lots in both books\n", fills.trades, fills.qty / LOT);
    println!("| engine | ns an operation, median | p10 – p90 | million operations/s |\n|---|---|---|---|");
    for (name, [p10, p50, p90]) in [("Sealgate", ours), ("matchcore 0.4", theirs)] {
        println!("| {name} | {p50:.1} | {p10:.1} – {p90:.1} | {:.1} |", 1_000.0 / p50);
    }
    println!("\nSealgate does {:.2} × the operations of matchcore", theirs[1] / ours[1]);
}

/// Nanoseconds of an operation: p10, p50, p90 of the rounds.
fn figures(times: &[Duration]) -> [f64; 3] {
    let mut times: Vec<f64> = times.iter().map(|time| time.as_nanos() as f64 / PER_ROUND as f64).collect();
    times.sort_unstable_by(f64::total_cmp);
    [10, 50, 90].map(|percent| times[(times.len() - 1) * percent / 100])
}

/// Where an order rests: its side, its price, its place in the list of those that live.
#[derive(Clone, Copy)]
struct Place {
    side: Side,
    price: u64,
    at: usize,
}

/// Makes operations on orders that rest. Every order is one lot, so a naive book of its own, per price the orders in
/// the order in which they came, tells whom a taker takes.
struct Flow {
    random: u64,
    next: u64,
    live: Vec<u64>,
    places: FxHashMap<u64, Place>,
    bids: BTreeMap<u64, VecDeque<u64>>,
    asks: BTreeMap<u64, VecDeque<u64>>,
}

impl Flow {
    fn new() -> Self {
        let (bids, asks) = (BTreeMap::new(), BTreeMap::new());
        Self { random: 42, next: 0, live: Vec::new(), places: FxHashMap::default(), bids, asks }
    }

    /// Xorshift: the same numbers in every run.
    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound
    }

    fn op(&mut self) -> Op {
        match self.below(100) {
            0..9 => self.place(),
            9..12 => self.take(),
            12..18 => {
                self.next += 1;
                let id = self.pick();
                self.leave(id);
                Op::Cancel { id }
            }
            _ => self.shift(),
        }
    }

    fn place(&mut self) -> Op {
        let side = if self.below(2) == 0 { Side::Buy } else { Side::Sell };
        let price = self.price(side);
        self.enter(self.next, side, price);
        self.next += 1;
        Op::New { side, price }
    }

    /// Takes from the side that has more levels, so that neither runs dry.
    fn take(&mut self) -> Op {
        self.next += 1;
        let side = if self.bids.len() > self.asks.len() { Side::Sell } else { Side::Buy };
        let best = if side == Side::Buy { self.asks.first_key_value() } else { self.bids.last_key_value() };
        let id = best.and_then(|(_, queue)| queue.front()).copied().expect("the other side has orders");
        self.leave(id);
        Op::Take { side }
    }

    fn shift(&mut self) -> Op {
        self.next += 1;
        let id = self.pick();
        let Place { side, price: before, .. } = self.places[&id];
        let price = self.price(side);
        let price = if price == before { before ^ 1 } else { price };
        self.leave(id);
        self.enter(id, side, price);
        Op::Move { id, price }
    }

    /// Even and odd prices from 2 ticks off the middle on, so that the neighbour of one is on its side too.
    fn price(&mut self, side: Side) -> u64 {
        let away = 2 + self.below(TICKS - 2);
        if side == Side::Buy { MIDDLE - away } else { MIDDLE + away }
    }

    fn pick(&mut self) -> u64 {
        let at = self.below(self.live.len() as u64) as usize;
        self.live[at]
    }

    fn levels(&mut self, side: Side) -> &mut BTreeMap<u64, VecDeque<u64>> {
        if side == Side::Buy { &mut self.bids } else { &mut self.asks }
    }

    fn enter(&mut self, id: u64, side: Side, price: u64) {
        self.places.insert(id, Place { side, price, at: self.live.len() });
        self.live.push(id);
        self.levels(side).entry(price).or_default().push_back(id);
    }

    fn leave(&mut self, id: u64) {
        let Place { side, price, at } = self.places.remove(&id).expect("it rests");
        self.live.swap_remove(at);
        if let Some(moved) = self.live.get(at) {
            self.places.get_mut(moved).expect("it rests").at = at;
        }
        let queue = self.levels(side).get_mut(&price).expect("its level is there");
        queue.retain(|other| *other != id);
        if queue.is_empty() {
            self.levels(side).remove(&price);
        }
    }
}

/// Positions are the work of another stage.
#[derive(Debug)]
struct NoLedger;

impl Ledger for NoLedger {
    fn follow(&mut self, _: &Execution) {}

    fn position(&self, _: AccountId, _: InstrumentId) -> i128 {
        0
    }
}

struct Ours {
    book: Book,
    handles: FxHashMap<OrderId, Handle>,
    events: Vec<Event>,
    trades: u64,
    fills: Fills,
}

impl Ours {
    fn new() -> Self {
        let events = Vec::with_capacity(EVENTS_PER_STEP_MAX);
        let (book, handles) = (Book::default(), FxHashMap::default());
        Self { book, handles, events, trades: 0, fills: Fills::default() }
    }

    fn run(&mut self, n: u64, op: Op) {
        self.events.clear();
        let (trades, events, ledger) = (&mut self.trades, &mut self.events, &mut NoLedger);
        let mut tape = Tape { shard: ShardId(0), time: NOW, trades, events, ledger };
        match op {
            Op::New { side, price } => {
                let order = order(n, side, price, TimeInForce::Gtc);
                self.book.admit(&order).expect("there is room");
                let swept = self.book.enter(&mut Taker::new(order, None), &mut tape);
                self.handles.insert(order.id, resting(swept));
            }
            Op::Take { side } => {
                let order = order(n, side, worst(side), TimeInForce::Ioc);
                self.book.admit(&order).expect("there is room");
                let swept = self.book.enter(&mut Taker::new(order, None), &mut tape);
                assert_eq!(swept, Swept::Closed);
            }
            Op::Cancel { id } => {
                let handle = self.handles.remove(&order_id(id)).expect("it rests");
                let closing = Closing { cancel_id: None, session: SessionId::NONE, cause: Cause::Requested };
                self.book.close(handle, &closing, &mut tape);
            }
            Op::Move { id, price } => {
                let handle = self.handles.get_mut(&order_id(id)).expect("it rests");
                let amended = Order { price: Price(price as i64), updated: NOW, ..*self.book.order(*handle) };
                let mut taker = Taker::new(amended, None);
                self.book.admit_amended(*handle, &taker.order).expect("there is room");
                let swept = self.book.amend(*handle, &mut taker, SessionId::NONE, &mut tape);
                *handle = resting(swept);
            }
        }
        self.count();
    }

    /// Follows the trades, as the stages behind it do.
    fn count(&mut self) {
        for event in &self.events {
            if let Event::Execution(Execution { fill: Some(fill), order, .. }) = event
                && fill.maker
            {
                self.fills.add(fill.price.0 as u64, fill.qty.0);
                if !order.status.is_open() {
                    self.handles.remove(&order.id);
                }
            }
        }
    }
}

impl Fills {
    fn add(&mut self, price: u64, qty: u64) {
        self.trades += 1;
        self.qty += qty;
        self.value += u128::from(price) * u128::from(qty);
    }
}

fn resting(swept: Swept) -> Handle {
    let Swept::Resting(handle) = swept else { panic!("it rests: {swept:?}") };
    handle
}

fn worst(side: Side) -> u64 {
    if side == Side::Buy { MIDDLE + TICKS } else { MIDDLE - TICKS }
}

/// The order that operation `n` enters. OrderID 0 is none.
fn order_id(n: u64) -> OrderId {
    OrderId(n + 1)
}

fn order(n: u64, side: Side, price: u64, time_in_force: TimeInForce) -> Order {
    Order {
        id: order_id(n),
        cl_ord_id: ClOrdId::truncated("mm-0000000000000001"),
        account: AccountId(1 + (n % 16) as u32),
        instrument: InstrumentId(1),
        session: SessionId::NONE,
        lease: None,
        side,
        ord_type: OrdType::Limit,
        time_in_force,
        smp: SmpMode::None,
        smp_group: SmpGroupId::NONE,
        reduce_only: false,
        expire: Nanos(0),
        price: Price(price as i64),
        qty: Qty(LOT),
        cum_qty: Qty(0),
        prevented_qty: Qty(0),
        cum_quote: Notional(0),
        status: OrdStatus::New,
        created: NOW,
        updated: NOW,
    }
}

struct Theirs {
    book: mc::OrderBook,
    fills: Fills,
}

impl Theirs {
    fn new() -> Self {
        Self { book: mc::OrderBook::new("BTC-USD"), fills: Fills::default() }
    }

    fn run(&mut self, command: &mc::Command) {
        let outcome = self.book.execute(command);
        let mc::CommandOutcome::Applied(report) = &outcome else { panic!("it is taken: {outcome}") };
        if let mc::CommandReport::Submit(effects) | mc::CommandReport::Amend(effects) = report
            && let Some(matched) = effects.target_order().match_result()
        {
            for trade in matched.trades() {
                self.fills.add(trade.price().0, trade.quantity().0);
            }
        }
    }
}

/// The operation in their words. Their OrderID is the number of the command that entered the order.
fn command(n: u64, op: Op) -> mc::Command {
    let kind = match op {
        Op::New { side, price } => submit(side, price, mc::TimeInForce::Gtc),
        Op::Take { side } => submit(side, worst(side), mc::TimeInForce::Ioc),
        Op::Cancel { id } => {
            let (order_id, order_kind) = (mc::OrderId(id), mc::OrderKind::Limit);
            mc::CommandKind::Cancel(mc::CancelCmd { order_id, order_kind })
        }
        Op::Move { id, price } => {
            let patch = mc::AmendPatch::Limit(mc::LimitOrderPatch::new().with_price(mc::Price(price)));
            mc::CommandKind::Amend(mc::AmendCmd { order_id: mc::OrderId(id), patch })
        }
    };
    let meta = mc::CommandMeta { sequence_number: mc::SequenceNumber(n), timestamp: mc::Timestamp(n) };
    mc::Command { meta, kind }
}

fn submit(side: Side, price: u64, time_in_force: mc::TimeInForce) -> mc::CommandKind {
    let side = if side == Side::Buy { mc::Side::Buy } else { mc::Side::Sell };
    let quantity = mc::QuantityPolicy::Standard { quantity: mc::Quantity(LOT) };
    let flags = mc::OrderFlags::new(side, false, time_in_force);
    let order = mc::NewOrder::Limit(mc::LimitOrder::new(mc::Price(price), quantity, flags));
    mc::CommandKind::Submit(mc::SubmitCmd { order })
}
