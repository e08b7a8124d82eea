//! A connection that is polled without rest: TCP, with TLS on top or without.

use crate::sys::stamped;
use crate::types::Nanos;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a peer may stay silent that has something to say: in the handshake, and at the logon.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Whom to connect to, and how.
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// What we come with and whom its certificate must name; `None`: TCP alone.
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// Whether the kernel is to say when it had what we read.
    pub stamped: bool,
}

/// A connection to the server.
pub struct Link {
    stream: TcpStream,
    stamped: bool,
    /// When the kernel had what was read last, where it says so.
    pub arrived: Option<Nanos>,
    tls: Option<Box<ClientConnection>>,
    /// What the socket gave.
    read: Box<[u8]>,
    /// What the socket is to get, from `written` on.
    output: Vec<u8>,
    written: usize,
}

impl Link {
    /// Connects, and shakes hands where that is wanted.
    pub fn connect(peer: Peer) -> io::Result<Self> {
        let stream = TcpStream::connect(peer.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        // A kernel that cannot stamp is no reason not to measure the rest.
        let stamped = peer.stamped && stamped::enable(stream.as_fd()).is_ok();
        let tls = peer.tls.map(|(config, host)| ClientConnection::new(config, host));
        let mut tls = tls.transpose().map_err(io::Error::other)?.map(Box::new);
        if let Some(tls) = &mut tls {
            // What is due is sent, however much it is: who bounds it is whoever chose the rate.
            tls.set_buffer_limit(None);
        }
        let read = vec![0; 64 * 1024].into_boxed_slice();
        let mut link = Self { stream, stamped, arrived: None, tls, read, output: Vec::new(), written: 0 };
        while link.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            link.flush()?;
            link.wait(&mut Vec::new())?;
        }
        link.flush()?;
        Ok(link)
    }

    /// Gives its memory back as far as it is not needed by a connection that says nothing and is not read.
    pub fn rest(&mut self) {
        (self.read, self.output) = (Box::default(), Vec::new());
    }

    /// Takes bytes; [`Link::flush`] encrypts and writes all that was put since.
    pub fn put(&mut self, plain: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(plain),
            None => {
                self.output.extend_from_slice(plain);
                Ok(())
            }
        }
    }

    /// Encrypts and writes: what the socket does not take waits for [`Link::flush`].
    pub fn send(&mut self, plain: &[u8]) -> io::Result<()> {
        self.put(plain)?;
        self.flush()
    }

    /// Writes what waits.
    pub fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.output)?;
            }
        }
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(())
    }

    /// Reads until there was something, or for as long as a peer may stay silent.
    pub fn wait(&mut self, plain: &mut Vec<u8>) -> io::Result<()> {
        let started = Instant::now();
        while !self.receive(plain)? {
            if started.elapsed() > SILENCE_MAX {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Reads once, without waiting, and appends what was said to `plain`. Whether the socket had something.
    pub fn receive(&mut self, plain: &mut Vec<u8>) -> io::Result<bool> {
        let read = match self.stamped {
            true => stamped::read(self.stream.as_fd(), &mut self.read),
            false => self.stream.read(&mut self.read).map(|count| (count, None)),
        };
        let count = match read {
            Ok((0, _)) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok((count, arrived)) => {
                self.arrived = arrived;
                count
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut bytes = &self.read[..count];
        let Some(tls) = &mut self.tls else {
            plain.extend_from_slice(bytes);
            return Ok(true);
        };
        while !bytes.is_empty() {
            tls.read_tls(&mut bytes)?;
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let (before, ready) = (plain.len(), state.plaintext_bytes_to_read());
            plain.resize(before + ready, 0);
            tls.reader().read_exact(&mut plain[before..])?;
        }
        Ok(true)
    }
}
