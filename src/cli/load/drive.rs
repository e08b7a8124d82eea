//! Sends messages and takes their answers, on one thread that does not rest.
//!
//! Ping-pong: one message at a time, by turns over the connections; timed from the write to the answer. Open loop:
//! message n is due at n / rate, whatever became of those before it, and its time counts from then: a server that
//! stalls is charged for all that should have been sent meanwhile. All messages are made and signed beforehand.

use super::link::Link;
use super::mix::Mix;
use super::speaker::{Action, Answer, Speaker, unexpected};
use super::tape::Tape;
use crate::sys::clock::Clock;
use crate::types::{Nanos, Span};
use std::io;
use std::time::{Duration, Instant};

/// How long an answer may take before the run is given up.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Most bytes of messages that are made beforehand.
const PREPARED_BYTES_MAX: usize = 4 << 30;
/// Messages that tell how long making all of them will take.
const PREPARED_SAMPLE: u64 = 512;

/// The connections of a run.
pub struct Fleet {
    speakers: Vec<(Speaker, Link)>,
    mix: Mix,
    next: u64,
    plain: Vec<u8>,
    answers: Vec<Answer>,
}

/// How long a run takes.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
}

impl Length {
    fn whole(self) -> Duration {
        self.warm_up + self.measured
    }
}

/// Messages that are ready to go, and the moment that they are dated from.
struct Prepared {
    messages: Vec<Vec<u8>>,
    first: u64,
    base: Nanos,
}

impl Fleet {
    /// Connections that are logged on.
    pub fn new(speakers: Vec<(Speaker, Link)>, mix: Mix) -> Self {
        Self { speakers, mix, next: 1, plain: Vec::new(), answers: Vec::new() }
    }

    fn take(&mut self) -> (u64, usize, Action) {
        let number = self.next;
        self.next += 1;
        let connection = (number % self.speakers.len() as u64) as usize;
        (number, connection, self.mix.next(connection, number))
    }

    /// One message at a time.
    pub fn ping_pong(&mut self, length: Length, progress: impl Fn(Duration, &Tape)) -> io::Result<Tape> {
        let mut clock = Clock::new();
        let mut tape = Tape::new(self.next, length.warm_up, self.speakers.len());
        let started = Instant::now();
        while started.elapsed() < length.whole() {
            let (number, connection, action) = self.take();
            let (speaker, link) = &mut self.speakers[connection];
            let message = speaker.message(number, action, clock.now());
            let sent = started.elapsed();
            tape.sent(number, connection, sent);
            link.send(&message)?;
            let mut turn = sent;
            loop {
                let something = link.receive(&mut self.plain)?;
                let now = started.elapsed();
                if something {
                    speaker.answers(&mut self.plain, &mut self.answers)?;
                    let ours = self.answers.iter().any(|answer| answer.number == number);
                    self.answers.drain(..).for_each(|answer| tape.answered(answer, now));
                    if ours {
                        break;
                    }
                } else {
                    tape.idle_turn(now.saturating_sub(turn));
                }
                if now.saturating_sub(sent) > ANSWER_MAX {
                    return Err(unexpected(format!("no answer to message {number} within {ANSWER_MAX:?}")));
                }
                turn = now;
            }
            progress(started.elapsed(), &tape);
        }
        tape.end(started.elapsed());
        Ok(tape)
    }

    /// `rate` messages a second, come what may.
    pub fn open_loop(
        &mut self,
        rate: u64,
        length: Length,
        progress: impl Fn(Duration, &Tape),
    ) -> io::Result<Tape> {
        let count = rate * u64::try_from(length.whole().as_millis()).unwrap_or(u64::MAX) / 1_000;
        let prepared = self.prepare(rate, count.max(1))?;
        let mut tape = Tape::new(prepared.first, length.warm_up, self.speakers.len());
        let mut clock = Clock::new();
        while clock.now() < prepared.base {
            std::hint::spin_loop();
        }
        let started = Instant::now();
        let (mut next, mut turn) = (0, Duration::ZERO);
        let count = prepared.messages.len();
        loop {
            let mut now = started.elapsed();
            let mut worked = false;
            while next < count && due(next as u64, rate) <= now {
                let number = prepared.first + next as u64;
                let connection = (number % self.speakers.len() as u64) as usize;
                tape.sent(number, connection, due(next as u64, rate));
                self.speakers[connection].1.put(&prepared.messages[next])?;
                (next, worked) = (next + 1, true);
            }
            for (speaker, link) in &mut self.speakers {
                link.flush()?;
                if link.receive(&mut self.plain)? {
                    now = started.elapsed();
                    speaker.answers(&mut self.plain, &mut self.answers)?;
                    self.answers.drain(..).for_each(|answer| tape.answered(answer, now));
                    worked = true;
                }
            }
            if !worked {
                tape.idle_turn(now.saturating_sub(turn));
            }
            turn = now;
            if next == count && (tape.is_complete() || now > due(count as u64, rate) + ANSWER_MAX) {
                break;
            }
            progress(now, &tape);
        }
        // What was sent at the last moment is answered a little later: the rate counts to when it was sent.
        tape.end(started.elapsed());
        Ok(tape)
    }

    /// Makes all messages, dated as if each were made when it is due: the base is when this will be done.
    fn prepare(&mut self, rate: u64, count: u64) -> io::Result<Prepared> {
        let mut clock = Clock::new();
        let first = self.next;
        let mut base = clock.now() + Span::from_secs(1);
        let started = Instant::now();
        let mut messages = Vec::new();
        let mut bytes = 0;
        for at in 0..count {
            if at == PREPARED_SAMPLE.min(count) {
                let each = started.elapsed().as_nanos() as u64 / PREPARED_SAMPLE;
                // Half as much again, because the machine may have other work; who is early waits. What was made
                // already is a little old, which the time window of a request allows for.
                base = clock.now() + Span(each * (count - at) * 3 / 2);
            }
            let (number, connection, action) = self.take();
            let dated = base + Span(due(at, rate).as_nanos() as u64);
            let message = self.speakers[connection].0.message(number, action, dated);
            bytes += message.len();
            if bytes > PREPARED_BYTES_MAX {
                return Err(unexpected(format!(
                    "{count} messages do not fit into {PREPARED_BYTES_MAX} bytes; take a lower --rate or fewer --seconds"
                )));
            }
            messages.push(message);
        }
        Ok(Prepared { messages, first, base: base.max(clock.now()) })
    }
}

/// When message `number` is due.
fn due(number: u64, rate: u64) -> Duration {
    Duration::from_nanos((u128::from(number) * 1_000_000_000 / u128::from(rate)) as u64)
}
