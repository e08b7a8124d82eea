//! What every connection of a gateway uses: from a decoded request into a shard's ring.
//!
//! ```text
//!   Unverified ─► verify ─► limit ─► route ─► ShardInput ─►│ring│          any refusal goes back to the caller
//!                                     └─ no instrument ───►│every ring│    all of them, or none
//! ```

use super::fix;
use super::join::Joins;
use super::logons::Logons;
use crate::accept::Identity;
use crate::config::{Directory, FixSession};
use crate::limit::Limiter;
use crate::planted::{self, Bug};
use crate::ring::watermark::Watermark;
use crate::ring::{Push, spsc};
use crate::route::Router;
use crate::run::rings::InputWriter;
use crate::sys::clock::Clock;
use crate::sys::poll::Waker;
use crate::types::{
    Allowed, ApiKeyId, Command, ConnId, GatewayId, InstrumentId, KillSwitch, KillTarget, LogonId, Nanos,
    Origin, Query, Refusal, Reject, Request, RequestKind, Requester, SessionId, ShardInput, ShardOutput,
    Stamps, Text, Unverified,
};
use crate::verify::{Authority, Verifier};
use crate::watch::{Meter, Meters, SecurityEvent, SecurityLog, SecurityRecord, Stage, Watch};
use crate::wire::digest;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

/// The rings between this gateway and one shard, from the gateway's side.
#[derive(Debug)]
pub struct ShardPort {
    /// Requests.
    pub inputs: InputWriter,
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
    /// Requests that every shard has.
    pub joins: Joins,
    /// Counters and histograms.
    pub watch: Watch,
    /// How full, how many, how far.
    pub meters: Meters,
    /// Requests that went to a shard.
    pub requests: u64,
    /// What concerns security.
    pub security: SecurityLog,
    /// Whether the server stops: nothing is taken any more.
    pub closing: bool,
    /// Requests that shards have and that are not answered yet, of both protocols; one that all have counts once.
    pub in_flight: usize,
    /// The logons of its connections.
    pub logons: Logons,
    /// Instruments whose kill switch is engaged, as far as this gateway has told.
    pub halted: BTreeSet<InstrumentId>,
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
    /// The WebSocket logon of the connection; [`LogonId::NONE`] without one, and for FIX.
    pub logon: LogonId,
    /// When the request passed each stage: as far as it has come, also when it is refused.
    pub stamps: Stamps,
}

impl Desk {
    /// The FIX sessions that this gateway keeps.
    pub fn own_sessions(&self) -> impl Iterator<Item = &FixSession> {
        let sessions = self.directory.sessions().iter();
        sessions.filter(|session| self.router.gateway_of(session.id) == self.id)
    }

    /// A kill switch was engaged or released: what is told of its instrument changes.
    pub fn switched(&mut self, switch: &KillSwitch) {
        match switch.target {
            KillTarget::Instrument(instrument) if switch.engaged => drop(self.halted.insert(instrument)),
            KillTarget::Instrument(instrument) => drop(self.halted.remove(&instrument)),
            KillTarget::Account(_) => {}
        }
    }

    /// Takes a decoded request through verify, limit and route into the ring of its shard. If it is refused, it has
    /// not been taken and never will be.
    pub fn submit(&mut self, unverified: Unverified<'_>, asker: &mut Asker) -> Result<(), Refusal> {
        let allowed = self.admit(unverified, asker)?;
        let origin = Origin { gateway: self.id, conn: asker.conn, token: asker.token, stamps: asker.stamps };
        self.push(&allowed, origin, asker.logon)
    }

    /// Takes a decoded request through verify and limit.
    pub fn admit<'a>(
        &mut self,
        unverified: Unverified<'a>,
        asker: &mut Asker,
    ) -> Result<Allowed<'a>, Refusal> {
        if self.closing {
            return Err(Reject::ShuttingDown.into());
        }
        if self.logons.are_behind() {
            return Err(Reject::Busy.into());
        }
        let (stamps, is_signed) = (&mut asker.stamps, unverified.signature.is_some());
        stamps.decoded = self.clock.now();
        let verified = self.verifier.verify(unverified, asker.authority)?;
        // To see that nothing is to be verified takes as long as to look at the clock.
        stamps.verified = if is_signed { self.clock.now() } else { stamps.decoded };
        let allowed = self.limiter.check(verified, stamps.verified)?;
        stamps.limited = self.clock.now();
        Ok(allowed)
    }

    fn push(&mut self, allowed: &Allowed<'_>, origin: Origin, logon: LogonId) -> Result<(), Refusal> {
        let request = allowed.request();
        let pushed = match request.kind.instrument() {
            Some(instrument) => {
                let shard = self.router.shard_of(instrument).ok_or(Reject::SymbolUnknown)?;
                let input = input(allowed, request, origin, logon);
                self.shards[usize::from(shard.0)].push(&input, allowed.signed_bytes().bytes)
            }
            None => self.push_to_all(allowed, request, origin, logon),
        };
        match pushed {
            Push::Done => {
                self.in_flight += 1;
                self.requests += 1;
                if planted::has(Bug::RefusedAndExecuted) {
                    return Err(Reject::Busy.into());
                }
                Ok(())
            }
            Push::Full(()) => Err(Reject::Busy.into()),
        }
    }

    /// What concerns all instruments: its answers are joined.
    fn push_to_all(
        &mut self,
        allowed: &Allowed<'_>,
        request: &Request,
        mut origin: Origin,
        logon: LogonId,
    ) -> Push {
        if !self.all_have_room() {
            return Push::Full(());
        }
        let is_fix = fix::session_of(origin.token).is_some();
        origin.token = self.joins.begin(origin.token, is_fix, self.shards.len());
        self.tell_all(&input(allowed, request, origin, logon), allowed.signed_bytes().bytes)
    }

    /// Puts an input into the ring of every shard, or into none if one is full: for what the gateway itself has to tell
    /// all of them, such as the end of a session. The end of it is not joined.
    pub fn tell_all(&mut self, input: &ShardInput, signed: &[u8]) -> Push {
        if !self.all_have_room() {
            return Push::Full(());
        }
        for port in &mut self.shards {
            let pushed = port.push(input, signed);
            assert!(pushed.is_done(), "room was asked for, and nobody else pushes");
        }
        Push::Done
    }

    /// Asks the shard of an instrument for its book, to follow it from there.
    pub fn ask_book(&mut self, instrument: InstrumentId) -> Result<(), Refusal> {
        if self.closing {
            return Err(Reject::ShuttingDown.into());
        }
        let shard = self.router.shard_of(instrument).ok_or(Reject::SymbolUnknown)?;
        let origin = Origin { gateway: self.id, conn: ConnId(0), token: 0, stamps: Stamps::default() };
        let query = Query::Book(instrument);
        match self.shards[usize::from(shard.0)].push(&ShardInput::Query { origin, query }, &[]) {
            Push::Done => Ok(()),
            Push::Full(()) => Err(Reject::Busy.into()),
        }
    }

    fn all_have_room(&self) -> bool {
        self.shards.iter().all(|port| port.inputs.slots() > 0)
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
        self.security.note(SecurityRecord { at: self.clock.now(), peer: Some(peer), event });
    }

    /// Writes what the operator may look at.
    pub fn measure(&mut self) {
        let waiting = self.shards.iter().map(|shard| shard.outputs.slots() as u64).sum();
        let (counts, in_flight) = (self.verifier.counts(), self.in_flight as u64);
        self.meters.set(Meter::Requests, self.requests);
        self.meters.set(Meter::Answers, self.requests - in_flight);
        self.meters.set(Meter::InFlight, in_flight);
        self.meters.set(Meter::VerifiedByTable, counts.by_table);
        self.meters.set(Meter::VerifiedTogether, counts.together);
        self.meters.set(Meter::VerifiedByDalek, counts.by_dalek);
        self.meters.set(Meter::OutputsWaiting, waiting);
    }

    /// A request is answered.
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
    /// Puts an input with its signed bytes into the ring, and sees to it that it is taken out.
    pub fn push(&mut self, input: &ShardInput, signed: &[u8]) -> Push {
        let pushed = self.inputs.push(input, signed);
        if pushed.is_done() {
            self.waker.wake();
        }
        pushed
    }

    /// Whether an output may be told.
    pub fn has_durable_output(&self) -> bool {
        let durable = self.durable.reached();
        self.outputs
            .peek()
            .is_some_and(|output| output.seq() <= durable || planted::has(Bug::WatermarkIgnored))
    }

    /// Takes the next output if it may be told: what it tells is durable.
    pub fn durable_output(&mut self) -> Option<ShardOutput> {
        if self.has_durable_output() { self.outputs.pop() } else { None }
    }
}

fn input(allowed: &Allowed<'_>, request: &Request, origin: Origin, logon: LogonId) -> ShardInput {
    let signed = allowed.signed_bytes();
    let requester = || Requester {
        session: request.session,
        number: fix::number_of(origin.token),
        logon,
        key: request.key,
        sent: request.sent,
        recv_window: request.recv_window,
        content: request.content,
        signed_digest: if request.is_told_by_bytes() { digest::sha256_cut(signed.bytes) } else { [0; 16] },
        named: request.named,
    };
    let command = match request.kind {
        RequestKind::New(order) => Command::New(requester(), order),
        RequestKind::Cancel(cancel) => Command::Cancel(requester(), cancel),
        RequestKind::Amend(amend) => Command::Amend(requester(), amend),
        RequestKind::Replace(replace) => Command::Replace(requester(), replace),
        RequestKind::MassCancel(cancel) => Command::MassCancel(requester(), cancel),
        RequestKind::CancelAllAfter(request) => Command::CancelAllAfter(requester(), request),
        RequestKind::Query(query) => return ShardInput::Query { origin, query },
    };
    ShardInput::Command { origin: Some(origin), command, signature: signed.signature }
}

#[cfg(test)]
mod tests;
