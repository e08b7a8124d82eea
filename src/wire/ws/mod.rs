//! WebSocket (RFC 6455): bytes ↔ text messages. Tungstenite's protocol core over memory; sockets are elsewhere.
//!
//! ```text
//!   receive(bytes) ──► upgrade ──► frames ──► next() ──► Opened, Text, Control, Ended
//!   output(&mut bytes) ◄── 101, pongs, close ◄── send(text), ping(), close(why)
//! ```
//!
//! - Messages are bounded by [`WS_MESSAGE_BYTES_MAX`], in one frame or in many; a longer one is not even read.
//! - After a fault of the peer its bytes are thrown away unread: the close frame says why, and that is all.
//! - A text message is a slice of the buffer that it was read into. Once warm, a message costs no allocation in
//!   either direction.

mod close;
mod upgrade;

#[cfg(test)]
mod tests;

pub use close::Close;
pub use upgrade::{Options, PATH};

use crate::limits::WS_MESSAGE_BYTES_MAX;
use std::io::{self, Read, Write};
use std::ops::Deref;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, FrameHeader};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Bytes, Error, Message, Utf8Bytes, WebSocket};
use upgrade::{Outcome, Upgrade};

/// A text message of the peer.
#[derive(Clone, Debug)]
pub struct TextMessage(Utf8Bytes);

/// What came in.
#[derive(Clone, Debug)]
pub enum Received {
    /// The upgrade is done.
    Opened(Options),
    /// A text message.
    Text(TextMessage),
    /// A ping, which is answered already, or a pong.
    Control,
    /// Nothing more will come: the close handshake is done, or the peer broke the protocol and was told.
    Ended(Ended),
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Both sides said so.
    Handshake,
    /// There was no upgrade; HTTP told why.
    NoUpgrade,
    /// The peer broke the protocol.
    Fault(Close),
}

/// The server's end of one connection.
#[derive(Debug)]
pub struct Connection {
    phase: Phase,
    opened: Option<Options>,
}

#[derive(Debug)]
enum Phase {
    Upgrading { upgrade: Upgrade, output: Vec<u8> },
    Open(Box<WebSocket<Pipe>>),
    Ended { ended: Ended, told: bool, output: Vec<u8> },
}

impl Default for Connection {
    fn default() -> Self {
        Self::new()
    }
}

impl Connection {
    /// A connection on which nothing was said yet.
    pub fn new() -> Self {
        let phase = Phase::Upgrading { upgrade: Upgrade::default(), output: Vec::new() };
        Self { phase, opened: None }
    }

    /// Takes bytes from the peer. Then call [`Connection::next`] until it gives `None`: what is not taken out stays
    /// in memory.
    pub fn receive(&mut self, bytes: &[u8]) {
        match &mut self.phase {
            Phase::Open(socket) => socket.get_mut().input.extend_from_slice(bytes),
            Phase::Ended { .. } => {}
            Phase::Upgrading { upgrade, output } => match upgrade.receive(bytes, output) {
                Outcome::Incomplete => {}
                Outcome::Accepted(options, behind) => {
                    let pipe = Pipe { output: std::mem::take(output), ..Pipe::new(behind) };
                    let socket = WebSocket::from_raw_socket(pipe, Role::Server, Some(config()));
                    self.phase = Phase::Open(Box::new(socket));
                    self.opened = Some(options);
                }
                Outcome::Refused => {
                    let output = std::mem::take(output);
                    self.phase = Phase::Ended { ended: Ended::NoUpgrade, told: false, output };
                }
            },
        }
    }

    /// The next thing that came in; `None` until there are more bytes.
    #[allow(clippy::should_implement_trait)] // After None there may be more, once there were more bytes.
    pub fn next(&mut self) -> Option<Received> {
        if let Some(options) = self.opened.take() {
            return Some(Received::Opened(options));
        }
        match &mut self.phase {
            Phase::Upgrading { .. } => None,
            Phase::Ended { told: true, .. } => None,
            Phase::Ended { told, ended, .. } => {
                *told = true;
                Some(Received::Ended(*ended))
            }
            Phase::Open(socket) => loop {
                return match socket.read() {
                    // After our close frame nothing is taken any more but the peer's.
                    Ok(Message::Text(_) | Message::Binary(_)) if !socket.can_write() => continue,
                    Ok(Message::Text(text)) => Some(Received::Text(TextMessage(text))),
                    Ok(Message::Binary(_)) => self.fail(Close::BinaryFrame),
                    // Our half of the handshake goes out, and with it comes the end, when it is read on.
                    Ok(Message::Close(_)) => continue,
                    Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Some(Received::Control),
                    Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => None,
                    Err(error) => match Close::for_error(&error) {
                        Some(fault) => self.fail(fault),
                        None => self.end(Ended::Handshake),
                    },
                };
            },
        }
    }

    /// Sends a text message. It is dropped where the connection is not open or is closing: nobody would read it.
    pub fn send(&mut self, text: &[u8]) {
        debug_assert!(std::str::from_utf8(text).is_ok(), "report writes UTF-8");
        let Phase::Open(socket) = &mut self.phase else { return };
        if !socket.can_write() {
            return;
        }
        // The frame is written here and not by tungstenite, which would want the text in a buffer of its own. Its
        // output stands in the same pipe, whole frames only, so the two do not mix.
        let output = &mut socket.get_mut().output;
        let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
        // A Vec takes everything.
        let _ = header.format(text.len() as u64, output);
        output.extend_from_slice(text);
    }

    /// Sends a ping.
    pub fn ping(&mut self) {
        if let Phase::Open(socket) = &mut self.phase
            && socket.can_write()
        {
            // The pipe takes everything.
            let _ = socket.send(Message::Ping(Bytes::new()));
        }
    }

    /// Sends a close frame. What comes in from now on is the peer's half of the handshake, or is thrown away.
    pub fn close(&mut self, why: Close) {
        if let Phase::Open(socket) = &mut self.phase {
            let reason = Utf8Bytes::from_static(why.reason());
            // The pipe takes everything.
            let _ = socket.close(Some(CloseFrame { code: CloseCode::from(why.code()), reason }));
        }
    }

    /// Moves what is to be sent to the end of `out`.
    pub fn output(&mut self, out: &mut Vec<u8>) {
        out.append(match &mut self.phase {
            Phase::Upgrading { output, .. } | Phase::Ended { output, .. } => output,
            Phase::Open(socket) => &mut socket.get_mut().output,
        });
    }

    /// Whether messages can be sent.
    pub fn is_open(&self) -> bool {
        matches!(&self.phase, Phase::Open(socket) if socket.can_write())
    }

    /// How the connection ended, if it did.
    pub fn ended(&self) -> Option<Ended> {
        match &self.phase {
            Phase::Ended { ended, .. } => Some(*ended),
            _ => None,
        }
    }

    fn fail(&mut self, fault: Close) -> Option<Received> {
        self.close(fault);
        self.end(Ended::Fault(fault))
    }

    fn end(&mut self, ended: Ended) -> Option<Received> {
        let mut output = Vec::new();
        self.output(&mut output);
        self.phase = Phase::Ended { ended, told: true, output };
        Some(Received::Ended(ended))
    }
}

impl Deref for TextMessage {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

/// Small buffers, since there is one of each per connection, and the limit on messages. `write_buffer_size` 0:
/// every frame goes to the pipe at once.
fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(WS_MESSAGE_BYTES_MAX)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * WS_MESSAGE_BYTES_MAX)
        .max_message_size(Some(WS_MESSAGE_BYTES_MAX))
        .max_frame_size(Some(WS_MESSAGE_BYTES_MAX))
}

/// The two directions as memory: what a [`WebSocket`] reads from and writes to.
#[derive(Debug)]
pub struct Pipe {
    /// What came in; [`Read`] takes it out.
    pub input: Vec<u8>,
    /// How much of the input was read.
    read: usize,
    /// What is to go out.
    pub output: Vec<u8>,
}

impl Pipe {
    /// One into which these bytes have come already.
    pub fn new(input: Vec<u8>) -> Self {
        Self { input, read: 0, output: Vec::new() }
    }
}

impl Read for Pipe {
    /// What is there, or `WouldBlock`: the end of a connection is told by its owner and not by its bytes.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.input[self.read..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        if self.read == self.input.len() {
            self.input.clear();
            self.read = 0;
        }
        if count == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(count) }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
