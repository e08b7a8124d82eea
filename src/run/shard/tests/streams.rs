//! Random streams of commands: whatever comes, nothing is lost or made, and a replay ends in the same state.

use super::venue::*;
use super::*;
use crate::types::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Op {
    Place(NewOrder),
    Cancel {
        account: u32,
        instrument: u16,
        target: u8,
        id: u8,
    },
    Halt(u16, bool),
    Wait(u32),
    /// A logon of a session, FIX or not.
    Began {
        fix: bool,
        key: u32,
        on: u8,
    },
    /// The last logons end, the latest first.
    Ended {
        ago: u64,
        clean: bool,
    },
    Restarted,
    /// Account 1 or 2 sets its dead man's timer.
    CancelAllAfter {
        account: u32,
        seconds: u64,
    },
}

/// Few names, so that many requests repeat others, and many orders meet.
fn op() -> impl Strategy<Value = Op> {
    let kind = prop_oneof![
        8 => Just((OrdType::Limit, TimeInForce::Gtc)),
        1 => Just((OrdType::LimitMaker, TimeInForce::Gtc)),
        1 => Just((OrdType::Limit, TimeInForce::Ioc)),
        1 => Just((OrdType::Limit, TimeInForce::Fok)),
        1 => Just((OrdType::Market, TimeInForce::Ioc)),
    ];
    let smp = prop_oneof![
        Just(SmpMode::None),
        Just(SmpMode::ExpireTaker),
        Just(SmpMode::ExpireMaker),
        Just(SmpMode::ExpireBoth),
        Just(SmpMode::Decrement)
    ];
    let qty = prop_oneof![20 => 0u64..6, 1 => 50u64..300, 1 => Just(u64::MAX)];
    let price = prop_oneof![20 => 90i64..111, 1 => any::<i64>()];
    let place = (any::<bool>(), kind, smp, qty, price, 1u32..6, 1u16..4, any::<u8>()).prop_map(
        |(is_buy, (ord_type, time_in_force), smp, qty, price, account, instrument, id)| {
            Op::Place(NewOrder {
                smp_group: None,
                reduce_only: id % 8 == 0,
                expire: Nanos(0),
                account: AccountId(account),
                instrument: InstrumentId(instrument),
                cl_ord_id: ClOrdId::truncated(&format!("n{id}")),
                side: if is_buy { Side::Buy } else { Side::Sell },
                ord_type,
                time_in_force,
                smp,
                price: Price(if ord_type == OrdType::Market { 0 } else { price }),
                qty: Qty(qty),
            })
        },
    );
    let cancel = (1u32..6, 1u16..4, any::<u8>(), any::<u8>())
        .prop_map(|(account, instrument, target, id)| Op::Cancel { account, instrument, target, id });
    let halt = (1u16..3, any::<bool>()).prop_map(|(instrument, halted)| Op::Halt(instrument, halted));
    prop_oneof![
        20 => place,
        6 => cancel,
        1 => halt,
        1 => (0u32..200_000).prop_map(Op::Wait),
        1 => (any::<bool>(), 1u32..3, 0u8..4).prop_map(|(fix, key, on)| Op::Began { fix, key, on }),
        1 => (0u64..3, any::<bool>()).prop_map(|(ago, clean)| Op::Ended { ago, clean }),
        1 => Just(Op::Restarted),
        1 => (1u32..3, 0u64..100_000).prop_map(|(account, seconds)| Op::CancelAllAfter { account, seconds }),
    ]
}

fn play(ops: &[Op]) -> Venue {
    let mut venue = Venue::new();
    let mut logons = 0;
    for op in ops {
        venue.run_due();
        let command = match *op {
            Op::Place(order) => on_a_session(venue.new_order(order), logons),
            Op::Cancel { account, instrument, target, id } => venue.cancel_order(CancelOrder {
                account: AccountId(account),
                instrument: InstrumentId(instrument),
                ..cancel(&format!("n{id}"), &format!("n{target}"))
            }),
            Op::Halt(id, halted) => {
                let state = if halted { InstrumentState::Halted } else { InstrumentState::Trading };
                Command::Instrument(Instrument { state, ..instrument(id) })
            }
            // Days go by, so that results are forgotten on the way.
            Op::Wait(seconds) => {
                venue.now = venue.now + Span::from_secs(seconds.into());
                continue;
            }
            Op::Began { fix, key, on } => {
                logons += 1;
                began(fix, LogonId(logons), ApiKeyId(key), on)
            }
            Op::Ended { ago, clean } => {
                let end = if clean { SessionEnd::Logout } else { SessionEnd::Disconnect };
                Command::SessionEnded(SessionEnded { logon: LogonId(logons.saturating_sub(ago)), end })
            }
            Op::Restarted => Command::Restarted,
            Op::CancelAllAfter { account, seconds } => {
                let timeout = Span::from_secs(seconds);
                let request = CancelAllAfter { account: AccountId(account), timeout };
                Command::CancelAllAfter(venue.requester(&RequestKind::CancelAllAfter(request)), request)
            }
        };
        let _ = venue.send(command);
    }
    venue
}

/// Account 1 trades on FIX session 7, account 2 on the latest WebSocket logon.
fn on_a_session(command: Command, logons: u64) -> Command {
    let Command::New(requester, order) = command else { return command };
    let requester = match order.account.0 {
        1 => Requester { session: SessionId(7), ..requester },
        2 => Requester { logon: LogonId(logons), ..requester },
        _ => requester,
    };
    Command::New(requester, order)
}

fn began(fix: bool, logon: LogonId, key: ApiKeyId, on: u8) -> Command {
    let on = [CancelOn::Nothing, CancelOn::Disconnect, CancelOn::Logout, CancelOn::Both][usize::from(on)];
    let lease = if fix { LeaseId::Session(SessionId(7)) } else { LeaseId::Logon(logon) };
    let terms = CancelTerms { on, grace: Span::from_secs(60) };
    Command::SessionBegan(SessionBegan { lease, logon, key, terms })
}

/// Positions sum to zero, fills come in pairs, and what is open is what was ordered less what ended.
fn conserves(venue: &Venue) -> Result<(), TestCaseError> {
    let mut sums: BTreeMap<InstrumentId, i128> = BTreeMap::new();
    for (instrument, _, position) in venue.shard.positions() {
        *sums.entry(instrument).or_default() += position;
    }
    prop_assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");

    let mut trades: BTreeMap<TradeId, Vec<(Price, Qty, bool)>> = BTreeMap::new();
    let mut orders: BTreeMap<OrderId, Order> = BTreeMap::new();
    let mut positions: BTreeMap<(InstrumentId, AccountId), i128> = BTreeMap::new();
    for event in venue.log.iter().flat_map(|record| &record.events) {
        let Event::Execution(execution) = event else { continue };
        let order = execution.order;
        if let Some(fill) = execution.fill {
            trades.entry(fill.trade_id).or_default().push((fill.price, fill.qty, fill.maker));
            let signed = i128::from(fill.qty.0) * if order.side == Side::Buy { 1 } else { -1 };
            *positions.entry((order.instrument, order.account)).or_default() += signed;
        }
        let before = orders.insert(order.id, order);
        let traded = execution.fill.map_or(0, |fill| fill.qty.0);
        match before {
            None => prop_assert!(matches!(execution.exec_type, ExecType::New | ExecType::Rejected)),
            Some(before) => {
                prop_assert!(before.status.is_open(), "nothing happens to a closed order");
                prop_assert_eq!(before.cum_qty.0 + traded, order.cum_qty.0);
                let prevented = execution.prevented.map_or(0, |prevented| prevented.qty.0);
                prop_assert_eq!(before.prevented_qty.0 + prevented, order.prevented_qty.0);
            }
        }
    }
    for sides in trades.values() {
        let [(price, qty, true), (taker_price, taker_qty, false)] = sides[..] else {
            return Err(TestCaseError::fail(format!("maker, then taker: {sides:?}")));
        };
        prop_assert_eq!((price, qty), (taker_price, taker_qty));
    }
    for (instrument, account, position) in venue.shard.positions() {
        prop_assert_eq!(position, positions.get(&(instrument, account)).copied().unwrap_or(0));
    }
    let open: BTreeMap<OrderId, Order> = venue.shard.open_orders().map(|order| (order.id, *order)).collect();
    orders.retain(|_, order| order.status.is_open());
    prop_assert_eq!(open, orders, "the events tell what is in the books");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_stream_conserves_and_its_replay_ends_in_the_same_state(ops in prop::collection::vec(op(), 1..400)) {
        let venue = play(&ops);
        conserves(&venue)?;
        prop_assert_eq!(play(&ops).shard.state_hash(), venue.shard.state_hash(), "two runs");
        let mut replayed = Shard::new(venue.shard.id());
        for record in &venue.log {
            let step = replayed.replay(record.seq, record.time, &record.command);
            let step = step.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(step.events, &record.events[..]);
        }
        prop_assert_eq!(replayed.state_hash(), venue.shard.state_hash(), "its replay");
    }
}

#[test]
fn a_replay_that_ends_in_a_sweep_goes_on_with_it() {
    let mut venue = Venue::new();
    for n in 0..FILLS_PER_STEP_MAX + 1 {
        venue.place(NewOrder { qty: Qty(1), ..sell(&format!("s{n}")) });
    }
    venue.place(NewOrder { qty: Qty(1_000), ..buy("sweep") });
    let Some((last, before)) = venue.log.split_last() else { panic!() };
    let mut replayed = Shard::new(venue.shard.id());
    for record in before {
        replayed.replay(record.seq, record.time, &record.command).unwrap();
    }
    assert!(replayed.has_pending());
    let (other, account) = (Command::Account(limits(1)), last.seq);
    assert!(replayed.replay(account, last.time, &other).is_err(), "the sweep comes first");
    let step = replayed.proceed(last.time);
    assert_eq!((step.command, step.events, step.origin), (&last.command, &last.events[..], None));
    assert_eq!(replayed.state_hash(), venue.shard.state_hash());
}

#[test]
fn every_part_of_the_state_is_in_its_hash() {
    let hash = |change: fn(&mut Venue)| {
        let mut venue = Venue::new();
        venue.place(buy("b"));
        change(&mut venue);
        venue.by_hand = true;
        venue.shard.state_hash()
    };
    let hashes = [
        hash(|_| ()),
        hash(|venue| venue.shard.trades += 1),
        hash(|venue| assert!(venue.shard.sequencer.next(START).0 > Seq::ZERO)),
        hash(|venue| venue.shard.timers.set(START, super::super::timers::Timer::Expiry(OrderId(1)))),
        hash(|venue| venue.shard.dead_men = dead_man_set()),
        hash(|venue| drop(venue.send(began(true, LogonId(1), ApiKeyId(1), 3)))),
        hash(|venue| venue.shard.risk.limit(&limits(5))),
        hash(|venue| assert!(venue.shard.risk.refer(InstrumentId(1), Price(7)))),
        hash(|venue| venue.shard.once = crate::once::Once::new(ShardId(1))),
        hash(|venue| drop(venue.shard.books.insert(InstrumentId(1), Book::default()))),
    ];
    let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

fn dead_man_set() -> crate::run::shard::dead_man::DeadMen {
    let mut venue = Venue::new();
    let request = CancelAllAfter { account: AccountId(1), timeout: Span::ZERO };
    let requester = venue.requester(&RequestKind::CancelAllAfter(request));
    venue.run(Command::CancelAllAfter(requester, request));
    venue.by_hand = true;
    std::mem::take(&mut venue.shard.dead_men)
}
