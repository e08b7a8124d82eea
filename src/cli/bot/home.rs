//! A folder as `sealgate init` writes it → where the venue is, and what a member proves itself with.
//!
//! A member has its own files only. Where the folder has the venue's `sealgate.toml` too, that says where it
//! listens and what the member's FIX session is called; else those are what `sealgate init` sets up.

use super::{Failure, Options, Protocol};
use crate::client::{ApiKey, Error, tls};
use crate::config::{self, Config};
use rustls::ClientConfig;
use std::net::SocketAddr;
use std::sync::Arc;

/// What is needed to connect.
#[derive(Debug)]
pub struct Home {
    /// Certificates.
    pub tls: Arc<ClientConfig>,
    /// What signs.
    pub key: ApiKey,
    /// `wss://HOST:PORT/ws-api/v3`, or `HOST:PORT` over FIX.
    pub url: String,
    /// SenderCompID(49) and TargetCompID(56) of the member's session.
    pub comp_ids: (String, String),
}

impl Home {
    /// Reads the files of a member.
    pub fn find(options: &Options) -> Result<Self, Failure> {
        let (folder, member) = (&options.home, &options.member);
        let absent = |error: Error| match error {
            Error::Credentials(why) => Failure::Usage(format!(
                "{why}; --home names the folder that `sealgate init` wrote, --member whose files of it"
            )),
            other => Failure::Client(other),
        };
        let tls = tls::Files::of_member(folder, member).load().map_err(absent)?;
        let key = ApiKey::from_folder(folder, options.api_key.as_ref().unwrap_or(member)).map_err(absent)?;
        let venue = Venue::read(options)?;
        let url = match &options.url {
            Some(url) => with_protocol(url, options.protocol)?,
            None => venue.url(options.protocol)?,
        };
        Ok(Self { tls, key, url, comp_ids: venue.comp_ids(member) })
    }
}

/// `--url` as the protocol wants it.
fn with_protocol(url: &str, protocol: Protocol) -> Result<String, Failure> {
    let fits = match protocol {
        Protocol::Websocket => url.starts_with("wss://"),
        Protocol::Fix => !url.contains("://") && url.contains(':'),
    };
    let wanted = match protocol {
        Protocol::Websocket => "wss://HOST:PORT/ws-api/v3 over WebSocket",
        Protocol::Fix => "HOST:PORT over FIX",
    };
    if fits { Ok(url.to_owned()) } else { Err(Failure::Usage(format!("--url {url}: {wanted} is wanted"))) }
}

/// The venue's configuration, if it is in the folder.
struct Venue(Option<Config>);

impl Venue {
    fn read(options: &Options) -> Result<Self, Failure> {
        let path = options.home.join("sealgate.toml");
        if !path.exists() {
            return Ok(Self(None));
        }
        match config::load(&path) {
            Ok(config) => Ok(Self(Some(config))),
            // Whoever says where to connect can do without it.
            Err(_) if options.url.is_some() => Ok(Self(None)),
            Err(error) => Err(Failure::Usage(format!("{error}; or say where to connect with --url"))),
        }
    }

    fn url(&self, protocol: Protocol) -> Result<String, Failure> {
        let (listen, usual) = match (protocol, &self.0) {
            (Protocol::Websocket, Some(config)) => (config.websocket_listen, None),
            (Protocol::Fix, Some(config)) => (config.fix_listen, None),
            (Protocol::Websocket, None) => (None, Some("localhost:9443")),
            (Protocol::Fix, None) => (None, Some("localhost:9444")),
        };
        let address = match (listen, usual) {
            (Some(listen), _) => reachable(listen),
            (None, Some(usual)) => usual.to_owned(),
            (None, None) => {
                return Err(Failure::Usage("the venue does not listen for this protocol".to_owned()));
            }
        };
        Ok(match protocol {
            Protocol::Websocket => format!("wss://{address}/ws-api/v3"),
            Protocol::Fix => address,
        })
    }

    fn comp_ids(&self, member: &str) -> (String, String) {
        let known = self.0.as_ref().and_then(|config| {
            let directory = &config.directory;
            let id = directory.members().iter().find(|known| known.name == member)?.id;
            directory.sessions().iter().find(|session| session.member == id)
        });
        match known {
            Some(session) => (session.sender_comp_id.clone(), session.target_comp_id.clone()),
            None => (member.to_uppercase(), "SEALGATE".to_owned()),
        }
    }
}

/// An address that a client on this machine can connect to.
fn reachable(listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() { format!("localhost:{}", listen.port()) } else { listen.to_string() }
}
