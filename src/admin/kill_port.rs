//! What the control plane asks of a shard, over the rings of `port`.
//!
//! ```text
//!   control plane ── Order ──► shard         a command of the venue's own, looked for once a turn
//!   control plane ◄── Done ─── shard         when the last order is canceled, with the number of its last step
//!   control plane ◄─ watermark ─ journal     the answer may be told when that step is durable
//! ```

use super::port::{AgentEnd, PlaneEnd, connect};
use crate::ring::watermark::Watermark;
use crate::sys::poll::Waker;
use crate::types::{Engaged, InstrumentId, KillSwitch, Seq, ShardId};

/// What a shard is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Tell the kill switches that are engaged.
    List,
    /// Engage or release one.
    Set(KillSwitch),
}

/// What a shard has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// The last step of which this tells: it is true once that is durable.
    pub upto: Seq,
    /// Whether there was something to do.
    pub changed: bool,
    /// How many orders were canceled.
    pub canceled: u64,
    /// The kill switches that are engaged now.
    pub engaged: Vec<Engaged>,
}

/// The shard's end.
pub type ShardPort = AgentEnd<Order, Done>;

/// The control plane's end.
#[derive(Debug)]
pub struct KillPort {
    /// Which shard it is.
    pub shard: ShardId,
    /// The instruments that it has; it has every account.
    pub instruments: Vec<InstrumentId>,
    /// The rings.
    pub rings: PlaneEnd<Order, Done>,
    /// How far the shard's journal is durable.
    pub durable: Watermark,
}

/// Both ends between the control plane and a shard, whose thread `waker` wakes.
pub fn between(shard: ShardId, durable: Watermark, waker: Waker) -> (KillPort, ShardPort) {
    let (rings, port) = connect(waker);
    (KillPort { shard, instruments: Vec::new(), rings, durable }, port)
}
