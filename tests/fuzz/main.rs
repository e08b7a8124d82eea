//! The fuzz targets with the stable compiler: seeds, and what comes of them by chance, for some seconds each.
//!
//! The same functions run under libFuzzer: `tests/fuzz/Cargo.toml` says how. `SEALGATE_FUZZ_SECS` is the time of each
//! target; `SEALGATE_FUZZ_SEED` repeats a run. A finding is written to a file whose name is printed.

#![allow(clippy::unwrap_used)] // A test may panic; clippy sees only the functions marked as tests.

mod targets;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// SplitMix64: what comes next is a function of the seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// Longer than any message may be.
const INPUT_BYTES_MAX: usize = 6_000;

fn fuzz(name: &str, target: fn(&[u8])) {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = number_of("SEALGATE_FUZZ_SEED").unwrap_or(clock.as_nanos() as u64);
    println!("{name}: SEALGATE_FUZZ_SEED={seed}");
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let mut pool: Vec<_> =
        ["seeds", "corpus"].iter().flat_map(|kind| inputs(&here.join(kind).join(name))).collect();
    assert!(!pool.is_empty(), "there are seeds");
    let finding = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("finding-{name}"));
    let try_it = |input: &[u8]| {
        let tried = std::panic::catch_unwind(|| target(input));
        if let Err(panic) = tried {
            std::fs::write(&finding, input).unwrap();
            println!("found with seed {seed}: {}", finding.display());
            std::panic::resume_unwind(panic);
        }
    };
    pool.iter().for_each(|input| try_it(input));
    let (mut chance, mut count) = (Chance(seed), 0u64);
    let until = Instant::now() + Duration::from_secs(number_of("SEALGATE_FUZZ_SECS").unwrap_or(2));
    while Instant::now() < until {
        let input = mutant(&pool, &mut chance);
        try_it(&input);
        count += 1;
        // Without a measure of what is new, some are kept by chance, so that changes add up.
        if chance.below(64) == 0 {
            let place = chance.below(pool.len().max(256));
            if place < pool.len() { pool[place] = input } else { pool.push(input) }
        }
    }
    println!("{name}: {count} inputs");
}

fn inputs(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn mutant(pool: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = pool[chance.below(pool.len())].clone();
    for _ in 0..=chance.below(6) {
        let at = chance.below(input.len() + 1);
        match chance.below(7) {
            0 => input.insert(at, chance.next() as u8),
            1 if at < input.len() => drop(input.remove(at)),
            2 if at < input.len() => input[at] = chance.next() as u8,
            3 if at < input.len() => input[at] ^= 1 << chance.below(8),
            4 => {
                let other = &pool[chance.below(pool.len())];
                let from = chance.below(other.len() + 1);
                let part = &other[from..(from + chance.below(80)).min(other.len())];
                input.splice(at..at, part.iter().copied());
            }
            5 => input.truncate(at.max(1)),
            _ => {
                let digits = chance.below(100_000).to_string();
                let to = (at + digits.len()).min(input.len());
                input.splice(at..to, digits.into_bytes());
            }
        }
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

#[test]
fn framing_finds_the_messages_of_a_naive_framer_in_any_stream() {
    fuzz("framing", targets::framing::run);
}

#[test]
fn decoding_gives_what_a_naive_decoder_gives() {
    fuzz("decoding", targets::decoding::run);
}

#[test]
fn a_session_keeps_its_promises_whatever_happens_to_it() {
    fuzz("session", targets::session::run);
}
