//! Where the control socket of a running server is, for the commands that speak with it.

use super::problem;
use crate::admin::client::ControlError;
use crate::config;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Which server is meant.
#[derive(clap::Args)]
pub struct Whose {
    /// The configuration of the running server: it says where the control socket is.
    #[arg(long, value_name = "FILE", default_value = "sealgate.toml", global = true)]
    pub config: PathBuf,
    /// The control socket itself, whatever the configuration says.
    #[arg(long, value_name = "PATH", global = true)]
    pub socket: Option<PathBuf>,
}

/// Finds the socket, or says why there is none.
pub fn socket(whose: Whose) -> Result<PathBuf, ExitCode> {
    if let Some(path) = whose.socket {
        return Ok(path);
    }
    match config::load(&whose.config).map(|config| config.control_socket()) {
        Ok(Some(path)) => Ok(path),
        Ok(None) => Err(problem("control", "control.enabled is false", "enable it and restart the server")),
        Err(error) => Err(super::serve::refused(&error)),
    }
}

/// Says why there is no answer.
pub fn unanswered(command: &str, socket: &Path, error: ControlError) -> ExitCode {
    match error {
        ControlError::Refused(refusal) => {
            problem(command, format!("{}: {}", refusal.name, refusal.message), "see docs/operations.md")
        }
        error => problem(socket.display(), error, "is the server running, and yours?"),
    }
}
