//! The examples of the documentation, as their readers run them: on the folder of `sealgate init`.

use crate::support::Venue;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

fn run(mut bot: Command, venue: &Venue) -> String {
    let Output { status, stdout, stderr } = bot.arg(venue.folder()).arg(venue.url()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{status}\n{out}\n{err}");
    out.into_owned()
}

fn placed_canceled_and_heard_of_both(said: &str) {
    let begins = |start: &str| said.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((begins("placed: order"), begins("canceled: order")), (1, 1), "{said}");
    assert_eq!(begins("execution: "), 2, "{said}");
}

/// The bot on the SDK, where Cargo puts examples; built if this test was built alone.
fn rust_bot() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let profile = here.parent().and_then(Path::parent).unwrap();
    let bot = profile.join("examples/bot");
    if !bot.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--example", "bot"]).current_dir(REPOSITORY);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
    }
    bot
}

#[test]
fn the_rust_bot_places_cancels_and_prints_executions() {
    placed_canceled_and_heard_of_both(&run(Command::new(rust_bot()), &Venue::start()));
}

/// `SEALGATE_PYTHON` names a Python with `websockets` and `cryptography`; `.ci/run` makes one.
#[test]
fn the_python_bot_places_cancels_and_prints_executions() {
    let python = std::env::var("SEALGATE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let packages = Command::new(&python).args(["-c", "import websockets, cryptography"]).output();
    if !packages.is_ok_and(|probe| probe.status.success()) {
        println!("skipped: {python} has not the packages websockets and cryptography; set SEALGATE_PYTHON");
        return;
    }
    let mut bot = Command::new(python);
    bot.arg(Path::new(REPOSITORY).join("docs/examples/bot.py"));
    placed_canceled_and_heard_of_both(&run(bot, &Venue::start()));
}
