//! Kill switches: what an operator stops at once, and what stays stopped until an operator releases it.
//!
//! ```text
//!   name ─► account or instrument ─► every shard that has it, all at once ─► a record each ─► durable ─► answer
//! ```
//!
//! Nothing that is slow elsewhere in the control plane stands before it: it has ports of its own. A shard that does not
//! answer keeps it from no other, and is named.

use super::kill_port::{Done, KillPort, Order};
use super::protocol::{Failure, KillName};
use crate::config::Directory;
use crate::types::time::Civil;
use crate::types::{Engaged, KillSwitch, KillTarget, Nanos, ShardId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often answers are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The kill switches of a server.
#[derive(Debug)]
pub struct Switches {
    /// The accounts and instruments, which are those of the configuration for as long as the server runs.
    pub directory: Directory,
    /// The shards.
    pub shards: Vec<KillPort>,
    /// How long they have to answer: [`KILL_ANSWER_MAX`](crate::limits::KILL_ANSWER_MAX).
    pub patience: Duration,
    /// The last ticket.
    pub ticket: u64,
}

impl Switches {
    /// Engages or releases the kill switch of an account or an instrument.
    pub async fn set(
        &mut self,
        name: &KillName,
        (engaged, cancel): (bool, bool),
        uid: u32,
    ) -> Result<Value, Failure> {
        let target = self.target(name)?;
        let switch = KillSwitch { target, engaged, cancel, uid };
        let done = self.ask(self.shards_of(target), Order::Set(switch)).await?;
        let changed = done.values().any(|done| done.changed);
        if !engaged && !changed {
            return Err(Failure::NotEngaged(name.to_string()));
        }
        let mut told = json!({ "engaged": engaged, "changed": changed });
        self.put_name(&mut told, target);
        if engaged {
            let now = done.values().flat_map(|done| &done.engaged).filter(|now| now.target == target);
            told["since"] = json!(now.map(|now| now.since).min().map(time));
            told["canceled_orders"] = json!(done.values().map(|done| done.canceled).sum::<u64>());
        }
        Ok(told)
    }

    /// Tells those that are engaged.
    pub async fn list(&mut self) -> Result<Value, Failure> {
        let done = self.ask(self.shards.iter().map(|port| port.shard).collect(), Order::List).await?;
        let mut found: BTreeMap<KillTarget, (Engaged, Vec<ShardId>)> = BTreeMap::new();
        for (shard, done) in &done {
            for engaged in &done.engaged {
                let (first, shards) = found.entry(engaged.target).or_insert((*engaged, Vec::new()));
                first.since = first.since.min(engaged.since);
                shards.push(*shard);
            }
        }
        let told = found.values().map(|(engaged, shards)| self.told(engaged, shards));
        Ok(json!({ "engaged": told.collect::<Vec<_>>() }))
    }

    fn told(&self, engaged: &Engaged, shards: &[ShardId]) -> Value {
        let Engaged { target, since, cancel, uid } = *engaged;
        let missing = self.shards_of(target).into_iter().filter(|shard| !shards.contains(shard));
        let mut told = json!({
            "since": time(since),
            "uid": uid,
            "canceled_orders": cancel,
            // Only where a shard did not do what it was asked to, and has not been started again since.
            "not_on_shards": missing.map(|shard| shard.0).collect::<Vec<_>>(),
        });
        self.put_name(&mut told, target);
        told
    }

    fn put_name(&self, told: &mut Value, target: KillTarget) {
        match target {
            KillTarget::Account(id) => {
                told["account"] = json!(self.directory.account(id).map(|account| &account.name));
            }
            KillTarget::Instrument(id) => {
                told["instrument"] = json!(self.directory.instrument(id).map(|known| known.symbol.as_str()));
            }
        }
    }

    fn target(&self, name: &KillName) -> Result<KillTarget, Failure> {
        match name {
            KillName::Account(name) => {
                let account = self.directory.account_by_name(name).map(|account| account.id);
                account.map(KillTarget::Account).ok_or_else(|| Failure::UnknownAccount(name.clone()))
            }
            KillName::Instrument(symbol) => {
                let instrument = self.directory.instrument_by_symbol(symbol).map(|known| known.id);
                instrument
                    .map(KillTarget::Instrument)
                    .ok_or_else(|| Failure::UnknownInstrument(symbol.clone()))
            }
        }
    }

    /// Every shard has every account, one has an instrument.
    fn shards_of(&self, target: KillTarget) -> Vec<ShardId> {
        let has = |port: &&KillPort| match target {
            KillTarget::Account(_) => true,
            KillTarget::Instrument(id) => port.instruments.contains(&id),
        };
        self.shards.iter().filter(has).map(|port| port.shard).collect()
    }

    /// Asks shards, all of them before any has answered, and waits until what they say is durable.
    async fn ask(&mut self, of: Vec<ShardId>, order: Order) -> Result<BTreeMap<ShardId, Done>, Failure> {
        self.ticket += 1;
        let ticket = self.ticket;
        let mut silent = Vec::new();
        let mut waiting: Vec<&mut KillPort> = Vec::new();
        for port in self.shards.iter_mut().filter(|port| of.contains(&port.shard)) {
            match port.rings.ask(ticket, order) {
                true => waiting.push(port),
                false => silent.push(port.shard),
            }
        }
        let mut done = BTreeMap::new();
        let mut found: BTreeMap<ShardId, Done> = BTreeMap::new();
        let looks = self.patience.as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..looks {
            waiting.retain_mut(|port| {
                if let Some(answer) = port.rings.answer(ticket) {
                    found.insert(port.shard, answer);
                }
                let is_durable = |answer: &Done| port.durable.reached() >= answer.upto;
                match found.get(&port.shard).is_some_and(is_durable) {
                    true => done.extend(found.remove_entry(&port.shard)),
                    false => return true,
                }
                false
            });
            if waiting.is_empty() {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        silent.extend(waiting.iter().map(|port| port.shard));
        if silent.is_empty() { Ok(done) } else { Err(Failure::ShardsSilent(silent)) }
    }
}

fn time(at: Nanos) -> String {
    format!("{:.3}", Civil::from_nanos(at))
}

#[cfg(test)]
mod tests {
    use super::super::kill_port::{self, ShardPort};
    use super::*;
    use crate::config::fixture;
    use crate::limits::CONTROL_SLOTS;
    use crate::ring::watermark::Watermark;
    use crate::sys::poll::Poller;
    use crate::types::Seq;

    fn switches(shards: u8) -> (Switches, Vec<ShardPort>, Vec<Watermark>) {
        let waker = Poller::new().unwrap().waker();
        let durable: Vec<Watermark> = (0..shards).map(|_| Watermark::default()).collect();
        let ends = (0..shards).map(ShardId).zip(&durable);
        let (ports, ends) = ends.map(|(id, at)| kill_port::between(id, at.clone(), waker.clone())).unzip();
        let (directory, patience) = (fixture::directory(), Duration::from_millis(200));
        (Switches { directory, shards: ports, patience, ticket: 0 }, ends, durable)
    }

    fn account(switches: &Switches) -> KillName {
        KillName::Account(switches.directory.accounts()[0].name.clone())
    }

    #[tokio::test]
    async fn a_shard_that_does_not_answer_keeps_it_from_no_other_and_is_named() {
        let (mut switches, mut ports, _) = switches(3);
        while switches.shards[1].rings.ask(0, Order::List) {}
        let name = account(&switches);
        let failure = switches.set(&name, (true, true), 7).await.unwrap_err();
        assert_eq!(failure.name(), "NoAnswer");
        assert!(failure.to_string().starts_with("shard-1, shard-0, shard-2 did not answer"), "{failure}");
        for asked in [0, 2] {
            assert!(matches!(ports[asked].take(), Some((_, Order::Set(KillSwitch { uid: 7, .. })))));
        }
        assert_eq!((0..=CONTROL_SLOTS).filter_map(|_| ports[1].take()).count(), CONTROL_SLOTS);
    }

    #[tokio::test]
    async fn the_operator_is_answered_when_every_shard_has_it_as_durable_as_configured() {
        let (mut switches, mut ports, durable) = switches(2);
        let name = account(&switches);
        let asked = tokio::spawn(async move { switches.set(&name, (true, true), 7).await });
        tokio::task::yield_now().await;
        for port in &mut ports {
            let (ticket, _) = port.take().unwrap();
            port.done(ticket, Done { upto: Seq(5), changed: true, canceled: 3, engaged: Vec::new() });
        }
        durable[0].publish(Seq(5));
        durable[1].publish(Seq(4));
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!asked.is_finished(), "a crash could undo what shard-1 has done");
        durable[1].publish(Seq(5));
        let answer = asked.await.unwrap().unwrap();
        assert_eq!(answer["canceled_orders"], 6);
    }
}
