//! Orders and cancels: through once, risk and matching, in this order.

use super::timers::Timer;
use super::{At, Pending, Rest, Shard, Sweep};
use crate::matching::{Book, Closing, Handle, Swept, Taker, Tape};
use crate::once::{Entry, Known, Made, Name, Seen, Standing, check_time};
use crate::planted::{self, Bug};
use crate::risk::{Passed, Touch};
use crate::types::{
    AmendOrder, Answer, CancelOrder, CancelRejected, Cause, Command, Current, CxlRejResponseTo, Detail,
    Event, ExecType, Execution, InstrumentId, MassCancel, MassCanceled, Nanos, NewOrder, OrdStatus, Order,
    OrderId, OrderRef, Origin, Recall, Refusal, Reject, ReplaceOrder, Requester, Seq, SessionId, Side,
    TimeInForce,
};

/// The order that a request means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) standing: Standing,
    pub(super) id: OrderId,
    pub(super) status: OrdStatus,
    /// The order as it is, while it is open.
    pub(super) open: Option<Order>,
}

/// How an order meets a book: [`Book::enter`] or [`Book::proceed`].
pub(super) type Meet = fn(&mut Book, &mut Taker, &mut Tape<'_>) -> Swept;

impl Shard {
    /// The answer to a request that came before; `None` for everything else.
    pub(super) fn repetition(&self, command: &Command, now: Nanos) -> Option<Answer> {
        let (name, requester) = named(command)?;
        match self.once.seen(&name, requester) {
            Seen::Never => None,
            Seen::Same(known) => Some(Answer::Recall(self.repeated(known))),
            Seen::Other(known) => {
                let detail = self.once.order_of(known).map_or(Detail::None, Detail::OrderId);
                let refusal = Refusal::with(Reject::DuplicateClOrdId, detail);
                Some(Answer::Refused(self.refused(command, requester.session, refusal, now)?))
            }
        }
    }

    /// The refusal of a request that could not be remembered, or for whose order the journal has no room. It is not for
    /// commands of the venue's own.
    pub(super) fn no_room(&self, command: &Command, now: Nanos) -> Option<Answer> {
        let (_, requester) = named(command)?;
        let is_cancel = matches!(command, Command::Cancel(..) | Command::MassCancel(..))
            && !planted::has(Bug::FullForCancels);
        let reject = if !self.takes_orders && !is_cancel {
            Reject::DiskFull
        } else if !self.once.has_room(is_cancel, self.sequencer.time(now)) {
            Reject::OnceFull
        } else {
            return None;
        };
        Some(Answer::Refused(self.refused(command, requester.session, reject.into(), now)?))
    }

    pub(super) fn run_new(&mut self, at: At, origin: Option<Origin>, requester: &Requester, new: &NewOrder) {
        self.enter(at, origin, requester, new);
    }

    /// Enters an order, or refuses it; it is known from then on.
    pub(super) fn enter(
        &mut self,
        (seq, time): At,
        origin: Option<Origin>,
        requester: &Requester,
        new: &NewOrder,
    ) -> Known {
        let name = Name::of_order(new);
        let mut order = Order::accepted(new, OrderId::new(self.id, seq), requester.session, time);
        order.lease = self.leases.of(requester);
        let passed = match self.admit(requester, new, &mut order) {
            Ok(passed) => passed,
            Err(refusal) => {
                order.status = OrdStatus::Rejected;
                let event = Event::Execution(rejected(order, refusal));
                self.events.push(event);
                return self.once.remember(name, requester, (seq, time), Made::Order(order.status));
            }
        };
        // What was canceled in the same step stands before it.
        let first = self.events.len();
        let mut taker = Taker::new(order, passed.band_edge);
        let swept = self.meet(&mut taker, time, Book::enter);
        let known = self.once.remember(name, requester, (seq, time), Made::Order(order.status));
        if order.time_in_force == TimeInForce::Gtd {
            self.timers.set(order.expire, Timer::Expiry(order.id));
        }
        self.settle(Sweep { taker, known, entered: known }, origin, swept, (first, seq));
        known
    }

    pub(super) fn run_cancel(&mut self, at: At, requester: &Requester, cancel: &CancelOrder) {
        self.cancel_one(at, requester, cancel);
        self.once.remember(Name::of_cancel(cancel), requester, at, Made::Nothing(about(&self.events[0])));
    }

    /// Closes an order at the request of its account, or says why not; whether it did.
    pub(super) fn cancel_one(&mut self, at: At, requester: &Requester, cancel: &CancelOrder) -> bool {
        let target = self.target(Name::of_cancel(cancel), &cancel.target);
        match self.resting(requester, Name::of_cancel(cancel), target.map(|target| target.standing), at.1) {
            Ok(handle) => {
                let closing = Closing {
                    cancel_id: Some(cancel.cl_ord_id),
                    session: requester.session,
                    cause: Cause::Requested,
                };
                let (book, mut tape) = self.book_and_tape(cancel.instrument, at.1);
                book.close(handle, &closing, &mut tape);
                self.follow_last(at.0);
                true
            }
            Err(refusal) => {
                let reject = cancel_rejected(cancel, requester.session, refusal, target.as_ref());
                self.events.push(Event::CancelRejected(reject));
                false
            }
        }
    }

    /// The next step of an order that has more to meet.
    pub(super) fn sweep(&mut self, mut sweep: Sweep, origin: Option<Origin>, (seq, time): At) {
        let swept = self.meet(&mut sweep.taker, time, Book::proceed);
        self.settle(sweep, origin, swept, (0, seq));
    }

    /// The order that a request means and how it stands, if it is the account's own.
    pub(super) fn target(&self, name: Name, target: &OrderRef) -> Option<Target> {
        let known = match target {
            OrderRef::ClOrdId(cl_ord_id) => self.once.by_name(&Name { cl_ord_id: *cl_ord_id, ..name }),
            OrderRef::OrderId(order) => self.once.by_order(*order),
        };
        let entered = self.once.entered(known?)?;
        let entry = self.once.entry(entered);
        if (entry.account, entry.instrument) != (name.account, name.instrument) {
            return None;
        }
        let standing = self.once.standing(entered);
        match (standing, self.open_order(entered, standing)) {
            (_, Some(order)) => {
                let (id, status) = (order.id, order.status);
                Some(Target { standing, id, status, open: Some(order) })
            }
            (Standing::Closed(status, closed), None) => {
                Some(Target { standing, id: closed.order, status, open: None })
            }
            _ => None,
        }
    }

    /// Everything between the sequence number and the book. What the account says of the order is written into it.
    fn admit(&self, requester: &Requester, new: &NewOrder, order: &mut Order) -> Result<Passed, Refusal> {
        check_time(requester, order.created)?;
        self.risk.known(new.account, new.instrument)?;
        self.admit_now(new, order)
    }

    /// The same for an order that is not late and whose names are known.
    pub(super) fn admit_now(&self, new: &NewOrder, order: &mut Order) -> Result<Passed, Refusal> {
        if order.time_in_force == TimeInForce::Gtd && order.expire <= order.created {
            return Err(Reject::ExpireTimePassed.into());
        }
        order.smp_group = self.risk.smp_group(new.account, new.smp_group)?;
        let book = self.books.get(&new.instrument).ok_or(Reject::InstrumentNotOnShard)?;
        let passed = self.risk.check(order, touch(book))?;
        book.admit(order)?;
        Ok(passed)
    }

    /// Where the order rests that a cancel or an amendment means, or why it does not.
    pub(super) fn resting(
        &self,
        requester: &Requester,
        name: Name,
        target: Option<Standing>,
        time: Nanos,
    ) -> Result<Handle, Refusal> {
        check_time(requester, time)?;
        self.risk.known(name.account, name.instrument)?;
        match target.ok_or(Reject::OrderUnknown)? {
            Standing::Resting(handle) => Ok(Handle(handle)),
            _ => Err(Reject::TooLateToCancel.into()),
        }
    }

    pub(super) fn meet(&mut self, taker: &mut Taker, time: Nanos, meet: Meet) -> Swept {
        let (book, mut tape) = self.book_and_tape(taker.order.instrument, time);
        meet(book, taker, &mut tape)
    }

    pub(super) fn book_and_tape(&mut self, of: InstrumentId, time: Nanos) -> (&mut Book, Tape<'_>) {
        let book = self.books.get_mut(&of).expect("an order that was taken has a book");
        let (trades, events, ledger) = (&mut self.trades, &mut self.events, &mut self.risk);
        (book, Tape { shard: self.id, time, trades, events, ledger })
    }

    /// Lets once, timers and history follow the events of a step of an order, from the `first` on. Risk has followed
    /// each of them as it happened.
    pub(super) fn settle(
        &mut self,
        sweep: Sweep,
        origin: Option<Origin>,
        swept: Swept,
        (first, seq): (usize, Seq),
    ) {
        let (taker, known, entered) = (sweep.taker.order, sweep.known, sweep.entered);
        for at in first..self.events.len() {
            let Event::Execution(execution) = self.events[at] else { continue };
            self.history.follow(&execution);
            if execution.order.id == taker.id {
                self.once.tell(known, seq);
            } else if !execution.order.status.is_open() {
                self.once.close(&execution.order, seq);
                self.forget_expiry(&execution.order);
            }
        }
        match swept {
            Swept::Closed => {
                self.once.follow(entered, taker.status, seq);
                self.forget_expiry(&taker);
            }
            Swept::Resting(handle) => self.once.rest(entered, handle.0),
            Swept::More => {
                self.once.follow(entered, taker.status, seq);
                self.pending = Some(Pending { rest: Rest::Order(sweep), origin });
            }
        }
    }

    pub(super) fn forget_expiry(&mut self, order: &Order) {
        if order.time_in_force == TimeInForce::Gtd {
            self.timers.clear(order.expire, Timer::Expiry(order.id));
        }
    }

    fn repeated(&self, known: Known) -> Recall {
        let &Entry { seq, steps, .. } = self.once.entry(known);
        let order = self.once.order_of(known).and_then(|order| self.once.by_order(order));
        let current = order.map_or(Current::Unknown, |entered| match self.once.standing(entered) {
            Standing::Closed(_, closed) => Current::Closed(closed),
            standing => self.open_order(entered, standing).map_or(Current::Unknown, Current::Open),
        });
        Recall::Repeated { seq, steps, current }
    }

    /// The order that a request entered, as it is now, if it is open.
    fn open_order(&self, entered: Known, standing: Standing) -> Option<Order> {
        match standing {
            Standing::Resting(handle) => {
                let instrument = self.once.entry(entered).instrument;
                self.books.get(&instrument).map(|book| *book.order(Handle(handle)))
            }
            Standing::Sweeping => match &self.pending {
                Some(Pending { rest: Rest::Order(sweep), .. }) => Some(sweep.taker.order),
                _ => None,
            },
            Standing::NoOrder | Standing::Closed(..) => None,
        }
    }

    /// The refusal of a request that is not sequenced.
    fn refused(&self, command: &Command, session: SessionId, refusal: Refusal, now: Nanos) -> Option<Event> {
        match command {
            Command::New(_, new) | Command::Replace(_, ReplaceOrder { order: new, .. }) => {
                let mut order = Order::accepted(new, OrderId::NONE, session, self.sequencer.time(now));
                order.status = OrdStatus::Rejected;
                Some(Event::Execution(rejected(order, refusal)))
            }
            Command::Cancel(_, cancel) => {
                let target = self.target(Name::of_cancel(cancel), &cancel.target);
                Some(Event::CancelRejected(cancel_rejected(cancel, session, refusal, target.as_ref())))
            }
            Command::Amend(_, amend) => {
                let target = self.target(Name::of_amend(amend), &amend.target);
                Some(Event::CancelRejected(amend_rejected(amend, session, refusal, target.as_ref())))
            }
            Command::MassCancel(_, MassCancel { scope, cl_ord_id }) => {
                Some(Event::MassCanceled(MassCanceled {
                    id: OrderId::NONE,
                    scope: *scope,
                    by: session,
                    cl_ord_id: *cl_ord_id,
                    canceled: 0,
                    refusal: Some(refusal),
                }))
            }
            _ => None,
        }
    }
}

/// Name and sender of a request that is remembered.
fn named(command: &Command) -> Option<(Name, &Requester)> {
    Some(match command {
        Command::New(requester, order) => (Name::of_order(order), requester),
        Command::Cancel(requester, cancel) => (Name::of_cancel(cancel), requester),
        Command::Amend(requester, amend) => (Name::of_amend(amend), requester),
        Command::Replace(requester, replace) => (Name::of_order(&replace.order), requester),
        Command::MassCancel(requester, cancel) => (Name::of_mass_cancel(cancel), requester),
        _ => return None,
    })
}

/// The order that an event is about.
pub(super) fn about(event: &Event) -> Option<OrderId> {
    match event {
        Event::Execution(execution) => Some(execution.order.id),
        Event::CancelRejected(reject) => reject.order_id,
        _ => None,
    }
}

pub(super) fn rejected(order: Order, refusal: Refusal) -> Execution {
    Execution { refusal: Some(refusal), ..Execution::bare(ExecType::Rejected, order) }
}

/// The best prices of a book.
pub(super) fn touch(book: &Book) -> Touch {
    let best = |side| book.best(side).map(|level| level.price);
    Touch { bid: best(Side::Buy), ask: best(Side::Sell) }
}

/// A refused amendment is told as a refused cancel is; what it answers says which.
pub(super) fn amend_rejected(
    amend: &AmendOrder,
    session: SessionId,
    refusal: Refusal,
    target: Option<&Target>,
) -> CancelRejected {
    let AmendOrder { account, instrument, cl_ord_id, .. } = *amend;
    let cancel = CancelOrder { account, instrument, cl_ord_id, target: amend.target };
    let response_to = CxlRejResponseTo::Replace;
    CancelRejected { response_to, ..cancel_rejected(&cancel, session, refusal, target) }
}

pub(super) fn cancel_rejected(
    cancel: &CancelOrder,
    session: SessionId,
    refusal: Refusal,
    target: Option<&Target>,
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
        // Of a closed order the shard keeps no ClOrdID: then it is told where the request named it.
        orig_cl_ord_id: by_name.or(target.and_then(|target| target.open).map(|order| order.cl_ord_id)),
        order_id: target.map(|target| target.id),
        status: target.map_or(OrdStatus::Rejected, |target| target.status),
        response_to: CxlRejResponseTo::Cancel,
        refusal,
    }
}
