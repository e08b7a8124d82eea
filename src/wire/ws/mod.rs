//! WebSocket (RFC 6455): bytes ↔ text messages. Tungstenite's protocol core over memory; sockets are elsewhere.

mod close;

pub use close::Close;

use tungstenite::Utf8Bytes;

/// A text message of the peer. Deref to `str`.
#[derive(Clone, Debug)]
pub struct TextMessage(Utf8Bytes);

impl std::ops::Deref for TextMessage {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}
