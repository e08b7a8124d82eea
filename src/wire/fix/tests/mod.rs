//! Framing, the index, signatures and the dictionary.

mod naive;

use super::*;
use crate::limits::{FIX_FIELDS_MAX, FIX_MESSAGE_BYTES_MAX};
use crate::types::{MsgSeqNum, Nanos};
use proptest::prelude::*;

const AT: Nanos = Nanos(1_719_487_025_223_000_000);

/// Appends the header of message 12.
fn begin(out: &mut Vec<u8>, msg_type: &[u8]) -> Begun {
    let opening = Opening { msg_type, number: MsgSeqNum(12), sent: AT, poss_dup: None, poss_resend: false };
    template().begin(out, &opening)
}

fn template() -> Template {
    Template::new(b"FIX.4.4", b"TW", b"ISLD", Precision::Millis)
}

/// `|` for SOH; header and trailer are put around it.
fn message(msg_type: &[u8], body: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let begun = begin(&mut out, msg_type);
    out.extend_from_slice(body.replace('|', "\x01").as_bytes());
    finish(&mut out, begun);
    out
}

fn verdict(msg_type: &[u8], body: &str) -> Result<&'static str, Option<Fault>> {
    let bytes = message(msg_type, body);
    let mut index = Index::new();
    match FIX44.validate(&Message::parse(&bytes, &mut index).unwrap(), Validation::FULL) {
        Verdict::Good(def) => Ok(def.name),
        Verdict::Unsupported => Err(None),
        Verdict::Fault(fault) => Err(Some(fault)),
    }
}

const ORDER: &str = "11=a|40=2|44=1.5|38=2|54=1|55=BTC|60=20240627-11:17:05|";

#[test]
fn a_message_is_written_as_the_standard_has_it() {
    let written = String::from_utf8(message(b"0", "112=TEST|")).unwrap().replace('\x01', "|");
    let body = "35=0|34=12|49=TW|52=20240627-11:17:05.223|56=ISLD|112=TEST|";
    assert!(written.starts_with(&format!("8=FIX.4.4|9={}|{body}10=", body.len())), "{written}");
    assert_eq!(frame(message(b"0", "112=TEST|").as_slice()), Framed::Message(written.len()));
}

#[test]
fn a_body_of_any_length_has_its_length_in_place() {
    for length in [1, 20, 30, 40, 41, 42, 43, 44, 900, 938, 939, 940, 941, 942, 950, 3_000] {
        let bytes = message(b"0", &format!("58={}|", "x".repeat(length)));
        assert_eq!(frame(&bytes), Framed::Message(bytes.len()), "{length}");
        let mut index = Index::new();
        assert_eq!(Message::parse(&bytes, &mut index).unwrap().get(58).unwrap().len(), length);
    }
}

#[test]
fn a_short_body_length_drops_up_to_the_checksum() {
    let good = String::from_utf8(message(b"0", "112=TEST|")).unwrap();
    let short = good.replace("9=59\x01", "9=30\x01");
    assert_ne!(good, short);
    let skip = short.len();
    assert_eq!(frame((short + &good).as_bytes()), Framed::Garbled { skip, why: Garble::BodyLength });
}

#[test]
fn a_long_body_length_swallows_the_next_message() {
    let good = String::from_utf8(message(b"0", "112=TEST|")).unwrap();
    let long = good.replace("9=59\x01", "9=75\x01");
    assert_eq!(frame(long.as_bytes()), Framed::NeedMore);
    let both = long + &good;
    assert_eq!(frame(both.as_bytes()), Framed::Garbled { skip: both.len(), why: Garble::BodyLength });
}

#[test]
fn what_can_never_be_a_message_is_too_long() {
    assert_eq!(frame(b"8=FIX.4.4\x019=99999\x01"), Framed::TooLong);
    let endless = [b"8=FIX.4.4\x019=x\x01".to_vec(), vec![b'a'; FIX_MESSAGE_BYTES_MAX]].concat();
    assert_eq!(frame(&endless), Framed::TooLong);
}

#[test]
fn garbage_before_a_message_is_dropped_up_to_it() {
    let good = message(b"0", "");
    let bytes = [b"GET / HTTP/1.1 58=a".to_vec(), good].concat();
    assert_eq!(frame(&bytes), Framed::Garbled { skip: 19, why: Garble::BeginString });
    assert_eq!(frame(b"GET 8=F"), Framed::Garbled { skip: 4, why: Garble::BeginString });
}

#[test]
fn data_keeps_separators_and_equals_signs() {
    let bytes = message(b"5", "354=7|355=a|b=c|d|58=x|");
    let mut index = Index::new();
    let message = Message::parse(&bytes, &mut index).unwrap();
    assert_eq!(message.get(355), Some(&b"a\x01b=c\x01d"[..]));
    assert_eq!(message.get(58), Some(&b"x"[..]));
    assert!(matches!(FIX44.validate(&message, Validation::FULL), Verdict::Good(_)));
}

#[test]
fn data_of_another_length_is_told_and_not_trusted() {
    for length in ["2", "900", "99999999999999999999", "x"] {
        let bytes = message(b"5", &format!("354={length}|355=abc|58=x|"));
        let mut index = Index::new();
        let message = Message::parse(&bytes, &mut index).unwrap();
        assert_eq!(message.wrong_length(), Some(354), "{length}");
        assert_eq!(message.get(355), Some(&b"abc"[..]));
        let verdict = FIX44.validate(&message, Validation::FULL);
        assert!(matches!(verdict, Verdict::Fault(Fault { reason: RejectReason::IncorrectFormat, .. })));
    }
}

#[test]
fn a_field_that_is_none_garbles_its_message() {
    for body in ["4x9=a|", "=a|", "abc|", "049=a|", "12345678901=a|"] {
        let mut index = Index::new();
        assert_eq!(Message::parse(&message(b"0", body), &mut index).unwrap_err(), Malformed::Field, "{body}");
    }
}

#[test]
fn a_signature_covers_everything_from_the_message_type_on() {
    let mut out = b"before".to_vec();
    let start = out.len();
    let begun = begin(&mut out, b"D");
    out.put(55, b"BTC");
    let signed = std::cell::RefCell::new(Vec::new());
    finish_signed(&mut out, begun, &|bytes| {
        signed.borrow_mut().extend_from_slice(bytes);
        [0xa5; 64]
    });
    let bytes = &out[start..];
    assert_eq!(frame(bytes), Framed::Message(bytes.len()));
    let mut index = Index::new();
    let message = Message::parse(bytes, &mut index).unwrap();
    let found = message.signed().unwrap();
    assert_eq!(found.bytes, &signed.borrow()[..]);
    assert!(found.bytes.starts_with(b"35=D\x01") && found.bytes.ends_with(b"55=BTC\x01"));
    assert_eq!(found.signature, base64_of(&[0xa5; 64]));
}

#[test]
fn base64_is_that_of_the_standard() {
    let signature: [u8; 64] = std::array::from_fn(|i| b"Man"[i % 3]);
    assert_eq!(base64_of(&signature).to_vec(), ["TWFu".repeat(21), "TQ==".to_owned()].concat().into_bytes());
}

#[test]
fn the_signature_fields_stand_side_by_side_before_the_checksum() {
    let of = |body: &str| {
        let bytes = message(b"D", body);
        let mut index = Index::new();
        Message::parse(&bytes, &mut index).unwrap().signed().map(|signed| signed.bytes.to_vec())
    };
    let covered = of("55=BTC|93=4|89=abcd|").unwrap();
    assert!(covered.ends_with(b"55=BTC\x01"));
    assert_eq!(of("55=BTC|89=abcd|93=4|"), Ok(covered), "QuickFIX sorts 89 first");
    assert_eq!(of("55=BTC|"), Err(SignatureFault::Missing));
    assert_eq!(of("93=4|89=abcd|55=BTC|"), Err(SignatureFault::Place));
    assert_eq!(of("93=4|55=BTC|89=abcd|"), Err(SignatureFault::Place));
    assert_eq!(of("89=abcd|55=BTC|93=4|89=abcd|"), Err(SignatureFault::Place));
    assert_eq!(of("55=BTC|89=abcd|"), Err(SignatureFault::Place));
    assert_eq!(of("55=BTC|93=4|93=4|"), Err(SignatureFault::Place));
    assert_eq!(of("55=BTC|93=5|89=abcd|"), Err(SignatureFault::Length));
    assert_eq!(of("55=BTC|89=abcd|93=x|"), Err(SignatureFault::Length));
    let in_text = of("58=93=4 89=abcd|93=4|89=abcd|").unwrap();
    assert!(in_text.ends_with(b"58=93=4 89=abcd\x01"), "found by fields, not by text");
}

#[test]
fn good_messages_are_good() {
    assert_eq!(verdict(b"D", ORDER), Ok("NewOrderSingle"));
    assert_eq!(verdict(b"D", &format!("{ORDER}18=6|25000=5000|25001=2|93=1|89=x|")), Ok("NewOrderSingle"));
    assert_eq!(
        verdict(b"F", "11=b|41=a|54=1|55=BTC|60=20240627-11:17:05.123456789|"),
        Ok("OrderCancelRequest")
    );
}

#[test]
fn each_fault_has_its_reason_and_tag() {
    let fault = |reason, tag: u32| Err(Some(Fault::at(reason, tag)));
    let order = |more: &str| verdict(b"D", &format!("{ORDER}{more}"));
    assert_eq!(order("4999=x|"), fault(RejectReason::InvalidTag, 4999));
    assert_eq!(order("-1=x|"), fault(RejectReason::InvalidTag, -1i32 as u32));
    assert_eq!(verdict(b"D", &ORDER.replace("54=1|", "")), fault(RejectReason::RequiredTagMissing, 54));
    assert_eq!(order("99=1|"), fault(RejectReason::TagNotForMessage, 99));
    assert_eq!(order("1=|"), fault(RejectReason::TagWithoutValue, 1));
    assert_eq!(verdict(b"D", &ORDER.replace("54=1", "54=Z")), fault(RejectReason::ValueIncorrect, 54));
    assert_eq!(order("25001=9|"), fault(RejectReason::ValueIncorrect, 25001));
    assert_eq!(verdict(b"D", &ORDER.replace("44=1.5", "44=1e5")), fault(RejectReason::IncorrectFormat, 44));
    assert_eq!(verdict(b"D", &ORDER.replace("60=2024", "60=2O24")), fault(RejectReason::IncorrectFormat, 60));
    assert_eq!(order("55=BTC|"), fault(RejectReason::TagRepeated, 55));
    assert_eq!(order("50=desk|"), fault(RejectReason::TagOutOfOrder, 50));
    assert_eq!(verdict(b"D", &format!("93=1|89=x|{ORDER}")), fault(RejectReason::TagOutOfOrder, 11));
    assert_eq!(verdict(b"*", ""), Err(Some(Fault::whole(RejectReason::InvalidMsgType))));
    assert_eq!(verdict(b"AE", ""), Err(None));
}

#[test]
fn more_fields_than_the_index_holds_are_a_fault() {
    let many = "58=x|".repeat(FIX_FIELDS_MAX);
    assert_eq!(
        verdict(b"D", &format!("{ORDER}{many}")),
        Err(Some(Fault::whole(RejectReason::TooManyFields)))
    );
}

#[test]
fn every_reason_is_a_refusal_of_the_table_with_the_same_code() {
    use crate::types::reject::FixAnswer;
    for reason in [
        RejectReason::InvalidTag,
        RejectReason::RequiredTagMissing,
        RejectReason::TagNotForMessage,
        RejectReason::TagWithoutValue,
        RejectReason::ValueIncorrect,
        RejectReason::IncorrectFormat,
        RejectReason::CompIdProblem,
        RejectReason::SendingTimeAccuracy,
        RejectReason::InvalidMsgType,
        RejectReason::TagRepeated,
        RejectReason::TagOutOfOrder,
        RejectReason::TooManyFields,
    ] {
        assert_eq!(reason.reject().info().fix, FixAnswer::Reject(reason as u16), "{reason:?}");
    }
}

#[test]
fn texts_are_read_strictly() {
    assert_eq!(parse_uint(b"0042"), Some(42));
    assert_eq!(parse_uint(b"+1"), None);
    assert_eq!(parse_uint(b""), None);
    assert_eq!(parse_uint(b"99999999999999999999"), None);
    assert_eq!(parse_int(b"-7"), Some(-7));
    assert_eq!(parse_int(b"--7"), None);
    assert!(is_decimal(b"-0.5") && is_decimal(b"1.") && is_decimal(b".5"));
    assert!(!is_decimal(b".") && !is_decimal(b"+1") && !is_decimal(b"1.2.3") && !is_decimal(b""));
    assert_eq!(parse_bool(b"y"), None);
    assert_eq!(parse_time(b"20240627-11:17:05.223"), Some(AT));
    assert_eq!(parse_time(b"20240627-11:17:05"), Some(Nanos(AT.0 - 223_000_000)));
    for wrong in [
        "20240627-11:17:05.22",
        "20240627 11:17:05",
        "20241327-11:17:05",
        "20240627-11:17",
        "2024062é-11:17:05",
    ] {
        assert_eq!(parse_time(wrong.as_bytes()), None, "{wrong}");
    }
}

/// Pieces that look like FIX, so that random input gets past the first byte.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"8=FIX.4.4\x01".to_vec()),
        (0u32..200).prop_map(|n| format!("9={n}\x01").into_bytes()),
        Just(b"35=D\x01".to_vec()),
        (0u32..500).prop_map(|n| format!("95={n}\x0196=").into_bytes()),
        Just(b"93=4\x0189=abcd\x01".to_vec()),
        (0u32..300).prop_map(|n| format!("10={n:03}\x01").into_bytes()),
        prop::collection::vec(any::<u8>(), 0..12),
        Just(message(b"0", "112=x|")),
    ]
}

proptest! {
    #[test]
    fn no_bytes_can_make_framing_or_parsing_panic(pieces in prop::collection::vec(fragment(), 0..30)) {
        let bytes = pieces.concat();
        let mut rest = &bytes[..];
        let mut index = Index::new();
        loop {
            let used = match frame(rest) {
                Framed::NeedMore | Framed::TooLong => break,
                Framed::Garbled { skip, .. } => skip,
                Framed::Message(length) => {
                    if let Ok(message) = Message::parse(&rest[..length], &mut index) {
                        let _ = (message.signed(), FIX44.validate(&message, Validation::FULL));
                    }
                    length
                }
            };
            prop_assert!(used > 0 && used <= rest.len());
            rest = &rest[used..];
        }
        // Whatever the frame, the parser stands on its own.
        let _ = Message::parse(&bytes, &mut index);
    }

    #[test]
    fn messages_are_found_however_the_stream_is_cut(cut in 1usize..40, count in 1usize..6) {
        let stream: Vec<u8> = (0..count).flat_map(|n| message(b"0", &format!("112={n}|"))).collect();
        let mut buffer = Vec::new();
        let mut found = Vec::new();
        for piece in stream.chunks(cut) {
            buffer.extend_from_slice(piece);
            while let Framed::Message(length) = frame(&buffer) {
                found.push(buffer.drain(..length).collect::<Vec<u8>>());
            }
            prop_assert_eq!(frame(&buffer), Framed::NeedMore);
        }
        prop_assert_eq!(found.concat(), stream);
        prop_assert_eq!(found.len(), count);
    }

    #[test]
    fn what_is_written_is_read_back(
        fields in prop::collection::vec((5_001u32..30_000, "[ -~]{0,30}"), 0..60),
        number in 1u32..,
        at in 0u64..18_000_000_000_000_000_000,
    ) {
        let mut out = Vec::new();
        let sent = Nanos(at / 1_000_000 * 1_000_000);
        let opening =
            Opening { msg_type: b"D", number: MsgSeqNum(number), sent, poss_dup: None, poss_resend: false };
        let begun = template().begin(&mut out, &opening);
        for (tag, value) in &fields {
            out.put(*tag, value.as_bytes());
        }
        finish(&mut out, begun);
        prop_assert_eq!(frame(&out), Framed::Message(out.len()));
        let mut index = Index::new();
        let message = Message::parse(&out, &mut index).unwrap();
        prop_assert_eq!(message.number(), Some(MsgSeqNum(number)));
        prop_assert_eq!(message.time(52), Some(sent));
        let read: Vec<_> = message.fields().iter().filter(|field| field.tag > 5_000).collect();
        prop_assert_eq!(read.len(), fields.len());
        for (field, (tag, value)) in read.iter().zip(&fields) {
            prop_assert_eq!(field.tag, *tag);
            prop_assert_eq!(message.value(**field), value.as_bytes());
        }
    }
}
