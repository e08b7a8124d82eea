//! `[[thread]]` → [`Topology`]: every agent on exactly one thread.
//!
//! How many gateways and shards there are is how many are named. They are numbered from 0 without a gap: the number of
//! a shard stands in the journal and in every OrderID(37), so a hole would be a shard that was left out.

use super::reader::{ConfigError, Entry, Position, Section};
use super::{AgentName, Idle, ThreadPlan, Topology};
use crate::limits::{GATEWAYS_MAX, SHARDS_MAX};
use std::collections::HashMap;

/// One log holds what all shards and gateways append (docs/decisions/0003), and one agent writes it.
const JOURNALS_MAX: u8 = 1;

/// Reads all `[[thread]]`s; without any, what suits the machine.
pub(super) fn read(top: &Section<'_>) -> Result<Topology, ConfigError> {
    let sections = top.sections("thread")?;
    let Some(first) = sections.first() else {
        return Ok(Topology::for_cores(std::thread::available_parallelism().map_or(1, |n| n.get())));
    };
    let mut places = HashMap::new();
    let threads =
        sections.iter().map(|section| thread(section, &mut places)).collect::<Result<Vec<_>, _>>()?;
    let topology = Topology { threads };
    match topology.missing() {
        None => Ok(topology),
        Some(agent) => Err(first.get("agents")?.refuse(format!("\"{agent}\" runs on no thread"))),
    }
}

fn thread(
    section: &Section<'_>,
    places: &mut HashMap<AgentName, Position>,
) -> Result<ThreadPlan, ConfigError> {
    let core = section.find("core")?.map(|core| core.integer()).transpose()?;
    let idle = match section.get("idle")?.choice()? {
        "spin" => Idle::Spin,
        "yield" => Idle::Yield,
        _ => Idle::Park,
    };
    let list = section.get("agents")?;
    let mut agents = Vec::new();
    for entry in list.list()? {
        let agent = agent(&entry)?;
        if let Some(first) = places.insert(agent, entry.position()) {
            let line = entry.line_of(first);
            return Err(entry.refuse(format!("{} runs on the thread of line {line} already", entry.shown())));
        }
        agents.push(agent);
    }
    let journals = agents.iter().filter(|agent| matches!(agent, AgentName::Journal(_))).count();
    if agents.is_empty() {
        return Err(list.refuse("a thread without agents"));
    }
    if journals > 0 && journals < agents.len() {
        return Err(list.refuse_but(
            "a journal waits for the disk, and the agents beside it would wait with it",
            "journals on threads of their own",
        ));
    }
    Ok(ThreadPlan { core, idle, agents })
}

fn agent(entry: &Entry<'_>) -> Result<AgentName, ConfigError> {
    let text = entry.text()?;
    let (kind, number) = text.split_once('-').unwrap_or((text, ""));
    // "gateway-00" would be a second name of gateway-0.
    let number: Option<u8> = number.parse().ok().filter(|n: &u8| n.to_string() == number);
    let (agent, most) = match (kind, number) {
        ("gateway", Some(n)) => (AgentName::Gateway(n), GATEWAYS_MAX),
        ("shard", Some(n)) => (AgentName::Shard(n), SHARDS_MAX),
        ("journal", Some(n)) => (AgentName::Journal(n), JOURNALS_MAX),
        _ => return Err(entry.refuse(entry.shown())),
    };
    match number {
        Some(n) if n >= most => {
            let problem = format!("{}: {kind}s are numbered from 0, at most {most} of them", entry.shown());
            Err(entry.refuse(problem))
        }
        _ => Ok(agent),
    }
}
