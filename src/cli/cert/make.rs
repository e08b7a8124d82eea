//! Making certificates and keys.
//!
//! ECDSA on P-256 for certificates: every TLS library takes it, which is not so for Ed25519. API keys are Ed25519, in
//! PKCS#8 without the public key (version 1), which OpenSSL and Python's `cryptography` read.

use crate::accept::pem_spki_sha256;
use crate::types::time::Civil;
use crate::types::{Nanos, Span};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519,
};
use std::time::SystemTime;

/// A certificate and its private key, both in PEM.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate_pem: String,
    /// Its private key, PKCS#8: a secret.
    pub key_pem: String,
    /// SHA-256 of its SubjectPublicKeyInfo: its pin in the configuration.
    pub spki_sha256: [u8; 32],
}

/// A CA with its private key.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pair: Pair,
}

/// From which day until which a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    from: Day,
    until: Day,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Day {
    year: u32,
    month: u32,
    day: u32,
}

/// An Ed25519 key pair for an API key.
#[derive(Clone)]
pub struct Ed25519Key {
    /// The private key in PEM, PKCS#8: a secret.
    pub private_pem: String,
    /// The public key.
    pub public: [u8; 32],
}

/// Why there is no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertError {
    /// A file cannot be read or written.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: String,
        /// Why not.
        why: String,
    },
    /// A file has no certificate in it.
    #[error("{0}: there is no certificate in it")]
    NoCertificate(String),
    /// A name that cannot be that of a file.
    #[error("{0:?} is no name")]
    Name(String),
    /// The CA's files do not fit together, or a name is none that a certificate can have.
    #[error("the certificate cannot be made: {0}")]
    Make(String),
}

impl CertError {
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::File { .. } => "check the path; a key is never written over, so move an old one away",
            Self::NoCertificate(_) => "give a file with a BEGIN CERTIFICATE section",
            Self::Name(_) => "use letters, digits, dot, underscore and hyphen",
            Self::Make(_) => "check that the CA's key belongs to its certificate, and the names",
        }
    }
}

impl From<rcgen::Error> for CertError {
    fn from(why: rcgen::Error) -> Self {
        Self::Make(why.to_string())
    }
}

impl Validity {
    /// Long enough to be forgotten about, for the pairs in `certs/` alone.
    pub(super) const DEVELOPMENT: Self =
        Self { from: Day { year: 2020, month: 1, day: 1 }, until: Day { year: 2060, month: 1, day: 1 } };

    /// So many years from yesterday on: a client's clock may be behind.
    pub fn years(years: u32) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let yesterday = Civil::from_nanos(Nanos(0) + Span::from_secs(now.as_secs().saturating_sub(86_400)));
        // The 28th is in every month of every year.
        let from = Day { year: yesterday.year, month: yesterday.month, day: yesterday.day.min(28) };
        Self { from, until: Day { year: from.year + years, ..from } }
    }
}

impl Ca {
    /// A new CA, good for this long.
    pub fn make(common_name: &str, validity: Validity) -> Result<Self, CertError> {
        let mut params = params(&[], common_name, validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let pair = pair(params.self_signed(&key)?.pem(), &key)?;
        Ok(Self { issuer: Issuer::new(params, key), pair })
    }

    /// A CA from its files.
    pub fn from_pem(certificate_pem: &str, key_pem: &str) -> Result<Self, CertError> {
        let key = KeyPair::from_pem(key_pem)?;
        let pair = pair(certificate_pem.to_owned(), &key)?;
        let own = rcgen::PublicKeyData::subject_public_key_info(&key);
        if crate::wire::digest::sha256(&own) != pair.spki_sha256 {
            return Err(CertError::Make("the CA's key is not that of its certificate".to_owned()));
        }
        Ok(Self { issuer: Issuer::from_ca_cert_pem(certificate_pem, key)?, pair })
    }

    /// Its own certificate and key.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// A certificate for a server that clients reach under these DNS names and IP addresses.
    pub fn make_server(&self, names: &[&str], validity: Validity) -> Result<Pair, CertError> {
        let first = names.first().ok_or_else(|| CertError::Name(String::new()))?;
        self.make_leaf(params(names, first, validity)?, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a member.
    pub fn make_client(&self, name: &str, validity: Validity) -> Result<Pair, CertError> {
        self.make_leaf(params(&[], name, validity)?, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn make_leaf(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Pair, CertError> {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        // Python's ssl module wants it since 3.13.
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        pair(params.signed_by(&key, &self.issuer)?.pem(), &key)
    }
}

/// A new Ed25519 key.
pub fn make_ed25519_key() -> Result<Ed25519Key, CertError> {
    let unreadable = |why: ed25519_dalek::pkcs8::Error| CertError::Make(why.to_string());
    let made = KeyPair::generate_for(&PKCS_ED25519)?;
    let key = SigningKey::from_pkcs8_der(made.serialized_der()).map_err(unreadable)?;
    // Written anew, without the public key that `made` has in it.
    let bare = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
    let private_pem = bare.to_pkcs8_pem(LineEnding::LF).map_err(unreadable)?.to_string();
    Ok(Ed25519Key { private_pem, public: key.verifying_key().to_bytes() })
}

fn pair(certificate_pem: String, key: &KeyPair) -> Result<Pair, CertError> {
    let spki_sha256 = pem_spki_sha256(certificate_pem.as_bytes())
        .ok_or_else(|| CertError::Make("the certificate is not readable".to_owned()))?;
    Ok(Pair { certificate_pem, key_pem: key.serialize_pem(), spki_sha256 })
}

fn params(names: &[&str], common_name: &str, validity: Validity) -> Result<CertificateParams, CertError> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Sealgate");
    params.distinguished_name.push(DnType::CommonName, common_name);
    let date = |day: Day| rcgen::date_time_ymd(day.year as i32, day.month as u8, day.day as u8);
    (params.not_before, params.not_after) = (date(validity.from), date(validity.until));
    Ok(params)
}
