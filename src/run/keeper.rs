//! The thread of the verifier's keeper: makes the tables of keys, and checks samples of verdicts, beside the path.

use super::agent::{Epilogue, Fault};
use super::phase::{Control, Phase};
use super::wiring::Handle;
use crate::sys::clock::Clock;
use crate::verify::tables::Keeper;
use crate::watch::{Meter, Meters, SecurityEvent, SecurityLog, SecurityRecord};
use std::thread::{Builder, sleep};
use std::time::Duration;

/// Between two turns: how long a key waits for its table, and the server's stop for this thread.
const PAUSE: Duration = Duration::from_millis(20);

/// Starts the thread. It ends with the others.
pub fn spawn(
    mut keeper: Keeper,
    security: SecurityLog,
    mut meters: Meters,
    control: Control,
) -> std::io::Result<Handle> {
    Builder::new().name("verify-keeper".to_owned()).spawn(move || -> Result<Vec<Epilogue>, Fault> {
        let mut clock = Clock::new();
        meters.set(Meter::KeyTables, 0);
        while control.phase() != Phase::Stopped && !control.has_failed() {
            let turn = keeper.turn();
            meters.set(Meter::KeyTables, keeper.tables() as u64);
            meters.add(Meter::SamplesChecked, turn.checked.into());
            if let Some(key) = turn.distrusted {
                let event = SecurityEvent::VerifierDistrusted { key };
                security.note(SecurityRecord { at: clock.now(), peer: None, event });
            }
            if !turn.made {
                sleep(PAUSE);
            }
        }
        Ok(Vec::new())
    })
}
