//! The file of the next segment and its data key, made before they are needed, and what is known of the room for it.
//!
//! ```text
//!   supplier, a thread beside the path: room for a segment, on the disk ─► spare ─┐
//!        │                              a data key, wrapped by a token  ─► key  ──┴► the log takes both and begins at once
//!        └ no room, or no token: tries again, and until it has both the flag says full: orders are refused, cancels
//! are not ```
//!
//! A token that wraps keys takes milliseconds, over a network more: no order waits for it, and one that is away is
//! missed a segment ahead. The flag is raised when the next segment cannot be made, and by then the one that is written
//! has just been begun: what is left of it is the reserve for cancels and for what sessions have to log. When even that
//! is used up, the log tries once more itself, and then stops by name.

use crate::planted::{self, Bug};
use crate::ring::flag::Flag;
use crate::ring::spsc;
use crate::seal::{DataKey, KeyError, Vault};
use crate::sys::file::{FileError, Spare};
use crate::sys::machine;
use crate::types::{Nanos, Span};
use crate::wire::record::{JournalId, Place, SEGMENT_HEADER_BYTES};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long to wait before room is looked for again.
pub const AGAIN_AFTER: Span = Span::from_millis(250);

/// Where a log takes its next file from.
#[derive(Debug)]
pub struct Stock {
    source: Source,
    key: NextKey,
    is_full: Flag,
    /// The log has taken the file and not named it yet.
    is_taken: Flag,
}

#[derive(Debug)]
enum Source {
    /// A supplier on a thread of its own.
    Thread(spsc::Consumer<Spare>),
    /// A supplier that is asked in each turn, where there are no threads: on a machine in memory.
    Turns(Supplier<Option<Spare>>, Nanos),
}

/// Makes spare files.
#[derive(Debug)]
pub struct Supplier<S> {
    key: NextKey,
    folder: PathBuf,
    size: u64,
    shelf: S,
    is_full: Flag,
    is_taken: Flag,
}

/// A supplier for a thread of its own.
pub type ThreadSupplier = Supplier<spsc::Producer<Spare>>;

/// What a turn of a supplier came to.
#[derive(Debug)]
pub enum Supplied {
    /// There is a spare file.
    Ready,
    /// There is one again, after there was no room.
    ReadyAgain,
    /// There is none, because of this; told once.
    Missing(Missing),
    /// There is still none.
    StillNone,
}

/// Why the next segment cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// There is no room for it.
    #[error("no room for the journal's next segment: {0}")]
    Room(#[from] FileError),
    /// There is no key for it.
    #[error("no key for the journal's next segment: {0}")]
    Key(#[from] KeyError),
}

/// What a log takes to begin a segment.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Its file.
    pub spare: Option<Spare>,
    /// Its data key.
    pub key: Option<DataKey>,
}

/// The key of the next segment, for whoever makes it and whoever takes it.
#[derive(Clone, Debug)]
pub struct NextKey {
    vault: Vault,
    journal: JournalId,
    next: Arc<Mutex<Next>>,
}

#[derive(Debug)]
struct Next {
    /// Where the next segment begins.
    wanted: Place,
    ready: Option<DataKey>,
}

impl NextKey {
    /// For what follows a segment of a journal.
    pub fn after(vault: Vault, journal: JournalId, segment: u32) -> Self {
        let next = Next { wanted: first_place(segment + 1), ready: None };
        Self { vault, journal, next: Arc::new(Mutex::new(next)) }
    }

    fn lock(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<DataKey> {
        self.lock().ready.take()
    }

    /// Segment `segment` was begun.
    fn begun(&self, segment: u32) {
        let mut next = self.lock();
        next.wanted = first_place(segment + 1);
        next.ready = None;
    }

    /// Makes it, if there is none, or another master key wraps now.
    fn prepare(&self) -> Result<(), KeyError> {
        let master = self.vault.pages().master();
        let next = self.lock();
        if next.ready.as_ref().is_some_and(|key| key.master() == master) {
            return Ok(());
        }
        let wanted = next.wanted;
        // Nothing is held while a token is asked.
        drop(next);
        let key = self.vault.data_key(self.journal, wanted)?;
        let mut next = self.lock();
        if next.wanted == wanted {
            next.ready = Some(key);
        }
        Ok(())
    }
}

fn first_place(segment: u32) -> Place {
    Place { segment, offset: SEGMENT_HEADER_BYTES as u32 }
}

impl Stock {
    /// For files of `size` bytes in a folder, with the supplier, whose thread is to be started. On a machine in memory
    /// there are no threads.
    pub fn new(folder: &Path, size: u64, key: NextKey) -> (Self, Option<ThreadSupplier>) {
        if machine::is_entered() {
            return (Self::of_turns(folder, size, key), None);
        }
        let (stock, supplier) = Self::with_supplier(folder, size, key);
        (stock, Some(supplier))
    }

    fn with_supplier(folder: &Path, size: u64, key: NextKey) -> (Self, ThreadSupplier) {
        let (shelf, spares) = spsc::ring(1);
        let supplier = Supplier::new(folder, size, key.clone(), shelf);
        let (is_full, is_taken) = (supplier.is_full.clone(), supplier.is_taken.clone());
        (Self { source: Source::Thread(spares), key, is_full, is_taken }, supplier)
    }

    /// A stock that is filled in the turns of its log.
    fn of_turns(folder: &Path, size: u64, key: NextKey) -> Self {
        let supplier = Supplier::new(folder, size, key.clone(), None);
        let (is_full, is_taken) = (supplier.is_full.clone(), supplier.is_taken.clone());
        Self { source: Source::Turns(supplier, Nanos(0)), key, is_full, is_taken }
    }

    /// What says that the disk is full.
    pub fn is_full(&self) -> &Flag {
        &self.is_full
    }

    /// A turn of the log.
    pub fn turn(&mut self, now: Nanos) {
        if let Source::Turns(supplier, again) = &mut self.source
            && supplier.shelf.is_none()
            && now >= *again
        {
            supplier.turn();
            *again = now + AGAIN_AFTER;
        }
    }

    /// Whether all is there that a segment is begun with.
    pub fn is_ready(&self) -> bool {
        let has_spare = match &self.source {
            Source::Thread(spares) => !spares.is_empty(),
            Source::Turns(supplier, _) => supplier.shelf.is_some(),
        };
        has_spare && self.key.lock().ready.is_some()
    }

    /// The spare file and its key, as far as they are there. No other file is made before [`Stock::named`]: it would
    /// have the same name, and so be the same file.
    pub fn take(&mut self) -> Prepared {
        // Raised before the shelf is empty, so that who sees the one sees the other.
        self.is_taken.set(true);
        let spare = match &mut self.source {
            Source::Thread(spares) => spares.pop(),
            Source::Turns(supplier, _) => supplier.shelf.take(),
        };
        self.is_taken.set(spare.is_some());
        Prepared { spare, key: self.key.take() }
    }

    /// The file that was taken last has a name of its own: that of this segment.
    pub fn named(&self, segment: u32) {
        self.key.begun(segment);
        self.is_taken.set(false);
    }
}

/// Where a supplier puts what it made.
pub trait Shelf {
    /// Whether the last one was taken.
    fn is_empty(&self) -> bool;
    /// Puts one there.
    fn put(&mut self, spare: Spare);
}

impl Shelf for Option<Spare> {
    fn is_empty(&self) -> bool {
        self.is_none()
    }

    fn put(&mut self, spare: Spare) {
        *self = Some(spare);
    }
}

impl Shelf for spsc::Producer<Spare> {
    fn is_empty(&self) -> bool {
        self.slots() > 0
    }

    fn put(&mut self, spare: Spare) {
        let pushed = self.push(spare);
        assert!(pushed.is_done(), "it was empty, and nobody else puts anything there");
    }
}

impl<S: Shelf> Supplier<S> {
    fn new(folder: &Path, size: u64, key: NextKey, shelf: S) -> Self {
        let (is_full, is_taken) = (Flag::default(), Flag::default());
        Self { key, folder: folder.to_owned(), size, shelf, is_full, is_taken }
    }

    /// Makes a spare file and its key, where there are none.
    pub fn turn(&mut self) -> Supplied {
        if self.is_taken.is_set() {
            return Supplied::Ready;
        }
        match self.key.prepare().map_err(Missing::from).and_then(|()| self.make_room()) {
            Ok(()) if !planted::has(Bug::FullForEver) && self.is_full.set(false) => Supplied::ReadyAgain,
            Ok(()) => Supplied::Ready,
            Err(missing) if self.is_full.set(true) => Supplied::Missing(missing),
            Err(_) => Supplied::StillNone,
        }
    }

    /// Whether the next segment cannot be prepared.
    pub fn is_full(&self) -> bool {
        self.is_full.is_set()
    }

    /// Where files are made.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn make_room(&mut self) -> Result<(), Missing> {
        // It may have been taken since it was looked for the first time.
        if self.shelf.is_empty() && !self.is_taken.is_set() {
            self.shelf.put(Spare::prepare(&self.folder, self.size)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::fixture::vault;
    use crate::sys::file::Folder;

    #[test]
    fn a_file_that_was_taken_is_left_alone_until_it_has_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let key = NextKey::after(vault(), JournalId([1; 16]), 0);
        let (mut stock, mut supplier) = Stock::with_supplier(dir.path(), 8_192, key);
        for (name, segment) in [("1", 1), ("2", 2), ("3", 3)] {
            assert!(stock.take().spare.is_none() && matches!(supplier.turn(), Supplied::Ready));
            assert!(stock.is_ready());
            let Prepared { spare: Some(spare), key: Some(key) } = stock.take() else { panic!("both") };
            assert_eq!(key.from, first_place(segment));
            assert!(
                matches!(supplier.turn(), Supplied::Ready),
                "it looks again before the file has its name"
            );
            folder.adopt(spare, name, name.as_bytes()).unwrap();
            stock.named(segment);
        }
        for name in ["1", "2", "3"] {
            let file = std::fs::read(dir.path().join(name)).unwrap();
            assert!(file.len() == 8_192 && file.starts_with(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_key_that_an_earlier_master_wrapped_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        crate::seal::KeyFile::create(&path).unwrap();
        let vault = Vault::open(&crate::config::Encryption::KeyFile(path), &dir.path().join("data")).unwrap();
        let key = NextKey::after(vault.clone(), JournalId([1; 16]), 7);
        key.prepare().unwrap();
        vault.begin_rotation().unwrap();
        assert!(key.lock().ready.as_ref().is_some_and(|key| key.master() != vault.pages().master()));
        key.prepare().unwrap();
        assert!(key.lock().ready.as_ref().is_some_and(|key| key.master() == vault.pages().master()));
        // And one that was taken before is not used after.
        let early = key.take();
        let (taken, _pages) = vault.key_for(JournalId([1; 16]), first_place(8), early).unwrap();
        assert_eq!(taken.from, first_place(8));
    }
}
