//! `follow`: what a session tells, as it happens, over either protocol.

use super::Failure;
use super::say::{Outcome, Said, Say, Told};
use crate::client::{Error, Event, Events, ExecutionReport};
use crate::wire::json::words::status;
use std::time::{Duration, Instant};

/// Executions that are waited for: so many, or so long.
pub struct Following {
    left: Option<u64>,
    until: Option<Instant>,
    heard: u64,
    last: Option<&'static str>,
}

/// Says executions, and what else a session tells, until there were as many as were wanted or the time is over.
pub async fn follow<O: Told>(
    events: &mut Events<O>,
    mut following: Following,
    say: &Say,
) -> Result<Outcome, Failure> {
    while following.left != Some(0) {
        match following.wait(events.next()).await {
            Some(Some(Event::Execution(report))) => following.heard(&report, say)?,
            Some(Some(Event::Ended { why })) => return Err(Error::Closed(why).into()),
            Some(Some(event)) => {
                if let Some(said) = Said::event(&event) {
                    say.say(&said)?;
                }
            }
            Some(None) => return Err(Error::Closed("the session is over".to_owned()).into()),
            None => break,
        }
    }
    following.finish()
}

impl Following {
    /// Until the count is full or the time is over; without both for ever.
    pub fn new(count: Option<u64>, time: Option<Duration>) -> Self {
        Self { left: count, until: time.map(|time| Instant::now() + time), heard: 0, last: None }
    }

    /// What `next` brings; `None` when the time is over.
    async fn wait<T>(&self, next: impl Future<Output = T>) -> Option<T> {
        match self.until {
            Some(until) => tokio::time::timeout_at(until.into(), next).await.ok(),
            None => Some(next.await),
        }
    }

    fn heard(&mut self, report: &ExecutionReport, say: &Say) -> Result<(), Failure> {
        self.heard += 1;
        self.left = self.left.map(|left| left - 1);
        self.last = Some(status(report.status));
        say.say(&Said::execution("execution", report))
    }

    /// The end: a failure if there were less than were wanted.
    fn finish(self) -> Result<Outcome, Failure> {
        match self.left {
            Some(left) if left > 0 => {
                let wanted = self.heard + left;
                Err(Failure::Unmet(format!("heard {} of {wanted} executions in time", self.heard)))
            }
            _ => Ok(Outcome { word: self.last.map(str::to_owned) }),
        }
    }
}
