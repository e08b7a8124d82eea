//! Catching up with private streams: the connection's part of `catch_up.rs`.

use super::{Here, WebSocket};
use crate::decode;
use crate::run::gateway::catch_up::{CatchUp, Found, Progress, Said};
use crate::run::gateway::counter::{Counter, Extras};
use crate::run::gateway::desk::Desk;
use crate::run::gateway::streams::Positions;
use crate::run::journal::{ReadBack, SentBody};
use crate::types::{
    AccountId, ApiKeyId, ConnId, Nanos, Refusal, Reject, ShardId, StreamPage, StreamPosition,
};
use crate::wire::json::RequestId;

/// The request that waits.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Its id.
    id: RequestId,
    /// When it was read.
    now: Nanos,
    /// What it wants to know beside its answer.
    extras: Extras,
    /// Whether what happens until it is answered is told, by a subscription that there is already.
    is_live: bool,
}

impl WebSocket {
    /// Subscribes from now on, or asks the shards whether they can tell all that came after `from`.
    pub(super) fn subscribe(
        &mut self,
        from: Option<&str>,
        here: &mut Here<'_>,
    ) -> Result<Option<(u32, Vec<StreamPosition>)>, Refusal> {
        let accounts = self.accounts(here.desk)?.to_vec();
        let mut positions = from.map_or(Ok(Vec::new()), |from| {
            decode::ws::positions(from, &accounts, here.desk.shards.len(), &here.desk.directory)
        })?;
        // A stream that is still behind and not named again is read on from where it is: else it would have a gap.
        if from.is_some()
            && let Some(before) = self.catch_up.as_ref().filter(|before| !before.is_live())
        {
            let is_named = |at: &StreamPosition, named: &[StreamPosition]| {
                named.iter().any(|named| (named.account, named.shard) == (at.account, at.shard))
            };
            let unnamed: Vec<_> = before.untold().filter(|at| !is_named(at, &positions)).copied().collect();
            positions.extend(unnamed);
        }
        // A stream that has told nothing since costs no question.
        let is_current = |at: &StreamPosition| here.positions.at(at.account, at.shard) == *at;
        let (current, behind): (Vec<_>, Vec<_>) = positions.into_iter().partition(is_current);
        if behind.is_empty() {
            self.abandon_catch_up(here);
            self.heartbeat = here.positions.next_heartbeat(here.now);
            return Ok(Some((self.session.subscribe(&accounts)?, here.positions.of(&accounts))));
        }
        self.catch_ups += 1;
        let is_live = self.catch_up.as_ref().is_none_or(|before| before.is_live());
        let waiting = Waiting { id: here.id, now: here.now, extras: here.extras, is_live };
        let at = (here.conn, here.now);
        // If it is refused here, what was there goes on as if nothing had been asked.
        let begun = CatchUp::begin((behind, current), self.catch_ups, waiting, is_live, at, here.desk)?;
        self.abandon_catch_up(here);
        self.catch_up = Some(Box::new(begun));
        Ok(None)
    }

    /// Catches up no more. A request for it that waits is answered: what it asked for will not be.
    pub(super) fn abandon_catch_up(&mut self, here: &mut Here<'_>) {
        let catch_up = self.catch_up.take();
        let Some(waiting) = catch_up.and_then(|catch_up| catch_up.waiting().copied()) else { return };
        here.desk.watch.refuse(Reject::NotSubscribed);
        let own = self.own(waiting.id, Some(waiting.extras.timing), waiting.now, here.desk);
        self.session.send(here.counter.refuse(&own, &Reject::NotSubscribed.into()));
    }

    /// The accounts of the key that is logged on.
    fn accounts<'d>(&self, desk: &'d Desk) -> Result<&'d [AccountId], Refusal> {
        let key = self.session.logged_on().and_then(|key| desk.directory.key(key));
        key.map(|key| key.accounts.as_slice()).ok_or(Reject::NotLoggedOn.into())
    }

    /// The key for which it is read, if something is behind.
    pub(in crate::run::gateway) fn catches_up(&self) -> Option<ApiKeyId> {
        self.catch_up.as_ref().and_then(|_| self.session.logged_on())
    }

    /// Asks for what comes next; how much was asked for.
    pub(in crate::run::gateway) fn ask(
        &mut self,
        conn: ConnId,
        desk: &mut Desk,
        read: &mut impl FnMut(u64, SentBody) -> bool,
    ) -> usize {
        self.catch_up.as_mut().map_or(0, |catch_up| catch_up.ask(conn, desk, read))
    }

    /// Takes the answer of a shard.
    pub(in crate::run::gateway) fn shard_answered(
        &mut self,
        token: u64,
        stream: (AccountId, ShardId),
        page: Result<&StreamPage, &Refusal>,
    ) -> Progress<Waiting> {
        let catch_up = self.catch_up.as_mut().filter(|catch_up| catch_up.is(token));
        catch_up.map_or(Progress::Goes, |catch_up| catch_up.shard_answered(stream, page))
    }

    /// Takes what the journal has read back.
    pub(in crate::run::gateway) fn read(
        &mut self,
        token: u64,
        answer: &ReadBack,
        counter: &mut Counter,
    ) -> Progress<Waiting> {
        let (catch_up, session) = (&mut self.catch_up, &mut self.session);
        match (catch_up.as_mut().filter(|catch_up| catch_up.is(token)), session.subscription()) {
            (Some(catch_up), Some(subscription)) => catch_up.read(answer, &mut |said| match said {
                Said::Execution(execution, told) => {
                    session.send(counter.execution_report(subscription, execution, told));
                }
                Said::Held(text) => session.send(text),
            }),
            _ => Progress::Goes,
        }
    }

    /// The shards have said whether the subscription can be resumed; returns whether it is.
    pub(in crate::run::gateway) fn resumed(
        &mut self,
        waiting: Waiting,
        found: &[Found],
        positions: &Positions,
        (desk, counter): (&mut Desk, &mut Counter),
    ) -> bool {
        self.heartbeat = positions.next_heartbeat(waiting.now);
        let refused = found.iter().find_map(|(_, found)| found.err());
        let begun = refused.map_or(Ok(()), Err).and_then(|()| {
            let accounts = self.accounts(desk)?.to_vec();
            Ok((self.session.subscribe(&accounts)?, positions.of(&accounts)))
        });
        let own = self.own(waiting.id, Some(waiting.extras.timing), waiting.now, desk);
        match begun {
            Ok((subscription, mut streams)) => {
                if let Some(catch_up) = &mut self.catch_up {
                    catch_up.wake(|at| positions.at(at.account, at.shard).number);
                    catch_up.stand(&mut streams);
                }
                let text = counter.own(&own, |reporter, to, out| {
                    reporter.subscribed_to(to, subscription, &streams, out);
                });
                self.session.send(text);
                true
            }
            Err(refusal) => {
                self.catch_up = None;
                desk.watch.refuse(refusal.reject);
                self.session.send(counter.refuse(&own, &refusal));
                if !waiting.is_live {
                    // A subscription that was behind would go on with a gap.
                    self.stream_ends(&refusal, waiting.now, counter);
                }
                false
            }
        }
    }

    /// Time has passed: a subscriber hears how far its streams are, though nothing happens there.
    pub(in crate::run::gateway) fn beat(&mut self, now: Nanos, positions: &Positions, counter: &mut Counter) {
        let Some(subscription) = self.session.subscription().filter(|_| now >= self.heartbeat) else {
            return;
        };
        self.heartbeat = positions.next_heartbeat(now);
        // Where a subscription stands that is being resumed from elsewhere, its answer tells.
        if self.catch_up.as_ref().is_some_and(|catch_up| catch_up.is_undecided()) {
            return;
        }
        let mut streams = positions.of(self.session.subscribed());
        if let Some(catch_up) = &self.catch_up {
            catch_up.stand(&mut streams);
        }
        self.session.send(counter.stream_heartbeat(subscription, &streams, now));
    }

    /// Every stream is live.
    pub(in crate::run::gateway) fn caught_up(&mut self) {
        self.catch_up = None;
    }

    /// What comes next cannot be told, so nothing is any more.
    pub(in crate::run::gateway) fn stream_ends(
        &mut self,
        refusal: &Refusal,
        now: Nanos,
        counter: &mut Counter,
    ) {
        self.catch_up = None;
        if let Some(subscription) = self.session.subscription() {
            self.session.send(counter.stream_terminated(subscription, refusal, now));
            let ended = self.session.unsubscribe(Some(subscription));
            debug_assert!(ended.is_ok(), "it is the one that there is");
        }
    }
}
