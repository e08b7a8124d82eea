//! Bodies for sessions of other versions: made as FIX.4.4 has them, then said in the words of the version.
//!
//! ```text
//!   event ─► body of FIX.4.4 ─► adapt: fields that the version knows ─► values that it knows ─► the same every time
//! ```
//!
//! From FIX.4.4 on nothing changes, but that a mass cancel report has an ID of its own from 5.0 SP1 on. FIX.4.2 has
//! no ExecType F and I: a trade is told as partial fill or fill, and what sort of report it is stands in
//! ExecTransType(20). Reasons that a version does not have become its "other".

use super::{EXECUTION_REPORT, MsgType, ORDER_MASS_CANCEL_REPORT};
use crate::types::FixVersion;
use crate::wire::fix::{Dictionary, PutFields, SOH, parse_uint, tag};
use std::ops::Range;

/// Says a body in the words of a version. Nothing is allocated once the buffer has grown.
pub fn adapt(version: FixVersion, msg_type: MsgType, body: &mut Vec<u8>) {
    if version >= FixVersion::Fix50Sp1 && msg_type == ORDER_MASS_CANCEL_REPORT {
        return put_report_id(body);
    }
    if version >= FixVersion::Fix44 {
        return;
    }
    let end = body.len();
    let status =
        value(body, 0..end, tag::ORD_STATUS).and_then(|at| body.get(at.start)).copied().unwrap_or(b'0');
    let mut at = 0;
    while at < end {
        let length = body[at..end].iter().position(|byte| *byte == SOH).map_or(end - at, |soh| soh + 1);
        let field = at..at + length;
        at += length;
        put_adapted(version, msg_type, status, field, body);
    }
    body.drain(..end);
}

/// MassActionReportID(1369), which r must have from 5.0 SP1 on: what names the report in OrderID(37), or, where nothing
/// was done, the request.
fn put_report_id(body: &mut Vec<u8>) {
    let end = body.len();
    let of = |tag| value(body, 0..end, tag).filter(|at| body.get(at.clone()) != Some(b"NONE"));
    let Some(id) = of(tag::ORDER_ID).or_else(|| of(tag::CL_ORD_ID)) else { return };
    body.extend_from_slice(b"1369=");
    body.extend_from_within(id);
    body.push(SOH);
}

/// Appends a field of `body` as the version has it, if it has it.
fn put_adapted(version: FixVersion, msg_type: MsgType, status: u8, field: Range<usize>, body: &mut Vec<u8>) {
    let text = &body[field.clone()];
    let Some(equals) = text.iter().position(|byte| *byte == b'=') else { return };
    let Some(tag) = parse_uint(&text[..equals]).and_then(|tag| u32::try_from(tag).ok()) else { return };
    let value = &text[equals + 1..text.len() - 1];
    if Dictionary::of(version).field_name(tag).is_none() {
        return;
    }
    let known = |last: u64, other: u64| {
        let reason = parse_uint(value).filter(|reason| *reason <= last);
        reason.unwrap_or(other)
    };
    let is_42 = version == FixVersion::Fix42;
    match tag {
        tag::EXEC_TYPE if is_42 && msg_type == EXECUTION_REPORT => {
            let is_status = value == b"I";
            let exec_type = match value {
                b"F" if status == b'2' => b'2',
                b"F" => b'1',
                b"I" => status,
                other => other.first().copied().unwrap_or(b'0'),
            };
            body.put(tag::EXEC_TRANS_TYPE, if is_status { b"3" } else { b"0" });
            body.put(tag, &[exec_type]);
        }
        tag::ORD_REJ_REASON => {
            let reason = known(if is_42 { 8 } else { 12 }, 0);
            body.put_uint(tag, reason);
        }
        tag::CXL_REJ_REASON => {
            let reason = known(if is_42 { 3 } else { 6 }, 2);
            body.put_uint(tag, reason);
        }
        tag::BUSINESS_REJECT_REASON => {
            let reason = known(if is_42 { 5 } else { 7 }, 0);
            body.put_uint(tag, reason);
        }
        _ => body.extend_from_within(field),
    }
}

/// Where the value of the first field with this tag stands.
fn value(body: &[u8], within: Range<usize>, tag: u32) -> Option<Range<usize>> {
    let mut at = within.start;
    while at < within.end {
        let length = body[at..within.end].iter().position(|byte| *byte == SOH)?;
        let equals = body[at..at + length].iter().position(|byte| *byte == b'=')?;
        if parse_uint(&body[at..at + equals]) == Some(u64::from(tag)) {
            return Some(at + equals + 1..at + length);
        }
        at += length + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(version: FixVersion, msg_type: MsgType, body: &str) -> String {
        let mut body = body.replace('|', "\x01").into_bytes();
        adapt(version, msg_type, &mut body);
        String::from_utf8(body).unwrap().replace('\x01', "|")
    }

    const TRADE: &str = "37=1|527=88|11=a|17=0-1-1|150=F|39=1|32=0.2|31=5|151=1|14=1|6=5|851=1|";

    #[test]
    fn fix_4_2_has_a_transaction_type_and_other_words_for_a_trade() {
        let partial = adapted(FixVersion::Fix42, b"8", TRADE);
        assert_eq!(partial, "37=1|11=a|17=0-1-1|20=0|150=1|39=1|32=0.2|31=5|151=1|14=1|6=5|");
        let filled = adapted(FixVersion::Fix42, b"8", &TRADE.replace("39=1", "39=2"));
        assert!(filled.contains("|20=0|150=2|39=2|"));
        let told = adapted(FixVersion::Fix42, b"8", "17=0|150=I|39=4|");
        assert_eq!(told, "17=0|20=3|150=4|39=4|", "the state of an order, told again");
    }

    #[test]
    fn a_mass_cancel_report_has_an_id_of_its_own_where_the_version_wants_one() {
        let (done, refused) = ("11=c-1|37=77|530=7|", "11=c-1|37=NONE|530=7|");
        for version in [FixVersion::Fix50Sp1, FixVersion::Fix50Sp2] {
            assert_eq!(adapted(version, b"r", done), format!("{done}1369=77|"));
            assert_eq!(adapted(version, b"r", refused), format!("{refused}1369=c-1|"));
        }
        assert_eq!(adapted(FixVersion::Fix50, b"r", done), done);
    }

    #[test]
    fn what_a_version_does_not_know_is_left_out_or_becomes_its_other() {
        assert!(!adapted(FixVersion::Fix43, b"8", TRADE).contains("|851="));
        assert_eq!(adapted(FixVersion::Fix42, b"8", "150=8|39=8|103=99|"), "20=0|150=8|39=8|103=0|");
        assert_eq!(adapted(FixVersion::Fix43, b"9", "39=8|434=1|102=99|"), "39=8|434=1|102=2|");
        assert_eq!(adapted(FixVersion::Fix42, b"j", "372=D|380=6|"), "372=D|380=0|");
        assert_eq!(adapted(FixVersion::Fix42, b"9", "102=1|"), "102=1|");
    }

    #[test]
    fn from_fix_4_4_on_nothing_changes() {
        for version in [FixVersion::Fix44, FixVersion::Fix50, FixVersion::Fix50Sp2] {
            assert_eq!(adapted(version, b"8", TRADE), TRADE);
        }
    }
}
