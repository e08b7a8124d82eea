//! What is at rest: no nonce is used twice, and a change of the master key may be interrupted anywhere.

use super::*;

/// All that was ever on the disk, and on the disks of copies: for each data key, no place has two different records. A
/// start after a torn tail writes its place again, and two servers go on from the same end.
#[test]
fn no_nonce_is_used_twice_under_a_key_whatever_was_torn_restarted_and_copied() {
    let mut seen: BTreeMap<(Vec<u8>, Place), Vec<u8>> = BTreeMap::new();
    let mut places_written_again = BTreeSet::new();
    let mut look = |dir: &Path| {
        for segment in (1..).take_while(|n| dir.join(segment_name(*n)).exists()) {
            let bytes = std::fs::read(dir.join(segment_name(segment))).unwrap();
            let keys = Head::decode(&bytes).unwrap().keys.keys;
            let mut at = record::SEGMENT_HEADER_BYTES;
            while let Ok(found) = record::frame(&bytes[at..], Place { segment, offset: at as u32 }) {
                let key = keys.iter().rfind(|key| key.from as usize <= at).unwrap();
                // Another wrapping of the same key would look like another key: nothing here wraps anew.
                let pair = (key.wrapped.as_bytes().to_vec(), found.place());
                let sealed = [found.sealed(), found.tag()].concat();
                if let Some(before) = seen.insert(pair.clone(), sealed.clone()) {
                    assert!(before == sealed, "{} was sealed twice under one key", found.place());
                }
                if seen.keys().any(|(other, place)| *other != pair.0 && *place == pair.1) {
                    places_written_again.insert(pair.1);
                }
                at += found.extent();
            }
        }
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    drop(Venue::begin(&path));
    for round in 1..60 {
        let mut venue = Venue::open(&path);
        venue.run(&order(MAKER, Side::Buy, &format!("m-{round}"), 1));
        venue.log.sync().unwrap();
        look(&path);
        drop(venue);
        let last = (1..).take_while(|n| path.join(segment_name(*n)).exists()).last().unwrap();
        let copy = dir.path().join(format!("copy-{round}"));
        std::fs::create_dir(&copy).unwrap();
        for segment in 1..=last {
            std::fs::copy(path.join(segment_name(segment)), copy.join(segment_name(segment))).unwrap();
        }
        let mut twin = Venue::open(&copy);
        twin.run(&order(TAKER, Side::Sell, &format!("t-{round}"), 1));
        look(&copy);
        if round % 2 == 0 {
            let name = path.join(segment_name(last));
            let mut bytes = std::fs::read(&name).unwrap();
            let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
            bytes[end - 40..].fill(0);
            std::fs::write(name, bytes).unwrap();
        }
    }
    assert!(places_written_again.len() > 50, "{} places", places_written_again.len());
    let last = (1..).take_while(|n| path.join(segment_name(*n)).exists()).last().unwrap();
    assert!(last > 1, "the keys of a segment were used up");
}

/// Wherever a change of the master key is interrupted, everything opens with the keys that are there, and doing it
/// again finishes it.
#[test]
fn a_change_of_the_master_key_that_is_interrupted_leaves_everything_readable() {
    let dir = tempfile::tempdir().unwrap();
    let (key, data) = (dir.path().join("master.key"), dir.path().join("data"));
    crate::seal::KeyFile::create(&key).unwrap();
    let open = || Vault::open(&crate::config::Encryption::KeyFile(key.clone()), &data).unwrap();
    let log = |vault: Vault| LogOptions { environment: "test".to_owned(), segment_bytes: 140 * 1_024, vault };
    let mut written = Log::create(Folder::create(&data).unwrap(), log(open()), NOW).unwrap();
    for seq in 1..=110 {
        let (command, events) = (&commands()[0], &crate::wire::record::samples::events());
        let record = step(ShardId(0), seq, command, &SignedBytes::NONE, events);
        written.append(&record, NOW).unwrap();
    }
    drop(written);
    let records = || walk(&Folder::hold(&data).unwrap(), &open(), |_, _| Ok(())).map(|walked| walked.records);
    let before: Vec<_> = (1..=3).map(|n| std::fs::read(data.join(segment_name(n))).unwrap()).collect();
    let vault = open();
    vault.begin_rotation().unwrap();
    assert_eq!(records().unwrap(), 110, "the new key is there, and nothing is wrapped with it");
    // Every number of segments that were reached, and every torn writing of the next one's page.
    for reached in 0..3 {
        let name = data.join(segment_name(reached + 1));
        let head = &before[reached as usize][..crate::seal::FILE_HEADER_BYTES];
        let rewrapped = vault.rewrap(head).unwrap().unwrap();
        let at = rewrapped.offset as usize;
        for torn in [0, 1, 100, 2_000, 4_096] {
            let mut bytes = before[reached as usize].clone();
            bytes[at..at + torn].copy_from_slice(&rewrapped.page[..torn]);
            std::fs::write(&name, bytes).unwrap();
            assert_eq!(records().unwrap(), 110, "{reached} segments and {torn} bytes");
        }
    }
    let done = crate::run::journal::rotate::rotate(&open(), &[&data], None, NOW).unwrap();
    assert_eq!(done.files, 0, "it goes on with the key that was made");
    assert_eq!(records().unwrap(), 110);
    assert!(std::path::Path::new(&done.put_away).exists());
    let again = crate::run::journal::rotate::rotate(&open(), &[&data], None, NOW).unwrap();
    assert_eq!((again.files, again.keys), (3, 3));
    assert_eq!(records().unwrap(), 110);
}
