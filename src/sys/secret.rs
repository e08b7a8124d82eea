//! Memory for secrets: locked, left out of core dumps and of children, zeroed when it is let go; and a process that
//! leaves nothing of itself behind.
//!
//! Files with secrets are the kernel's, whatever machine a thread is on.
//!
//! A locked page costs 4 KiB of the limit `RLIMIT_MEMLOCK`, whatever stands in it, so this is for few and short things:
//! keys and PINs.

#![allow(unsafe_code)]

use super::file::FileError;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::ptr::NonNull;
use zeroize::Zeroize;

/// Bytes that nobody else is to see. They stand in a page of their own.
pub struct Secret {
    page: NonNull<u8>,
    mapped: usize,
    length: usize,
    is_locked: bool,
}

// SAFETY: the page belongs to this value alone, and is only written through `&mut`.
unsafe impl Send for Secret {}
// SAFETY: as above; a shared reference only reads.
unsafe impl Sync for Secret {}

/// How much of the process the kernel promised never to write to the swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    /// All of it.
    Everything,
    /// The pages of [`Secret`]s; the limit of locked memory does not allow more.
    SecretsOnly,
}

impl Secret {
    /// So many bytes, which `fill` writes.
    pub fn new<E: From<io::Error>>(
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut secret = Self::zeros(length)?;
        fill(secret.bytes_mut())?;
        Ok(secret)
    }

    /// A copy of `bytes`, which are zeroed where they were.
    pub fn take(bytes: &mut [u8]) -> io::Result<Self> {
        let mut secret = Self::zeros(bytes.len())?;
        secret.bytes_mut().copy_from_slice(bytes);
        bytes.zeroize();
        Ok(secret)
    }

    fn zeros(length: usize) -> io::Result<Self> {
        let mapped = length.max(1).next_multiple_of(PAGE_BYTES);
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: no address is asked for and no file is mapped; the result is checked.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), mapped, access, kind, -1, 0) };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let page =
            NonNull::new(page.cast::<u8>()).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        // SAFETY: the mapping was just made, has this length and is ours. That a kernel does not know one of the
        // advices, or has no room to lock, leaves the memory as usable as it was; whoever asks is told.
        let is_locked = unsafe {
            libc::madvise(page.as_ptr().cast(), mapped, libc::MADV_DONTDUMP);
            libc::madvise(page.as_ptr().cast(), mapped, libc::MADV_WIPEONFORK);
            libc::mlock(page.as_ptr().cast(), mapped) == 0
        };
        Ok(Self { page, mapped, length, is_locked })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `length` bytes of the mapping are initialised (it began as zeros) and live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.page.as_ptr(), self.length) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `&mut self` excludes every other view.
        unsafe { std::slice::from_raw_parts_mut(self.page.as_ptr(), self.length) }
    }

    /// Whether the kernel promised never to write it to the swap.
    pub fn is_locked(&self) -> bool {
        self.is_locked
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        // SAFETY: the mapping is ours, has this length, and nothing refers to it any more.
        unsafe { libc::munmap(self.page.as_ptr().cast(), self.mapped) };
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// From now on this process leaves no core dump, and only root can attach to it or read its memory.
pub fn no_core_dumps() -> io::Result<()> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure lives beyond the call, which only reads it.
    if unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: no pointer is passed.
    if unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Keeps the whole process out of the swap, where its limit of locked memory is none. With a limit, memory that is
/// asked for later could be refused, so then only secrets are locked.
pub fn lock_memory() -> Locked {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure lives beyond the call, which fills it.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) } == 0;
    if !known || limit.rlim_cur != libc::RLIM_INFINITY {
        return Locked::SecretsOnly;
    }
    // On fault: what was reserved and is never touched takes no memory.
    let flags = libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT;
    // SAFETY: no pointer is passed.
    if unsafe { libc::mlockall(flags) } == 0 { Locked::Everything } else { Locked::SecretsOnly }
}

/// Makes a file with a secret, for its owner alone, durable with its name; what is there is never written over.
pub fn create_file(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        sync_folder_of(path)
    };
    write().map_err(|source| FileError { doing: "create", path: path.to_owned(), source })
}

/// Puts a secret in the place of the file at `path`: whoever opens it, and whoever starts after a loss of power,
/// finds all of the old or all of the new.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let temporary = path.with_added_extension("tmp");
    // What an interrupted replacement left.
    let _ = std::fs::remove_file(&temporary);
    create_file(&temporary, bytes)?;
    let replace = || -> io::Result<()> {
        std::fs::rename(&temporary, path)?;
        sync_folder_of(path)
    };
    replace().map_err(|source| FileError { doing: "replace", path: path.to_owned(), source })
}

/// Removes a file with a secret, durably.
pub fn remove_file(path: &Path) -> Result<(), FileError> {
    let remove = || -> io::Result<()> {
        std::fs::remove_file(path)?;
        sync_folder_of(path)
    };
    remove().map_err(|source| FileError { doing: "remove", path: path.to_owned(), source })
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Reads a file with a secret, and tells the bits of its mode. The caller zeroes what it was given.
pub fn read_file(path: &Path) -> Result<(Vec<u8>, u32), FileError> {
    let read = || -> io::Result<(Vec<u8>, u32)> {
        let mut file = std::fs::File::open(path)?;
        let meta = file.metadata()?;
        if !meta.is_file() || meta.len() > FILE_BYTES_MAX {
            return Err(io::Error::other("it is no file of a few lines"));
        }
        // The exact room, so that no growing leaves a copy behind.
        let mut bytes = vec![0; meta.len() as usize];
        file.read_exact(&mut bytes)?;
        Ok((bytes, meta.permissions().mode() & 0o7777))
    };
    read().map_err(|source| FileError { doing: "read", path: path.to_owned(), source })
}

/// Longest file with a secret.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The least that can be mapped; a larger page of the machine is a multiple of it, and the kernel rounds up.
const PAGE_BYTES: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_what_it_was_and_not_to_be_seen() {
        let mut bytes = *b"0123456789abcdef";
        let secret = Secret::take(&mut bytes).unwrap();
        assert_eq!(secret.bytes(), b"0123456789abcdef");
        assert_eq!(bytes, [0; 16], "where it was, it is no more");
        assert_eq!(format!("{secret:?}"), "Secret");
        let long = Secret::new(10_000, |bytes| {
            bytes.fill(7);
            Ok::<(), io::Error>(())
        });
        assert_eq!(long.unwrap().bytes(), [7; 10_000]);
    }

    #[test]
    fn a_secret_is_in_no_core_dump_and_in_no_swap() {
        let secret = Secret::take(&mut [1; 32]).unwrap();
        let address = secret.page.as_ptr() as usize;
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut ours = false;
        let flags = smaps.lines().find_map(|line| {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            if let Some((from, to)) = range
                && let (Ok(from), Ok(to)) = (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16))
            {
                ours = (from..to).contains(&address);
            }
            line.strip_prefix("VmFlags:").filter(|_| ours).map(str::to_owned)
        });
        let flags = flags.expect("the page is mapped");
        assert!(flags.contains(" dd") && flags.contains(" wf"), "{flags}");
        assert_eq!(flags.contains(" lo"), secret.is_locked(), "{flags}");
    }
}
