//! The wish of the operator to stop: SIGINT and SIGTERM.
//!
//! A handler may do next to nothing, so it sets a flag and writes to an eventfd on which the main thread sleeps; that
//! thread tells the agents. The first signal asks for an orderly stop; the next one ends the process as if there were
//! no handler, for an operator who will not wait.

#![allow(unsafe_code)]

use crate::types::Span;
use std::io;
use std::os::fd::RawFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Whether a signal has come: the next one ends the process.
static SIGNALLED: AtomicBool = AtomicBool::new(false);

/// The eventfd that the handler writes to; −1 before there is one. It is never closed: a handler may run at any time.
static EVENTFD: AtomicI32 = AtomicI32::new(-1);

/// Only one thread installs at a time.
static INSTALLING: Mutex<()> = Mutex::new(());

/// The request to stop, of the whole process.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    eventfd: RawFd,
}

impl Stop {
    /// Takes SIGINT and SIGTERM from now on. May be called again; the request is one for the process.
    pub fn on_signals() -> io::Result<Self> {
        let _one_at_a_time = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if EVENTFD.load(Ordering::Acquire) < 0 {
            // SAFETY: no pointer is passed.
            let eventfd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
            if eventfd < 0 {
                return Err(io::Error::last_os_error());
            }
            EVENTFD.store(eventfd, Ordering::Release);
            handle(libc::SIGINT)?;
            handle(libc::SIGTERM)?;
        }
        Ok(Self { eventfd: EVENTFD.load(Ordering::Acquire) })
    }

    /// Whether a stop was asked for. Costs a load.
    pub fn requested(self) -> bool {
        REQUESTED.load(Ordering::Acquire)
    }

    /// Asks for a stop, as a signal does.
    pub fn request(self) {
        request();
    }

    /// Sleeps until a stop is asked for or the time is over, and says whether it was asked for.
    pub fn wait(self, at_most: Option<Span>) -> bool {
        let milliseconds =
            at_most.map_or(-1, |span| i32::try_from(span.as_millis_ceil()).unwrap_or(i32::MAX));
        let mut poll = libc::pollfd { fd: self.eventfd, events: libc::POLLIN, revents: 0 };
        if !self.requested() {
            // The eventfd is never drained, so a request before this call ends it at once. An interrupted call is
            // one that ended early: the caller asks again.
            // SAFETY: one pollfd is passed, and one is what the kernel is told.
            unsafe { libc::poll(&mut poll, 1, milliseconds) };
        }
        self.requested()
    }
}

fn handle(signal: i32) -> io::Result<()> {
    // SAFETY: sigaction consists of integers, an optional function and a mask, for which all zeros is a value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(i32) = on_signal;
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: `action` lives through the call; its handler does only what a handler may (signal-safety(7)).
    match unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

extern "C" fn on_signal(signal: i32) {
    if SIGNALLED.swap(true, Ordering::AcqRel) {
        // SAFETY: both are safe in a handler. The signal is blocked in its own handler, and comes when it returns.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
    }
    request();
}

/// Runs in a signal handler: atomics and write(2), and errno is put back as it was.
fn request() {
    REQUESTED.store(true, Ordering::Release);
    let one = 1u64;
    // SAFETY: eight bytes are read from `one`, which has eight; errno belongs to this thread.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(EVENTFD.load(Ordering::Acquire), (&raw const one).cast(), 8);
        *libc::__errno_location() = errno;
    }
}

/// Asks a process, such as a child, to stop: SIGTERM.
pub fn terminate(process: u32) -> io::Result<()> {
    let process = libc::pid_t::try_from(process).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the call takes two numbers and touches no memory of ours.
    match unsafe { libc::kill(process, libc::SIGTERM) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_asks_for_a_stop_and_wakes_who_waits_for_it() {
        let stop = Stop::on_signals().unwrap();
        assert!(!stop.wait(Some(Span::from_millis(1))));
        let waiting = std::thread::spawn(move || stop.wait(None));
        // SAFETY: the signal is one that this process handles.
        assert_eq!(unsafe { libc::raise(libc::SIGTERM) }, 0);
        assert!(waiting.join().unwrap());
        assert!(stop.requested() && Stop::on_signals().unwrap().wait(None));
    }
}
