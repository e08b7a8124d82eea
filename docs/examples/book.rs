//! A book of one's own: a snapshot, then what changes in it, and a new snapshot whenever something is missing.
//!
//! ```text
//! sealgate init DIR && sealgate serve --config DIR/sealgate.toml &
//! cargo run --example book -- DIR [wss://localhost:9443/ws-api/v3]
//! ```

use sealgate::client::market::{Level, LocalBook};
use sealgate::client::{ApiKey, tls, ws};
use std::path::PathBuf;

const SYMBOL: &str = "BTC-USD";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: book DIR [URL]")?);
    let url = arguments.next().unwrap_or_else(|| "wss://localhost:9443/ws-api/v3".to_owned());
    let tls = tls::Files::of_member(&folder, "alice").load()?;
    let client = ws::Client::connect(&url, tls, ApiKey::from_folder(&folder, "alice")?).await?;

    // No logon: the market is public. The best twenty levels of each side are seen.
    let mut market = client.market_data().await?;
    market.depth(SYMBOL, 20).await?;
    let mut book = LocalBook::new(SYMBOL);
    while let Some(event) = market.next().await {
        if let Err(gap) = book.apply(&event) {
            // The book is empty now. Whoever subscribes again gets a snapshot.
            println!("{gap}");
            market.depth(SYMBOL, 20).await?;
        }
        println!("bid {}, ask {}", said(book.best_bid()), said(book.best_ask()));
    }
    Err(client.why_closed().into())
}

fn said(level: Option<&Level>) -> String {
    level.map_or_else(|| "nothing".to_owned(), |(price, qty)| format!("{qty} @ {price}"))
}
