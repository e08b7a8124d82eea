//! `sealgate load`: how long an order takes, measured from outside.
//!
//! ```text
//!  venue ─► child: the real server on its core ◄── TLS ──► drive: one thread on another core, ping-pong or open loop
//!             │ stops, tells its stages                       │ tape: when sent, when answered
//!             └──────────────► report, plot ◄─────────────────┘        echo: the floor, on the same cores
//!                                                                      crowd: sessions that say nothing
//! ```

mod args;
mod child;
mod crowd;
mod disk;
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
mod terms;
mod venue;
mod websocket;

use super::problem;
use crate::sys::clock::Clock;
use crate::sys::pin;
pub use args::Args;
use args::Durability;
use drive::{Fleet, Length};
use mix::Mix;
use report::{Asked, Floor, Micros, PerOrder, Report, ServerHiccups, SyncFloor};
use speaker::Speaker;
use std::cell::Cell;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use sweep::Sweep;
use tape::Tape;
use venue::Venue;

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

/// Why nothing was measured.
struct Failed {
    what: &'static str,
    why: String,
}

fn failed<E: Display>(what: &'static str) -> impl FnOnce(E) -> Failed {
    move |why| Failed { what, why: why.to_string() }
}

/// A server, and connections to it that are logged on.
struct Stand {
    server_core: Option<usize>,
    venue: Venue,
    fleet: Fleet,
}

fn stand(args: &Args) -> Result<Stand, Failed> {
    writable("--plot", args.plot.as_deref())?;
    writable("--hdr", args.hdr.as_deref())?;
    crowd::fits(args)?;
    let (client_core, server_core) = cores();
    let pin = || client_core.map_or(Ok(()), pin::pin_to_core).map_err(failed("the client's core"));
    // What else our own server has than its one pinned thread inherits the client's core, and is off the one that is
    // measured. A server of somebody's configuration runs where that says.
    let own = !args.venue.is_given();
    if own {
        pin()?;
    }
    let venue = venue::open(args, server_core)?;
    if !own {
        pin()?;
    }
    let fleet = fleet(args, &venue).map_err(failed("the connections"))?;
    Ok(Stand { server_core, venue, fleet })
}

/// Whether a file can be written is known before a run, not after it.
fn writable(flag: &'static str, path: Option<&Path>) -> Result<(), Failed> {
    let Some(path) = path else { return Ok(()) };
    std::fs::write(path, "")
        .map_err(|error| Failed { what: flag, why: format!("{}: {error}", path.display()) })
}

impl Stand {
    /// Leaves a server that was there before as it was, and ours altogether. What it timed of itself.
    fn leave(self, args: &Args) -> Result<serde_json::Value, Failed> {
        let Self { venue, mut fleet, .. } = self;
        if args.venue.is_given()
            && let Some((left, why)) = fleet.clear().map_err(failed("the load"))?
        {
            eprintln!("sealgate: warning: {left} orders that rest could not be canceled: {why}");
        }
        drop(fleet);
        venue.close()
    }
}

fn load(args: &Args) -> Result<Report, Failed> {
    let mut stand = stand(args)?;
    let before = stand.venue.asked();
    let tape = drive(args, &mut stand)?;
    let asked = before.zip(stand.venue.asked());
    let alone = Micros::from(&tape.latency());
    let beside = (args.idle_sessions > 0).then(|| crowd::beside(args, &mut stand, alone)).transpose()?;
    let server_core = stand.server_core;
    let stages = stand.leave(args)?;
    if let Some(path) = &args.plot {
        std::fs::write(path, plot::svg(&args.said(), &tape)).map_err(failed("the plot"))?;
    }
    if let Some(path) = &args.hdr {
        hdr::write(path, &args.said(), &tape).map_err(failed("the log"))?;
    }
    let mut report = summary(args, &tape, stages, asked);
    report.beside = beside;
    if args.floor {
        report.floor = Some(floor(args, server_core, &report, asked)?);
    }
    Ok(report)
}

fn drive(args: &Args, stand: &mut Stand) -> Result<Tape, Failed> {
    let told = Cell::new(Duration::ZERO);
    let tape = match args.rate {
        None => stand.fleet.ping_pong(length(args), |now, tape| progress(&told, now, tape)),
        Some(rate) => stand.fleet.open_loop(rate, length(args), |now, tape| progress(&told, now, tape)),
    };
    tape.map_err(failed("the load"))
}

fn find(args: &Args) -> Result<Sweep, Failed> {
    let mut stand = stand(args)?;
    let p99_max = Duration::from_micros(args.p99_max);
    let sweep = sweep::sweep(&mut stand.fleet, args.said(), length(args), p99_max, args.rate_from)
        .map_err(failed("the load"))?;
    stand.leave(args)?;
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

fn fleet(args: &Args, venue: &Venue) -> io::Result<Fleet> {
    let mut clock = Clock::new();
    let connect = |at: usize| {
        let member = &venue.members[at % venue.members.len()];
        Speaker::connect(args, args.sign, venue, member, clock.now())
    };
    let speakers: Vec<_> = (0..args.connections as usize).map(connect).collect::<io::Result<_>>()?;
    // A server that was there before remembers the names of earlier runs: this one's begin with the time.
    let first = if args.venue.is_given() { Clock::new().now().0 / 1_000 } else { 1 };
    // One order at a time in `memory` waits for nobody but the server's own core.
    let yields = args.rate.is_some() || args.sweep || args.durability != Durability::Memory;
    Ok(Fleet::new(speakers, Mix::new(args.mix, args.connections as usize), first).yielding(yields))
}

fn floor(
    args: &Args,
    server_core: Option<usize>,
    report: &Report,
    asked: Option<(Asked, Asked)>,
) -> Result<Floor, Failed> {
    let length = Duration::from_secs(args.seconds.min(5));
    let folder = tempfile::tempdir().map_err(failed("a temporary folder"))?;
    let client = setup::for_echo(folder.path()).map_err(failed("the folder"))?;
    let echo = |client| {
        let stamped = !args.no_kernel_timestamps;
        echo::round_trips(folder.path(), client, stamped, server_core, length)
    };
    let tcp = echo(None).map_err(failed("the TCP echo"))?;
    let tls = echo(Some(client)).map_err(failed("the TLS echo"))?;
    let mut floor = Floor::new(&tcp, &tls, report.round_trip_us);
    if args.durability == Durability::Disk
        && let Some((before, after)) = asked
    {
        let block = report::bytes_per_write(before, after);
        let syncs = disk::syncs(folder.path(), block as usize, length).map_err(failed("the fdatasync"))?;
        floor.disk = Some(SyncFloor::new(block, &syncs, &report.stages_us));
    }
    Ok(floor)
}

fn summary(args: &Args, tape: &Tape, stages: serde_json::Value, asked: Option<(Asked, Asked)>) -> Report {
    let (sent, answered) = tape.counts();
    Report {
        run: args.said(),
        round_trip_us: Micros::from(&tape.latency()),
        kernel_us: Some(Micros::from(&tape.kernel)).filter(|kernel| kernel.count > 0),
        first_us: Micros::from(&tape.first_latency()),
        stages_us: stages,
        per_order: asked.map(|(before, after)| PerOrder::between(before, after)),
        server_hiccups: asked.and_then(|(before, after)| ServerHiccups::between(before, after)),
        sent,
        answered,
        answered_per_second: report::per_second(answered, tape.measured()),
        rejected: tape.rejected.clone(),
        hiccup_us: Micros::from(&tape.idle),
        beside: None,
        floor: None,
    }
}

fn print<T: serde::Serialize + Display>(report: &T, json: bool) -> Result<(), Failed> {
    use std::io::Write as _;
    let text =
        if json { serde_json::to_string(report).map_err(failed("the report"))? } else { report.to_string() };
    writeln!(io::stdout(), "{}", text.trim_end()).map_err(failed("stdout"))
}
