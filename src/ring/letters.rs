//! A ring of values that each have some bytes with them, from one agent to one other: what gateways send to shards.
//!
//! ```text
//!    ┌───────┬─────┬──────────────┬ ─ ─ ─ ┐
//!    │ value │ len │ bytes        │ unused│     one slot; of the room for bytes only what is used is ever touched
//!    └───────┴─────┴──────────────┴ ─ ─ ─ ┘
//! ```
//!
//! - **Written once, read in place**: a value and its bytes are copied into their slot and nowhere else. What crosses
//!   from one core to the other is what was written, not the longest that there could be.
//! - **In order, each once.** A letter stays until its reader releases it.
//!
//! Cost: one copy in, none out, and one atomic store on each side.

#![allow(unsafe_code)]

use super::Push;
use rtrb::CopyToUninit;
use rtrb::chunks::ReadChunk;
use std::mem::MaybeUninit;

/// A ring with room for `slots` values with at most `N` bytes each: the end that writes and the end that reads.
pub fn ring<T: Copy, const N: usize>(slots: usize) -> (Writer<T, N>, Reader<T, N>) {
    let (producer, consumer) = rtrb::RingBuffer::new(slots);
    (Writer(producer), Reader(consumer))
}

/// The end that writes.
#[derive(Debug)]
pub struct Writer<T, const N: usize>(rtrb::Producer<Slot<T, N>>);

/// The end that reads.
#[derive(Debug)]
pub struct Reader<T, const N: usize>(rtrb::Consumer<Slot<T, N>>);

/// The oldest value with its bytes. Dropping it leaves it in the ring; [`Letter::release`] takes it out.
#[derive(Debug)]
pub struct Letter<'a, T, const N: usize>(ReadChunk<'a, Slot<T, N>>);

/// One letter. The first `len` bytes were written, the others are whatever was there.
struct Slot<T, const N: usize> {
    value: T,
    len: usize,
    bytes: [MaybeUninit<u8>; N],
}

impl<T: Copy, const N: usize> Writer<T, N> {
    /// Appends a value with its bytes.
    ///
    /// # Panics
    ///
    /// On more than `N` bytes: whoever made them has a bound for them.
    pub fn push(&mut self, value: &T, bytes: &[u8]) -> Push {
        assert!(bytes.len() <= N, "{} bytes in a ring for {N}", bytes.len());
        let Ok(mut chunk) = self.0.write_chunk_uninit(1) else { return Push::Full(()) };
        let slot = chunk.as_mut_slices().0[0].as_mut_ptr();
        // SAFETY: `slot` points to room for a `Slot` that nobody else has until it is committed. Each field is written
        // in its place; of `bytes` a reference may be made, since what was never written is a value of it.
        unsafe {
            (&raw mut (*slot).value).write(*value);
            (&raw mut (*slot).len).write(bytes.len());
            bytes.copy_to_uninit(&mut (&mut (*slot).bytes)[..bytes.len()]);
        }
        // SAFETY: the one slot of the chunk was written as a whole.
        unsafe { chunk.commit_all() };
        Push::Done
    }

    /// How many more letters fit for sure: the reader may make room at any moment, nobody else can take it.
    pub fn slots(&self) -> usize {
        self.0.slots()
    }

    /// Whether the reader has gone, so that nobody will see what is pushed.
    pub fn is_abandoned(&self) -> bool {
        self.0.is_abandoned()
    }
}

impl<T: Copy, const N: usize> Reader<T, N> {
    /// The oldest letter, if there is one.
    pub fn front(&mut self) -> Option<Letter<'_, T, N>> {
        self.0.read_chunk(1).ok().map(Letter)
    }

    /// How many letters wait, at least.
    pub fn slots(&self) -> usize {
        self.0.slots()
    }

    /// Whether none waits: what an agent asks again before it sleeps.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the writer has gone. What it pushed before is still there.
    pub fn is_abandoned(&self) -> bool {
        self.0.is_abandoned()
    }
}

impl<T: Copy, const N: usize> Letter<'_, T, N> {
    /// The value.
    pub fn value(&self) -> &T {
        &self.slot().value
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        let slot = self.slot();
        let written = &slot.bytes[..slot.len];
        // SAFETY: `push` has written this many of them, and a `u8` is laid out as its `MaybeUninit`.
        unsafe { &*(std::ptr::from_ref(written) as *const [u8]) }
    }

    /// Takes the letter out of the ring, and gives its room to the writer.
    pub fn release(self) {
        self.0.commit_all();
    }

    fn slot(&self) -> &Slot<T, N> {
        &self.0.as_slices().0[0]
    }
}

impl<T: std::fmt::Debug, const N: usize> std::fmt::Debug for Slot<T, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} with {} bytes", self.value, self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn letters_cross_threads_whole_and_in_order() {
        let (mut writer, mut reader) = ring::<u64, 120>(16);
        let thread = std::thread::spawn(move || {
            for n in 0..20_000u64 {
                let bytes = vec![n as u8; (n % 120) as usize];
                while !writer.push(&n, &bytes).is_done() {
                    std::thread::yield_now();
                }
            }
        });
        let mut next = 0;
        while next < 20_000 {
            let Some(letter) = reader.front() else {
                std::thread::yield_now();
                continue;
            };
            assert_eq!(*letter.value(), next);
            assert_eq!(letter.bytes(), vec![next as u8; (next % 120) as usize]);
            letter.release();
            next += 1;
        }
        thread.join().unwrap();
        assert!(reader.is_abandoned() && reader.is_empty());
    }

    proptest! {
        #[test]
        fn behaves_like_a_queue(steps in prop::collection::vec(prop::option::of(0usize..=8), 1..100)) {
            let (mut writer, mut reader) = ring::<usize, 8>(4);
            let mut model: VecDeque<(usize, Vec<u8>)> = VecDeque::new();
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Some(len) => {
                        let bytes = vec![n as u8; len];
                        let done = writer.push(&n, &bytes).is_done();
                        prop_assert_eq!(done, model.len() < 4);
                        if done {
                            model.push_back((n, bytes));
                        }
                    }
                    None => {
                        let front = reader.front();
                        let seen = front.as_ref().map(|letter| (*letter.value(), letter.bytes().to_vec()));
                        prop_assert_eq!(seen.as_ref(), model.front());
                        if let Some(letter) = front {
                            letter.release();
                            model.pop_front();
                        }
                    }
                }
                prop_assert_eq!((reader.slots(), writer.slots()), (model.len(), 4 - model.len()));
            }
        }
    }
}
