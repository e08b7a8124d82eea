//! `timing` in answers.

use super::*;
use crate::types::{Stamps, Timing};

const RECEIVED: Nanos = Nanos(NOW.0 - 15_000);

fn timing() -> Timing {
    let at = |nanos| Nanos(RECEIVED.0 + nanos);
    let stamps = Stamps {
        received: RECEIVED,
        decoded: at(900),
        verified: at(5_301),
        limited: at(5_340),
        sequenced: at(5_712),
        matched: at(6_398),
    };
    Timing { stamps, durable: at(14_120), sent: at(14_155) }
}

pub(super) fn written() -> Vec<(&'static str, String)> {
    let pending = heard(placing(ResponseType::Ack), &[execution(ExecType::New, order())]);
    let reply = Reply { limits: None, timing: Some(timing()), ..to("order-17", &[]) };
    vec![("order.place timed response", said(|r, out| r.executed(&reply, &pending, NOW, out)))]
}

#[test]
fn what_the_request_did_not_pass_is_not_told() {
    let stamps = Stamps::received(RECEIVED);
    let reply = Reply { timing: Some(Timing::own(stamps, NOW)), ..to("a", &[]) };
    let text = said(|r, out| r.refused(&reply, &Reject::FieldValue.into(), NOW, out));
    let timing = format!(r#","timing":{{"received":"{}","sent":"{}"}}}}"#, RECEIVED.0, NOW.0);
    assert!(text.ends_with(&timing), "{text}");
}
