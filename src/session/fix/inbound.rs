//! What we receive: first whose it is, then its number, then what it says.

use super::{Act, CloseReason, Incoming, Input, Output, Session, State};
use crate::planted::{self, Bug};
use crate::types::ids::cl_ord_id;
use crate::types::{MsgSeqNum, Nanos, Reject, SessionRecord, Text};
use crate::wire::fix::{Fault, Message, PutFields, RejectReason, Verdict, tag};

impl Session {
    /// Sorts a message into an [`Input`] and does what the table says.
    pub(super) fn take_in(&mut self, message: &Message<'_>, now: Nanos, out: &mut dyn Output) -> Incoming {
        if message.begin_string() != self.settings.dictionary.begin_string {
            return self.unreadable(b"Incorrect BeginString", now, out);
        }
        let Some(number) = message.number() else {
            return self.unreadable(b"Required tag missing: MsgSeqNum(34)", now, out);
        };
        if let Some(reason) = self.foreign(message, now) {
            return self.refuse_foreign(message, number, reason, now, out);
        }
        match message.msg_type() {
            b"A" => return self.logon_inside(message, now, out),
            b"5" => return self.logout_received(number, now, out),
            b"2" => return self.resend_request(message, number, now, out),
            b"4" if !message.flag(tag::GAP_FILL_FLAG) => return self.sequence_reset(message, now, out),
            _ => {}
        }
        let expected = self.numbers.next_in;
        if number > expected {
            self.ahead(number, Some(message), now, out);
            return Incoming::Done;
        }
        if let Some(incoming) = self.refuse_duplicate(message, number, now, out) {
            return incoming;
        }
        if number < expected {
            return self.lower(message, number, now, out);
        }
        match self.step(Input::Next) {
            Act::Take => self.take(message, number, now, out),
            Act::Close => self.refused_by_peer(out),
            _ => Incoming::Done,
        }
    }

    /// Uses up a number of the peer's.
    pub(super) fn consume(&mut self, number: MsgSeqNum, out: &mut dyn Output) {
        debug_assert_eq!(number, self.numbers.next_in, "numbers are taken in order");
        self.numbers.next_in = number.next();
        log_inbound(SessionRecord::Inbound { session: self.settings.session, number }, out);
    }

    /// Uses up the number of a request, which is owed an outcome from then on.
    fn consume_request(&mut self, message: &Message<'_>, number: MsgSeqNum, out: &mut dyn Output) {
        debug_assert_eq!(number, self.numbers.next_in, "numbers are taken in order");
        self.numbers.next_in = number.next();
        let record = SessionRecord::Request {
            session: self.settings.session,
            number,
            msg_type: Text::from_bytes(message.msg_type()).unwrap_or(Text::EMPTY),
            cl_ord_id: message.get(tag::CL_ORD_ID).and_then(|id| cl_ord_id(id).ok()).unwrap_or(Text::EMPTY),
        };
        log_inbound(record, out);
    }

    /// Uses up a number, if it is its turn.
    pub(super) fn consume_if_next(&mut self, number: MsgSeqNum, out: &mut dyn Output) {
        if number == self.numbers.next_in {
            self.consume(number, out);
        }
    }

    pub(super) fn is_timely(&self, sent: Nanos, now: Nanos) -> bool {
        let window = self.settings.sending_time_window;
        sent.since(now) <= window && now.since(sent) <= window
    }

    /// A message in its turn: check it, use up its number, answer or deliver it.
    fn take(
        &mut self,
        message: &Message<'_>,
        number: MsgSeqNum,
        now: Nanos,
        out: &mut dyn Output,
    ) -> Incoming {
        let verdict = self.settings.dictionary.validate(message, self.settings.validation);
        if message.msg_type() == b"4" && matches!(verdict, Verdict::Good(_)) {
            return self.gap_fill(message, number, now, out);
        }
        let is_request =
            self.settings.accepts.contains(&message.msg_type()) && is_request(message.msg_type());
        if is_request {
            self.consume_request(message, number, out);
        } else {
            self.consume(number, out);
        }
        let incoming = match verdict {
            Verdict::Fault(fault) => {
                self.reject_fault(message, fault, now, out);
                if is_request {
                    out.record(SessionRecord::Answered { session: self.settings.session, number });
                }
                Incoming::Rejected(fault.reason.reject())
            }
            Verdict::Good(def) if def.admin && !self.settings.accepts.contains(&def.msg_type) => {
                self.take_admin(message, now, out);
                Incoming::Done
            }
            Verdict::Good(def) if self.settings.accepts.contains(&def.msg_type) => Incoming::Deliver,
            Verdict::Good(_) | Verdict::Unsupported if self.settings.read_only => {
                self.reject_read_only(message, now, out);
                Incoming::Rejected(Reject::UnsupportedMessage)
            }
            Verdict::Good(_) | Verdict::Unsupported => {
                self.reject_unsupported(message, now, out);
                Incoming::Rejected(Reject::UnsupportedMessage)
            }
        };
        self.close_gap();
        incoming
    }

    /// Heartbeat and Reject need no answer.
    fn take_admin(&mut self, message: &Message<'_>, now: Nanos, out: &mut dyn Output) {
        if message.msg_type() == b"1" {
            self.with_body(|session, body| {
                body.put(tag::TEST_REQ_ID, message.get(tag::TEST_REQ_ID).unwrap_or_default());
                session.send_admin(b"0", body, now, out);
            });
        }
    }

    /// SequenceReset with GapFillFlag=Y, in its turn.
    fn gap_fill(
        &mut self,
        message: &Message<'_>,
        number: MsgSeqNum,
        now: Nanos,
        out: &mut dyn Output,
    ) -> Incoming {
        let Some(next) = new_number(message).filter(|next| *next > number) else {
            self.consume(number, out);
            return self.reject_value(message, Some(tag::NEW_SEQ_NO), now, out);
        };
        self.move_to(next, out);
        Incoming::Done
    }

    /// SequenceReset without it: its own number does not count.
    fn sequence_reset(&mut self, message: &Message<'_>, now: Nanos, out: &mut dyn Output) -> Incoming {
        match self.step(Input::Reset) {
            Act::Renumber => {}
            Act::Close => return self.refused_by_peer(out),
            _ => return Incoming::Done,
        }
        if let Verdict::Fault(fault) = self.settings.dictionary.validate(message, self.settings.validation) {
            self.reject_fault(message, fault, now, out);
            return Incoming::Rejected(fault.reason.reject());
        }
        match new_number(message).filter(|next| *next >= self.numbers.next_in) {
            Some(next) => {
                self.move_to(next, out);
                Incoming::Done
            }
            None => self.reject_value(message, None, now, out),
        }
    }

    fn reject_value(
        &mut self,
        message: &Message<'_>,
        tag: Option<u32>,
        now: Nanos,
        out: &mut dyn Output,
    ) -> Incoming {
        self.reject_fault(message, Fault { reason: RejectReason::ValueIncorrect, tag }, now, out);
        Incoming::Rejected(Reject::FieldValue)
    }

    fn move_to(&mut self, next: MsgSeqNum, out: &mut dyn Output) {
        self.numbers.next_in = next;
        out.record(SessionRecord::InboundNext { session: self.settings.session, next });
        self.close_gap();
    }

    /// A ResendRequest is answered whatever its number: were it to wait for what we miss, and ours for what the peer
    /// misses, both would wait for ever.
    fn resend_request(
        &mut self,
        message: &Message<'_>,
        number: MsgSeqNum,
        now: Nanos,
        out: &mut dyn Output,
    ) -> Incoming {
        match self.step(Input::ResendRequest) {
            Act::Replay => {}
            Act::Close => return self.refused_by_peer(out),
            _ => return Incoming::Done,
        }
        if self.state.is_established() {
            self.consume_if_next(number, out);
            self.close_gap();
        }
        if let Verdict::Fault(fault) = self.settings.dictionary.validate(message, self.settings.validation) {
            self.reject_fault(message, fault, now, out);
            return Incoming::Rejected(fault.reason.reject());
        }
        let last = MsgSeqNum(self.numbers.next_out.0 - 1);
        let number_of = |tag| message.uint(tag).map(|n| MsgSeqNum(u32::try_from(n).unwrap_or(u32::MAX)));
        let from = number_of(tag::BEGIN_SEQ_NO).filter(|from| (MsgSeqNum::FIRST..=last).contains(from));
        let to = number_of(tag::END_SEQ_NO).map(|to| if to.0 == 0 { last } else { to.min(last) });
        let (from, to) = match (from, to) {
            (None, _) => return self.reject_value(message, Some(tag::BEGIN_SEQ_NO), now, out),
            (Some(from), Some(to)) if to >= from => (from, to),
            _ => return self.reject_value(message, Some(tag::END_SEQ_NO), now, out),
        };
        self.start_replay(from, to, now, out);
        if self.state.is_established() && number > self.numbers.next_in {
            self.ahead(number, None, now, out);
        }
        Incoming::Done
    }

    /// A Logout ends the session whatever its number.
    fn logout_received(&mut self, number: MsgSeqNum, now: Nanos, out: &mut dyn Output) -> Incoming {
        let was = self.state;
        match self.step(Input::Logout) {
            Act::AnswerLogout => {
                self.consume_if_next(number, out);
                self.say_logout(&[], now, out);
                self.close(CloseReason::LoggedOut, out);
            }
            Act::Close if was == State::LogonSent => {
                self.close(CloseReason::LogonRefused, out);
            }
            Act::Close => {
                self.consume_if_next(number, out);
                self.close(CloseReason::LoggedOut, out);
            }
            _ => {}
        }
        Incoming::Done
    }

    fn logon_inside(&mut self, message: &Message<'_>, now: Nanos, out: &mut dyn Output) -> Incoming {
        if self.state == State::LogonSent {
            return self.logon_answered(message, now, out);
        }
        match self.step(Input::Logon) {
            Act::Judge => Incoming::Logon,
            _ => Incoming::Done,
        }
    }

    /// A number that was taken before.
    fn lower(
        &mut self,
        message: &Message<'_>,
        number: MsgSeqNum,
        now: Nanos,
        out: &mut dyn Output,
    ) -> Incoming {
        let input = if message.flag(tag::POSS_DUP_FLAG) { Input::Duplicate } else { Input::Behind };
        match self.step(input) {
            Act::RefuseBehind => {
                let text = self.numbers.too_low(number);
                self.say_logout(text.as_bytes(), now, out);
                self.close(CloseReason::SequenceTooLow, out);
            }
            Act::Close => return self.refused_by_peer(out),
            _ => {}
        }
        Incoming::Done
    }

    /// A message sent again must tell when it was first sent.
    fn refuse_duplicate(
        &mut self,
        message: &Message<'_>,
        number: MsgSeqNum,
        now: Nanos,
        out: &mut dyn Output,
    ) -> Option<Incoming> {
        let is_copy = message.flag(tag::POSS_DUP_FLAG) && message.msg_type() != b"4";
        if !is_copy || !self.state.is_established() {
            return None;
        }
        if message.get(tag::ORIG_SENDING_TIME).is_none() {
            self.consume_if_next(number, out);
            let fault = Fault::at(RejectReason::RequiredTagMissing, tag::ORIG_SENDING_TIME);
            self.reject_fault(message, fault, now, out);
            self.close_gap();
            return Some(Incoming::Rejected(Reject::FieldMissing));
        }
        let times = (message.time(tag::ORIG_SENDING_TIME), message.time(tag::SENDING_TIME));
        match times {
            (Some(original), Some(sent)) if original > sent => {
                Some(self.refuse_foreign(message, number, RejectReason::SendingTimeAccuracy, now, out))
            }
            // What is not a time is for the dictionary to tell.
            _ => None,
        }
    }

    /// Whether the header is not that of this session. What is missing or empty is for the dictionary to tell.
    fn foreign(&self, message: &Message<'_>, now: Nanos) -> Option<RejectReason> {
        let differs =
            |tag, ours: &[u8]| message.get(tag).is_some_and(|value| !value.is_empty() && value != ours);
        if differs(tag::SENDER_COMP_ID, &self.settings.peer_comp_id)
            || differs(tag::TARGET_COMP_ID, &self.settings.our_comp_id)
        {
            return Some(RejectReason::CompIdProblem);
        }
        match message.time(tag::SENDING_TIME) {
            Some(sent) if !self.is_timely(sent, now) => Some(RejectReason::SendingTimeAccuracy),
            _ => None,
        }
    }

    fn refuse_foreign(
        &mut self,
        message: &Message<'_>,
        number: MsgSeqNum,
        reason: RejectReason,
        now: Nanos,
        out: &mut dyn Output,
    ) -> Incoming {
        match self.step(Input::Foreign) {
            Act::RefuseForeign => {
                self.consume_if_next(number, out);
                self.reject_fault(message, Fault::whole(reason), now, out);
                self.say_logout(&[], now, out);
                Incoming::Rejected(reason.reject())
            }
            Act::Close => self.refused_by_peer(out),
            // Our Logout is out, and a Logout ends the session whoever signed it.
            _ if message.msg_type() == b"5" => self.logout_received(number, now, out),
            _ => Incoming::Done,
        }
    }

    fn unreadable(&mut self, text: &[u8], now: Nanos, out: &mut dyn Output) -> Incoming {
        match self.step(Input::Unreadable) {
            Act::RefuseUnreadable => self.say_logout(text, now, out),
            Act::Close => return self.refused_by_peer(out),
            _ => {}
        }
        Incoming::Done
    }

    /// Initiator: something else than a Logon came back.
    fn refused_by_peer(&mut self, out: &mut dyn Output) -> Incoming {
        self.close(CloseReason::LogonRefused, out);
        Incoming::Done
    }
}

/// Notes that a number of the peer's is used up.
fn log_inbound(record: SessionRecord<'_>, out: &mut dyn Output) {
    if !planted::has(Bug::InboundNotLogged) {
        out.record(record);
    }
}

/// Whether a message of the application asks for a change, so that its outcome must not be lost.
pub fn is_request(msg_type: &[u8]) -> bool {
    matches!(msg_type, b"D" | b"F" | b"G" | b"q")
}

fn new_number(message: &Message<'_>) -> Option<MsgSeqNum> {
    message.uint(tag::NEW_SEQ_NO).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0).map(MsgSeqNum)
}
