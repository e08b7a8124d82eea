//! Questions of an account about itself: `account.status`, `account.rateLimits.orders`, `myTrades`.

use super::fields::Fields;
use super::{Asked, Asker, Desk};
use crate::limits::TRADES_MAX;
use crate::types::{OrderId, Query, Refusal, Reject, TradeId, TradesQuery};

/// `limit` of `myTrades` where the request has none, as Binance has it.
const TRADES_DEFAULT: u16 = 500;

impl Desk<'_> {
    /// `account.status`.
    pub(super) fn account_status(
        &self,
        fields: &Fields<'_, '_>,
        asker: &Asker<'_>,
    ) -> Result<Asked, Refusal> {
        fields.only(&["account"])?;
        Ok(Asked::question(Query::Account(asker.account)))
    }

    /// `account.rateLimits.orders`.
    pub(super) fn rate_limits(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only(&["account"])?;
        Ok(Asked::question(Query::RateLimits(asker.account)))
    }

    /// `myTrades`.
    pub(super) fn trades(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only(&["account", "endTime", "fromId", "limit", "orderId", "startTime", "symbol"])?;
        let limit = match fields.integer("limit")? {
            None => TRADES_DEFAULT,
            Some(limit) if (1..=TRADES_MAX).contains(&limit) => limit,
            Some(_) => return Err(Refusal::field(Reject::FieldValue, "limit")),
        };
        Ok(Asked::question(Query::Trades(TradesQuery {
            account: asker.account,
            instrument: self.instrument(fields)?.id,
            order: fields.integer("orderId")?.map(OrderId),
            from: fields.integer("fromId")?.map(TradeId),
            start: fields.millis("startTime")?,
            end: fields.millis("endTime")?,
            limit,
        })))
    }
}
