//! The rules of the house, as tables and tests. What a table allows is what `docs/architecture.md` explains; a rule
//! that turns out wrong is changed here and there, by a decision in `docs/decisions/`.
//!
//! `SEALGATE_BLESS=1 cargo test --test tidy` writes the generated parts of the documentation again.

#![allow(clippy::unwrap_used)] // A test may panic; clippy sees only the functions marked as tests.

#[path = "support/asyncapi/mod.rs"]
mod asyncapi;
#[path = "support/pages.rs"]
mod pages;
#[path = "support/rooms.rs"]
mod rooms;
#[path = "support/source.rs"]
mod source;
#[path = "support/words.rs"]
mod words;

use rooms::Kind::{Stage, Word};
use rooms::{ROOMS, Room};
use source::{Source, files_below, identifiers_before_path_separator, repository, rust_sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use words::{BANNED, UNFINISHED};

/// The one part of `ring` that a stage may see: the rate ring, which is shared on purpose.
const RATE_RING: &str = "crate::ring::rate";

/// Crates that any room may name: they add words, not powers.
const EVERYWHERE: &[&str] = &["thiserror"];

/// Crates that stand in the lock file in several versions; docs/decisions/0002-dependencies.md says why.
const TWICE: &[&str] = &["base64", "getrandom", "nom", "syn", "untrusted", "windows-link", "windows-sys"];

/// What a stage must not see of the standard library.
const NOT_IN_STAGES: &[&str] =
    &["std::net", "std::fs", "std::thread", "std::time", "std::process", "std::env"];

const UNSAFE_ROOMS: &[&str] = &["ring", "sys"];
/// Wide vectors, with their scalar twin as oracle.
const UNSAFE_FILE: &str = "src/verify/known/wide.rs";

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 60;

/// Files and functions that are longer, each with its reason. Entries are only ever removed.
const LONG_FILES: &[&str] = &[];
const LONG_FUNCTIONS: &[(&str, &str)] = &[];

/// rustfmt keeps code within 110; prose may be a little wider.
const COMMENT_WIDTH_MAX: usize = 120;
/// Pictures and tables cannot be broken; that of the path does not fit into less.
const PICTURE_WIDTH_MAX: usize = 130;
const DOCS_WIDTH_MAX: usize = 140;

fn room_of(path: &str) -> Option<&'static Room> {
    let inside = path.strip_prefix("src/")?;
    let name = inside.split(['/', '.']).next()?;
    ROOMS.iter().find(|room| room.name == name)
}

fn product_sources() -> impl Iterator<Item = (Source, &'static Room)> {
    let sources = rust_sources(&["src"]).into_iter().filter(|source| !source.is_test);
    sources.filter_map(|source| room_of(&source.path).map(|room| (source, room)))
}

fn none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_module_of_the_library_is_a_room_of_the_table() {
    let library = std::fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let modules: BTreeSet<_> = library.lines().filter_map(|line| line.strip_prefix("pub mod ")).collect();
    let rooms: BTreeSet<_> = ROOMS.iter().map(|room| format!("{};", room.name)).collect();
    assert_eq!(modules, rooms.iter().map(String::as_str).collect());
}

#[test]
fn a_room_imports_only_the_rooms_that_the_table_names() {
    let mut found = Vec::new();
    for (source, room) in product_sources() {
        for (line, name) in source.rooms_named() {
            let word = ROOMS.iter().any(|other| other.name == name && other.kind == Word);
            let watch = room.kind == Stage && name == "watch";
            let free = word || watch || name == room.name || room.rooms.contains(&name.as_str());
            // Macros and items of the root are no rooms.
            if !free && ROOMS.iter().any(|other| other.name == name) {
                found.push(format!("{}:{line}: {} must not import {name}", source.path, room.name));
            }
        }
    }
    none(found);
}

#[test]
fn a_stage_sees_no_socket_file_thread_or_clock_and_no_ring_but_the_rate_ring() {
    let mut found = Vec::new();
    for (source, room) in product_sources().filter(|(_, room)| room.kind == Stage) {
        for (number, line) in source.product.lines().enumerate() {
            let place = format!("{}:{}", source.path, number + 1);
            for path in NOT_IN_STAGES.iter().filter(|path| line.contains(**path)) {
                found.push(format!("{place}: the stage {} must not see {path}", room.name));
            }
            if line.contains("crate::ring") && !line.contains(RATE_RING) {
                found.push(format!("{place}: the stage {} must not see the rings", room.name));
            }
        }
    }
    none(found);
}

#[test]
fn an_external_crate_stays_in_the_rooms_that_the_table_names() {
    let crates: BTreeSet<String> = dependencies().keys().map(|name| name.replace('-', "_")).collect();
    let mut found = Vec::new();
    for (source, room) in product_sources() {
        for (line, name) in identifiers_before_path_separator(&source.product) {
            let allowed = EVERYWHERE.contains(&name.as_str()) || room.crates.contains(&name.as_str());
            if crates.contains(&name) && !allowed {
                found.push(format!("{}:{line}: {} must not name the crate {name}", source.path, room.name));
            }
        }
    }
    none(found);
}

#[test]
fn unsafe_code_stays_in_two_rooms_and_one_file() {
    let mut found = Vec::new();
    for (source, room) in product_sources().filter(|(_, room)| !UNSAFE_ROOMS.contains(&room.name)) {
        if source.path == UNSAFE_FILE {
            continue;
        }
        for (number, line) in source.code.lines().enumerate() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if words.any(|word| word == "unsafe") {
                found.push(format!("{}:{}: unsafe code in {}", source.path, number + 1, room.name));
            }
        }
    }
    none(found);
}

#[test]
fn only_verify_attests_and_only_limit_admits() {
    let mut found = Vec::new();
    for (source, room) in product_sources() {
        for (verdict, owner) in [("::attest", "verify"), ("::admit", "limit")] {
            if source.product.contains(verdict) && room.name != owner {
                found.push(format!("{}: {verdict} belongs to {owner}", source.path));
            }
        }
    }
    none(found);
}

/// A machine in memory has no TLS and a disk that forgets: a server never runs on one.
#[test]
fn only_the_simulator_enters_a_machine() {
    let mut found = Vec::new();
    for (source, _) in product_sources() {
        for (what, owner) in [("machine::within", ""), ("TlsConnection::bare", "src/run/gateway/sockets.rs")]
        {
            if source.product.contains(what) && source.path != owner {
                found.push(format!("{}: {what}", source.path));
            }
        }
    }
    none(found);
}

/// A planted bug stands at one place, and nothing but a test with the feature plants it.
#[test]
fn planted_bugs_stay_behind_their_switch() {
    let manifest = std::fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let features = manifest["features"].as_table().unwrap();
    assert!(features.keys().eq(["planted"]), "a default feature could plant bugs in a server: {features:?}");
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (source, room) in product_sources().filter(|(_, room)| room.name != "planted") {
        assert!(!source.product.contains("planted::plant"), "{} ({}) plants a bug", source.path, room.name);
        for (_, rest) in source.product.match_indices("Bug::").map(|(at, _)| source.product.split_at(at)) {
            let name = rest["Bug::".len()..].split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            places.entry(name.to_owned()).or_default().push(source.path.clone());
        }
    }
    assert!(places.len() >= 20, "{places:?}");
    let scattered = places.iter().filter(|(_, places)| places.len() > 1);
    none(scattered.map(|(bug, places)| format!("{bug} is planted in {places:?}")).collect());
}

#[test]
fn files_and_functions_stay_short() {
    let mut found = Vec::new();
    for source in rust_sources(&["src", "tests", "benches", "docs"]) {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX && !LONG_FILES.contains(&source.path.as_str()) {
            found.push(format!("{}: {lines} lines, allowed are {FILE_LINES_MAX}", source.path));
        }
        // A table of examples beside its test may be long.
        for (name, line, length) in source.functions().into_iter().filter(|_| !source.is_test) {
            let excepted = LONG_FUNCTIONS.contains(&(source.path.as_str(), name.as_str()));
            if length > FUNCTION_LINES_MAX && !excepted {
                found.push(format!("{}:{line}: fn {name} has {length} lines", source.path));
            }
        }
    }
    none(found);
}

#[test]
fn every_file_says_what_it_is_for() {
    let sources = rust_sources(&["src", "tests", "benches", "docs"]);
    // The tests beside a file are for that file.
    let silent = sources.iter().filter(|source| !source.is_test && !source.text.starts_with("//! "));
    none(silent.map(|source| source.path.clone()).collect());
}

#[test]
fn every_file_is_part_of_a_module_tree() {
    let sources = rust_sources(&["src"]);
    let roots = ["src/lib.rs", "src/main.rs"];
    let declared: BTreeSet<PathBuf> = sources.iter().flat_map(Source::declares).collect();
    let dead = sources.iter().filter(|source| {
        !roots.contains(&source.path.as_str()) && !declared.contains(Path::new(&source.path))
    });
    none(dead.map(|source| format!("{} is no module of anything", source.path)).collect());
}

#[test]
fn nothing_unfinished_and_no_banned_word_stands_anywhere() {
    let mut found = Vec::new();
    for path in text_files() {
        let Ok(text) = std::fs::read_to_string(repository().join(&path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let marks = UNFINISHED.iter().filter(|mark| line.contains(**mark));
            let words = BANNED.iter().filter(|word| contains_word(line, word));
            found.extend(marks.chain(words).map(|what| format!("{path}:{}: {what}", number + 1)));
        }
    }
    none(found);
}

/// Whether `line` holds `word` and not as the end of a longer one.
fn contains_word(line: &str, word: &str) -> bool {
    let (line, word) = (line.to_lowercase(), word.to_lowercase());
    line.match_indices(&word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !word.starts_with(char::is_alphabetic) || !before.is_some_and(char::is_alphanumeric)
    })
}

#[test]
fn lines_fit_a_screen() {
    let mut found = Vec::new();
    for source in rust_sources(&["src", "tests", "benches", "docs"]) {
        for (number, line) in source.text.lines().enumerate() {
            let comment = line.trim_start().starts_with("//");
            let picture = line.contains(['─', '│', '►', '|']) || line.trim_start().contains("   ");
            let max = if picture { PICTURE_WIDTH_MAX } else { COMMENT_WIDTH_MAX };
            if comment && line.chars().count() > max {
                found.push(format!("{}:{}: wider than {max}", source.path, number + 1));
            }
        }
    }
    for path in text_files().into_iter().filter(|path| path.ends_with(".md")) {
        let text = std::fs::read_to_string(repository().join(&path)).unwrap();
        let mut code = false;
        for (number, line) in text.lines().enumerate() {
            code ^= line.trim_start().starts_with("```");
            let breakable = !code && !line.starts_with(['|', ' ', '<']) && !line.contains("](");
            if breakable && line.chars().count() > DOCS_WIDTH_MAX {
                found.push(format!("{path}:{}: wider than {DOCS_WIDTH_MAX}", number + 1));
            }
        }
    }
    none(found);
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    let mut found = Vec::new();
    for path in text_files().into_iter().filter(|path| path.ends_with(".md")) {
        let text = std::fs::read_to_string(repository().join(&path)).unwrap();
        let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if target.contains("://") {
                continue;
            }
            let linked =
                if file.is_empty() { repository().join(&path) } else { repository().join(folder).join(file) };
            match std::fs::read_to_string(&linked) {
                Ok(text) if anchor.is_empty() || anchors(&text).contains(anchor) => {}
                _ if linked.is_dir() => {}
                _ => found.push(format!("{path}: {target}")),
            }
        }
    }
    none(found);
}

#[test]
fn every_page_that_the_source_names_is_there() {
    let mut found = Vec::new();
    for source in rust_sources(&["src", "tests", "benches", "docs"]) {
        let words = source.text.split(|c: char| !c.is_ascii_alphanumeric() && !"/-_.".contains(c));
        for page in words.filter(|word| word.starts_with("docs/") && word.ends_with(".md")) {
            if !repository().join(page).exists() {
                found.push(format!("{}: {page}", source.path));
            }
        }
    }
    none(found);
}

#[test]
fn every_test_that_the_page_of_bad_input_names_is_there() {
    let page = std::fs::read_to_string(repository().join("docs/security.md")).unwrap();
    let (_, section) = page.split_once("\n## Bad input\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let names: Vec<_> =
        section.split('`').skip(1).step_by(2).filter_map(|code| code.rsplit_once("::")).collect();
    assert!(names.len() > 20, "{names:?}");
    let sources = rust_sources(&["src", "tests"]);
    let is_there = |(module, name): &(&str, &str)| {
        let (file, function) = (format!("{}.rs", module.replace("::", "/")), format!("fn {name}("));
        sources.iter().any(|source| source.path.ends_with(&file) && source.code.contains(&function))
    };
    none(
        names
            .iter()
            .filter(|name| !is_there(name))
            .map(|(module, name)| format!("{module}::{name}"))
            .collect(),
    );
}

#[test]
fn every_dependency_has_its_reason() {
    let page = std::fs::read_to_string(repository().join("docs/decisions/0002-dependencies.md")).unwrap();
    let missing = dependencies().into_keys().filter(|name| !page.contains(&format!("| `{name}` |")));
    none(missing.map(|name| format!("{name} has no row in docs/decisions/0002-dependencies.md")).collect());
}

#[test]
fn a_crate_is_locked_in_one_version() {
    let lock = std::fs::read_to_string(repository().join("Cargo.lock")).unwrap();
    let lock: toml::Table = lock.parse().unwrap();
    let packages = lock["package"].as_array().unwrap().iter();
    let mut seen = BTreeSet::new();
    let twice = packages.filter_map(|p| p["name"].as_str()).filter(|name| !seen.insert(name.to_owned()));
    none(twice.filter(|name| !TWICE.contains(name)).map(|name| format!("{name} is locked twice")).collect());
}

/// The names under `[dependencies]` and `[dev-dependencies]`.
fn dependencies() -> BTreeMap<String, toml::Value> {
    let manifest = std::fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let of = |section: &str| manifest[section].as_table().unwrap().clone();
    of("dependencies").into_iter().chain(of("dev-dependencies")).collect()
}

/// What people read and write: no build output, no lock file, no binary.
fn text_files() -> Vec<String> {
    let folders = ["src", "tests", "benches", "docs", "certs", ".ci"];
    let mut paths: Vec<String> = folders.iter().flat_map(|folder| files_below(folder)).collect();
    // Those of packages of their own.
    paths.retain(|path| !path.ends_with("/Cargo.lock"));
    let top = std::fs::read_dir(repository()).unwrap().filter_map(Result::ok);
    let files = top.filter(|entry| entry.path().is_file()).filter_map(|e| e.file_name().into_string().ok());
    paths.extend(files.filter(|name| name != "Cargo.lock" && name != ".git"));
    paths
}

/// The anchors of a page's headings, as they are made from their words.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    };
    headings.map(slug).collect()
}
