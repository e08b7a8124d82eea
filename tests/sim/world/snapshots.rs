//! The thread of snapshots, in turns.

use sealgate::config::Config;
use sealgate::run::agent::{Agent, Epilogue, Fault, Work};
use sealgate::run::phase::Phase;
use sealgate::run::snapshots::{self, Plan};
use sealgate::seal::Vault;
use sealgate::sys::file::Folder;
use sealgate::types::Nanos;
use std::path::Path;

/// Makes a snapshot where one is due. What it cannot do is left, as in the server.
pub struct Maker {
    plan: Plan,
    folder: Folder,
    vault: Vault,
    failed_at: u32,
}

impl Maker {
    pub fn new(config: &Config, folder: &Path, vault: Vault) -> Option<Box<dyn Agent>> {
        let plan = snapshots::plan(config)?;
        let folder = Folder::hold(folder).unwrap();
        Some(Box::new(Self { plan, folder, vault, failed_at: 0 }))
    }
}

impl Agent for Maker {
    fn name(&self) -> String {
        "snapshots".to_owned()
    }

    fn poll(&mut self, _: Nanos) -> Result<Work, Fault> {
        if let Err((closed, _)) = self.plan.turn(&self.folder, &self.vault, self.failed_at, || false) {
            self.failed_at = closed;
        }
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
