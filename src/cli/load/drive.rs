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
    speakers: Vec<Voice>,
    mix: Mix,
    next: u64,
    answers: Vec<Answer>,
    clock: Clock,
    yields: bool,
}

/// One connection.
struct Voice {
    speaker: Speaker,
    link: Link,
    /// What was read and is no whole message yet.
    plain: Vec<u8>,
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
    lanes: Vec<Lane>,
    first: u64,
    count: u64,
    base: Nanos,
}

/// What one connection sends, one message after the other.
#[derive(Default)]
struct Lane {
    bytes: Vec<u8>,
    /// Where each message ends.
    ends: Vec<usize>,
    /// How many are due, and how many bytes of them were put already.
    due: usize,
    put: usize,
}

impl Lane {
    /// What became due since it was asked last.
    fn take(&mut self) -> &[u8] {
        let end = self.due.checked_sub(1).map_or(0, |last| self.ends[last]);
        let from = std::mem::replace(&mut self.put, end);
        &self.bytes[from..end]
    }
}

impl Fleet {
    /// Connections that are logged on, and the number of their first message.
    pub fn new(speakers: Vec<(Speaker, Link)>, mix: Mix, first: u64) -> Self {
        let voice = |(speaker, link)| Voice { speaker, link, plain: Vec::new() };
        let speakers = speakers.into_iter().map(voice).collect();
        Self { speakers, mix, next: first, answers: Vec::new(), clock: Clock::new(), yields: false }
    }

    /// The same, which lets others have its core whenever it has nothing to do: the server's journal may share it, and
    /// who waits for an answer while that waits for a core measures the kernel's time slices.
    pub fn yielding(self, yields: bool) -> Self {
        Self { yields, ..self }
    }

    fn rest(&self) {
        if self.yields {
            std::thread::yield_now();
        }
    }

    fn take(&mut self) -> (u64, usize, Action) {
        let number = self.next;
        self.next += 1;
        let connection = self.connection_of(number);
        (number, connection, self.mix.next(connection, number))
    }

    fn connection_of(&self, number: u64) -> usize {
        (number % self.speakers.len() as u64) as usize
    }

    /// Reads from a connection once, and tapes the answers. Whether there was something, and `awaited` among them.
    fn hear(
        &mut self,
        connection: usize,
        awaited: u64,
        tape: &mut Tape,
        started: Instant,
    ) -> io::Result<(bool, bool)> {
        let Voice { speaker, link, plain } = &mut self.speakers[connection];
        if !link.receive(plain)? {
            return Ok((false, false));
        }
        let now = started.elapsed();
        // The wait of what was read, not that of each message in it.
        let waited = link.arrived.map(|arrived| self.clock.now().since(arrived));
        speaker.answers(plain, &mut self.answers)?;
        let ours = self.answers.iter().any(|answer| answer.number == awaited);
        self.answers.drain(..).for_each(|answer| tape.answered(answer, now, waited));
        Ok((true, ours))
    }

    /// One message at a time.
    pub fn ping_pong(&mut self, length: Length, progress: impl Fn(Duration, &Tape)) -> io::Result<Tape> {
        let mut tape = Tape::new(self.next, length.warm_up, self.speakers.len());
        let started = Instant::now();
        while started.elapsed() < length.whole() {
            self.exchange(&mut tape, started)?;
            progress(started.elapsed(), &tape);
        }
        tape.end(started.elapsed());
        Ok(tape)
    }

    fn exchange(&mut self, tape: &mut Tape, started: Instant) -> io::Result<()> {
        let (number, connection, action) = self.take();
        let Voice { speaker, link, .. } = &mut self.speakers[connection];
        let message = speaker.message(number, action, self.clock.now());
        let sent = started.elapsed();
        tape.sent(number, connection, sent);
        link.send(&message)?;
        let mut turn = sent;
        loop {
            let (something, ours) = self.hear(connection, number, tape, started)?;
            if ours {
                return Ok(());
            }
            let now = started.elapsed();
            if !something {
                tape.idle_turn(now.saturating_sub(turn));
                self.rest();
            }
            if now.saturating_sub(sent) > ANSWER_MAX {
                return Err(unexpected(format!("no answer to message {number} within {ANSWER_MAX:?}")));
            }
            turn = now;
        }
    }

    /// `rate` messages a second, come what may.
    pub fn open_loop(
        &mut self,
        rate: u64,
        length: Length,
        progress: impl Fn(Duration, &Tape),
    ) -> io::Result<Tape> {
        let count = rate * u64::try_from(length.whole().as_millis()).unwrap_or(u64::MAX) / 1_000;
        let mut prepared = self.prepare(rate, count.max(1))?;
        let mut tape = Tape::new(prepared.first, length.warm_up, self.speakers.len());
        tape.expects(prepared.count);
        while self.clock.now() < prepared.base {
            std::hint::spin_loop();
        }
        let started = Instant::now();
        let (mut next, mut turn) = (0, Duration::ZERO);
        let last = due(prepared.count, rate);
        loop {
            let now = started.elapsed();
            let before = next;
            while next < prepared.count && due(next, rate) <= now {
                let number = prepared.first + next;
                let connection = self.connection_of(number);
                tape.sent(number, connection, due(next, rate));
                prepared.lanes[connection].due += 1;
                next += 1;
            }
            let mut worked = next > before;
            for (connection, lane) in prepared.lanes.iter_mut().enumerate() {
                let link = &mut self.speakers[connection].link;
                link.put(lane.take())?;
                link.flush()?;
                worked |= self.hear(connection, 0, &mut tape, started)?.0;
            }
            if !worked {
                tape.idle_turn(now.saturating_sub(turn));
                self.rest();
            }
            turn = now;
            if next == prepared.count && (tape.is_complete() || now > last + ANSWER_MAX) {
                break;
            }
            progress(now, &tape);
        }
        // What was sent at the last moment is answered a little later: the rate counts to when it was sent.
        tape.end(started.elapsed());
        Ok(tape)
    }

    /// Cancels what rests. How many could not be, and what was said of the last of them.
    pub fn clear(&mut self) -> io::Result<Option<(u64, String)>> {
        let mut tape = Tape::new(self.next, Duration::ZERO, self.speakers.len());
        let started = Instant::now();
        for connection in 0..self.speakers.len() {
            while let Some((order, buys)) = self.mix.oldest(connection) {
                let number = self.next;
                self.next += 1;
                let Voice { speaker, link, .. } = &mut self.speakers[connection];
                let message = speaker.message(number, Action::Cancel { order, buys }, self.clock.now());
                tape.sent(number, connection, started.elapsed());
                link.send(&message)?;
                let sent = Instant::now();
                while !self.hear(connection, number, &mut tape, started)?.1 {
                    if sent.elapsed() > ANSWER_MAX {
                        return Err(unexpected(format!("no answer to a cancel within {ANSWER_MAX:?}")));
                    }
                }
            }
        }
        let refused = tape.rejected.values().sum();
        Ok(tape.rejected.into_keys().last().map(|why| (refused, why)))
    }

    /// Makes all messages, dated as if each were made when it is due: the base is when this will be done.
    fn prepare(&mut self, rate: u64, count: u64) -> io::Result<Prepared> {
        let first = self.next;
        let mut base = self.clock.now() + Span::from_secs(1);
        let started = Instant::now();
        let mut lanes: Vec<Lane> = self.speakers.iter().map(|_| Lane::default()).collect();
        let mut bytes = 0;
        for at in 0..count {
            if at == PREPARED_SAMPLE.min(count) {
                let each = started.elapsed().as_nanos() as u64 / PREPARED_SAMPLE;
                // Half as much again, because the machine may have other work; who is early waits. What was made
                // already is a little old, which the time window of a request allows for.
                base = self.clock.now() + Span(each * (count - at) * 3 / 2);
            }
            let (number, connection, action) = self.take();
            let dated = base + Span(due(at, rate).as_nanos() as u64);
            let message = self.speakers[connection].speaker.message(number, action, dated);
            bytes += message.len();
            if bytes > PREPARED_BYTES_MAX {
                return Err(unexpected(format!(
                    "{count} messages do not fit into {PREPARED_BYTES_MAX} bytes; take a lower --rate or fewer --seconds"
                )));
            }
            lanes[connection].bytes.extend_from_slice(&message);
            let end = lanes[connection].bytes.len();
            lanes[connection].ends.push(end);
        }
        Ok(Prepared { lanes, first, count, base: base.max(self.clock.now()) })
    }
}

/// When message `number` is due.
fn due(number: u64, rate: u64) -> Duration {
    Duration::from_nanos((u128::from(number) * 1_000_000_000 / u128::from(rate)) as u64)
}
