//! A connection that is polled without rest: TCP, with TLS on top or without.

use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a peer may stay silent that has something to say: in the handshake, and at the logon.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// A connection to the server.
pub struct Link {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// What the socket gave.
    read: Box<[u8]>,
    /// What the socket is to get, from `written` on.
    output: Vec<u8>,
    written: usize,
}

impl Link {
    /// Connects, and shakes hands where `tls` says with what.
    pub fn connect(address: SocketAddr, tls: Option<Arc<rustls::ClientConfig>>) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let name = ServerName::from(address.ip());
        let tls =
            tls.map(|config| ClientConnection::new(config, name)).transpose().map_err(io::Error::other)?;
        let read = vec![0; 64 * 1024].into_boxed_slice();
        let mut link = Self { stream, tls: tls.map(Box::new), read, output: Vec::new(), written: 0 };
        while link.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            link.flush()?;
            link.wait(&mut Vec::new())?;
        }
        link.flush()?;
        Ok(link)
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
        let count = match self.stream.read(&mut self.read) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
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
