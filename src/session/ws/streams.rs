//! The market data that a connection has subscribed to: public, so without a logon, and bounded.

use super::Session;
use crate::limits::MARKET_SUBSCRIPTIONS_MAX;
use crate::types::{InstrumentId, MarketStream, Refusal, Reject, Subscribed};

impl Session {
    /// `depth.subscribe` and its like: one subscription for each stream of each instrument. Who asks again begins anew
    /// under the same number.
    pub fn listen(&mut self, stream: MarketStream, instrument: InstrumentId) -> Result<Subscribed, Refusal> {
        if let Some(subscribed) = self.listens(stream, instrument) {
            return Ok(subscribed);
        }
        if self.streams.len() == MARKET_SUBSCRIPTIONS_MAX {
            return Err(Reject::TooManySubscriptions.into());
        }
        let subscribed = Subscribed { number: self.subscriptions_so_far, stream, instrument };
        self.subscriptions_so_far += 1;
        self.streams.push(subscribed);
        Ok(subscribed)
    }

    /// `depth.unsubscribe` and its like.
    pub fn unlisten(
        &mut self,
        stream: MarketStream,
        instrument: InstrumentId,
    ) -> Result<Subscribed, Refusal> {
        let subscribed = self.listens(stream, instrument).ok_or(Reject::NotSubscribed)?;
        self.streams.retain(|other| *other != subscribed);
        Ok(subscribed)
    }

    /// The subscription of a stream, if there is one.
    pub fn listens(&self, stream: MarketStream, instrument: InstrumentId) -> Option<Subscribed> {
        let wanted = |s: &&Subscribed| s.stream == stream && s.instrument == instrument;
        self.streams.iter().find(wanted).copied()
    }

    /// All of them.
    pub fn streams(&self) -> &[Subscribed] {
        &self.streams
    }
}
