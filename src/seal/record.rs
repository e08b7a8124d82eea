//! Records of a segment: sealed by who appends them, opened by who reads them.

use super::cipher::{Cipher, NONCE_BYTES};
use super::vault::DataKey;
use super::{KeyError, Vault};
use crate::types::Nanos;
use crate::wire::record::{
    CipherKind, Damage, Frame, JournalId, KeyPage, Link, Place, Record, SegmentHeader, TAG_BYTES, WrappedKey,
    parse, seal,
};
use std::sync::Arc;

/// Seals records of one segment, one behind the other, under one data key.
#[derive(Debug)]
pub struct RecordSealer {
    cipher: Option<Arc<Cipher>>,
    segment: u32,
    /// No record was sealed from here on: each place is sealed once.
    next: u32,
    made: Nanos,
}

/// Opens the records of one segment.
#[derive(Debug)]
pub struct SegmentKeys {
    kind: CipherKind,
    /// From which offset on each of them holds, in their order.
    keys: Vec<(u32, Arc<Cipher>)>,
}

impl RecordSealer {
    /// A sealer with a data key that seals nothing else, and the key as it is to be stored before the first record is.
    pub fn new(DataKey { from, key }: DataKey, now: Nanos) -> (Self, Option<WrappedKey>) {
        let stored = |master, wrapped| WrappedKey { from: from.offset, time: now, master, wrapped };
        let (cipher, wrapped) =
            key.map(|(cipher, master, wrapped)| (cipher, stored(master, wrapped))).unzip();
        (Self { cipher, segment: from.segment, next: from.offset, made: now }, wrapped)
    }

    /// Seals a record for its place, and gives the link of the one behind it.
    pub fn seal(&mut self, record: &mut [u8], place: Place, link: &Link) -> Result<Link, KeyError> {
        assert!(
            place.segment == self.segment && place.offset >= self.next,
            "the nonce of {place} was used, or is another segment's"
        );
        self.next = place.offset + record.len() as u32;
        seal(record, place, link, |associated, bytes| match &self.cipher {
            Some(cipher) => cipher.seal(nonce(place), associated, bytes),
            None => Ok([0; TAG_BYTES]),
        })
    }

    /// Whether its key is one of an earlier day (UTC).
    pub fn is_of_another_day(&self, now: Nanos) -> bool {
        self.cipher.is_some() && day(now) != day(self.made)
    }
}

impl SegmentKeys {
    /// Opens the keys of a segment.
    pub fn open(vault: &Vault, header: &SegmentHeader, page: &KeyPage) -> Result<Self, KeyError> {
        match (vault.cipher(), header.cipher) {
            (CipherKind::None, CipherKind::Aes256Gcm) => return Err(KeyError::NoKey),
            (CipherKind::Aes256Gcm, CipherKind::None) => return Err(KeyError::NotSealed),
            _ => {}
        }
        let mut held = vault.hold();
        let mut open = |key: &WrappedKey| {
            let context = context(header.journal, header.segment, key.from);
            Ok((key.from, Arc::new(held.open(key, &context)?)))
        };
        let keys = match header.cipher {
            CipherKind::None => Vec::new(),
            CipherKind::Aes256Gcm => page.keys.iter().map(&mut open).collect::<Result<_, KeyError>>()?,
        };
        Ok(Self { kind: header.cipher, keys })
    }

    /// Those of a segment that is begun with this one.
    pub fn begin(key: &DataKey) -> Self {
        let mut keys = Self { kind: CipherKind::None, keys: Vec::new() };
        keys.push(key);
        keys
    }

    /// One more, from its place on.
    pub fn push(&mut self, key: &DataKey) {
        if let Some((cipher, ..)) = &key.key {
            self.kind = CipherKind::Aes256Gcm;
            self.keys.retain(|(from, _)| *from < key.from.offset);
            self.keys.push((key.from.offset, cipher.clone()));
        }
    }

    /// Opens a record into `scratch`.
    pub fn read<'a>(&self, frame: &Frame<'_>, scratch: &'a mut Vec<u8>) -> Result<Record<'a>, Damage> {
        let sealed = frame.sealed();
        scratch.resize(sealed.len(), 0);
        match self.kind {
            CipherKind::None if frame.tag() == [0; TAG_BYTES] => scratch.copy_from_slice(sealed),
            CipherKind::None => return Err(Damage::Forged),
            CipherKind::Aes256Gcm => {
                let place = frame.place();
                let cipher = self.key_at(place.offset).ok_or(Damage::Forged)?;
                let opened = cipher.open(nonce(place), &frame.associated(), sealed, frame.tag(), scratch);
                opened.ok_or(Damage::Forged)?;
            }
        }
        parse(scratch)
    }

    fn key_at(&self, offset: u32) -> Option<&Cipher> {
        let after = self.keys.partition_point(|(from, _)| *from <= offset);
        self.keys.get(after.checked_sub(1)?).map(|(_, cipher)| &**cipher)
    }
}

/// The place of a record: no two records of a data key have the same.
fn nonce(place: Place) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    nonce[..4].copy_from_slice(&place.segment.to_le_bytes());
    nonce[4..8].copy_from_slice(&place.offset.to_le_bytes());
    nonce
}

/// What a data key is for: it opens for nothing else.
pub(super) fn context(journal: JournalId, segment: u32, from: u32) -> Vec<u8> {
    [b"sealgate segment key\0".as_slice(), &journal.0, &segment.to_le_bytes(), &from.to_le_bytes()].concat()
}

fn day(at: Nanos) -> u64 {
    at.0 / (24 * 3_600 * 1_000_000_000)
}
