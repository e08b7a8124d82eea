//! Gaps: those of the peer's messages, which we ask for, and those of ours, which we fill.

use super::outbound::Mark;
use super::{Act, Input, Notice, Output, Session, State};
use crate::planted::{self, Bug};
use crate::types::{MsgSeqNum, Nanos};
use crate::wire::fix::{Message, PutFields, SOH, tag};
use std::collections::BTreeMap;

/// A message of ours as the log has it.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// Its number.
    pub number: MsgSeqNum,
    /// When it was sent: OrigSendingTime(122).
    pub sent: Nanos,
    /// PossResend(97): it may have been told before under another number.
    pub poss_resend: bool,
    /// MsgType(35).
    pub msg_type: &'a [u8],
    /// Its body, as it was.
    pub body: &'a [u8],
}

/// Splits the bytes of an [`OutboundBody::Own`](crate::types::OutboundBody::Own) into MsgType and body.
pub fn split_own(own: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = own.strip_prefix(b"35=")?;
    let soh = rest.iter().position(|byte| *byte == SOH)?;
    Some((&rest[..soh], &rest[soh + 1..]))
}

/// A range that the peer wants again, and how far it has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replay {
    next: MsgSeqNum,
    to: MsgSeqNum,
}

/// Messages that came before their turn. Bounded: what does not fit is dropped, and asked for again.
#[derive(Default)]
pub(super) struct Queue {
    /// The bytes of each; `None` for one that needs no more than its number.
    messages: BTreeMap<MsgSeqNum, Option<Box<[u8]>>>,
    bytes: usize,
}

const QUEUE_BYTES_MAX: usize = 256 * 1024;
const QUEUE_MESSAGES_MAX: usize = 4_096;

impl Session {
    /// A message of a number above the one expected; `None` where only its number is left to take.
    pub(super) fn ahead(
        &mut self,
        number: MsgSeqNum,
        message: Option<&Message<'_>>,
        now: Nanos,
        out: &mut dyn Output,
    ) {
        match self.step(Input::Ahead) {
            Act::AskResend => {
                self.connection.queue.keep(number, message);
                self.connection.missing_before = number;
                if self.connection.fills_unasked {
                    self.connection.recovering_since = now;
                } else {
                    self.ask_resend(now, out);
                }
            }
            Act::Hold => self.connection.queue.keep(number, message),
            Act::Close => self.close(super::CloseReason::LogonRefused, out),
            _ => {}
        }
    }

    /// The next message that came before its turn, if its turn has come: its bytes replace what is in `bytes`, to
    /// be parsed and given to [`Session::receive`].
    pub fn take_queued(&mut self, bytes: &mut Vec<u8>, now: Nanos, out: &mut dyn Output) -> bool {
        while self.state.is_established() {
            let expected = self.numbers.next_in;
            let queue = &mut self.connection.queue;
            queue.drop_before(expected);
            match queue.take(expected) {
                Some(Some(message)) => {
                    bytes.clear();
                    bytes.extend_from_slice(&message);
                    return true;
                }
                Some(None) => {
                    self.consume(expected, out);
                    self.close_gap();
                }
                None => {
                    if let Some(first) = queue.first().filter(|_| self.step(Input::Ahead) == Act::AskResend) {
                        self.connection.missing_before = first;
                        self.ask_resend(now, out);
                    }
                    return false;
                }
            }
        }
        false
    }

    /// If all that was missing has come, the session is in sequence again.
    pub(super) fn close_gap(&mut self) {
        if self.state.is_established() && self.numbers.next_in >= self.connection.missing_before {
            self.step(Input::GapClosed);
        }
    }

    pub(super) fn ask_resend(&mut self, now: Nanos, out: &mut dyn Output) {
        self.connection.recovering_since = now;
        self.connection.fills_unasked = false;
        let first = self.numbers.next_in;
        let last =
            MsgSeqNum(first.0.saturating_add(self.settings.resend_request_chunk_size.saturating_sub(1)));
        let is_chunk =
            self.settings.resend_request_chunk_size > 0 && last.next() < self.connection.missing_before;
        self.connection.asked_to = is_chunk.then_some(last);
        self.with_body(|session, body| {
            body.put_uint(tag::BEGIN_SEQ_NO, u64::from(first.0));
            // 0, all there is: what comes meanwhile is queued, and a copy of what is queued is a duplicate.
            body.put_uint(tag::END_SEQ_NO, if is_chunk { u64::from(last.0) } else { 0 });
            session.send_admin(b"2", body, now, out);
        });
    }

    /// What was asked for has come, but more is missing.
    pub(super) fn ask_next_chunk(&mut self, now: Nanos, out: &mut dyn Output) {
        let has_come = self.connection.asked_to.is_some_and(|last| self.numbers.next_in > last);
        if has_come && self.state == State::Recovering {
            self.ask_resend(now, out);
        }
    }

    /// The peer wants these numbers again.
    pub(super) fn start_replay(&mut self, from: MsgSeqNum, to: MsgSeqNum, now: Nanos, out: &mut dyn Output) {
        if !self.settings.resends {
            return self.fill(from, to, now, out);
        }
        let asked = Replay { next: from, to };
        // One at a time, and no more than the budget has.
        if self.connection.replay.is_some() || !self.budget.admits(&self.settings, now) {
            return self.replay_later(asked);
        }
        self.budget.begin();
        self.connection.replay = Some(asked);
        out.notice(Notice::Replay { from, to });
    }

    /// Of several replays that wait, one is made that covers all.
    fn replay_later(&mut self, asked: Replay) {
        let after = self.connection.replay_after.map_or(asked, |waiting| Replay {
            next: waiting.next.min(asked.next),
            to: waiting.to.max(asked.to),
        });
        self.connection.replay_after = Some(after);
    }

    /// When a replay that waits may begin.
    pub(super) fn replay_due(&self) -> Option<Nanos> {
        let waits = self.connection.replay_after.is_some() && self.connection.replay.is_none();
        waits.then(|| self.budget.refills())
    }

    /// Begins a replay that waits, if there is one and the budget has room for it.
    pub(super) fn replay_waiting(&mut self, now: Nanos, out: &mut dyn Output) {
        if self.connection.replay.is_none()
            && let Some(after) = self.connection.replay_after.take()
        {
            self.start_replay(after.next, after.to, now, out);
        }
    }

    /// A message that the peer has asked for, out of the log: it goes out again with PossDupFlag. The numbers before it
    /// that the log does not have become one GapFill. In ascending order; others are passed over.
    pub fn replay(&mut self, sent: &Sent<'_>, now: Nanos, out: &mut dyn Output) {
        let Some(replay) = self.connection.replay else { return };
        if !(replay.next..=replay.to).contains(&sent.number) {
            return;
        }
        if sent.number > replay.next {
            self.fill(replay.next, MsgSeqNum(sent.number.0 - 1), now, out);
        }
        let mark = Mark { poss_dup: Some(sent.sent), poss_resend: sent.poss_resend };
        self.emit_again(sent.number, sent.msg_type, sent.body, mark, now, out);
        let rest = Replay { next: sent.number.next(), ..replay };
        self.budget.spend(sent.body.len());
        if rest.next <= rest.to && self.budget.is_used_up(&self.settings) {
            // What is new does not wait for the next minute with it.
            self.connection.replay = None;
            self.replay_later(rest);
            self.flush_held(out);
            return out.notice(Notice::Paused);
        }
        self.connection.replay = Some(rest);
    }

    /// The log has no more of what was asked for: the rest is filled, and what was held back goes out.
    pub fn replayed(&mut self, now: Nanos, out: &mut dyn Output) {
        let Some(replay) = self.connection.replay.take() else { return };
        if replay.next <= replay.to {
            self.fill(replay.next, replay.to, now, out);
        }
        self.flush_held(out);
        self.replay_waiting(now, out);
    }

    pub(super) fn flush_held(&mut self, out: &mut dyn Output) {
        out.wire().extend_from_slice(&self.connection.held);
        self.connection.held.clear();
    }

    /// GapFill: nothing to say under these numbers.
    fn fill(&mut self, from: MsgSeqNum, to: MsgSeqNum, now: Nanos, out: &mut dyn Output) {
        if planted::has(Bug::GapNotFilled) {
            return;
        }
        self.with_body(|session, body| {
            body.put_uint(tag::NEW_SEQ_NO, u64::from(to.next().0));
            body.put_bool(tag::GAP_FILL_FLAG, true);
            let mark = Mark { poss_dup: Some(now), poss_resend: false };
            session.emit_again(from, b"4", body, mark, now, out);
        });
    }
}

impl Queue {
    fn keep(&mut self, number: MsgSeqNum, message: Option<&Message<'_>>) {
        let length = message.map_or(0, |message| message.bytes().len());
        let fits = self.messages.len() < QUEUE_MESSAGES_MAX && self.bytes + length <= QUEUE_BYTES_MAX;
        if fits && !self.messages.contains_key(&number) {
            self.bytes += length;
            self.messages.insert(number, message.map(|message| message.bytes().into()));
        }
    }

    fn take(&mut self, number: MsgSeqNum) -> Option<Option<Box<[u8]>>> {
        let message = self.messages.remove(&number)?;
        self.bytes -= message.as_ref().map_or(0, |bytes| bytes.len());
        Some(message)
    }

    fn drop_before(&mut self, number: MsgSeqNum) {
        while let Some(first) = self.first().filter(|first| *first < number) {
            self.take(first);
        }
    }

    fn first(&self) -> Option<MsgSeqNum> {
        self.messages.keys().next().copied()
    }

    pub(super) fn emptied(mut self) -> Self {
        self.messages.clear();
        self.bytes = 0;
        self
    }
}
