//! The price band: how far from the reference an order may go.

use crate::types::{Instrument, Price, Side};

/// The prices that an order may have; trades of a market order stay on its side of them, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Band {
    pub(super) low: Price,
    pub(super) high: Price,
}

impl Band {
    /// The band of an instrument around a reference; `None` if it has none.
    pub(super) fn around(reference: Price, instrument: &Instrument) -> Option<Self> {
        if instrument.band_bps == 0 {
            return None;
        }
        // 63 and 32 bits fit 128, and rounding down keeps both edges inside.
        let width = i128::from(reference.0) * i128::from(instrument.band_bps) / 10_000;
        let edge = |price: i128| Price(i64::try_from(price.max(0)).unwrap_or(i64::MAX));
        Some(Self { low: edge(i128::from(reference.0) - width), high: edge(i128::from(reference.0) + width) })
    }

    pub(super) fn contains(self, price: Price) -> bool {
        self.low <= price && price <= self.high
    }

    /// The edge that is nearer to the price: the bound that it passed.
    pub(super) fn nearest(self, price: Price) -> Price {
        if price < self.low { self.low } else { self.high }
    }

    /// The worst price for a side.
    pub(super) fn worst(self, side: Side) -> Price {
        match side {
            Side::Buy => self.high,
            Side::Sell => self.low,
        }
    }
}
