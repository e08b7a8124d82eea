//! `sealgate bot`: a client from flags, over either protocol: place, amend, cancel, ask, follow, look at the market.
//!
//! ```text
//!   flags, folder ──home──► where, and with what ──websocket│fix──► a session
//!   words, script ──grammar, script──► actions ──one at a time──► outcome ──say──► a line, or a JSON object
//! ```
//!
//! A line of a script is what one would type after `sealgate bot`: there is one grammar. Results go to stdout.
//! Exit codes tell failures apart: 1 no connection, 2 wrong usage, 3 refused, 4 the outcome is unknown.

mod fix;
mod follow;
mod grammar;
mod home;
mod say;
mod script;
#[cfg(test)]
mod tests;
mod watch;
mod websocket;

use crate::client::Error;
use crate::types::CancelOn;
use clap::ValueEnum;
use grammar::{Action, Duration};
use home::Home;
use say::{Outcome, Say};
use script::{Line, Lines};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `sealgate bot`.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP, subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

/// What may stand before or after any action.
#[derive(clap::Args)]
pub struct Options {
    /// The folder with the certificates and the API key, as `sealgate init` writes it.
    #[arg(long, global = true, value_name = "DIR", default_value = "venue")]
    pub home: PathBuf,
    /// Whose files of the folder: NAME.pem, NAME-key.pem, NAME-api-key.pem.
    #[arg(long, global = true, value_name = "NAME", default_value = "alice")]
    pub member: String,
    /// The name of the API key, where it is not the member's.
    #[arg(long, global = true, value_name = "NAME")]
    pub api_key: Option<String>,
    /// Over which protocol.
    #[arg(long, global = true, value_enum, default_value_t = Protocol::Websocket)]
    pub protocol: Protocol,
    /// Where the venue is: wss://HOST:PORT/ws-api/v3, over FIX HOST:PORT; by default as DIR/sealgate.toml says.
    #[arg(long, global = true)]
    pub url: Option<String>,
    /// The account to act for, where it is not the first of the API key.
    #[arg(long, global = true, value_name = "NAME")]
    pub account: Option<String>,
    /// How long to wait for a connection, and for each answer; so long a lost connection is tried again.
    #[arg(long, global = true, value_name = "TIME", default_value = "10s")]
    pub timeout: Duration,
    /// Which ends of the session cancel its orders: none, disconnect, logout or both; else as the venue has it
    /// configured.
    #[arg(long, global = true, value_parser = grammar::ends())]
    pub cancel_on: Option<CancelOn>,
    /// How long a new session keeps them.
    #[arg(long, global = true, value_name = "TIME")]
    pub cancel_grace: Option<Duration>,
    /// One JSON object a line, failures too.
    #[arg(long, global = true)]
    pub json: bool,
}

/// How the venue is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// JSON: all actions.
    Websocket,
    /// FIX.4.4: orders, and questions about them. Each run begins with sequence numbers at 1.
    Fix,
}

#[derive(clap::Subcommand)]
enum Command {
    #[command(flatten)]
    Action(Action),
    /// Do what the lines of a file say, one after the other, over one connection.
    Run(RunArgs),
}

#[derive(clap::Args)]
struct RunArgs {
    /// The file: on each line an action as one would type it here, # begins a comment. `-` is stdin, line by line.
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
    /// Go on after an action that was refused; the exit code is that of the first.
    #[arg(long)]
    keep_going: bool,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 no connection or no session, 2 wrong usage, 3 refused by the venue (it never executes),
4 the outcome is unknown (ask with status). A first order on a server as `sealgate init venue` sets it up:

  sealgate bot place buy BTC-USD 0.01 @ 99000";

/// Why an action did not give what was asked for.
#[derive(Debug)]
pub enum Failure {
    /// The action cannot be done over this protocol, or lacks a word: exit code 2.
    Usage(String),
    /// As the client tells it.
    Client(Error),
    /// There was no session in the first place, whatever the reason: exit code 1.
    NoSession(Error),
    /// Something else was expected, or awaited in vain: exit code 1.
    Unmet(String),
    /// Nobody reads what is said: exit code 1.
    Unread,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Client(Error::Number(_)) => 2,
            Self::Client(Error::Refused(_) | Error::NotExecuted { .. }) => 3,
            Self::Client(Error::OutcomeUnknown { .. }) => 4,
            Self::Client(_) | Self::NoSession(_) | Self::Unmet(_) | Self::Unread => 1,
        }
    }

    /// Whether the session goes on: the venue said no, and that was all.
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Client(Error::Refused(_)))
    }

    /// What `expect` compares: the name of the refusal.
    fn word(&self) -> Option<&str> {
        match self {
            Self::Client(Error::Refused(refusal)) => Some(refusal.name()),
            _ => None,
        }
    }
}

/// Runs the command. Exit codes: see [`AFTER_HELP`].
pub fn run(args: Args) -> ExitCode {
    let say = Say::new(args.options.json);
    let done = (|| {
        let (lines, keep_going) = match args.command {
            Command::Action(action) => {
                grammar::check(&action).map_err(Failure::Usage)?;
                (Lines::one(action), false)
            }
            Command::Run(run) => (Lines::open(&run.script)?, run.keep_going),
        };
        let home = Home::find(&args.options)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Unmet(format!("no runtime: {error}")))?;
        runtime.block_on(trade(&args.options, &home, lines, keep_going, &say))
    })();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            say.failure(None, &failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Connects and does one line after the other. The exit code is that of the first action that failed.
async fn trade(
    options: &Options,
    home: &Home,
    mut lines: Lines,
    keep_going: bool,
    say: &Say,
) -> Result<u8, Failure> {
    let mut session = Session::open(options, home).await?;
    let mut verdict = Verdict { keep_going, pending: None, code: 0 };
    while let Some(line) = lines.next().await {
        let line = match line {
            Ok(line) => line,
            Err(wrong) => {
                verdict.settle(say);
                say.failure(None, &wrong);
                verdict.code = wrong.exit_code();
                break;
            }
        };
        if let Action::Expect { word } = &line.action {
            verdict.expect(word, &line, say);
        } else {
            verdict.settle(say);
            if verdict.stops() {
                break;
            }
            let outcome = session.act(&line.action, say).await;
            verdict.pending = Some((outcome, line.place));
        }
        if verdict.stops() {
            break;
        }
    }
    verdict.settle(say);
    session.close().await;
    Ok(verdict.code)
}

/// What became of the last action, until it is known whether an `expect` follows it.
struct Verdict {
    keep_going: bool,
    pending: Option<(Result<Outcome, Failure>, Option<String>)>,
    code: u8,
}

impl Verdict {
    /// No `expect` follows: a failure counts.
    fn settle(&mut self, say: &Say) {
        if let Some((Err(failure), place)) = self.pending.take() {
            say.failure(place.as_deref(), &failure);
            self.count(&failure);
        }
    }

    fn expect(&mut self, word: &str, line: &Line, say: &Say) {
        let found = match &self.pending {
            Some((Ok(outcome), _)) => outcome.word.clone(),
            Some((Err(failure), _)) => failure.word().map(str::to_owned),
            None => None,
        };
        if found.as_deref() == Some(word) {
            if let Some((Err(failure), place)) = self.pending.take() {
                say.expected(place.as_deref(), &failure);
            }
            return;
        }
        self.settle(say);
        if self.code == 0 || self.keep_going {
            let found = found.unwrap_or_else(|| "nothing".to_owned());
            let unmet = Failure::Unmet(format!("expected {word}, found {found}"));
            say.failure(line.place.as_deref(), &unmet);
            self.count(&unmet);
            self.keep_going = false;
        }
    }

    fn count(&mut self, failure: &Failure) {
        if self.code == 0 {
            self.code = failure.exit_code();
        }
        self.keep_going &= failure.is_refusal();
    }

    fn stops(&self) -> bool {
        self.code != 0 && !self.keep_going
    }
}

/// A session over one of the protocols.
enum Session {
    WebSocket(Box<websocket::Session>),
    Fix(Box<fix::Session>),
}

impl Session {
    async fn open(options: &Options, home: &Home) -> Result<Self, Failure> {
        Ok(match options.protocol {
            Protocol::Websocket => Self::WebSocket(Box::new(websocket::Session::open(options, home).await?)),
            Protocol::Fix => Self::Fix(Box::new(fix::Session::open(options, home).await?)),
        })
    }

    async fn act(&mut self, action: &Action, say: &Say) -> Result<Outcome, Failure> {
        match action {
            Action::Wait { time } => {
                tokio::time::sleep(time.0).await;
                Ok(Outcome::default())
            }
            action => match self {
                Self::WebSocket(session) => session.act(action, say).await,
                Self::Fix(session) => session.act(action, say).await,
            },
        }
    }

    async fn close(self) {
        match self {
            Self::WebSocket(session) => session.close().await,
            Self::Fix(session) => session.close().await,
        }
    }
}
