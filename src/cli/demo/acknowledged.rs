//! `acknowledged.jsonl`: what the server acknowledged to the demo's clients, one JSON object a line, so that a later
//! run can ask whether the journal kept its promises.
//!
//! A line is written with one plain `write` before the acknowledgement counts, so it survives `kill -9` of the
//! process; the last line may be torn and is then cut, because what it told did not count yet.

use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Its name in the folder of `--keep`.
pub const FILE_NAME: &str = "acknowledged.jsonl";

/// One acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum Line {
    /// An order was accepted.
    Order {
        /// Whose, by name.
        account: String,
        /// ClOrdID(11).
        cl_ord_id: String,
        /// OrderID(37).
        order_id: u64,
    },
    /// A cancel was accepted.
    Cancel {
        /// Whose, by name.
        account: String,
        /// OrderID(37) of the order that it closed.
        order_id: u64,
    },
    /// An order traded.
    Trade {
        /// Whose, by name.
        account: String,
        /// OrderID(37).
        order_id: u64,
        /// The trade.
        trade_id: u64,
        /// LastQty(32) in units of the instrument.
        qty: u64,
        /// LastPx(31) in units of the instrument.
        price: i64,
    },
}

/// The open file; clones are the same. Without `--keep` there is none and nothing is written.
#[derive(Clone, Default)]
pub struct Acknowledged(Option<Arc<Mutex<File>>>);

impl Acknowledged {
    /// Opens the file in `folder` to go on with, after [`read`].
    pub fn open(folder: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(folder.join(FILE_NAME))?;
        Ok(Self(Some(Arc::new(Mutex::new(file)))))
    }

    /// Writes a line, whole.
    pub fn write(&self, line: &Line) -> io::Result<()> {
        let Some(file) = &self.0 else { return Ok(()) };
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        // One write of an appending file: lines of several tasks do not mix.
        file.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes())
    }
}

/// Reads what an earlier run left in `folder`, and cuts a torn last line off, so that the next one begins clean.
pub fn read(folder: &Path) -> Result<Vec<Line>, Unreadable> {
    let path = folder.join(FILE_NAME);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Unreadable::Io(path, error)),
    };
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < text.len() {
        let cut = OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(whole as u64));
        cut.map_err(|error| Unreadable::Io(path.clone(), error))?;
    }
    let lines = text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .enumerate()
        .map(|(at, line)| {
            serde_json::from_slice(line).map_err(|error| Unreadable::Line(path.clone(), at + 1, error))
        })
        .collect()
}

/// Why the file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The system said no.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// A line is not one of ours.
    #[error("{0}:{1}: {2}")]
    Line(PathBuf, usize, serde_json::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(order_id: u64) -> Line {
        Line::Order { account: "maker".into(), cl_ord_id: format!("m-{order_id}"), order_id }
    }

    #[test]
    fn what_was_written_is_read_again_and_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let trade = Line::Trade { account: "bot-1".into(), order_id: 1, trade_id: 2, qty: 3, price: 4 };
        Acknowledged::open(folder.path()).unwrap().write(&order(1)).unwrap();
        Acknowledged::open(folder.path()).unwrap().write(&trade).unwrap();
        assert_eq!(read(folder.path()).unwrap(), [order(1), trade]);
    }

    #[test]
    fn a_torn_last_line_is_cut_and_a_broken_one_in_the_middle_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        Acknowledged::open(folder.path()).unwrap().write(&order(1)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], &whole[..9]].concat()).unwrap();
        assert_eq!(read(folder.path()).unwrap(), [order(1)]);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        std::fs::write(&path, [&whole[..9], b"\n", &whole[..]].concat()).unwrap();
        assert!(matches!(read(folder.path()), Err(Unreadable::Line(_, 1, _))));
    }

    #[test]
    fn a_folder_without_the_file_has_no_promises_to_keep() {
        assert_eq!(read(tempfile::tempdir().unwrap().path()).unwrap(), []);
    }
}
