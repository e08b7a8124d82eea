//! Catching up with private streams: the connection's part of `catch_up.rs`.

use super::{Here, WebSocket};
use crate::decode;
use crate::run::gateway::catch_up::{self, CatchUp, Progress};
use crate::run::gateway::counter::Counter;
use crate::run::gateway::desk::Desk;
use crate::run::gateway::streams::Positions;
use crate::run::journal::{ReadBack, SentBody};
use crate::types::{AccountId, ApiKeyId, ConnId, Nanos, Refusal, Reject, StreamPage, StreamPosition};

impl WebSocket {
    /// Subscribes from now on, or asks the shards whether they can tell all that came after `from`.
    pub(super) fn subscribe(
        &mut self,
        from: Option<&str>,
        here: &mut Here<'_>,
    ) -> Result<Option<(u32, Vec<StreamPosition>)>, Refusal> {
        let accounts = self.accounts(here.desk)?.to_vec();
        let positions = from.map_or(Ok(Vec::new()), |from| {
            decode::ws::positions(from, &accounts, here.desk.shards.len(), &here.desk.directory)
        })?;
        if positions.is_empty() {
            self.abandon_catch_up(here);
            self.heartbeat = here.positions.next_heartbeat(here.now);
            return Ok(Some((self.session.subscribe(&accounts)?, here.positions.of(&accounts))));
        }
        if here.desk.closing {
            return Err(Reject::ShuttingDown.into());
        }
        self.catch_ups += 1;
        let is_live = self.catch_up.as_ref().is_none_or(|before| before.is_live());
        let waiting = catch_up::Waiting { id: here.id, now: here.now, extras: here.extras, is_live };
        // If it is refused here, what was there goes on as if nothing had been asked.
        let begun = CatchUp::begin(positions, self.catch_ups, waiting, here.conn, here.desk)?;
        self.abandon_catch_up(here);
        self.catch_up = Some(Box::new(begun));
        Ok(None)
    }

    /// Catches up no more. A request for it that waits is answered: what it asked for will not be.
    pub(super) fn abandon_catch_up(&mut self, here: &mut Here<'_>) {
        let Some(waiting) = self.catch_up.take().and_then(|catch_up| catch_up.waiting()) else { return };
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
        page: Result<&StreamPage, &Refusal>,
    ) -> Progress {
        let catch_up = self.catch_up.as_mut().filter(|catch_up| catch_up.is(token));
        catch_up.map_or(Progress::Goes, |catch_up| catch_up.shard_answered(page))
    }

    /// Takes what the journal has read back.
    pub(in crate::run::gateway) fn read(
        &mut self,
        token: u64,
        answer: &ReadBack,
        counter: &mut Counter,
    ) -> Progress {
        let (catch_up, session) = (&mut self.catch_up, &mut self.session);
        match (catch_up.as_mut().filter(|catch_up| catch_up.is(token)), session.subscription()) {
            (Some(catch_up), Some(subscription)) => catch_up.read(answer, subscription, counter, session),
            _ => Progress::Goes,
        }
    }

    /// The shards have said whether the subscription can be resumed; returns whether it is.
    pub(in crate::run::gateway) fn resumed(
        &mut self,
        waiting: catch_up::Waiting,
        verdict: Result<(), Refusal>,
        positions: &Positions,
        (desk, counter): (&mut Desk, &mut Counter),
    ) -> bool {
        self.heartbeat = positions.next_heartbeat(waiting.now);
        let begun = verdict.and_then(|()| {
            let accounts = self.accounts(desk)?.to_vec();
            Ok((self.session.subscribe(&accounts)?, positions.of(&accounts)))
        });
        let own = self.own(waiting.id, Some(waiting.extras.timing), waiting.now, desk);
        match begun {
            Ok((subscription, mut streams)) => {
                if let Some(catch_up) = &self.catch_up {
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
