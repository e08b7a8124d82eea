//! What is said over the control socket: one JSON object a line, one answer a line, in the order of the requests.
//!
//! ```text
//!   {"do":"session.list"}                                   ─► {"ok":{"sessions":[…]}}
//!   {"do":"session.set","session":"9","keys":{}}            ─► {"error":{"name":"UnknownSession","message":"…"}}
//! ```
//!
//! New requests come as new names under `do`, new parameters as fields that may be left out: `hello` tells which names
//! a server knows.

use crate::config::{ConfigError, SessionKeys, text_value};
use crate::seal::KeyError;
use crate::sys::file::FileError;
use crate::types::ShardId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The version of the protocol, raised when something that was said means something else.
pub const VERSION: u32 = 1;

/// The names under `do`.
pub const NAMES: [&str; 10] = [
    "hello",
    "stats",
    "session.list",
    "session.add",
    "session.set",
    "session.remove",
    "key.rotate-master",
    "kill.engage",
    "kill.release",
    "kill.list",
];

/// A request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", deny_unknown_fields)]
pub enum Request {
    /// Tells who answers, and what can be asked.
    #[serde(rename = "hello")]
    Hello,
    /// Tells what the server measures of itself.
    #[serde(rename = "stats")]
    Stats,
    /// Tells all FIX sessions.
    #[serde(rename = "session.list")]
    List,
    /// Adds a FIX session.
    #[serde(rename = "session.add")]
    Add {
        /// The name of its member.
        member: String,
        /// The keys of `[[member.fix_session]]`; without `id` it gets the next number that was never used.
        keys: BTreeMap<String, Value>,
    },
    /// Changes a FIX session.
    #[serde(rename = "session.set")]
    Set {
        /// Its number or SenderCompID.
        session: String,
        /// The keys to change.
        #[serde(default)]
        keys: BTreeMap<String, Value>,
        /// Both sequences start at 1 again.
        #[serde(default)]
        reset: bool,
        /// The number expected of the client next.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_in: Option<u32>,
        /// The number of our next message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_out: Option<u32>,
    },
    /// Logs a FIX session out and removes it.
    #[serde(rename = "session.remove")]
    Remove {
        /// Its number or SenderCompID.
        session: String,
        /// Text(58) of its Logout.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Makes a new master key, and wraps the keys of all that is sealed with it.
    #[serde(rename = "key.rotate-master")]
    RotateMaster,
    /// Lets an account enter nothing more, or lets nothing more be entered in an instrument.
    #[serde(rename = "kill.engage")]
    KillEngage {
        /// Which.
        target: KillName,
        /// Its open orders are canceled, too.
        #[serde(default)]
        cancel: bool,
    },
    /// Takes that back.
    #[serde(rename = "kill.release")]
    KillRelease {
        /// Which.
        target: KillName,
    },
    /// Tells the kill switches that are engaged.
    #[serde(rename = "kill.list")]
    KillList,
}

/// What a kill switch is for, by the name that it has in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KillName {
    /// The name of an account.
    Account(String),
    /// The symbol of an instrument.
    Instrument(String),
}

impl fmt::Display for KillName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) => write!(f, "account {name}"),
            Self::Instrument(symbol) => write!(f, "instrument {symbol}"),
        }
    }
}

/// Why a request was refused or failed. The name is for programs.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It is no request.
    #[error("{0}")]
    BadRequest(String),
    /// There is no such member.
    #[error("there is no member {0:?}; members stand in the configuration")]
    UnknownMember(String),
    /// There is no such session.
    #[error("there is no FIX session {0:?}; name it by its number or its SenderCompID")]
    UnknownSession(String),
    /// Several sessions have this SenderCompID.
    #[error("several FIX sessions have the SenderCompID {0:?}; name one by its number")]
    AmbiguousSession(String),
    /// A key that is not known, or with a value that it cannot have.
    #[error("{0}")]
    KeyRefused(ConfigError),
    /// The number is another session's, or was.
    #[error("id {0} is or was that of {1}; numbers are given once")]
    IdTaken(u16, String),
    /// Another session has these CompIDs.
    #[error("SenderCompID {0} with TargetCompID {1} is session {2}")]
    CompIdTaken(String, String, u16),
    /// There is nothing to change.
    #[error("nothing to change: give keys, or numbers")]
    NothingToDo,
    /// The client is connected.
    #[error("session {0} is connected: set enabled=false, then its numbers, then enabled=true")]
    Connected(u16),
    /// A number that was used cannot be given again.
    #[error("numbers below {0} were used and are given to nothing else; reset to begin at 1")]
    NumberUsed(u32),
    /// It is not on the disk, so nothing was changed.
    #[error("{0}; nothing was changed")]
    NotSaved(FileError),
    /// It cannot be sealed, so nothing was changed.
    #[error("{0}; nothing was changed")]
    NotSealed(KeyError),
    /// The master key was not changed, or not everywhere: everything opens as before.
    #[error("{0}; everything can still be opened: mend the cause and do it again")]
    NotRotated(String),
    /// A gateway did not answer in time.
    #[error(
        "gateway-{0} did not answer in time; what was to be saved is saved, and holds after a restart at the latest"
    )]
    NoAnswer(usize),
    /// There is no such account.
    #[error("there is no account {0:?}; accounts stand in the configuration")]
    UnknownAccount(String),
    /// There is no such instrument.
    #[error("there is no instrument {0:?}; instruments stand in the configuration")]
    UnknownInstrument(String),
    /// There is nothing to release.
    #[error("the kill switch of {0} is not engaged")]
    NotEngaged(String),
    /// Shards did not answer in time.
    #[error("{} did not answer in time, and may still do it; every other shard has: ask again, or `sealgate kill list`", names(.0))]
    ShardsSilent(Vec<ShardId>),
}

fn names(shards: &[ShardId]) -> String {
    shards.iter().map(|shard| format!("shard-{shard}")).collect::<Vec<_>>().join(", ")
}

/// An answer, as a client reads it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Answer {
    /// It was done.
    Ok(Value),
    /// It was refused, or failed.
    Error(Refusal),
}

/// What a refusal tells.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// For programs.
    pub name: String,
    /// For people.
    pub message: String,
}

impl Failure {
    /// The name of the refusal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "BadRequest",
            Self::UnknownMember(_) => "UnknownMember",
            Self::UnknownSession(_) => "UnknownSession",
            Self::AmbiguousSession(_) => "AmbiguousSession",
            Self::KeyRefused(_) => "KeyRefused",
            Self::IdTaken(..) => "IdTaken",
            Self::CompIdTaken(..) => "CompIdTaken",
            Self::NothingToDo => "NothingToDo",
            Self::Connected(_) => "Connected",
            Self::NumberUsed(_) => "NumberUsed",
            Self::NotSaved(_) => "NotSaved",
            Self::NotSealed(_) => "NotSealed",
            Self::NotRotated(_) => "NotRotated",
            Self::NoAnswer(_) | Self::ShardsSilent(_) => "NoAnswer",
            Self::UnknownAccount(_) => "UnknownAccount",
            Self::UnknownInstrument(_) => "UnknownInstrument",
            Self::NotEngaged(_) => "NotEngaged",
        }
    }
}

/// The line of an answer.
pub fn line(answer: &Result<Value, Failure>) -> String {
    let value = match answer {
        Ok(value) => serde_json::json!({ "ok": value }),
        Err(failure) => {
            serde_json::json!({ "error": { "name": failure.name(), "message": failure.to_string() } })
        }
    };
    format!("{value}\n")
}

/// Reads the line of a request.
pub fn parse(line: &[u8]) -> Result<Request, Failure> {
    serde_json::from_slice(line).map_err(|error| Failure::BadRequest(error.to_string()))
}

/// Keys as the configuration would have them.
pub fn session_keys(keys: &BTreeMap<String, Value>) -> Result<SessionKeys, Failure> {
    keys.iter().map(|(key, value)| Ok((key.clone(), toml_value(key, value)?))).collect()
}

fn toml_value(key: &str, value: &Value) -> Result<String, Failure> {
    match value {
        Value::String(text) => Ok(text_value(text)),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) if number.is_u64() => Ok(number.to_string()),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| toml_value(key, item)).collect();
            Ok(format!("[{}]", items?.join(", ")))
        }
        _ => Err(Failure::KeyRefused(ConfigError {
            place: key.to_owned(),
            problem: value.to_string(),
            allowed: "a string, a whole number, true or false, or a list of strings".to_owned(),
        })),
    }
}

/// What is asked for, for the log of security events.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write_keys = |f: &mut fmt::Formatter<'_>, keys: &BTreeMap<String, Value>| {
            // What guards a secret is no better off in a log than the secret.
            keys.iter().try_for_each(|(key, value)| match key.starts_with("password") {
                true => write!(f, " {key}=…"),
                false => write!(f, " {key}={value}"),
            })
        };
        match self {
            Self::Hello => f.write_str("hello"),
            Self::Stats => f.write_str("stats"),
            Self::List => f.write_str("session.list"),
            Self::Add { member, keys } => {
                write!(f, "session.add {member}")?;
                write_keys(f, keys)
            }
            Self::Set { session, keys, reset, next_in, next_out } => {
                write!(f, "session.set {session}")?;
                write_keys(f, keys)?;
                if *reset {
                    f.write_str(" reset")?;
                }
                next_in.map_or(Ok(()), |number| write!(f, " next_in={number}"))?;
                next_out.map_or(Ok(()), |number| write!(f, " next_out={number}"))
            }
            Self::RotateMaster => f.write_str("key.rotate-master"),
            Self::KillEngage { target, cancel } => {
                write!(f, "kill.engage {target}{}", if *cancel { " cancel" } else { "" })
            }
            Self::KillRelease { target } => write!(f, "kill.release {target}"),
            Self::KillList => f.write_str("kill.list"),
            Self::Remove { session, .. } => write!(f, "session.remove {session}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> String {
        match parse(line.as_bytes()) {
            Err(failure) => failure.name().to_owned(),
            Ok(request) => panic!("{request:?}"),
        }
    }

    #[test]
    fn a_request_reads_as_it_was_written() {
        let keys = BTreeMap::from([("enabled".to_owned(), Value::Bool(false))]);
        let set =
            Request::Set { session: "3".to_owned(), keys, reset: false, next_in: None, next_out: Some(7) };
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(parse(text.as_bytes()).unwrap(), set);
        assert_eq!(set.to_string(), "session.set 3 enabled=false next_out=7");
        assert_eq!(parse(br#"{"do":"hello"}"#).unwrap(), Request::Hello);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for line in [
            "",
            "{}",
            "[]",
            "{\"do\":\"shutdown\"}",
            "{\"do\":\"session.set\",\"session\":\"3\",\"keys\":{},\"nmber\":1}",
            "{\"do\":\"session.set\",\"session\":\"3\",\"next_in\":-1}",
            "{\"do\":\"session.remove\"}",
        ] {
            assert_eq!(refused(line), "BadRequest", "{line}");
        }
    }

    #[test]
    fn a_value_becomes_one_of_the_configuration_or_is_refused_by_its_key() {
        let of = |value: Value| toml_value("k", &value);
        assert_eq!(of("5s".into()).unwrap(), "\"5s\"");
        assert_eq!(of(serde_json::json!(["A", "B"])).unwrap(), "[\"A\", \"B\"]");
        let table: toml::Table = format!(
            "k = {}",
            of("a\"
b = 1"
                .into())
            .unwrap()
        )
        .parse()
        .unwrap();
        assert_eq!(
            table,
            toml::Table::from_iter([(
                "k".to_owned(),
                "a\"
b = 1"
                    .into()
            )])
        );
        for wrong in [Value::Null, serde_json::json!(1.5), serde_json::json!({}), serde_json::json!([1])] {
            assert_eq!(of(wrong).unwrap_err().name(), "KeyRefused");
        }
    }
}
