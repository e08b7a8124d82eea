//! Bytes to a server and back, under TLS or not.

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use sealgate::types::Nanos;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Longer than anything here takes; a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub type Tls = StreamOwned<ClientConnection, TcpStream>;

pub fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A connection under TLS; the handshake is made with the first byte.
pub fn tls(address: SocketAddr, config: Arc<ClientConfig>) -> Tls {
    let name = "localhost".try_into().unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), tcp(address))
}

/// Sends all of it at once.
pub fn send(stream: &mut impl Write, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
    stream.flush().unwrap();
}

/// Everything until the peer closes, however it closes.
pub fn read_to_close(stream: &mut impl Read) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return all,
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("not closed after {PATIENCE:?}; it said {:?}", String::from_utf8_lossy(&all))
            }
            Err(_) => return all,
        }
    }
}

pub fn now() -> Nanos {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Nanos(since.as_nanos() as u64)
}

pub fn now_millis() -> u64 {
    now().as_millis()
}
