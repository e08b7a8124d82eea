//! The page that a Prometheus server reads: `GET /metrics`, in the OpenMetrics text format.
//!
//! It has a thread of its own under Tokio and sees nothing but the [`Board`]: whatever a monitor does, no agent waits.

#![allow(clippy::float_arithmetic)] // Seconds for a monitor, whose format has no others: no order depends on them.

mod connections;

use super::stats::{HAND_OVER, QUANTILES};
use crate::limits::{CONTROL_CONNECTIONS_MAX, CONTROL_IDLE_MAX};
use crate::sys::clock::Clock;
use crate::watch::{Board, Meter, Stage, State};
use axum::Router;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use connections::Bounded;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Upper bounds of the buckets of a stage: powers of two from 250 ns to two seconds.
const BUCKETS: u32 = 24;
const FIRST_BUCKET_NANOS: u64 = 250;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[error("admin listener {address}: {error}")]
pub struct MetricsError {
    address: SocketAddr,
    error: std::io::Error,
}

/// A listener that is bound.
#[derive(Debug)]
pub struct MetricsPage {
    listener: TcpListener,
    address: SocketAddr,
}

/// A page that is served; no more when this is dropped.
#[derive(Debug)]
pub struct MetricsServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MetricsPage {
    /// Binds the address.
    pub fn bind(address: SocketAddr) -> Result<Self, MetricsError> {
        let bound = || -> std::io::Result<Self> {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(Self { address: listener.local_addr()?, listener })
        };
        bound().map_err(|error| MetricsError { address, error })
    }

    /// Serves what stands on the board.
    pub fn start(self, board: Board) -> Result<MetricsServer, MetricsError> {
        let Self { listener, address } = self;
        let failed = |error| MetricsError { address, error };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("admin".to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(serve(listener, board, stopped)) {
                eprintln!(
                    "sealgate: warning: admin listener: {error}; nothing is told there until a restart"
                );
            }
        });
        Ok(MetricsServer { address, stop: Some(stop), thread: Some(thread.map_err(failed)?) })
    }
}

impl MetricsServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // What it said when it panicked is on stderr; the agents go on without it.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, board: Board, stop: oneshot::Receiver<()>) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let idle = Duration::from_millis(CONTROL_IDLE_MAX.as_millis());
    let listener = Bounded::new(listener, CONTROL_CONNECTIONS_MAX, idle);
    let mut registry = Registry::with_prefix("sealgate");
    registry.register_collector(Box::new(Page(board.clone())));
    let sampled = board.clone();
    let app = Router::new().route("/metrics", get(page)).with_state(Arc::new((registry, board)));
    tokio::select! {
        served = axum::serve(listener, app) => served,
        () = super::sample(&sampled) => Ok(()),
        // Told, or whoever would have told is gone. Who is in the middle of a page is cut off.
        _ = stop => Ok(()),
    }
}

type Served = Arc<(Registry, Board)>;

async fn page(Shared(served): Shared<Served>) -> Response {
    let (registry, board) = &*served;
    drop(board.refresh(Clock::new().now()));
    tokio::time::sleep(HAND_OVER).await;
    let mut text = String::new();
    match encode(&mut text, registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        // A String takes everything.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Everything on the board, read once a page.
#[derive(Debug)]
struct Page(Board);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let state = self.0.refresh(Clock::new().now());
        let mut uptime =
            encoder.encode_descriptor("uptime_seconds", "How long it runs", None, MetricType::Gauge)?;
        uptime.encode_gauge(&seconds(state.uptime().0))?;
        stages(&state, &mut encoder)?;
        quantiles(&state, &mut encoder)?;
        meters(&state, &mut encoder)?;
        let rejects = state.total().rejects().map(|(reject, count)| (reject.info().name, count));
        let says = "Refused requests by reason; docs/rejects.md has them all";
        counters(&mut encoder, "rejects", says, "reason", rejects)?;
        let says = "Security events by kind; docs/security.md has them all";
        counters(&mut encoder, "security_events", says, "event", state.security())
    }
}

/// Since the start, so that a monitor can take the difference of two pages.
fn stages(state: &State, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let says = "How long requests took in each stage";
    let mut all = encoder.encode_descriptor("stage_seconds", says, None, MetricType::Histogram)?;
    for stage in Stage::ALL {
        let times = state.total().stage(stage);
        let (mut buckets, mut from) = (Vec::new(), 0);
        for bound in (0..BUCKETS).map(|shift| FIRST_BUCKET_NANOS << shift) {
            buckets.push((seconds(bound), times.count_between(from, bound)));
            from = bound + 1;
        }
        let within: u64 = buckets.iter().map(|(_, count)| count).sum();
        buckets.push((f64::INFINITY, times.len().saturating_sub(within)));
        let sum = times.mean() * times.len() as f64 / 1e9;
        let labels = [("stage", stage.name())];
        all.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, times.len(), &buckets, None)?;
    }
    Ok(())
}

/// Of late, to one percent, for whoever wants to see the tail as it is.
fn quantiles(state: &State, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let says = "Quantiles of the times of the last 10 to 20 seconds, to one percent";
    let mut all = encoder.encode_descriptor("stage_recent_seconds", says, None, MetricType::Gauge)?;
    let (recent, _) = state.recent();
    for stage in Stage::ALL {
        let times = recent.stage(stage);
        for (_, quantile) in QUANTILES {
            let labels = [("stage", stage.name().to_owned()), ("quantile", quantile.to_string())];
            all.encode_family(&labels)?.encode_gauge(&seconds(times.value_at_quantile(quantile)))?;
        }
    }
    Ok(())
}

fn meters(state: &State, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let readings = state.readings();
    for meter in Meter::ALL {
        let kind = if meter.is_counter() { MetricType::Counter } else { MetricType::Gauge };
        let mut all = encoder.encode_descriptor(meter.name(), meter.says(), None, kind)?;
        for reading in readings.iter().filter(|reading| reading.meter == meter) {
            let labels = [("agent", reading.agent)];
            let mut one = all.encode_family(&labels)?;
            match meter.is_counter() {
                true => count(&mut one, reading.value)?,
                false => one.encode_gauge(&reading.value)?,
            }
        }
    }
    Ok(())
}

fn counters<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    says: &str,
    label: &str,
    counted: impl Iterator<Item = (&'a str, u64)>,
) -> fmt::Result {
    let mut all = encoder.encode_descriptor(name, says, None, MetricType::Counter)?;
    for (value, counted) in counted {
        let labels = [(label, value)];
        count(&mut family(&mut all, &labels)?, counted)?;
    }
    Ok(())
}

fn family<'s, S: EncodeLabelSet>(
    all: &'s mut MetricEncoder<'_>,
    labels: &'s S,
) -> Result<MetricEncoder<'s>, fmt::Error> {
    all.encode_family(labels)
}

fn count(one: &mut MetricEncoder<'_>, value: u64) -> fmt::Result {
    one.encode_counter::<NoLabelSet, u64, u64>(&value, None)
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
