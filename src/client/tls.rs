//! TLS 1.3 with a certificate of one's own, from PEM files.

use super::Error;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The three files that a client needs, in PEM.
#[derive(Clone, Copy, Debug)]
pub struct Files<P> {
    /// The roots that the server's certificate must come from.
    pub roots: P,
    /// The client's certificate chain, its own first.
    pub certificate: P,
    /// The private key of that certificate.
    pub key: P,
}

impl Files<PathBuf> {
    /// Those of a member, in a folder as `sealgate init` writes it.
    pub fn of_member(folder: &Path, member: &str) -> Self {
        Self {
            roots: folder.join("ca.pem"),
            certificate: folder.join(format!("{member}.pem")),
            key: folder.join(format!("{member}-key.pem")),
        }
    }
}

impl<P: AsRef<Path>> Files<P> {
    /// Reads the files into a configuration that both clients take.
    pub fn load(&self) -> Result<Arc<ClientConfig>, Error> {
        let unreadable = |path: &P, error: &dyn std::fmt::Display| {
            Error::Credentials(format!("{}: {error}", path.as_ref().display()))
        };
        let roots = certificates(&self.roots).map_err(|e| unreadable(&self.roots, &e))?;
        let chain = certificates(&self.certificate).map_err(|e| unreadable(&self.certificate, &e))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| unreadable(&self.key, &e))?;
        config(roots, chain, key)
    }
}

/// A configuration from certificates and a key that are in memory already.
pub fn config(
    roots: Vec<CertificateDer<'static>>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ClientConfig>, Error> {
    let refused = |error: rustls::Error| Error::Credentials(error.to_string());
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root).map_err(refused)?;
    }
    // The provider is named, so that a program with two of them in its dependencies works too.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(refused)?
        .with_root_certificates(store)
        .with_client_auth_cert(chain, key)
        .map_err(refused)?;
    // The server gives no tickets: each connection proves its certificate anew.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

fn certificates(
    path: &impl AsRef<Path>,
) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    let found: Vec<_> = CertificateDer::pem_file_iter(path)?.collect::<Result<_, _>>()?;
    if found.is_empty() { Err(rustls::pki_types::pem::Error::NoItemsFound) } else { Ok(found) }
}
