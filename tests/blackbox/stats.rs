//! What a running server tells of itself: over the control socket, and to a monitor over HTTP.

use crate::support::fix::buy;
use crate::support::venue::Setup;
use crate::support::websocket::{resting, with};
use crate::support::{Fix, PATIENCE, Venue, Ws};
use sealgate::admin::client::Control;
use sealgate::admin::protocol::Request;
use sealgate::types::Span;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Instant;

fn venue() -> Venue {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    Setup::new()
        .order_rate(4, Span::from_secs(600))
        .adjust(move |config| config.admin = Some(anywhere))
        .start()
}

fn stats(venue: &Venue) -> Value {
    ask(&venue.path("data/control.sock"))
}

/// What a server tells over its control socket.
pub fn ask(socket: &Path) -> Value {
    Control::connect(socket).unwrap().ask(&Request::Stats).unwrap()
}

/// Of one agent.
pub fn meter(stats: &Value, agent: &str, name: &str) -> u64 {
    let agents = stats["agents"].as_array().unwrap();
    let agent = agents.iter().find(|known| known["agent"] == agent).unwrap_or_else(|| panic!("{stats}"));
    let value = &agent[name];
    value.as_u64().or(value["total"].as_u64()).unwrap_or_else(|| panic!("{name}: {agent}"))
}

fn get(venue: &Venue, path: &str) -> String {
    let mut stream = TcpStream::connect(venue.admin_addr()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// The value of a line of the page.
#[track_caller]
fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {page}")).trim().parse().unwrap()
}

/// Orders over both protocols, one of them refused by the gateway and one by the shard.
fn trade(venue: &Venue) -> (Fix, Ws) {
    let (mut fix, mut ws) = (Fix::logged_on(venue, "alice"), Ws::logged_on(venue, "bob"));
    for n in 0..3 {
        assert_eq!(fix.enter(buy(&format!("f-{n}"))).get(150), "0");
        assert_eq!(ws.place(&resting(&format!("w-{n}")))["status"], 200);
    }
    assert_eq!(fix.enter(buy("far").replace("44=99000.00", "44=1.00")).get(150), "8");
    assert_eq!(ws.place(&resting("w-3"))["status"], 200);
    assert_eq!(ws.place(&with(resting("w-4"), "side", "BUY"))["error"]["data"]["name"], "OrderRate");
    (fix, ws)
}

#[test]
fn the_control_socket_tells_stages_agents_refusals_and_security() {
    let venue = venue();
    let _clients = trade(&venue);
    let started = Instant::now();
    let mut told = stats(&venue);
    while told["stages_ns"][7]["count"] != 8 && started.elapsed() < PATIENCE {
        told = stats(&venue);
    }
    let at_once = told.clone();
    // Tables are made beside the path, one at a time; on a busy machine that takes longer than "of late" is.
    while meter(&told, "verify-keeper", "key_tables") < 2 && started.elapsed() < PATIENCE {
        told = stats(&venue);
    }
    for stages in ["stages_ns", "recent_stages_ns"] {
        for stage in at_once[stages].as_array().unwrap() {
            assert_eq!(stage["count"], 8, "{stage}");
            let times = ["p50", "p90", "p99", "p99.9", "p99.99"].map(|name| stage[name].as_u64().unwrap());
            assert!(times.is_sorted() && times[0] > 0, "{stage}");
        }
    }
    let of = |agent: &str, name: &str| meter(&told, agent, name);
    assert_eq!((of("gateway-0", "requests"), of("gateway-0", "answers")), (8, 8));
    assert_eq!((of("gateway-0", "fix_connections"), of("gateway-0", "websocket_connections")), (1, 1));
    assert_eq!(of("gateway-0", "verified_by_table") + of("gateway-0", "verified_by_dalek"), 11, "logons too");
    assert!(of("shard-0", "records") >= 8 && of("journal-0", "records_written") > 8, "{told}");
    assert_eq!((of("shard-0", "records_not_durable"), of("shard-0", "inputs_waiting")), (0, 0));
    assert!(of("verify-keeper", "key_tables") >= 2, "{told}");
    assert_eq!(told["rejects"], serde_json::json!({ "OrderRate": 1, "PriceOutsideBand": 1 }));
    assert_eq!(at_once["recent_rejects"], told["rejects"]);
}

#[test]
fn a_monitor_reads_the_same_as_a_page_of_prometheus() {
    let venue = venue();
    let _clients = trade(&venue);
    let page = get(&venue, "/metrics");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\ncontent-type: application/openmetrics-text"), "{page}");
    assert!(page.trim_end().ends_with("# EOF"), "{page}");
    assert_eq!(value(&page, r#"sealgate_requests_total{agent="gateway-0"}"#), 8.0);
    assert_eq!(value(&page, r#"sealgate_fix_connections{agent="gateway-0"}"#), 1.0);
    assert_eq!(value(&page, r#"sealgate_rejects_total{reason="OrderRate"}"#), 1.0);
    assert_eq!(value(&page, r#"sealgate_stage_seconds_count{stage="match"}"#), 8.0);
    assert_eq!(value(&page, r#"sealgate_stage_seconds_bucket{le="+Inf",stage="total"}"#), 8.0);
    let (sum, p50) = (
        value(&page, r#"sealgate_stage_seconds_sum{stage="total"}"#),
        value(&page, r#"sealgate_stage_recent_seconds{stage="total",quantile="0.5"}"#),
    );
    assert!(0.0 < p50 && p50 < sum && sum < 60.0, "{page}");
    assert!(get(&venue, "/").starts_with("HTTP/1.1 404"));
}

#[test]
fn the_kernels_part_is_a_stage_of_its_own_where_it_is_asked_for() {
    let venue = Setup::new().adjust(|config| config.sockets.kernel_timestamps = true).start();
    let mut ws = Ws::logged_on(&venue, "bob");
    for n in 0..3 {
        assert_eq!(ws.place(&resting(&format!("w-{n}")))["status"], 200);
    }
    let told = stats(&venue);
    let kernel = &told["stages_ns"][0];
    // Once for each read, but for those before the kernel has begun to stamp.
    assert_eq!((&kernel["stage"], kernel["count"].as_u64() >= Some(3)), (&"kernel".into(), true), "{told}");
    assert!(kernel["p50"].as_u64() > Some(0), "{told}");
    assert_eq!(told["stages_ns"][1]["stage"], "decode", "{told}");
}

#[test]
fn looking_changes_nothing_and_stops_nobody() {
    let mut venue = venue();
    let (mut fix, _ws) = trade(&venue);
    let socket = venue.path("data/control.sock");
    std::thread::scope(|scope| {
        let looking =
            scope.spawn(|| (0..20).map(|_| ask(&socket)["uptime_millis"].as_u64()).collect::<Vec<_>>());
        for n in 0..20 {
            fix.order("H", format!("11=f-{}|54=1|55=BTC-USD|", n % 3));
            assert_eq!(fix.read().get(150), "I");
        }
        assert!(looking.join().unwrap().is_sorted());
    });
    assert_eq!(meter(&stats(&venue), "gateway-0", "requests"), 28);
    drop(fix);
    let ended = venue.stop();
    assert_eq!(ended.figures.rejects().map(|(_, count)| count).sum::<u64>(), 2, "nothing is lost by looking");
}
