//! Sealgate's client trades with QuickFIX's acceptor.
//!
//! A client never sends an order again as new, so what gets lost on the line stays lost until the application asks
//! for it once more. It can know: a session keeps order, so an order that is older than one that was answered, and has
//! no answer itself, never arrived. The acceptor ends the test if it sees one twice.

use crate::chaos::{Chaos, Weather};
use crate::program::{Program, Tunnel, compile, free_port, is_equipped, stunnel, wait_for};
use sealgate::client::fix::{Client, CompIds, Numbers, Options, Received, Report, Reports};
use sealgate::client::{ApiKey, Error, ExecutionReport, NewOrder, tls};
use sealgate::types::{ExecType, OrdStatus, Side};
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

const IN_FLIGHT_MAX: usize = 100;
const FAR_FROM_MARKET_EVERY: u32 = 8;
/// After so long a silence one more order is sent: its answer settles those before it.
const SILENCE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn sealgates_client_trades_with_quickfix_over_a_bad_line() {
    if !is_equipped() {
        return;
    }
    let (started, orders) = (Instant::now(), crate::orders());
    let dir = tempfile::tempdir().unwrap();
    sealgate::cli::init::write(dir.path()).unwrap();
    let (mut quickfix, port) = quickfix(dir.path());
    let weather = Weather { lose_every: 701, cut_every: u64::from(orders / 4).clamp(1_500, 10_000) };
    let line = Chaos::start(weather, port);
    let tunnel = Tunnel {
        name: "venue".to_owned(),
        accept: free_port(),
        connect: line.port,
        certificate: "server".to_owned(),
        is_client: false,
    };
    let _stunnel = stunnel(dir.path(), std::slice::from_ref(&tunnel));

    let mut trader = Trader::new(dir.path(), tunnel.accept, orders);
    trader.trade().await;
    line.calm_down();
    let numbers = trader.log_out().await;
    let traded = started.elapsed();
    quickfix.say("stop");
    let told = quickfix.line();
    quickfix.wait();
    let (messages, there, back, cuts) = line.tell();
    println!(
        "{messages} messages, lost {there} there and {back} back, {cuts} cuts; entered again: {}",
        trader.lost
    );
    println!("{told}");
    assert!(there > 0 && back > 0 && cuts > 0, "the weather was too good");
    let number = |name: &str| crate::initiator::number(&told, name);
    assert_eq!((numbers.next_out.0, numbers.next_in.0), (number("in"), number("out")), "{told}");
    assert_eq!(number("orders"), trader.entered);
    let theirs = std::fs::read_to_string(dir.path().join("report.txt")).unwrap();
    let theirs: BTreeSet<_> = theirs.lines().map(str::to_owned).collect();
    let differ: Vec<_> = trader.told.symmetric_difference(&theirs).take(5).collect();
    assert!(differ.is_empty(), "{} here, {} there, such as {differ:#?}", trader.told.len(), theirs.len());
    println!("{} executions are the same on both sides, after {traded:?}", theirs.len());
}

/// Its acceptor, and where it listens.
fn quickfix(folder: &Path) -> (Program, u16) {
    let port = free_port();
    let settings = format!(
        "[DEFAULT]\nConnectionType=acceptor\nBeginString=FIX.4.4\nSenderCompID=QUICKFIX\nTargetCompID=ALICE\n\
         StartTime=00:00:00\nEndTime=00:00:00\nUseDataDictionary=N\nSocketAcceptPort={port}\nSocketNodelay=Y\n\
         SocketReuseAddress=Y\n[SESSION]\n"
    );
    let (config, report) = (folder.join("quickfix.cfg"), folder.join("report.txt"));
    std::fs::write(&config, settings).unwrap();
    let key = folder.join("alice-api-key.pem");
    let arguments = [config.to_str().unwrap(), key.to_str().unwrap(), report.to_str().unwrap()];
    let mut program = Program::start(&compile("acceptor"), &arguments);
    assert_eq!(program.line(), "ready");
    wait_for(port);
    (program, port)
}

/// A request, by its ClOrdID.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ask {
    Enter(String),
    /// Cancel the order of this name.
    Cancel(String),
}

impl Ask {
    fn cl_ord_id(&self) -> String {
        match self {
            Self::Enter(order) => order.clone(),
            Self::Cancel(order) => format!("{order}-c"),
        }
    }
}

struct Trader {
    address: String,
    tls: std::sync::Arc<rustls::ClientConfig>,
    key: ApiKey,
    connection: Option<(Client, Reports)>,
    numbers: Option<Numbers>,
    orders: u32,
    entered: u32,
    lost: u32,
    /// To be sent, first to last.
    waiting: VecDeque<Ask>,
    /// Sent and not answered, first to last.
    in_flight: VecDeque<Ask>,
    resting: u32,
    told: BTreeSet<String>,
}

impl Trader {
    fn new(folder: &Path, port: u16, orders: u32) -> Self {
        Self {
            address: format!("localhost:{port}"),
            tls: tls::Files::of_member(folder, "alice").load().unwrap(),
            key: ApiKey::from_folder(folder, "alice").unwrap(),
            connection: None,
            numbers: None,
            orders,
            entered: 0,
            lost: 0,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            resting: 0,
            told: BTreeSet::new(),
        }
    }

    /// Until every order is filled or canceled.
    async fn trade(&mut self) {
        while self.entered < self.orders
            || !self.waiting.is_empty()
            || !self.in_flight.is_empty()
            || self.resting > 0
        {
            if self.connection.is_none() {
                self.connect().await;
            }
            self.fill_up(IN_FLIGHT_MAX).await;
            self.hear().await;
        }
    }

    /// Goes on where the last connection stopped; a line that broke a moment ago may need a few attempts.
    async fn connect(&mut self) {
        let options = Options {
            heartbeat_secs: 1,
            reset: self.numbers.is_none(),
            numbers: self.numbers.unwrap_or(Numbers::FRESH),
            timeout: Duration::from_secs(3),
            ..Options::default()
        };
        let comp_ids = CompIds { sender: "ALICE", target: "QUICKFIX" };
        for _ in 0..100 {
            let (tls, key) = (self.tls.clone(), self.key.clone());
            match Client::connect_with(&self.address, comp_ids, tls, key, options).await {
                Ok(connection) => return self.connection = Some(connection),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        panic!("no connection any more");
    }

    async fn fill_up(&mut self, in_flight_max: usize) {
        while self.in_flight.len() < in_flight_max {
            if self.waiting.is_empty() && self.entered < self.orders {
                self.enter_another();
            }
            let (Some(ask), Some((client, _))) = (self.waiting.pop_front(), &self.connection) else { return };
            match send(client, &ask).await {
                Ok(()) | Err(Error::OutcomeUnknown { .. }) => self.in_flight.push_back(ask),
                Err(Error::Closed(_)) => {
                    self.waiting.push_front(ask);
                    return;
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    fn enter_another(&mut self) {
        self.entered += 1;
        self.waiting.push_back(Ask::Enter(self.entered.to_string()));
    }

    async fn hear(&mut self) {
        let Some((client, reports)) = &mut self.connection else { return };
        match tokio::time::timeout(SILENCE, reports.next()).await {
            Ok(Some(received)) => self.take(received),
            Ok(None) => {
                self.numbers = Some(client.numbers());
                self.connection = None;
            }
            Err(_) => self.probe().await,
        }
        while let Some(received) = self.connection.as_mut().and_then(|(_, reports)| reports.try_next()) {
            self.take(received);
        }
    }

    /// Sends one more, whatever is in flight: it may be that nothing of that arrived.
    async fn probe(&mut self) {
        if self.waiting.is_empty() {
            self.enter_another();
        }
        self.fill_up(self.in_flight.len() + 1).await;
    }

    fn take(&mut self, received: Received) {
        let Report::Execution(report) = received.report else { panic!("{received:?}") };
        let order = report.entered_as().to_owned();
        assert!(self.told.insert(line(&order, &report)), "told twice: {report:?}");
        match report.exec_type {
            ExecType::New => {
                self.answered(&Ask::Enter(order.clone()));
                if is_far(&order) {
                    self.resting += 1;
                    self.waiting.push_back(Ask::Cancel(order));
                }
            }
            ExecType::Canceled => {
                self.answered(&Ask::Cancel(order));
                self.resting -= 1;
            }
            _ => {}
        }
    }

    /// What was sent before it and has no answer never arrived: it is asked for once more.
    fn answered(&mut self, ask: &Ask) {
        let place = self.in_flight.iter().position(|known| known == ask).expect("it was asked for");
        let lost: Vec<_> = self.in_flight.drain(..=place).take(place).collect();
        self.lost += lost.len() as u32;
        lost.into_iter().rev().for_each(|ask| self.waiting.push_front(ask));
    }

    /// Two heartbeats show what is missing and bring it, then the session ends in order.
    async fn log_out(&mut self) -> Numbers {
        let quiet = Instant::now();
        while quiet.elapsed() < Duration::from_millis(2_500) || self.connection.is_none() {
            if self.connection.is_none() {
                self.connect().await;
            }
            let (_, reports) = self.connection.as_mut().unwrap();
            if let Ok(None) = tokio::time::timeout(SILENCE, reports.next()).await {
                self.numbers = Some(self.connection.take().unwrap().0.numbers());
            }
        }
        let (client, _reports) = self.connection.take().unwrap();
        client.logout().await;
        client.numbers()
    }
}

async fn send(client: &Client, ask: &Ask) -> Result<(), Error> {
    let decimal = |text: &str| text.parse().unwrap();
    let cl_ord_id = ask.cl_ord_id();
    match ask {
        Ask::Enter(order) => {
            let price = decimal(if is_far(order) { "95000.00" } else { "100000.00" });
            let order = NewOrder::limit("BTC-USD", Side::Buy, decimal("0.01"), price).named(cl_ord_id);
            client.place(&order).await.map(drop)
        }
        Ask::Cancel(order) => {
            client.cancel("BTC-USD", Side::Buy, order.as_str(), Some(cl_ord_id)).await.map(drop)
        }
    }
}

/// Whether an order is one of those that rest until they are canceled.
fn is_far(order: &str) -> bool {
    order.parse::<u32>().unwrap().is_multiple_of(FAR_FROM_MARKET_EVERY)
}

/// In the words of the program's report.
fn line(order: &str, report: &ExecutionReport) -> String {
    let exec_type = match report.exec_type {
        ExecType::New => "0",
        ExecType::Trade => "F",
        ExecType::Canceled => "4",
        other => panic!("{other:?}"),
    };
    let status = match report.status {
        OrdStatus::New => "0",
        OrdStatus::Filled => "2",
        OrdStatus::Canceled => "4",
        other => panic!("{other:?}"),
    };
    format!("{order} {exec_type} {status} {}", report.cum_qty)
}
