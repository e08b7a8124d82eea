//! The two signed forms, made with an Ed25519 API key.
//!
//! * WebSocket: `method=<method>&` and the parameters without `signature`, sorted bytewise by name, `k=v` joined
//!   with `&`, `apiKey` included; the signature in base64.
//! * FIX: the bytes of the message after `9=…SOH` up to the trailer's signature, that is: without BeginString,
//!   BodyLength and CheckSum; SignatureLength(93) and Signature(89) go directly before CheckSum.
//! * FIX logon: MsgType, SenderCompID, TargetCompID, MsgSeqNum and SendingTime joined by SOH, as Binance's FIX API
//!   signs it; the signature in RawData(96).

use super::Error;
use crate::session::fix::logon_payload;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use ed25519_dalek::{Signer as _, SigningKey};
use std::fmt;
use std::path::Path;

/// The name of an API key and its private half.
#[derive(Clone)]
pub struct ApiKey {
    name: String,
    key: SigningKey,
}

impl ApiKey {
    /// The key `name` from a PKCS#8 PEM file.
    pub fn from_pem_file(name: impl Into<String>, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let refused =
            |error: &dyn fmt::Display| Error::Credentials(format!("API key {}: {error}", path.display()));
        let pem = std::fs::read_to_string(path).map_err(|e| refused(&e))?;
        let key = SigningKey::from_pkcs8_pem(&pem).map_err(|e| refused(&e))?;
        Ok(Self { name: name.into(), key })
    }

    /// The key `name`, in a folder as `sealgate init` writes it.
    pub fn from_folder(folder: &Path, name: &str) -> Result<Self, Error> {
        Self::from_pem_file(name, folder.join(format!("{name}-api-key.pem")))
    }

    /// The key `name` from its 32 secret bytes.
    pub fn from_bytes(name: impl Into<String>, secret: &[u8; 32]) -> Self {
        Self { name: name.into(), key: SigningKey::from_bytes(secret) }
    }

    /// What the server knows the key by: `apiKey`, Username(553).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public half.
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The signature of `bytes`.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }

    /// The signature of `bytes`, in base64: 88 characters.
    pub fn sign_base64(&self, bytes: &[u8]) -> String {
        BASE64.encode(self.sign(bytes))
    }
}

/// Never the secret: a key may stand in a log line.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.name)
    }
}

/// What is signed of a WebSocket request: `params` without `signature`, values as they are written in JSON,
/// strings without their quotes.
pub fn websocket_payload(method: &str, params: &[(&str, &str)]) -> String {
    let mut sorted: Vec<_> = params.iter().filter(|(name, _)| *name != "signature").collect();
    sorted.sort_unstable();
    let mut payload = format!("method={method}");
    for (name, value) in sorted {
        payload.extend(["&", name, "=", value]);
    }
    payload
}

/// What is signed of a FIX Logon in RawData(96).
pub fn fix_logon_payload(sender: &str, target: &str, msg_seq_num: u32, sending_time: &str) -> Vec<u8> {
    let (number, mut payload) = (msg_seq_num.to_string(), Vec::new());
    logon_payload([sender, target, &number, sending_time].map(str::as_bytes), &mut payload);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logon_signature_is_the_known_answer_of_binances_fix_api() {
        let pkcs8 =
            BASE64.decode("MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u").unwrap();
        let key = ApiKey { name: "known".into(), key: SigningKey::from_pkcs8_der(&pkcs8).unwrap() };
        let payload = fix_logon_payload("EXAMPLE", "SPOT", 1, "20240627-11:17:25.223");
        let expected =
            "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA==";
        assert_eq!(key.sign_base64(&payload), expected);
    }

    #[test]
    fn parameters_are_signed_sorted_with_the_method_before_them_and_without_the_signature() {
        let params = [("symbol", "BTC-USD"), ("signature", "x"), ("apiKey", "alice"), ("timestamp", "17")];
        assert_eq!(
            websocket_payload("order.place", &params),
            "method=order.place&apiKey=alice&symbol=BTC-USD&timestamp=17"
        );
    }

    #[test]
    fn a_key_does_not_print_its_secret() {
        assert_eq!(format!("{:?}", ApiKey::from_bytes("alice", &[7; 32])), "ApiKey(alice)");
    }
}
