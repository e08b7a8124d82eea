//! The demo's idea of a market: for each instrument a fair price that wanders, and chances from a seed.

use crate::types::{Decimal, Instrument, Price, Qty};

/// A generator of chances (xorshift64*): the demo trades alike each time, as far as time allows.
pub struct Chance(u64);

impl Chance {
    /// From a seed, which must not be zero.
    pub const fn new(seed: u64) -> Self {
        assert!(seed != 0, "zero stays zero");
        Self(seed)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }
}

/// An instrument as a client of the demo trades it.
#[derive(Clone, Debug)]
pub struct Market {
    /// Symbol(55).
    pub symbol: String,
    instrument: Instrument,
    /// What the price wanders around, in ticks.
    anchor: i64,
    /// What it is worth now, in ticks.
    fair: i64,
}

impl Market {
    /// A market that begins at the reference price of the instrument.
    pub fn new(instrument: &Instrument) -> Self {
        let anchor = instrument.reference.0 / instrument.tick.0;
        Self { symbol: instrument.symbol.to_string(), instrument: *instrument, anchor, fair: anchor }
    }

    /// The fair price moves by a few ticks, and is drawn back when it is 2 % away.
    pub fn wander(&mut self, chance: &mut Chance) {
        let bound = (self.anchor / 50).max(10);
        let step = (bound / 100).max(1);
        let drift = match self.fair - self.anchor {
            away if away > bound => -step,
            away if away < -bound => step,
            _ => 0,
        };
        self.fair += drift + chance.below(2 * step as u64 + 1) as i64 - step;
    }

    /// Somebody who only looks on takes this for the fair price, in ticks.
    pub fn believe(&mut self, ticks: i64) {
        self.fair = ticks;
    }

    /// The fair price, in ticks.
    pub fn fair(&self) -> i64 {
        self.fair
    }

    /// How far a quote stands from the fair price, in ticks: a twentieth of a percent, two at least.
    pub fn half_spread(&self) -> i64 {
        (self.anchor / 2_000).max(2)
    }

    /// What stands on the wire for a price in ticks.
    pub fn price(&self, ticks: i64) -> Decimal {
        let Price(tick) = self.instrument.tick;
        Decimal { mantissa: ticks.max(1) * tick, scale: self.instrument.price_scale.0 }
    }

    /// A price from the wire in ticks, rounded down.
    pub fn ticks(&self, price: Decimal) -> Option<i64> {
        Some(price.at_scale(self.instrument.price_scale).ok()? / self.instrument.tick.0)
    }

    /// What stands on the wire for a quantity in lots.
    pub fn qty(&self, lots: u64) -> Decimal {
        let Qty(lot) = self.instrument.lot;
        Decimal { mantissa: (lots * lot) as i64, scale: self.instrument.qty_scale.0 }
    }

    /// How many lots the market maker quotes: several orders of the bots, and far below the limits of one order.
    pub fn quote_lots(&self) -> u64 {
        let Instrument { max_qty, lot, max_notional, reference, .. } = self.instrument;
        let by_notional = max_notional / (reference.0.unsigned_abs() * lot.0).max(1);
        (max_qty.0 / lot.0).min(by_notional).min(80).div_ceil(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Scale, samples};

    fn market() -> Market {
        Market::new(&Instrument {
            qty_scale: Scale(3),
            tick: Price(10),
            lot: Qty(5),
            max_qty: Qty(10_000),
            band_bps: 1_000,
            reference: Price(100_000),
            ..samples::instrument()
        })
    }

    #[test]
    fn prices_are_whole_ticks_and_quantities_whole_lots() {
        let market = market();
        assert_eq!(market.price(market.fair()).to_string(), "1000.00");
        assert_eq!(market.qty(3).to_string(), "0.015");
        assert_eq!(market.ticks("1000.10".parse().unwrap()), Some(10_001));
    }

    #[test]
    fn the_fair_price_wanders_and_stays_near() {
        let (mut market, mut chance) = (market(), Chance::new(7));
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..10_000 {
            market.wander(&mut chance);
            seen.insert(market.fair());
        }
        assert!(seen.len() > 50, "it moves");
        let (low, high) = (seen.first().unwrap(), seen.last().unwrap());
        assert!((9_700..=10_300).contains(low) && (9_700..=10_300).contains(high), "{low}..{high}");
    }
}
