//! A network: bytes are under way for as long as the seed likes, in pieces of any size; connections break, and clients
//! do not read.
//!
//! ```text
//!   client ─► flight ──deliver──► arrived ─► server            each direction has its own two queues
//! ```

use super::super::rng::Rng;
use sealgate::sys::machine::{Network, Socket};
use sealgate::sys::socket::{Ended, Moved};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

/// What the two kernels hold of one direction.
const WINDOW: usize = 4_096;

/// A connection, by number.
pub type ConnIx = usize;

#[derive(Debug, Default)]
struct Pipe {
    flight: VecDeque<u8>,
    arrived: VecDeque<u8>,
    /// The writer has said that no more comes.
    ended: bool,
}

impl Pipe {
    /// Whether the reader sees the end.
    fn is_over(&self) -> bool {
        self.ended && self.flight.is_empty() && self.arrived.is_empty()
    }
}

#[derive(Debug)]
struct Conn {
    spki: [u8; 32],
    to_server: Pipe,
    to_client: Pipe,
    /// Nothing moves on it any more.
    reset: bool,
    /// The server has dropped its end.
    dropped: bool,
    /// The client does not read.
    stalled: bool,
}

#[derive(Debug)]
struct State {
    conns: Vec<Conn>,
    waiting: BTreeMap<SocketAddr, VecDeque<ConnIx>>,
    rng: Rng,
}

/// The network. Clones are the same network.
#[derive(Clone, Debug)]
pub struct SimNet(Arc<Mutex<State>>);

#[derive(Debug)]
enum Role {
    Listener(SocketAddr),
    Server(ConnIx),
}

#[derive(Debug)]
struct End {
    net: SimNet,
    role: Role,
}

/// What a client reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    Bytes(Vec<u8>),
    Nothing,
    Gone,
}

impl SimNet {
    pub fn new(rng: Rng) -> Self {
        Self(Arc::new(Mutex::new(State { conns: Vec::new(), waiting: BTreeMap::new(), rng })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A client connects; nobody listens: none.
    pub fn connect(&self, to: SocketAddr, spki: [u8; 32]) -> Option<ConnIx> {
        let mut state = self.lock();
        let ix = state.conns.len();
        state.waiting.get_mut(&to)?.push_back(ix);
        let (to_server, to_client) = Default::default();
        state.conns.push(Conn { spki, to_server, to_client, reset: false, dropped: false, stalled: false });
        Some(ix)
    }

    /// A client writes.
    pub fn send(&self, ix: ConnIx, bytes: &[u8]) {
        let conn = &mut self.lock().conns[ix];
        if !conn.reset && !conn.dropped {
            conn.to_server.flight.extend(bytes);
        }
    }

    /// A client reads all that has arrived.
    pub fn receive(&self, ix: ConnIx) -> Got {
        let conn = &mut self.lock().conns[ix];
        if conn.stalled {
            return Got::Nothing;
        }
        let bytes: Vec<u8> = conn.to_client.arrived.drain(..).collect();
        match bytes.is_empty() {
            false => Got::Bytes(bytes),
            true if conn.reset || conn.to_client.is_over() => Got::Gone,
            true => Got::Nothing,
        }
    }

    /// A client closes.
    pub fn close(&self, ix: ConnIx) {
        self.lock().conns[ix].to_server.ended = true;
    }

    /// A client reads no more, or reads again.
    pub fn stall(&self, ix: ConnIx, stalled: bool) {
        self.lock().conns[ix].stalled = stalled;
    }

    /// The connection breaks: what is under way is lost.
    pub fn reset(&self, ix: ConnIx) {
        self.lock().conns[ix].reset();
    }

    /// The server's machine has gone.
    pub fn reset_all(&self) {
        let mut state = self.lock();
        state.conns.iter_mut().for_each(Conn::reset);
        state.waiting.clear();
    }

    /// Directions that have bytes under way.
    pub fn flights(&self) -> Vec<(ConnIx, bool)> {
        let state = self.lock();
        let mut found = Vec::new();
        for (ix, conn) in state.conns.iter().enumerate().filter(|(_, conn)| !conn.reset) {
            if !conn.to_server.flight.is_empty() {
                found.push((ix, true));
            }
            if !conn.to_client.flight.is_empty() {
                found.push((ix, false));
            }
        }
        found
    }

    /// Some of the bytes that are under way arrive.
    pub fn deliver(&self, (ix, to_server): (ConnIx, bool), all: bool) {
        let mut state = self.lock();
        let share = if all { usize::MAX } else { 1 + state.rng.index(700) };
        let conn = &mut state.conns[ix];
        let pipe = if to_server { &mut conn.to_server } else { &mut conn.to_client };
        let count = share.min(pipe.flight.len());
        let moved: Vec<u8> = pipe.flight.drain(..count).collect();
        pipe.arrived.extend(moved);
    }
}

impl Conn {
    fn reset(&mut self) {
        self.reset = true;
        self.to_server = Pipe::default();
        self.to_client.flight.clear();
    }
}

impl Network for SimNet {
    fn listen(&self, address: SocketAddr) -> io::Result<Arc<dyn Socket>> {
        self.lock().waiting.insert(address, VecDeque::new());
        Ok(Arc::new(End { net: self.clone(), role: Role::Listener(address) }))
    }
}

impl End {
    fn with<R>(&self, run: impl FnOnce(&mut Conn, &mut Rng) -> R) -> R {
        let Role::Server(ix) = self.role else { panic!("a listener moves no bytes") };
        let State { conns, rng, .. } = &mut *self.net.lock();
        run(&mut conns[ix], rng)
    }
}

impl Socket for End {
    fn address(&self) -> SocketAddr {
        match self.role {
            Role::Listener(address) => address,
            Role::Server(ix) => SocketAddr::from(([10, 0, (ix >> 8) as u8, ix as u8], 40_000)),
        }
    }

    fn accept(&self) -> Option<Arc<dyn Socket>> {
        let Role::Listener(address) = &self.role else { return None };
        let ix = self.net.lock().waiting.get_mut(address)?.pop_front()?;
        Some(Arc::new(Self { net: self.net.clone(), role: Role::Server(ix) }))
    }

    fn read(&self, into: &mut [u8]) -> Moved {
        self.with(|conn, rng| {
            if conn.reset {
                return Moved::Closed(Ended::Broken(io::ErrorKind::ConnectionReset));
            }
            if conn.to_server.is_over() {
                return Moved::Closed(Ended::Eof);
            }
            let mut count = conn.to_server.arrived.len().min(into.len());
            if count == 0 {
                return Moved::WouldBlock;
            }
            if rng.chance(1, 8) {
                count = 1 + rng.index(count);
            }
            for (place, byte) in into.iter_mut().zip(conn.to_server.arrived.drain(..count)) {
                *place = byte;
            }
            Moved::Bytes(count)
        })
    }

    fn write(&self, bytes: &[u8]) -> Moved {
        self.with(|conn, rng| {
            if conn.reset {
                return Moved::Closed(Ended::Broken(io::ErrorKind::ConnectionReset));
            }
            let mut count = conn.room().min(bytes.len());
            if count == 0 {
                return Moved::WouldBlock;
            }
            if rng.chance(1, 8) {
                count = 1 + rng.index(count);
            }
            conn.to_client.flight.extend(&bytes[..count]);
            Moved::Bytes(count)
        })
    }

    fn finish(&self) {
        self.with(|conn, _| conn.to_client.ended = true);
    }

    fn is_readable(&self) -> bool {
        match &self.role {
            Role::Listener(address) => {
                self.net.lock().waiting.get(address).is_some_and(|waiting| !waiting.is_empty())
            }
            Role::Server(_) => self
                .with(|conn, _| conn.reset || !conn.to_server.arrived.is_empty() || conn.to_server.is_over()),
        }
    }

    fn is_writable(&self) -> bool {
        matches!(self.role, Role::Server(_)) && self.with(|conn, _| conn.reset || conn.room() > 0)
    }

    fn client_spki(&self) -> [u8; 32] {
        self.with(|conn, _| conn.spki)
    }
}

impl Conn {
    fn room(&self) -> usize {
        WINDOW.saturating_sub(self.to_client.flight.len() + self.to_client.arrived.len())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Role::Server(ix) = self.role {
            let conn = &mut self.net.lock().conns[ix];
            conn.dropped = true;
            conn.to_client.ended = true;
        }
    }
}
