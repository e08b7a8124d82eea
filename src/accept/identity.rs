//! Certificate → member. Everything that a client may do hangs on this: CompIDs, accounts and API keys of the member.

use crate::config::Directory;
use crate::types::MemberId;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Who holds the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The member that the certificate stands for.
    pub member: MemberId,
    /// SHA-256 of the certificate's SubjectPublicKeyInfo.
    pub spki: [u8; 32],
}

/// The member whose certificate this is. `None`: it comes from a trusted CA but was given to nobody, so the
/// connection is to be closed before anything that it sent is looked at.
pub fn identify(spki: [u8; 32], directory: &Directory) -> Option<Identity> {
    directory.member_by_spki(&spki).map(|member| Identity { member, spki })
}

/// SHA-256 of the SubjectPublicKeyInfo of a certificate in DER: it names the key, so a certificate that is renewed
/// with the same key is still the same member. `None` if it is no certificate.
pub fn spki_sha256(certificate: &[u8]) -> Option<[u8; 32]> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.public_key().raw);
    digest.as_ref().try_into().ok()
}

/// The same of the first certificate in a PEM file.
pub fn pem_spki_sha256(pem: &[u8]) -> Option<[u8; 32]> {
    spki_sha256(&CertificateDer::from_pem_slice(pem).ok()?)
}
