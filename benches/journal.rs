//! What remembering costs: the shard's part, the gateway's, the agent's, the disk's, and a start's.
//!
//! Row of `docs/numbers.md`: journal append, which is `append a step`: encode, push into the ring, and take it out
//! again. The others are what the page of the journal and the promise of durability stand on.

mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sealgate::journal::append::{Appender, SessionAppender};
use sealgate::limits::{JOURNAL_RING_BYTES, SEGMENT_BYTES};
use sealgate::ring::bytes;
use sealgate::run::journal::log::Log;
use sealgate::run::recovery::replay;
use sealgate::run::shard::{Outcome, Shard};
use sealgate::sys::file::Folder;
use sealgate::types::*;
use sealgate::wire::record::{self, Place};
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

/// A journal in which each second order trades.
fn write_journal(dir: &Path) {
    let folder = Folder::create(dir).expect("a folder");
    let mut log = Log::create(folder, "bench".to_owned(), SEGMENT_BYTES, NOW).expect("a log");
    let ((mut shard, setup), mut appender) = (shard(), Appender::default());
    let orders = (0..STEPS).map(|n| order(n, if n % 2 == 0 { Side::Buy } else { Side::Sell }));
    for command in setup.into_iter().chain(orders) {
        let mut record = execute(&mut shard, &mut appender, &command).to_vec();
        log.append(&mut record, NOW).expect("room");
    }
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
    c.bench_function("journal/seal", |b| {
        b.iter(|| record::seal(black_box(&mut record), Place { segment: 1, offset: 4_096 }));
    });
}

fn disk(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = Folder::create(dir.path()).expect("a folder");
    let mut log = Log::create(folder, "bench".to_owned(), SEGMENT_BYTES, NOW).expect("a log");
    let (mut appender, mut seq) = (Appender::default(), Seq::ZERO);
    let mut one = |is_synced: bool| {
        seq = seq.next();
        let command = order(seq.0, Side::Buy);
        let mut record = appender.step(ShardId(0), seq, NOW, &command, &signed_bytes(), &[]).to_vec();
        log.append(&mut record, NOW).expect("room");
        if is_synced {
            log.sync().expect("a disk");
        }
    };
    c.bench_function("journal/write of one record", |b| b.iter(|| one(false)));
    c.bench_function("journal/write and fdatasync of one record", |b| b.iter(|| one(true)));
}

fn recovery(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    write_journal(dir.path());
    let mut group = c.benchmark_group("journal/recovery");
    group.throughput(Throughput::Elements(STEPS)).sample_size(10);
    group.bench_function("read, check, run again and compare", |b| {
        b.iter(|| replay(dir.path(), |_| {}).expect("a sound journal"));
    });
    group.finish();
}

criterion_group!(benches, journal, disk, recovery);
criterion_main!(benches);
