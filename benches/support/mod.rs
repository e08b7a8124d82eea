//! What the benches share: one venue, and one order of its member alice in the forms that it has on its way.
//!
//! ```text
//!   messages: fix_order, websocket_order ─► request ─► new_order, command ─► order ─► accepted
//!   flow:     orders that rest, cancels and orders that take, the same in every run ─► book, venue: who executes them
//! ```

#![allow(dead_code)] // Each bench takes what it needs.

pub mod book;
pub mod flow;
pub mod messages;
pub mod venue;

use sealgate::client::ApiKey;
use sealgate::config::{self, Directory, FixSession, Member, RateLimits, SignaturePolicy, Signing};
use sealgate::types::*;

/// 2026-11-24 09:30:00 UTC.
pub const NOW: Nanos = Nanos(1_795_512_600_000_000_000);
/// `BTC-USD`: prices in cents, quantities in ten-thousandths.
pub const INSTRUMENT: InstrumentId = InstrumentId(1);
/// Where its book is in the middle: 60,000 dollars.
pub const MIDDLE: i64 = 6_000_000;
/// Whose all of this is.
pub const MEMBER: MemberId = MemberId(1);
/// `ALICE-1`: each order is signed.
pub const ORDER_SIGNED: AccountId = AccountId(1);
/// `ALICE-2`: the session is signed.
pub const SESSION_SIGNED: AccountId = AccountId(2);
/// `alice-key`, for both.
pub const KEY: ApiKeyId = ApiKeyId(1);
/// From `ALICE` to `SEALGATE`.
pub const SESSION: SessionId = SessionId(1);
/// New orders a second that an account may send.
pub const ORDERS_PER_SECOND: u32 = 1_000;

/// `alice-key`, with its private half.
pub fn api_key() -> ApiKey {
    ApiKey::from_bytes("alice-key", &[7; 32])
}

/// Who may do what.
pub fn directory() -> Directory {
    directory_with((ORDERS_PER_SECOND, Span::from_secs(1)))
}

/// The same, where each account may send so many orders and cancels in a window.
pub fn directory_with(rate: (u32, Span)) -> Directory {
    let member = Member { id: MEMBER, name: "alice".to_owned(), spki_sha256: Vec::new() };
    let accounts = vec![
        account(ORDER_SIGNED, "ALICE-1", SignaturePolicy::Order, rate),
        account(SESSION_SIGNED, "ALICE-2", SignaturePolicy::Session, rate),
    ];
    let key = config::ApiKey {
        id: KEY,
        name: api_key().name().to_owned(),
        member: MEMBER,
        public_key: api_key().public_key(),
        accounts: vec![ORDER_SIGNED, SESSION_SIGNED],
        signing: Signing::Sealgate,
        cancel: Default::default(),
    };
    Directory::new(vec![member], accounts, vec![key], vec![fix_session()], vec![instrument()])
        .expect("all that is named is there")
}

fn account(id: AccountId, name: &str, signature: SignaturePolicy, rate: (u32, Span)) -> config::Account {
    let rates = RateLimits { orders: rate, orders_per_day: None, cancels: rate, queries: rate };
    config::Account {
        id,
        name: name.to_owned(),
        member: MEMBER,
        signature,
        rates,
        limits: account_limits(id),
    }
}

/// The session as the operator set it up.
pub fn fix_session() -> FixSession {
    FixSession {
        enabled: true,
        role: sealgate::config::Role::Trading,
        given: Default::default(),
        id: SESSION,
        member: MEMBER,
        sender_comp_id: "ALICE".to_owned(),
        target_comp_id: "SEALGATE".to_owned(),
        heartbeat_secs: (1, 60),
        sending_time_window: Span::from_secs(5),
        reset_on_logon: false,
        reset_allowed: true,
        sign_logon: false,
        rules: config::FixRules::default(),
        cancel: Default::default(),
    }
}

/// What is traded.
pub fn instrument() -> Instrument {
    let name = |text| Symbol::new(text).expect("a short name");
    Instrument {
        id: INSTRUMENT,
        symbol: name("BTC-USD"),
        kind: InstrumentKind::Spot,
        base: name("BTC"),
        quote: name("USD"),
        price_scale: Scale(2),
        qty_scale: Scale(4),
        tick: Price(1),
        lot: Qty(1),
        max_qty: Qty(1_000_000),
        max_notional: u64::MAX,
        band_bps: 1_000,
        reference: Price(MIDDLE),
        state: InstrumentState::Trading,
    }
}

/// Limits that are looked at and never reached.
pub fn account_limits(account: AccountId) -> AccountLimits {
    AccountLimits {
        smp_group: Default::default(),
        account,
        instrument: None,
        max_open_orders: u32::MAX,
        max_position: u64::MAX >> 1,
        enabled: true,
    }
}

/// The `n`-th name that a client gives, 20 bytes long; made without a formatter, since some benches measure it too.
pub fn cl_ord_id(n: u64) -> ClOrdId {
    let (mut name, mut rest) = (*b"bench-00000000000000", n);
    for digit in name[6..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    ClOrdId::from_bytes(&name).expect("a short name")
}

/// The `n`-th order: half a bitcoin at the middle, good till it is cancelled.
pub fn new_order(n: u64, account: AccountId, side: Side) -> NewOrder {
    NewOrder {
        smp_group: None,
        reduce_only: false,
        expire: Nanos(0),
        account,
        instrument: INSTRUMENT,
        cl_ord_id: cl_ord_id(n),
        side,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        smp: SmpMode::ExpireTaker,
        price: Price(MIDDLE),
        qty: Qty(5_000),
    }
}

/// The first order of an account, decoded.
pub fn request(account: AccountId) -> Request {
    Request {
        kind: RequestKind::New(new_order(1, account, Side::Buy)),
        session: SESSION,
        key: KEY,
        sent: NOW,
        recv_window: Span::from_secs(5),
        content: [1; 16],
        named: true,
    }
}

/// Who asks with the `n`-th request, sent at `now`.
pub fn requester(n: u64, now: Nanos) -> Requester {
    Requester {
        session: SESSION,
        number: MsgSeqNum(0),
        logon: LogonId::NONE,
        key: KEY,
        sent: now,
        recv_window: Span::from_secs(5),
        content: u128::from(n).to_le_bytes(),
        signed_digest: u128::from(n).to_le_bytes(),
        named: true,
    }
}

/// The evidence of an order that is signed itself, as long as FIX brings it.
pub fn signed_bytes() -> SignedBytes<'static> {
    SignedBytes::new(&[b'x'; 200], Some([7; 64]))
}

/// The order as a shard makes it, nothing traded yet.
pub fn order(new: &NewOrder, id: OrderId) -> Order {
    Order::accepted(new, id, SESSION, NOW)
}

/// What its account hears: it was accepted.
pub fn accepted(new: &NewOrder) -> Execution {
    Execution::bare(ExecType::New, order(new, OrderId::new(ShardId(0), Seq(1))))
}
