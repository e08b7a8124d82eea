//! From an address to a TLS connection, and the clock that stamps requests.

use super::Error;
use crate::types::Nanos;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Connects to `host:port` and makes both certificates known.
pub(super) async fn tls(address: &str, config: Arc<ClientConfig>) -> Result<TlsStream<TcpStream>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Connect(format!("{address}: {error}"));
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
    let tcp = TcpStream::connect(address).await.map_err(|error| failed(&error))?;
    tcp.set_nodelay(true).map_err(|error| failed(&error))?;
    let connector = tokio_rustls::TlsConnector::from(config);
    connector.connect(name, tcp).await.map_err(|error| failed(&error))
}

/// UTC, as this machine has it.
pub(super) fn now() -> Nanos {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
