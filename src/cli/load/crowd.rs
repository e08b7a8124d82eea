//! Sessions that are logged on and say nothing, beside those that speak: what each of them takes of the server's
//! memory, and what they cost the others.
//!
//! ```text
//!   a run alone ─► memory ─► N logons ─► memory ─► the same run again, beside them
//! ```

#![allow(clippy::float_arithmetic)] // A ratio for people: no order depends on it.

use super::args::{Args, Protocol, Signing};
use super::link::Link;
use super::report::Micros;
use super::setup::{Identity, VENUE};
use super::speaker::Speaker;
use super::{Failed, Stand, drive, failed};
use crate::sys::clock::Clock;
use crate::sys::descriptors;
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::io;
use std::time::{Duration, Instant};

/// The number of the first of their FIX sessions: no other has it.
const FIRST_SESSION: u32 = 20_001;

/// Files and sockets that a process has open beside those of its sessions.
const DESCRIPTORS_BESIDE: u64 = 128;

/// What a server is like beside such sessions.
#[derive(Debug, Serialize)]
pub struct Beside {
    /// How many they are.
    pub sessions: u32,
    /// How much more memory the server has resident for each.
    pub bytes_each: u64,
    /// How much more the kernel has for each, both ends of its connection together; `None` where it does not tell. What
    /// other programs did meanwhile is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_bytes_each: Option<u64>,
    /// The round trip of those that speak.
    pub round_trip_us: Micros,
    /// Its p50 by that of the run without them.
    pub p50_ratio: f64,
    /// Its p99 by that of the run without them.
    pub p99_ratio: f64,
}

/// Their FIX sessions, as a part of the member that was written last.
pub fn configure(config: &mut String, args: &Args) {
    if args.protocol == Protocol::Websocket {
        return;
    }
    for at in 0..args.idle_sessions {
        let id = FIRST_SESSION + at;
        // Writing to a String does not fail.
        let _ = write!(
            config,
            "[[member.fix_session]]\nid = {id}\nsender_comp_id = \"idle-{at}\"\ntarget_comp_id = \"{VENUE}\"\n\
             heartbeat_max = \"3600s\"\n"
        );
    }
}

/// Raises the limit of open files as far as it goes, and says so where that is not far enough.
pub(super) fn fits(args: &Args) -> Result<(), Failed> {
    let wanted = u64::from(args.idle_sessions) + u64::from(args.connections) + DESCRIPTORS_BESIDE;
    let limit = descriptors::raise().map_err(failed("the limit of open files"))?;
    let why = || format!("{limit}, and {wanted} are wanted here and in the server: raise it with ulimit -n");
    if args.idle_sessions == 0 || limit >= wanted {
        return Ok(());
    }
    Err(Failed { what: "the limit of open files", why: why() })
}

/// Logs them on, and drives those that speak once more.
pub(super) fn beside(args: &Args, stand: &mut Stand, alone: Micros) -> Result<Beside, Failed> {
    let resident = |stand: &Stand| stand.venue.resident_bytes().map_err(failed("the server's memory"));
    let before = (resident(stand)?, kernel_bytes());
    let crowd = log_on(args, stand).map_err(failed("the idle sessions"))?;
    let each = |before: u64, after: u64| after.saturating_sub(before) / u64::from(args.idle_sessions);
    let bytes_each = each(before.0, resident(stand)?);
    let kernel_bytes_each = before.1.zip(kernel_bytes()).map(|(before, after)| each(before, after));
    let round_trip_us = Micros::from(&drive(args, stand)?.latency());
    drop(crowd);
    let by = |then: f64, now: f64| (now / then * 100.0).round() / 100.0;
    Ok(Beside {
        sessions: args.idle_sessions,
        bytes_each,
        kernel_bytes_each,
        p50_ratio: by(alone.p50, round_trip_us.p50),
        p99_ratio: by(alone.p99, round_trip_us.p99),
        round_trip_us,
    })
}

/// What the kernel has for itself on this machine.
fn kernel_bytes() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/meminfo").ok()?;
    let slab = told.lines().find_map(|line| line.strip_prefix("Slab:")?.split_whitespace().next());
    Some(slab?.parse::<u64>().ok()? * 1_024)
}

/// One after the other; what is told each second is on stderr.
fn log_on(args: &Args, stand: &Stand) -> io::Result<Vec<Link>> {
    let owner = stand.venue.members.first().ok_or(io::ErrorKind::NotFound)?;
    let mut clock = Clock::new();
    let connect = |at: u32| {
        let comp_ids = (format!("idle-{at}"), VENUE.to_owned());
        let (tls, key) = (owner.tls.clone(), owner.key.clone());
        let member = Identity { comp_ids, heartbeat_secs: owner.heartbeat_secs, tls, key };
        // Over WebSocket a session is logged on whether or not its orders are signed.
        let (_, mut link) = Speaker::connect(args, Signing::Session, &stand.venue, &member, clock.now())?;
        link.rest();
        Ok(link)
    };
    let mut told = Instant::now();
    let tell = |at: &u32| {
        if told.elapsed() > Duration::from_secs(1) {
            told = Instant::now();
            eprintln!("{at} idle sessions are logged on");
        }
    };
    (0..args.idle_sessions).inspect(tell).map(connect).collect()
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, bytes_each, kernel_bytes_each, round_trip_us, p50_ratio, p99_ratio } = self;
        let Micros { p50, p99, .. } = round_trip_us;
        writeln!(
            f,
            "\nbeside {sessions} idle sessions of {bytes_each} bytes of the server's memory each: p50 is {p50} us, \
             {p50_ratio} x that without them, p99 {p99} us, {p99_ratio} x"
        )?;
        match kernel_bytes_each {
            Some(bytes) => writeln!(f, "both ends of each take {bytes} bytes of the kernel's"),
            None => Ok(()),
        }
    }
}
