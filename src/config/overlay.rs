//! What was changed about FIX sessions while the server ran: kept beside the configuration, applied after it.
//!
//! ```text
//!   sealgate.toml ──► Directory ──┐
//!                                 ├──► apply ──► the Directory that holds, and what to tell the operator
//!   sessions.toml ──► Overlay ────┘
//! ```
//!
//! A change is kept as the keys that were given, and goes through the reader of the configuration together with the
//! keys of the file: what the file may not say, a change may not say either, and it is refused in the same words.

use super::reader::{ConfigError, File, Section};
use super::{Directory, FixSession, Member, members};
use crate::types::SessionId;
use std::collections::BTreeMap;
use std::path::Path;
use toml::de::DeTable;

/// The name of the file, in the data folder.
pub const FILE: &str = "sessions.toml";

/// Keys of a FIX session, each with its value as TOML has it.
pub type SessionKeys = BTreeMap<String, String>;

/// Keys that make a session what it is: with others it would be another one.
const IDENTITY: [&str; 5] = ["id", "sender_comp_id", "target_comp_id", "version", "role"];

const HEAD: &str = "\
# FIX sessions as they were changed while the server ran, by `sealgate session`. The server writes this file and reads
# it at its start, after the configuration. It may be edited while the server is stopped; a session without its entry
# here is as the configuration has it. Numbers of removed sessions stay here, so that none is given out again.
";

/// What was changed about one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The name of the member that it belongs to.
    pub member: String,
    /// It was added at run time; if not, it stands in the configuration.
    pub added: bool,
    /// It was removed.
    pub removed: bool,
    /// The keys that were given at run time: all of them where it was added.
    pub keys: SessionKeys,
}

/// All changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay(pub BTreeMap<SessionId, Change>);

/// A directory with its changes.
#[derive(Clone, Debug)]
pub struct Applied {
    /// What holds.
    pub directory: Directory,
    /// What the operator is told at the start, a line each.
    pub notes: Vec<String>,
}

impl Overlay {
    /// Reads the file; `path` is for messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let wrong = |problem: String| ConfigError {
            place: path.display().to_string(),
            problem,
            allowed: "what the server wrote there".to_owned(),
        };
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
        let mut changes = BTreeMap::new();
        let entries = table.get("session").and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
        for entry in entries {
            let text = |name: &str| entry.get(name).and_then(toml::Value::as_str).map(str::to_owned);
            let flag = |name: &str| entry.get(name).and_then(toml::Value::as_bool);
            let id = entry.get("id").and_then(toml::Value::as_integer).and_then(|id| u16::try_from(id).ok());
            let keys = entry.get("keys").and_then(toml::Value::as_table);
            let (Some(id), Some(member), Some(added), Some(removed), Some(keys)) =
                (id, text("member"), flag("added"), flag("removed"), keys)
            else {
                return Err(wrong("a [[session]] lacks id, member, added, removed or keys".to_owned()));
            };
            let keys = keys.iter().map(|(key, value)| (key.clone(), value.to_string())).collect();
            if changes.insert(SessionId(id), Change { member, added, removed, keys }).is_some() {
                return Err(wrong(format!("session {id} stands there twice")));
            }
        }
        Ok(Self(changes))
    }

    /// The file.
    pub fn text(&self) -> String {
        let mut out = HEAD.to_owned();
        for (id, change) in &self.0 {
            let Change { member, added, removed, .. } = change;
            let member = text_value(member);
            out += &format!(
                "\n[[session]]\nid = {id}\nmember = {member}\nadded = {added}\nremoved = {removed}\n"
            );
            out += "[session.keys]\n";
            out += &lines(&change.keys);
        }
        out
    }

    /// The directory of the configuration with the changes; `path` is for messages.
    pub fn apply(&self, base: &Directory, path: &Path) -> Result<Applied, ConfigError> {
        let mut sessions: BTreeMap<_, _> = base.sessions().iter().map(|s| (s.id, s.clone())).collect();
        let mut notes = Vec::new();
        for (id, change) in &self.0 {
            let at_session = |error: ConfigError| ConfigError {
                place: format!("{}: session {id}: {}", path.display(), error.place),
                ..error
            };
            match change.apply(base, sessions.get(id)).map_err(at_session)? {
                Outcome::Holds(session, note) => {
                    notes.push(format!("session {id} ({}): {note}", session.sender_comp_id));
                    sessions.insert(*id, *session);
                }
                Outcome::Gone(note) => {
                    notes.extend(note.map(|note| format!("session {id}: {note}")));
                    sessions.remove(id);
                }
            }
        }
        let directory =
            base.with_sessions(sessions.into_values().collect()).map_err(|error| ConfigError {
                place: path.display().to_string(),
                problem: error.to_string(),
                allowed: "CompIDs that stand once in the configuration and here".to_owned(),
            })?;
        Ok(Applied { directory, notes })
    }
}

/// What becomes of a session.
enum Outcome {
    Holds(Box<FixSession>, String),
    Gone(Option<String>),
}

impl Change {
    fn apply(&self, base: &Directory, file: Option<&FixSession>) -> Result<Outcome, ConfigError> {
        let Some(file) = file else { return self.apply_alone(base) };
        let owner = base.member(file.member).map_or("", |member| member.name.as_str());
        let differs =
            |key: &&str| self.keys.get(*key).is_some_and(|value| file.given.get(*key) != Some(value));
        if owner != self.member || IDENTITY.iter().any(differs) {
            return Err(ConfigError {
                place: "id".to_owned(),
                problem: "it is another session in the configuration".to_owned(),
                allowed: "the same member and CompIDs, or another id in the configuration".to_owned(),
            });
        }
        if self.removed {
            return Ok(Outcome::Gone(Some("removed at run time; the configuration still has it".to_owned())));
        }
        let changed = self.keys.keys().filter(|key| !IDENTITY.contains(&key.as_str()));
        let names: Vec<_> = changed.map(String::as_str).collect();
        let note = format!("changed at run time: {}", names.join(", "));
        merged(base, file, &self.keys).map(|session| Outcome::Holds(Box::new(session), note))
    }

    fn apply_alone(&self, base: &Directory) -> Result<Outcome, ConfigError> {
        if self.removed {
            return Ok(Outcome::Gone(None));
        }
        if !self.added {
            let note = "was changed at run time, but the configuration has it no more";
            return Ok(Outcome::Gone(Some(note.to_owned())));
        }
        let Some(member) = base.member_by_name(&self.member) else {
            let note = format!("left out: the configuration has no member {}", self.member);
            return Ok(Outcome::Gone(Some(note)));
        };
        let session = new_session(base, member, &self.keys)?;
        Ok(Outcome::Holds(Box::new(session), format!("added at run time for {}", self.member)))
    }
}

/// Refuses keys that hold from a start to the next one.
pub fn check_keys(keys: &SessionKeys) -> Result<(), ConfigError> {
    match keys.contains_key("gateway") {
        true => Err(ConfigError {
            place: "gateway".to_owned(),
            problem: "a session stays on its gateway while the server runs".to_owned(),
            allowed: "the configuration, and a restart".to_owned(),
        }),
        false => Ok(()),
    }
}

/// A session that is given by its keys. Whether its number and CompIDs are free is for [`Directory::new`].
pub fn new_session(
    directory: &Directory,
    member: &Member,
    keys: &SessionKeys,
) -> Result<FixSession, ConfigError> {
    if let Some(key) = keys.keys().find(|key| !is_plain(key)) {
        return Err(ConfigError {
            place: format!("{key:?}"),
            problem: "no such key in [[member.fix_session]]".to_owned(),
            allowed: "the keys of docs/configuration.md".to_owned(),
        });
    }
    let text = lines(keys);
    let file = File { path: Path::new("session"), text: &text };
    let read = || {
        let document = DeTable::parse(&text).map_err(|error| file.not_toml(&error))?;
        let section = Section::alone(&file, "member.fix_session", document.get_ref())?;
        members::fix_session(member.id, directory.accounts(), &section)
    };
    // There is no file with lines: the name of the key is all that tells.
    read().map_err(|error: ConfigError| ConfigError {
        place: error.place.rsplit([' ', '.']).next().unwrap_or_default().to_owned(),
        ..error
    })
}

/// A session with some keys changed; what makes it what it is stays.
pub fn change_session(
    directory: &Directory,
    session: &FixSession,
    keys: &SessionKeys,
) -> Result<FixSession, ConfigError> {
    if let Some(key) = IDENTITY.iter().find(|key| keys.contains_key(**key)) {
        return Err(ConfigError {
            place: (*key).to_owned(),
            problem: "it makes the session what it is".to_owned(),
            allowed: "another session, by `session add`".to_owned(),
        });
    }
    merged(directory, session, keys)
}

fn merged(
    directory: &Directory,
    session: &FixSession,
    keys: &SessionKeys,
) -> Result<FixSession, ConfigError> {
    let missing = || ConfigError {
        place: "member".to_owned(),
        problem: "it is not there".to_owned(),
        allowed: "a member of the configuration".to_owned(),
    };
    let member = directory.member(session.member).ok_or_else(missing)?;
    let mut all = session.given.clone();
    all.extend(keys.iter().map(|(key, value)| (key.clone(), value.clone())));
    new_session(directory, member, &all)
}

/// A string as TOML has it.
pub fn text_value(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Whether a key can be written without quotes, as all of ours can.
fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn lines(keys: &SessionKeys) -> String {
    keys.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fixture;

    fn keys(pairs: &[(&str, &str)]) -> SessionKeys {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn named(id: &str) -> SessionKeys {
        keys(&[("id", id), ("sender_comp_id", "\"OURS\""), ("target_comp_id", "\"VENUE\"")])
    }

    fn added(id: &str) -> Change {
        Change { member: "member-1".to_owned(), added: true, removed: false, keys: named(id) }
    }

    fn path() -> &'static Path {
        Path::new(FILE)
    }

    #[test]
    fn a_change_reads_back_as_it_was_written() {
        let mut change = added("3");
        change.keys.insert("heartbeat_max".to_owned(), "\"30s\"".to_owned());
        change.keys.insert("reset_allowed".to_owned(), "false".to_owned());
        let overlay = Overlay(BTreeMap::from([(SessionId(3), change)]));
        assert_eq!(Overlay::parse(&overlay.text(), path()), Ok(overlay));
        assert_eq!(Overlay::parse("", path()), Ok(Overlay::default()));
        assert!(Overlay::parse("[[session]]\nid = 3", path()).is_err());
    }

    #[test]
    fn changes_go_on_top_of_the_configuration() {
        let ours = fixture::directory();
        let overlay = Overlay(BTreeMap::from([(SessionId(3), added("3"))]));
        let Applied { directory, notes } = overlay.apply(&ours, path()).unwrap();
        assert_eq!(directory.session(SessionId(3)).unwrap().heartbeat_secs, (1, 60));
        assert_eq!(notes, ["session 3 (OURS): added at run time for member-1"]);

        // The operator has moved it into the configuration, with another heartbeat.
        let change = Change { keys: keys(&[("heartbeat_max", "\"30s\"")]), added: false, ..added("3") };
        let changed = Overlay(BTreeMap::from([(SessionId(3), change.clone())]));
        let Applied { directory: after, notes } = changed.apply(&directory, path()).unwrap();
        assert_eq!(after.session(SessionId(3)).unwrap().heartbeat_secs, (1, 30));
        assert_eq!(notes, ["session 3 (OURS): changed at run time: heartbeat_max"]);

        let removed = Overlay(BTreeMap::from([(SessionId(3), Change { removed: true, ..change })]));
        let gone = removed.apply(&directory, path()).unwrap();
        assert!(gone.directory.session(SessionId(3)).is_none() && gone.notes.len() == 1);
        let never_there = removed.apply(&ours, path()).unwrap();
        assert!(never_there.notes.is_empty(), "{:?}", never_there.notes);
    }

    #[test]
    fn a_change_that_means_another_session_is_refused() {
        let ours = fixture::directory();
        let overlay = Overlay(BTreeMap::from([(SessionId(3), added("3"))]));
        let base = overlay.apply(&ours, path()).unwrap().directory;
        let foreign = Change { member: "member-2".to_owned(), ..added("3") };
        let error = Overlay(BTreeMap::from([(SessionId(3), foreign)])).apply(&base, path()).unwrap_err();
        assert_eq!(error.place, "sessions.toml: session 3: id");
        let twin = Overlay(BTreeMap::from([(SessionId(4), added("4"))]));
        assert!(twin.apply(&base, path()).unwrap_err().problem.contains("twice"), "CompIDs are taken");
    }

    #[test]
    fn a_key_is_refused_by_its_name_whatever_it_is() {
        let ours = fixture::directory();
        let member = ours.member(fixture::OURS).unwrap();
        for (key, value, place) in [
            ("heartbeat_min", "\"1 day\"", "heartbeat_min"),
            ("heartbeat_min", "3", "heartbeat_min"),
            ("heart_beat", "3", "heart_beat"),
            ("x = 1\nid", "3", "\"x = 1\\nid\""),
        ] {
            let mut given = named("3");
            given.insert(key.to_owned(), value.to_owned());
            let error = new_session(&ours, member, &given).unwrap_err();
            assert_eq!(error.place, place, "{key}: {error}");
        }
        let session = new_session(&ours, member, &named("3")).unwrap();
        assert_eq!(change_session(&ours, &session, &keys(&[("id", "4")])).unwrap_err().place, "id");
        let quiet = change_session(&ours, &session, &keys(&[("enabled", "false")])).unwrap();
        assert!(!quiet.enabled && quiet.given.contains_key("enabled"));
    }
}
