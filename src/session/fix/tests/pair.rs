//! An acceptor and an initiator against each other, through lost connections and restarts, in virtual time.

use super::super::*;
use super::{NOON, acceptor_settings};
use crate::types::{SessionId, Span};
use crate::wire::fix::{FIX44, Framed, Index, PutFields, frame};
use proptest::prelude::*;

/// One end: its session, its log, and what is on its way to the other.
struct End {
    session: Session,
    log: Vec<OwnedRecord>,
    on_the_way: Vec<u8>,
    received: Vec<u8>,
    /// The ids of the application messages that were delivered, in order.
    delivered: Vec<String>,
    replays: Vec<Sending>,
    closed: bool,
}

/// A replay that is fed a message at a time.
struct Sending {
    messages: Vec<(MsgSeqNum, Nanos, Vec<u8>)>,
}

struct Pair {
    venue: End,
    client: End,
    now: Nanos,
    connected: bool,
    sent: u32,
}

impl End {
    fn new(settings: Settings) -> Self {
        Self {
            session: Session::new(settings, Numbers::FRESH),
            log: Vec::new(),
            on_the_way: Vec::new(),
            received: Vec::new(),
            delivered: Vec::new(),
            replays: Vec::new(),
            closed: false,
        }
    }

    fn act(&mut self, out: Collected) {
        self.log.extend(out.records);
        if let Some(OwnedRecord::Reserved(upto)) =
            self.log.iter().rev().find(|record| matches!(record, OwnedRecord::Reserved(_)))
        {
            self.session.reserved_durable(*upto);
        }
        self.on_the_way.extend_from_slice(&out.wire);
        for notice in out.notices {
            match notice {
                Notice::LoggedOn | Notice::Paused => {}
                Notice::Close(_) => self.closed = true,
                Notice::Replay { from, to } => {
                    let kept = self.log.iter().filter_map(|record| match record {
                        OwnedRecord::Outbound(number, sent, Ok(own)) => Some((*number, *sent, own.clone())),
                        _ => None,
                    });
                    let messages = kept.filter(|(number, ..)| (from..=to).contains(number)).rev().collect();
                    self.replays.push(Sending { messages });
                }
            }
        }
    }

    /// Feeds one stored message to the replay that is under way, or ends it.
    fn feed_replay(&mut self, now: Nanos) {
        let Some(sending) = self.replays.first_mut() else { return };
        let mut out = Collected::default();
        match sending.messages.pop() {
            Some((number, sent, own)) => {
                let (msg_type, body) = split_own(&own).unwrap();
                let sent = Sent { number, sent, poss_resend: false, msg_type, body };
                self.session.replay(&sent, now, &mut out);
            }
            None => {
                self.replays.remove(0);
                self.session.replayed(now, &mut out);
            }
        }
        self.act(out);
    }

    fn send(&mut self, id: u32, now: Nanos) {
        let mut body = Vec::new();
        let msg_type: &[u8] = if self.session.settings().resends {
            for (tag, value) in
                [(6, "0"), (14, "0"), (37, "1"), (39, "0"), (54, "1"), (55, "BTC"), (150, "0")]
            {
                body.put(tag, value.as_bytes());
            }
            body.put(151, b"1");
            body.put(17, id.to_string().as_bytes());
            b"8"
        } else {
            body.put(11, id.to_string().as_bytes());
            for (tag, value) in [(40, "1"), (54, "1"), (55, "BTC"), (60, "20260105-12:00:00")] {
                body.put(tag, value.as_bytes());
            }
            b"D"
        };
        let mut out = Collected::default();
        let message = Outgoing { msg_type, body: &body, event: None, poss_resend: false, sign: None };
        self.session.send(&message, now, &mut out);
        self.act(out);
    }

    /// Takes at most `bytes` of what is on its way to it.
    fn take(&mut self, from: &mut Self, bytes: usize, now: Nanos) {
        let bytes = bytes.min(from.on_the_way.len());
        self.received.extend(from.on_the_way.drain(..bytes));
        while let Framed::Message(length) = frame(&self.received) {
            let message: Vec<u8> = self.received.drain(..length).collect();
            self.message(&message, now);
            let mut queued = Vec::new();
            loop {
                let mut out = Collected::default();
                let more = self.session.take_queued(&mut queued, now, &mut out);
                self.act(out);
                if !more {
                    break;
                }
                self.message(&queued, now);
            }
        }
    }

    fn message(&mut self, bytes: &[u8], now: Nanos) {
        let mut index = Index::new();
        let message = Message::parse(bytes, &mut index).unwrap();
        let mut out = Collected::default();
        if !self.session.is_connected() && !self.closed {
            let ask = LogonAsk::read(&message, &FIX44).unwrap();
            self.session.logon(&ask, now, &mut out).unwrap();
        } else {
            match self.session.receive(&message, now, &mut out) {
                Incoming::Deliver => {
                    let id = message.get(17).or(message.get(11)).unwrap();
                    self.delivered.push(String::from_utf8_lossy(id).into_owned());
                }
                Incoming::Done => {}
                other => panic!("{other:?} for {message:?}"),
            }
        }
        self.act(out);
    }

    fn lose(&mut self) {
        self.session.disconnected();
        self.on_the_way.clear();
        self.received.clear();
        self.replays.clear();
        self.closed = false;
    }

    fn restart(&mut self) {
        let mut numbers = Numbers::FRESH;
        for record in &self.log {
            numbers.fold(&borrowed(record));
        }
        self.session = Session::new(self.session.settings().clone(), numbers.restarted());
    }
}

fn borrowed(record: &OwnedRecord) -> crate::types::SessionRecord<'_> {
    use crate::types::{OutboundBody, SessionRecord};
    let session = SessionId(7);
    match record {
        OwnedRecord::Inbound(number) => SessionRecord::Inbound { session, number: *number },
        OwnedRecord::InboundNext(next) => SessionRecord::InboundNext { session, next: *next },
        OwnedRecord::Outbound(number, sent, body) => {
            let body = match body {
                Ok(own) => OutboundBody::Own(own),
                Err(at) => OutboundBody::Event(*at),
            };
            SessionRecord::Outbound { session, number: *number, sent: *sent, body }
        }
        OwnedRecord::Reserved(upto) => SessionRecord::Reserved { session, upto: *upto },
        OwnedRecord::Reset => SessionRecord::Reset { session },
        OwnedRecord::Request(number) => SessionRecord::Request {
            session,
            number: *number,
            msg_type: crate::types::Text::EMPTY,
            cl_ord_id: crate::types::Text::EMPTY,
        },
        OwnedRecord::Answered(number) => SessionRecord::Answered { session, number: *number },
        OwnedRecord::Told(event) => SessionRecord::Told { session, event: *event },
    }
}

impl Pair {
    fn new() -> Self {
        let venue = Settings { reset_on_logon: false, reserve: Some(16), ..acceptor_settings() };
        Self {
            venue: End::new(venue),
            client: End::new(Settings::initiator("TW44", "ISLD")),
            now: NOON,
            connected: false,
            sent: 0,
        }
    }

    fn connect(&mut self) {
        if !self.connected {
            self.connected = true;
            let mut out = Collected::forgetting();
            let request = LogonRequest {
                heartbeat_secs: 30,
                username: None,
                reset: false,
                sign: &|_| [0; 64],
                sign_message: false,
                cancel_on: None,
                cancel_grace: None,
            };
            self.client.session.connect(&request, self.now, &mut out);
            self.client.act(out);
        }
    }

    fn lose(&mut self) {
        self.connected = false;
        self.venue.lose();
        self.client.lose();
    }

    fn step(&mut self, step: &Step) {
        self.now = self.now + Span::from_millis(10);
        match *step {
            Step::Connect => self.connect(),
            Step::Lose => self.lose(),
            Step::Restart => {
                self.lose();
                self.venue.restart();
            }
            Step::VenueSends => {
                self.sent += 1;
                self.venue.send(self.sent, self.now);
            }
            Step::ClientSends => {
                if self.client.session.state().is_established() {
                    self.client.send(0, self.now);
                }
            }
            Step::ToVenue(bytes) => self.venue.take(&mut self.client, bytes, self.now),
            Step::ToClient(bytes) => self.client.take(&mut self.venue, bytes, self.now),
            Step::Replay => self.venue.feed_replay(self.now),
            Step::Wait(seconds) => {
                self.now = self.now + Span::from_secs(seconds);
                for end in [&mut self.venue, &mut self.client] {
                    let mut out = Collected::default();
                    end.session.tick(self.now, &mut out);
                    end.act(out);
                }
            }
        }
        if self.venue.closed || self.client.closed {
            self.lose();
        }
    }

    /// Lets everything arrive that is on its way or asked for.
    fn settle(&mut self) {
        self.connect();
        for _ in 0..10_000 {
            let busy = [&self.venue, &self.client]
                .iter()
                .any(|end| !end.on_the_way.is_empty() || !end.replays.is_empty());
            if !busy {
                return;
            }
            for step in [Step::ToVenue(usize::MAX), Step::ToClient(usize::MAX), Step::Replay, Step::Connect] {
                self.step(&step);
            }
        }
        panic!("the two never come to rest");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Connect,
    Lose,
    Restart,
    VenueSends,
    ClientSends,
    ToVenue(usize),
    ToClient(usize),
    Replay,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Connect),
        1 => Just(Step::Lose),
        1 => Just(Step::Restart),
        6 => Just(Step::VenueSends),
        4 => Just(Step::ClientSends),
        6 => (1usize..400).prop_map(Step::ToVenue),
        6 => (1usize..400).prop_map(Step::ToClient),
        4 => Just(Step::Replay),
        1 => (1u64..40).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_lost_both_ends_agree_and_nothing_is_told_twice(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.step(step);
        }
        pair.lose();
        pair.settle();
        let (venue, client) = (pair.venue.session.numbers(), pair.client.session.numbers());
        prop_assert_eq!(venue.next_in, client.next_out);
        prop_assert_eq!(client.next_in, venue.next_out);
        let told: Vec<String> = (1..=pair.sent).map(|id| id.to_string()).collect();
        prop_assert_eq!(&pair.client.delivered, &told);
        prop_assert_eq!(pair.venue.session.state(), State::Active);
        prop_assert_eq!(pair.client.session.state(), State::Active);
    }
}
