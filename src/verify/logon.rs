//! What the signature of a FIX Logon(A) covers: byte for byte what Binance's FIX API signs.

const SOH: u8 = 0x01;

/// The fields of a Logon(A) that are signed, as they stand in the message.
#[derive(Clone, Copy, Debug)]
pub struct FixLogon<'a> {
    /// SenderCompID(49).
    pub sender_comp_id: &'a [u8],
    /// TargetCompID(56).
    pub target_comp_id: &'a [u8],
    /// MsgSeqNum(34).
    pub msg_seq_num: &'a [u8],
    /// SendingTime(52).
    pub sending_time: &'a [u8],
}

/// Writes MsgType `A`, SenderCompID, TargetCompID, MsgSeqNum and SendingTime, joined by SOH, to the end of `out`.
/// None of them can hold a SOH, since they were fields of a message, so the text means one logon only.
pub fn fix_payload(logon: &FixLogon<'_>, out: &mut Vec<u8>) {
    out.push(b'A');
    for part in [logon.sender_comp_id, logon.target_comp_id, logon.msg_seq_num, logon.sending_time] {
        debug_assert!(!part.contains(&SOH), "a field ends at its SOH");
        out.push(SOH);
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::key::PublicKey;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use ed25519_dalek::pkcs8::DecodePrivateKey;
    use ed25519_dalek::{Signer, SigningKey};

    const LOGON: FixLogon<'static> = FixLogon {
        sender_comp_id: b"EXAMPLE",
        target_comp_id: b"SPOT",
        msg_seq_num: b"1",
        sending_time: b"20240627-11:17:25.223",
    };

    /// The example of Binance's own documentation.
    #[test]
    fn the_published_logon_is_signed_byte_for_byte_alike() {
        let pkcs8 = "MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u";
        let signature =
            "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA==";
        let mut payload = Vec::new();
        fix_payload(&LOGON, &mut payload);
        assert_eq!(payload, b"A\x01EXAMPLE\x01SPOT\x011\x0120240627-11:17:25.223");
        let key = SigningKey::from_pkcs8_der(&STANDARD.decode(pkcs8).unwrap()).unwrap();
        assert_eq!(STANDARD.encode(key.sign(&payload).to_bytes()), signature);
        let public = PublicKey::parse(&key.verifying_key().to_bytes()).unwrap();
        assert!(public.signed(&payload, &key.sign(&payload).to_bytes()));
    }
}
