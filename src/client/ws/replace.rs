//! `order.cancelReplace`, where one half may fail and the other not, and the dead man's timer.

use super::messages::Params;
use super::{Client, OrderState, Timed, unknown};
use crate::client::{ApiError, Error, NewOrder, OrderName};
use crate::types::{Nanos, ReplaceMode};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// What became of the two halves of `order.cancelReplace`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The cancel.
    pub canceled: Result<OrderState, ApiError>,
    /// The new order; `None`: it was not attempted, and never will be.
    pub placed: Option<Result<OrderState, ApiError>>,
}

/// `result`, or `error.data` where a half failed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Halves {
    cancel_response: Half,
    new_order_response: Option<Half>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Half {
    Failed { msg: String, data: Wait },
    Done(Box<OrderState>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wait {
    #[serde(default)]
    wait_millis: Option<u64>,
}

/// An answer that has the halves where it has them.
#[derive(Deserialize)]
struct Both {
    #[serde(default)]
    result: Option<Halves>,
    #[serde(default)]
    error: Option<Failure>,
    #[serde(default)]
    repeated: bool,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    data: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timer {
    trigger_time: u64,
}

impl Half {
    fn outcome(self) -> Result<OrderState, ApiError> {
        match self {
            Self::Done(order) => Ok(*order),
            Self::Failed { msg, data } => {
                let error = ApiError::of_text(msg);
                Err(ApiError { retry_after: data.wait_millis.map(Duration::from_millis), ..error })
            }
        }
    }
}

impl Client {
    /// `order.cancelReplace`: cancels one order of the symbol and places another, in one step of the matching engine.
    /// The outcome of each half is told; it is an error if the request was refused as a whole, and did nothing.
    pub async fn cancel_replace(
        &self,
        cancel: impl Into<OrderName>,
        order: &NewOrder,
        mode: ReplaceMode,
    ) -> Result<Timed<Replaced>, Error> {
        let (id, method) = (self.next_id(), "order.cancelReplace");
        let cl_ord_id = order.cl_ord_id.clone().unwrap_or_else(|| self.cl_ord_id(id));
        let mode = match mode {
            ReplaceMode::StopOnFailure => "STOP_ON_FAILURE",
            ReplaceMode::AllowFailure => "ALLOW_FAILURE",
        };
        let params = Params::order(order, &cl_ord_id).text("cancelReplaceMode", mode);
        let params = match cancel.into() {
            OrderName::OrderId(order) => params.number("cancelOrderId", order.0),
            OrderName::ClOrdId(name) => params.text("cancelOrigClientOrderId", name),
        };
        let signed = self.signed_order(id, method, params, cl_ord_id.clone());
        let sent = Instant::now();
        let reply = self.exchange(id, signed.text).await.map_err(|missing| missing.of_order(&cl_ord_id))?;
        let bad = |error: serde_json::Error| Error::Protocol(format!("{error}: {}", reply.text));
        let both: Both = serde_json::from_str(&reply.text).map_err(bad)?;
        let failed = both.error.and_then(|error| error.data);
        let failed = failed.and_then(|data| serde_json::from_value::<Halves>(data).ok());
        let Some(halves) = both.result.or(failed) else {
            return match self.read::<serde::de::IgnoredAny>(&reply.text) {
                Err(error) => Err(unknown(error, cl_ord_id)),
                Ok(_) => Err(Error::Protocol(format!("neither half is told: {}", reply.text))),
            };
        };
        let answer = Replaced {
            canceled: halves.cancel_response.outcome(),
            placed: halves.new_order_response.map(Half::outcome),
        };
        Ok(Timed { answer, round_trip: reply.received - sent, repeated: both.repeated })
    }

    /// `cancelAllAfter`: unless it is set again within `timeout`, all open orders of the account are canceled. Zero
    /// turns it off. Gives when that is. Setting it again is harmless, so a lost answer needs no more than that.
    pub async fn cancel_all_after(&self, timeout: Duration) -> Result<Option<Nanos>, Error> {
        let (id, method) = (self.next_id(), "cancelAllAfter");
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let signed =
            self.signed_order(id, method, Params::default().number("timeout", millis), String::new());
        let reply = self.exchange(id, signed.text).await.map_err(|missing| missing.of_question(self))?;
        let Timer { trigger_time } = self.read(&reply.text)?.result;
        Ok(Nanos::from_millis(trigger_time).filter(|at| at.0 > 0))
    }
}
