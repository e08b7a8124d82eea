//! Prices and quantities: integers in units of the instrument's scale, checked, never a float.

use std::fmt;

/// How many decimal places an instrument's price or quantity has: 0 to 12.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scale(pub u8);

/// A price in units of 10^-(price scale) of its instrument. Orders have a positive one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(pub i64);

/// A quantity in units of 10^-(quantity scale) of its instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Qty(pub u64);

/// Price × quantity, in units of 10^-(price scale + quantity scale).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Notional(pub i128);

impl Scale {
    /// The largest that is allowed: 18 digits of an `i64` leave six before the point.
    pub const MAX: Self = Self(12);

    /// Writes `value` units with this many decimal places.
    pub fn write(self, value: i128, out: &mut impl fmt::Write) -> fmt::Result {
        if value < 0 {
            out.write_char('-')?;
        }
        self.write_magnitude(value.unsigned_abs(), out)
    }

    /// Writes so many units without a sign.
    pub fn write_magnitude(self, magnitude: u128, out: &mut impl fmt::Write) -> fmt::Result {
        let factor = 10u128.pow(u32::from(self.0));
        write!(out, "{}", magnitude / factor)?;
        if self.0 > 0 {
            write!(out, ".{:0width$}", magnitude % factor, width = usize::from(self.0))?;
        }
        Ok(())
    }

    /// The scale of price × quantity.
    #[must_use]
    pub const fn product(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// `value` units as text, for logs and tests; the wire encoders use [`Scale::write`].
    pub fn text(self, value: i128) -> String {
        let mut out = String::new();
        // A String takes everything.
        let _ = self.write(value, &mut out);
        out
    }
}

impl Price {
    /// Price × quantity. It cannot overflow: 63 + 64 bits fit 128.
    pub fn times(self, qty: Qty) -> Notional {
        Notional(i128::from(self.0) * i128::from(qty.0))
    }
}

impl Qty {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Whether there is nothing left.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` where it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference. An order that fills more than its quantity is a bug of ours, so this asserts.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        assert!(self.0 >= other.0, "a quantity is below zero");
        Self(self.0 - other.0)
    }
}

impl Notional {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum. Totals of an order stay below quantity × price, which fits.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// The average price of `qty`, rounded toward zero to the price's own scale; `None` for no quantity.
    pub fn average(self, qty: Qty) -> Option<Price> {
        if qty.is_zero() {
            return None;
        }
        i64::try_from(self.0 / i128::from(qty.0)).ok().map(Price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_units_with_their_decimal_places() {
        assert_eq!(Scale(2).text(12_345), "123.45");
        assert_eq!(Scale(2).text(-5), "-0.05");
        assert_eq!(Scale(0).text(7), "7");
        assert_eq!(Scale(8).text(i128::from(i64::MIN)), "-92233720368.54775808");
    }

    #[test]
    fn the_average_is_of_the_whole() {
        let total = Price(100).times(Qty(2)).plus(Price(103).times(Qty(1)));
        assert_eq!(total.average(Qty(3)), Some(Price(101)));
        assert_eq!(total.average(Qty::ZERO), None);
    }
}
