//! The examples of requests that change orders or ask about an account.

use super::*;
use crate::types::{
    AccountLimits, AccountState, AccountTrade, AmendOrder, CancelAllAfter, CancelAllAfterSet, CancelScope,
    MassCancel, MassCanceled, PositionState, Prevented, ReplaceMode, ReplaceOrder, Replaced, SmpGroupId,
    TradesQuery, Unchanged,
};

const LIMITS: AccountLimits = AccountLimits {
    account: AccountId(1),
    instrument: None,
    max_open_orders: 1_000,
    max_position: 1_000_000,
    smp_group: SmpGroupId(7),
    enabled: true,
};

fn amending() -> Pending {
    let target = OrderRef::ClOrdId(name("bot-17"));
    let amend = AmendOrder {
        account: AccountId(1),
        instrument: BTC_USD,
        cl_ord_id: name("bot-19"),
        target,
        price: None,
        qty: Qty(3_000),
        keep_priority: true,
        unchanged: Unchanged::default(),
    };
    Pending::new(&RequestKind::Amend(amend), ResponseType::Result)
}

fn amended() -> Execution {
    let order = Order { cl_ord_id: name("bot-19"), qty: Qty(3_000), ..filled_in_part().order };
    let orig_cl_ord_id = name("bot-17");
    let replaced =
        Replaced { orig_cl_ord_id, orig_qty: Qty(5_000), orig_price: Price(10_000_000), kept_priority: true };
    Execution { replaced: Some(replaced), ..execution(ExecType::Replaced, order) }
}

fn replacing() -> Pending {
    let order = NewOrder { cl_ord_id: name("bot-20"), price: Price(5_990_000), ..new_order() };
    let replace = ReplaceOrder { cancel: cancel(), order, mode: ReplaceMode::StopOnFailure };
    Pending::new(&RequestKind::Replace(replace), ResponseType::Ack)
}

fn placed_instead() -> Execution {
    let order = Order { id: OrderId(4712), cl_ord_id: name("bot-20"), price: Price(5_990_000), ..order() };
    execution(ExecType::New, order)
}

fn mass_canceled() -> Pending {
    mass_canceled_by(&[(1, None)])
}

/// One matching engine of two had no room to remember it.
fn mass_canceled_in_part() -> Pending {
    mass_canceled_by(&[(2, None), (0, Some(Reject::OnceFull.into()))])
}

fn mass_canceled_by(shards: &[(u32, Option<Refusal>)]) -> Pending {
    let scope = CancelScope { account: AccountId(1), instrument: Some(BTC_USD), side: None, session: None };
    let cancel = MassCancel { scope, cl_ord_id: name("bot-18") };
    let mut pending = Pending::new(&RequestKind::MassCancel(cancel), ResponseType::Result);
    pending.hear(&Event::Execution(Execution { cause: Some(Cause::MassCancel), ..canceled() }), AT);
    for (canceled, refusal) in shards.iter().copied() {
        let (id, by, cl_ord_id) = (OrderId(4713), SessionId::NONE, cancel.cl_ord_id);
        let report = MassCanceled { id, scope, by, cl_ord_id, canceled, refusal };
        pending.hear(&Event::MassCanceled(report), AT);
    }
    pending
}

fn prevented() -> Execution {
    let order = Order { status: OrdStatus::Expired, prevented_qty: Qty(3_000), ..filled_in_part().order };
    let order = Order { smp_group: SmpGroupId(7), ..order };
    let lost = Prevented { qty: Qty(3_000), price: order.price, counter: OrderId(4700), maker: false };
    let cause = Some(Cause::SelfMatch);
    let appl_seq_num = ApplSeqNum(13);
    Execution { appl_seq_num, prevented: Some(lost), cause, ..execution(ExecType::Expired, order) }
}

/// The responses and events of the page.
pub(super) fn written() -> Vec<(&'static str, String)> {
    let executed = |id, limits: &[RateLimitUse], pending: &Pending| {
        said(|r, out| r.executed(&to(id, limits), pending, NOW, out))
    };
    let answered = |answer: &Answer| asked(&placing(ResponseType::Ack), answer);
    let mut both = replacing();
    for execution in [canceled(), placed_instead()] {
        both.hear(&Event::Execution(execution), AT);
    }
    let mut stopped = replacing();
    stopped.hear(&Event::CancelRejected(too_late()), AT);
    let at = EventRef { index: 1, ..AT };
    let own = said(|r, out| r.execution_report(0, &prevented(), at, NOW, out));
    vec![
        timer_response(),
        ("order.test response", answered(&Answer::Tested(Ok(())))),
        (
            "order.amend.keepPriority response",
            executed("amend-19", &[CANCELS], &heard(amending(), &[amended()])),
        ),
        ("order.cancelReplace response", executed("replace-20", &[ORDERS], &both)),
        ("cancelReplace error", executed("replace-20", &[ORDERS], &stopped)),
        ("openOrders.cancelAll response", executed("cancel-18", &[CANCELS], &mass_canceled())),
        ("cancelAll error", executed("cancel-18", &[CANCELS], &mass_canceled_in_part())),
        ("account.status response", answered(&Answer::Account(Ok(state())))),
        (
            "account.rateLimits.orders response",
            said(|r, out| r.rate_limits(&to("ask-1", &[QUERIES]), &[ORDERS, CANCELS, QUERIES], out)),
        ),
        ("myTrades response", answered(&Answer::Trades(trades_query(), vec![trade()]))),
        ("executionReport prevented event", own),
    ]
}

pub(super) fn too_late() -> CancelRejected {
    CancelRejected {
        account: AccountId(1),
        instrument: BTC_USD,
        session: SessionId::NONE,
        cl_ord_id: name("bot-18"),
        orig_cl_ord_id: Some(name("bot-17")),
        order_id: Some(OrderId(4711)),
        status: OrdStatus::Filled,
        response_to: CxlRejResponseTo::Cancel,
        refusal: Reject::TooLateToCancel.into(),
    }
}

fn trades_query() -> TradesQuery {
    let (account, instrument) = (AccountId(1), BTC_USD);
    TradesQuery { account, instrument, order: None, from: None, start: None, end: None, limit: 500 }
}

fn state() -> AccountState {
    let position = PositionState {
        instrument: BTC_USD,
        position: 2_000,
        open_buy: 3_000,
        open_sell: 0,
        open_orders: 1,
        max_position: 1_000_000,
    };
    AccountState { limits: LIMITS, positions: vec![position] }
}

fn trade() -> AccountTrade {
    let execution = filled_in_part();
    AccountTrade {
        fill: execution.fill.unwrap(),
        order: execution.order.id,
        side: Side::Buy,
        time: execution.order.updated,
    }
}

#[test]
fn a_mass_cancel_counts_what_several_shards_did() {
    let mut pending = mass_canceled();
    let Some(Event::MassCanceled(report)) = pending.last else { panic!() };
    pending.hear(&Event::MassCanceled(MassCanceled { canceled: 4, ..report }), AT);
    let text = said(|r, out| r.executed(&to("cancel-18", &[]), &pending, NOW, out));
    assert!(text.contains(r#""canceledOrders":5,"#), "{text}");
}

fn timer_response() -> (&'static str, String) {
    let account = AccountId(5);
    let request = CancelAllAfter { account, timeout: Span::from_secs(5) };
    let mut pending = Pending::new(&RequestKind::CancelAllAfter(request), ResponseType::Result);
    let set = CancelAllAfterSet { account, at: Some(NOW + request.timeout), refusal: None };
    pending.hear(&Event::CancelAllAfter(set), AT);
    let text = said(|r, out| r.executed(&to("alive-1", &[CANCELS]), &pending, NOW, out));
    ("cancelAllAfter response", text)
}
