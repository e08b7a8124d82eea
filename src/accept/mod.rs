//! TLS bytes → plain bytes and an identity.
