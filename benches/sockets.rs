//! What the kernel does for a server's sockets, and what each of it is worth: `[sockets]` of the configuration.
//!
//! ```text
//!   client ── 250 bytes ──► Stream::read ─► Stream::write ── 250 bytes ──► client        one connection a setting
//! ```
//!
//! `cargo run --release --example sockets`; the table of `docs/numbers.md`. Each setting has a connection of its own to
//! a listener of its own, and they take turns in rounds that are shorter than a time slice, so that whatever the
//! machine does beside it befalls all of them: what counts is by how much the median of a round differs from that of
//! the setting as it is in the same round. Client and server are pinned and spin. Then every request gets two answers,
//! each in a write of its own, as an order gets that trades a turn after it was accepted: what Nagle's delay holds
//! back.

use sealgate::config::Sockets;
use sealgate::sys::pin::{pin_to_core, usable_cores};
use sealgate::sys::socket::{Accepted, Listener, Moved, Port, Stream};
use sealgate::types::Span;
use std::hint::spin_loop;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

/// As long as an order is.
const BYTES: usize = 250;
/// Rounds, and exchanges of each setting in a round, after some that do not count.
const ROUNDS: usize = 400;
const EXCHANGES: usize = 60;
const UNCOUNTED: usize = 10;
/// Exchanges with two answers: with Nagle's delay each takes 40 ms.
const TWICE_ANSWERED: usize = 40;

fn settings() -> [(&'static str, Sockets); 5] {
    let usual = Sockets::default();
    [
        ("TCP_NODELAY alone: as it is", usual),
        ("and SO_TIMESTAMPING", Sockets { kernel_timestamps: true, ..usual }),
        ("and TCP_QUICKACK", Sockets { quick_ack: true, ..usual }),
        ("and SO_BUSY_POLL of 50 us", Sockets { busy_poll: Span::from_micros(50), ..usual }),
        ("without TCP_NODELAY", Sockets { no_delay: false, ..usual }),
    ]
}

/// Which connection is served, and with how many answers.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);
static ANSWERS: AtomicUsize = AtomicUsize::new(1);

fn main() {
    let cores = usable_cores().expect("the kernel tells");
    let (mut clients, streams): (Vec<_>, Vec<_>) = settings().iter().map(|(_, set)| connect(*set)).unzip();
    let core = *cores.last().expect("there is a core");
    let server = thread::spawn(move || serve(streams, core));
    pin_to_core(cores[0]).expect("it may be used");
    let medians = one_answer(&mut clients);
    ANSWERS.store(2, Ordering::Relaxed);
    println!(
        "{:<30}{:>10}{:>14}{:>26}{:>16}",
        "microseconds", "p50", "against it", "p10 to p90 of rounds", "two answers"
    );
    for (at, (name, _)) in settings().iter().enumerate() {
        let two = median(exchanges(&mut clients[at], at, TWICE_ANSWERED));
        let mut apart: Vec<i64> =
            medians[at].iter().zip(&medians[0]).map(|(own, usual)| *own as i64 - *usual as i64).collect();
        apart.sort_unstable();
        let part = |tenths: usize| micros(apart[apart.len() * tenths / 10]);
        let spread = format!("{} to {}", part(1), part(9));
        let p50 = micros(median(medians[at].clone()) as i64);
        println!("{name:<30}{p50:>10}{:>14}{spread:>26}{:>16}", part(5), micros(two as i64));
    }
    drop(clients);
    server.join().expect("it ends when its client has gone");
}

/// The median of each setting in each round.
fn one_answer(clients: &mut [TcpStream]) -> Vec<Vec<u64>> {
    let mut medians = vec![Vec::with_capacity(ROUNDS); clients.len()];
    for round in 0..ROUNDS {
        for step in 0..clients.len() {
            // Each setting stands behind each other one in turn.
            let at = (round + step) % clients.len();
            let mut times = exchanges(&mut clients[at], at, UNCOUNTED + EXCHANGES);
            medians[at].push(median(times.split_off(UNCOUNTED)));
        }
    }
    medians
}

fn exchanges(client: &mut TcpStream, at: usize, count: usize) -> Vec<u64> {
    ACTIVE.store(at, Ordering::Relaxed);
    let wanted = BYTES * ANSWERS.load(Ordering::Relaxed);
    let mut answer = [0; 2 * BYTES];
    let mut exchange = || {
        let began = Instant::now();
        client.write_all(&[1; BYTES]).expect("the server reads");
        let mut had = 0;
        while had < wanted {
            match client.read(&mut answer) {
                Ok(count) => had += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => spin_loop(),
                Err(error) => panic!("{error}"),
            }
        }
        began.elapsed().as_nanos() as u64
    };
    (0..count).map(|_| exchange()).collect()
}

fn serve(mut streams: Vec<Stream>, core: usize) {
    pin_to_core(core).expect("it may be used");
    let (mut request, mut had) = ([0; 4 * BYTES], 0);
    loop {
        let stream = &mut streams[ACTIVE.load(Ordering::Relaxed)];
        match stream.read(&mut request) {
            Moved::Bytes(count) => had += count,
            Moved::WouldBlock => spin_loop(),
            Moved::Closed(_) => return,
        }
        if had >= BYTES {
            had -= BYTES;
            for _ in 0..ANSWERS.load(Ordering::Relaxed) {
                assert_eq!(stream.write(&[2; BYTES]), Moved::Bytes(BYTES), "the client reads");
            }
        }
    }
}

fn connect(sockets: Sockets) -> (TcpStream, Stream) {
    let any = "127.0.0.1:0".parse().expect("it is an address");
    let listener = Listener::bind(any, Port::Own).and_then(|listener| listener.with(sockets));
    let listener = listener.expect("the kernel takes the setting");
    let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    client.set_nodelay(true).expect("it is a socket");
    client.set_nonblocking(true).expect("it is a socket");
    loop {
        if let Accepted::Stream(stream, _) = listener.accept() {
            return (client, stream);
        }
    }
}

fn median(mut times: Vec<u64>) -> u64 {
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(nanos: i64) -> String {
    let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    format!("{sign}{}.{:02}", nanos / 1_000, nanos % 1_000 / 10)
}
