//! Clients that want things, time out, reconnect and try again, over both protocols. What they send and read is made
//! here, by hand: nothing of the server's codecs.

pub mod fix;
pub mod fix_message;
pub mod intent;
pub mod ws;

use super::machine::net::{ConnIx, SimNet};
use super::rng::Rng;
use super::trace::Trace;
use super::venue::Venue;
use intent::Seen;
use sealgate::types::Nanos;

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
}

/// One client.
pub enum Client {
    Fix(fix::Fix),
    Ws(ws::Ws),
}

impl Client {
    pub fn act(&mut self, turn: &mut Turn<'_>) {
        match self {
            Self::Fix(fix) => fix.act(turn),
            Self::Ws(ws) => ws.act(turn),
        }
    }

    pub fn conn(&self) -> Option<ConnIx> {
        match self {
            Self::Fix(fix) => fix.conn,
            Self::Ws(ws) => ws.conn,
        }
    }

    /// Whether it has nothing more to wait for.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Fix(fix) => fix.is_settled(),
            Self::Ws(ws) => ws.is_settled(),
        }
    }
}
