//! The same walk on two threads: one reads, checks and opens the records, the other uses them.
//!
//! ```text
//!   reader: segment ─► checksum, seal, order of numbers ─► batch ──►│four batches at most│──► caller: visit
//!                                                      ▲────────── used up ◄───────────┘
//! ```
//!
//! The caller sees every record before the place where the journal ends or cannot be read on, in the same order, and
//! then the verdict, as if it had walked by itself. Cost: one copy of each record, which keeps the threads apart: what
//! one does with a segment is no matter to the other.

use super::walk::{JournalFault, Trust, Walked, walk_on};
use crate::sys::file::Folder;
use crate::sys::{machine, pin};
use crate::types::{Nanos, Seq};
use crate::wire::record::{Place, Record, RecordType, Stream};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Bytes of bodies in a batch: enough that handing it over costs nothing, few enough that they stay in the cache.
const BATCH_BYTES: usize = 256 * 1024;

/// Batches on their way.
const BATCHES: usize = 4;

/// Records that stand one behind the other.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<Copied>,
    bodies: Vec<u8>,
}

/// A record without its body.
#[derive(Clone, Copy, Debug)]
struct Copied {
    place: Place,
    stream: Stream,
    seq: Seq,
    time: Nanos,
    record_type: RecordType,
    /// Where its body ends in the batch.
    end: usize,
}

/// The reader's end.
struct Filling {
    batch: Batch,
    full: SyncSender<Batch>,
    used_up: Receiver<Batch>,
}

/// Walks on behind what was read already, as [`walk_on`] does; with a second thread where there is a core for it.
pub fn walk_ahead<'a>(
    folder: &Folder,
    trust: impl Into<Trust<'a>>,
    from: Walked,
    mut visit: impl FnMut(Place, &Record<'_>) -> Result<(), JournalFault>,
) -> Result<Walked, JournalFault> {
    let trust = trust.into();
    if machine::is_entered() || pin::cores() == 1 {
        return walk_on(folder, trust, from, None, visit);
    }
    let ((full, filled), (back, used_up)) = (sync_channel(BATCHES), channel());
    let filling = Filling { batch: Batch::default(), full, used_up };
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| filling.read(folder, trust, from));
        let visited = use_up(filled, &back, &mut visit);
        let walked = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        visited.and(walked)
    })
}

/// Shows what comes, until nothing more does. Who is shown something may call it off: then the reader finds nobody
/// who takes its next batch.
fn use_up(
    filled: Receiver<Batch>,
    back: &Sender<Batch>,
    visit: &mut impl FnMut(Place, &Record<'_>) -> Result<(), JournalFault>,
) -> Result<(), JournalFault> {
    for mut batch in filled {
        batch.show(visit)?;
        batch.records.clear();
        batch.bodies.clear();
        // A reader that is done needs it no more.
        let _ = back.send(batch);
    }
    Ok(())
}

impl Filling {
    fn read(mut self, folder: &Folder, trust: Trust<'_>, from: Walked) -> Result<Walked, JournalFault> {
        let walked = walk_on(folder, trust, from, None, |place, record| {
            self.batch.push(place, record);
            if self.batch.bodies.len() < BATCH_BYTES { Ok(()) } else { self.hand_over() }
        });
        // What stands before a bad record is shown before the verdict.
        self.hand_over()?;
        walked
    }

    fn hand_over(&mut self) -> Result<(), JournalFault> {
        let next = self.used_up.try_recv().unwrap_or_default();
        self.full.send(std::mem::replace(&mut self.batch, next)).map_err(|_| JournalFault::CalledOff)
    }
}

impl Batch {
    fn push(&mut self, place: Place, record: &Record<'_>) {
        let Record { stream, seq, time, record_type, body } = *record;
        self.bodies.extend_from_slice(body);
        let end = self.bodies.len();
        self.records.push(Copied { place, stream, seq, time, record_type, end });
    }

    fn show(
        &self,
        visit: &mut impl FnMut(Place, &Record<'_>) -> Result<(), JournalFault>,
    ) -> Result<(), JournalFault> {
        let mut begin = 0;
        for copied in &self.records {
            let Copied { place, stream, seq, time, record_type, end } = *copied;
            let body = &self.bodies[begin..end];
            visit(place, &Record { stream, seq, time, record_type, body })?;
            begin = end;
        }
        Ok(())
    }
}
