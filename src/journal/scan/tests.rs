use super::After::*;
use super::Here::*;
use super::Where::*;
use super::*;
use crate::wire::record::SEGMENT_HEADER_BYTES;
use crate::wire::record::samples::{every_record, seal_plain};

const SEGMENT: u32 = 1;

/// A segment with these records, with `spare` bytes of never-written space behind them, and where each record ends.
fn segment(records: &[Vec<u8>], spare: usize) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut ends) = (vec![0; SEGMENT_HEADER_BYTES], vec![SEGMENT_HEADER_BYTES]);
    let mut link = [0; 32];
    for record in records {
        let mut record = record.clone();
        link = seal_plain(&mut record, Place { segment: SEGMENT, offset: bytes.len() as u32 }, &link);
        bytes.extend(record);
        ends.push(bytes.len());
    }
    bytes.resize(bytes.len() + spare, 0);
    (bytes, ends)
}

/// How many records can be read, and what comes then.
fn read(bytes: &[u8], is_last: bool) -> (usize, Place, End) {
    let mut scanner = Scanner::new(bytes, SEGMENT, is_last);
    let mut records = 0;
    loop {
        match scanner.read() {
            Found::Record(_) => records += 1,
            Found::End(place, end) => return (records, place, end),
        }
    }
}

/// The three questions as the scanner answers them for `rest`.
fn questions(rest: &[u8]) -> (Here, After) {
    let mut bytes = vec![0; SEGMENT_HEADER_BYTES];
    bytes.extend_from_slice(rest);
    let scanner = Scanner::new(&bytes, SEGMENT, true);
    let written = rest.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    let place = Place { segment: SEGMENT, offset: SEGMENT_HEADER_BYTES as u32 };
    let damage = record::frame(rest, place).unwrap_err();
    let here = here(rest, written, damage);
    (here, after(rest, written, here, scanner.records_after().count() as u32))
}

#[test]
fn every_cell_of_the_table_has_its_verdict() {
    for segment in [Last, Earlier] {
        for here in [Blank, CutShort, Broken, Foreign] {
            for after in [Nothing, Bytes, Records] {
                let expected = match (segment, here, after) {
                    (_, Blank, Nothing) => Verdict::End,
                    (Last, CutShort, Nothing) => Verdict::Cut,
                    (Last, Broken, Nothing | Bytes) | (Last, Blank | CutShort, Bytes) => Verdict::Ask,
                    _ => Verdict::Refuse,
                };
                assert_eq!(decide(segment, here, after), expected, "{segment:?} {here:?} {after:?}");
            }
        }
    }
}

#[test]
fn row_1_never_written_space_is_a_clean_end() {
    let (bytes, ends) = segment(&every_record(), 64);
    let (records, place, end) = read(&bytes, true);
    assert_eq!((records, place.offset as usize, end), (ends.len() - 1, ends[ends.len() - 1], End::Clean));
    let (full, _) = segment(&every_record(), 0);
    assert_eq!(read(&full, true).2, End::Clean, "a segment that is full to its last byte");
    assert_eq!(read(&full, false).2, End::Clean, "and is not the last");
    assert_eq!(read(&[], true).2, End::Clean, "an empty slice is not our business here, but no panic");
}

#[test]
fn row_2_a_record_that_was_cut_short_is_cut() {
    let (bytes, ends) = segment(&every_record(), 256);
    let (start, end) = (ends[ends.len() - 2], ends[ends.len() - 1]);
    for cut in start + 1..end {
        let mut torn = bytes.clone();
        torn[cut..].fill(0);
        let (records, place, found) = read(&torn, true);
        assert_eq!((records, place.offset as usize), (ends.len() - 2, start), "cut at {cut}");
        assert!(matches!(found, End::Torn { .. }), "cut at {cut}: {found:?}");
    }
}

#[test]
fn row_3_a_wrong_record_that_was_written_to_its_end_waits_for_the_operator() {
    let (bytes, ends) = segment(&every_record(), 256);
    let (start, end) = (ends[ends.len() - 2], ends[ends.len() - 1]);
    let mut wrong = bytes.clone();
    wrong[start + 40] ^= 1;
    let (_, place, found) = read(&wrong, true);
    assert_eq!(place.offset as usize, start);
    let bad = Bad { damage: Damage::Checksum, written: (end - start) as u32, records_after: 0 };
    assert_eq!(found, End::BadTail(bad));
    let mut hole = bytes.clone();
    hole[start..start + 16].fill(0);
    assert!(matches!(read(&hole, true).2, End::BadTail(_)), "a hole");
    let mut stray = bytes.clone();
    stray[end + 200] = 1;
    assert!(matches!(read(&stray, true).2, End::BadTail(_)), "a byte in never-written space");
}

#[test]
fn row_4_damage_in_the_middle_is_refused_with_its_place() {
    let (bytes, ends) = segment(&every_record(), 256);
    for (n, start) in ends[..ends.len() - 2].iter().enumerate() {
        for change in [0x01, 0x80] {
            let mut wrong = bytes.clone();
            wrong[start + 33] ^= change;
            let (records, place, found) = read(&wrong, true);
            assert_eq!((records, place.offset as usize), (n, *start));
            let End::Damaged(bad) = found else { panic!("{found:?}") };
            assert_eq!(bad.records_after as usize, ends.len() - 2 - n, "the rest is found again");
        }
    }
}

#[test]
fn row_5_an_earlier_segment_has_no_torn_tail() {
    let (bytes, ends) = segment(&every_record(), 256);
    let mut torn = bytes.clone();
    torn[ends[ends.len() - 1] - 10..].fill(0);
    assert!(matches!(read(&torn, true).2, End::Torn { .. }));
    assert!(matches!(read(&torn, false).2, End::Damaged(_)));
}

#[test]
fn row_6_a_record_of_another_layout_is_no_damage() {
    let mut records = every_record();
    let last = records.last_mut().unwrap();
    let padding = last.len() - END_MARK.len() - 1;
    assert_eq!(last[padding], 0);
    last[padding] = 99;
    let (bytes, _) = segment(&records, 256);
    let End::Damaged(bad) = read(&bytes, true).2 else { panic!("it is whole") };
    assert_eq!(bad.damage, Damage::Unknown("layout"));
}

#[test]
fn the_three_questions_are_answered_from_the_bytes() {
    let records = every_record();
    let (bytes, ends) = segment(&records[..2], 64);
    let at = |from: usize| &bytes[from..];
    assert_eq!(questions(&[0; 64]), (Blank, Nothing));
    // The first record read as if it stood elsewhere: wrong, with a whole one behind it in its own place only.
    assert_eq!(questions(at(ends[1])).0, Broken);
    let mut short = at(ends[0])[..128].to_vec();
    short[20..].fill(0);
    assert_eq!(questions(&short), (CutShort, Nothing));
    short[120] = 1;
    assert_eq!(questions(&short), (CutShort, Bytes));
    assert_eq!(questions(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]), (Blank, Bytes));
    assert_eq!(questions(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), (CutShort, Nothing));
}

/// The whole promise on a small journal: every truncation and every flipped bit gives all that was written before
/// it, or a refusal with the place; never a record less without a word, never a panic.
#[test]
fn every_truncation_gives_the_records_before_it() {
    let (bytes, ends) = segment(&every_record(), 128);
    for cut in SEGMENT_HEADER_BYTES..bytes.len() {
        let mut torn = bytes.clone();
        torn[cut..].fill(0);
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        let (records, place, end) = read(&torn, true);
        assert_eq!((records, place.offset as usize), (whole, ends[whole]), "cut at {cut}");
        assert!(matches!(end, End::Clean | End::Torn { .. }), "cut at {cut}: {end:?}");
    }
}

#[test]
fn every_flipped_bit_is_refused_or_harmless() {
    let (bytes, ends) = segment(&every_record(), 128);
    let end_of_records = ends[ends.len() - 1];
    let mut flipped = bytes.clone();
    for bit in SEGMENT_HEADER_BYTES * 8..bytes.len() * 8 {
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (records, _, end) = read(&flipped, true);
        if bit / 8 < end_of_records {
            let hit = ends.iter().filter(|end| **end <= bit / 8).count() - 1;
            assert_eq!(records, hit, "bit {bit}");
            assert!(matches!(end, End::BadTail(_) | End::Damaged(_)), "bit {bit}: {end:?}");
        } else {
            assert_eq!(records, ends.len() - 1, "no record was touched by bit {bit}");
        }
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
}
