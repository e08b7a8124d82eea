//! The body of a FIX message, field after field: no allocation beyond the buffer's own growth.
//!
//! Everything that is written here is ours or was checked when it was decoded, with one exception: texts. A byte that
//! cannot stand in a FIX field (SOH, other controls, anything outside ASCII) is written as `?`, so that no text can
//! end its field and begin another.

use crate::types::time::Civil;
use crate::types::{Nanos, Scale};
use std::fmt;

const SOH: u8 = 0x01;

/// Appends fields to a buffer.
pub(super) struct Body<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Body<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// A field of known text, such as an identifier or an enumeration.
    pub(super) fn text(&mut self, tag: u32, text: impl AsRef<[u8]>) -> &mut Self {
        self.begin(tag);
        self.out.extend(text.as_ref().iter().map(|&byte| plain(byte)));
        self.end()
    }

    /// A field that is there only if it has something to say.
    pub(super) fn text_if(&mut self, tag: u32, text: Option<impl AsRef<[u8]>>) -> &mut Self {
        match text {
            Some(text) => self.text(tag, text),
            None => self,
        }
    }

    /// A whole number.
    pub(super) fn number(&mut self, tag: u32, number: u64) -> &mut Self {
        self.begin(tag);
        self.digits(number, 1);
        self.end()
    }

    /// `units` of 10^-scale, with all decimal places of the scale.
    pub(super) fn decimal(&mut self, tag: u32, units: i128, scale: Scale) -> &mut Self {
        self.begin(tag);
        // Prices and quantities fit 64 bits; only their product is wider, and no field tells that.
        debug_assert!(u64::try_from(units.unsigned_abs()).is_ok(), "{units} is no price or quantity");
        let (units, magnitude) = (units, units.unsigned_abs() as u64);
        let factor = 10u64.pow(u32::from(scale.0));
        if units < 0 {
            self.out.push(b'-');
        }
        self.digits(magnitude / factor, 1);
        if scale.0 > 0 {
            self.out.push(b'.');
            self.digits(magnitude % factor, usize::from(scale.0));
        }
        self.end()
    }

    /// UTCTimestamp with milliseconds, the most that FIX.4.4 knows.
    pub(super) fn time(&mut self, tag: u32, at: Nanos) -> &mut Self {
        let civil = Civil::from_nanos(at);
        self.begin(tag);
        self.digits(u64::from(civil.year), 4);
        self.digits(u64::from(civil.month), 2);
        self.digits(u64::from(civil.day), 2);
        self.out.push(b'-');
        self.digits(u64::from(civil.hour), 2);
        self.out.push(b':');
        self.digits(u64::from(civil.minute), 2);
        self.out.push(b':');
        self.digits(u64::from(civil.second), 2);
        self.out.push(b'.');
        self.digits(u64::from(civil.nanos / 1_000_000), 3);
        self.end()
    }

    /// Whatever prints itself.
    pub(super) fn display(&mut self, tag: u32, what: impl fmt::Display) -> &mut Self {
        self.begin(tag);
        // Writing to a Vec does not fail.
        let _ = fmt::write(self, format_args!("{what}"));
        self.end()
    }

    fn begin(&mut self, tag: u32) {
        self.digits(u64::from(tag), 1);
        self.out.push(b'=');
    }

    fn end(&mut self) -> &mut Self {
        self.out.push(SOH);
        self
    }

    /// Decimal digits, with zeros before them up to `width`.
    fn digits(&mut self, mut number: u64, width: usize) {
        let mut text = [b'0'; 20];
        let mut at = text.len();
        while number > 0 {
            at -= 1;
            text[at] = b'0' + (number % 10) as u8;
            number /= 10;
        }
        self.out.extend_from_slice(&text[at.min(text.len() - width)..]);
    }
}

impl fmt::Write for Body<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // The one character outside ASCII that our own texts have is in µs.
        self.out
            .extend(text.chars().map(|c| if c == 'µ' { b'u' } else { plain(u8::try_from(c).unwrap_or(0)) }));
        Ok(())
    }
}

fn plain(byte: u8) -> u8 {
    if byte.is_ascii_graphic() || byte == b' ' { byte } else { b'?' }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(fill: impl FnOnce(&mut Body<'_>)) -> String {
        let mut out = Vec::new();
        fill(&mut Body::new(&mut out));
        String::from_utf8(out).unwrap().replace('\x01', "|")
    }

    #[test]
    fn numbers_have_their_digits_and_places() {
        assert_eq!(written(|b| _ = b.number(34, 0).number(37, u64::MAX)), "34=0|37=18446744073709551615|");
        let prices = written(|b| {
            _ = b.decimal(44, -5, Scale(2)).decimal(6, 0, Scale(0)).decimal(31, 12_345, Scale(3))
        });
        assert_eq!(prices, "44=-0.05|6=0|31=12.345|");
        for units in [0, 1, -1, 99, 100, i128::from(i64::MIN), i128::from(u64::MAX)] {
            for scale in (0..=Scale::MAX.0).map(Scale) {
                assert_eq!(written(|b| _ = b.decimal(1, units, scale)), format!("1={}|", scale.text(units)));
            }
        }
    }

    #[test]
    fn a_time_has_milliseconds() {
        let at = Nanos(1_719_487_045_003_999_999);
        assert_eq!(written(|b| _ = b.time(60, at)), "60=20240627-11:17:25.003|");
    }

    #[test]
    fn no_text_can_begin_another_field() {
        assert_eq!(written(|b| _ = b.text(58, "a\x0135=D\n")), "58=a?35=D?|");
        assert_eq!(written(|b| _ = b.display(58, "3 µs, naïve\x01")), "58=3 us, na?ve?|");
    }
}
