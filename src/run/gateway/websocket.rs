//! A WebSocket connection on a gateway: frames → requests → a shard, or an answer of our own.

pub mod resume;

use super::catch_up::CatchUp;
use super::counter::{Counter, Extras, Own, Waiting};
use super::desk::{Asker, Desk, Sender};
use super::line::Told;
use super::market::{Hearer, wish};
use super::streams::Positions;
use crate::decode::ws::{Ask, Caller, Decoder, Local, Logon};
use crate::limit::{CapVerdict, MessageCap};
use crate::market::Market;
use crate::report::ws::{Reply, Reporter};
use crate::session::ws::{Input, Session};
use crate::sys::tally::library;
use crate::types::{
    AccountId, CancelRefusal, ConnId, Execution, InstrumentId, LogonId, MarketStream, Nanos, Query, Refusal,
    Reject, RequestKind, ResponseType, SessionEnd, SessionId, Shift, Stamps, Timing, Unverified,
};
use crate::verify::Authority;
use crate::watch::SecurityEvent;
use crate::wire::json::RequestId;
use crate::wire::ws::Close;
use resume::Waiting as Resuming;

/// One connection after its TLS handshake.
#[derive(Debug)]
pub struct WebSocket {
    session: Session,
    from: Sender,
    cap: MessageCap,
    /// Its logon, until the shards were told of its end.
    logon: Option<LogonId>,
    /// Its private streams that are behind.
    catch_up: Option<Box<CatchUp<Resuming>>>,
    /// When it hears how far its streams are.
    heartbeat: Nanos,
    /// How often it caught up.
    catch_ups: u64,
}

/// What a connection works with while it has the turn.
pub struct Turn<'a> {
    /// The connection's own name.
    pub conn: ConnId,
    /// When its bytes were read.
    pub received: Nanos,
    /// Verify, limit, route.
    pub desk: &'a mut Desk,
    /// Frames → requests.
    pub decoder: &'a mut Decoder,
    /// Requests that wait, and the writing of answers.
    pub counter: &'a mut Counter,
    /// Books and trades.
    pub market: &'a mut Market<Hearer>,
    /// How far each private stream was told.
    pub positions: &'a Positions,
}

impl WebSocket {
    /// A connection whose handshake has just ended.
    pub fn new(from: Sender, messages_per_second: u32, now: Nanos) -> Self {
        let cap = MessageCap::new(messages_per_second);
        let session = Session::new(now);
        Self { session, from, cap, logon: None, catch_up: None, heartbeat: now, catch_ups: 0 }
    }

    /// The session, for output, timers and answers.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Nothing more is taken from the connection.
    pub fn leaves(&mut self, desk: &mut Desk) {
        self.settle(desk);
        if let Some(logon) = self.logon.take() {
            desk.session_ended(logon, SessionEnd::Disconnect);
        }
    }

    /// Tells the shards as soon as the session is over, while its last bytes are still on their way.
    pub fn settle(&mut self, desk: &mut Desk) {
        if let Some(end) = self.session.end()
            && let Some(logon) = self.logon.take()
        {
            desk.session_ended(logon, end);
        }
    }

    /// The clock was set.
    pub fn clock_moved(&mut self, by: Shift) {
        self.session.clock_moved(by);
        self.cap.clock_moved(by);
        self.heartbeat = self.heartbeat + by;
    }

    /// When the session has something to do though nothing comes.
    pub fn deadline(&self) -> Nanos {
        let heartbeat = self.session.subscription().map(|_| self.heartbeat);
        self.session.deadline().min(heartbeat.unwrap_or(Nanos(u64::MAX)))
    }

    /// Sends an event if this connection has subscribed to its account.
    pub fn tell(&mut self, execution: &Execution, told: &Told<'_>, counter: &mut Counter) -> bool {
        let Some(subscription) = self.session.hears(execution.order.account) else { return false };
        if let Some(catch_up) = &mut self.catch_up {
            let text = |held: &mut Vec<u8>| {
                held.extend_from_slice(counter.execution_report(subscription, execution, told));
            };
            if !catch_up.passes(execution, told.at.shard, text) {
                return true;
            }
        }
        self.session.send(counter.execution_report(subscription, execution, told));
        true
    }

    /// Takes plain bytes.
    pub fn receive(&mut self, plain: &[u8], turn: &mut Turn<'_>) {
        let now = turn.received;
        library(|| self.session.receive(plain, now));
        while let Some(input) = library(|| self.session.next_input(now)) {
            // Whoever was told to go is not heard. What it sends is taken out all the same, and kept nowhere.
            if !self.session.is_open() {
                continue;
            }
            match (self.cap.count(now), input) {
                (CapVerdict::Pass, Input::Text(text)) => self.request(&text, turn),
                (CapVerdict::Pass | CapVerdict::Refuse(_), Input::Control) => {}
                (CapVerdict::Refuse(refusal), Input::Text(_)) => {
                    turn.desk.watch.refuse(Reject::ConnectionRate);
                    let own = self.own(RequestId::default(), None, now, turn.desk);
                    self.session.send(turn.counter.refuse(&own, &refusal));
                }
                (CapVerdict::Close, _) => {
                    let member = self.from.identity.member;
                    turn.desk.note(self.from.peer, SecurityEvent::Flood { member });
                    self.session.close(Close::TooManyMessages, now);
                }
            }
        }
        self.settle(turn.desk);
    }

    fn request(&mut self, text: &str, turn: &mut Turn<'_>) {
        let caller = Caller {
            member: self.from.identity.member,
            logged_on: self.session.logged_on(),
            received: turn.received,
            token: turn.counter.requests.next_token(),
        };
        let decoded = match turn.decoder.decode(text, &caller) {
            Ok(decoded) => decoded,
            Err(fault) => {
                turn.desk.watch.refuse(fault.refusal.reject);
                let own = self.own(fault.id, turn.decoder.timing(), turn.received, turn.desk);
                self.session.send(turn.counter.refuse(&own, &fault.refusal));
                return;
            }
        };
        let limits = decoded.return_rate_limits.unwrap_or(self.session.status().return_rate_limits);
        let Turn { conn, received, desk, counter, market, positions, .. } = turn;
        let timing = decoded.timing.unwrap_or(self.session.timing());
        let extras = Extras { limits, timing };
        let (conn, id, now) = (*conn, decoded.id, *received);
        let mut here = Here { conn, id, now, extras, desk, counter, market, positions };
        match decoded.ask {
            Ask::Shard(unverified, style) => self.submit(unverified, style, &mut here),
            Ask::Local(Local::Logon(logon)) => {
                let verdict = self.log_on(&logon, &mut here);
                if verdict.is_ok() {
                    self.session.set_timing(timing);
                }
                self.status_or_refusal(verdict, &mut here);
            }
            Ask::Local(local) => self.local(local, &mut here),
        }
    }

    fn submit(&mut self, unverified: Unverified<'_>, style: ResponseType, here: &mut Here<'_>) {
        let (kind, key) = (unverified.request.kind, unverified.request.key);
        let authority = Authority { member: self.from.identity.member, logged_on: self.session.logged_on() };
        let token = here.counter.requests.next_token();
        let waiting = Waiting::new(here.id, &kind, style, here.extras);
        let (conn, logon) = (here.conn, self.logon.unwrap_or_default());
        let mut asker = Asker { conn, token, authority, logon, stamps: Stamps::received(here.now) };
        let rates_of = match kind {
            RequestKind::Query(Query::RateLimits(account)) => Some(account),
            _ => None,
        };
        let done = match rates_of {
            Some(_) => here.desk.admit(unverified, &mut asker).map(|_| ()),
            None => here.desk.submit(unverified, &mut asker),
        };
        match (done, rates_of) {
            (Ok(()), Some(account)) => {
                let own = here.own(asker.stamps);
                let text = here.counter.rate_limits(&own, here.extras.limits, account, here.desk);
                self.session.send(text);
            }
            (Ok(()), None) => {
                here.counter.requests.insert(here.conn, here.now, waiting);
            }
            (Err(refusal), _) => {
                here.desk.count_refusal(&refusal, &self.from, key, SessionId::NONE);
                let timing = Timing::own(asker.stamps, here.desk.clock.now());
                let (desk, now) = (&*here.desk, here.now);
                let text = here.counter.write(&waiting, &timing, desk, now, |reporter, to, _, out| {
                    reporter.refused(to, &refusal, now, out);
                });
                self.session.send(text);
            }
        }
    }

    /// `session.logon`: the key must be the member's, the signature good, and the time near ours. There is no replay to
    /// fear here: a logon of this connection's certificate gives nothing that the certificate's owner has not.
    fn log_on(&mut self, logon: &Logon<'_>, here: &mut Here<'_>) -> Result<(), Refusal> {
        if here.desk.closing {
            return Err(Reject::ShuttingDown.into());
        }
        if !here.desk.verifier.logon(self.from.identity.member, logon.key, logon.payload, &logon.signature) {
            let claimed = here.desk.directory.key(logon.key).map_or_else(String::new, |key| key.name.clone());
            here.desk.logon_refused(&self.from, claimed.as_bytes());
            return Err(Reject::LogonRefused.into());
        }
        logon.check_time(here.now)?;
        let key = here.desk.directory.key(logon.key).ok_or(Reject::KeyUnknown)?;
        let terms = key.cancel.agree(logon.cancel_on, logon.cancel_grace).map_err(refused_terms)?;
        self.session.log_on(logon.key, terms, here.now)?;
        self.logon = Some(here.desk.session_began(SessionId::NONE, logon.key, terms));
        Ok(())
    }

    fn local(&mut self, local: Local<'_>, here: &mut Here<'_>) {
        let (own, now) = (here.own(Stamps::received(here.now)), here.now);
        let done = match local {
            Local::Ping => here.answer(|reporter, to, out| reporter.empty(to, out)),
            Local::Time => here.answer(|reporter, to, out| reporter.time(to, now, out)),
            Local::ExchangeInfo(which) => {
                let account = self.account(here.desk);
                here.counter.own_with_limits(&own, account, here.desk, |reporter, to, out| {
                    let venue = (here.desk.environment.as_str(), &here.desk.halted);
                    reporter.exchange_info(to, which, venue, now, out);
                })
            }
            Local::Subscribe(from) => match self.subscribe(from, here) {
                // The shards are asked; the answer follows.
                Ok(None) => return,
                Ok(Some((subscription, positions))) => here.answer(|reporter, to, out| {
                    reporter.subscribed_to(to, subscription, &positions, out);
                }),
                Err(refusal) => here.counter.refuse(&own, &refusal),
            },
            Local::Unsubscribe(subscription) => match self.session.unsubscribe(subscription) {
                Ok(()) => {
                    self.abandon_catch_up(here);
                    here.answer(|reporter, to, out| reporter.empty(to, out))
                }
                Err(refusal) => here.counter.refuse(&own, &refusal),
            },
            Local::Listen(stream, instrument, levels) => {
                match self.listen(stream, instrument, levels, here) {
                    Ok(number) => here.answer(|reporter, to, out| reporter.subscribed(to, number, out)),
                    Err(refusal) => here.counter.refuse(&own, &refusal),
                }
            }
            Local::Unlisten(stream, instrument) => match self.unlisten(stream, instrument, here) {
                Ok(()) => here.answer(|reporter, to, out| reporter.empty(to, out)),
                Err(refusal) => here.counter.refuse(&own, &refusal),
            },
            Local::Logout => {
                self.session.log_out();
                self.abandon_catch_up(here);
                if let Some(logon) = self.logon.take() {
                    here.desk.session_ended(logon, SessionEnd::Logout);
                }
                return self.status_or_refusal(Ok(()), here);
            }
            Local::Status | Local::Logon(_) => return self.status_or_refusal(Ok(()), here),
        };
        self.session.send(done);
    }

    /// An answer to what came no further than the connection itself.
    fn own(&self, id: RequestId, timing: Option<bool>, now: Nanos, desk: &mut Desk) -> Own {
        let timing = timing.unwrap_or(self.session.timing());
        let sent = || Timing::own(Stamps::received(now), desk.clock.now());
        Own { id, now, timing: timing.then(sent) }
    }

    /// The account whose limits concern this client: the first of the key that is logged on.
    fn account(&self, desk: &Desk) -> Option<AccountId> {
        let key = desk.directory.key(self.session.logged_on()?)?;
        key.accounts.first().copied()
    }

    /// Begins a stream, or begins it anew.
    fn listen(
        &mut self,
        stream: MarketStream,
        instrument: InstrumentId,
        levels: u16,
        here: &mut Here<'_>,
    ) -> Result<u32, Refusal> {
        let is_new = self.session.listens(stream, instrument).is_none();
        let subscribed = self.session.listen(stream, instrument)?;
        if here.market.is_unknown(instrument)
            && let Err(refusal) = here.desk.ask_book(instrument)
        {
            if is_new {
                self.session.unlisten(stream, instrument)?;
            }
            return Err(refusal);
        }
        let hearer = Hearer::WebSocket(here.conn, subscribed);
        here.market.unsubscribe(instrument, here.now, |other| *other == hearer);
        here.market.subscribe(instrument, hearer, wish(stream, levels));
        Ok(subscribed.number)
    }

    fn unlisten(
        &mut self,
        stream: MarketStream,
        instrument: InstrumentId,
        here: &mut Here<'_>,
    ) -> Result<(), Refusal> {
        let hearer = Hearer::WebSocket(here.conn, self.session.unlisten(stream, instrument)?);
        here.market.unsubscribe(instrument, here.now, |other| *other == hearer);
        Ok(())
    }

    fn status_or_refusal(&mut self, done: Result<(), Refusal>, here: &mut Here<'_>) {
        let (status, now) = (self.session.status(), here.now);
        let text = match done {
            Ok(()) => here.answer(|reporter, to, out| reporter.session(to, &status, now, out)),
            Err(refusal) => {
                here.desk.watch.refuse(refusal.reject);
                let own = here.own(Stamps::received(now));
                here.counter.refuse(&own, &refusal)
            }
        };
        self.session.send(text);
    }
}

fn refused_terms(refusal: CancelRefusal) -> Refusal {
    let field = match refusal {
        CancelRefusal::Mode => "cancelOnDisconnect",
        CancelRefusal::Grace => "cancelGrace",
    };
    Refusal::field(Reject::FieldValue, field)
}

/// One request of the turn.
struct Here<'a> {
    conn: ConnId,
    id: RequestId,
    now: Nanos,
    extras: Extras,
    desk: &'a mut Desk,
    counter: &'a mut Counter,
    market: &'a mut Market<Hearer>,
    positions: &'a Positions,
}

impl Here<'_> {
    fn answer(&mut self, write: impl FnOnce(&Reporter, &Reply<'_>, &mut Vec<u8>)) -> &[u8] {
        let own = self.own(Stamps::received(self.now));
        self.counter.own(&own, write)
    }

    fn own(&mut self, stamps: Stamps) -> Own {
        let timing = self.extras.timing.then(|| Timing::own(stamps, self.desk.clock.now()));
        Own { id: self.id, now: self.now, timing }
    }
}
