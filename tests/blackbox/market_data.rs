//! Books and trades as their subscribers hear of them: what is told leads to the book as it is, whoever reads how fast.

use crate::support::websocket::{refusal, resting, with};
use crate::support::{Setup, Venue, Ws};
use sealgate::client::market::{Level, LocalBook, MarketEvent, MarketTrade};
use sealgate::client::{NewOrder, ws};
use sealgate::types::{OrderId, Side};
use serde_json::{Value, json};
use std::time::Duration;

const SYMBOL: &str = "BTC-USD";

fn request(method: &str, params: Value) -> String {
    json!({"id": method, "method": method, "params": params}).to_string()
}

/// The next event of the stream `e`.
fn event(ws: &mut Ws, e: &str) -> Value {
    let message = ws.message();
    assert_eq!(message["event"]["e"], e, "{message}");
    message["event"].clone()
}

#[test]
fn a_book_is_told_as_it_is_and_then_what_changes_in_it() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    alice.place(&resting("b1"));
    let mut reader = Ws::connect(&venue, "bob");
    let begun = reader.raw(&request("depth.subscribe", json!({"symbol": SYMBOL})));
    assert_eq!(begun["result"]["subscriptionId"], 0, "{begun}");
    let snapshot = event(&mut reader, "depthSnapshot");
    assert_eq!(snapshot["bids"], json!([["99000.00", "0.01000"]]), "{snapshot}");
    assert_eq!((&snapshot["asks"], &snapshot["s"]), (&json!([]), &json!(SYMBOL)));

    alice.place(&with(with(resting("b2"), "price", "99500.00"), "quantity", "0.02"));
    let placed = event(&mut reader, "depthUpdate");
    assert_eq!(placed["b"], json!([["99500.00", "0.02000"]]), "{placed}");
    assert_eq!(placed["U"].as_u64(), snapshot["lastUpdateId"].as_u64().map(|last| last + 1));
    // What goes through one level and eats from the next is one step.
    let sell = with(with(resting("s1"), "side", "SELL"), "quantity", "0.025");
    bob.place(&sell);
    let traded = event(&mut reader, "depthUpdate");
    assert_eq!(traded["b"], json!([["99500.00", "0.00000"], ["99000.00", "0.00500"]]), "{traded}");
    assert_eq!(traded["U"].as_u64(), placed["u"].as_u64().map(|last| last + 1));
    let depth = reader.raw(&request("depth", json!({"symbol": SYMBOL})));
    assert_eq!(depth["result"]["bids"], json!([["99000.00", "0.00500"]]));

    let ended = reader.raw(&request("depth.unsubscribe", json!({"symbol": SYMBOL})));
    assert_eq!(ended["result"], json!({}), "{ended}");
    alice.place(&resting("b3"));
    assert!(reader.raw(&request("ping", json!({})))["result"].is_object(), "nothing more is told");
}

#[test]
fn ticker_and_trades_tell_the_best_of_each_side_and_each_trade() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    let (mut tickers, mut trades) = (Ws::connect(&venue, "bob"), Ws::connect(&venue, "alice"));
    tickers.raw(&request("ticker.book.subscribe", json!({"symbol": SYMBOL})));
    trades.raw(&request("trades.subscribe", json!({"symbol": SYMBOL})));
    let empty = event(&mut tickers, "bookTicker");
    assert_eq!((&empty["b"], &empty["A"]), (&json!("0.00"), &json!("0.00000")), "{empty}");
    alice.place(&resting("b1"));
    assert_eq!(event(&mut tickers, "bookTicker")["b"], "99000.00");
    // Behind the best: the ticker stays as it is.
    alice.place(&with(resting("b2"), "price", "98000.00"));
    let sold = bob.place(&with(with(resting("s1"), "side", "SELL"), "quantity", "0.004"));
    let (ticker, trade) = (event(&mut tickers, "bookTicker"), event(&mut trades, "trade"));
    assert_eq!((&ticker["b"], &ticker["B"]), (&json!("99000.00"), &json!("0.00600")), "{ticker}");
    assert_eq!(
        (&trade["p"], &trade["q"], &trade["m"]),
        (&json!("99000.00"), &json!("0.00400"), &json!(true))
    );
    assert_eq!((&trade["n"], &trade["u"]), (&json!(1), &ticker["u"]), "{trade}");
    let mine = alice.call("myTrades", &[("symbol", SYMBOL)]);
    assert_eq!(mine["result"][0]["id"], trade["t"], "{sold} {mine}");
    assert_eq!(mine["result"][0]["time"], trade["T"]);
}

#[test]
fn what_cannot_be_subscribed_to_is_refused_by_name() {
    let venue = Venue::start();
    let mut ws = Ws::connect(&venue, "alice");
    let cases = [
        ("depth.subscribe", json!({"symbol": "NONE"}), "SymbolUnknown"),
        ("trades.subscribe", json!({}), "FieldMissing"),
        ("depth.subscribe", json!({"symbol": SYMBOL, "limit": 1001}), "FieldValue"),
        ("ticker.book.subscribe", json!({"symbol": SYMBOL, "limit": 5}), "FieldNotForMessage"),
        ("depth.unsubscribe", json!({"symbol": SYMBOL}), "NotSubscribed"),
        ("trades.unsubscribe", json!({"symbol": SYMBOL}), "NotSubscribed"),
    ];
    for (method, params, name) in cases {
        let answer = ws.raw(&request(method, params));
        assert_eq!(refusal(&answer).0, name, "{answer}");
    }
}

#[test]
fn who_subscribes_again_begins_anew_under_the_same_number() {
    let venue = Venue::start();
    let (mut alice, mut reader) = (Ws::logged_on(&venue, "alice"), Ws::connect(&venue, "bob"));
    alice.place(&resting("b1"));
    alice.place(&with(resting("b2"), "price", "98000.00"));
    for (limit, seen) in [(5, 2), (1, 1)] {
        let params = json!({"symbol": SYMBOL, "limit": limit});
        let begun = reader.raw(&request("depth.subscribe", params));
        assert_eq!(begun["result"]["subscriptionId"], 0, "{begun}");
        let snapshot = event(&mut reader, "depthSnapshot");
        assert_eq!(snapshot["bids"].as_array().map(Vec::len), Some(seen), "{snapshot}");
    }
    // A level that comes into sight is told, and one that leaves it too.
    alice.place(&with(resting("b3"), "price", "99100.00"));
    let better = event(&mut reader, "depthUpdate");
    assert_eq!(better["b"], json!([["99100.00", "0.01000"], ["99000.00", "0.00000"]]), "{better}");
    alice.call("order.cancel", &[("symbol", SYMBOL), ("origClientOrderId", "b3")]);
    let worse = event(&mut reader, "depthUpdate");
    assert_eq!(worse["b"], json!([["99100.00", "0.00000"], ["99000.00", "0.01000"]]), "{worse}");
}

/// A number below `bound`, always the same ones.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Two bots that trade with each other at random around a price.
struct Flow {
    random: Random,
    bots: [ws::Client; 2],
    open: Vec<(usize, OrderId)>,
}

impl Flow {
    async fn new(venue: &Venue) -> Self {
        let bots = [venue.websocket("alice").await, venue.websocket("bob").await];
        Self { random: Random(88_172_645_463_325_252), bots, open: Vec::new() }
    }

    async fn run(&mut self, symbol: &str, orders: usize) {
        for _ in 0..orders {
            let bot = self.random.below(2) as usize;
            if self.random.below(4) == 0 && !self.open.is_empty() {
                let at = self.random.below(self.open.len() as u64) as usize;
                let (owner, id) = self.open.swap_remove(at);
                // It may have traded meanwhile.
                let _ = self.bots[owner].cancel(symbol, id).await;
                continue;
            }
            let side = if self.random.below(2) == 0 { Side::Buy } else { Side::Sell };
            let price = format!("{}.00", 99_990 + self.random.below(20)).parse().unwrap();
            let qty = format!("0.0{:02}", 1 + self.random.below(90)).parse().unwrap();
            let order = NewOrder::limit(symbol, side, qty, price);
            let placed = self.bots[bot].place(&order).await.unwrap();
            self.open.push((bot, placed.order_id));
        }
    }
}

/// Rates and limits that a test of a few hundred orders does not meet.
fn busy_venue(topology: &str) -> Venue {
    Setup::new().order_rate(100_000, sealgate::types::Span::from_secs(1)).topology(topology).start()
}

/// Reads until the book has come as far as the answer to `depth`, and compares.
async fn catch_up(book: &mut LocalBook, market: &mut ws::MarketData, asker: &ws::Client, symbol: &str) {
    let depth = asker.depth(symbol, 1_000).await.unwrap();
    let same = |book: &LocalBook| {
        let side = |levels: &mut dyn Iterator<Item = &Level>| -> Vec<Level> { levels.copied().collect() };
        side(&mut book.bids()) == depth.bids && side(&mut book.asks()) == depth.asks
    };
    let read = async {
        while !same(book) {
            let event = market.next().await.expect("the connection lives");
            book.apply(&event).unwrap();
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(10), read).await;
    assert!(done.is_ok(), "{symbol}: {book:?} never became {depth:?}");
    assert!(book.last_update_id().is_some_and(|last| last <= depth.last_update_id));
}

#[tokio::test]
async fn under_random_flow_snapshot_and_changes_are_the_book_at_every_gateway() {
    for topology in ["1x1/1", "2x2/4"] {
        let venue = busy_venue(topology);
        let mut flow = Flow::new(&venue).await;
        for symbol in [SYMBOL, "BTC-PERP"] {
            flow.run(symbol, 20).await;
            let (mut readers, mut books) = (Vec::new(), Vec::new());
            // Connections are dealt out to the gateways in turn.
            for _ in 0..3 {
                let reader =
                    ws::Client::connect(&venue.url(), venue.tls("bob"), venue.key("bob")).await.unwrap();
                let market = reader.market_data().await.unwrap();
                market.depth(symbol, 1_000).await.unwrap();
                market.trades(symbol).await.unwrap();
                readers.push(market);
                books.push(LocalBook::new(symbol));
            }
            for _ in 0..3 {
                flow.run(symbol, 60).await;
                for (book, market) in books.iter_mut().zip(&mut readers) {
                    catch_up(book, market, &flow.bots[0], symbol).await;
                }
            }
            flow.open.clear();
        }
    }
}

#[tokio::test]
async fn trades_are_told_once_each_and_to_all_in_one_order() {
    let venue = busy_venue("2x2/4");
    let mut flow = Flow::new(&venue).await;
    let mut readers = Vec::new();
    for _ in 0..2 {
        let reader = ws::Client::connect(&venue.url(), venue.tls("alice"), venue.key("alice")).await.unwrap();
        let market = reader.market_data().await.unwrap();
        market.trades(SYMBOL).await.unwrap();
        readers.push(market);
    }
    // Both gateways follow the book before the first order.
    for reader in &readers {
        reader.depth(SYMBOL, 1).await.unwrap();
    }
    flow.run(SYMBOL, 150).await;
    let mine = flow.bots[0].trades(SYMBOL, 1_000).await.unwrap();
    let theirs = flow.bots[1].trades(SYMBOL, 1_000).await.unwrap();
    let mut wanted: Vec<u64> = mine.iter().chain(&theirs).map(|trade| trade.id.0).collect();
    wanted.sort_unstable();
    wanted.dedup();
    assert!(wanted.len() > 10, "{}", wanted.len());
    for reader in &mut readers {
        let mut heard: Vec<MarketTrade> = Vec::new();
        while heard.len() < wanted.len() {
            let event = tokio::time::timeout(Duration::from_secs(10), reader.next()).await.unwrap();
            if let Some(MarketEvent::Trade(trade)) = event {
                heard.push(trade);
            }
        }
        assert!(heard.iter().map(|trade| trade.id.0).eq(wanted.iter().copied()));
        assert!(heard.iter().map(|trade| trade.number).eq((1..=wanted.len() as u64).map(Some)));
    }
}

#[tokio::test]
async fn a_book_goes_on_after_a_crash_with_a_new_snapshot() {
    let mut venue = busy_venue("2x2/4");
    let mut flow = Flow::new(&venue).await;
    flow.run(SYMBOL, 40).await;
    let before = flow.bots[0].depth(SYMBOL, 1_000).await.unwrap();
    venue.kill();
    venue.start_again();
    let mut flow = Flow::new(&venue).await;
    let mut market = flow.bots[0].market_data().await.unwrap();
    market.depth(SYMBOL, 1_000).await.unwrap();
    let Some(MarketEvent::Snapshot(snapshot)) = market.next().await else { panic!("a snapshot first") };
    assert_eq!((&snapshot.bids, &snapshot.asks), (&before.bids, &before.asks));
    assert!(snapshot.last_update_id >= before.last_update_id, "the numbers go on");
    let mut book = LocalBook::new(SYMBOL);
    book.apply(&MarketEvent::Snapshot(snapshot)).unwrap();
    flow.run(SYMBOL, 40).await;
    let asker = venue.websocket("bob").await;
    catch_up(&mut book, &mut market, &asker, SYMBOL).await;
}

/// While more bytes wait than all buffers hold, hundreds of changes happen; what is told of them then is a few updates.
#[tokio::test]
async fn a_slow_reader_skips_states_of_the_book_and_never_has_a_wrong_one() {
    let venue = Setup::new()
        .order_rate(100_000, sealgate::types::Span::from_secs(1))
        .caps(|caps| {
            caps.output_bytes = 256 * 1024 * 1024;
            caps.messages_per_second = 1_000_000;
        })
        .start();
    let mut flow = Flow::new(&venue).await;
    let mut slow = Ws::connect(&venue, "alice");
    slow.raw(&request("depth.subscribe", json!({"symbol": SYMBOL, "limit": 1000})));
    let snapshot = event(&mut slow, "depthSnapshot");
    let filler = 8_000;
    for _ in 0..filler {
        slow.socket.write(tungstenite::Message::text(request("exchangeInfo", json!({})))).unwrap();
    }
    slow.socket.flush().unwrap();
    flow.run(SYMBOL, 300).await;
    let depth = flow.bots[0].depth(SYMBOL, 1_000).await.unwrap();

    let (mut answers, mut updates, mut widest) = (0, 0, 0);
    let mut book = Book::of(&snapshot);
    let done =
        |book: &Book| book.side(0) == json_levels(&depth.bids) && book.side(1) == json_levels(&depth.asks);
    while answers < filler || !done(&book) {
        let message = slow.message();
        if message.get("event").is_none() {
            answers += 1;
            continue;
        }
        updates += 1;
        widest = widest.max(book.apply(&message["event"]));
    }
    assert!(updates < 100 && widest > 200, "{updates} updates, the widest of {widest} steps");
}

/// A reader's own book, by the words of the page and not by the SDK.
struct Book {
    sides: [std::collections::BTreeMap<String, String>; 2],
    last: u64,
}

impl Book {
    fn of(snapshot: &Value) -> Self {
        let mut book = Self { sides: Default::default(), last: snapshot["lastUpdateId"].as_u64().unwrap() };
        book.change([&snapshot["bids"], &snapshot["asks"]]);
        book
    }

    /// Follows an update; how many steps it covers.
    fn apply(&mut self, update: &Value) -> u64 {
        let (first, last) = (update["U"].as_u64().unwrap(), update["u"].as_u64().unwrap());
        assert_eq!(first, self.last + 1, "no gap: {update}");
        self.last = last;
        self.change([&update["b"], &update["a"]]);
        last - first + 1
    }

    fn change(&mut self, sides: [&Value; 2]) {
        for (side, levels) in self.sides.iter_mut().zip(sides) {
            for level in levels.as_array().unwrap() {
                let (price, qty) = (level[0].as_str().unwrap(), level[1].as_str().unwrap());
                if qty.trim_matches(['0', '.']).is_empty() {
                    assert!(side.remove(price).is_some(), "what goes was there: {level}");
                } else {
                    side.insert(price.to_owned(), qty.to_owned());
                }
            }
        }
    }

    fn side(&self, side: usize) -> std::collections::BTreeMap<String, String> {
        self.sides[side].clone()
    }
}

fn json_levels(levels: &[Level]) -> std::collections::BTreeMap<String, String> {
    levels.iter().map(|(price, qty)| (price.to_string(), qty.to_string())).collect()
}
