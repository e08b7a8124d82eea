//! Decoding: a message as it came gives the same fields, the same signed bytes and the same order as a decoder that
//! knows nothing of indexes, scales and static tables.

use super::{VENUE, framed};
use sealgate::decode::fix::{Speaker, decode, market_data};
use sealgate::limits::FIX_FIELDS_MAX;
use sealgate::types::{ApiKeyId, NewOrder, OrdType, RequestKind, SessionId, Side, TimeInForce};
use sealgate::wire::fix::{FIX44, Index, Message, Validation};

type Fields<'a> = Vec<(String, &'a [u8])>;

/// The data is what stands between BodyLength and CheckSum, with `|` for SOH, so that it can be read.
pub fn run(data: &[u8]) {
    let inner: Vec<u8> = data.iter().map(|byte| if *byte == b'|' { 1 } else { *byte }).collect();
    let bytes = framed(&inner);
    let mut index = Index::new();
    let parsed = Message::parse(&bytes, &mut index);
    let naive = naive_fields(&bytes);
    let Ok(message) = parsed else {
        assert!(naive.is_none_or(|fields| !is_whole(&fields)), "a message was taken for a malformed one");
        return;
    };
    let naive = naive.expect("a malformed message was taken");
    let fields = message.fields().iter().map(|field| (i64::from(field.tag as i32), message.value(*field)));
    let same = naive.iter().take(FIX_FIELDS_MAX).map(|(tag, value)| (tag.parse().expect("a number"), *value));
    assert!(fields.eq(same), "{:?}", inner.escape_ascii().to_string());
    assert_eq!(message.is_truncated(), naive.len() > FIX_FIELDS_MAX);
    if let Ok(signed) = message.signed() {
        is_what_was_signed(signed.bytes, signed.signature, &bytes);
    }
    let _ = FIX44.validate(&message, Validation::FULL);
    let _ = market_data(&message, &VENUE.directory);
    let speaker = Speaker { session: SessionId(1), key: ApiKeyId(1) };
    if let Ok(unverified) = decode(&message, speaker, &VENUE.directory)
        && let RequestKind::New(order) = &unverified.request.kind
    {
        is_that_order(order, &naive);
    }
}

/// `tag=value` up to SOH, DATA by the length before it; nothing if a field is neither.
fn naive_fields(bytes: &[u8]) -> Option<Fields<'_>> {
    let (mut fields, mut at): (Fields<'_>, usize) = (Vec::new(), 0);
    // What is behind the last field that an index holds is not looked at.
    while at < bytes.len() && fields.len() <= FIX_FIELDS_MAX {
        if fields.len() == FIX_FIELDS_MAX {
            fields.push((String::new(), b""));
            break;
        }
        let equal = at + bytes[at..].iter().position(|byte| *byte == b'=')?;
        let tag = std::str::from_utf8(&bytes[at..equal]).ok().filter(|tag| is_tag(tag))?;
        let told = fields.last().filter(|(length, _)| data_of(length) == Some(tag));
        let told = told.and_then(|(_, text)| std::str::from_utf8(text).ok()?.parse::<usize>().ok());
        let told = told.filter(|length| bytes.get(length.saturating_add(equal + 1)) == Some(&1));
        let to_soh = || bytes[equal + 1..].iter().position(|byte| *byte == 1);
        let end = equal + 1 + told.or_else(to_soh)?;
        fields.push((tag.to_owned(), &bytes[equal + 1..end]));
        at = end + 1;
    }
    Some(fields)
}

fn is_tag(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let one_spelling = digits == "0" || !digits.starts_with('0');
    (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && one_spelling
}

fn data_of(length: &str) -> Option<&'static str> {
    const PAIRS: [(&str, &str); 7] = [
        ("90", "91"),
        ("93", "89"),
        ("95", "96"),
        ("212", "213"),
        ("348", "349"),
        ("354", "355"),
        ("618", "619"),
    ];
    const NEXT: [(&str, &str); 9] = [
        ("350", "351"),
        ("352", "353"),
        ("356", "357"),
        ("358", "359"),
        ("360", "361"),
        ("362", "363"),
        ("364", "365"),
        ("445", "446"),
        ("621", "622"),
    ];
    PAIRS.iter().chain(&NEXT).find(|(known, _)| *known == length).map(|(_, data)| *data)
}

fn is_whole(fields: &Fields<'_>) -> bool {
    let tag = |at: usize| fields.get(at).map(|(tag, _)| tag.as_str());
    let ends = fields.len() > FIX_FIELDS_MAX || fields.last().is_some_and(|(tag, _)| tag == "10");
    fields.len() >= 4 && [tag(0), tag(1), tag(2)] == [Some("8"), Some("9"), Some("35")] && ends
}

/// Put together again, they are the message.
fn is_what_was_signed(signed: &[u8], signature: &[u8], bytes: &[u8]) {
    let length = signature.len();
    let (before, after) = (format!("93={length}\x01"), format!("93={length}\x01"));
    let field = [b"89=", signature, b"\x01"].concat();
    let either = [[before.as_bytes(), &field].concat(), [&field, after.as_bytes()].concat()];
    let fits = either.iter().any(|trailer| framed(&[signed, trailer].concat()) == bytes);
    // Zeros before a length are allowed, so what is longer is only looked at from the front.
    assert!(fits || bytes.windows(4).any(|four| four == b"93=0"), "something else is signed");
    assert!(bytes.windows(signed.len().max(1)).any(|part| part == signed), "it is no part of the message");
}

fn is_that_order(order: &NewOrder, fields: &Fields<'_>) {
    let text = |tag: &str| {
        let (_, value) = fields.iter().find(|(known, _)| known == tag)?;
        std::str::from_utf8(value).ok()
    };
    let symbol = text("55").expect("Symbol");
    let instrument = VENUE.directory.instrument_by_symbol(symbol).expect("an instrument");
    assert_eq!((order.instrument, text("11")), (instrument.id, Some(order.cl_ord_id.as_str())));
    assert_eq!(text("54"), Some(if order.side == Side::Buy { "1" } else { "2" }));
    assert_eq!(text("40"), Some(if order.ord_type == OrdType::Market { "1" } else { "2" }));
    assert_eq!(text("18") == Some("6"), order.ord_type == OrdType::LimitMaker);
    let qty = units(text("38").expect("OrderQty"), instrument.qty_scale.0);
    assert_eq!(qty, Some(i128::from(order.qty.0)));
    let price = text("44").map_or(Some(0), |text| units(text, instrument.price_scale.0));
    assert_eq!(price, Some(i128::from(order.price.0)));
    match order.time_in_force {
        TimeInForce::Gtc => assert!(matches!(text("59"), None | Some("1"))),
        TimeInForce::Ioc => assert!(text("59") == Some("3") || order.ord_type == OrdType::Market),
        TimeInForce::Fok => assert_eq!(text("59"), Some("4")),
        #[allow(unreachable_patterns)] // There may be more of them than this decoder knows.
        _ => {}
    }
}

/// An exact decimal in units of the scale, by way of a string of digits.
fn units(text: &str, scale: u8) -> Option<i128> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let (places, scale) = (places.trim_end_matches('0'), usize::from(scale));
    if places.len() > scale {
        return None;
    }
    format!("{whole}{places:0<scale$}").parse().ok()
}
