//! The server of a run: the real binary in a process of its own.

use super::report::Asked;
use super::setup::CONFIG;
use crate::admin::client::Control;
use crate::admin::protocol::Request;
use std::io::{self, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to stop.
const STOP_MAX: Duration = Duration::from_secs(20);

/// A running server; it does not outlive this value.
pub struct Served {
    process: Child,
    /// Kept, so that the server can go on writing to it.
    log: BufReader<ChildStderr>,
    figures: PathBuf,
    control: PathBuf,
    /// Where FIX sessions connect.
    pub fix: SocketAddr,
    /// Where WebSocket clients connect.
    pub websocket: SocketAddr,
}

/// Starts the server on the configuration of `folder`; returns when it accepts connections.
pub fn start(folder: &Path) -> io::Result<Served> {
    let figures = folder.join("figures.json");
    let mut process = Command::new(std::env::current_exe()?)
        .arg("serve")
        .arg("--config")
        .arg(folder.join(CONFIG))
        .arg("--figures")
        .arg(&figures)
        .stderr(Stdio::piped())
        .spawn()?;
    let mut log = BufReader::new(process.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?);
    match ready(&mut log) {
        Ok((fix, websocket)) => {
            let control = folder.join("data").join("control.sock");
            Ok(Served { process, log, figures, control, fix, websocket })
        }
        Err(error) => {
            let _ = process.kill();
            let _ = process.wait();
            Err(error)
        }
    }
}

fn ready(log: &mut impl io::BufRead) -> io::Result<(SocketAddr, SocketAddr)> {
    let mut said = String::new();
    loop {
        let before = said.len();
        if log.read_line(&mut said)? == 0 {
            return Err(io::Error::other(said.trim().to_owned()));
        }
        let Some(words) = said[before..].strip_prefix("ready ") else { continue };
        let address = |name: &str| {
            let word = words.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            word.and_then(|text| text.parse().ok()).ok_or_else(|| io::Error::other(words.to_owned()))
        };
        return Ok((address("fix")?, address("websocket")?));
    }
}

impl Served {
    /// What the server's threads have asked of the system so far, and for how many answers.
    pub fn asked(&self) -> io::Result<Asked> {
        let mut control = Control::connect(&self.control).map_err(io::Error::other)?;
        let stats = control.ask(&Request::Stats).map_err(io::Error::other)?;
        let total = |name: &str| {
            let agents = stats["agents"].as_array().into_iter().flatten();
            agents.filter_map(|agent| agent[name]["total"].as_u64()).sum()
        };
        Ok(Asked {
            answers: total("answers"),
            allocations: total("allocations"),
            library_allocations: total("library_allocations"),
            system_calls: total("system_calls"),
        })
    }

    /// Stops the server; what it timed of itself, as JSON.
    pub fn stop(mut self) -> io::Result<serde_json::Value> {
        self.terminate()?;
        let started = Instant::now();
        while self.process.try_wait()?.is_none() {
            if started.elapsed() > STOP_MAX {
                return Err(io::Error::other("the server does not stop"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut said = String::new();
        io::Read::read_to_string(&mut self.log, &mut said)?;
        let figures =
            std::fs::read(&self.figures).map_err(|error| io::Error::other(format!("{error}; {said}")))?;
        Ok(serde_json::from_slice(&figures)?)
    }

    fn terminate(&self) -> io::Result<()> {
        crate::sys::signal::terminate(self.process.id())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
