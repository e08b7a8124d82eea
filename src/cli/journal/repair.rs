//! `sealgate journal repair`: the operator's decision about a bad end.
//!
//! Only the last segment can be cut. What goes is told first, record by record, and kept in a file beside the
//! segment afterwards: an order that was acknowledged may be among it.

use super::keys::{Access, unreadable};
use super::{finished, refused};
use crate::cli::problem;
use crate::journal::scan::{Bad, Found, Scanner};
use crate::run::journal::kept::HeadError;
use crate::run::journal::log::segment_name;
use crate::run::journal::walk::{JournalFault, read_segment, segments_from, walk};
use crate::run::recovery::cut;
use crate::seal::{SegmentKeys, Vault};
use crate::sys::file::{FileError, Folder};
use crate::wire::record::{Damage, Place, Record};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Most records that are told one by one.
const RECORDS_TOLD_MAX: usize = 50;

/// What can be done about a journal.
enum Diagnosis {
    /// Nothing needs to be.
    Sound {
        /// Bytes that the next start cuts by itself.
        torn: u32,
    },
    /// The end can be cut off.
    Cut(Place, Bad),
    /// The last file can be given back the never-written space that a copy left out.
    Extend { segment: u32, from: u64, to: u64 },
    /// Nothing can be done here.
    Lost(JournalFault),
}

/// Tells what would go; cuts it if `yes`.
pub fn run(dir: &Path, access: &Access, yes: bool, out: &mut impl Write) -> ExitCode {
    let vault = &access.vault;
    let folder = match Folder::hold(dir) {
        Ok(folder) => folder,
        Err(error) => return refused(dir, &error.into()),
    };
    match diagnose(&folder, vault) {
        Diagnosis::Sound { torn: 0 } => finished(writeln!(out, "nothing to repair")),
        Diagnosis::Sound { torn } => {
            finished(writeln!(out, "nothing to decide: the next start cuts a torn tail of {torn} bytes"))
        }
        Diagnosis::Lost(fault) => refused(dir, &fault),
        Diagnosis::Cut(place, bad) => match tell_cut(&folder, vault, place, bad, out) {
            Err(error) => finished(Err(error)),
            Ok(()) if !yes => undecided(),
            Ok(()) => done(keep_and_cut(&folder, place, bad.written), &folder, access, out),
        },
        Diagnosis::Extend { segment, from, to } => {
            let told = writeln!(
                out,
                "segment {segment}: {} bytes are missing behind byte {from}; they would be taken as never written",
                to - from
            );
            match told {
                Err(error) => finished(Err(error)),
                Ok(()) if !yes => undecided(),
                Ok(()) => done(extend(&folder, segment, to), &folder, access, out),
            }
        }
    }
}

fn diagnose(folder: &Folder, vault: &Vault) -> Diagnosis {
    let last = segments_from(folder, None).ok().and_then(|segments| segments.last().copied());
    match walk(folder, vault, |_, _| Ok(())) {
        Ok(walked) => Diagnosis::Sound { torn: walked.torn },
        Err(JournalFault::BadTail { place, bad }) => Diagnosis::Cut(place, bad),
        // A record of another version is whole: that version can read it, so nothing of it is cut.
        Err(JournalFault::Damaged { place, bad })
            if Some(place.segment) == last && !matches!(bad.damage, Damage::Unknown(_)) =>
        {
            Diagnosis::Cut(place, bad)
        }
        Err(JournalFault::Size { segment, expected, found, is_last: true }) if found < expected => {
            Diagnosis::Extend { segment, from: found, to: expected }
        }
        Err(fault) => Diagnosis::Lost(fault),
    }
}

fn tell_cut(folder: &Folder, vault: &Vault, place: Place, bad: Bad, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{place}: {}", bad.damage)?;
    writeln!(out, "would go: {} bytes, {} whole records among them", bad.written, bad.records_after)?;
    let mut bytes = Vec::new();
    let head = read_segment(folder, place.segment, true, &mut bytes).map_err(io::Error::other)?;
    let keys = SegmentKeys::open(vault, &head.header, &head.keys).map_err(io::Error::other)?;
    let mut scanner = Scanner::new(&bytes, place.segment, true);
    while let Found::Record(..) = scanner.read() {}
    let mut scratch = Vec::new();
    for frame in scanner.records_after().take(RECORDS_TOLD_MAX) {
        let at = frame.place();
        match keys.read(&frame, &mut scratch) {
            Ok(Record { stream, seq, time, record_type, .. }) => {
                writeln!(out, "  {at}: {stream} {seq} {record_type:?} {}", super::json::time(time))?;
            }
            Err(damage) => writeln!(out, "  {at}: {damage}")?,
        }
    }
    if bad.records_after as usize > RECORDS_TOLD_MAX {
        writeln!(out, "  … and {} more", bad.records_after as usize - RECORDS_TOLD_MAX)?;
    }
    writeln!(out, "They may have been acknowledged, unless the machine lost power while it wrote them.")
}

fn undecided() -> ExitCode {
    problem("journal", "nothing was changed", "decide with --yes, after making a copy of the folder")
}

/// Keeps what goes in a file of its own, durable before the segment is touched.
fn keep_and_cut(folder: &Folder, place: Place, written: u32) -> Result<String, FileError> {
    let mut bytes = vec![0; written as usize];
    folder.open_file(&segment_name(place.segment), false)?.read(&mut bytes, place.offset.into())?;
    let kept = unused(folder, &format!("{}.cut-{}", segment_name(place.segment), place.offset))?;
    folder.create_file(&kept, written.into(), &bytes)?;
    cut(folder, place, written)?;
    Ok(format!("cut; what went is in {}", folder.path().join(kept).display()))
}

/// A name that no file has: what was kept before, or by a repair that did not come to its end, stays.
fn unused(folder: &Folder, name: &str) -> Result<String, FileError> {
    let there = folder.names()?;
    let numbered = (2u32..).map(|n| format!("{name}-{n}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    Ok(names.find(|name| !there.contains(name)).unwrap_or_else(|| name.to_owned()))
}

fn extend(folder: &Folder, segment: u32, size: u64) -> Result<String, FileError> {
    let file = folder.open_file(&segment_name(segment), true)?;
    file.extend(size)?;
    file.sync()?;
    Ok("extended; run `sealgate journal verify` to see what is there".to_owned())
}

fn done(
    result: Result<String, FileError>,
    folder: &Folder,
    access: &Access,
    out: &mut impl Write,
) -> ExitCode {
    let told = match result {
        Ok(what) => writeln!(out, "{what}"),
        Err(error) => return problem("journal", error, "nothing is lost: run it again"),
    };
    match note(folder, access, out) {
        Ok(noted) => finished(told.and(noted)),
        Err(error) => unreadable(&error),
    }
}

/// A journal that ends before its head now does so because the operator has decided it: the head follows.
fn note(folder: &Folder, access: &Access, out: &mut impl Write) -> Result<io::Result<()>, HeadError> {
    let walked = walk(folder, access.trust(), |_, _| Ok(()));
    let Err(JournalFault::BehindHead { .. }) = walked else { return Ok(Ok(())) };
    let Ok(walked) = walk(folder, &access.vault, |_, _| Ok(())) else { return Ok(Ok(())) };
    let kept = access.keep(walked.head())?;
    Ok(kept.map_or(Ok(()), |file| writeln!(out, "the head in {} is noted anew", file.display())))
}
