//! The flags of `sealgate load`, and what they mean together.

use super::mix::Shares;
use clap::ValueEnum;
use std::path::PathBuf;

/// Arguments of `sealgate load`.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
#[command(group(clap::ArgGroup::new("venue").args(["config", "connect"])))]
pub struct Args {
    #[command(flatten)]
    pub(super) venue: VenueArgs,
    /// What is spoken.
    #[arg(long, value_enum, default_value = "fix")]
    pub(super) protocol: Protocol,
    /// What is signed: each order, or the logon alone.
    #[arg(long, value_enum, default_value = "order")]
    pub(super) sign: Signing,
    /// What an answer waits for.
    #[arg(long, value_enum, default_value = "memory", conflicts_with = "venue")]
    pub(super) durability: Durability,
    /// Connections; over FIX each is a session of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(super) connections: u32,
    /// Accounts that the connections share by turns, each with an API key of its own.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "venue",
        value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(super) accounts: u32,
    /// Shares of the kinds of message: new orders that rest, cancels and amendments of them, orders that trade.
    #[arg(long, value_name = "new=N,cancel=N,amend=N,cross=N", default_value = "new=1,cancel=1")]
    pub(super) mix: Shares,
    /// One message at a time; the default.
    #[arg(long, conflicts_with = "rate")]
    pub(super) ping_pong: bool,
    /// Messages a second, sent when they are due and timed from then, whatever the answers do.
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(super) rate: Option<u64>,
    /// How long is measured.
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(super) seconds: u64,
    /// How long is sent before that.
    #[arg(long, value_name = "S", default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=60))]
    pub(super) warm_up: u64,
    /// When that is done, log on so many sessions more that say nothing, and drive the others once more beside them.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with_all = ["venue", "sweep"],
        value_parser = clap::value_parser!(u32).range(0..=40_000))]
    pub(super) idle_sessions: u32,
    /// What the kernel does for the server's sockets, beside what is usual: `[sockets]` of its configuration.
    #[arg(long, value_name = "OPTION,…", value_enum, value_delimiter = ',', conflicts_with = "venue")]
    pub(super) sockets: Vec<SocketOption>,
    /// What the server's threads do when there is nothing to do; spinning is the fastest.
    #[arg(long, value_enum, default_value = "spin", conflicts_with = "venue")]
    pub(super) idle: Idle,
    /// Measure a TCP echo and a mutual-TLS echo on the same cores as well, with --durability disk an fdatasync too, and
    /// tell the ratios.
    #[arg(long)]
    pub(super) floor: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
    /// Draw the percentiles, and latency over time; with --sweep, rate against latency.
    #[arg(long, value_name = "FILE.svg")]
    pub(super) plot: Option<PathBuf>,
    /// Write the round trips as a HdrHistogram V2 log, in nanoseconds.
    #[arg(long, value_name = "FILE", conflicts_with = "sweep")]
    pub(super) hdr: Option<PathBuf>,
    /// Find the highest rate whose p99 is within --p99-max; each rate is driven for --seconds.
    #[arg(long, conflicts_with_all = ["rate", "ping_pong", "floor"])]
    pub(super) sweep: bool,
    /// The bound of --sweep, in microseconds.
    #[arg(long, value_name = "US", default_value_t = 1_000, requires = "sweep",
        value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(super) p99_max: u64,
    /// Where --sweep begins, in messages a second.
    #[arg(long, value_name = "R", default_value_t = 1_000, requires = "sweep",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) rate_from: u64,
    /// Read without asking the kernel when it had the bytes.
    #[arg(long)]
    pub(super) no_kernel_timestamps: bool,
}

/// Another server than one on throw-away keys.
#[derive(clap::Args)]
pub(super) struct VenueArgs {
    /// Start the server on this configuration; its journal keeps what the run does.
    #[arg(long, value_name = "FILE", help_heading = VENUE)]
    pub(super) config: Option<PathBuf>,
    /// Take a server that runs already; what rests when the run ends is canceled.
    #[arg(long, value_name = "HOST:PORT", help_heading = VENUE)]
    pub(super) connect: Option<String>,
    /// The folder with certificates and API keys, as `sealgate init` writes it; by default that of --config, else
    /// `venue`.
    #[arg(long, value_name = "DIR", requires = "venue", help_heading = VENUE)]
    pub(super) home: Option<PathBuf>,
    /// Whose files of the folder, by turns: NAME.pem, NAME-key.pem, NAME-api-key.pem.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "alice", requires = "venue",
        help_heading = VENUE)]
    pub(super) member: Vec<String>,
    /// What is traded; it must be configured, or --price, --tick and --qty say what is to be known of it.
    #[arg(long, value_name = "SYMBOL", default_value = super::terms::SYMBOL, requires = "venue", help_heading = VENUE)]
    pub(super) symbol: String,
    /// A price inside its band; by default its reference price.
    #[arg(long, value_name = "PRICE", requires = "venue", help_heading = VENUE)]
    pub(super) price: Option<String>,
    /// What prices are multiples of.
    #[arg(long, value_name = "PRICE", requires = "venue", help_heading = VENUE)]
    pub(super) tick: Option<String>,
    /// The quantity of an order: at least two lots, so that it can be lowered to half; by default two lots.
    #[arg(long, value_name = "QTY", requires = "venue", help_heading = VENUE)]
    pub(super) qty: Option<String>,
    /// TCP without TLS, and nothing is signed: for FIX engines that are compared. Needs no folder.
    #[arg(long, requires = "connect", conflicts_with = "home", help_heading = VENUE)]
    pub(super) plain: bool,
}

const VENUE: &str = "Another server than one on throw-away keys";

const AFTER_HELP: &str = "\
Exit codes: 0 measured, 1 not measured, 2 wrong usage. A server as `sealgate init venue` and `sealgate serve --config \
venue/sealgate.toml` set it up is measured by

  sealgate load --connect localhost:9444 --rate 500";

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Protocol {
    Fix,
    Websocket,
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Signing {
    Order,
    Session,
}

/// What an answer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Durability {
    Memory,
    Process,
    Disk,
}

/// What the kernel does for the server's sockets, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SocketOption {
    /// SO_TIMESTAMPING: the table has the stage `kernel`.
    KernelTimestamps,
    /// TCP_QUICKACK.
    QuickAck,
    /// SO_BUSY_POLL, 50 microseconds.
    BusyPoll,
    /// No TCP_NODELAY.
    Nagle,
}

impl SocketOption {
    /// As the configuration writes it.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::KernelTimestamps => "kernel_timestamps = true",
            Self::QuickAck => "quick_ack = true",
            Self::BusyPoll => "busy_poll = \"50us\"",
            Self::Nagle => "no_delay = false",
        }
    }
}

/// What the server's threads do when there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Idle {
    Spin,
    Yield,
    Park,
}

/// A choice as it is written on the command line, which is how the configuration writes it too.
pub(super) fn word(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
}

impl VenueArgs {
    /// Whether the server has orders and memories of its own.
    pub(super) fn is_given(&self) -> bool {
        self.config.is_some() || self.connect.is_some()
    }
}

impl Args {
    /// What was run.
    pub(super) fn said(&self) -> String {
        let how = match self.rate {
            _ if self.sweep => "rates in turn".to_owned(),
            None => "ping-pong".to_owned(),
            Some(rate) => format!("open loop at {rate}/s"),
        };
        let VenueArgs { config, connect, member, plain, .. } = &self.venue;
        let venue = match (config, connect) {
            (Some(config), _) => format!("server of {}, {}", config.display(), member.join(", ")),
            (_, Some(address)) if *plain => format!("{address} in the clear"),
            (_, Some(address)) => format!("{address}, {}", member.join(", ")),
            (None, None) => format!("{}, {} accounts", word(self.durability), self.accounts),
        };
        let signed = if *plain { "not signed".to_owned() } else { format!("{}-signed", word(self.sign)) };
        format!(
            "{}, {signed}, {venue}, {} connections, {how}, {} s",
            word(self.protocol),
            self.connections,
            self.seconds
        )
    }
}
