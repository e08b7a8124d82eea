//! How a session is set up.

use crate::config::{FixRules, FixSession, Role};
use crate::limits::{LOGON_DEADLINE, OUTBOUND_BLOCK};
use crate::types::{CancelPolicy, SessionId, Span};
use crate::wire::fix::{Dictionary, FIX44, Precision, Template, Validation};

/// Settings of one session, from our side.
#[derive(Clone)]
pub struct Settings {
    /// The session in the log.
    pub session: SessionId,
    /// The version, with its tables.
    pub dictionary: &'static Dictionary,
    /// SenderCompID(49) of what we send.
    pub our_comp_id: Vec<u8>,
    /// SenderCompID(49) of what we receive.
    pub peer_comp_id: Vec<u8>,
    /// MsgTypes of the application that may come in; others are answered with 380=3. An initiator lists Reject(3)
    /// too if it wants to hear of them.
    pub accepts: &'static [&'static [u8]],
    /// It is a drop copy: what is said to it is copies, and application messages of the peer are refused.
    pub read_only: bool,
    /// Whether application messages are sent again when the peer asks. If not, all is gap-filled: an initiator
    /// must not repeat orders whose moment has passed.
    pub resends: bool,
    /// Shortest and longest HeartBtInt(108) in seconds that a Logon may ask for.
    pub heartbeat_secs: (u32, u32),
    /// How far SendingTime(52) may be from our clock.
    pub sending_time_window: Span,
    /// How long the peer has to answer our Logout.
    pub logout_timeout: Span,
    /// How long the peer has to answer our Logon.
    pub logon_timeout: Span,
    /// Whether each Logon starts both sequences at 1.
    pub reset_on_logon: bool,
    /// Whether both sequences start at 1 again when a connection has ended.
    pub reset_on_disconnect: bool,
    /// Whether a Logon may ask for that with ResetSeqNumFlag(141)=Y.
    pub reset_allowed: bool,
    /// DefaultApplVerID(1137) of both Logons; empty before FIXT.1.1.
    pub default_appl_ver_id: Vec<u8>,
    /// Whether it stands in a BusinessMessageReject, too.
    pub business_reject_appl_ver_id: bool,
    /// Whether NextExpectedMsgSeqNum(789) stands in our Logon and is acted on in the peer's: gaps are filled without a
    /// ResendRequest.
    pub next_expected_msg_seq_num: bool,
    /// Whether LastMsgSeqNumProcessed(369) stands in each header of ours.
    pub last_msg_seq_num_processed: bool,
    /// Whether ExecutionReports tell their place in the private stream of the account: ApplID(1180), ApplSeqNum(1181).
    pub appl_seq_num: bool,
    /// Most messages that one ResendRequest of ours asks for; 0: all that are missing.
    pub resend_request_chunk_size: u32,
    /// Most replays that are begun in a minute; others wait.
    pub resends_per_minute: u32,
    /// Most bytes that are sent again in a minute; a replay goes on when there is room again.
    pub resend_bytes_per_minute: u64,
    /// Whether a FIXT Logon that is refused is told SessionStatus(1409), where the standard has one for the reason.
    pub session_status: bool,
    /// Whether a message whose CheckSum is wrong is garbled; if not it is taken.
    pub validate_checksum: bool,
    /// Whether a garbled message whose number can be read is answered with a Reject.
    pub reject_garbled_message: bool,
    /// Whether MaxMessageSize(383) stands in our Logon.
    pub tell_max_message_size: bool,
    /// Cancel on disconnect: what holds, and what a Logon may ask for instead.
    pub cancel: CancelPolicy,
    /// Whether answers carry the times of their requests.
    pub timing: bool,
    /// Digits of the timestamps that we send.
    pub precision: Precision,
    /// Which parts of the dictionary's check are made.
    pub validation: Validation,
    /// Outbound numbers are reserved in the log so many at a time; `None`: there is no log to ask.
    pub reserve: Option<u32>,
}

/// What the venue takes from clients.
const FROM_CLIENTS: &[&[u8]] = &[b"D", b"F", b"G", b"H", b"AF", b"q", b"V"];

/// The same on a session that hears of the numbers of private streams, and what it takes of one that only listens.
const FROM_NUMBERED: &[&[u8]] = &[b"D", b"F", b"G", b"H", b"AF", b"q", b"V", b"BW"];
const FROM_LISTENERS: &[&[u8]] = &[b"BW"];

/// What clients take from the venue.
const FROM_VENUE: &[&[u8]] = &[b"8", b"9", b"j", b"r", b"3", b"W", b"X", b"Y", b"BX", b"BY"];

impl Settings {
    /// What the headers of its messages begin with.
    pub(super) fn template(&self) -> Template {
        Template::new(self.dictionary.begin_string, &self.our_comp_id, &self.peer_comp_id, self.precision)
    }

    /// The venue's side of a session of the configuration.
    pub fn acceptor(session: &FixSession) -> Self {
        let read_only = matches!(session.role, Role::DropCopy(_));
        let rules = &session.rules;
        Self {
            session: session.id,
            dictionary: Dictionary::of(rules.version),
            default_appl_ver_id: match rules.version.is_fixt() {
                true => rules.version.appl_ver_id().to_vec(),
                false => Vec::new(),
            },
            reset_on_disconnect: rules.reset_on_disconnect,
            business_reject_appl_ver_id: rules.business_reject_appl_ver_id && rules.version.is_fixt(),
            next_expected_msg_seq_num: rules.next_expected_msg_seq_num,
            last_msg_seq_num_processed: rules.last_msg_seq_num_processed,
            appl_seq_num: rules.appl_seq_num,
            resend_request_chunk_size: rules.resend_request_chunk_size,
            resends_per_minute: rules.resends_per_minute,
            resend_bytes_per_minute: rules.resend_bytes_per_minute,
            session_status: true,
            validate_checksum: rules.validate.checksum,
            reject_garbled_message: rules.reject_garbled_message,
            timing: rules.timing,
            precision: rules.timestamp_precision,
            validation: validation(rules),
            accepts: match (read_only, rules.appl_seq_num) {
                (true, true) => FROM_LISTENERS,
                (true, false) => &[],
                (false, true) => FROM_NUMBERED,
                (false, false) => FROM_CLIENTS,
            },
            read_only,
            resends: true,
            heartbeat_secs: session.heartbeat_secs,
            sending_time_window: session.sending_time_window,
            logout_timeout: LOGOUT_TIMEOUT,
            logon_timeout: LOGON_DEADLINE,
            reset_on_logon: session.reset_on_logon,
            reset_allowed: session.reset_allowed,
            tell_max_message_size: true,
            cancel: session.cancel,
            reserve: Some(OUTBOUND_BLOCK),
            ..Self::initiator(&session.target_comp_id, &session.sender_comp_id)
        }
    }

    /// A session that nobody can log on to for now: it only counts and records what it would have said.
    pub fn dormant(session: SessionId) -> Self {
        let numbered =
            Self { session, resends: true, reserve: Some(OUTBOUND_BLOCK), ..Self::initiator("", "") };
        Self { accepts: FROM_CLIENTS, ..numbered }
    }

    /// A client's side: it keeps its numbers in memory and never repeats an order.
    pub fn initiator(our_comp_id: &str, peer_comp_id: &str) -> Self {
        Self {
            session: SessionId::NONE,
            dictionary: &FIX44,
            our_comp_id: our_comp_id.as_bytes().to_vec(),
            peer_comp_id: peer_comp_id.as_bytes().to_vec(),
            accepts: FROM_VENUE,
            read_only: false,
            resends: false,
            heartbeat_secs: (0, u32::MAX),
            sending_time_window: Span::from_secs(120),
            logout_timeout: LOGOUT_TIMEOUT,
            logon_timeout: LOGON_DEADLINE,
            reset_on_logon: false,
            reset_on_disconnect: false,
            reset_allowed: true,
            default_appl_ver_id: Vec::new(),
            business_reject_appl_ver_id: false,
            next_expected_msg_seq_num: false,
            last_msg_seq_num_processed: false,
            appl_seq_num: false,
            resend_request_chunk_size: 0,
            resends_per_minute: u32::MAX,
            resend_bytes_per_minute: u64::MAX,
            session_status: false,
            validate_checksum: true,
            reject_garbled_message: false,
            tell_max_message_size: false,
            cancel: CancelPolicy::default(),
            timing: false,
            precision: Precision::Millis,
            validation: Validation::FULL,
            reserve: None,
        }
    }
}

/// Which parts of the dictionary's check an operator wants.
pub fn validation(rules: &FixRules) -> Validation {
    Validation {
        on: rules.validate.on,
        user_defined_fields: rules.validate.user_defined_fields,
        fields_have_values: rules.validate.fields_have_values,
        fields_out_of_order: rules.validate.fields_out_of_order,
    }
}

/// Long enough for a Logout to cross the world and back, short enough that a dead peer holds no slot.
const LOGOUT_TIMEOUT: Span = Span::from_secs(2);
