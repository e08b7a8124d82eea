//! A hash table that grows in small pieces.
//!
//! One large table stops the shard when it doubles: a second for ten million entries. Here the hash picks one of
//! [`PARTS`] tables, each of which doubles on its own, so the longest stop is that much shorter. A key is hashed once:
//! the tables take the hash as it is. The hash is keyed at random, as clients choose the names; nothing that a shard
//! does depends on it, because a table is never walked.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

const PARTS: usize = 256;

/// Entries of each part for which room is made at once.
const RESERVED: usize = 56;

/// From keys to places.
#[derive(Debug)]
pub(super) struct Index<K> {
    hasher: RandomState,
    parts: Vec<HashMap<Hashed<K>, u32, BuildHasherDefault<AsItIs>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hashed<K> {
    hash: u64,
    key: K,
}

/// Passes the one `u64` on that it is given.
#[derive(Clone, Copy, Debug, Default)]
struct AsItIs(u64);

impl<K: Copy + Eq + Hash> Index<K> {
    pub(super) fn new() -> Self {
        let part = || HashMap::with_capacity_and_hasher(RESERVED, BuildHasherDefault::default());
        Self { hasher: RandomState::new(), parts: (0..PARTS).map(|_| part()).collect() }
    }

    pub(super) fn get(&self, key: &K) -> Option<u32> {
        let hashed = self.hashed(key);
        self.parts[part(hashed.hash)].get(&hashed).copied()
    }

    /// Names a place that has no name of this kind yet.
    pub(super) fn insert(&mut self, key: K, place: u32) {
        let hashed = self.hashed(&key);
        let before = self.parts[part(hashed.hash)].insert(hashed, place);
        assert!(before.is_none(), "a name stands for one request");
    }

    pub(super) fn remove(&mut self, key: &K) {
        let hashed = self.hashed(key);
        let place = self.parts[part(hashed.hash)].remove(&hashed);
        assert!(place.is_some(), "what is forgotten was known");
    }

    fn hashed(&self, key: &K) -> Hashed<K> {
        Hashed { hash: self.hasher.hash_one(key), key: *key }
    }
}

/// Bits that the table itself uses little: it takes the lowest for the bucket and the highest for the tag.
fn part(hash: u64) -> usize {
    (hash >> 40) as usize % PARTS
}

impl<K> Hash for Hashed<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hasher for AsItIs {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only the hash of a key is written");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
