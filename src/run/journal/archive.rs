//! Segments that are needed for nothing any more, moved to the archive.
//!
//! ```text
//!   in data_dir    1 │ 2 │ 3 │ 4 │ 5 │ 6 │ 7 │ 8        a snapshot after 6 and one after 7 are kept
//!                  └───────┬───┘           └─┬─┘
//!                          │                 └ `keep` closed ones stay, and the one that is written
//!                          └ up to the oldest snapshot that is kept, and all of it longer ago than `keep_for`
//!
//!   move    rename, or, to another file system: copy ─► read back ─► fsync ─► name ─► fsync of the folder ─► remove here
//! ```
//!
//! So at any moment each segment has its name in one of both places, or in both with the same content; a crash leaves a
//! file without a name at most, which the next move writes over. What is at hand here and there is read as one journal:
//! `sys::file::Folder` looks for a segment in the archive when it is not in the data folder.

use super::head::Head;
use super::log::{segment_name, segment_number};
use crate::config::Archive;
use crate::seal::Vault;
use crate::sys::file::{self, BlockFile, FileError, Folder, FolderError, Spare};
use crate::types::Nanos;
use crate::wire::record::{FIRST_PAGE_BYTES, SEGMENT_HEADER_BYTES, SegmentError};
use std::path::Path;

/// Bytes that are copied at a time.
const CHUNK: usize = 1 << 20;

/// Why a segment stays.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive cannot be opened.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A segment does not begin as one.
    #[error("segment {0}: {1}")]
    Segment(u32, SegmentError),
    /// Another journal's segment has the name.
    #[error("{0} is there already, and is another segment: each server needs an archive of its own")]
    Occupied(String),
    /// The copy is not what was copied.
    #[error("{0} does not read back as it was written")]
    BadCopy(String),
}

/// The segments in a folder itself, the oldest first.
pub fn segments_in(folder: &Folder) -> Result<Vec<u32>, FileError> {
    Ok(folder.own_names()?.iter().filter_map(|name| segment_number(name)).collect())
}

/// The oldest segment, if the policy lets it go. `snapshot`: the oldest that is kept.
pub fn due(
    folder: &Folder,
    policy: &Archive,
    snapshot: Option<u32>,
    now: Nanos,
) -> Result<Option<u32>, ArchiveError> {
    let there = segments_in(folder)?;
    let (Some(&first), Some(snapshot)) = (there.first(), snapshot) else { return Ok(None) };
    // The last one is being written, and the one behind it says when it was closed.
    if first > snapshot || there.len() <= policy.keep as usize + 1 || there.get(1) != Some(&(first + 1)) {
        return Ok(None);
    }
    let behind = Head::read(&folder.open_file(&segment_name(first + 1), false)?)?;
    let closed = behind.map_err(|why| ArchiveError::Segment(first + 1, why))?.header.time;
    Ok((now.since(closed) >= policy.keep_for).then_some(first))
}

/// Moves a segment to the archive, which is made if it is not there.
pub fn archive(folder: &Folder, to: &Path, vault: &Vault, segment: u32) -> Result<(), ArchiveError> {
    let name = segment_name(segment);
    let archive = Folder::create(to)?;
    let source = folder.open_file(&name, false)?;
    let is_there = match file::open_if_there(&archive.path().join(&name))? {
        Some(there) if first_page(&there)? == first_page(&source)? => true,
        Some(there) => return Err(ArchiveError::Occupied(there.path().display().to_string())),
        None => false,
    };
    // A copy that is there already may be older than the last change of its keys, so it is made again.
    if is_there || !folder.move_file(&name, &archive)? {
        copy(&source, &archive, &name, vault)?;
        folder.remove_file(&name)?;
    }
    folder.sync()?;
    Ok(())
}

fn copy(source: &BlockFile, archive: &Folder, name: &str, vault: &Vault) -> Result<(), ArchiveError> {
    let size = source.size()?;
    let spare = Spare::named(archive, name, size)?;
    let (mut chunk, mut again) = (vec![0; CHUNK], vec![0; CHUNK]);
    for is_check in [false, true] {
        for at in (0..size).step_by(CHUNK) {
            let length = (size - at).min(CHUNK as u64) as usize;
            let part = &mut chunk[..length];
            source.read(part, at)?;
            if !is_check {
                spare.write(part, at)?;
                continue;
            }
            spare.read(&mut again[..length], at)?;
            // The keys in front may change meanwhile.
            let from = if at == 0 { SEGMENT_HEADER_BYTES } else { 0 };
            if part[from..] != again[from..length] {
                return Err(ArchiveError::BadCopy(archive.path().join(name).display().to_string()));
            }
        }
        spare.sync()?;
    }
    // Until it has its name nobody wraps keys anew.
    let pages = vault.pages();
    let mut head = [0; SEGMENT_HEADER_BYTES];
    source.read(&mut head, 0)?;
    archive.adopt(spare, name, &head)?;
    drop(pages);
    Ok(())
}

/// What never changes of a segment.
fn first_page(file: &BlockFile) -> Result<[u8; FIRST_PAGE_BYTES], FileError> {
    let mut page = [0; FIRST_PAGE_BYTES];
    let length = page.len().min(usize::try_from(file.size()?).unwrap_or(usize::MAX));
    file.read(&mut page[..length], 0)?;
    Ok(page)
}
