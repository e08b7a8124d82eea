//! `[[thread]]` → [`Topology`]: every agent on exactly one thread.

use super::reader::{ConfigError, Entry, Section};
use super::{AgentName, Idle, ThreadPlan, Topology};
use std::collections::HashMap;

/// Most agents of one kind. Several gateways and shards need routing between them, which is not there yet.
const AGENTS_OF_A_KIND_MAX: u8 = 1;

/// Reads all `[[thread]]`s; without any, what suits the machine.
pub(super) fn read(top: &Section<'_>) -> Result<Topology, ConfigError> {
    let sections = top.sections("thread")?;
    let Some(first) = sections.first() else {
        return Ok(Topology::for_cores(std::thread::available_parallelism().map_or(1, |n| n.get())));
    };
    let mut lines = HashMap::new();
    let threads =
        sections.iter().map(|section| thread(section, &mut lines)).collect::<Result<Vec<_>, _>>()?;
    for agent in [AgentName::Gateway(0), AgentName::Shard(0), AgentName::Journal(0)] {
        if !lines.contains_key(&agent) {
            let agents = first.get("agents")?;
            return Err(agents.refuse(format!("\"{agent}\" runs on no thread")));
        }
    }
    Ok(Topology { threads })
}

fn thread(section: &Section<'_>, lines: &mut HashMap<AgentName, usize>) -> Result<ThreadPlan, ConfigError> {
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
        if let Some(line) = lines.insert(agent, entry.line()) {
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
    let agent = match (kind, number) {
        ("gateway", Some(n)) => AgentName::Gateway(n),
        ("shard", Some(n)) => AgentName::Shard(n),
        ("journal", Some(n)) => AgentName::Journal(n),
        _ => return Err(entry.refuse(entry.shown())),
    };
    match number {
        Some(n) if n >= AGENTS_OF_A_KIND_MAX => {
            Err(entry.refuse(format!("{}: more than one {kind} is not there yet", entry.shown())))
        }
        _ => Ok(agent),
    }
}
