//! The server of a run: the real binary in a process of its own.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a server may take to stop.
const STOP_MAX: Duration = Duration::from_secs(20);

/// Lines of what it says that are kept: the last ones tell why it ended.
const LINES_KEPT: usize = 64;

/// A running server; it does not outlive this value.
pub struct Served {
    process: Child,
    /// Reads what the server says for as long as it does: it would wait for a pipe that is full. Its last lines.
    log: Option<JoinHandle<VecDeque<String>>>,
    figures: PathBuf,
    /// Where FIX sessions connect; `None`: not served.
    pub fix: Option<SocketAddr>,
    /// Where WebSocket clients connect; `None`: not served.
    pub websocket: Option<SocketAddr>,
}

/// Starts the server on a configuration; returns when it accepts connections. When it has stopped, what it timed of
/// itself is in `figures`.
pub fn start(config: &Path, figures: PathBuf) -> io::Result<Served> {
    let mut process = Command::new(std::env::current_exe()?)
        .arg("serve")
        .arg("--config")
        .arg(config)
        .arg("--figures")
        .arg(&figures)
        .stderr(Stdio::piped())
        .spawn()?;
    let mut log = BufReader::new(process.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?);
    match ready(&mut log) {
        Ok((fix, websocket)) => {
            let log = Some(std::thread::spawn(move || last_lines(log)));
            Ok(Served { process, log, figures, fix, websocket })
        }
        Err(error) => {
            let _ = process.kill();
            let _ = process.wait();
            Err(error)
        }
    }
}

/// Where clients connect: over FIX, over WebSocket.
type Addresses = (Option<SocketAddr>, Option<SocketAddr>);

/// Reads to the end. It has nothing to do while the server has nothing to say, so it takes no time from the client,
/// whose core it shares.
fn last_lines(log: BufReader<ChildStderr>) -> VecDeque<String> {
    let mut kept = VecDeque::new();
    for line in log.split(b'\n').map_while(Result::ok) {
        if kept.len() == LINES_KEPT {
            kept.pop_front();
        }
        kept.push_back(String::from_utf8_lossy(&line).into_owned());
    }
    kept
}

fn ready(log: &mut impl io::BufRead) -> io::Result<Addresses> {
    let mut said = String::new();
    loop {
        let before = said.len();
        if log.read_line(&mut said)? == 0 {
            return Err(io::Error::other(said.trim().to_owned()));
        }
        let Some(words) = said[before..].strip_prefix("ready ") else { continue };
        let address = |name: &str| {
            let word = words.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            let parsed = word.map(|text| text.parse().map_err(|_| io::Error::other(words.to_owned())));
            parsed.transpose()
        };
        return Ok((address("fix")?, address("websocket")?));
    }
}

impl Served {
    /// Stops the server; what it timed of itself, as JSON.
    pub fn stop(mut self) -> io::Result<serde_json::Value> {
        self.end()?;
        let mut said = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        let figures = std::fs::read(&self.figures)
            .map_err(|error| io::Error::other(format!("{error}; {}", said.make_contiguous().join("\n"))))?;
        Ok(serde_json::from_slice(&figures)?)
    }

    /// Memory that it has resident.
    pub fn resident_bytes(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let kibibytes =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
        let kibibytes = kibibytes.and_then(|text| text.parse::<u64>().ok());
        kibibytes.map(|count| count * 1_024).ok_or_else(|| io::Error::other(status))
    }

    /// Ends it as its operator would: its journal may be one that is kept.
    fn end(&mut self) -> io::Result<()> {
        if self.process.try_wait()?.is_some() {
            return Ok(());
        }
        crate::sys::signal::terminate(self.process.id())?;
        let started = Instant::now();
        while self.process.try_wait()?.is_none() {
            if started.elapsed() > STOP_MAX {
                return Err(io::Error::other("the server does not stop"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.end().is_err() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}
