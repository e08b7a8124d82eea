//! The public acceptance scripts, as far as the session decides them: against the session itself, in virtual time.
//!
//! They stay outside the repository; where they are not, this says so. `tests/` will run them over sockets.

use super::{NOON, Venue, acceptor_settings, complete, time_text};
use crate::types::Span;
use std::path::{Path, PathBuf};

/// Scripts that need more of the dictionary than Sealgate's dialect has: SecurityType, groups, ExpireTime.
const BEYOND_THE_DIALECT: &[&str] = &[
    "14e_IncorrectEnumValue",
    "14i_RepeatingGroupCountNotEqual",
    "21_RepeatingGroupSpecifierWithValueOfZero",
    "RejectResentMessage",
];

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("FIX_ACCEPTANCE_DIR").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fix-acceptance");
    let known = named.unwrap_or(beside).join("fix44");
    known.is_dir().then_some(known)
}

#[test]
fn public_scripts_of_fix44_pass() {
    let Some(folder) = folder() else {
        eprintln!(
            "no acceptance scripts: neither FIX_ACCEPTANCE_DIR nor ../shared/fix-acceptance is a folder"
        );
        return;
    };
    let mut failed = Vec::new();
    let (mut passed, mut beyond) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "def") {
            continue;
        }
        let script = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        match run(&script) {
            Ok(()) => passed += 1,
            Err(_) if BEYOND_THE_DIALECT.contains(&name.as_str()) => beyond += 1,
            Err(difference) => failed.push(format!("{name}: {difference}")),
        }
    }
    failed.sort();
    println!("{passed} passed, {} failed, {beyond} need more of the dictionary", failed.len());
    assert!(failed.is_empty(), "{passed} passed, {} failed\n{}", failed.len(), failed.join("\n"));
}

fn run(script: &str) -> Result<(), String> {
    let mut venue = Venue::new(acceptor_settings());
    let mut links = std::collections::HashMap::new();
    for (number, line) in script.lines().enumerate() {
        let line = line.trim_end_matches('\r');
        let Some(kind) = line.chars().next().filter(|kind| "iIeE".contains(*kind)) else { continue };
        let rest = &line[1..];
        let (client, step) = match rest.split_once(',') {
            Some((client, step)) if client.parse::<u32>().is_ok() => (client.parse().unwrap(), step),
            _ => (1u32, rest),
        };
        let fail = |what: String| Err(format!("line {}: {what}", number + 1));
        match (kind, step) {
            ('i', "CONNECT") => {
                links.insert(client, venue.connect());
            }
            ('i', "DISCONNECT") => venue.disconnect(links[&client]),
            ('e', "DISCONNECT") => {
                let link = links[&client];
                venue.wait(link, Span::from_secs(10));
                if let Some(message) = venue.sent(link) {
                    return fail(format!("sent before it closed: {message}"));
                }
                if venue.links[link].closed.is_none() {
                    return fail("did not close".to_owned());
                }
            }
            ('I', message) => {
                let text = with_times(message, &venue);
                let bytes = if text.starts_with("8=") { complete(&text) } else { text.into_bytes() };
                venue.feed(links[&client], &bytes);
            }
            ('E', expected) => {
                let link = links[&client];
                venue.wait(link, Span::from_secs(60));
                let Some(sent) = venue.sent(link) else {
                    return fail(format!("nothing came instead of {}", expected.replace('\x01', "|")));
                };
                if let Some(difference) = difference(expected, &sent) {
                    return fail(format!("{difference}: {sent}"));
                }
            }
            _ => return fail(format!("unknown step {line}")),
        }
    }
    Ok(())
}

fn with_times(text: &str, venue: &Venue) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("<TIME") {
        let end = at + rest[at..].find('>').unwrap();
        done.push_str(&rest[..at]);
        done.push_str(&time_text(venue.now, rest[at + 5..end].parse().unwrap_or(0)));
        rest = &rest[end + 1..];
    }
    done + rest
}

/// The strict comparison of the scripts' README; 10 is checked by framing.
fn difference(expected: &str, sent: &str) -> Option<String> {
    fn fields(text: &str, separator: char) -> Vec<(&str, &str)> {
        let outer = |field: &&str| !field.is_empty() && !field.starts_with("10=");
        text.split(separator).filter(outer).filter_map(|field| field.split_once('=')).collect()
    }
    let expected = fields(expected, '\x01');
    let mut sent = fields(sent, '|');
    if expected.get(1).is_some_and(|field| field.0 != "9") {
        sent.remove(1);
    }
    if expected.len() != sent.len() {
        return Some(format!("expected {expected:?}"));
    }
    let same = |e: &(&str, &str), s: &(&str, &str)| {
        e.0 == s.0 && (e.1 == s.1 || matches!(e.0, "42" | "52" | "60" | "122"))
    };
    let at = expected.iter().zip(&sent).position(|(e, s)| !same(e, s))?;
    Some(format!("expected {:?}, not {:?}", expected[at], sent[at]))
}

#[test]
fn the_comparison_sees_a_difference() {
    let expected = "8=FIX.4.4\x019=5\x0135=0\x0152=<TIME>\x0110=0\x01";
    assert_eq!(difference(expected, "8=FIX.4.4|9=5|35=0|52=20260105-12:00:00.000|10=123|"), None);
    assert!(difference(expected, "8=FIX.4.4|9=5|35=1|52=20260105-12:00:00.000|10=123|").is_some());
    assert!(difference(expected, "8=FIX.4.4|9=5|35=0|10=123|").is_some());
    assert_eq!(time_text(NOON, -1), "20260105-11:59:59");
}
