//! What we send: numbers, headers, records.

use super::{CloseReason, Numbers, Output, Session, State};
use crate::limits::ECHOED_BYTES_MAX;
use crate::types::reject::FixAnswer;
use crate::types::{Detail, EventRef, MsgSeqNum, Nanos, OutboundBody, Refusal, SessionRecord};
use crate::wire::fix::{
    Fault, Field, Message, Opening, PutFields, SOH, Template, finish, finish_signed, parse_uint, tag,
    write_time,
};
use std::io::Write as _;

/// Signs bytes with Ed25519.
pub type Signer<'a> = &'a dyn Fn(&[u8]) -> [u8; 64];

/// An application message to send.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// MsgType(35).
    pub msg_type: &'a [u8],
    /// Its fields, each with its SOH: header and trailer are the session's.
    pub body: &'a [u8],
    /// The event that it tells; the log keeps its place. `None`: the log keeps the body.
    pub event: Option<EventRef>,
    /// PossResend(97)=Y: it may have been told before under another number.
    pub poss_resend: bool,
    /// Puts the order signature into 93 and 89.
    pub sign: Option<Signer<'a>>,
}

impl<'a> Outgoing<'a> {
    /// A message that tells no event: the log keeps its body.
    pub fn own(msg_type: &'a [u8], body: &'a [u8]) -> Self {
        Self { msg_type, body, event: None, poss_resend: false, sign: None }
    }
}

/// A message of the peer's that is refused.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// Its MsgSeqNum(34).
    pub number: MsgSeqNum,
    /// Its MsgType(35).
    pub msg_type: &'a [u8],
}

/// SessionStatus(1409): why a Logon is refused. Text(58) says more: the standard's dictionaries have few of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionStatus {
    /// The new password does not comply with the policy.
    NewPassword = 3,
    /// Invalid username or password.
    Password = 5,
    /// Logons are not allowed at this time: any other reason.
    NotNow = 7,
}

/// More than this, sent during one replay, and the peer is cut: it does not read.
const HELD_BYTES_MAX: usize = 1024 * 1024;

/// Flags and times of a header.
#[derive(Clone, Copy, Default)]
pub(super) struct Mark {
    /// PossDupFlag=Y with this OrigSendingTime.
    pub(super) poss_dup: Option<Nanos>,
    pub(super) poss_resend: bool,
}

impl Session {
    /// Sends an application message, or, without an established session, numbers and records it so that the peer gets
    /// it by ResendRequest. Gives its number.
    ///
    /// An event is durable when it is told, and the message that brought it about with it. What the venue says of its
    /// own, such as the refusal of an order, is a promise that only the session log keeps, so it waits for that.
    pub fn send(&mut self, message: &Outgoing<'_>, now: Nanos, out: &mut dyn Output) -> MsgSeqNum {
        self.send_keeping(message, message.body.len(), now, out)
    }

    /// The same for a body that has fields at its end which this copy alone has: the log keeps what stands before
    /// them, and so does a copy that is sent again.
    pub fn send_keeping(
        &mut self,
        message: &Outgoing<'_>,
        kept: usize,
        now: Nanos,
        out: &mut dyn Output,
    ) -> MsgSeqNum {
        let number = self.next_number(out);
        self.record(number, message.msg_type, &message.body[..kept], message.event, now, out);
        if self.state.is_established() {
            if self.settings.resends && message.event.is_none() {
                out.barrier();
            }
            let mark = Mark { poss_resend: message.poss_resend, poss_dup: None };
            self.emit(number, message.msg_type, message.body, mark, message.sign, now, out);
        }
        number
    }

    /// Sends an application message that is worth nothing later, such as market data: it takes a number and no record,
    /// so a resend fills its gap. Without an established session it is dropped.
    pub fn send_passing(
        &mut self,
        msg_type: &[u8],
        body: &[u8],
        poss_resend: bool,
        now: Nanos,
        out: &mut dyn Output,
    ) {
        if self.state.is_established() {
            let number = self.next_number(out);
            let mark = Mark { poss_resend, poss_dup: None };
            self.emit(number, msg_type, body, mark, None, now, out);
        }
    }

    /// Refuses a delivered message with Reject(3): the refusal's SessionRejectReason, its tag, its text. A refusal that
    /// FIX tells by an application message is sent by [`Session::send`].
    pub fn reject(&mut self, refused: Refused<'_>, refusal: &Refusal, now: Nanos, out: &mut dyn Output) {
        let reason = match refusal.reject.info().fix {
            FixAnswer::Reject(reason) => reason,
            FixAnswer::Application { .. } | FixAnswer::Never => OTHER_REASON,
        };
        let tag = match refusal.detail {
            Detail::Tag(tag) => Some(tag),
            _ => None,
        };
        self.with_body(|session, body| {
            body.put_uint(tag::REF_SEQ_NUM, u64::from(refused.number.0));
            // Writing to a Vec cannot fail.
            let _ = write!(body, "58={refusal}\x01");
            put_reason(body, tag, refused.msg_type, session.known_reason(reason));
            session.send_own(b"3", body, now, out);
        });
    }

    /// Reject(3) for what the dictionary or the session finds, routed back the way it came.
    pub(super) fn reject_fault(
        &mut self,
        message: &Message<'_>,
        fault: Fault,
        now: Nanos,
        out: &mut dyn Output,
    ) {
        self.with_body(|session, body| {
            put_reverse_route(body, message);
            body.put(tag::REF_SEQ_NUM, message.get(tag::MSG_SEQ_NUM).unwrap_or_default());
            body.put(tag::TEXT, fault.reason.text().as_bytes());
            put_reason(body, fault.tag, message.msg_type(), session.known_reason(fault.reason as u16));
            session.send_own(b"3", body, now, out);
        });
    }

    /// Reject(3) for a garbled message whose number could be read.
    pub(super) fn reject_garbled(
        &mut self,
        number: MsgSeqNum,
        msg_type: &[u8],
        now: Nanos,
        out: &mut dyn Output,
    ) {
        self.with_body(|session, body| {
            body.put_uint(tag::REF_SEQ_NUM, u64::from(number.0));
            body.put(tag::TEXT, b"Message failed basic validity check");
            if !msg_type.is_empty() {
                put_ref_msg_type(body, msg_type);
            }
            session.send_own(b"3", body, now, out);
        });
    }

    /// SessionRejectReason(373) as far as the version knows it.
    fn known_reason(&self, reason: u16) -> Option<u16> {
        self.settings.dictionary.reason_code(reason)
    }

    /// BusinessMessageReject(j) for a MsgType that we do not serve.
    pub(super) fn reject_unsupported(&mut self, message: &Message<'_>, now: Nanos, out: &mut dyn Output) {
        let text = b"Unsupported Message Type";
        self.reject_business(message, UNSUPPORTED_MESSAGE_TYPE, text, now, out);
    }

    /// The same for whatever a drop copy session asks for.
    pub(super) fn reject_read_only(&mut self, message: &Message<'_>, now: Nanos, out: &mut dyn Output) {
        self.reject_business(
            message,
            NOT_AUTHORIZED,
            b"a drop copy session is told, and asks nothing",
            now,
            out,
        );
    }

    fn reject_business(
        &mut self,
        message: &Message<'_>,
        reason: u64,
        text: &[u8],
        now: Nanos,
        out: &mut dyn Output,
    ) {
        self.with_body(|session, body| {
            put_reverse_route(body, message);
            body.put(tag::REF_SEQ_NUM, message.get(tag::MSG_SEQ_NUM).unwrap_or_default());
            body.put(tag::TEXT, text);
            put_ref_msg_type(body, message.msg_type());
            body.put_uint(tag::BUSINESS_REJECT_REASON, reason);
            if session.settings.business_reject_appl_ver_id {
                body.put(tag::DEFAULT_APPL_VER_ID, &session.settings.default_appl_ver_id);
            }
            session.send_own(b"j", body, now, out);
        });
    }

    pub(super) fn say_logout(&mut self, text: &[u8], now: Nanos, out: &mut dyn Output) {
        self.say_logout_with(text, None, now, out);
    }

    pub(super) fn say_logout_with(
        &mut self,
        text: &[u8],
        status: Option<SessionStatus>,
        now: Nanos,
        out: &mut dyn Output,
    ) {
        self.connection.overdue = now + self.settings.logout_timeout;
        // FIXT.1.1 brought the field.
        let told = self.settings.session_status && !self.settings.default_appl_ver_id.is_empty();
        self.with_body(|session, body| {
            if !text.is_empty() {
                body.put_text(tag::TEXT, text);
            }
            if let Some(status) = status.filter(|_| told) {
                body.put_uint(tag::SESSION_STATUS, status as u64);
            }
            session.send_admin(b"5", body, now, out);
        });
    }

    /// A message of the session's own that is not sent again.
    pub(super) fn send_admin(&mut self, msg_type: &[u8], body: &[u8], now: Nanos, out: &mut dyn Output) {
        self.send_admin_signed(msg_type, body, None, now, out);
    }

    pub(super) fn send_admin_signed(
        &mut self,
        msg_type: &[u8],
        body: &[u8],
        sign: Option<Signer<'_>>,
        now: Nanos,
        out: &mut dyn Output,
    ) {
        let number = self.next_number(out);
        self.emit(number, msg_type, body, Mark::default(), sign, now, out);
    }

    /// A message of the session's own that is a promise: recorded, durable before it leaves, sent again when asked.
    fn send_own(&mut self, msg_type: &[u8], body: &[u8], now: Nanos, out: &mut dyn Output) {
        let number = self.next_number(out);
        self.record(number, msg_type, body, None, now, out);
        out.barrier();
        self.emit(number, msg_type, body, Mark::default(), None, now, out);
    }

    /// Lends the body buffer to `make`.
    pub(super) fn with_body(&mut self, make: impl FnOnce(&mut Self, &mut Vec<u8>)) {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        make(self, &mut body);
        self.body = body;
    }

    /// MsgSeqNum and SendingTime as the next header will have them.
    pub(super) fn header_texts(&self, now: Nanos) -> (Vec<u8>, Vec<u8>) {
        let mut sent = Vec::new();
        write_time(&mut sent, now, self.settings.precision);
        (self.numbers.next_out.to_string().into_bytes(), sent)
    }

    /// The next number, reserved in the log. Numbers are reserved when half a block is left, so that a sync can go by
    /// before they are needed; if they run out nonetheless, what follows waits for the log.
    fn next_number(&mut self, out: &mut dyn Output) -> MsgSeqNum {
        self.reset_if_due(out);
        let number = self.numbers.next_out;
        if let Some(block) = self.settings.reserve {
            let left = (self.numbers.durable.0 + 1).saturating_sub(number.0);
            let asked = self.numbers.reserved > self.numbers.durable;
            if left <= block / 2 && !asked || number > self.numbers.reserved {
                self.numbers.reserved = MsgSeqNum(number.0.saturating_add(block - 1));
                let (session, upto) = (self.settings.session, self.numbers.reserved);
                out.record(SessionRecord::Reserved { session, upto });
            }
            if left == 0 {
                out.barrier();
                self.numbers.durable = self.numbers.reserved;
            }
        }
        self.numbers.next_out = number.next();
        number
    }

    fn record(
        &mut self,
        number: MsgSeqNum,
        msg_type: &[u8],
        body: &[u8],
        event: Option<EventRef>,
        sent: Nanos,
        out: &mut dyn Output,
    ) {
        if !self.settings.resends {
            return;
        }
        let session = self.settings.session;
        if let Some(event) = event {
            let body = OutboundBody::Event(event);
            return out.record(SessionRecord::Outbound { session, number, sent, body });
        }
        self.own.clear();
        self.own.put(tag::MSG_TYPE, msg_type);
        self.own.extend_from_slice(body);
        let body = OutboundBody::Own(&self.own);
        out.record(SessionRecord::Outbound { session, number, sent, body });
    }

    /// Writes a message to the wire, or behind the replay that is under way.
    #[allow(clippy::too_many_arguments)] // Each is one part of a message; a struct of them would be used once.
    fn emit(
        &mut self,
        number: MsgSeqNum,
        msg_type: &[u8],
        body: &[u8],
        mark: Mark,
        sign: Option<Signer<'_>>,
        now: Nanos,
        out: &mut dyn Output,
    ) {
        self.connection.last_sent = now;
        let processed = self.processed();
        if self.connection.replay.is_none() {
            return write_message(
                &mut self.template,
                processed,
                number,
                msg_type,
                body,
                mark,
                sign,
                now,
                out.wire(),
            );
        }
        let held = &mut self.connection.held;
        write_message(&mut self.template, processed, number, msg_type, body, mark, sign, now, held);
        if held.len() > HELD_BYTES_MAX && self.state != State::Idle {
            // What is a promise is recorded: the peer gets it by ResendRequest on its next connection.
            self.connection.held.clear();
            self.connection.replay = None;
            self.close(CloseReason::HeldTooMuch, out);
        }
    }

    /// Writes a copy of an old message, or a GapFill in its place.
    pub(super) fn emit_again(
        &mut self,
        number: MsgSeqNum,
        msg_type: &[u8],
        body: &[u8],
        mark: Mark,
        now: Nanos,
        out: &mut dyn Output,
    ) {
        self.connection.last_sent = now;
        let processed = self.processed();
        write_message(&mut self.template, processed, number, msg_type, body, mark, None, now, out.wire());
    }

    /// LastMsgSeqNumProcessed(369), where the session tells it.
    fn processed(&self) -> Option<MsgSeqNum> {
        let last = MsgSeqNum(self.numbers.next_in.0 - 1);
        self.settings.last_msg_seq_num_processed.then_some(last)
    }

    /// A connection has ended, after which this session begins anew.
    pub(super) fn reset_if_due(&mut self, out: &mut dyn Output) {
        if self.reset_due {
            self.reset(out);
        }
    }

    /// Both directions start at 1 again.
    pub(super) fn reset(&mut self, out: &mut dyn Output) {
        self.reset_due = false;
        self.numbers = Numbers::FRESH;
        out.record(SessionRecord::Reset { session: self.settings.session });
        // The next number is reserved behind a barrier, so nothing of the new numbering leaves before the log knows.
    }
}

#[allow(clippy::too_many_arguments)] // As `emit`; apart from it so that the buffer may be one of the session's own.
fn write_message(
    template: &mut Template,
    processed: Option<MsgSeqNum>,
    number: MsgSeqNum,
    msg_type: &[u8],
    body: &[u8],
    mark: Mark,
    sign: Option<Signer<'_>>,
    now: Nanos,
    to: &mut Vec<u8>,
) {
    let Mark { poss_dup, poss_resend } = mark;
    let begun = template.begin(to, &Opening { msg_type, number, sent: now, poss_dup, poss_resend });
    let mut body = body;
    if let Some(processed) = processed {
        let route = route_length(body);
        to.extend_from_slice(&body[..route]);
        to.put_uint(tag::LAST_MSG_SEQ_NUM_PROCESSED, u64::from(processed.0));
        body = &body[route..];
    }
    to.extend_from_slice(body);
    match sign {
        Some(sign) => finish_signed(to, begun, sign),
        None => finish(to, begun),
    }
}

/// SessionRejectReason(373)=99: other.
const OTHER_REASON: u16 = 99;

/// BusinessRejectReason(380)=6.
const NOT_AUTHORIZED: u64 = 6;

/// BusinessRejectReason(380)=3.
const UNSUPPORTED_MESSAGE_TYPE: u64 = 3;

fn put_reason(body: &mut Vec<u8>, ref_tag: Option<u32>, msg_type: &[u8], reason: Option<u16>) {
    if let Some(ref_tag) = ref_tag {
        let _ = write!(body, "371={}\x01", Field::tag_text(ref_tag));
    }
    put_ref_msg_type(body, msg_type);
    if let Some(reason) = reason {
        body.put_uint(tag::SESSION_REJECT_REASON, u64::from(reason));
    }
}

/// The start of it, where it is longer than any is.
fn put_ref_msg_type(body: &mut Vec<u8>, msg_type: &[u8]) {
    body.put_text(tag::REF_MSG_TYPE, &msg_type[..msg_type.len().min(ECHOED_BYTES_MAX)]);
}

/// Header fields by which a Reject goes back, and those of the message that they come from.
const ROUTE: [(u32, u32); 6] = [
    (tag::ON_BEHALF_OF_COMP_ID, tag::DELIVER_TO_COMP_ID),
    (tag::ON_BEHALF_OF_SUB_ID, tag::DELIVER_TO_SUB_ID),
    (tag::DELIVER_TO_COMP_ID, tag::ON_BEHALF_OF_COMP_ID),
    (tag::DELIVER_TO_SUB_ID, tag::ON_BEHALF_OF_SUB_ID),
    (tag::ON_BEHALF_OF_LOCATION_ID, tag::DELIVER_TO_LOCATION_ID),
    (tag::DELIVER_TO_LOCATION_ID, tag::ON_BEHALF_OF_LOCATION_ID),
];

/// How many bytes of a body are the way back of a Reject, which belongs to the header.
fn route_length(body: &[u8]) -> usize {
    let mut length = 0;
    while let Some(field) = body[length..].split_inclusive(|byte| *byte == SOH).next() {
        let tag = field.split(|byte| *byte == b'=').next().and_then(parse_uint);
        if !ROUTE.iter().any(|(back, _)| tag == Some(u64::from(*back))) {
            break;
        }
        length += field.len();
    }
    length
}

/// Where a message went on behalf of somebody, its Reject goes back to that somebody.
fn put_reverse_route(body: &mut Vec<u8>, message: &Message<'_>) {
    for (back, forth) in ROUTE {
        let echoed = |value: &&[u8]| (1..=ECHOED_BYTES_MAX).contains(&value.len());
        if let Some(value) = message.get(forth).filter(echoed) {
            body.put(back, value);
        }
    }
}
