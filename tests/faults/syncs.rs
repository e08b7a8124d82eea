//! How many syncs there are: a count, which `strace` takes, and no timing.

use crate::line::wait;
use crate::server::{Addresses, Process};
use crate::site::Site;
use crate::support::websocket::request;
use crate::websocket::WebSocket;
use crate::{number, tool};
use serde_json::json;
use std::path::Path;

/// Connections, each with one order on its way.
const CLIENTS: usize = 64;

/// Orders of each.
const ROUNDS: u64 = 40;

/// How long a sync takes at least, in microseconds: a disk that is no memory. 0: as long as it takes.
const SYNC: u64 = 500;

#[test]
fn sixty_four_clients_share_their_syncs() {
    tool!("strace");
    let mut site = Site::new("disk");
    site.sign_sessions();
    let counts = site.path().join("counts");
    let mut process = Process::spawn(&site, &counting(&counts));
    let to = process.ready().unwrap_or_else(|| panic!("{}", process.words()));
    trade(&site, to);
    process.kill(libc::SIGTERM);
    let status = process.ended();
    assert!(status.success(), "{status}: {}", process.words());
    let (orders, syncs) = (CLIENTS as u64 * ROUNDS, counted(&counts));
    println!("{orders} orders, {syncs} fdatasyncs");
    assert!(syncs > 0 && syncs <= orders / 4, "{syncs} fdatasyncs for {orders} orders");
}

fn trade(site: &Site, to: Addresses) {
    let connect = |_| WebSocket::connect(to, &site.members[0]).unwrap();
    let mut clients: Vec<_> = (0..CLIENTS).map(connect).collect();
    for round in 0..ROUNDS {
        for (at, client) in clients.iter_mut().enumerate() {
            client.send(&order(&format!("order-{round}-{at}"))).unwrap();
        }
        for (at, client) in clients.iter_mut().enumerate() {
            let id = format!("order-{round}-{at}");
            let answer = wait("an answer", || client.answer(&id)).unwrap();
            assert_eq!(answer["status"], 200, "{answer}");
        }
    }
}

/// An order that expires at once: the logon alone is signed.
fn order(name: &str) -> String {
    let params = [
        ("symbol", "BTC-USD"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "IOC"),
        ("price", "99000"),
        ("quantity", "0.01"),
        ("newClientOrderId", name),
    ];
    request(&json!(name), ("order.place", &params), None)
}

fn counting(counts: &Path) -> Vec<String> {
    let delay = number("SEALGATE_SYNC_MICROS").unwrap_or(SYNC);
    let words = ["strace", "-c", "-f", "--seccomp-bpf", "-e", "trace=fdatasync", "-e", "signal=none"];
    let delayed = (delay > 0).then(|| ["-e".to_owned(), format!("inject=fdatasync:delay_enter={delay}")]);
    let output = ["-o".to_owned(), counts.display().to_string()];
    let words = words.into_iter().map(str::to_owned);
    words.chain(delayed.into_iter().flatten()).chain(output).collect()
}

/// The calls in the table that `strace -c` writes: time, seconds, microseconds a call, calls, name.
fn counted(counts: &Path) -> u64 {
    let table = std::fs::read_to_string(counts).unwrap();
    let row = table.lines().find(|line| line.ends_with(" fdatasync"));
    let row = row.unwrap_or_else(|| panic!("no fdatasync was counted:\n{table}"));
    row.split_whitespace().nth(3).unwrap().parse().unwrap()
}
