//! The words of an action, the same on the command line and on a line of a script.
//!
//! ```text
//!   place SIDE SYMBOL QTY [@ PRICE] [--tif …] [--id NAME]      amend SYMBOL ORDER QTY
//!   cancel SYMBOL ORDER      cancel-all [SYMBOL]               status SYMBOL ORDER
//!   orders [SYMBOL]          trades SYMBOL      account        follow [--count N] [--for TIME]
//!   market depth|ticker|time …                                 watch depth|ticker|trades SYMBOL …
//!   wait TIME                expect WORD
//! ```

use super::watch::Watch;
use crate::client::OrderName;
use crate::types::{CancelOn, Decimal, OrderId, Reject, Side, SmpMode, TimeInForce};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};
use std::str::FromStr;

/// One action.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Place an order: with a price a limit order, without one a market order.
    Place(Place),
    /// Change the quantity of an order: a smaller one keeps its place in the book. A larger one is taken over FIX
    /// only.
    Amend {
        /// The instrument.
        symbol: String,
        #[command(flatten)]
        order: WhichOrder,
        /// Its quantity from now on, with what has traded already.
        qty: Decimal,
        /// Its ClOrdID from now on.
        #[arg(long, value_name = "NAME")]
        id: Option<String>,
    },
    /// Cancel an order.
    Cancel {
        /// The instrument.
        symbol: String,
        #[command(flatten)]
        order: WhichOrder,
        /// The ClOrdID of the cancel itself.
        #[arg(long, value_name = "NAME")]
        id: Option<String>,
        /// The side of the order. FIX wants it; without it the venue is asked for it.
        #[arg(long, value_parser = sides())]
        side: Option<Side>,
    },
    /// Cancel the open orders.
    CancelAll {
        /// Of one instrument; without it of all.
        symbol: Option<String>,
        /// Of one side; without it of both.
        #[arg(long, value_parser = sides())]
        side: Option<Side>,
    },
    /// Tell positions, open orders and limits.
    Account,
    /// List the last trades of the account, oldest first.
    Trades {
        /// The instrument.
        symbol: String,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u16,
    },
    /// Tell how an order stands.
    Status {
        /// The instrument.
        symbol: String,
        #[command(flatten)]
        order: WhichOrder,
    },
    /// List the open orders.
    Orders {
        /// Of one instrument; without it of all.
        symbol: Option<String>,
    },
    /// Print executions as they happen.
    Follow {
        /// End after so many.
        #[arg(long, value_name = "N")]
        count: Option<u64>,
        /// End after so long; with --count it is a failure if there were not so many by then.
        #[arg(long = "for", value_name = "TIME")]
        time: Option<Duration>,
    },
    /// Look at the market.
    Market {
        #[command(subcommand)]
        what: Market,
    },
    /// Print what happens in the market.
    Watch {
        #[command(subcommand)]
        what: Watch,
    },
    /// Wait: 100ms, 5s, 2m.
    Wait {
        /// How long.
        time: Duration,
    },
    /// In a script: what must have become of the action before it, as FILLED or PriceOutsideBand.
    Expect {
        /// An OrdStatus, or the name of a refusal (docs/rejects.md).
        #[arg(value_parser = outcomes())]
        word: String,
    },
}

/// An order to place.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Place {
    /// buy or sell.
    #[arg(value_parser = sides())]
    pub side: Side,
    /// The instrument.
    pub symbol: String,
    /// How much.
    pub qty: Decimal,
    /// `@ PRICE`; without it a market order.
    #[arg(value_name = "@ PRICE", num_args = 0..=2)]
    at: Vec<At>,
    /// How long it rests: gtc until it is canceled; ioc, fok not at all.
    #[arg(long, value_parser = times_in_force())]
    pub tif: Option<TimeInForce>,
    /// Refused if it would take.
    #[arg(long, conflicts_with = "tif")]
    pub post_only: bool,
    /// It rests for so long at most: 30s, 10m, 8h.
    #[arg(long, value_name = "TIME", conflicts_with = "tif")]
    pub gtd: Option<Duration>,
    /// It only brings the position nearer to zero.
    #[arg(long)]
    pub reduce_only: bool,
    /// When it would meet an order of its own account.
    #[arg(long, value_parser = smp_modes())]
    pub smp: Option<SmpMode>,
    /// Its ClOrdID; by it the order can be asked for, whatever happens.
    #[arg(long, value_name = "NAME")]
    pub id: Option<String>,
    /// Only ask whether it would be taken; nothing is placed.
    #[arg(long)]
    pub test: bool,
}

/// A word of `@ PRICE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Sign,
    Price(Decimal),
}

impl FromStr for At {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "@" => Ok(Self::Sign),
            word => match word.strip_prefix('@').unwrap_or(word).parse() {
                Ok(price) => Ok(Self::Price(price)),
                Err(error) => Err(format!("{error}; write @ PRICE, as @ 99000.50")),
            },
        }
    }
}

impl Place {
    /// The price, and the type that it makes of the order.
    pub fn price(&self) -> Result<Option<Decimal>, String> {
        let price = match self.at[..] {
            [] => None,
            [At::Price(price)] | [At::Sign, At::Price(price)] => Some(price),
            _ => return Err("one price is wanted after @".to_owned()),
        };
        if price.is_none() && (self.post_only || self.tif.is_some() || self.gtd.is_some()) {
            return Err("--tif, --gtd and --post-only go with a price: @ PRICE".to_owned());
        }
        Ok(price)
    }
}

/// Which order: by OrderID or by name.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct WhichOrder {
    /// The OrderID, a whole number, or else the ClOrdID with which it was placed.
    order: String,
    /// ORDER is a ClOrdID although it is a whole number.
    #[arg(long)]
    by_name: bool,
}

impl WhichOrder {
    /// As the client wants it.
    pub fn name(&self) -> OrderName {
        match self.order.parse() {
            Ok(number) if !self.by_name => OrderName::OrderId(OrderId(number)),
            _ => OrderName::ClOrdId(self.order.clone()),
        }
    }
}

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Market {
    /// The levels of a book, best first.
    Depth {
        /// The instrument.
        symbol: String,
        /// At most so many a side.
        #[arg(long, value_name = "N", default_value_t = 10)]
        levels: u16,
    },
    /// The best bid and ask.
    Ticker {
        /// The instrument.
        symbol: String,
    },
    /// The venue's clock.
    Time,
}

/// A length of time as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration(pub std::time::Duration);

impl FromStr for Duration {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "write a whole number and its unit: 100ms, 5s, 2m, 1h";
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or(WRONG)?);
        let factor: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(WRONG),
        };
        let number: u64 = number.parse().map_err(|_| WRONG)?;
        number.checked_mul(factor).map(|millis| Self(std::time::Duration::from_millis(millis))).ok_or(WRONG)
    }
}

fn sides() -> impl TypedValueParser<Value = Side> {
    words(&[("buy", Side::Buy), ("sell", Side::Sell)])
}

fn times_in_force() -> impl TypedValueParser<Value = TimeInForce> {
    words(&[("gtc", TimeInForce::Gtc), ("ioc", TimeInForce::Ioc), ("fok", TimeInForce::Fok)])
}

fn smp_modes() -> impl TypedValueParser<Value = SmpMode> {
    words(&[
        ("none", SmpMode::None),
        ("expire-taker", SmpMode::ExpireTaker),
        ("expire-maker", SmpMode::ExpireMaker),
        ("expire-both", SmpMode::ExpireBoth),
        ("decrement", SmpMode::Decrement),
    ])
}

/// Which ends of a session cancel its orders.
pub fn ends() -> impl TypedValueParser<Value = CancelOn> {
    words(&[
        ("none", CancelOn::Nothing),
        ("disconnect", CancelOn::Disconnect),
        ("logout", CancelOn::Logout),
        ("both", CancelOn::Both),
    ])
}

/// One of these words, and what it means.
fn words<T: Copy + Send + Sync + 'static>(
    known: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(known.iter().map(|(word, _)| *word)).try_map(move |said| {
        let found = known.iter().find(|(word, _)| *word == said);
        found.map(|(_, meaning)| *meaning).ok_or("not one of the words")
    })
}

/// How an order may stand, in the words of the WebSocket API.
const STATUSES: &[&str] = &["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "REJECTED"];

fn outcomes() -> PossibleValuesParser {
    let refusals = Reject::ALL.iter().map(|reject| reject.info().name);
    PossibleValuesParser::new(STATUSES.iter().copied().chain(refusals))
}

/// A line of a script: the words of one action and nothing else.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true)]
struct Words {
    #[command(subcommand)]
    action: Action,
}

/// The action of these words; else in one line what is wrong, and what would be right.
pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Action, String> {
    let action = Words::try_parse_from(words).map_err(|error| in_one_line(&error))?.action;
    check(&action).map(|()| action)
}

/// What clap cannot see.
pub fn check(action: &Action) -> Result<(), String> {
    match action {
        Action::Place(place) => place.price().map(drop),
        _ => Ok(()),
    }
}

fn in_one_line(error: &clap::Error) -> String {
    let one = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        Some(ContextValue::Strings(words)) => Some(words.join(", ")),
        _ => None,
    };
    let (argument, value) = (one(ContextKind::InvalidArg), one(ContextKind::InvalidValue));
    let allowed = one(ContextKind::ValidValue).or_else(|| one(ContextKind::ValidSubcommand));
    let allowed = allowed.map_or_else(String::new, |words| format!("; allowed: {words}"));
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = one(ContextKind::InvalidSubcommand).unwrap_or_default();
            format!("{word:?} is no action; allowed: {}", actions().join(", "))
        }
        ErrorKind::MissingSubcommand => format!("a word is missing{allowed}"),
        ErrorKind::MissingRequiredArgument => {
            format!("{} is missing", argument.unwrap_or_else(|| "a word".to_owned()))
        }
        ErrorKind::InvalidValue => {
            let (argument, value) = (argument.unwrap_or_default(), value.unwrap_or_default());
            format!("{argument}: {value:?} is not allowed{allowed}")
        }
        ErrorKind::UnknownArgument => format!("{:?} does not belong here", argument.unwrap_or_default()),
        // The first paragraph says what is wrong; usage and tips come after it.
        _ => {
            let text = error.to_string();
            let text = text.split("\n\n").next().unwrap_or_default();
            text.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ")
        }
    }
}

/// The words that a line may begin with.
fn actions() -> Vec<String> {
    let command = <Words as clap::CommandFactory>::command();
    command.get_subcommands().map(|action| action.get_name().to_owned()).collect()
}
