//! A message that is in sequence → [`Unverified`](crate::types::Unverified): what it says.
//!
//! One file a protocol; both end in the same words, and share here how a signature is written.

pub mod fix;
pub mod ws;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Length of an Ed25519 signature in base64, with its padding.
pub const SIGNATURE_TEXT_BYTES: usize = 88;

/// Reads a signature: standard base64, padded, and in the one encoding that its bytes have. What is cut, wrapped,
/// in the URL alphabet or ends in stray bits is none.
pub fn signature(text: &[u8]) -> Option<[u8; 64]> {
    if text.len() != SIGNATURE_TEXT_BYTES {
        return None;
    }
    // The decoder asks for room for whole groups of three bytes, which is two more than the signature has.
    let mut bytes = [0; 66];
    let decoded = STANDARD.decode_slice(text, &mut bytes).ok()?;
    bytes[..decoded].try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_has_one_text() {
        let text = STANDARD.encode([0xa5; 64]);
        assert_eq!(signature(text.as_bytes()), Some([0xa5; 64]));
        let stray_bits = text.replace("pQ==", "pR==");
        assert_ne!(stray_bits, text);
        let url_alphabet = STANDARD.encode([0xff; 64]).replace('/', "_");
        for bad in
            [stray_bits, url_alphabet, text.replace('=', ""), format!("{text}\n"), text.replace("==", "=A")]
        {
            assert_eq!(signature(bad.as_bytes()), None, "{bad}");
        }
    }
}
