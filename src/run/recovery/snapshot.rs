//! Snapshots: all that recovery gathers, as it is between two segments, in a file beside them.
//!
//! ```text
//!   00000012.snap     the state after the last record of segment 12: a start reads it, and the segments from 13 on
//!
//!   sealed as `seal::file` has it:
//!   format │ environment, end of the segment, its last record's link, time
//!         │ index of what can be read back │ FIX sessions │ what accounts have used of their limits
//!         │ each shard behind its state hash
//! ```
//!
//! - It is made by running what a start would run: the snapshot before it and the segments behind that. So a snapshot
//!   that could not be used is found out when the next one is made, or by `sealgate journal verify`.
//! - It is an abridgement and no evidence: where it is damaged or does not fit, the one before it is taken, or the
//!   whole journal, and the operator is told. What comes out is the same.
//! - Loading runs the state hash of each shard again, and trusts nothing that the bytes say.

use super::wanted::{Wanted, load_past, save_past};
use super::{Pass, Sessions};
use crate::planted::{self, Bug};
use crate::run::journal::archive::segments_in;
use crate::run::journal::head::Head;
use crate::run::journal::index::Index;
use crate::run::journal::log::{LogEnd, segment_name};
use crate::run::journal::walk::{JournalFault, Walked, segments_from, walk_on};
use crate::run::shard::Shard;
use crate::seal::{KeyError, Vault};
use crate::sys::file::{FileError, Folder};
use crate::types::{Nanos, ShardId, Text};
use crate::wire::record::{DecodeError, ENVIRONMENT_BYTES_MAX, Encoder, Place, Reader};
use std::io::ErrorKind;

/// What the file is sealed for: it opens for nothing else.
const PURPOSE: &str = "snapshot";

/// The version of all that it holds. Another one is not used.
const FORMAT: u32 = 3;

type Environment = Text<ENVIRONMENT_BYTES_MAX>;

/// Why a snapshot is not used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotFault {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not a snapshot, or damaged, or sealed with another key.
    #[error(transparent)]
    Seal(#[from] KeyError),
    /// Another version wrote it.
    #[error("format {0}, but this version reads format {FORMAT}")]
    Format(u32),
    /// A field of it has a value that it cannot have.
    #[error(transparent)]
    Field(#[from] DecodeError),
    /// It bears the name of another.
    #[error("it says that it is of segment {0}")]
    OtherSegment(u32),
    /// It is of another journal.
    #[error("it is of environment {0:?}")]
    Environment(String),
    /// A shard did not come out as it was.
    #[error("the state hash of shard-{0} does not fit")]
    Hash(ShardId),
    /// It was made of more than there is.
    #[error("the journal ends before it")]
    Newer,
    /// Nothing goes on behind it.
    #[error("the segment behind it is not there")]
    NoSegment,
    /// The segment behind it is that of another journal.
    #[error("the segment behind it does not follow from it: it is of another journal")]
    OtherJournal,
    /// It does not say what the journal says.
    #[error("{0} is not as the journal has it")]
    Differs(String),
}

/// With which keys, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// What the journal, and so the snapshot, is sealed with.
    pub vault: &'a Vault,
    /// What the configuration wants.
    pub wanted: &'a Wanted,
}

/// The name of the file of the snapshot after a segment.
pub fn snapshot_name(segment: u32) -> String {
    format!("{segment:08}.snap")
}

/// The segments after which there are snapshots, the oldest first.
pub fn snapshots(folder: &Folder) -> Result<Vec<u32>, FileError> {
    let number = |name: &String| {
        let number = name.strip_suffix(".snap")?.parse().ok()?;
        (snapshot_name(number) == *name).then_some(number)
    };
    Ok(folder.own_names()?.iter().filter_map(number).collect())
}

/// When the snapshot after a segment was made, if it can be used: it opens, is of this format, and goes with the
/// segment behind it. Its shards are not run, which takes longer and finds nothing but a bug of ours.
pub fn sound(folder: &Folder, segment: u32, vault: &Vault) -> Result<Nanos, SnapshotFault> {
    let content = open(folder, segment, vault)?;
    let begins = begin(&mut Reader::new(&content))?;
    if begins.end.place.segment != segment {
        return Err(SnapshotFault::OtherSegment(begins.end.place.segment));
    }
    follows(folder, begins.end)?;
    Ok(begins.made)
}

/// Whether the segment behind a snapshot goes on where that one ends: it was begun then, and without it nobody knows
/// what is missing.
fn follows(folder: &Folder, end: LogEnd) -> Result<(), SnapshotFault> {
    let behind = match folder.open_file(&segment_name(end.place.segment + 1), false) {
        Err(error) if error.source.kind() == ErrorKind::NotFound => return Err(SnapshotFault::NoSegment),
        behind => Head::read(&behind?)?.map_err(|_| SnapshotFault::NoSegment)?.header,
    };
    let is_it = behind.previous_end == u64::from(end.place.offset) && behind.previous_link == end.link;
    if is_it { Ok(()) } else { Err(SnapshotFault::OtherJournal) }
}

fn open(folder: &Folder, segment: u32, vault: &Vault) -> Result<Vec<u8>, SnapshotFault> {
    let file = folder.open_file(&snapshot_name(segment), false)?;
    let mut bytes = vec![0; usize::try_from(file.size()?).unwrap_or(usize::MAX)];
    file.read(&mut bytes, 0)?;
    Ok(vault.open_file(PURPOSE, &bytes)?)
}

/// Reads the snapshot after a segment: how far it came, and what was gathered until then.
pub(super) fn load(folder: &Folder, segment: u32, of: Whose<'_>) -> Result<(Walked, Pass), SnapshotFault> {
    let content = open(folder, segment, of.vault)?;
    let (walked, pass) = read(&mut Reader::new(&content), of.wanted)?;
    if walked.end.place.segment != segment {
        return Err(SnapshotFault::OtherSegment(walked.end.place.segment));
    }
    Ok((walked, pass))
}

/// The newest snapshots of all first, with why those were passed over that are of no use; then nothing more.
pub(super) struct Candidates<'a> {
    folder: &'a Folder,
    of: Whose<'a>,
    left: Vec<u32>,
    /// The first and the last segment that are there.
    segments: (u32, u32),
    environment: Option<&'a str>,
}

impl<'a> Candidates<'a> {
    /// Those of a folder, of an environment if one is named.
    pub(super) fn new(
        folder: &'a Folder,
        of: Whose<'a>,
        environment: Option<&'a str>,
    ) -> Result<Self, JournalFault> {
        let there = segments_from(folder, None)?;
        let segments = there.first().copied().zip(there.last().copied()).unwrap_or_default();
        Ok(Self { folder, of, left: snapshots(folder)?, segments, environment })
    }

    /// Only those after this segment or before.
    pub(super) fn upto(mut self, segment: u32) -> Self {
        self.left.retain(|of| *of <= segment);
        self
    }

    /// The oldest first.
    pub(super) fn oldest_first(mut self) -> Self {
        self.left.reverse();
        self
    }

    fn open(&self, segment: u32) -> Result<(Walked, Pass), SnapshotFault> {
        // The segment behind it was begun when it ended; without that one nobody knows what is missing.
        if segment >= self.segments.1 {
            return Err(SnapshotFault::Newer);
        }
        if segment + 1 < self.segments.0 {
            return Err(SnapshotFault::NoSegment);
        }
        let (walked, pass) = load(self.folder, segment, self.of)?;
        match self.environment {
            Some(own) if own != walked.environment => {
                return Err(SnapshotFault::Environment(walked.environment));
            }
            _ => follows(self.folder, walked.end)?,
        }
        Ok((walked, pass))
    }
}

impl Iterator for Candidates<'_> {
    type Item = (u32, Result<(Walked, Pass), SnapshotFault>);

    fn next(&mut self) -> Option<Self::Item> {
        let segment = self.left.pop()?;
        Some((segment, self.open(segment)))
    }
}

/// What a new snapshot is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// The state after this segment.
    pub segment: u32,
    /// Bytes of its file.
    pub bytes: u64,
    /// Records that were run for it.
    pub records: u64,
}

/// Makes the snapshot after the last segment that is closed, unless it is there: runs what there is behind the newest
/// one before it. `Ok(None)`: nothing was closed since. `called_off` is asked now and then.
pub fn make(
    folder: &Folder,
    of: Whose<'_>,
    now: Nanos,
    called_off: impl Fn() -> bool,
) -> Result<Option<Made>, JournalFault> {
    let numbers = segments_from(folder, None)?;
    let closed = numbers.len().checked_sub(2).map_or(0, |at| numbers[at]);
    let mut candidates = Candidates::new(folder, of, None)?.upto(closed);
    let found = candidates.find_map(|(_, loaded)| loaded.ok());
    let (from, mut pass) = found.unwrap_or_else(|| (Walked::nothing(), Pass::begin(of.wanted)));
    if closed == 0 || from.end.place.segment == closed {
        return Ok(None);
    }
    let walked = walk_on(folder, of.vault, from, Some(closed), |place, record| {
        if record.seq.0 % 1_024 == 0 && called_off() {
            return Err(JournalFault::CalledOff);
        }
        pass.record(place, record, &mut |_| {})
    })?;
    // What was archived is not read back any more once a start has begun here.
    let kept_from = segments_in(folder)?.first().copied().unwrap_or(1);
    let content = write(&walked, &pass, kept_from, now);
    drop(pass);
    let bytes = seal(folder, closed, &content, of.vault, now)?;
    Ok(Some(Made { segment: closed, bytes, records: walked.records }))
}

/// Writes a snapshot; again if the master key was changed before it had its name, so that the change did not find it.
fn seal(
    folder: &Folder,
    segment: u32,
    content: &[u8],
    vault: &Vault,
    now: Nanos,
) -> Result<u64, JournalFault> {
    loop {
        let master = vault.pages().master();
        let bytes = vault.seal_file(PURPOSE, content, now);
        let bytes = bytes.map_err(|why| JournalFault::Key { segment, why })?;
        folder.create_file(&snapshot_name(segment), bytes.len() as u64, &bytes)?;
        if vault.pages().master() == master {
            return Ok(bytes.len() as u64);
        }
    }
}

/// Removes the snapshots before the newest `kept` that can be used; tells the oldest of these. One that cannot be used
/// takes nobody's place.
pub fn prune(
    folder: &Folder,
    kept: usize,
    mut is_sound: impl FnMut(u32) -> bool,
) -> Result<Option<u32>, FileError> {
    let there = snapshots(folder)?;
    let sound: Vec<u32> = there.iter().rev().copied().filter(|of| is_sound(*of)).take(kept.max(1)).collect();
    let oldest = sound.last().copied();
    for segment in there.into_iter().filter(|of| sound.len() >= kept && oldest.is_some_and(|kept| *of < kept))
    {
        folder.remove_file(&snapshot_name(segment))?;
    }
    Ok(oldest)
}

/// Compares a snapshot with what was gathered from the journal itself up to the same place.
pub(super) fn compare(
    folder: &Folder,
    vault: &Vault,
    segment: u32,
    pass: &Pass,
) -> Result<(), SnapshotFault> {
    let (_, snapshot) = load(folder, segment, Whose { vault, wanted: &Wanted::default() })?;
    if let Some(differs) = snapshot.shards.differs(&pass.shards) {
        return Err(SnapshotFault::Differs(format!("shard-{differs}")));
    }
    match snapshot.sessions.differs(&pass.sessions) {
        Some(session) => Err(SnapshotFault::Differs(format!("FIX session {session}"))),
        None => Ok(()),
    }
}

pub(super) fn write(walked: &Walked, pass: &Pass, kept_from: u32, now: Nanos) -> Vec<u8> {
    let Walked {
        end: LogEnd { place, link },
        torn: _,
        segments: _,
        records: _,
        streams: _,
        environment,
        journal: _,
    } = walked;
    let Pass { shards, sessions, past, index } = pass;
    let mut to = Encoder::default();
    to.put(&FORMAT).put(&Environment::truncated(environment));
    to.put(&(place.segment, place.offset, *link)).put(&now);
    index.as_ref().unwrap_or(&Index::default()).save(kept_from, &mut to);
    sessions.save(&mut to);
    save_past(past, &mut to);
    to.put(&(shards.iter().len() as u64));
    for shard in shards.iter() {
        to.put(&shard.state_hash());
        shard.save(&mut to);
    }
    to.finish()
}

/// What a snapshot begins with.
struct Begins {
    environment: Environment,
    end: LogEnd,
    made: Nanos,
}

fn begin(from: &mut Reader<'_>) -> Result<Begins, SnapshotFault> {
    match from.take()? {
        FORMAT => {}
        other => return Err(SnapshotFault::Format(other)),
    }
    let environment: Environment = from.take()?;
    let (segment, offset, link) = from.take()?;
    let end = LogEnd { place: Place { segment, offset }, link };
    Ok(Begins { environment, end, made: from.take()? })
}

pub(super) fn read(from: &mut Reader<'_>, wanted: &Wanted) -> Result<(Walked, Pass), SnapshotFault> {
    let Begins { environment, end, made: _ } = begin(from)?;
    let index = Index::load(from)?;
    let sessions = Sessions::load(from, wanted.drop_copies.clone())?;
    let past = load_past(from, wanted.kept.clone())?;
    let mut shards = Vec::new();
    for _ in 0..from.take::<u64>()? {
        let hash: [u8; 32] = from.take()?;
        let shard = Shard::load(from)?;
        if shard.state_hash() != hash {
            return Err(SnapshotFault::Hash(shard.id()));
        }
        shards.push(shard);
    }
    from.end()?;
    let walked = Walked {
        end,
        streams: index.lasts().collect(),
        environment: environment.as_str().to_owned(),
        ..Walked::nothing()
    };
    let sessions = if planted::has(Bug::SnapshotForgets) {
        Sessions::with(wanted.drop_copies.clone())
    } else {
        sessions
    };
    Ok((walked, Pass { shards: shards.into_iter().collect(), sessions, past, index: Some(index) }))
}
