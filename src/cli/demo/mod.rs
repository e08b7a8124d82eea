//! `sealgate demo`: the real server and real clients on this machine, and a check that both saw the same.
//!
//! ```text
//!   setup ─► earlier promises kept? ─► server ─► clients trade ─► server stops ─► journal replayed ─► compared
//!                                        │        maker: FIX                        │
//!                                        └──────► bots: WebSocket ─► witnesses ─────┘
//! ```
//!
//! `setup` writes the folder; `trade` runs `maker` and `taker`s, each with a `witness`; `screen` and `summary` show
//! what `tally` counts; `check` compares. With `--keep` the clients write down what was `acknowledged`, so that after
//! a `kill -9` the next run can ask the journal for it.

pub mod acknowledged;
pub mod check;
pub mod maker;
pub mod market;
pub mod screen;
pub mod setup;
pub mod summary;
pub mod taker;
pub mod tally;
pub mod trade;
pub mod witness;

use super::problem;
use crate::client::Error;
use crate::config::{Config, Durability, Topology};
use crate::run::journal::walk::JournalFault;
use crate::run::recovery;
use crate::run::server::{Ended, Server};
use crate::seal::Vault;
use crate::watch::{self, Figures};
use acknowledged::Acknowledged;
use check::{Findings, Journal, Run};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use summary::{Stage, Summary};
use tally::{Quantiles, Tally};
use trade::Plan;
use witness::Testimony;

/// Arguments of `sealgate demo`.
#[derive(clap::Args)]
pub struct Args {
    /// How long the clients trade, at most 300 s: what they see is kept in memory until it is compared.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    seconds: u64,
    /// Gateways, shards and the threads that they share, such as 1x1/1, 1x1/2 or 2x2/4 [default: 1x1 as it suits the
    /// machine]. A kept folder keeps its number of shards.
    #[arg(long, value_name = "GxS/T")]
    topology: Option<Topology>,
    /// Print the summary as one JSON object.
    #[arg(long)]
    json: bool,
    /// Keep certificates, configuration and journal in this folder; if they are there already, check what the journal
    /// owes to the run before, and go on with them.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Only check that the journal in this folder has everything that was acknowledged to the clients of its runs.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["keep", "seconds", "topology"])]
    check: Option<PathBuf>,
}

/// Runs the demo; 1 if something that it checks does not hold.
pub fn run(args: Args) -> ExitCode {
    let done = match &args.check {
        Some(folder) => check_only(folder, args.json),
        None => demo(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Failed { what, why, advice }) => problem(what, why, advice),
    }
}

/// What could not be done, why, and what to do about it.
struct Failed {
    what: &'static str,
    why: String,
    advice: &'static str,
}

fn failed<E: std::fmt::Display>(what: &'static str, advice: &'static str) -> impl FnOnce(E) -> Failed {
    move |why| Failed { what, why: why.to_string(), advice }
}

const A_FOLDER: &str = "give --keep a folder that may be written, a new one or one of an earlier demo";
const A_JOURNAL: &str = "`sealgate journal verify` tells more; take a new folder to go on";
const A_BUG: &str = "run it again with --keep DIR and report what is in DIR";

fn check_only(folder: &Path, json: bool) -> Result<bool, Failed> {
    let config = setup::load(folder).map_err(failed("the folder", "give the DIR of an earlier --keep"))?;
    let journal = read_journal(&config)?.unwrap_or_default();
    let findings = check_promises(folder, &config, &journal)?.and(check::balance(&journal));
    print(&findings, json)?;
    Ok(findings.holds)
}

fn demo(args: &Args) -> Result<bool, Failed> {
    let throw_away = tempfile::tempdir().map_err(failed("a temporary folder", A_FOLDER))?;
    let folder = args.keep.as_deref().unwrap_or(throw_away.path());
    let mut config = setup::prepare(folder).map_err(failed("the folder", A_FOLDER))?;
    if let Some(topology) = &args.topology {
        config.topology = topology.clone();
    }
    let journal = read_journal(&config)?.unwrap_or_default();
    let earlier = check_promises(folder, &config, &journal)?;
    let before = journal.last();
    if !earlier.holds {
        // A server must not go on from a journal that has lost something.
        print(&earlier, args.json)?;
        return Ok(false);
    }
    let acknowledged = match &args.keep {
        Some(folder) => Acknowledged::open(folder).map_err(failed(acknowledged::FILE_NAME, A_FOLDER))?,
        None => Acknowledged::default(),
    };
    let tally = Tally::default();
    let plan = Plan {
        folder: folder.to_owned(),
        directory: Arc::new(config.directory.clone()),
        length: Duration::from_secs(args.seconds),
        is_continued: !before.is_empty(),
        acknowledged,
        tally: tally.clone(),
    };
    let (testimonies, ended) = serve_and_trade(&config, plan)?;
    let stopped = ended.shards.iter().map(|(shard, last, hash)| (*shard, (*last, *hash))).collect();
    let found =
        check::run(&Run { testimonies, before, stopped }, &read_journal(&config)?.unwrap_or_default());
    let findings = if earlier.is_empty() { found } else { earlier.and(found) };
    let holds = findings.holds;
    let durability = match config.durability {
        Durability::Memory => "memory",
        Durability::Process => "process",
        Durability::Disk => "disk",
    };
    let mut summary =
        Summary::of(&tally.counts(), args.seconds, durability, stages(&ended.figures), findings);
    summary.folder = args.keep.as_ref().map(|folder| folder.display().to_string());
    print(&summary, args.json)?;
    Ok(holds)
}

/// What the journal says to the acknowledgements of earlier runs.
fn check_promises(folder: &Path, config: &Config, journal: &Journal) -> Result<Findings, Failed> {
    let lines = acknowledged::read(folder).map_err(failed(acknowledged::FILE_NAME, A_FOLDER))?;
    Ok(check::promises(&lines, journal, &config.directory))
}

/// Replays the journal offline; `None` if there is none yet.
fn read_journal(config: &Config) -> Result<Option<Journal>, Failed> {
    if !config.data_dir.exists() {
        return Ok(None);
    }
    let vault =
        Vault::open(&config.encryption, &config.data_dir).map_err(failed("the master key", A_FOLDER))?;
    let mut journal = Journal::default();
    let replayed = recovery::replay(&config.data_dir, &vault, |step| {
        journal.events.extend(step.events.iter().map(|event| (step.shard, step.seq, *event)));
    });
    let replayed = match replayed {
        Err(JournalFault::Empty(_)) => return Ok(None),
        replayed => replayed.map_err(failed("the journal", A_JOURNAL))?,
    };
    for shard in &replayed.shards {
        journal.positions.extend(shard.positions());
        journal.shards.insert(shard.id(), (shard.last_seq(), shard.state_hash()));
    }
    Ok(Some(journal))
}

/// Starts the server, lets the clients trade against it, and stops it.
fn serve_and_trade(config: &Config, plan: Plan) -> Result<(Vec<Testimony>, Ended), Failed> {
    let server = Server::start(config.clone()).map_err(failed("the server", A_FOLDER))?;
    let both = server.fix_addr().zip(server.websocket_addr()).ok_or("it does not listen for both protocols");
    let (fix, websocket) = both.map_err(failed("the server", A_BUG))?;
    eprintln!(
        "sealgate demo: FIX on {fix}, WebSocket on {websocket}, journal in {}",
        config.data_dir.display()
    );
    // A thread of their own, so that nothing of the clients is inherited from the one that waits here.
    let clients = std::thread::Builder::new().name("clients".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Connect(error.to_string()))?;
        runtime.block_on(trade::trade(&plan, fix, websocket))
    });
    let clients =
        clients.map_err(failed("a thread for the clients", "look at the limits of processes and threads"))?;
    let traded = clients.join().unwrap_or_else(|_| Err(Error::Protocol("the clients panicked".to_owned())));
    // A server that has failed tells why; what the clients made of it does not matter then.
    let ended = server.stop().map_err(failed("the server", A_BUG))?;
    Ok((traded.map_err(failed("the clients", A_BUG))?, ended))
}

fn stages(figures: &Figures) -> Vec<Stage> {
    let told = |(stage, times): (watch::Stage, &_)| Stage {
        stage: stage.name().to_owned(),
        latency: Quantiles::from(times),
    };
    figures.stages().map(told).collect()
}

fn print<T: serde::Serialize + std::fmt::Display>(what: &T, json: bool) -> Result<(), Failed> {
    use std::io::Write as _;
    let text = if json {
        serde_json::to_string(what).map_err(failed("the summary", A_BUG))?
    } else {
        what.to_string()
    };
    writeln!(std::io::stdout(), "{}", text.trim_end()).map_err(failed("stdout", "look where it goes"))
}
