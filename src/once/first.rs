//! The first answer to a request, out of the records of its steps.
//!
//! A request that enters or amends an order is answered with the last event of that order in the request's own steps,
//! and with its trades there; any other with its one event.

use crate::limits::ONCE_FILLS_MAX;
use crate::types::{ApplSeqNum, Command, Event, Execution, Fill, Order, OrderId, Repeated, Seq, ShardId};

/// An answer that is put together.
#[derive(Debug)]
pub struct FirstAnswer {
    seq: Seq,
    /// The order whose events are told.
    order: Option<OrderId>,
    first: Event,
    fills: Vec<Fill>,
    canceled: Option<Event>,
}

impl FirstAnswer {
    /// Begins with the first step of a request: its number, command and events. `None` if it has none that could be
    /// told.
    pub fn begin(shard: ShardId, seq: Seq, command: &Command, events: &[Event]) -> Option<Self> {
        let own = OrderId::new(shard, seq);
        let entered = events.iter().position(|event| order_of(event).is_some_and(|order| order.id == own));
        let (at, order) = match command {
            Command::New(..) | Command::Replace(..) => (entered.unwrap_or(0), entered.map(|_| own)),
            Command::Amend(..) => (0, events.first().and_then(order_of).map(|order| order.id)),
            // The report stands behind the last order that was canceled.
            Command::MassCancel(..) | Command::Continue(_) => (events.len().saturating_sub(1), None),
            _ => (0, None),
        };
        let canceled = events.first().filter(|_| at > 0 && order.is_some()).copied();
        let mut answer = Self { seq, order, first: *events.get(at)?, fills: Vec::new(), canceled };
        answer.follow(events);
        Some(answer)
    }

    /// A further step of the same request.
    pub fn follow(&mut self, events: &[Event]) {
        let Some(id) = self.order else { return };
        for event in events {
            let Event::Execution(execution) = event else { continue };
            if execution.order.id == id {
                self.tell(execution);
            }
        }
    }

    /// Whether it has as many trades as are told.
    pub fn is_full(&self) -> bool {
        self.fills.len() == ONCE_FILLS_MAX
    }

    /// The answer, with the order as it is now.
    pub fn with(self, current: Option<Order>) -> Repeated {
        let Self { seq, first, fills, canceled, .. } = self;
        Repeated { seq, first: unnumbered(first), fills, current, canceled: canceled.map(unnumbered) }
    }

    /// What an amendment changed stays part of it.
    fn tell(&mut self, execution: &Execution) {
        let replaced = match &self.first {
            Event::Execution(first) => first.replaced,
            _ => None,
        };
        self.first = Event::Execution(Execution { replaced, ..*execution });
        if let Some(fill) = execution.fill.filter(|_| self.fills.len() < ONCE_FILLS_MAX) {
            self.fills.push(fill);
        }
    }
}

/// A closed order, out of the events of the step that closed it.
pub fn closed(order: OrderId, events: &[Event]) -> Option<Order> {
    events.iter().rev().filter_map(order_of).find(|found| found.id == order).copied()
}

/// The private stream told it when it happened; told again it has no place there.
fn unnumbered(event: Event) -> Event {
    match event {
        Event::Execution(execution) => {
            Event::Execution(Execution { appl_seq_num: ApplSeqNum::ZERO, ..execution })
        }
        event => event,
    }
}

fn order_of(event: &Event) -> Option<&Order> {
    match event {
        Event::Execution(execution) => Some(&execution.order),
        _ => None,
    }
}
