//! What the client of one account knows, over all lives of the server: what it asked, what it was told, what it heard.
//! Whatever does not go together is a breach, told in words; nothing here panics, because a server that is meant to
//! lose something is held against the same ledger.

use std::collections::BTreeMap;

/// The client's memory.
#[derive(Debug, Default)]
pub struct Ledger {
    pub account: String,
    requests: BTreeMap<String, Request>,
    /// Each private stream: its events from the first on.
    streams: BTreeMap<String, Vec<String>>,
    /// Names of requests whose outcome the server was not asked for since it was told.
    pub unverified: Vec<String>,
    pub breaches: Vec<String>,
    pub counts: Counts,
    names: u64,
}

/// How much of what there was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Requests that got their outcome.
    pub acknowledged: u64,
    /// Executions heard on private streams, each once.
    pub executions: u64,
    /// Executions heard on a private stream once more, and the same.
    pub heard_again: u64,
    /// Requests that were sent again, and got the outcome that was told before.
    pub repeated: u64,
    /// Requests without an outcome that were sent again after a restart, and got one.
    pub resolved: u64,
    /// FIX messages that were sent again (PossDup) with the same body.
    pub resent: u64,
    /// Executions that came again under another FIX number (PossResend), because the first was only reserved.
    pub renumbered: u64,
    /// Outcomes that the server still told after a restart, asked by `order.status`.
    pub verified: u64,
}

/// One request, by its ClOrdID.
#[derive(Clone, Debug)]
pub struct Request {
    pub symbol: &'static str,
    pub what: What,
    pub outcome: Option<Outcome>,
    /// It was sent again after a restart, because there was no outcome.
    pub is_sent_again: bool,
    /// A signed request as it was sent: what somebody could have captured.
    pub captured: Option<String>,
}

/// What it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    New { side: Side, price: u32, qty: u32 },
    Cancel { orig: String },
    Amend { orig: String, side: Side, qty: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Buy,
    Sell,
}

/// What the client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted, about this order.
    Accepted(u64),
    /// Refused, for this reason.
    Refused(String),
}

impl Ledger {
    pub fn new(account: &str) -> Self {
        Self { account: account.to_owned(), ..Self::default() }
    }

    pub fn breach(&mut self, what: impl AsRef<str>) {
        self.breaches.push(format!("{}: {}", self.account, what.as_ref()));
    }

    /// Notes a request under a name of its own.
    pub fn ask(&mut self, symbol: &'static str, what: What) -> String {
        self.names += 1;
        let name = format!("{}-{}", self.account.to_lowercase(), self.names);
        let request = Request { symbol, what, outcome: None, is_sent_again: false, captured: None };
        self.requests.insert(name.clone(), request);
        name
    }

    pub fn request(&self, name: &str) -> Option<&Request> {
        self.requests.get(name)
    }

    pub fn request_mut(&mut self, name: &str) -> Option<&mut Request> {
        self.requests.get_mut(name)
    }

    pub fn requests(&self) -> impl Iterator<Item = (&String, &Request)> {
        self.requests.iter()
    }

    /// The name of a request that was accepted; by number, so that a random one is found.
    pub fn name_of(&self, number: u64) -> String {
        format!("{}-{}", self.account.to_lowercase(), 1 + number % self.names.max(1))
    }

    /// Names of requests that wait for their outcome.
    pub fn open(&self) -> Vec<String> {
        let open = self.requests.iter().filter(|(_, request)| request.outcome.is_none());
        open.map(|(name, _)| name.clone()).collect()
    }

    /// The server has told the outcome of a request.
    pub fn settle(&mut self, name: &str, outcome: Outcome) {
        let Some(request) = self.requests.get_mut(name) else {
            return self.breach(format!("told of {name}, which was never asked: {outcome:?}"));
        };
        match &request.outcome {
            None => {
                self.counts.acknowledged += 1;
                self.counts.resolved += u64::from(request.is_sent_again);
                if matches!(outcome, Outcome::Accepted(_)) {
                    self.unverified.push(name.to_owned());
                }
                request.outcome = Some(outcome);
            }
            Some(told) if *told == outcome => self.counts.repeated += 1,
            Some(told) => {
                let lost = format!("lost: {name} was {told:?}, and now is {outcome:?}");
                self.breach(lost);
            }
        }
    }

    /// The server was asked for the order that an accepted request was about.
    pub fn verify(&mut self, name: &str, found: Option<u64>) {
        let told = self.requests.get(name).and_then(|request| request.outcome.clone());
        match (told, found) {
            (Some(Outcome::Accepted(told)), Some(found)) if told == found => self.counts.verified += 1,
            (told, found) => {
                self.breach(format!("lost: {name} was {told:?}; asked, the server knows {found:?}"))
            }
        }
    }

    /// The last number of each private stream.
    pub fn places(&self) -> impl Iterator<Item = (&str, u64)> {
        self.streams.iter().map(|(stream, heard)| (stream.as_str(), heard.len() as u64))
    }

    /// The events of each private stream.
    pub fn streams(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.streams.iter().map(|(stream, heard)| (stream.as_str(), heard.as_slice()))
    }

    /// A stream whose number the server has told.
    pub fn begin_stream(&mut self, stream: &str) {
        self.streams.entry(stream.to_owned()).or_default();
    }

    /// An execution on a private stream.
    pub fn hear(&mut self, stream: &str, number: u64, event: String) {
        let heard = self.streams.entry(stream.to_owned()).or_default();
        let at = number.wrapping_sub(1) as usize;
        match heard.get(at) {
            Some(known) if *known == event => self.counts.heard_again += 1,
            Some(known) => {
                let other = format!("lost: {stream}:{number} was {known}, and now is {event}");
                self.breach(other);
            }
            None if at == heard.len() => {
                heard.push(event);
                self.counts.executions += 1;
            }
            None => {
                let gap = format!("{stream}:{number} came after {}", heard.len());
                self.breach(gap);
            }
        }
    }
}

impl Counts {
    pub fn and(self, other: Self) -> Self {
        Self {
            acknowledged: self.acknowledged + other.acknowledged,
            executions: self.executions + other.executions,
            heard_again: self.heard_again + other.heard_again,
            repeated: self.repeated + other.repeated,
            resolved: self.resolved + other.resolved,
            resent: self.resent + other.resent,
            renumbered: self.renumbered + other.renumbered,
            verified: self.verified + other.verified,
        }
    }
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::Buy, Self::Sell];

    pub fn word(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }

    /// Side(54).
    pub fn code(self) -> &'static str {
        match self {
            Self::Buy => "1",
            Self::Sell => "2",
        }
    }
}
