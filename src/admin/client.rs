//! The other end of the control socket: what `sealgate session` and tests speak with.

use super::protocol::{Answer, Refusal, Request};
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Longer than the server takes at the worst.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Why there is no answer, or not the one that was wanted.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens, or the server went away.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What came is no answer.
    #[error("not an answer: {0}")]
    NoAnswer(String),
    /// The server refused.
    #[error("{}: {}", .0.name, .0.message)]
    Refused(Refusal),
}

/// A connection to a running server.
#[derive(Debug)]
pub struct Control {
    stream: BufReader<UnixStream>,
}

impl Control {
    /// Connects.
    pub fn connect(path: &Path) -> Result<Self, ControlError> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, request: &Request) -> Result<Value, ControlError> {
        let line =
            serde_json::to_string(request).map_err(|error| ControlError::NoAnswer(error.to_string()))?;
        self.say(line.as_bytes())
    }

    /// Says a line, whatever it is, and waits for the answer.
    pub fn say(&mut self, line: &[u8]) -> Result<Value, ControlError> {
        let stream = self.stream.get_mut();
        stream.write_all(line)?;
        stream.write_all(b"\n")?;
        let mut answer = String::new();
        self.stream.read_line(&mut answer)?;
        match serde_json::from_str(&answer) {
            Ok(Answer::Ok(value)) => Ok(value),
            Ok(Answer::Error(refusal)) => Err(ControlError::Refused(refusal)),
            Err(error) => Err(ControlError::NoAnswer(error.to_string())),
        }
    }
}
