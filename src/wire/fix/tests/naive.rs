//! The codec against one that is written as one would first: byte by byte, with copies.

use super::*;
use crate::wire::fix::dictionary::DATA;

/// Tag and value of each field, or `None` where something is none.
fn naive_fields(bytes: &[u8]) -> Option<Vec<(i64, Vec<u8>)>> {
    let mut fields: Vec<(i64, Vec<u8>)> = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let tag = naive_tag(&rest[..equals])?;
        rest = &rest[equals + 1..];
        let told = fields.last().filter(|(before, _)| {
            DATA.iter().any(|(data, length)| (i64::from(*data), i64::from(*length)) == (tag, *before))
        });
        let told = told.and_then(|(_, value)| parse_uint(value)).map(|length| length as usize);
        let length = told
            .filter(|length| *length < rest.len() && rest[*length] == SOH)
            .or_else(|| rest.iter().position(|byte| *byte == SOH))?;
        fields.push((tag, rest[..length].to_vec()));
        rest = &rest[length + 1..];
    }
    Some(fields)
}

/// One to nine digits, no zero before others, perhaps a minus.
fn naive_tag(text: &[u8]) -> Option<i64> {
    let text = str::from_utf8(text).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let spelt = plain && (digits == "0" || !digits.starts_with('0'));
    spelt.then(|| text.parse().ok()).flatten()
}

/// Fields and pieces of fields, DATA with and without the right length, separators in the wrong place.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let value = "[ -~]{0,12}";
    prop_oneof![
        6 => (0u32..2_000, value).prop_map(|(tag, value)| format!("{tag}={value}\x01").into_bytes()),
        1 => (0u32..40_000_000, value).prop_map(|(tag, value)| format!("{tag}={value}\x01").into_bytes()),
        1 => (-200i32..0, value).prop_map(|(tag, value)| format!("{tag}={value}\x01").into_bytes()),
        2 => prop::collection::vec(any::<u8>(), 0..90).prop_map(|data| {
            [format!("95={}\x0196=", data.len()).into_bytes(), data, vec![SOH]].concat()
        }),
        1 => (0u32..30, value).prop_map(|(n, value)| format!("354={n}\x01355={value}\x01").into_bytes()),
        1 => Just(b"212=99999999999999999999\x01213=<a b=\"c\"/>\x01".to_vec()),
        1 => prop_oneof![Just("04=x\x01"), Just("=x\x01"), Just("x\x01"), Just("1234567890=x\x01"), Just("--1=x\x01")]
            .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

proptest! {
    #[test]
    fn the_index_is_that_of_a_naive_decoder(pieces in prop::collection::vec(piece(), 0..12)) {
        let bytes = message(b"0", "");
        let trailer = bytes.len() - b"10=000|".len();
        let bytes = [&bytes[..trailer], &pieces.concat()[..], &bytes[trailer..]].concat();
        let mut index = Index::new();
        let right = naive_fields(&bytes);
        match Message::parse(&bytes, &mut index) {
            Ok(message) => {
                let fields = message.fields().iter();
                let found: Vec<_> =
                    fields.map(|field| (i64::from(Field::tag_text(field.tag)), message.value(*field).to_vec())).collect();
                for (tag, _) in &found {
                    let first = found.iter().find(|(other, _)| other == tag).map(|(_, value)| &value[..]);
                    prop_assert_eq!(message.get(*tag as u32), first, "the first field of tag {}", tag);
                }
                prop_assert_eq!(message.get(4_711), found.iter().find(|(tag, _)| *tag == 4_711).map(|(_, v)| &v[..]));
                prop_assert_eq!(Some(found), right);
            }
            Err(Malformed::Field) => prop_assert_eq!(right, None),
            Err(Malformed::Order) => {
                // Data that swallowed the trailer.
                prop_assert!(right.is_none_or(|fields| fields.last().is_none_or(|(tag, _)| *tag != 10)));
            }
            Err(Malformed::TooLong) => prop_assert!(bytes.len() > FIX_MESSAGE_BYTES_MAX),
        }
    }

    #[test]
    fn what_is_taken_is_what_is_framed_and_parsed(
        pieces in prop::collection::vec(prop_oneof![fragment(), piece()], 0..20),
        good in 0usize..3,
        check_sum in any::<bool>(),
    ) {
        let stream = [message(b"0", "112=x|").repeat(good), pieces.concat()].concat();
        let mut rest = &stream[..];
        // One index for all, as a connection has: nothing of a message may be seen in the next.
        let (mut index, mut other) = (Index::new(), Index::new());
        loop {
            let framed = match frame(rest) {
                Framed::Garbled { skip, why: Garble::CheckSum } if !check_sum => Framed::Message(skip),
                framed => framed,
            };
            let used = match (framed, take(rest, check_sum, &mut index)) {
                (Framed::NeedMore, Taken::NeedMore) | (Framed::TooLong, Taken::TooLong) => break,
                (Framed::Garbled { skip, why }, Taken::Garbled { skip: other, why: reason }) => {
                    prop_assert_eq!((skip, why), (other, reason));
                    skip
                }
                (Framed::Message(length), Taken::Message(message)) => {
                    let right = Message::parse(&rest[..length], &mut other).unwrap();
                    prop_assert_eq!(message.bytes(), right.bytes());
                    prop_assert_eq!(message.fields(), right.fields());
                    for tag in [8, 9, 10, 34, 35, 58, 112, 355, 5_000] {
                        prop_assert_eq!(message.get(tag), right.get(tag));
                    }
                    length
                }
                (Framed::Message(length), Taken::Garbled { skip, why: Garble::Fields(fault) }) => {
                    prop_assert_eq!(skip, length);
                    prop_assert_eq!(Message::parse(&rest[..length], &mut other).map(|_| ()), Err(fault));
                    skip
                }
                (framed, taken) => return Err(TestCaseError::fail(format!("{framed:?} is not {taken:?}"))),
            };
            prop_assert!(used > 0 && used <= rest.len());
            rest = &rest[used..];
        }
    }
}
