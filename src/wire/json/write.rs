//! Values → JSON, appended to a buffer.

/// Appends JSON to a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    _out: &'a mut Vec<u8>,
}
