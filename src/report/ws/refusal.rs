//! `error`: code, text and the facts that a client needs to act on it.

use super::{Reply, envelope};
use crate::types::{Detail, Nanos, Refusal};
use crate::wire::json::Writer;
use std::fmt;

/// An error with `data`; left out where `facts` writes none.
pub(super) fn write(
    to: &Reply<'_>,
    repeated: bool,
    refusal: &Refusal,
    out: &mut Vec<u8>,
    facts: impl FnOnce(&mut Writer<'_>),
) {
    let info = refusal.reject.info();
    envelope(to, info.ws_status, repeated, out, |w| {
        w.key("error");
        object(refusal, w, facts);
    });
}

/// An error inside an answer, of one of the two requests that it was.
pub(super) fn inner(refusal: &Refusal, now: Nanos, w: &mut Writer<'_>) {
    object(refusal, w, |w| facts(refusal, now, w));
}

fn object(refusal: &Refusal, w: &mut Writer<'_>, facts: impl FnOnce(&mut Writer<'_>)) {
    let info = refusal.reject.info();
    w.object(|w| {
        w.key("code").integer(i64::from(info.ws_code));
        w.key("msg").display(refusal);
        w.key("data").object(|w| {
            w.key("name").text(info.name);
            facts(w);
        });
    });
}

/// The fact of a refusal as fields of `data`.
pub(super) fn facts(refusal: &Refusal, now: Nanos, w: &mut Writer<'_>) {
    match refusal.detail {
        Detail::None => {}
        Detail::RetryAfter(wait) => {
            let wait = wait.as_millis_ceil();
            w.key("serverTime").unsigned(now.as_millis());
            // An instant, as Binance has it, and the wait itself for those whose clock is another.
            w.key("retryAfter").unsigned(now.as_millis().saturating_add(wait));
            w.key("waitMillis").unsigned(wait);
        }
        Detail::Field(name) => w.key("field").text(name.as_str()),
        Detail::Tag(tag) => w.key("tag").unsigned(u64::from(tag)),
        Detail::SignedSha256(digest) => w.key("sha256").display(&Hex(&digest)),
        Detail::Clocks { server, sent } => {
            let millis = |at: Nanos| i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
            w.key("serverTime").integer(millis(server));
            w.key("timestamp").integer(millis(sent));
            w.key("skewMillis").integer(millis(sent).saturating_sub(millis(server)));
        }
        Detail::OrderId(id) => w.key("orderId").unsigned(id.0),
        Detail::Bound(bound) => w.key("bound").integer(bound),
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
