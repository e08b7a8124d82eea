//! A FIX connection on a gateway: bytes → framed messages → its session → decode → a shard.
//!
//! Before the logon there is no session: the certificate's member, the CompIDs, the API key and the signature are
//! checked in this order, and only then a number or a store is touched. Whatever fails closes the connection without a
//! word. A session that another gateway keeps is logged on to there: the connection goes over (`handover.rs`).

mod private;

use super::ahead::{Signer, look_ahead};
use super::desk::{Asker, Desk, Sender};
use super::line::{Lines, Owner};
use super::market::{Hearer, Request};
use super::session_log::SessionLog;
use super::streams::Positions;
use super::subscribers::Subscribers;
use super::trust::{self, Genuine};
use crate::decode;
use crate::decode::fix::Speaker;
use crate::limit::{CapVerdict, MessageCap};
use crate::limits::{FIX_MESSAGE_BYTES_MAX, LOGON_DEADLINE, MARKET_SUBSCRIPTIONS_MAX};
use crate::market::{Market, Wish};
use crate::session;
use crate::session::fix::{Incoming, LogonAsk};
use crate::types::{
    ApiKeyId, ConnId, GatewayId, InstrumentId, LogonId, MarketDataRequest, MsgSeqNum, Nanos, Refusal, Reject,
    ReqId, SessionEnd, SessionId, Shift, Stamps, SubscriptionRequest, Timing, Unverified,
};
use crate::verify::Authority;
use crate::watch::SecurityEvent;
use crate::wire::fix::{Dictionary, Index, Message, Taken, tag, take};
use private::Private;
pub(super) use private::PrivateTurn;

/// Marks the token of a FIX request: the rest is its session. WebSocket tokens have this bit clear.
const FIX_TOKEN: u64 = 1 << 63;
const NUMBER_SHIFT: u32 = 16;

/// One connection after its TLS handshake.
pub struct FixConnection {
    from: Sender,
    cap: MessageCap,
    /// Bytes that are not yet a whole message.
    input: Vec<u8>,
    index: Index,
    /// For messages that wait behind the one in hand.
    behind: Index,
    /// A message that had come before its turn.
    queued: Vec<u8>,
    session: Option<SessionId>,
    /// Its logon, until the shards were told of its end.
    logon: Option<LogonId>,
    /// What it asked for in MarketDataRequests that have not ended.
    market_data: Vec<(ReqId, InstrumentId)>,
    /// What it asked for by the numbers of private streams.
    private: Private,
    /// Whole messages wait for room in the session log.
    pub starved: bool,
    logon_deadline: Nanos,
}

/// What a connection works with while it has the turn.
pub struct FixTurn<'a> {
    /// The connection's own name.
    pub conn: ConnId,
    /// When its bytes were read.
    pub received: Nanos,
    /// Verify, limit, route.
    pub desk: &'a mut Desk,
    /// The sessions.
    pub lines: &'a mut Lines,
    /// The session log.
    pub log: &'a mut SessionLog,
    /// Books and trades.
    pub market: &'a mut Market<Hearer>,
    /// How far each private stream was told.
    pub positions: &'a Positions,
    /// FIX connections that hear of private streams.
    pub(super) hearers: &'a mut Subscribers,
}

impl FixTurn<'_> {
    /// The part of it that private streams need.
    fn private(&mut self) -> PrivateTurn<'_> {
        let Self { conn, received, desk, lines, log, positions, hearers, .. } = self;
        PrivateTurn { conn: *conn, now: *received, desk, lines, log, positions, hearers }
    }
}

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// It does.
    On,
    /// It is closed at once and without a word.
    Silent,
    /// It is closed when what was said is out.
    Leave,
    /// It asks for a session of its member that this gateway keeps: it goes there with all its bytes.
    Over(GatewayId),
}

/// The token of a session's request: its MsgSeqNum stands above the session.
pub fn token(session: SessionId, number: MsgSeqNum) -> u64 {
    FIX_TOKEN | u64::from(number.0) << NUMBER_SHIFT | u64::from(session.0)
}

/// The MsgSeqNum of a token; 0 if it is none of FIX.
pub fn number_of(token: u64) -> MsgSeqNum {
    MsgSeqNum(if token & FIX_TOKEN == 0 { 0 } else { (token >> NUMBER_SHIFT) as u32 })
}

/// The session of a token, if it is one of FIX.
pub fn session_of(token: u64) -> Option<SessionId> {
    (token & FIX_TOKEN != 0).then_some(SessionId(token as u16))
}

impl FixConnection {
    /// A connection whose handshake has just ended.
    pub fn new(from: Sender, messages_per_second: u32, now: Nanos) -> Self {
        Self {
            from,
            cap: MessageCap::new(messages_per_second),
            input: Vec::with_capacity(2 * FIX_MESSAGE_BYTES_MAX),
            index: Index::new(),
            behind: Index::new(),
            queued: Vec::new(),
            session: None,
            logon: None,
            market_data: Vec::new(),
            private: Private::default(),
            starved: false,
            logon_deadline: now + LOGON_DEADLINE,
        }
    }

    /// The session that it has logged on to.
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// Takes plain bytes.
    pub fn receive(&mut self, plain: &[u8], turn: &mut FixTurn<'_>) -> Go {
        let mut input = std::mem::take(&mut self.input);
        input.extend_from_slice(plain);
        let mut index = std::mem::take(&mut self.index);
        let (mut at, mut seen) = (0, 0);
        let mut go = if self.starved { self.take_queued(turn) } else { Go::On };
        // A turn's bytes are one read, so the records that they can make are bounded; room is asked for all the same.
        while go == Go::On && turn.log.has_room() {
            let line = self.session.and_then(|session| turn.lines.get_mut(session));
            let check_sum = line.is_none_or(|line| line.checks_sum());
            match take(&input[at..], check_sum, &mut index) {
                Taken::NeedMore => break,
                Taken::Message(message) => {
                    if seen == 0 {
                        seen = self.look_ahead(&message, &input[at + message.bytes().len()..], turn);
                    }
                    seen -= 1;
                    go = self.message(&message, turn);
                    // Who takes the connection over reads the Logon again.
                    at += if matches!(go, Go::Over(_)) { 0 } else { message.bytes().len() };
                }
                // Before a logon there is nobody to be patient with.
                Taken::Garbled { .. } | Taken::TooLong if self.session.is_none() => go = Go::Silent,
                Taken::Garbled { skip, .. } => {
                    self.garbled(&input[at..at + skip], turn);
                    at += skip;
                }
                Taken::TooLong => {
                    go = self.too_long(turn);
                    // The stream cannot be followed any further, so nothing of it is read.
                    at = input.len();
                }
            }
        }
        self.index = index;
        self.settle(turn.lines, turn.desk);
        self.starved = !turn.log.has_room();
        input.drain(..at);
        self.input = input;
        go
    }

    /// The clock was set.
    pub fn clock_moved(&mut self, by: Shift) {
        self.cap.clock_moved(by);
        self.logon_deadline = self.logon_deadline + by;
    }

    /// When [`FixConnection::tick`] has something to do.
    pub fn deadline(&self, lines: &Lines) -> Option<Nanos> {
        match self.session {
            None => Some(self.logon_deadline),
            Some(session) => lines.deadline(session).into_iter().chain(self.heartbeat()).min(),
        }
    }

    /// Time has passed. Returns whether there is something to send.
    pub fn tick(&mut self, now: Nanos, lines: &mut Lines, log: &mut SessionLog) -> Go {
        match self.session.and_then(|session| lines.get_mut(session)) {
            None if now >= self.logon_deadline => Go::Silent,
            None => Go::On,
            Some(line) => {
                if log.has_room() {
                    line.tick(now, log);
                }
                Go::On
            }
        }
    }

    /// The connection is gone. Another may have taken its session.
    pub fn gone(mut self, conn: ConnId, lines: &mut Lines, desk: &mut Desk) {
        self.leaves(conn, lines, desk);
        if let Some(line) = self.session.and_then(|session| lines.get_mut(session))
            && line.owner() == Some(conn)
        {
            line.disconnected();
        }
    }

    /// Nothing more is taken from it.
    pub fn leaves(&mut self, conn: ConnId, lines: &mut Lines, desk: &mut Desk) {
        let line = self.session.and_then(|session| lines.get_mut(session));
        if line.is_some_and(|line| line.owner() == Some(conn)) {
            self.settle(lines, desk);
        }
        if let Some(logon) = self.logon.take() {
            desk.session_ended(logon, SessionEnd::Disconnect);
        }
    }

    /// Tells the shards as soon as the session is over, while its last bytes are still on their way.
    pub fn settle(&mut self, lines: &mut Lines, desk: &mut Desk) {
        let line = self.session.and_then(|session| lines.get_mut(session));
        if let Some(end) = line.and_then(|line| line.end())
            && let Some(logon) = self.logon.take()
        {
            desk.session_ended(logon, end);
        }
    }

    /// Looks at what waits behind a message. Returns how many messages need not be looked at again.
    fn look_ahead(&mut self, message: &Message<'_>, behind: &[u8], turn: &mut FixTurn<'_>) -> usize {
        let key = self.session.and_then(|session| turn.lines.get_mut(session)).and_then(|line| line.key());
        let Some(key) = key else { return 1 };
        let signer = Signer { member: self.from.identity.member, key };
        look_ahead(message, behind, signer, &mut self.behind, &mut turn.desk.verifier)
    }

    /// A garbled message uses up no number, so the session asks for it again; some refuse it instead.
    fn garbled(&mut self, bytes: &[u8], turn: &mut FixTurn<'_>) {
        if let Some(line) = self.session.and_then(|session| turn.lines.get_mut(session)) {
            line.garbled(bytes, turn.received, turn.log);
        }
    }

    fn message(&mut self, message: &Message<'_>, turn: &mut FixTurn<'_>) -> Go {
        let Some(id) = self.session else { return self.logon(message, turn) };
        let verdict = self.cap.count(turn.received);
        if verdict == CapVerdict::Close {
            let now = turn.received;
            turn.desk.note(self.from.peer, SecurityEvent::Flood { member: self.from.identity.member });
            if let Some(line) = turn.lines.get_mut(id) {
                line.logout("too many messages per second", now, turn.log);
            }
            return Go::On;
        }
        match self.in_session(id, message, verdict, turn) {
            Go::On => self.take_queued(turn),
            go => go,
        }
    }

    /// Messages that came before their turn follow the one that closed the gap.
    fn take_queued(&mut self, turn: &mut FixTurn<'_>) -> Go {
        let Some(id) = self.session else { return Go::On };
        let mut queued = std::mem::take(&mut self.queued);
        let mut go = Go::On;
        while go == Go::On
            && turn.log.has_room()
            && turn
                .lines
                .get_mut(id)
                .is_some_and(|line| line.take_queued(&mut queued, turn.received, turn.log))
        {
            let mut index = Index::new();
            if let Ok(message) = Message::parse(&queued, &mut index) {
                go = self.in_session(id, &message, CapVerdict::Pass, turn);
            }
        }
        self.queued = queued;
        go
    }

    fn in_session(
        &mut self,
        id: SessionId,
        message: &Message<'_>,
        verdict: CapVerdict,
        turn: &mut FixTurn<'_>,
    ) -> Go {
        let now = turn.received;
        // Only the connection that has the session speaks for it.
        let line = turn.lines.get_mut(id).filter(|line| line.owner() == Some(turn.conn));
        let Some(line) = line else { return Go::Silent };
        match line.receive(message, now, turn.log) {
            Incoming::Done => Go::On,
            Incoming::Rejected(reject) => {
                turn.desk.watch.refuse(reject);
                Go::On
            }
            Incoming::Logon => self.logon_again(id, message, turn),
            Incoming::Deliver => {
                let Some(key) = line.key() else { return Go::Silent };
                let mut stamps = Stamps::received(now);
                let done = if verdict == CapVerdict::Pass && message.msg_type() == b"V" {
                    self.market_request(id, message, turn)
                } else if verdict == CapVerdict::Pass && message.msg_type() == b"BW" {
                    self.stream_request(id, key, message, &mut turn.private())
                } else if verdict == CapVerdict::Pass {
                    self.request(id, key, message, &mut stamps, turn)
                } else {
                    Err(Reject::ConnectionRate.into())
                };
                if let Err(refusal) = done {
                    turn.desk.count_refusal(&refusal, &self.from, key, id);
                    let timing = Timing::own(stamps, turn.desk.clock.now());
                    if let Some(line) = turn.lines.get_mut(id) {
                        line.refuse(message, &refusal, &timing, now, turn.log);
                    }
                }
                Go::On
            }
        }
    }

    fn request(
        &self,
        id: SessionId,
        key: ApiKeyId,
        message: &Message<'_>,
        stamps: &mut Stamps,
        turn: &mut FixTurn<'_>,
    ) -> Result<(), Refusal> {
        let speaker = Speaker { session: id, key };
        let unverified: Unverified<'_> = decode::fix::decode(message, speaker, &turn.desk.directory)?;
        let authority = Authority { member: self.from.identity.member, logged_on: Some(key) };
        let (conn, token, logon) =
            (turn.conn, token(id, message.number().unwrap_or_default()), LogonId::NONE);
        let mut asker = Asker { conn, token, authority, logon, stamps: *stamps };
        let done = turn.desk.submit(unverified, &mut asker);
        *stamps = asker.stamps;
        done
    }

    /// The market data that it hears of.
    pub fn market_data(&self) -> &[(ReqId, InstrumentId)] {
        &self.market_data
    }

    /// MarketDataRequest(V): all of its instruments or none.
    fn market_request(
        &mut self,
        id: SessionId,
        message: &Message<'_>,
        turn: &mut FixTurn<'_>,
    ) -> Result<(), Refusal> {
        let asked = decode::fix::market_data(message, &turn.desk.directory)?;
        let known = self.market_data.iter().any(|(known, _)| *known == asked.id);
        if asked.request == SubscriptionRequest::Unsubscribe {
            if !known {
                return Err(Refusal::tag(Reject::NotSubscribed, tag::MD_REQ_ID));
            }
            self.end_market_data(asked.id, turn);
            return Ok(());
        }
        let once = asked.request == SubscriptionRequest::Snapshot;
        if known {
            return Err(Refusal::tag(Reject::MdReqIdInUse, tag::MD_REQ_ID));
        }
        if self.market_data.len() + asked.instruments.len() > MARKET_SUBSCRIPTIONS_MAX {
            return Err(Reject::TooManySubscriptions.into());
        }
        // What is asked for once is no subscription, but who does not read must not make us keep ever more of it.
        let of_it = |hearer: &Hearer| hearer.conn() == turn.conn;
        let most = MARKET_SUBSCRIPTIONS_MAX;
        if once && asked.instruments.iter().any(|at| turn.market.count(*at, of_it) >= most) {
            return Err(Reject::TooManySubscriptions.into());
        }
        for instrument in &asked.instruments {
            if turn.market.is_unknown(*instrument) {
                turn.desk.ask_book(*instrument)?;
            }
        }
        let MarketDataRequest { id: name, update, entries, instruments, .. } = asked;
        let hearer = Hearer::Fix(turn.conn, id, Request { id: name, entries, update });
        let wish = Wish { levels: u16::from(entries.bid || entries.offer), trades: entries.trade, once };
        for instrument in instruments {
            turn.market.subscribe(instrument, hearer, wish);
            if !once {
                self.market_data.push((name, instrument));
            }
        }
        Ok(())
    }

    fn end_market_data(&mut self, name: ReqId, turn: &mut FixTurn<'_>) {
        let (conn, now) = (turn.conn, turn.received);
        let is_it =
            |hearer: &Hearer| matches!(hearer, Hearer::Fix(of, _, asked) if *of == conn && asked.id == name);
        self.market_data.retain(|(known, instrument)| {
            if *known == name {
                turn.market.unsubscribe(*instrument, now, is_it);
            }
            *known != name
        });
    }

    fn logon(&mut self, message: &Message<'_>, turn: &mut FixTurn<'_>) -> Go {
        let now = turn.received;
        // Lockout, owner, numbers: what is known of a session is known where it is kept.
        let asked = trust::session_of(message, &self.from, turn.desk);
        if let Some(home) = asked.map(|session| turn.desk.router.gateway_of(session.id))
            && home != turn.desk.id
        {
            return Go::Over(home);
        }
        let Some((session, genuine, ask)) = self.trusted(message, turn) else {
            let claimed = message.get(tag::SENDER_COMP_ID).unwrap_or_default();
            turn.desk.logon_refused(&self.from, claimed);
            return Go::Silent;
        };
        let Some(line) = turn.lines.get_mut(session) else { return Go::Silent };
        let before = line.owner();
        let owner = Owner { conn: turn.conn, key: genuine.key, spki: self.from.identity.spki };
        let done = match genuine.password {
            Ok(()) => line.logon(&ask, owner, now, turn.log),
            Err(fault) => line.refuse_password(fault, owner, now, turn.log),
        };
        if done.is_err() {
            turn.desk.logon_refused(&self.from, ask.sender);
            return Go::Silent;
        }
        if let Some(terms) = line.cancel_terms() {
            self.logon = Some(turn.desk.session_began(session, genuine.key, terms));
        }
        self.session = Some(session);
        turn.lines.evicted = before;
        Go::On
    }

    fn logon_again(&mut self, id: SessionId, message: &Message<'_>, turn: &mut FixTurn<'_>) -> Go {
        let trusted = self.trusted(message, turn);
        let Some((_, _, ask)) =
            trusted.filter(|(session, genuine, _)| *session == id && genuine.password.is_ok())
        else {
            return Go::Silent;
        };
        let again = turn.lines.get_mut(id).map(|line| line.logon_again(&ask, turn.received, turn.log));
        if matches!(again, Some(Ok(()))) { Go::On } else { Go::Silent }
    }

    /// The Logon, if its certificate, CompIDs, key and signature belong together.
    fn trusted<'m>(
        &self,
        message: &Message<'m>,
        turn: &mut FixTurn<'_>,
    ) -> Option<(SessionId, Genuine, LogonAsk<'m>)> {
        let (now, from) = (turn.received, &self.from);
        let session = trust::session_of(message, from, turn.desk)?;
        if turn.lines.lockouts.is_locked(session.id, now) {
            return None;
        }
        let validation = session::fix::validation(&session.rules);
        let ask = LogonAsk::read_with(message, Dictionary::of(session.rules.version), validation).ok()?;
        match trust::judge(&ask, session, from, turn.desk) {
            Some(genuine) => {
                if genuine.password.is_ok() {
                    turn.lines.lockouts.passed(session.id);
                } else {
                    turn.lines.lockouts.failed(session.id, &session.rules, now);
                }
                Some((session.id, genuine, ask))
            }
            None => {
                turn.lines.lockouts.failed(session.id, &session.rules, now);
                None
            }
        }
    }

    fn too_long(&mut self, turn: &mut FixTurn<'_>) -> Go {
        let text = format!("a message is longer than MaxMessageSize {FIX_MESSAGE_BYTES_MAX}");
        if let Some(line) = self.session.and_then(|session| turn.lines.get_mut(session)) {
            line.logout(&text, turn.received, turn.log);
        }
        Go::Leave
    }
}
