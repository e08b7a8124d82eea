//! What was asked for and is not answered, and how it is found out: the logic of a session that outlives its
//! connections, without connections.
//!
//! ```text
//!   enter ─► Waiting ─ a connection ─► Sent ─ its report ──────────────────────────► settled
//!                                       │ the connection ends, or no answer in time     ▲
//!                                       ▼                                               │
//!                                      Lost ─ all that was missed has come (sync) ──────┤ told again
//!                                       ├─ young, or only takes away ─► Sent again, PossResend ┤
//!                                       └─ stale order ─► asked for, until its window is over ─┘
//! ```
//!
//! **The fence.** After a Logon the open orders are asked for (OrderMassStatusRequest). The answer has a number behind
//! all that was missed, and every shard gives it after whatever the last connection had handed over. So when it has
//! come, a request without an answer did not arrive, and nothing that happens later can be its answer.
//!
//! **What is final.** A request is settled once. An order is given up only when the venue did not know it at a time at
//! which its window was over, by the venue's own clock: from then on it can never execute.

mod answers;
mod streams;
#[cfg(test)]
mod tests;

use super::messages;
use super::report::{Report, Standing};
use crate::client::{Error, Event};
use crate::types::{MsgSeqNum, Nanos, OrderId, Span};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use streams::Places;

/// A request of this session; later ones are higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::client::fix) struct Ticket(pub(in crate::client::fix) u64);

/// What sort of request it is, which decides what a lost answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client::fix) enum Kind {
    /// A new order: its moment may pass.
    Order,
    /// A cancel or an amendment: wanted however late it comes.
    Change,
    /// A mass cancel: each order is told before the answer.
    CancelAll,
    /// A question: it can be asked again without harm.
    Question,
    /// The open orders of an account, after a Logon: the fence.
    Sync,
    /// What became of a stale order.
    Probe(Ticket),
    /// What became of an order that was open and is not.
    Meanwhile,
    /// What private streams told that was missed.
    Streams,
}

/// A request as it is sent.
#[derive(Clone, Debug)]
pub(in crate::client::fix) struct Request {
    pub(in crate::client::fix) kind: Kind,
    /// MsgType(35).
    pub(in crate::client::fix) msg_type: &'static [u8],
    /// ClOrdID(11), OrdStatusReqID(790) or MassStatusReqID(584).
    pub(in crate::client::fix) name: String,
    /// Symbol(55), where it has one.
    pub(in crate::client::fix) symbol: Option<String>,
    /// Account(1), where it has one.
    pub(in crate::client::fix) account: Option<String>,
    /// The whole body; sent again as it is.
    pub(in crate::client::fix) body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(in crate::client::fix) struct Answer {
    /// The report that settled it.
    pub(in crate::client::fix) report: Report,
    /// The orders that were told before it: of a mass cancel, of a question about many.
    pub(in crate::client::fix) orders: Vec<Standing>,
    /// The request had come before.
    pub(in crate::client::fix) repeated: bool,
}

/// What the keeper of the connection must do.
#[derive(Debug)]
pub(in crate::client::fix) enum Act {
    /// Send it; with PossResend(97)=Y if it may have been sent before.
    Send(Ticket, bool),
    /// Tell the caller.
    Settle(Ticket, Result<Answer, Error>),
    /// Tell the reader of events.
    Tell(Event<Standing>),
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not sent yet, or not on this connection.
    Waiting,
    /// Sent, at this time of ours.
    Sent(Nanos),
    /// Sent, and its answer will not come by itself.
    Lost,
    /// Another request finds out what became of it.
    Probed,
    /// To be sent at this time of ours.
    Later(Nanos),
}

#[derive(Debug)]
struct Entry {
    request: Request,
    state: State,
    /// When it was entered, by our clock.
    entered: Nanos,
    /// When its last copy went, by our clock: SendingTime(52).
    last_sent: Option<Nanos>,
    /// It was lost once.
    was_lost: bool,
    /// It was sent again after that.
    sent_again: bool,
    /// The numbers began anew since it was sent: its answer may be among what is not told again.
    is_blind: bool,
    /// The venue's clock when it was sent last, as far as it was known.
    asked_at: Nanos,
    orders: Vec<Standing>,
}

/// The connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Down,
    /// The fence has not been passed.
    Syncing,
    Current,
}

/// Times that a session keeps to.
#[derive(Clone, Copy, Debug)]
pub(in crate::client::fix) struct Terms {
    /// How long an answer may take.
    pub(in crate::client::fix) timeout: Span,
    /// RecvWindow(25000): how long after SendingTime(52) a request may be sequenced.
    pub(in crate::client::fix) window: Span,
    /// An order is sent again until it is so old.
    pub(in crate::client::fix) send_again: Span,
}

/// All requests that are not settled.
#[derive(Debug)]
pub(in crate::client::fix) struct Ledger {
    terms: Terms,
    link: Link,
    entries: BTreeMap<Ticket, Entry>,
    names: HashMap<String, Ticket>,
    /// Of the copies of each.
    numbers: HashMap<MsgSeqNum, Ticket>,
    next: u64,
    /// Orders that were open when they were last heard of.
    open: HashMap<OrderId, Standing>,
    /// What the fence has told so far.
    synced: Vec<Standing>,
    /// Orders that were heard of since it was asked for: what was heard is newer.
    heard_since: BTreeSet<OrderId>,
    places: Places,
    /// The accounts that orders were entered for.
    accounts: BTreeSet<Option<String>>,
    /// The latest SendingTime(52) of the venue's.
    clock: Nanos,
    /// Since when there is no connection.
    down_since: Option<Nanos>,
    /// The reader of events has been told of a connection.
    begun: bool,
    acts: VecDeque<Act>,
}

impl Ledger {
    /// Nothing asked, nobody connected.
    pub(in crate::client::fix) fn new(terms: Terms) -> Self {
        Self {
            terms,
            link: Link::Down,
            entries: BTreeMap::new(),
            names: HashMap::new(),
            numbers: HashMap::new(),
            next: 1,
            open: HashMap::new(),
            synced: Vec::new(),
            heard_since: BTreeSet::new(),
            places: Places::default(),
            accounts: BTreeSet::from([None]),
            clock: Nanos(0),
            down_since: None,
            begun: false,
            acts: VecDeque::new(),
        }
    }

    /// What is to be done, in order.
    pub(in crate::client::fix) fn next_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    /// The request of a ticket that is to be sent.
    pub(in crate::client::fix) fn request(&self, ticket: Ticket) -> Option<&Request> {
        self.entries.get(&ticket).map(|entry| &entry.request)
    }

    /// A request of the caller's. An order is not kept for a connection that is not there: the market may be another
    /// by then.
    pub(in crate::client::fix) fn enter(&mut self, request: Request, now: Nanos) -> Ticket {
        let (ticket, name) = (Ticket(self.next), request.name.clone());
        if self.names.contains_key(&name) {
            self.next += 1;
            self.acts.push_back(Act::Settle(ticket, Err(Error::UnderWay { cl_ord_id: name })));
        } else if request.kind == Kind::Order && self.link == Link::Down {
            self.next += 1;
            let why = Error::Closed("there is no connection".to_owned());
            self.acts.push_back(Act::Settle(ticket, Err(why)));
        } else {
            self.accounts.insert(request.account.clone());
            self.ask(request, now);
        }
        ticket
    }

    /// A request was written under this number.
    pub(in crate::client::fix) fn sent(&mut self, ticket: Ticket, number: MsgSeqNum, now: Nanos) {
        let clock = self.clock;
        if let Some(entry) = self.entries.get_mut(&ticket) {
            entry.state = State::Sent(now);
            (entry.last_sent, entry.asked_at) = (Some(now), clock);
            entry.sent_again |= entry.was_lost;
            self.numbers.insert(number, ticket);
        }
    }

    /// A request may have been written, and the connection is ending.
    pub(in crate::client::fix) fn torn(&mut self, ticket: Ticket, now: Nanos) {
        if let Some(entry) = self.entries.get_mut(&ticket) {
            entry.state = State::Sent(now);
            entry.last_sent = Some(now);
        }
    }

    /// There is a connection, logged on. After a reset the numbers of before mean nothing.
    pub(in crate::client::fix) fn up(&mut self, reset: bool, now: Nanos) {
        if reset {
            self.numbers.clear();
            self.entries.values_mut().for_each(|entry| entry.is_blind |= entry.last_sent.is_some());
        }
        let waiting = self.tickets(|entry| entry.state == State::Waiting);
        self.link = Link::Syncing;
        waiting.into_iter().for_each(|ticket| self.send(ticket));
        // Also without a reset: a venue that crashed may have filled the gap that it cannot tell.
        if !self.ask_streams(reset || self.begun, now) {
            self.fence(now);
        }
    }

    /// The connection has ended.
    pub(in crate::client::fix) fn down(&mut self, why: &str, now: Nanos) {
        self.link = Link::Down;
        self.down_since = Some(now);
        // What was to be sent was not.
        self.acts.retain(|act| !matches!(act, Act::Send(..)));
        self.forget_own_questions();
        self.streams_break();
        for entry in self.entries.values_mut().filter(|entry| entry.state != State::Waiting) {
            entry.state = State::Lost;
            entry.was_lost = true;
        }
        let unsent = |entry: &Entry| entry.request.kind == Kind::Order && entry.state == State::Waiting;
        for ticket in self.tickets(unsent) {
            self.finish(Some(ticket), Err(Error::Closed(why.to_owned())));
        }
    }

    /// The session is over: nothing more is found out.
    pub(in crate::client::fix) fn over(&mut self, why: &str) {
        self.acts.retain(|act| !matches!(act, Act::Send(..)));
        for ticket in self.tickets(|_| true) {
            let Some(entry) = self.entries.get(&ticket) else { continue };
            let unknown = entry.last_sent.is_some() && entry.request.kind != Kind::Question;
            let (cl_ord_id, why) = (entry.request.name.clone(), why.to_owned());
            let error = if unknown { Error::OutcomeUnknown { cl_ord_id, why } } else { Error::Closed(why) };
            self.finish(Some(ticket), Err(error));
        }
    }

    /// When [`Ledger::tick`] is due.
    pub(in crate::client::fix) fn deadline(&self) -> Option<Nanos> {
        if self.link == Link::Down {
            return None;
        }
        let due = self.entries.values().filter_map(|entry| match entry.state {
            State::Sent(at) => Some(at + self.terms.timeout),
            State::Later(at) => Some(at),
            State::Waiting | State::Lost | State::Probed => None,
        });
        due.min()
    }

    /// Sends what is to be sent now, and takes for lost what was not answered in time.
    pub(in crate::client::fix) fn tick(&mut self, now: Nanos) {
        if self.link == Link::Down {
            return;
        }
        for ticket in self.tickets(|entry| matches!(entry.state, State::Later(at) if at <= now)) {
            self.send(ticket);
        }
        let timeout = self.terms.timeout;
        let late = self.tickets(|entry| matches!(entry.state, State::Sent(at) if at + timeout <= now));
        if late.is_empty() {
            return;
        }
        for ticket in late {
            let Some(entry) = self.entries.get_mut(&ticket) else { continue };
            if entry.request.kind == Kind::Question {
                self.finish(Some(ticket), Err(Error::TimedOut(timeout.into())));
            } else {
                (entry.state, entry.was_lost) = (State::Lost, true);
            }
        }
        // What it means that they were not answered is known behind a fence only, and that stands behind the streams.
        if !self.streams_wait() {
            self.forget_own_questions();
            self.streams_break();
            if !self.ask_streams(false, now) {
                self.fence(now);
            }
        }
    }

    /// Keeps a request, and sends it if there is a connection.
    fn ask(&mut self, request: Request, now: Nanos) {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.names.insert(request.name.clone(), ticket);
        let entry = Entry {
            request,
            state: State::Waiting,
            entered: now,
            last_sent: None,
            was_lost: false,
            sent_again: false,
            is_blind: false,
            asked_at: Nanos(0),
            orders: Vec::new(),
        };
        self.entries.insert(ticket, entry);
        if self.link != Link::Down {
            self.send(ticket);
        }
    }

    /// Of what may have been sent before the venue is told so; questions can be asked twice.
    fn send(&mut self, ticket: Ticket) {
        let Some(entry) = self.entries.get_mut(&ticket) else { return };
        let once = matches!(entry.request.kind, Kind::Order | Kind::Change | Kind::CancelAll);
        let again = once && entry.last_sent.is_some();
        entry.orders.clear();
        self.acts.push_back(Act::Send(ticket, again));
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Entry> {
        let entry = self.entries.remove(&ticket)?;
        self.names.remove(&entry.request.name);
        self.numbers.retain(|_, of| *of != ticket);
        Some(entry)
    }

    /// Questions of the ledger's own are asked anew behind each fence.
    fn forget_own_questions(&mut self) {
        let own = |kind: &Kind| matches!(kind, Kind::Sync | Kind::Probe(_) | Kind::Meanwhile | Kind::Streams);
        for ticket in self.tickets(|entry| own(&entry.request.kind)) {
            self.remove(ticket);
        }
        for entry in self.entries.values_mut().filter(|entry| entry.state == State::Probed) {
            entry.state = State::Lost;
        }
    }

    fn tickets(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Ticket> {
        self.entries.iter().filter(|(_, entry)| wanted(entry)).map(|(ticket, _)| *ticket).collect()
    }

    fn own_name(&self) -> String {
        // Unique among what is under way, and that is all that a question needs.
        format!("sync-{}", self.next)
    }

    /// Asks for the open orders of each account.
    fn fence(&mut self, now: Nanos) {
        self.link = Link::Syncing;
        self.synced.clear();
        self.heard_since.clear();
        for account in self.accounts.clone() {
            let name = self.own_name();
            let body = messages::open_orders(None, account.as_deref(), &name);
            let (kind, msg_type) = (Kind::Sync, b"AF".as_slice());
            self.ask(Request { kind, msg_type, name, symbol: None, account, body }, now);
        }
    }
}
