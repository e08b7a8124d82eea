//! Market data: W, X, Y.

use super::*;
use crate::report::fix::market::{Top, snapshot, trade, update};
use crate::types::{FixVersion, MdEntryTypes, PublicTrade, ReqId};
use crate::wire::fix::Dictionary;

const BOTH: MdEntryTypes = MdEntryTypes { bid: true, offer: true, trade: false };

fn id() -> ReqId {
    ReqId::truncated("md-1")
}

fn level(price: i64, qty: u64) -> Option<BookLevel> {
    Some(BookLevel { price: Price(price), qty: Qty(qty) })
}

fn instrument() -> Instrument {
    *directory().instrument(InstrumentId(1)).unwrap()
}

fn changed(wanted: MdEntryTypes, before: Top, now: Top) -> Option<String> {
    let mut out = Vec::new();
    update(id(), &instrument(), wanted, (before, now), NOW, &mut out)?;
    Some(framed(|out| update(id(), &instrument(), wanted, (before, now), NOW, out)))
}

fn refusal() -> String {
    let echo = Echo { msg_type: b"V", md_req_id: Some(b"md-1"), ..Echo::default() };
    refused(&echo, Refusal::tag(Reject::MarketDepthUnsupported, 264))
}

fn traded() -> String {
    let made = PublicTrade {
        id: TradeId(88),
        price: Price(6_000_010),
        qty: Qty(2_000),
        aggressor: Side::Sell,
        time: NOW,
        seq: Seq(7),
    };
    framed(|out| Some(trade(id(), &instrument(), &made, out)))
}

pub(super) fn examples() -> Vec<(&'static str, String)> {
    let top = [level(6_000_010, 3_000), None];
    let whole = framed(|out| Some(snapshot(id(), &instrument(), BOTH, top, NOW, out)));
    let now = [level(6_000_020, 1_000), level(6_000_100, 12_500)];
    vec![
        ("Market data: the top of a book as it is. Nobody sells:", whole),
        ("The best bid has changed, and now somebody sells:", changed(BOTH, top, now).unwrap()),
        ("A trade, in which a seller took:", traded()),
        ("A MarketDataRequest that is refused:", refusal()),
    ]
}

#[test]
fn a_side_that_comes_changes_or_goes_is_told_and_what_is_not_wanted_is_not() {
    let (none, one, other) = ([None, None], [level(100, 5), None], [level(100, 6), None]);
    for (before, now, action) in
        [(none, one, "279=0|269=0"), (one, other, "279=1|269=0"), (other, none, "279=2|269=0")]
    {
        let text = changed(BOTH, before, now).unwrap();
        assert!(text.contains(&format!("|268=1|{action}|")), "{text}");
    }
    let offers = MdEntryTypes { bid: false, ..BOTH };
    assert_eq!(changed(offers, one, other), None);
    assert_eq!(changed(BOTH, one, one), None);
    let empty = framed(|out| Some(snapshot(id(), &instrument(), offers, one, NOW, out)));
    assert!(empty.contains("|268=0|10="), "{empty}");
}

/// So a client of any version needs no dictionary of ours.
#[test]
fn market_data_is_good_by_the_stock_dictionary_of_every_version() {
    let mut messages: Vec<String> = examples().into_iter().map(|(_, message)| message).collect();
    messages.push(changed(BOTH, [level(100, 5), None], [None, None]).unwrap());
    for version in FixVersion::ALL {
        for message in &messages {
            let text = message.replace('|', "\x01");
            let (msg_type, rest) =
                text.split_once("35=").and_then(|(_, rest)| rest.split_once('\x01')).unwrap();
            let (_, body) = rest.split_once("56=ALICE\x01").unwrap();
            let body = body.split("10=").next().unwrap_or_default();
            let mut out = Vec::new();
            let opening = Opening {
                msg_type: msg_type.as_bytes(),
                number: MsgSeqNum(7),
                sent: NOW,
                poss_dup: None,
                poss_resend: false,
            };
            let begin_string = version.begin_string().as_bytes();
            let begun = Template::new(begin_string, b"SEALGATE", b"ALICE", Precision::Millis)
                .begin(&mut out, &opening);
            out.extend_from_slice(body.as_bytes());
            finish(&mut out, begun);
            for dictionary in [Dictionary::of(version), Dictionary::standard(version)] {
                let mut index = Index::new();
                let verdict =
                    dictionary.validate(&Message::parse(&out, &mut index).unwrap(), Validation::FULL);
                let fault = match verdict {
                    Verdict::Good(_) => None,
                    Verdict::Unsupported => Some("unsupported".to_owned()),
                    Verdict::Fault(fault) => Some(format!("{fault:?}")),
                };
                assert_eq!(fault, None, "{version}: {message}");
            }
        }
    }
}
