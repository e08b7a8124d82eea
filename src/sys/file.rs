//! Files of the journal: preallocated, written and read at offsets, synced; a folder that one process holds.
//!
//! ```text
//!   create ─► `name.tmp`: room for all of it, its first page, fsync ─► rename to `name` ─► fsync of the folder
//!   spare  ─► `spare.tmp`: room for all of it, fsync … later: its first page, fsync ─► rename ─► fsync of the folder
//! ```
//!
//! So a file that has its name is whole, also after a loss of power. Every error says what was done to which file.

use super::machine::Open;
use super::medium::{self, File, FolderHandle, NotHeld};
use super::tally;
use crate::planted::{self, Bug};
use std::io;
use std::path::{Path, PathBuf};

/// The name of a file that waits for a name.
pub const SPARE_NAME: &str = "spare.tmp";

/// What could not be done to which file. After one of a write or a sync nothing is known of what is on the disk.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}: {source}", path.display())]
pub struct FileError {
    /// What was tried: `write`, `fdatasync` …
    pub doing: &'static str,
    /// To which file.
    pub path: PathBuf,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}

/// A file that is read and written at offsets.
#[derive(Debug)]
pub struct BlockFile {
    file: File,
    path: PathBuf,
}

/// A folder that no other process holds, until this is dropped or the process ends.
#[derive(Debug)]
pub struct Folder {
    /// The folder itself carries the lock, so nothing is left behind.
    handle: FolderHandle,
    path: PathBuf,
    /// Where files are read that are not in it.
    annex: Option<PathBuf>,
}

/// A file that has its room and no name of its own yet.
#[derive(Debug)]
pub struct Spare {
    file: File,
    path: PathBuf,
}

/// Why a folder cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process holds it.
    #[error("{} is in use: another server, or a command that reads it, holds its lock", .0.display())]
    Held(PathBuf),
    /// It cannot be opened.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Folder {
    /// Makes the folder where there is none (for its owner alone), and holds it.
    pub fn create(path: &Path) -> Result<Self, FolderError> {
        medium::create_folder(path).map_err(failed("create folder", path))?;
        Self::hold(path)
    }

    /// Holds a folder that is there.
    pub fn hold(path: &Path) -> Result<Self, FolderError> {
        let handle = FolderHandle::open(path).map_err(failed("open folder", path))?;
        match handle.hold() {
            Ok(()) => Ok(Self { handle, path: path.to_owned(), annex: None }),
            Err(NotHeld::ByAnother) => Err(FolderError::Held(path.to_owned())),
            Err(NotHeld::Failed(error)) => Err(failed("lock folder", path)(error).into()),
        }
    }

    /// The same, with another folder in which files are read that are not in this one.
    #[must_use]
    pub fn with_annex(self, annex: Option<&Path>) -> Self {
        Self { annex: annex.map(Path::to_owned), ..self }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same folder for another thread: it is held until both are dropped.
    pub fn again(&self) -> Result<Self, FileError> {
        let handle = self.handle.again().map_err(failed("open folder", &self.path))?;
        Ok(Self { handle, path: self.path.clone(), annex: self.annex.clone() })
    }

    /// The names in it, in order.
    pub fn own_names(&self) -> Result<Vec<String>, FileError> {
        let mut names = self.handle.names(&self.path).map_err(failed("list", &self.path))?;
        names.sort();
        Ok(names)
    }

    /// The names in it and in its annex, in order.
    pub fn names(&self) -> Result<Vec<String>, FileError> {
        let mut names = self.own_names()?;
        if let Some(annex) = &self.annex {
            let there = FolderHandle::open(annex).and_then(|handle| handle.names(annex));
            names.extend(there.or_else(none_where_there_is_nothing).map_err(failed("list", annex))?);
            names.sort();
            names.dedup();
        }
        Ok(names)
    }

    /// Makes a file of `size` bytes that begins with `head`, durable with its name.
    pub fn create_file(&self, name: &str, size: u64, head: &[u8]) -> Result<BlockFile, FileError> {
        self.adopt(Spare::named(self, name, size)?, name, head)
    }

    /// Gives a spare file its beginning and its name, durable with both.
    pub fn adopt(&self, spare: Spare, name: &str, head: &[u8]) -> Result<BlockFile, FileError> {
        let (Spare { file, path: temporary }, path) = (spare, self.path.join(name));
        file.write_all_at(head, 0).map_err(failed("write", &temporary))?;
        if !planted::has(Bug::FileNotSynced) {
            file.sync_all().map_err(failed("fsync", &temporary))?;
        }
        medium::rename(&temporary, &path).map_err(failed("rename", &temporary))?;
        if !planted::has(Bug::NameNotSynced) {
            self.sync()?;
        }
        Ok(BlockFile { file, path })
    }

    /// Opens a file of the folder.
    pub fn open_file(&self, name: &str, writable: bool) -> Result<BlockFile, FileError> {
        let path = self.path.join(name);
        let how = if writable { Open::Write } else { Open::Read };
        match (File::open(&path, how), &self.annex) {
            (Ok(file), _) => Ok(BlockFile { file, path }),
            (Err(error), Some(annex)) if !writable && error.kind() == io::ErrorKind::NotFound => {
                let path = annex.join(name);
                let file = File::open(&path, how).map_err(failed("open", &path))?;
                Ok(BlockFile { file, path })
            }
            (Err(error), _) => Err(failed("open", &path)(error)),
        }
    }

    /// Gives a file of this folder to another one under the same name; false where that is on another file system.
    /// What is removed here is not durable before [`Folder::sync`].
    pub fn move_file(&self, name: &str, to: &Self) -> Result<bool, FileError> {
        let path = self.path.join(name);
        match medium::rename(&path, &to.path.join(name)) {
            Ok(()) => to.sync().map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Ok(false),
            Err(error) => Err(failed("move", &path)(error)),
        }
    }

    /// Removes a file of the folder.
    pub fn remove_file(&self, name: &str) -> Result<(), FileError> {
        let path = self.path.join(name);
        medium::remove(&path).map_err(failed("remove", &path))
    }

    /// Makes the names in it durable.
    pub fn sync(&self) -> Result<(), FileError> {
        self.handle.sync(&self.path).map_err(failed("fsync folder", &self.path))
    }
}

impl Spare {
    /// Makes a file of `size` bytes in a folder, whose room is on the disk. One that was left there before goes.
    pub fn prepare(folder: &Path, size: u64) -> Result<Self, FileError> {
        let spare = Self::allocate(folder.join(SPARE_NAME), size)?;
        spare.sync()?;
        Ok(spare)
    }

    /// The same for a file that is to have this name in a folder.
    pub fn named(folder: &Folder, name: &str, size: u64) -> Result<Self, FileError> {
        Self::allocate(folder.path.join(format!("{name}.tmp")), size)
    }

    /// Writes all of `bytes` from `offset` on.
    pub fn write(&self, bytes: &[u8], offset: u64) -> Result<(), FileError> {
        self.file.write_all_at(bytes, offset).map_err(failed("write", &self.path))
    }

    /// Fills `bytes` from `offset` on.
    pub fn read(&self, bytes: &mut [u8], offset: u64) -> Result<(), FileError> {
        self.file.read_exact_at(bytes, offset).map_err(failed("read", &self.path))
    }

    /// Returns when all of it is on the disk.
    pub fn sync(&self) -> Result<(), FileError> {
        self.file.sync_all().map_err(failed("fsync", &self.path))
    }

    /// What a full disk gave of the room goes back.
    fn allocate(path: PathBuf, size: u64) -> Result<Self, FileError> {
        let file = File::open(&path, Open::Create).map_err(failed("create", &path))?;
        if let Err(error) = file.allocate(size) {
            drop(file);
            medium::remove(&path).map_err(failed("remove", &path))?;
            return Err(failed("allocate", &path)(error));
        }
        Ok(Self { file, path })
    }
}

impl BlockFile {
    /// How long it is.
    pub fn size(&self) -> Result<u64, FileError> {
        self.file.size().map_err(failed("stat", &self.path))
    }

    /// Writes all of `bytes` from `offset` on.
    pub fn write(&self, bytes: &[u8], offset: u64) -> Result<(), FileError> {
        tally::called();
        self.file.write_all_at(bytes, offset).map_err(failed("write", &self.path))
    }

    /// Fills `bytes` from `offset` on.
    pub fn read(&self, bytes: &mut [u8], offset: u64) -> Result<(), FileError> {
        tally::called();
        self.file.read_exact_at(bytes, offset).map_err(failed("read", &self.path))
    }

    /// Returns when all that was written is on the disk (fdatasync).
    pub fn sync(&self) -> Result<(), FileError> {
        tally::called();
        self.file.sync_data().map_err(failed("fdatasync", &self.path))
    }

    /// Makes it `size` bytes long: what is new reads as zeros. Needs [`BlockFile::sync`].
    pub fn extend(&self, size: u64) -> Result<(), FileError> {
        self.file.allocate(size).map_err(failed("allocate", &self.path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens a file to be read and written.
pub fn open(path: &Path) -> Result<BlockFile, FileError> {
    let file = File::open(path, Open::Write).map_err(failed("open", path))?;
    Ok(BlockFile { file, path: path.to_owned() })
}

/// The same; `None` where there is no such file.
pub fn open_if_there(path: &Path) -> Result<Option<BlockFile>, FileError> {
    match open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts `bytes` in the place of the file at `path`, if there is one: whoever opens it, and whoever starts after a loss
/// of power, finds all of the old or all of the new. For its owner's eyes alone.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let file = File::open(&temporary, Open::Create).map_err(failed("create", &temporary))?;
    file.write_all_at(bytes, 0).map_err(failed("write", &temporary))?;
    file.sync_all().map_err(failed("fsync", &temporary))?;
    medium::rename(&temporary, path).map_err(failed("rename", &temporary))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let sync = FolderHandle::open(folder).and_then(|handle| handle.sync(folder));
    sync.map_err(failed("fsync folder", folder))
}

/// Bytes that are free where `path` is, for a user without privileges.
pub fn free_bytes(path: &Path) -> Result<u64, FileError> {
    medium::free_bytes(path).map_err(failed("statvfs", path))
}

fn none_where_there_is_nothing(error: io::Error) -> io::Result<Vec<String>> {
    if error.kind() == io::ErrorKind::NotFound { Ok(Vec::new()) } else { Err(error) }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let held = Folder::create(&path).unwrap();
        assert!(matches!(Folder::hold(&path), Err(FolderError::Held(_))));
        drop(held);
        assert!(Folder::hold(&path).is_ok());
    }

    #[test]
    fn a_file_has_its_room_and_its_head_from_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let file = folder.create_file("a", 8_192, b"head").unwrap();
        assert_eq!(file.size().unwrap(), 8_192);
        file.write(b"tail", 8_188).unwrap();
        file.sync().unwrap();
        let mut all = vec![1; 8_192];
        folder.open_file("a", false).unwrap().read(&mut all, 0).unwrap();
        assert!(all.starts_with(b"head\0") && all.ends_with(b"\0tail"));
        assert_eq!(folder.names().unwrap(), ["a"]);
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        for text in ["", "a longer text", "short"] {
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
        assert!(replace(&dir.path().join("none/a"), b"").unwrap_err().to_string().starts_with("create "));
    }

    #[test]
    fn an_error_names_the_file_and_what_was_done_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let file = folder.create_file("a", 16, b"").unwrap();
        let error = file.read(&mut [0; 32], 0).unwrap_err().to_string();
        assert!(error.starts_with("read ") && error.contains("/a: "), "{error}");
        assert!(folder.open_file("b", false).unwrap_err().to_string().starts_with("open "));
        assert_eq!(
            folder.create_file("c", u64::MAX, b"").unwrap_err().source.kind(),
            io::ErrorKind::FileTooLarge
        );
    }
}
