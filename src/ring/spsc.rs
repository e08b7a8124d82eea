//! A ring of values from one agent to one other, in order, each once.
//!
//! A thin coat over `rtrb`: it names what happens when the ring is full, and nothing else. A push or a pop costs a
//! few nanoseconds while the other side's index is in the own cache, and one cache miss when it must be looked up.

use super::Push;

/// A ring with room for `slots` values: the end that writes and the end that reads.
pub fn ring<T>(slots: usize) -> (Producer<T>, Consumer<T>) {
    let (producer, consumer) = rtrb::RingBuffer::new(slots);
    (Producer(producer), Consumer(consumer))
}

/// The end that writes.
#[derive(Debug)]
pub struct Producer<T>(rtrb::Producer<T>);

/// The end that reads.
#[derive(Debug)]
pub struct Consumer<T>(rtrb::Consumer<T>);

impl<T> Producer<T> {
    /// Appends a value, or gives it back.
    pub fn push(&mut self, value: T) -> Push<T> {
        match self.0.push(value) {
            Ok(()) => Push::Done,
            Err(rtrb::PushError::Full(value)) => Push::Full(value),
        }
    }

    /// How many more values fit for sure: the reader may make room at any moment, nobody else can take it.
    pub fn slots(&self) -> usize {
        self.0.slots()
    }

    /// Whether the reader has gone, so that nobody will see what is pushed.
    pub fn is_abandoned(&self) -> bool {
        self.0.is_abandoned()
    }
}

impl<T> Consumer<T> {
    /// Takes the oldest value.
    pub fn pop(&mut self) -> Option<T> {
        self.0.pop().ok()
    }

    /// Looks at the oldest value and leaves it.
    pub fn peek(&self) -> Option<&T> {
        self.0.peek().ok()
    }

    /// How many values wait, at least.
    pub fn slots(&self) -> usize {
        self.0.slots()
    }

    /// Whether none waits: what an agent asks again before it sleeps.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the writer has gone. What it pushed before is still there.
    pub fn is_abandoned(&self) -> bool {
        self.0.is_abandoned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_arrive_in_order_and_each_once() {
        let (mut producer, mut consumer) = ring(4);
        let reader = std::thread::spawn(move || {
            let mut seen = 0u64;
            while seen < 10_000 {
                match consumer.pop() {
                    Some(value) => {
                        assert_eq!(value, seen);
                        seen += 1;
                    }
                    None => std::thread::yield_now(),
                }
            }
        });
        for value in 0..10_000u64 {
            let mut pending = value;
            while let Push::Full(again) = producer.push(pending) {
                pending = again;
                std::thread::yield_now();
            }
        }
        reader.join().unwrap();
    }

    #[test]
    fn a_full_ring_gives_the_value_back() {
        let (mut producer, mut consumer) = ring(1);
        assert_eq!((producer.slots(), consumer.is_empty()), (1, true));
        assert_eq!(producer.push("first"), Push::Done);
        assert_eq!(producer.push("second"), Push::Full("second"));
        assert_eq!(consumer.peek(), Some(&"first"));
        assert_eq!(consumer.pop(), Some("first"));
        assert_eq!((producer.slots(), consumer.pop()), (1, None));
    }

    #[test]
    fn what_was_pushed_outlives_the_writer() {
        let (mut producer, mut consumer) = ring(2);
        assert!(producer.push(1).is_done());
        drop(producer);
        assert!(consumer.is_abandoned());
        assert_eq!((consumer.pop(), consumer.pop()), (Some(1), None));
    }
}
