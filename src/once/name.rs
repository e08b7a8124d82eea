//! What a request is known by: its name, or its signed bytes, as one hash of 128 bits.

use crate::types::{
    AccountId, AmendOrder, CancelOrder, ClOrdId, InstrumentId, MassCancel, NewOrder, Requester, Seq,
};
use siphasher::sip128::SipHasher24;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// The name of a request: unique per account and instrument. What concerns all instruments has a name space of its own,
/// under instrument 0, which no instrument has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub instrument: InstrumentId,
    /// ClOrdID(11) of the request.
    pub cl_ord_id: ClOrdId,
}

/// A name, or signed bytes, as they are kept: SipHash-2-4 of 128 bits under the secret of [`Hasher`]. Of 10 million two
/// are the same once in 10²⁴ days, and nobody who lacks the secret can choose two that are.
pub(super) type Key = [u64; 2];

/// Turns names into keys, with a secret of its own: nobody can choose names that crowd one place of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hasher {
    secret: [u64; 2],
}

/// What names, and what signed bytes, begin with, so that one is never taken for the other.
const NAME: u8 = 1;
const SIGNED: u8 = 2;

impl Hasher {
    /// One with a new secret. Nothing that a shard does depends on it.
    pub(super) fn random() -> Self {
        let random = RandomState::new();
        Self { secret: [0u8, 1].map(|half| random.hash_one(half)) }
    }

    /// The one with this secret.
    pub fn with_secret(secret: u128) -> Self {
        Self { secret: split(secret) }
    }

    /// The secret: without it the keys that were made with it mean nothing.
    pub fn secret(&self) -> u128 {
        joined(self.secret)
    }

    /// The key of a name.
    pub(super) fn name(&self, name: &Name) -> Key {
        let mut form = Form::begin(NAME);
        form.put(&name.account.0.to_le_bytes());
        form.put(&name.instrument.0.to_le_bytes());
        form.put(name.cl_ord_id.as_bytes());
        self.key(&form)
    }

    /// The key of the signed bytes of a request without a name of its client's. The API key belongs to it, because
    /// where the logon stands for the signature, the bytes need not name the sender.
    pub(super) fn signed(&self, name: &Name, requester: &Requester) -> Key {
        let mut form = Form::begin(SIGNED);
        form.put(&name.account.0.to_le_bytes());
        form.put(&requester.key.0.to_le_bytes());
        form.put(&requester.signed_digest);
        self.key(&form)
    }

    /// The hash of the number of an order's step. Neighbours share a line of the table, as orders come one after the
    /// other.
    pub(super) fn order(&self, seq: Seq) -> u32 {
        let run = (seq.0 >> 3 ^ self.secret[0]).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((run >> 35) as u32) << 3 | (seq.0 as u32 & 7)
    }

    fn key(&self, form: &Form) -> Key {
        let [k0, k1] = self.secret;
        let hash = SipHasher24::new_with_keys(k0, k1).hash(&form.bytes[..form.len]);
        [hash.h1, hash.h2]
    }
}

/// Both halves in one number.
pub(super) fn joined([high, low]: Key) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// The halves that [`joined`] joined.
pub(super) fn split(joined: u128) -> Key {
    [(joined >> 64) as u64, joined as u64]
}

/// The part of a key that a table takes.
pub(super) fn hash_of(key: &Key) -> u32 {
    (key[0] >> 32) as u32
}

/// The fields one after the other. All but the last have one length, so no two have the same form.
struct Form {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Form {
    /// The longest ClOrdID with account, instrument and kind.
    const MAX: usize = 48;

    fn begin(kind: u8) -> Self {
        let mut bytes = [0; Self::MAX];
        bytes[0] = kind;
        Self { bytes, len: 1 }
    }

    fn put(&mut self, part: &[u8]) {
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
    }
}

impl Name {
    /// The name of an order.
    pub fn of_order(order: &NewOrder) -> Self {
        Self { account: order.account, instrument: order.instrument, cl_ord_id: order.cl_ord_id }
    }

    /// The name of a cancel itself, not of the order that it means.
    pub fn of_cancel(cancel: &CancelOrder) -> Self {
        Self { account: cancel.account, instrument: cancel.instrument, cl_ord_id: cancel.cl_ord_id }
    }

    /// The name of an amendment, which becomes one of its order.
    pub fn of_amend(amend: &AmendOrder) -> Self {
        Self { account: amend.account, instrument: amend.instrument, cl_ord_id: amend.cl_ord_id }
    }

    /// The name of a mass cancel.
    pub fn of_mass_cancel(cancel: &MassCancel) -> Self {
        let instrument = cancel.scope.instrument.unwrap_or(InstrumentId(0));
        Self { account: cancel.scope.account, instrument, cl_ord_id: cancel.cl_ord_id }
    }
}
