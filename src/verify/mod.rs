//! `Unverified` → `Verified`: is it really you.
//!
//! ```text
//!  Unverified ──► key bound to this member? ──► key may act for the account? ──► signature there, where
//!  + Authority    KeyUnknown                    AccountUnknown                   it is asked for?
//!                                                                                SignatureMissing
//!                 Verified ◄── signature fits the exact bytes? ◄─────────────────┘
//!                              SignatureInvalid + SHA-256 of the bytes
//! ```
//!
//! What is asked for, and of whom:
//!
//! | request | account's policy `order` | account's policy `session` |
//! |---|---|---|
//! | order, amendment, cancel, mass cancel, dead man's timer | a signature | a signature, unless logged on with the same key |
//! | question about an account | a signature, unless logged on with the same key | the same |
//! | question about the market | none | none |
//!
//! A signature that is there is checked, asked for or not: a client that signs wrongly should hear of it on
//! its first message and not on the day when the policy changes.
//!
//! The decision is that of `VerifyingKey::verify_strict`: [`key`] asks it, [`known`] decides the same from a table of
//! the key, and [`tables`] knows which keys have theirs. Of requests that wait one behind the other, `ahead.rs` finds
//! the verdicts together. Nothing here is secret, so nothing needs constant time. Cost:
//! one Ed25519 verification where there is a signature, two binary searches where there is none; no allocation.

mod ahead;
pub mod key;
pub mod known;
pub mod tables;

use crate::config::{Account, ApiKey, Directory, SignaturePolicy};
use crate::types::{
    AccountId, ApiKeyId, Detail, MemberId, Refusal, Reject, RequestKind, Unverified, Verified,
};
use crate::wire::digest;
use ahead::Ahead;
use key::{KeyProblem, PublicKey};
use std::cell::Cell;
use tables::{Keeper, SAMPLE_EVERY, Tables};

/// What a connection has proven so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The member that its certificate stands for.
    pub member: MemberId,
    /// The key that signed its logon; `None` while nobody is logged on.
    pub logged_on: Option<ApiKeyId>,
}

/// Knows the public keys of all members, and what must be signed. Each gateway has one, in its own memory; they share
/// the tables of the keys.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// Ascending, so that a key is found by a binary search over a few cache lines; `keys` has the same order, and so
    /// have the tables.
    ids: Vec<ApiKeyId>,
    keys: Vec<KnownKey>,
    /// Ascending by account.
    policies: Vec<(AccountId, SignaturePolicy)>,
    /// `None`: dalek decides all.
    tables: Option<Tables>,
    /// Of requests that wait.
    ahead: Ahead,
    /// Verdicts until the next sample.
    until_sample: Cell<u32>,
    counts: Cell<Counts>,
}

/// How many signatures were verified, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Over the table of their key.
    pub by_table: u64,
    /// Of these: together with others that waited.
    pub together: u64,
    /// By dalek.
    pub by_dalek: u64,
}

/// A public key that cannot be used, found when the directory is loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("API key {name}: {problem}")]
pub struct KeyError {
    /// The key's name.
    pub name: String,
    /// What is wrong with it.
    pub problem: KeyProblem,
}

#[derive(Clone, Debug)]
struct KnownKey {
    public: PublicKey,
    member: MemberId,
    accounts: Vec<AccountId>,
}

impl Verifier {
    /// Parses every key once, and refuses the directory if one of them would make a signature worthless. All verdicts
    /// are dalek's.
    pub fn new(directory: &Directory) -> Result<Self, KeyError> {
        let mut api_keys: Vec<&ApiKey> = directory.keys().iter().collect();
        api_keys.sort_unstable_by_key(|key| key.id);
        let mut accounts: Vec<&Account> = directory.accounts().iter().collect();
        accounts.sort_unstable_by_key(|account| account.id);
        Ok(Self {
            ids: api_keys.iter().map(|key| key.id).collect(),
            keys: api_keys.iter().map(|key| KnownKey::new(key)).collect::<Result<_, _>>()?,
            policies: accounts.iter().map(|account| (account.id, account.signature)).collect(),
            tables: None,
            ahead: Ahead::default(),
            until_sample: Cell::new(SAMPLE_EVERY),
            counts: Cell::default(),
        })
    }

    /// The same with a table for each key, as far as `bytes_max` of memory reach, once their keeper has made them.
    pub fn with_tables(directory: &Directory, bytes_max: usize) -> Result<(Self, Keeper), KeyError> {
        let verifier = Self::new(directory)?;
        let keys =
            verifier.ids.iter().copied().zip(verifier.keys.iter().map(|key| key.public.clone())).collect();
        let (tables, keeper) = tables::tables(keys, bytes_max);
        Ok((Self { tables: Some(tables), ..verifier }, keeper))
    }

    /// Passes a request on if its sender is proven.
    pub fn verify<'a>(
        &self,
        unverified: Unverified<'a>,
        authority: Authority,
    ) -> Result<Verified<'a>, Refusal> {
        let request = &unverified.request;
        let key = self.key(request.key, authority.member);
        if let Some(account) = request.kind.account() {
            let key = key.ok_or(Reject::KeyUnknown)?;
            if !self.keys[key].accounts.contains(&account) {
                return Err(Reject::AccountUnknown.into());
            }
        }
        match unverified.signature {
            Some(signature) => self
                .signed(key.ok_or(Reject::KeyUnknown)?, unverified.signed, &signature)
                .then(|| Verified::attest(unverified))
                .ok_or_else(|| invalid(unverified.signed)),
            None if self.is_signature_due(&request.kind, request.key, authority) => {
                Err(Reject::SignatureMissing.into())
            }
            None => Ok(Verified::attest(unverified)),
        }
    }

    /// Whether the owner of `key`, who must be `member`, signed the payload of a logon: what RawData(96) of a FIX Logon
    /// covers, what 93/89 of it cover, or the parameters of `session.logon`.
    pub fn logon(&self, member: MemberId, key: ApiKeyId, payload: &[u8], signature: &[u8; 64]) -> bool {
        self.key(key, member).is_some_and(|key| self.signed(key, payload, signature))
    }

    /// How many more requests may be told of before [`Verifier::find_ahead`]; none where dalek decides all.
    pub fn room_ahead(&self) -> usize {
        if self.tables.is_some() { self.ahead.room() } else { 0 }
    }

    /// Tells of a request that waits, so that its verdict may be found together with those of others. It is asked for
    /// in its turn as any other.
    pub fn tell_ahead(&mut self, member: MemberId, key: ApiKeyId, message: &[u8], signature: &[u8; 64]) {
        if let Some(key) = self.key(key, member) {
            self.ahead.tell(key, message, signature);
        }
    }

    /// Finds the verdicts of the requests that were told of, if they are several.
    pub fn find_ahead(&mut self) {
        if let Some(tables) = &self.tables {
            self.ahead.find(tables);
        }
    }

    /// The place of a key, if it is that member's.
    fn key(&self, id: ApiKeyId, member: MemberId) -> Option<usize> {
        self.ids.binary_search(&id).ok().filter(|at| self.keys[*at].member == member)
    }

    fn signed(&self, key: usize, message: &[u8], signature: &[u8; 64]) -> bool {
        let ahead = self.ahead.verdict(key, message, signature);
        let verdict = self.tables.as_ref().and_then(|tables| {
            let left = self.until_sample.get() - 1;
            self.until_sample.set(if left == 0 { SAMPLE_EVERY } else { left });
            tables.verdict(key, message, signature, ahead, left == 0)
        });
        let mut counts = self.counts.get();
        match verdict {
            Some(_) => {
                counts.by_table += 1;
                counts.together += u64::from(ahead.is_some());
            }
            None => counts.by_dalek += 1,
        }
        self.counts.set(counts);
        verdict.unwrap_or_else(|| self.keys[key].public.signed(message, signature))
    }

    /// How many signatures this verifier, and not its clones, has verified.
    pub fn counts(&self) -> Counts {
        self.counts.get()
    }

    /// The table at the head of this file. An account that is not there is as strict as can be.
    fn is_signature_due(&self, kind: &RequestKind, key: ApiKeyId, authority: Authority) -> bool {
        let Some(account) = kind.account() else { return false };
        let vouched = authority.logged_on == Some(key);
        match kind {
            RequestKind::Query(_) => !vouched,
            RequestKind::New(_)
            | RequestKind::Cancel(_)
            | RequestKind::Amend(_)
            | RequestKind::Replace(_)
            | RequestKind::MassCancel(_)
            | RequestKind::CancelAllAfter(_) => !vouched || self.policy(account) == SignaturePolicy::Order,
        }
    }

    fn policy(&self, account: AccountId) -> SignaturePolicy {
        match self.policies.binary_search_by_key(&account, |(id, _)| *id) {
            Ok(at) => self.policies[at].1,
            Err(_) => SignaturePolicy::Order,
        }
    }
}

impl KnownKey {
    fn new(key: &ApiKey) -> Result<Self, KeyError> {
        let public = PublicKey::parse(&key.public_key)
            .map_err(|problem| KeyError { name: key.name.clone(), problem })?;
        Ok(Self { public, member: key.member, accounts: key.accounts.clone() })
    }
}

/// Users lose days over signatures; the hash of what was verified tells at once whether it is the bytes or the key.
fn invalid(signed: &[u8]) -> Refusal {
    Refusal::with(Reject::SignatureInvalid, Detail::SignedSha256(digest::sha256(signed)))
}

#[cfg(test)]
mod tests;
