//! A bot on the SDK: logs on, follows its executions, places an order and cancels it.
//!
//! ```text
//! sealgate init DIR && sealgate serve --config DIR/sealgate.toml &
//! cargo run --example bot -- DIR [wss://localhost:9443/ws-api/v3]
//! ```

use sealgate::client::{ApiKey, Error, NewOrder, tls, ws};
use sealgate::types::Side;
use std::path::PathBuf;

const MEMBER: &str = "alice";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: bot DIR [URL]")?);
    let url = arguments.next().unwrap_or_else(|| "wss://localhost:9443/ws-api/v3".to_owned());

    // Two proofs: the certificate says which member connects, the API key signs each order.
    let tls = tls::Files {
        roots: folder.join("ca.pem"),
        certificate: folder.join(format!("{MEMBER}.pem")),
        key: folder.join(format!("{MEMBER}-key.pem")),
    };
    let key = ApiKey::from_pem_file(MEMBER, folder.join(format!("{MEMBER}-api-key.pem")))?;
    let bot = ws::Client::connect(&url, tls.load()?, key).await?;
    bot.logon().await?;

    let mut executions = bot.subscribe().await?;
    let follow = tokio::spawn(async move {
        while let Some(report) = executions.next().await {
            println!("execution: {} {:?} {:?}", report.cl_ord_id, report.exec_type, report.status);
        }
    });

    let order = NewOrder::limit("BTC-USD", Side::Buy, "0.01".parse()?, "99000.00".parse()?);
    match bot.place(&order).await {
        Ok(placed) => {
            println!("placed: order {}", placed.order_id);
            let canceled = bot.cancel("BTC-USD", placed.order_id).await?;
            println!("canceled: order {} {:?}", canceled.order_id, canceled.status);
        }
        // A promise: it did not execute and never will.
        Err(Error::Refused(refusal)) => println!("refused: {refusal}"),
        // No promise: ask for it by its ClOrdID.
        Err(Error::OutcomeUnknown { cl_ord_id, .. }) => {
            println!("it became {:?}", bot.status("BTC-USD", cl_ord_id).await?);
        }
        Err(error) => return Err(error.into()),
    }
    bot.close().await;
    Ok(follow.await?)
}
