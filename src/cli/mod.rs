//! The command line: one file a subcommand.
//!
//! ```text
//! arguments ──clap──► Args of one subcommand ──run──► exit code: 0 done, 1 refused or failed, 2 wrong usage
//! ```
//!
//! A command that has exit codes of its own says so. Results go to stdout, all else to stderr. Whatever
//! fails says so in one line: see [`problem`].

pub mod bot;
pub mod cert;
mod control;
pub mod demo;
pub mod fix_dictionary;
pub mod init;
pub mod journal;
pub mod key;
pub mod kill;
pub mod load;
pub mod serve;
pub mod session;
pub mod stats;

use clap::{Parser, Subcommand};
use std::fmt::Display;
use std::process::ExitCode;

/// A low-latency order entry server: mutual TLS, a signature on every order, a durable journal.
#[derive(Parser)]
#[command(name = "sealgate", version, arg_required_else_help = true, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a commented configuration with certificates, keys and two members to try it with.
    Init(init::Args),
    /// Run the server until SIGINT or SIGTERM.
    Serve(serve::Args),
    /// Run the server and clients that trade against it on this machine, and check that both saw the same.
    Demo(demo::Args),
    /// Place, cancel and follow orders from the command line or a script, over WebSocket or FIX.
    Bot(bot::Args),
    /// Measure how long an order takes: the real server, and a client that does not rest.
    Load(load::Args),
    /// Make certificates for servers and members, and show their pins.
    Cert(cert::Args),
    /// Verify a journal offline, show its records, decide about a damaged end.
    Journal(journal::Args),
    /// Tell, add, change and remove the FIX sessions of a running server.
    Session(session::Args),
    /// Stop an account or an instrument of a running server at once, and release it.
    Kill(kill::Args),
    /// Tell what a running server measures of itself: times of each stage, rates, rings, refusals.
    Stats(stats::Args),
    /// Print Sealgate's dialect of FIX as a dictionary that clients' engines load.
    FixDictionary(fix_dictionary::Args),
    /// Make an Ed25519 key, show its public part, sign with it; make and change the master key of what is at rest.
    Key(key::Args),
}

/// Runs the command that the arguments name. Wrong usage prints what is right and exits with 2.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Init(args) => init::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Bot(args) => bot::run(args),
        Command::Load(args) => load::run(args),
        Command::Cert(args) => cert::run(args),
        Command::Journal(args) => journal::run(args),
        Command::Session(args) => session::run(args),
        Command::Kill(args) => kill::run(args),
        Command::Stats(args) => stats::run(args),
        Command::FixDictionary(args) => fix_dictionary::run(args),
        Command::Key(args) => key::run(args),
    }
}

/// Says on stderr what failed, why, and what to do about it, and gives the exit code of a failure.
pub fn problem(what: impl Display, why: impl Display, advice: impl Display) -> ExitCode {
    eprintln!("sealgate: {what}: {why}; {advice}");
    ExitCode::FAILURE
}
