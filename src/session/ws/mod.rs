//! A WebSocket connection: who may speak now, and when it ends.

use crate::types::{AccountId, ApiKeyId, Nanos, Refusal, SessionStatus};
use crate::wire::ws::{Close, TextMessage};

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
pub struct Session {}

impl Session {
    /// A connection whose TLS handshake ended now.
    pub fn new(_now: Nanos) -> Self {
        unimplemented!()
    }

    /// Takes plain bytes from the client; then call [`Session::next_input`] until it gives `None`.
    pub fn receive(&mut self, _bytes: &[u8], _now: Nanos) {
        unimplemented!()
    }

    /// The next thing that came in.
    pub fn next_input(&mut self, _now: Nanos) -> Option<Input> {
        unimplemented!()
    }

    /// Sends one text message; dropped when the connection is closing.
    pub fn send(&mut self, _text: &[u8]) {
        unimplemented!()
    }

    /// Begins the close handshake. Nothing that comes after it is read.
    pub fn close(&mut self, _why: Close, _now: Nanos) {
        unimplemented!()
    }

    /// Pings and closes when it is time to.
    pub fn tick(&mut self, _now: Nanos) {
        unimplemented!()
    }

    /// When [`Session::tick`] has something to do.
    pub fn deadline(&self) -> Nanos {
        unimplemented!()
    }

    /// Moves the bytes for the client to the end of `out`.
    pub fn output(&mut self, _out: &mut Vec<u8>) {
        unimplemented!()
    }

    /// Whether the connection can be closed once its output is written.
    pub fn is_over(&self) -> bool {
        unimplemented!()
    }

    /// The key that is logged on.
    pub fn logged_on(&self) -> Option<ApiKeyId> {
        unimplemented!()
    }

    /// The verdict on `session.logon` was yes.
    pub fn log_on(&mut self, _key: ApiKeyId, _now: Nanos) -> Result<(), Refusal> {
        unimplemented!()
    }

    /// `session.logout`: forgets the key and ends its subscription.
    pub fn log_out(&mut self) -> Result<(), Refusal> {
        unimplemented!()
    }

    /// `userDataStream.subscribe`: events of `accounts`, those of the key that is logged on. Gives its number.
    pub fn subscribe(&mut self, _accounts: &[AccountId]) -> Result<u32, Refusal> {
        unimplemented!()
    }

    /// `userDataStream.unsubscribe`.
    pub fn unsubscribe(&mut self, _subscription: Option<u32>) -> Result<(), Refusal> {
        unimplemented!()
    }

    /// The number of the subscription that hears of `account`, if there is one.
    pub fn hears(&self, _account: AccountId) -> Option<u32> {
        unimplemented!()
    }

    /// What `session.status` tells.
    pub fn status(&self) -> SessionStatus {
        unimplemented!()
    }
}
