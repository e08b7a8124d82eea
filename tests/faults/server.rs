//! The server as a process: started, perhaps under `strace`, killed, or left to end by itself.

use crate::site::Site;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Longer than anything here takes; whoever waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A process that was started; gone when this is.
pub struct Process {
    child: Child,
    pid: i32,
    lines: Receiver<String>,
    /// What it has said on stderr.
    pub said: Vec<String>,
}

/// Where a server takes connections.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub fix: SocketAddr,
    pub websocket: SocketAddr,
}

impl Process {
    /// `sealgate serve`, behind a command that starts it, such as `strace`.
    pub fn spawn(site: &Site, behind: &[String]) -> Self {
        let serve = [binary(), "serve".to_owned(), "--config".to_owned()];
        let words: Vec<String> = behind.iter().cloned().chain(serve).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg(site.config()).stderr(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", words[0]));
        let (say, lines) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        let pid = child.id() as i32;
        Self { child, pid, lines, said: Vec::new() }
    }

    /// Waits until it takes connections; `None`: it has ended.
    pub fn ready(&mut self) -> Option<Addresses> {
        loop {
            let line = match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => panic!("it does not start: {}", self.words()),
            };
            self.said.push(line);
            let Some(words) = self.said.last().and_then(|line| line.strip_prefix("ready ")) else { continue };
            let address = |name: &str| {
                let mut words = words.split_whitespace();
                words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')).unwrap().parse().unwrap()
            };
            let addresses = Addresses { fix: address("fix"), websocket: address("websocket") };
            self.pid = served_by(self.child.id()).unwrap_or(self.pid);
            return Some(addresses);
        }
    }

    /// What `kill -9` takes; of a process behind `strace` the one that serves.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Ends it as `kill -9` does, or as an operator does.
    pub fn kill(&self, signal: i32) {
        send(self.pid, signal);
    }

    /// Waits until it has ended, and what started it too.
    pub fn ended(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        self.said.extend(self.lines.iter());
        status
    }

    /// What it said, for a failure.
    pub fn words(&self) -> String {
        self.said.join("\n")
    }
}

/// The binary under test: the one that was built with this test, or another that is named.
pub fn binary() -> String {
    std::env::var("SEALGATE_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_sealgate").to_owned())
}

/// Sends a signal to a process of ours.
#[allow(unsafe_code)]
pub fn send(pid: i32, signal: i32) {
    // SAFETY: no memory is passed. The process is a child that was not waited for, so the number is still its own.
    unsafe { libc::kill(pid, signal) };
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill(libc::SIGKILL);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The process below the one that was started, if it has one.
fn served_by(pid: u32) -> Option<i32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
