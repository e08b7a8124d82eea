//! `shard` of an instrument and `gateway` of a FIX session → [`Placement`]: what the operator placed by hand.

use super::Topology;
use super::reader::{ConfigError, Section};
use crate::types::{GatewayId, InstrumentId, SessionId, ShardId};
use std::collections::BTreeMap;

/// What the operator placed by hand. Everything else follows the default rule of [`crate::route`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The shard of an instrument.
    pub shards: BTreeMap<InstrumentId, ShardId>,
    /// The gateway of a FIX session.
    pub gateways: BTreeMap<SessionId, GatewayId>,
}

/// Reads what `[[instrument]]`s and `[[member.fix_session]]`s say of their places; their readers have read the rest.
pub(super) fn read(top: &Section<'_>, topology: &Topology) -> Result<Placement, ConfigError> {
    let mut placement = Placement::default();
    for instrument in top.sections("instrument")? {
        if let Some(shard) = place(&instrument, "shard", topology.shards())? {
            placement.shards.insert(InstrumentId(instrument.get("id")?.integer()?), ShardId(shard));
        }
    }
    for member in top.sections("member")? {
        for session in member.sections("fix_session")? {
            if let Some(gateway) = place(&session, "gateway", topology.gateways())? {
                placement.gateways.insert(SessionId(session.get("id")?.integer()?), GatewayId(gateway));
            }
        }
    }
    Ok(placement)
}

/// The number of an agent, of which there are `count`.
fn place(section: &Section<'_>, kind: &'static str, count: u8) -> Result<Option<u8>, ConfigError> {
    let Some(entry) = section.find(kind)? else { return Ok(None) };
    let number: u8 = entry.integer()?;
    if number < count {
        return Ok(Some(number));
    }
    Err(entry.refuse_but(format!("there is no {kind}-{number}"), format!("0 to {}", count.saturating_sub(1))))
}
