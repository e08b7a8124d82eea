//! Where requests go, and what becomes of them when a ring is full.

use super::*;
use crate::config::fixture::{BTC_USD, ETH_PERP, directory};
use crate::config::{AgentName, Placement};
use crate::journal::streams::Streams;
use crate::limits::SHARD_INPUT_SLOTS;
use crate::run::rings::{self, ShardEnds};
use crate::sys::poll::Poller;
use crate::types::{InstrumentId, MemberId, Query, Span};
use crate::watch;

const AUTHORITY: Authority = Authority { member: MemberId(1), logged_on: None };

/// A desk with two shards, which nobody polls: BTC-USD is on the second, ETH-PERP on the first.
fn desk() -> (Desk, Vec<ShardEnds>) {
    // The keys of the fixture are none, so the desk that verifies has none.
    let keyless = Directory::new(vec![], vec![], vec![], vec![], directory().instruments().to_vec()).unwrap();
    let (mut watches, _) = watch::watches(1);
    let waker = Poller::new().unwrap().waker();
    let mut ends = rings::connect(1, 2, &Streams::default(), |_: AgentName| waker.clone());
    let desk = Desk {
        id: GatewayId(0),
        environment: "test".to_owned(),
        clock: Clock::new(),
        verifier: Verifier::new(&keyless).unwrap(),
        limiter: Limiter::new(&keyless),
        router: Router::new(&keyless, &Placement::default(), 1, 2).unwrap(),
        shards: ends.gateways.remove(0).shards,
        joins: Joins::default(),
        logons: Logons::default(),
        halted: Default::default(),
        directory: Arc::new(keyless),
        watch: watches.remove(0),
        security: watch::security_log().0,
        meters: Meters::default(),
        requests: 0,
        closing: false,
        in_flight: 0,
    };
    (desk, ends.shards)
}

fn ask(desk: &mut Desk, token: u64, query: Query) -> Result<(), Refusal> {
    let request = Request {
        kind: RequestKind::Query(query),
        session: SessionId::NONE,
        key: ApiKeyId(0),
        sent: Nanos(0),
        recv_window: Span::ZERO,
        content: [0; 16],
        named: false,
    };
    let (conn, logon, stamps) = (ConnId(1), LogonId::NONE, Stamps::default());
    let mut asker = Asker { conn, token, authority: AUTHORITY, logon, stamps };
    desk.submit(Unverified { request, signed: b"", signature: None }, &mut asker)
}

fn depth(instrument: InstrumentId) -> Query {
    Query::Depth { instrument, levels: 5 }
}

fn waiting(shards: &[ShardEnds]) -> Vec<usize> {
    shards.iter().map(|shard| shard.gateways[0].inputs.slots()).collect()
}

#[test]
fn a_request_goes_to_the_shard_of_its_instrument_and_what_has_none_goes_to_all() {
    let (mut desk, shards) = desk();
    assert_eq!(ask(&mut desk, 1, depth(BTC_USD)), Ok(()));
    assert_eq!(waiting(&shards), [0, 1]);
    assert_eq!(ask(&mut desk, 2, Query::BookTicker { instrument: None }), Ok(()));
    assert_eq!((waiting(&shards), desk.in_flight), (vec![1, 2], 2));
    assert_eq!(ask(&mut desk, 3, depth(InstrumentId(99))), Err(Reject::SymbolUnknown.into()));
}

#[test]
fn a_full_ring_is_busy_for_its_instruments_and_for_what_concerns_all_and_for_nothing_else() {
    let (mut desk, mut shards) = desk();
    for token in 0..SHARD_INPUT_SLOTS as u64 {
        assert_eq!(ask(&mut desk, token, depth(BTC_USD)), Ok(()));
    }
    let busy = Err(Reject::Busy.into());
    assert_eq!(ask(&mut desk, 5_000, depth(BTC_USD)), busy);
    assert_eq!(ask(&mut desk, 5_001, Query::BookTicker { instrument: None }), busy);
    assert_eq!(
        waiting(&shards),
        [0, SHARD_INPUT_SLOTS],
        "none of them has it, so it can be told that it never will be"
    );
    assert_eq!(ask(&mut desk, 5_002, depth(ETH_PERP)), Ok(()));
    assert_eq!(desk.in_flight, SHARD_INPUT_SLOTS + 1);

    shards[1].gateways[0].inputs.front().unwrap().release();
    assert_eq!(ask(&mut desk, 5_003, Query::BookTicker { instrument: None }), Ok(()));
    assert_eq!(waiting(&shards), [2, SHARD_INPUT_SLOTS]);
}

#[test]
fn what_the_gateway_tells_all_shards_reaches_all_or_none() {
    let (mut desk, mut shards) = desk();
    let input = ShardInput::Command {
        origin: None,
        command: Command::Reference(BTC_USD, crate::types::Price(1)),
        signature: None,
    };
    assert_eq!(desk.tell_all(&input, &[]), Push::Done);
    for token in 1..SHARD_INPUT_SLOTS as u64 {
        assert_eq!(ask(&mut desk, token, depth(ETH_PERP)), Ok(()));
    }
    assert_eq!(desk.tell_all(&input, &[]), Push::Full(()));
    assert_eq!(waiting(&shards), [SHARD_INPUT_SLOTS, 1]);
    shards[0].gateways[0].inputs.front().unwrap().release();
    assert_eq!(desk.tell_all(&input, &[]), Push::Done);
}
