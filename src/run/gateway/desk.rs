//! What every connection of a gateway uses: from a decoded request into a shard's ring.
//!
//! ```text
//!   Unverified ─► verify ─► limit ─► route ─► ShardInput ─►│ring│          any refusal goes back to the caller
//! ```

use crate::accept::Identity;
use crate::config::Directory;
use crate::limit::Limiter;
use crate::ring::spsc;
use crate::ring::watermark::Watermark;
use crate::route::Router;
use crate::sys::clock::Clock;
use crate::sys::poll::Waker;
use crate::types::{
    Allowed, ApiKeyId, Command, ConnId, GatewayId, LogonId, Nanos, Origin, Refusal, Reject, Request,
    RequestKind, Requester, SessionId, ShardInput, ShardOutput, Stamps, Text, Unverified,
};
use crate::verify::{Authority, Verifier};
use crate::watch::{SecurityEvent, SecurityLog, SecurityRecord, Stage, Watch};
use crate::wire::digest;
use std::net::SocketAddr;
use std::sync::Arc;

/// The rings between this gateway and one shard, from the gateway's side.
#[derive(Debug)]
pub struct ShardPort {
    /// Requests.
    pub inputs: spsc::Producer<ShardInput>,
    /// Events and answers; one waits here until it is durable.
    pub outputs: spsc::Consumer<ShardOutput>,
    /// How far the shard's journal is durable.
    pub durable: Watermark,
    /// Wakes the shard's thread.
    pub waker: Waker,
}

/// Stages and ports that connections share.
#[derive(Debug)]
pub struct Desk {
    /// Which gateway this is.
    pub id: GatewayId,
    /// Who may do what.
    pub directory: Arc<Directory>,
    /// The name of the environment.
    pub environment: String,
    /// The thread's clock; stages are given the time.
    pub clock: Clock,
    /// Is it really you.
    pub verifier: Verifier,
    /// How often.
    pub limiter: Limiter,
    /// Which shard.
    pub router: Router,
    /// The shards, by number.
    pub shards: Vec<ShardPort>,
    /// Counters and histograms.
    pub watch: Watch,
    /// What concerns security.
    pub security: SecurityLog,
    /// Whether the server stops: nothing is taken any more.
    pub closing: bool,
    /// Requests that a shard has and that are not answered yet, of both protocols.
    pub in_flight: usize,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// From where.
    pub peer: SocketAddr,
    /// Whose certificate.
    pub identity: Identity,
}

/// Who asks, and how far the request has come.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// The connection.
    pub conn: ConnId,
    /// The gateway's name of the request.
    pub token: u64,
    /// What the connection has proven.
    pub authority: Authority,
    /// When the bytes of the request were read.
    pub received: Nanos,
}

impl Desk {
    /// Takes a decoded request through verify, limit and route into the ring of its shard. If it is refused, it has
    /// not been taken and never will be.
    pub fn submit(&mut self, unverified: Unverified<'_>, asker: Asker) -> Result<(), Refusal> {
        if self.closing {
            return Err(Reject::ShuttingDown.into());
        }
        let mut stamps = Stamps { received: asker.received, decoded: self.clock.now(), ..Stamps::default() };
        let verified = self.verifier.verify(unverified, asker.authority)?;
        stamps.verified = self.clock.now();
        let allowed = self.limiter.check(verified, stamps.verified)?;
        stamps.limited = self.clock.now();
        let origin = Origin { gateway: self.id, conn: asker.conn, token: asker.token, stamps };
        self.push(&allowed, origin)
    }

    fn push(&mut self, allowed: &Allowed<'_>, origin: Origin) -> Result<(), Refusal> {
        let request = allowed.request();
        let shard = match request.kind.instrument() {
            Some(instrument) => self.router.shard_of(instrument).ok_or(Reject::SymbolUnknown)?,
            // Questions about all instruments go to the one shard that there is (config::file allows no more yet).
            None => self.router.shards().next().ok_or(Reject::SymbolUnknown)?,
        };
        let port = &mut self.shards[usize::from(shard.0)];
        if port.inputs.push(input(allowed, request, origin)).is_done() {
            port.waker.wake();
            self.in_flight += 1;
            Ok(())
        } else {
            Err(Reject::Busy.into())
        }
    }

    /// Counts a refusal, and notes it if it concerns security.
    pub fn count_refusal(&mut self, refusal: &Refusal, from: &Sender, key: ApiKeyId, session: SessionId) {
        let (reject, member) = (refusal.reject, from.identity.member);
        self.watch.refuse(reject);
        match reject {
            Reject::SignatureMissing | Reject::SignatureInvalid => {
                self.note(from.peer, SecurityEvent::SignatureRefused { member, key, session, reject });
            }
            Reject::AccountUnknown | Reject::KeyUnknown => {
                self.note(from.peer, SecurityEvent::NotPermitted { member, reject });
            }
            _ => {}
        }
    }

    /// Notes a logon that was refused; `claimed` is who it said it is.
    pub fn logon_refused(&mut self, from: &Sender, claimed: &[u8]) {
        let (reject, member) = (Reject::LogonRefused, from.identity.member);
        let claimed = Text::truncated(&String::from_utf8_lossy(claimed));
        self.note(from.peer, SecurityEvent::LogonRefused { member, reject, claimed });
    }

    /// Notes what concerns security.
    pub fn note(&mut self, peer: SocketAddr, event: SecurityEvent) {
        self.security.note(SecurityRecord { at: self.clock.now(), peer, event });
    }

    /// The shard has answered a request.
    pub fn landed(&mut self) {
        assert!(self.in_flight > 0, "a request is answered once");
        self.in_flight -= 1;
    }

    /// Records the times of a request whose answer has gone to its socket.
    pub fn answered(&mut self, stamps: &Stamps, durable: Nanos, sent: Nanos) {
        self.watch.stamps(stamps);
        self.watch.time(Stage::Durable, durable.since(stamps.matched));
        self.watch.time(Stage::Report, sent.since(durable));
        self.watch.time(Stage::Total, sent.since(stamps.received));
    }
}

impl ShardPort {
    /// Whether an output may be told.
    pub fn has_durable_output(&self) -> bool {
        let durable = self.durable.reached();
        self.outputs.peek().is_some_and(|output| output.seq() <= durable)
    }

    /// Takes the next output if it may be told: what it tells is durable.
    pub fn durable_output(&mut self) -> Option<ShardOutput> {
        if self.has_durable_output() { self.outputs.pop() } else { None }
    }
}

fn input(allowed: &Allowed<'_>, request: &Request, origin: Origin) -> ShardInput {
    let signed = allowed.signed_bytes();
    let requester = || Requester {
        session: request.session,
        logon: LogonId::NONE,
        key: request.key,
        sent: request.sent,
        recv_window: request.recv_window,
        content: request.content,
        signed_digest: digest::sha256_cut(signed.as_bytes()),
        named: request.named,
    };
    match request.kind {
        RequestKind::New(order) => {
            ShardInput::Command { origin: Some(origin), command: Command::New(requester(), order), signed }
        }
        RequestKind::Cancel(cancel) => ShardInput::Command {
            origin: Some(origin),
            command: Command::Cancel(requester(), cancel),
            signed,
        },
        RequestKind::Query(query) => ShardInput::Query { origin, query },
    }
}
