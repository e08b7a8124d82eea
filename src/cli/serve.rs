//! `sealgate serve`: the server, until a signal ends it.
//!
//! ```text
//! configuration ─► certificates ─► Server::start ─► "ready …" ─► SIGINT, SIGTERM ─► log sessions out, sync ─► exit
//!       └ exit 1 ───────┴──────────────┘                            a fault of an agent ─► exit 3
//! ```

use super::load::report::Micros;
use super::problem;
use crate::accept::Acceptor;
use crate::config::{self, Config, ConfigError};
use crate::run::Server;
use crate::sys::descriptors;
use crate::sys::secret::{self, Locked};
use crate::sys::signal::Stop;
use crate::types::Span;
use crate::watch::{Figures, Stage};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit code of a server that a fault ended, such as a disk that no longer writes: what it had acknowledged is safe.
const FAULT: u8 = 3;

/// How often a server that waits for a signal looks for faults and for what concerns security.
const LOOK_EVERY: Span = Span::from_millis(100);

/// Arguments of `sealgate serve`.
#[derive(clap::Args)]
pub struct Args {
    /// The configuration, as `sealgate init` writes it.
    #[arg(long, value_name = "FILE", default_value = "sealgate.toml")]
    pub config: PathBuf,
    /// Start although the certificates come from the development CA, whose key is public.
    #[arg(long)]
    pub dev: bool,
    /// When the server has stopped, write here how long each stage took, as JSON.
    #[arg(long, value_name = "FILE")]
    pub figures: Option<PathBuf>,
}

/// Runs the server. Exit codes: 0 stopped as it was told to, 1 did not start, 3 ended by a fault.
pub fn run(args: Args) -> ExitCode {
    let config = match config::load(&args.config) {
        Ok(config) => config,
        Err(error) => return refused(&error),
    };
    keep_secrets();
    // Where it cannot be raised, fewer clients connect, and the limit that there is says so.
    let _ = descriptors::raise();
    let acceptor = match certificates(&config, args.dev) {
        Ok(acceptor) => acceptor,
        Err(code) => return code,
    };
    let stop = match Stop::on_signals() {
        Ok(stop) => stop,
        Err(error) => return problem("signals", error, "raise the limit of open files"),
    };
    match Server::start_with(config, acceptor) {
        Ok(server) => serve(server, stop, args.figures.as_deref()),
        Err(error) => problem("start", error, "see docs/operations.md, \"When it does not start\""),
    }
}

/// No core dumps, and no swap as far as the limits allow. Neither keeps an order from being served, so a kernel that
/// refuses is only told of.
fn keep_secrets() {
    if let Err(error) = secret::no_core_dumps() {
        eprintln!("sealgate: warning: core dumps cannot be turned off: {error}");
    }
    if secret::lock_memory() == Locked::SecretsOnly {
        eprintln!(
            "sealgate: warning: only master and data keys are kept out of the swap; with an unlimited RLIMIT_MEMLOCK \
             (systemd: LimitMEMLOCK=infinity) all memory is"
        );
    }
}

fn serve(mut server: Server, stop: Stop, figures: Option<&Path>) -> ExitCode {
    tell_start(&server);
    while !server.has_failed() && !stop.wait(Some(LOOK_EVERY)) {
        tell_security(&mut server);
    }
    tell_security(&mut server);
    match server.stop() {
        Ok(ended) => {
            if let Some(path) = figures
                && let Err(error) = write_figures(path, &ended.figures)
            {
                return problem(
                    path.display(),
                    error,
                    "everything is stopped and synced; the figures are lost",
                );
            }
            eprintln!("stopped");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            problem(
                "fault",
                fault,
                "what was acknowledged is in the journal; mend the cause and start again",
            );
            ExitCode::from(FAULT)
        }
    }
}

/// One object a stage, in path order, in microseconds.
fn write_figures(path: &Path, figures: &Figures) -> std::io::Result<()> {
    #[derive(serde::Serialize)]
    struct Row {
        stage: &'static str,
        #[serde(flatten)]
        micros: Micros,
    }
    let row = |(stage, times): (Stage, &_)| Row { stage: stage.name(), micros: Micros::from(times) };
    let rows: Vec<Row> = figures.stages().map(row).collect();
    std::fs::write(path, serde_json::to_vec(&rows)?)
}

fn tell_security(server: &mut Server) {
    while let Some(event) = server.security_event() {
        eprintln!("{event}");
    }
    match server.security_events_lost() {
        0 => {}
        lost => eprintln!("{lost} security events came faster than they could be written"),
    }
}

/// What the journal held, and where clients connect: the last line before the first connection is taken.
fn tell_start(server: &Server) {
    let found = server.recovered();
    if let Some(segment) = found.snapshot {
        eprintln!("took up the snapshot after segment {segment}");
    }
    if found.records > 0 {
        eprintln!("recovered {} records of {} segments", found.records, found.segments);
    }
    if found.cut > 0 {
        eprintln!("cut {} bytes of a record that was never finished and never acknowledged", found.cut);
    }
    for change in server.changes() {
        eprintln!("{change}");
    }
    let mut ready = String::from("ready");
    let addresses =
        [("fix", server.fix_addr()), ("websocket", server.websocket_addr()), ("admin", server.admin_addr())];
    for (name, address) in addresses {
        if let Some(address) = address {
            // A String takes everything.
            let _ = write!(ready, " {name}={address}");
        }
    }
    eprintln!("{ready}");
}

/// Says what is wrong with a configuration.
pub fn refused(error: &ConfigError) -> ExitCode {
    problem(&error.place, &error.problem, format!("allowed: {}", error.allowed))
}

/// Reads the certificates, and refuses those of the development CA unless they are wanted.
fn certificates(config: &Config, dev: bool) -> Result<Acceptor, ExitCode> {
    match Server::acceptor(config) {
        Ok(acceptor) if acceptor.uses_development_ca() && !dev => Err(problem(
            config.tls.client_roots.display(),
            "this is the development CA, whose key is public",
            "make your own with sealgate init, or start with --dev",
        )),
        Ok(acceptor) => Ok(acceptor),
        Err(error) => Err(problem("tls", error, "check certificate, key and client_roots under [tls]")),
    }
}
