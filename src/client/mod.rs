//! The SDK that bots, the demo and the tests use: asynchronous, small, and typed to the last refusal.
//!
//! ```text
//!   tls    a certificate, its key and the roots to trust ──► a rustls configuration
//!   sign   an Ed25519 API key ──► the two signed forms: sorted WebSocket parameters, the bytes of a FIX message
//!   ws     requests with answers, a stream of executions, and market data, over WebSocket
//!   fix    messages out, execution reports in, over a FIX session
//!   market what the venue tells of a market, and a book of one's own that follows it
//! ```
//!
//! A bot that places one order and cancels it:
//!
//! ```no_run
//! use sealgate::client::{ApiKey, NewOrder, tls, ws};
//! use sealgate::types::Side;
//! # async fn bot() -> Result<(), sealgate::client::Error> {
//! let tls = tls::Files { roots: "ca.pem", certificate: "alice.pem", key: "alice-key.pem" }.load()?;
//! let key = ApiKey::from_pem_file("alice", "alice-api-key.pem")?;
//! let bot = ws::Client::connect("wss://localhost:9443/ws-api/v3", tls, key).await?;
//! bot.logon().await?;
//! let order = NewOrder::limit("BTC-USD", Side::Buy, "0.5".parse()?, "64000.00".parse()?);
//! let placed = bot.place(&order).await?;
//! bot.cancel("BTC-USD", placed.order_id).await?;
//! # Ok(()) }
//! ```
//!
//! **What an error means for an order.** [`Error::Refused`] is a promise: it did not execute and never will.
//! [`Error::OutcomeUnknown`] is the absence of one: ask with [`ws::Client::status`] by ClOrdID, or send the same
//! order with the same ClOrdID again, which executes at most once. [`ws::Session`] does this by itself, and connects
//! again when a connection ends.

mod backoff;
mod connect;
mod error;
pub mod fix;
pub mod market;
mod order;
mod report;
mod session;
pub mod sign;
pub mod tls;
mod words;
pub mod ws;

pub use error::{ApiError, Error};
pub use order::{Amend, NewOrder, OrderName};
pub use report::{ExecutionReport, StreamPlace, Trade};
pub use session::{Event, Events, Recovered, Recovery, Timed};
pub use sign::ApiKey;
