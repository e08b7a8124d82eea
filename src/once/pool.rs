//! Places that never move: memory grows by chunks, so growth copies nothing, and places that were left are used
//! again.

use std::ops::{Index, IndexMut};

const CHUNK: usize = 1_024;

/// Values by place.
#[derive(Debug)]
pub(super) struct Pool<T> {
    chunks: Vec<Vec<T>>,
    free: Vec<u32>,
}

impl<T> Pool<T> {
    pub(super) fn new() -> Self {
        Self { chunks: vec![Vec::with_capacity(CHUNK)], free: Vec::new() }
    }

    /// Stores a value and tells its place.
    pub(super) fn put(&mut self, value: T) -> u32 {
        if let Some(place) = self.free.pop() {
            self[place] = value;
            return place;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let chunk = self.chunks.len() - 1;
        let place = u32::try_from(chunk * CHUNK + self.chunks[chunk].len());
        self.chunks[chunk].push(value);
        place.expect("memory ends before four billion values")
    }

    /// Leaves a place. What is in it stays until it is used again.
    pub(super) fn leave(&mut self, place: u32) {
        self.free.push(place);
    }
}

impl<T> Index<u32> for Pool<T> {
    type Output = T;
    fn index(&self, place: u32) -> &T {
        &self.chunks[place as usize / CHUNK][place as usize % CHUNK]
    }
}

impl<T> IndexMut<u32> for Pool<T> {
    fn index_mut(&mut self, place: u32) -> &mut T {
        &mut self.chunks[place as usize / CHUNK][place as usize % CHUNK]
    }
}
