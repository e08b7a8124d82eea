//! `sealgate serve`: the server, until a signal ends it.

use super::problem;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `sealgate serve`.
#[derive(clap::Args)]
pub struct Args {
    /// The configuration, as `sealgate init` writes it.
    #[arg(long, value_name = "FILE", default_value = "sealgate.toml")]
    pub config: PathBuf,
    /// Start although the certificates come from the development CA, whose key is public.
    #[arg(long)]
    pub dev: bool,
}

/// Runs the server.
pub fn run(args: Args) -> ExitCode {
    problem(args.config.display(), "not served yet", "wait")
}
