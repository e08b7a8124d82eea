//! A ring of records of any length from one agent to one other: what shards and gateways send to their journal.
//!
//! ```text
//!    ┌─────┬────────────┬───┬─────┬──────┬──┬───────────────┐
//!    │ len │ record     │ 0 │ len │ rec. │ 0│ SKIP·len      │◄─ the next record did not fit here, so it
//!    └─────┴────────────┴───┴─────┴──────┴──┴───────────────┘   stands at the start of the buffer again
//!      4 B                ▲ to a multiple of 4
//! ```
//!
//! - **One piece**: a record never wraps, so its reader gets one slice and copies nothing.
//! - **All or nothing**: a record is published with one store after its last byte, or [`Push::Full`] and nothing was
//!   written. A reader never sees half of one.
//! - **In order, each once.** A record stays until its reader releases it.
//! - **No first touch**: all memory is taken when the ring is made, and no record waits for a page.
//!
//! Cost: one copy in, none out, and one atomic store on each side.

#![allow(unsafe_code)]

use super::Push;
use rtrb::CopyToUninit;
use rtrb::chunks::{ReadChunk, WriteChunkUninit};

/// Bytes of the length before a record, and the unit to which records are rounded up, so that a length never wraps.
const HEADER: usize = 4;

/// Set in a length that tells how much to skip instead of how long a record is.
const SKIP: u32 = 1 << 31;

/// A ring of `capacity` bytes, rounded up to a multiple of four. Its longest record has half of that, less four bytes.
pub fn ring(capacity: usize) -> (Writer, Reader) {
    let capacity = capacity.next_multiple_of(HEADER);
    assert!((2 * HEADER..SKIP as usize).contains(&capacity), "a byte ring of {capacity} bytes");
    let (mut producer, consumer) = rtrb::RingBuffer::new(capacity);
    if let Ok(mut all) = producer.write_chunk_uninit(capacity) {
        // Written and not published, so that the system gives the memory now.
        all.as_mut_slices().0.fill(std::mem::MaybeUninit::new(0));
    }
    (Writer { ring: producer, capacity }, Reader { ring: consumer })
}

/// The end that writes.
#[derive(Debug)]
pub struct Writer {
    ring: rtrb::Producer<u8>,
    capacity: usize,
}

/// The end that reads.
#[derive(Debug)]
pub struct Reader {
    ring: rtrb::Consumer<u8>,
}

/// Records that waited together, oldest first. Those that were looked at are taken out when this is dropped, all at
/// once: the writer's core hears of it once.
#[derive(Debug)]
pub struct Waiting<'a> {
    chunk: Option<ReadChunk<'a, u8>>,
    /// How many bytes were looked at.
    at: usize,
}

/// The oldest record. Dropping it leaves it in the ring; [`Record::release`] takes it out.
#[derive(Debug)]
pub struct Record<'a> {
    chunk: ReadChunk<'a, u8>,
    len: usize,
}

impl Writer {
    /// Appends a whole record, or nothing.
    ///
    /// # Panics
    ///
    /// On a record longer than [`Writer::longest`]: it would never fit, so the ring was made too small.
    pub fn push(&mut self, record: &[u8]) -> Push {
        assert!(record.len() <= self.longest(), "{} bytes in a ring for {}", record.len(), self.longest());
        let whole = whole(record.len());
        let Ok(mut chunk) = self.ring.write_chunk_uninit(whole) else { return Push::Full(()) };
        let before_end = chunk.as_mut_slices().0.len();
        if before_end == whole {
            put(chunk, record);
            return Push::Done;
        }
        // The record would wrap. Both, the rest of the lap and the record after it, must fit: otherwise the rest
        // would be published alone, and a reader that waits for a record would find none.
        let Ok(chunk) = self.ring.write_chunk_uninit(before_end + whole) else { return Push::Full(()) };
        put_after_skip(chunk, before_end, record);
        Push::Done
    }

    /// Whether `count` records of at most `len` bytes each fit for sure, wherever the lap ends.
    pub fn fits(&self, count: usize, len: usize) -> bool {
        // At most one of them meets the end of the lap, and skips less than its own length.
        let bytes = (count + 1) * whole(len);
        // The reader's index is on another core: it is asked when what is known of it does not do.
        bytes <= self.ring.cached_slots() || bytes <= self.ring.slots()
    }

    /// Whether its reader should come soon, although nobody waits for what is in it.
    pub fn is_half_full(&self) -> bool {
        2 * self.ring.slots() < self.capacity
    }

    /// Bytes that wait for the reader, with their lengths.
    pub fn backlog(&self) -> usize {
        self.capacity - self.ring.slots()
    }

    /// The longest record that the ring takes.
    pub fn longest(&self) -> usize {
        // A record of half the ring fits an empty ring wherever the lap ends: it skips less than it is long.
        self.capacity / (2 * HEADER) * HEADER - HEADER
    }

    /// Whether the reader has gone.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }
}

impl Reader {
    /// The oldest record, if there is one.
    pub fn front(&mut self) -> Option<Record<'_>> {
        let mut header = self.header()?;
        if header & SKIP != 0 {
            let skipped = self.ring.read_chunk((header & !SKIP) as usize).ok()?;
            skipped.commit_all();
            header = self.header()?;
        }
        let len = header as usize;
        let chunk = self.ring.read_chunk(whole(len)).ok()?;
        Some(Record { chunk, len })
    }

    /// The records in the first so many bytes, as [`Reader::backlog`] told them before.
    pub fn first(&mut self, bytes: usize) -> Waiting<'_> {
        Waiting { chunk: self.ring.read_chunk(bytes).ok(), at: 0 }
    }

    /// Whether none waits: what an agent asks again before it sleeps.
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Bytes that wait, with their lengths: always whole records.
    pub fn backlog(&self) -> usize {
        self.ring.slots()
    }

    /// Whether the writer has gone. What it pushed before is still there.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }

    fn header(&mut self) -> Option<u32> {
        let chunk = self.ring.read_chunk(HEADER).ok()?;
        header_of(chunk.as_slices().0)
    }
}

impl Waiting<'_> {
    /// Takes the next record, if there is one and it is no longer than `longest`.
    pub fn next(&mut self, longest: usize) -> Option<&[u8]> {
        let (lap, next_lap) = self.chunk.as_ref()?.as_slices();
        let rest = |at: usize| match at.checked_sub(lap.len()) {
            Some(at) => next_lap.get(at..).unwrap_or_default(),
            None => &lap[at..],
        };
        let mut at = self.at;
        let mut header = header_of(rest(at))?;
        if header & SKIP != 0 {
            at += (header & !SKIP) as usize;
            header = header_of(rest(at))?;
        }
        let len = header as usize;
        if len > longest {
            return None;
        }
        self.at = at + whole(len);
        rest(at).get(HEADER..HEADER + len)
    }

    /// Whether all were taken.
    pub fn is_empty(&self) -> bool {
        self.chunk.as_ref().is_none_or(|chunk| chunk.len() == self.at)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(chunk) = self.chunk.take() {
            chunk.commit(self.at);
        }
    }
}

impl Record<'_> {
    /// Takes the record out of the ring, and gives its room to the writer.
    pub fn release(self) {
        self.chunk.commit_all();
    }
}

impl std::ops::Deref for Record<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.chunk.as_slices().0[HEADER..HEADER + self.len]
    }
}

fn header_of(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|header| u32::from_ne_bytes(*header))
}

/// Bytes that a record takes in the ring.
fn whole(len: usize) -> usize {
    (HEADER + len).next_multiple_of(HEADER)
}

/// Fills a chunk that is one piece with a record.
fn put(mut chunk: WriteChunkUninit<'_, u8>, record: &[u8]) {
    let (piece, _) = chunk.as_mut_slices();
    let (header, rest) = piece.split_at_mut(HEADER);
    (record.len() as u32).to_ne_bytes().copy_to_uninit(header);
    let (body, padding) = rest.split_at_mut(record.len());
    record.copy_to_uninit(body);
    padding.fill(std::mem::MaybeUninit::new(0));
    // SAFETY: header, body and padding are the whole first slice, which is the whole chunk; all were written.
    unsafe { chunk.commit_all() };
}

/// Fills a chunk that wraps after `skip` bytes: nothing up to there, then a record.
fn put_after_skip(mut chunk: WriteChunkUninit<'_, u8>, skip: usize, record: &[u8]) {
    let (rest_of_lap, start) = chunk.as_mut_slices();
    debug_assert_eq!(rest_of_lap.len(), skip);
    rest_of_lap.fill(std::mem::MaybeUninit::new(0));
    (SKIP | skip as u32).to_ne_bytes().copy_to_uninit(&mut rest_of_lap[..HEADER]);
    let (header, rest) = start.split_at_mut(HEADER);
    (record.len() as u32).to_ne_bytes().copy_to_uninit(header);
    let (body, padding) = rest.split_at_mut(record.len());
    record.copy_to_uninit(body);
    padding.fill(std::mem::MaybeUninit::new(0));
    // SAFETY: the first slice was filled, and header, body and padding are the whole second slice.
    unsafe { chunk.commit_all() };
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn a_record_that_does_not_fit_leaves_the_ring_as_it_was() {
        let (mut writer, mut reader) = ring(32);
        assert_eq!(writer.longest(), 12);
        assert!(writer.push(b"0123456789ab").is_done());
        assert!(writer.push(b"0123456").is_done());
        assert_eq!(writer.push(b"x"), Push::Full(()));
        reader.front().unwrap().release();
        assert_eq!(&*reader.front().unwrap(), b"0123456");
        assert!(!writer.fits(1, 12) && writer.fits(1, 0));
    }

    #[test]
    fn a_record_that_is_not_released_stays() {
        let (mut writer, mut reader) = ring(64);
        assert!(writer.push(b"once").is_done());
        assert_eq!(&*reader.front().unwrap(), b"once");
        assert_eq!(&*reader.front().unwrap(), b"once");
        reader.front().unwrap().release();
        assert!(reader.front().is_none() && reader.is_empty());
    }

    #[test]
    fn the_longest_record_fits_an_empty_ring_wherever_the_lap_ends() {
        for start in 0..16 {
            let (mut writer, mut reader) = ring(64);
            for _ in 0..start {
                assert!(writer.push(b"").is_done());
                reader.front().unwrap().release();
            }
            let longest = vec![7; writer.longest()];
            assert!(writer.fits(1, longest.len()), "from {start}");
            assert!(writer.push(&longest).is_done(), "from {start}");
            assert_eq!(&*reader.front().unwrap(), &longest[..]);
        }
    }

    #[test]
    fn records_cross_threads_whole_and_in_order() {
        let (mut writer, mut reader) = ring(256);
        let thread = std::thread::spawn(move || {
            for n in 0..20_000u32 {
                let record = vec![n as u8; (n % 120) as usize];
                while !writer.push(&record).is_done() {
                    std::thread::yield_now();
                }
            }
        });
        for n in 0..20_000u32 {
            loop {
                if let Some(record) = reader.front() {
                    assert_eq!(&*record, vec![n as u8; (n % 120) as usize]);
                    record.release();
                    break;
                }
                std::thread::yield_now();
            }
        }
        thread.join().unwrap();
    }

    proptest! {
        #[test]
        fn behaves_like_a_queue(steps in prop::collection::vec(prop::option::of(0usize..60), 1..200)) {
            let (mut writer, mut reader) = ring(128);
            let mut model: VecDeque<Vec<u8>> = VecDeque::new();
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Some(len) => {
                        let record = vec![n as u8; len];
                        let sure = writer.fits(1, len);
                        let done = writer.push(&record).is_done();
                        prop_assert!(done || !sure);
                        prop_assert!(done || !model.is_empty(), "an empty ring takes every record");
                        if done {
                            model.push_back(record);
                        }
                    }
                    None if n % 3 == 0 => {
                        let waits = reader.backlog();
                        let mut waiting = reader.first(waits);
                        for _ in 0..n % 4 {
                            let longest = if n % 2 == 0 { 60 } else { 40 };
                            let expected = model.front().filter(|record| record.len() <= longest);
                            let next = waiting.next(longest);
                            prop_assert_eq!(next, expected.map(Vec::as_slice));
                            if next.is_some() {
                                model.pop_front();
                            }
                        }
                    }
                    None => {
                        let front = reader.front();
                        prop_assert_eq!(front.as_deref(), model.front().map(Vec::as_slice));
                        if let Some(record) = front {
                            record.release();
                            model.pop_front();
                        }
                    }
                }
            }
        }
    }
}
