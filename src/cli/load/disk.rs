//! The floor of `disk`: what a sync takes by itself, on the file system and the core of the run's journal.

use super::tape::histogram;
use crate::limits::SEGMENT_BYTES;
use crate::sys::file::{BlockFile, Folder, FolderError};
use hdrhistogram::Histogram;
use std::path::Path;
use std::time::{Duration, Instant};

/// A block is appended and synced, again and again, in a file that is made as the journal makes its segments. What the
/// syncs took, in nanoseconds; writing the block is not in it.
pub fn syncs(folder: &Path, block: usize, length: Duration) -> Result<Histogram<u64>, FolderError> {
    let folder = Folder::create(&folder.join("floor"))?;
    let bytes = vec![b'x'; block];
    let (mut took, started, warm_up) = (histogram(), Instant::now(), length / 10);
    let mut next = 0u32;
    while started.elapsed() < length {
        let name = format!("{next}.floor");
        let file = folder.create_file(&name, SEGMENT_BYTES, &[])?;
        append(&file, &bytes, |sync| {
            if started.elapsed() > warm_up {
                took.saturating_record(sync.as_nanos() as u64);
            }
            started.elapsed() < length
        })?;
        folder.remove_file(&name)?;
        next += 1;
    }
    Ok(took)
}

/// Until the file is full, or nobody wants more.
fn append(file: &BlockFile, bytes: &[u8], mut took: impl FnMut(Duration) -> bool) -> Result<(), FolderError> {
    let (size, length) = (file.size()?, bytes.len() as u64);
    let mut at = 0;
    while at + length <= size {
        file.write(bytes, at)?;
        let began = Instant::now();
        file.sync()?;
        if !took(began.elapsed()) {
            break;
        }
        at += length;
    }
    Ok(())
}
