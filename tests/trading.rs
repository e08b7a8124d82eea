//! Trading as members do it, against a real server: over both protocols, through crashes, and with the examples of
//! the documentation.

#![allow(clippy::unwrap_used)] // Helpers fail as tests do.

mod support;

use sealgate::client::fix::{self, Received, Report, Reports};
use sealgate::client::ws::{self, Executions};
use sealgate::client::{Error, ExecutionReport, NewOrder};
use sealgate::types::{ExecType, OrdStatus, Reject, Side};
use std::time::Duration;
use support::raw::{RawTls, SOON};
use support::{Setup, TestServer};

const SYMBOL: &str = "BTC-USD";

fn limit(side: Side, qty: &str, price: &str) -> NewOrder {
    NewOrder::limit(SYMBOL, side, qty.parse().unwrap(), price.parse().unwrap())
}

async fn heard(executions: &mut Executions) -> ExecutionReport {
    tokio::time::timeout(SOON, executions.next())
        .await
        .expect("an execution in time")
        .expect("an open stream")
}

async fn told(reports: &mut Reports) -> Report {
    let received = tokio::time::timeout(SOON, reports.next()).await.expect("a report in time");
    let Received { report, .. } = received.expect("an open session");
    report
}

async fn execution(reports: &mut Reports) -> ExecutionReport {
    match told(reports).await {
        Report::Execution(report) => report,
        other => panic!("not an execution: {other:?}"),
    }
}

fn refusal(error: Error) -> Reject {
    match error {
        Error::Refused(refusal) => refusal.reject.expect("a refusal that has a name"),
        other => panic!("not a refusal: {other}"),
    }
}

#[tokio::test]
async fn an_order_rests_trades_and_both_sides_hear_of_it() {
    let venue = TestServer::start();
    let (alice, bob) = (venue.websocket("alice").await, venue.websocket("bob").await);
    let (mut to_alice, mut to_bob) = (alice.subscribe().await.unwrap(), bob.subscribe().await.unwrap());

    let resting = alice.place(&limit(Side::Sell, "0.5", "100000.00")).await.unwrap();
    assert_eq!((resting.status, resting.fills.len()), (OrdStatus::New, 0));
    let taker = bob.place(&limit(Side::Buy, "0.2", "100001.00")).await.unwrap();
    assert_eq!(taker.status, OrdStatus::Filled);
    assert_eq!(taker.fills[0].price, "100000.00".parse().unwrap(), "the resting order's price");

    assert_eq!(heard(&mut to_alice).await.exec_type, ExecType::New);
    let maker = heard(&mut to_alice).await;
    assert_eq!((maker.exec_type, maker.status), (ExecType::Trade, OrdStatus::PartiallyFilled));
    assert_eq!(heard(&mut to_bob).await.exec_type, ExecType::New);
    let take = heard(&mut to_bob).await;
    assert_eq!(take.trade.unwrap().id, maker.trade.unwrap().id, "one trade, two sides");
    assert!(maker.trade.unwrap().maker && !take.trade.unwrap().maker);

    let state = alice.status(SYMBOL, resting.order_id).await.unwrap();
    assert_eq!(state.cum_qty, "0.20000".parse().unwrap());
    assert_eq!(alice.open_orders(None).await.unwrap().len(), 1);
    assert_eq!(bob.open_orders(Some(SYMBOL)).await.unwrap().len(), 0);
    let ticker = bob.book_ticker(SYMBOL).await.unwrap();
    assert_eq!(ticker.ask_qty, "0.30000".parse().unwrap());
    let depth = bob.depth(SYMBOL, 5).await.unwrap();
    assert_eq!((depth.asks.len(), depth.bids.len()), (1, 0));

    let canceled = alice.cancel(SYMBOL, resting.order_id).await.unwrap();
    assert_eq!(canceled.status, OrdStatus::Canceled);
    let closed = heard(&mut to_alice).await;
    assert_eq!((closed.exec_type, closed.entered_as()), (ExecType::Canceled, resting.cl_ord_id.as_str()));
}

#[tokio::test]
async fn a_maker_over_fix_meets_a_taker_over_websocket() {
    let venue = TestServer::start();
    let (maker, mut reports) = venue.fix("alice").await;
    let taker = venue.websocket("bob").await;

    let sent = maker.place(&limit(Side::Buy, "1", "99990.00")).await.unwrap();
    let entered = execution(&mut reports).await;
    assert_eq!((entered.exec_type, entered.cl_ord_id.as_str()), (ExecType::New, sent.cl_ord_id.as_str()));

    let sold = taker.place(&NewOrder::market(SYMBOL, Side::Sell, "0.4".parse().unwrap())).await.unwrap();
    assert_eq!(sold.status, OrdStatus::Filled);
    let fill = execution(&mut reports).await;
    assert_eq!(fill.trade.unwrap().id, sold.fills[0].trade_id);

    let cancel = maker.cancel(SYMBOL, Side::Buy, sent.cl_ord_id.as_str(), None).await.unwrap();
    let canceled = execution(&mut reports).await;
    assert_eq!((canceled.exec_type, canceled.status), (ExecType::Canceled, OrdStatus::Canceled));
    assert_eq!(
        (canceled.cl_ord_id, canceled.orig_cl_ord_id),
        (cancel.cl_ord_id, Some(sent.cl_ord_id.clone()))
    );

    maker.cancel(SYMBOL, Side::Buy, sent.cl_ord_id.as_str(), None).await.unwrap();
    let Report::CancelRejected(late) = told(&mut reports).await else {
        panic!("a closed order was canceled")
    };
    assert_eq!(late.reject(), Some(Reject::TooLateToCancel));
    maker.logout().await;
}

#[tokio::test]
async fn the_same_order_sent_twice_executes_once_and_tells_the_first_result_again() {
    let venue = TestServer::start();
    let alice = venue.websocket("alice").await;
    let order = limit(Side::Buy, "0.1", "99000.00").named("once");
    let first = alice.place(&order).await.unwrap();
    let again = alice.send(alice.sign(&order)).await.unwrap();
    assert!(again.repeated);
    assert_eq!((again.answer.order_id, again.answer.status), (first.order_id, first.status));
    assert_eq!(alice.open_orders(None).await.unwrap().len(), 1);
    let other = limit(Side::Buy, "0.2", "99000.00").named("once");
    assert_eq!(refusal(alice.place(&other).await.unwrap_err()), Reject::DuplicateClOrdId);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let venue = TestServer::start();
    let alice = venue.websocket("alice").await;
    let placed = alice.place(&limit(Side::Buy, "0.1", "99000.00").named("kept")).await.unwrap();
    let (maker, mut reports) = venue.fix("bob").await;
    let sent = maker.place(&limit(Side::Sell, "0.3", "101000.00")).await.unwrap();
    let entered = execution(&mut reports).await;

    let venue = venue.crash_and_restart();
    let alice = venue.websocket("alice").await;
    let found = alice.status(SYMBOL, "kept").await.unwrap();
    assert_eq!((found.order_id, found.status), (placed.order_id, OrdStatus::New));
    let bob = venue.websocket("bob").await;
    let found = bob.status(SYMBOL, sent.cl_ord_id).await.unwrap();
    assert_eq!(Some(found.order_id), entered.order_id);
    assert_eq!(alice.cancel(SYMBOL, "kept").await.unwrap().status, OrdStatus::Canceled);
}

#[tokio::test]
async fn a_session_that_comes_back_with_its_numbers_hears_what_it_missed() {
    let venue = TestServer::start();
    let (maker, mut reports) = venue.fix("alice").await;
    let sent = maker.place(&limit(Side::Buy, "1", "99990.00")).await.unwrap();
    assert_eq!(execution(&mut reports).await.exec_type, ExecType::New);
    maker.logout().await;
    let numbers = maker.numbers();

    let taker = venue.websocket("bob").await;
    taker.place(&NewOrder::market(SYMBOL, Side::Sell, "0.4".parse().unwrap())).await.unwrap();

    let options = fix::Options { reset: false, numbers, ..Default::default() };
    let (_maker, mut reports) = venue.fix_with("alice", options).await.unwrap();
    let missed = execution(&mut reports).await;
    assert_eq!((missed.exec_type, missed.cl_ord_id), (ExecType::Trade, sent.cl_ord_id));
}

#[tokio::test]
async fn a_throttled_account_is_told_when_to_come_back_and_can_still_cancel() {
    let venue = Setup::new().rates(2, 100, 100).start();
    let alice = venue.websocket("alice").await;
    let first = alice.place(&limit(Side::Buy, "0.1", "99000.00")).await.unwrap();
    alice.place(&limit(Side::Buy, "0.1", "99000.00")).await.unwrap();
    let Error::Refused(throttled) = alice.place(&limit(Side::Buy, "0.1", "99000.00")).await.unwrap_err()
    else {
        panic!("not refused")
    };
    assert_eq!((throttled.reject, throttled.status), (Some(Reject::OrderRate), 429));
    assert_eq!(alice.cancel(SYMBOL, first.order_id).await.unwrap().status, OrdStatus::Canceled);
    let wait = throttled.retry_after.expect("when to come back");
    assert!(wait <= Duration::from_secs(1), "{wait:?}");
    tokio::time::sleep(wait).await;
    alice.place(&limit(Side::Buy, "0.1", "99000.00")).await.unwrap();
}

#[tokio::test]
async fn the_key_of_another_member_opens_nothing() {
    let venue = TestServer::start();
    let url = venue.url();
    let thief = ws::Client::connect(&url, venue.tls("bob"), venue.key("alice")).await.unwrap();
    assert!(matches!(thief.logon().await, Err(Error::Refused(_))));
    assert!(matches!(thief.place(&limit(Side::Buy, "0.1", "99000.00")).await, Err(Error::Refused(_))));
}

#[test]
fn certificates_of_strangers_are_refused_in_the_handshake() {
    let venue = TestServer::start();
    for at in [venue.fix_addr(), venue.ws_addr()] {
        assert!(RawTls::is_refused(at, venue.tls_of_stranger()));
        assert!(!RawTls::is_refused(at, venue.tls("alice")));
    }
}

/// The examples of the documentation, as their readers run them: on the folder of `sealgate init`.
mod examples {
    use super::*;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

    fn run(mut bot: Command, venue: &TestServer) -> String {
        let Output { status, stdout, stderr } = bot.arg(venue.folder()).arg(venue.url()).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{status}\n{out}\n{err}");
        out.into_owned()
    }

    fn placed_canceled_and_heard_of_both(said: &str) {
        let begins = |start: &str| said.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!((begins("placed: order"), begins("canceled: order")), (1, 1), "{said}");
        assert_eq!(begins("execution: "), 2, "{said}");
    }

    /// The bot on the SDK, where Cargo puts examples; built if this test was built alone.
    fn rust_bot() -> PathBuf {
        let here = std::env::current_exe().unwrap();
        let profile = here.parent().and_then(Path::parent).unwrap();
        let bot = profile.join("examples/bot");
        if !bot.exists() {
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--quiet", "--example", "bot"]).current_dir(REPOSITORY);
            if profile.ends_with("release") {
                build.arg("--release");
            }
            assert!(build.status().unwrap().success());
        }
        bot
    }

    #[test]
    fn the_rust_bot_places_cancels_and_prints_executions() {
        placed_canceled_and_heard_of_both(&run(Command::new(rust_bot()), &TestServer::start()));
    }

    /// `SEALGATE_PYTHON` names a Python with `websockets` and `cryptography`; `.ci/run` makes one.
    #[test]
    fn the_python_bot_places_cancels_and_prints_executions() {
        let python = std::env::var("SEALGATE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let packages = Command::new(&python).args(["-c", "import websockets, cryptography"]).output();
        if !packages.is_ok_and(|probe| probe.status.success()) {
            println!(
                "skipped: {python} has not the packages websockets and cryptography; set SEALGATE_PYTHON"
            );
            return;
        }
        let mut bot = Command::new(python);
        bot.arg(Path::new(REPOSITORY).join("docs/examples/bot.py"));
        placed_canceled_and_heard_of_both(&run(bot, &TestServer::start()));
    }
}

/// The demo as the README has it: it checks itself, so here it must notice what is wrong.
mod demo {
    use std::io::Write as _;
    use std::path::Path;
    use std::process::{Child, Command, Output, Stdio};
    use std::time::{Duration, Instant};

    fn demo(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealgate"));
        command.arg("demo").args(arguments);
        command
    }

    fn output(arguments: &[&str]) -> (bool, String) {
        let Output { status, stdout, stderr } = demo(arguments).output().unwrap();
        let err = String::from_utf8_lossy(&stderr);
        assert!(matches!(status.code(), Some(0 | 1)), "{status}\n{err}");
        println!("{err}");
        (status.success(), String::from_utf8(stdout).unwrap())
    }

    /// Kills the demo in the middle: once its clients have been promised `lines` things.
    fn kill_after(mut running: Child, folder: &Path, lines: usize) {
        let (until, promises) = (Instant::now() + Duration::from_secs(30), folder.join("acknowledged.jsonl"));
        while std::fs::read(&promises).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
            < lines
        {
            assert!(Instant::now() < until, "too few acknowledgements");
            std::thread::sleep(Duration::from_millis(5));
        }
        running.kill().unwrap();
        running.wait().unwrap();
    }

    #[test]
    fn it_tells_one_json_object_and_everything_holds() {
        let (holds, out) = output(&["--seconds", "1", "--json"]);
        let summary: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(holds, "{summary:#}");
        assert_eq!(summary["check"]["holds"], true);
        assert!(
            summary["orders"].as_u64().unwrap() > 10 && summary["fills"].as_u64().unwrap() > 0,
            "{summary:#}"
        );
        for check in summary["check"]["checks"].as_array().unwrap() {
            assert_ne!(check["compared"], 0, "{check}");
        }
    }

    #[test]
    fn killed_in_the_middle_it_has_lost_nothing_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let running = demo(&["--seconds", "60", "--keep", path]).stderr(Stdio::null()).spawn().unwrap();
        kill_after(running, folder.path(), 200);
        let (holds, out) = output(&["--check", path]);
        assert!(holds, "{out}");
        let (holds, out) = output(&["--seconds", "1", "--keep", path]);
        assert!(holds, "{out}");

        let mut promises =
            std::fs::OpenOptions::new().append(true).open(folder.path().join("acknowledged.jsonl")).unwrap();
        writeln!(promises, r#"{{"what":"order","account":"maker","clOrdId":"never-sent","orderId":1}}"#)
            .unwrap();
        let (holds, out) = output(&["--check", path]);
        assert!(!holds && out.contains("never-sent"), "{out}");
    }
}
