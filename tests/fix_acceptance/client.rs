//! The client's side of a script: it does what the lines say, in their order.

use super::acceptor::Acceptor;
use super::compare::difference;
use super::profile::Profile;
use super::script::{Action, Step, completed, find, parse, shown};
use sealgate::sys::clock::Clock;
use sealgate::types::MsgSeqNum;
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a message may take: above the longest HeartBtInt of a script, with room for a busy machine.
const MESSAGE_WITHIN: Duration = Duration::from_secs(45);

/// How long a close may take; the README of the scripts says so.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// Runs a script from a fresh session; the first difference otherwise.
pub fn run(path: &Path, profile: &Profile) -> Result<(), String> {
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    let steps = parse(&text)?;
    let acceptor = Acceptor::start(profile.settings.clone()).map_err(|error| error.to_string())?;
    let mut clients = Clients { acceptor, profile, clock: Clock::new(), open: HashMap::new() };
    for step in &steps {
        clients.act(step).map_err(|why| format!("line {}: {why}", step.line))?;
    }
    Ok(())
}

struct Clients<'a> {
    acceptor: Acceptor,
    profile: &'a Profile,
    clock: Clock,
    open: HashMap<u32, Client>,
}

struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

/// What came next.
enum Came {
    Message(Vec<u8>),
    End,
    Nothing,
}

impl Clients<'_> {
    fn act(&mut self, step: &Step) -> Result<(), String> {
        match &step.action {
            Action::Connect => {
                let stream = TcpStream::connect(self.acceptor.address).map_err(|error| error.to_string())?;
                stream.set_nodelay(true).map_err(|error| error.to_string())?;
                self.open.insert(step.client, Client { stream, input: Vec::new() });
                Ok(())
            }
            Action::Disconnect => {
                self.open.remove(&step.client);
                Ok(())
            }
            Action::Send(text) => {
                let message = completed(text, self.clock.now());
                // Where the server has closed already, what is expected next tells it.
                let _ = self.client(step.client)?.stream.write_all(&message);
                Ok(())
            }
            Action::Expect(expected) => {
                let (compare, precision) = (self.profile.compare, self.profile.settings.precision);
                match self.client(step.client)?.next(MESSAGE_WITHIN) {
                    Came::Message(came) => match difference(compare, expected, &came, precision) {
                        None => Ok(()),
                        Some(why) => Err(format!(
                            "{why}\n    expected {}\n    came     {}",
                            shown(expected),
                            shown(&came)
                        )),
                    },
                    Came::End => Err(format!("closed instead of {}", shown(expected))),
                    Came::Nothing => Err(format!("nothing came instead of {}", shown(expected))),
                }
            }
            Action::ExpectDisconnect => {
                let end = self.client(step.client)?.next(CLOSE_WITHIN);
                self.open.remove(&step.client);
                match end {
                    Came::End => Ok(()),
                    Came::Message(came) => Err(format!("sent before it closed: {}", shown(&came))),
                    Came::Nothing => Err("did not close within 10 s".to_owned()),
                }
            }
            Action::SetNumbers(theirs, ours) => {
                let was_set = self.acceptor.set_numbers(theirs.map(MsgSeqNum), ours.map(MsgSeqNum));
                was_set.then_some(()).ok_or_else(|| "the session does not take these numbers".to_owned())
            }
        }
    }

    fn client(&mut self, client: u32) -> Result<&mut Client, String> {
        self.open.get_mut(&client).ok_or_else(|| format!("client {client} is not connected"))
    }
}

impl Client {
    /// The next message, or the end of the connection.
    fn next(&mut self, within: Duration) -> Came {
        let end = Instant::now() + within;
        loop {
            if let Some(length) = message_length(&self.input) {
                return Came::Message(self.input.drain(..length).collect());
            }
            let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return Came::Nothing;
            };
            let mut buffer = [0; 4096];
            let read = self.stream.set_read_timeout(Some(left)).and_then(|()| self.stream.read(&mut buffer));
            match read {
                Ok(0) => return Came::End,
                Ok(count) => self.input.extend_from_slice(&buffer[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Came::End,
            }
        }
    }
}

/// By BodyLength, as a reader that knows nothing of the product.
fn message_length(bytes: &[u8]) -> Option<usize> {
    let length_at = find(bytes, b"\x019=")? + 3;
    let length_end = length_at + bytes[length_at..].iter().position(|byte| *byte == 1)?;
    let length: usize = std::str::from_utf8(&bytes[length_at..length_end]).ok()?.parse().ok()?;
    let end = length_end + 1 + length + b"10=000|".len();
    (end <= bytes.len()).then_some(end)
}
