//! Verification by a known key beside `verify` and `verify_strict` of `ed25519-dalek` as it is by default, in one run.
//!
//! The repository's settings choose another backend of curve25519-dalek, which is the faster one. The default build is
//! what `cargo add ed25519-dalek` gives: it is a package of its own, `default-dalek`, which is built here without those
//! settings and runs as a child on the same core. All take turns in rounds that are shorter than a time slice; a figure
//! is the median of its rounds.
//!
//!     cargo run --release --manifest-path benches/peers/Cargo.toml --bin verify

use ed25519_dalek::{Signer as _, SigningKey};
use sealgate::sys::pin;
use sealgate::verify::known::way::Way;
use sealgate::verify::known::{Claim, KeyTable, TOGETHER_MAX, signed_together_by};
use std::cell::RefCell;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 2_001;
const TURNS: u32 = 10;
/// As long as what is signed of an order.
const MESSAGE: [u8; 200] = [b'x'; 200];

/// A line of the table.
struct Row<'a> {
    name: String,
    /// Nanoseconds of [`TURNS`] turns.
    turns: Box<dyn FnMut() -> u64 + 'a>,
    /// Signatures a turn.
    signatures: u32,
    /// Nanoseconds a signature, of each round.
    times: Vec<u64>,
}

fn main() {
    if let Some(core) = pin::usable_cores().ok().and_then(|cores| cores.last().copied()) {
        // Before there is a child, which has the same core then.
        pin::pin_to_core(core).expect("a core that is there");
    }
    let dalek = RefCell::new(DefaultDalek::start());
    let key = SigningKey::from_bytes(&[7; 32]);
    let signature = key.sign(&MESSAGE).to_bytes();
    let known = KeyTable::new(key.verifying_key().as_bytes()).expect("a point");
    let claims = [Claim { key: &known, message: &MESSAGE, signature: &signature }; TOGETHER_MAX];
    let mut rows = vec![
        row("ed25519-dalek 3.0, `verify`", Box::new(|| dalek.borrow_mut().ask("verify")), 1),
        row("ed25519-dalek 3.0, `verify_strict`", Box::new(|| dalek.borrow_mut().ask("strict")), 1),
    ];
    for way in Way::all() {
        let (known, claims, signature) = (&known, &claims, &signature);
        let one = timed(move || known.signed_by(way, black_box(&MESSAGE), black_box(signature)));
        rows.push(row(&format!("Sealgate, known key, {}", way.name()), one, 1));
        let all = timed(move || signed_together_by(way, black_box(claims)) == [true; TOGETHER_MAX]);
        let name = format!("Sealgate, known key, {}, {TOGETHER_MAX} together", way.name());
        rows.push(row(&name, all, TOGETHER_MAX));
    }
    for _ in 0..ROUNDS {
        for row in &mut rows {
            let nanos = (row.turns)() / u64::from(TURNS * row.signatures);
            row.times.push(nanos);
        }
    }
    rows.iter_mut().for_each(|row| row.times.sort_unstable());
    let verify = rows[0].at(50);
    println!("| a signature over {} bytes | µs, median | p10 – p90 | of `verify` |", MESSAGE.len());
    println!("|---|---|---|---|");
    for row in &rows {
        let (low, median, high) = (row.at(10), row.at(50), row.at(90));
        println!("| {} | {median:.2} | {low:.2} – {high:.2} | {:.3} × |", row.name, median / verify);
    }
}

impl Row<'_> {
    /// Microseconds.
    fn at(&self, percent: usize) -> f64 {
        self.times[(self.times.len() - 1) * percent / 100] as f64 / 1_000.0
    }
}

fn row<'a>(name: &str, turns: Box<dyn FnMut() -> u64 + 'a>, signatures: usize) -> Row<'a> {
    Row { name: name.to_owned(), turns, signatures: signatures as u32, times: Vec::new() }
}

fn timed<'a>(mut verify: impl FnMut() -> bool + 'a) -> Box<dyn FnMut() -> u64 + 'a> {
    Box::new(move || {
        let started = Instant::now();
        for _ in 0..TURNS {
            assert!(verify(), "it is genuine");
        }
        started.elapsed().as_nanos() as u64
    })
}

/// `default-dalek` at work, gone when this value is.
struct DefaultDalek {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl DefaultDalek {
    fn start() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("default-dalek/Cargo.toml");
        let mut process = Command::new("cargo")
            // Empty, and there: it stands for all settings of the repository.
            .env("RUSTFLAGS", "")
            .args(["run", "--release", "--quiet", "--manifest-path"])
            .arg(manifest)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo");
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let mut dalek = Self {
            process,
            input: input.expect("it was piped"),
            output: BufReader::new(output.expect("it was piped")),
        };
        // It is built by then.
        dalek.ask("verify");
        dalek
    }

    fn ask(&mut self, way: &str) -> u64 {
        let mut line = String::new();
        writeln!(self.input, "{way} {TURNS}").expect("it listens");
        self.output.read_line(&mut line).expect("it answers");
        line.trim().parse().expect("nanoseconds")
    }
}

impl Drop for DefaultDalek {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
