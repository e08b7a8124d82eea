//! FIX sessions from the session logs, and what they are owed from the shards' steps.
//!
//! ```text
//!   Inbound, InboundNext ─► the number that is expected next
//!   Reserved             ─► numbers that may have been used
//!   Outbound             ─► what can be sent again; an event that has a number is owed no more
//!   Told                 ─► nor is an event that the next Outbound tells as well
//!   Request              ─► the same as Inbound, and an outcome is owed
//!   Answered, step       ─► there it is; a request without one at the end is refused when the gateway starts
//!   step                 ─► each of its events is owed to the sessions that must hear of it
//!   Started              ─► a number whose event was lost with the unacknowledged tail is none: it will be gap-filled
//! ```
//!
//! The last rule makes the numbers of lost steps safe to use again: after a crash another event may stand at the
//! same place, and a mapping from before must not come to mean it.

mod saved;

use crate::planted::{self, Bug};
use crate::run::journal::{OwnRef, SentBody};
use crate::types::{
    AccountId, Command, Event, EventRef, LostRequest, MsgSeqNum, Nanos, OutboundBody, Seq, SessionId,
    SessionRecord, ShardId,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the journal knows of a FIX session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// The number that is expected of the client next.
    pub next_inbound: MsgSeqNum,
    /// The last of our numbers that may have been used: those without a message in `sent` are gap-filled. The next
    /// message of ours has the number after it.
    pub reserved: MsgSeqNum,
    /// When its numbers began.
    pub begun: Option<Nanos>,
    /// Our messages that can be sent again, in the order of their numbers.
    pub sent: Vec<Sent>,
    /// Events that the session must hear of and that never got a number: they go out with PossResend(97), oldest
    /// first.
    pub owed: Vec<EventRef>,
    /// Requests of the client that no shard executed and nobody answered: they are refused.
    pub lost: Vec<LostRequest>,
}

/// A message that we sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// MsgSeqNum(34).
    pub number: MsgSeqNum,
    /// When: OrigSendingTime(122) of a resend.
    pub time: Nanos,
    /// What.
    pub body: SentBody,
    /// It was owed from an earlier run, which may have told it under another number: PossResend(97).
    pub poss_resend: bool,
}

/// The drop copy sessions of each account.
pub type DropCopies = BTreeMap<AccountId, Vec<SessionId>>;

/// The sessions of a journal, as far as it was read.
#[derive(Debug, Default)]
pub struct Sessions {
    drop_copies: DropCopies,
    copies: BTreeSet<SessionId>,
    sessions: BTreeMap<SessionId, Building>,
    steps: BTreeMap<ShardId, Seq>,
}

#[derive(Debug, Default)]
struct Building {
    state: SessionState,
    owed: BTreeMap<EventRef, Owed>,
    /// The last event of each shard that got a number. A drop copy is told the events of a shard in their order, so it
    /// is owed none before it, whichever accounts it saw then.
    told: BTreeMap<ShardId, EventRef>,
    /// Events that have a number, and whose step was not read yet: it may stand further on in the same write.
    ahead: BTreeSet<EventRef>,
    /// Events that the next message tells as well.
    beside: Vec<EventRef>,
    /// Requests without an outcome. One that concerns all shards has it when all have executed it: those that have not.
    unanswered: BTreeMap<MsgSeqNum, (LostRequest, Option<BTreeSet<ShardId>>)>,
}

/// An event that has no number yet.
#[derive(Clone, Copy, Debug)]
struct Owed {
    time: Nanos,
    /// The account of whose execution it is a drop copy.
    copied: Option<AccountId>,
    /// The run in which it happened is over: its session may have heard of it nevertheless.
    outlived: bool,
}

impl Default for SessionState {
    fn default() -> Self {
        Self {
            next_inbound: MsgSeqNum::FIRST,
            reserved: MsgSeqNum(0),
            begun: None,
            sent: Vec::new(),
            owed: Vec::new(),
            lost: Vec::new(),
        }
    }
}

impl SessionState {
    /// The number of our next message: the first that was never used.
    pub fn next_outbound(&self) -> MsgSeqNum {
        self.reserved.next()
    }
}

impl Sessions {
    /// None yet; of events, drop copies are owed those of their accounts.
    pub fn with(drop_copies: DropCopies) -> Self {
        let copies = drop_copies.values().flatten().copied().collect();
        Self { drop_copies, copies, ..Self::default() }
    }

    /// A step: its request has its outcome, and its events are owed.
    pub fn step(&mut self, shard: ShardId, seq: Seq, time: Nanos, command: &Command, events: &[Event]) {
        self.steps.insert(shard, seq);
        self.executed(shard, command);
        for (index, event) in events.iter().enumerate() {
            let at = EventRef { shard, seq, index: index as u16 };
            for session in event.sessions().into_iter().filter(|session| *session != SessionId::NONE) {
                let session = self.sessions.entry(session).or_default();
                let is_owed = !planted::has(Bug::ReportForgotten) || matches!(event, Event::Execution(_));
                if !session.ahead.remove(&at) && is_owed {
                    session.owed.insert(at, Owed { time, copied: None, outlived: false });
                }
            }
            let Event::Execution(execution) = event else { continue };
            for copy in self.drop_copies.get(&execution.order.account).into_iter().flatten() {
                // It began with its first record; what was before it is none of its.
                let Some(session) = self.sessions.get_mut(copy) else { continue };
                let is_told = session.told.get(&shard).is_some_and(|last| at <= *last);
                if session.ahead.remove(&at) {
                    session.settle_upto(at);
                } else if !is_told {
                    let copied = Some(execution.order.account);
                    session.owed.insert(at, Owed { time, copied, outlived: false });
                }
            }
        }
    }

    fn executed(&mut self, shard: ShardId, command: &Command) {
        let Some(requester) = command.requester() else { return };
        let Some(session) = self.sessions.get_mut(&requester.session) else { return };
        let Some((_, left)) = session.unanswered.get_mut(&requester.number) else { return };
        let is_everywhere =
            matches!(command, Command::MassCancel(_, cancel) if cancel.scope.instrument.is_none());
        if is_everywhere {
            let left = left.get_or_insert_with(|| self.steps.keys().copied().collect());
            left.remove(&shard);
            if !left.is_empty() {
                return;
            }
        }
        session.unanswered.remove(&requester.number);
    }

    /// A record of a session log; what contradicts those before it is told.
    pub fn record(&mut self, own: OwnRef, time: Nanos, record: &SessionRecord<'_>) -> Result<(), String> {
        let session = self.sessions.entry(session_of(record)).or_default();
        session.state.begun.get_or_insert(time);
        match *record {
            SessionRecord::Inbound { number, .. } => session.state.next_inbound = number.next(),
            SessionRecord::InboundNext { next, .. } => session.state.next_inbound = next,
            SessionRecord::Request { number, msg_type, cl_ord_id, .. } => {
                session.state.next_inbound = number.next();
                let request = LostRequest { number, msg_type, cl_ord_id, partly: false };
                session.unanswered.insert(number, (request, None));
            }
            SessionRecord::Answered { number, .. } => _ = session.unanswered.remove(&number),
            SessionRecord::Reserved { upto, .. } if upto >= session.state.reserved => {
                session.state.reserved = upto;
            }
            SessionRecord::Reserved { session, upto } => {
                return Err(format!("session {session} reserves numbers up to {upto} again"));
            }
            SessionRecord::Outbound { number, sent, body, .. } => {
                let read = |at: &EventRef| self.steps.get(&at.shard).is_some_and(|last| at.seq <= *last);
                session.outbound(own, number, sent, body, read)?;
                for at in std::mem::take(&mut session.beside) {
                    session.has_number(at, read);
                }
                // A copy whose step was not read yet may turn out to be of a step that was lost: it settles nothing.
                if let OutboundBody::Event(at) = body
                    && self.copies.contains(&session_of(record))
                    && read(&at)
                {
                    session.settle_upto(at);
                }
            }
            SessionRecord::Told { event, .. } => session.beside.push(event),
            // What is owed stays owed: it goes out under the new numbers.
            SessionRecord::Reset { .. } => {
                session.state = SessionState { begun: Some(time), ..SessionState::default() };
                session.unanswered.clear();
            }
        }
        Ok(())
    }

    /// A server took up the log: steps that were not read by now are lost, and never were acknowledged.
    pub fn started(&mut self) {
        for session in self.sessions.values_mut() {
            session.owed.values_mut().for_each(|owed| owed.outlived = true);
            for (shard, told) in &mut session.told {
                let last = self.steps.get(shard).copied().unwrap_or_default();
                if told.seq > last {
                    *told = EventRef { shard: *shard, seq: last, index: u16::MAX };
                }
            }
            // The message that would have told them is lost, or never was.
            session.beside.clear();
            let lost = std::mem::take(&mut session.ahead);
            if !lost.is_empty() {
                session
                    .state
                    .sent
                    .retain(|sent| !matches!(sent.body, SentBody::Event(at) if lost.contains(&at)));
            }
        }
    }

    /// The sessions, with what they are owed in the order in which it happened.
    pub fn into_states(self) -> BTreeMap<SessionId, SessionState> {
        let state = |building: Building| {
            let mut owed: Vec<_> = building.owed.into_iter().map(|(at, owed)| (owed.time, at)).collect();
            owed.sort_unstable();
            if planted::has(Bug::DebtForgotten) {
                owed.clear();
            }
            let owed = owed.into_iter().map(|(_, at)| at).collect();
            let lost = building.unanswered.into_values();
            let lost = lost.map(|(request, left)| LostRequest { partly: left.is_some(), ..request });
            SessionState { owed, lost: lost.collect(), ..building.state }
        };
        self.sessions.into_iter().map(|(id, building)| (id, state(building))).collect()
    }
}

impl Building {
    /// A drop copy has a number for the event at `at`, and is told those of a shard in their order.
    fn settle_upto(&mut self, at: EventRef) {
        self.owed.retain(|owed, _| owed.shard != at.shard || *owed > at);
    }

    fn outbound(
        &mut self,
        own: OwnRef,
        number: MsgSeqNum,
        time: Nanos,
        body: OutboundBody<'_>,
        was_read: impl Fn(&EventRef) -> bool,
    ) -> Result<(), String> {
        let last = self.state.sent.last().map_or(MsgSeqNum(0), |sent| sent.number);
        if number <= last {
            return Err(format!("MsgSeqNum {number} was used after {last}"));
        }
        if number > self.state.reserved {
            return Err(format!("MsgSeqNum {number} was used, but only {} reserved", self.state.reserved));
        }
        let (body, poss_resend) = match body {
            OutboundBody::Own(_) => (SentBody::Own(own), false),
            OutboundBody::Event(at) => {
                self.told.insert(at.shard, at);
                let owed = self.has_number(at, was_read);
                (SentBody::Event(at), owed.is_some_and(|owed| owed.outlived))
            }
        };
        self.state.sent.push(Sent { number, time, body, poss_resend });
        Ok(())
    }

    /// The event is owed no more; what it was owed until now.
    fn has_number(&mut self, at: EventRef, was_read: impl Fn(&EventRef) -> bool) -> Option<Owed> {
        let owed = self.owed.remove(&at);
        if owed.is_none() && !was_read(&at) {
            self.ahead.insert(at);
        }
        owed
    }
}

fn session_of(record: &SessionRecord<'_>) -> SessionId {
    match record {
        SessionRecord::Inbound { session, .. }
        | SessionRecord::Request { session, .. }
        | SessionRecord::Answered { session, .. }
        | SessionRecord::InboundNext { session, .. }
        | SessionRecord::Outbound { session, .. }
        | SessionRecord::Reserved { session, .. }
        | SessionRecord::Told { session, .. }
        | SessionRecord::Reset { session } => *session,
    }
}
