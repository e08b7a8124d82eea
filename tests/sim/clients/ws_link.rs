//! One WebSocket connection of a client: the upgrade and the frames, made and cut by hand.

use super::Turn;
use crate::machine::net::{ConnIx, Got};
use sealgate::types::Nanos;

/// Every frame of a client is masked; with what means nothing.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

const UPGRADE: &str = "GET /ws-api/v3 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[derive(Default)]
pub struct Link {
    pub conn: Option<ConnIx>,
    input: Vec<u8>,
    is_open: bool,
    /// When something was read last, or it was made.
    pub since: Nanos,
}

/// What came of a connection.
#[derive(PartialEq, Eq)]
pub enum Heard {
    Nothing,
    /// It is open from now on.
    Opened,
    /// It is gone.
    Gone,
}

impl Link {
    /// Connects with the certificate of a member.
    pub fn connect(&mut self, member: usize, turn: &mut Turn<'_>) {
        let (to, spki) = (turn.venue.websocket, turn.venue.members[member].spki);
        let Some(conn) = turn.net.connect(to, spki) else { return };
        (self.conn, self.is_open, self.since) = (Some(conn), false, turn.now);
        self.input.clear();
        turn.net.send(conn, UPGRADE.as_bytes());
    }

    /// Reads what has arrived.
    pub fn read(&mut self, turn: &mut Turn<'_>) -> Heard {
        let Some(conn) = self.conn else { return Heard::Gone };
        match turn.net.receive(conn) {
            Got::Gone => {
                self.conn = None;
                return Heard::Gone;
            }
            Got::Bytes(bytes) => {
                turn.trace.note("ws<", &bytes);
                self.input.extend(bytes);
                self.since = turn.now;
            }
            Got::Nothing => {}
        }
        if !self.is_open {
            let Some(at) = self.input.windows(4).position(|window| window == b"\r\n\r\n") else {
                return Heard::Nothing;
            };
            self.input.drain(..at + 4);
            self.is_open = true;
            return Heard::Opened;
        }
        Heard::Nothing
    }

    /// The next text; pings are answered, and a close ends it.
    pub fn next(&mut self, turn: &mut Turn<'_>) -> Option<Vec<u8>> {
        while self.is_open && self.conn.is_some() {
            let (opcode, payload) = self.frame()?;
            match opcode {
                1 => return Some(payload),
                9 => self.write(10, &payload, turn),
                8 => self.close(turn),
                _ => {}
            }
        }
        None
    }

    pub fn close(&mut self, turn: &mut Turn<'_>) {
        if let Some(conn) = self.conn.take() {
            turn.net.close(conn);
        }
    }

    pub fn say(&mut self, text: &str, turn: &mut Turn<'_>) {
        self.write(1, text.as_bytes(), turn);
    }

    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (head, length) = match *self.input.get(1)? & 0x7f {
            126 => (4, usize::from(u16::from_be_bytes([*self.input.get(2)?, *self.input.get(3)?]))),
            127 => (10, u64::from_be_bytes(self.input.get(2..10)?.try_into().ok()?) as usize),
            short => (2, usize::from(short)),
        };
        if self.input.len() < head + length {
            return None;
        }
        let frame: Vec<u8> = self.input.drain(..head + length).collect();
        Some((frame[0] & 0xf, frame[head..].to_vec()))
    }

    fn write(&mut self, opcode: u8, payload: &[u8], turn: &mut Turn<'_>) {
        let Some(conn) = self.conn else { return };
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            long => {
                frame.push(0x80 | 126);
                frame.extend((long as u16).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        turn.trace.note("ws>", payload);
        turn.net.send(conn, &frame);
    }
}
