//! A blocking TLS connection that says whatever a test wants it to: garbage, half a frame, a forged message.

use super::Tls;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Long enough for a busy machine; a test that passes does not wait so long.
pub const SOON: Duration = Duration::from_secs(10);

/// What came from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Bytes.
    Bytes(Vec<u8>),
    /// The connection has ended, cleanly or not.
    Closed,
    /// Nothing, and the connection is open.
    Nothing,
}

/// A TLS connection, and the bytes of it that were not looked at yet.
pub struct RawTls {
    tls: ClientConnection,
    tcp: TcpStream,
    inbox: Vec<u8>,
}

impl RawTls {
    /// Connects and shakes hands. The server's verdict on the certificate comes after it, on the first read.
    pub fn connect(at: SocketAddr, tls: Tls) -> io::Result<Self> {
        let mut tcp = TcpStream::connect(at)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(SOON))?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = ClientConnection::new(tls, name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(Self { tls, tcp, inbox: Vec::new() })
    }

    /// Whether the server refuses this TLS: in the handshake, or with an alert right after it.
    pub fn is_refused(at: SocketAddr, tls: Tls) -> bool {
        match Self::connect(at, tls) {
            Err(_) => true,
            Ok(mut raw) => raw.hear(Duration::from_secs(2)) == Heard::Closed,
        }
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tls.writer().write_all(bytes)?;
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.tcp)?;
        }
        Ok(())
    }

    /// What comes next.
    pub fn hear(&mut self, within: Duration) -> Heard {
        let until = Instant::now() + within;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match self.tls.reader().read(&mut buffer) {
                Ok(0) => return Heard::Closed,
                Ok(count) => return Heard::Bytes(buffer[..count].to_vec()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return Heard::Closed,
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Heard::Nothing;
            }
            self.tcp.set_read_timeout(Some(left)).unwrap();
            match self.tls.read_tls(&mut self.tcp) {
                Ok(0) => return Heard::Closed,
                Ok(_) if self.tls.process_new_packets().is_ok() => {}
                Ok(_) => return Heard::Closed,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Heard::Nothing;
                }
                Err(_) => return Heard::Closed,
            }
        }
    }

    /// All that comes until the server closes the connection; `None` if it does not.
    pub fn read_until_closed(&mut self) -> Option<Vec<u8>> {
        let until = Instant::now() + SOON;
        loop {
            match self.hear(until.saturating_duration_since(Instant::now())) {
                Heard::Bytes(bytes) => self.inbox.extend(bytes),
                Heard::Closed => return Some(std::mem::take(&mut self.inbox)),
                Heard::Nothing => return None,
            }
        }
    }

    /// Reads until `find` finds something at the start of what came; it says how long that is.
    fn take<T>(&mut self, find: impl Fn(&[u8]) -> Option<(T, usize)>) -> Option<T> {
        let until = Instant::now() + SOON;
        loop {
            if let Some((found, length)) = find(&self.inbox) {
                self.inbox.drain(..length);
                return Some(found);
            }
            match self.hear(until.saturating_duration_since(Instant::now())) {
                Heard::Bytes(bytes) => self.inbox.extend(bytes),
                Heard::Closed | Heard::Nothing => return None,
            }
        }
    }
}

/// WebSocket by hand.
impl RawTls {
    /// Asks for the upgrade and reads the answer: its status line.
    pub fn upgrade(&mut self) -> Option<String> {
        self.send(
            b"GET /ws-api/v3 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .ok()?;
        self.http_answer()
    }

    /// The status line of an HTTP answer, whose head is taken off.
    pub fn http_answer(&mut self) -> Option<String> {
        self.take(|bytes| {
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            Some((head.lines().next()?.to_owned(), end))
        })
    }

    /// Sends one masked frame.
    pub fn send_frame(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        self.send(&frame(opcode, payload))
    }

    /// Sends a text message.
    pub fn send_text(&mut self, text: &str) -> io::Result<()> {
        self.send_frame(1, text.as_bytes())
    }

    /// The next frame: opcode and payload.
    pub fn next_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        self.take(|bytes| {
            let (opcode, short) = (bytes.first()? & 0x0f, usize::from(bytes.get(1)? & 0x7f));
            let (head, length) = match short {
                126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
                127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
                short => (2, short),
            };
            let payload = bytes.get(head..head + length)?.to_vec();
            Some(((opcode, payload), head + length))
        })
    }

    /// The next text message; pings are passed over.
    pub fn next_text(&mut self) -> Option<String> {
        loop {
            match self.next_frame()? {
                (1, payload) => return String::from_utf8(payload).ok(),
                (9 | 10, _) => {}
                _ => return None,
            }
        }
    }

    /// The code of the Close frame that comes next; text before it is passed over.
    pub fn next_close(&mut self) -> Option<u16> {
        loop {
            if let (8, payload) = self.next_frame()? {
                return Some(u16::from_be_bytes(payload.get(..2)?.try_into().ok()?));
            }
        }
    }

    /// Sends a request and gives the answer.
    pub fn ask(&mut self, text: &str) -> Option<serde_json::Value> {
        self.send_text(text).ok()?;
        serde_json::from_str(&self.next_text()?).ok()
    }
}

/// A masked frame, whole.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    // Any mask is a mask; one of zeros leaves the payload readable in a debugger.
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// FIX by hand; `|` stands for SOH.
impl RawTls {
    /// Sends a message of these fields, from 35 on, with BeginString, BodyLength and CheckSum that fit.
    pub fn send_fix(&mut self, fields: &str) -> io::Result<()> {
        self.send(&fix_message(fields))
    }

    /// The next message, with `|` for SOH.
    pub fn next_fix(&mut self) -> Option<String> {
        self.take(|bytes| {
            let end = bytes.windows(4).position(|four| four == b"\x0110=")? + 8;
            let message = bytes.get(..end)?;
            Some((String::from_utf8_lossy(message).replace('\x01', "|"), end))
        })
    }
}

/// A FIX message of these fields, from 35 on, whole.
pub fn fix_message(fields: &str) -> Vec<u8> {
    let body = fields.replace('|', "\x01");
    let mut message = format!("8=FIX.4.4\x019={}\x01{body}", body.len()).into_bytes();
    let sum = message.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    message.extend(format!("10={sum:03}\x01").into_bytes());
    message
}

/// SendingTime(52) and its kin, now.
pub fn fix_time() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let civil = sealgate::types::time::Civil::from_nanos(sealgate::types::Nanos(now.as_nanos() as u64));
    let sealgate::types::time::Civil { year, month, day, hour, minute, second, nanos } = civil;
    format!("{year}{month:02}{day:02}-{hour:02}:{minute:02}:{second:02}.{:03}", nanos / 1_000_000)
}
