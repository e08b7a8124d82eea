//! One TLS connection: bytes in, bytes out.

use super::fault::TlsFault;
use super::identity::spki_sha256;
use rustls::ServerConnection;
use std::io::{Read, Write};

/// The server's end of one TLS connection.
#[derive(Debug)]
pub struct TlsConnection {
    layer: Layer,
    peer_has_closed: bool,
}

#[derive(Debug)]
enum Layer {
    // Boxed: it has over a kilobyte, and gateways move connections about.
    Tls(Box<ServerConnection>),
    /// Bytes as they are, with whom they are from and what waits to be written.
    Bare([u8; 32], Vec<u8>),
}

impl TlsConnection {
    pub(super) fn new(mut tls: ServerConnection) -> Self {
        // What waits to be sent is bounded by the gateway, which counts it where it waits. A bound of rustls's own
        // would take a part of an answer.
        tls.set_buffer_limit(None);
        Self { layer: Layer::Tls(Box::new(tls)), peer_has_closed: false }
    }

    /// A connection without TLS, on a machine in memory, which knows whose certificate the client has: only the
    /// simulator has such.
    pub fn bare(spki: [u8; 32]) -> Self {
        Self { layer: Layer::Bare(spki, Vec::new()), peer_has_closed: false }
    }

    /// Takes what the socket has read, and appends to `plain` what it says: no more bytes than came in.
    /// After a fault, what [`TlsConnection::output`] gives is sent, and the socket is closed.
    pub fn receive(&mut self, mut bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsFault> {
        let tls = match &mut self.layer {
            Layer::Tls(tls) => tls,
            Layer::Bare(..) => {
                plain.extend_from_slice(bytes);
                return Ok(());
            }
        };
        while !bytes.is_empty() {
            // rustls refuses more only if it keeps a whole record that it cannot make sense of.
            if tls.read_tls(&mut bytes).map_err(|_| TlsFault::Oversized)? == 0 {
                // The peer has said that it sends no more; what it sends nevertheless is not looked at.
                return Ok(());
            }
            let state = tls.process_new_packets()?;
            self.peer_has_closed |= state.peer_has_closed();
            let (before, ready) = (plain.len(), state.plaintext_bytes_to_read());
            plain.resize(before + ready, 0);
            tls.reader()
                .read_exact(&mut plain[before..])
                .map_err(|why| TlsFault::Internal(why.to_string()))?;
        }
        Ok(())
    }

    /// Whether the peer has said that it sends no more.
    pub fn peer_has_closed(&self) -> bool {
        self.peer_has_closed
    }

    /// Encrypts bytes for the peer; [`TlsConnection::output`] gives what is to be written. Called once for all that a
    /// turn has to say, it makes one record of it, up to 16 KiB each.
    ///
    /// # Panics
    ///
    /// Before the handshake is done: there is nobody yet to say something to.
    pub fn send(&mut self, plain: &[u8]) {
        match &mut self.layer {
            Layer::Tls(tls) => {
                assert!(!tls.is_handshaking(), "nothing is said before the peer is known");
                let sent = tls.writer().write(plain);
                debug_assert_eq!(sent.ok(), Some(plain.len()), "rustls has no limit of its own");
            }
            Layer::Bare(_, out) => out.extend_from_slice(plain),
        }
    }

    /// Appends what is to be written to the socket: handshake, answers, alerts.
    pub fn output(&mut self, into: &mut Vec<u8>) {
        match &mut self.layer {
            Layer::Tls(tls) => {
                while tls.wants_write() {
                    if tls.write_tls(into).is_err() {
                        debug_assert!(false, "a vector takes everything");
                        return;
                    }
                }
            }
            Layer::Bare(_, out) => into.append(out),
        }
    }

    /// Whether the handshake is still going on, so that nothing may be said yet.
    pub fn is_handshaking(&self) -> bool {
        match &self.layer {
            Layer::Tls(tls) => tls.is_handshaking(),
            Layer::Bare(..) => false,
        }
    }

    /// SHA-256 of the SubjectPublicKeyInfo of the peer's certificate, once the handshake is done.
    pub fn peer_spki(&self) -> Option<[u8; 32]> {
        match &self.layer {
            Layer::Tls(tls) if tls.is_handshaking() => None,
            Layer::Tls(tls) => spki_sha256(tls.peer_certificates()?.first()?),
            Layer::Bare(spki, _) => Some(*spki),
        }
    }

    /// Says that nothing more will be sent, as the last thing before the socket is closed.
    pub fn close_notify(&mut self) {
        if let Layer::Tls(tls) = &mut self.layer {
            tls.send_close_notify();
        }
    }
}
