//! Sealgate's dialect of FIX.4.4: the session messages, order entry, and three fields of its own.
//!
//! A field that an order may have in the standard and that Sealgate does not act on is not listed, so it is
//! refused (373=2): an order is never executed as if a part of it had not been said.

use super::dictionary::Kind::{Bool, Char, Chars, Count, Data, Decimal, Int, Range, Text, Time, Word};
use super::dictionary::{Dictionary, FieldDef, FieldSet, Kind, LOW_TAGS, MessageDef, low_tags};

/// FIX.4.4 as Sealgate speaks it.
pub static FIX44: Dictionary = Dictionary {
    begin_string: b"FIX.4.4",
    fields: FIELDS,
    low_tags: &LOW,
    header: set(&[
        8, 9, 34, 35, 43, 49, 50, 52, 56, 57, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145, 347, 369,
    ]),
    header_required: set(&[8, 9, 34, 35, 49, 52, 56]),
    trailer: set(&[10, 89, 93]),
    messages: MESSAGES,
    other_types: OTHER_TYPES,
};

const fn field(tag: u32, name: &'static str, kind: Kind) -> FieldDef {
    FieldDef { tag, name, kind }
}

const fn set(tags: &[u32]) -> FieldSet {
    FieldSet::of(FIELDS, tags)
}

const fn message(
    msg_type: &'static [u8],
    name: &'static str,
    admin: bool,
    required: &[u32],
    optional: &[u32],
) -> MessageDef {
    let required = set(required);
    MessageDef { msg_type, name, admin, required, allowed: required.and(set(optional)) }
}

static LOW: [u8; LOW_TAGS] = low_tags(FIELDS);

const MESSAGES: &[MessageDef] = &[
    message(b"0", "Heartbeat", true, &[], &[112]),
    message(b"1", "TestRequest", true, &[112], &[]),
    message(b"2", "ResendRequest", true, &[7, 16], &[]),
    message(b"3", "Reject", true, &[45], &[58, 354, 355, 371, 372, 373]),
    message(b"4", "SequenceReset", true, &[36], &[123]),
    message(b"5", "Logout", true, &[], &[58, 354, 355]),
    message(b"A", "Logon", true, &[98, 108], &[58, 95, 96, 141, 383, 464, 553, 554, 789, 354, 355]),
    message(b"D", "NewOrderSingle", false, &[11, 40, 54, 55, 60], &[1, 18, 21, 38, 44, 58, 59, 25000, 25001]),
    message(b"F", "OrderCancelRequest", false, &[11, 54, 55, 60], &[1, 37, 38, 41, 58, 25000]),
    message(
        b"8",
        "ExecutionReport",
        false,
        &[6, 14, 17, 37, 39, 54, 55, 150, 151],
        &[
            1, 11, 12, 18, 31, 32, 38, 40, 41, 44, 58, 59, 60, 99, 103, 378, 527, 636, 797, 851, 880, 1003,
            25001,
        ],
    ),
    message(b"9", "OrderCancelReject", false, &[11, 37, 39, 41, 434], &[1, 55, 58, 60, 102]),
    message(b"j", "BusinessMessageReject", false, &[372, 380], &[45, 58, 354, 355, 379]),
];

/// The rest of FIX.4.4: answered with BusinessMessageReject, 380=3.
const OTHER_TYPES: &[&[u8]] = &[
    b"6", b"7", b"B", b"C", b"E", b"G", b"H", b"J", b"K", b"L", b"M", b"N", b"P", b"Q", b"R", b"S", b"T",
    b"V", b"W", b"X", b"Y", b"Z", b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h", b"i", b"k", b"l", b"m",
    b"n", b"o", b"p", b"q", b"r", b"s", b"t", b"u", b"v", b"w", b"x", b"y", b"z", b"AA", b"AB", b"AC", b"AD",
    b"AE", b"AF", b"AG", b"AH", b"AI", b"AJ", b"AK", b"AL", b"AM", b"AN", b"AO", b"AP", b"AQ", b"AR", b"AS",
    b"AT", b"AU", b"AV", b"AW", b"AX", b"AY", b"AZ", b"BA", b"BB", b"BC", b"BD", b"BE", b"BF", b"BG", b"BH",
];

const FIELDS: &[FieldDef] = &[
    field(1, "Account", Text),
    field(6, "AvgPx", Decimal),
    field(7, "BeginSeqNo", Count),
    field(8, "BeginString", Text),
    field(9, "BodyLength", Count),
    field(10, "CheckSum", Text),
    field(11, "ClOrdID", Text),
    field(12, "Commission", Decimal),
    field(14, "CumQty", Decimal),
    field(16, "EndSeqNo", Count),
    field(17, "ExecID", Text),
    field(18, "ExecInst", Chars(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcde")),
    field(21, "HandlInst", Char(b"123")),
    field(31, "LastPx", Decimal),
    field(32, "LastQty", Decimal),
    field(34, "MsgSeqNum", Count),
    field(35, "MsgType", Text),
    field(36, "NewSeqNo", Count),
    field(37, "OrderID", Text),
    field(38, "OrderQty", Decimal),
    field(39, "OrdStatus", Char(b"0123456789ABCDE")),
    field(40, "OrdType", Char(b"12346789DEGIJKLMP")),
    field(41, "OrigClOrdID", Text),
    field(43, "PossDupFlag", Bool),
    field(44, "Price", Decimal),
    field(45, "RefSeqNum", Count),
    field(49, "SenderCompID", Text),
    field(50, "SenderSubID", Text),
    field(52, "SendingTime", Time),
    field(54, "Side", Char(b"123456789ABCDEFG")),
    field(55, "Symbol", Text),
    field(56, "TargetCompID", Text),
    field(57, "TargetSubID", Text),
    field(58, "Text", Text),
    field(59, "TimeInForce", Char(b"01234567")),
    field(60, "TransactTime", Time),
    field(89, "Signature", Data),
    field(93, "SignatureLength", Count),
    field(95, "RawDataLength", Count),
    field(96, "RawData", Data),
    field(97, "PossResend", Bool),
    field(98, "EncryptMethod", Range(0, 6)),
    field(99, "StopPx", Decimal),
    field(102, "CxlRejReason", Range(0, 99)),
    field(103, "OrdRejReason", Range(0, 99)),
    field(108, "HeartBtInt", Int),
    field(112, "TestReqID", Text),
    field(115, "OnBehalfOfCompID", Text),
    field(116, "OnBehalfOfSubID", Text),
    field(122, "OrigSendingTime", Time),
    field(123, "GapFillFlag", Bool),
    field(128, "DeliverToCompID", Text),
    field(129, "DeliverToSubID", Text),
    field(141, "ResetSeqNumFlag", Bool),
    field(142, "SenderLocationID", Text),
    field(143, "TargetLocationID", Text),
    field(144, "OnBehalfOfLocationID", Text),
    field(145, "DeliverToLocationID", Text),
    field(150, "ExecType", Char(b"03456789ABCDEFGHI")),
    field(151, "LeavesQty", Decimal),
    field(347, "MessageEncoding", Text),
    field(354, "EncodedTextLen", Count),
    field(355, "EncodedText", Data),
    field(369, "LastMsgSeqNumProcessed", Count),
    field(371, "RefTagID", Int),
    field(372, "RefMsgType", Text),
    field(373, "SessionRejectReason", Range(0, 99)),
    field(378, "ExecRestatementReason", Range(0, 99)),
    field(379, "BusinessRejectRefID", Text),
    field(380, "BusinessRejectReason", Range(0, 7)),
    field(383, "MaxMessageSize", Count),
    field(434, "CxlRejResponseTo", Char(b"12")),
    field(464, "TestMessageIndicator", Bool),
    field(527, "SecondaryExecID", Text),
    field(553, "Username", Text),
    field(554, "Password", Text),
    field(636, "WorkingIndicator", Bool),
    field(789, "NextExpectedMsgSeqNum", Count),
    field(797, "CopyMsgIndicator", Bool),
    field(851, "LastLiquidityInd", Range(1, 3)),
    field(880, "TrdMatchID", Text),
    field(1003, "TradeID", Text),
    field(25000, "RecvWindow", Count),
    field(25001, "SelfTradePreventionMode", Word(&[b"1", b"2", b"3", b"4"])),
];
