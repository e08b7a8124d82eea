//! One TCP connection under TLS: plain bytes for the session above, cipher bytes for the socket below.
//!
//! ```text
//!   socket ──read──► TLS ──► plain bytes ──► session          bounded by one read a turn
//!   socket ◄─write── cipher bytes ◄── TLS ◄── answers         bounded by caps.output_bytes, or it is cut
//! ```

use crate::accept::{TlsConnection, TlsFault};
use crate::sys::socket::{Ended, Moved, Stream};
use crate::sys::tally::library;
use crate::types::Nanos;

/// Bytes of one read: several TLS records of orders; what is left is read in the next turn.
pub const READ_BYTES: usize = 16 * 1024;

/// The bytes of one connection.
#[derive(Debug)]
pub struct Link {
    stream: Stream,
    tls: TlsConnection,
    cipher: Backlog,
    output_bytes_max: usize,
    finished: bool,
}

/// Cipher bytes that the socket has not taken yet.
#[derive(Debug, Default)]
struct Backlog {
    bytes: Vec<u8>,
    /// How many of them it has taken.
    taken: usize,
}

/// Why a connection is at its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gone {
    /// The peer closed or reset it.
    #[error("closed by the peer")]
    Peer(Ended),
    /// The peer broke TLS; the alert is on its way.
    #[error("{0}")]
    Tls(TlsFault),
    /// It does not read what we send.
    #[error("the peer does not read its answers")]
    SlowReader,
}

impl Link {
    /// A connection that was just accepted.
    pub fn new(stream: Stream, tls: TlsConnection, output_bytes_max: usize) -> Self {
        let cipher = Backlog { bytes: Vec::with_capacity(READ_BYTES), taken: 0 };
        Self { stream, tls, cipher, output_bytes_max, finished: false }
    }

    /// The socket, for the poller.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The TLS state.
    pub fn tls(&self) -> &TlsConnection {
        &self.tls
    }

    /// Reads once. Returns whether there were bytes; plain ones are appended to `plain`.
    pub fn read(&mut self, scratch: &mut [u8], plain: &mut Vec<u8>) -> Result<bool, Gone> {
        match self.stream.read(scratch) {
            Moved::WouldBlock => Ok(false),
            Moved::Closed(ended) => Err(Gone::Peer(ended)),
            Moved::Bytes(count) => {
                library(|| self.tls.receive(&scratch[..count], plain)).map_err(Gone::Tls)?;
                // A goodbye in TLS is one, whether or not the socket follows.
                if self.tls.peer_has_closed() { Err(Gone::Peer(Ended::Eof)) } else { Ok(true) }
            }
        }
    }

    /// When the kernel had what was read last, where it was to say so.
    pub fn arrived(&self) -> Option<Nanos> {
        self.stream.arrived()
    }

    /// Takes plain bytes to send; [`Link::flush`] sends them.
    pub fn send(&mut self, plain: &[u8]) {
        library(|| self.tls.send(plain));
    }

    /// Writes what the socket takes. Returns whether something is left.
    pub fn flush(&mut self) -> Result<bool, Gone> {
        library(|| self.tls.output(&mut self.cipher.bytes));
        while !self.cipher.waiting().is_empty() {
            match self.stream.write(self.cipher.waiting()) {
                Moved::Bytes(count) => self.cipher.take(count),
                Moved::Closed(ended) => return Err(Gone::Peer(ended)),
                Moved::WouldBlock => {
                    let waiting = self.cipher.waiting().len();
                    return if waiting > self.output_bytes_max { Err(Gone::SlowReader) } else { Ok(true) };
                }
            }
        }
        Ok(false)
    }

    /// Says goodbye in TLS; what was sent before still goes out.
    pub fn close(&mut self) {
        if !std::mem::replace(&mut self.finished, true) {
            self.tls.close_notify();
        }
    }

    /// Tells the peer's kernel that no more comes. To be called when all is flushed.
    pub fn finish(&self) {
        self.stream.finish();
    }
}

impl Backlog {
    fn waiting(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// The socket took so many. Their room is given back once they are as many as those that wait: so a client that
    /// reads and yet never catches up costs twice what waits, and no byte is moved more than once for each that left.
    fn take(&mut self, count: usize) {
        self.taken += count;
        if self.taken >= self.bytes.len() - self.taken {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_never_catches_up_costs_no_more_than_twice_what_waits() {
        let (mut backlog, mut next, mut seen) = (Backlog::default(), 0u8, 0u8);
        for _ in 0..10_000 {
            backlog.bytes.extend((0..100).map(|_| {
                next = next.wrapping_add(1);
                next
            }));
            let count = if backlog.waiting().len() > 1_000 { 100 } else { 1 };
            for byte in &backlog.waiting()[..count] {
                seen = seen.wrapping_add(1);
                assert_eq!(*byte, seen, "in order, and each once");
            }
            backlog.take(count);
            assert!(backlog.bytes.len() <= 2 * backlog.waiting().len());
        }
        backlog.take(backlog.waiting().len());
        assert!(backlog.bytes.is_empty());
    }
}
