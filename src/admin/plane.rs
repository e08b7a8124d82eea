//! FIX sessions at run time: changes of the directory, kept on the disk, told to the gateways.
//!
//! ```text
//!   check ─► new directory ─► sessions.toml (synced) ─► each gateway: Change ─► answer
//! ```
//!
//! One change at a time. What was refused has changed nothing; what is saved holds after a restart whatever happens
//! between that and the answer.

use super::port::{Done, Numbers, Order, PlanePort, RepairRefused, SessionStatus};
use super::protocol::Failure;
use super::{overlay_file, report};
use crate::config::{self, Change, Directory, FixSession, Overlay, SessionKeys};
use crate::limits::CONTROL_ANSWER_MAX;
use crate::seal::Vault;
use crate::types::{MsgSeqNum, SessionId, Text};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often a ring is looked at for an answer.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The highest number that can be set by hand: far below where numbers end, far above where a session comes in a day.
const NUMBER_MAX: u32 = 1_000_000_000;

/// What changes of sessions are made with.
pub struct Plane {
    /// What the configuration says.
    pub file: Directory,
    /// What holds: the configuration with the changes.
    pub directory: Arc<Directory>,
    /// The changes.
    pub overlay: Overlay,
    /// Where they are kept.
    pub path: PathBuf,
    /// What seals them.
    pub vault: Vault,
    /// Sessions that the journal knows: their numbers are given to no other.
    pub journaled: BTreeSet<SessionId>,
    /// The gateways.
    pub gateways: Vec<PlanePort>,
    /// The last ticket.
    pub ticket: u64,
}

impl Plane {
    pub async fn list(&mut self) -> Result<Value, Failure> {
        let mut statuses: BTreeMap<SessionId, SessionStatus> = BTreeMap::new();
        for gateway in 0..self.gateways.len() {
            if let Done::Listed(listed) = self.ask(gateway, Order::List).await? {
                for status in listed {
                    // Of a session that several gateways know, the one that has its connection tells.
                    let known = statuses.entry(status.session).or_insert(status);
                    if status.peer.is_some() {
                        *known = status;
                    }
                }
            }
        }
        Ok(report::sessions(&self.directory, &self.file, &self.overlay, &statuses))
    }

    pub async fn add(&mut self, member: &str, keys: Result<SessionKeys, Failure>) -> Result<Value, Failure> {
        let owner = self.directory.member_by_name(member).cloned();
        let owner = owner.ok_or_else(|| Failure::UnknownMember(member.to_owned()))?;
        let mut keys = keys?;
        config::check_keys(&keys).map_err(Failure::KeyRefused)?;
        if !keys.contains_key("id") {
            keys.insert("id".to_owned(), self.next_id().to_string());
        }
        let session = config::new_session(&self.directory, &owner, &keys).map_err(Failure::KeyRefused)?;
        self.check_is_free(&session, member)?;
        let in_file = self.file.session(session.id).is_some();
        let change = Change { member: member.to_owned(), added: !in_file, removed: false, keys };
        self.change(session.id, change, Text::EMPTY).await?;
        Ok(json!({ "session": session.id.0, "member": member }))
    }

    pub async fn set(
        &mut self,
        name: &str,
        keys: Result<SessionKeys, Failure>,
        numbers: Result<Numbers, Failure>,
    ) -> Result<Value, Failure> {
        let (keys, numbers) = (keys?, numbers?);
        let old = self.session(name)?;
        if keys.is_empty() && numbers == Numbers::default() {
            return Err(Failure::NothingToDo);
        }
        config::check_keys(&keys).map_err(Failure::KeyRefused)?;
        if !keys.is_empty() {
            config::change_session(&self.directory, &old, &keys).map_err(Failure::KeyRefused)?;
        }
        // Numbers first: they can still be refused by the session itself.
        if numbers != Numbers::default() {
            self.repair(old.id, numbers).await?;
        }
        if !keys.is_empty() {
            let mut change = self.change_of(&old);
            change.keys.extend(keys);
            self.change(old.id, change, Text::truncated("the operator has disabled this session")).await?;
        }
        Ok(json!({ "session": old.id.0 }))
    }

    pub async fn remove(&mut self, name: &str, text: Option<&str>) -> Result<Value, Failure> {
        let session = self.session(name)?;
        let text = text.unwrap_or("the operator has removed this session");
        // All of its keys stay, so that its number and CompIDs are known for as long as the journal is.
        let change = Change { removed: true, keys: session.given.clone(), ..self.change_of(&session) };
        self.change(session.id, change, Text::truncated(text)).await?;
        Ok(json!({ "session": session.id.0 }))
    }

    /// What was changed about a session until now.
    fn change_of(&self, session: &FixSession) -> Change {
        let known = self.overlay.0.get(&session.id).filter(|change| !change.removed).cloned();
        known.unwrap_or_else(|| {
            let member = self.directory.member(session.member).map_or("", |member| member.name.as_str());
            Change { member: member.to_owned(), added: false, removed: false, keys: SessionKeys::new() }
        })
    }

    /// Saves a change, and lets it hold.
    async fn change(&mut self, id: SessionId, change: Change, text: Text<120>) -> Result<(), Failure> {
        let mut overlay = self.overlay.clone();
        overlay.0.insert(id, change);
        let applied = overlay.apply(&self.file, &self.path).map_err(Failure::KeyRefused)?;
        overlay_file::save(&overlay, &self.path, &self.vault)?;
        self.overlay = overlay;
        self.directory = Arc::new(applied.directory);
        let mut told = Ok(());
        for gateway in 0..self.gateways.len() {
            let directory = Arc::clone(&self.directory);
            let done = self.ask(gateway, Order::Change { directory, session: id, text }).await;
            // One that does not answer keeps the change from no other.
            told = told.and(done.map(|_| ()));
        }
        told
    }

    async fn repair(&mut self, session: SessionId, numbers: Numbers) -> Result<(), Failure> {
        for gateway in 0..self.gateways.len() {
            match self.ask(gateway, Order::Repair { session, numbers }).await? {
                Done::Repaired(Some(Err(RepairRefused::Connected))) => {
                    return Err(Failure::Connected(session.0));
                }
                Done::Repaired(Some(Err(RepairRefused::Used(next)))) => {
                    return Err(Failure::NumberUsed(next.0));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The first number above all that were ever given.
    fn next_id(&self) -> u32 {
        let given = self.directory.sessions().iter().chain(self.file.sessions()).map(|session| session.id);
        let changed = self.overlay.0.keys().copied();
        let last = given.chain(changed).chain(self.journaled.iter().copied()).max();
        last.map_or(1, |last| u32::from(last.0) + 1)
    }

    fn check_is_free(&self, session: &FixSession, member: &str) -> Result<(), Failure> {
        let (sender, target) = (&session.sender_comp_id, &session.target_comp_id);
        let taken = |whose: &str| Failure::IdTaken(session.id.0, whose.to_owned());
        if self.directory.session(session.id).is_some() {
            return Err(taken("a session that is there"));
        }
        if let Some(other) = self.directory.session_by_comp_ids(sender, target) {
            return Err(Failure::CompIdTaken(sender.clone(), target.clone(), other.id.0));
        }
        let same_names = |keys: &SessionKeys| {
            ["sender_comp_id", "target_comp_id"]
                .iter()
                .all(|name| keys.get(*name) == session.given.get(*name))
        };
        let mut removed = self.overlay.0.iter().filter(|(_, change)| change.removed);
        if let Some((other, _)) = removed.find(|(id, change)| **id != session.id && same_names(&change.keys))
        {
            return Err(Failure::CompIdTaken(sender.clone(), target.clone(), other.0));
        }
        // A session that was removed comes back with its numbers, if it is the same.
        if let Some(removed) = self.overlay.0.get(&session.id) {
            return if same_names(&removed.keys) && removed.member == member {
                Ok(())
            } else {
                Err(taken("a session that was removed"))
            };
        }
        match self.journaled.contains(&session.id) {
            true => Err(taken("a session in the journal that the configuration has no more")),
            false => Ok(()),
        }
    }

    /// A session by its number or SenderCompID.
    fn session(&self, name: &str) -> Result<FixSession, Failure> {
        let by_id = name.parse().ok().and_then(|id| self.directory.session(SessionId(id)));
        let mut found = self.directory.sessions().iter().filter(|session| session.sender_comp_id == name);
        match (by_id, found.next(), found.next()) {
            (Some(session), ..) | (None, Some(session), None) => Ok(session.clone()),
            (None, Some(_), Some(_)) => Err(Failure::AmbiguousSession(name.to_owned())),
            (None, None, _) => Err(Failure::UnknownSession(name.to_owned())),
        }
    }

    async fn ask(&mut self, gateway: usize, order: Order) -> Result<Done, Failure> {
        self.ticket += 1;
        let (ticket, port) = (self.ticket, &mut self.gateways[gateway]);
        if !port.ask(ticket, order) {
            return Err(Failure::NoAnswer(gateway));
        }
        let looks = CONTROL_ANSWER_MAX.as_millis() / LOOK_EVERY.as_millis() as u64;
        for _ in 0..looks {
            if let Some(done) = port.answer(ticket) {
                return Ok(done);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(Failure::NoAnswer(gateway))
    }
}

/// Numbers that are set by hand, if they can be.
pub fn numbers(reset: bool, next_in: Option<u32>, next_out: Option<u32>) -> Result<Numbers, Failure> {
    let number = |name: &str, number: Option<u32>| match number {
        Some(number) if !(1..=NUMBER_MAX).contains(&number) => {
            Err(Failure::BadRequest(format!("{name} must be 1 to {NUMBER_MAX}")))
        }
        number => Ok(number.map(MsgSeqNum)),
    };
    Ok(Numbers { reset, next_in: number("next_in", next_in)?, next_out: number("next_out", next_out)? })
}

#[cfg(test)]
mod tests {
    use super::super::port;
    use super::*;
    use crate::config::fixture;
    use crate::limits::CONTROL_SLOTS;
    use crate::sys::poll::Poller;

    #[tokio::test]
    async fn a_gateway_that_does_not_answer_keeps_a_change_from_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let waker = Poller::new().unwrap().waker();
        let (gateways, mut ports): (Vec<_>, Vec<_>) = (0..2).map(|_| port::connect(waker.clone())).unzip();
        let directory = fixture::directory();
        let mut plane = Plane {
            file: directory.clone(),
            directory: Arc::new(directory),
            overlay: Overlay::default(),
            path: dir.path().join("sessions.toml"),
            journaled: BTreeSet::new(),
            gateways,
            vault: Vault::none(),
            ticket: 0,
        };
        while plane.gateways[0].ask(0, Order::List) {}
        let keys = [("id", "3"), ("sender_comp_id", "\"OURS\""), ("target_comp_id", "\"VENUE\"")];
        let keys = keys.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let add = plane.add("member-1", Ok(keys));
        // Nobody polls the second either, so it is looked at while the answer is waited for.
        let _ = tokio::time::timeout(Duration::from_millis(50), add).await;
        assert!(matches!(ports[1].take(), Some((_, Order::Change { session: SessionId(3), .. }))));
        assert_eq!((0..=CONTROL_SLOTS).filter_map(|_| ports[0].take()).count(), CONTROL_SLOTS);
    }
}
