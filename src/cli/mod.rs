//! The command line: one file a subcommand.

use std::process::ExitCode;

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    ExitCode::FAILURE
}
