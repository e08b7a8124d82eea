//! Amendments, and orders that take the place of another.
//!
//! ```text
//!   amend ─► its order rests? ─► smaller quantity, same price ─► shrunk where it stands
//!               │ no: refused    └ anything else ─► out of its level ─► meets the book as a new order would
//!   replace ─► cancel ─► done, or refused and the mode allows it ─► the new order
//! ```

use super::requests::{Target, about, amend_rejected, rejected, touch};
use super::{At, Shard, Sweep};
use crate::matching::{Handle, Taker};
use crate::once::{Known, Made, Name, check_time};
use crate::planted::{self, Bug};
use crate::types::{
    AmendOrder, Detail, Event, OrdStatus, Order, OrderId, Origin, Refusal, Reject, ReplaceMode, ReplaceOrder,
    Requester, Unchanged,
};

/// What an amendment makes of its order.
struct Amended {
    at: Handle,
    order: Order,
    keeps_priority: bool,
}

impl Shard {
    pub(super) fn run_amend(
        &mut self,
        at: At,
        origin: Option<Origin>,
        requester: &Requester,
        amend: &AmendOrder,
    ) {
        let name = Name::of_amend(amend);
        let target = self.target(name, &amend.target);
        match self.amended(requester, amend, target.as_ref(), at) {
            Ok(amended) => {
                let Some(entered) = self.once.by_order(amended.order.id) else { return };
                self.amend(at, origin, requester, name, amended, entered);
            }
            Err(refusal) => {
                let event =
                    Event::CancelRejected(amend_rejected(amend, requester.session, refusal, target.as_ref()));
                self.events.push(event);
                self.once.remember(name, requester, at, Made::Nothing(about(&event)));
            }
        }
    }

    fn amend(
        &mut self,
        at: At,
        origin: Option<Origin>,
        requester: &Requester,
        name: Name,
        amended: Amended,
        entered: Known,
    ) {
        let Amended { at: handle, order, keeps_priority } = amended;
        let (book, mut tape) = self.book_and_tape(order.instrument, at.1);
        if keeps_priority {
            book.shrink(handle, order, requester.session, &mut tape);
            self.once.remember(name, requester, at, Made::Amendment(order.id));
            return;
        }
        let mut taker = Taker::new(order, None);
        let swept = book.amend(handle, &mut taker, requester.session, &mut tape);
        let known = self.once.remember(name, requester, at, Made::Amendment(order.id));
        self.settle(Sweep { taker, known, entered }, origin, swept, (0, at.0));
    }

    /// The order as it is to become, or why it stays as it is.
    fn amended(
        &self,
        requester: &Requester,
        amend: &AmendOrder,
        target: Option<&Target>,
        at: At,
    ) -> Result<Amended, Refusal> {
        let standing = target.map(|target| target.standing);
        let handle = self.resting(requester, Name::of_amend(amend), standing, at.1)?;
        let before = &target.and_then(|target| target.open).ok_or(Reject::OrderUnknown)?;
        check_unchanged(&amend.unchanged, before)?;
        let done = before.qty.minus(before.remaining());
        if amend.qty <= done {
            let bound = Detail::Bound(i64::try_from(done.0).unwrap_or(i64::MAX));
            return Err(Refusal::with(Reject::QtyBelowFilled, bound));
        }
        let price = amend.price.unwrap_or(before.price);
        let order = Order { cl_ord_id: amend.cl_ord_id, price, qty: amend.qty, updated: at.1, ..*before };
        let shrinks = price == before.price && order.qty <= before.qty;
        let keeps_priority = shrinks && (amend.keep_priority || !planted::has(Bug::AmendLosesPlace));
        if amend.keep_priority && !(keeps_priority && order.qty < before.qty) {
            return Err(Reject::PriorityWouldBeLost.into());
        }
        if keeps_priority {
            self.risk.check_shrunk(&order)?;
        } else {
            let book = self.books.get(&order.instrument).ok_or(Reject::InstrumentNotOnShard)?;
            if !planted::has(Bug::AmendUnchecked) {
                self.risk.check_amended(&order, before, touch(book))?;
            }
            book.admit_amended(handle, &order)?;
        }
        Ok(Amended { at: handle, order, keeps_priority })
    }

    pub(super) fn run_replace(
        &mut self,
        at: At,
        origin: Option<Origin>,
        requester: &Requester,
        replace: &ReplaceOrder,
    ) {
        let ReplaceOrder { cancel, order: new, mode } = replace;
        let name = Name::of_order(new);
        let late = check_time(requester, at.1).and_then(|()| self.risk.known(new.account, new.instrument));
        if let Err(refusal) = late {
            // The request as a whole is refused, so it is told once.
            let order = Order::accepted(new, OrderId::new(self.id, at.0), requester.session, at.1);
            let order = Order { status: OrdStatus::Rejected, ..order };
            let event = Event::Execution(rejected(order, refusal));
            self.events.push(event);
            self.once.remember(name, requester, at, Made::Order(order.status));
            return;
        }
        let canceled = self.cancel_one(at, requester, cancel);
        if !canceled && *mode == ReplaceMode::StopOnFailure {
            self.once.remember(name, requester, at, Made::Nothing(about(&self.events[0])));
            return;
        }
        self.enter(at, origin, requester, new);
    }
}

fn check_unchanged(repeated: &Unchanged, order: &Order) -> Result<(), Refusal> {
    let Unchanged { side, ord_type, time_in_force, reduce_only, expire } = *repeated;
    let same = side.is_none_or(|side| side == order.side)
        && ord_type.is_none_or(|ord_type| ord_type == order.ord_type)
        && time_in_force.is_none_or(|time_in_force| time_in_force == order.time_in_force)
        && reduce_only.is_none_or(|reduce_only| reduce_only == order.reduce_only)
        && expire.is_none_or(|expire| expire == order.expire);
    if same { Ok(()) } else { Err(Reject::AmendmentConflict.into()) }
}
