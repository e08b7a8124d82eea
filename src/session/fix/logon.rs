//! Logon, from both sides.

use super::outbound::{SessionStatus, Signer};
use super::{Act, CloseReason, Incoming, Input, Notice, Numbers, Output, Session, Settings};
use crate::limits::FIX_MESSAGE_BYTES_MAX;
use crate::types::{CancelOn, CancelTerms, MsgSeqNum, Nanos, Span};
use crate::wire::fix::{
    Dictionary, Fault, Message, PutFields, SOH, SignatureFault, Signed, Validation, Verdict, tag,
};

/// A Logon that is one in form: what the caller needs to judge it. Nothing of a session was touched.
#[derive(Clone, Copy, Debug)]
pub struct LogonAsk<'a> {
    /// SenderCompID(49): who it says it is.
    pub sender: &'a [u8],
    /// TargetCompID(56): whom it means.
    pub target: &'a [u8],
    /// Username(553): the API key.
    pub username: Option<&'a [u8]>,
    /// Password(554). It is never logged: [`LogonAsk`] does not print it.
    pub password: Option<Secret<'a>>,
    /// Whether NewPassword(925) is there.
    pub new_password: bool,
    /// RawData(96): the signature of [`LogonAsk::payload`], in base64.
    pub raw_data: Option<&'a [u8]>,
    /// MsgSeqNum(34).
    pub number: MsgSeqNum,
    /// SendingTime(52).
    pub sent: Nanos,
    /// SendingTime(52) as it was written.
    pub sent_text: &'a [u8],
    /// HeartBtInt(108) in seconds.
    pub heartbeat_secs: u32,
    /// ResetSeqNumFlag(141)=Y.
    pub reset: bool,
    /// NextExpectedMsgSeqNum(789).
    pub next_expected: Option<MsgSeqNum>,
    /// DefaultApplVerID(1137).
    pub appl_ver_id: Option<&'a [u8]>,
    /// CancelOnDisconnectType(35002): which ends of the session cancel its orders.
    pub cancel_on: Option<CancelOn>,
    /// CODTimeoutWindow(35003), in milliseconds on the wire: how long the orders wait for a new Logon.
    pub cancel_grace: Option<Span>,
    /// What 93/89 cover, for sessions whose policy wants the Logon signed as a whole.
    pub signed: Result<Signed<'a>, SignatureFault>,
    number_text: &'a [u8],
}

/// Bytes that are not printed.
#[derive(Clone, Copy)]
pub struct Secret<'a>(pub &'a [u8]);

impl std::fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Why a first message is no Logon. The connection is closed without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogonFault {
    /// Another message.
    #[error("the first message is not a Logon")]
    NotLogon,
    /// Another version of FIX.
    #[error("BeginString is another")]
    BeginString,
    /// Not as the dictionary has it.
    #[error("{} (tag {:?})", .0.reason.text(), .0.tag)]
    Fault(Fault),
    /// EncryptMethod(98) other than 0, or a number that is none.
    #[error("EncryptMethod, HeartBtInt or MsgSeqNum has a value that is not taken")]
    Value,
}

/// What is wrong with the password of a Logon that is genuine otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// Password(554) is missing or another.
    Wrong,
    /// NewPassword(925): it is the operator who sets passwords.
    New,
}

/// What an initiator's Logon says.
pub struct LogonRequest<'a> {
    /// HeartBtInt(108) in seconds.
    pub heartbeat_secs: u32,
    /// Username(553): the API key. Without one the Logon is not signed.
    pub username: Option<&'a [u8]>,
    /// ResetSeqNumFlag(141)=Y: both sides start at 1.
    pub reset: bool,
    /// Signs the payload for RawData(96).
    pub sign: Signer<'a>,
    /// Whether the Logon carries 93/89 over its whole body, too.
    pub sign_message: bool,
    /// CancelOnDisconnectType(35002), where the client chooses.
    pub cancel_on: Option<CancelOn>,
    /// CODTimeoutWindow(35003), likewise.
    pub cancel_grace: Option<Span>,
}

impl<'a> LogonAsk<'a> {
    /// Reads the first message of a connection, checked in every part.
    pub fn read(message: &Message<'a>, dictionary: &Dictionary) -> Result<Self, LogonFault> {
        Self::read_with(message, dictionary, Validation::FULL)
    }

    /// Reads it as a session has it that leaves parts of the check out.
    pub fn read_with(
        message: &Message<'a>,
        dictionary: &Dictionary,
        validation: Validation,
    ) -> Result<Self, LogonFault> {
        if message.begin_string() != dictionary.begin_string {
            return Err(LogonFault::BeginString);
        }
        if message.msg_type() != b"A" {
            return Err(LogonFault::NotLogon);
        }
        if let Verdict::Fault(fault) = dictionary.validate(message, validation) {
            return Err(LogonFault::Fault(fault));
        }
        let small = |tag| message.uint(tag).and_then(|value| u32::try_from(value).ok());
        let number = message.number().filter(|number| number.0 > 0);
        match (number, small(tag::HEART_BT_INT), message.time(tag::SENDING_TIME)) {
            (Some(number), Some(heartbeat_secs), Some(sent)) if small(tag::ENCRYPT_METHOD) == Some(0) => {
                Ok(Self {
                    sender: message.get(tag::SENDER_COMP_ID).unwrap_or_default(),
                    target: message.get(tag::TARGET_COMP_ID).unwrap_or_default(),
                    username: message.get(tag::USERNAME),
                    password: message.get(tag::PASSWORD).map(Secret),
                    new_password: message.get(tag::NEW_PASSWORD).is_some(),
                    raw_data: message.get(tag::RAW_DATA),
                    number,
                    sent,
                    sent_text: message.get(tag::SENDING_TIME).unwrap_or_default(),
                    heartbeat_secs,
                    reset: message.flag(tag::RESET_SEQ_NUM_FLAG),
                    next_expected: small(tag::NEXT_EXPECTED_MSG_SEQ_NUM).map(MsgSeqNum),
                    appl_ver_id: message.get(tag::DEFAULT_APPL_VER_ID),
                    cancel_on: cancel_on(message),
                    cancel_grace: message.uint(tag::COD_TIMEOUT_WINDOW).map(millis),
                    signed: message.signed(),
                    number_text: message.get(tag::MSG_SEQ_NUM).unwrap_or_default(),
                })
            }
            _ => Err(LogonFault::Value),
        }
    }

    /// Appends what RawData(96) must sign, from the fields as they were written.
    pub fn payload(&self, out: &mut Vec<u8>) {
        logon_payload([self.sender, self.target, self.number_text, self.sent_text], out);
    }
}

/// Appends what RawData(96) of a Logon signs: MsgType, then SenderCompID, TargetCompID, MsgSeqNum and SendingTime,
/// joined by SOH, byte for byte what Binance's FIX API signs.
pub fn logon_payload(header: [&[u8]; 4], out: &mut Vec<u8>) {
    out.push(b'A');
    for value in header {
        out.push(SOH);
        out.extend_from_slice(value);
    }
}

impl Session {
    /// Acceptor: a connection whose Logon the caller has found genuine becomes this session's. On `Err` close the
    /// connection without a word: if the session has another connection, that one is not disturbed. What a
    /// genuine peer can put right is told in a Logout, which is `Ok` with a [`Notice::Close`].
    pub fn logon(&mut self, ask: &LogonAsk<'_>, now: Nanos, out: &mut dyn Output) -> Result<(), CloseReason> {
        if self.is_connected() {
            return Err(CloseReason::AlreadyLoggedOn);
        }
        self.check_sending_time(ask, now)?;
        let cancel = match self.agree(ask, now) {
            Ok(terms) => terms,
            Err((text, reason)) => {
                self.refuse_logon(&text, reason, now, out);
                return Ok(());
            }
        };
        if ask.reset || self.settings.reset_on_logon {
            self.reset(out);
        }
        self.reset_if_due(out);
        if let Err((text, reason)) = follows(ask, self.numbers, &self.settings) {
            self.refuse_logon(&text, reason, now, out);
            return Ok(());
        }
        if self.step(Input::Logon) == Act::Establish {
            self.establish(ask.heartbeat_secs, cancel, now);
            out.notice(Notice::LoggedOn);
            self.answer_logon(ask, now, out);
        }
        Ok(())
    }

    /// Whether a Logon that takes the session from the connection that has it would be refused, and why.
    pub fn check_takeover(&self, ask: &LogonAsk<'_>, now: Nanos) -> Result<(), CloseReason> {
        let agreed = self.agree(ask, now).map(|_| ());
        let Settings { reset_on_logon, reset_on_disconnect, .. } = self.settings;
        let begins_anew = ask.reset || reset_on_logon || reset_on_disconnect;
        let numbers = if begins_anew { Numbers::FRESH } else { self.numbers };
        agreed.and_then(|()| follows(ask, numbers, &self.settings)).map_err(|(_, reason)| reason)
    }

    /// What a Logon comes to, its numbers aside: what becomes of its orders when it ends, or why it is refused.
    fn agree(&self, ask: &LogonAsk<'_>, now: Nanos) -> Result<CancelTerms, Objection> {
        if self.hours.is_some_and(|hours| !(hours.opens..hours.closes).contains(&now)) {
            return Err(("the session is closed at this hour".to_owned(), CloseReason::OutsideHours));
        }
        let (shortest, longest) = self.settings.heartbeat_secs;
        if !(shortest..=longest).contains(&ask.heartbeat_secs) {
            let text = format!("HeartBtInt must be {shortest} to {longest} seconds");
            return Err((text, CloseReason::HeartBtInt));
        }
        if ask.reset && !self.may_reset(ask) {
            return Err(("ResetSeqNumFlag is not allowed".to_owned(), CloseReason::ResetRefused));
        }
        if ask.appl_ver_id.is_some_and(|theirs| theirs != self.settings.default_appl_ver_id) {
            let ours = String::from_utf8_lossy(&self.settings.default_appl_ver_id);
            return Err((format!("DefaultApplVerID must be {ours}"), CloseReason::ApplVerId));
        }
        let terms = self.settings.cancel.agree(ask.cancel_on, ask.cancel_grace);
        terms.map_err(|refusal| (refusal.to_string(), CloseReason::CancelTerms))
    }

    /// Whether a Logon was sent about now. One that was not is refused without a word, whoever has the session.
    pub fn check_sending_time(&self, ask: &LogonAsk<'_>, now: Nanos) -> Result<(), CloseReason> {
        if self.is_timely(ask.sent, now) { Ok(()) } else { Err(CloseReason::SendingTime) }
    }

    /// Acceptor: a Logon with the right certificate, CompIDs and signature is refused for its password, and told so.
    pub fn refuse_password(
        &mut self,
        password: PasswordFault,
        now: Nanos,
        out: &mut dyn Output,
    ) -> Result<(), CloseReason> {
        if self.is_connected() {
            return Err(CloseReason::AlreadyLoggedOn);
        }
        let (text, reason) = match password {
            PasswordFault::Wrong => ("Password is not that of the session", CloseReason::Password),
            PasswordFault::New => ("the operator sets passwords", CloseReason::NewPassword),
        };
        self.refuse_logon(text, reason, now, out);
        Ok(())
    }

    /// A Logon inside the session ([`Incoming::Logon`]) that the caller has found genuine: both sides start at 1 again,
    /// if the session may. `Err` closes the connection without a word, too; it is this session's own.
    pub fn logon_again(
        &mut self,
        ask: &LogonAsk<'_>,
        now: Nanos,
        out: &mut dyn Output,
    ) -> Result<(), CloseReason> {
        if !self.state.is_established() {
            return Ok(());
        }
        if !ask.reset || !self.may_reset(ask) || !self.is_timely(ask.sent, now) {
            self.refuse_logon(
                "Logon inside a session must reset it, where it may",
                CloseReason::ResetRefused,
                now,
                out,
            );
            return Ok(());
        }
        let (heartbeat, cancel) = (self.connection.heartbeat, self.connection.cancel);
        self.forget_connection();
        self.reset(out);
        self.state = super::State::Active;
        self.establish((heartbeat.as_millis() / 1_000) as u32, cancel, now);
        self.answer_logon(ask, now, out);
        Ok(())
    }

    /// Initiator: sends Logon on a new connection.
    pub fn connect(&mut self, request: &LogonRequest<'_>, now: Nanos, out: &mut dyn Output) {
        if self.step(Input::Connect) != Act::SayLogon {
            return;
        }
        if request.reset {
            self.reset(out);
        }
        self.connection.heartbeat = Span::from_secs(u64::from(request.heartbeat_secs));
        self.connection.last_received = now;
        self.connection.overdue = now + self.settings.logon_timeout;
        self.with_body(|session, body| {
            if request.username.is_some() {
                let signature = session.logon_signature(request.sign, now);
                body.put_uint(tag::RAW_DATA_LENGTH, signature.len() as u64);
                body.put(tag::RAW_DATA, &signature);
            }
            session.put_logon(body, request.heartbeat_secs, request.reset);
            if let Some(username) = request.username {
                body.put(tag::USERNAME, username);
            }
            session.put_logon_end(body);
            if let Some(on) = request.cancel_on {
                body.put_uint(tag::CANCEL_ON_DISCONNECT_TYPE, on as u64);
            }
            if let Some(grace) = request.cancel_grace {
                body.put_uint(tag::COD_TIMEOUT_WINDOW, grace.as_millis());
            }
            session.connection.logon_sent = session.numbers.next_out;
            let sign = request.sign_message.then_some(request.sign);
            session.send_admin_signed(b"A", body, sign, now, out);
        });
    }

    /// Initiator: the answer to our Logon.
    pub(super) fn logon_answered(
        &mut self,
        message: &Message<'_>,
        now: Nanos,
        out: &mut dyn Output,
    ) -> Incoming {
        let ask = match LogonAsk::read_with(message, self.settings.dictionary, self.settings.validation) {
            Ok(ask) if self.is_timely(ask.sent, now) => ask,
            _ => {
                self.close(CloseReason::LogonRefused, out);
                return Incoming::Done;
            }
        };
        if ask.reset && ask.number == MsgSeqNum::FIRST && self.numbers.next_in != MsgSeqNum::FIRST {
            // The venue has started again without being asked; our own numbers follow where they may.
            if !self.settings.reset_allowed {
                self.close(CloseReason::ResetRefused, out);
                return Incoming::Done;
            }
            self.reset(out);
            self.numbers.next_out = MsgSeqNum::FIRST.next();
        }
        if let Err((text, reason)) = follows(&ask, self.numbers, &self.settings) {
            self.refuse_logon(&text, reason, now, out);
            return Incoming::Done;
        }
        if self.step(Input::Logon) == Act::Establish {
            self.connection.last_received = now;
            out.notice(Notice::LoggedOn);
            let wanted = self.fills_unasked(&ask);
            if ask.number == self.numbers.next_in {
                self.consume(ask.number, out);
            } else {
                self.ahead(ask.number, None, now, out);
            }
            self.fill_unasked(wanted, self.connection.logon_sent.next(), now, out);
        }
        Incoming::Done
    }

    fn logon_signature(&mut self, sign: Signer<'_>, now: Nanos) -> [u8; 88] {
        // The header is built once more by the Logon itself, from the same number and time.
        let mut payload = std::mem::take(&mut self.own);
        payload.clear();
        let (number, sent) = self.header_texts(now);
        let (ours, peers) = (&self.settings.our_comp_id, &self.settings.peer_comp_id);
        logon_payload([ours, peers, &number, &sent], &mut payload);
        let signature = crate::wire::fix::base64_of(&sign(&payload));
        self.own = payload;
        signature
    }

    fn establish(&mut self, heartbeat_secs: u32, cancel: CancelTerms, now: Nanos) {
        self.connection.cancel = cancel;
        self.connection.heartbeat = Span::from_secs(u64::from(heartbeat_secs));
        self.connection.last_received = now;
        self.connection.last_sent = now;
    }

    /// The Logon's own number is taken before it is answered, so that the answer tells of it (789, 369).
    fn answer_logon(&mut self, ask: &LogonAsk<'_>, now: Nanos, out: &mut dyn Output) {
        self.consume_if_next(ask.number, out);
        let wanted = self.fills_unasked(ask);
        self.with_body(|session, body| {
            session.put_logon(body, ask.heartbeat_secs, ask.reset);
            session.put_logon_end(body);
            let CancelTerms { on, grace } = session.connection.cancel;
            if on != CancelOn::Nothing || ask.cancel_on.is_some() {
                body.put_uint(tag::CANCEL_ON_DISCONNECT_TYPE, on as u64);
                body.put_uint(tag::COD_TIMEOUT_WINDOW, grace.as_millis());
            }
            session.connection.logon_sent = session.numbers.next_out;
            session.send_admin(b"A", body, now, out);
        });
        if ask.number >= self.numbers.next_in {
            self.ahead(ask.number, None, now, out);
        }
        self.fill_unasked(wanted, self.connection.logon_sent, now, out);
    }

    /// NextExpectedMsgSeqNum(789) of the peer's Logon, where the session goes by it.
    fn fills_unasked(&mut self, ask: &LogonAsk<'_>) -> Option<MsgSeqNum> {
        let wanted = ask.next_expected.filter(|_| self.settings.next_expected_msg_seq_num);
        self.connection.fills_unasked = wanted.is_some();
        wanted
    }

    /// What the peer's 789 shows to be missing is sent without a ResendRequest, and our Logon filled with it.
    /// `expected`: what a peer says that misses nothing; an initiator's Logon is known to it, an acceptor's is not.
    fn fill_unasked(
        &mut self,
        wanted: Option<MsgSeqNum>,
        expected: MsgSeqNum,
        now: Nanos,
        out: &mut dyn Output,
    ) {
        if let Some(wanted) = wanted.filter(|wanted| self.state.is_established() && *wanted < expected) {
            self.start_replay(wanted.max(MsgSeqNum::FIRST), self.connection.logon_sent, now, out);
        }
    }

    /// Tells a genuine peer why it may not log on, and closes.
    fn refuse_logon(&mut self, text: &str, reason: CloseReason, now: Nanos, out: &mut dyn Output) {
        let status = match reason {
            CloseReason::Password => SessionStatus::Password,
            CloseReason::NewPassword => SessionStatus::NewPassword,
            _ => SessionStatus::NotNow,
        };
        self.say_logout_with(text.as_bytes(), Some(status), now, out);
        self.close(reason, out);
    }

    fn may_reset(&self, ask: &LogonAsk<'_>) -> bool {
        (self.settings.reset_allowed || self.settings.reset_on_logon) && ask.number == MsgSeqNum::FIRST
    }

    /// The body of a Logon of ours after RawData.
    fn put_logon(&self, body: &mut Vec<u8>, heartbeat_secs: u32, reset: bool) {
        body.put_uint(tag::ENCRYPT_METHOD, 0);
        body.put_uint(tag::HEART_BT_INT, u64::from(heartbeat_secs));
        if reset {
            body.put_bool(tag::RESET_SEQ_NUM_FLAG, true);
        }
        if self.settings.tell_max_message_size {
            body.put_uint(tag::MAX_MESSAGE_SIZE, FIX_MESSAGE_BYTES_MAX as u64);
        }
    }

    /// The rest of it, behind Username(553).
    fn put_logon_end(&self, body: &mut Vec<u8>) {
        if self.settings.next_expected_msg_seq_num {
            body.put_uint(tag::NEXT_EXPECTED_MSG_SEQ_NUM, u64::from(self.numbers.next_in.0));
        }
        if !self.settings.default_appl_ver_id.is_empty() {
            body.put(tag::DEFAULT_APPL_VER_ID, &self.settings.default_appl_ver_id);
        }
    }
}

/// Why a Logon is refused: what the peer is told, and what we call it.
type Objection = (String, CloseReason);

/// Whether the numbers of a Logon go with ours: its own is not below the next, and it expects none to which we have
/// not come.
fn follows(ask: &LogonAsk<'_>, numbers: Numbers, settings: &Settings) -> Result<(), Objection> {
    if ask.number < numbers.next_in {
        return Err((numbers.too_low(ask.number), CloseReason::SequenceTooLow));
    }
    let (next, wanted) = (numbers.next_out, ask.next_expected.unwrap_or_default());
    if settings.next_expected_msg_seq_num && wanted > next {
        let text = format!(
            "Tag 789 (NextExpectedMsgSeqNum) is higher than expected. Expected {next}, Received {wanted}"
        );
        return Err((text, CloseReason::NextExpectedTooHigh));
    }
    Ok(())
}

fn cancel_on(message: &Message<'_>) -> Option<CancelOn> {
    // The dictionary has looked at the value.
    let number = message.uint(tag::CANCEL_ON_DISCONNECT_TYPE)?;
    u8::try_from(number).ok().and_then(CancelOn::from_number)
}

/// A window beyond all bounds is one that no policy allows.
fn millis(millis: u64) -> Span {
    Span(millis.saturating_mul(Span::from_millis(1).0))
}
