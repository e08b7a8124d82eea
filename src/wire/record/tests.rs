use super::samples::*;
use super::*;
use crate::limits::{EVENTS_PER_STEP_MAX, RECORD_BYTES_MAX, SIGNED_BYTES_MAX};
use crate::types::*;
use proptest::prelude::*;

const PLACE: Place = Place { segment: 3, offset: 12_288 };
const LINK: Link = [0xab; 32];

fn sealed(mut record: Vec<u8>) -> Vec<u8> {
    seal_plain(&mut record, PLACE, &LINK);
    record
}

#[test]
fn every_command_and_event_reads_back_as_it_was() {
    let signed = SignedBytes::new(b"method=order.place&symbol=BTC-USD", Some([9; 64]));
    for command in commands() {
        let bytes = sealed(step(ShardId(2), 7, &command, &signed, &events()));
        let record = open_plain(&bytes, PLACE).unwrap();
        assert_eq!(
            (record.stream, record.seq, record.time),
            (Stream::Shard(ShardId(2)), Seq(7), Nanos(1_007))
        );
        assert_eq!(frame(&bytes, PLACE).unwrap().extent(), bytes.len());
        let step = decode_step(&record).unwrap();
        assert_eq!((step.command, step.signed_bytes()), (command, signed));
        let read: Vec<Event> = step.events.map(Result::unwrap).collect();
        assert_eq!(read, events());
    }
}

#[test]
fn every_session_record_reads_back_as_it_was() {
    for record in session_records() {
        let bytes = sealed(session(GatewayId(1), 5, &record));
        let opened = open_plain(&bytes, PLACE).unwrap();
        assert_eq!((opened.stream, opened.seq), (Stream::Gateway(GatewayId(1)), Seq(5)));
        assert_eq!(decode_session(&opened), Ok(record));
        assert_eq!(decode_step(&opened).unwrap_err(), DecodeError::OtherType);
    }
    let bytes = sealed(started(1));
    let opened = open_plain(&bytes, PLACE).unwrap();
    assert_eq!(decode_log(&opened), Ok(LogRecord::Started { cut: 12 }));
    assert_eq!(decode_session(&opened), Err(DecodeError::OtherType));
}

#[test]
fn a_sent_message_has_its_time_in_the_header() {
    let bytes = sealed(session(GatewayId(1), 5, &session_records()[2]));
    assert_eq!(open_plain(&bytes, PLACE).unwrap().time, Nanos(8));
}

#[test]
fn the_longest_step_fits_a_record_with_room_to_spare() {
    let longest = longest_step();
    assert!(longest.len() <= RECORD_BYTES_MAX / 3 * 2, "{} bytes", longest.len());
    let events = longest.len() - 2 * SIGNED_BYTES_MAX;
    assert!(events / EVENTS_PER_STEP_MAX <= 512, "limits.rs counts 512 bytes an event");
}

#[test]
fn each_flipped_bit_and_each_other_place_is_noticed() {
    let signed = SignedBytes::new(b"abc", None);
    let bytes = sealed(step(ShardId(0), 1, &commands()[0], &signed, &events()[..1]));
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(open_plain(&flipped, PLACE).is_err(), "bit {bit}");
    }
    for place in [Place { segment: 4, ..PLACE }, Place { offset: 12_296, ..PLACE }] {
        assert_eq!(open_plain(&bytes, place), Err(Damage::Checksum));
    }
    for cut in 0..bytes.len() {
        assert!(open_plain(&bytes[..cut], PLACE).is_err(), "cut to {cut}");
    }
}

/// The byte map at the top of the module and in `docs/journal.md`: a change to any of this is a new format.
#[test]
fn the_layout_is_the_documented_one() {
    let bytes = sealed(session(
        GatewayId(1),
        5,
        &SessionRecord::Inbound { session: SessionId(3), number: MsgSeqNum(4) },
    ));
    assert_eq!(bytes.len(), 96);
    assert_eq!(bytes[4..8], 86u32.to_le_bytes());
    assert_eq!(bytes[8..40], LINK);
    assert_eq!(bytes[40..48], [2, 1, 16, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[48..56], 5u64.to_le_bytes());
    assert_eq!(bytes[56..64], 1_005u64.to_le_bytes());
    assert_eq!(bytes[64..70], [3, 0, 4, 0, 0, 0]);
    assert_eq!(bytes[70..86], [0; 16], "no tag, because it is not encrypted");
    assert_eq!(bytes[86..92], [0; 6]);
    assert_eq!(bytes[92..96], END_MARK);
    let place = [3, 0, 0, 0, 0, 0x30, 0, 0];
    let mut crc = crc32fast::Hasher::new();
    crc.update(&place);
    crc.update(&bytes[4..]);
    assert_eq!(bytes[..4], crc.finalize().to_le_bytes());
    let frame = frame(&bytes, PLACE).unwrap();
    assert_eq!(frame.associated()[..], [&place, &bytes[4..40]].concat());
    assert_eq!((frame.link(), frame.sealed(), frame.tag()), (&LINK, &bytes[40..70], &bytes[70..86]));
    let next = crate::wire::digest::sha256(&[&place, &bytes[4..]].concat());
    assert_eq!(frame.next_link(), next, "what the record behind it links to");
}

#[test]
fn a_whole_record_of_another_version_is_told_from_a_damaged_one() {
    let good = session(GatewayId(1), 5, &session_records()[0]);
    let bad_padding = good.len() - END_MARK.len() - 1;
    for (at, what) in [(40, "stream"), (42, "record type"), (43, "layout"), (bad_padding, "layout")] {
        let mut other = good.clone();
        other[at] = 99;
        assert_eq!(open_plain(&sealed(other), PLACE), Err(Damage::Unknown(what)));
    }
}

#[test]
fn a_value_that_its_type_does_not_have_is_named() {
    // The side of a new order: behind the command's number, the requester, account, instrument and ClOrdID.
    let side = HEADER_BYTES + 1 + (2 + 4 + 8 + 4 + 8 + 8 + 16 + 16 + 1) + 4 + 2 + 37;
    let mut bytes = step(ShardId(0), 1, &commands()[0], &SignedBytes::NONE, &[]);
    assert_eq!(bytes[side], Side::Sell as u8);
    bytes[side] = 9;
    let bytes = sealed(bytes);
    let error = decode_step(&open_plain(&bytes, PLACE).unwrap()).unwrap_err();
    assert_eq!(error, DecodeError::Value { what: "Side", value: 9 });
}

#[test]
fn an_order_that_traded_more_than_it_had_is_refused() {
    let order = Order { qty: Qty(1), cum_qty: Qty(2), ..order() };
    let event = Event::Execution(crate::types::Execution { order, ..execution(Detail::None) });
    let bytes = sealed(step(ShardId(0), 1, &commands()[3], &SignedBytes::NONE, &[event]));
    let read = decode_step(&open_plain(&bytes, PLACE).unwrap()).unwrap().events.next();
    assert_eq!(read, Some(Err(DecodeError::Value { what: "CumQty", value: 2 })));
}

#[test]
fn a_segment_header_reads_back_and_refuses_what_it_is_not() {
    let header = SegmentHeader {
        segment: 2,
        size: 1 << 20,
        time: Nanos(9),
        environment: "production".to_owned(),
        previous_end: 8_192,
        previous_link: [77; 32],
        journal: JournalId([5; 16]),
        cipher: CipherKind::Aes256Gcm,
    };
    let page = header.encode().unwrap();
    assert_eq!(SegmentHeader::decode(&page), Ok(header.clone()));
    assert_eq!(SegmentHeader::decode(&page[1..]), Err(SegmentError::NotASegment));
    assert_eq!(SegmentHeader::decode(&page[..100]), Err(SegmentError::NotASegment));
    for at in 8..page.len() {
        let mut flipped = page;
        flipped[at] ^= 0x10;
        assert_eq!(SegmentHeader::decode(&flipped), Err(SegmentError::Checksum), "byte {at}");
    }
    let nameless = SegmentHeader { environment: String::new(), ..header };
    assert_eq!(nameless.encode(), Err(SegmentError::Environment));
}

proptest! {
    /// Whatever a body says, with a checksum that fits: a value or a named error.
    #[test]
    fn no_body_makes_decoding_panic(
        kind in 1u8..4, record_type in 0u8..40, body in prop::collection::vec(any::<u8>(), 0..300)
    ) {
        let mut bytes = vec![0; RECORD_BYTES_MAX];
        let heading = Heading {
            stream: Stream::Shard(ShardId(0)), record_type: RecordType::Step, seq: Seq(1), time: Nanos(1),
        };
        let extent = encode(&mut bytes, heading, |to| { to.bytes(&body); });
        (bytes[40], bytes[42]) = (kind, record_type);
        bytes.truncate(extent);
        let bytes = sealed(bytes);
        if let Ok(record) = open_plain(&bytes, PLACE) {
            if let Ok(step) = decode_step(&record) {
                let _ = step.events.count();
            }
            let _ = (decode_session(&record), decode_log(&record));
        }
    }

    /// A changed byte anywhere in the body of a real step: a value or a named error.
    #[test]
    fn no_changed_byte_makes_decoding_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let signed = SignedBytes::new(b"abc", Some([1; 64]));
        let mut bytes = step(ShardId(0), 1, &commands()[1], &signed, &events());
        let at = HEADER_BYTES + at.index(bytes.len() - HEADER_BYTES);
        bytes[at] = byte;
        let bytes = sealed(bytes);
        if let Ok(record) = open_plain(&bytes, PLACE) && let Ok(step) = decode_step(&record) {
            let _ = step.events.count();
        }
    }
}
