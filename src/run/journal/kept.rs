//! The head of the journal, kept apart from it: how far it was synced, and the link of its last record.
//!
//! ```text
//!   sync ─► reached(end) ─► once an interval ─► the older of two pages of the file, sealed
//!                                              └ synced as well when the server starts and stops
//! ```
//!
//! An old copy of the folder, and one whose end was cut off at a record, is a sound journal. Only somebody who
//! remembers tells it from the newest: this file, where who writes to the folder cannot write, or a head that was
//! noted elsewhere. What was synced since the file was last written is the window that it leaves.

use super::log::LogEnd;
use crate::seal::{HEAD_PAGE_BYTES, HeadSealer, KeyError, Vault};
use crate::sys::file::{self, BlockFile, FileError};
use crate::types::{Nanos, Span};
use crate::wire::record::{JournalId, Link, Place};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How far a journal is: everything before it is bound by its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalHead {
    /// Which journal.
    pub journal: JournalId,
    /// Where the next record goes, and the link to the last one.
    pub end: LogEnd,
}

/// Why the file of a head cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// It cannot be opened with the keys that there are, or was changed.
    #[error("the head kept in {path}: {why}")]
    Key {
        /// The file.
        path: String,
        /// What is wrong.
        why: KeyError,
    },
    /// It is no such file.
    #[error("{0}: this is no head of a journal")]
    NotAHead(String),
    /// There is a journal, but not its head.
    #[error("there is a journal, but no head of it in {0}: it was removed, or never noted")]
    Missing(String),
}

/// The file that it is kept in.
#[derive(Debug)]
pub struct KeptHead {
    file: BlockFile,
    sealer: HeadSealer,
    /// The page that is written next.
    slot: usize,
    every: Span,
    written: Nanos,
    kept: Option<JournalHead>,
    is_synced: bool,
}

/// The same file, for the journal agent and for whoever rotates the master key.
#[derive(Clone, Debug)]
pub struct SharedHead(Arc<Mutex<KeptHead>>);

impl SharedHead {
    /// Shares it.
    pub fn new(head: KeptHead) -> Self {
        Self(Arc::new(Mutex::new(head)))
    }

    /// Holds it.
    pub fn hold(&self) -> MutexGuard<'_, KeptHead> {
        // Whoever panicked left the page that was written before whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptHead {
    /// What is kept in a file; `None` if there is none.
    pub fn read(path: &Path, vault: &Vault) -> Result<Option<JournalHead>, HeadError> {
        let Some(file) = file::open_if_there(path)? else { return Ok(None) };
        Ok(Self::content(&file, vault)?.0)
    }

    /// What a start expects of the journal, where there is one or not. The file is made before the journal is begun, so
    /// that a crash in between leaves no journal without one; while it is blank nothing was noted.
    pub fn expected(path: &Path, vault: &Vault, has_journal: bool) -> Result<Option<JournalHead>, HeadError> {
        match (file::open_if_there(path)?, has_journal) {
            (Some(file), _) => Ok(Self::content(&file, vault)?.0),
            (None, true) => Err(HeadError::Missing(path.display().to_string())),
            (None, false) => {
                file::replace(path, &[0; 2 * HEAD_PAGE_BYTES])?;
                Ok(None)
            }
        }
    }

    /// Opens the file, or makes one, to go on with it.
    pub fn open(path: &Path, vault: &Vault, every: Span, now: Nanos) -> Result<Self, HeadError> {
        let file = match file::open_if_there(path)? {
            Some(file) => file,
            None => {
                file::replace(path, &[0; 2 * HEAD_PAGE_BYTES])?;
                file::open(path)?
            }
        };
        let (kept, generation, slot) = Self::content(&file, vault)?;
        let sealer = HeadSealer::new(vault, generation, now).map_err(key_error(path))?;
        Ok(Self { file, sealer, slot: 1 - slot, every, written: Nanos(0), kept, is_synced: true })
    }

    fn content(file: &BlockFile, vault: &Vault) -> Result<(Option<JournalHead>, u64, usize), HeadError> {
        let not_a_head = || HeadError::NotAHead(file.path().display().to_string());
        let mut pages = [0; 2 * HEAD_PAGE_BYTES];
        if file.size()? != pages.len() as u64 {
            return Err(not_a_head());
        }
        file.read(&mut pages, 0)?;
        match vault.open_head(&pages).map_err(key_error(file.path()))? {
            Some((bytes, generation, slot)) => {
                let head = JournalHead::decode(&bytes).ok_or_else(not_a_head)?;
                Ok((Some(head), generation, slot))
            }
            None if pages == [0; 2 * HEAD_PAGE_BYTES] => Ok((None, 0, 1)),
            None => Err(not_a_head()),
        }
    }

    /// The journal is synced up to here. Noted at most once an interval; whoever stays there calls again.
    pub fn reached(&mut self, head: JournalHead, now: Nanos) -> Result<(), HeadError> {
        if self.kept != Some(head) && now.0.saturating_sub(self.written.0) >= self.every.0 {
            self.keep(head, now)?;
        }
        Ok(())
    }

    /// Notes it now, and returns when the note is on the disk.
    pub fn settle(&mut self, head: JournalHead, now: Nanos) -> Result<(), HeadError> {
        if self.kept != Some(head) {
            self.keep(head, now)?;
        }
        if !self.is_synced {
            self.file.sync()?;
            self.is_synced = true;
        }
        Ok(())
    }

    /// Whether this is noted, and the note on the disk.
    pub fn is_settled(&self, head: JournalHead) -> bool {
        self.kept == Some(head) && self.is_synced
    }

    /// What is noted.
    pub fn kept(&self) -> Option<JournalHead> {
        self.kept
    }

    /// Notes what it has under a new key: the master key has changed.
    pub fn renew(&mut self, sealer: HeadSealer, now: Nanos) -> Result<(), HeadError> {
        self.sealer = sealer.after(&self.sealer);
        // Both pages: none is left under a master key that goes away.
        for _ in 0..2 {
            if let Some(head) = self.kept {
                self.keep(head, now)?;
                self.file.sync()?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, head: JournalHead, now: Nanos) -> Result<(), HeadError> {
        let page = self.sealer.seal(&head.encode()).map_err(key_error(self.file.path()))?;
        self.file.write(&page, (self.slot * HEAD_PAGE_BYTES) as u64)?;
        (self.slot, self.written, self.kept) = (1 - self.slot, now, Some(head));
        self.is_synced = false;
        Ok(())
    }
}

impl JournalHead {
    fn encode(&self) -> [u8; 56] {
        let mut bytes = [0; 56];
        bytes[..16].copy_from_slice(&self.journal.0);
        bytes[16..24].copy_from_slice(&self.end.place.pack().to_le_bytes());
        bytes[24..].copy_from_slice(&self.end.link);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (journal, rest) = bytes.split_first_chunk::<16>()?;
        let (place, rest) = rest.split_first_chunk::<8>()?;
        let link: Link = rest.try_into().ok()?;
        let place = Place::unpack(u64::from_le_bytes(*place));
        Some(Self { journal: JournalId(*journal), end: LogEnd { place, link } })
    }
}

/// As it is printed, noted down, and given to `--head`: journal, segment, offset, link.
impl fmt::Display for JournalHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { segment, offset } = self.end.place;
        write!(f, "{}:{segment}:{offset}:", self.journal)?;
        self.end.link.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for JournalHead {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "not a head: JOURNAL:SEGMENT:OFFSET:LINK, as `sealgate journal verify` prints it";
        let mut parts = text.split(':');
        let mut next = || parts.next().ok_or(wrong);
        let (journal, segment, offset, link) = (next()?, next()?, next()?, next()?);
        let place = Place {
            segment: segment.parse().map_err(|_| wrong)?,
            offset: offset.parse().map_err(|_| wrong)?,
        };
        let (journal, link) = (from_hex(journal).ok_or(wrong)?, from_hex(link).ok_or(wrong)?);
        match parts.next() {
            None => Ok(Self { journal: JournalId(journal), end: LogEnd { place, link } }),
            Some(_) => Err(wrong),
        }
    }
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

fn key_error(path: &Path) -> impl FnOnce(KeyError) -> HeadError {
    move |why| HeadError::Key { path: path.display().to_string(), why }
}
