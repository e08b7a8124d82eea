//! A number as it stood on the wire: exact, never a float.

use super::price::Scale;
use std::fmt;
use std::str::FromStr;

/// `mantissa / 10^scale`, exactly as written: `0.10` is (10, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The digits with their sign.
    pub mantissa: i64,
    /// How many of the digits stand behind the point.
    pub scale: u8,
}

/// Why a text is not a number that Sealgate takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not `-?digits[.digits]`. An exponent, a plus sign or a blank is none of these.
    #[error("not a plain decimal number")]
    Malformed,
    /// More than 18 digits.
    #[error("more digits than fit")]
    Overflow,
    /// Digits behind the point that the instrument does not have.
    #[error("more decimal places than the instrument has")]
    TooPrecise,
}

impl Decimal {
    /// Reads `-?digits[.digits]`; at least one digit on each side of a point.
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        let (negative, digits) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mut mantissa, mut scale, mut seen, mut point) = (0i64, 0u8, 0u32, false);
        for &byte in digits {
            match byte {
                b'0'..=b'9' => {
                    seen += 1;
                    scale += u8::from(point);
                    mantissa = mantissa
                        .checked_mul(10)
                        .and_then(|m| m.checked_add(i64::from(byte - b'0')))
                        .ok_or(DecimalError::Overflow)?;
                    // Leading zeros cost nothing in the mantissa, so the length is bounded apart from it.
                    if seen > 36 {
                        return Err(DecimalError::Overflow);
                    }
                }
                b'.' if !point && seen > 0 => point = true,
                _ => return Err(DecimalError::Malformed),
            }
        }
        if seen == 0 || (point && scale == 0) {
            return Err(DecimalError::Malformed);
        }
        Ok(Self { mantissa: if negative { -mantissa } else { mantissa }, scale })
    }

    /// The number of units of `10^-scale`. Zeros at the end are not precision: `1.500` is 15 at scale 1.
    pub fn at_scale(self, scale: Scale) -> Result<i64, DecimalError> {
        let mut value = self;
        while value.scale > scale.0 {
            if value.mantissa % 10 != 0 {
                return Err(DecimalError::TooPrecise);
            }
            value.mantissa /= 10;
            value.scale -= 1;
        }
        10i64
            .checked_pow(u32::from(scale.0 - value.scale))
            .and_then(|factor| value.mantissa.checked_mul(factor))
            .ok_or(DecimalError::Overflow)
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text.as_bytes())
    }
}

/// As it is written on the wire, with the places that it has.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs();
        let sign = if self.mantissa < 0 { "-" } else { "" };
        // A mantissa has at most 19 digits, so a longer fraction is nothing but leading zeros.
        match 10u64.checked_pow(u32::from(self.scale)) {
            _ if self.scale == 0 => write!(f, "{sign}{digits}"),
            Some(factor) => {
                let (whole, part) = (digits / factor, digits % factor);
                write!(f, "{sign}{whole}.{part:0width$}", width = usize::from(self.scale))
            }
            None => write!(f, "{sign}0.{digits:0width$}", width = usize::from(self.scale)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plain_decimals_and_nothing_else() {
        assert_eq!(Decimal::parse(b"-12.50"), Ok(Decimal { mantissa: -1250, scale: 2 }));
        assert_eq!(Decimal::parse(b"007"), Ok(Decimal { mantissa: 7, scale: 0 }));
        for bad in ["", "-", ".", "1.", ".5", "+1", "1e3", "1 ", "NaN", "1.2.3", "0x10", "１"] {
            assert_eq!(Decimal::parse(bad.as_bytes()), Err(DecimalError::Malformed), "{bad}");
        }
        assert_eq!(Decimal::parse(b"9223372036854775808"), Err(DecimalError::Overflow));
        assert_eq!(Decimal::parse(&[b'0'; 40]), Err(DecimalError::Overflow));
    }

    #[test]
    fn rescales_without_rounding() {
        let value = Decimal::parse(b"1.500").unwrap();
        assert_eq!(value.at_scale(Scale(1)), Ok(15));
        assert_eq!(value.at_scale(Scale(4)), Ok(15_000));
        assert_eq!(value.at_scale(Scale(0)), Err(DecimalError::TooPrecise));
        assert_eq!(Decimal { mantissa: i64::MAX, scale: 0 }.at_scale(Scale(1)), Err(DecimalError::Overflow));
    }

    #[test]
    fn is_written_as_it_was_read() {
        for text in ["0", "-12.50", "0.00000001", "9223372036854775807", "0.000000000000000000000000001"] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
    }
}
