//! The thread that makes snapshots, beside the path of orders.
//!
//! ```text
//!   a segment is closed, the last snapshot is old ─► newest snapshot + the segments behind it ─► run ─► the next one
//! ```
//!
//! It runs closed segments again, from their files, on shards of its own: no order waits for it, and between two
//! snapshots it has no memory. It stands back for every thread that wants its core. What it cannot do is told and left:
//! the journal is whole, and the next start reads more of it.

use super::agent::{Epilogue, Fault};
use super::journal::walk::{JournalFault, segments_from};
use super::phase::{Control, Phase};
use super::recovery::{Wanted, Whose, make, prune, snapshots};
use super::wiring::Handle;
use crate::config::Config;
use crate::seal::Vault;
use crate::sys::clock::Clock;
use crate::sys::file::Folder;
use crate::sys::pin;
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
}

/// What the configuration asks for; `None`: nothing.
pub fn plan(config: &Config) -> Option<Plan> {
    let (every, kept) = (config.journal.snapshot_every, config.journal.snapshots as usize);
    (every > 0).then(|| Plan { every, kept, wanted: Wanted::of(&config.directory) })
}

impl Plan {
    /// Starts the thread. It ends with the others, in the middle of a snapshot if need be.
    pub fn spawn(self, folder: Folder, vault: Vault, control: Control) -> std::io::Result<Handle> {
        let work = move || -> Result<Vec<Epilogue>, Fault> {
            if let Err(error) = pin::stand_back() {
                eprintln!("sealgate: warning: the thread of snapshots cannot stand back: {error}");
            }
            self.run(&folder, &vault, &control);
            Ok(Vec::new())
        };
        Builder::new().name("snapshots".to_owned()).spawn(work)
    }

    fn run(&self, folder: &Folder, vault: &Vault, control: &Control) {
        let is_over = || control.phase() != Phase::Running || control.has_failed();
        // What failed once is not tried again before there is more to do.
        let mut failed_at = 0;
        while !is_over() {
            match self.turn(folder, vault, failed_at, is_over) {
                Ok(()) | Err((_, JournalFault::CalledOff)) => {}
                Err((closed, fault)) => {
                    eprintln!("sealgate: warning: no snapshot after segment {closed}: {fault}");
                    failed_at = closed;
                }
            }
            (0..PAUSES_PER_LOOK).take_while(|_| !is_over()).for_each(|_| sleep(PAUSE));
        }
    }

    /// Makes a snapshot if one is due.
    fn turn(
        &self,
        folder: &Folder,
        vault: &Vault,
        failed_at: u32,
        is_over: impl Fn() -> bool,
    ) -> Result<(), (u32, JournalFault)> {
        let look = || -> Result<(u32, u32), JournalFault> {
            // The last segment is being written.
            let closed = segments_from(folder, None)?.iter().rev().nth(1).copied().unwrap_or_default();
            Ok((closed, snapshots(folder)?.last().copied().unwrap_or_default()))
        };
        let (closed, newest) = look().map_err(|fault| (failed_at, fault))?;
        if closed.saturating_sub(newest.max(failed_at)) < self.every {
            return Ok(());
        }
        let made = make(folder, Whose { vault, wanted: &self.wanted }, Clock::new().now(), is_over);
        let made = made.and_then(|_| Ok(prune(folder, self.kept)?));
        made.map(|_| ()).map_err(|fault| (closed, fault))
    }
}
