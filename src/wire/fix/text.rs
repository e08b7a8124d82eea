//! Values as text: integers, decimals, booleans, timestamps. Written by hand, without allocation.

use crate::types::Nanos;
use crate::types::time::Civil;

pub use crate::types::Precision;

/// A plain unsigned number; leading zeros are allowed, signs are not.
pub fn parse_uint(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let mut value = 0u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // 19 digits stay below 2⁶⁴.
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// A whole number, perhaps with a minus.
pub fn parse_int(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] => i64::try_from(parse_uint(digits)?).ok().map(|value| -value),
        digits => i64::try_from(parse_uint(digits)?).ok(),
    }
}

/// Whether this is a FIX float: digits with at most one point among them, perhaps after a minus.
pub fn is_decimal(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let mut points = 0;
    for byte in unsigned {
        match byte {
            b'0'..=b'9' => {}
            b'.' if points == 0 => points = 1,
            _ => return false,
        }
    }
    unsigned.len() > points
}

/// `Y` or `N`.
pub fn parse_bool(text: &[u8]) -> Option<bool> {
    match text {
        b"Y" => Some(true),
        b"N" => Some(false),
        _ => None,
    }
}

/// A UTCTimestamp: `YYYYMMDD-HH:MM:SS`, perhaps with 3, 6 or 9 digits after a point.
pub fn parse_time(text: &[u8]) -> Option<Nanos> {
    let (whole, fraction) = text.split_first_chunk::<17>()?;
    let mut pairs = [0; PAIRS.len()];
    let mut wrong = whole[8] ^ b'-' | whole[11] ^ b':' | whole[14] ^ b':';
    for (pair, at) in pairs.iter_mut().zip(PAIRS) {
        let (tens, ones) = (whole[at].wrapping_sub(b'0'), whole[at + 1].wrapping_sub(b'0'));
        wrong |= u8::from(tens > 9 || ones > 9);
        *pair = u32::from(tens) * 10 + u32::from(ones);
    }
    if wrong != 0 {
        return None;
    }
    let nanos = match fraction {
        [] => 0,
        [b'.', digits @ ..] if matches!(digits.len(), 3 | 6 | 9) => {
            parse_uint(digits)? as u32 * 10u32.pow(9 - digits.len() as u32)
        }
        _ => return None,
    };
    let [century, of_century, month, day, hour, minute, second] = pairs;
    Civil { year: century * 100 + of_century, month, day, hour, minute, second, nanos }.to_nanos()
}

/// Where pairs of digits stand in the whole seconds of a UTCTimestamp.
const PAIRS: [usize; 7] = [0, 2, 4, 6, 9, 12, 15];

/// The text of each number below a hundred: two digits are written at once.
static TWO_DIGITS: [[u8; 2]; 100] = {
    let mut texts = [[0; 2]; 100];
    let mut number = 0;
    while number < texts.len() {
        texts[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    texts
};

/// Most digits of a number.
pub const DIGITS_MAX: usize = 20;

/// The decimal digits of a number at the end of a row of zeros, and where they begin; those of zero are one.
#[inline]
pub fn digits_of(mut value: u64) -> ([u8; DIGITS_MAX], usize) {
    let mut text = [b'0'; DIGITS_MAX];
    let mut at = DIGITS_MAX;
    while value >= 100 {
        at -= 2;
        text[at..at + 2].copy_from_slice(&TWO_DIGITS[(value % 100) as usize]);
        value /= 100;
    }
    at -= 2;
    text[at..at + 2].copy_from_slice(&TWO_DIGITS[value as usize]);
    (text, at + usize::from(value < 10))
}

/// Appends a number.
pub(super) fn write_uint(out: &mut Vec<u8>, value: u64) {
    let (text, at) = digits_of(value);
    out.extend_from_slice(&text[at..]);
}

/// Appends a UTCTimestamp.
pub fn write_time(out: &mut Vec<u8>, at: Nanos, precision: Precision) {
    let civil = Civil::from_nanos(at);
    let mut text = *b"00000000-00:00:00";
    put_two(&mut text, 0, civil.year / 100);
    put_two(&mut text, 2, civil.year % 100);
    put_two(&mut text, 4, civil.month);
    put_two(&mut text, 6, civil.day);
    put_two(&mut text, 9, civil.hour);
    put_two(&mut text, 12, civil.minute);
    put_two(&mut text, 15, civil.second);
    out.extend_from_slice(&text);
    write_fraction(out, civil.nanos, precision);
}

/// Appends what stands behind the seconds: a point and 3, 6 or 9 digits, or nothing.
pub(super) fn write_fraction(out: &mut Vec<u8>, nanos: u32, precision: Precision) {
    let digits = match precision {
        Precision::Seconds => return,
        Precision::Millis => 3,
        Precision::Micros => 6,
        Precision::Nanos => 9,
    };
    let mut text = *b".000000000";
    put_two(&mut text, 1, nanos / 10_000_000);
    put_two(&mut text, 3, nanos / 100_000 % 100);
    put_two(&mut text, 5, nanos / 1_000 % 100);
    put_two(&mut text, 7, nanos / 10 % 100);
    text[9] = b'0' + (nanos % 10) as u8;
    out.extend_from_slice(&text[..=digits]);
}

/// Two digits at a place.
#[inline]
fn put_two(text: &mut [u8], at: usize, value: u32) {
    text[at..at + 2].copy_from_slice(&TWO_DIGITS[value as usize % 100]);
}
