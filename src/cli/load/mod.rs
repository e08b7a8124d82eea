//! `sealgate load`: how long an order takes, measured from outside.
//!
//! ```text
//!  setup ─► child: the real server on its core ◄── TLS ──► drive: one thread on another core, ping-pong or open loop
//!             │ stops, tells its stages                       │ tape: when sent, when answered
//!             └──────────────► report, plot ◄─────────────────┘        echo: the floor, on the same cores
//! ```

mod child;
mod drive;
mod echo;
mod fix;
mod hdr;
mod link;
mod mix;
mod plot;
pub mod report;
mod setup;
mod speaker;
mod sweep;
mod tape;
mod websocket;

use super::problem;
use crate::sys::clock::Clock;
use crate::sys::pin;
use clap::ValueEnum;
use drive::{Fleet, Length};
use mix::{Mix, Shares};
use report::{Floor, Micros, PerOrder, Report};
use setup::Member;
use speaker::Speaker;
use std::cell::Cell;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use sweep::Sweep;
use tape::Tape;

/// Arguments of `sealgate load`.
#[derive(clap::Args)]
pub struct Args {
    /// What is spoken.
    #[arg(long, value_enum, default_value = "fix")]
    protocol: Protocol,
    /// What is signed: each order, or the logon alone.
    #[arg(long, value_enum, default_value = "order")]
    sign: Signing,
    /// What an answer waits for.
    #[arg(long, value_enum, default_value = "memory")]
    durability: Durability,
    /// Connections; over FIX each is a session of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// Accounts that the connections share by turns, each with an API key of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    accounts: u32,
    /// Shares of the kinds of message: new orders that rest, cancels and amendments of them, orders that trade.
    #[arg(long, value_name = "new=N,cancel=N,amend=N,cross=N", default_value = "new=1,cancel=1")]
    mix: Shares,
    /// One message at a time; the default.
    #[arg(long, conflicts_with = "rate")]
    ping_pong: bool,
    /// Messages a second, sent when they are due and timed from then, whatever the answers do.
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rate: Option<u64>,
    /// How long is measured.
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How long is sent before that.
    #[arg(long, value_name = "S", default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=60))]
    warm_up: u64,
    /// What the server's thread does when there is nothing to do; spinning is the fastest.
    #[arg(long, value_enum, default_value = "spin")]
    idle: Idle,
    /// Measure a TCP echo and a mutual-TLS echo on the same cores as well, and tell the ratios.
    #[arg(long)]
    floor: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Draw the percentiles, and latency over time; with --sweep, rate against latency.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Write the round trips as a HdrHistogram V2 log, in nanoseconds.
    #[arg(long, value_name = "FILE", conflicts_with = "sweep")]
    hdr: Option<PathBuf>,
    /// Find the highest rate whose p99 is within --p99-max; each rate is driven for --seconds.
    #[arg(long, conflicts_with_all = ["rate", "ping_pong", "floor"])]
    sweep: bool,
    /// The bound of --sweep, in microseconds.
    #[arg(long, value_name = "US", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    p99_max: u64,
    /// Where --sweep begins, in messages a second.
    #[arg(long, value_name = "R", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate_from: u64,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocol {
    Fix,
    Websocket,
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Signing {
    Order,
    Session,
}

/// What an answer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Durability {
    Memory,
    Process,
    Disk,
}

/// What the server's thread does when there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Idle {
    Spin,
    Yield,
    Park,
}

/// Runs the load.
pub fn run(args: Args) -> ExitCode {
    let done = match args.sweep {
        true => find(&args).and_then(|sweep| print(&sweep, args.json)),
        false => load(&args).and_then(|report| print(&report, args.json)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed { what, why }) => {
            problem(what, why, "nothing was measured; sealgate load --help has the bounds")
        }
    }
}

struct Failed {
    what: &'static str,
    why: String,
}

fn failed<E: Display>(what: &'static str) -> impl FnOnce(E) -> Failed {
    move |why| Failed { what, why: why.to_string() }
}

/// A server that runs, with all that its clients need.
struct Stand {
    folder: tempfile::TempDir,
    members: Vec<Member>,
    server_core: Option<usize>,
    server: child::Served,
}

fn stand(args: &Args) -> Result<Stand, Failed> {
    let (client_core, server_core) = cores();
    let folder = tempfile::tempdir().map_err(failed("a temporary folder"))?;
    let members = setup::write(folder.path(), args, server_core).map_err(failed("the folder"))?;
    if let Some(core) = client_core {
        pin::pin_to_core(core).map_err(failed("the client's core"))?;
    }
    let server = child::start(folder.path()).map_err(failed("the server"))?;
    Ok(Stand { folder, members, server_core, server })
}

fn load(args: &Args) -> Result<Report, Failed> {
    let Stand { folder, members, server_core, server } = stand(args)?;
    let mut fleet = fleet(args, &server, &members).map_err(failed("the connections"))?;
    let before = server.asked().map_err(failed("the server's figures"))?;
    let told = Cell::new(Duration::ZERO);
    let tape = match args.rate {
        None => fleet.ping_pong(length(args), |now, tape| progress(&told, now, tape)),
        Some(rate) => fleet.open_loop(rate, length(args), |now, tape| progress(&told, now, tape)),
    };
    let tape = tape.map_err(failed("the load"))?;
    let after = server.asked().map_err(failed("the server's figures"))?;
    let stages = server.stop().map_err(failed("the server"))?;
    if let Some(path) = &args.plot {
        std::fs::write(path, plot::svg(&said(args), &tape)).map_err(failed("the plot"))?;
    }
    if let Some(path) = &args.hdr {
        hdr::write(path, &said(args), &tape).map_err(failed("the log"))?;
    }
    let mut report = summary(args, &tape, stages, PerOrder::between(before, after));
    if args.floor {
        report.floor = Some(floor(folder.path(), args, &members, server_core, report.round_trip_us)?);
    }
    Ok(report)
}

fn find(args: &Args) -> Result<Sweep, Failed> {
    let Stand { members, server, folder: _folder, .. } = stand(args)?;
    let mut fleet = fleet(args, &server, &members).map_err(failed("the connections"))?;
    let p99_max = Duration::from_micros(args.p99_max);
    let sweep = sweep::sweep(&mut fleet, said(args), length(args), p99_max, args.rate_from)
        .map_err(failed("the load"))?;
    server.stop().map_err(failed("the server"))?;
    if let Some(path) = &args.plot {
        std::fs::write(path, plot::rates(&sweep)).map_err(failed("the plot"))?;
    }
    Ok(sweep)
}

fn length(args: &Args) -> Length {
    Length { warm_up: Duration::from_secs(args.warm_up), measured: Duration::from_secs(args.seconds) }
}

/// A line each second.
fn progress(told: &Cell<Duration>, now: Duration, tape: &Tape) {
    if now >= told.get() + Duration::from_secs(1) {
        told.set(now);
        let (sent, answered) = tape.so_far();
        eprintln!("{} s: {sent} sent, {answered} answered", now.as_secs());
    }
}

/// The client's core and the server's: the first and the last that may be used, where there are two.
fn cores() -> (Option<usize>, Option<usize>) {
    match pin::usable_cores().unwrap_or_default()[..] {
        [first, .., last] => (Some(first), Some(last)),
        _ => (None, None),
    }
}

fn fleet(args: &Args, server: &child::Served, members: &[Member]) -> io::Result<Fleet> {
    let address = match args.protocol {
        Protocol::Fix => server.fix,
        Protocol::Websocket => server.websocket,
    };
    let mut clock = Clock::new();
    let connect = |at: usize| {
        let member = &members[at % members.len()];
        Speaker::connect(args.protocol, args.sign, address, member, clock.now())
    };
    let speakers: Vec<_> = (0..args.connections as usize).map(connect).collect::<io::Result<_>>()?;
    Ok(Fleet::new(speakers, Mix::new(args.mix, args.connections as usize)))
}

fn floor(
    folder: &Path,
    args: &Args,
    members: &[Member],
    server_core: Option<usize>,
    round_trip: Micros,
) -> Result<Floor, Failed> {
    let length = Duration::from_secs(args.seconds.min(5));
    let tcp = echo::round_trips(folder, None, server_core, length).map_err(failed("the TCP echo"))?;
    let tls = Some(members[0].tls.clone());
    let tls = echo::round_trips(folder, tls, server_core, length).map_err(failed("the TLS echo"))?;
    Ok(Floor::new(&tcp, &tls, round_trip))
}

fn summary(args: &Args, tape: &Tape, stages: serde_json::Value, per_order: PerOrder) -> Report {
    let (sent, answered) = tape.counts();
    Report {
        run: said(args),
        round_trip_us: Micros::from(&tape.latency()),
        first_us: Micros::from(&tape.first_latency()),
        stages_us: stages,
        per_order,
        sent,
        answered,
        answered_per_second: report::per_second(answered, tape.measured()),
        rejected: tape.rejected.clone(),
        hiccup_us: Micros::from(&tape.idle),
        floor: None,
    }
}

/// A choice as it is written on the command line, which is how the configuration writes it too.
fn word(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
}

/// What was run.
fn said(args: &Args) -> String {
    let how = match args.rate {
        _ if args.sweep => "rates in turn".to_owned(),
        None => "ping-pong".to_owned(),
        Some(rate) => format!("open loop at {rate}/s"),
    };
    format!(
        "{}, {}-signed, {}, {} connections, {} accounts, {how}, {} s",
        word(args.protocol),
        word(args.sign),
        word(args.durability),
        args.connections,
        args.accounts,
        args.seconds
    )
}

fn print<T: serde::Serialize + Display>(report: &T, json: bool) -> Result<(), Failed> {
    use std::io::Write as _;
    let text =
        if json { serde_json::to_string(report).map_err(failed("the report"))? } else { report.to_string() };
    writeln!(io::stdout(), "{}", text.trim_end()).map_err(failed("stdout"))
}
