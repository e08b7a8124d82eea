use super::log::{LogOptions, segment_name};
use super::walk::{JournalFault, walk};
use super::*;
use crate::journal::append::{Appender, SessionAppender};
use crate::limits::RECORD_BYTES_MAX;
use crate::seal::fixture::vault;
use crate::sys::file::Folder;
use crate::sys::poll::Poller;
use crate::types::{MsgSeqNum, SessionId, SignedBytes};
use crate::wire::record::SEGMENT_HEADER_BYTES;
use crate::wire::record::samples::{commands, events, longest_step, step};
use std::path::Path;

mod evidence;

const NOW: Nanos = Nanos(1_000);
const SMALL: u64 = (SEGMENT_HEADER_BYTES + RECORD_BYTES_MAX) as u64;

fn options() -> LogOptions {
    LogOptions { environment: "test".to_owned(), segment_bytes: SMALL, vault: vault() }
}

fn new_log(dir: &Path) -> Log {
    Log::create(Folder::create(dir).unwrap(), options(), NOW).unwrap()
}

/// An agent with one shard and one gateway, and the other ends of its rings.
struct Bench {
    agent: JournalAgent,
    steps: bytes::Writer,
    sessions: bytes::Writer,
    requests: spsc::Producer<Wanted>,
    answers: spsc::Consumer<ReadBack>,
    durable: (Watermark, Watermark),
    appender: Appender,
    session_appender: SessionAppender,
    next: u64,
    _poller: Poller,
}

impl Bench {
    fn new(dir: &Path, durability: Durability, ring: usize) -> Self {
        let (steps, shard_records) = bytes::ring(ring);
        let (sessions, gateway_records) = bytes::ring(ring);
        let (requests, asked) = spsc::ring(256);
        let (answering, answers) = spsc::ring(256);
        let poller = Poller::new().unwrap();
        let durable = (Watermark::default(), Watermark::default());
        let shard = ShardPort { shard: ShardId(0), records: shard_records, durable: durable.0.clone() };
        let gateway = GatewayPort {
            gateway: GatewayId(0),
            records: gateway_records,
            durable: durable.1.clone(),
            requests: asked,
            answers: answering,
            waker: poller.waker(),
        };
        let agent =
            JournalAgent::new("journal-0".to_owned(), new_log(dir), durability, vec![shard], vec![gateway]);
        let session_appender = SessionAppender::new(GatewayId(0), Seq::ZERO);
        let appender = Appender::default();
        Self {
            agent,
            steps,
            sessions,
            requests,
            answers,
            durable,
            appender,
            session_appender,
            next: 1,
            _poller: poller,
        }
    }

    fn step(&mut self, events: &[Event]) -> bool {
        let (shard, seq) = (ShardId(0), Seq(self.next));
        let record =
            self.appender.step(shard, seq, Nanos(self.next), &commands()[3], &SignedBytes::NONE, events);
        let done = self.steps.push(record).is_done();
        self.next += u64::from(done);
        done
    }

    fn inbound(&mut self, number: u32) {
        let record = SessionRecord::Inbound { session: SessionId(1), number: MsgSeqNum(number) };
        let (_, bytes) = self.session_appender.record(NOW, &record);
        assert!(self.sessions.push(bytes).is_done());
    }

    fn own(&mut self, body: &[u8]) -> OwnRef {
        let (session, number) = (SessionId(1), MsgSeqNum(1));
        let record = SessionRecord::Outbound { session, number, sent: NOW, body: OutboundBody::Own(body) };
        let (seq, bytes) = self.session_appender.record(NOW, &record);
        assert!(self.sessions.push(bytes).is_done());
        OwnRef { gateway: GatewayId(0), seq }
    }

    fn reached(&self) -> (u64, u64) {
        (self.durable.0.reached().0, self.durable.1.reached().0)
    }
}

/// Everything in a log: stream and number of each record.
fn contents(dir: &Path) -> Vec<(Stream, u64)> {
    let mut found = Vec::new();
    walk(&Folder::hold(dir).unwrap(), &vault(), |_, record| {
        found.push((record.stream, record.seq.0));
        Ok(())
    })
    .unwrap();
    found
}

#[test]
fn one_write_makes_shards_and_gateways_durable_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), Durability::Disk, 1 << 20);
    assert_eq!(bench.agent.poll(NOW).unwrap(), Work::Idle);
    bench.inbound(1);
    assert!(bench.step(&[]) && bench.step(&events()));
    assert!(bench.agent.has_input());
    assert_eq!(bench.reached(), (0, 0), "nothing is durable before the agent's turn");
    assert_eq!(bench.agent.poll(NOW).unwrap(), Work::Done);
    assert_eq!(bench.reached(), (2, 1));
    assert!(bench.agent.log.is_synced() && !bench.agent.has_input());
}

#[test]
fn what_nobody_waits_for_goes_with_the_next_sync_or_alone_a_little_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), Durability::Disk, 1 << 20);
    bench.inbound(1);
    assert_eq!(bench.agent.poll(NOW).unwrap(), Work::Done);
    assert_eq!((bench.reached(), bench.agent.log.is_synced()), ((0, 0), false), "written, and no more");
    bench.step(&[]);
    bench.agent.poll(NOW).unwrap();
    assert_eq!((bench.reached(), bench.agent.log.is_synced()), ((1, 1), true), "with what is waited for");
    bench.inbound(2);
    bench.agent.poll(NOW).unwrap();
    assert_eq!(bench.reached(), (1, 1));
    bench.agent.poll(NOW + ALONE_AFTER).unwrap();
    assert_eq!((bench.reached(), bench.agent.log.is_synced()), ((1, 2), true), "alone");
    bench.own(b"3\x0145=7\x01");
    bench.agent.poll(NOW).unwrap();
    assert_eq!(bench.reached(), (1, 3), "a message of the session's own waits for its record");
}

#[test]
fn the_session_log_stands_before_the_steps_that_follow_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), Durability::Disk, 1 << 20);
    bench.inbound(1);
    bench.step(&[]);
    bench.inbound(2);
    bench.step(&[]);
    bench.agent.poll(NOW).unwrap();
    drop(bench);
    let (shard, gateway) = (Stream::Shard(ShardId(0)), Stream::Gateway(GatewayId(0)));
    assert_eq!(contents(dir.path()), [(gateway, 1), (gateway, 2), (shard, 1), (shard, 2)]);
}

#[test]
fn process_publishes_without_a_sync_and_memory_without_a_record() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(&dir.path().join("process"), Durability::Process, 1 << 20);
    bench.step(&[]);
    bench.agent.poll(NOW).unwrap();
    assert_eq!((bench.reached(), bench.agent.log.is_synced()), ((1, 0), false));
    assert!(!bench.agent.stopping(Phase::Syncing, NOW), "a stop syncs what was not");
    bench.agent.poll(NOW).unwrap();
    assert!(bench.agent.log.is_synced() && bench.agent.stopping(Phase::Syncing, NOW));
    let bench = Bench::new(&dir.path().join("memory"), Durability::Memory, 1 << 20);
    assert_eq!(bench.reached(), (u64::MAX, u64::MAX));
}

#[test]
fn events_and_own_bodies_read_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), Durability::Disk, 1 << 20);
    bench.step(&events());
    let own = bench.own(b"3\x0145=7\x01");
    let at = |seq, index| EventRef { shard: ShardId(0), seq: Seq(seq), index };
    let questions = [
        SentBody::Event(at(1, 2)),
        SentBody::Own(own),
        SentBody::Event(at(1, 99)),
        SentBody::Event(at(2, 0)),
        SentBody::Own(OwnRef { seq: Seq(0), ..own }),
    ];
    // Asked before anything was written: the answers come with the turn that writes.
    for question in questions {
        assert!(bench.requests.push(Wanted::Sent(question)).is_done());
    }
    bench.agent.poll(NOW).unwrap();
    let answers: Vec<_> = std::iter::from_fn(|| bench.answers.pop()).collect();
    let expected = [
        ReadBack::Event(at(1, 2), Nanos(1), events()[2]),
        ReadBack::Own(own, b"3\x0145=7\x01".as_slice().into()),
        ReadBack::Missing(questions[2]),
        ReadBack::Missing(questions[3]),
        ReadBack::Missing(questions[4]),
    ];
    assert_eq!(answers, expected);
}

#[test]
fn a_turn_answers_a_bounded_number_of_questions_and_waits_for_a_full_ring() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), Durability::Process, 1 << 20);
    bench.step(&events());
    let question = SentBody::Event(EventRef { shard: ShardId(0), seq: Seq(1), index: 0 });
    for _ in 0..READ_BACKS_PER_TURN_MAX + 1 {
        assert!(bench.requests.push(Wanted::Sent(question)).is_done());
    }
    bench.agent.poll(NOW).unwrap();
    assert_eq!(bench.answers.slots(), READ_BACKS_PER_TURN_MAX);
    for _ in 0..400 {
        let _ = bench.requests.push(Wanted::Sent(question));
        bench.agent.poll(NOW).unwrap();
    }
    assert_eq!(bench.answers.slots(), 256, "the ring is full, the rest waits");
    assert!(bench.agent.has_input());
    while bench.answers.pop().is_some() {}
    bench.agent.poll(NOW).unwrap();
    assert_eq!(bench.answers.slots(), READ_BACKS_PER_TURN_MAX);
}

#[test]
fn a_full_ring_holds_the_shard_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), Durability::Process, 8_192);
    let before_full = (1..).find(|_| !bench.step(&events()[..1])).unwrap() - 1;
    assert!(bench.agent.poll(NOW).unwrap() == Work::Done && bench.step(&events()[..1]));
    bench.agent.poll(NOW).unwrap();
    assert_eq!(bench.reached().0, before_full + 1);
}

#[test]
fn a_log_goes_on_in_a_new_segment_when_one_is_full_and_all_of_it_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = new_log(dir.path());
    let mut batch = Vec::new();
    for seq in 1..=300 {
        batch.extend(step(ShardId(0), seq, &commands()[0], &SignedBytes::NONE, &events()));
    }
    log.append(&batch, NOW).unwrap();
    log.sync().unwrap();
    assert!(log.end().place.segment > 5, "{:?}", log.end());
    let mut buffer = Vec::new();
    for seq in [1, 150, 300, 2] {
        let record = log.read(Stream::Shard(ShardId(0)), Seq(seq), &mut buffer).unwrap().unwrap();
        assert_eq!((record.seq, record.time), (Seq(seq), Nanos(1_000 + seq)));
    }
    let end = log.end();
    drop(log);
    assert_eq!(contents(dir.path()).len(), 300);
    let walked = walk(&Folder::hold(dir.path()).unwrap(), &vault(), |_, _| Ok(())).unwrap();
    assert_eq!((walked.end, walked.torn, walked.segments), (end, 0, end.place.segment));
}

#[test]
fn the_longest_record_fits_the_smallest_segment() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = new_log(dir.path());
    log.append(&longest_step(), NOW).unwrap();
    assert_eq!(log.end().place.segment, 1);
}

#[test]
fn a_record_out_of_order_is_a_fault_and_nothing_is_published_after_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), Durability::Disk, 1 << 20);
    bench.next = 2;
    bench.step(&[]);
    let fault = bench.agent.poll(NOW).unwrap_err();
    assert!(fault.to_string().contains("record 2 of shard-0 was appended where 1 belongs"), "{fault}");
    bench.inbound(1);
    assert_eq!(bench.agent.poll(NOW).unwrap_err().to_string(), fault.to_string());
    assert_eq!(bench.reached(), (0, 0));
}

#[test]
fn an_error_of_the_disk_is_a_fault_and_nothing_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(dir.path(), Durability::Disk, 1 << 20);
    bench.agent.log.refuse_writes();
    bench.step(&[]);
    let fault = bench.agent.poll(NOW).unwrap_err();
    assert!(fault.to_string().starts_with("journal-0: write "), "{fault}");
    assert_eq!(bench.reached(), (0, 0));
    assert!(bench.agent.poll(NOW).is_err(), "and it stays one");
}

fn fault_of(dir: &Path) -> JournalFault {
    walk(&Folder::hold(dir).unwrap(), &vault(), |_, _| Ok(())).unwrap_err()
}

#[test]
fn files_that_are_missing_short_swapped_or_foreign_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = |n| dir.path().join(segment_name(n));
    assert!(matches!(fault_of(dir.path()), JournalFault::Empty(_)));
    let mut log = new_log(dir.path());
    for seq in 1..=110 {
        let record = step(ShardId(0), seq, &commands()[0], &SignedBytes::NONE, &events());
        log.append(&record, NOW).unwrap();
    }
    assert_eq!(log.end().place.segment, 3);
    drop(log);
    let originals: Vec<_> = (1..=3).map(|n| std::fs::read(path(n)).unwrap()).collect();
    let restore = || (1..=3).for_each(|n| std::fs::write(path(n), &originals[n as usize - 1]).unwrap());

    std::fs::remove_file(path(2)).unwrap();
    assert!(matches!(fault_of(dir.path()), JournalFault::MissingSegment(2)));
    restore();
    std::fs::write(path(2), &originals[0]).unwrap();
    assert!(matches!(fault_of(dir.path()), JournalFault::WrongSegment { expected: 2, found: 1 }));
    restore();
    std::fs::write(path(2), &originals[1][..50_000]).unwrap();
    assert!(matches!(fault_of(dir.path()), JournalFault::Size { segment: 2, found: 50_000, .. }));
    std::fs::write(path(2), "not a journal").unwrap();
    assert!(matches!(fault_of(dir.path()), JournalFault::Segment { segment: 2, .. }));
    restore();
    // A segment whose end was lost: the next one knows where it ended.
    let mut shorter = originals[0].clone();
    let last = shorter.iter().rposition(|byte| *byte != 0).unwrap();
    shorter[last - 3_000..].fill(0);
    std::fs::write(path(1), &shorter).unwrap();
    let fault = fault_of(dir.path());
    assert!(matches!(fault, JournalFault::Damaged { .. } | JournalFault::Link { .. }), "{fault}");
    restore();
    assert_eq!(contents(dir.path()).len(), 110);
}
