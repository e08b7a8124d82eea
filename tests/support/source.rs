//! Rust sources as text with comments and strings blanked out: enough to see who names what, and how long it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One source file.
pub struct Source {
    /// From the top of the repository.
    pub path: String,
    /// As it stands there.
    pub text: String,
    /// With comments, strings and characters blanked out; lines stay where they are.
    pub code: String,
    /// `code` without what is compiled for tests only.
    pub product: String,
    /// Whether the whole file is compiled for tests only.
    pub is_test: bool,
}

/// The top of the repository, where cargo runs the test: several checkouts may share what was built.
pub fn repository() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or(env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// All Rust sources below some folders.
pub fn rust_sources(folders: &[&str]) -> Vec<Source> {
    let paths = folders.iter().flat_map(|folder| files_below(folder)).filter(|path| path.ends_with(".rs"));
    let mut sources: Vec<Source> = paths.map(Source::read).collect();
    let tests: BTreeSet<PathBuf> = sources.iter().flat_map(Source::declares_for_tests).collect();
    let below_test = |path: &Path| path.ancestors().any(|above| tests.contains(&above.with_extension("rs")));
    for source in &mut sources {
        source.is_test = below_test(Path::new(&source.path));
    }
    sources
}

/// All files below a folder; none if it is not there.
pub fn files_below(folder: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(repository().join(folder)) else { return Vec::new() };
    let mut names: Vec<_> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names.retain(|name| name != "target" && name != "__pycache__");
    let path = |name| format!("{folder}/{name}");
    let below = |path: String| match repository().join(&path).is_dir() {
        true => files_below(&path),
        false => vec![path],
    };
    names.into_iter().map(path).flat_map(below).collect()
}

/// Identifiers at the head of a path (`name::…`), with their lines.
pub fn identifiers_before_path_separator(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        for (at, _) in line.match_indices("::") {
            let name = last_identifier(&line[..at]);
            let before = &line[..at - name.len()];
            if !name.is_empty() && !before.ends_with("::") && !before.ends_with('.') {
                found.push((number + 1, name.to_owned()));
            }
        }
    }
    found
}

impl Source {
    fn read(path: String) -> Self {
        let text = std::fs::read_to_string(repository().join(&path)).unwrap();
        let code = blank(&text);
        let product = without_tests(&code);
        Self { path, text, code, product, is_test: false }
    }

    /// The names that stand directly below the crate's root in the product code, with their lines: `crate::x`,
    /// `crate::{x, y::z}` and `super::super::x` where that leads there.
    pub fn rooms_named(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let ups = "super::".repeat(self.depth());
        for root in ["crate::", ups.as_str()] {
            for (at, _) in self.product.match_indices(root) {
                let before = self.product[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                    continue;
                }
                let line = 1 + self.product[..at].matches('\n').count();
                let rest = &self.product[at + root.len()..];
                found.extend(heads(rest).into_iter().map(|name| (line, name)));
            }
        }
        found
    }

    /// How many modules the file is below the crate's root.
    fn depth(&self) -> usize {
        let inside = self.path.trim_start_matches("src/");
        inside.split('/').filter(|part| *part != "mod.rs").count()
    }

    /// Functions with their first line and their length.
    pub fn functions(&self) -> Vec<(String, usize, usize)> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("fn ") {
            let starts = self.code[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || c == '(');
            let rest = &self.code[at + 3..];
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(open) = rest.find(['{', ';']).filter(|&open| rest[open..].starts_with('{')) else {
                continue;
            };
            if starts && !name.is_empty() {
                let body = &rest[..open + block_length(&rest[open..])];
                let line = 1 + self.code[..at].matches('\n').count();
                found.push((name, line, 1 + body.matches('\n').count()));
            }
        }
        found
    }

    /// The files that this one declares with `mod name;`.
    pub fn declares(&self) -> Vec<PathBuf> {
        let folder = self.folder();
        let files =
            |name: String| [folder.join(&name).with_extension("rs"), folder.join(name).join("mod.rs")];
        module_names(&self.code).into_iter().flat_map(files).collect()
    }

    /// Of these the ones that are compiled for tests only.
    fn declares_for_tests(&self) -> Vec<PathBuf> {
        let product = module_names(&self.product);
        let all = module_names(&self.code).into_iter().filter(|name| !product.contains(name));
        all.map(|name| self.folder().join(name).with_extension("rs")).collect()
    }

    fn folder(&self) -> PathBuf {
        let path = Path::new(&self.path);
        match path.file_name().and_then(|name| name.to_str()) {
            Some("mod.rs" | "lib.rs" | "main.rs") => path.parent().unwrap_or(Path::new("")).to_owned(),
            _ => path.with_extension(""),
        }
    }
}

fn module_names(code: &str) -> Vec<String> {
    let declared = code.lines().filter_map(|line| line.trim().strip_suffix(';'));
    declared.filter_map(|line| line.rsplit_once("mod ")).map(|(_, name)| name.to_owned()).collect()
}

/// The first names of a path or of a group of paths.
fn heads(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()];
    };
    let mut names = vec![String::new()];
    let mut depth = 0;
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            c => names.last_mut().unwrap().push(c),
        }
    }
    let head = |path: String| path.trim().split("::").next().unwrap_or_default().to_owned();
    names.into_iter().map(head).collect()
}

fn last_identifier(text: &str) -> &str {
    let start = text
        .rfind(|c: char| !c.is_alphanumeric() && c != '_')
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    &text[start..]
}

/// How long a text that begins with a brace is up to the brace that closes it.
fn block_length(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Blanks out every item under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    for mark in ["#[cfg(test)]", "#[cfg(all(test"] {
        while let Some(start) = out.find(mark) {
            let rest = &out[start..];
            let end = match rest.find(['{', ';']) {
                Some(at) if rest[at..].starts_with('{') => at + block_length(&rest[at..]),
                Some(at) => at + 1,
                None => rest.len(),
            };
            let blanked: String = rest[..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            out.replace_range(start..start + end, &blanked);
        }
    }
    out
}

/// Blanks out comments, strings and characters. Every character stays one character, newlines stay.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = at + opaque_length(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// How many characters from `at` on are a comment or a literal; 0 where none begins.
fn opaque_length(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let word_before = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match rest {
        ['/', '/', ..] => rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => length_until(rest, 2, &['*', '/']),
        ['"', ..] => string_length(rest),
        ['r', '"' | '#', ..] if !word_before || matches!(chars[at - 1], 'b' | 'c') => raw_string_length(rest),
        ['\'', '\\', ..] => 3 + rest[3..].iter().position(|&c| c == '\'').map_or(0, |end| end + 1),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

fn string_length(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string_length(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let mut end = vec!['"'];
    end.extend(std::iter::repeat_n('#', hashes));
    length_until(rest, 2 + hashes, &end)
}

fn length_until(rest: &[char], from: usize, end: &[char]) -> usize {
    let found = rest[from.min(rest.len())..].windows(end.len()).position(|window| window == end);
    found.map_or(rest.len(), |at| from + at + end.len())
}

fn source(path: &str, text: &str) -> Source {
    let code = blank(text);
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
        product: without_tests(&code),
        code,
        is_test: false,
    }
}

#[test]
fn comments_strings_and_characters_are_no_code() {
    let text = "a /* comment */ \"c\" 'd' '\\'' r#\"e\"# r\"f\" // g\nfor<'h> 'i: loop {}";
    let code = blank(text);
    let words: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(words, ["a", "for<'h>", "'i:", "loop", "{}"]);
}

#[test]
fn rooms_are_seen_through_groups_and_through_super_and_not_in_tests() {
    let text = "use crate::{types::{Price, Qty}, wire};\nuse super::super::ring::x;\nuse super::local;\n\
                #[cfg(test)]\nmod tests {\n    use crate::client::Bot;\n}\nfn f() { crate::sys::clock() }";
    let named = source("src/verify/key.rs", text).rooms_named();
    let names: Vec<(usize, &str)> = named.iter().map(|(line, name)| (*line, name.as_str())).collect();
    assert_eq!(names, [(1, "types"), (1, "wire"), (8, "sys"), (2, "ring")]);
}

#[test]
fn functions_are_measured_from_their_name_to_their_brace() {
    let text = "trait T { fn declared(); }\nfn short() {}\nfn long(\n) {\n    let s = \"}\";\n}\n";
    let functions = source("src/x.rs", text).functions();
    assert_eq!(functions, [("short".to_owned(), 2, 1), ("long".to_owned(), 3, 4)]);
}
