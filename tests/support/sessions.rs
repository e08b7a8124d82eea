//! What the tests of sessions that connect again share, over both protocols.

use super::PATIENCE;
use sealgate::client::{Event, Events, NewOrder, Recovery};
use sealgate::types::Side;
use std::time::Duration;

/// Impatient, so that the tests are fast.
pub const RECOVERY: Recovery = Recovery {
    pause: Duration::from_millis(5),
    pause_max: Duration::from_millis(20),
    give_up: PATIENCE,
    send_again: PATIENCE,
};

/// An order that rests where nothing meets it.
pub fn resting(name: &str) -> NewOrder {
    NewOrder::limit("BTC-USD", Side::Buy, "0.01".parse().unwrap(), "99000".parse().unwrap()).named(name)
}

/// The next event of a session that goes on.
pub async fn next<O>(events: &mut Events<O>) -> Event<O> {
    tokio::time::timeout(PATIENCE, events.next()).await.expect("an event").expect("the session goes on")
}

/// The first event of this kind; others are passed over.
#[allow(unused_macros, reason = "not every test program reconnects")]
macro_rules! heard {
    ($events:expr, $pattern:pat) => {
        while !matches!($crate::support::sessions::next($events).await, $pattern) {}
    };
    ($events:expr, $pattern:pat => $value:expr) => {
        loop {
            if let $pattern = $crate::support::sessions::next($events).await {
                break $value;
            }
        }
    };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use heard;
