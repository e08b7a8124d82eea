//! The private streams: where the executions of an account stand, what is asked of them by their own numbers, and as of
//! which number an answer is true.

use super::event::{Answer, Repeated};
use super::ids::{AccountId, ApplSeqNum, ReqId, ShardId};
use super::reject::Refusal;
use super::session_log::EventRef;
use super::text::Text;

/// What comes next in the private stream of an account on a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPage {
    /// Whose.
    pub account: AccountId,
    /// The number of the last execution there is.
    pub last: ApplSeqNum,
    /// Where the next ones stand, one number after the other; not all of them if there are many.
    pub places: Vec<EventRef>,
}

impl Answer {
    /// The account whose state it tells: what it says is true as of a number of each private stream of that account.
    pub fn states(&self) -> Option<AccountId> {
        match self {
            Self::Order(query, _) => Some(query.account),
            Self::OpenOrders(query, _) => Some(query.account),
            Self::Trades(query, _) => Some(query.account),
            Self::Account(Ok(state)) => Some(state.limits.account),
            // Over FIX a repetition is told how its order stands.
            Self::Repeated(Repeated { current: Some(order), .. }) => Some(order.account),
            _ => None,
        }
    }
}

/// What an ApplicationMessageRequest(BW) wants: ApplReqType(1347).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamRequestType {
    /// 0: executions again.
    Resend,
    /// 1: executions from now on, or from a number on.
    Subscribe,
    /// 2: the last number of each stream.
    Last,
    /// 3: which streams there are.
    List,
    /// 4: none from now on.
    Unsubscribe,
    /// 5: no more of what is sent again.
    CancelResend,
    /// 6: neither.
    CancelAll,
}

/// ApplicationMessageRequest(BW).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRequest {
    /// ApplReqID(1346).
    pub id: ReqId,
    /// ApplReqType(1347).
    pub kind: StreamRequestType,
    /// Each of its streams, once.
    pub asks: Vec<StreamAsk>,
}

/// What is asked of one private stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamAsk {
    /// RefApplID(1355), as it was named.
    pub appl_id: Text<64>,
    /// Which it is, or why that is not told.
    pub stream: Result<(AccountId, ShardId), Refusal>,
    /// ApplBegSeqNum(1182).
    pub first: Option<ApplSeqNum>,
    /// ApplEndSeqNum(1183); `None`: the last that there is.
    pub last: Option<ApplSeqNum>,
}

impl StreamRequestType {
    const ALL: [Self; 7] = [
        Self::Resend,
        Self::Subscribe,
        Self::Last,
        Self::List,
        Self::Unsubscribe,
        Self::CancelResend,
        Self::CancelAll,
    ];

    /// That of a code.
    pub fn of_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Its code.
    pub const fn code(self) -> u64 {
        self as u64
    }

    /// Whether what was told is told again.
    pub const fn resends(self) -> bool {
        matches!(self, Self::Resend | Self::Subscribe)
    }
}
