//! The whole shard against a model that is obviously right: a list of orders, a map of positions and a set of names.
//!
//! `SEALGATE_RANDOM_COMMANDS=10000000 cargo test --release --lib the_shard_does_what_the_model_does` runs ten million
//! commands; without the variable it is a slice of that. Each step is replayed at once on a second shard, and both end
//! in one hash.

use super::market::Follower;
use super::venue::{START, buy, instrument, limits, requester, unnumbered};
use super::*;
use crate::matching::tests::naive::Naive;
use crate::types::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const ACCOUNTS: u64 = 5;
const OPEN_MAX: u32 = 12;
const POSITION_MAX: u64 = 60;
const HERE: InstrumentId = InstrumentId(1);

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

pub(super) struct Duel {
    random: Random,
    pub(super) shard: Shard,
    pub(super) replayed: Shard,
    naive: Naive,
    /// Hears of the book as gateways do, once the instrument is there.
    follower: Option<Follower>,
    now: Nanos,
    names: u64,
    /// Commands that were executed not long ago.
    recent: VecDeque<Command>,
    /// How many executions each account was told of.
    told: BTreeMap<AccountId, u64>,
    /// What kill switches stop.
    killed: BTreeSet<KillTarget>,
}

impl Duel {
    pub(super) fn new(seed: u64) -> Self {
        let (shard, replayed) = (Shard::new(ShardId(1)), Shard::new(ShardId(1)));
        let (random, naive, recent, told) =
            (Random(seed), Naive::default(), VecDeque::new(), BTreeMap::new());
        let (follower, now) = (None, START);
        let killed = BTreeSet::new();
        let mut duel = Self { random, shard, replayed, naive, follower, now, names: 0, recent, told, killed };
        duel.run(&Command::Instrument(Instrument { band_bps: 0, ..instrument(1) }));
        for account in 1..=ACCOUNTS as u32 {
            // The last two are one group.
            let smp_group = SmpGroupId(if account > 3 { 7 } else { 0 });
            let (max_open_orders, max_position) = (OPEN_MAX, POSITION_MAX);
            let of = AccountLimits { max_open_orders, max_position, smp_group, ..limits(account) };
            duel.run(&Command::Account(of));
        }
        duel.follower = Some(Follower::new(&duel.shard, HERE));
        duel
    }

    /// Runs a command to its end on both shards; `None`: it is a repetition.
    fn run(&mut self, command: &Command) -> Option<Vec<Event>> {
        let Outcome::Step(step) = self.shard.execute(None, command, self.now) else { return None };
        let mut events = numbered(&mut self.told, step.events);
        self.follower.iter_mut().for_each(|follower| follower.hear(step.outputs()));
        let again = self.replayed.replay(step.seq, step.time, step.command).expect("it was executed so");
        assert_eq!(again.events, step.events);
        while self.shard.has_pending() {
            let step = self.shard.proceed(self.now);
            events.extend(numbered(&mut self.told, step.events));
            self.follower.iter_mut().for_each(|follower| follower.hear(step.outputs()));
            let again = self.replayed.replay(step.seq, step.time, step.command).expect("it went on so");
            assert_eq!(again.events, step.events);
        }
        self.follower.iter_mut().for_each(|follower| follower.check(&self.shard));
        Some(events)
    }

    /// What was due expires in the model, too.
    fn run_timers(&mut self) {
        while self.shard.is_due(self.now) {
            let step = self.shard.fire(self.now);
            self.follower.iter_mut().for_each(|follower| follower.hear(step.outputs()));
            let again = self.replayed.replay(step.seq, step.time, step.command).expect("it was due");
            assert_eq!(again.events, step.events);
            for event in &numbered(&mut self.told, step.events) {
                let expired = execution(event);
                let gone = self.naive.cancel(expired.order.id, self.now);
                assert_eq!(expired.order, Order { status: OrdStatus::Expired, ..gone });
                assert!(gone.expire <= self.now && expired.cause == Some(Cause::GoodTillDate));
            }
        }
        assert!(self.naive.resting.iter().all(|order| order.expire == Nanos(0) || order.expire > self.now));
    }

    fn name(&mut self) -> ClOrdId {
        self.names += 1;
        ClOrdId::truncated(&format!("n{}", self.names))
    }

    fn new_order(&mut self) -> NewOrder {
        let random = &mut self.random;
        let (ord_type, time_in_force) = match random.below(16) {
            0 => (OrdType::Market, TimeInForce::Ioc),
            1 => (OrdType::Limit, TimeInForce::Ioc),
            2 => (OrdType::Limit, TimeInForce::Fok),
            3 => (OrdType::LimitMaker, TimeInForce::Gtc),
            4 => (OrdType::Limit, TimeInForce::Gtd),
            _ => (OrdType::Limit, TimeInForce::Gtc),
        };
        let modes = [
            SmpMode::None,
            SmpMode::ExpireTaker,
            SmpMode::ExpireMaker,
            SmpMode::ExpireBoth,
            SmpMode::Decrement,
        ];
        let gtd = time_in_force == TimeInForce::Gtd;
        let price = if ord_type == OrdType::Market { 0 } else { 95 + random.below(11) as i64 };
        NewOrder {
            account: AccountId(1 + random.below(ACCOUNTS) as u32),
            side: if random.one_in(2) { Side::Buy } else { Side::Sell },
            ord_type,
            time_in_force,
            smp: modes[random.below(5) as usize],
            reduce_only: random.one_in(6),
            expire: if gtd { self.now + Span::from_secs(1 + random.below(300)) } else { Nanos(0) },
            price: Price(price),
            qty: Qty(1 + random.below(9)),
            cl_ord_id: self.name(),
            ..buy("")
        }
    }

    /// One that rests, or one of nobody.
    fn target(&mut self) -> Order {
        let count = self.naive.resting.len() as u64;
        let at = self.random.below(count + 1) as usize;
        let nobody = Order { id: OrderId(1), account: AccountId(1), ..self.any_order() };
        self.naive.resting.get(at).copied().unwrap_or(nobody)
    }

    fn any_order(&self) -> Order {
        let new = buy("");
        Order::accepted(&new, OrderId(1), SessionId::NONE, self.now)
    }

    pub(super) fn step(&mut self) {
        self.now = self.now + Span::from_millis(1 + self.random.below(1_000));
        self.run_timers();
        match self.random.below(40) {
            0..=23 => self.place(),
            24..=29 => self.cancel(),
            30..=35 => self.amend(),
            36 | 37 => self.replace(),
            38 if self.random.one_in(8) => self.cancel_all(),
            39 if self.random.one_in(8) => self.kill(),
            _ => self.repeat(),
        }
    }

    fn send(&mut self, command: Command) -> Vec<Event> {
        let events = self.run(&command).expect("its name is new");
        self.recent.push_back(command);
        if self.recent.len() > 64 {
            self.recent.pop_front();
        }
        events
    }

    fn place(&mut self) {
        let new = self.new_order();
        let events = self.send(Command::New(requester(&RequestKind::New(new), self.now), new));
        self.follow_new(&events);
    }

    /// What becomes of a new order, in the shard and in the model.
    fn follow_new(&mut self, events: &[Event]) {
        let order = execution(&events[0]).order;
        let entered = Order { status: OrdStatus::New, ..order };
        let refusal = execution(&events[0]).refusal.map(|refusal| refusal.reject);
        assert_eq!(refusal, self.refusal(&entered), "{entered:?}");
        if refusal.is_none() {
            let worst = if order.ord_type == OrdType::Market { None } else { Some(order.price) };
            assert_eq!(Ok(events.to_vec()), self.naive.enter(entered, worst, self.now));
        }
    }

    /// Why the model refuses an order.
    fn refusal(&self, order: &Order) -> Option<Reject> {
        if let Some(stopped) = self.stopped(order.account) {
            return Some(stopped);
        }
        let own = self.naive.resting.iter().filter(|open| open.account == order.account);
        let rests = order.ord_type == OrdType::LimitMaker
            || matches!(order.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd);
        if rests && own.count() as u32 >= OPEN_MAX {
            return Some(Reject::TooManyOpenOrders);
        }
        let against = -self.towards(order);
        if order.reduce_only && against <= 0 {
            return Some(Reject::NothingToReduce);
        }
        if self.worst_case(order, None) > i128::from(POSITION_MAX) {
            return Some(Reject::PositionLimit);
        }
        self.naive.would_take(order).then_some(Reject::WouldTake)
    }

    fn stopped(&self, account: AccountId) -> Option<Reject> {
        if self.killed.contains(&KillTarget::Instrument(HERE)) {
            return Some(Reject::InstrumentHalted);
        }
        self.killed.contains(&KillTarget::Account(account)).then_some(Reject::AccountDisabled)
    }

    /// Engages a kill switch, with or without the orders, or releases one: mostly the latter, so that most is traded.
    fn kill(&mut self) {
        let account = AccountId(1 + self.random.below(ACCOUNTS) as u32);
        let target =
            if self.random.one_in(4) { KillTarget::Instrument(HERE) } else { KillTarget::Account(account) };
        let engaged = self.random.one_in(3);
        let switch = KillSwitch { target, engaged, cancel: self.random.one_in(2), uid: 7 };
        let was = self.killed.contains(&target);
        let targets: Vec<KillTarget> =
            if engaged { vec![target] } else { self.killed.iter().copied().collect() };
        for target in targets {
            let switch = KillSwitch { target, ..switch };
            let events = self.run(&Command::Kill(switch));
            assert_eq!(events.is_none(), was && engaged && !switch.cancel);
            if engaged {
                self.killed.insert(target)
            } else {
                self.killed.remove(&target)
            };
            self.follow_kill(&events.unwrap_or_default(), &switch);
        }
    }

    fn follow_kill(&mut self, events: &[Event], switch: &KillSwitch) {
        let Some((first, canceled)) = events.split_first() else { return };
        assert_eq!(first, &Event::Kill(*switch));
        let is_meant = |order: &&Order| match switch.target {
            KillTarget::Account(account) => order.account == account,
            KillTarget::Instrument(_) => true,
        };
        let meant = self.naive.resting.iter().filter(is_meant).count();
        assert_eq!(canceled.len(), if switch.engaged && switch.cancel { meant } else { 0 });
        for event in canceled {
            let closed = execution(event);
            assert_eq!(closed.order, self.naive.cancel(closed.order.id, self.now));
        }
    }

    /// The position of an order's account, counted to the order's side.
    fn towards(&self, order: &Order) -> i128 {
        let position = self.naive.positions.get(&order.account).copied().unwrap_or_default();
        if order.side == Side::Buy { position } else { -position }
    }

    /// The worst case with this order, instead of the one that it replaces.
    fn worst_case(&self, order: &Order, instead: Option<OrderId>) -> i128 {
        let own = |open: &&Order| {
            open.account == order.account && open.side == order.side && Some(open.id) != instead
        };
        let (mut free, mut reducing) = (0, 0);
        for open in self.naive.resting.iter().filter(own).chain([order]) {
            let left = i128::from(open.remaining().0);
            if open.reduce_only { reducing += left } else { free += left }
        }
        let towards = self.towards(order);
        towards + free + reducing.min((-towards).max(0))
    }

    fn cancel(&mut self) {
        let target = self.target();
        let cancel = self.cancel_of(&target);
        let events = self.send(Command::Cancel(requester(&RequestKind::Cancel(cancel), self.now), cancel));
        self.follow_cancel(&events, &target);
    }

    fn cancel_of(&mut self, target: &Order) -> CancelOrder {
        // By either of its names: the number, or the ClOrdID that it has now.
        let by_name = self.random.one_in(2) && target.id != OrderId(1);
        let named = if by_name { OrderRef::ClOrdId(target.cl_ord_id) } else { OrderRef::OrderId(target.id) };
        let cl_ord_id = self.name();
        CancelOrder { account: target.account, instrument: HERE, cl_ord_id, target: named }
    }

    fn follow_cancel(&mut self, events: &[Event], target: &Order) {
        match &events[0] {
            Event::Execution(canceled) => {
                assert_eq!(canceled.order, self.naive.cancel(target.id, self.now));
                assert_eq!(canceled.cause, Some(Cause::Requested));
            }
            _ => assert_eq!(cancel_reject(&events[..1]).refusal.reject, Reject::OrderUnknown),
        }
    }

    fn amend(&mut self) {
        let target = self.target();
        let done = target.cum_qty.0 + target.prevented_qty.0;
        let price = if self.random.one_in(2) { None } else { Some(Price(95 + self.random.below(11) as i64)) };
        let amend = AmendOrder {
            account: target.account,
            instrument: HERE,
            cl_ord_id: self.name(),
            target: OrderRef::OrderId(target.id),
            price,
            qty: Qty((done + self.random.below(10)).max(1)),
            keep_priority: self.random.one_in(4),
            unchanged: Unchanged::default(),
        };
        let events = self.send(Command::Amend(requester(&RequestKind::Amend(amend), self.now), amend));
        let price = price.unwrap_or(target.price);
        let (cl_ord_id, updated) = (amend.cl_ord_id, self.now);
        let amended = Order { cl_ord_id, price, qty: amend.qty, updated, ..target };
        let known = target.id != OrderId(1);
        let (kept, less) = (price == target.price && amend.qty <= target.qty, amend.qty < target.qty);
        let refused = if !known {
            Some(Reject::OrderUnknown)
        } else if amend.qty.0 <= done {
            Some(Reject::QtyBelowFilled)
        } else if amend.keep_priority && !(kept && less) {
            Some(Reject::PriorityWouldBeLost)
        } else if !kept && self.stopped(target.account).is_some() {
            self.stopped(target.account)
        } else if !kept && self.worst_case(&amended, Some(target.id)) > i128::from(POSITION_MAX) {
            Some(Reject::PositionLimit)
        } else {
            None
        };
        if let Some(refused) = refused {
            return assert_eq!(cancel_reject(&events).refusal.reject, refused);
        }
        match self.naive.amend(amended, self.now) {
            Ok(expected) => assert_eq!(events, expected),
            Err(refused) => assert_eq!(cancel_reject(&events).refusal.reject, refused),
        }
    }

    fn replace(&mut self) {
        let target = self.target();
        let cancel = self.cancel_of(&target);
        let order = NewOrder { account: target.account, ..self.new_order() };
        let mode = if self.random.one_in(2) { ReplaceMode::StopOnFailure } else { ReplaceMode::AllowFailure };
        let replace = ReplaceOrder { cancel, order, mode };
        let events =
            self.send(Command::Replace(requester(&RequestKind::Replace(replace), self.now), replace));
        self.follow_cancel(&events, &target);
        let canceled = matches!(events[0], Event::Execution(_));
        assert_eq!(events.len() > 1, canceled || mode == ReplaceMode::AllowFailure);
        if events.len() > 1 {
            self.follow_new(&events[1..]);
        }
    }

    fn cancel_all(&mut self) {
        let account = AccountId(1 + self.random.below(ACCOUNTS) as u32);
        let side = [None, Some(Side::Buy), Some(Side::Sell)][self.random.below(3) as usize];
        let instrument = self.random.one_in(2).then_some(HERE);
        let scope = CancelScope { account, instrument, side, session: None };
        let cancel = MassCancel { scope, cl_ord_id: self.name() };
        let events =
            self.send(Command::MassCancel(requester(&RequestKind::MassCancel(cancel), self.now), cancel));
        let taken = |order: &&Order| order.account == account && side.is_none_or(|side| side == order.side);
        let ids: Vec<OrderId> = self.naive.resting.iter().filter(taken).map(|order| order.id).collect();
        let (report, canceled) = events.split_last().expect("there is a report");
        for (event, id) in canceled.iter().zip(&ids) {
            assert_eq!(execution(event).order, self.naive.cancel(*id, self.now));
        }
        assert!(matches!(report, Event::MassCanceled(done) if done.canceled as usize == ids.len()));
        assert_eq!(canceled.len(), ids.len());
    }

    /// What came before comes again, and nothing happens.
    fn repeat(&mut self) {
        let Some(command) = self.recent.get(self.random.below(64) as usize).copied() else { return };
        let last = self.shard.last_seq();
        assert!(self.run(&command).is_none(), "a request runs once: {command:?}");
        assert_eq!(self.shard.last_seq(), last);
    }

    /// Everything that is kept twice agrees.
    pub(super) fn compare(&self) {
        let mut open: Vec<Order> = self.shard.open_orders().copied().collect();
        let mut expected = self.naive.resting.clone();
        open.sort_by_key(|order| order.id);
        expected.sort_by_key(|order| order.id);
        assert_eq!(open, expected);
        for (_, account, position) in self.shard.positions() {
            assert_eq!(position, self.naive.positions.get(&account).copied().unwrap_or_default());
        }
        assert_eq!(self.naive.positions.values().sum::<i128>(), 0, "what one buys another sells");
    }
}

/// Checks that each execution has the next number of its account, and takes the numbers away, which the naive book does
/// not give.
fn numbered(told: &mut BTreeMap<AccountId, u64>, events: &[Event]) -> Vec<Event> {
    for event in events {
        if let Event::Execution(execution) = event {
            let last = told.entry(execution.order.account).or_default();
            *last += 1;
            assert_eq!(execution.appl_seq_num.0, *last, "{execution:?}");
        }
    }
    events.iter().map(unnumbered).collect()
}

#[test]
fn the_shard_does_what_the_model_does() {
    let count: u64 = std::env::var("SEALGATE_RANDOM_COMMANDS")
        .ok()
        .map_or(60_000, |count| count.parse().expect("a number of commands"));
    let mut duel = Duel::new(0x5ea1_6a7e);
    for n in 0..count {
        duel.step();
        if n % 1_024 == 0 {
            duel.compare();
        }
    }
    duel.compare();
    assert_eq!(duel.shard.state_hash(), duel.replayed.state_hash());
}
