//! A market maker on a FIX session of the SDK: quotes, moves its quote, and stays connected by itself.
//!
//! ```text
//! sealgate init DIR && sealgate serve --config DIR/sealgate.toml &
//! cargo run --example maker -- DIR [localhost:9444]
//! ```

use sealgate::client::fix::{Endpoint, Event, Options, Session};
use sealgate::client::{Amend, ApiKey, Error, NewOrder, OrderName, Recovery, tls};
use sealgate::types::{CancelOn, Side};
use std::path::PathBuf;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: maker DIR [ADDRESS]")?);
    let endpoint = Endpoint {
        address: arguments.next().unwrap_or_else(|| "localhost:9444".to_owned()),
        sender: "ALICE".to_owned(),
        target: "SEALGATE".to_owned(),
        tls: tls::Files::of_member(&folder, "alice").load()?,
        key: ApiKey::from_folder(&folder, "alice")?,
        // If this machine dies, its quotes shall not stand for longer than a second.
        options: Options { cancel_on: Some(CancelOn::Disconnect), ..Options::default() },
    };
    let (maker, mut events) = Session::connect(endpoint, Recovery::default()).await?;
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            match event {
                Event::Execution(report) => println!("{} {:?}", report.entered_as(), report.exec_type),
                other => println!("{other:?}"),
            }
        }
    });

    let quote = NewOrder::limit_maker("BTC-USD", Side::Buy, "0.02".parse()?, "99000.00".parse()?);
    let quote = match maker.place(&quote).await {
        Ok(quote) => quote.answer,
        // A promise: it did not execute and never will. The type says which of docs/rejects.md it was.
        Err(Error::Refused(refusal)) => return Err(format!("{:?}", refusal.reject).into()),
        Err(error) => return Err(error.into()),
    };
    let less = Amend {
        symbol: quote.symbol,
        order: OrderName::ClOrdId(quote.cl_ord_id),
        side: quote.side,
        qty: "0.01".parse()?,
        price: None,
        cl_ord_id: None,
        account: None,
    };
    let amended = maker.amend(&less).await?.answer;
    println!("amended: {} kept its place: {:?}", amended.order.qty, amended.kept_priority);
    println!("canceled: {}", maker.cancel_all(None, None, None).await?.answer.count);
    maker.close().await;
    Ok(())
}
