//! The thread that makes the journal's next file beside the path, and tells the operator when there is no room for it.

use super::agent::{Epilogue, Fault};
use super::journal::stock::{AGAIN_AFTER, Supplied, ThreadSupplier};
use super::phase::{Control, Phase};
use super::wiring::Handle;
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

/// Between two turns: how long the server's stop waits for this thread.
const PAUSE: Duration = Duration::from_millis(20);

/// Starts the thread. It ends with the others.
pub fn spawn(mut supplier: ThreadSupplier, control: Control) -> std::io::Result<Handle> {
    Builder::new().name("journal-stock".to_owned()).spawn(move || -> Result<Vec<Epilogue>, Fault> {
        let mut again = Instant::now();
        while control.phase() != Phase::Stopped && !control.has_failed() {
            if Instant::now() >= again {
                match supplier.turn() {
                    Supplied::Ready => {}
                    Supplied::ReadyAgain => {
                        eprintln!("sealgate: there is room for the journal again: orders are taken");
                    }
                    Supplied::NoRoom(error) => {
                        eprintln!(
                            "sealgate: warning: no room for the journal's next segment: {error}; orders are refused \
                             with DiskFull, cancels are taken while the last segment has room; make room"
                        );
                        again = Instant::now() + Duration::from_nanos(AGAIN_AFTER.0);
                    }
                    Supplied::StillNone => again = Instant::now() + Duration::from_nanos(AGAIN_AFTER.0),
                }
            }
            sleep(PAUSE);
        }
        Ok(Vec::new())
    })
}
