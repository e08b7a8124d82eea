//! `sealgate key`: Ed25519 keys for API keys.

use super::problem;
use std::process::ExitCode;

/// Arguments of `sealgate key`.
#[derive(clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(_args: Args) -> ExitCode {
    problem("key", "not there yet", "wait")
}
