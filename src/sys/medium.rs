//! What files lie on: the kernel's file systems, or the disk of a [`super::machine::Machine`].

#![allow(unsafe_code)]

use super::machine::{self, Disk, DiskFile, Open};
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// An open file.
#[derive(Debug)]
pub(super) enum File {
    Kernel(std::fs::File),
    Machine(Arc<dyn DiskFile>),
}

/// An open folder. That of the kernel carries the lock itself, so nothing is left behind; on a machine in memory
/// there is no other process.
#[derive(Debug)]
pub(super) enum FolderHandle {
    Kernel(std::fs::File),
    Machine(Arc<dyn Disk>),
}

/// Why a folder is not held.
pub(super) enum NotHeld {
    ByAnother,
    Failed(io::Error),
}

impl File {
    pub(super) fn open(path: &Path, how: Open) -> io::Result<Self> {
        if let Some(machine) = machine::current() {
            return machine.disk.open(path, how).map(Self::Machine);
        }
        let mut options = OpenOptions::new();
        options.read(true).write(how != Open::Read);
        if how == Open::Create {
            options.create(true).truncate(true).mode(0o600);
        }
        options.open(path).map(Self::Kernel)
    }

    pub(super) fn size(&self) -> io::Result<u64> {
        match self {
            Self::Kernel(file) => file.metadata().map(|meta| meta.len()),
            Self::Machine(file) => file.size(),
        }
    }

    pub(super) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Kernel(file) => file.read_exact_at(bytes, offset),
            Self::Machine(file) => file.read_at(bytes, offset),
        }
    }

    pub(super) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Kernel(file) => file.write_all_at(bytes, offset),
            Self::Machine(file) => file.write_at(bytes, offset),
        }
    }

    pub(super) fn sync_data(&self) -> io::Result<()> {
        match self {
            Self::Kernel(file) => file.sync_data(),
            Self::Machine(file) => file.sync(),
        }
    }

    pub(super) fn sync_all(&self) -> io::Result<()> {
        match self {
            Self::Kernel(file) => file.sync_all(),
            Self::Machine(file) => file.sync(),
        }
    }

    /// Gives it its room at once, so that a full disk is met here and not in the middle of a record.
    pub(super) fn allocate(&self, size: u64) -> io::Result<()> {
        match self {
            Self::Kernel(file) => preallocate(file, size),
            Self::Machine(file) => file.allocate(size),
        }
    }
}

impl FolderHandle {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let Some(machine) = machine::current() else {
            return std::fs::File::open(path).map(Self::Kernel);
        };
        if machine.disk.has_folder(path) {
            Ok(Self::Machine(machine.disk))
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// The same once more: the lock is held until both are gone.
    pub(super) fn again(&self) -> io::Result<Self> {
        match self {
            Self::Kernel(folder) => folder.try_clone().map(Self::Kernel),
            Self::Machine(disk) => Ok(Self::Machine(disk.clone())),
        }
    }

    pub(super) fn hold(&self) -> Result<(), NotHeld> {
        let Self::Kernel(folder) = self else { return Ok(()) };
        folder.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => NotHeld::ByAnother,
            std::fs::TryLockError::Error(error) => NotHeld::Failed(error),
        })
    }

    pub(super) fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        if let Self::Machine(disk) = self {
            return disk.names(path);
        }
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path)? {
            // A name that is not UTF-8 is none of ours.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    pub(super) fn sync(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Kernel(folder) => folder.sync_all(),
            Self::Machine(disk) => disk.sync_folder(path),
        }
    }
}

/// Makes a folder where there is none, for its owner alone.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    match machine::current() {
        Some(machine) => machine.disk.create_folder(path),
        None => std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path),
    }
}

pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match machine::current() {
        Some(machine) => machine.disk.rename(from, to),
        None => std::fs::rename(from, to),
    }
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match machine::current() {
        Some(machine) => machine.disk.remove(path),
        None => std::fs::remove_file(path),
    }
}

fn preallocate(file: &std::fs::File, size: u64) -> io::Result<()> {
    let size = libc::off_t::try_from(size).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    loop {
        // SAFETY: the descriptor belongs to `file`, which lives beyond the call; no memory is passed.
        if unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, size) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            // A file system that cannot promise room: the length alone is what recovery needs.
            Some(libc::EOPNOTSUPP) => return file.set_len(size as u64),
            _ => return Err(error),
        }
    }
}

/// Bytes that are free where `path` is; a machine in memory has no bound that it tells.
pub(super) fn free_bytes(path: &Path) -> io::Result<u64> {
    if machine::is_entered() {
        return Ok(u64::MAX);
    }
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    let mut told = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends in a zero byte and both live beyond the call, which fills the structure or fails.
    if unsafe { libc::statvfs(path.as_ptr(), told.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it is filled.
    let told = unsafe { told.assume_init() };
    Ok(told.f_bavail.saturating_mul(told.f_frsize))
}
