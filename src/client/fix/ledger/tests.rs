//! The ledger against a venue in memory, over a network that delivers late, breaks, and loses what is on its way.

use super::*;
use crate::client::fix::{CancelRejected, MassCanceled, Received, Refused, Status, StreamAck, StreamReport};
use crate::client::{ExecutionReport, Recovered, StreamPlace};
use crate::types::{Decimal, ExecType, OrdStatus, Refusal, Reject, Side};
use proptest::prelude::*;
use std::time::Instant;

const TERMS: Terms =
    Terms { timeout: Span::from_secs(10), window: Span::from_secs(5), send_again: Span::from_secs(2) };
/// The venue's clock is ahead of ours, by less than it takes.
const AHEAD: Span = Span::from_millis(700);

/// A message on its way to the venue.
struct Flying {
    number: MsgSeqNum,
    request: Request,
    sent: Nanos,
}

/// What the venue remembers of a request.
#[derive(Clone)]
enum First {
    Order(OrderId),
    Canceled(OrderId),
    CancelRefused(Box<Report>),
    All(u64),
}

struct World {
    now: Nanos,
    ledger: Ledger,
    up: bool,
    /// To the venue.
    flying: VecDeque<Flying>,
    /// Everything that the venue has said, numbered by place; copies are of the same number.
    said: Vec<(Nanos, Report)>,
    /// How much of it the client has taken.
    taken: usize,
    next_number: u32,
    once: HashMap<String, First>,
    orders: BTreeMap<OrderId, Standing>,
    entered: Vec<(Ticket, Kind, String)>,
    settled: HashMap<Ticket, Result<Answer, String>>,
    told: Vec<ExecutionReport>,
    was_reset: bool,
    /// Executions have numbers of their own, by which they are sent again.
    numbered: bool,
    executed: u64,
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn fields(body: &[u8]) -> HashMap<String, String> {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let pairs = text.split('\x01').filter_map(|field| field.split_once('='));
    pairs.map(|(tag, value)| (tag.to_owned(), value.to_owned())).collect()
}

fn report(exec_type: ExecType, order: &Standing, cancel: Option<&str>) -> ExecutionReport {
    ExecutionReport {
        exec_type,
        status: order.status,
        symbol: order.symbol.clone(),
        order_id: order.order_id,
        cl_ord_id: cancel.unwrap_or(&order.cl_ord_id).to_owned(),
        orig_cl_ord_id: cancel.map(|_| order.cl_ord_id.clone()),
        side: Side::Buy,
        qty: order.qty,
        price: order.price,
        cum_qty: order.cum_qty,
        trade: None,
        time: Nanos(0),
        text: String::new(),
        place: None,
    }
}

impl World {
    fn new() -> Self {
        Self {
            now: Nanos(1_700_000_000_000_000_000),
            ledger: Ledger::new(TERMS),
            up: false,
            flying: VecDeque::new(),
            said: Vec::new(),
            taken: 0,
            next_number: 1,
            once: HashMap::new(),
            orders: BTreeMap::new(),
            entered: Vec::new(),
            settled: HashMap::new(),
            told: Vec::new(),
            was_reset: false,
            numbered: false,
            executed: 0,
        }
    }

    /// The caller asks for something.
    fn ask(&mut self, kind: Kind, target: usize) {
        let name = format!("r{}", self.entered.len());
        let order = self.entered.iter().filter(|(_, kind, _)| *kind == Kind::Order).nth(target % 7);
        let of = order.map_or_else(|| "nobody".to_owned(), |(_, _, name)| name.clone());
        let (msg_type, body): (&[u8], _) = match kind {
            Kind::Order => (b"D", format!("11={name}\x01")),
            Kind::Change => (b"F", format!("11={name}\x0141={of}\x01")),
            Kind::CancelAll => (b"q", format!("11={name}\x01")),
            _ => (b"H", format!("11={of}\x01790={name}\x01")),
        };
        let (symbol, account) = (Some("BTC-USD".to_owned()), None);
        let (asked, body) = (kind.clone(), body.into_bytes());
        let request = Request { kind, msg_type, name: name.clone(), symbol, account, body };
        let ticket = self.ledger.enter(request, self.now);
        self.entered.push((ticket, asked, name));
        self.act();
    }

    fn act(&mut self) {
        while let Some(act) = self.ledger.next_act() {
            match act {
                Act::Send(ticket, again) => {
                    assert!(self.up, "nothing is sent without a connection");
                    let Some(request) = self.ledger.request(ticket).cloned() else { continue };
                    let age = self.now.since(self.ledger.entries[&ticket].entered);
                    let stale = request.kind == Kind::Order && again && age > TERMS.send_again;
                    assert!(!stale, "an order whose moment has passed is not sent again");
                    let number = MsgSeqNum(self.next_number);
                    self.next_number += 1;
                    self.flying.push_back(Flying { number, request, sent: self.now });
                    self.ledger.sent(ticket, number, self.now);
                }
                Act::Settle(ticket, answer) => {
                    if let Err(Error::OutcomeUnknown { why, .. }) = &answer {
                        panic!("it can be found out: {why}");
                    }
                    let before = self.settled.insert(ticket, answer.map_err(|error| error.to_string()));
                    assert!(before.is_none(), "settled once");
                }
                Act::Tell(Event::Execution(report)) => self.told.push(report),
                Act::Tell(Event::Recovered { how: Recovered::Asked, .. } | _) => {}
            }
        }
    }

    fn connect(&mut self, reset: bool) {
        if self.up {
            return;
        }
        self.up = true;
        if reset {
            // What was said and not heard stays so.
            (self.taken, self.was_reset) = (self.said.len(), true);
            self.next_number = 1;
        }
        self.ledger.up(reset, self.now);
        self.act();
    }

    /// The connection ends; so many of the messages on their way have arrived.
    fn disconnect(&mut self, arrive: usize) {
        if !self.up {
            return;
        }
        for _ in 0..arrive.min(self.flying.len()) {
            self.arrive(arrive);
        }
        self.flying.clear();
        self.up = false;
        self.ledger.down("it broke", self.now);
        self.act();
    }

    fn wait(&mut self, span: Span) {
        self.now = self.now + span;
        if self.up {
            self.ledger.tick(self.now);
            self.act();
        }
    }

    /// The client takes the next message of the venue's.
    fn hear(&mut self) {
        let Some((sent, report)) = self.said.get(self.taken).filter(|_| self.up).cloned() else { return };
        self.taken += 1;
        let received = Received { report, at: Instant::now(), sent, possible_duplicate: false };
        self.ledger.heard(&received, self.now);
        self.act();
    }

    fn say(&mut self, mut report: Report) {
        if let Report::Execution(executed) = &mut report
            && self.numbered
            && executed.place.is_none()
        {
            self.executed += 1;
            executed.place = Some(StreamPlace { appl_id: "A/0".to_owned(), number: self.executed });
        }
        self.said.push((self.now + AHEAD, report));
    }

    /// Executions that stood in a stream behind a number, again.
    fn say_again(&mut self, req_id: &str, first: u64) {
        let (req_id, streams) = (req_id.to_owned(), Vec::new());
        self.say(Report::StreamAck(StreamAck { req_id: req_id.clone(), streams, refused: None }));
        let mut again = BTreeMap::new();
        for (_, report) in &self.said {
            if let Report::Execution(executed) = report
                && let Some(place) = executed.place.as_ref().filter(|place| place.number >= first)
            {
                again.insert(place.number, report.clone());
            }
        }
        again.into_values().for_each(|report| self.say(report));
        let (req_id, streams) = (Some(req_id), Vec::new());
        self.say(Report::Streams(StreamReport { req_id, streams, text: String::new() }));
    }

    /// The venue takes the next message; `luck` decides what it thinks of it.
    fn arrive(&mut self, luck: usize) {
        let Some(Flying { number, request, sent }) = self.flying.pop_front() else { return };
        let name = request.name.clone();
        if luck.is_multiple_of(13) && !matches!(request.kind, Kind::Question) {
            let text = Refusal::from(Reject::Busy).to_string();
            let coded = None;
            return self.say(Report::Refused(Refused { number, cl_ord_id: None, coded, text }));
        }
        let asked = fields(&request.body);
        match request.msg_type {
            b"D" | b"F" | b"q" if self.once.contains_key(&name) => self.repeat(&name),
            b"D" | b"F" | b"q" if (self.now + AHEAD).since(sent) > TERMS.window => {
                let text = Refusal::from(Reject::TimestampTooOld).to_string();
                self.say(Report::Refused(Refused { number, cl_ord_id: Some(name), coded: None, text }));
            }
            b"D" => self.place(&name, luck),
            b"F" => self.cancel(&name, &asked["41"]),
            b"q" => {
                let open: Vec<_> = self.open();
                open.iter().for_each(|id| self.close(*id, Some(&name)));
                let count = open.len() as u64;
                self.once.insert(name.clone(), First::All(count));
                self.say(Report::MassCanceled(MassCanceled { cl_ord_id: name, count, refused: None }));
            }
            b"H" => {
                let found = self.orders.values().find(|order| {
                    asked.get("11").is_some_and(|name| *name == order.cl_ord_id)
                        || asked.get("37").is_some_and(|id| order.order_id == id.parse().ok().map(OrderId))
                });
                let text = Refusal::from(Reject::OrderUnknown).to_string();
                let (req_id, order) = (asked["790"].clone(), found.cloned());
                self.say(Report::Status(Status { req_id, order, last: true, text, as_of: None }));
            }
            b"BW" => self.say_again(&asked["1346"], asked["1182"].parse().unwrap()),
            _ => self.tell_open(&asked["584"]),
        }
    }

    fn open(&self) -> Vec<OrderId> {
        self.orders.iter().filter(|(_, order)| order.is_open()).map(|(id, _)| *id).collect()
    }

    fn tell_open(&mut self, req_id: &str) {
        let open: Vec<_> = self.open().iter().map(|id| self.orders[id].clone()).collect();
        let count = open.len();
        for (at, order) in open.into_iter().enumerate() {
            let (req_id, text) = (req_id.to_owned(), String::new());
            self.say(Report::Status(Status {
                req_id,
                order: Some(order),
                last: at + 1 == count,
                text,
                as_of: None,
            }));
        }
        if count == 0 {
            let (req_id, text) = (req_id.to_owned(), String::new());
            self.say(Report::Status(Status { req_id, order: None, last: true, text, as_of: None }));
        }
    }

    fn place(&mut self, name: &str, luck: usize) {
        let id = OrderId(self.orders.len() as u64 + 1);
        let mut order = Standing {
            symbol: "BTC-USD".to_owned(),
            order_id: Some(id),
            cl_ord_id: name.to_owned(),
            orig_cl_ord_id: None,
            side: Side::Buy,
            status: OrdStatus::New,
            qty: number("1"),
            price: number("2"),
            cum_qty: number("0"),
            text: String::new(),
        };
        self.say(Report::Execution(report(ExecType::New, &order, None)));
        if luck.is_multiple_of(5) {
            (order.status, order.cum_qty) = (OrdStatus::Filled, number("1"));
            self.say(Report::Execution(report(ExecType::Trade, &order, None)));
        }
        self.once.insert(name.to_owned(), First::Order(id));
        self.orders.insert(id, order);
    }

    fn cancel(&mut self, name: &str, target: &str) {
        let found = self.orders.iter().find(|(_, order)| order.cl_ord_id == target).map(|(id, _)| *id);
        let reject = match found {
            Some(id) if self.orders[&id].is_open() => {
                self.close(id, Some(name));
                return drop(self.once.insert(name.to_owned(), First::Canceled(id)));
            }
            Some(_) => Reject::TooLateToCancel,
            None => Reject::OrderUnknown,
        };
        let (orig_cl_ord_id, text) = (target.to_owned(), Refusal::from(reject).to_string());
        let no = CancelRejected { cl_ord_id: name.to_owned(), orig_cl_ord_id, text };
        self.once.insert(name.to_owned(), First::CancelRefused(Box::new(Report::CancelRejected(no.clone()))));
        self.say(Report::CancelRejected(no));
    }

    /// An order closes, by a request or of itself.
    fn close(&mut self, id: OrderId, cancel: Option<&str>) {
        let order = self.orders.get_mut(&id).unwrap();
        order.status = OrdStatus::Canceled;
        let told = report(ExecType::Canceled, order, cancel);
        self.say(Report::Execution(told));
    }

    fn repeat(&mut self, name: &str) {
        let told = match self.once[name].clone() {
            First::Order(id) => Report::Repeated(self.orders[&id].clone()),
            First::Canceled(id) => {
                let order = self.orders[&id].clone();
                let orig_cl_ord_id = Some(order.cl_ord_id.clone());
                Report::Repeated(Standing { cl_ord_id: name.to_owned(), orig_cl_ord_id, ..order })
            }
            First::CancelRefused(no) => *no,
            First::All(count) => {
                Report::MassCanceled(MassCanceled { cl_ord_id: name.to_owned(), count, refused: None })
            }
        };
        self.say(told);
    }

    /// The network mends, and everything that is due happens.
    fn calm(&mut self) {
        self.connect(false);
        for _ in 0..400 {
            while !self.flying.is_empty() {
                self.arrive(1);
            }
            while self.taken < self.said.len() {
                self.hear();
            }
            if !self.flying.is_empty() {
                continue;
            }
            let Some(due) = self.ledger.deadline() else { return };
            self.wait(due.since(self.now));
        }
        panic!("it is never done: {:?}", self.ledger.entries);
    }

    fn check(&self) {
        for (ticket, kind, name) in &self.entered {
            let answer = self.settled.get(ticket);
            let answer = answer.unwrap_or_else(|| panic!("{name} has no answer"));
            let executed = matches!(self.once.get(name), Some(First::Order(_) | First::Canceled(_)));
            match (kind, answer) {
                (Kind::Order | Kind::Change, Ok(_)) => assert!(executed, "{name}"),
                (Kind::Order | Kind::Change, Err(why)) => assert!(!executed, "{name}: {why}"),
                _ => {}
            }
        }
        let of_venue: Vec<_> = self.open();
        let mut known: Vec<_> = self.ledger.open.keys().copied().collect();
        known.sort_unstable();
        assert_eq!(known, of_venue, "it knows which orders are open");
        let numbers: Vec<u64> =
            self.told.iter().filter_map(|report| Some(report.place.as_ref()?.number)).collect();
        if let Some(first) = numbers.first() {
            // What was lost before any was heard is not asked for.
            let all: Vec<u64> = (*first..=self.executed).collect();
            assert_eq!(numbers, all, "each execution, once, in order, whatever was reset");
        }
        if !self.was_reset && !self.numbered {
            let said = self.said.iter().filter_map(|(_, report)| match report {
                Report::Execution(report) => Some(report.clone()),
                _ => None,
            });
            assert_eq!(self.told, said.collect::<Vec<_>>(), "each execution, once, in order");
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(u8, usize),
    Arrive(usize),
    Hear,
    Break(usize),
    Connect(bool),
    Wait(u64),
    /// An order closes that nobody asked to.
    Close(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..8, any::<usize>()).prop_map(|(kind, target)| Step::Ask(kind, target)),
        6 => any::<usize>().prop_map(Step::Arrive),
        8 => Just(Step::Hear),
        2 => (0usize..4).prop_map(Step::Break),
        3 => prop::bool::weighted(0.1).prop_map(Step::Connect),
        2 => (0u64..4_000).prop_map(Step::Wait),
        1 => any::<usize>().prop_map(Step::Close),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn whatever_breaks_each_request_is_settled_once_and_truly(
        numbered: bool,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut world = World { numbered, ..World::new() };
        world.connect(true);
        world.was_reset = false;
        for step in steps {
            match step {
                Step::Ask(0..=4, target) => world.ask(Kind::Order, target),
                Step::Ask(5, target) => world.ask(Kind::Change, target),
                Step::Ask(6, target) => world.ask(Kind::Question, target),
                Step::Ask(_, target) => world.ask(Kind::CancelAll, target),
                Step::Arrive(luck) => world.arrive(luck),
                Step::Hear => world.hear(),
                Step::Break(arrive) => world.disconnect(arrive),
                Step::Connect(reset) => world.connect(reset),
                Step::Wait(millis) => world.wait(Span::from_millis(millis)),
                Step::Close(which) => {
                    let open = world.open();
                    if let Some(id) = open.get(which % open.len().max(1)) {
                        world.close(*id, None);
                    }
                }
            }
        }
        world.calm();
        world.check();
        let Ledger { entries, numbers, .. } = &world.ledger;
        assert!(numbers.values().all(|of| entries.contains_key(of)), "what is settled is forgotten");
    }
}
