//! What an operator asks of a running server, over its control socket.

use super::venue::Venue;
use sealgate::admin::client::{Control, ControlError};
use serde_json::Value;
use std::path::PathBuf;

/// Where it is.
pub fn socket(venue: &Venue) -> PathBuf {
    venue.config().control_socket().unwrap()
}

/// Asks, on a connection of its own.
pub fn ask(venue: &Venue, request: &Value) -> Result<Value, ControlError> {
    Control::connect(&socket(venue)).unwrap().say(request.to_string().as_bytes())
}

/// Asks for what is done.
#[track_caller]
pub fn done(venue: &Venue, request: Value) -> Value {
    ask(venue, &request).unwrap()
}

/// Asks for what is refused: its name, and the text.
#[track_caller]
pub fn refused(venue: &Venue, request: Value) -> (String, String) {
    match ask(venue, &request) {
        Err(ControlError::Refused(refusal)) => (refusal.name, refusal.message),
        other => panic!("{request} was not refused: {other:?}"),
    }
}
