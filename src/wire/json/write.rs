//! Values → JSON, appended to a buffer.

use crate::types::Scale;
use std::fmt::{self, Write as _};

/// Appends JSON to a buffer. It puts the commas; that keys and values alternate is the caller's to see to.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Whether a value at this place needs no comma before it.
    first: bool,
}

impl<'a> Writer<'a> {
    /// Writes to the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, first: true }
    }

    /// `{` … `}` around what `fields` writes.
    pub fn object(&mut self, fields: impl FnOnce(&mut Self)) {
        self.enclosed(b"{}", fields);
    }

    /// `[` … `]` around what `items` writes.
    pub fn array(&mut self, items: impl FnOnce(&mut Self)) {
        self.enclosed(b"[]", items);
    }

    /// `"name":`, then a value is to follow. Names are our own and need no escapes.
    pub fn key(&mut self, name: &str) -> &mut Self {
        debug_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{name}");
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.first = true;
        self
    }

    /// A string.
    pub fn text(&mut self, text: &str) {
        self.display(&text);
    }

    /// A string with what `value` displays.
    pub fn display(&mut self, value: &impl fmt::Display) {
        self.comma();
        self.out.push(b'"');
        // Escaped never fails, and neither do the values that are given here.
        let _ = write!(Escaped(self.out), "{value}");
        self.out.push(b'"');
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        self.comma();
        if value < 0 {
            self.out.push(b'-');
        }
        digits(value.unsigned_abs(), 0, self.out);
    }

    /// An integer without sign.
    pub fn unsigned(&mut self, value: u64) {
        self.comma();
        digits(value, 0, self.out);
    }

    /// A string with a decimal number of as many places as its scale has: `"0.50"`.
    pub fn decimal(&mut self, units: i128, scale: Scale) {
        self.comma();
        self.out.push(b'"');
        if units < 0 {
            self.out.push(b'-');
        }
        let magnitude = units.unsigned_abs();
        match (u64::try_from(magnitude), 10u64.checked_pow(u32::from(scale.0))) {
            (Ok(small), Some(factor)) => {
                digits(small / factor, 0, self.out);
                if scale.0 > 0 {
                    self.out.push(b'.');
                    digits(small % factor, usize::from(scale.0), self.out);
                }
            }
            // Products of price and quantity can be this long. Rare, so it may be slow.
            _ => {
                let _ = scale.write_magnitude(magnitude, &mut Escaped(self.out));
            }
        }
        self.out.push(b'"');
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, value: bool) {
        self.comma();
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// `null`.
    pub fn null(&mut self) {
        self.comma();
        self.out.extend_from_slice(b"null");
    }

    fn enclosed(&mut self, brackets: &[u8; 2], content: impl FnOnce(&mut Self)) {
        self.comma();
        self.out.push(brackets[0]);
        self.first = true;
        content(self);
        self.out.push(brackets[1]);
        self.first = false;
    }

    fn comma(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }
}

/// The digits of `value`, with zeros before them up to `width`.
fn digits(mut value: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = [b'0'; 20];
    let mut start = buffer.len();
    while value > 0 {
        start -= 1;
        buffer[start] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    let start = start.min(buffer.len() - width.max(1));
    out.extend_from_slice(&buffer[start..]);
}

/// The inside of a JSON string.
struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
            self.0.extend_from_slice(&rest[..at]);
            match rest[at] {
                byte @ (b'"' | b'\\') => self.0.extend_from_slice(&[b'\\', byte]),
                byte => {
                    let hex = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
                    self.0.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
                }
            }
            rest = &rest[at + 1..];
        }
        self.0.extend_from_slice(rest);
        Ok(())
    }
}
