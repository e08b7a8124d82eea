//! The body of a FIX message, field after field: what `wire::fix` puts, and exact decimals and texts that print
//! themselves beside it. No allocation beyond the buffer's own growth.
//!
//! A byte that cannot stand in a text (SOH, other controls) is written as `?`, so that no text ends its field and
//! begins another.

use crate::types::{Nanos, Price, Qty, Scale};
use crate::wire::fix::{DIGITS_MAX, PutFields, SOH, digits_of};
use std::fmt;

const _: () = assert!((Scale::MAX.0 as usize) < DIGITS_MAX, "a digit is left before the point");

/// Appends fields to a buffer.
pub(super) struct Body<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Body<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// A field of text, such as an identifier or an enumeration.
    pub(super) fn text(&mut self, tag: u32, text: impl AsRef<[u8]>) -> &mut Self {
        self.out.put_text(tag, text.as_ref());
        self
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
        self.out.put_uint(tag, number);
        self
    }

    /// UTCTimestamp with milliseconds, the most that FIX.4.4 knows.
    pub(super) fn time(&mut self, tag: u32, at: Nanos) -> &mut Self {
        self.out.put_time(tag, at);
        self
    }

    /// A price with all decimal places of the scale.
    pub(super) fn price(&mut self, tag: u32, price: Price, scale: Scale) -> &mut Self {
        self.decimal(tag, price.0 < 0, price.0.unsigned_abs(), scale)
    }

    /// A quantity with all decimal places of the scale.
    pub(super) fn qty(&mut self, tag: u32, qty: Qty, scale: Scale) -> &mut Self {
        self.decimal(tag, false, qty.0, scale)
    }

    /// Whole numbers with a `-` between them.
    pub(super) fn numbers(&mut self, tag: u32, numbers: [u64; 3]) -> &mut Self {
        self.open(tag);
        for number in numbers {
            let (digits, first) = digits_of(number);
            self.out.extend_from_slice(&digits[first..]);
            self.out.push(b'-');
        }
        self.out.pop();
        self.close()
    }

    /// A text of our own, in which nothing stands that cannot.
    pub(super) fn code(&mut self, tag: u32, code: &'static str) -> &mut Self {
        self.out.put(tag, code.as_bytes());
        self
    }

    /// Whatever prints itself.
    pub(super) fn display(&mut self, tag: u32, what: impl fmt::Display) -> &mut Self {
        self.open(tag);
        // Writing to a Vec does not fail.
        let _ = fmt::write(self, format_args!("{what}"));
        self.close()
    }

    fn decimal(&mut self, tag: u32, negative: bool, magnitude: u64, scale: Scale) -> &mut Self {
        let (digits, first) = digits_of(magnitude);
        let point = DIGITS_MAX - usize::from(scale.0);
        self.open(tag);
        if negative {
            self.out.push(b'-');
        }
        // A digit stands before the point, if it is a zero.
        self.out.extend_from_slice(&digits[first.min(point - 1)..point]);
        if scale.0 > 0 {
            self.out.push(b'.');
            self.out.extend_from_slice(&digits[point..]);
        }
        self.close()
    }

    /// `tag=`.
    fn open(&mut self, tag: u32) {
        self.out.put(tag, b"");
        self.out.pop();
    }

    fn close(&mut self) -> &mut Self {
        self.out.push(SOH);
        self
    }
}

/// FIX texts are ASCII: the one other character that our own have is in µs.
impl fmt::Write for Body<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.extend(text.chars().map(|c| match c {
            'µ' => b'u',
            ' '..='~' => c as u8,
            _ => b'?',
        }));
        Ok(())
    }
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
        let places = written(|b| _ = b.price(44, Price(-5), Scale(2)).price(6, Price(0), Scale(0)));
        assert_eq!(places, "44=-0.05|6=0|");
        for scale in (0..=Scale::MAX.0).map(Scale) {
            for price in [0, 1, -1, 99, 100, i64::MIN, i64::MAX] {
                let text = scale.text(i128::from(price));
                assert_eq!(written(|b| _ = b.price(44, Price(price), scale)), format!("44={text}|"));
            }
            let text = scale.text(i128::from(u64::MAX));
            assert_eq!(written(|b| _ = b.qty(38, Qty(u64::MAX), scale)), format!("38={text}|"));
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
