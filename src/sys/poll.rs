//! Sleeping until a socket or a ring has something, and waking a sleeper. epoll and eventfd.
//!
//! Level-triggered: what is not read now is told again next time, so a gateway may read a bounded amount from each
//! connection in its turn and none is forgotten. Writability is asked for only while output waits.
//!
//! **Sleeping and waking.** A reader of rings may sleep only if no writer believes it awake:
//!
//! ```text
//!   sleeper                                waker
//!   1 asleep = true                        1 push into the ring
//!   2 fence(SeqCst)                        2 fence(SeqCst)
//!   3 look into the rings again            3 asleep?  no: done, which is the usual case
//!   4 empty: epoll_wait                       yes: asleep = false; write to the eventfd
//! ```
//!
//! Fences of one total order: either the sleeper's comes first, then the waker's load (3) sees `asleep`; or the
//! waker's comes first, then the sleeper's look (3) sees the push. So no push is slept over. The eventfd stays readable
//! until it is drained, so a wake between 3 and 4 ends the wait at once. A waker that finds the sleeper awake has paid
//! a fence and a load, a few nanoseconds; a gateway wakes once per turn, not once per message.

#![allow(unsafe_code)]

use super::machine::{self, Socket};
use super::tally;
use crate::types::Span;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Most sockets told in one turn; the rest is told in the next.
pub const EVENTS_MAX: usize = 256;

/// The token of the poller's own eventfd.
const WAKE_TOKEN: u64 = u64::MAX;

/// What to be told about a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// That it has bytes to read, or was closed.
    Read,
    /// That, and that it takes bytes to write.
    ReadWrite,
    /// Only that it takes bytes to write: its reading is paused.
    Write,
}

/// What a socket is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The token under which it was added.
    pub token: u64,
    /// A read tells something: bytes, or the end.
    pub readable: bool,
    /// A write takes something, or fails.
    pub writable: bool,
}

/// What a [`Poller`] can watch.
pub trait Watchable {
    /// Whose it is.
    fn watched(&self) -> Watched<'_>;
}

/// A socket, or a poller with sockets of its own.
#[derive(Debug)]
pub enum Watched<'a> {
    /// The kernel's.
    Kernel(BorrowedFd<'a>),
    /// That of a machine in memory.
    Machine(&'a Arc<dyn Socket>),
    /// On a machine in memory nobody sleeps, so nothing watches a poller.
    Nothing,
}

/// The sockets of one thread, and its way to sleep.
#[derive(Debug)]
pub struct Poller {
    sockets: Sockets,
    waker: Waker,
}

#[derive(Debug)]
enum Sockets {
    Kernel(Epoll),
    Machine(Table),
}

#[derive(Debug)]
struct Epoll {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

/// The sockets of a machine in memory, by token. A socket that is closed is forgotten, as epoll does.
#[derive(Debug, Default)]
struct Table(Mutex<BTreeMap<u64, Entry>>);

type Entry = (Weak<dyn Socket>, Interest);

/// Wakes the thread of a [`Poller`]. Clones wake the same.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Bell>);

#[derive(Debug)]
struct Bell {
    asleep: AtomicBool,
    /// None on a machine in memory: nobody sleeps there.
    eventfd: Option<OwnedFd>,
}

impl Poller {
    /// A poller without sockets.
    pub fn new() -> io::Result<Self> {
        let asleep = AtomicBool::new(false);
        if machine::current().is_some() {
            let waker = Waker(Arc::new(Bell { asleep, eventfd: None }));
            return Ok(Self { sockets: Sockets::Machine(Table::default()), waker });
        }
        // SAFETY: no pointer is passed.
        let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: no pointer is passed.
        let eventfd = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        let epoll = Epoll { epoll, events: Vec::with_capacity(EVENTS_MAX) };
        epoll.control(libc::EPOLL_CTL_ADD, eventfd.as_raw_fd(), WAKE_TOKEN, Interest::Read)?;
        let waker = Waker(Arc::new(Bell { asleep, eventfd: Some(eventfd) }));
        Ok(Self { sockets: Sockets::Kernel(epoll), waker })
    }

    /// What wakes this poller's thread.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Watches a socket under a token of the caller's, which is not `u64::MAX`.
    pub fn add(&self, socket: &impl Watchable, token: u64, interest: Interest) -> io::Result<()> {
        self.watch(libc::EPOLL_CTL_ADD, socket, token, interest)
    }

    /// Changes what is to be told about a socket.
    pub fn modify(&self, socket: &impl Watchable, token: u64, interest: Interest) -> io::Result<()> {
        self.watch(libc::EPOLL_CTL_MOD, socket, token, interest)
    }

    /// Watches a socket no longer. A socket that is closed need not be removed.
    pub fn remove(&self, socket: &impl Watchable) -> io::Result<()> {
        match (&self.sockets, socket.watched()) {
            (Sockets::Kernel(epoll), Watched::Kernel(fd)) => {
                epoll.control(libc::EPOLL_CTL_DEL, fd.as_raw_fd(), 0, Interest::Read)
            }
            (Sockets::Machine(table), Watched::Machine(socket)) => {
                table.remove(socket);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Asks without sleeping; replaces what stands in `ready`.
    pub fn poll(&mut self, ready: &mut Vec<Ready>) -> io::Result<()> {
        self.wait(0, ready)
    }

    /// Sleeps until a socket is ready, a [`Waker`] rings, or the time is over; replaces what stands in `ready`.
    /// Does not sleep if `rings_are_empty` says no: it is asked when wakers know already that they must ring.
    pub fn sleep(
        &mut self,
        timeout: Option<Span>,
        ready: &mut Vec<Ready>,
        rings_are_empty: impl FnOnce() -> bool,
    ) -> io::Result<()> {
        self.waker.0.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let milliseconds = if rings_are_empty() { timeout.map_or(-1, milliseconds_ceil) } else { 0 };
        let result = self.wait(milliseconds, ready);
        self.waker.0.asleep.store(false, Ordering::Relaxed);
        result
    }

    fn watch(
        &self,
        operation: i32,
        socket: &impl Watchable,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        assert!(token != WAKE_TOKEN, "the token of the eventfd");
        match (&self.sockets, socket.watched()) {
            (Sockets::Kernel(epoll), Watched::Kernel(fd)) => {
                epoll.control(operation, fd.as_raw_fd(), token, interest)
            }
            (Sockets::Machine(table), Watched::Machine(socket)) => {
                table.watch(socket, token, interest);
                Ok(())
            }
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn wait(&mut self, milliseconds: i32, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        match &mut self.sockets {
            Sockets::Kernel(epoll) => epoll.wait(milliseconds, ready, &self.waker),
            Sockets::Machine(table) => {
                table.ready(ready);
                Ok(())
            }
        }
    }
}

impl Epoll {
    fn wait(&mut self, milliseconds: i32, ready: &mut Vec<Ready>, waker: &Waker) -> io::Result<()> {
        // SAFETY: the events have room for EVENTS_MAX, which is what the kernel is told; it writes as many as it
        // returns.
        let count = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS_MAX as i32,
                milliseconds,
            )
        };
        // A look that found nothing belongs to no order: a thread that spins makes millions.
        if count > 0 {
            tally::called();
        }
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
        }
        // SAFETY: the kernel has written that many events, no more than there is room for.
        unsafe { self.events.set_len(count as usize) };
        for event in &self.events {
            match event.u64 {
                WAKE_TOKEN => waker.0.drain(),
                token => ready.push(told(token, event.events)),
            }
        }
        Ok(())
    }

    fn control(&self, operation: i32, fd: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        let events = match interest {
            Interest::Read => libc::EPOLLIN | libc::EPOLLRDHUP,
            Interest::ReadWrite => libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLOUT,
            Interest::Write => libc::EPOLLOUT,
        };
        let mut event = libc::epoll_event { events: events as u32, u64: token };
        tally::called();
        // SAFETY: `event` lives through the call, and the kernel only reads it.
        match unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd, &mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Table {
    fn watch(&self, socket: &Arc<dyn Socket>, token: u64, interest: Interest) {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.insert(token, (Arc::downgrade(socket), interest));
    }

    fn remove(&self, socket: &Arc<dyn Socket>) {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.retain(|_, (known, _)| !std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(socket)));
    }

    fn ready(&self, ready: &mut Vec<Ready>) {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.retain(|&token, (socket, interest)| {
            let Some(socket) = socket.upgrade() else { return false };
            let readable = *interest != Interest::Write && socket.is_readable();
            let writable = *interest != Interest::Read && socket.is_writable();
            if (readable || writable) && ready.len() < EVENTS_MAX {
                ready.push(Ready { token, readable, writable });
            }
            true
        });
    }
}

/// A poller can be watched by another: it is readable while one of its sockets is ready.
impl Watchable for Poller {
    fn watched(&self) -> Watched<'_> {
        match &self.sockets {
            Sockets::Kernel(epoll) => Watched::Kernel(epoll.epoll.as_fd()),
            Sockets::Machine(_) => Watched::Nothing,
        }
    }
}

impl<T: AsFd> Watchable for T {
    fn watched(&self) -> Watched<'_> {
        Watched::Kernel(self.as_fd())
    }
}

impl Waker {
    /// Wakes the thread if it sleeps, or is about to. To be called after what it should see was published.
    pub fn wake(&self) {
        fence(Ordering::SeqCst);
        if self.0.asleep.load(Ordering::Relaxed) && self.0.asleep.swap(false, Ordering::Relaxed) {
            self.0.ring();
        }
    }
}

impl Bell {
    fn ring(&self) {
        let Some(eventfd) = &self.eventfd else { return };
        tally::called();
        let one = 1u64;
        // SAFETY: eight bytes are read from `one`, which has eight. It fails only if the counter is full, and then
        // the eventfd is readable already.
        unsafe { libc::write(eventfd.as_raw_fd(), (&raw const one).cast(), 8) };
    }

    fn drain(&self) {
        let Some(eventfd) = &self.eventfd else { return };
        tally::called();
        let mut count = 0u64;
        // SAFETY: at most eight bytes are written into `count`, which has eight. It fails only if the counter is 0.
        unsafe { libc::read(eventfd.as_raw_fd(), (&raw mut count).cast(), 8) };
    }
}

/// An error or a hang-up is told as both: the next read or write says what it is.
fn told(token: u64, events: u32) -> Ready {
    let has = |flags: i32| events & flags as u32 != 0;
    let broken = has(libc::EPOLLERR | libc::EPOLLHUP);
    Ready {
        token,
        readable: broken || has(libc::EPOLLIN | libc::EPOLLRDHUP),
        writable: broken || has(libc::EPOLLOUT),
    }
}

/// Rounded up: a timer that is waited for has fired when the sleeper wakes.
fn milliseconds_ceil(span: Span) -> i32 {
    i32::try_from(span.as_millis_ceil()).unwrap_or(i32::MAX)
}

fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system call has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::AtomicU32;
    use std::time::{Duration, Instant};

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn a_socket_is_told_until_it_is_read() {
        let (mut client, server) = pair();
        let mut poller = Poller::new().unwrap();
        let mut ready = Vec::new();
        poller.add(&server, 7, Interest::Read).unwrap();
        poller.poll(&mut ready).unwrap();
        assert!(ready.is_empty());
        client.write_all(b"x").unwrap();
        for _ in 0..2 {
            poller.sleep(None, &mut ready, || true).unwrap();
            assert_eq!(ready, [Ready { token: 7, readable: true, writable: false }]);
        }
        poller.modify(&server, 7, Interest::ReadWrite).unwrap();
        poller.poll(&mut ready).unwrap();
        assert_eq!(ready, [Ready { token: 7, readable: true, writable: true }]);
        poller.remove(&server).unwrap();
        poller.poll(&mut ready).unwrap();
        assert!(ready.is_empty());
    }

    #[test]
    fn a_peer_that_has_gone_is_told_as_readable() {
        let (client, server) = pair();
        let mut poller = Poller::new().unwrap();
        let mut ready = Vec::new();
        poller.add(&server, 1, Interest::Read).unwrap();
        drop(client);
        poller.sleep(None, &mut ready, || true).unwrap();
        assert!(ready[0].readable);
    }

    #[test]
    fn sleeps_for_its_time_and_not_at_all_if_a_ring_has_something() {
        let mut poller = Poller::new().unwrap();
        let started = Instant::now();
        poller.sleep(Some(Span::from_secs(60)), &mut Vec::new(), || false).unwrap();
        assert!(started.elapsed() < Duration::from_secs(30));
        poller.sleep(Some(Span::from_millis(5)), &mut Vec::new(), || true).unwrap();
        assert!(started.elapsed() >= Duration::from_millis(5));
    }

    #[test]
    fn a_waker_that_finds_the_sleeper_awake_leaves_no_trace() {
        let mut poller = Poller::new().unwrap();
        poller.waker().wake();
        let started = Instant::now();
        poller.sleep(Some(Span::from_millis(5)), &mut Vec::new(), || true).unwrap();
        assert!(started.elapsed() >= Duration::from_millis(5));
    }

    #[test]
    fn no_push_is_slept_over() {
        const PUSHES: u32 = 20_000;
        // The least ring that there is: how many were pushed, and how many of them were seen.
        let (pushed, seen) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let mut poller = Poller::new().unwrap();
        let (waker, ring, reader) = (poller.waker(), Arc::clone(&pushed), Arc::clone(&seen));
        let writer = std::thread::spawn(move || {
            for n in 1..=PUSHES {
                while reader.load(Ordering::Acquire) + 1 < n {
                    std::thread::yield_now();
                }
                ring.store(n, Ordering::Release);
                waker.wake();
            }
        });
        let (mut taken, mut ready) = (0, Vec::new());
        while taken < PUSHES {
            // Without end: a lost wake-up would hang here.
            poller.sleep(None, &mut ready, || pushed.load(Ordering::Acquire) == taken).unwrap();
            taken = pushed.load(Ordering::Acquire);
            seen.store(taken, Ordering::Release);
        }
        writer.join().unwrap();
    }
}
