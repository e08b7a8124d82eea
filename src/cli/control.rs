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

/// Rows of a table, whose first is its head, as lines in which each column is as wide as its widest cell.
pub fn columns<R: AsRef<[String]>>(rows: &[R]) -> String {
    let cells = |row: &R| row.as_ref().iter().map(|cell| cell.chars().count()).collect::<Vec<_>>();
    let mut widths: Vec<usize> = Vec::new();
    for row in rows.iter().map(cells) {
        widths.resize(widths.len().max(row.len()), 0);
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = cell.max(*width));
    }
    let line = |row: &R| {
        let cells = row.as_ref().iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
