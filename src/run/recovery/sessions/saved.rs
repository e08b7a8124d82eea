//! The sessions as bytes of a snapshot, between two records of the journal.

use super::{Building, DropCopies, Owed, Sent, SessionState, Sessions};
use crate::limits::SHARDS_MAX;
use crate::run::journal::{OwnRef, SentBody};
use crate::types::{
    AccountId, ClOrdId, EventRef, LostRequest, MsgSeqNum, Nanos, Seq, SessionId, ShardId, Text,
};
use crate::wire::record::fields::Writer;
use crate::wire::record::{DecodeError, Encoder, Field, Reader};
use std::collections::BTreeSet;

impl Sessions {
    /// Writes them. Which sessions are drop copies is the configuration's business.
    pub fn save(&self, to: &mut Encoder) {
        let Self { drop_copies: _, copies: _, sessions, steps } = self;
        to.put_all(steps.iter().map(|(shard, seq)| (*shard, *seq)));
        to.put(&(sessions.len() as u64));
        for (id, building) in sessions {
            to.put(id);
            building.save(to);
        }
    }

    /// The first session whose numbers are not as the other's.
    pub fn differs(&self, other: &Self) -> Option<SessionId> {
        let numbers = |sessions: &Self, id| {
            let state = sessions.sessions.get(&id).map(|building| &building.state);
            state.map(|state| (state.next_inbound, state.reserved, state.begun))
        };
        let mut ids = self.sessions.keys().chain(other.sessions.keys());
        ids.find(|id| numbers(self, **id) != numbers(other, **id)).copied()
    }

    /// Reads what [`Sessions::save`] wrote. A drop copy is owed nothing of an account that is none of its any more.
    pub fn load(from: &mut Reader<'_>, drop_copies: DropCopies) -> Result<Self, DecodeError> {
        let steps: Vec<(ShardId, Seq)> = from.take_all()?;
        let mut loaded = Self { steps: steps.into_iter().collect(), ..Self::with(drop_copies) };
        for _ in 0..from.take::<u64>()? {
            let id: SessionId = from.take()?;
            let mut building = Building::load(from)?;
            let hears = |account: AccountId| {
                loaded.drop_copies.get(&account).is_some_and(|copies| copies.contains(&id))
            };
            building.owed.retain(|_, owed| owed.copied.is_none_or(hears));
            loaded.sessions.insert(id, building);
        }
        Ok(loaded)
    }
}

impl Building {
    fn save(&self, to: &mut Encoder) {
        let Self { state, owed, told, ahead, beside, unanswered } = self;
        // What a session is owed stands in the map until the end of the journal.
        let SessionState { next_inbound, reserved, begun, sent, owed: _, lost: _ } = state;
        to.put(next_inbound).put(reserved).put(begun).put_all(sent.iter().copied());
        to.put_all(owed.iter().map(|(at, owed)| {
            let Owed { time, copied, outlived } = *owed;
            (*at, time, copied, outlived)
        }));
        to.put_all(told.values().copied());
        to.put_all(ahead.iter().copied());
        to.put_all(beside.iter().copied());
        to.put_all(unanswered.values().map(|(request, left)| {
            // Some had executed it if it is known who has not.
            let LostRequest { number, msg_type, cl_ord_id, partly: _ } = *request;
            (number, msg_type, cl_ord_id, left.as_ref().map(bits_of))
        }));
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (next_inbound, reserved, begun): (MsgSeqNum, MsgSeqNum, Option<Nanos>) = from.take()?;
        let sent = from.take_all()?;
        let owed: Vec<(EventRef, Nanos, Option<AccountId>, bool)> = from.take_all()?;
        let told: Vec<EventRef> = from.take_all()?;
        let ahead: Vec<EventRef> = from.take_all()?;
        let beside = from.take_all()?;
        let unanswered: Vec<(MsgSeqNum, Text<3>, ClOrdId, Option<u64>)> = from.take_all()?;
        let unanswered = unanswered.into_iter().map(|(number, msg_type, cl_ord_id, left)| {
            let request = LostRequest { number, msg_type, cl_ord_id, partly: false };
            (number, (request, left.map(shards_of)))
        });
        let owed = owed.into_iter().map(|(at, time, copied, outlived)| (at, Owed { time, copied, outlived }));
        Ok(Self {
            state: SessionState { next_inbound, reserved, begun, sent, ..SessionState::default() },
            owed: owed.collect(),
            told: told.into_iter().map(|at| (at.shard, at)).collect(),
            ahead: ahead.into_iter().collect(),
            beside,
            unanswered: unanswered.collect(),
        })
    }
}

/// The shards that have not executed a request, a bit for each.
fn bits_of(shards: &BTreeSet<ShardId>) -> u64 {
    shards.iter().fold(0, |bits, shard| bits | 1 << shard.0)
}

fn shards_of(bits: u64) -> BTreeSet<ShardId> {
    (0..SHARDS_MAX).filter(|shard| bits >> shard & 1 == 1).map(ShardId).collect()
}

impl Field for Sent {
    fn write(&self, to: &mut Writer<'_>) {
        let Self { number, time, body, poss_resend } = self;
        to.put(number).put(time).put(poss_resend);
        match body {
            SentBody::Event(at) => to.put(&1u8).put(at),
            SentBody::Own(OwnRef { gateway, seq }) => to.put(&2u8).put(&gateway.0).put(seq),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (number, time, poss_resend) = from.take()?;
        let body = match from.take::<u8>()? {
            1 => SentBody::Event(from.take()?),
            2 => SentBody::Own(OwnRef { gateway: crate::types::GatewayId(from.take()?), seq: from.take()? }),
            other => return Err(DecodeError::Value { what: "SentBody", value: other.into() }),
        };
        Ok(Self { number, time, body, poss_resend })
    }
}
