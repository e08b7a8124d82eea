//! What a [`Topology`] is made of and what it comes to: how many agents of each kind.

use super::{AgentName, Idle, ThreadPlan, Topology};
use crate::limits::{GATEWAYS_MAX, SHARDS_MAX};
use std::str::FromStr;

impl Topology {
    /// The default for a machine with `cores` cores: one thread for gateway and shard, the journal apart. With two
    /// cores or more the first is pinned to the last core and spins; the journal sleeps in fdatasync anyway.
    pub fn for_cores(cores: usize) -> Self {
        let path = vec![AgentName::Gateway(0), AgentName::Shard(0)];
        let journal = ThreadPlan { core: None, idle: Idle::Park, agents: vec![AgentName::Journal(0)] };
        let front = if cores >= 2 {
            ThreadPlan { core: Some(cores - 1), idle: Idle::Spin, agents: path }
        } else {
            ThreadPlan { core: None, idle: Idle::Park, agents: path }
        };
        Self { threads: vec![front, journal] }
    }

    /// Whether the thread of an agent spins when there is nothing to do.
    pub fn spins(&self, agent: AgentName) -> bool {
        self.threads.iter().any(|thread| thread.idle == Idle::Spin && thread.agents.contains(&agent))
    }

    /// So many gateways and shards on so many threads, dealt out in turn: with as many threads as gateways and as many
    /// shards, each gateway shares a thread with the shard of its number. The journal has one more thread. The threads
    /// yield to others and are pinned nowhere, which is right for any number of cores.
    pub fn spread(gateways: u8, shards: u8, threads: u8) -> Self {
        assert!(gateways > 0 && shards > 0 && threads > 0, "a server has one of each");
        let plan = |agents| ThreadPlan { core: None, idle: Idle::Yield, agents };
        let mut dealt = vec![Vec::new(); usize::from(threads)];
        let agents = (0..gateways).map(AgentName::Gateway).chain((0..shards).map(AgentName::Shard));
        agents.enumerate().for_each(|(at, agent)| dealt[at % usize::from(threads)].push(agent));
        let mut threads: Vec<_> = dealt.into_iter().filter(|agents| !agents.is_empty()).map(plan).collect();
        threads.push(ThreadPlan { core: None, idle: Idle::Park, agents: vec![AgentName::Journal(0)] });
        Self { threads }
    }

    /// All agents, thread by thread.
    pub fn agents(&self) -> impl Iterator<Item = AgentName> + '_ {
        self.threads.iter().flat_map(|thread| thread.agents.iter().copied())
    }

    /// How many gateways there are.
    pub fn gateways(&self) -> u8 {
        self.count(|agent| matches!(agent, AgentName::Gateway(_)))
    }

    /// How many shards there are.
    pub fn shards(&self) -> u8 {
        self.count(|agent| matches!(agent, AgentName::Shard(_)))
    }

    /// An agent that runs on no thread although there must be one, or although one of a higher number runs.
    pub fn missing(&self) -> Option<AgentName> {
        let kinds =
            [(self.gateways(), AgentName::Gateway as fn(u8) -> AgentName), (self.shards(), AgentName::Shard)];
        let front = kinds.into_iter().flat_map(|(count, name)| (0..count.max(1)).map(name));
        front.chain([AgentName::Journal(0)]).find(|wanted| !self.agents().any(|agent| agent == *wanted))
    }

    fn count(&self, of: impl Fn(&AgentName) -> bool) -> u8 {
        u8::try_from(self.agents().filter(of).count()).unwrap_or(u8::MAX)
    }
}

/// A text that is not `GATEWAYSxSHARDS/THREADS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "GATEWAYSxSHARDS or GATEWAYSxSHARDS/THREADS, such as 2x2/4: 1 to {GATEWAYS_MAX} gateways, 1 to {SHARDS_MAX} \
     shards, at most a thread for each"
)]
pub struct NotATopology;

/// `2x2/4`: two gateways and two shards on four threads ([`Topology::spread`]). Without the threads each agent has one
/// of its own. The journal's thread is not counted.
impl FromStr for Topology {
    type Err = NotATopology;

    fn from_str(text: &str) -> Result<Self, NotATopology> {
        let number =
            |text: &str, most: u8| text.parse().ok().filter(|n| (1..=most).contains(n)).ok_or(NotATopology);
        let (agents, threads) = text.split_once('/').map_or((text, None), |(a, t)| (a, Some(t)));
        let (gateways, shards) = agents.split_once('x').ok_or(NotATopology)?;
        let (gateways, shards) = (number(gateways, GATEWAYS_MAX)?, number(shards, SHARDS_MAX)?);
        let each = gateways + shards;
        let threads = threads.map_or(Ok(each), |threads| number(threads, each))?;
        Ok(Self::spread(gateways, shards, threads))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents(text: &str) -> Vec<Vec<String>> {
        let topology: Topology = text.parse().unwrap();
        let names = |thread: &ThreadPlan| thread.agents.iter().map(ToString::to_string).collect();
        topology.threads.iter().map(names).collect()
    }

    #[test]
    fn a_topology_is_told_in_five_characters() {
        assert_eq!(agents("1x1/1"), [vec!["gateway-0", "shard-0"], vec!["journal-0"]]);
        assert_eq!(agents("1x1"), [["gateway-0"], ["shard-0"], ["journal-0"]]);
        assert_eq!(
            agents("2x2/2"),
            [vec!["gateway-0", "shard-0"], vec!["gateway-1", "shard-1"], vec!["journal-0"]]
        );
        assert_eq!(agents("2x1/3"), [["gateway-0"], ["gateway-1"], ["shard-0"], ["journal-0"]]);
        let counted: Topology = "3x2/4".parse().unwrap();
        assert_eq!((counted.gateways(), counted.shards(), counted.missing()), (3, 2, None));
        for wrong in ["", "2", "0x1", "1x9", "1x1/0", "1x1/3", "x", "1x1/", "-1x1"] {
            assert_eq!(wrong.parse::<Topology>(), Err(NotATopology), "{wrong}");
        }
    }

    #[test]
    fn an_agent_that_has_no_thread_is_named() {
        let mut topology = Topology::for_cores(1);
        topology.threads.pop();
        assert_eq!(topology.missing(), Some(AgentName::Journal(0)));
        let mut topology = Topology::spread(2, 2, 4);
        topology.threads[0].agents = vec![AgentName::Gateway(7)];
        assert_eq!(topology.missing(), Some(AgentName::Gateway(0)));
    }
}
