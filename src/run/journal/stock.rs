//! The file of the next segment, made before it is needed, and what is known of the room for it.
//!
//! ```text
//!   supplier, a thread beside the path: room for a segment, on the disk ─► spare ─► the log takes it and begins at once
//!        └ no room: tries again, and until there is some the flag says full: orders are refused, cancels are not
//! ```
//!
//! The flag is raised when the next segment cannot be made, and by then the one that is written has just been begun:
//! what is left of it is the reserve for cancels and for what sessions have to log. When even that is used up, the log
//! tries once more itself, and then stops by name.

use crate::ring::flag::Flag;
use crate::ring::spsc;
use crate::sys::file::{FileError, Spare};
use crate::sys::machine;
use crate::types::{Nanos, Span};
use std::path::{Path, PathBuf};

/// How long to wait before room is looked for again.
pub const AGAIN_AFTER: Span = Span::from_millis(250);

/// Where a log takes its next file from.
#[derive(Debug)]
pub struct Stock {
    source: Source,
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
    /// There is none and no room; told once.
    NoRoom(FileError),
    /// There is still no room.
    StillNone,
}

impl Stock {
    /// For files of `size` bytes in a folder, with the supplier, whose thread is to be started. On a machine in memory
    /// there are no threads.
    pub fn new(folder: &Path, size: u64) -> (Self, Option<ThreadSupplier>) {
        if machine::is_entered() {
            return (Self::of_turns(folder, size), None);
        }
        let (stock, supplier) = Self::with_supplier(folder, size);
        (stock, Some(supplier))
    }

    fn with_supplier(folder: &Path, size: u64) -> (Self, ThreadSupplier) {
        let (shelf, spares) = spsc::ring(1);
        let supplier = Supplier::new(folder, size, shelf);
        let (is_full, is_taken) = (supplier.is_full.clone(), supplier.is_taken.clone());
        (Self { source: Source::Thread(spares), is_full, is_taken }, supplier)
    }

    /// A stock that is filled in the turns of its log.
    fn of_turns(folder: &Path, size: u64) -> Self {
        let supplier = Supplier::new(folder, size, None);
        let (is_full, is_taken) = (supplier.is_full.clone(), supplier.is_taken.clone());
        Self { source: Source::Turns(supplier, Nanos(0)), is_full, is_taken }
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

    /// The spare file, if there is one. No other is made before [`Stock::named`]: it would have the same name, and so
    /// be the same file.
    pub fn take(&mut self) -> Option<Spare> {
        // Raised before the shelf is empty, so that who sees the one sees the other.
        self.is_taken.set(true);
        let spare = match &mut self.source {
            Source::Thread(spares) => spares.pop(),
            Source::Turns(supplier, _) => supplier.shelf.take(),
        };
        self.is_taken.set(spare.is_some());
        spare
    }

    /// The file that was taken last has a name of its own.
    pub fn named(&self) {
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
    fn new(folder: &Path, size: u64, shelf: S) -> Self {
        let (is_full, is_taken) = (Flag::default(), Flag::default());
        Self { folder: folder.to_owned(), size, shelf, is_full, is_taken }
    }

    /// Makes a spare file if there is none.
    pub fn turn(&mut self) -> Supplied {
        if !self.shelf.is_empty() || self.is_taken.is_set() {
            return Supplied::Ready;
        }
        match Spare::prepare(&self.folder, self.size) {
            Ok(spare) => {
                self.shelf.put(spare);
                if self.is_full.set(false) { Supplied::ReadyAgain } else { Supplied::Ready }
            }
            Err(error) if self.is_full.set(true) => Supplied::NoRoom(error),
            Err(_) => Supplied::StillNone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::file::Folder;

    #[test]
    fn a_file_that_was_taken_is_left_alone_until_it_has_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let (mut stock, mut supplier) = Stock::with_supplier(dir.path(), 8_192);
        for name in ["1", "2", "3"] {
            assert!(stock.take().is_none() && matches!(supplier.turn(), Supplied::Ready));
            let spare = stock.take().unwrap();
            assert!(
                matches!(supplier.turn(), Supplied::Ready),
                "it looks again before the file has its name"
            );
            folder.adopt(spare, name, name.as_bytes()).unwrap();
            stock.named();
        }
        for name in ["1", "2", "3"] {
            let file = std::fs::read(dir.path().join(name)).unwrap();
            assert!(file.len() == 8_192 && file.starts_with(name.as_bytes()), "{name}");
        }
    }
}
