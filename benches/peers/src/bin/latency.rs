//! An order and its answer: Sealgate behind mutual TLS with signatures, a journal and a book, beside QuickFIX C++ in
//! the clear with none of these, in one run.
//!
//! ```text
//!   rounds ─► each row in turn ─┬─ a QuickFIX acceptor in a process of its own, on the last core
//!                               └─ `sealgate load` in another: one client for all rows, on the first core
//! ```
//!
//! The client is Sealgate's own load tool, which is in this binary too: it starts itself as `load`, and that starts
//! itself as `serve`. QuickFIX runs with a memory store, without a log, a dictionary or a check of latency, in each of
//! its ways to wait for a socket: with `start`, as its manual has it, by a thread for each connection or by one thread
//! for all; and with `poll`, which the application may call without rest. A ratio is the median of those of the rounds.
//!
//!     cargo build --release
//!     SEALGATE=target/release/sealgate \
//!         cargo run --release --manifest-path benches/peers/Cargo.toml --bin latency [ROUNDS [SECONDS]]
//!
//! `SEALGATE` names the binary that is measured, built as it ships; without it, it is this one.

use serde_json::Value;
use std::ffi::{CString, c_char, c_int};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

unsafe extern "C" {
    fn quickfix_serve(port: c_int, how: *const c_char, dictionary: *const c_char) -> c_int;
}

/// Ways of QuickFIX to wait: `start` with a thread for each connection, `start` with one for all, `poll` without rest.
const PEERS: [&str; 3] = ["threaded", "socket", "spin"];
const OURS: [(&str, &str); 2] = [("each order signed", "order"), ("session signed", "session")];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["load" | "serve", ..] => sealgate::cli::main(),
        ["quickfix", port, how] => serve_quickfix(port, how),
        [] => compare(3, 2),
        [rounds] => compare(number(rounds), 2),
        [rounds, seconds, ..] => compare(number(rounds), number(seconds)),
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("ROUNDS and SECONDS are numbers")
}

fn serve_quickfix(port: &str, how: &str) -> ExitCode {
    if let Some(core) = sealgate::sys::pin::usable_cores().ok().filter(|cores| cores.len() > 1) {
        sealgate::sys::pin::pin_to_core(core[core.len() - 1]).expect("a core that is there");
    }
    let (how, dictionary) = (CString::new(how).expect("no zero byte"), c"");
    // SAFETY: both texts end with zero and outlive the call.
    unsafe { quickfix_serve(number(port) as c_int, how.as_ptr(), dictionary.as_ptr()) };
    ExitCode::FAILURE
}

/// A run of one row.
#[derive(Clone, Copy)]
struct Run {
    p50: f64,
    p90: f64,
    p99: f64,
}

fn compare(rounds: usize, seconds: usize) -> ExitCode {
    let names: Vec<String> = PEERS
        .iter()
        .map(|how| format!("QuickFIX C++ 1.15.1 in the clear, {how}"))
        .chain(OURS.iter().map(|(what, _)| format!("Sealgate over mutual TLS, {what}")))
        .collect();
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); names.len()];
    for round in 0..rounds {
        for (at, how) in PEERS.iter().enumerate() {
            runs[at].push(quickfix(how, seconds));
        }
        for (at, (_, sign)) in OURS.iter().enumerate() {
            runs[PEERS.len() + at].push(load(&[&format!("--sign={sign}")], seconds));
        }
        eprintln!("round {} of {rounds}", round + 1);
    }
    println!("| FIX order → answer, µs, median of {rounds} rounds | p50 | p90 | p99 |\n|---|---|---|---|");
    for (name, runs) in names.iter().zip(&runs) {
        let at = |of: fn(&Run) -> f64| median(runs.iter().map(of).collect());
        println!(
            "| {name} | {:.1} | {:.1} | {:.1} |",
            at(|run| run.p50),
            at(|run| run.p90),
            at(|run| run.p99)
        );
    }
    let (peers, ours) = runs.split_at(PEERS.len());
    for ((what, _), ours) in OURS.iter().zip(ours) {
        for (how, peer) in PEERS.iter().zip(peers) {
            let ratio =
                |of: fn(&Run) -> f64| median(ours.iter().zip(peer).map(|(a, b)| of(a) / of(b)).collect());
            let (p50, p99) = (ratio(|run| run.p50), ratio(|run| run.p99));
            println!("Sealgate, {what}, against QuickFIX, {how}: {p50:.2} × its p50, {p99:.2} × its p99");
        }
    }
    ExitCode::SUCCESS
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// A QuickFIX acceptor, gone when this value is.
struct Acceptor(Child);

impl Drop for Acceptor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn quickfix(how: &str, seconds: usize) -> Run {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let port = free.port().to_string();
    let _acceptor = Acceptor(ourselves().args(["quickfix", &port, how]).spawn().expect("ourselves"));
    let started = Instant::now();
    while TcpStream::connect(free).is_err() {
        assert!(started.elapsed() < Duration::from_secs(10), "QuickFIX does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    load(&[&format!("--connect={free}"), "--plain"], seconds)
}

fn ourselves() -> Command {
    Command::new(std::env::current_exe().expect("this program"))
}

/// `sealgate`, as it ships or as it is in here.
fn sealgate() -> Command {
    std::env::var_os("SEALGATE").map_or_else(ourselves, Command::new)
}

/// One run of the client.
fn load(flags: &[&str], seconds: usize) -> Run {
    let output = sealgate()
        .args(["load", "--json", "--warm-up=1", &format!("--seconds={seconds}")])
        .args(flags)
        .stderr(Stdio::piped())
        .output()
        .expect("sealgate");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["rejected"], serde_json::json!({}), "all is accepted");
    let at = |quantile: &str| report["round_trip_us"][quantile].as_f64().expect("a time");
    Run { p50: at("p50"), p90: at("p90"), p99: at("p99") }
}
