//! `sealgate session`: the FIX sessions of a running server, over its control socket.
//!
//! ```text
//! arguments ─► Request ─► control.sock of the configuration ─► answer ─► a table, JSON, or why not
//! ```

use super::control::{self, Whose};
use super::problem;
use crate::admin::client::Control;
use crate::admin::protocol::Request;
use crate::config::schema::{Kind, Section};
use clap::Subcommand;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

/// Arguments of `sealgate session`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell how all FIX sessions are.
    List {
        /// As JSON, with all that is known.
        #[arg(long)]
        json: bool,
    },
    /// Add a FIX session of a member. KEYs are those of [[member.fix_session]] in the configuration.
    Add {
        /// The member's name in the configuration.
        member: String,
        /// Such as sender_comp_id=ALICE2 target_comp_id=SEALGATE heartbeat_max=30s. Without id: the next free number.
        #[arg(value_name = "KEY=VALUE", required = true)]
        keys: Vec<String>,
    },
    /// Change a FIX session; what holds for a Logon holds from the next one on.
    Set {
        /// Its number or SenderCompID.
        session: String,
        /// Such as enabled=false, which logs it out and refuses further Logons.
        #[arg(value_name = "KEY=VALUE")]
        keys: Vec<String>,
        /// Start both sequences at 1 again.
        #[arg(long)]
        reset: bool,
        /// Expect this MsgSeqNum of the client next.
        #[arg(long, value_name = "N")]
        next_in: Option<u32>,
        /// Use this MsgSeqNum next.
        #[arg(long, value_name = "N")]
        next_out: Option<u32>,
    },
    /// Log a FIX session out and remove it. Its orders stay; its number and CompIDs are given to no other.
    Remove {
        /// Its number or SenderCompID.
        session: String,
        /// Text of its Logout.
        #[arg(long)]
        text: Option<String>,
    },
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    let socket = match control::socket(args.whose) {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    let json = matches!(args.command, Command::List { json: true });
    let request = match request(args.command) {
        Ok(request) => request,
        Err(text) => return problem("session", text, "write KEY=VALUE"),
    };
    match Control::connect(&socket).and_then(|mut control| control.ask(&request)) {
        Ok(answer) => tell(&request, &answer, json),
        Err(error) => control::unanswered("session", &socket, error),
    }
}

fn request(command: Command) -> Result<Request, String> {
    Ok(match command {
        Command::List { .. } => Request::List,
        Command::Add { member, keys } => Request::Add { member, keys: pairs(&keys)? },
        Command::Set { session, keys, reset, next_in, next_out } => {
            Request::Set { session, keys: pairs(&keys)?, reset, next_in, next_out }
        }
        Command::Remove { session, text } => Request::Remove { session, text },
    })
}

fn pairs(texts: &[String]) -> Result<BTreeMap<String, Value>, String> {
    let mut pairs = BTreeMap::new();
    for text in texts {
        let (key, text) = text.split_once('=').ok_or_else(|| format!("{text:?} has no ="))?;
        if pairs.insert(key.to_owned(), value(key, text)).is_some() {
            return Err(format!("{key} stands there twice"));
        }
    }
    Ok(pairs)
}

/// A value of the kind that the key has; what is none is left as it is, and refused by the server in the words of
/// the configuration.
fn value(key: &str, text: &str) -> Value {
    let keys = Section::named("member.fix_session").map_or(&[][..], |section| section.keys);
    let kind = keys.iter().find(|known| known.name == key).map(|known| known.kind);
    let given = || Value::String(text.to_owned());
    match kind {
        Some(Kind::Integer(..)) => text.parse::<u64>().map_or_else(|_| given(), Value::from),
        Some(Kind::Boolean) => text.parse::<bool>().map_or_else(|_| given(), Value::from),
        Some(Kind::List(_)) => text.split(',').filter(|item| !item.is_empty()).collect(),
        _ => given(),
    }
}

fn tell(request: &Request, answer: &Value, json: bool) -> ExitCode {
    let text = match request {
        Request::List if !json => table(answer),
        _ => format!("{answer}\n"),
    };
    // Whoever closes the pipe has seen enough.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

const HEAD: [&str; 11] = [
    "ID",
    "MEMBER",
    "SENDER",
    "TARGET",
    "VERSION",
    "STATE",
    "SINCE",
    "NEXT IN",
    "NEXT OUT",
    "HEARTBEAT",
    "FROM",
];

fn table(answer: &Value) -> String {
    let mut rows: Vec<Vec<String>> = vec![HEAD.iter().map(|name| (*name).to_owned()).collect()];
    let sessions = answer["sessions"].as_array().map_or(&[][..], Vec::as_slice);
    rows.extend(sessions.iter().map(row));
    control::columns(&rows)
}

fn row(session: &Value) -> Vec<String> {
    let text = |name: &str| match &session[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let state = match session["enabled"].as_bool() {
        Some(false) => format!("{}, disabled", text("state")),
        _ => text("state"),
    };
    let heartbeat = match session["heartbeat_secs"].as_u64() {
        None | Some(0) => "-".to_owned(),
        Some(seconds) => format!("{seconds} s"),
    };
    let names = ["id", "member", "sender_comp_id", "target_comp_id", "version"];
    let mut row: Vec<String> = names.iter().map(|name| text(name)).collect();
    row.extend([state, text("since"), text("next_in"), text("next_out"), heartbeat, text("origin")]);
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_have_the_kind_of_their_key() {
        let given = ["id=3", "sender_comp_id=7", "enabled=false", "heartbeat_max=30s", "reset_allowed=maybe"];
        let pairs = pairs(&given.map(str::to_owned)).unwrap();
        let expected = json!({
            "id": 3, "sender_comp_id": "7", "enabled": false, "heartbeat_max": "30s", "reset_allowed": "maybe",
        });
        assert_eq!(json!(pairs), expected);
        assert!(super::pairs(&["id".to_owned()]).is_err());
        assert!(super::pairs(&["id=1".to_owned(), "id=2".to_owned()]).is_err());
    }

    #[test]
    fn the_table_has_a_row_a_session_and_no_word_for_what_is_not_known() {
        let answer = json!({ "sessions": [
            { "id": 1, "member": "alice", "sender_comp_id": "ALICE", "target_comp_id": "SEALGATE",
              "version": "FIX.4.4", "state": "disconnected", "enabled": false, "next_in": 5, "next_out": 9,
              "heartbeat_secs": 0, "since": null, "origin": "configuration" },
            { "id": 12, "member": "bob", "sender_comp_id": "BOB", "target_comp_id": "SEALGATE",
              "state": "removed", "origin": "removed at run time" },
        ]});
        let text = table(&answer);
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        assert_eq!(lines[0], HEAD);
        assert_eq!(lines[1][5..], ["disconnected, disabled", "-", "5", "9", "-", "configuration"]);
        assert_eq!(lines[2][4..], ["-", "removed", "-", "-", "-", "-", "removed at run time"]);
    }
}
