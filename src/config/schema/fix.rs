//! The keys of a FIX session.

use super::{CANCEL_CHOICE, CANCEL_GRACE, CANCEL_GRACE_MAX, CANCEL_ON_DISCONNECT};
use super::{ID_SAYS, Key, Kind, default, optional, required};
use crate::limits::GATEWAYS_MAX;
use crate::types::Span;

/// The keys of `[[member.fix_session]]`.
pub const KEYS: &[Key] = &[
    required("id", Kind::Integer(1, u16::MAX as u64), ID_SAYS),
    required("sender_comp_id", Kind::Name(36), "SenderCompID(49) of the client's messages."),
    required("target_comp_id", Kind::Name(36), "TargetCompID(56) of the client's messages: this server."),
    default(
        "heartbeat_min",
        Kind::Duration(Span::from_secs(1), Span::from_secs(3_600)),
        "\"1s\"",
        "Shortest HeartBtInt(108) that a Logon may ask for, in whole seconds.",
    ),
    default(
        "heartbeat_max",
        Kind::Duration(Span::from_secs(1), Span::from_secs(3_600)),
        "\"60s\"",
        "Longest HeartBtInt(108) that a Logon may ask for, in whole seconds.",
    ),
    default(
        "sending_time_window",
        Kind::Duration(Span::from_millis(1), Span::from_secs(600)),
        "\"120s\"",
        "How far SendingTime(52) may be from the server's clock, before or behind it.",
    ),
    default(
        "reset_on_logon",
        Kind::Boolean,
        "false",
        "Whether each Logon starts both sequences at 1 without asking.",
    ),
    default(
        "reset_allowed",
        Kind::Boolean,
        "true",
        "Whether a Logon may ask for that with ResetSeqNumFlag(141)=Y.",
    ),
    default(
        "sign_logon",
        Kind::Boolean,
        "false",
        "Whether the Logon too carries SignatureLength(93) and Signature(89) over its whole body.",
    ),
    default("enabled", Kind::Boolean, "true", "False: its Logons are refused."),
    default(
        "role",
        Kind::Choice(&["trading", "drop_copy"]),
        "\"trading\"",
        "What it is for: order entry, or a copy of every ExecutionReport of some accounts, and nothing else.",
    ),
    default(
        "accounts",
        Kind::List("names of accounts of the same member"),
        "[]",
        "Drop copy: the accounts whose ExecutionReports it gets; none: all of the member. An API key that logs on must \
         be permitted for each.",
    ),
    optional(
        "gateway",
        Kind::Integer(0, GATEWAYS_MAX as u64 - 1),
        "its `id` modulo the number of gateways",
        "The gateway that keeps the session, whichever gateway its client reaches. It may change with each start.",
    ),
    default(
        "version",
        Kind::Choice(&["4.2", "4.3", "4.4", "5.0", "5.0SP1", "5.0SP2"]),
        "\"4.4\"",
        "The version of FIX; from 5.0 on the session is one of FIXT.1.1 with this DefaultApplVerID(1137).",
    ),
    default(
        "reset_on_disconnect",
        Kind::Boolean,
        "false",
        "Whether both sequences start at 1 again when a connection has ended, however it ended.",
    ),
    default(
        "takeover",
        Kind::Boolean,
        "false",
        "Whether a genuine Logon with the same certificate takes the session from the connection that has it, which is \
         closed. If not, the second Logon is refused without a word.",
    ),
    default(
        "max_logon_failures",
        Kind::Integer(0, 1_000),
        "10",
        "After so many Logons in a row that name this session with the right certificate and are not genuine, none \
         is looked at for `logon_lockout`. 0: no limit.",
    ),
    default(
        "logon_lockout",
        Kind::Duration(Span::from_secs(1), Span::from_secs(86_400)),
        "\"60s\"",
        "How long.",
    ),
    optional(
        "password_sha256",
        Kind::Text("64 hexadecimal digits"),
        "no password",
        "SHA-256 of the Password(554) that a Logon must have beside its signature. Nothing slows a guess at the digest \
         down, so the password must be long and random.",
    ),
    default("validate", Kind::Boolean, "true", "Whether messages are checked against the dictionary."),
    default(
        "validate_user_defined_fields",
        Kind::Boolean,
        "true",
        "Whether unknown tags from 5000 on are refused.",
    ),
    default(
        "validate_fields_have_values",
        Kind::Boolean,
        "true",
        "Whether fields without a value are refused.",
    ),
    default(
        "validate_fields_out_of_order",
        Kind::Boolean,
        "true",
        "Whether header, body and trailer fields that are mixed are refused.",
    ),
    default(
        "validate_checksum",
        Kind::Boolean,
        "true",
        "Whether a message with a wrong CheckSum(10) is garbled; if not, it is taken.",
    ),
    default(
        "reject_garbled_message",
        Kind::Boolean,
        "false",
        "Whether a garbled message whose MsgSeqNum can be read is answered with a Reject(3) and uses up its number, \
         instead of being ignored and asked for again.",
    ),
    default(
        "timestamp_precision",
        Kind::Choice(&["seconds", "millis", "micros", "nanos"]),
        "\"millis\"",
        "Digits of SendingTime(52) and OrigSendingTime(122) of what is sent.",
    ),
    default(
        "next_expected_msg_seq_num",
        Kind::Boolean,
        "false",
        "Whether NextExpectedMsgSeqNum(789) stands in the Logon and is acted on in the client's: both sides fill gaps \
         without a ResendRequest.",
    ),
    default(
        "last_msg_seq_num_processed",
        Kind::Boolean,
        "false",
        "Whether LastMsgSeqNumProcessed(369) stands in each header.",
    ),
    optional(
        "appl_seq_num",
        Kind::Boolean,
        "true from 5.0SP1 on, whose dictionary has the fields; else false",
        "Whether each ExecutionReport tells its place in the private stream of its account, ApplID(1180) and \
         ApplSeqNum(1181). Before 5.0SP1 the client's dictionary must be told of them: `sealgate fix-dictionary`.",
    ),
    default(
        "resend_request_chunk_size",
        Kind::Integer(0, 1_000_000),
        "0",
        "Most messages that one ResendRequest asks for. 0: all that are missing.",
    ),
    default(
        "business_reject_appl_ver_id",
        Kind::Boolean,
        "false",
        "Whether DefaultApplVerID(1137) stands in a BusinessMessageReject(j), as some FIXT engines expect.",
    ),
    default(
        "resends_per_minute",
        Kind::Integer(1, 100_000),
        "600",
        "Most ResendRequests of the client that are answered at once in a minute; the range of a further one is filled \
         when there is room again.",
    ),
    default(
        "resend_bytes_per_minute",
        Kind::Size(64 * 1024, 1 << 40),
        "\"64MiB\"",
        "Most bytes that are sent again in a minute; a replay goes on when there is room again.",
    ),
    default(
        "timing",
        Kind::Boolean,
        "false",
        "Whether each answer to a request carries when it passed each stage: the user-defined fields 25010 to 25016.",
    ),
    optional(
        "schedule_days",
        Kind::List("\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\""),
        "the session is always open",
        "Days on which the session opens. Outside its hours a Logon is refused, at their end the server logs out, and \
         both sequences start at 1 again.",
    ),
    default("schedule_start", Kind::Name(8), "\"00:00\"", "When it opens, `HH:MM` or `HH:MM:SS`."),
    default(
        "schedule_end",
        Kind::Name(8),
        "\"00:00\"",
        "When it closes. Not later than `schedule_start`: on the next day.",
    ),
    default(
        "schedule_zone",
        Kind::Name(64),
        "\"UTC\"",
        "The time zone of both, by its IANA name, such as `America/New_York`; its summer time counts.",
    ),
    CANCEL_ON_DISCONNECT,
    CANCEL_GRACE,
    CANCEL_CHOICE,
    CANCEL_GRACE_MAX,
];
