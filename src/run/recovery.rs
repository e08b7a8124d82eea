//! From a folder to running state: one sequential pass over the journal at start.
//!
//! ```text
//!   hold the folder ─► newest snapshot of use ─────────────────────► all of these, as they were then
//!                  └─► walk ─► step: run again, compare ───────────► shards
//!                       │  ├─► who asked, and when ──────────────► what accounts have used of their limits
//!                       │  └─► session record: numbers, mappings ──► sessions, and what they are owed
//!                       │  └─► place of each record ───────────────► index of the log
//!                       └─► torn tail: zero it ─► append `Started`, sync ─► open for appending
//! ```
//!
//! Everything that was acknowledged is whole, because its sync had returned. What is whole beyond that is kept too:
//! it becomes durable with the sync of `Started`, before anybody hears of it.
//!
//! [`replay`] is the same pass for whoever only wants to look: `sealgate journal verify`, the demo's self-check.

mod sessions;
mod shards;
mod snapshot;
mod wanted;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use super::journal::OwnRef;
use super::journal::ahead::walk_ahead;
use super::journal::archive::segments_in;
use super::journal::index::Index;
use super::journal::kept::JournalHead;
use super::journal::log::{Log, LogError, LogOptions, segment_name};
use super::journal::walk::{JournalFault, Trust, Walked, segments_from};
use super::shard::Shard;
use crate::journal::streams::Streams;
use crate::limit::Past;
use crate::limits::RECORD_BYTES_MAX;
use crate::planted::{self, Bug};
use crate::seal::Vault;
use crate::sys::file::{FileError, Folder, SPARE_NAME};
use crate::types::{Command, Event, Nanos, Seq, SessionId, ShardId};
use crate::wire::record::{self, LogRecord, Place, Record, Stream};
use sessions::Sessions;
use shards::Shards;
use snapshot::Candidates;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use sessions::{DropCopies, Sent, SessionState};
pub use snapshot::{Made, SnapshotFault, Whose, make, prune, snapshot_name, snapshots, sound};
pub use wanted::Wanted;

/// What recovery needs to know beside the folder.
#[derive(Clone, Debug)]
pub struct RecoveryOptions {
    /// The environment: the journal of another one is refused.
    pub environment: String,
    /// Size of a new segment: `limits::SEGMENT_BYTES`; smaller in tests.
    pub segment_bytes: u64,
    /// What the journal is sealed with.
    pub vault: Vault,
    /// How far it was, by the head that is kept apart.
    pub head: Option<JournalHead>,
    /// The shards that there are to be; a journal with others is refused.
    pub shards: Vec<ShardId>,
    /// What is to be gathered for whom.
    pub wanted: Wanted,
    /// Where segments are that were archived.
    pub archive: Option<PathBuf>,
}

impl RecoveryOptions {
    fn log(&self) -> LogOptions {
        let Self { environment, segment_bytes, vault, .. } = self.clone();
        LogOptions { environment, segment_bytes, vault }
    }
}

/// Everything that the journal knows.
#[derive(Debug)]
pub struct Recovered {
    /// The log, held, checked, cut where it was torn, open for appending.
    pub log: Log,
    /// The shards in the order of their numbers, in the state after their last steps.
    pub shards: Vec<Shard>,
    /// The FIX sessions that ever spoke.
    pub sessions: BTreeMap<SessionId, SessionState>,
    /// What accounts have used of their limits.
    pub past: Past,
    /// The last number of each stream: where appenders and watermarks go on.
    pub streams: Streams,
    /// What was found, for the operator.
    pub report: Report,
    /// Snapshots that were of no use, and why: a line each, for the operator.
    pub notes: Vec<String>,
}

/// What recovery found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The segment after which the snapshot was made from which it went on.
    pub snapshot: Option<u32>,
    /// Segments read.
    pub segments: u32,
    /// Records read.
    pub records: u64,
    /// Bytes of a torn tail that were cut.
    pub cut: u64,
}

/// Why the journal cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// What stands there cannot be read on, or is not what should.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// It cannot be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The journal has a shard that the configuration does not have.
    #[error("the journal has steps of shard-{0}, but the configuration has no such shard")]
    UnknownShard(ShardId),
}

/// One step, for whoever looks at a journal.
#[derive(Clone, Copy, Debug)]
pub struct ReplayedStep<'a> {
    /// Where its record stands.
    pub place: Place,
    /// Which shard.
    pub shard: ShardId,
    /// Its number.
    pub seq: Seq,
    /// Its time.
    pub time: Nanos,
    /// What was executed.
    pub command: &'a Command,
    /// What it brought about: recorded, and the same when run again.
    pub events: &'a [Event],
}

/// What a journal comes to.
#[derive(Debug)]
pub struct Replayed {
    /// The shards that occur, in the order of their numbers, in the state after their last steps.
    pub shards: Vec<Shard>,
    /// The FIX sessions.
    pub sessions: BTreeMap<SessionId, SessionState>,
    /// How far it was read; a torn tail is told, not cut.
    pub walked: Walked,
    /// The snapshot from which it was read on, because earlier segments are not there.
    pub from: Option<u32>,
    /// The snapshots on the way, by their segments, and what is wrong with them.
    pub snapshots: Vec<(u32, Result<(), SnapshotFault>)>,
}

/// Reads the journal in `dir`, or begins one there, replays it, and opens it for appending.
pub fn recover(dir: &Path, options: &RecoveryOptions, now: Nanos) -> Result<Recovered, RecoveryError> {
    let folder = Folder::create(dir).map_err(JournalFault::from)?;
    let folder = folder.with_annex(options.archive.as_deref());
    remove_half_made(&folder).map_err(JournalFault::from)?;
    let is_new = segments_in(&folder).map_err(JournalFault::from)?.is_empty();
    if let (Some(head), true) = (options.head, is_new) {
        return Err(JournalFault::Gone { reached: head.end.place }.into());
    }
    let mut recovered = if is_new { begin(folder, options, now)? } else { take_up(folder, options, now)? };
    add_missing_shards(&mut recovered.shards, &options.shards)?;
    mark_start(&mut recovered, now)?;
    Ok(recovered)
}

/// Removes what a crash left half made: it has no name of its own yet, and its room may be needed.
fn remove_half_made(folder: &Folder) -> Result<(), FileError> {
    let is_half_made = |name: &&String| {
        *name == SPARE_NAME || [".log.tmp", ".snap.tmp"].iter().any(|end| name.ends_with(end))
    };
    folder.own_names()?.iter().filter(is_half_made).try_for_each(|name| folder.remove_file(name))
}

fn begin(folder: Folder, options: &RecoveryOptions, now: Nanos) -> Result<Recovered, RecoveryError> {
    // Nobody begins anew where there was a journal.
    let archived = segments_from(&folder, None)?.last().copied();
    if let Some(lost) = archived.max(snapshots(&folder).map_err(JournalFault::from)?.last().copied()) {
        return Err(JournalFault::MissingSegment(lost + 1).into());
    }
    let log = Log::create(folder, options.log(), now)?;
    let (sessions, past, streams, report) = Default::default();
    Ok(Recovered { log, shards: Vec::new(), sessions, past, streams, report, notes: Vec::new() })
}

fn take_up(folder: Folder, options: &RecoveryOptions, now: Nanos) -> Result<Recovered, RecoveryError> {
    let of = Whose { vault: &options.vault, wanted: &options.wanted };
    let Gathered { snapshot, mut pass, walked, notes } =
        gather(&folder, of, options.head, &options.environment)?;
    if walked.environment != options.environment {
        let (expected, found) = (options.environment.clone(), walked.environment);
        return Err(JournalFault::Environment { expected, found }.into());
    }
    cut(&folder, walked.end.place, walked.torn).map_err(JournalFault::from)?;
    let (index, cut) = (pass.index.take().unwrap_or_default(), walked.torn.into());
    let report = Report { snapshot, segments: walked.segments, records: walked.records, cut };
    let log = Log::resume(folder, options.log(), walked.end, index, now)?;
    let (shards, sessions, past) = pass.finish();
    Ok(Recovered { log, shards, sessions, past, streams: walked.streams, report, notes })
}

/// A journal that was run to its end.
struct Gathered {
    snapshot: Option<u32>,
    pass: Pass,
    walked: Walked,
    notes: Vec<String>,
}

/// Runs a journal from the newest snapshot of use on, or from its first record. What is not right from a snapshot on
/// may be the fault of the snapshot, so then the one before it is taken.
fn gather(
    folder: &Folder,
    of: Whose<'_>,
    head: Option<JournalHead>,
    environment: &str,
) -> Result<Gathered, JournalFault> {
    let trust = Trust { vault: of.vault, head };
    let mut notes = Vec::new();
    let mut pass_over = |segment, why: &dyn std::fmt::Display| {
        notes.push(format!("snapshot {} is not used: {why}", snapshot_name(segment)));
    };
    let run = |from, mut pass: Pass| -> Result<(Walked, Pass), JournalFault> {
        let walked =
            walk_ahead(folder, trust, from, |place, record| pass.record(place, record, &mut |_| {}))?;
        Ok((walked, pass))
    };
    for (segment, loaded) in Candidates::new(folder, of, Some(environment))? {
        let (from, pass) = match loaded {
            Ok(loaded) => loaded,
            Err(why) => {
                pass_over(segment, &why);
                continue;
            }
        };
        match run(from, pass) {
            Ok((walked, pass)) => return Ok(Gathered { snapshot: Some(segment), pass, walked, notes }),
            Err(fault) if fault.may_be_of_a_snapshot() => pass_over(segment, &fault),
            Err(fault) => return Err(fault),
        }
    }
    match run(Walked::nothing(), Pass::begin(of.wanted)) {
        Ok((walked, pass)) => Ok(Gathered { snapshot: None, pass, walked, notes }),
        Err(JournalFault::MissingSegment(segment)) if !notes.is_empty() => {
            Err(JournalFault::NoSnapshot { segment, notes: notes.join("; ") })
        }
        Err(fault) => Err(fault),
    }
}

/// Reads and replays a journal without changing it, and shows each step. Where its first segments are not there, it
/// begins with the oldest snapshot of use. The snapshots on the way are compared with what the journal comes to.
pub fn replay<'a>(
    dir: &Path,
    trust: impl Into<Trust<'a>>,
    show: impl FnMut(ReplayedStep<'_>),
) -> Result<Replayed, JournalFault> {
    replay_in(&Folder::hold(dir)?, trust, show)
}

/// The same for a folder that is held.
pub fn replay_in<'a>(
    folder: &Folder,
    trust: impl Into<Trust<'a>>,
    mut show: impl FnMut(ReplayedStep<'_>),
) -> Result<Replayed, JournalFault> {
    let trust = trust.into();
    let vault = trust.vault;
    let is_whole = segments_from(folder, None)?.first().is_none_or(|first| *first == 1);
    let of = Whose { vault, wanted: &Wanted::default() };
    let mut candidates = Candidates::new(folder, of, None)?.oldest_first();
    let begun =
        if is_whole { None } else { candidates.find_map(|(segment, loaded)| Some((segment, loaded.ok()?))) };
    let (from, (walked, mut pass)) = match begun {
        Some((segment, begun)) => (Some(segment), begun),
        None => (None, (Walked::nothing(), Pass::default())),
    };
    let mut left: Vec<u32> = snapshots(folder)?;
    left.retain(|segment| from.is_none_or(|from| *segment > from));
    let mut checked = Vec::new();
    let mut check_before = |pass: &Pass, next: u32| {
        while left.first().is_some_and(|segment| *segment < next) {
            let segment = left.remove(0);
            checked.push((segment, snapshot::compare(folder, vault, segment, pass)));
        }
    };
    let walked = walk_ahead(folder, trust, walked, |place, record| {
        check_before(&pass, place.segment);
        pass.record(place, record, &mut show)
    })?;
    // A segment that was begun and has no record yet shows nothing.
    check_before(&pass, walked.end.place.segment);
    checked.extend(left.into_iter().map(|segment| (segment, Err(SnapshotFault::Newer))));
    let (shards, sessions, _) = pass.finish();
    Ok(Replayed { shards, sessions, walked, from, snapshots: checked })
}

/// What one pass gathers.
#[derive(Debug, Default)]
struct Pass {
    shards: Shards,
    sessions: Sessions,
    past: Past,
    index: Option<Index>,
}

impl Pass {
    /// Nothing yet, with an index: what a server, or a snapshot, is made of.
    fn begin(wanted: &Wanted) -> Self {
        let sessions = Sessions::with(wanted.drop_copies.clone());
        let past = Past::new(wanted.kept.clone());
        Self { index: Some(Index::default()), sessions, past, ..Self::default() }
    }

    fn record(
        &mut self,
        place: Place,
        record: &Record<'_>,
        show: &mut impl FnMut(ReplayedStep<'_>),
    ) -> Result<(), JournalFault> {
        if let Some(index) = &mut self.index {
            index.push(record.stream, place);
        }
        let body = |why| JournalFault::Body { place, why };
        match record.stream {
            Stream::Shard(shard) => {
                let step = record::decode_step(record).map_err(body)?;
                let events = self.shards.replay(shard, place, record, &step)?;
                let (seq, time, command) = (record.seq, record.time, &step.command);
                self.sessions.step(shard, seq, time, command, events);
                self.past.count(shard, command, time);
                show(ReplayedStep { place, shard, seq, time, command, events });
            }
            Stream::Gateway(gateway) => {
                let own = OwnRef { gateway, seq: record.seq };
                self.sessions
                    .record(own, record.time, &record::decode_session(record).map_err(body)?)
                    .map_err(|what| JournalFault::Contradiction { place, what })?;
            }
            Stream::Log => {
                let LogRecord::Started { .. } = record::decode_log(record).map_err(body)?;
                self.sessions.started();
            }
        }
        Ok(())
    }

    fn finish(mut self) -> (Vec<Shard>, BTreeMap<SessionId, SessionState>, Past) {
        // Who takes up the journal now does so after all that it holds.
        self.sessions.started();
        (self.shards.into_shards(), self.sessions.into_states(), self.past)
    }
}

/// Makes a torn tail never-written space again. The first bytes go last, in a write that no loss of power can
/// split: whenever this is interrupted, what is left is a torn tail still.
pub fn cut(folder: &Folder, place: Place, bytes: u32) -> Result<(), FileError> {
    if bytes == 0 || planted::has(Bug::TornTailKept) {
        return Ok(());
    }
    let file = folder.open_file(&segment_name(place.segment), true)?;
    let (at, head) = (u64::from(place.offset), record::ALIGNMENT as u64);
    let rest = vec![0; u64::from(bytes).saturating_sub(head) as usize];
    file.write(&rest, at + head)?;
    file.sync()?;
    file.write(&[0; record::ALIGNMENT], at)?;
    file.sync()
}

fn add_missing_shards(found: &mut Vec<Shard>, wanted: &[ShardId]) -> Result<(), RecoveryError> {
    if let Some(unknown) = found.iter().find(|shard| !wanted.contains(&shard.id())) {
        return Err(RecoveryError::UnknownShard(unknown.id()));
    }
    for id in wanted {
        if !found.iter().any(|shard| shard.id() == *id) {
            found.push(Shard::new(*id));
        }
    }
    found.sort_by_key(Shard::id);
    Ok(())
}

fn mark_start(recovered: &mut Recovered, now: Nanos) -> Result<(), LogError> {
    let mut buffer = vec![0; RECORD_BYTES_MAX];
    let seq = recovered.log.last(Stream::Log).next();
    let extent = record::encode_log(&mut buffer, seq, now, &LogRecord::Started { cut: recovered.report.cut });
    recovered.log.append(&buffer[..extent], now)?;
    recovered.log.sync()
}
