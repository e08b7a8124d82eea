//! What a client hears of its orders, the same over both protocols.

use super::error::reject_named;
use crate::types::{Decimal, ExecType, Nanos, OrdStatus, OrderId, Reject, Side, TradeId};

/// A change of an order: ExecutionReport(8), `executionReport`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionReport {
    /// What happened: ExecType(150).
    pub exec_type: ExecType,
    /// The order after it: OrdStatus(39).
    pub status: OrdStatus,
    /// Symbol(55).
    pub symbol: String,
    /// OrderID(37); `None` for an order that was refused before it had one.
    pub order_id: Option<OrderId>,
    /// ClOrdID(11): of the order, or of the cancel request that closed it.
    pub cl_ord_id: String,
    /// OrigClOrdID(41): of the order, where `cl_ord_id` is that of a cancel request.
    pub orig_cl_ord_id: Option<String>,
    /// Side(54).
    pub side: Side,
    /// OrderQty(38).
    pub qty: Decimal,
    /// Price(44); zero for a market order.
    pub price: Decimal,
    /// CumQty(14).
    pub cum_qty: Decimal,
    /// The trade, for [`ExecType::Trade`].
    pub trade: Option<Trade>,
    /// TransactTime(60): when it was sequenced.
    pub time: Nanos,
    /// Why it closed or was refused: Text(58).
    pub text: String,
    /// Its place in the private stream of the account; `None` where the server does not tell it: over FIX as the
    /// session is set up, and in what is no execution, such as a refusal by a gateway.
    pub place: Option<StreamPlace>,
}

/// A place in a private stream: of one account on one shard, whose executions are numbered 1, 2, 3 … without a gap.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamPlace {
    /// ApplID(1180): which stream.
    pub appl_id: String,
    /// ApplSeqNum(1181).
    #[serde(rename = "applSeqNum")]
    pub number: u64,
}

/// One trade of one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The same for both sides.
    pub id: TradeId,
    /// LastQty(32).
    pub qty: Decimal,
    /// LastPx(31).
    pub price: Decimal,
    /// Whether the order was resting.
    pub maker: bool,
}

impl ExecutionReport {
    /// The ClOrdID with which the order was entered, whatever this report answers.
    pub fn entered_as(&self) -> &str {
        self.orig_cl_ord_id.as_deref().unwrap_or(&self.cl_ord_id)
    }

    /// Why the order was refused, for [`ExecType::Rejected`].
    pub fn reject(&self) -> Option<Reject> {
        reject_named(&self.text)
    }
}
