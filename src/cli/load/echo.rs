//! The floor: what the sockets and TLS take by themselves. A thread on the server's core sends back what it gets.

use super::link::{Link, Peer};
use super::tape::histogram;
use crate::accept::{Acceptor, TlsConnection, TlsPems};
use crate::sys::pin::pin_to_core;
use hdrhistogram::Histogram;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes of a message that goes there and back: those of an order.
const MESSAGE_BYTES: usize = 250;

/// Round trips of a bare echo, over TLS where `client` says how.
pub fn round_trips(
    folder: &Path,
    client: Option<Arc<ClientConfig>>,
    stamped: bool,
    server_core: Option<usize>,
    length: Duration,
) -> io::Result<Histogram<u64>> {
    let acceptor = match &client {
        Some(_) => Some(acceptor(folder)?),
        None => None,
    };
    let server = EchoServer::start(acceptor, server_core)?;
    let host = ServerName::from(server.address.ip());
    let peer = Peer { address: server.address, tls: client.map(|config| (config, host)), stamped };
    let mut link = Link::connect(peer)?;
    let (message, mut plain, mut latency) = ([b'x'; MESSAGE_BYTES], Vec::new(), histogram());
    let (started, warm_up) = (Instant::now(), length / 10);
    while started.elapsed() < length {
        let sent = Instant::now();
        link.send(&message)?;
        plain.clear();
        while plain.len() < MESSAGE_BYTES {
            link.receive(&mut plain)?;
        }
        if started.elapsed() > warm_up {
            latency.saturating_record(sent.elapsed().as_nanos() as u64);
        }
    }
    Ok(latency)
}

fn acceptor(folder: &Path) -> io::Result<Acceptor> {
    let read = |name: &str| std::fs::read(folder.join(name));
    let pems = TlsPems {
        certificate: read("server.pem")?,
        key: read("server-key.pem")?,
        client_roots: read("ca.pem")?,
    };
    Acceptor::new(&pems).map_err(io::Error::other)
}

/// Sends back what one connection says.
struct EchoServer {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl EchoServer {
    fn start(acceptor: Option<Acceptor>, core: Option<usize>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("echo".to_owned()).spawn(move || {
            if let Some(core) = core {
                pin_to_core(core)?;
            }
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            echo(stream, acceptor.map(|acceptor| acceptor.connection()), &stopped)
        })?;
        Ok(Self { address, stop, thread: Some(thread) })
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Where nobody connected it still waits for somebody.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn echo(mut stream: TcpStream, mut tls: Option<TlsConnection>, stop: &AtomicBool) -> io::Result<()> {
    let (mut read, mut plain, mut output) = ([0; 4_096], Vec::new(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let count = match stream.read(&mut read) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        match &mut tls {
            None => output.extend_from_slice(&read[..count]),
            Some(tls) => {
                tls.receive(&read[..count], &mut plain).map_err(io::Error::other)?;
                if !plain.is_empty() {
                    tls.send(&plain);
                    plain.clear();
                }
                tls.output(&mut output);
            }
        }
        // A few hundred bytes at a time: the socket has room for them.
        stream.write_all(&output)?;
        output.clear();
    }
    Ok(())
}
