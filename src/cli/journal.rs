//! `sealgate journal`: look at a journal without a server: verify, dump, repair.
//!
//! Each of them holds the folder, so none runs beside a server; `verify` and `dump` change nothing.

mod dump;
mod head;
mod json;
pub mod keys;
mod redact;
mod repair;
mod snapshot;

#[cfg(test)]
mod tests;

use super::problem;
use crate::run::journal::kept::JournalHead;
use crate::run::journal::walk::{JournalFault, Walked};
use crate::run::recovery::{Replayed, replay_in, snapshot_name};
use crate::seal::KeyError;
use crate::types::AccountId;
use clap::Subcommand;
use keys::Access;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `sealgate journal`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    keys: keys::Keys,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read the whole journal, run each step again, and tell where it ends; exits with 1 at the first bad record.
    Verify {
        /// The folder of the journal: `data_dir` of the configuration.
        dir: PathBuf,
        /// A head of it that was noted before, as this command prints it; without it the one that the server keeps.
        #[arg(long, value_name = "HEAD")]
        head: Option<JournalHead>,
    },
    /// Note the head of the journal as it is, where the configuration keeps one: when keeping begins, or after an
    /// older copy was restored on purpose. Without --yes it only tells both heads.
    Head {
        /// The folder of the journal: `data_dir` of the configuration.
        dir: PathBuf,
        /// Do it.
        #[arg(long)]
        yes: bool,
    },
    /// Show records as JSON lines, with the signed bytes of each request and their signature.
    Dump {
        /// The folder of the journal: `data_dir` of the configuration.
        dir: PathBuf,
        /// Only records from this number of their stream on.
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        from: u64,
        /// Only steps that concern this account, by its number in the configuration.
        #[arg(long, value_name = "N")]
        account: Option<u32>,
        /// Hide what others must not see: prices, quantities, names, and what clients wrote.
        #[arg(long)]
        redact: bool,
    },
    /// Make a snapshot of the state after the last segment that is closed, and remove old ones as the configuration of
    /// the server says.
    Snapshot {
        /// The folder of the journal: `data_dir` of the configuration.
        dir: PathBuf,
    },
    /// Decide about a bad end that a server refuses to cut by itself. Without --yes it only tells what would go.
    Repair {
        /// The folder of the journal: `data_dir` of the configuration.
        dir: PathBuf,
        /// Cut off everything from the first bad byte on. What is cut is kept in a file beside the segment.
        #[arg(long, required = true)]
        cut: bool,
        /// Do it.
        #[arg(long)]
        yes: bool,
    },
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    let (dir, head) = match &args.command {
        Command::Verify { dir, head } => (dir, *head),
        Command::Head { dir, .. }
        | Command::Dump { dir, .. }
        | Command::Snapshot { dir }
        | Command::Repair { dir, .. } => (dir, None),
    };
    let access = match args.keys.access(dir, head) {
        Ok(access) => access,
        Err(code) => return code,
    };
    let out = &mut io::stdout().lock();
    match args.command {
        Command::Verify { dir, .. } => verify(&dir, &access, out),
        Command::Head { dir, yes } => head::run(&dir, &access, yes, out),
        Command::Dump { dir, from, account, redact } => {
            let shown = dump::Shown { from, account: account.map(AccountId), redact };
            dump::run(&dir, &access, &shown, out)
        }
        Command::Snapshot { dir } => match args.keys.config(&dir) {
            Ok(config) => snapshot::run(&dir, &access, &config, out),
            Err(code) => code,
        },
        Command::Repair { dir, cut: _, yes } => repair::run(&dir, &access, yes, out),
    }
}

fn verify(dir: &Path, access: &Access, out: &mut impl Write) -> ExitCode {
    let mut steps = 0u64;
    let replayed = access.hold(dir).and_then(|folder| replay_in(&folder, access.trust(), |_| steps += 1));
    match replayed {
        Ok(replayed) => match finished(summary(&replayed, steps, access.head, out)) {
            ExitCode::SUCCESS => snapshot::judged(&replayed),
            code => code,
        },
        Err(fault) => refused(dir, &fault),
    }
}

fn summary(
    replayed: &Replayed,
    steps: u64,
    held_against: Option<JournalHead>,
    out: &mut impl Write,
) -> io::Result<()> {
    let Walked { end, torn, segments, records, streams, environment, .. } = &replayed.walked;
    writeln!(out, "environment  {environment}")?;
    writeln!(
        out,
        "records      {records} in {segments} segments, {steps} of them steps, run again and compared"
    )?;
    if let Some(segment) = replayed.from {
        writeln!(out, "from         {}: segments before it are not there", snapshot_name(segment))?;
    }
    writeln!(out, "end          {}", end.place)?;
    writeln!(out, "head         {}", replayed.walked.head())?;
    match held_against {
        Some(head) => writeln!(out, "comes by     {}", head.end.place)?,
        None => {
            writeln!(out, "comes by     no head was given or kept: an old copy would look like this too")?
        }
    }
    if *torn > 0 {
        writeln!(
            out,
            "torn tail    {torn} bytes of a record that was never acknowledged; the next start cuts them"
        )?;
    }
    for (stream, last) in streams.iter() {
        writeln!(out, "{:<12} last {last}", stream.to_string())?;
    }
    for shard in &replayed.shards {
        let hash: String = shard.state_hash().iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "state        shard-{} {hash}", shard.id())?;
    }
    for (segment, verdict) in &replayed.snapshots {
        let verdict =
            verdict.as_ref().map_or_else(ToString::to_string, |()| "as the journal has it".to_owned());
        writeln!(out, "snapshot     {} {verdict}", snapshot_name(*segment))?;
    }
    if replayed.snapshots.iter().all(|(_, verdict)| verdict.is_ok()) { writeln!(out, "ok") } else { Ok(()) }
}

/// A bad record, a missing file, a folder in use: what is wrong, where, and what can be done.
fn refused(dir: &Path, fault: &JournalFault) -> ExitCode {
    let dir = dir.display();
    let advice = match fault {
        JournalFault::BadTail { .. } => {
            format!("`sealgate journal repair {dir} --cut` tells what would go")
        }
        JournalFault::Damaged { .. } => {
            format!(
                "restore the journal from a copy; `sealgate journal repair {dir} --cut` tells what cutting would lose"
            )
        }
        JournalFault::Folder(_) => {
            "stop the server first, or name the folder that `data_dir` names".to_owned()
        }
        JournalFault::Key { why: KeyError::NoKey | KeyError::UnknownMaster(_), .. } => {
            "name the configuration or the key file with --config or --key-file".to_owned()
        }
        JournalFault::BehindHead { .. } | JournalFault::NotTheHead { .. } => {
            format!(
                "restore the newest copy; `sealgate journal head {dir}` takes the journal as it is, if that is what you want"
            )
        }
        JournalFault::Empty(_) => "name the folder that `data_dir` names".to_owned(),
        _ => "restore the journal from a copy".to_owned(),
    };
    problem(format_args!("journal {dir}"), fault, advice)
}

/// A reader that closes its end, such as `head`, is no failure.
fn finished(written: io::Result<()>) -> ExitCode {
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => problem("stdout", error, "the rest was not written"),
    }
}
