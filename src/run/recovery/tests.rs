mod snapshots;

mod at_rest;

use super::samples::*;
use super::*;
use crate::run::journal::SentBody;
use crate::run::journal::head::Head;
use crate::run::journal::log::segment_name;
use crate::run::journal::walk::walk;
use crate::seal::fixture::vault;
use crate::types::*;
use crate::wire::record::samples::{commands, step};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

fn at(seq: u64, index: u16) -> EventRef {
    EventRef { shard: ShardId(0), seq: Seq(seq), index }
}

fn segment(dir: &Path) -> PathBuf {
    dir.join(segment_name(1))
}

/// The last written byte of the only segment.
fn written(dir: &Path) -> usize {
    std::fs::read(segment(dir)).unwrap().iter().rposition(|byte| *byte != 0).unwrap()
}

/// Makes the last `bytes` written bytes never-written space again.
fn tear(dir: &Path, bytes: usize) {
    let mut content = std::fs::read(segment(dir)).unwrap();
    let last = written(dir);
    content[last + 1 - bytes..].fill(0);
    std::fs::write(segment(dir), content).unwrap();
}

#[test]
fn a_new_folder_becomes_a_journal_and_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data/journal");
    let first = recovered(&path).unwrap();
    assert_eq!((first.report, first.shards.len()), (Report::default(), 1));
    let second = recovered(&path).unwrap_err();
    assert!(second.to_string().contains("is in use"), "{second}");
    drop(first);
    assert_eq!(recovered(&path).unwrap().report, Report { snapshot: None, segments: 1, records: 1, cut: 0 });
}

#[test]
fn a_restart_ends_in_the_same_state_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    venue.trade();
    let (hash, last) = (venue.shard.state_hash(), venue.shard.last_seq());
    drop(venue);
    for _ in 0..2 {
        let again = recovered(dir.path()).unwrap();
        assert_eq!(again.shards[0].state_hash(), hash);
        assert_eq!(again.streams.last(Stream::Shard(ShardId(0))), last);
    }
    let mut steps = Vec::new();
    let replayed = replay(dir.path(), &vault(), |step| steps.push((step.seq, step.events.len()))).unwrap();
    assert_eq!(replayed.shards[0].state_hash(), hash);
    assert_eq!(steps.last(), Some(&(last, 3)), "new, and a trade told to both sides");
    assert_eq!(replayed.walked.torn, 0);
}

#[test]
fn a_journal_goes_on_over_restarts_and_segments() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    venue.trade();
    for round in 0..5 {
        for n in 0..60 {
            venue.run(&order(MAKER, Side::Buy, &format!("m-{round}-{n}"), 1));
            venue.run(&order(TAKER, Side::Sell, &format!("t-{round}-{n}"), 1));
        }
        venue.log.sync().unwrap();
        let hash = venue.shard.state_hash();
        drop(venue);
        venue = Venue::open(dir.path());
        assert_eq!(venue.shard.state_hash(), hash, "round {round}");
    }
    assert!(venue.log.end().place.segment > 2);
}

#[test]
fn a_sweep_that_was_cut_in_the_middle_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    for n in 0..100 {
        venue.run(&order(MAKER, Side::Buy, &format!("m-{n}"), 1));
    }
    venue.run(&order(TAKER, Side::Sell, "t", 100));
    let hash = venue.shard.state_hash();
    assert!(matches!(venue.log.end().place.segment, 1..));
    let last = venue.shard.last_seq();
    drop(venue);
    let name = dir
        .path()
        .join(segment_name((1..).take_while(|n| dir.path().join(segment_name(*n)).exists()).last().unwrap()));
    let mut bytes = std::fs::read(&name).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end - 100..].fill(0);
    std::fs::write(&name, bytes).unwrap();
    let mut venue = Venue::open(dir.path());
    assert!(venue.shard.has_pending() && venue.shard.last_seq().next() == last);
    while venue.shard.has_pending() {
        venue.shard.proceed(NOW);
    }
    assert_eq!(venue.shard.state_hash(), hash);
}

#[test]
fn sessions_know_their_numbers_and_what_they_are_owed() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    venue.trade();
    let own = venue.send(TAKER, 2, OutboundBody::Own(b"3\x0145=2\x01"));
    drop(venue);
    let sessions = recovered(dir.path()).unwrap().sessions;
    let maker = &sessions[&MAKER];
    assert_eq!((maker.next_inbound, maker.next_outbound()), (MsgSeqNum(3), MsgSeqNum(101)));
    let first = Sent { number: MsgSeqNum(2), time: NOW, body: SentBody::Event(at(4, 0)), poss_resend: false };
    assert_eq!(maker.sent, [first]);
    assert_eq!(maker.owed, [at(5, 1)], "its fill never got a number");
    let taker = &sessions[&TAKER];
    let own = SentBody::Own(OwnRef { gateway: GatewayId(0), seq: own });
    assert_eq!(taker.sent, [Sent { number: MsgSeqNum(2), time: NOW, body: own, poss_resend: false }]);
    assert_eq!(taker.owed, [at(5, 0), at(5, 2)]);
}

#[test]
fn a_drop_copy_is_owed_what_happened_since_it_began_and_since_its_last_copy() {
    const COPY: SessionId = SessionId(9);
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    let options = RecoveryOptions {
        wanted: Wanted { drop_copies: [(AccountId(1), vec![COPY])].into(), ..Wanted::default() },
        ..options()
    };
    let owed = || recover(dir.path(), &options, NOW).unwrap().sessions.remove(&COPY).map(|copy| copy.owed);
    venue.trade();
    drop(venue);
    assert_eq!(owed(), None, "nobody knew it then");

    let mut venue = Venue::open(dir.path());
    venue.note(&SessionRecord::InboundNext { session: COPY, next: MsgSeqNum(1) });
    let first = venue.run(&order(MAKER, Side::Buy, "m-2", 1))[0];
    let second = venue.run(&order(MAKER, Side::Buy, "m-3", 1))[0];
    drop(venue);
    assert_eq!(owed(), Some(vec![first, second]));

    let mut venue = Venue::open(dir.path());
    venue.note(&SessionRecord::Reserved { session: COPY, upto: MsgSeqNum(100) });
    venue.send(COPY, 1, OutboundBody::Event(second));
    venue.run(&order(TAKER, Side::Buy, "t-2", 1));
    let third = venue.run(&order(MAKER, Side::Buy, "m-4", 1))[0];
    // A copy of a step that was lost is none, and the step that stands there later is owed.
    let fourth = EventRef { seq: third.seq.next(), ..third };
    venue.send(COPY, 2, OutboundBody::Event(fourth));
    drop(venue);
    assert_eq!(owed(), Some(vec![third]), "what stands before a copy was told, or was of another account");
    let mut venue = Venue::open(dir.path());
    assert_eq!(venue.run(&order(MAKER, Side::Buy, "m-5", 1)), [fourth]);
    drop(venue);
    assert!(owed().unwrap().contains(&fourth));
}

#[test]
fn a_reset_starts_the_numbers_again_and_forgives_no_debt() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    venue.trade();
    venue.note(&SessionRecord::Reset { session: MAKER });
    venue.note(&SessionRecord::InboundNext { session: MAKER, next: MsgSeqNum(9) });
    venue.note(&SessionRecord::Reserved { session: MAKER, upto: MsgSeqNum(50) });
    venue.send(MAKER, 1, OutboundBody::Event(at(5, 1)));
    drop(venue);
    let maker = recovered(dir.path()).unwrap().sessions.remove(&MAKER).unwrap();
    assert_eq!((maker.next_inbound, maker.next_outbound()), (MsgSeqNum(9), MsgSeqNum(51)));
    assert_eq!((maker.sent.len(), maker.owed), (1, vec![]));
}

#[test]
fn an_event_that_outlived_its_run_without_a_number_says_so_whenever_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    venue.trade();
    drop(venue);
    let mut venue = Venue::open(dir.path());
    venue.note(&SessionRecord::Reserved { session: MAKER, upto: MsgSeqNum(200) });
    venue.send(MAKER, 101, OutboundBody::Event(at(5, 1)));
    let refs = venue.run(&order(MAKER, Side::Buy, "m-2", 1));
    venue.send(MAKER, 102, OutboundBody::Event(refs[0]));
    drop(venue);
    let maker = recovered(dir.path()).unwrap().sessions.remove(&MAKER).unwrap();
    let told: Vec<_> = maker.sent.iter().map(|sent| (sent.number.0, sent.poss_resend)).collect();
    assert_eq!(told, [(2, false), (101, true), (102, false)]);
}

#[test]
fn a_number_that_is_used_twice_or_not_reserved_stops_recovery() {
    for (number, why) in [(2, "was used after 2"), (101, "only 100 reserved")] {
        let dir = tempfile::tempdir().unwrap();
        let mut venue = Venue::begin(dir.path());
        venue.trade();
        venue.send(MAKER, number, OutboundBody::Event(at(5, 1)));
        drop(venue);
        let fault = recovered(dir.path()).unwrap_err();
        assert!(fault.to_string().contains(why), "{fault}");
    }
}

/// A gateway may give a number to an event whose step is in the same write, behind it. If that write was torn
/// between the two, the step is lost; after the restart another step gets its number, and must not be taken for it.
#[test]
fn a_number_given_to_a_lost_event_never_comes_to_mean_another() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    venue.trade();
    venue.send(MAKER, 3, OutboundBody::Event(at(6, 0)));
    drop(venue);
    let mut venue = Venue::open(dir.path());
    let refs = venue.run(&order(MAKER, Side::Buy, "m-2", 1));
    assert_eq!(refs, [at(6, 0)], "the same place, another event");
    drop(venue);
    let maker = recovered(dir.path()).unwrap().sessions.remove(&MAKER).unwrap();
    assert_eq!(maker.sent.len(), 1, "number 3 will be gap-filled");
    assert_eq!(maker.owed, [at(5, 1), at(6, 0)]);
}

#[test]
fn a_number_given_ahead_of_the_step_in_one_write_counts() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    venue.trade();
    venue.send(MAKER, 3, OutboundBody::Event(at(6, 0)));
    venue.run(&order(MAKER, Side::Buy, "m-2", 1));
    drop(venue);
    let maker = recovered(dir.path()).unwrap().sessions.remove(&MAKER).unwrap();
    assert_eq!((maker.sent.len(), maker.owed), (2, vec![at(5, 1)]));
}

#[test]
fn a_torn_tail_is_cut_once_and_the_log_goes_on_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    venue.trade();
    let (before, hash) = (venue.log.end(), venue.shard.state_hash());
    venue.run(&order(MAKER, Side::Buy, "m-2", 1));
    drop(venue);
    tear(dir.path(), 30);
    assert!(replay(dir.path(), &vault(), |_| {}).unwrap().walked.torn > 100, "looking does not cut");
    let mut recovered = recovered(dir.path()).unwrap();
    assert!(recovered.report.cut > 100);
    assert_eq!(recovered.shards[0].state_hash(), hash);
    let mut buffer = Vec::new();
    let started = recovered.log.read(Stream::Log, Seq(2), &mut buffer).unwrap().unwrap();
    assert_eq!(record::decode_log(&started), Ok(LogRecord::Started { cut: recovered.report.cut }));
    assert!(recovered.log.end().place.offset > before.place.offset, "it stands where the torn one stood");
    drop(recovered);
    let mut venue = Venue::open(dir.path());
    assert_eq!(venue.run(&order(MAKER, Side::Buy, "m-2", 1)), [at(6, 0)]);
}

/// What is left when the cutting itself is interrupted, at any byte of its first write, is a torn tail again.
#[test]
fn a_cut_that_is_interrupted_leaves_a_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    venue.trade();
    let start = venue.log.end().place.offset as usize;
    venue.run(&order(MAKER, Side::Buy, "m-2", 1));
    drop(venue);
    tear(dir.path(), 30);
    let torn = std::fs::read(segment(dir.path())).unwrap();
    let end = written(dir.path());
    for zeroed in (start + record::ALIGNMENT..=end).step_by(7) {
        let mut content = torn.clone();
        content[start + record::ALIGNMENT..zeroed].fill(0);
        std::fs::write(segment(dir.path()), content).unwrap();
        assert!(replay(dir.path(), &vault(), |_| {}).unwrap().walked.torn > 0, "up to {zeroed}");
    }
}

#[test]
fn a_step_that_comes_out_differently_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    venue.trade();
    let place = venue.log.end().place;
    // As if the code had changed: the record says that the order was accepted and traded nothing.
    let command = order(TAKER, Side::Sell, "t-2", 4);
    let seq = venue.shard.last_seq().next();
    let record = venue.appender.step(ShardId(0), seq, NOW, &command, &SignedBytes::NONE, &[]);
    venue.log.append(record, NOW).unwrap();
    drop(venue);
    let fault = recovered(dir.path()).unwrap_err().to_string();
    assert!(fault.starts_with(&place.to_string()), "{fault}");
    assert!(fault.contains("step 6 of shard-0: run again, it has an event more"), "{fault}");
}

#[test]
fn another_environment_and_an_unknown_shard_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    Venue::begin(dir.path());
    let other = RecoveryOptions { environment: "production".to_owned(), ..options() };
    let fault = recover(dir.path(), &other, NOW).unwrap_err().to_string();
    assert_eq!(fault, "this is the journal of environment \"test\", not of \"production\"");
    let other = RecoveryOptions { shards: vec![ShardId(1)], ..options() };
    assert!(matches!(recover(dir.path(), &other, NOW), Err(RecoveryError::UnknownShard(ShardId(0)))));
    let more = RecoveryOptions { shards: vec![ShardId(0), ShardId(1)], ..options() };
    assert_eq!(recover(dir.path(), &more, NOW).unwrap().shards.len(), 2);
}

/// DESIGN §4.6 on a real journal: each truncation gives the steps before it, and then more can be appended; each
/// damaged byte of the tail is refused with its place.
#[test]
fn every_damage_to_the_tail_gives_the_prefix_or_a_named_refusal() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    let start = venue.log.end().place.offset as usize;
    let mut hashes = vec![(start, venue.shard.state_hash())];
    for n in 0..3 {
        venue.run(&order(MAKER, Side::Buy, &format!("m-{n}"), 1));
        hashes.push((venue.log.end().place.offset as usize, venue.shard.state_hash()));
    }
    drop(venue);
    let whole = std::fs::read(segment(dir.path())).unwrap();
    for cut in (start..hashes[3].0).step_by(5) {
        let mut content = whole.clone();
        content[cut..].fill(0);
        std::fs::write(segment(dir.path()), content).unwrap();
        let recovered = recovered(dir.path()).unwrap();
        let expected = hashes.iter().rev().find(|(end, _)| *end <= cut).unwrap().1;
        assert_eq!(recovered.shards[0].state_hash(), expected, "cut at {cut}");
    }
    for at in (start..hashes[3].0).step_by(5) {
        let mut content = whole.clone();
        content[at] ^= 0x40;
        std::fs::write(segment(dir.path()), content).unwrap();
        let fault = recovered(dir.path()).unwrap_err();
        let is_named = matches!(
            fault,
            RecoveryError::Journal(JournalFault::BadTail { .. } | JournalFault::Damaged { .. })
        );
        assert!(is_named && fault.to_string().starts_with("segment 1 offset "), "byte {at}: {fault}");
    }
}

#[test]
fn a_session_is_not_owed_what_another_message_has_told_it_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    venue.trade();
    venue.note(&SessionRecord::Told { session: MAKER, event: at(5, 1) });
    venue.send(MAKER, 3, OutboundBody::Own(b"r\x01531=7\x01"));
    // The message that would have told this one was lost.
    venue.note(&SessionRecord::Told { session: TAKER, event: at(5, 0) });
    drop(venue);
    let sessions = recovered(dir.path()).unwrap().sessions;
    assert_eq!(sessions[&MAKER].owed, []);
    assert_eq!(sessions[&TAKER].owed, [at(5, 0), at(5, 2)]);
    let mut venue = Venue::open(dir.path());
    venue.note(&SessionRecord::Reserved { session: TAKER, upto: MsgSeqNum(200) });
    venue.send(TAKER, 101, OutboundBody::Own(b"3\x0145=2\x01"));
    drop(venue);
    assert_eq!(recovered(dir.path()).unwrap().sessions[&TAKER].owed, [at(5, 0), at(5, 2)]);
}

/// A shard reports it, so a crash can take its number away, and it is told again under another one.
#[test]
fn the_report_of_a_mass_cancel_is_owed_until_it_has_a_number() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    let Command::New(requester, order) = order(MAKER, Side::Buy, "m-1", 1) else { panic!() };
    let scope =
        CancelScope { account: order.account, instrument: Some(order.instrument), side: None, session: None };
    let cancel = MassCancel { scope, cl_ord_id: ClOrdId::truncated("all") };
    let refs = venue.run(&Command::MassCancel(requester, cancel));
    drop(venue);
    let owed = |dir: &Path| recovered(dir).unwrap().sessions.remove(&MAKER).unwrap().owed;
    assert_eq!(owed(dir.path()), refs);
    let mut venue = Venue::open(dir.path());
    venue.note(&SessionRecord::Reserved { session: MAKER, upto: MsgSeqNum(200) });
    venue.send(MAKER, 101, OutboundBody::Event(refs[0]));
    drop(venue);
    assert_eq!(owed(dir.path()), []);
}

#[test]
fn a_request_without_an_outcome_is_lost_and_one_with_an_outcome_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut venue = Venue::begin(dir.path());
    let request = |number: u32| SessionRecord::Request {
        session: MAKER,
        number: MsgSeqNum(number),
        msg_type: Text::truncated("D"),
        cl_ord_id: ClOrdId::truncated(&format!("m-{number}")),
    };
    let numbered = |number: u32| match order(MAKER, Side::Buy, &format!("m-{number}"), 1) {
        Command::New(requester, order) => {
            Command::New(Requester { number: MsgSeqNum(number), ..requester }, order)
        }
        other => other,
    };
    for number in [2, 3, 4, 5] {
        venue.note(&request(number));
    }
    venue.run(&numbered(2));
    venue.note(&SessionRecord::Answered { session: MAKER, number: MsgSeqNum(3) });
    venue.run(&numbered(4));
    drop(venue);
    let lost = |dir: &Path| {
        let maker = recovered(dir).unwrap().sessions.remove(&MAKER).unwrap();
        assert_eq!(maker.next_inbound, MsgSeqNum(6), "its number is used up all the same");
        maker.lost.iter().map(|lost| (lost.number.0, lost.cl_ord_id)).collect::<Vec<_>>()
    };
    assert_eq!(lost(dir.path()), [(5, ClOrdId::truncated("m-5"))]);
    assert_eq!(lost(dir.path()).len(), 1, "until it is refused");
    let mut venue = Venue::open(dir.path());
    venue.note(&SessionRecord::Answered { session: MAKER, number: MsgSeqNum(5) });
    drop(venue);
    assert_eq!(lost(dir.path()), []);
}

#[test]
fn a_start_removes_what_a_crash_left_half_made() {
    let dir = tempfile::tempdir().unwrap();
    drop(Venue::begin(dir.path()));
    let half_made = ["spare.tmp", "00000002.log.tmp", "00000001.snap.tmp"].map(|name| dir.path().join(name));
    half_made.iter().for_each(|path| std::fs::write(path, [0; 64]).unwrap());
    std::fs::write(dir.path().join("notes.tmp"), "somebody else's").unwrap();
    drop(Venue::open(dir.path()));
    assert!(half_made.iter().all(|path| !path.exists()));
    assert!(dir.path().join("notes.tmp").exists());
}
