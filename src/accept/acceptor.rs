//! What all connections of a listener share: the server's certificate, and the roots of its clients'.

use super::connection::TlsConnection;
use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

/// The common name of the CA in `certs/`. Its key is public, so a server that is to be more than a toy must not use it.
pub const DEVELOPMENT_CA: &str = "Sealgate development CA - not for production";

/// What an [`Acceptor`] is made of: the contents of PEM files.
#[derive(Clone)]
pub struct TlsPems {
    /// The server's certificate chain, its own first.
    pub certificate: Vec<u8>,
    /// The server's private key: PKCS#8, SEC1 or PKCS#1.
    pub key: Vec<u8>,
    /// Roots that a client's certificate must come from.
    pub client_roots: Vec<u8>,
}

/// Why no [`Acceptor`] can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptorError {
    /// A file has no PEM section of the kind that is needed.
    #[error("there is no {0} in the file")]
    Missing(&'static str),
    /// A PEM section is broken.
    #[error("a {what} is not readable: {why}")]
    Unreadable {
        /// What should stand there.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The key is not that of the certificate.
    #[error("the key does not belong to the certificate")]
    KeyMismatch,
    /// The certificate or the key is of a kind that TLS 1.3 cannot use.
    #[error("the certificate and its key cannot be used: {0}")]
    Unusable(String),
}

/// Makes connections. Cheap to clone; what it was made with stays as it is for the connections that it made.
#[derive(Clone, Debug)]
pub struct Acceptor {
    config: Arc<ServerConfig>,
    development: bool,
}

impl Acceptor {
    /// Reads certificates and key, and fixes how TLS is spoken.
    pub fn new(pems: &TlsPems) -> Result<Self, AcceptorError> {
        let chain = certificates(&pems.certificate, "certificate")?;
        let roots = certificates(&pems.client_roots, "root certificate")?;
        let key = PrivateKeyDer::from_pem_slice(&pems.key).map_err(|why| match why {
            rustls::pki_types::pem::Error::NoItemsFound => AcceptorError::Missing("private key"),
            why => AcceptorError::Unreadable { what: "private key", why: why.to_string() },
        })?;
        let development = roots.iter().chain(&chain).any(is_development);
        let config = Arc::new(server_config(chain, key, roots)?);
        // Tried once here, so that a connection cannot fail to begin.
        ServerConnection::new(Arc::clone(&config)).map_err(unusable)?;
        Ok(Self { config, development })
    }

    /// A connection that was just accepted.
    pub fn connection(&self) -> TlsConnection {
        let tls = ServerConnection::new(Arc::clone(&self.config));
        TlsConnection::new(tls.expect("the configuration was tried when the acceptor was made"))
    }

    /// Whether the development CA of `certs/` has signed the server's certificate, or is a root of the clients'.
    pub fn uses_development_ca(&self) -> bool {
        self.development
    }
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Vec<CertificateDer<'static>>,
) -> Result<ServerConfig, AcceptorError> {
    // What is recorded today should not be readable with the computers of tomorrow.
    let kx_groups = vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1];
    let provider = Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() });
    let mut store = RootCertStore::empty();
    for root in roots {
        store
            .add(root)
            .map_err(|why| AcceptorError::Unreadable { what: "root certificate", why: why.to_string() })?;
    }
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider))
        .build()
        .map_err(|why| AcceptorError::Unusable(why.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    // A session is never resumed: each connection proves its certificate, so that a revoked one ends there.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    // Compressing a certificate saves nothing on a connection that lives all day.
    config.cert_compressors = Vec::new();
    config.cert_decompressors = Vec::new();
    // Each protocol has a port of its own, and clients differ in what they offer: none is asked for.
    config.alpn_protocols = Vec::new();
    Ok(config)
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, AcceptorError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|why| AcceptorError::Unreadable { what, why: why.to_string() })?;
    if found.is_empty() { Err(AcceptorError::Missing(what)) } else { Ok(found) }
}

fn unusable(error: rustls::Error) -> AcceptorError {
    match error {
        rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch) => AcceptorError::KeyMismatch,
        other => AcceptorError::Unusable(other.to_string()),
    }
}

/// Whether a certificate is the development CA, or comes from it.
fn is_development(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return false };
    let is_it = |name: &X509Name<'_>| name.iter_common_name().any(|cn| cn.as_str() == Ok(DEVELOPMENT_CA));
    is_it(&parsed.subject) || is_it(&parsed.issuer)
}
