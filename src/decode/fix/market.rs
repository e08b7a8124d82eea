//! MarketDataRequest(V): the top of the book and trades, of some instruments.
//!
//! | 263 | 264 | 265 | 269 |
//! |---|---|---|---|
//! | 0: once | 1 | | 0, 1 |
//! | 1: and changes | 1 | 0 or 1; 1 where trades are wanted | 0, 1, 2 |
//! | 2: no more | what the request had, or anything | | |

use super::fields::ENVELOPE;
use crate::config::Directory;
use crate::types::ids::cl_ord_id as plain;
use crate::types::{
    InstrumentId, MarketDataRequest, MdEntryTypes, MdUpdateType, Refusal, Reject, SubscriptionRequest,
};
use crate::wire::fix::{Message, tag};

const TAGS: &[u32] = &[
    tag::NO_RELATED_SYM,
    tag::MD_REQ_ID,
    tag::SUBSCRIPTION_REQUEST_TYPE,
    tag::MARKET_DEPTH,
    tag::MD_UPDATE_TYPE,
    tag::AGGREGATED_BOOK,
    tag::NO_MD_ENTRY_TYPES,
];

/// Fields of the repeating groups, which stand there more than once.
const OF_GROUPS: &[u32] = &[tag::MD_ENTRY_TYPE, tag::SYMBOL];

/// Understands a MarketDataRequest(V). It is public, so a signature is not asked for; one that is there covers it as it
/// covers any message.
pub fn market_data(message: &Message<'_>, directory: &Directory) -> Result<MarketDataRequest, Refusal> {
    if message.is_truncated() {
        return Err(Reject::MessageTooLong.into());
    }
    check_tags(message)?;
    let id = plain(required(message, tag::MD_REQ_ID)?)
        .map_err(|_| Refusal::tag(Reject::ClOrdIdInvalid, tag::MD_REQ_ID))?;
    let request = match required(message, tag::SUBSCRIPTION_REQUEST_TYPE)? {
        b"0" => SubscriptionRequest::Snapshot,
        b"1" => SubscriptionRequest::Subscribe,
        b"2" => SubscriptionRequest::Unsubscribe,
        _ => return Err(Refusal::tag(Reject::FieldValue, tag::SUBSCRIPTION_REQUEST_TYPE)),
    };
    let depth = required(message, tag::MARKET_DEPTH)?;
    if request == SubscriptionRequest::Unsubscribe {
        let (update, entries) = (MdUpdateType::FullRefresh, MdEntryTypes::default());
        return Ok(MarketDataRequest { id, request, update, entries, instruments: Vec::new() });
    }
    if depth != b"1" {
        return Err(Refusal::tag(Reject::MarketDepthUnsupported, tag::MARKET_DEPTH));
    }
    if message.get(tag::AGGREGATED_BOOK).is_some_and(|aggregated| aggregated != b"Y") {
        return Err(Refusal::tag(Reject::AggregatedBookUnsupported, tag::AGGREGATED_BOOK));
    }
    let entries = entries(message)?;
    let update = update(message, request, entries)?;
    Ok(MarketDataRequest { id, request, update, entries, instruments: instruments(message, directory)? })
}

/// Nothing that we do not act on, and nothing twice outside the groups.
fn check_tags(message: &Message<'_>) -> Result<(), Refusal> {
    let fields = message.fields();
    for (at, field) in fields.iter().enumerate() {
        if !TAGS.contains(&field.tag) && !OF_GROUPS.contains(&field.tag) && !ENVELOPE.contains(&field.tag) {
            return Err(Refusal::tag(Reject::FieldNotForMessage, field.tag));
        }
        if TAGS.contains(&field.tag) && fields[..at].iter().any(|before| before.tag == field.tag) {
            return Err(Refusal::tag(Reject::FieldRepeated, field.tag));
        }
    }
    Ok(())
}

fn required<'a>(message: &Message<'a>, tag: u32) -> Result<&'a [u8], Refusal> {
    match message.get(tag) {
        Some([]) => Err(Refusal::tag(Reject::FieldEmpty, tag)),
        Some(value) => Ok(value),
        None => Err(Refusal::tag(Reject::FieldMissing, tag)),
    }
}

/// The values of a field of a group, of which there must be as many as its count says.
fn group<'a>(message: &Message<'a>, count: u32, tag: u32) -> Result<impl Iterator<Item = &'a [u8]>, Refusal> {
    required(message, count)?;
    let there = message.fields().iter().filter(move |field| field.tag == tag);
    if message.uint(count) != Some(there.clone().count() as u64) {
        return Err(Refusal::tag(Reject::GroupCount, count));
    }
    if there.clone().count() == 0 {
        return Err(Refusal::tag(Reject::FieldMissing, tag));
    }
    Ok(there.map(|field| message.value(*field)))
}

fn entries(message: &Message<'_>) -> Result<MdEntryTypes, Refusal> {
    let unsupported = Refusal::tag(Reject::MdEntryTypeUnsupported, tag::MD_ENTRY_TYPE);
    let mut entries = MdEntryTypes::default();
    for value in group(message, tag::NO_MD_ENTRY_TYPES, tag::MD_ENTRY_TYPE)? {
        let entry = match value {
            b"0" => &mut entries.bid,
            b"1" => &mut entries.offer,
            b"2" => &mut entries.trade,
            _ => return Err(unsupported),
        };
        if std::mem::replace(entry, true) {
            return Err(unsupported);
        }
    }
    Ok(entries)
}

/// Trades have no state that could be told anew, so they come incrementally, and not once.
fn update(
    message: &Message<'_>,
    request: SubscriptionRequest,
    entries: MdEntryTypes,
) -> Result<MdUpdateType, Refusal> {
    let unsupported = Refusal::tag(Reject::MdUpdateTypeUnsupported, tag::MD_UPDATE_TYPE);
    let update = match (message.get(tag::MD_UPDATE_TYPE), request) {
        (Some(b"0"), _) | (None, SubscriptionRequest::Snapshot) => MdUpdateType::FullRefresh,
        (Some(b"1"), _) => MdUpdateType::Incremental,
        _ => return Err(unsupported),
    };
    match request {
        SubscriptionRequest::Snapshot if entries.trade => {
            Err(Refusal::tag(Reject::MdEntryTypeUnsupported, tag::MD_ENTRY_TYPE))
        }
        SubscriptionRequest::Subscribe if entries.trade && update == MdUpdateType::FullRefresh => {
            Err(unsupported)
        }
        _ => Ok(update),
    }
}

fn instruments(message: &Message<'_>, directory: &Directory) -> Result<Vec<InstrumentId>, Refusal> {
    let mut instruments = Vec::new();
    for symbol in group(message, tag::NO_RELATED_SYM, tag::SYMBOL)? {
        let instrument = std::str::from_utf8(symbol)
            .ok()
            .and_then(|symbol| directory.instrument_by_symbol(symbol))
            .ok_or(Refusal::tag(Reject::SymbolUnknown, tag::SYMBOL))?;
        if instruments.contains(&instrument.id) {
            return Err(Refusal::tag(Reject::FieldRepeated, tag::SYMBOL));
        }
        instruments.push(instrument.id);
    }
    Ok(instruments)
}
