//! The acceptor under test: sockets, the product's framing and session, and the application that the scripts assume.
//!
//! It is the gateway without TLS, signatures and orders. One thread; readers come before new connections, so a client
//! that leaves and comes again is seen to leave first.

use sealgate::limits::FIX_MESSAGE_BYTES_MAX;
use sealgate::session::fix::{
    Collected, Incoming, LogonAsk, Notice, Numbers, Outgoing, OwnedRecord, Repair, Sent, Session, Settings,
    split_own,
};
use sealgate::sys::clock::Clock;
use sealgate::sys::poll::{Interest, Poller, Ready, Waker};
use sealgate::sys::socket::{Accepted, Listener, Moved, Port, Stream};
use sealgate::types::{MsgSeqNum, Nanos, Span};
use sealgate::wire::fix::{Index, Message, PutFields, Taken, take};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// A running acceptor; it ends when it is dropped.
pub struct Acceptor {
    /// Where clients connect.
    pub address: SocketAddr,
    demands: Option<Sender<Demand>>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

/// The harness sets numbers: the peer's, our own; whether it was done.
type Demand = (Option<MsgSeqNum>, Option<MsgSeqNum>, Sender<bool>);

struct Server {
    session: Session,
    links: BTreeMap<u64, Link>,
    /// The connection that has the session.
    owner: Option<u64>,
    log: Vec<OwnedRecord>,
    /// The ClOrdIDs since the logon.
    seen: HashSet<Vec<u8>>,
}

struct Link {
    stream: Stream,
    input: Vec<u8>,
    /// We have said all that we had to say.
    finished: bool,
}

const LISTENER: u64 = 0;

impl Acceptor {
    /// Starts one with a session that never was.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), Port::Own)?;
        let address = listener.local_addr()?;
        let poller = Poller::new()?;
        poller.add(&listener, LISTENER, Interest::Read)?;
        let waker = poller.waker();
        let (demands, todo) = channel();
        let server = Server {
            session: Session::new(settings, Numbers::FRESH),
            links: BTreeMap::new(),
            owner: None,
            log: Vec::new(),
            seen: HashSet::new(),
        };
        let thread = std::thread::spawn(move || server.serve(&listener, poller, &todo));
        Ok(Self { address, demands: Some(demands), waker, thread: Some(thread) })
    }

    /// Sets numbers of the session.
    pub fn set_numbers(&self, theirs: Option<MsgSeqNum>, ours: Option<MsgSeqNum>) -> bool {
        let (done, was_done) = channel();
        let sent = self.demands.as_ref().is_some_and(|demands| demands.send((theirs, ours, done)).is_ok());
        self.waker.wake();
        sent && was_done.recv() == Ok(true)
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.demands = None;
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Server {
    fn serve(mut self, listener: &Listener, mut poller: Poller, demands: &Receiver<Demand>) {
        let (mut clock, mut ready, mut next) = (Clock::new(), Vec::<Ready>::new(), LISTENER + 1);
        loop {
            let now = clock.now();
            self.tick(now);
            // At least every second a look at whether the harness is still there.
            let deadline = self.session.deadline().map_or(Span::from_secs(1), |at| at.since(now));
            if poller.sleep(Some(deadline.min(Span::from_secs(1))), &mut ready, || true).is_err() {
                return;
            }
            let now = clock.now();
            let ids: Vec<u64> = self.links.keys().copied().collect();
            ids.into_iter().for_each(|id| self.read(id, now));
            while let Accepted::Stream(stream, _) = listener.accept() {
                if poller.add(&stream, next, Interest::Read).is_ok() {
                    self.links.insert(next, Link { stream, input: Vec::new(), finished: false });
                    next += 1;
                }
            }
            loop {
                match demands.try_recv() {
                    Ok((theirs, ours, done)) => {
                        let mut out = Collected::default();
                        let repair = Repair { next_in: theirs, next_out: ours, reset: false };
                        let mut is_done = self.session.repair(&repair, &mut out).is_ok();
                        if !is_done && !self.session.is_connected() {
                            // Numbers that were used: the product gives them to nothing else, a script may want to.
                            self.renumber(theirs, ours);
                            is_done = true;
                        }
                        let _ = done.send(is_done);
                        self.act(out, now);
                    }
                    Err(std::sync::mpsc::TryRecvError::Empty) => break,
                    Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
                }
            }
        }
    }

    /// Another session in its place, with the log that it has.
    fn renumber(&mut self, theirs: Option<MsgSeqNum>, ours: Option<MsgSeqNum>) {
        let Numbers { next_in, next_out, .. } = self.session.numbers();
        let next_out = ours.unwrap_or(next_out);
        let used = MsgSeqNum(next_out.0 - 1);
        let next_in = theirs.unwrap_or(next_in);
        let numbers = Numbers { next_in, next_out, reserved: used, durable: used };
        self.session = Session::new(self.session.settings().clone(), numbers);
    }

    fn tick(&mut self, now: Nanos) {
        let mut out = Collected::default();
        self.session.tick(now, &mut out);
        self.act(out, now);
    }

    fn read(&mut self, id: u64, now: Nanos) {
        loop {
            let mut buffer = [0; 4096];
            let Some(link) = self.links.get_mut(&id) else { return };
            match link.stream.read(&mut buffer) {
                Moved::Bytes(count) if !link.finished => {
                    link.input.extend_from_slice(&buffer[..count]);
                    self.take(id, now);
                }
                Moved::Bytes(_) => {}
                Moved::WouldBlock => return,
                Moved::Closed(_) => return self.gone(id),
            }
        }
    }

    fn gone(&mut self, id: u64) {
        self.links.remove(&id);
        if self.owner == Some(id) {
            self.owner = None;
            self.session.disconnected();
        }
    }

    /// Closes a connection: what was written arrives, then the end.
    fn close(&mut self, id: u64) {
        if let Some(link) = self.links.get_mut(&id) {
            link.finished = true;
            link.stream.finish();
        }
        if self.owner == Some(id) {
            self.owner = None;
        }
    }

    fn take(&mut self, id: u64, now: Nanos) {
        while let Some(link) = self.links.get_mut(&id).filter(|link| !link.finished) {
            let input = std::mem::take(&mut link.input);
            // Before a logon the session's settings do not count: there is no session.
            let owns = self.owner == Some(id);
            let check_sum = !owns || self.session.settings().validate_checksum;
            let mut index = Index::new();
            let used = match take(&input, check_sum, &mut index) {
                Taken::NeedMore => 0,
                Taken::Message(message) => {
                    self.message(id, &message, now);
                    message.bytes().len()
                }
                Taken::Garbled { skip, .. } => {
                    self.garbled(id, &input[..skip], now);
                    skip
                }
                Taken::TooLong => {
                    self.too_long(id, now);
                    input.len()
                }
            };
            if let Some(link) = self.links.get_mut(&id) {
                link.input = input[used..].to_vec();
            }
            if used == 0 {
                return;
            }
        }
    }

    /// The stream cannot be followed any further.
    fn too_long(&mut self, id: u64, now: Nanos) {
        if self.owner == Some(id) {
            let text = format!("a message is longer than MaxMessageSize {FIX_MESSAGE_BYTES_MAX}");
            let mut out = Collected::default();
            self.session.logout(&text, now, &mut out);
            self.act(out, now);
            self.session.disconnected();
        }
        self.close(id);
    }

    fn garbled(&mut self, id: u64, bytes: &[u8], now: Nanos) {
        if self.owner != Some(id) {
            return self.close(id);
        }
        let mut out = Collected::default();
        self.session.garbled(bytes, now, &mut out);
        self.act(out, now);
    }

    fn message(&mut self, id: u64, message: &Message<'_>, now: Nanos) {
        if self.owner == Some(id) {
            self.received(message, now);
            self.take_queued(now);
        } else {
            self.logon(id, message, now);
        }
    }

    /// The first message of a connection.
    fn logon(&mut self, id: u64, message: &Message<'_>, now: Nanos) {
        let settings = self.session.settings();
        let ours = |ask: &LogonAsk<'_>| {
            ask.sender == settings.peer_comp_id && ask.target == settings.our_comp_id && self.owner.is_none()
        };
        let ask = LogonAsk::read_with(message, settings.dictionary, settings.validation).ok().filter(ours);
        let mut out = Collected::default();
        match ask.map(|ask| self.session.logon(&ask, now, &mut out)) {
            Some(Ok(())) => {
                self.owner = Some(id);
                self.seen.clear();
                self.act(out, now);
                self.take_queued(now);
            }
            Some(Err(_)) | None => self.close(id),
        }
    }

    fn received(&mut self, message: &Message<'_>, now: Nanos) {
        let mut out = Collected::default();
        match self.session.receive(message, now, &mut out) {
            Incoming::Deliver => self.echo(message, now, &mut out),
            Incoming::Logon => {
                let ask = LogonAsk::read(message, self.session.settings().dictionary).ok();
                let again = ask.map(|ask| self.session.logon_again(&ask, now, &mut out));
                if !matches!(again, Some(Ok(()))) {
                    self.owner.into_iter().for_each(|id| self.close(id));
                    return self.session.disconnected();
                }
            }
            Incoming::Done | Incoming::Rejected(_) => {}
        }
        self.act(out, now);
    }

    fn take_queued(&mut self, now: Nanos) {
        let mut queued = Vec::new();
        loop {
            let mut out = Collected::default();
            let more = self.session.take_queued(&mut queued, now, &mut out);
            self.act(out, now);
            if !more {
                return;
            }
            let mut index = Index::new();
            if let Ok(message) = Message::parse(&queued, &mut index) {
                self.received(&message, now);
            }
        }
    }

    /// The application: an order goes back as it came, its fields in ascending order; a repetition is dropped.
    fn echo(&mut self, message: &Message<'_>, now: Nanos, out: &mut Collected) {
        let poss_resend = message.flag(97);
        if message.msg_type() == b"D" {
            let is_new = self.seen.insert(message.get(11).unwrap_or_default().to_vec());
            if poss_resend && !is_new {
                return;
            }
        }
        let mut fields: Vec<_> = message.fields().iter().filter(|field| !is_outer(field.tag)).collect();
        fields.sort_by_key(|field| field.tag);
        let mut body = Vec::new();
        fields.into_iter().for_each(|field| body.put(field.tag, message.value(*field)));
        let msg_type = message.msg_type();
        let echo = Outgoing { msg_type, body: &body, event: None, poss_resend, sign: None };
        self.session.send(&echo, now, out);
    }

    /// Puts output where it belongs.
    fn act(&mut self, out: Collected, now: Nanos) {
        for record in out.records {
            match &record {
                OwnedRecord::Reset => self.log.clear(),
                OwnedRecord::Reserved(upto) => self.session.reserved_durable(*upto),
                _ => {}
            }
            self.log.push(record);
        }
        let owner = self.owner;
        if let Some(link) = owner.and_then(|id| self.links.get_mut(&id)) {
            write(&mut link.stream, &out.wire);
        }
        for notice in out.notices {
            match notice {
                Notice::LoggedOn | Notice::Paused => {}
                Notice::Close(_) => owner.into_iter().for_each(|id| self.close(id)),
                Notice::Replay { from, to } => self.replay(from, to, now),
            }
        }
    }

    fn replay(&mut self, from: MsgSeqNum, to: MsgSeqNum, now: Nanos) {
        let mut out = Collected::default();
        for record in &self.log {
            let OwnedRecord::Outbound(number, sent, Ok(own)) = record else { continue };
            if let Some((msg_type, body)) = split_own(own).filter(|_| (from..=to).contains(number)) {
                let sent = Sent { number: *number, sent: *sent, poss_resend: false, msg_type, body };
                self.session.replay(&sent, now, &mut out);
            }
        }
        self.session.replayed(now, &mut out);
        self.act(out, now);
    }
}

/// Writes all of it: scripts say little, so the socket takes it at once or soon.
fn write(stream: &mut Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Moved::Bytes(count) => bytes = &bytes[count..],
            Moved::WouldBlock => std::thread::yield_now(),
            Moved::Closed(_) => return,
        }
    }
}

/// Fields of the standard header and trailer.
fn is_outer(tag: u32) -> bool {
    const OUTER: &[u32] = &[
        8, 9, 10, 34, 35, 43, 49, 50, 52, 56, 57, 89, 90, 91, 93, 97, 115, 116, 122, 128, 129, 142, 143, 144,
        145, 212, 213, 347, 369, 627, 628, 629, 630, 1128, 1129, 1156,
    ];
    OUTER.contains(&tag)
}
