//! `[[member]]` with what belongs to it: each record is the binding of certificates to CompIDs, accounts and
//! API keys, so nothing in it can name what is another's.

use super::reader::{ConfigError, Entry, Position, Section};
use super::{Account, ApiKey, FixSession, Member, RateLimits, Role, SignaturePolicy, Signing};
use super::{fix, pem};
use crate::types::{
    AccountId, AccountLimits, ApiKeyId, CancelChoice, CancelOn, CancelPolicy, CancelTerms, MemberId,
    SessionId, SmpGroupId, Span,
};
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;

/// All that stands in the `[[member]]`s.
#[derive(Default)]
pub(super) struct Members {
    pub(super) members: Vec<Member>,
    pub(super) accounts: Vec<Account>,
    pub(super) keys: Vec<ApiKey>,
    pub(super) sessions: Vec<FixSession>,
    unique: Uniques,
}

/// Where each number and name was given out, to refuse the second and point at the first.
#[derive(Default)]
struct Uniques {
    member_ids: Unique<u16>,
    member_names: Unique<String>,
    pins: Unique<[u8; 32]>,
    account_ids: Unique<u32>,
    account_names: Unique<String>,
    key_ids: Unique<u32>,
    key_names: Unique<String>,
    session_ids: Unique<u16>,
    comp_ids: Unique<(String, String)>,
}

/// Values of which each may stand there once, and where. Which line that is is counted for a refusal alone: a file of
/// ten thousand sessions would be read through ten thousand times.
#[derive(Default)]
pub(super) struct Unique<T>(HashMap<T, Position>);

impl<T: Hash + Eq + Clone> Unique<T> {
    /// Takes `value`, which stands at `entry` and is called `shown`, or refuses the second of its kind.
    pub(super) fn take(
        &mut self,
        entry: &Entry<'_>,
        value: T,
        shown: impl Display,
    ) -> Result<T, ConfigError> {
        match self.0.insert(value.clone(), entry.position()) {
            None => Ok(value),
            Some(first) => Err(entry.refuse_but(
                format!("{shown} is taken on line {}", entry.line_of(first)),
                "a value that stands there once in the whole file",
            )),
        }
    }

    /// The same for a value that is its own name.
    pub(super) fn take_shown(&mut self, entry: &Entry<'_>, value: T) -> Result<T, ConfigError>
    where
        T: Display,
    {
        let shown = value.to_string();
        self.take(entry, value, shown)
    }
}

/// Reads all `[[member]]`s.
pub(super) fn read(top: &Section<'_>) -> Result<Members, ConfigError> {
    let mut all = Members::default();
    let sections = top.sections("member")?;
    if sections.is_empty() {
        return Err(top.refuse_at("member", "there is no member, so nobody could connect", "[[member]]"));
    }
    for section in &sections {
        all.member(section)?;
    }
    Ok(all)
}

/// Reads one FIX session, whatever else there may be: who asks looks whether its number and CompIDs are free.
pub(super) fn fix_session(
    member: MemberId,
    accounts: &[Account],
    section: &Section<'_>,
) -> Result<FixSession, ConfigError> {
    let own = accounts.iter().filter(|account| account.member == member).cloned().collect();
    let mut all = Members { accounts: own, ..Members::default() };
    all.fix_session(member, 0, section)?;
    all.sessions.pop().ok_or_else(|| section.refuse("there is none", "one FIX session"))
}

impl Members {
    fn member(&mut self, section: &Section<'_>) -> Result<(), ConfigError> {
        let (id, name) = (section.get("id")?, section.get("name")?);
        let member = MemberId(self.unique.member_ids.take_shown(&id, id.integer()?)?);
        let name = self.unique.member_names.take_shown(&name, name.name()?)?;
        let spki_sha256 = self.pins(section)?;
        self.members.push(Member { id: member, name, spki_sha256 });

        let first = self.accounts.len();
        for account in section.sections("account")? {
            self.account(member, &account)?;
        }
        for key in section.sections("api_key")? {
            self.api_key(member, first, &key)?;
        }
        for session in section.sections("fix_session")? {
            self.fix_session(member, first, &session)?;
        }
        Ok(())
    }

    fn pins(&mut self, section: &Section<'_>) -> Result<Vec<[u8; 32]>, ConfigError> {
        let (files, digests) = (section.get("certificates")?, section.get("spki_sha256")?);
        let mut pins = Vec::new();
        for file in files.list()? {
            let path = file.path()?;
            let pin =
                pem::spki_sha256(&path).map_err(|why| file.refuse(format!("{}: {why}", file.shown())))?;
            pins.push(self.unique.pins.take(&file, pin, format!("the key of {}", file.shown()))?);
        }
        for digest in digests.list()? {
            let pin = pem::sha256_hex(digest.text()?).ok_or_else(|| digest.refuse(digest.shown()))?;
            pins.push(self.unique.pins.take(&digest, pin, digest.shown())?);
        }
        if pins.is_empty() {
            return Err(files.refuse("a member without a certificate could not connect"));
        }
        Ok(pins)
    }

    fn account(&mut self, member: MemberId, section: &Section<'_>) -> Result<(), ConfigError> {
        let (id, name) = (section.get("id")?, section.get("name")?);
        let id = AccountId(self.unique.account_ids.take_shown(&id, id.integer()?)?);
        let signature = match section.get("signature")?.choice()? {
            "session" => SignaturePolicy::Session,
            _ => SignaturePolicy::Order,
        };
        let rates = RateLimits {
            orders: section.get("order_rate")?.rate()?,
            orders_per_day: Some(section.get("orders_per_day")?.integer()?).filter(|most| *most > 0),
            cancels: section.get("cancel_rate")?.rate()?,
            queries: section.get("query_rate")?.rate()?,
        };
        let limits = AccountLimits {
            account: id,
            instrument: None,
            max_open_orders: section.get("max_open_orders")?.integer()?,
            // A quantity has a meaning in an instrument only: [[member.account.limit]].
            max_position: 0,
            smp_group: SmpGroupId(section.get("smp_group")?.integer()?),
            enabled: section.get("enabled")?.boolean()?,
        };
        let name = self.unique.account_names.take_shown(&name, name.name()?)?;
        self.accounts.push(Account { id, name, member, signature, rates, limits });
        Ok(())
    }

    /// `first`: where the accounts of this member begin.
    fn api_key(&mut self, member: MemberId, first: usize, section: &Section<'_>) -> Result<(), ConfigError> {
        let (id, name) = (section.get("id")?, section.get("name")?);
        let id = ApiKeyId(self.unique.key_ids.take_shown(&id, id.integer()?)?);
        let name = self.unique.key_names.take_shown(&name, name.name()?)?;
        let public_key = public_key(&section.get("public_key")?)?;
        let signing = match section.get("signing")?.choice()? {
            "binance" => Signing::Binance,
            _ => Signing::Sealgate,
        };
        let list = section.get("accounts")?;
        let accounts = self.named_accounts(first, &list)?;
        if accounts.is_empty() {
            return Err(list.refuse("a key without an account could do nothing"));
        }
        let cancel = cancel_policy(section)?;
        self.keys.push(ApiKey { id, name, member, public_key, accounts, signing, cancel });
        Ok(())
    }

    /// The accounts of a list, each one of this member's.
    fn named_accounts(&self, first: usize, list: &Entry<'_>) -> Result<Vec<AccountId>, ConfigError> {
        let (own, entries) = (&self.accounts[first..], list.list()?);
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let by_name: HashMap<&str, AccountId> =
            own.iter().map(|account| (account.name.as_str(), account.id)).collect();
        let mut accounts = Vec::new();
        for entry in entries {
            let Some(account) = by_name.get(entry.text()?) else {
                let names: Vec<&str> = own.iter().map(|account| account.name.as_str()).collect();
                let problem = format!("{} is no account of this member", entry.shown());
                return Err(entry.refuse_but(problem, names.join(", ")));
            };
            accounts.push(*account);
        }
        Ok(accounts)
    }

    fn role(&self, first: usize, section: &Section<'_>) -> Result<Role, ConfigError> {
        let list = section.get("accounts")?;
        let mut accounts = self.named_accounts(first, &list)?;
        if section.get("role")?.choice()? == "trading" {
            return match accounts.is_empty() {
                true => Ok(Role::Trading),
                false => Err(list.refuse_but(
                    "a trading session acts for the accounts of its API key",
                    "accounts with role = \"drop_copy\"",
                )),
            };
        }
        if accounts.is_empty() {
            accounts = self.accounts[first..].iter().map(|account| account.id).collect();
        }
        accounts.sort_unstable();
        accounts.dedup();
        Ok(Role::DropCopy(accounts))
    }

    /// `first`: where the accounts of this member begin.
    fn fix_session(
        &mut self,
        member: MemberId,
        first: usize,
        section: &Section<'_>,
    ) -> Result<(), ConfigError> {
        let (id, sender) = (section.get("id")?, section.get("sender_comp_id")?);
        let id = SessionId(self.unique.session_ids.take_shown(&id, id.integer()?)?);
        let names = (sender.name()?, section.get("target_comp_id")?.name()?);
        let shown = format!("{} to {}", names.0, names.1);
        let (sender_comp_id, target_comp_id) = self.unique.comp_ids.take(&sender, names, shown)?;
        self.sessions.push(FixSession {
            id,
            member,
            sender_comp_id,
            target_comp_id,
            heartbeat_secs: heartbeats(section)?,
            sending_time_window: section.get("sending_time_window")?.duration()?,
            reset_on_logon: section.get("reset_on_logon")?.boolean()?,
            reset_allowed: section.get("reset_allowed")?.boolean()?,
            sign_logon: section.get("sign_logon")?.boolean()?,
            rules: fix::rules(section)?,
            cancel: cancel_policy(section)?,
            enabled: section.get("enabled")?.boolean()?,
            role: self.role(first, section)?,
            given: section.given(),
        });
        Ok(())
    }
}

fn cancel_policy(section: &Section<'_>) -> Result<CancelPolicy, ConfigError> {
    let on = match section.get("cancel_on_disconnect")?.choice()? {
        "disconnect" => CancelOn::Disconnect,
        "logout" => CancelOn::Logout,
        "both" => CancelOn::Both,
        _ => CancelOn::Nothing,
    };
    let choice = match section.get("cancel_choice")?.choice()? {
        "stricter" => CancelChoice::Stricter,
        "fixed" => CancelChoice::Fixed,
        _ => CancelChoice::Any,
    };
    let terms = CancelTerms { on, grace: section.get("cancel_grace")?.duration()? };
    Ok(CancelPolicy { terms, choice, grace_max: section.get("cancel_grace_max")?.duration()? })
}

fn public_key(entry: &Entry<'_>) -> Result<[u8; 32], ConfigError> {
    let key = match pem::base64_32(entry.text()?) {
        Some(key) => key,
        None => pem::ed25519_from_file(&entry.path()?)
            .map_err(|why| entry.refuse(format!("{}: {why}", entry.shown())))?,
    };
    pem::check_ed25519(&key).map_err(|why| entry.refuse(why))?;
    Ok(key)
}

fn heartbeats(section: &Section<'_>) -> Result<(u32, u32), ConfigError> {
    let (min, max) = (section.get("heartbeat_min")?, section.get("heartbeat_max")?);
    let seconds = |entry: &Entry<'_>| {
        let span = entry.duration()?;
        let whole = span.0.is_multiple_of(Span::from_secs(1).0);
        let seconds = u32::try_from(span.0 / Span::from_secs(1).0).ok().filter(|_| whole);
        seconds.ok_or_else(|| entry.refuse(format!("{}: HeartBtInt has whole seconds", entry.shown())))
    };
    let bounds = (seconds(&min)?, seconds(&max)?);
    if bounds.0 > bounds.1 {
        return Err(max.refuse(format!("{} is shorter than heartbeat_min", max.shown())));
    }
    Ok(bounds)
}
