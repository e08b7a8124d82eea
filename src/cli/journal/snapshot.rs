//! `sealgate journal snapshot`: what a running server does by itself, and what `verify` says to snapshots.

use super::keys::Access;
use super::{finished, refused};
use crate::admin;
use crate::cli::problem;
use crate::config::Config;
use crate::run::recovery::{Made, Replayed, Wanted, Whose, make, prune, snapshot_name, sound};
use crate::sys::clock::Clock;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Makes the snapshot that is due, and removes what is more than the configuration keeps.
pub fn run(dir: &Path, access: &Access, config: &Config, out: &mut impl Write) -> ExitCode {
    let vault = &access.vault;
    // Which sessions are drop copies may have been changed at run time.
    let wanted = match admin::sessions(config, vault) {
        Ok(sessions) => Wanted::of(&sessions.directory),
        Err(error) => {
            return problem("sessions", error, "see docs/operations.md, \"When it does not start\"");
        }
    };
    let of = Whose { vault, wanted: &wanted };
    let made = access.hold(dir).and_then(|folder| {
        let made = make(&folder, of, Clock::new().now(), || false)?;
        prune(&folder, config.journal.snapshots as usize, |of| sound(&folder, of, vault).is_ok())?;
        Ok(made)
    });
    match made {
        Ok(Some(Made { segment, bytes, records })) => finished(writeln!(
            out,
            "{}: {bytes} bytes, {records} records run for it",
            dir.join(snapshot_name(segment)).display()
        )),
        Ok(None) => finished(writeln!(out, "nothing to do: no segment was closed since the last snapshot")),
        Err(fault) => refused(dir, &fault),
    }
}

/// The exit code of a journal that is sound, by what was found of its snapshots.
pub fn judged(replayed: &Replayed) -> ExitCode {
    let mut wrong =
        replayed.snapshots.iter().filter_map(|(segment, verdict)| Some((segment, verdict.as_ref().err()?)));
    match wrong.next() {
        None => ExitCode::SUCCESS,
        Some((segment, why)) => problem(
            snapshot_name(*segment),
            why,
            "the journal is sound: remove the snapshot, and the next start reads what it stood for",
        ),
    }
}
