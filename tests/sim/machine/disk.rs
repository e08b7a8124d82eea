//! A disk: what was written is readable at once and durable after a sync; what was not synced when the power failed is
//! there, lost, torn, or there in some sectors and not in others.
//!
//! ```text
//!   write ─► live, and pending ──sync──► durable          a name is durable when its folder was synced
//!                        └─ crash ─► none, all, a prefix, or any subset of the sectors
//! ```

use super::super::rng::Rng;
use super::super::world;
use sealgate::sys::machine::{Disk, DiskFile, Open};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// What a disk writes whole or not at all.
pub const SECTOR: usize = 512;

/// What is asked of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Read,
    Write(usize),
    Sync,
    /// Room, names, folders.
    Other,
}

/// What the seed says to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Proceed,
    /// Nothing happens, and this is why.
    Fail(i32),
    /// So many bytes are written, then the process dies.
    Tear(usize),
}

/// What is left of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// All of it: the process died, the machine did not.
    All,
    /// Nothing.
    Nothing,
    /// What was written first, the last write cut short.
    Prefix,
    /// Any subset of sectors.
    Scattered,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    /// Shared with pictures of the disk, and copied when it is written.
    live: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    pending: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Set(PathBuf, usize),
    Removed(PathBuf),
    Renamed(PathBuf, PathBuf),
}

#[derive(Clone, Debug, Default)]
struct State {
    files: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    changes: Vec<NameChange>,
    folders: BTreeSet<PathBuf>,
    written: usize,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    /// A picture of a disk: nothing goes wrong with it, and no time passes.
    still: bool,
}

#[derive(Debug)]
struct File {
    disk: SimDisk,
    inode: usize,
}

impl SimDisk {
    /// What a crash at this moment would leave in the worst case: only what is durable.
    pub fn picture(&self) -> Self {
        let mut state = self.lock().clone();
        state.crash(Left::Nothing, &mut Rng::new(0));
        Self { state: Arc::new(Mutex::new(state)), still: true }
    }

    /// The same disk as it is now.
    pub fn copy(&self) -> Self {
        Self { state: Arc::new(Mutex::new(self.lock().clone())), still: true }
    }

    /// What the crash left.
    pub fn crash(&self, left: Left, rng: &mut Rng) {
        self.lock().crash(left, rng);
    }

    /// Puts back what a picture has.
    pub fn restore(&self, from: &Self) {
        let state = from.lock().clone();
        *self.lock() = state;
    }

    /// Whether there is a file whose name ends so.
    pub fn has(&self, end: &str) -> bool {
        self.lock().names.keys().any(|name| name.to_string_lossy().ends_with(end))
    }

    /// Changes what stands in a file.
    pub fn edit(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        let inode = state.names[path];
        change(Arc::make_mut(&mut state.files[inode].live));
    }

    /// How much has been written so far.
    pub fn written(&self) -> usize {
        self.lock().written
    }

    /// Flips a bit of a file that is not all zeros around it; whether there was one.
    pub fn rot(&self, rng: &mut Rng) -> Option<(PathBuf, usize)> {
        let mut state = self.lock();
        let names: Vec<(PathBuf, usize)> = state.names.iter().map(|(k, v)| (k.clone(), *v)).collect();
        let (path, inode) = names.get(rng.index(names.len().max(1)))?.clone();
        let file = &mut state.files[inode];
        let written = file.live.iter().rposition(|byte| *byte != 0)? + 1;
        let at = rng.index(written);
        let bit = 1 << rng.below(8);
        Arc::make_mut(&mut file.live)[at] ^= bit;
        file.durable = Arc::clone(&file.live);
        Some((path, at))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Lets the rest of the world go on while this call is under way.
    fn ask(&self, op: Op) -> io::Result<Verdict> {
        match if self.still { Verdict::Proceed } else { world::during(op) } {
            Verdict::Fail(errno) => Err(io::Error::from_raw_os_error(errno)),
            verdict => Ok(verdict),
        }
    }
}

impl State {
    fn crash(&mut self, left: Left, rng: &mut Rng) {
        let kept = match left {
            Left::All => self.changes.len(),
            Left::Nothing => 0,
            Left::Prefix | Left::Scattered => rng.index(self.changes.len() + 1),
        };
        let changes = std::mem::take(&mut self.changes);
        for change in changes.into_iter().take(kept) {
            change.apply(&mut self.durable_names);
        }
        self.names = self.durable_names.clone();
        for file in &mut self.files {
            file.crash(left, rng);
        }
    }
}

impl NameChange {
    fn apply(self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, inode) => drop(names.insert(path, inode)),
            Self::Removed(path) => drop(names.remove(&path)),
            Self::Renamed(from, to) => {
                if let Some(inode) = names.remove(&from) {
                    names.insert(to, inode);
                }
            }
        }
    }
}

impl Inode {
    fn write(bytes: &mut Arc<Vec<u8>>, at: usize, new: &[u8]) {
        let bytes = Arc::make_mut(bytes);
        if bytes.len() < at + new.len() {
            bytes.resize(at + new.len(), 0);
        }
        bytes[at..at + new.len()].copy_from_slice(new);
    }

    fn sync(&mut self) {
        Arc::make_mut(&mut self.durable).resize(self.live.len(), 0);
        for (at, new) in self.pending.drain(..) {
            Self::write(&mut self.durable, at, &new);
        }
    }

    fn crash(&mut self, left: Left, rng: &mut Rng) {
        match left {
            Left::All => self.sync(),
            Left::Nothing => {}
            Left::Prefix => {
                let kept = rng.index(self.pending.len() + 1);
                let mut pending = std::mem::take(&mut self.pending);
                if kept > 0 {
                    // The last one is cut where a word ends, or is whole.
                    let last = &mut pending[kept - 1].1;
                    let words = last.len() / 8;
                    if words > 0 && rng.chance(3, 4) {
                        last.truncate(8 * rng.index(words + 1));
                    }
                }
                for (at, new) in pending.into_iter().take(kept) {
                    Self::write(&mut self.durable, at, &new);
                }
            }
            Left::Scattered => {
                for (at, new) in std::mem::take(&mut self.pending) {
                    let mut begin = 0;
                    while begin < new.len() {
                        let end = (begin + SECTOR - (at + begin) % SECTOR).min(new.len());
                        if rng.chance(1, 2) {
                            Self::write(&mut self.durable, at + begin, &new[begin..end]);
                        }
                        begin = end;
                    }
                }
            }
        }
        self.pending.clear();
        self.live = Arc::clone(&self.durable);
    }
}

impl Disk for SimDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.lock().folders.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn has_folder(&self, path: &Path) -> bool {
        self.lock().folders.contains(path)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.ask(Op::Read)?;
        let state = self.lock();
        let inside = state.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
    }

    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        self.ask(if how == Open::Create { Op::Other } else { Op::Read })?;
        let mut state = self.lock();
        let known = state.names.get(path).copied();
        let inode = match (known, how) {
            (Some(inode), Open::Read | Open::Write) => inode,
            (None, Open::Read | Open::Write) => return Err(io::ErrorKind::NotFound.into()),
            (_, Open::Create) => {
                state.files.push(Inode::default());
                let inode = state.files.len() - 1;
                state.names.insert(path.to_owned(), inode);
                state.changes.push(NameChange::Set(path.to_owned(), inode));
                inode
            }
        };
        drop(state);
        Ok(Arc::new(File { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask(Op::Other)?;
        let mut state = self.lock();
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), inode);
        state.changes.push(NameChange::Renamed(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.ask(Op::Other)?;
        let mut state = self.lock();
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        state.changes.push(NameChange::Removed(path.to_owned()));
        Ok(())
    }

    fn sync_folder(&self, _path: &Path) -> io::Result<()> {
        self.ask(Op::Sync)?;
        let mut state = self.lock();
        state.changes.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }
}

impl DiskFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.lock().files[self.inode].live.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.disk.ask(Op::Read)?;
        let state = self.disk.lock();
        let found = state.files[self.inode].live.get(offset as usize..offset as usize + bytes.len());
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let verdict = self.disk.ask(Op::Write(bytes.len()))?;
        let bytes = if let Verdict::Tear(count) = verdict { &bytes[..count.min(bytes.len())] } else { bytes };
        let mut state = self.disk.lock();
        state.written += bytes.len();
        let file = &mut state.files[self.inode];
        Inode::write(&mut file.live, offset as usize, bytes);
        file.pending.push((offset as usize, bytes.to_vec()));
        match verdict {
            Verdict::Tear(_) => Err(io::Error::from_raw_os_error(EIO)),
            _ => Ok(()),
        }
    }

    fn allocate(&self, size: u64) -> io::Result<()> {
        self.disk.ask(Op::Other)?;
        let mut state = self.disk.lock();
        let live = Arc::make_mut(&mut state.files[self.inode].live);
        live.resize(live.len().max(size as usize), 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.ask(Op::Sync)?;
        self.disk.lock().files[self.inode].sync();
        Ok(())
    }
}

/// An input or output error.
pub const EIO: i32 = 5;
/// No space left on the device.
pub const ENOSPC: i32 = 28;
