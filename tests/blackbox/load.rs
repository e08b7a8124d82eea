//! `sealgate load` from outside: the real binary, on a server of its own, on a given configuration, and beside a server
//! that runs already.

use crate::support::{Setup, Venue, Ws};
use sealgate::types::Span;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Short, and so that no thread of the server spins beside other tests.
const BRIEF: [&str; 5] = ["load", "--seconds=1", "--warm-up=0", "--json", "--connections=2"];

fn load(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealgate"));
    command.args(flags).stdin(Stdio::null());
    command
}

/// Stdout as JSON; what it says while it runs is on stderr.
#[track_caller]
fn report(mut command: Command) -> Value {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}

/// The exit code and stderr of a command that measures nothing.
fn refused(flags: &[&str]) -> (i32, String) {
    let Output { status, stderr, .. } = load(flags).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

#[track_caller]
fn assert_all_answered(report: &Value) {
    assert_eq!(report["rejected"], json!({}), "{report}");
    assert!(report["sent"].as_u64() > Some(0) && report["sent"] == report["answered"], "{report}");
    assert!(report["round_trip_us"]["p50"].as_f64() > Some(0.0), "{report}");
}

#[test]
fn the_real_server_is_measured_over_both_protocols_and_told_as_one_json_object() {
    let plots = TempDir::new().unwrap();
    for (protocol, how) in [
        ("fix", &["--ping-pong", "--mix=new=3,cancel=1,amend=1,cross=1", "--accounts=2"][..]),
        ("websocket", &["--rate=200", "--sign=session", "--mix=new=2,amend=1,cancel=1", "--durability=disk"]),
    ] {
        let plot = plots.path().join(format!("{protocol}.svg"));
        let mut command = load(&BRIEF);
        command.args(how).arg("--idle=park").arg(format!("--protocol={protocol}"));
        let report = report({
            command.arg(format!("--plot={}", plot.display()));
            command
        });
        assert_all_answered(&report);
        let each = |what: &str| report["per_order"][what].as_f64().unwrap();
        assert!(each("system_calls") > 0.5 && each("allocations") < 100.0, "{report}");
        let stages = report["stages_us"].as_array().unwrap();
        let timed = |stage: &Value| stage["count"].as_u64() >= report["sent"].as_u64();
        assert!(stages.len() >= 8 && stages.iter().all(timed), "{report}");
        assert_eq!(report["first_us"]["count"], 2, "one of each connection");
        let plot = std::fs::read_to_string(plot).unwrap();
        assert!(plot.starts_with("<svg") && plot.contains("latency, µs"));
    }
}

#[test]
fn what_was_stolen_from_the_servers_core_is_told_of_a_thread_that_spins() {
    let run = |idle: &str| {
        let mut command = load(&BRIEF);
        command.args(["--rate=100", idle]);
        report(command)
    };
    let (spins, sleeps) = (run("--idle=spin"), run("--idle=park"));
    // Other tests run beside it, so there was something to steal.
    assert!(spins["server_hiccups"]["count"].as_u64() > Some(0), "{spins}");
    assert!(spins["server_hiccups"]["longest_us"].as_f64() > Some(20.0), "{spins}");
    assert_eq!(sleeps.get("server_hiccups"), None);
}

#[test]
fn sessions_that_say_nothing_are_logged_on_beside_those_that_speak() {
    for protocol in ["fix", "websocket"] {
        let mut command = load(&BRIEF);
        command.args(["--idle=park", "--rate=200", "--sign=session", "--idle-sessions=20"]);
        let report = report({
            command.arg(format!("--protocol={protocol}"));
            command
        });
        assert_all_answered(&report);
        let beside = &report["beside"];
        assert_eq!(beside["sessions"], 20, "{report}");
        assert!(beside["bytes_each"].as_u64() < Some(1 << 20), "{report}");
        assert!(beside["kernel_bytes_each"].as_u64().is_some(), "{report}");
        assert!(beside["round_trip_us"]["count"].as_u64() > Some(0), "{report}");
        assert!(beside["p99_ratio"].as_f64() > Some(0.0), "{report}");
    }
}

#[test]
fn the_kernels_part_of_a_round_trip_is_told_apart_unless_it_is_not_asked() {
    let run = |flag: &[&str]| {
        let mut command = load(&BRIEF);
        command.args(["--idle=park", "--rate=200"]).args(flag);
        report(command)
    };
    let (with, without) = (run(&[]), run(&["--no-kernel-timestamps"]));
    let count = |of: &str| with[of]["count"].as_u64().unwrap();
    assert_eq!(count("kernel_us"), count("round_trip_us"), "{with}");
    let p50 = |of: &str| with[of]["p50"].as_f64().unwrap();
    assert!(p50("kernel_us") < p50("round_trip_us"), "{with}");
    assert_eq!(without.get("kernel_us"), None);
}

#[test]
fn the_servers_kernel_is_timed_where_that_is_asked_for() {
    let run = |flag: &[&str]| {
        let mut command = load(&BRIEF);
        command.args(["--idle=park", "--rate=200"]).args(flag);
        report(command)["stages_us"].as_array().unwrap().clone()
    };
    let stages = run(&["--sockets=kernel-timestamps,quick-ack,nagle"]);
    assert_eq!((stages.len(), &stages[0]["stage"]), (9, &json!("kernel")), "{stages:?}");
    assert!(stages[0]["count"].as_u64() > Some(0), "{stages:?}");
    assert_eq!(run(&[])[0]["stage"], "decode");
}

#[test]
fn over_fix_too_connections_share_the_accounts_by_turns() {
    let mut command =
        load(&["load", "--seconds=1", "--warm-up=0", "--json", "--connections=5", "--accounts=2"]);
    command.args(["--idle=park", "--rate=200", "--mix=new=1,cross=1"]);
    let report = report(command);
    assert_all_answered(&report);
    assert_eq!(report["first_us"]["count"], 5, "{report}");
}

#[test]
fn a_rate_is_found_and_the_log_is_one_that_the_histograms_own_reader_takes() {
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("load.hlog");
    let common = ["load", "--seconds=1", "--warm-up=0", "--idle=park", "--json"];
    let mut command = load(&common);
    command.arg(format!("--hdr={}", log.display()));
    report(command);
    let text = std::fs::read(log).unwrap();
    let intervals =
        IntervalLogIterator::new(&text).filter(|entry| matches!(entry, Ok(LogEntry::Interval(_))));
    assert_eq!(intervals.count(), 1);

    // A bound that nothing keeps: the search ends at once, and says so.
    let plot = folder.path().join("rates.svg");
    let mut command = load(&common);
    command.args(["--sweep", "--p99-max=1", "--rate-from=50", &format!("--plot={}", plot.display())]);
    let sweep = report(command);
    assert_eq!((&sweep["best_rate"], &sweep["p99_max_us"]), (&json!(0), &json!(1)), "{sweep}");
    assert!(std::fs::read_to_string(plot).unwrap().contains("messages a second"));
}

#[test]
fn echoes_on_the_same_cores_tell_what_the_machine_takes_by_itself() {
    let Output { status, stdout, stderr } =
        load(&["load", "--seconds=1", "--warm-up=0", "--idle=yield", "--floor"]).output().unwrap();
    let (told, progress) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(status.success(), "{progress}");
    for row in ["round trip ", "  in the client's kernel ", "TCP echo ", "mutual TLS echo ", "p50 is "] {
        assert!(told.lines().any(|line| line.starts_with(row)), "{row}: {told}");
    }
    assert!(progress.lines().any(|line| line.starts_with("1 s: ")), "a line each second: {progress}");
}

#[test]
fn beside_answers_that_wait_for_the_disk_stands_what_a_sync_takes_by_itself() {
    let mut command = load(&BRIEF);
    command.args(["--idle=park", "--sign=session", "--durability=disk", "--floor"]);
    let report = report(command);
    assert_all_answered(&report);
    let disk = &report["floor"]["disk"];
    assert!(disk["block_bytes"].as_u64() > Some(100), "as much as an order takes: {report}");
    assert!(disk["fdatasync_us"]["count"].as_u64() > Some(0), "{report}");
    let fdatasync = disk["fdatasync_us"]["p50"].as_f64().unwrap();
    let total = report["stages_us"].as_array().unwrap().iter().find(|stage| stage["stage"] == "total");
    let total = total.unwrap()["p50"].as_f64().unwrap();
    let less = disk["total_less_fdatasync_us"].as_f64().unwrap();
    assert!((total - fdatasync - less).abs() < 0.02, "{report}");
    assert!(disk["total_by_fdatasync"].as_f64() > Some(0.0), "{report}");
}

#[test]
fn a_server_that_runs_already_is_measured_again_and_again_and_left_as_it_was() {
    let venue = Setup::new().order_rate(1_000_000, Span::from_secs(1)).start();
    let home = format!("--home={}", venue.folder().display());
    for (protocol, address) in [("fix", venue.fix_addr()), ("websocket", venue.websocket_addr())] {
        // What orders are called is remembered: a second run has names of its own.
        for _ in 0..2 {
            let mut command = load(&BRIEF);
            command.args(["--member=alice,bob", "--mix=new=4,cross=1", "--rate=50", &home]);
            command
                .args([format!("--protocol={protocol}"), format!("--connect=localhost:{}", address.port())]);
            let report = report(command);
            assert_all_answered(&report);
            assert!(report["per_order"]["system_calls"].as_f64() > Some(0.5), "its control socket: {report}");
            assert!(report["stages_us"][0]["p50"].as_f64() > Some(0.0), "{report}");
        }
    }
    for member in ["alice", "bob"] {
        let open = Ws::logged_on(&venue, member).call("openOrders.status", &[]);
        assert_eq!(open["result"], json!([]), "{open}");
    }
}

#[test]
fn a_server_is_started_on_a_given_configuration() {
    let dir = TempDir::new().unwrap();
    sealgate::cli::init::write(dir.path()).unwrap();
    let config = with_free_ports(dir.path());
    let config = format!("--config={config}");
    let common = ["load", "--seconds=1", "--warm-up=0", "--json", "--rate=100", &config];
    for how in [["--symbol=BTC-USD", "--member=bob"], ["--protocol=websocket", "--sign=order"]] {
        let mut command = load(&common);
        command.args(how);
        let report = report(command);
        assert_all_answered(&report);
        assert!(report["run"].as_str().unwrap().contains("sealgate.toml"), "{report}");
    }
    assert!(std::fs::read_dir(dir.path().join("data")).unwrap().count() > 0);
}

/// The configuration of a folder, with threads that leave the cores to other tests.
fn with_free_ports(folder: &Path) -> String {
    let path = folder.join("sealgate.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text = text.replace("127.0.0.1:9443", "127.0.0.1:0").replace("127.0.0.1:9444", "127.0.0.1:0");
    text += "
[[thread]]
agents = [\"gateway-0\", \"shard-0\"]
[[thread]]
agents = [\"journal-0\"]
";
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn refusals_are_counted_by_their_name() {
    let venue = Setup::new().order_rate(10, Span::from_secs(60)).start();
    let mut command = load(&["load", "--seconds=1", "--warm-up=0", "--json", "--rate=100", "--mix=new"]);
    command.arg(format!("--home={}", venue.folder().display()));
    command.arg(format!("--connect=localhost:{}", venue.fix_addr().port()));
    let report = report(command);
    assert_eq!(
        (&report["answered"], &report["rejected"]),
        (&json!(100), &json!({"OrderRate": 90})),
        "{report}"
    );
}

#[test]
fn flags_that_make_no_sense_are_refused_by_name() {
    let venue = Venue::start();
    let home = format!("--home={}", venue.folder().display());
    let connect = format!("--connect=localhost:{}", venue.fix_addr().port());
    for (flags, code, why) in [
        (&["--mix=modify=1"][..], 2, "new, cancel, amend and cross can be mixed"),
        (&["--sign=nothing"], 2, "[possible values: order, session]"),
        (&["--connections=0"], 2, "--connections <N>"),
        (&["--seconds=0"], 2, "--seconds <S>"),
        (&["--rate=1", "--ping-pong"], 2, "--ping-pong"),
        (&["--sweep", "--floor"], 2, "--floor"),
        (&["--p99-max=1"], 2, "--sweep"),
        (&["--member=alice"], 2, "<--config <FILE>|--connect <HOST:PORT>>"),
        (&["--plain"], 2, "--connect <HOST:PORT>"),
        (&["--connect=a:1", "--config=b"], 2, "cannot be used with"),
        (&["--connect=a:1", "--durability=disk"], 2, "--durability"),
        (&["--config=/none/sealgate.toml"], 1, "--config: /none/sealgate.toml: "),
        (&["--connect=nowhere", &home], 1, "--connect: nowhere: HOST:PORT is wanted"),
        (&["--connect=127.0.0.1:1", &home], 1, "the connections: Connection refused"),
        (&[&connect, &home, "--member=eve"], 1, "--home or --member: "),
        (&[&connect, &home, "--symbol=ETH"], 1, "--symbol ETH: the configuration has no such instrument"),
        (&[&connect, &home, "--qty=0.003"], 1, "--qty 0.003: twice a quantity that is allowed is wanted"),
        (&[&connect, &home, "--connections=2"], 1, "--connections: over FIX each is a session of its own"),
        (&["--sockets=fast"], 2, "[possible values: kernel-timestamps, quick-ack, busy-poll, nagle]"),
        (&["--plot=/none/load.svg"], 1, "--plot: /none/load.svg: "),
        (&["--hdr=/none/load.hlog"], 1, "--hdr: /none/load.hlog: "),
    ] {
        let said = refused(&[&["load"], flags].concat());
        assert!(said.0 == code && said.1.contains(why), "{flags:?}: {said:?}");
    }
}
