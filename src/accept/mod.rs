//! Accept: TLS bytes → plain bytes and who it is.
//!
//! ```text
//!   socket ──bytes──► TlsConnection::receive ──► plain bytes ──► session
//!                            │ handshake done: peer_spki() ──► identify ──► Identity, or the connection is closed
//!   socket ◄──bytes── TlsConnection::output ◄── send(plain bytes) ◄── session
//! ```
//!
//! TLS 1.3 only, a client certificate always, no tickets, no early data, no compression: `docs/security.md` has the
//! table with reasons. Bytes in, bytes out: whose socket it is, and how long a handshake may take, is decided in
//! [`crate::run`].
//!
//! - Nothing plain comes out before the handshake is done and the certificate is checked.
//! - After a [`TlsFault`] the connection only has its alert to send. It is asked for with
//!   [`TlsConnection::output`], then the socket is closed.
//! - What rustls keeps is bounded by one record (16 KiB), and by one handshake message (64 KiB) until the handshake
//!   is done.

mod acceptor;
mod connection;
mod fault;
mod identity;

pub use acceptor::{Acceptor, AcceptorError, DEVELOPMENT_CA, TlsPems};
pub use connection::TlsConnection;
pub use fault::TlsFault;
pub use identity::{Identity, identify, pem_spki_sha256, spki_sha256};

#[cfg(test)]
mod tests;
