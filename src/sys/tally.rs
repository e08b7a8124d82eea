//! What a thread has asked of the system: memory, and calls. Counted where it happens, by the thread itself.
//!
//! ```text
//!   every allocation ─► Counting, if the program has it as its allocator ─► a counter of the thread
//!   every call of this room ───────────────────────────────────────────► another
//! ```
//!
//! The path of an order is to allocate nothing once it is warm, and to make few calls; this tells whether it does. What
//! libraries allocate inside [`library`] is told apart. Cost: an increment of a variable of the thread, under a
//! nanosecond beside an allocation or a call.

#![allow(unsafe_code)] // An allocator cannot be written without.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counted for each thread.
pub struct Counting;

/// What a thread has asked for so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Allocations and reallocations; zero where [`Counting`] is not the program's allocator.
    pub allocations: u64,
    /// Those inside [`library`].
    pub library_allocations: u64,
    /// System calls of this room.
    pub calls: u64,
}

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LIBRARY_ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static IN_LIBRARY: Cell<bool> = const { Cell::new(false) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// What this thread has asked for.
pub fn tally() -> Tally {
    Tally {
        allocations: ALLOCATIONS.get(),
        library_allocations: LIBRARY_ALLOCATIONS.get(),
        calls: CALLS.get(),
    }
}

/// Runs what belongs to a library: its allocations are counted as the library's.
pub fn library<T>(work: impl FnOnce() -> T) -> T {
    let before = IN_LIBRARY.replace(true);
    let done = work();
    IN_LIBRARY.set(before);
    done
}

/// A system call is made.
pub fn called() {
    CALLS.set(CALLS.get() + 1);
}

fn allocated() {
    let counter = if IN_LIBRARY.get() { &LIBRARY_ALLOCATIONS } else { &ALLOCATIONS };
    counter.set(counter.get() + 1);
}

// SAFETY: each call goes to the system's allocator with the arguments that came; counting allocates nothing, since its
// variables have no destructors and so need no registration.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        allocated();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        allocated();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        allocated();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_counts_its_own_calls_and_no_other() {
        let before = tally().calls;
        called();
        std::thread::spawn(called).join().unwrap();
        assert_eq!(tally().calls - before, 1);
    }
}
