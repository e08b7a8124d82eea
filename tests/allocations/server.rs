//! A hundred thousand orders through a real server, over both protocols: for a message its threads allocate nothing of
//! their own, and the libraries for TLS and frames no more than a message needs.

use crate::support::fix::{buy, cancel};
use crate::support::venue::Setup;
use crate::support::websocket::resting;
use crate::support::{Fix, Venue, Ws};
use sealgate::admin::client::Control;
use sealgate::admin::protocol::Request;
use sealgate::config::{Account, Directory, SignaturePolicy};
use sealgate::types::Span;
use serde_json::Value;
use tungstenite::Message;

/// Orders and their cancels, half and half.
const REQUESTS: usize = 100_000;
/// Those that let buffers grow to what the rest needs.
const WARM_UP: usize = 10_000;
/// Requests that are under way at a time.
const BATCH: usize = 50;

/// What the server's threads have asked for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    allocations: u64,
    library: u64,
    calls: u64,
}

fn venue() -> Venue {
    let rates = |account: &mut Account| {
        let plenty = (1_000_000, Span::from_secs(1));
        (account.rates.orders, account.rates.cancels) = (plenty, plenty);
    };
    Setup::new()
        .signature(SignaturePolicy::Session)
        .adjust(move |config| {
            let old = &config.directory;
            let mut accounts = old.accounts().to_vec();
            accounts.iter_mut().for_each(rates);
            let (members, keys) = (old.members().to_vec(), old.keys().to_vec());
            let (sessions, instruments) = (old.sessions().to_vec(), old.instruments().to_vec());
            config.directory = Directory::new(members, accounts, keys, sessions, instruments).unwrap();
        })
        .caps(|caps| caps.messages_per_second = 10_000_000)
        .start()
}

fn asked(venue: &Venue) -> Asked {
    let mut control = Control::connect(&venue.path("data/control.sock")).unwrap();
    // Meters are written every 5 ms.
    std::thread::sleep(std::time::Duration::from_millis(20));
    let stats = control.ask(&Request::Stats).unwrap();
    let agents = stats["agents"].as_array().unwrap();
    let threads = agents.iter().filter(|agent| agent["agent"].as_str().unwrap().starts_with("thread-"));
    let sum = |name: &str| threads.clone().map(|agent| agent[name]["total"].as_u64().unwrap()).sum();
    Asked { allocations: sum("allocations"), library: sum("library_allocations"), calls: sum("system_calls") }
}

/// What `work` makes the server ask for, once it is warm.
fn growth(venue: &Venue, mut work: impl FnMut(std::ops::Range<usize>)) -> Asked {
    work(0..WARM_UP);
    let before = asked(venue);
    work(WARM_UP..WARM_UP + REQUESTS);
    let after = asked(venue);
    Asked {
        allocations: after.allocations - before.allocations,
        library: after.library - before.library,
        calls: after.calls - before.calls,
    }
}

#[test]
fn a_hundred_thousand_orders_over_fix_allocate_nothing_of_our_own_for_a_message() {
    let venue = venue();
    let mut fix = Fix::logged_on(&venue, "alice");
    let asked = growth(&venue, |requests| {
        for first in requests.step_by(2 * BATCH) {
            let names: Vec<String> = (first..first + BATCH).map(|n| format!("o-{n}")).collect();
            let orders: Vec<u8> = names.iter().flat_map(|name| fix.message("D", buy(name), false)).collect();
            let cancels: Vec<u8> = names
                .iter()
                .flat_map(|name| fix.message("F", cancel(&name.replace('o', "c"), name), false))
                .collect();
            for (bytes, exec_type) in [(orders, "0"), (cancels, "4")] {
                fix.send(&bytes);
                for _ in 0..BATCH {
                    let report = fix.read();
                    assert_eq!(report.get(150), exec_type, "{report:?}");
                }
            }
        }
    });
    check(asked);
}

#[test]
fn a_hundred_thousand_orders_over_websocket_allocate_nothing_of_our_own_for_a_message() {
    let venue = venue();
    let mut ws = Ws::logged_on(&venue, "alice");
    let asked = growth(&venue, |requests| {
        for first in requests.step_by(2 * BATCH) {
            let names: Vec<String> = (first..first + BATCH).map(|n| format!("o-{n}")).collect();
            let orders: Vec<String> =
                names.iter().map(|name| ws.plain("order.place", &resting(name), None)).collect();
            let cancels: Vec<String> = names
                .iter()
                .map(|name| {
                    let order = [("symbol", "BTC-USD"), ("origClientOrderId", name.as_str())];
                    ws.plain("order.cancel", &order, None)
                })
                .collect();
            for texts in [orders, cancels] {
                for text in texts {
                    ws.socket.write(Message::text(text)).unwrap();
                }
                ws.socket.flush().unwrap();
                for _ in 0..BATCH {
                    let answer: Value = ws.answer();
                    assert_eq!(answer["status"], 200, "{answer}");
                }
            }
        }
    });
    check(asked);
}

/// What remembers a record or an execution takes its memory in blocks: one for a thousand executions of an account, one
/// for 65,536 records of a stream, and the list of what a session has sent doubles. Of a message there is nothing.
const REMEMBERED: u64 = REQUESTS as u64 / 500;

fn check(asked: Asked) {
    let Asked { allocations, library, calls } = asked;
    assert!(allocations <= REMEMBERED, "{asked:?}");
    // One TLS record in and one out are three or four allocations, and a turn has many messages or one.
    assert!(library <= 4 * REQUESTS as u64 && calls <= 4 * REQUESTS as u64, "{asked:?}");
}
