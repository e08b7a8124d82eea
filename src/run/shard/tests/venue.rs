//! A shard with two instruments and four accounts, and a log of its steps as a journal would have it.

use super::*;
use crate::once::{FirstAnswer, closed};
use crate::types::*;

pub(super) const START: Nanos = Nanos(1_700_000_000_000_000_000);

pub(super) struct Venue {
    pub(super) shard: Shard,
    pub(super) now: Nanos,
    pub(super) log: Vec<Record>,
    /// Something was changed that no command changes: the log does not tell of it.
    pub(super) by_hand: bool,
    requests: u64,
}

/// A step as it stands in a journal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) seq: Seq,
    pub(super) time: Nanos,
    pub(super) command: Command,
    pub(super) events: Vec<Event>,
}

pub(super) fn instrument(id: u16) -> Instrument {
    Instrument {
        id: InstrumentId(id),
        symbol: Symbol::truncated(&format!("I-{id}")),
        band_bps: 2_000,
        ..samples::instrument()
    }
}

pub(super) fn limits(account: u32) -> AccountLimits {
    AccountLimits { max_open_orders: 10_000, ..samples::limits(account) }
}

/// A limit order of account 1 to buy 10 at 100.
pub(super) fn buy(id: &str) -> NewOrder {
    samples::new_order(id)
}

/// An event as the first result of a request has it: without its number in the private stream.
pub(super) fn unnumbered(event: &Event) -> Event {
    match event {
        Event::Execution(execution) => {
            Event::Execution(Execution { appl_seq_num: ApplSeqNum::ZERO, ..*execution })
        }
        other => *other,
    }
}

/// The same of account 2 to sell.
pub(super) fn sell(id: &str) -> NewOrder {
    NewOrder { account: AccountId(2), side: Side::Sell, ..buy(id) }
}

pub(super) fn cancel(id: &str, target: &str) -> CancelOrder {
    CancelOrder {
        account: AccountId(1),
        instrument: InstrumentId(1),
        cl_ord_id: ClOrdId::truncated(id),
        target: OrderRef::ClOrdId(ClOrdId::truncated(target)),
    }
}

pub(super) fn origin(token: u64) -> Origin {
    Origin { gateway: GatewayId(0), conn: ConnId(7), token, stamps: Stamps::default() }
}

/// Who asks: a sender whose clock is right. Its content stands for the request, as decode makes it.
pub(super) fn requester(kind: &RequestKind, now: Nanos) -> Requester {
    Requester {
        session: SessionId::NONE,
        number: MsgSeqNum(0),
        logon: LogonId::NONE,
        key: ApiKeyId(1),
        sent: now,
        recv_window: Span::from_secs(5),
        content: crate::wire::digest::content(kind, true),
        signed_digest: [0; 16],
        named: true,
    }
}

impl Venue {
    pub(super) fn new() -> Self {
        let mut venue =
            Self { shard: Shard::new(ShardId(1)), now: START, log: Vec::new(), by_hand: false, requests: 0 };
        for id in [1, 2] {
            venue.run(Command::Instrument(instrument(id)));
        }
        for account in 1..=4 {
            venue.run(Command::Account(limits(account)));
        }
        venue
    }

    /// Who asks now.
    pub(super) fn requester(&self, kind: &RequestKind) -> Requester {
        requester(kind, self.now)
    }

    pub(super) fn new_order(&self, order: NewOrder) -> Command {
        Command::New(self.requester(&RequestKind::New(order)), order)
    }

    pub(super) fn cancel_order(&self, cancel: CancelOrder) -> Command {
        Command::Cancel(self.requester(&RequestKind::Cancel(cancel)), cancel)
    }

    /// Sends a command; all events of all its steps, or the answer to a repetition.
    #[allow(clippy::result_large_err)] // A repetition is a case of its own here, not the way out.
    pub(super) fn send(&mut self, command: Command) -> Result<Vec<Event>, Answer> {
        self.requests += 1;
        let origin = origin(self.requests);
        let mut outputs: Vec<ShardOutput> = match self.shard.execute(Some(origin), &command, self.now) {
            Outcome::Repetition(None) => return Ok(Vec::new()),
            Outcome::Repetition(Some(answer)) => match answer {
                ShardOutput::Answer { answer, after, .. } => {
                    assert_eq!(after, self.shard.last_seq());
                    return Err(self.recalled(*answer));
                }
                output => panic!("a repetition has no step: {output:?}"),
            },
            Outcome::Step(step) => keep(&mut self.log, step),
        };
        while self.shard.has_pending() {
            outputs.extend(keep(&mut self.log, self.shard.proceed(self.now)));
        }
        let marked =
            outputs.iter().rev().map(|output| matches!(output, ShardOutput::Event { last: true, .. }));
        assert!(marked.eq((0..outputs.len()).map(|n| n == 0)), "the last event of the last step is marked");
        let events = outputs.into_iter().map(|output| match output {
            ShardOutput::Event { event, origin: Some(of), .. } if of == origin => event,
            output => panic!("not an event of this request: {output:?}"),
        });
        Ok(events.collect())
    }

    /// An answer with what stands in the log, as the journal's agent puts it together.
    fn recalled(&self, answer: Answer) -> Answer {
        let record = |seq: Seq| &self.log[seq.0 as usize - 1];
        let now = |of: Closed| closed(of.order, &record(of.seq).events).expect("its end is told");
        match answer {
            Answer::Recall(Recall::Order(query, of)) => Answer::Order(query, Ok(now(of))),
            Answer::Recall(Recall::Repeated { seq, steps, current }) => {
                let Record { command, events, .. } = record(seq);
                let mut first =
                    FirstAnswer::begin(ShardId(1), seq, command, events).expect("it told something");
                (1..steps).for_each(|step| first.follow(&record(Seq(seq.0 + u64::from(step))).events));
                Answer::Repeated(first.with(match current {
                    Current::Unknown => None,
                    Current::Open(order) => Some(order),
                    Current::Closed(of) => Some(now(of)),
                }))
            }
            answer => answer,
        }
    }

    /// Sends a command that is no repetition.
    pub(super) fn run(&mut self, command: Command) -> Vec<Event> {
        self.send(command).expect("it is new")
    }

    pub(super) fn place(&mut self, order: NewOrder) -> Vec<Event> {
        self.run(self.new_order(order))
    }

    /// Runs all that is due.
    pub(super) fn run_due(&mut self) {
        while self.shard.is_due(self.now) {
            self.fire();
            while self.shard.has_pending() {
                keep(&mut self.log, self.shard.proceed(self.now));
            }
        }
    }

    /// Runs one step of what is due.
    pub(super) fn fire(&mut self) -> Vec<Event> {
        let outputs = keep(&mut self.log, self.shard.fire(self.now));
        let events = outputs.into_iter().map(|output| match output {
            ShardOutput::Event { event, origin: None, .. } => event,
            output => panic!("nobody asked: {output:?}"),
        });
        events.collect()
    }

    pub(super) fn ask(&self, query: Query) -> Answer {
        match self.shard.query(origin(0), &query, self.now) {
            ShardOutput::Answer { answer, .. } => self.recalled(*answer),
            output => panic!("a question is answered: {output:?}"),
        }
    }

    pub(super) fn status(&self, account: u32, target: OrderRef) -> Result<Order, Refusal> {
        match self.ask(Query::Order(OrderQuery {
            account: AccountId(account),
            instrument: InstrumentId(1),
            target,
            req_id: None,
        })) {
            Answer::Order(_, order) => order,
            answer => panic!("{answer:?}"),
        }
    }
}

pub(super) fn keep(log: &mut Vec<Record>, step: Step<'_>) -> Vec<ShardOutput> {
    assert!(step.events.len() <= EVENTS_PER_STEP_MAX, "a step is bounded");
    let Step { seq, time, command, events, .. } = step;
    log.push(Record { seq, time, command: *command, events: events.to_vec() });
    step.outputs().collect()
}
