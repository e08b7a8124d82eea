//! The two things that a configuration takes out of certificates and key files: who a certificate is, and which
//! public key signs. Both are checked when they are registered, so that no stage has to.

use super::reader::reason;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::VerifyingKey;
use std::path::Path;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

/// SHA-256 of the SubjectPublicKeyInfo of the first certificate in a PEM file: of a chain that is its own.
pub(super) fn spki_sha256(path: &Path) -> Result<[u8; 32], String> {
    let pem = first_block(path, "CERTIFICATE")?;
    let certificate = pem.parse_x509().map_err(|_| "the certificate in it cannot be read".to_owned())?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.public_key().raw);
    Ok(digest.as_ref().try_into().unwrap_or_else(|_| unreachable!("SHA-256 has 32 bytes")))
}

/// 64 hexadecimal digits.
pub(super) fn sha256_hex(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = (digit(0)? << 4 | digit(1)?) as u8;
    }
    Some(digest)
}

/// 32 bytes written in base64, if `text` is that.
pub(super) fn base64_32(text: &str) -> Option<[u8; 32]> {
    BASE64.decode(text).ok()?.try_into().ok()
}

/// The Ed25519 public key in a PEM file.
pub(super) fn ed25519_from_file(path: &Path) -> Result<[u8; 32], String> {
    let pem = first_block(path, "PUBLIC KEY")?;
    let unreadable = || "the public key in it is not an Ed25519 key".to_owned();
    let (_, spki) = SubjectPublicKeyInfo::from_der(&pem.contents).map_err(|_| unreadable())?;
    const ED25519: &str = "1.3.101.112";
    if spki.algorithm.algorithm.to_id_string() != ED25519 {
        return Err(unreadable());
    }
    spki.subject_public_key.data.as_ref().try_into().map_err(|_| unreadable())
}

/// Whether signatures of a key prove anything: a key off the curve verifies nothing, one of small order everything.
pub(super) fn check_ed25519(key: &[u8; 32]) -> Result<(), &'static str> {
    match VerifyingKey::from_bytes(key) {
        Err(_) => Err("these bytes are no point of the curve"),
        Ok(key) if key.is_weak() => Err("it is a weak key: anybody can sign for it"),
        Ok(_) => Ok(()),
    }
}

fn first_block(path: &Path, label: &str) -> Result<Pem, String> {
    let bytes = std::fs::read(path).map_err(|error| reason(&error))?;
    let mut blocks = Pem::iter_from_buffer(&bytes).filter_map(Result::ok);
    blocks.find(|pem| pem.label == label).ok_or_else(|| format!("there is no {label} in it"))
}
