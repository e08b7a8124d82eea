//! The demo as the README has it: it checks itself, so here it must notice what is wrong.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealgate"));
    command.arg("demo").args(arguments);
    command
}

fn output(arguments: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } = demo(arguments).output().unwrap();
    let err = String::from_utf8_lossy(&stderr);
    assert!(matches!(status.code(), Some(0 | 1)), "{status}\n{err}");
    println!("{err}");
    (status.success(), String::from_utf8(stdout).unwrap())
}

/// Kills the demo in the middle: once its clients have been promised `lines` things.
fn kill_after(mut running: Child, folder: &Path, lines: usize) {
    let (until, promises) = (Instant::now() + Duration::from_secs(30), folder.join("acknowledged.jsonl"));
    while std::fs::read(&promises).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() < lines {
        assert!(Instant::now() < until, "too few acknowledgements");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn it_tells_one_json_object_and_everything_holds() {
    let (holds, out) = output(&["--seconds", "1", "--json"]);
    let summary: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(holds, "{summary:#}");
    assert_eq!(summary["check"]["holds"], true);
    assert!(
        summary["orders"].as_u64().unwrap() > 10 && summary["fills"].as_u64().unwrap() > 0,
        "{summary:#}"
    );
    for check in summary["check"]["checks"].as_array().unwrap() {
        assert_ne!(check["compared"], 0, "{check}");
    }
}

#[test]
fn killed_in_the_middle_it_has_lost_nothing_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    killed_in_the_middle(folder.path(), &[]);
    let path = folder.path().to_str().unwrap();

    let mut promises =
        std::fs::OpenOptions::new().append(true).open(folder.path().join("acknowledged.jsonl")).unwrap();
    writeln!(promises, r#"{{"what":"order","account":"maker","clOrdId":"never-sent","orderId":1}}"#).unwrap();
    let (holds, out) = output(&["--check", path]);
    assert!(!holds && out.contains("never-sent"), "{out}");
}

#[test]
fn killed_on_each_topology_it_has_lost_nothing_and_goes_on() {
    for topology in ["1x1/1", "1x1/2", "2x2/4"] {
        let folder = tempfile::tempdir().unwrap();
        killed_in_the_middle(folder.path(), &["--topology", topology]);
    }
}

/// Kills a demo, and sees to it that the next one on its folder finds all that was acknowledged.
fn killed_in_the_middle(folder: &Path, arguments: &[&str]) {
    let path = folder.to_str().unwrap();
    let with = |more: &[&'static str]| [more, &["--keep", path], arguments].concat();
    let running = demo(&with(&["--seconds", "60"])).stderr(Stdio::null()).spawn().unwrap();
    kill_after(running, folder, 200);
    let (holds, out) = output(&["--check", path]);
    assert!(holds, "{out}");
    let (holds, out) = output(&with(&["--seconds", "1"]));
    assert!(holds, "{out}");
}
