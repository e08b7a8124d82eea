//! The session, as acceptor and as initiator, under any messages, at any times, through lost connections and crashes.
//!
//! What must hold: what it says is well-formed; a number of its own is used once, and they ascend; a number of the
//! peer's is delivered once; a time limit that has passed is dealt with; nothing panics.

use super::{VENUE, framed};
use sealgate::session::fix::{
    Collected, Incoming, LogonAsk, LogonRequest, Notice, Outgoing, OwnedRecord, Sent, Session, Settings,
    Signer, State, split_own,
};
use sealgate::types::{MsgSeqNum, Nanos};
use sealgate::wire::fix::{
    FIX44, Framed, Index, Message, Precision, Validation, Verdict, frame, tag, write_time,
};
use std::collections::BTreeMap;

/// The first byte says which side it is; the others are what happens to it.
pub fn run(data: &[u8]) {
    let [side, happens @ ..] = data else { return };
    let mut input = Input { bytes: happens };
    let mut bench = Bench::new(side.is_multiple_of(2));
    while !input.bytes.is_empty() {
        bench.step(&mut input);
    }
}

struct Input<'a> {
    bytes: &'a [u8],
}

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        self.bytes.split_off_first().copied().unwrap_or(0)
    }

    /// Mostly small, seldom anything.
    fn number(&mut self) -> u64 {
        match self.byte() {
            small @ ..240 => u64::from(small),
            240..250 => u64::from(self.byte()) << 8 | u64::from(self.byte()),
            _ => u64::from(u32::MAX) - u64::from(self.byte()),
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let (taken, rest) = self.bytes.split_at(length.min(self.bytes.len()));
        self.bytes = rest;
        taken.to_vec()
    }
}

struct Bench {
    session: Session,
    settings: Settings,
    now: Nanos,
    /// What it has sent and may be asked for, as the log keeps it.
    log: BTreeMap<MsgSeqNum, (Nanos, Vec<u8>)>,
    asked: Option<(MsgSeqNum, MsgSeqNum)>,
    last_sent: MsgSeqNum,
    last_delivered: MsgSeqNum,
}

/// 2026-11-22 12:00:00.
const NOON: Nanos = Nanos(1_795_348_800_000_000_000);

impl Bench {
    fn new(is_acceptor: bool) -> Self {
        let venue = &VENUE.directory.sessions()[0];
        let settings = match is_acceptor {
            true => Settings::acceptor(venue),
            false => Settings::initiator(&venue.sender_comp_id, &venue.target_comp_id),
        };
        Self {
            session: Session::new(settings.clone(), sealgate::session::fix::Numbers::FRESH),
            settings,
            now: NOON,
            log: BTreeMap::new(),
            asked: None,
            last_sent: MsgSeqNum(0),
            last_delivered: MsgSeqNum(0),
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let mut out = Collected::default();
        match input.byte() % 16 {
            0 => self.now = Nanos(self.now.0 + u64::from(input.byte()) * 100_000_000),
            1 => self.wait(&mut out),
            2 | 3 => self.connect(input, &mut out),
            4 => self.raw(input, &mut out),
            5 => self.send(&mut out),
            6 => self.session.logout("enough", self.now, &mut out),
            7 => self.session.disconnected(),
            8 => self.replay(&mut out),
            9 => self.replayed(&mut out),
            10 => self.crash(),
            _ => self.receive(input, &mut out),
        }
        self.check(out);
        self.take_queued();
    }

    /// Until something is due.
    fn wait(&mut self, out: &mut Collected) {
        let Some(due) = self.session.deadline() else { return };
        self.now = self.now.max(due);
        self.session.tick(self.now, out);
        let next = self.session.deadline();
        assert!(next.is_none_or(|next| next > self.now), "due at {due:?}, and still at {next:?}");
    }

    fn connect(&mut self, input: &mut Input<'_>, out: &mut Collected) {
        if self.settings.reserve.is_none() {
            let request = LogonRequest {
                heartbeat_secs: u32::from(input.byte() % 4),
                username: Some(b"alice"),
                reset: input.byte().is_multiple_of(4),
                sign: &|_| [7; 64],
                sign_message: false,
                cancel_on: None,
                cancel_grace: None,
            };
            return self.session.connect(&request, self.now, out);
        }
        let logon = self.message(b"A", input);
        let mut index = Index::new();
        let Ok(message) = Message::parse(&logon, &mut index) else { return };
        if let Ok(ask) = LogonAsk::read(&message, &FIX44) {
            // A refusal without a word is the caller's to act on.
            let _ = self.session.logon(&ask, self.now, out);
        }
    }

    fn receive(&mut self, input: &mut Input<'_>, out: &mut Collected) {
        const TYPES: &[&[u8]] = &[
            b"0", b"1", b"2", b"2", b"3", b"4", b"4", b"5", b"A", b"D", b"D", b"8", b"8", b"9", b"j", b"QQ",
        ];
        let msg_type = TYPES[usize::from(input.byte()) % TYPES.len()];
        let message = self.message(msg_type, input);
        self.give(&message, out);
    }

    fn raw(&mut self, input: &mut Input<'_>, out: &mut Collected) {
        let length = usize::from(input.byte());
        let inner: Vec<u8> =
            input.take(length).iter().map(|byte| if *byte == b'|' { 1 } else { *byte }).collect();
        self.give(&framed(&inner), out);
    }

    fn give(&mut self, bytes: &[u8], out: &mut Collected) {
        let mut index = Index::new();
        let Ok(message) = Message::parse(bytes, &mut index) else { return };
        let number = message.number();
        match self.session.receive(&message, self.now, out) {
            Incoming::Deliver => {
                let number = number.expect("what is delivered has a number");
                assert!(number > self.last_delivered, "{number} is delivered after {}", self.last_delivered);
                self.last_delivered = number;
            }
            Incoming::Logon => {
                if let Ok(ask) = LogonAsk::read(&message, &FIX44) {
                    let _ = self.session.logon_again(&ask, self.now, out);
                }
            }
            Incoming::Done | Incoming::Rejected(_) => {}
        }
    }

    fn take_queued(&mut self) {
        let mut queued = Vec::new();
        loop {
            let mut out = Collected::default();
            let more = self.session.take_queued(&mut queued, self.now, &mut out);
            self.check(out);
            if !more {
                return;
            }
            let mut out = Collected::default();
            self.give(&queued, &mut out);
            self.check(out);
        }
    }

    fn send(&mut self, out: &mut Collected) {
        let (msg_type, body): (&[u8], &[u8]) = match self.settings.resends {
            true => (b"8", b"37=1\x0117=1\x01150=0\x0139=0\x0155=X\x0154=1\x01151=1\x0114=0\x016=0\x01"),
            false => (b"D", b"11=a\x0155=X\x0154=1\x0160=20261122-12:00:00\x0138=1\x0140=1\x01"),
        };
        let sign: Signer<'_> = &|_| [7; 64];
        let sign = (!self.settings.resends).then_some(sign);
        let message = Outgoing { msg_type, body, event: None, poss_resend: false, sign };
        self.session.send(&message, self.now, out);
    }

    fn replay(&mut self, out: &mut Collected) {
        let Some((from, to)) = self.asked else { return };
        if let Some((number, (sent, own))) = self.log.range(from..=to).next() {
            let (msg_type, body) = split_own(own).expect("the log holds what was put into it");
            let sent = Sent { number: *number, sent: *sent, poss_resend: false, msg_type, body };
            self.session.replay(&sent, self.now, out);
            self.asked = Some((number.next(), to.max(number.next())));
        }
    }

    fn replayed(&mut self, out: &mut Collected) {
        if self.asked.take().is_some() {
            self.session.replayed(self.now, out);
        }
    }

    /// What was reserved counts as used.
    fn crash(&mut self) {
        let numbers = self.session.numbers();
        let numbers = if self.settings.reserve.is_some() { numbers.restarted() } else { numbers };
        self.session = Session::new(self.settings.clone(), numbers);
        self.asked = None;
    }

    fn check(&mut self, out: Collected) {
        assert!(out.barriers.iter().all(|at| *at <= out.wire.len()));
        if out.records.contains(&OwnedRecord::Reset) {
            (self.last_sent, self.last_delivered) = (MsgSeqNum(0), MsgSeqNum(0));
            self.log.clear();
        }
        for record in out.records {
            match record {
                OwnedRecord::Outbound(number, sent, Ok(own)) => drop(self.log.insert(number, (sent, own))),
                OwnedRecord::Reserved(upto) => self.session.reserved_durable(upto),
                _ => {}
            }
        }
        let mut at = 0;
        while let Framed::Message(length) = frame(&out.wire[at..]) {
            self.check_message(&out.wire[at..at + length]);
            at += length;
        }
        assert_eq!(at, out.wire.len(), "it says no more than messages");
        for notice in out.notices {
            match notice {
                Notice::Replay { from, to } => {
                    assert!(self.settings.resends && from <= to);
                    self.asked = Some((from, to));
                }
                Notice::Close(_) => {
                    assert_eq!(self.session.state(), State::Idle);
                    self.asked = None;
                }
                _ => {}
            }
        }
        if !self.session.is_connected() {
            self.asked = None;
            assert_eq!(self.session.deadline(), None, "nothing is due without a connection");
        }
    }

    fn check_message(&mut self, bytes: &[u8]) {
        let mut index = Index::new();
        let message = Message::parse(bytes, &mut index).expect("well-formed");
        let text = bytes.escape_ascii();
        if let Verdict::Fault(fault) = FIX44.validate(&message, Validation::FULL) {
            panic!("{fault:?}: {text}");
        }
        let number = message.number().expect("a number");
        if message.flag(tag::POSS_DUP_FLAG) {
            assert!(
                number <= self.last_sent || number < self.session.numbers().next_out,
                "never sent: {text}"
            );
        } else {
            assert!(number > self.last_sent, "{} was used before: {text}", self.last_sent);
            self.last_sent = number;
        }
    }

    /// A message of the peer's, most of the time about right.
    fn message(&self, msg_type: &[u8], input: &mut Input<'_>) -> Vec<u8> {
        let expected = i64::from(self.session.numbers().next_in.0);
        let flags = input.byte();
        let off = if flags & 1 == 0 { 0 } else { i64::from(input.byte() as i8) };
        let number = (expected + off).max(0);
        let late = if flags & 14 == 14 { u64::from(input.byte()) * 1_000_000_000 } else { 0 };
        let mut time = Vec::new();
        write_time(&mut time, Nanos(self.now.0 - late), Precision::Millis);
        let time = String::from_utf8(time).expect("digits");
        let (peer, ours) = (&self.settings.peer_comp_id, &self.settings.our_comp_id);
        let (peer, ours) = (String::from_utf8_lossy(peer), String::from_utf8_lossy(ours));
        let copy = if flags & 16 == 0 { String::new() } else { format!("43=Y|122={time}|") };
        let kind = String::from_utf8_lossy(msg_type);
        let body = body(msg_type, input);
        let inner = format!("35={kind}|34={number}|49={peer}|52={time}|56={ours}|{copy}{body}");
        framed(inner.replace('|', "\x01").as_bytes())
    }
}

fn body(msg_type: &[u8], input: &mut Input<'_>) -> String {
    match msg_type {
        b"1" => "112=are you there|".to_owned(),
        b"2" => format!("7={}|16={}|", input.number(), input.number()),
        b"3" => format!("45={}|", input.number()),
        b"4" => {
            let fill = if input.byte().is_multiple_of(2) { "123=Y|" } else { "" };
            format!("{fill}36={}|", input.number())
        }
        b"A" => {
            let reset = if input.byte().is_multiple_of(4) { "141=Y|" } else { "" };
            format!("98=0|108={}|{reset}", input.byte() % 8)
        }
        b"D" => "11=a|55=X|54=1|60=20261122-12:00:00|38=1|40=1|".to_owned(),
        b"8" => "37=1|17=1|150=0|39=0|55=X|54=1|151=1|14=0|6=0|".to_owned(),
        b"9" => "37=1|11=a|41=b|39=8|434=1|".to_owned(),
        b"j" => "372=D|380=3|".to_owned(),
        _ => String::new(),
    }
}
