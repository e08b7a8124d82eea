//! What is wrong with a TLS connection, by name: for the log and the counters, never for the peer, which gets an alert.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

/// Why a TLS connection ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// What came is not TLS: a port scan, a plain FIX Logon, an HTTP request without TLS.
    #[error("the bytes are not TLS")]
    NotTls,
    /// A record or a handshake message is longer than TLS allows.
    #[error("a TLS record or handshake message is too long")]
    Oversized,
    /// A record or a handshake message has no sense.
    #[error("malformed TLS: {0}")]
    Malformed(String),
    /// The peer does not speak TLS 1.3.
    #[error("the peer does not offer TLS 1.3")]
    VersionTooOld,
    /// The peer shares no cipher suite, group or signature scheme with us.
    #[error("nothing in common with the peer: {0}")]
    Incompatible(String),
    /// The peer gave no certificate.
    #[error("the peer gave no certificate")]
    NoCertificate,
    /// The certificate comes from a CA that is not among the roots.
    #[error("the certificate comes from an unknown CA")]
    UnknownIssuer,
    /// The certificate is not valid any more, or not yet.
    #[error("the certificate is outside its time of validity")]
    CertificateTime,
    /// The certificate is for another purpose, is broken, or its key did not sign.
    #[error("the certificate is refused: {0}")]
    CertificateRefused(String),
    /// A record was damaged or forged.
    #[error("a record cannot be decrypted")]
    Undecryptable,
    /// The peer broke the protocol.
    #[error("the peer broke the protocol: {0}")]
    Misbehaved(String),
    /// The peer ended the connection with an alert: mostly because it does not trust our certificate.
    #[error("the peer sent an alert: {0}")]
    Alert(String),
    /// Something failed on our side.
    #[error("TLS failed: {0}")]
    Internal(String),
}

impl From<Error> for TlsFault {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidMessage(message) => malformed(message),
            Error::PeerSentOversizedRecord => Self::Oversized,
            Error::PeerIncompatible(
                PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            )
            | Error::AlertReceived(AlertDescription::ProtocolVersion) => Self::VersionTooOld,
            Error::PeerIncompatible(why) => Self::Incompatible(format!("{why:?}")),
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::InvalidCertificate(why) => certificate(&why),
            Error::DecryptError => Self::Undecryptable,
            Error::PeerMisbehaved(why) => Self::Misbehaved(format!("{why:?}")),
            Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
                Self::Misbehaved(error.to_string())
            }
            Error::AlertReceived(alert) => Self::Alert(format!("{alert:?}")),
            other => Self::Internal(other.to_string()),
        }
    }
}

fn malformed(message: InvalidMessage) -> TlsFault {
    match message {
        InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion => TlsFault::NotTls,
        InvalidMessage::MessageTooLarge
        | InvalidMessage::HandshakePayloadTooLarge
        | InvalidMessage::CertificatePayloadTooLarge => TlsFault::Oversized,
        other => TlsFault::Malformed(format!("{other:?}")),
    }
}

fn certificate(why: &CertificateError) -> TlsFault {
    match why {
        CertificateError::UnknownIssuer => TlsFault::UnknownIssuer,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsFault::CertificateTime,
        other => TlsFault::CertificateRefused(other.to_string()),
    }
}
