//! `sealgate kill`: the kill switches of a running server, over its control socket.
//!
//! ```text
//! arguments ─► Request ─► control.sock of the configuration ─► answer ─► JSON, a table, or why not
//! ```

use super::control::{self, Whose};
use crate::admin::client::Control;
use crate::admin::protocol::{KillName, Request};
use clap::Subcommand;
use serde_json::Value;
use std::io::{self, Write};
use std::process::ExitCode;

/// Arguments of `sealgate kill`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Let an account enter nothing more, until it is released.
    Account {
        /// Its name in the configuration.
        name: String,
        /// Cancel its open orders, too.
        #[arg(long)]
        cancel: bool,
    },
    /// Let nothing more be entered in an instrument, until it is released.
    Instrument {
        /// Its symbol.
        symbol: String,
        /// Cancel all open orders in it, too.
        #[arg(long)]
        cancel: bool,
    },
    /// Release a kill switch. What was canceled stays canceled.
    Release {
        /// Of what.
        #[command(subcommand)]
        of: Of,
    },
    /// Tell the kill switches that are engaged.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum Of {
    /// An account.
    Account {
        /// Its name in the configuration.
        name: String,
    },
    /// An instrument.
    Instrument {
        /// Its symbol.
        symbol: String,
    },
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    let socket = match control::socket(args.whose) {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    let as_table = matches!(args.command, Command::List { json: false });
    let request = request(args.command);
    match Control::connect(&socket).and_then(|mut control| control.ask(&request)) {
        Ok(answer) => {
            let text = if as_table { table(&answer) } else { format!("{answer}\n") };
            // Whoever closes the pipe has seen enough.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => control::unanswered("kill", &socket, error),
    }
}

fn request(command: Command) -> Request {
    match command {
        Command::Account { name, cancel } => Request::KillEngage { target: KillName::Account(name), cancel },
        Command::Instrument { symbol, cancel } => {
            Request::KillEngage { target: KillName::Instrument(symbol), cancel }
        }
        Command::Release { of: Of::Account { name } } => {
            Request::KillRelease { target: KillName::Account(name) }
        }
        Command::Release { of: Of::Instrument { symbol } } => {
            Request::KillRelease { target: KillName::Instrument(symbol) }
        }
        Command::List { .. } => Request::KillList,
    }
}

fn table(answer: &Value) -> String {
    let mut rows = vec![["STOPPED", "SINCE", "BY UID", "ORDERS", "NOT ON"].map(str::to_owned)];
    rows.extend(answer["engaged"].as_array().map_or(&[][..], Vec::as_slice).iter().map(row));
    control::columns(&rows)
}

fn row(engaged: &Value) -> [String; 5] {
    let name = ["account", "instrument"]
        .iter()
        .find_map(|kind| Some(format!("{kind} {}", engaged[*kind].as_str()?)))
        .unwrap_or_default();
    let orders = if engaged["canceled_orders"] == true { "canceled" } else { "left" };
    let shards = engaged["not_on_shards"].as_array().map_or(&[][..], Vec::as_slice);
    let missing: Vec<String> = shards.iter().map(|shard| format!("shard-{shard}")).collect();
    let missing = if missing.is_empty() { "-".to_owned() } else { missing.join(",") };
    let since = engaged["since"].as_str().unwrap_or("-").to_owned();
    [name, since, engaged["uid"].to_string(), orders.to_owned(), missing]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_names_what_is_stopped_and_the_shards_on_which_it_is_not() {
        let engaged = |kind: &str, name: &str, cancel: bool, missing: Value| {
            let since = "2026-03-02T09:00:00.000Z";
            json!({ kind: name, "since": since, "uid": 0, "canceled_orders": cancel, "not_on_shards": missing })
        };
        let answer = json!({ "engaged": [
            engaged("account", "ALICE", true, json!([])),
            engaged("instrument", "BTC-USD", false, json!([1, 3])),
        ]});
        let text = table(&answer);
        let lines: Vec<&str> = text.lines().collect();
        let expected = [
            "STOPPED             SINCE                     BY UID  ORDERS    NOT ON",
            "account ALICE       2026-03-02T09:00:00.000Z  0       canceled  -",
            "instrument BTC-USD  2026-03-02T09:00:00.000Z  0       left      shard-1,shard-3",
        ];
        assert_eq!(lines, expected);
    }
}
