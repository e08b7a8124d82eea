use super::*;
use std::os::unix::fs::PermissionsExt;

fn ca() -> Ca {
    Ca::make("Test CA", Validity::years(1)).unwrap()
}

#[test]
fn a_ca_that_is_read_again_signs_as_before() {
    let made = ca();
    let read = Ca::from_pem(&made.pair().certificate_pem, &made.pair().key_pem).unwrap();
    assert_eq!(read.pair().spki_sha256, made.pair().spki_sha256);
    let issuer = |pair: &Pair| {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pair.certificate_pem.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let aki = certificate.iter_extensions().find(|e| e.oid.to_id_string() == "2.5.29.35").unwrap();
        (certificate.issuer().to_string(), aki.value.to_vec())
    };
    let (one, other) = (
        made.make_client("alice", Validity::years(1)).unwrap(),
        read.make_client("bob", Validity::years(1)).unwrap(),
    );
    assert_eq!(issuer(&one), issuer(&other));
    assert_ne!(one.spki_sha256, other.spki_sha256);
}

#[test]
fn a_key_of_another_ca_is_refused() {
    let refused = Ca::from_pem(&ca().pair().certificate_pem, &ca().pair().key_pem).err().unwrap();
    assert!(refused.to_string().contains("not that of its certificate"), "{refused}");
}

#[test]
fn keys_are_for_their_owner_alone_and_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let pair = ca().make_client("alice", Validity::years(1)).unwrap();
    write_pair(dir.path(), "alice", &pair).unwrap();
    let key = dir.path().join("alice-key.pem");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(write_pair(dir.path(), "alice", &pair), Err(CertError::File { .. })));
    assert!(matches!(write_secret(&key, ""), Err(CertError::File { .. })));
    assert_eq!(std::fs::read_to_string(&key).unwrap(), pair.key_pem);
}

#[test]
fn a_name_that_leaves_the_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let pair = ca().make_client("alice", Validity::years(1)).unwrap();
    for name in ["", "..", "a/b", "../alice", ".hidden", "a b"] {
        assert_eq!(write_pair(dir.path(), name, &pair), Err(CertError::Name(name.to_owned())));
    }
}

#[test]
fn an_api_key_is_the_48_bytes_that_every_library_reads() {
    use base64::Engine as _;
    let key = make_ed25519_key().unwrap();
    let body: String = key.private_pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    assert_eq!(der[..16], *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20");
    let secret: [u8; 32] = der[16..].try_into().unwrap();
    assert_eq!(ed25519_dalek::SigningKey::from_bytes(&secret).verifying_key().to_bytes(), key.public);
    assert_ne!(make_ed25519_key().unwrap().public, key.public);
}

#[test]
fn the_development_pairs_can_be_made_again_over_the_old_ones() {
    let dir = tempfile::tempdir().unwrap();
    development(dir.path()).unwrap();
    let first = files::read(&dir.path().join("server-key.pem")).unwrap();
    development(dir.path()).unwrap();
    assert_ne!(files::read(&dir.path().join("server-key.pem")).unwrap(), first);
}
