//! Is it still wanted? A request is executed only while it is younger than its client allows.

use crate::limits::{CLOCK_AHEAD_MAX, RECV_WINDOW_MAX};
use crate::planted::{self, Bug};
use crate::types::{Detail, Nanos, Refusal, Reject, Requester};

/// Compares the client's clock with the time at which its request was sequenced, after all queueing. Both edges are
/// inside: exactly `recvWindow` old, and exactly [`CLOCK_AHEAD_MAX`] ahead.
pub fn check_time(requester: &Requester, time: Nanos) -> Result<(), Refusal> {
    let clocks = Detail::Clocks { server: time, sent: requester.sent };
    let too_old = time.since(requester.sent) > requester.recv_window.min(RECV_WINDOW_MAX);
    if too_old && !planted::has(Bug::WindowIgnored) {
        return Err(Refusal::with(Reject::TimestampTooOld, clocks));
    }
    if requester.sent.since(time) > CLOCK_AHEAD_MAX {
        return Err(Refusal::with(Reject::TimestampAhead, clocks));
    }
    Ok(())
}
