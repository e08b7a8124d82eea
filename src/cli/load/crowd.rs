//! Sessions that are logged on and say nothing, beside those that speak: what each of them takes of the server's
//! memory, and what they cost the others.
//!
//! ```text
//!   a run alone ─► memory ─► N logons ─► memory ─► the same run again, beside them
//! ```

#![allow(clippy::float_arithmetic)] // A ratio for people: no order depends on it.

use super::args::{Args, Protocol};
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

/// The number of the first of their FIX sessions: no other has it.
const FIRST_SESSION: u32 = 20_001;

/// What a server is like beside such sessions.
#[derive(Debug, Serialize)]
pub struct Beside {
    /// How many they are.
    pub sessions: u32,
    /// How much more memory the server has resident for each.
    pub bytes_each: u64,
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

/// Logs them on, and drives those that speak once more.
pub(super) fn beside(args: &Args, stand: &mut Stand, alone: Micros) -> Result<Beside, Failed> {
    let resident = |stand: &Stand| stand.venue.resident_bytes().map_err(failed("the server's memory"));
    let before = resident(stand)?;
    let crowd = log_on(args, stand).map_err(failed("the idle sessions"))?;
    let taken = resident(stand)?.saturating_sub(before);
    let round_trip_us = Micros::from(&drive(args, stand)?.latency());
    drop(crowd);
    let by = |then: f64, now: f64| (now / then * 100.0).round() / 100.0;
    Ok(Beside {
        sessions: args.idle_sessions,
        bytes_each: taken / u64::from(args.idle_sessions),
        p50_ratio: by(alone.p50, round_trip_us.p50),
        p99_ratio: by(alone.p99, round_trip_us.p99),
        round_trip_us,
    })
}

fn log_on(args: &Args, stand: &Stand) -> io::Result<Vec<(Speaker, Link)>> {
    // Where it cannot be raised, a connection says so that finds none left.
    let _ = descriptors::raise();
    let owner = stand.venue.members.first().ok_or(io::ErrorKind::NotFound)?;
    let mut clock = Clock::new();
    let connect = |at: u32| {
        let comp_ids = (format!("idle-{at}"), VENUE.to_owned());
        let (tls, key) = (owner.tls.clone(), owner.key.clone());
        let member = Identity { comp_ids, heartbeat_secs: owner.heartbeat_secs, tls, key };
        Speaker::connect(args, &stand.venue, &member, clock.now())
    };
    (0..args.idle_sessions).map(connect).collect()
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, bytes_each, round_trip_us, p50_ratio, p99_ratio } = self;
        let Micros { p50, p99, .. } = round_trip_us;
        writeln!(
            f,
            "\nbeside {sessions} idle sessions of {bytes_each} bytes of the server's memory each: p50 is {p50} us, \
             {p50_ratio} x that without them, p99 {p99} us, {p99_ratio} x"
        )
    }
}
