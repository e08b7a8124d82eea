//! The keys of something that is sealed: two pages, of which the newer one holds.
//!
//! ```text
//!   0          4            8       12     16                112                             4096
//!   | checksum | generation | count | zero | key             | key             | … at most 42 |
//!   | u32      | u32        | u32   | u32  | 96 bytes        | 96 bytes        |              |
//!
//!   key:  0      4      8            16              32       33                 96
//!         | from | zero | made at    | master key    | length | wrapped data key |
//!         | u32  | u32  | u64        | 16 bytes      | u8     | 63 bytes         |
//! ```
//!
//! `checksum` is the CRC-32 of the page behind it. `generation` counts up from 1 with each writing; a writer takes
//! the page that does not hold, so that whenever it is interrupted the other one still does. `from` is the offset
//! from which on records are sealed with a key, until the next key's `from`; 0 in a file that has one key.

use crate::types::Nanos;
use std::fmt;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// One of the two pages.
pub const KEY_PAGE_BYTES: usize = 4_096;

/// Most keys of one segment: a start, or a day, that finds no room begins a new segment.
pub const KEYS_MAX: usize = 42;

/// Longest wrapped data key.
pub const WRAPPED_BYTES_MAX: usize = 63;

/// Tells one master key from another; nothing of the key can be learned from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MasterId(pub [u8; 16]);

/// A data key as it is stored: encrypted with a master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The offset from which on records are sealed with it.
    pub from: u32,
    /// When it was made.
    pub time: Nanos,
    /// The master key that opens it.
    pub master: MasterId,
    /// What only the master key can read.
    pub wrapped: Wrapped,
}

/// What a provider of master keys made of a data key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Wrapped {
    length: u8,
    bytes: [u8; WRAPPED_BYTES_MAX],
}

/// The keys as they stand in one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// Counts up with each writing.
    pub generation: u32,
    /// The keys, by `from`.
    pub keys: Vec<WrappedKey>,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawPage {
    checksum: U32,
    generation: U32,
    count: U32,
    zero: U32,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawKey {
    from: U32,
    zero: U32,
    time: U64,
    master: [u8; 16],
    length: u8,
    wrapped: [u8; WRAPPED_BYTES_MAX],
}

const HEAD_BYTES: usize = size_of::<RawPage>();
const KEY_BYTES: usize = size_of::<RawKey>();
const _: () = assert!(HEAD_BYTES == 16 && KEY_BYTES == 96, "the byte map above");
const _: () = assert!(HEAD_BYTES + KEYS_MAX * KEY_BYTES <= KEY_PAGE_BYTES, "they fit");

impl Wrapped {
    /// What a provider made; `None` if it is longer than there is room.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut wrapped = Self { length: u8::try_from(bytes.len()).ok()?, bytes: [0; WRAPPED_BYTES_MAX] };
        wrapped.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(wrapped)
    }

    /// What it made.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl KeyPage {
    /// Writes the page.
    pub fn encode(&self) -> [u8; KEY_PAGE_BYTES] {
        assert!(self.keys.len() <= KEYS_MAX, "{} keys in one page", self.keys.len());
        let mut page = [0; KEY_PAGE_BYTES];
        let raw = RawPage {
            checksum: U32::ZERO,
            generation: U32::new(self.generation),
            count: U32::new(self.keys.len() as u32),
            zero: U32::ZERO,
        };
        page[..HEAD_BYTES].copy_from_slice(raw.as_bytes());
        for (key, room) in self.keys.iter().zip(page[HEAD_BYTES..].chunks_exact_mut(KEY_BYTES)) {
            let raw = RawKey {
                from: U32::new(key.from),
                zero: U32::ZERO,
                time: U64::new(key.time.0),
                master: key.master.0,
                length: key.wrapped.length,
                wrapped: key.wrapped.bytes,
            };
            room.copy_from_slice(raw.as_bytes());
        }
        let checksum = crc32fast::hash(&page[4..]);
        page[..4].copy_from_slice(&checksum.to_le_bytes());
        page
    }

    /// Reads a page; `None` if it was never written, or not to its end.
    pub fn decode(page: &[u8]) -> Option<Self> {
        let page = page.get(..KEY_PAGE_BYTES)?;
        let (raw, keys) = RawPage::ref_from_prefix(page).ok()?;
        let count = raw.count.get() as usize;
        if raw.checksum.get() != crc32fast::hash(&page[4..]) || raw.generation.get() == 0 || count > KEYS_MAX
        {
            return None;
        }
        let keys = keys.chunks_exact(KEY_BYTES).take(count).map(|bytes| {
            let raw = RawKey::ref_from_bytes(bytes).ok()?;
            let wrapped = raw.wrapped.get(..usize::from(raw.length)).and_then(Wrapped::new)?;
            Some(WrappedKey {
                from: raw.from.get(),
                time: Nanos(raw.time.get()),
                master: MasterId(raw.master),
                wrapped,
            })
        });
        Some(Self { generation: raw.generation.get(), keys: keys.collect::<Option<_>>()? })
    }

    /// Of two pages the one that holds, and which it is; `None` if neither was ever written to its end.
    pub fn newer(pages: &[u8]) -> Option<(Self, usize)> {
        let read = |at: usize| Some((Self::decode(pages.get(at * KEY_PAGE_BYTES..)?)?, at));
        match (read(0), read(1)) {
            (Some(first), Some(second)) if second.0.generation > first.0.generation => Some(second),
            (Some(first), _) => Some(first),
            (None, second) => second,
        }
    }
}

impl fmt::Display for MasterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MasterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterId({self})")
    }
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wrapped({} bytes)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(from: u32) -> WrappedKey {
        let wrapped = Wrapped::new(&[from as u8; 60]).unwrap();
        WrappedKey { from, time: Nanos(9), master: MasterId([3; 16]), wrapped }
    }

    fn page(generation: u32) -> KeyPage {
        KeyPage { generation, keys: (0..KEYS_MAX as u32).map(key).collect() }
    }

    #[test]
    fn a_page_reads_back_and_a_changed_one_does_not() {
        let bytes = page(7).encode();
        assert_eq!(KeyPage::decode(&bytes), Some(page(7)));
        for at in 0..bytes.len() {
            let mut flipped = bytes;
            flipped[at] ^= 4;
            assert_eq!(KeyPage::decode(&flipped), None, "byte {at}");
        }
        assert_eq!(KeyPage::decode(&[0; KEY_PAGE_BYTES]), None);
        assert_eq!(KeyPage::decode(&bytes[1..]), None);
        assert!(Wrapped::new(&[0; 64]).is_none());
    }

    #[test]
    fn the_newer_page_holds_and_a_torn_one_never() {
        let both = |first: &[u8], second: &[u8]| KeyPage::newer(&[first, second].concat());
        let (old, new, none) = (page(1).encode(), page(2).encode(), [0; KEY_PAGE_BYTES]);
        assert_eq!(both(&old, &new), Some((page(2), 1)));
        assert_eq!(both(&new, &old), Some((page(2), 0)));
        assert_eq!(both(&old, &none), Some((page(1), 0)));
        let mut torn = new;
        torn[2_000..].fill(0);
        assert_eq!(both(&torn, &old), Some((page(1), 1)));
        assert_eq!(both(&none, &torn), None);
        assert_eq!(KeyPage::newer(&old), Some((page(1), 0)), "a file that ends behind the first");
    }
}
