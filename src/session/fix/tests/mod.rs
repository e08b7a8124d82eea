//! Dialogues with a session, in virtual time.

mod bounds;
mod dialogues;
mod page;
mod pair;
mod promises;
mod recovery;
mod table;

use super::{
    CloseReason, Collected, Incoming, LogonAsk, Notice, Numbers, Outgoing, OwnedRecord, Sent, Session,
    Settings, split_own,
};
use crate::types::{MsgSeqNum, Nanos, SessionId, Span};
use crate::wire::fix::{FIX44, Framed, Index, Message, PutFields, SOH, Taken, frame, parse_time, take};

/// 2026-01-05 12:00:00 UTC.
pub(super) const NOON: Nanos = Nanos(1_767_614_400_000_000_000);

/// An acceptor with a log in memory and an application that sends orders back, behind one or two connections.
pub(super) struct Venue {
    pub(super) session: Session,
    pub(super) now: Nanos,
    pub(super) log: Vec<OwnedRecord>,
    pub(super) delivered: Vec<Vec<u8>>,
    pub(super) links: Vec<Link>,
    /// The order of an echo, by ClOrdID, since the logon.
    seen: Vec<Vec<u8>>,
    pub(super) echoes: bool,
}

/// One connection, from the venue's side.
#[derive(Default)]
pub(super) struct Link {
    received: Vec<u8>,
    pub(super) sent: Vec<u8>,
    pub(super) owns_session: bool,
    pub(super) closed: Option<Option<CloseReason>>,
}

pub(super) fn acceptor_settings() -> Settings {
    Settings {
        session: SessionId(7),
        dictionary: &FIX44,
        our_comp_id: b"ISLD".to_vec(),
        peer_comp_id: b"TW44".to_vec(),
        heartbeat_secs: (1, 60),
        sending_time_window: Span::from_secs(120),
        reset_on_logon: true,
        tell_max_message_size: false,
        accepts: &[b"D", b"F"],
        resends: true,
        reserve: Some(crate::limits::OUTBOUND_BLOCK),
        ..Settings::initiator("ISLD", "TW44")
    }
}

impl Venue {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            session: Session::new(settings, Numbers::FRESH),
            now: NOON,
            log: Vec::new(),
            delivered: Vec::new(),
            links: Vec::new(),
            seen: Vec::new(),
            echoes: true,
        }
    }

    /// A new connection; gives its place.
    pub(super) fn connect(&mut self) -> usize {
        self.links.push(Link::default());
        self.links.len() - 1
    }

    pub(super) fn disconnect(&mut self, link: usize) {
        if std::mem::take(&mut self.links[link].owns_session) {
            self.session.disconnected();
        }
        self.links[link].closed = Some(None);
    }

    pub(super) fn feed(&mut self, link: usize, bytes: &[u8]) {
        self.links[link].received.extend_from_slice(bytes);
        while self.links[link].closed.is_none() {
            let received = std::mem::take(&mut self.links[link].received);
            let mut index = Index::new();
            let used = match take(&received, true, &mut index) {
                Taken::NeedMore => 0,
                Taken::Message(message) => {
                    self.message(link, &message);
                    message.bytes().len()
                }
                Taken::Garbled { skip, .. } => {
                    if !self.links[link].owns_session {
                        self.links[link].closed = Some(None);
                    }
                    skip
                }
                Taken::TooLong => {
                    self.disconnect(link);
                    0
                }
            };
            self.links[link].received = received[used..].to_vec();
            if used == 0 {
                break;
            }
        }
    }

    fn message(&mut self, link: usize, message: &Message<'_>) {
        let mut out = Collected::default();
        if !self.links[link].owns_session {
            let ours = (&self.session.settings().peer_comp_id, &self.session.settings().our_comp_id);
            let genuine = LogonAsk::read(message, &FIX44)
                .ok()
                .filter(|ask| ask.sender == &ours.0[..] && ask.target == &ours.1[..]);
            match genuine.map(|ask| self.session.logon(&ask, self.now, &mut out)) {
                Some(Ok(())) => {
                    self.links[link].owns_session = true;
                    self.seen.clear();
                    self.act(link, out);
                    self.drain(link);
                }
                Some(Err(_)) | None => self.links[link].closed = Some(None),
            }
            return;
        }
        self.received(link, message);
        self.drain(link);
    }

    fn received(&mut self, link: usize, message: &Message<'_>) {
        let mut out = Collected::default();
        match self.session.receive(message, self.now, &mut out) {
            Incoming::Deliver => {
                self.delivered.push(message.bytes().to_vec());
                if self.echoes {
                    self.echo(message, &mut out);
                }
            }
            Incoming::Logon => {
                let ask = LogonAsk::read(message, &FIX44).unwrap();
                self.session.logon_again(&ask, self.now, &mut out).unwrap();
            }
            Incoming::Done | Incoming::Rejected(_) => {}
        }
        self.act(link, out);
    }

    fn drain(&mut self, link: usize) {
        let mut queued = Vec::new();
        loop {
            let mut out = Collected::default();
            let more = self.session.take_queued(&mut queued, self.now, &mut out);
            self.act(link, out);
            if !more {
                break;
            }
            let mut index = Index::new();
            let message = Message::parse(&queued, &mut index).unwrap();
            self.received(link, &message);
        }
    }

    fn echo(&mut self, message: &Message<'_>, out: &mut Collected) {
        let name = message.get(11).unwrap_or_default().to_vec();
        let again = message.flag(97);
        if again && self.seen.contains(&name) {
            return;
        }
        self.seen.push(name);
        let mut fields: Vec<_> = message.fields().iter().filter(|f| !is_outer(f.tag)).collect();
        fields.sort_by_key(|field| field.tag);
        let mut body = Vec::new();
        for field in fields {
            body.put(field.tag, message.value(*field));
        }
        let echo = Outgoing {
            msg_type: message.msg_type(),
            body: &body,
            event: None,
            poss_resend: again,
            sign: None,
        };
        self.session.send(&echo, self.now, out);
    }

    /// Puts output where it belongs, and answers a demand for a replay at once.
    pub(super) fn act(&mut self, link: usize, out: Collected) {
        self.log.extend(out.records);
        for record in &self.log {
            if let OwnedRecord::Reserved(upto) = record {
                self.session.reserved_durable(*upto);
            }
        }
        self.links[link].sent.extend_from_slice(&out.wire);
        for notice in out.notices {
            match notice {
                Notice::LoggedOn | Notice::Paused => {}
                Notice::Close(reason) => {
                    self.links[link].closed = Some(Some(reason));
                    self.links[link].owns_session = false;
                }
                Notice::Replay { from, to } => self.replay(link, from, to),
            }
        }
    }

    fn replay(&mut self, link: usize, from: MsgSeqNum, to: MsgSeqNum) {
        let mut out = Collected::default();
        let reset = self.log.iter().rposition(|record| *record == OwnedRecord::Reset).map_or(0, |at| at + 1);
        for record in &self.log[reset..] {
            let OwnedRecord::Outbound(number, sent, Ok(own)) = record else { continue };
            if (from..=to).contains(number) {
                let (msg_type, body) = split_own(own).unwrap();
                let sent = Sent { number: *number, sent: *sent, poss_resend: false, msg_type, body };
                self.session.replay(&sent, self.now, &mut out);
            }
        }
        self.session.replayed(self.now, &mut out);
        self.act(link, out);
    }

    /// Lets time go by, tick by tick, until something was sent or a connection was closed.
    pub(super) fn wait(&mut self, link: usize, at_most: Span) {
        let end = self.now + at_most;
        while self.links[link].closed.is_none() && self.links[link].sent.is_empty() {
            match self.session.deadline() {
                Some(at) if at <= end => {
                    self.now = self.now.max(at);
                    let mut out = Collected::default();
                    self.session.tick(self.now, &mut out);
                    self.act(link, out);
                }
                _ => {
                    self.now = end;
                    return;
                }
            }
        }
    }

    /// The next message that was sent, `|` for SOH.
    pub(super) fn sent(&mut self, link: usize) -> Option<String> {
        let sent = &mut self.links[link].sent;
        match frame(sent) {
            Framed::Message(length) => {
                let message: Vec<u8> = sent.drain(..length).collect();
                Some(String::from_utf8(message).unwrap().replace('\x01', "|"))
            }
            Framed::NeedMore => None,
            garbled => panic!("we sent {garbled:?}"),
        }
    }
}

fn is_outer(tag: u32) -> bool {
    const OUTER: &[u32] = &[
        8, 9, 10, 34, 35, 43, 49, 50, 52, 56, 57, 89, 93, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145,
        369,
    ];
    OUTER.contains(&tag)
}

/// A message as a client writes it: completes `8=`, `9=` and `10=` around `35=…|…`, `|` for SOH.
pub(super) fn client(body: &str) -> Vec<u8> {
    complete(&format!("8=FIX.4.4|{body}"))
}

/// Inserts a missing `9=` and appends a missing `10=`.
pub(super) fn complete(text: &str) -> Vec<u8> {
    let mut text = text.replace('|', "\x01");
    if !text.contains("\x019=") {
        let at = text.find('\x01').unwrap() + 1;
        let length = text[at..].find("\x0110=").map_or(text.len() - at, |end| end + 1);
        text.insert_str(at, &format!("9={length}\x01"));
    }
    let mut bytes = text.into_bytes();
    if !bytes.windows(4).any(|four| four == b"\x0110=") {
        let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        bytes.extend_from_slice(format!("10={sum:03}").as_bytes());
        bytes.push(SOH);
    }
    bytes
}

/// `YYYYMMDD-HH:MM:SS`, so many seconds after `at`.
pub(super) fn time_text(at: Nanos, seconds: i64) -> String {
    let shifted = Nanos(at.0.saturating_add_signed(seconds * 1_000_000_000));
    let mut text = Vec::new();
    text.put_time_with(52, shifted, crate::wire::fix::Precision::Seconds);
    let text = String::from_utf8(text).unwrap();
    assert!(parse_time(&text.as_bytes()[3..20]).is_some());
    text[3..20].to_owned()
}
