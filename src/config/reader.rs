//! Sections and keys of a TOML text, read by their schema, each knowing its line.
//!
//! ```text
//! text ──toml──► Section ──get("key")──► Entry ──duration()──► Span
//!                   │                      │
//!                   └── unknown key        └── wrong type, outside the bounds, or refuse("…") by what it means
//!                         └───────────┬──────────────┘
//!                        ConfigError: file, line, key, problem, what is allowed
//! ```
//!
//! A section or key that the schema does not have is a bug of ours and panics; whatever stands in the file is
//! answered with a [`ConfigError`].

use super::schema::{self, Absent, Kind};
use super::units;
use crate::types::{Decimal, Scale, Span};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why a configuration was refused: `sealgate.toml:12: tls.key: no such file; allowed: a readable PEM file`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}; allowed: {allowed}")]
pub struct ConfigError {
    /// File, line and key, as far as they are known.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
    /// What may stand there.
    pub allowed: String,
}

/// Where something stands in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position(usize);

/// The file that is read.
pub(super) struct File<'t> {
    pub(super) path: &'t Path,
    pub(super) text: &'t str,
}

/// A section of the file.
#[derive(Clone, Copy)]
pub(super) struct Section<'t> {
    file: &'t File<'t>,
    schema: &'static schema::Section,
    table: &'t DeTable<'t>,
    at: usize,
}

#[cfg(test)]
thread_local! {
    /// How often the lines of a file were counted.
    pub(super) static LINES_COUNTED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// A value of the file, or the default in its place.
pub(super) struct Entry<'t> {
    file: &'t File<'t>,
    name: String,
    kind: Kind,
    value: DeValue<'t>,
    at: usize,
}

impl File<'_> {
    fn error(
        &self,
        at: usize,
        key: &str,
        problem: impl Into<String>,
        allowed: impl Into<String>,
    ) -> ConfigError {
        let line = self.line(at);
        ConfigError {
            place: format!("{}:{line}: {key}", self.path.display()),
            problem: problem.into(),
            allowed: allowed.into(),
        }
    }

    /// Counts from the beginning of the file: for refusals, of which there is one.
    fn line(&self, at: usize) -> usize {
        #[cfg(test)]
        LINES_COUNTED.set(LINES_COUNTED.get() + 1);
        1 + self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|&&b| b == b'\n').count()
    }

    /// A path that stands in the file: relative to the file's own folder.
    fn resolve(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    /// The refusal of a text that is not TOML at all.
    pub(super) fn not_toml(&self, error: &toml::de::Error) -> ConfigError {
        let at = error.span().map_or(0, |span| span.start);
        self.error(
            at,
            "syntax",
            error.message().replace('\n', " "),
            "TOML: key = value, [section], [[section]]",
        )
    }
}

impl<'t> Section<'t> {
    /// The top of the file.
    pub(super) fn top(file: &'t File<'t>, table: &'t DeTable<'t>) -> Result<Self, ConfigError> {
        Self::checked(file, known(""), table, 0)
    }

    fn checked(
        file: &'t File<'t>,
        schema: &'static schema::Section,
        table: &'t DeTable<'t>,
        at: usize,
    ) -> Result<Self, ConfigError> {
        let section = Self { file, schema, table, at };
        let unknown = table.keys().filter(|key| !section.allows(key.get_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            None => Ok(section),
            Some(key) => Err(file.error(
                key.span().start,
                &schema.path(key.get_ref()),
                format!("no such key in {}", schema.header()),
                section.allowed_names(),
            )),
        }
    }

    /// A table that stands apart from any file, read as the section of this name.
    pub(super) fn alone(file: &'t File<'t>, name: &str, table: &'t DeTable<'t>) -> Result<Self, ConfigError> {
        Self::checked(file, known(name), table, 0)
    }

    /// The keys that stand here, each with its value as it is written.
    pub(super) fn given(&self) -> std::collections::BTreeMap<String, String> {
        let text =
            |value: &Spanned<DeValue<'t>>| self.file.text.get(value.span()).unwrap_or_default().to_owned();
        let own = |name: &str| self.schema.keys.iter().any(|key| key.name == name);
        let keys = self.table.iter().filter(|(key, _)| own(key.get_ref()));
        keys.map(|(key, value)| (key.get_ref().to_string(), text(value))).collect()
    }

    fn inner_sections(&self) -> impl Iterator<Item = &'static schema::Section> + use<'t> {
        let outer = self.schema.name;
        schema::SECTIONS.iter().filter(move |section| match section.name.rsplit_once('.') {
            Some((parent, _)) => parent == outer,
            None => outer.is_empty() && !section.name.is_empty(),
        })
    }

    fn allows(&self, name: &str) -> bool {
        let path = self.schema.path(name);
        self.schema.keys.iter().any(|key| key.name == name) || self.inner_sections().any(|s| s.name == path)
    }

    fn allowed_names(&self) -> String {
        let keys = self.schema.keys.iter().map(|key| key.name.to_owned());
        keys.chain(self.inner_sections().map(schema::Section::header)).collect::<Vec<_>>().join(", ")
    }

    /// The value of a key that stands there or has a default.
    pub(super) fn get(&self, name: &'static str) -> Result<Entry<'t>, ConfigError> {
        let key = self.key(name);
        if let Some(entry) = self.find(name)? {
            return Ok(entry);
        }
        let missing =
            || self.file.error(self.at, &self.schema.path(name), "it is missing", key.kind.to_string());
        let Absent::Default(text) = key.absent else { return Err(missing()) };
        let value = DeValue::parse(text).map_err(|_| missing())?.into_inner();
        Ok(self.entry(key, value, self.at))
    }

    /// The value of a key, if it stands there.
    pub(super) fn find(&self, name: &'static str) -> Result<Option<Entry<'t>>, ConfigError> {
        let key = self.key(name);
        let value = self.table.get(name);
        Ok(value.map(|value| self.entry(key, value.get_ref().clone(), value.span().start)))
    }

    fn key(&self, name: &str) -> &'static schema::Key {
        let key = self.schema.keys.iter().find(|key| key.name == name);
        key.unwrap_or_else(|| panic!("the schema has no key {}", self.schema.path(name)))
    }

    fn entry(&self, key: &schema::Key, value: DeValue<'t>, at: usize) -> Entry<'t> {
        Entry { file: self.file, name: self.schema.path(key.name), kind: key.kind, value, at }
    }

    /// A `[section]`; `None` where it is not there.
    pub(super) fn section(&self, name: &str) -> Result<Option<Self>, ConfigError> {
        let schema = known(&self.schema.path(name));
        let Some(value) = self.table.get(name) else { return Ok(None) };
        self.inner(schema, value).map(Some)
    }

    /// A `[section]` that must be there.
    pub(super) fn required_section(&self, name: &str) -> Result<Self, ConfigError> {
        let header = known(&self.schema.path(name)).header();
        self.section(name)?.ok_or_else(|| self.file.error(self.at, name, "the section is missing", header))
    }

    /// All `[[section]]`s of a name, in the order of the file.
    pub(super) fn sections(&self, name: &str) -> Result<Vec<Self>, ConfigError> {
        let schema = known(&self.schema.path(name));
        let Some(value) = self.table.get(name) else { return Ok(Vec::new()) };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| self.inner(schema, item)).collect(),
            other => Err(self.not_a_section(schema, value.span().start, other)),
        }
    }

    fn inner(
        &self,
        schema: &'static schema::Section,
        value: &'t Spanned<DeValue<'t>>,
    ) -> Result<Self, ConfigError> {
        match value.get_ref() {
            DeValue::Table(table) => Self::checked(self.file, schema, table, value.span().start),
            other => Err(self.not_a_section(schema, value.span().start, other)),
        }
    }

    fn not_a_section(&self, schema: &schema::Section, at: usize, value: &DeValue<'_>) -> ConfigError {
        self.file.error(at, schema.name, format!("{} stands there", indefinite(value)), schema.header())
    }

    /// A refusal of something in this section that is not there.
    pub(super) fn refuse_at(
        &self,
        name: &str,
        problem: impl Into<String>,
        allowed: impl Into<String>,
    ) -> ConfigError {
        self.file.error(self.at, &self.schema.path(name), problem, allowed)
    }

    /// A refusal of the section as a whole.
    pub(super) fn refuse(&self, problem: impl Into<String>, allowed: impl Into<String>) -> ConfigError {
        self.file.error(self.at, self.schema.name, problem, allowed)
    }
}

impl<'t> Entry<'t> {
    /// The refusal of this value; what is allowed follows from the schema.
    pub(super) fn refuse(&self, problem: impl Into<String>) -> ConfigError {
        self.file.error(self.at, &self.name, problem, self.kind.to_string())
    }

    /// The refusal of this value where what is allowed follows from other values.
    pub(super) fn refuse_but(&self, problem: impl Into<String>, allowed: impl Into<String>) -> ConfigError {
        self.file.error(self.at, &self.name, problem, allowed)
    }

    /// Where it stands.
    pub(super) fn position(&self) -> Position {
        Position(self.at)
    }

    /// On which line something of the same file stands.
    pub(super) fn line_of(&self, position: Position) -> usize {
        self.file.line(position.0)
    }

    /// A string.
    pub(super) fn text(&self) -> Result<&str, ConfigError> {
        self.value.as_str().ok_or_else(|| self.refuse(format!("{} stands there", indefinite(&self.value))))
    }

    /// A name that may stand in a signed request.
    pub(super) fn name(&self) -> Result<String, ConfigError> {
        let Kind::Name(max) = self.kind else { unreachable!("{} is no name", self.name) };
        let text = self.text()?;
        let fits = (1..=max).contains(&text.len()) && crate::types::ids::is_signable(text.as_bytes());
        if fits { Ok(text.to_owned()) } else { Err(self.refuse(quoted(text))) }
    }

    /// A whole number.
    pub(super) fn integer<N: TryFrom<u64>>(&self) -> Result<N, ConfigError> {
        let Kind::Integer(min, max) = self.kind else { unreachable!("{} is no integer", self.name) };
        let Some(integer) = self.value.as_integer() else {
            return Err(self.refuse(format!("{} stands there", indefinite(&self.value))));
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|n| (min..=max).contains(n)).and_then(|n| N::try_from(n).ok());
        number.ok_or_else(|| self.refuse(integer.as_str()))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Result<bool, ConfigError> {
        self.value.as_bool().ok_or_else(|| self.refuse(format!("{} stands there", indefinite(&self.value))))
    }

    /// A length of time.
    pub(super) fn duration(&self) -> Result<Span, ConfigError> {
        let Kind::Duration(min, max) = self.kind else { unreachable!("{} is no duration", self.name) };
        let span = units::duration(self.text()?).filter(|span| (min..=max).contains(span));
        span.ok_or_else(|| self.refuse(self.shown()))
    }

    /// A number of bytes.
    pub(super) fn size(&self) -> Result<u64, ConfigError> {
        let Kind::Size(min, max) = self.kind else { unreachable!("{} is no size", self.name) };
        let size = units::size(self.text()?).filter(|size| (min..=max).contains(size));
        size.ok_or_else(|| self.refuse(self.shown()))
    }

    /// A share in hundredths of a percent.
    pub(super) fn percent(&self) -> Result<u32, ConfigError> {
        units::percent(self.text()?).ok_or_else(|| self.refuse(self.shown()))
    }

    /// How many, in which window.
    pub(super) fn rate(&self) -> Result<(u32, Span), ConfigError> {
        let allowed = |&(count, window): &(u32, Span)| {
            (1..=schema::RATE_COUNT_MAX).contains(&count)
                && (Span::from_millis(1)..=schema::RATE_WINDOW_MAX).contains(&window)
        };
        units::rate(self.text()?).filter(allowed).ok_or_else(|| self.refuse(self.shown()))
    }

    /// A positive amount in units of a scale.
    pub(super) fn amount(&self, scale: Scale) -> Result<i64, ConfigError> {
        let amount = Decimal::parse(self.text()?.as_bytes()).and_then(|decimal| decimal.at_scale(scale));
        match amount {
            Ok(units) if units > 0 => Ok(units),
            Ok(_) => Err(self.refuse(self.shown())),
            Err(error) => Err(self.refuse(format!("{}: {error}", self.shown()))),
        }
    }

    /// An address with a port.
    pub(super) fn address(&self) -> Result<SocketAddr, ConfigError> {
        self.text()?.parse().map_err(|_| self.refuse(self.shown()))
    }

    /// A path; relative ones are relative to the file.
    pub(super) fn path(&self) -> Result<PathBuf, ConfigError> {
        Ok(self.file.resolve(self.text()?))
    }

    /// The path of a file that can be read.
    pub(super) fn readable_file(&self) -> Result<PathBuf, ConfigError> {
        let path = self.path()?;
        match std::fs::File::open(&path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_file() => Ok(path),
            Ok(_) => Err(self.refuse(format!("{} is no file", self.shown()))),
            Err(error) => Err(self.refuse(format!("{}: {}", self.shown(), reason(&error)))),
        }
    }

    /// One of the words of the schema.
    pub(super) fn choice(&self) -> Result<&'static str, ConfigError> {
        let Kind::Choice(words) = self.kind else { unreachable!("{} is no choice", self.name) };
        let text = self.text()?;
        words.iter().find(|&&word| word == text).copied().ok_or_else(|| self.refuse(self.shown()))
    }

    /// The entries of a list.
    pub(super) fn list(&self) -> Result<Vec<Self>, ConfigError> {
        let Some(items) = self.value.as_array() else {
            return Err(self.refuse(format!("{} stands there", indefinite(&self.value))));
        };
        // No list has a default with something in it, so each item stands in the file.
        let item = |item: &Spanned<DeValue<'t>>| Self {
            file: self.file,
            name: self.name.clone(),
            kind: self.kind,
            value: item.get_ref().clone(),
            at: item.span().start,
        };
        Ok(items.iter().map(item).collect())
    }

    /// The string as it stands there.
    pub(super) fn shown(&self) -> String {
        quoted(self.value.as_str().unwrap_or_default())
    }
}

/// What the system said of a file, without its number.
pub(super) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        _ => error.to_string(),
    }
}

fn known(name: &str) -> &'static schema::Section {
    schema::Section::named(name).unwrap_or_else(|| panic!("the schema has no section {name}"))
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn indefinite(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}
