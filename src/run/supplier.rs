//! The thread that makes the journal's next file and its key beside the path, and tells the operator when it cannot.

use super::agent::{Epilogue, Fault};
use super::journal::stock::{AGAIN_AFTER, Missing, Supplied, ThreadSupplier};
use super::phase::{Control, Phase};
use super::wiring::Handle;
use crate::sys::file;
use crate::watch::{Meter, Meters};
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

/// Between two turns: how long the server's stop waits for this thread.
const PAUSE: Duration = Duration::from_millis(20);

/// Between two looks at the room on the disk.
const MEASURE_EVERY: Duration = Duration::from_millis(500);

/// Starts the thread. It ends with the others.
pub fn spawn(mut supplier: ThreadSupplier, mut meters: Meters, control: Control) -> std::io::Result<Handle> {
    Builder::new().name("journal-stock".to_owned()).spawn(move || -> Result<Vec<Epilogue>, Fault> {
        let (mut again, mut measured) = (Instant::now(), None::<Instant>);
        while control.phase() != Phase::Stopped && !control.has_failed() {
            if Instant::now() >= again {
                match supplier.turn() {
                    Supplied::Ready => {}
                    Supplied::ReadyAgain => {
                        eprintln!("sealgate: the journal has its next segment again: orders are taken");
                    }
                    Supplied::Missing(missing) => {
                        let remedy = match missing {
                            Missing::Room(_) => "make room",
                            Missing::Key(_) => "bring the master key back",
                        };
                        eprintln!(
                            "sealgate: warning: {missing}; orders are refused with DiskFull, cancels are taken while \
                             the last segment has room; {remedy}"
                        );
                        again = Instant::now() + Duration::from_nanos(AGAIN_AFTER.0);
                    }
                    Supplied::StillNone => again = Instant::now() + Duration::from_nanos(AGAIN_AFTER.0),
                }
            }
            meters.set(Meter::DiskFull, supplier.is_full().into());
            if measured.is_none_or(|at| at.elapsed() >= MEASURE_EVERY) {
                measured = Some(Instant::now());
                // A disk that tells nothing leaves what it told last.
                let _ = file::free_bytes(supplier.folder()).map(|free| meters.set(Meter::DiskFreeBytes, free));
            }
            sleep(PAUSE);
        }
        Ok(Vec::new())
    })
}
