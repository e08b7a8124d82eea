//! A small venue for unit tests: two members, three accounts, an API key of each kind, two instruments.

use super::{Account, ApiKey, Directory, Member, RateLimits, SignaturePolicy, Signing};
use crate::types::{
    AccountId, AccountLimits, ApiKeyId, Instrument, InstrumentId, InstrumentKind, MemberId, Price, Qty,
    Scale, Span, Symbol, samples,
};

/// The member whose accounts are `alpha` (1, each order signed) and `beta` (2, the session is signed).
pub(crate) const OURS: MemberId = MemberId(1);
/// The member whose account is `their` (5).
pub(crate) const THEIRS: MemberId = MemberId(2);
/// `bot` of ours: alpha, then beta.
pub(crate) const KEY: ApiKeyId = ApiKeyId(7);
/// `binance-key` of ours, for alpha: signs without the method.
pub(crate) const BINANCE_KEY: ApiKeyId = ApiKeyId(8);
/// `BTC-USD`: prices in cents, quantities in ten-thousandths.
pub(crate) const BTC_USD: InstrumentId = InstrumentId(3);
/// `ETH-PERP`: prices in tenths, whole quantities.
pub(crate) const ETH_PERP: InstrumentId = InstrumentId(4);

/// The venue.
pub(crate) fn directory() -> Directory {
    let member = |id| Member { id, name: format!("member-{id}"), spki_sha256: Vec::new() };
    let accounts = vec![
        account(1, "alpha", OURS, SignaturePolicy::Order),
        account(2, "beta", OURS, SignaturePolicy::Session),
        account(5, "their", THEIRS, SignaturePolicy::Order),
    ];
    let keys = vec![
        key(KEY, "bot", OURS, &[1, 2], Signing::Sealgate),
        key(BINANCE_KEY, "binance-key", OURS, &[1], Signing::Binance),
        key(ApiKeyId(9), "their-key", THEIRS, &[5], Signing::Sealgate),
    ];
    let instruments = vec![
        instrument(BTC_USD, "BTC-USD", InstrumentKind::Spot, ("BTC", "USD"), (Scale(2), Scale(4))),
        instrument(ETH_PERP, "ETH-PERP", InstrumentKind::Perpetual, ("ETH", "USD"), (Scale(1), Scale(0))),
    ];
    Directory::new(vec![member(OURS), member(THEIRS)], accounts, keys, Vec::new(), instruments)
        .expect("the fixture is consistent")
}

/// An account with ten requests of each kind a second.
pub(crate) fn account(id: u32, name: &str, member: MemberId, signature: SignaturePolicy) -> Account {
    let (id, rate) = (AccountId(id), (10, Span::from_secs(1)));
    Account {
        id,
        name: name.to_owned(),
        member,
        signature,
        rates: RateLimits { orders: rate, orders_per_day: None, cancels: rate, queries: rate },
        limits: AccountLimits { max_open_orders: 10, ..samples::limits(id.0) },
    }
}

/// An API key that signs nothing before it is given its public key.
pub(crate) fn key(id: ApiKeyId, name: &str, member: MemberId, accounts: &[u32], signing: Signing) -> ApiKey {
    let accounts = accounts.iter().copied().map(AccountId).collect();
    ApiKey {
        id,
        name: name.to_owned(),
        member,
        public_key: [0; 32],
        accounts,
        signing,
        cancel: Default::default(),
    }
}

fn instrument(
    id: InstrumentId,
    symbol: &str,
    kind: InstrumentKind,
    (base, quote): (&str, &str),
    (price_scale, qty_scale): (Scale, Scale),
) -> Instrument {
    let name = |text| Symbol::new(text).expect("short");
    Instrument {
        id,
        symbol: name(symbol),
        kind,
        base: name(base),
        quote: name(quote),
        price_scale,
        qty_scale,
        tick: Price(5),
        max_qty: Qty(1_000_000),
        max_notional: 10_000_000_000_000,
        band_bps: 500,
        reference: Price(0),
        ..samples::instrument()
    }
}
