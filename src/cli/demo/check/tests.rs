//! Each property is broken once, on purpose, and must be found.

use super::*;
use crate::types::{Fill, OrdStatus, Order, Price, Qty, Side, TradeId, samples};

const SHARD: ShardId = ShardId(0);
const HASH: [u8; 32] = [7; 32];

fn execution(account: u32, seq: u64, exec_type: ExecType, fill: Option<Fill>) -> Execution {
    let filled = fill.map_or(Qty::ZERO, |fill| fill.qty);
    let order = Order {
        id: OrderId::new(SHARD, Seq(seq)),
        cl_ord_id: ClOrdId::new(&format!("c-{seq}")).unwrap(),
        account: AccountId(account),
        side: if account == 1 { Side::Buy } else { Side::Sell },
        qty: Qty(5),
        cum_qty: filled,
        status: if filled.is_zero() { OrdStatus::New } else { OrdStatus::Filled },
        ..samples::order()
    };
    Execution { fill, ..Execution::bare(exec_type, order) }
}

/// Account 1 rests an order, account 2 hits it.
fn story() -> (Run, Journal) {
    let fill = |maker| Some(Fill { trade_id: TradeId(1), price: Price(100), qty: Qty(5), maker });
    let executions = [
        execution(1, 11, ExecType::New, None),
        execution(2, 12, ExecType::New, None),
        execution(1, 11, ExecType::Trade, fill(true)),
        execution(2, 12, ExecType::Trade, fill(false)),
    ];
    let testimony = |account: u32, seq: u64| Testimony {
        account: AccountId(account),
        name: format!("bot-{account}"),
        requests: HashMap::from([(
            ClOrdId::new(&format!("c-{seq}")).unwrap(),
            Request { is_order: true, answers: 1, verdict: Verdict::Accepted(OrderId::new(SHARD, Seq(seq))) },
        )]),
        executions: executions
            .iter()
            .filter(|execution| execution.order.account == AccountId(account))
            .map(Seen::recorded)
            .collect(),
        complaints: Vec::new(),
    };
    let shards = BTreeMap::from([(SHARD, (Seq(12), HASH))]);
    let seqs = [11, 12, 12, 12].map(Seq);
    let events = seqs.into_iter().zip(executions).map(|(seq, e)| (SHARD, seq, Event::Execution(e))).collect();
    let positions = vec![(InstrumentId(1), AccountId(1), 5), (InstrumentId(1), AccountId(2), -5)];
    (
        Run {
            testimonies: vec![testimony(1, 11), testimony(2, 12)],
            before: BTreeMap::from([(SHARD, Seq(10))]),
            stopped: shards.clone(),
        },
        Journal { events, positions, shards },
    )
}

fn broken(story: &(Run, Journal)) -> Vec<&'static str> {
    let findings = run(&story.0, &story.1);
    let broken: Vec<_> =
        findings.checks.iter().filter(|check| check.breach_count > 0).map(|check| check.property).collect();
    assert_eq!(findings.holds, broken.is_empty());
    broken
}

#[test]
fn what_really_happened_holds() {
    assert_eq!(broken(&story()), [""; 0]);
}

#[test]
fn an_order_of_an_earlier_run_that_is_closed_in_this_one_is_not_missed() {
    let mut story = story();
    story.1.events.push((SHARD, Seq(13), Event::Execution(execution(1, 9, ExecType::Canceled, None))));
    assert_eq!(broken(&story), [""; 0]);
}

#[test]
fn an_order_that_was_answered_twice_is_found() {
    let mut story = story();
    story.0.testimonies[0].requests.values_mut().for_each(|request| request.answers = 2);
    assert_eq!(broken(&story), ["each order and cancel is answered exactly once, as the journal has it"]);
}

#[test]
fn an_order_that_was_refused_and_executed_is_found() {
    let mut story = story();
    let refused = Verdict::Refused(Some(Reject::OrderRate));
    story.0.testimonies[0].requests.values_mut().for_each(|request| request.verdict = refused);
    assert_eq!(broken(&story), ["each order and cancel is answered exactly once, as the journal has it"]);
}

#[test]
fn an_order_that_nobody_sent_is_found() {
    let mut story = story();
    story.0.testimonies[1].requests.clear();
    assert_eq!(broken(&story), ["each order and cancel is answered exactly once, as the journal has it"]);
}

#[test]
fn an_execution_that_only_one_side_has_is_found() {
    let mut unheard = story();
    unheard.0.testimonies[1].executions.pop();
    assert_eq!(broken(&unheard), ["the clients' executions equal the journal's"]);
    let mut invented = story();
    let twice = invented.0.testimonies[0].executions[1];
    invented.0.testimonies[0].executions.push(twice);
    assert_eq!(broken(&invented), ["the clients' executions equal the journal's"]);
}

#[test]
fn a_position_out_of_nothing_is_found() {
    let mut story = story();
    story.1.positions[0].2 = 6;
    assert_eq!(broken(&story), ["the positions of all accounts sum to zero in each instrument"]);
}

#[test]
fn another_state_is_found() {
    let mut story = story();
    story.1.shards.insert(SHARD, (Seq(12), [8; 32]));
    assert_eq!(broken(&story), ["the replayed state has the server's state hash"]);
}

#[test]
fn a_long_list_of_breaches_is_cut_and_counted() {
    let mut check = Check::of("nothing");
    (0..25).for_each(|at| check.breach(at.to_string()));
    let text = Findings::of(vec![check]).to_string();
    assert!(text.contains("BREACH") && text.contains("and 15 more"), "{text}");
}
