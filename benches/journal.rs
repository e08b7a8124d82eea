//! What remembering costs: the shard's part (a row of `docs/numbers.md`), the agent's, the disk's, and a start's.
//!
//! `cargo bench --bench journal`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sealgate::journal::append::Appender;
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

const NOW: Nanos = Nanos(1_700_000_000_000_000_000);
const STEPS: u64 = 10_000;

/// An order of a session that signs each, as FIX brings it: some 250 signed bytes.
fn signed() -> SignedBytes {
    SignedBytes::new(&[b'x'; 250], Some([7; 64]))
}

fn order(n: u64, side: Side) -> Command {
    let order = NewOrder {
        account: AccountId(1 + u32::from(side == Side::Sell)),
        instrument: InstrumentId(1),
        cl_ord_id: ClOrdId::truncated(&format!("order-{n}")),
        side,
        ord_type: OrdType::Limit,
        time_in_force: TimeInForce::Gtc,
        smp: SmpMode::ExpireTaker,
        price: Price(100),
        qty: Qty(1),
    };
    let requester = Requester {
        session: SessionId(1),
        key: ApiKeyId(1),
        sent: NOW,
        recv_window: Span::from_secs(5),
        content: u128::from(n).to_le_bytes(),
        signed_digest: u128::from(n).to_le_bytes(),
        named: true,
    };
    Command::New(requester, order)
}

fn shard() -> (Shard, Vec<Command>) {
    let symbol = Symbol::truncated("BTC-USD");
    let instrument = Instrument {
        id: InstrumentId(1),
        symbol,
        kind: InstrumentKind::Spot,
        base: symbol,
        quote: symbol,
        price_scale: Scale(2),
        qty_scale: Scale(4),
        tick: Price(1),
        lot: Qty(1),
        max_qty: Qty(1_000_000),
        max_notional: u64::MAX,
        band_bps: 0,
        reference: Price(100),
        state: InstrumentState::Trading,
    };
    let account = |id| AccountLimits {
        account: AccountId(id),
        max_open_orders: 100_000,
        max_position: 0,
        enabled: true,
    };
    let setup =
        vec![Command::Instrument(instrument), Command::Account(account(1)), Command::Account(account(2))];
    (Shard::new(ShardId(0)), setup)
}

/// Executes a command, and gives its record.
fn execute<'a>(shard: &mut Shard, appender: &'a mut Appender, command: &Command) -> &'a [u8] {
    match shard.execute(None, command, NOW) {
        Outcome::Step(step) => {
            appender.step(step.shard, step.seq, step.time, command, &signed(), step.events)
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
    let (events, signed) = (step.events.to_vec(), signed());
    let (mut writer, mut reader) = bytes::ring(JOURNAL_RING_BYTES);
    c.bench_function("journal append (encode, push; pop)", |b| {
        b.iter(|| {
            let record = appender.step(ShardId(0), Seq(1), NOW, black_box(&command), &signed, &events);
            assert!(writer.push(record).is_done());
            if let Some(record) = reader.front() {
                record.release();
            }
        });
    });
    let mut record = appender.step(ShardId(0), Seq(1), NOW, &command, &signed, &events).to_vec();
    c.bench_function("journal seal", |b| {
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
        let mut record = appender.step(ShardId(0), seq, NOW, &command, &signed(), &[]).to_vec();
        log.append(&mut record, NOW).expect("room");
        if is_synced {
            log.sync().expect("a disk");
        }
    };
    c.bench_function("journal write of one record", |b| b.iter(|| one(false)));
    c.bench_function("journal write and fdatasync of one record", |b| b.iter(|| one(true)));
}

fn recovery(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    write_journal(dir.path());
    let mut group = c.benchmark_group("recovery");
    group.throughput(Throughput::Elements(STEPS)).sample_size(10);
    group.bench_function("read, check, run again and compare", |b| {
        b.iter(|| replay(dir.path(), |_| {}).expect("a sound journal"));
    });
    group.finish();
}

criterion_group!(benches, journal, disk, recovery);
criterion_main!(benches);
