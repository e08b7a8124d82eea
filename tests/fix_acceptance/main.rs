//! FIX session scripts against the product's session, over real TCP sockets on loopback.
//!
//! ```text
//!   *.def ─► script ─► runner: the client ══ TCP ══ acceptor: framing, Session, echo ◄── acceptor.toml ─► profile
//! ```
//!
//! Scripts are data: the public ones are read from `../shared/fix-acceptance` or from the folder that
//! `FIX_ACCEPTANCE_DIR` names, our own stand in `tests/vectors/fix`. Each folder with an `acceptor.toml` is one
//! set-up. The wiring here is the gateway's without TLS, signatures and orders: it exists in tests only.
//!
//! `cargo test --release --test fix_acceptance [-- PART-OF-A-NAME]`

#![allow(clippy::unwrap_used)] // A test may panic; clippy sees only the functions marked as tests.

mod acceptor;
mod client;
mod compare;
mod profile;
mod script;

use profile::Profile;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Scripts wait real seconds and need hardly any processor, so many run side by side.
const SIDE_BY_SIDE: usize = 96;

/// One script to run.
struct Job {
    folder: String,
    name: String,
    path: PathBuf,
    profile: Arc<Profile>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let mut jobs = VecDeque::new();
    let mut broken = false;
    for root in roots() {
        match folders_below(&root) {
            Ok(folders) => {
                for folder in folders {
                    match jobs_of(&folder) {
                        Ok(found) => jobs.extend(found),
                        // The other folders run all the same.
                        Err(why) => {
                            println!("{}: NOT RUN: {why}", folder.display());
                            broken = true;
                        }
                    }
                }
            }
            Err(why) => {
                println!("{why}");
                broken = true;
            }
        }
    }
    jobs.retain(|job| {
        let name = format!("{}/{}", job.folder, job.name);
        wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()))
    });
    let started = Instant::now();
    let results = run(jobs);
    let all_pass = tell(&results);
    println!("fix_acceptance: {:.1} s", started.elapsed().as_secs_f32());
    if all_pass && !broken { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where scripts are: our own, and the public ones, which are not part of the repository.
fn roots() -> Vec<PathBuf> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut roots = vec![home.join("tests/vectors/fix")];
    match std::env::var_os("FIX_ACCEPTANCE_DIR").map(PathBuf::from) {
        Some(named) => roots.push(named),
        None => {
            let beside = home.join("../shared/fix-acceptance");
            if beside.is_dir() {
                roots.push(beside);
            } else {
                println!(
                    "fix_acceptance: the public scripts are SKIPPED: FIX_ACCEPTANCE_DIR is not set and \
                     ../shared/fix-acceptance is not there. Our own scripts run."
                );
            }
        }
    }
    roots
}

fn read(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

/// The set-ups: folders with an `acceptor.toml`. The folder itself may be one, too.
fn folders_below(root: &Path) -> Result<Vec<PathBuf>, String> {
    let below = read(root)?.into_iter().filter(|path| path.is_dir());
    let folders = std::iter::once(root.to_owned()).chain(below);
    Ok(folders.filter(|folder| folder.join("acceptor.toml").is_file()).collect())
}

fn jobs_of(folder: &Path) -> Result<Vec<Job>, String> {
    let profile = Arc::new(Profile::read(&folder.join("acceptor.toml"))?);
    let name = |name: Option<&std::ffi::OsStr>| name.unwrap_or_default().to_string_lossy().into_owned();
    let scripts = read(folder)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "def"));
    Ok(scripts
        .map(|path| Job {
            folder: name(folder.file_name()),
            name: name(path.file_stem()),
            path,
            profile: profile.clone(),
        })
        .collect())
}

/// What came of each script, by folder.
type Results = BTreeMap<String, Vec<(String, Result<(), String>)>>;

fn run(jobs: VecDeque<Job>) -> Results {
    let (jobs, results) = (Mutex::new(jobs), Mutex::new(Results::new()));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let Some(job) = jobs.lock().unwrap().pop_front() else { return };
                    let result = client::run(&job.path, &job.profile);
                    results.lock().unwrap().entry(job.folder).or_default().push((job.name, result));
                }
            });
        }
    });
    results.into_inner().unwrap()
}

/// Prints the results; whether all scripts passed.
fn tell(results: &Results) -> bool {
    let mut all_pass = true;
    for (folder, scripts) in results {
        let failed: Vec<_> =
            scripts.iter().filter_map(|(name, result)| Some((name, result.as_ref().err()?))).collect();
        println!("{folder}: {} passed, {} failed", scripts.len() - failed.len(), failed.len());
        for (name, why) in &failed {
            println!("  {name}: {why}");
        }
        all_pass &= failed.is_empty();
    }
    all_pass
}
