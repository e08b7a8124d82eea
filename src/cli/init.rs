//! `sealgate init DIR`: everything that a first server needs.

use super::problem;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `sealgate init`.
#[derive(clap::Args)]
pub struct Args {
    /// The folder to write; it must not have a sealgate.toml.
    pub dir: PathBuf,
}

/// Writes the folder.
pub fn run(args: Args) -> ExitCode {
    problem(args.dir.display(), "not written yet", "wait")
}
