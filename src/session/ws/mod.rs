//! A WebSocket connection: who may speak now, and when it ends.
//!
//! ```text
//!            upgraded                 close(why), no sign of life        other half came, or deadline
//!  Upgrading ────────► Open ───────────────────────────────────► Closing ─────────────────────────► Over
//!      │                │ fault of the client                                                        ▲
//!      └────────────────┴──────────► Draining: told why, its bytes are thrown away ──────────────────┤
//!        no upgrade                                                               deadline           │
//!      └─ deadline ──────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A client that was told why is drained for a moment, because a socket that is closed over unread bytes takes
//! back what it sent. Inside Open a key may be logged on, and subscribed to the events of its accounts.

mod streams;
#[cfg(test)]
mod tests;

use crate::limits::{LOGON_DEADLINE, WS_CLOSE_DEADLINE, WS_PING_EVERY, WS_PONG_DEADLINE};
use crate::types::{
    AccountId, ApiKeyId, CancelTerms, Nanos, Refusal, Reject, SessionEnd, SessionStatus, Shift, Subscribed,
};
use crate::wire::ws::{Close, Connection, Ended, Received, TextMessage};

/// What came in.
#[derive(Clone, Debug)]
pub enum Input {
    /// A request.
    Text(TextMessage),
    /// A ping or pong: nothing to do, but it counts for the message cap of the connection.
    Control,
}

/// A WebSocket session: from the end of the TLS handshake to the end of the connection.
#[derive(Debug)]
pub struct Session {
    wire: Connection,
    phase: Phase,
    connected_since: Nanos,
    return_rate_limits: bool,
    logged_on: Option<(ApiKeyId, Nanos)>,
    /// What was agreed on for the orders of the logon.
    cancel: CancelTerms,
    /// The logon has asked for the times of all its requests.
    timing: bool,
    subscription: Option<u32>,
    /// Accounts of the subscription; empty without one.
    accounts: Vec<AccountId>,
    /// Market data that it hears.
    streams: Vec<Subscribed>,
    subscriptions_so_far: u32,
    /// We sent a close frame of our own accord.
    closes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// HTTP, until `by`.
    Upgrading { by: Nanos },
    /// Messages go both ways; the last bytes came at `heard`.
    Open { heard: Nanos, ping_at: Nanos },
    /// We sent a close frame and wait for that of the client, until `by`.
    Closing { by: Nanos },
    /// The client was told what it did wrong; its bytes are thrown away until `by`.
    Draining { by: Nanos },
    /// The connection can be closed.
    Over,
}

impl Session {
    /// A connection whose TLS handshake ended now.
    pub fn new(now: Nanos) -> Self {
        Self {
            wire: Connection::new(),
            phase: Phase::Upgrading { by: now + LOGON_DEADLINE },
            connected_since: now,
            return_rate_limits: true,
            logged_on: None,
            cancel: CancelTerms::default(),
            timing: false,
            subscription: None,
            accounts: Vec::new(),
            streams: Vec::new(),
            subscriptions_so_far: 0,
            closes: false,
        }
    }

    /// Takes plain bytes from the client; then call [`Session::next_input`] until it gives `None`.
    pub fn receive(&mut self, bytes: &[u8], now: Nanos) {
        if let Phase::Open { heard, .. } = &mut self.phase {
            *heard = now;
        }
        self.wire.receive(bytes);
    }

    /// The next thing that came in.
    pub fn next_input(&mut self, now: Nanos) -> Option<Input> {
        loop {
            match self.wire.next()? {
                Received::Text(text) => return Some(Input::Text(text)),
                Received::Control => return Some(Input::Control),
                Received::Opened(options) => {
                    self.return_rate_limits = options.return_rate_limits;
                    self.phase = Phase::Open { heard: now, ping_at: now + WS_PING_EVERY };
                }
                Received::Ended(Ended::Handshake) => self.phase = Phase::Over,
                Received::Ended(Ended::NoUpgrade | Ended::Fault(_)) => {
                    self.phase = Phase::Draining { by: now + WS_CLOSE_DEADLINE };
                }
            }
        }
    }

    /// Sends one text message; dropped when the connection is not open or is closing.
    pub fn send(&mut self, text: &[u8]) {
        self.wire.send(text);
    }

    /// Begins the close handshake. Requests that come after it are not taken.
    pub fn close(&mut self, why: Close, now: Nanos) {
        match self.phase {
            Phase::Upgrading { .. } => self.phase = Phase::Over,
            Phase::Open { .. } => {
                self.wire.close(why);
                self.closes = true;
                self.phase = Phase::Closing { by: now + WS_CLOSE_DEADLINE };
            }
            Phase::Closing { .. } | Phase::Draining { .. } | Phase::Over => {}
        }
    }

    /// Pings and closes when it is time to.
    pub fn tick(&mut self, now: Nanos) {
        match &mut self.phase {
            Phase::Upgrading { by } | Phase::Closing { by } | Phase::Draining { by } => {
                if now >= *by {
                    self.phase = Phase::Over;
                }
            }
            Phase::Open { heard, .. } if now >= *heard + WS_PONG_DEADLINE => {
                self.close(Close::NoSignOfLife, now);
            }
            Phase::Open { ping_at, .. } if now >= *ping_at => {
                *ping_at = now + WS_PING_EVERY;
                self.wire.ping();
            }
            Phase::Open { .. } | Phase::Over => {}
        }
    }

    /// The clock was set: pings and deadlines count the time that goes by.
    pub fn clock_moved(&mut self, by: Shift) {
        match &mut self.phase {
            Phase::Upgrading { by: at } | Phase::Closing { by: at } | Phase::Draining { by: at } => {
                *at = *at + by;
            }
            Phase::Open { heard, ping_at } => (*heard, *ping_at) = (*heard + by, *ping_at + by),
            Phase::Over => {}
        }
    }

    /// When [`Session::tick`] has something to do; the end of time if it never has.
    pub fn deadline(&self) -> Nanos {
        match self.phase {
            Phase::Upgrading { by } | Phase::Closing { by } | Phase::Draining { by } => by,
            Phase::Open { heard, ping_at } => ping_at.min(heard + WS_PONG_DEADLINE),
            Phase::Over => Nanos(u64::MAX),
        }
    }

    /// Moves the bytes for the client to the end of `out`.
    pub fn output(&mut self, out: &mut Vec<u8>) {
        self.wire.output(out);
    }

    /// Whether messages go both ways.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    /// Whether the connection can be closed, once its output is written.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// How the client ended it or made us end it, for the log.
    pub fn ended(&self) -> Option<Ended> {
        self.wire.ended()
    }

    /// How the session ended, if it did: with a goodbye only if the client's close frame came before any of ours.
    pub fn end(&self) -> Option<SessionEnd> {
        match (self.phase, self.wire.ended()) {
            (Phase::Upgrading { .. } | Phase::Open { .. }, _) => None,
            (_, Some(Ended::Handshake)) if !self.closes => Some(SessionEnd::Logout),
            _ => Some(SessionEnd::Disconnect),
        }
    }

    /// The key that is logged on.
    pub fn logged_on(&self) -> Option<ApiKeyId> {
        self.logged_on.map(|(key, _)| key)
    }

    /// The verdict on `session.logon` was yes. To change the key, log out first: requests on their way would
    /// otherwise change hands.
    pub fn log_on(&mut self, key: ApiKeyId, cancel: CancelTerms, now: Nanos) -> Result<(), Refusal> {
        if self.logged_on.is_some() {
            return Err(Reject::AlreadyLoggedOn.into());
        }
        self.logged_on = Some((key, now));
        self.cancel = cancel;
        Ok(())
    }

    /// Whether answers carry `timing` where the request does not say.
    pub fn timing(&self) -> bool {
        self.timing
    }

    /// `session.logon` has asked for `timing`, or for none.
    pub fn set_timing(&mut self, timing: bool) {
        self.timing = timing;
    }

    /// `session.logout`: forgets the key, and with it the subscription.
    pub fn log_out(&mut self) {
        self.logged_on = None;
        self.timing = false;
        self.cancel = CancelTerms::default();
        self.end_subscription();
    }

    /// `userDataStream.subscribe`: events of `accounts`, those of the key that is logged on. Gives the number of the
    /// subscription; there is one at a time, and who asks again gets it again.
    pub fn subscribe(&mut self, accounts: &[AccountId]) -> Result<u32, Refusal> {
        if self.logged_on.is_none() {
            return Err(Reject::NotLoggedOn.into());
        }
        let number = match self.subscription {
            Some(number) => number,
            None => {
                self.subscriptions_so_far += 1;
                self.subscriptions_so_far - 1
            }
        };
        self.subscription = Some(number);
        self.accounts.clear();
        self.accounts.extend_from_slice(accounts);
        Ok(number)
    }

    /// `userDataStream.unsubscribe`, of one subscription or of whatever there is.
    pub fn unsubscribe(&mut self, subscription: Option<u32>) -> Result<(), Refusal> {
        if subscription.is_some() && subscription != self.subscription {
            return Err(Refusal::field(Reject::FieldValue, "subscriptionId"));
        }
        self.end_subscription();
        Ok(())
    }

    /// The number of the subscription that hears of `account`, if there is one.
    pub fn hears(&self, account: AccountId) -> Option<u32> {
        self.subscription.filter(|_| self.accounts.contains(&account))
    }

    /// The number of the subscription; another one is another subscription.
    pub fn subscription(&self) -> Option<u32> {
        self.subscription
    }

    /// The accounts of the subscription; none without one.
    pub fn subscribed(&self) -> &[AccountId] {
        &self.accounts
    }

    /// Whether answers carry `rateLimits` where the request does not say.
    pub fn return_rate_limits(&self) -> bool {
        self.return_rate_limits
    }

    /// What `session.status` tells.
    pub fn status(&self) -> SessionStatus {
        SessionStatus {
            logged_on: self.logged_on,
            cancel: self.cancel,
            connected_since: self.connected_since,
            return_rate_limits: self.return_rate_limits,
            timing: self.timing,
            user_data_stream: self.subscription.is_some(),
        }
    }

    fn end_subscription(&mut self) {
        self.subscription = None;
        self.accounts.clear();
    }
}
