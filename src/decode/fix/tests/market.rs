//! MarketDataRequest(V).

use super::*;
use crate::types::{MarketDataRequest, MdEntryTypes, MdUpdateType, ReqId, SubscriptionRequest};

const SUBSCRIBE: &[(u32, &str)] = &[
    (262, "md-1"),
    (263, "1"),
    (264, "1"),
    (265, "1"),
    (267, "3"),
    (269, "0"),
    (269, "1"),
    (269, "2"),
    (146, "1"),
    (55, "BTC-USD"),
];

fn read(fields: &[(u32, &str)]) -> Result<MarketDataRequest, Refusal> {
    let bytes = message("V", fields, false);
    let mut index = Index::new();
    market_data(&Message::parse(&bytes, &mut index).unwrap(), &directory())
}

/// The fields with another value in one of them, or without it.
fn with(tag: u32, value: Option<&'static str>) -> Vec<(u32, &'static str)> {
    let fields = SUBSCRIBE.iter().filter(|field| field.0 != tag || value.is_some());
    fields.map(|field| if field.0 == tag { (tag, value.unwrap_or_default()) } else { *field }).collect()
}

#[test]
fn a_request_for_market_data_says_what_where_and_how() {
    let whole = MarketDataRequest {
        id: ReqId::truncated("md-1"),
        request: SubscriptionRequest::Subscribe,
        update: MdUpdateType::Incremental,
        entries: MdEntryTypes { bid: true, offer: true, trade: true },
        instruments: vec![directory().instruments()[0].id],
    };
    assert_eq!(read(SUBSCRIBE), Ok(whole.clone()));
    let (request, update) = (SubscriptionRequest::Unsubscribe, MdUpdateType::FullRefresh);
    let ended =
        MarketDataRequest { request, update, entries: MdEntryTypes::default(), instruments: vec![], ..whole };
    assert_eq!(read(&with(263, Some("2"))), Ok(ended));
    let once = [(262, "md-1"), (263, "0"), (264, "1"), (267, "1"), (269, "1"), (146, "1"), (55, "BTC-USD")];
    let once = read(&once).unwrap();
    assert_eq!((once.request, once.update), (SubscriptionRequest::Snapshot, MdUpdateType::FullRefresh));
    assert_eq!(once.entries, MdEntryTypes { bid: false, offer: true, trade: false });
}

#[test]
fn what_is_not_served_is_refused_by_name() {
    let mut aggregated = SUBSCRIBE.to_vec();
    aggregated.push((266, "N"));
    let mut foreign = SUBSCRIBE.to_vec();
    foreign.push((336, "DAY"));
    let cases = [
        (with(262, Some("a b")), Refusal::tag(Reject::ClOrdIdInvalid, 262)),
        (with(262, None), Refusal::tag(Reject::FieldMissing, 262)),
        (with(264, Some("0")), Refusal::tag(Reject::MarketDepthUnsupported, 264)),
        (with(264, Some("5")), Refusal::tag(Reject::MarketDepthUnsupported, 264)),
        (with(265, Some("0")), Refusal::tag(Reject::MdUpdateTypeUnsupported, 265)),
        (with(265, None), Refusal::tag(Reject::MdUpdateTypeUnsupported, 265)),
        (with(263, Some("0")), Refusal::tag(Reject::MdEntryTypeUnsupported, 269)),
        (with(269, Some("4")), Refusal::tag(Reject::MdEntryTypeUnsupported, 269)),
        (with(269, Some("0")), Refusal::tag(Reject::MdEntryTypeUnsupported, 269)),
        (with(267, Some("2")), Refusal::tag(Reject::GroupCount, 267)),
        (with(55, Some("NONE")), Refusal::tag(Reject::SymbolUnknown, 55)),
        ([&with(146, Some("2")), &[(55, "BTC-USD")][..]].concat(), Refusal::tag(Reject::FieldRepeated, 55)),
        (aggregated, Refusal::tag(Reject::AggregatedBookUnsupported, 266)),
        (foreign, Refusal::tag(Reject::FieldNotForMessage, 336)),
    ];
    for (fields, refusal) in cases {
        assert_eq!(read(&fields), Err(refusal), "{fields:?}");
    }
}
