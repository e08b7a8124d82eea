//! `sealgate journal head`: the operator's decision that the journal is what it is.

use super::keys::{Access, unreadable};
use super::{finished, refused};
use crate::cli::problem;
use crate::run::journal::walk::{JournalFault, walk};
use crate::sys::file::Folder;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Tells the head of the journal and the one that is kept; keeps the first if `yes`.
pub fn run(dir: &Path, access: &Access, yes: bool, out: &mut impl Write) -> ExitCode {
    // Held until it is noted, so that no server begins meanwhile.
    let folder = match Folder::hold(dir) {
        Ok(folder) => folder,
        Err(error) => return refused(dir, &JournalFault::from(error)),
    };
    let head = match walk(&folder, &access.vault, |_, _| Ok(())) {
        Ok(walked) => walked.head(),
        Err(fault) => return refused(dir, &fault),
    };
    let kept = access.head.map_or("none".to_owned(), |kept| kept.to_string());
    if let Err(error) = writeln!(out, "journal  {head}\nkept     {kept}") {
        return finished(Err(error));
    }
    if !yes {
        return problem("journal head", "nothing was changed", "decide with --yes");
    }
    match access.keep(head) {
        Ok(Some(file)) => finished(writeln!(out, "noted in {}", file.display())),
        Ok(None) => {
            problem("journal head", "no head is kept", "name a file under [head] of the configuration")
        }
        Err(error) => unreadable(&error),
    }
}
