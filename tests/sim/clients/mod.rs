//! Clients that want things, time out, reconnect and try again, over both protocols. What they send and read is made
//! here, by hand: nothing of the server's codecs.

pub mod fix;
pub mod fix_message;
mod fix_words;
pub mod intent;
pub mod seen;
pub mod watcher;
pub mod ws;
mod ws_link;
mod ws_words;

use super::machine::net::{ConnIx, SimNet};
use super::rng::Rng;
use super::trace::Trace;
use super::venue::Venue;
use sealgate::types::Nanos;
use seen::Seen;

/// What a client acts with.
pub struct Turn<'a> {
    pub rng: &'a mut Rng,
    pub net: &'a SimNet,
    pub now: Nanos,
    pub seen: &'a mut Seen,
    pub trace: &'a mut Trace,
    pub venue: &'a Venue,
    /// How often the server has crashed.
    pub epoch: u64,
    /// Nothing new is begun any more: what is under way comes to its end.
    pub settling: bool,
    /// Whether a Logon takes its session from another connection.
    pub takeover: bool,
}

/// One client.
pub enum Client {
    Fix(fix::Fix),
    Ws(ws::Ws),
    Watcher(watcher::Watcher),
}

/// All of a run: a FIX session and a bot of each member, and somebody who watches.
pub fn all() -> Vec<Client> {
    vec![
        Client::Fix(fix::Fix::new(0, 0)),
        Client::Fix(fix::Fix::new(1, 1)),
        Client::Ws(ws::Ws::new(2, 0)),
        Client::Ws(ws::Ws::new(3, 1)),
        Client::Watcher(watcher::Watcher::new(0)),
    ]
}

impl Client {
    pub fn act(&mut self, turn: &mut Turn<'_>) {
        match self {
            Self::Fix(fix) => fix.act(turn),
            Self::Ws(ws) => ws.act(turn),
            Self::Watcher(watcher) => watcher.act(turn),
        }
    }

    pub fn conn(&self) -> Option<ConnIx> {
        match self {
            Self::Fix(fix) => fix.conn,
            Self::Ws(ws) => ws.link.conn,
            Self::Watcher(watcher) => watcher.link.conn,
        }
    }

    /// Whether it has nothing more to wait for.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Fix(fix) => fix.is_settled(),
            Self::Ws(ws) => ws.is_settled(),
            Self::Watcher(_) => true,
        }
    }

    /// Ends its connection, with a goodbye or without one.
    pub fn leave(&mut self, turn: &mut Turn<'_>) {
        match self {
            Self::Fix(fix) => fix.leave(turn),
            Self::Ws(ws) => ws.leave(turn),
            Self::Watcher(_) => {}
        }
    }
}
