//! A line between two FIX engines that loses messages and breaks, in both directions, as often as a test says.
//!
//! What is lost are messages of the application, first sent: a gap that the next message shows. A cut comes in the
//! middle of a message of any kind, and takes with it what is under way.

use sealgate::wire::fix::{Framed, Index, Message, frame, tag};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How often something happens, in messages of the line.
#[derive(Clone, Copy)]
pub struct Weather {
    /// One of so many messages of the application is lost.
    pub lose_every: u64,
    /// The connection breaks after so many messages.
    pub cut_every: u64,
}

/// The line. It is gone when the test is.
pub struct Chaos {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    weather: Weather,
    to: SocketAddr,
    calm: AtomicBool,
    over: AtomicBool,
    messages: AtomicU64,
    candidates: AtomicU64,
    lost: [AtomicU64; 2],
    cuts: AtomicU64,
}

impl Chaos {
    /// Listens on a port of its own and connects each connection to port `to`.
    pub fn start(weather: Weather, to: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            weather,
            to: (Ipv4Addr::LOCALHOST, to).into(),
            calm: AtomicBool::new(false),
            over: AtomicBool::new(false),
            messages: AtomicU64::new(0),
            candidates: AtomicU64::new(0),
            lost: Default::default(),
            cuts: AtomicU64::new(0),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if accepting.over.load(Relaxed) {
                    return;
                }
                accepting.connect(near);
            }
        });
        Self { port, shared }
    }

    /// Nothing is lost and nothing breaks from here on.
    pub fn calm_down(&self) {
        self.shared.calm.store(true, Relaxed);
    }

    /// Messages that went by; lost on the way there, on the way back; connections that broke.
    pub fn tell(&self) -> (u64, u64, u64, u64) {
        let [there, back] = &self.shared.lost;
        (
            self.shared.messages.load(Relaxed),
            there.load(Relaxed),
            back.load(Relaxed),
            self.shared.cuts.load(Relaxed),
        )
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.shared.over.store(true, Relaxed);
        // Wakes whoever accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// What becomes of a message.
enum Fate {
    Passes,
    IsLost,
    BreaksOff,
}

impl Shared {
    fn connect(self: &Arc<Self>, near: TcpStream) {
        // Nobody there: the near end sees its connection closed.
        let Ok(far) = TcpStream::connect_timeout(&self.to, Duration::from_secs(1)) else { return };
        for (direction, from, to) in [(0, &near, &far), (1, &far, &near)] {
            from.set_nodelay(true).unwrap();
            let (from, to, shared) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(self));
            std::thread::spawn(move || {
                // However it ends, it ends for both.
                let _ = shared.carry(direction, &from, &to);
                let _ = from.shutdown(Shutdown::Both);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
    }

    fn carry(&self, direction: usize, mut from: &TcpStream, mut to: &TcpStream) -> std::io::Result<()> {
        let (mut inbox, mut out, mut buffer) = (Vec::new(), Vec::new(), [0; 16 * 1024]);
        loop {
            let count = from.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            inbox.extend_from_slice(&buffer[..count]);
            let mut at = 0;
            while let Framed::Message(length) = frame(&inbox[at..]) {
                let message = &inbox[at..at + length];
                at += length;
                match self.fate(message) {
                    Fate::Passes => out.extend_from_slice(message),
                    Fate::IsLost => drop(self.lost[direction].fetch_add(1, Relaxed)),
                    Fate::BreaksOff => {
                        self.cuts.fetch_add(1, Relaxed);
                        out.extend_from_slice(&message[..length / 2]);
                        return to.write_all(&out);
                    }
                }
            }
            inbox.drain(..at);
            to.write_all(&out)?;
            out.clear();
        }
    }

    fn fate(&self, message: &[u8]) -> Fate {
        let number = 1 + self.messages.fetch_add(1, Relaxed);
        if self.calm.load(Relaxed) {
            return Fate::Passes;
        }
        if number.is_multiple_of(self.weather.cut_every) {
            return Fate::BreaksOff;
        }
        if !is_first_of_application(message) {
            return Fate::Passes;
        }
        let candidate = 1 + self.candidates.fetch_add(1, Relaxed);
        if candidate.is_multiple_of(self.weather.lose_every) { Fate::IsLost } else { Fate::Passes }
    }
}

/// Copies are spared: QuickFIX asks for a gap once, and would wait for ever for a copy that got lost.
fn is_first_of_application(message: &[u8]) -> bool {
    let mut index = Index::new();
    let Ok(message) = Message::parse(message, &mut index) else { return false };
    matches!(message.msg_type(), b"D" | b"F" | b"8") && !message.flag(tag::POSS_DUP_FLAG)
}
