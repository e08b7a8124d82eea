//! A hash table that grows in small pieces.
//!
//! One large table stops the shard when it doubles: a second for ten million entries. Here the hash picks one of
//! [`PARTS`] tables, each of which doubles on its own, so the longest stop is that much shorter. A key is hashed once:
//! the tables take the hash as it is. Nothing that a shard does depends on hashes, because a table is never walked.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

const PARTS: usize = 256;

/// Entries of each part for which room is made at once.
const RESERVED: usize = 56;

/// From keys to places. `S` is `RandomState` for keys that clients choose, [`ByNumber`] for numbers that we give.
#[derive(Debug)]
pub(super) struct Index<K, S> {
    hasher: S,
    parts: Vec<HashMap<Hashed<K>, u32, BuildHasherDefault<AsItIs>>>,
}

/// A key with its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hashed<K> {
    hash: u64,
    pub(super) key: K,
}

/// Neighbouring numbers get neighbouring buckets, so that the table is written and left in stripes, as numbers come
/// and go. Only for numbers that nobody can choose.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ByNumber;

/// The hash of one number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NumberHasher(u64);

/// Passes the one `u64` on that it is given.
#[derive(Clone, Copy, Debug, Default)]
struct AsItIs(u64);

impl<K: Copy + Eq + Hash, S: BuildHasher + Default> Index<K, S> {
    pub(super) fn new() -> Self {
        let part = || HashMap::with_capacity_and_hasher(RESERVED, BuildHasherDefault::default());
        Self { hasher: S::default(), parts: (0..PARTS).map(|_| part()).collect() }
    }

    pub(super) fn hashed(&self, key: K) -> Hashed<K> {
        Hashed { hash: self.hasher.hash_one(key), key }
    }

    pub(super) fn get(&self, key: &Hashed<K>) -> Option<u32> {
        self.parts[part(key.hash)].get(key).copied()
    }

    /// Names a place that has no name of this kind yet.
    pub(super) fn insert(&mut self, key: Hashed<K>, place: u32) {
        let before = self.parts[part(key.hash)].insert(key, place);
        assert!(before.is_none(), "a name stands for one request");
    }

    pub(super) fn remove(&mut self, key: &Hashed<K>) {
        let place = self.parts[part(key.hash)].remove(key);
        assert!(place.is_some(), "what is forgotten was known");
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

impl BuildHasher for ByNumber {
    type Hasher = NumberHasher;
    fn build_hasher(&self) -> NumberHasher {
        NumberHasher(0)
    }
}

impl Hasher for NumberHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only a number is written");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    /// The number for the bucket; its seven lowest bits again as the tag; a run of 1,024 goes to one part.
    fn finish(&self) -> u64 {
        let (bucket, run) = (self.0 & 0xff_ffff_ffff, self.0 >> 10 & 0xff);
        bucket | run << 40 | self.0 << 57
    }
}
