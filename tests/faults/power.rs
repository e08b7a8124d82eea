//! A loss of power, made real: what `strace` saw the server write is written again up to the last sync, and nothing
//! else. `kill -9` leaves the kernel's memory as it was; this does not.
//!
//! ```text
//!   folder before ─► pwrite, fallocate, rename … wait ─► fsync, fdatasync: they are on the disk ─► folder after
//! ```
//!
//! The model is the strictest that a file system may be: bytes and sizes reach the disk by a sync of their file, names
//! by one of their folder. A sync covers what was written when it began, and counts when it returned 0.

use crate::site::Site;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// What the model has to see.
const SEEN: &str = "openat,pwrite64,fdatasync,fsync,fallocate,ftruncate,rename,unlink";

/// The disk below the files of a venue.
#[derive(Debug, Default)]
pub struct Disk {
    files: Vec<File>,
    /// Names as the server sees them, and as they are on the disk.
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Calls that have begun: by thread.
    begun: HashMap<String, String>,
    /// How much waited for a sync when that began: by thread.
    waiting: HashMap<String, usize>,
    /// Bytes that were written and are lost now.
    pub lost_bytes: usize,
}

#[derive(Debug, Default)]
struct File {
    durable: Vec<u8>,
    waiting: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    /// At least so long.
    Extend(usize),
    Truncate(usize),
}

/// The command in front of a server whose writes are to be seen in `log`.
pub fn watched(log: &Path) -> Vec<String> {
    let calls = format!("trace={SEEN}");
    let words = ["strace", "-f", "-y", "-xx", "-s", "16777216", "-e", &calls, "-e", "signal=none", "-o"];
    let log = log.display().to_string();
    words.into_iter().map(str::to_owned).chain([log]).collect()
}

impl Disk {
    /// What a venue has on the disk before its server starts.
    pub fn of(site: &Site) -> Self {
        let mut disk = Self::default();
        for path in paths(site) {
            let durable = std::fs::read(&path).unwrap();
            disk.names.insert(path, disk.files.len());
            disk.files.push(File { durable, waiting: Vec::new() });
        }
        disk.durable_names.clone_from(&disk.names);
        disk
    }

    /// Does what a log says.
    pub fn replay(&mut self, log: &Path) {
        let text = std::fs::read_to_string(log).unwrap();
        for line in text.lines() {
            let Some((thread, call)) = line.split_once(' ') else { continue };
            let call = call.trim_start();
            if let Some(begun) = call.strip_suffix("<unfinished ...>") {
                self.begin(thread, begun);
                self.begun.insert(thread.to_owned(), begun.to_owned());
            } else if let Some((_, rest)) = call.split_once(" resumed>") {
                let begun = self.begun.remove(thread).unwrap_or_default();
                self.end(thread, &format!("{}{rest}", begun.trim_end()));
            } else {
                self.begin(thread, call);
                self.end(thread, call);
            }
        }
    }

    /// Makes the folder what it is after the loss.
    pub fn restore(&mut self, site: &Site) {
        paths(site).iter().for_each(|path| std::fs::remove_file(path).unwrap());
        for (path, file) in &self.durable_names {
            std::fs::write(path, &self.files[*file].durable).unwrap();
        }
        let changes = self.files.iter().flat_map(|file| &file.waiting);
        let bytes = changes.map(|change| if let Change::Write(_, bytes) = change { bytes.len() } else { 0 });
        self.lost_bytes = bytes.sum();
    }

    /// A sync covers what was written before it began.
    fn begin(&mut self, thread: &str, call: &str) {
        if let Some(file) = call.contains("sync(").then(|| self.file(call)).flatten() {
            self.waiting.insert(thread.to_owned(), self.files[file].waiting.len());
        }
    }

    fn end(&mut self, thread: &str, call: &str) {
        let Some((name, arguments)) = call.split_once('(') else { return };
        // Where a call was interrupted by another, its result stands in a column of its own.
        let Some((arguments, result)) = arguments.rsplit_once(" = ") else { return };
        let Some(arguments) = arguments.trim_end().strip_suffix(')') else { return };
        if result.starts_with('-') || result.starts_with('?') {
            return;
        }
        let numbers: Vec<usize> = arguments.rsplit(", ").map_while(|word| word.parse().ok()).collect();
        match (name, &numbers[..]) {
            ("openat", _) => self.open(&path_of(result), arguments),
            ("pwrite64", [offset, ..]) => self.wait(call, Change::Write(*offset, quoted(arguments, 0))),
            ("fallocate", [length, offset, ..]) => self.wait(call, Change::Extend(offset + length)),
            ("ftruncate", [length, ..]) => self.wait(call, Change::Truncate(*length)),
            ("rename", _) => {
                if let Some(file) = self.names.remove(&path(quoted(arguments, 0))) {
                    self.names.insert(path(quoted(arguments, 1)), file);
                }
            }
            ("unlink", _) => _ = self.names.remove(&path(quoted(arguments, 0))),
            ("fsync" | "fdatasync", _) => self.sync(thread, call),
            _ => {}
        }
    }

    fn open(&mut self, path: &Path, arguments: &str) {
        if !arguments.contains("O_CREAT") {
            return;
        }
        match self.names.get(path) {
            Some(file) if arguments.contains("O_TRUNC") => {
                self.files[*file].waiting.push(Change::Truncate(0));
            }
            Some(_) => {}
            None => {
                self.names.insert(path.to_owned(), self.files.len());
                self.files.push(File::default());
            }
        }
    }

    fn wait(&mut self, call: &str, change: Change) {
        if let Some(file) = self.file(call) {
            self.files[file].waiting.push(change);
        }
    }

    fn sync(&mut self, thread: &str, call: &str) {
        let Some(file) = self.file(call) else { return self.sync_folder(&path_of(call)) };
        let count = self.waiting.remove(thread).unwrap_or_default();
        let file = &mut self.files[file];
        let count = count.min(file.waiting.len());
        file.waiting.drain(..count).for_each(|change| change.apply(&mut file.durable));
    }

    fn sync_folder(&mut self, folder: &Path) {
        self.durable_names.retain(|path, _| path.parent() != Some(folder));
        let names = self.names.iter().filter(|(path, _)| path.parent() == Some(folder));
        self.durable_names.extend(names.map(|(path, file)| (path.clone(), *file)));
    }

    fn file(&self, call: &str) -> Option<usize> {
        self.names.get(&path_of(call)).copied()
    }
}

impl Change {
    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, written) => {
                bytes.resize(bytes.len().max(offset + written.len()), 0);
                bytes[offset..offset + written.len()].copy_from_slice(&written);
            }
            Self::Extend(length) => bytes.resize(bytes.len().max(length), 0),
            Self::Truncate(length) => bytes.resize(length, 0),
        }
    }
}

/// The files of a venue that a server writes: its journal, and where it notes how far that is.
fn paths(site: &Site) -> Vec<PathBuf> {
    let folders = [site.data(), site.path().to_owned()];
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_written = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        path.is_file() && (path.starts_with(site.data()) || name.starts_with("journal.head"))
    };
    paths.filter(is_written).collect()
}

/// The path of the first descriptor, which stands behind it in angle brackets.
fn path_of(call: &str) -> PathBuf {
    let inside = call.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    path(bytes(inside.map_or("", |(path, _)| path)))
}

/// The bytes of a string among the arguments.
fn quoted(arguments: &str, number: usize) -> Vec<u8> {
    bytes(arguments.split('"').nth(2 * number + 1).unwrap_or_default())
}

fn path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(String::from_utf8(bytes).unwrap())
}

/// `strace -xx` writes every byte as `\x` and two digits.
fn bytes(text: &str) -> Vec<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16).unwrap_or_default() as u8;
    text.as_bytes().chunks_exact(4).map(|byte| 16 * digit(byte[2]) + digit(byte[3])).collect()
}
