//! Heartbeats, the TestRequest, and time limits.
//!
//! Of silence: 1 × HeartBtInt of ours: Heartbeat. 1.2 × of the peer's: TestRequest, and no Heartbeat until something
//! comes. 2.4 ×: the connection is closed. Of a gap that nothing fills: 2 ×: the ResendRequest goes out again.
//!
//! All of them count the time that goes by. They are kept in UTC, as everything is, so whoever owns the clock says when
//! it was set: [`Session::clock_moved`]. What is UTC by its nature stays: SendingTime(52), the hours of the session.

use super::{Act, CloseReason, Connection, Input, Output, Session, State};
use crate::types::{Nanos, Shift, Span};
use crate::wire::fix::{PutFields, tag};

/// TestReqID(112) of our TestRequests.
const TEST_REQ_ID: &[u8] = b"TEST";

impl Session {
    /// When [`Session::tick`] has something to do, as things stand.
    pub fn deadline(&self) -> Option<Nanos> {
        let dead = self.dead_at();
        let of_state = match self.state {
            State::Idle => return None,
            State::LogonSent => [Some(self.overdue()), None, None, None],
            State::LogoutSent => [Some(self.overdue()), dead, None, None],
            State::Active | State::Recovering => {
                let silent = dead.is_some() && !self.connection.probing;
                let stalled = dead.is_some() && self.state == State::Recovering;
                [
                    dead,
                    silent.then(|| self.heartbeat_at().min(self.quiet_at())),
                    stalled.then(|| self.stalled_at()),
                    self.hours.map(|hours| hours.closes),
                ]
            }
        };
        of_state.into_iter().chain([self.replay_due()]).flatten().min()
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Nanos, out: &mut dyn Output) {
        match self.state {
            State::Idle => {}
            State::LogonSent | State::LogoutSent if now >= self.overdue() => {
                let reason = match self.state {
                    State::LogonSent => CloseReason::LogonTimeout,
                    _ => CloseReason::LogoutTimeout,
                };
                if self.step(Input::Overdue) == Act::Close {
                    self.close(reason, out);
                }
            }
            State::LogonSent => {}
            State::Active | State::Recovering | State::LogoutSent => {
                self.tick_established(now, out);
                if self.replay_due().is_some_and(|due| now >= due) {
                    self.replay_waiting(now, out);
                }
            }
        }
    }

    /// The clock was set: nobody has been silent for that.
    pub fn clock_moved(&mut self, by: Shift) {
        let Connection { last_sent, last_received, overdue, recovering_since, .. } = &mut self.connection;
        for at in [last_sent, last_received, overdue, recovering_since] {
            *at = *at + by;
        }
        self.budget.clock_moved(by);
    }

    fn tick_established(&mut self, now: Nanos, out: &mut dyn Output) {
        if self.hours.is_some_and(|hours| now >= hours.closes) && self.step(Input::Closing) == Act::SayLogout
        {
            self.say_logout(b"the hours of this session are over", now, out);
        }
        let Some(dead_at) = self.dead_at() else { return };
        if now >= dead_at {
            if self.step(Input::Dead) == Act::Close {
                self.close(CloseReason::Silent, out);
            }
            return;
        }
        if now >= self.stalled_at() && self.step(Input::Stalled) == Act::AskResend {
            self.ask_resend(now, out);
        }
        if self.connection.probing || !self.state.is_established() {
            return;
        }
        if now >= self.heartbeat_at() {
            self.send_admin(b"0", &[], now, out);
        }
        if now >= self.quiet_at() && self.step(Input::Quiet) == Act::Probe {
            self.connection.probing = true;
            self.with_body(|session, body| {
                body.put(tag::TEST_REQ_ID, TEST_REQ_ID);
                session.send_admin(b"1", body, now, out);
            });
        }
    }

    fn overdue(&self) -> Nanos {
        self.connection.overdue
    }

    fn heartbeat_at(&self) -> Nanos {
        self.connection.last_sent + self.connection.heartbeat
    }

    fn stalled_at(&self) -> Nanos {
        self.connection.recovering_since + Span(self.connection.heartbeat.0 * 2)
    }

    fn quiet_at(&self) -> Nanos {
        self.connection.last_received + Span(self.connection.heartbeat.0 / 5 * 6)
    }

    /// `None` where the session has no heartbeats.
    fn dead_at(&self) -> Option<Nanos> {
        let heartbeat = self.connection.heartbeat;
        (heartbeat > Span::ZERO).then(|| self.connection.last_received + Span(heartbeat.0 / 5 * 12))
    }
}
