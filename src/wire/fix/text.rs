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
    let points = unsigned.iter().filter(|byte| **byte == b'.').count();
    unsigned.len() > points
        && points <= 1
        && unsigned.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
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
    let mut text = *b"00000000-00:00:00.000000000";
    let mut put = |from: usize, width: usize, mut value: u32| {
        for byte in text[from..from + width].iter_mut().rev() {
            *byte = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    put(0, 4, civil.year);
    put(4, 2, civil.month);
    put(6, 2, civil.day);
    put(9, 2, civil.hour);
    put(12, 2, civil.minute);
    put(15, 2, civil.second);
    put(18, 9, civil.nanos);
    let length = match precision {
        Precision::Seconds => 17,
        Precision::Millis => 21,
        Precision::Micros => 24,
        Precision::Nanos => 27,
    };
    out.extend_from_slice(&text[..length]);
}
