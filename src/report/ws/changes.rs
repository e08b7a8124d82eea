//! Requests with several outcomes: `order.cancelReplace` and `openOrders.cancelAll`.

use super::order::{self, Told};
use super::{Pending, Reply, Reporter, envelope, refusal};
use crate::types::{
    CancelAllAfterSet, CancelRejected, Event, ExecType, Execution, Instrument, MassCancel, MassCanceled,
    Nanos, Refusal, Reject, ReplaceOrder,
};
use crate::wire::json::Writer;

/// One half of `order.cancelReplace`.
enum Half<'a> {
    Done(&'a Execution),
    Failed(Refusal),
    NotAttempted,
}

impl Half<'_> {
    const fn word(&self) -> &'static str {
        match self {
            Self::Done(_) => "SUCCESS",
            Self::Failed(_) => "FAILURE",
            Self::NotAttempted => "NOT_ATTEMPTED",
        }
    }
}

impl Reporter {
    /// `order.cancelReplace`: a result if both halves were done, else an error that tells what became of each.
    pub(super) fn replaced(
        &self,
        to: &Reply<'_>,
        repeated: bool,
        asked: (&Pending, &ReplaceOrder),
        told: &Told<'_>,
        time: Nanos,
        out: &mut Vec<u8>,
    ) {
        let (pending, replace) = asked;
        let (canceled, placed) = halves(told);
        let instrument = self.directory.instrument(replace.order.instrument);
        let (Some(canceled), Some(instrument)) = (canceled, instrument) else {
            // It was refused as a whole, before either half.
            let refusal = match placed {
                Half::Failed(refusal) => refusal,
                _ => Reject::OutcomeUnknown.into(),
            };
            return refusal::write(to, repeated, &refusal, out, |w| refusal::facts(&refusal, time, w));
        };
        let both = Both { pending, replace, told, instrument, time, canceled, placed };
        match (&both.canceled, &both.placed) {
            (Half::Done(_), Half::Done(_)) => {
                envelope(to, 200, repeated, out, |w| w.key("result").object(|w| both.write(w)));
            }
            (Half::Done(_), _) | (_, Half::Done(_)) => {
                both.fail(to, repeated, Reject::CancelReplacePartlyFailed, out);
            }
            _ => both.fail(to, repeated, Reject::CancelReplaceFailed, out),
        }
    }

    /// `cancelAllAfter`: when the orders are canceled; 0: never.
    pub(super) fn timer_set(&self, to: &Reply<'_>, set: &CancelAllAfterSet, time: Nanos, out: &mut Vec<u8>) {
        if let Some(refusal) = &set.refusal {
            return refusal::write(to, false, refusal, out, |w| refusal::facts(refusal, time, w));
        }
        envelope(to, 200, false, out, |w| {
            w.key("result").object(|w| {
                w.key("serverTime").unsigned(time.as_millis());
                w.key("triggerTime").unsigned(set.at.map_or(0, Nanos::as_millis));
            });
        });
    }

    /// `openOrders.cancelAll`: the orders that were canceled, and how many there were beside those that are listed.
    pub(super) fn canceled_all(
        &self,
        to: &Reply<'_>,
        repeated: bool,
        (cancel, done): (&MassCancel, &MassCanceled),
        told: &Told<'_>,
        time: Nanos,
        out: &mut Vec<u8>,
    ) {
        if let Some(refusal) = done.refusal.filter(|_| done.canceled > 0) {
            let partly = Refusal::from(Reject::MassCancelPartlyFailed);
            return refusal::write(to, repeated, &partly, out, |w| {
                w.key("canceledOrders").unsigned(u64::from(done.canceled));
                w.key("failed");
                refusal::inner(&refusal, time, w);
            });
        }
        if let Some(refusal) = &done.refusal {
            return refusal::write(to, repeated, refusal, out, |w| refusal::facts(refusal, time, w));
        }
        envelope(to, 200, repeated, out, |w| {
            w.key("canceledOrders").unsigned(u64::from(done.canceled));
            w.key("result").array(|w| {
                for canceled in told.listed {
                    if let Some(instrument) = self.directory.instrument(canceled.instrument) {
                        order::canceled(canceled, &cancel.cl_ord_id, instrument, canceled.updated, w);
                    }
                }
            });
        });
    }
}

/// What became of the two halves. `None`: it was refused before the first.
fn halves<'a>(told: &Told<'a>) -> (Option<Half<'a>>, Half<'a>) {
    let half = |event: &'a Event| match event {
        Event::Execution(execution) if execution.exec_type == ExecType::Rejected => {
            Half::Failed(execution.refusal.unwrap_or(Reject::OutcomeUnknown.into()))
        }
        Event::Execution(execution) => Half::Done(execution),
        Event::CancelRejected(CancelRejected { refusal, .. }) => Half::Failed(*refusal),
        _ => Half::NotAttempted,
    };
    match (told.canceled, told.event) {
        // The last that was heard is the refusal of the cancel.
        (_, Event::CancelRejected(_)) => (Some(half(told.event)), Half::NotAttempted),
        (canceled, event) => (canceled.map(half), half(event)),
    }
}

struct Both<'a> {
    pending: &'a Pending,
    replace: &'a ReplaceOrder,
    told: &'a Told<'a>,
    instrument: &'a Instrument,
    time: Nanos,
    canceled: Half<'a>,
    placed: Half<'a>,
}

impl Both<'_> {
    fn fail(&self, to: &Reply<'_>, repeated: bool, reject: Reject, out: &mut Vec<u8>) {
        refusal::write(to, repeated, &reject.into(), out, |w| self.write(w));
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.key("cancelResult").text(self.canceled.word());
        w.key("newOrderResult").text(self.placed.word());
        w.key("cancelResponse");
        match &self.canceled {
            Half::Done(execution) => {
                let name = &self.replace.cancel.cl_ord_id;
                let name = execution.cancel_id.as_ref().unwrap_or(name);
                order::canceled(&execution.order, name, self.instrument, self.time, w);
            }
            Half::Failed(refusal) => refusal::inner(refusal, self.time, w),
            Half::NotAttempted => w.null(),
        }
        w.key("newOrderResponse");
        match &self.placed {
            Half::Done(execution) => {
                let response = self.pending.response;
                order::placed(response, self.told, execution, self.instrument, self.time, w);
            }
            Half::Failed(refusal) => refusal::inner(refusal, self.time, w),
            Half::NotAttempted => w.null(),
        }
    }
}
