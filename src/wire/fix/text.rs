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
    let (whole, fraction) = text.split_at_checked(17)?;
    let number = |from: usize, to: usize| parse_uint(&whole[from..to]).map(|n| n as u32);
    if whole[8] != b'-' || whole[11] != b':' || whole[14] != b':' {
        return None;
    }
    let nanos = match fraction {
        [] => 0,
        [b'.', digits @ ..] if matches!(digits.len(), 3 | 6 | 9) => {
            parse_uint(digits)? as u32 * 10u32.pow(9 - digits.len() as u32)
        }
        _ => return None,
    };
    let civil = Civil {
        year: number(0, 4)?,
        month: number(4, 6)?,
        day: number(6, 8)?,
        hour: number(9, 11)?,
        minute: number(12, 14)?,
        second: number(15, 17)?,
        nanos,
    };
    civil.to_nanos()
}

/// Appends a number.
pub(super) fn write_uint(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
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
    let (digits, mut rest) = match precision {
        Precision::Seconds => return,
        Precision::Millis => (3, nanos / 1_000_000),
        Precision::Micros => (6, nanos / 1_000),
        Precision::Nanos => (9, nanos),
    };
    let mut text = *b".000000000";
    for byte in text[1..=digits].iter_mut().rev() {
        *byte = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&text[..=digits]);
}

/// Two digits at a place.
fn put_two(text: &mut [u8], at: usize, value: u32) {
    text[at] = b'0' + (value / 10 % 10) as u8;
    text[at + 1] = b'0' + (value % 10) as u8;
}
