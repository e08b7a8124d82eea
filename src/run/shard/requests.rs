//! Orders and cancels: through once, risk and matching, in this order.

use super::{At, Pending, Shard};
use crate::matching::{Book, Handle, Swept, Taker, Tape};
use crate::once::{Known, Name, Seen, Standing, check_time};
use crate::risk::{Passed, Touch};
use crate::types::{
    Answer, CancelOrder, CancelRejected, Command, Detail, Event, ExecType, Execution, InstrumentId, Nanos,
    NewOrder, Notional, OrdStatus, Order, OrderId, OrderRef, Origin, Qty, Refusal, Reject, Repeated,
    Requester, SessionId, Side,
};

/// How an order meets a book: [`Book::enter`] or [`Book::proceed`].
type Meet = fn(&mut Book, &mut Taker, &mut Tape<'_>) -> Swept;

impl Shard {
    /// The answer to a request that came before; `None` for everything else.
    pub(super) fn repetition(&self, command: &Command, now: Nanos) -> Option<Answer> {
        let (name, requester) = match command {
            Command::New(requester, order) => (Name::of_order(order), requester),
            Command::Cancel(requester, cancel) => (Name::of_cancel(cancel), requester),
            _ => return None,
        };
        match self.once.seen(&name, requester) {
            Seen::Never => None,
            Seen::Same(known) => Some(Answer::Repeated(self.repeated(known))),
            Seen::Other(known) => {
                let order = known_order(self.once.first(known).1);
                let detail = order.map_or(Detail::None, Detail::OrderId);
                let refusal = Refusal::with(Reject::DuplicateClOrdId, detail);
                Some(Answer::Refused(self.refused(command, requester.session, refusal, now)?))
            }
        }
    }

    pub(super) fn run_new(&mut self, at: At, origin: Option<Origin>, requester: &Requester, new: &NewOrder) {
        let name = Name::of_order(new);
        let mut order = order_of(new, OrderId::new(self.id, at.0), requester.session, at.1);
        order.lease = self.leases.of(requester);
        let passed = match self.admit(requester, new, &order) {
            Ok(passed) => passed,
            Err(refusal) => {
                order.status = OrdStatus::Rejected;
                let event = Event::Execution(rejected(order, refusal));
                self.once.remember(name, requester, at, event, Some(&order));
                return self.events.push(event);
            }
        };
        let mut taker = Taker::new(order, passed.band_edge);
        let swept = self.meet(&mut taker, at.1, Book::enter);
        let known = self.once.remember(name, requester, at, self.events[0], Some(&order));
        self.settle(Pending { taker, known, origin }, swept);
    }

    pub(super) fn run_cancel(&mut self, at: At, requester: &Requester, cancel: &CancelOrder) {
        let name = Name::of_cancel(cancel);
        let target = self.target(name, &cancel.target);
        match self.resting(requester, cancel, target.map(|(standing, _)| standing), at.1) {
            Ok(handle) => {
                let (book, mut tape) = self.book_and_tape(cancel.instrument, at.1);
                book.cancel(handle, cancel, requester.session, &mut tape);
            }
            Err(refusal) => {
                let order = target.as_ref().map(|(_, order)| order);
                let reject = cancel_rejected(cancel, requester.session, refusal, order);
                self.events.push(Event::CancelRejected(reject));
            }
        }
        let event = self.events[0];
        self.once.remember(name, requester, at, event, None);
        if let Event::Execution(execution) = &event {
            self.risk.apply(execution);
            self.once.close(&execution.order);
        }
    }

    /// The next step of an order that has more to meet.
    pub(super) fn sweep(&mut self, mut pending: Pending, time: Nanos) {
        let swept = self.meet(&mut pending.taker, time, Book::proceed);
        self.settle(pending, swept);
    }

    /// The order that a request means and how it stands, if it is the account's own.
    pub(super) fn target(&self, name: Name, target: &OrderRef) -> Option<(Standing, Order)> {
        let known = match target {
            OrderRef::ClOrdId(cl_ord_id) => self.once.by_name(&Name { cl_ord_id: *cl_ord_id, ..name }),
            OrderRef::OrderId(order) => self.once.by_order(*order),
        };
        let standing = self.once.standing(known?);
        self.order_now(known?, standing)
            .filter(|order| order.account == name.account && order.instrument == name.instrument)
            .map(|order| (standing, order))
    }

    /// Everything between the sequence number and the book.
    fn admit(&self, requester: &Requester, new: &NewOrder, order: &Order) -> Result<Passed, Refusal> {
        check_time(requester, order.created)?;
        self.risk.known(new.account, new.instrument)?;
        let book = self.books.get(&new.instrument).ok_or(Reject::InstrumentNotOnShard)?;
        let best = |side| book.best(side).map(|level| level.price);
        let passed = self.risk.check(new, Touch { bid: best(Side::Buy), ask: best(Side::Sell) })?;
        book.admit(order)?;
        Ok(passed)
    }

    /// Where the order rests that is to be canceled, or why it is not.
    fn resting(
        &self,
        requester: &Requester,
        cancel: &CancelOrder,
        target: Option<Standing>,
        time: Nanos,
    ) -> Result<Handle, Refusal> {
        check_time(requester, time)?;
        self.risk.known(cancel.account, cancel.instrument)?;
        match target.ok_or(Reject::OrderUnknown)? {
            Standing::Resting(handle) => Ok(Handle(handle)),
            _ => Err(Reject::TooLateToCancel.into()),
        }
    }

    fn meet(&mut self, taker: &mut Taker, time: Nanos, meet: Meet) -> Swept {
        let (book, mut tape) = self.book_and_tape(taker.order.instrument, time);
        meet(book, taker, &mut tape)
    }

    pub(super) fn book_and_tape(&mut self, of: InstrumentId, time: Nanos) -> (&mut Book, Tape<'_>) {
        let book = self.books.get_mut(&of).expect("an order that was taken has a book");
        (book, Tape { shard: self.id, time, trades: &mut self.trades, events: &mut self.events })
    }

    /// Lets risk and once follow the events of a step of an order.
    fn settle(&mut self, pending: Pending, swept: Swept) {
        let taker = pending.taker.order.id;
        for event in &self.events {
            let Event::Execution(execution) = event else { continue };
            self.risk.apply(execution);
            if execution.order.id == taker {
                self.once.tell(pending.known, event);
            } else if !execution.order.status.is_open() {
                self.once.close(&execution.order);
            }
        }
        match swept {
            Swept::Closed => {}
            Swept::Resting(handle) => self.once.rest(pending.known, handle.0),
            Swept::More => self.pending = Some(pending),
        }
    }

    fn repeated(&self, known: Known) -> Repeated {
        let (seq, first) = self.once.first(known);
        let order = known_order(first).and_then(|order| self.once.by_order(order));
        Repeated {
            seq,
            first: *first,
            fills: self.once.fills(known).collect(),
            current: order.and_then(|known| self.order_now(known, self.once.standing(known))),
        }
    }

    fn order_now(&self, known: Known, standing: Standing) -> Option<Order> {
        match (standing, self.once.first(known).1) {
            (Standing::Closed(order), _) => Some(order),
            (Standing::Resting(handle), Event::Execution(first)) => {
                self.books.get(&first.order.instrument).map(|book| *book.order(Handle(handle)))
            }
            (Standing::Sweeping, _) => self.pending.as_ref().map(|pending| pending.taker.order),
            (Standing::NoOrder | Standing::Resting(_), _) => None,
        }
    }

    /// The refusal of a request that is not sequenced.
    fn refused(&self, command: &Command, session: SessionId, refusal: Refusal, now: Nanos) -> Option<Event> {
        match command {
            Command::New(_, new) => {
                let mut order = order_of(new, OrderId::NONE, session, self.sequencer.time(now));
                order.status = OrdStatus::Rejected;
                Some(Event::Execution(rejected(order, refusal)))
            }
            Command::Cancel(_, cancel) => {
                let target = self.target(Name::of_cancel(cancel), &cancel.target);
                let order = target.as_ref().map(|(_, order)| order);
                Some(Event::CancelRejected(cancel_rejected(cancel, session, refusal, order)))
            }
            _ => None,
        }
    }
}

/// The order that an event is about.
fn known_order(event: &Event) -> Option<OrderId> {
    match event {
        Event::Execution(execution) => Some(execution.order.id),
        Event::CancelRejected(reject) => reject.order_id,
        _ => None,
    }
}

fn order_of(new: &NewOrder, id: OrderId, session: SessionId, time: Nanos) -> Order {
    Order {
        id,
        cl_ord_id: new.cl_ord_id,
        account: new.account,
        instrument: new.instrument,
        session,
        lease: None,
        side: new.side,
        ord_type: new.ord_type,
        time_in_force: new.time_in_force,
        smp: new.smp,
        price: new.price,
        qty: new.qty,
        cum_qty: Qty::ZERO,
        cum_quote: Notional::ZERO,
        status: OrdStatus::New,
        created: time,
        updated: time,
    }
}

fn rejected(order: Order, refusal: Refusal) -> Execution {
    Execution {
        exec_type: ExecType::Rejected,
        order,
        cancel_id: None,
        cancel_session: SessionId::NONE,
        fill: None,
        cause: None,
        refusal: Some(refusal),
    }
}

fn cancel_rejected(
    cancel: &CancelOrder,
    session: SessionId,
    refusal: Refusal,
    order: Option<&Order>,
) -> CancelRejected {
    let by_name = match cancel.target {
        OrderRef::ClOrdId(cl_ord_id) => Some(cl_ord_id),
        OrderRef::OrderId(_) => None,
    };
    CancelRejected {
        account: cancel.account,
        instrument: cancel.instrument,
        session,
        cl_ord_id: cancel.cl_ord_id,
        orig_cl_ord_id: by_name.or(order.map(|order| order.cl_ord_id)),
        order_id: order.map(|order| order.id),
        status: order.map_or(OrdStatus::Rejected, |order| order.status),
        refusal,
    }
}
