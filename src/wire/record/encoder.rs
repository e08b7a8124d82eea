//! Many fields one after the other, in memory that grows: how a state is written that does not fit a record.

use super::fields::{Field, Writer};

/// More than any field takes.
const SPARE_BYTES: usize = 4_096;

/// Writes fields.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    at: usize,
}

impl Encoder {
    /// Writes a field.
    pub fn put(&mut self, field: &impl Field) -> &mut Self {
        if self.bytes.len() < self.at + SPARE_BYTES {
            self.bytes.resize((2 * self.bytes.len()).max(16 * SPARE_BYTES), 0);
        }
        let mut to = Writer::new(&mut self.bytes, self.at);
        to.put(field);
        self.at = to.at();
        self
    }

    /// Writes how many there are, then each.
    pub fn put_all<F: Field>(&mut self, fields: impl ExactSizeIterator<Item = F>) -> &mut Self {
        self.put(&(fields.len() as u64));
        fields.for_each(|field| {
            self.put(&field);
        });
        self
    }

    /// All that was written.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.at);
        self.bytes
    }
}
