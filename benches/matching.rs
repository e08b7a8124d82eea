//! What matching costs: a book of 2,000 resting orders on 200 levels, and a mix of five orders that rest, four
//! cancels and one order that takes. Beside it the same mix through the whole core: once, risk, matching.
//!
//! Rows of `docs/numbers.md`: matching, and sequence + once + risk + matching.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sealgate::limits::EVENTS_PER_STEP_MAX;
use sealgate::matching::{Book, Handle, Swept, Taker, Tape};
use sealgate::run::shard::{Outcome, Shard};
use sealgate::types::*;
use std::hint::black_box;

const RESTING: usize = 2_000;
const LEVELS: u64 = 100;
const MIDDLE: i64 = 100_000;
/// Between two requests, so that 86,400 results are remembered and each request lets one be forgotten.
const BETWEEN: Span = Span::from_secs(1);
const START: Nanos = Nanos(1_700_000_000_000_000_000);

/// Xorshift: the same stream in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// An order to rest on one of the levels of its side; most of them near the middle.
    fn resting(&mut self) -> NewOrder {
        let away = 1 + self.below(LEVELS).min(self.below(LEVELS)) as i64;
        let is_buy = self.below(2) == 0;
        NewOrder {
            account: AccountId(1 + self.below(16) as u32),
            instrument: InstrumentId(1),
            cl_ord_id: ClOrdId::EMPTY,
            side: if is_buy { Side::Buy } else { Side::Sell },
            ord_type: OrdType::Limit,
            time_in_force: TimeInForce::Gtc,
            smp: SmpMode::ExpireTaker,
            price: Price(if is_buy { MIDDLE - away } else { MIDDLE + away }),
            qty: Qty(10),
        }
    }

    /// An order that takes one resting order of the side of the last that came, so that neither side runs dry.
    fn taking(last: &NewOrder) -> NewOrder {
        let side = last.side.opposite();
        let worst = if side == Side::Buy { MIDDLE + 1_000 } else { MIDDLE - 1_000 };
        let (account, price) = (AccountId(100), Price(worst));
        NewOrder { account, side, time_in_force: TimeInForce::Ioc, price, ..*last }
    }
}

/// A book and the places of what rests in it; an order's `created` is its index here.
struct Desk {
    book: Book,
    random: Random,
    live: Vec<Option<Handle>>,
    free: Vec<usize>,
    events: Vec<Event>,
    trades: u64,
    seq: u64,
}

impl Desk {
    fn new() -> Self {
        let live = vec![None; 2 * RESTING];
        let free = (0..live.len()).collect();
        let events = Vec::with_capacity(EVENTS_PER_STEP_MAX);
        let random = Random(42);
        let mut desk = Self { book: Book::default(), random, live, free, events, trades: 0, seq: 0 };
        for _ in 0..RESTING {
            desk.rest();
        }
        desk
    }

    fn enter(&mut self, new: NewOrder, index: usize) -> Swept {
        self.seq += 1;
        let order = Order {
            id: OrderId::new(ShardId(1), Seq(self.seq)),
            cl_ord_id: new.cl_ord_id,
            account: new.account,
            instrument: new.instrument,
            session: SessionId::NONE,
            side: new.side,
            ord_type: new.ord_type,
            time_in_force: new.time_in_force,
            smp: new.smp,
            price: new.price,
            qty: new.qty,
            cum_qty: Qty::ZERO,
            cum_quote: Notional::ZERO,
            status: OrdStatus::New,
            created: Nanos(index as u64),
            updated: START,
        };
        self.events.clear();
        self.book.admit(&order).expect("there is room");
        let mut taker = Taker::new(order, None);
        let mut tape =
            Tape { shard: ShardId(1), time: START, trades: &mut self.trades, events: &mut self.events };
        self.book.enter(&mut taker, &mut tape)
    }

    fn rest(&mut self) -> NewOrder {
        let index = self.free.pop().expect("there is room");
        let order = self.random.resting();
        match self.enter(order, index) {
            Swept::Resting(handle) => self.live[index] = Some(handle),
            swept => panic!("{swept:?}"),
        }
        order
    }

    fn take(&mut self, last: &NewOrder) {
        assert_eq!(self.enter(Random::taking(last), usize::MAX), Swept::Closed);
        let Event::Execution(maker) = &self.events[1] else { panic!() };
        let index = maker.order.created.0 as usize;
        self.live[index] = None;
        self.free.push(index);
    }

    fn cancel(&mut self) {
        let (index, handle) = loop {
            let index = self.random.below(self.live.len() as u64) as usize;
            if let Some(handle) = self.live[index].take() {
                break (index, handle);
            }
        };
        self.free.push(index);
        let cancel = CancelOrder {
            account: AccountId(1),
            instrument: InstrumentId(1),
            cl_ord_id: ClOrdId::EMPTY,
            target: OrderRef::OrderId(OrderId::NONE),
        };
        self.events.clear();
        let mut tape =
            Tape { shard: ShardId(1), time: START, trades: &mut self.trades, events: &mut self.events };
        self.book.cancel(handle, &cancel, SessionId::NONE, &mut tape);
    }
}

/// A shard that is sent the same mix; every request has a name of its own.
struct Venue {
    shard: Shard,
    random: Random,
    now: Nanos,
    open: Vec<(OrderId, AccountId)>,
    /// Where in `open` the order of a sequence number is.
    places: Vec<usize>,
    requests: u64,
}

impl Venue {
    fn new() -> Self {
        let mut venue = Self {
            shard: Shard::new(ShardId(1)),
            random: Random(42),
            now: START,
            open: Vec::new(),
            places: Vec::new(),
            requests: 0,
        };
        venue.send(Command::Instrument(instrument()));
        for account in (1..=16).chain([100]).map(AccountId) {
            let (max_open_orders, max_position) = (u32::MAX, u64::MAX >> 1);
            venue.send(Command::Account(AccountLimits {
                account,
                max_open_orders,
                max_position,
                enabled: true,
            }));
        }
        for _ in 0..RESTING {
            venue.rest();
        }
        for _ in 0..20_000 {
            venue.mix();
        }
        venue
    }

    fn mix(&mut self) {
        for _ in 0..4 {
            self.rest();
            self.cancel();
        }
        let last = self.rest();
        self.take(&last);
    }

    /// Executes a command; the order of its first event, or of the second: the maker.
    fn send(&mut self, command: Command) -> [Option<OrderId>; 2] {
        match self.shard.execute(None, black_box(&command), self.now) {
            Outcome::Step(step) => [0, 1].map(|n| match black_box(step.events).get(n) {
                Some(Event::Execution(execution)) => Some(execution.order.id),
                _ => None,
            }),
            Outcome::Repetition(_) => panic!("each request is new"),
        }
    }

    fn requester(&mut self) -> (Requester, ClOrdId) {
        self.requests += 1;
        self.now = self.now + BETWEEN;
        let mut content = [0; 16];
        content[..8].copy_from_slice(&self.requests.to_le_bytes());
        let requester = Requester {
            session: SessionId::NONE,
            key: ApiKeyId(1),
            sent: self.now,
            recv_window: Span::from_secs(5),
            content,
            signed_digest: content,
            named: true,
        };
        let mut name = *b"bench-00000000000000";
        let mut number = self.requests;
        for digit in name[6..].iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        (requester, ClOrdId::from_bytes(&name).expect("a short name"))
    }

    fn place(&mut self, order: NewOrder) -> [Option<OrderId>; 2] {
        let (requester, cl_ord_id) = self.requester();
        self.send(Command::New(requester, NewOrder { cl_ord_id, ..order }))
    }

    fn rest(&mut self) -> NewOrder {
        let order = self.random.resting();
        let [Some(id), None] = self.place(order) else { panic!("it rests") };
        let seq = self.shard.last_seq().0 as usize;
        self.places.resize(seq + 1, 0);
        self.places[seq] = self.open.len();
        self.open.push((id, order.account));
        order
    }

    fn take(&mut self, last: &NewOrder) {
        let [Some(_), Some(maker)] = self.place(Random::taking(last)) else { panic!("it takes") };
        self.remove(self.places[seq_of(maker)]);
    }

    fn cancel(&mut self) {
        let at = self.random.below(self.open.len() as u64) as usize;
        let (order, account) = self.remove(at);
        let (requester, cl_ord_id) = self.requester();
        let target = OrderRef::OrderId(order);
        let cancel = CancelOrder { account, instrument: InstrumentId(1), cl_ord_id, target };
        self.send(Command::Cancel(requester, cancel));
    }

    fn remove(&mut self, at: usize) -> (OrderId, AccountId) {
        let removed = self.open.swap_remove(at);
        if let Some((moved, _)) = self.open.get(at) {
            self.places[seq_of(*moved)] = at;
        }
        removed
    }
}

/// The sequence number in an OrderID.
fn seq_of(order: OrderId) -> usize {
    (order.0 - OrderId::new(ShardId(1), Seq::ZERO).0) as usize
}

fn instrument() -> Instrument {
    Instrument {
        id: InstrumentId(1),
        symbol: Symbol::truncated("BTC-USD"),
        kind: InstrumentKind::Spot,
        base: Symbol::truncated("BTC"),
        quote: Symbol::truncated("USD"),
        price_scale: Scale(2),
        qty_scale: Scale(3),
        tick: Price(1),
        lot: Qty(1),
        max_qty: Qty(1_000_000),
        max_notional: u64::MAX,
        band_bps: 1_000,
        reference: Price(MIDDLE),
        state: InstrumentState::Trading,
    }
}

fn matching(c: &mut Criterion) {
    let mut group = c.benchmark_group("matching");
    let mut desk = Desk::new();
    group.throughput(Throughput::Elements(10));
    group.bench_function("mix of 5 resting, 4 cancels, 1 taking", |b| {
        b.iter(|| {
            for _ in 0..4 {
                desk.rest();
                desk.cancel();
            }
            let last = desk.rest();
            desk.take(&last);
            black_box(desk.events.len())
        });
    });
    group.throughput(Throughput::Elements(2));
    group.bench_function("rest and cancel", |b| {
        b.iter(|| {
            desk.rest();
            desk.cancel();
        });
    });
    group.bench_function("rest and take", |b| {
        b.iter(|| {
            let last = desk.rest();
            desk.take(&last);
        });
    });
    group.finish();

    let mut group = c.benchmark_group("core");
    let mut venue = Venue::new();
    group.throughput(Throughput::Elements(10));
    group.bench_function("mix of 5 resting, 4 cancels, 1 taking", |b| b.iter(|| venue.mix()));
    group.finish();
}

criterion_group!(benches, matching);
criterion_main!(benches);
