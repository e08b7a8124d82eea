//! Names of things. The numbers of members, accounts, instruments, sessions and API keys are given by the
//! operator in the configuration and stand in the journal, so they are never reused for something else.

use super::text::{Text, TextError};
use std::fmt;

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number_id! {
    /// A member of the venue: a legal person with certificates, accounts, API keys and FIX sessions.
    MemberId(u16)
}
number_id! {
    /// An account, whose positions, orders and limits are its own: Account(1) tells it by name.
    AccountId(u32)
}
number_id! {
    /// An API key: an Ed25519 public key that may act for some accounts of its member.
    ApiKeyId(u32)
}
number_id! {
    /// A FIX session of the configuration, which outlives its connections. 0: not a FIX session.
    SessionId(u16)
}
number_id! {
    /// One gateway agent.
    GatewayId(u8)
}
number_id! {
    /// One shard agent.
    ShardId(u8)
}
number_id! {
    /// A connection of one gateway: the slot in the low half, how often the slot was used before in the high
    /// half, so that an answer to a connection that has gone never reaches its successor.
    ConnId(u64)
}
number_id! {
    /// An instrument.
    InstrumentId(u16)
}
number_id! {
    /// Accounts whose orders do not trade with each other: SelfMatchPreventionID(2362). 0: no group.
    SmpGroupId(u32)
}
number_id! {
    /// The place of a record in its stream: 1, 2, 3 … for a shard's commands. 0: before the first.
    Seq(u64)
}
number_id! {
    /// ApplSeqNum(1181): the place of an execution in the private stream of its account on its shard: 1, 2, 3 …
    /// without a gap. 0: before the first, or not in a stream.
    ApplSeqNum(u64)
}
number_id! {
    /// An order, unique per environment: OrderID(37). See [`OrderId::new`].
    OrderId(u64)
}
number_id! {
    /// A trade, unique per environment. Both sides of the trade carry the same.
    TradeId(u64)
}

impl SessionId {
    /// What is not a FIX session: a WebSocket connection, or the server itself.
    pub const NONE: Self = Self(0);
}

impl SmpGroupId {
    /// Not in a group: an account is then kept from trading with itself alone.
    pub const NONE: Self = Self(0);
}

impl Seq {
    /// Before the first record.
    pub const ZERO: Self = Self(0);

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl ApplSeqNum {
    /// Before the first execution of a stream.
    pub const ZERO: Self = Self(0);

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

const SHARD_SHIFT: u32 = 54;

impl OrderId {
    /// No order: stands in the refusal of a request that made none, such as a repeated ClOrdID.
    pub const NONE: Self = Self(0);

    /// The order that the command `seq` of `shard` made: the shard in the upper 10 bits, so that shards need
    /// not ask each other, the sequence in the lower 54. Below 2⁶³, so that a signed reader can hold it.
    pub const fn new(shard: ShardId, seq: Seq) -> Self {
        Self((shard.0 as u64) << SHARD_SHIFT | seq.0)
    }

    /// The shard that made the order.
    pub const fn shard(self) -> ShardId {
        ShardId((self.0 >> SHARD_SHIFT) as u8)
    }

    /// The number of the command that made it, in its shard.
    pub const fn seq(self) -> Seq {
        Seq(self.0 & ((1 << SHARD_SHIFT) - 1))
    }
}

impl TradeId {
    /// The `n`th trade of a shard, counted from 1; laid out as an [`OrderId`] is.
    pub const fn new(shard: ShardId, n: u64) -> Self {
        Self((shard.0 as u64) << SHARD_SHIFT | n)
    }
}

impl ConnId {
    /// The connection in `slot` that is the `generation`th there.
    pub const fn new(slot: u32, generation: u32) -> Self {
        Self((generation as u64) << 32 | slot as u64)
    }

    /// Where its gateway keeps it.
    pub const fn slot(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }
}

/// ClOrdID(11), `newClientOrderId`: the client's name of a request, unique per (account, Symbol).
/// 1 to 36 characters out of `A–Z a–z 0–9 . _ : @ / + -`, so that the signed form is unambiguous.
pub type ClOrdId = Text<36>;

/// The client's name of a question, told back in its answers: OrdStatusReqID(790), MassStatusReqID(584).
pub type ReqId = Text<36>;

/// Symbol(55), such as `BTC-USD` or `BTC-261225-100000-C`.
pub type Symbol = Text<24>;

/// Whether every byte of `text` may stand in a signed WebSocket parameter, and so in an identifier.
pub fn is_signable(text: &[u8]) -> bool {
    text.iter().all(|b| b.is_ascii_alphanumeric() || b"._:@/+-".contains(b))
}

/// A ClOrdID from the wire.
pub fn cl_ord_id(bytes: &[u8]) -> Result<ClOrdId, ClOrdIdError> {
    if bytes.is_empty() {
        return Err(ClOrdIdError::Empty);
    }
    if !is_signable(bytes) {
        return Err(ClOrdIdError::Character);
    }
    Text::from_bytes(bytes).map_err(ClOrdIdError::Text)
}

/// Why a ClOrdID was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClOrdIdError {
    /// There is none.
    #[error("empty")]
    Empty,
    /// A character outside `A–Z a–z 0–9 . _ : @ / + -`.
    #[error("a character other than A-Z a-z 0-9 . _ : @ / + -")]
    Character,
    /// Too long.
    #[error(transparent)]
    Text(TextError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_names_its_shard() {
        let id = OrderId::new(ShardId(3), Seq(77));
        assert_eq!((id.shard(), id.seq()), (ShardId(3), Seq(77)));
        assert!(id.0 < 1 << 63);
    }

    #[test]
    fn a_client_order_id_is_short_and_plain() {
        assert!(cl_ord_id(b"bot-1.A:7@x/y+z_").is_ok());
        assert_eq!(cl_ord_id(b""), Err(ClOrdIdError::Empty));
        assert_eq!(cl_ord_id(b"a b"), Err(ClOrdIdError::Character));
        assert!(cl_ord_id(&[b'a'; 37]).is_err());
    }
}
