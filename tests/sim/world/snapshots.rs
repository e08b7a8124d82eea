//! The thread of snapshots, in turns.

use sealgate::config::Config;
use sealgate::run::agent::{Agent, Epilogue, Fault, Work};
use sealgate::run::journal::walk::JournalFault;
use sealgate::run::phase::Phase;
use sealgate::run::recovery::{Wanted, Whose, make, prune, snapshots};
use sealgate::seal::Vault;
use sealgate::sys::file::Folder;
use sealgate::types::Nanos;
use std::path::Path;

/// Makes a snapshot after every segment, and keeps two. What it cannot do is left, as in the server.
pub struct Maker {
    wanted: Wanted,
    folder: Folder,
    vault: Vault,
    /// How many segments there were when it tried last.
    tried: usize,
}

impl Maker {
    pub fn new(config: &Config, folder: &Path, vault: Vault) -> Self {
        let (wanted, folder) = (Wanted::of(&config.directory), Folder::hold(folder).unwrap());
        Self { wanted, folder, vault, tried: 0 }
    }

    fn turn(&mut self, now: Nanos) -> Result<(), JournalFault> {
        let segments = self.folder.names()?.iter().filter(|name| name.ends_with(".log")).count();
        let newest = snapshots(&self.folder)?.last().copied().unwrap_or_default();
        // The last one is being written.
        if segments == self.tried || newest as usize + 1 >= segments {
            return Ok(());
        }
        self.tried = segments;
        make(&self.folder, Whose { vault: &self.vault, wanted: &self.wanted }, now, || false)?;
        Ok(prune(&self.folder, 2, |_| true).map(drop)?)
    }
}

impl Agent for Maker {
    fn name(&self) -> String {
        "snapshots".to_owned()
    }

    fn poll(&mut self, now: Nanos) -> Result<Work, Fault> {
        let _ = self.turn(now);
        Ok(Work::Idle)
    }

    fn has_input(&self) -> bool {
        false
    }

    fn stopping(&mut self, _: Phase, _: Nanos) -> bool {
        true
    }

    fn finish(self: Box<Self>) -> Epilogue {
        Epilogue::Nothing
    }
}
