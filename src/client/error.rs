//! What can go wrong, told so that a program can act on it.

use crate::types::Reject;
use crate::types::decimal::DecimalError;
use std::time::Duration;

/// Why a call did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate, key or API key could not be used.
    #[error("credentials: {0}")]
    Credentials(String),
    /// A number of the caller's is none.
    #[error("number: {0}")]
    Number(#[from] DecimalError),
    /// No connection: the address, TCP, TLS or the upgrade failed.
    #[error("connect: {0}")]
    Connect(String),
    /// The server refused the request. An order that was refused did not execute and never will.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The request was sent, and no answer came in time or before the connection ended: it may have executed.
    /// Ask for the order by this ClOrdID.
    #[error("the outcome of {cl_ord_id} is unknown: {why}")]
    OutcomeUnknown {
        /// The order or cancel in question.
        cl_ord_id: String,
        /// What happened instead of an answer.
        why: String,
    },
    /// The answer was lost and the server was asked: the order did not execute, and its window is over, so it never
    /// will.
    #[error("{cl_ord_id} did not execute: it was lost with its connection, and its window is over")]
    NotExecuted {
        /// The order in question.
        cl_ord_id: String,
    },
    /// A request of the same ClOrdID is under way on this session; this one was not sent.
    #[error("{cl_ord_id} is under way already")]
    UnderWay {
        /// Of both.
        cl_ord_id: String,
    },
    /// A question was not answered in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The connection is closed, with the reason as far as it is known. The request was not sent, or asked
    /// a question only.
    #[error("closed: {0}")]
    Closed(String),
    /// The server said something that this client does not understand.
    #[error("protocol: {0}")]
    Protocol(String),
}

/// A refusal of the server's, as `error` of a WebSocket answer tells it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code} {msg}")]
pub struct ApiError {
    /// The class of refusal, in HTTP's sense: 400 fix the request, 401 prove yourself, 429 wait, 5xx try later.
    pub status: u16,
    /// Binance's number, where it has one for this.
    pub code: i32,
    /// The text: name of the refusal, the fact of this case in parentheses, what to do.
    pub msg: String,
    /// Sealgate's own refusal; `None` if this client is older than the server and does not know it.
    pub reject: Option<Reject>,
    /// How long to wait before the limit lets the next request through, for refusals by a limit.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// Which refusal it was, if it was one and this client knows it.
    pub fn reject(&self) -> Option<Reject> {
        match self {
            Self::Refused(refusal) => refusal.reject,
            _ => None,
        }
    }
}

impl ApiError {
    /// The error of an answer.
    pub fn new(status: u16, code: i32, msg: String, retry_after: Option<Duration>) -> Self {
        let reject = reject_named(&msg);
        Self { status, code, msg, reject, retry_after }
    }

    /// The refusal that a text of FIX tells, with the status and code that WebSocket has for it.
    pub fn of_text(msg: String) -> Self {
        match reject_named(&msg) {
            Some(reject) => Self::of_reject(reject, msg),
            None => Self { status: 400, code: 0, reject: None, retry_after: None, msg },
        }
    }

    /// This refusal, with the text that told it.
    pub(super) fn of_reject(reject: Reject, msg: String) -> Self {
        let info = reject.info();
        let retry_after = retry_after(&msg);
        Self { status: info.ws_status, code: info.ws_code, msg, reject: Some(reject), retry_after }
    }

    /// Whether the shard refused, behind its look whether the request was done already: then no copy of it was.
    pub(super) fn is_of_shard(&self) -> bool {
        self.reject.is_some_and(|reject| match reject {
            Reject::DiskFull => true,
            // It was taken, and what it came to is not at hand.
            Reject::ResultArchived => false,
            _ => reject.info().number >= Reject::DuplicateClOrdId.info().number,
        })
    }

    /// Whether the same request may be let through a little later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(
            self.reject,
            Some(
                Reject::Busy
                    | Reject::ConnectionRate
                    | Reject::OrderRate
                    | Reject::CancelRate
                    | Reject::QueryRate
                    | Reject::ResendUnderWay
            )
        )
    }

    /// The name of the refusal, such as `PriceOutsideBand`.
    pub fn name(&self) -> &str {
        match self.reject {
            Some(reject) => reject.info().name,
            None => self.msg.split([' ', ':']).next().unwrap_or_default(),
        }
    }

    /// The fact of this case, such as the field at fault, if there is one.
    pub fn detail(&self) -> Option<&str> {
        let (_, rest) = self.msg.split_once(" (")?;
        rest.split_once("): ").map(|(detail, _)| detail)
    }
}

/// The time to wait that a text tells: `(retry after 40 ms)`.
fn retry_after(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once(" (retry after ")?;
    let (millis, _) = rest.split_once(" ms)")?;
    millis.parse().ok().map(Duration::from_millis)
}

/// The refusal whose name a text begins with: Text(58) and `msg` both do.
pub(super) fn reject_named(text: &str) -> Option<Reject> {
    let name = text.split([' ', ':']).next()?;
    Reject::ALL.iter().copied().find(|reject| reject.info().name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Refusal;

    #[test]
    fn an_error_is_taken_apart_into_name_fact_and_advice() {
        let msg = Refusal::field(Reject::FieldMissing, "symbol").to_string();
        let error = ApiError::new(400, -1102, msg, None);
        assert_eq!(error.reject, Some(Reject::FieldMissing));
        assert_eq!(error.name(), "FieldMissing");
        assert_eq!(error.detail(), Some("symbol"));
    }

    #[test]
    fn each_refusal_is_found_again_by_its_text() {
        for reject in Reject::ALL {
            assert_eq!(reject_named(&Refusal::from(*reject).to_string()), Some(*reject));
        }
        assert_eq!(reject_named("SomethingNewer: wait."), None);
    }
}
