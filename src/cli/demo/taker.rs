//! A bot that takes: over WebSocket, one request at a time, each signed.
//!
//! It mostly crosses the market maker's quotes, and now and then does what real bots do too: rests an order and
//! cancels it, posts where it would trade, types a price with a digit too many. So the summary has refusals in it.

use super::market::{Chance, Market};
use super::witness::{Testimony, Witness};
use crate::client::ws::{Client, Executions, OrderState, SignedOrder};
use crate::client::{Error, NewOrder};
use crate::types::Side;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A bot, connected and logged on.
pub struct Taker {
    bot: Client,
    executions: Executions,
    witness: Witness,
    markets: Vec<Market>,
    chance: Chance,
    /// Bought less sold, in lots of whatever: keeps the bot from walking off in one direction.
    tilt: i64,
    /// Makes ClOrdIDs.
    prefix: String,
    count: u64,
}

impl Taker {
    /// Logs on and listens.
    pub async fn start(
        bot: Client,
        witness: Witness,
        markets: Vec<Market>,
        chance: Chance,
        prefix: String,
    ) -> Result<Self, Error> {
        bot.logon().await?;
        let executions = bot.subscribe().await?;
        Ok(Self { bot, executions, witness, markets, chance, tilt: 0, prefix, count: 0 })
    }

    /// Trades until `stop`, then leaves no order behind and says what it saw.
    pub async fn run(mut self, stop: Arc<AtomicBool>) -> Result<Testimony, Error> {
        while !stop.load(Ordering::Relaxed) {
            self.act().await?;
            self.listen();
        }
        self.finish().await?;
        Ok(self.witness.testify())
    }

    async fn act(&mut self) -> Result<(), Error> {
        let at = self.chance.below(self.markets.len() as u64) as usize;
        let side = if self.chance.below(40) as i64 + self.tilt > 20 { Side::Sell } else { Side::Buy };
        if self.chance.below(32) == 0 {
            self.look(at).await?;
        }
        match self.chance.below(1_000) {
            0..700 => self.take(at, side, NewOrder::ioc).await,
            700..850 => self.take(at, side, NewOrder::limit).await,
            850..900 => self.take(at, side, NewOrder::fok).await,
            900..940 => self.market_order(at, side).await,
            940..965 => self.post_where_it_would_trade(at, side).await,
            965..997 => self.rest_and_cancel(at, side).await,
            _ => self.mistype(at, side).await,
        }
    }

    /// Asks what the best prices are; the bot knows the fair price only as well as it last looked.
    async fn look(&mut self, at: usize) -> Result<(), Error> {
        let ticker = self.bot.book_ticker(&self.markets[at].symbol).await?;
        let market = &mut self.markets[at];
        if let (Some(bid), Some(ask)) = (market.ticks(ticker.bid_price), market.ticks(ticker.ask_price))
            && bid > 0
            && ask > 0
        {
            market.believe((bid + ask) / 2);
        }
        Ok(())
    }

    /// Crosses the spread with a little room, because the quotes may have moved.
    async fn take(
        &mut self,
        at: usize,
        side: Side,
        kind: fn(&str, Side, crate::types::Decimal, crate::types::Decimal) -> NewOrder,
    ) -> Result<(), Error> {
        let (market, lots) = (&self.markets[at], 1 + self.chance.below(8));
        let price = market.price(market.fair() + toward(side, 4 * market.half_spread()));
        let order = kind(&market.symbol, side, market.qty(lots), price);
        let Some(state) = self.place(order).await? else { return Ok(()) };
        self.tilt += toward(side, i64::from(!state.fills.is_empty()));
        if state.status.is_open() { self.cancel(&state).await } else { Ok(()) }
    }

    async fn market_order(&mut self, at: usize, side: Side) -> Result<(), Error> {
        let (market, lots) = (&self.markets[at], 1 + self.chance.below(4));
        let order = NewOrder::market(&market.symbol, side, market.qty(lots));
        self.place(order).await.map(drop)
    }

    async fn post_where_it_would_trade(&mut self, at: usize, side: Side) -> Result<(), Error> {
        let market = &self.markets[at];
        let price = market.price(market.fair() + toward(side, 2 * market.half_spread()));
        let order = NewOrder::limit_maker(&market.symbol, side, market.qty(1), price);
        self.place_and_cancel(order).await
    }

    async fn rest_and_cancel(&mut self, at: usize, side: Side) -> Result<(), Error> {
        let market = &self.markets[at];
        let price = market.price(market.fair() - toward(side, 4 * market.half_spread()));
        let order = NewOrder::limit_maker(&market.symbol, side, market.qty(2), price);
        self.place_and_cancel(order).await
    }

    async fn mistype(&mut self, at: usize, side: Side) -> Result<(), Error> {
        let market = &self.markets[at];
        let order = NewOrder::ioc(&market.symbol, side, market.qty(1), market.price(10 * market.fair()));
        self.place(order).await.map(drop)
    }

    async fn place_and_cancel(&mut self, order: NewOrder) -> Result<(), Error> {
        match self.place(order).await? {
            Some(state) if state.status.is_open() => self.cancel(&state).await,
            _ => Ok(()),
        }
    }

    /// Places an order; `None` if it was refused.
    async fn place(&mut self, order: NewOrder) -> Result<Option<OrderState>, Error> {
        self.count += 1;
        let order = self.bot.sign(&order.named(format!("{}{}", self.prefix, self.count)));
        self.witness.order_sent(order.cl_ord_id());
        self.send(order).await
    }

    async fn cancel(&mut self, state: &OrderState) -> Result<(), Error> {
        let cancel = self.bot.sign_cancel(&state.symbol, state.order_id);
        self.witness.cancel_sent(cancel.cl_ord_id());
        // Refused if it traded in the meantime, and then there is nothing left to cancel.
        self.send(cancel).await.map(drop)
    }

    async fn send(&mut self, order: SignedOrder) -> Result<Option<OrderState>, Error> {
        let (cl_ord_id, sent) = (order.cl_ord_id().to_owned(), std::time::Instant::now());
        match self.bot.send(order).await {
            Ok(timed) => {
                if timed.repeated {
                    self.witness.complain(format!("{cl_ord_id} was taken for a repetition"));
                }
                self.witness.accepted(&cl_ord_id, timed.answer.order_id, timed.round_trip);
                Ok(Some(timed.answer))
            }
            Err(Error::Refused(refusal)) => {
                self.witness.refused(&cl_ord_id, refusal.reject, sent.elapsed());
                if let Some(pause) = refusal.retry_after {
                    tokio::time::sleep(pause).await;
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn listen(&mut self) {
        while let Some(report) = self.executions.try_next() {
            self.witness.heard(&report);
        }
    }

    /// Answers and executions share the connection and stay in order: once the question is answered, everything
    /// that happened before it has been heard.
    async fn finish(&mut self) -> Result<(), Error> {
        for order in self.bot.open_orders(None).await? {
            self.cancel(&order).await?;
        }
        let left = self.bot.open_orders(None).await?.len();
        if left > 0 {
            self.witness.complain(format!("{left} orders are open after all were canceled"));
        }
        self.listen();
        let stray = self.bot.stray_answers();
        if stray > 0 {
            self.witness.complain(format!("{stray} answers to nothing that was asked"));
        }
        self.bot.close().await;
        Ok(())
    }
}

/// `by` up for a buyer, down for a seller: the direction in which an order becomes more willing to trade.
const fn toward(side: Side, by: i64) -> i64 {
    match side {
        Side::Buy => by,
        Side::Sell => -by,
    }
}
