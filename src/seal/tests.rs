use super::fixture::{other_vault, vault};
use super::*;
use crate::types::{Nanos, Seq};
use crate::wire::record::samples::every_record;
use crate::wire::record::{
    CipherKind, Damage, Frame, JournalId, KeyPage, Link, Place, SEGMENT_HEADER_BYTES, SegmentHeader, frame,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

const NOW: Nanos = Nanos(1_700_000_000_000_000_000);
const DAY: u64 = 86_400_000_000_000;
const JOURNAL: JournalId = JournalId([4; 16]);
const START: Place = Place { segment: 3, offset: SEGMENT_HEADER_BYTES as u32 };
const LINK: Link = [0x1c; 32];

fn header(vault: &Vault) -> SegmentHeader {
    SegmentHeader {
        segment: START.segment,
        size: 1 << 20,
        time: NOW,
        environment: "test".to_owned(),
        previous_end: 0,
        previous_link: [0; 32],
        journal: JOURNAL,
        cipher: vault.cipher(),
    }
}

/// Seals records from a place on, and gives them with what opens them.
fn sealed(vault: &Vault, records: &[Vec<u8>]) -> (Vec<(Place, Vec<u8>)>, KeyPage) {
    let (mut sealer, key) = RecordSealer::new(vault.data_key(JOURNAL, START).unwrap(), NOW);
    let (mut place, mut link, mut out) = (START, LINK, Vec::new());
    for record in records {
        let mut record = record.clone();
        link = sealer.seal(&mut record, place, &link).unwrap();
        let next = place.offset + record.len() as u32;
        out.push((place, record));
        place.offset = next;
    }
    (out, KeyPage { generation: 1, keys: key.into_iter().collect() })
}

fn keys(vault: &Vault, page: &KeyPage) -> Result<SegmentKeys, KeyError> {
    SegmentKeys::open(vault, &header(vault), page)
}

#[test]
fn every_record_opens_where_it_was_sealed_and_links_to_the_one_before() {
    for vault in [vault(), Vault::none()] {
        let records = every_record();
        let (sealed, page) = sealed(&vault, &records);
        let (keys, mut link, mut scratch) = (keys(&vault, &page).unwrap(), LINK, Vec::new());
        for ((place, bytes), plain) in sealed.iter().zip(&records) {
            let frame = frame(bytes, *place).unwrap();
            assert_eq!(*frame.link(), link);
            link = frame.next_link();
            let opened = keys.read(&frame, &mut scratch).unwrap();
            assert!(opened.seq > Seq::ZERO);
            assert_eq!(scratch, plain[40..plain.len() - (bytes.len() - 40 - scratch.len())]);
            let is_readable = bytes[40..40 + scratch.len()] == scratch[..];
            assert_eq!(is_readable, vault.cipher() == CipherKind::None);
        }
    }
}

/// Gives a changed record the checksum that it would have: what a fault never does, and a forger always.
fn with_checksum(bytes: &mut [u8], place: Place) -> Frame<'_> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&place.segment.to_le_bytes());
    crc.update(&place.offset.to_le_bytes());
    crc.update(&bytes[4..]);
    let checksum = crc.finalize().to_le_bytes();
    bytes[..4].copy_from_slice(&checksum);
    frame(bytes, place).unwrap()
}

#[test]
fn a_forged_record_does_not_open_whatever_was_changed() {
    let vault = vault();
    let (sealed, page) = sealed(&vault, &every_record());
    let (keys, mut scratch) = (keys(&vault, &page).unwrap(), Vec::new());
    let (place, bytes) = &sealed[4];
    let length = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    for bit in 8 * 8..length * 8 {
        let mut forged = bytes.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        let frame = with_checksum(&mut forged, *place);
        assert_eq!(keys.read(&frame, &mut scratch), Err(Damage::Forged), "bit {bit}");
    }
    for elsewhere in [Place { segment: 4, ..*place }, Place { offset: place.offset + 8, ..*place }] {
        let mut moved = bytes.clone();
        let frame = with_checksum(&mut moved, elsewhere);
        assert_eq!(keys.read(&frame, &mut scratch), Err(Damage::Forged), "{elsewhere}");
    }
}

#[test]
fn a_segment_does_not_open_with_another_key_in_another_place_or_without_one() {
    let vault = vault();
    let (_, page) = sealed(&vault, &every_record());
    assert!(matches!(keys(&other_vault(), &page), Err(KeyError::UnknownMaster(_))));
    let open = |header| SegmentKeys::open(&vault, &header, &page);
    let elsewhere = SegmentHeader { segment: 4, ..header(&vault) };
    assert!(matches!(open(elsewhere), Err(KeyError::Unwrap(_))), "a key of another segment");
    let other = SegmentHeader { journal: JournalId([5; 16]), ..header(&vault) };
    assert!(matches!(open(other), Err(KeyError::Unwrap(_))), "a key of another journal");
    let plain = SegmentHeader { cipher: CipherKind::None, ..header(&vault) };
    assert!(matches!(open(plain), Err(KeyError::NotSealed)), "what is not sealed is not taken");
    let without = SegmentKeys::open(&Vault::none(), &header(&vault), &page);
    assert!(matches!(without, Err(KeyError::NoKey)));
    let mut moved = page;
    moved.keys[0].from += 8;
    assert!(matches!(keys(&vault, &moved), Err(KeyError::Unwrap(_))), "a key from another offset on");
}

#[test]
#[should_panic(expected = "the nonce of segment 3 offset 12288 was used")]
fn a_place_is_sealed_once() {
    let (mut sealer, _) = RecordSealer::new(vault().data_key(JOURNAL, START).unwrap(), NOW);
    let record = &every_record()[0];
    sealer.seal(&mut record.clone(), START, &LINK).unwrap();
    let _ = sealer.seal(&mut record.clone(), START, &LINK);
}

#[test]
fn no_two_data_keys_are_the_same_and_each_is_of_one_day() {
    let vault = vault();
    let mut wrapped = BTreeSet::new();
    for _ in 0..100 {
        let (sealer, key) = RecordSealer::new(vault.data_key(JOURNAL, START).unwrap(), NOW);
        wrapped.insert(key.unwrap().wrapped.as_bytes().to_vec());
        assert!(!sealer.is_of_another_day(NOW) && sealer.is_of_another_day(Nanos(NOW.0 + DAY)));
    }
    assert_eq!(wrapped.len(), 100);
}

#[test]
fn a_file_opens_for_what_it_was_sealed_for() {
    for vault in [vault(), Vault::none()] {
        for content in [b"".as_slice(), b"[[session]]", &[7; 100_000]] {
            let file = vault.seal_file("sessions", content, NOW).unwrap();
            assert!(is_sealed_file(&file));
            assert_eq!(vault.open_file("sessions", &file).unwrap(), content);
            assert!(matches!(vault.open_file("snapshot", &file), Err(KeyError::Forged)));
            for at in (12..80).chain(FILE_HEADER_BYTES..file.len().min(FILE_HEADER_BYTES + 64)) {
                let mut changed = file.clone();
                changed[at] ^= 1;
                assert!(vault.open_file("sessions", &changed).is_err(), "byte {at}");
            }
            assert!(vault.open_file("sessions", &file[..file.len() - 1]).is_err());
        }
    }
    let file = vault().seal_file("sessions", b"[[session]] secret", NOW).unwrap();
    assert!(!file.windows(6).any(|part| part == b"secret"));
    assert!(matches!(other_vault().open_file("sessions", &file), Err(KeyError::UnknownMaster(_))));
    assert!(matches!(Vault::none().open_file("sessions", &file), Err(KeyError::NoKey)));
    let plain = Vault::none().seal_file("sessions", b"secret", NOW).unwrap();
    assert!(matches!(vault().open_file("sessions", &plain), Err(KeyError::NotSealed)));
    assert!(matches!(vault().open_file("sessions", b"[[session]]"), Err(KeyError::NotSealed)));
}

/// A key file is its owner's alone, outside of the data, and a key file.
#[test]
fn a_key_file_that_would_not_protect_is_refused_by_name() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let path = dir.path().join("master.key");
    let open = |path: &Path| KeyFile::open(path, &data);
    assert!(matches!(open(&path), Err(KeyError::Unreadable(_))), "it is not there");
    KeyFile::create(&path).unwrap();
    let current = open(&path).unwrap().current();
    assert_eq!(open(&path).unwrap().current(), current);
    assert!(matches!(KeyFile::create(&path), Err(KeyError::Unreadable(_))), "never written over");
    for mode in [0o640, 0o604, 0o700] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        assert!(matches!(open(&path), Err(KeyError::Mode { mode: found, .. }) if found == mode));
    }
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
    assert!(open(&path).is_ok(), "read-only is as good");
    let inside = data.join("master.key");
    KeyFile::create(&inside).unwrap();
    assert!(matches!(open(&inside), Err(KeyError::InsideData(_))));
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&inside, &link).unwrap();
    assert!(matches!(open(&link), Err(KeyError::InsideData(_))), "also behind a link");
    for (name, text) in [("empty", ""), ("short", "sealgate-master-key AAAA"), ("other", "-----BEGIN")] {
        let path = dir.path().join(name);
        crate::sys::secret::create_file(&path, text.as_bytes()).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, KeyError::NotAKeyFile { .. }), "{error}");
    }
}

#[test]
fn nothing_of_a_key_can_be_printed() {
    let provider = KeyFile::fixed(7);
    assert!(!format!("{provider:?}").contains("7, 7"), "{provider:?}");
    assert!(format!("{:?}", vault()).len() < 400);
}

proptest! {
    /// Whatever stands there opens as it was, or by a name.
    #[test]
    fn no_bytes_make_opening_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), at in 0usize..20
    ) {
        let vault = vault();
        let records = every_record();
        let (sealed, page) = sealed(&vault, &records);
        let (place, bytes) = &sealed[at % sealed.len()];
        let mut changed = bytes.clone();
        for (index, byte) in changes {
            let at = index.index(changed.len());
            changed[at] = byte;
        }
        let (keys, mut scratch) = (keys(&vault, &page).unwrap(), Vec::new());
        if let Ok(frame) = frame(&changed, *place) {
            let opened = keys.read(&frame, &mut scratch).is_ok();
            prop_assert_eq!(opened, changed == *bytes);
        }
    }

    /// A file of any bytes opens, or by a name.
    #[test]
    fn no_bytes_make_a_file_panic(mut file in prop::collection::vec(any::<u8>(), 0..20_000), is_ours: bool) {
        if is_ours && file.len() > 8 {
            file[..8].copy_from_slice(b"SEALFILE");
        }
        prop_assert!(vault().open_file("sessions", &file).is_err());
    }
}
