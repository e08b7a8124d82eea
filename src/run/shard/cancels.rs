//! Many cancels in one request: a sweep of its own over the open orders of an account.
//!
//! ```text
//!   book of the first instrument ─► the account's orders, oldest first ─► next book … ─► the report
//!        one step looks at a bounded number of them; what is left goes on in the next
//! ```

use super::{At, Pending, Rest, Shard};
use crate::limits::{CANCELS_PER_STEP_MAX, CANCELS_SOUGHT_PER_STEP_MAX};
use crate::matching::{Book, Closing, Handle};
use crate::once::{Made, Name, check_time};
use crate::planted::{self, Bug};
use crate::types::{
    AccountId, CancelScope, Cause, ClOrdId, Event, InstrumentId, MassCancel, MassCanceled, OrderId, Origin,
    Refusal, Reject, Requester,
};
use crate::wire::record::{DecodeError, Encoder, Reader};
use std::collections::BTreeMap;

/// Orders that are being canceled together.
#[derive(Debug)]
pub(super) struct Cancels {
    pub(super) scope: CancelScope,
    /// How many are closed.
    pub(super) canceled: u32,
    closing: Closing,
    /// Who asked, and the number of the report; `None` where the venue does it, which reports nothing.
    asked: Option<(Requester, ClOrdId, OrderId)>,
    /// `None`: everything was looked at.
    next: Option<Cursor>,
}

/// What is looked at next. Nothing else happens in the shard while it is on its way, so the places stay.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    instrument: InstrumentId,
    /// `None`: the first of the account.
    order: Option<Handle>,
}

impl Cancels {
    fn new(scope: CancelScope, closing: Closing, asked: Option<(Requester, ClOrdId, OrderId)>) -> Self {
        let instrument = scope.instrument.unwrap_or(InstrumentId(0));
        Self { scope, canceled: 0, closing, asked, next: Some(Cursor { instrument, order: None }) }
    }
}

impl Cancels {
    /// Writes it into a snapshot.
    pub(super) fn save(&self, books: &BTreeMap<InstrumentId, Book>, to: &mut Encoder) {
        let Self { scope, canceled, closing, asked, next } = self;
        let Closing { cancel_id, session, cause } = *closing;
        // A place is one of this run; the order that rests there has a name.
        let next = next.map(|Cursor { instrument, order }| {
            let order = order.zip(books.get(&instrument)).map(|(at, book)| book.order(at).id);
            (instrument, order)
        });
        to.put(scope).put(canceled).put(&(cancel_id, session, cause)).put(asked).put(&next);
    }

    /// Reads what [`Cancels::save`] wrote; `rests`: where an order rests.
    pub(super) fn load(
        from: &mut Reader<'_>,
        rests: impl Fn(OrderId) -> Option<Handle>,
    ) -> Result<Self, DecodeError> {
        let (scope, canceled) = (from.take()?, from.take()?);
        let (cancel_id, session, cause) = from.take()?;
        let asked = from.take()?;
        let next: Option<(InstrumentId, Option<OrderId>)> = from.take()?;
        let next = match next {
            None => None,
            Some((instrument, None)) => Some(Cursor { instrument, order: None }),
            Some((instrument, Some(order))) => {
                let at = rests(order).ok_or(DecodeError::Value { what: "resting order", value: order.0 })?;
                Some(Cursor { instrument, order: Some(at) })
            }
        };
        Ok(Self { scope, canceled, closing: Closing { cancel_id, session, cause }, asked, next })
    }
}

impl Shard {
    pub(super) fn run_mass_cancel(
        &mut self,
        at: At,
        origin: Option<Origin>,
        requester: &Requester,
        cancel: &MassCancel,
    ) {
        let id = OrderId::new(self.id, at.0);
        if let Err(refusal) = self.check_mass_cancel(requester, &cancel.scope, at) {
            let event = Event::MassCanceled(MassCanceled {
                id,
                scope: cancel.scope,
                by: requester.session,
                cl_ord_id: cancel.cl_ord_id,
                canceled: 0,
                refusal: Some(refusal),
            });
            self.events.push(event);
            self.once.remember(Name::of_mass_cancel(cancel), requester, at, Made::Nothing(None));
            return;
        }
        let closing = Closing {
            cancel_id: Some(cancel.cl_ord_id),
            session: requester.session,
            cause: Cause::MassCancel,
        };
        let asked = Some((*requester, cancel.cl_ord_id, id));
        self.cancel_more(Cancels::new(cancel.scope, closing, asked), origin, at);
    }

    /// The venue itself cancels all open orders of an account, and reports nothing but the cancels.
    pub(super) fn cancel_all_of(&mut self, account: AccountId, cause: Cause, at: At) {
        let scope = CancelScope { account, instrument: None, side: None, session: None };
        self.cancel_more(Cancels::new(scope, Closing::by_venue(cause), None), None, at);
    }

    fn check_mass_cancel(&self, requester: &Requester, scope: &CancelScope, at: At) -> Result<(), Refusal> {
        check_time(requester, at.1)?;
        match scope.instrument {
            Some(instrument) => self.risk.known(scope.account, instrument),
            None if self.risk.accounts().any(|limits| limits.account == scope.account) => Ok(()),
            None => Err(Reject::AccountNotOnShard.into()),
        }
    }

    /// The next step of a sweep; the last one reports.
    pub(super) fn cancel_more(&mut self, mut cancels: Cancels, origin: Option<Origin>, at: At) {
        if self.cancel_step(&mut cancels, at) {
            self.report_cancels(&cancels, at);
        } else {
            self.pending = Some(Pending { rest: Rest::Cancels(cancels), origin });
        }
    }

    /// Closes as many as one step may; whether there are no more.
    fn cancel_step(&mut self, cancels: &mut Cancels, at: At) -> bool {
        let mut sought = 0;
        while let Some((instrument, handle)) = self.next_in_scope(cancels) {
            if sought == CANCELS_SOUGHT_PER_STEP_MAX || self.events.len() == CANCELS_PER_STEP_MAX {
                cancels.next = Some(Cursor { instrument, order: Some(handle) });
                return false;
            }
            sought += 1;
            let (book, mut tape) = self.book_and_tape(instrument, at.1);
            let following = book.next_of_account(handle);
            let is_meant = cancels.scope.takes(book.order(handle)) || planted::has(Bug::SideIgnored);
            if is_meant {
                book.close(handle, &cancels.closing, &mut tape);
                cancels.canceled += 1;
                self.follow_last(at.0);
            }
            cancels.next = match following {
                Some(_) => Some(Cursor { instrument, order: following }),
                None => instrument
                    .0
                    .checked_add(1)
                    .map(|next| Cursor { instrument: InstrumentId(next), order: None }),
            };
        }
        true
    }

    /// The order that is looked at next: in this book, or the first in one of those behind it.
    fn next_in_scope(&self, cancels: &Cancels) -> Option<(InstrumentId, Handle)> {
        let Cursor { instrument, order } = cancels.next?;
        if let Some(handle) = order {
            return Some((instrument, handle));
        }
        let last = cancels.scope.instrument.unwrap_or(InstrumentId(u16::MAX));
        if instrument > last {
            return None;
        }
        let account = cancels.scope.account;
        self.books.range(instrument..=last).find_map(|(id, book)| Some((*id, book.first_of(account)?)))
    }

    fn report_cancels(&mut self, cancels: &Cancels, at: At) {
        let Some((requester, cl_ord_id, id)) = &cancels.asked else { return };
        let event = Event::MassCanceled(MassCanceled {
            id: *id,
            scope: cancels.scope,
            by: requester.session,
            cl_ord_id: *cl_ord_id,
            canceled: cancels.canceled.saturating_sub(planted::has(Bug::CancelsMiscounted).into()),
            refusal: None,
        });
        self.events.push(event);
        let name = Name::of_mass_cancel(&MassCancel { scope: cancels.scope, cl_ord_id: *cl_ord_id });
        self.once.remember(name, requester, at, Made::Nothing(None));
    }
}
