//! A connection under TLS that is read without waiting, so that one thread looks after all clients.

use crate::server::PATIENCE;
use rustls::{ClientConfig, ClientConnection};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks at a socket: the cores are the server's.
const PAUSE: Duration = Duration::from_micros(50);

/// The connection. Whatever goes wrong on it is how a server's end looks from here.
pub struct Line {
    socket: TcpStream,
    tls: ClientConnection,
    /// What was said and not yet understood.
    pub input: Vec<u8>,
}

impl Line {
    /// Connects; the handshake is made with the first bytes.
    pub fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let tls = ClientConnection::new(config.clone(), "localhost".try_into().unwrap()).unwrap();
        let mut line = Self { socket, tls, input: Vec::new() };
        let begun = Instant::now();
        while line.tls.is_handshaking() {
            line.flush()?;
            if !line.receive()? {
                std::thread::sleep(PAUSE);
            }
            assert!(begun.elapsed() < PATIENCE, "no handshake");
        }
        line.flush()?;
        Ok(line)
    }

    /// Sends all of it.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tls.writer().write_all(bytes)?;
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
                done => _ = done?,
            }
            assert!(begun.elapsed() < PATIENCE, "it takes nothing");
        }
        Ok(())
    }

    /// Takes what there is; whether there was something. The end of the connection is an error.
    pub fn receive(&mut self) -> io::Result<bool> {
        match self.tls.read_tls(&mut self.socket) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            done => _ = done?,
        }
        let state = self.tls.process_new_packets().map_err(io::Error::other)?;
        let (before, ready) = (self.input.len(), state.plaintext_bytes_to_read());
        self.input.resize(before + ready, 0);
        self.tls.reader().read_exact(&mut self.input[before..])?;
        Ok(true)
    }
}

/// Waits for something that `look` finds, as long as a server may take.
pub fn wait<T>(what: &str, mut look: impl FnMut() -> io::Result<Option<T>>) -> io::Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if begun.elapsed() > PATIENCE {
            return Err(io::Error::new(ErrorKind::TimedOut, format!("waited in vain for {what}")));
        }
        std::thread::sleep(PAUSE);
    }
}
