//! QuickFIX's initiator trades with a Sealgate server.

use crate::chaos::{Chaos, Weather};
use crate::program::{Program, Tunnel, compile, free_port, is_equipped, stunnel};
use crate::support::{Fix, Setup, Venue};
use sealgate::run::recovery::{ReplayedStep, replay};
use sealgate::types::event::Execution;
use sealgate::types::{Event, ExecType, OrdStatus, Scale, SessionId, Span};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// Its sessions: name, and side of the book.
const DESKS: [(&str, char); 2] = [("alice", '2'), ("bob", '1')];

/// A venue that takes all that QuickFIX can send, on a port that stays when it starts again.
fn venue() -> (Venue, u16) {
    let port = free_port();
    let setup = Setup::new()
        .adjust(move |config| config.fix_listen = Some((Ipv4Addr::LOCALHOST, port).into()))
        .caps(|caps| caps.messages_per_second = 1_000_000)
        .file("\"2000/1s\"", "\"1000000/1s\"")
        .order_rate(1_000_000, Span::from_secs(1));
    (setup.start(), port)
}

fn settings(venue: &Venue, ports: &[u16]) -> String {
    let mut text =
        "[DEFAULT]\nConnectionType=initiator\nBeginString=FIX.4.4\nTargetCompID=SEALGATE\nHeartBtInt=1\n\
                    ReconnectInterval=1\nStartTime=00:00:00\nEndTime=00:00:00\nUseDataDictionary=N\n\
                    SocketConnectHost=127.0.0.1\nSocketNodelay=Y\n"
            .to_owned();
    for ((member, side), port) in DESKS.iter().zip(ports) {
        let key = venue.path(format!("{member}-api-key.pem"));
        let _ = write!(
            text,
            "[SESSION]\nSenderCompID={}\nSocketConnectPort={port}\nApiKey={member}\nApiKeyFile={}\nSide={side}\n",
            member.to_uppercase(),
            key.display()
        );
    }
    text
}

#[test]
fn quickfix_trades_over_a_bad_line_and_ends_with_the_same_numbers_and_executions() {
    if !is_equipped() {
        return;
    }
    let (started, orders) = (Instant::now(), crate::orders() / 2);
    let program = compile("initiator");
    let (mut venue, port) = venue();
    let tunnel = |(member, _): &(&str, char)| Tunnel {
        name: (*member).to_owned(),
        accept: free_port(),
        connect: port,
        certificate: (*member).to_owned(),
        is_client: true,
    };
    let tunnels = DESKS.each_ref().map(tunnel);
    let _stunnel = stunnel(venue.folder(), &tunnels);
    let weather = Weather { lose_every: 701, cut_every: u64::from(orders / 4).clamp(1_500, 10_000) };
    let lines = tunnels.each_ref().map(|tunnel| Chaos::start(weather, tunnel.accept));
    let (config, report) = (venue.path("quickfix.cfg"), venue.path("report.txt"));
    std::fs::write(&config, settings(&venue, &lines.each_ref().map(|line| line.port))).unwrap();
    let arguments = [config.to_str().unwrap(), &orders.to_string(), report.to_str().unwrap()];
    let mut quickfix = Program::start(&program, &arguments);

    // A crash in the middle of it. What was on its way is answered after it, or asked for again.
    while lines[0].tell().0 < u64::from(orders) {
        std::thread::sleep(Duration::from_millis(20));
    }
    venue.kill();
    venue.start_again();

    assert_eq!(quickfix.line(), "traded");
    lines.iter().for_each(Chaos::calm_down);
    quickfix.say("log out");
    let told: Vec<_> = DESKS.iter().map(|_| quickfix.line()).collect();
    quickfix.wait();
    let traded = started.elapsed();
    for line in &lines {
        let (messages, there, back, cuts) = line.tell();
        assert!(there > 0 && back > 0 && cuts > 0, "the weather was too good");
        println!("{messages} messages, lost {there} there and {back} back, {cuts} cuts");
    }
    for (told, (member, _)) in told.iter().zip(DESKS) {
        println!("{told}");
        goes_on_where_quickfix_stopped(&venue, member, told);
    }
    venue.stop();
    let theirs: BTreeSet<_> = std::fs::read_to_string(&report).unwrap().lines().map(str::to_owned).collect();
    let ours = executions(&venue);
    let differ: Vec<_> = ours.symmetric_difference(&theirs).take(5).collect();
    assert!(differ.is_empty(), "{} here, {} there, such as {differ:#?}", ours.len(), theirs.len());
    println!("{} executions are the same on both sides, after {traded:?}", ours.len());
}

/// A number of a line such as `ALICE out=12 in=13`.
pub fn number(told: &str, name: &str) -> u32 {
    let value = told.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("{told} has no {name}")).parse().unwrap()
}

/// A connection with QuickFIX's next numbers fits without a gap in either direction.
fn goes_on_where_quickfix_stopped(venue: &Venue, member: &str, told: &str) {
    let expected = number(told, "in");
    let mut fix = Fix::connect(venue, member);
    fix.next = number(told, "out");
    fix.logon("");
    let logon = fix.read();
    assert_eq!((logon.get(35), logon.get(34)), ("A", expected.to_string().as_str()), "{told}: {logon:?}");
    let probe = fix.message("1", "112=equal|", false);
    fix.send(&probe);
    let answer = fix.read();
    assert_eq!((answer.get(35), answer.get(112)), ("0", "equal"), "{told}: {answer:?}");
    assert_eq!(answer.get(34), (expected + 1).to_string());
    fix.log_out();
}

/// What the journal says that each session must have heard, in the words of the program's report.
fn executions(venue: &Venue) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let show = |step: ReplayedStep<'_>| {
        for (index, event) in step.events.iter().enumerate() {
            if let Event::Execution(execution) = event {
                lines.insert(line(execution, &format!("{}-{}-{}", step.shard, step.seq, index)));
            }
        }
    };
    replay(&venue.config().data_dir, &venue.vault(), show).unwrap();
    lines
}

fn line(it: &Execution, exec_id: &str) -> String {
    let (price, qty) = (Scale(2), Scale(5));
    let name = if it.order.session == SessionId(1) { "ALICE" } else { "BOB" };
    let exec_type = match it.exec_type {
        ExecType::New => "0",
        ExecType::Trade => "F",
        ExecType::Canceled => "4",
        other => panic!("{other:?}"),
    };
    let status = match it.order.status {
        OrdStatus::New => "0",
        OrdStatus::PartiallyFilled => "1",
        OrdStatus::Filled => "2",
        OrdStatus::Canceled => "4",
        other => panic!("{other:?}"),
    };
    let (cum, leaves) = (qty.text(it.order.cum_qty.0.into()), qty.text(it.order.leaves_qty().0.into()));
    let (last_qty, last_px) = it
        .fill
        .map_or_else(Default::default, |fill| (qty.text(fill.qty.0.into()), price.text(fill.price.0.into())));
    let order = it.order.cl_ord_id;
    format!("{name} {exec_id} {order} {exec_type} {status} {cum} {leaves} {last_qty} {last_px}")
}
