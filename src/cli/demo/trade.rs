//! The clients of a demo, all on one ordinary thread with a runtime of its own, away from the server's pinned core.

use super::acknowledged::Acknowledged;
use super::maker::Maker;
use super::market::{Chance, Market};
use super::screen::Screen;
use super::setup::{MEMBERS, VENUE, credentials};
use super::taker::Taker;
use super::tally::{Protocol, Tally};
use super::witness::{Testimony, Witness};
use crate::client::{Error, fix, ws};
use crate::config::Directory;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// How long the market maker may take until every side has its quote.
const OPEN_MAX: Duration = Duration::from_secs(10);

/// What the clients need to know.
pub struct Plan {
    /// Where the credentials are.
    pub folder: PathBuf,
    /// Names and scales.
    pub directory: Arc<Directory>,
    /// How long to trade.
    pub length: Duration,
    /// Whether an earlier run may have left orders behind.
    pub is_continued: bool,
    /// Where acknowledgements are kept.
    pub acknowledged: Acknowledged,
    /// What is counted.
    pub tally: Tally,
}

/// Trades as planned against the server at these addresses, and says what each client saw.
pub async fn trade(plan: &Plan, fix: SocketAddr, websocket: SocketAddr) -> Result<Vec<Testimony>, Error> {
    if plan.is_continued {
        for name in MEMBERS {
            cancel_what_is_left(plan, websocket, name).await?;
        }
    }
    // ClOrdIDs are new in each run, so that none repeats one of an earlier run.
    let run = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let (open, mut is_open) = watch::channel(false);
    let (stop_maker, maker_stops) = watch::channel(false);
    let [maker_name, bots @ ..] = MEMBERS;

    let maker = tokio::spawn(start_maker(plan, fix, maker_name, run).await?.run(open, maker_stops));
    // What `wait_for` gives holds a lock that the maker needs, so it must not live on.
    let waited = tokio::time::timeout(OPEN_MAX, async { is_open.wait_for(|open| *open).await.is_ok() });
    if !matches!(waited.await, Ok(true)) {
        // The maker's own error says more, if it has one.
        stop_maker.send_replace(true);
        ended(maker.await)?;
        return Err(Error::Protocol(format!(
            "the market maker had no quotes on the book within {OPEN_MAX:?}"
        )));
    }

    let screen = tokio::spawn(Screen::new(plan.tally.clone(), plan.length).run());
    let stop = Arc::new(AtomicBool::new(false));
    let mut takers = Vec::new();
    for (at, name) in bots.into_iter().enumerate() {
        let taker = start_taker(plan, websocket, name, run, 77 + at as u64).await?;
        takers.push(tokio::spawn(taker.run(Arc::clone(&stop))));
    }
    tokio::time::sleep(plan.length).await;

    // The bots end first: then the last report of each of the maker's orders is the one that closes it.
    stop.store(true, Ordering::Relaxed);
    let mut testimonies = Vec::new();
    for taker in takers {
        testimonies.push(ended(taker.await)?);
    }
    screen.abort();
    stop_maker.send_replace(true);
    testimonies.insert(0, ended(maker.await)?);
    Ok(testimonies)
}

fn ended(task: Result<Result<Testimony, Error>, tokio::task::JoinError>) -> Result<Testimony, Error> {
    task.map_err(|error| Error::Protocol(format!("a client of the demo failed: {error}")))?
}

async fn start_maker(plan: &Plan, at: SocketAddr, name: &str, run: u128) -> Result<Maker, Error> {
    let (tls, key) = credentials(&plan.folder, name)?;
    let address = format!("localhost:{}", at.port());
    let session = fix::CompIds { sender: name, target: VENUE };
    let client = fix::Client::connect(&address, session, tls, key).await?;
    let witness = witness(plan, name, Protocol::Fix)?;
    Ok(Maker::new(client, witness, markets(plan), Chance::new(7), format!("{name}-{run}-")))
}

async fn start_taker(plan: &Plan, at: SocketAddr, name: &str, run: u128, seed: u64) -> Result<Taker, Error> {
    let (bot, witness) = (connect(plan, at, name).await?, witness(plan, name, Protocol::WebSocket)?);
    Taker::start(bot, witness, markets(plan), Chance::new(seed), format!("{name}-{run}-")).await
}

async fn connect(plan: &Plan, at: SocketAddr, name: &str) -> Result<ws::Client, Error> {
    let (tls, key) = credentials(&plan.folder, name)?;
    let url = format!("wss://localhost:{}/ws-api/v3", at.port());
    ws::Client::connect(&url, tls, key).await
}

fn witness(plan: &Plan, name: &str, over: Protocol) -> Result<Witness, Error> {
    let witness =
        Witness::new(name, over, Arc::clone(&plan.directory), plan.tally.clone(), plan.acknowledged.clone());
    witness.ok_or_else(|| Error::Credentials(format!("the configuration has no account {name}")))
}

fn markets(plan: &Plan) -> Vec<Market> {
    plan.directory.instruments().iter().map(Market::new).collect()
}

/// Orders of a run that was killed are open still, because nothing that was acknowledged is lost.
async fn cancel_what_is_left(plan: &Plan, at: SocketAddr, name: &str) -> Result<(), Error> {
    let bot = connect(plan, at, name).await?;
    bot.logon().await?;
    for order in bot.open_orders(None).await? {
        bot.cancel(&order.symbol, order.order_id).await?;
    }
    bot.close().await;
    Ok(())
}
