//! Every byte: a journal with every type of record, cut off at each place of its end, and with each bit of its end
//! flipped. Recovery gives the records before the place, or it is refused by name; it never panics.
//!
//! `SEALGATE_EVERY_BYTE=all` goes through the whole of the last 64 KiB; without it a slice of it.

use crate::clients::seen::check;
use crate::keys;
use crate::machine::disk::SimDisk;
use crate::machine::net::SimNet;
use crate::rng::Rng;
use crate::venue::{SEGMENT_BYTES, VENUE};
use crate::world;
use sealgate::journal::append::SessionAppender;
use sealgate::run::journal::log::segment_name;
use sealgate::run::journal::walk::walk;
use sealgate::run::recovery::{self, RecoveryOptions};
use sealgate::seal::Vault;
use sealgate::sys::file::Folder;
use sealgate::sys::machine::{self, Machine};
use sealgate::types::{EventRef, GatewayId, MsgSeqNum, Nanos, Seq, SessionId, SessionRecord, ShardId};
use sealgate::wire::record::{RecordType, Stream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// How much of the end is looked at.
const END_BYTES: usize = 64 * 1_024;

/// Each of so many places, where not all are asked for. A prime, so that no part of a record is left out.
const STRIDE: usize = 211;

const JOURNAL: &str = "/journal";
const SEED: u64 = 1;
/// Later than all that happened.
const NOW: Nanos = Nanos(1_800_000_000_000_000_000);

type States = Vec<(u8, u64, [u8; 32])>;

static MADE: LazyLock<Journal> = LazyLock::new(Journal::make);

struct Journal {
    disk: SimDisk,
    vault: Vault,
    segment: PathBuf,
    /// Where each record of the segment ends, and the state of the shards there.
    states: Vec<(usize, States)>,
}

fn on<R>(disk: &SimDisk, run: impl FnOnce() -> R) -> R {
    let network = Arc::new(SimNet::new(Rng::new(0)));
    let machine = Machine { clock: Default::default(), disk: Arc::new(disk.clone()), network };
    machine::within(&machine, run)
}

/// Reads all records, and runs none.
fn read(disk: &SimDisk, vault: &Vault) -> Result<(), String> {
    let read = || {
        let folder = Folder::hold(Path::new(JOURNAL)).map_err(|error| error.to_string())?;
        walk(&folder, vault, |_, _| Ok(())).map(drop).map_err(|fault| fault.to_string())
    };
    on(disk, read)
}

fn states(disk: &SimDisk, vault: &Vault) -> Result<States, String> {
    let replayed = on(disk, || recovery::replay(Path::new(JOURNAL), vault, |_| {}));
    let shards = replayed.map_err(|fault| fault.to_string())?.shards;
    Ok(shards.iter().map(|shard| (shard.id().0, shard.last_seq().0, shard.state_hash())).collect())
}

fn options(vault: &Vault) -> RecoveryOptions {
    RecoveryOptions {
        head: None,
        environment: VENUE.environment().to_owned(),
        segment_bytes: SEGMENT_BYTES,
        vault: vault.clone(),
        shards: (0..VENUE.shards_max).map(ShardId).collect(),
        wanted: Default::default(),
        archive: None,
    }
}

/// Records that clients of the simulator do not bring about: a session that begins again, a report that tells an event
/// as well, numbers that a client moved.
fn add_rare_records(disk: &SimDisk, vault: &Vault) {
    on(disk, || {
        let mut recovered = recovery::recover(Path::new(JOURNAL), &options(vault), NOW).unwrap();
        let gateway = GatewayId(0);
        let mut appender = SessionAppender::new(gateway, recovered.log.last(Stream::Gateway(gateway)));
        let session = SessionId(1);
        let event = EventRef { shard: ShardId(0), seq: Seq(5), index: 0 };
        let mut batch = Vec::new();
        for record in [
            SessionRecord::Told { session, event },
            SessionRecord::InboundNext { session, next: MsgSeqNum(9_000) },
            SessionRecord::Reset { session },
        ] {
            batch.extend_from_slice(appender.record(NOW, &record).1);
        }
        recovered.log.append(&batch, NOW).unwrap();
        recovered.log.sync().unwrap();
    });
}

impl Journal {
    fn make() -> Self {
        // Another vault than that of the run opens its keys, and draws other ones.
        let (disk, vault) = (world::journal(SEED, 3 * END_BYTES / 2), keys::vault(SEED + 1));
        add_rare_records(&disk, &vault);
        let (mut ends, mut types, mut segment) = (Vec::new(), Vec::new(), 1);
        let end = on(&disk, || {
            let folder = Folder::hold(Path::new(JOURNAL)).unwrap();
            let walked = walk(&folder, &vault, |place, record| {
                if place.segment != segment {
                    (segment, ends) = (place.segment, Vec::new());
                }
                ends.push(place.offset as usize);
                types.push(record.record_type);
                Ok(())
            });
            walked.unwrap().end.place
        });
        for wanted in RecordType::ALL {
            assert!(types.contains(&wanted), "the journal has no {wanted:?}");
        }
        ends.push(end.offset as usize);
        let segment = Path::new(JOURNAL).join(segment_name(end.segment));
        let mut journal = Self { disk, vault, segment, states: Vec::new() };
        for end in ends {
            let cut = journal.disk.copy();
            cut.edit(&journal.segment, |bytes| bytes[end..].fill(0));
            let states = states(&cut, &journal.vault).unwrap();
            journal.states.push((end, states));
        }
        journal
    }

    fn end(&self) -> usize {
        self.states.last().map_or(0, |(end, _)| *end)
    }

    /// The places that are looked at.
    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let all = std::env::var("SEALGATE_EVERY_BYTE").is_ok_and(|what| what == "all");
        let first = self.states[0].0;
        (first.max(self.end().saturating_sub(END_BYTES))..self.end()).step_by(if all { 1 } else { STRIDE })
    }

    /// The state of the shards after the records that stand whole before a place.
    fn state_at(&self, place: usize) -> &States {
        let upto = self.states.partition_point(|(end, _)| *end <= place);
        &self.states[upto - 1].1
    }
}

/// What comes back of a journal that was cut off is what stood whole before the cut.
#[test]
fn every_truncation_gives_the_records_before_it() {
    let journal = &*MADE;
    let disk = journal.disk.copy();
    for place in journal.places() {
        let mut tail = Vec::new();
        disk.edit(&journal.segment, |bytes| {
            tail = bytes[place..].to_vec();
            bytes[place..].fill(0);
        });
        let found = states(&disk, &journal.vault);
        check(found.as_ref() == Ok(journal.state_at(place)), "acknowledged-prefix", || {
            format!("cut at {place}: {found:?}")
        });
        disk.edit(&journal.segment, |bytes| bytes[place..].copy_from_slice(&tail));
    }
}

/// The same, and the server starts on it: what was torn is gone for good.
#[test]
fn after_a_truncation_the_server_goes_on() {
    let journal = &*MADE;
    for place in journal.places().step_by(7) {
        let disk = journal.disk.copy();
        disk.edit(&journal.segment, |bytes| bytes[place..].fill(0));
        let vault = &journal.vault;
        on(&disk, || recovery::recover(Path::new(JOURNAL), &options(vault), NOW).map(drop)).unwrap();
        let found = states(&disk, vault);
        check(found.as_ref() == Ok(journal.state_at(place)), "acknowledged-prefix", || {
            format!("cut at {place}, then started: {found:?}")
        });
    }
}

/// A file that came out short is refused, wherever it was cut.
#[test]
fn a_short_file_is_refused_by_name() {
    let journal = &*MADE;
    for place in journal.places().step_by(7) {
        let disk = journal.disk.copy();
        disk.edit(&journal.segment, |bytes| bytes.truncate(place));
        let fault = states(&disk, &journal.vault).unwrap_err();
        assert!(fault.contains("segment"), "short at {place}: {fault}");
    }
}

/// Everything here was synced, so a bit that differs is damage: it is told, with its place.
#[test]
fn every_flipped_bit_is_refused_by_name() {
    let journal = &*MADE;
    let (disk, mut rng) = (journal.disk.copy(), Rng::new(SEED));
    let all = std::env::var("SEALGATE_EVERY_BYTE").is_ok_and(|what| what == "all");
    for place in journal.places() {
        let bits: Vec<u64> = if all { (0..8).collect() } else { vec![rng.below(8)] };
        for bit in bits {
            disk.edit(&journal.segment, |bytes| bytes[place] ^= 1 << bit);
            // What reads it finds the damage; if it did not, what runs it would have to.
            match read(&disk, &journal.vault).and_then(|()| states(&disk, &journal.vault)) {
                Ok(found) => panic!("bit {bit} of byte {place} was not noticed: {found:?}"),
                Err(fault) => assert!(fault.starts_with("segment "), "bit {bit} of byte {place}: {fault}"),
            }
            disk.edit(&journal.segment, |bytes| bytes[place] ^= 1 << bit);
        }
    }
}
