//! What remembering costs: the shard's part, the gateway's, the agent's, the disk's, and a start's.
//!
//! Row of `docs/numbers.md`: journal append, which is `append a step`: encode, push into the ring, and take it out
//! again. The others are what the page of the journal and the promise of durability stand on.

mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sealgate::config::Encryption;
use sealgate::journal::append::{Appender, SessionAppender};
use sealgate::limits::{JOURNAL_RING_BYTES, SEGMENT_BYTES};
use sealgate::ring::bytes;
use sealgate::run::journal::log::{Log, LogOptions};
use sealgate::run::recovery::replay;
use sealgate::run::shard::{Outcome, Shard};
use sealgate::seal::{KeyFile, RecordSealer, SegmentKeys, Vault};
use sealgate::sys::file::Folder;
use sealgate::types::*;
use sealgate::wire::record::{self, JournalId, KeyPage, Place, SEGMENT_HEADER_BYTES, SegmentHeader};
use std::hint::black_box;
use std::path::Path;
use support::{
    NOW, ORDER_SIGNED, SESSION, SESSION_SIGNED, account_limits, instrument, new_order, requester,
    signed_bytes,
};

/// Records of the journal that a start reads: the budget is 2 µs for each.
const STEPS: u64 = 1_000_000;

/// One account buys, the other sells.
fn order(n: u64, side: Side) -> Command {
    let account = if side == Side::Buy { ORDER_SIGNED } else { SESSION_SIGNED };
    Command::New(requester(n, NOW), new_order(n, account, side))
}

fn shard() -> (Shard, Vec<Command>) {
    let accounts = [ORDER_SIGNED, SESSION_SIGNED].map(|id| Command::Account(account_limits(id)));
    let setup = [Command::Instrument(instrument())].into_iter().chain(accounts).collect();
    (Shard::new(ShardId(0)), setup)
}

/// Executes a command, and gives its record.
fn execute<'a>(shard: &mut Shard, appender: &'a mut Appender, command: &Command) -> &'a [u8] {
    match shard.execute(None, command, NOW) {
        Outcome::Step(step) => {
            appender.step(step.shard, step.seq, step.time, command, &signed_bytes(), step.events)
        }
        Outcome::Repetition(_) => panic!("every order is new"),
    }
}

/// With a key file, as `sealgate init` makes it.
fn vault(dir: &Path) -> Vault {
    let (path, data) = (dir.join("master.key"), dir.join("data"));
    KeyFile::create(&path).expect("a key file");
    Vault::open(&Encryption::KeyFile(path), &data).expect("a key")
}

fn options(vault: &Vault) -> LogOptions {
    LogOptions { environment: "bench".to_owned(), segment_bytes: SEGMENT_BYTES, vault: vault.clone() }
}

/// A journal in which each second order trades.
fn write_journal(dir: &Path) -> Vault {
    let vault = vault(dir);
    let folder = Folder::create(&dir.join("data")).expect("a folder");
    let mut log = Log::create(folder, options(&vault), NOW).expect("a log");
    let ((mut shard, setup), mut appender) = (shard(), Appender::default());
    let orders = (0..STEPS).map(|n| order(n, if n % 2 == 0 { Side::Buy } else { Side::Sell }));
    for command in setup.into_iter().chain(orders) {
        log.append(execute(&mut shard, &mut appender, &command), NOW).expect("room");
    }
    vault
}

fn journal(c: &mut Criterion) {
    let (mut core, setup) = shard();
    let mut appender = Appender::default();
    for command in &setup {
        execute(&mut core, &mut appender, command);
    }
    let command = order(1, Side::Buy);
    let Outcome::Step(step) = core.execute(None, &command, NOW) else { panic!("it is new") };
    let (events, signed) = (step.events.to_vec(), signed_bytes());
    let (mut writer, mut reader) = bytes::ring(JOURNAL_RING_BYTES);
    c.bench_function("journal/append a step", |b| {
        b.iter(|| {
            let record = appender.step(ShardId(0), Seq(1), NOW, black_box(&command), &signed, &events);
            assert!(writer.push(record).is_done());
            if let Some(record) = reader.front() {
                record.release();
            }
        });
    });
    let mut sessions = SessionAppender::new(GatewayId(0), Seq::ZERO);
    let inbound = SessionRecord::Inbound { session: SESSION, number: MsgSeqNum(2) };
    c.bench_function("journal/append that a FIX message was taken", |b| {
        b.iter(|| {
            assert!(writer.push(sessions.record(NOW, black_box(&inbound)).1).is_done());
            if let Some(record) = reader.front() {
                record.release();
            }
        });
    });
    let mut record = appender.step(ShardId(0), Seq(1), NOW, &command, &signed, &events).to_vec();
    seal(c, &mut record);
}

/// What the journal agent adds to each record: encryption, the link to the record before, the checksum; and what a
/// start does to read it.
fn seal(c: &mut Criterion, record: &mut [u8]) {
    let dir = tempfile::tempdir().expect("a folder");
    let place = Place { segment: 1, offset: SEGMENT_HEADER_BYTES as u32 };
    let plain = record.to_vec();
    for (name, vault) in [("AES-256-GCM", vault(dir.path())), ("not encrypted", Vault::none())] {
        let header = SegmentHeader {
            segment: 1,
            size: SEGMENT_BYTES,
            time: NOW,
            environment: "bench".to_owned(),
            previous_end: 0,
            previous_link: [0; 32],
            journal: JournalId([1; 16]),
            cipher: vault.cipher(),
        };
        let new = || RecordSealer::new(vault.data_key(header.journal, place).expect("a key"), NOW);
        // A sealer seals each place once, so each round takes the next, and sometimes the next segment.
        let (mut sealer, mut at) = (new().0, place);
        let mut next = || {
            if at.offset > u32::MAX / 2 {
                (sealer, at) = (new().0, place);
            }
            record.copy_from_slice(&plain);
            let link = sealer.seal(black_box(record), at, &[7; 32]).expect("a cipher");
            at.offset += record.len() as u32;
            link
        };
        c.bench_function(&format!("journal/seal, {name}, {} bytes", plain.len()), |b| b.iter(&mut next));
        let (mut sealer, key) = new();
        record.copy_from_slice(&plain);
        sealer.seal(record, place, &[7; 32]).expect("a cipher");
        let page = KeyPage { generation: 1, keys: key.into_iter().collect() };
        let keys = SegmentKeys::open(&vault, &header, &page).expect("a key");
        let mut scratch = Vec::new();
        c.bench_function(&format!("journal/open, {name}, {} bytes", plain.len()), |b| {
            b.iter(|| {
                let frame = record::frame(black_box(record), place).expect("a checksum");
                let link = frame.next_link();
                keys.read(&frame, &mut scratch).expect("a seal");
                link
            });
        });
    }
}

fn disk(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let vault = vault(dir.path());
    let folder = Folder::create(&dir.path().join("data")).expect("a folder");
    let mut log = Log::create(folder, options(&vault), NOW).expect("a log");
    let (mut appender, mut seq) = (Appender::default(), Seq::ZERO);
    let mut one = |is_synced: bool| {
        seq = seq.next();
        let command = order(seq.0, Side::Buy);
        let record = appender.step(ShardId(0), seq, NOW, &command, &signed_bytes(), &[]);
        log.append(record, NOW).expect("room");
        if is_synced {
            log.sync().expect("a disk");
        }
    };
    c.bench_function("journal/write of one record", |b| b.iter(|| one(false)));
    c.bench_function("journal/write and fdatasync of one record", |b| b.iter(|| one(true)));
}

fn recovery(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let vault = write_journal(dir.path());
    let mut group = c.benchmark_group("journal/recovery");
    group.throughput(Throughput::Elements(STEPS)).sample_size(10);
    group.bench_function("read, check, run again and compare", |b| {
        b.iter(|| replay(&dir.path().join("data"), &vault, |_| {}).expect("a sound journal"));
    });
    group.finish();
}

criterion_group!(benches, journal, disk, recovery);
criterion_main!(benches);
