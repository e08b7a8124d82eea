//! TCP listeners and streams that never block.
//!
//! `std` does the reading and writing. What it does not do: a listener whose port several gateways share (each has
//! its own queue, and the kernel spreads the connections), and a call that takes a connection without letting it block
//! first.
//!
//! On a [`super::machine::Machine`] in memory both are its own.
//!
//! Failure is a value: whatever ends a connection is [`Moved::Closed`], and its reason is for the log alone.

#![allow(unsafe_code)]

use super::machine::{self, Socket};
use super::poll::{Watchable, Watched};
use super::{stamped, tally};
use crate::config::Sockets;
use crate::types::{Nanos, Span};
use std::io::{self, IoSlice, Read, Write};
use std::net::{
    Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener, TcpStream,
};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;

/// Connections that the kernel holds for us until we accept them: all bots of a venue that come back at once after
/// a restart. The kernel cuts it to `net.core.somaxconn`.
const BACKLOG: i32 = 4_096;

/// What became of a read or a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// So many bytes were moved; more than none.
    Bytes(usize),
    /// Nothing can be moved now; the poller tells when.
    WouldBlock,
    /// The connection is at its end.
    Closed(Ended),
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer has said that it sends no more.
    Eof,
    /// It broke.
    Broken(io::ErrorKind),
}

/// What a listener has.
#[derive(Debug)]
pub enum Accepted {
    /// A connection and where it comes from.
    Stream(Stream, SocketAddr),
    /// No connection waits.
    WouldBlock,
    /// A connection waits, but the process has no descriptor or memory for it. The poller goes on telling it, so
    /// the caller must close something or look away for a while.
    Exhausted(io::Error),
}

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    end: End<TcpListener>,
    sockets: Sockets,
}

/// A connected socket.
#[derive(Debug)]
pub struct Stream {
    end: End<TcpStream>,
    sockets: Sockets,
    arrived: Option<Nanos>,
}

/// Whose it is.
#[derive(Debug)]
enum End<T> {
    Kernel(T),
    Machine(Arc<dyn Socket>),
}

/// Who may listen on the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Nobody else: a second server on the same port is refused.
    Own,
    /// Each gateway of this server, and any other process of the same user (SO_REUSEPORT).
    Shared,
}

impl Listener {
    /// Listens. Port 0 takes a free one, which [`Listener::local_addr`] tells.
    pub fn bind(address: SocketAddr, port: Port) -> io::Result<Self> {
        if let Some(machine) = machine::current() {
            return machine.network.listen(address).map(|socket| Self::of(End::Machine(socket)));
        }
        let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: no pointer is passed.
        let fd = checked(unsafe { libc::socket(family, kind, 0) })?;
        // SAFETY: the call has just made this descriptor, and nobody else knows it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
        if port == Port::Shared {
            set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
        }
        bind(socket.as_fd(), address)?;
        // SAFETY: no pointer is passed.
        checked(unsafe { libc::listen(fd, BACKLOG) })?;
        Ok(Self::of(End::Kernel(TcpListener::from(socket))))
    }

    fn of(end: End<TcpListener>) -> Self {
        Self { end, sockets: Sockets::default() }
    }

    /// What the kernel is to do for the connections that are accepted. What it refuses is told by its name.
    pub fn with(mut self, sockets: Sockets) -> io::Result<Self> {
        self.sockets = sockets;
        // Tried here, so that a start fails and no connection does.
        if let End::Kernel(listener) = &self.end {
            prepare(listener.as_fd(), sockets)?;
        }
        Ok(self)
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.end {
            End::Kernel(listener) => listener.local_addr(),
            End::Machine(socket) => Ok(socket.address()),
        }
    }

    /// Takes the next connection, ready for use: it does not block.
    pub fn accept(&self) -> Accepted {
        match &self.end {
            End::Kernel(listener) => accept(listener, self.sockets),
            End::Machine(socket) => socket.accept().map_or(Accepted::WouldBlock, |stream| {
                let peer = stream.address();
                Accepted::Stream(Stream::of(End::Machine(stream), self.sockets), peer)
            }),
        }
    }
}

fn accept(listener: &TcpListener, sockets: Sockets) -> Accepted {
    loop {
        let error = match accept4(listener.as_fd()) {
            Ok((stream, peer)) => match prepare(stream.as_fd(), sockets) {
                Ok(()) => return Accepted::Stream(Stream::of(End::Kernel(stream), sockets), peer),
                // It has gone already.
                Err(_) => continue,
            },
            Err(error) => error,
        };
        match error.raw_os_error() {
            Some(libc::EAGAIN) => return Accepted::WouldBlock,
            Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                return Accepted::Exhausted(error);
            }
            // The rest is the fate of the one connection (accept(2)): it was aborted, its network is down.
            _ => continue,
        }
    }
}

/// Sets what is not as it is by itself.
fn prepare(socket: BorrowedFd<'_>, sockets: Sockets) -> io::Result<()> {
    let Sockets { kernel_timestamps, no_delay, quick_ack: _, busy_poll } = sockets;
    let named =
        |what: &'static str| move |error: io::Error| io::Error::new(error.kind(), format!("{what}: {error}"));
    if no_delay {
        set_option(socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1).map_err(named("TCP_NODELAY"))?;
    }
    if kernel_timestamps {
        stamped::enable(socket).map_err(named("SO_TIMESTAMPING"))?;
    }
    if busy_poll > Span::ZERO {
        let micros = i32::try_from(busy_poll.0 / 1_000).unwrap_or(i32::MAX);
        set_option(socket, libc::SOL_SOCKET, libc::SO_BUSY_POLL, micros).map_err(named("SO_BUSY_POLL"))?;
    }
    Ok(())
}

impl Stream {
    fn of(end: End<TcpStream>, sockets: Sockets) -> Self {
        Self { end, sockets, arrived: None }
    }

    /// Reads what is there, as far as there is room.
    pub fn read(&mut self, into: &mut [u8]) -> Moved {
        debug_assert!(!into.is_empty(), "no room looks like the end");
        let Self { end, sockets, arrived } = self;
        let moved = match end {
            End::Kernel(stream) if sockets.kernel_timestamps => {
                let mut read = || {
                    let (count, at) = stamped::read(stream.as_fd(), into)?;
                    *arrived = at;
                    Ok(count)
                };
                again(&mut read, Ended::Eof)
            }
            End::Kernel(stream) => again(|| stream.read(into), Ended::Eof),
            End::Machine(socket) => socket.read(into),
        };
        if let (Moved::Bytes(_), End::Kernel(stream), true) = (moved, &self.end, self.sockets.quick_ack) {
            // The kernel forgets it soon, so it is said again after each read. It fails only for a socket that is gone,
            // which the next read tells.
            let _ = set_option(stream.as_fd(), libc::IPPROTO_TCP, libc::TCP_QUICKACK, 1);
        }
        moved
    }

    /// When the kernel had the last of the bytes that were read last, where it was to say so.
    pub fn arrived(&self) -> Option<Nanos> {
        self.arrived
    }

    /// Writes as much as the kernel takes.
    pub fn write(&mut self, bytes: &[u8]) -> Moved {
        debug_assert!(!bytes.is_empty(), "nothing to write looks like the end");
        match &mut self.end {
            End::Kernel(stream) => again(|| stream.write(bytes), Ended::Broken(io::ErrorKind::WriteZero)),
            End::Machine(socket) => socket.write(bytes),
        }
    }

    /// Writes as much of the pieces, one after the other, as the kernel takes.
    pub fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> Moved {
        match &mut self.end {
            End::Kernel(stream) => {
                again(|| stream.write_vectored(pieces), Ended::Broken(io::ErrorKind::WriteZero))
            }
            End::Machine(socket) => {
                socket.write(pieces.iter().find(|piece| !piece.is_empty()).map_or(&[][..], |piece| piece))
            }
        }
    }

    /// Says that no more comes from us. What was written still arrives.
    pub fn finish(&self) {
        match &self.end {
            // It fails only if the connection has gone, which is what was to be brought about.
            End::Kernel(stream) => drop(stream.shutdown(Shutdown::Write)),
            End::Machine(socket) => socket.finish(),
        }
    }

    /// Where it comes from.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.end {
            End::Kernel(stream) => stream.peer_addr(),
            End::Machine(socket) => Ok(socket.address()),
        }
    }

    /// Where there is no TLS, because there is no kernel below: whose certificate the client has, as SHA-256 of its
    /// SubjectPublicKeyInfo. Never of a connection that came from a network.
    pub fn machine_spki(&self) -> Option<[u8; 32]> {
        match &self.end {
            End::Kernel(_) => None,
            End::Machine(socket) => Some(socket.client_spki()),
        }
    }
}

impl<T: AsFd> Watchable for End<T> {
    fn watched(&self) -> Watched<'_> {
        match self {
            Self::Kernel(socket) => Watched::Kernel(socket.as_fd()),
            Self::Machine(socket) => Watched::Machine(socket),
        }
    }
}

impl Watchable for Listener {
    fn watched(&self) -> Watched<'_> {
        self.end.watched()
    }
}

impl Watchable for Stream {
    fn watched(&self) -> Watched<'_> {
        self.end.watched()
    }
}

/// Makes a call until no signal interrupts it. `none` is what it means if nothing was moved.
fn again(mut call: impl FnMut() -> io::Result<usize>, none: Ended) -> Moved {
    let moved = loop {
        match call() {
            Ok(0) => break Moved::Closed(none),
            Ok(count) => break Moved::Bytes(count),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => break Moved::WouldBlock,
                io::ErrorKind::Interrupted => {}
                kind => break Moved::Closed(Ended::Broken(kind)),
            },
        }
    };
    // A look that found nothing belongs to no order: a thread that spins makes millions.
    if moved != Moved::WouldBlock {
        tally::called();
    }
    moved
}

fn bind(socket: BorrowedFd<'_>, address: SocketAddr) -> io::Result<()> {
    let result = match address {
        SocketAddr::V4(v4) => {
            let raw = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: `raw` is an address of this family, lives through the call, and its length is told.
            unsafe { libc::bind(socket.as_raw_fd(), (&raw const raw).cast(), length_of(&raw)) }
        }
        SocketAddr::V6(v6) => {
            let raw = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: as above.
            unsafe { libc::bind(socket.as_raw_fd(), (&raw const raw).cast(), length_of(&raw)) }
        }
    };
    checked(result).map(drop)
}

/// `std` accepts too, but lets the connection block, which takes another system call to undo.
fn accept4(listener: BorrowedFd<'_>) -> io::Result<(TcpStream, SocketAddr)> {
    tally::called();
    // SAFETY: sockaddr_storage consists of integers, for which all zeros is a value.
    let mut raw: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut length = length_of(&raw);
    // SAFETY: `raw` has room for any address and `length` says how much; the kernel writes no more than that.
    let fd = checked(unsafe {
        libc::accept4(
            listener.as_raw_fd(),
            (&raw mut raw).cast(),
            &mut length,
            libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
        )
    })?;
    // SAFETY: the call has just made this descriptor, and nobody else knows it.
    let stream = unsafe { TcpStream::from_raw_fd(fd) };
    Ok((stream, address_of(&raw)?))
}

fn address_of(raw: &libc::sockaddr_storage) -> io::Result<SocketAddr> {
    match i32::from(raw.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that a sockaddr_in stands there, and sockaddr_storage is aligned for it.
            let v4 = unsafe { &*(&raw const *raw).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Ok(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that a sockaddr_in6 stands there, and sockaddr_storage is aligned for it.
            let v6 = unsafe { &*(&raw const *raw).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Ok(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        family => Err(io::Error::other(format!("a connection of address family {family}"))),
    }
}

fn set_option(socket: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> io::Result<()> {
    tally::called();
    // SAFETY: `value` lives through the call, and its length is told.
    checked(unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), length_of(&value))
    })
    .map(drop)
}

fn length_of<T>(value: &T) -> libc::socklen_t {
    size_of_val(value) as libc::socklen_t
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected(address: &str) -> (TcpStream, Stream, SocketAddr) {
        accepted(&Listener::bind(address.parse().unwrap(), Port::Own).unwrap())
    }

    fn accepted(listener: &Listener) -> (TcpStream, Stream, SocketAddr) {
        assert!(matches!(listener.accept(), Accepted::WouldBlock));
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        loop {
            match listener.accept() {
                Accepted::Stream(stream, peer) => return (client, stream, peer),
                Accepted::WouldBlock => std::thread::yield_now(),
                Accepted::Exhausted(error) => panic!("{error}"),
            }
        }
    }

    fn read(stream: &mut Stream) -> (Moved, Vec<u8>) {
        let mut buffer = [0; 64];
        loop {
            match stream.read(&mut buffer) {
                Moved::WouldBlock => std::thread::yield_now(),
                Moved::Bytes(count) => return (Moved::Bytes(count), buffer[..count].to_vec()),
                closed => return (closed, Vec::new()),
            }
        }
    }

    #[test]
    fn bytes_go_both_ways_and_the_end_is_told() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (mut client, mut server, peer) = connected(address);
            assert_eq!(peer, client.local_addr().unwrap());
            assert_eq!(server.peer_addr().unwrap(), peer);
            assert_eq!(server.read(&mut [0; 8]), Moved::WouldBlock);
            client.write_all(b"ping").unwrap();
            assert_eq!(read(&mut server), (Moved::Bytes(4), b"ping".to_vec()));
            assert_eq!(server.write(b"po"), Moved::Bytes(2));
            assert_eq!(server.write_vectored(&[IoSlice::new(b"n"), IoSlice::new(b"g")]), Moved::Bytes(2));
            server.finish();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).unwrap();
            assert_eq!(answer, b"pong");
            drop(client);
            assert_eq!(read(&mut server).0, Moved::Closed(Ended::Eof));
        }
    }

    #[test]
    fn what_the_kernel_is_to_do_is_done_for_each_connection_that_is_accepted() {
        let sockets =
            Sockets { kernel_timestamps: true, no_delay: false, quick_ack: true, ..Sockets::default() };
        let any = "127.0.0.1:0".parse().unwrap();
        for sockets in [sockets, Sockets::default()] {
            let (mut client, mut server, _) =
                accepted(&Listener::bind(any, Port::Own).unwrap().with(sockets).unwrap());
            let End::Kernel(stream) = &server.end else { panic!("no machine runs here") };
            assert_eq!(stream.nodelay().unwrap(), sockets.no_delay);
            assert_eq!(server.arrived(), None);
            let mut exchange = || {
                client.write_all(b"ping").unwrap();
                let calls = tally::tally().calls;
                assert_eq!(read(&mut server).1, b"ping");
                assert_eq!(tally::tally().calls - calls, if sockets.quick_ack { 2 } else { 1 });
                server.arrived().is_some()
            };
            match sockets.kernel_timestamps {
                // The kernel begins to stamp packets a moment after it was told to.
                true => while !exchange() {},
                false => assert!(!exchange()),
            }
            assert_eq!(server.read(&mut [0; 8]), Moved::WouldBlock);
            drop(client);
            assert_eq!(read(&mut server).0, Moved::Closed(Ended::Eof));
        }
    }

    #[test]
    fn a_peer_that_does_not_read_makes_no_one_wait() {
        let (_client, mut server, _) = connected("127.0.0.1:0");
        let block = [0; 65_536];
        let filled = (0..10_000).any(|_| server.write(&block) == Moved::WouldBlock);
        assert!(filled, "the kernel's buffers are not without end");
    }

    #[test]
    fn a_port_of_ones_own_is_not_shared_and_a_shared_one_is() {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let own = Listener::bind(any, Port::Own).unwrap();
        assert!(Listener::bind(own.local_addr().unwrap(), Port::Shared).is_err());
        let shared = Listener::bind(any, Port::Shared).unwrap();
        assert!(Listener::bind(shared.local_addr().unwrap(), Port::Shared).is_ok());
        assert!(Listener::bind(shared.local_addr().unwrap(), Port::Own).is_err());
    }
}
