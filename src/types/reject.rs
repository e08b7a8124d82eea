//! Every refusal, in one table: name, stage, FIX and WebSocket codes, and what the client should do.
//!
//! The table in `docs/rejects.md` is compared with this one by a test. The numbers are banded by stage; they
//! stand in the journal, so a number is never given to another refusal.

use super::event::{Answer, Event, ExecType};
use super::ids::OrderId;
use super::text::Text;
use super::time::{Nanos, Span};
use std::fmt;

/// How a refusal is told over FIX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixAnswer {
    /// Reject(3) with this SessionRejectReason(373).
    Reject(u16),
    /// What the message asks for: ExecutionReport(8) with OrdRejReason(103) for an order, OrderCancelReject(9)
    /// with CxlRejReason(102) for a cancel, BusinessMessageReject(j) with BusinessRejectReason(380) for the rest.
    Application {
        /// OrdRejReason(103).
        ord_rej_reason: u16,
        /// CxlRejReason(102).
        cxl_rej_reason: u16,
        /// BusinessRejectReason(380).
        business_reject_reason: u16,
    },
    /// It does not happen on FIX.
    Never,
}

/// Everything that there is to know about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectInfo {
    /// Its number in the journal.
    pub number: u16,
    /// The stage that decides it.
    pub stage: &'static str,
    /// Its name, in Text(58) and `msg`.
    pub name: &'static str,
    /// How FIX tells it.
    pub fix: FixAnswer,
    /// `status` of a WebSocket answer, in HTTP's sense.
    pub ws_status: u16,
    /// `error.code` of a WebSocket answer: Binance's number where it has one for this.
    pub ws_code: i32,
    /// What happened and what to do, in one sentence.
    pub advice: &'static str,
}

const fn app(ord_rej_reason: u16, cxl_rej_reason: u16, business_reject_reason: u16) -> FixAnswer {
    FixAnswer::Application { ord_rej_reason, cxl_rej_reason, business_reject_reason }
}

use FixAnswer::{Never, Reject as Session};

macro_rules! rejects {
    ($( $number:literal $stage:literal $name:ident, $fix:expr, $status:literal, $code:literal, $advice:literal; )*) => {
        /// Why something was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Reject {
            $( #[doc = $advice] $name = $number, )*
        }

        impl Reject {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$( Self::$name ),*];

            /// Its row of the table.
            pub const fn info(self) -> RejectInfo {
                match self {
                    $( Self::$name => RejectInfo {
                        number: $number, stage: $stage, name: stringify!($name), fix: $fix,
                        ws_status: $status, ws_code: $code, advice: $advice,
                    }, )*
                }
            }

            /// The refusal of this number, if there is one.
            pub const fn from_number(number: u16) -> Option<Self> {
                match number {
                    $( $number => Some(Self::$name), )*
                    _ => None,
                }
            }
        }
    };
}

rejects! {
    // Who speaks, and may it speak now.
    100 "session" NotLoggedOn, app(99, 99, 6), 401, -1002, "Log on first: session.logon over WebSocket, Logon(A) over FIX.";
    101 "session" AlreadyLoggedOn, Never, 400, -1002, "This connection is logged on already; log out first.";
    102 "session" LogonRefused, Never, 401, -2015, "The API key is unknown, is not bound to this certificate, or did not sign the logon.";
    103 "session" RequestIdInvalid, Never, 400, -1100, "Give an id that is a string of 1 to 36 characters, an integer, or null.";
    104 "session" UnsupportedMessage, app(99, 99, 3), 400, -1121, "This message type or method is not served here; see the protocol page.";
    105 "session" UndefinedTag, Session(0), 400, -1103, "The tag is not in the FIX dictionary.";
    106 "session" FieldMissing, Session(1), 400, -1102, "A required field is missing; the answer names it.";
    107 "session" FieldNotForMessage, Session(2), 400, -1101, "The field does not belong to this message; the answer names it.";
    108 "session" FieldEmpty, Session(4), 400, -1105, "A field has no value; leave it out or fill it.";
    109 "session" FieldValue, Session(5), 400, -1130, "A field has a value outside its range; the answer names it.";
    110 "session" FieldFormat, Session(6), 400, -1100, "A field is not in the format of its type; the answer names it.";
    111 "session" CompIdProblem, Session(9), 400, -1100, "SenderCompID or TargetCompID is not that of the session.";
    112 "session" SendingTimeAccuracy, Session(10), 400, -1021, "SendingTime is too far from the server's clock; synchronise yours.";
    113 "session" MsgTypeInvalid, Session(11), 400, -1100, "The MsgType is not in the dictionary of this FIX version.";
    114 "session" FieldRepeated, Session(13), 400, -1101, "A field or a JSON key occurs twice; the answer names it.";
    115 "session" FieldOutOfOrder, Session(14), 400, -1100, "Header, body and trailer fields are mixed, or 93 and 89 do not stand directly before 10.";
    116 "session" GroupCount, Session(16), 400, -1100, "The count of a repeating group is not the number of its entries.";
    117 "session" MessageTooLong, Session(99), 413, -1100, "The message is longer than a signed request may be; send less text.";
    118 "session" ConnectionRate, app(99, 99, 0), 429, -1003, "This connection sends more messages than its cap; slow down or it is closed.";
    119 "session" GroupOutOfOrder, Session(15), 400, -1100, "The fields of a repeating group stand in another order than the standard's.";

    // What it says.
    200 "decode" JsonMalformed, Never, 400, -1100, "The frame is not one JSON object {id, method, params}.";
    201 "decode" SymbolUnknown, app(1, 99, 2), 400, -1121, "There is no such Symbol; exchangeInfo lists them.";
    202 "decode" AccountUnknown, app(15, 99, 6), 401, -2015, "The API key may not act for this account.";
    203 "decode" PriceMalformed, app(99, 99, 0), 400, -1100, "A price is a plain positive decimal string with no more places than the instrument has.";
    204 "decode" QtyMalformed, app(13, 99, 0), 400, -1100, "A quantity is a plain positive decimal string with no more places than the instrument has.";
    205 "decode" OrderTypeUnsupported, app(11, 99, 0), 400, -1116, "Supported are LIMIT, LIMIT_MAKER and MARKET (OrdType 2, 2 with ExecInst 6, and 1).";
    206 "decode" TimeInForceUnsupported, app(11, 99, 0), 400, -1115, "Supported are GTC, IOC, FOK and GTD (1, 3, 4, 6); a LIMIT_MAKER may have GTD, a MARKET order takes none.";
    207 "decode" ClOrdIdInvalid, app(99, 99, 0), 400, -1100, "A ClOrdID has 1 to 36 characters out of A-Z a-z 0-9 . _ : @ / + -.";
    208 "decode" OrderRefMissing, app(99, 1, 5), 400, -1102, "Name the order by orderId or origClientOrderId (OrderID 37 or OrigClOrdID 41), not by both.";
    209 "decode" ParameterConflict, app(11, 99, 0), 400, -1106, "A parameter does not go with the order type; the answer names it.";
    210 "decode" SideInvalid, app(11, 99, 0), 400, -1117, "The side is BUY or SELL (1 or 2).";

    211 "decode" ExpireTimeInvalid, app(99, 99, 0), 400, -1102, "Good-till-date, and no other time in force, names a time: goodTillDate or ExpireTime 126.";

    // Is it really you.
    300 "verify" SignatureMissing, Session(8), 401, -1022, "Each order of this account must be signed; see the signing page.";
    301 "verify" SignatureInvalid, Session(8), 401, -1022, "The signature does not fit; compare the SHA-256 of the bytes that the server verified with yours.";
    302 "verify" KeyUnknown, Session(8), 401, -2015, "The API key is unknown or is not bound to this certificate.";

    // How often.
    400 "limit" OrderRate, app(99, 99, 0), 429, -1015, "Too many new orders of this account in the window; the answer says when to come back. Cancels have their own limit.";
    401 "limit" CancelRate, app(99, 99, 0), 429, -1015, "Too many cancels of this account in the window; the answer says when to come back.";
    402 "limit" QueryRate, app(99, 99, 0), 429, -1003, "Too many queries of this account in the window; the answer says when to come back.";
    403 "limit" OrdersOfDay, app(99, 99, 0), 429, -1015, "The account has entered as many new orders as it may in a day (UTC); the answer says when the next one begins. Cancels are taken.";

    // Where to.
    500 "route" Busy, app(99, 99, 4), 503, -1008, "The matching engine's queue is full; the request was not taken and does nothing unless it is sent again. Send it again later.";
    501 "route" OutcomeUnknown, Never, 504, -1007, "The outcome cannot be told in time; ask for the order by its ClOrdID.";
    502 "route" ShuttingDown, app(2, 99, 4), 503, -1008, "The server is stopping; the request was not taken. Connect again later.";
    503 "route" DiskFull, app(99, 99, 4), 503, -1008, "The server has no room for its journal; the request was not taken and does nothing unless it is sent again. Cancels are taken.";
    504 "route" LostByRestart, app(99, 99, 4), 503, -1008, "The server ended before it took the request, which did nothing and never will by itself. Send it again, with PossResend.";
    505 "route" TooManyReports, app(99, 99, 4), 429, -1003, "Reports of orders wait for this session, more than it may ask for; read them, then ask again.";
    506 "route" PartlyLostByRestart, app(99, 99, 4), 503, -1008, "Some matching engines did the mass cancel before the server ended, as told; the others did nothing. Send it again, with PossResend, for the rest.";

    // Did we do it already, and is it still wanted.
    600 "once" DuplicateClOrdId, app(6, 6, 0), 400, -2010, "The ClOrdID stands for another request on this Symbol; the answer names its OrderID. Use a new one.";
    601 "once" TimestampTooOld, app(4, 99, 0), 400, -1021, "The request was older than its recvWindow when it was sequenced; compare the two clocks in the answer.";
    602 "once" TimestampAhead, app(99, 99, 0), 400, -1021, "The request is from the future; compare the two clocks in the answer.";
    603 "once" StreamTooOld, app(99, 99, 0), 410, -1131, "What came after that number is not kept any more; resume from the number in the answer, and ask for the orders.";
    604 "once" StreamAhead, app(99, 99, 0), 400, -1131, "The private stream has not come so far; the answer tells its last number. Is this the server that told you yours.";
    605 "once" OnceFull, app(99, 99, 4), 503, -1008, "No more requests of the last 24 hours can be remembered; this one was not taken and does nothing unless sent again.";
    606 "once" ResultArchived, app(99, 99, 0), 410, -2013, "The request was taken and its result told, longer ago than this server keeps the journal at hand; ask the operator for it.";
    607 "once" ResendUnderWay, app(99, 99, 0), 429, -1003, "Executions are being sent again on this session; wait for the end of them, or cancel that with ApplReqType 5.";
    608 "once" TooManyHearers, app(99, 99, 0), 429, -1003, "As many FIX connections hear this account as may at a time; end one of the subscriptions, or use a drop copy.";

    // Can you afford it.
    700 "risk" QtyOffLot, app(13, 99, 0), 400, -1013, "The quantity is not a positive multiple of the instrument's lot.";
    701 "risk" QtyTooLarge, app(3, 99, 0), 400, -1013, "The quantity is above the largest of one order.";
    702 "risk" NotionalTooLarge, app(3, 99, 0), 400, -1013, "Price times quantity is above the largest of one order.";
    703 "risk" PriceOffTick, app(99, 99, 0), 400, -1013, "The price is not a positive multiple of the instrument's tick.";
    704 "risk" PriceOutsideBand, app(99, 99, 0), 400, -1013, "The price lies outside the band around the reference price.";
    705 "risk" TooManyOpenOrders, app(3, 99, 0), 400, -2010, "The account has as many open orders in this instrument as it may.";
    706 "risk" PositionLimit, app(3, 99, 0), 400, -2010, "If all open orders traded, the position would be above the account's limit.";
    707 "risk" InstrumentHalted, app(2, 99, 4), 400, -2010, "The instrument is halted; cancels are taken, orders are not.";
    708 "risk" AccountDisabled, app(0, 99, 6), 400, -2010, "The account may cancel and ask, but not enter orders.";
    709 "risk" AccountNotOnShard, app(15, 99, 6), 400, -2015, "The matching engine does not know the account.";
    710 "risk" InstrumentNotOnShard, app(1, 99, 2), 400, -1121, "The matching engine does not know the instrument.";

    711 "risk" NothingToReduce, app(99, 99, 0), 400, -2022, "The order may only reduce a position, and the account has none that it could reduce.";
    712 "risk" SmpGroupNotOfAccount, app(99, 99, 0), 400, -1106, "SelfMatchPreventionID 2362 is not the group of the account; leave it out or send the one of the answer.";
    713 "risk" ExpireTimePassed, app(4, 99, 0), 400, -1130, "The order was to expire before it was sequenced.";

    // Who trades.
    800 "matching" WouldTake, app(99, 99, 0), 400, -2010, "The order would have traded at once, which LIMIT_MAKER rules out.";
    801 "matching" OrderUnknown, app(5, 1, 1), 400, -2011, "There is no such order of this account.";
    802 "matching" TooLateToCancel, app(4, 0, 0), 400, -2011, "The order is closed already.";
    803 "matching" BookFull, app(99, 99, 4), 503, -1008, "The book holds as many orders as it can; cancel some or come back later.";
    804 "matching" QtyBelowFilled, app(99, 99, 0), 400, -2038, "The new quantity is not above what the order has already traded or lost to self-match prevention; cancel it instead.";
    805 "matching" PriorityWouldBeLost, app(99, 99, 0), 400, -2038, "Only a smaller quantity at the same price keeps priority; replace the order to change more.";
    806 "matching" AmendmentConflict, app(99, 99, 0), 400, -2038, "An amendment changes price and quantity; side, type, time in force and the rest must be as they are or left out.";
    807 "matching" CancelReplacePartlyFailed, Never, 409, -2021, "One of cancel and new order was done, the other was not; the answer tells both.";
    808 "matching" CancelReplaceFailed, Never, 400, -2022, "Neither was the order canceled nor the new one placed; the answer tells why.";
    809 "matching" MassCancelPartlyFailed, Never, 409, -2021, "Orders of some instruments were canceled, and those of others were not; the answer counts the first and tells why.";

    // What the public hears.
    900 "market" TooManySubscriptions, app(99, 99, 0), 400, -1003, "This connection has as many market data subscriptions as it may; end some of them.";
    901 "market" NotSubscribed, app(99, 99, 1), 400, -1130, "There is no such subscription on this connection.";
    902 "market" MdReqIdInUse, app(99, 99, 0), 400, -1130, "MDReqID 262 names a subscription of this session that has not ended; use another.";
    903 "market" MarketDepthUnsupported, app(99, 99, 0), 400, -1130, "MarketDepth 264 is 1: the top of the book. The whole book is served over WebSocket.";
    904 "market" MdUpdateTypeUnsupported, app(99, 99, 0), 400, -1130, "A subscription says in MDUpdateType 265 how it is told of changes: 0 full refresh, 1 incremental.";
    905 "market" AggregatedBookUnsupported, app(99, 99, 0), 400, -1130, "AggregatedBook 266 is Y: what is open at a price is told as one entry.";
    906 "market" MdEntryTypeUnsupported, app(99, 99, 0), 400, -1130, "MDEntryType 269 is 0, 1 or 2: bid, offer, trade, each once.";
}

/// A fact that a client needs to act on a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Detail {
    /// Nothing more.
    #[default]
    None,
    /// How long to wait: `waitMillis`, and as an instant `retryAfter`.
    RetryAfter(Span),
    /// The field at fault: its JSON name.
    Field(Text<24>),
    /// The field at fault: RefTagID(371).
    Tag(u32),
    /// SHA-256 of the bytes that the server verified.
    SignedSha256([u8; 32]),
    /// Both clocks.
    Clocks {
        /// The server's when the request was sequenced.
        server: Nanos,
        /// The request's timestamp.
        sent: Nanos,
    },
    /// The order that has the ClOrdID.
    OrderId(OrderId),
    /// The bound that was passed, in the units of what was refused.
    Bound(i64),
}

/// A refusal with its fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// Why.
    pub reject: Reject,
    /// What the client needs to know beside it.
    pub detail: Detail,
}

impl Refusal {
    /// A refusal with a fact.
    pub const fn with(reject: Reject, detail: Detail) -> Self {
        Self { reject, detail }
    }

    /// A refusal for a JSON field or a configuration key.
    pub fn field(reject: Reject, name: &str) -> Self {
        Self { reject, detail: Detail::Field(Text::truncated(name)) }
    }

    /// A refusal that names a number.
    pub const fn bound(reject: Reject, bound: u64) -> Self {
        Self { reject, detail: Detail::Bound(bound as i64) }
    }

    /// A refusal for a FIX field.
    pub const fn tag(reject: Reject, tag: u32) -> Self {
        Self { reject, detail: Detail::Tag(tag) }
    }
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        Self { reject, detail: Detail::None }
    }
}

/// What goes into Text(58) and `msg`: the name, the fact, the advice.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.reject.info();
        f.write_str(info.name)?;
        match self.detail {
            Detail::None => {}
            Detail::RetryAfter(span) => write!(f, " (retry after {} ms)", span.as_millis_ceil())?,
            Detail::Field(name) => write!(f, " ({name})")?,
            Detail::Tag(tag) => write!(f, " ({tag})")?,
            Detail::SignedSha256(digest) => {
                f.write_str(" (sha256 ")?;
                for byte in digest {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str(")")?;
            }
            Detail::Clocks { server, sent } => {
                let (sign, skew) =
                    if sent > server { ("+", sent.since(server)) } else { ("-", server.since(sent)) };
                write!(
                    f,
                    " (sent {} ms, server {} ms, skew {sign}{skew})",
                    sent.as_millis(),
                    server.as_millis()
                )?;
            }
            Detail::OrderId(id) => write!(f, " (order {id})")?,
            Detail::Bound(bound) => write!(f, " (bound {bound})")?,
        }
        write!(f, ": {}", info.advice)
    }
}

/// Of events that are refusals.
impl Event {
    /// Why nothing was done, if it is a refusal.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Execution(execution) if execution.exec_type == ExecType::Rejected => {
                execution.refusal.as_ref()
            }
            Self::CancelRejected(reject) => Some(&reject.refusal),
            Self::MassCanceled(canceled) => canceled.refusal.as_ref(),
            Self::CancelAllAfter(set) => set.refusal.as_ref(),
            Self::Execution(_)
            | Self::Instrument(_)
            | Self::Account(_)
            | Self::Reference(..)
            | Self::Kill(_) => None,
        }
    }
}

/// Of answers that are refusals.
impl Answer {
    /// Why nothing was done or told, if it is a refusal.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Order(_, Err(refusal)) | Self::Account(Err(refusal)) | Self::Tested(Err(refusal)) => {
                Some(refusal)
            }
            Self::Refused(event) => event.refusal(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_ascending_and_found_again() {
        assert!(Reject::ALL.windows(2).all(|pair| pair[0].info().number < pair[1].info().number));
        for reject in Reject::ALL {
            assert_eq!(Reject::from_number(reject.info().number), Some(*reject));
            assert_eq!(*reject as u16, reject.info().number);
        }
        assert_eq!(Reject::from_number(0), None);
    }

    #[test]
    fn advice_is_one_line_of_plain_text_that_any_message_can_carry() {
        for reject in Reject::ALL {
            let advice = reject.info().advice;
            assert!(advice.is_ascii() && advice.ends_with('.') && advice.len() < 150, "{advice}");
            assert!(!advice.contains(['"', '\\', '=', '|']), "{advice}");
        }
    }

    #[test]
    fn a_refusal_tells_its_fact() {
        let clocks = Detail::Clocks { server: Nanos(7_000_000_000), sent: Nanos(1_000_000_000) };
        let text = Refusal::with(Reject::TimestampTooOld, clocks).to_string();
        assert!(
            text.starts_with("TimestampTooOld (sent 1000 ms, server 7000 ms, skew -6000 ms): "),
            "{text}"
        );
    }
}
