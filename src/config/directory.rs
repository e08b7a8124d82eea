//! Who may do what: members with their certificates, accounts, API keys and FIX sessions, and the instruments.
//! Built once, checked once, then shared by every agent.

use super::FixRules;
use crate::limits::DROP_COPIES_PER_ACCOUNT_MAX;
use crate::types::{
    AccountId, AccountLimits, ApiKeyId, CancelPolicy, Instrument, InstrumentId, MemberId, SessionId, Span,
};
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::sync::Arc;

/// A member and what identifies it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its number, never reused.
    pub id: MemberId,
    /// Its name.
    pub name: String,
    /// SHA-256 of the SubjectPublicKeyInfo of each certificate that is this member.
    pub spki_sha256: Vec<[u8; 32]>,
}

/// Which requests of an account carry a signature of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignaturePolicy {
    /// Each order and cancel. The default.
    Order,
    /// The logon; requests after it need none.
    Session,
}

/// What a WebSocket signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// `method=<method>&` and the parameters.
    Sealgate,
    /// The parameters alone, as Binance has it: a cancel and a status request can share a signature.
    Binance,
}

/// N messages in any window of a length, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// New orders: how many per window.
    pub orders: (u32, Span),
    /// New orders: how many in a day (UTC), if that is limited.
    pub orders_per_day: Option<u32>,
    /// Cancels: how many per window.
    pub cancels: (u32, Span),
    /// Queries: how many per window.
    pub queries: (u32, Span),
}

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its number, never reused.
    pub id: AccountId,
    /// Its name: Account(1), `account`.
    pub name: String,
    /// Whose it is.
    pub member: MemberId,
    /// What must be signed.
    pub signature: SignaturePolicy,
    /// How often it may ask.
    pub rates: RateLimits,
    /// What it may hold.
    pub limits: AccountLimits,
}

/// An API key.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its number, never reused.
    pub id: ApiKeyId,
    /// The key's name on the wire: Username(553), `apiKey`. Unique per environment.
    pub name: String,
    /// Whose it is.
    pub member: MemberId,
    /// The Ed25519 public key.
    pub public_key: [u8; 32],
    /// The accounts that it may act for; the first is meant where a request names none.
    pub accounts: Vec<AccountId>,
    /// What its WebSocket signatures cover.
    pub signing: Signing,
    /// Cancel on disconnect of its WebSocket logons.
    pub cancel: CancelPolicy,
}

/// What a FIX session is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Order entry.
    Trading,
    /// A copy of every ExecutionReport of these accounts, and nothing else.
    DropCopy(Vec<AccountId>),
}

/// A FIX session as the operator set it up. Named from the client's side, as its messages have it.
#[derive(Clone, Debug)]
pub struct FixSession {
    /// Its number, never reused; not 0.
    pub id: SessionId,
    /// Whose it is.
    pub member: MemberId,
    /// SenderCompID(49) of the client's messages.
    pub sender_comp_id: String,
    /// TargetCompID(56) of the client's messages: our name.
    pub target_comp_id: String,
    /// Shortest and longest HeartBtInt(108) in seconds that a Logon may ask for.
    pub heartbeat_secs: (u32, u32),
    /// How far SendingTime(52) may be from our clock.
    pub sending_time_window: Span,
    /// Whether each Logon starts both sequences at 1, without being asked by ResetSeqNumFlag(141).
    pub reset_on_logon: bool,
    /// Whether a Logon may ask for that with ResetSeqNumFlag(141)=Y.
    pub reset_allowed: bool,
    /// Whether the Logon, too, carries 93/89 over its whole body.
    pub sign_logon: bool,
    /// How it behaves otherwise.
    pub rules: FixRules,
    /// Cancel on disconnect.
    pub cancel: CancelPolicy,
    /// Whether it may log on.
    pub enabled: bool,
    /// What it is for.
    pub role: Role,
    /// The keys that were given, each with its value as TOML has it: what a change at run time begins with.
    pub given: super::SessionKeys,
}

/// Everything above, with look-ups.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    members: Vec<Member>,
    accounts: Vec<Account>,
    keys: Vec<ApiKey>,
    sessions: Vec<FixSession>,
    instruments: Vec<Instrument>,
    by_spki: FxHashMap<[u8; 32], MemberId>,
    by_account_name: FxHashMap<Arc<str>, usize>,
    by_account_id: FxHashMap<AccountId, usize>,
    by_key_name: FxHashMap<Arc<str>, usize>,
    by_key_id: FxHashMap<ApiKeyId, usize>,
    by_comp_ids: FxHashMap<(Arc<str>, Arc<str>), usize>,
    by_session_id: FxHashMap<SessionId, usize>,
    by_symbol: FxHashMap<Arc<str>, usize>,
    by_instrument_id: FxHashMap<InstrumentId, usize>,
    drop_copies: FxHashMap<AccountId, Vec<SessionId>>,
    limits: Vec<AccountLimits>,
}

/// What does not fit together in a directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// Two things of one kind share a number or a name.
    #[error("{kind} {name} stands there twice")]
    Twice {
        /// What kind of thing.
        kind: &'static str,
        /// Its number or name.
        name: String,
    },
    /// More sessions want copies of one account than one event can be told to.
    #[error("account {account} has more than {most} drop copy sessions")]
    DropCopies {
        /// The account's name.
        account: String,
        /// How many it may have.
        most: usize,
    },
    /// Something names what is not there, or belongs to somebody else.
    #[error("{kind} {name} names {what}, which {problem}")]
    Dangling {
        /// What kind of thing.
        kind: &'static str,
        /// Its number or name.
        name: String,
        /// What it names.
        what: String,
        /// What is wrong with that.
        problem: &'static str,
    },
}

impl Directory {
    /// The same, with what accounts may do in single instruments.
    #[must_use]
    pub fn with_limits(self, limits: Vec<AccountLimits>) -> Self {
        Self { limits, ..self }
    }

    /// What accounts may do in single instruments, where that is not what they may do in all.
    pub fn limits(&self) -> &[AccountLimits] {
        &self.limits
    }

    /// Checks that names are unique and that everything named is there and of the same member.
    pub fn new(
        members: Vec<Member>,
        accounts: Vec<Account>,
        keys: Vec<ApiKey>,
        sessions: Vec<FixSession>,
        instruments: Vec<Instrument>,
    ) -> Result<Self, DirectoryError> {
        let by_member = index("member", &members, |m| m.id)?;
        index("member", &members, |m| m.name.clone())?;
        let known = |kind, name: &str, member: MemberId| match by_member.contains_key(&member) {
            true => Ok(()),
            false => Err(dangling(kind, name, format!("member {member}"), "is not there")),
        };
        let by_account_id = index("account", &accounts, |a| a.id)?;
        for account in &accounts {
            known("account", &account.name, account.member)?;
        }
        for key in &keys {
            known("API key", &key.name, key.member)?;
            for id in &key.accounts {
                let account = by_account_id.get(id).map(|&at| &accounts[at]);
                let problem = match account {
                    None => "is not there",
                    Some(account) if account.member != key.member => "belongs to another member",
                    Some(_) => continue,
                };
                return Err(dangling("API key", &key.name, format!("account {id}"), problem));
            }
        }
        for session in &sessions {
            known("FIX session", &session.sender_comp_id, session.member)?;
        }
        Ok(Self {
            by_spki: pins(&members)?,
            drop_copies: drop_copies(&sessions, |id| by_account_id.get(&id).map(|&at| &accounts[at]))?,
            by_account_name: index("account", &accounts, |a| Arc::from(a.name.as_str()))?,
            by_key_name: index("API key", &keys, |k| Arc::from(k.name.as_str()))?,
            by_key_id: index("API key", &keys, |k| k.id)?,
            by_comp_ids: index("FIX session", &sessions, |s| {
                (Arc::from(s.sender_comp_id.as_str()), Arc::from(s.target_comp_id.as_str()))
            })?,
            by_session_id: index("FIX session", &sessions, |s| s.id)?,
            by_symbol: index("instrument", &instruments, |i| Arc::from(i.symbol.as_str()))?,
            by_instrument_id: index("instrument", &instruments, |i| i.id)?,
            by_account_id,
            members,
            accounts,
            keys,
            sessions,
            instruments,
            limits: Vec::new(),
        })
    }

    /// The same with other FIX sessions.
    pub fn with_sessions(&self, sessions: Vec<FixSession>) -> Result<Self, DirectoryError> {
        let (members, accounts) = (self.members.clone(), self.accounts.clone());
        let changed = Self::new(members, accounts, self.keys.clone(), sessions, self.instruments.clone())?;
        Ok(changed.with_limits(self.limits.clone()))
    }

    /// A member by its name.
    pub fn member_by_name(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// A member by its number.
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// The member that a certificate stands for.
    pub fn member_by_spki(&self, sha256: &[u8; 32]) -> Option<MemberId> {
        self.by_spki.get(sha256).copied()
    }

    /// An account by its name on the wire.
    pub fn account_by_name(&self, name: &str) -> Option<&Account> {
        self.by_account_name.get(name).map(|&at| &self.accounts[at])
    }

    /// An account by its number.
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.by_account_id.get(&id).map(|&at| &self.accounts[at])
    }

    /// An API key by its name on the wire.
    pub fn key_by_name(&self, name: &str) -> Option<&ApiKey> {
        self.by_key_name.get(name).map(|&at| &self.keys[at])
    }

    /// An API key by its number.
    pub fn key(&self, id: ApiKeyId) -> Option<&ApiKey> {
        self.by_key_id.get(&id).map(|&at| &self.keys[at])
    }

    /// A FIX session by SenderCompID and TargetCompID of the client's messages.
    pub fn session_by_comp_ids(&self, sender: &str, target: &str) -> Option<&FixSession> {
        // A logon is rare, so two short-lived names cost nothing that matters.
        self.by_comp_ids.get(&(Arc::from(sender), Arc::from(target))).map(|&at| &self.sessions[at])
    }

    /// A FIX session by its number.
    pub fn session(&self, id: SessionId) -> Option<&FixSession> {
        self.by_session_id.get(&id).map(|&at| &self.sessions[at])
    }

    /// The drop copy sessions that hear of an account.
    pub fn drop_copies(&self, account: AccountId) -> &[SessionId] {
        // Most venues have none, and then nothing is looked up for an event.
        if self.drop_copies.is_empty() {
            return &[];
        }
        self.drop_copies.get(&account).map_or(&[], Vec::as_slice)
    }

    /// An instrument by Symbol(55).
    pub fn instrument_by_symbol(&self, symbol: &str) -> Option<&Instrument> {
        self.by_symbol.get(symbol).map(|&at| &self.instruments[at])
    }

    /// An instrument by its number.
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.by_instrument_id.get(&id).map(|&at| &self.instruments[at])
    }

    /// All members.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// All accounts.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// All API keys.
    pub fn keys(&self) -> &[ApiKey] {
        &self.keys
    }

    /// All FIX sessions.
    pub fn sessions(&self) -> &[FixSession] {
        &self.sessions
    }

    /// All instruments.
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }
}

fn pins(members: &[Member]) -> Result<FxHashMap<[u8; 32], MemberId>, DirectoryError> {
    let mut found = FxHashMap::default();
    for (member, pin) in members.iter().flat_map(|m| m.spki_sha256.iter().map(move |pin| (m, pin))) {
        if found.insert(*pin, member.id).is_some() {
            return Err(DirectoryError::Twice { kind: "certificate of member", name: member.name.clone() });
        }
    }
    Ok(found)
}

fn drop_copies<'a>(
    sessions: &[FixSession],
    account: impl Fn(AccountId) -> Option<&'a Account>,
) -> Result<FxHashMap<AccountId, Vec<SessionId>>, DirectoryError> {
    let mut found: FxHashMap<AccountId, Vec<SessionId>> = FxHashMap::default();
    for session in sessions {
        let Role::DropCopy(seen) = &session.role else { continue };
        for id in seen {
            let name = || session.sender_comp_id.as_str();
            let Some(account) = account(*id) else {
                return Err(dangling("FIX session", name(), format!("account {id}"), "is not there"));
            };
            if account.member != session.member {
                let problem = "belongs to another member";
                return Err(dangling("FIX session", name(), format!("account {id}"), problem));
            }
            let hearing = found.entry(*id).or_default();
            hearing.push(session.id);
            if hearing.len() > DROP_COPIES_PER_ACCOUNT_MAX {
                let most = DROP_COPIES_PER_ACCOUNT_MAX;
                return Err(DirectoryError::DropCopies { account: account.name.clone(), most });
            }
        }
    }
    Ok(found)
}

fn index<T, K>(
    kind: &'static str,
    things: &[T],
    key: impl Fn(&T) -> K,
) -> Result<FxHashMap<K, usize>, DirectoryError>
where
    K: std::hash::Hash + Eq + std::fmt::Debug,
{
    let mut found = FxHashMap::with_capacity_and_hasher(things.len(), FxBuildHasher);
    for (at, thing) in things.iter().enumerate() {
        if found.insert(key(thing), at).is_some() {
            return Err(DirectoryError::Twice { kind, name: format!("{:?}", key(thing)) });
        }
    }
    Ok(found)
}

fn dangling(kind: &'static str, name: &str, what: String, problem: &'static str) -> DirectoryError {
    DirectoryError::Dangling { kind, name: name.to_owned(), what, problem }
}
