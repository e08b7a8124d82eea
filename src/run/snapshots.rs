//! The thread that makes snapshots and moves what they stand for to the archive, beside the path of orders.
//!
//! ```text
//!   a segment is closed, the last snapshot is old ─► newest snapshot + the segments behind it ─► run ─► the next one
//!   a segment is older than anybody asks for ─► archive
//! ```
//!
//! It runs closed segments again, from their files, on shards of its own: no order waits for it, and between two
//! snapshots it has no memory. It stands back for every thread that wants its core. What it cannot do is told and left:
//! the journal is whole, and the next start reads more of it.
//!
//! Only a snapshot that can be used counts: one that is damaged, or of another journal, is told once, keeps no other
//! from being made, and takes the place of none that is kept.

use super::agent::{Epilogue, Fault};
use super::journal::archive::{self, ArchiveError, segments_in};
use super::journal::log::segment_number;
use super::journal::walk::JournalFault;
use super::phase::{Control, Phase};
use super::recovery::{SnapshotFault, Wanted, Whose, make, prune, snapshot_name, snapshots, sound};
use super::wiring::Handle;
use crate::config::{Archive, Config};
use crate::seal::Vault;
use crate::sys::clock::Clock;
use crate::sys::file::{FileError, Folder};
use crate::sys::pin;
use crate::types::Nanos;
use crate::watch::{Meter, Meters};
use std::collections::{BTreeMap, BTreeSet};
use std::thread::{Builder, sleep};
use std::time::Duration;

/// Between two looks at the folder, and the longest that a stop waits for this thread.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks at the phase between two looks at the folder.
const PAUSES_PER_LOOK: u32 = 10;

/// What is to be made.
#[derive(Debug)]
pub struct Plan {
    every: u32,
    kept: usize,
    wanted: Wanted,
    archive: Option<Archive>,
}

/// What the configuration asks for; `None`: nothing.
pub fn plan(config: &Config) -> Option<Plan> {
    let (every, kept) = (config.journal.snapshot_every, config.journal.snapshots as usize);
    let (archive, wanted) = (config.archive.clone(), Wanted::of(&config.directory));
    (every > 0).then_some(Plan { every, kept, wanted, archive })
}

impl Plan {
    /// Starts the thread. It ends with the others, in the middle of a snapshot if need be.
    pub fn spawn(
        self,
        folder: Folder,
        vault: Vault,
        meters: Meters,
        control: Control,
    ) -> std::io::Result<Handle> {
        let work = move || -> Result<Vec<Epilogue>, Fault> {
            if let Err(error) = pin::stand_back() {
                eprintln!("sealgate: warning: the thread of snapshots cannot stand back: {error}");
            }
            let is_over = || control.phase() != Phase::Running || control.has_failed();
            let mut keeper = Keeper::new(self, folder, vault, meters);
            while !is_over() {
                keeper.turn(Clock::new().now(), is_over);
                (0..PAUSES_PER_LOOK).take_while(|_| !is_over()).for_each(|_| sleep(PAUSE));
            }
            Ok(Vec::new())
        };
        Builder::new().name("snapshots".to_owned()).spawn(work)
    }
}

/// Keeps the files of a journal as a plan says.
struct Keeper {
    plan: Plan,
    folder: Folder,
    vault: Vault,
    meters: Meters,
    /// The snapshots that can be used, and when they were made.
    sound: BTreeMap<u32, Nanos>,
    /// Those that cannot: each is told once.
    unsound: BTreeSet<u32>,
    /// What failed once is not tried again before there is more to do.
    failed_at: u32,
    /// What is wrong with the archive, as it was told.
    complaint: String,
}

impl Keeper {
    fn new(plan: Plan, folder: Folder, vault: Vault, meters: Meters) -> Self {
        let (sound, unsound, complaint) = Default::default();
        Self { plan, folder, vault, meters, sound, unsound, failed_at: 0, complaint }
    }

    fn turn(&mut self, now: Nanos, is_over: impl Fn() -> bool) {
        match self.make_snapshot(now, is_over) {
            Ok(()) | Err((_, JournalFault::CalledOff)) => {}
            Err((closed, fault)) => {
                eprintln!("sealgate: warning: no snapshot after segment {closed}: {fault}");
                self.failed_at = closed;
            }
        }
        let complaint = self.archive(now).map_or_else(|error| error.to_string(), |()| String::new());
        if complaint != self.complaint && !complaint.is_empty() {
            eprintln!("sealgate: warning: nothing is archived: {complaint}");
        }
        self.complaint = complaint;
        // What cannot be looked at now keeps the figures that it had.
        let _ = self.measure(now);
    }

    /// Makes a snapshot if one is due.
    fn make_snapshot(&mut self, now: Nanos, is_over: impl Fn() -> bool) -> Result<(), (u32, JournalFault)> {
        let closed = self.look().map_err(|error| (self.failed_at, error.into()))?;
        let newest = self.sound.keys().next_back().copied().unwrap_or_default();
        if closed.saturating_sub(newest.max(self.failed_at)) < self.plan.every {
            return Ok(());
        }
        let of = Whose { vault: &self.vault, wanted: &self.plan.wanted };
        let made = make(&self.folder, of, now, is_over).map_err(|fault| (closed, fault))?;
        if let Some(made) = made {
            self.sound.insert(made.segment, now);
            self.unsound.remove(&made.segment);
        }
        let pruned = prune(&self.folder, self.plan.kept, |of| self.sound.contains_key(&of));
        pruned.map(|_| ()).map_err(|error| (closed, error.into()))
    }

    /// Looks which snapshots there are, and whether they can be used; tells the last segment that is closed.
    fn look(&mut self) -> Result<u32, FileError> {
        let closed = segments_in(&self.folder)?.iter().rev().nth(1).copied().unwrap_or_default();
        let there = snapshots(&self.folder)?;
        self.sound.retain(|of, _| there.contains(of));
        self.unsound.retain(|of| there.contains(of));
        for of in there {
            // One from beyond the end may be looked at when the journal has come there.
            if self.sound.contains_key(&of) || (self.unsound.contains(&of) && of != closed) {
                continue;
            }
            let verdict =
                if of > closed { Err(SnapshotFault::Newer) } else { sound(&self.folder, of, &self.vault) };
            match verdict {
                Ok(made) => {
                    self.sound.insert(of, made);
                }
                Err(why) => {
                    if self.unsound.insert(of) {
                        eprintln!("sealgate: warning: snapshot {} is not used: {why}", snapshot_name(of));
                    }
                }
            }
        }
        Ok(closed)
    }

    /// Moves a segment to the archive if the policy lets one go.
    fn archive(&mut self, now: Nanos) -> Result<(), ArchiveError> {
        let Some(policy) = &self.plan.archive else { return Ok(()) };
        let oldest = self.sound.keys().rev().take(self.plan.kept.max(1)).next_back().copied();
        match archive::due(&self.folder, policy, oldest, now)? {
            Some(segment) => archive::archive(&self.folder, &policy.dir, &self.vault, segment),
            None => Ok(()),
        }
    }

    fn measure(&mut self, now: Nanos) -> Result<(), FileError> {
        let own = segments_in(&self.folder)?.len();
        let all = self.folder.names()?.iter().filter(|name| segment_number(name).is_some()).count();
        self.meters.set(Meter::Segments, own as u64);
        self.meters.set(Meter::ArchivedSegments, all.saturating_sub(own) as u64);
        if let Some(made) = self.sound.values().next_back() {
            self.meters.set(Meter::SnapshotAgeSeconds, now.since(*made).0 / 1_000_000_000);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::recovery::samples::busy_journal;
    use crate::seal::fixture::vault;
    use crate::types::Span;
    use std::fs;
    use std::path::Path;

    const LATER: Nanos = Nanos(u64::MAX / 2);

    fn keeper(dir: &Path, archive: Option<Archive>) -> Keeper {
        let folder =
            Folder::hold(dir).unwrap().with_annex(archive.as_ref().map(|archive| archive.dir.as_path()));
        let plan = Plan { every: 1, kept: 2, wanted: Wanted::default(), archive };
        Keeper::new(plan, folder, vault(), Meters::default())
    }

    fn names(dir: &Path, end: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| name.ends_with(end));
        names.sort();
        names
    }

    fn turn(keeper: &mut Keeper) {
        keeper.turn(LATER, || false);
    }

    /// A snapshot of another journal, or a leftover, that bears a number beyond the end: it must not look as if all
    /// were done.
    #[test]
    fn a_snapshot_beyond_the_end_keeps_none_from_being_made() {
        let dir = tempfile::tempdir().unwrap();
        busy_journal(dir.path(), 3);
        fs::write(dir.path().join(snapshot_name(90)), b"whatever").unwrap();
        turn(&mut keeper(dir.path(), None));
        assert_eq!(names(dir.path(), ".snap"), ["00000002.snap", "00000090.snap"]);
    }

    /// Damaged ones were counted, and the last good one went.
    #[test]
    fn a_damaged_snapshot_takes_the_place_of_none_that_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        for segments in 3..6 {
            busy_journal(dir.path(), segments);
            turn(&mut keeper(dir.path(), None));
        }
        assert_eq!(names(dir.path(), ".snap"), ["00000003.snap", "00000004.snap"]);
        fs::write(dir.path().join(snapshot_name(4)), b"damaged").unwrap();
        busy_journal(dir.path(), 6);
        turn(&mut keeper(dir.path(), None));
        assert_eq!(names(dir.path(), ".snap"), ["00000003.snap", "00000004.snap", "00000005.snap"]);
        busy_journal(dir.path(), 7);
        turn(&mut keeper(dir.path(), None));
        assert_eq!(names(dir.path(), ".snap"), ["00000005.snap", "00000006.snap"]);
    }

    /// One that is whole and of another journal is no ground to stand on, whatever its number.
    #[test]
    fn a_snapshot_of_another_journal_is_no_beginning_of_the_next() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for dir in [&dir, &other] {
            busy_journal(dir.path(), 3);
        }
        turn(&mut keeper(other.path(), None));
        fs::copy(other.path().join(snapshot_name(2)), dir.path().join(snapshot_name(2))).unwrap();
        turn(&mut keeper(dir.path(), None));
        let folder = Folder::hold(dir.path()).unwrap();
        assert!(sound(&folder, 2, &vault()).is_ok(), "it was made anew");
    }

    #[test]
    fn segments_go_to_the_archive_in_their_order_when_a_snapshot_stands_for_them_and_time_is_over() {
        let (dir, aside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        busy_journal(dir.path(), 7);
        let whole: Vec<_> =
            (1..=7).map(|n| fs::read(dir.path().join(format!("{n:08}.log"))).unwrap()).collect();
        let policy = |keep_for, keep| Archive { dir: aside.path().join("archive"), keep_for, keep };
        let mut early = keeper(dir.path(), Some(policy(Span(u64::MAX), 0)));
        (0..3).for_each(|_| turn(&mut early));
        drop(early);
        assert!(!aside.path().join("archive").exists(), "nobody knows yet that it is not asked for");
        let mut keeper = keeper(dir.path(), Some(policy(Span::from_secs(86_400), 3)));
        (0..9).for_each(|_| turn(&mut keeper));
        assert_eq!(
            names(dir.path(), ".log"),
            ["00000004.log", "00000005.log", "00000006.log", "00000007.log"]
        );
        for n in 1..=3 {
            let archived = fs::read(aside.path().join(format!("archive/{n:08}.log"))).unwrap();
            assert!(archived == whole[n - 1], "segment {n}");
        }
        assert_eq!(keeper.complaint, "");
    }

    /// Wherever a move was interrupted, the next one finishes it, and another server's segment is never written over.
    #[test]
    fn a_move_that_was_interrupted_is_finished_and_a_foreign_segment_stays() {
        let (dir, aside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        busy_journal(dir.path(), 5);
        let (here, there) = (dir.path().join("00000001.log"), aside.path().join("00000001.log"));
        let whole = fs::read(&here).unwrap();
        let policy = Archive { dir: aside.path().to_owned(), keep_for: Span(0), keep: 3 };
        fs::write(aside.path().join("00000001.log.tmp"), b"half a copy").unwrap();
        fs::write(&there, &whole).unwrap();
        let mut first = keeper(dir.path(), Some(policy.clone()));
        (0..3).for_each(|_| turn(&mut first));
        drop(first);
        assert!(!here.exists() && fs::read(&there).unwrap() == whole);
        assert_eq!(names(aside.path(), ".tmp"), [""; 0]);
        fs::write(&here, &whole).unwrap();
        let mut foreign = whole.clone();
        foreign[120] ^= 1;
        fs::write(&there, &foreign).unwrap();
        let mut second = keeper(dir.path(), Some(policy));
        turn(&mut second);
        assert!(
            second.complaint.contains("is there already, and is another segment"),
            "{}",
            second.complaint
        );
        assert!(here.exists() && fs::read(&there).unwrap() == foreign);
    }
}
