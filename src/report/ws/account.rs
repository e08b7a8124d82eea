//! What an account has and may do: `account.status`, `myTrades`.

use super::order::notional_scale;
use super::words;
use crate::config::{Account, Directory};
use crate::types::{AccountState, AccountTrade, Instrument, PositionState, Side, SmpGroupId, SmpMode};
use crate::wire::json::Writer;

/// `account.status`.
pub(super) fn status(account: &Account, state: &AccountState, directory: &Directory, w: &mut Writer<'_>) {
    let limits = &state.limits;
    w.object(|w| {
        w.key("account").text(&account.name);
        w.key("canTrade").boolean(limits.enabled);
        w.key("defaultSelfTradePreventionMode").text(words::smp(SmpMode::default()));
        if limits.smp_group != SmpGroupId::NONE {
            w.key("tradeGroupId").unsigned(u64::from(limits.smp_group.0));
        }
        w.key("maxOpenOrders").unsigned(u64::from(limits.max_open_orders));
        let open: u64 = state.positions.iter().map(|position| u64::from(position.open_orders)).sum();
        w.key("openOrders").unsigned(open);
        w.key("positions").array(|w| {
            for has in &state.positions {
                if let Some(instrument) = directory.instrument(has.instrument) {
                    position(has, instrument, w);
                }
            }
        });
    });
}

fn position(has: &PositionState, instrument: &Instrument, w: &mut Writer<'_>) {
    let scale = instrument.qty_scale;
    let open = |qty: u128| i128::try_from(qty).unwrap_or(i128::MAX);
    w.object(|w| {
        w.key("symbol").text(instrument.symbol.as_str());
        w.key("positionAmt").decimal(has.position, scale);
        w.key("openOrders").unsigned(u64::from(has.open_orders));
        w.key("openBuyQty").decimal(open(has.open_buy), scale);
        w.key("openSellQty").decimal(open(has.open_sell), scale);
        // Zero: no limit.
        w.key("maxPosition").decimal(i128::from(has.max_position), scale);
    });
}

/// `myTrades`.
pub(super) fn trades(instrument: &Instrument, trades: &[AccountTrade], w: &mut Writer<'_>) {
    let quote = notional_scale(instrument);
    w.array(|w| {
        for AccountTrade { fill, order, side, time } in trades {
            w.object(|w| {
                w.key("symbol").text(instrument.symbol.as_str());
                w.key("id").unsigned(fill.trade_id.0);
                w.key("orderId").unsigned(order.0);
                w.key("orderListId").integer(-1);
                w.key("price").decimal(i128::from(fill.price.0), instrument.price_scale);
                w.key("qty").decimal(i128::from(fill.qty.0), instrument.qty_scale);
                w.key("quoteQty").decimal(fill.price.times(fill.qty).0, quote);
                w.key("commission").text("0");
                w.key("commissionAsset").text(instrument.quote.as_str());
                w.key("time").unsigned(time.as_millis());
                w.key("isBuyer").boolean(*side == Side::Buy);
                w.key("isMaker").boolean(fill.maker);
                w.key("isBestMatch").boolean(true);
            });
        }
    });
}
