//! What a test from outside needs: a server of its own, and clients of it that do as a test says, or as they should.
//!
//! ```no_run
//! let mut venue = Setup::new().order_rate(2, Span::from_secs(1)).start();
//! let bot = venue.websocket("alice").await;   // the SDK's client, logged on
//! let mut ws = Ws::logged_on(&venue, "alice"); // one that says what a test wants said
//! let mut fix = Fix::logged_on(&venue, "bob");
//! venue.kill();
//! venue.start_again();
//! ```

pub mod connection;
pub mod control;
pub mod fix;
pub mod proxy;
pub mod sessions;
pub mod venue;
pub mod websocket;

pub use connection::{PATIENCE, now, now_millis, read_to_close};
pub use fix::Fix;
pub use venue::{Setup, Venue};
pub use websocket::Ws;
