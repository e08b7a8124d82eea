//! Sealgate's codec beside `fefix`, `rustyfix` and QuickFIX C++, in one run: a NewOrderSingle of 200 bytes is decoded
//! and validated, and an ExecutionReport is encoded.
//!
//! The engines take turns in rounds that are shorter than a time slice, so that what else the machine does meets all
//! of them, and few rounds of each; a figure is the median of its rounds. What each does is told beside it: they do
//! not all do the same.

mod engines;
mod quickfix;

use engines::{Engine, Task};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 5_001;
const TURNS: u32 = 50;

fn main() {
    let order = order();
    assert_eq!(order.len(), 200, "a NewOrderSingle of 200 bytes");
    measure("decode and validate a NewOrderSingle of 200 bytes", engines::decoders(&order));
    measure("encode its ExecutionReport", engines::encoders());
}

/// An order as a client sends it, with the fields in ascending order.
fn order() -> Vec<u8> {
    let inner = "35=D|34=215|49=ALICE|52=20261124-09:30:00.000|56=SEALGATE|1=ALICE-1|11=mm-0000000000000001|21=1|\
                 38=0.5000|40=2|44=60000.10|54=1|55=BTC-USD|58=al-7|59=1|60=20261124-09:30:00.000|";
    let inner = inner.replace('|', "\x01");
    let mut message = format!("8=FIX.4.4\x019={}\x01{inner}", inner.len()).into_bytes();
    let sum = message.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    message.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    message
}

fn measure(what: &str, mut engines: Vec<Engine<'_>>) {
    let mut times = vec![Vec::with_capacity(ROUNDS); engines.len()];
    for engine in &mut engines {
        assert!((engine.task)() > 0, "{} does it", engine.name);
    }
    for _ in 0..ROUNDS {
        for (engine, times) in engines.iter_mut().zip(&mut times) {
            times.push(round(&mut engine.task));
        }
    }
    println!("\n{what}\n");
    println!("| engine | ns, median | p10 – p90 | what it does |\n|---|---|---|---|");
    let mut medians = Vec::new();
    for (engine, times) in engines.iter().zip(&mut times) {
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        medians.push(at(50));
        println!("| {} | {} | {} – {} | {} |", engine.name, at(50), at(10), at(90), engine.does);
    }
    let (ours, others) = (medians[0], &medians[1..]);
    for (engine, other) in engines[1..].iter().zip(others) {
        println!("{} takes {:.1} × the time of Sealgate", engine.name, *other as f64 / ours as f64);
    }
}

/// Nanoseconds of one turn.
fn round(task: &mut Task<'_>) -> u64 {
    let started = Instant::now();
    for _ in 0..TURNS {
        black_box(task());
    }
    (started.elapsed().as_nanos() / u128::from(TURNS)) as u64
}
