use super::*;
use crate::cli::cert::{Ca, Pair, Validity};
use crate::config::{Directory, Member};
use crate::types::MemberId;
use proptest::prelude::*;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};

/// A CA, its server, and the acceptor of that: made once, since keys take their time.
struct Venue {
    ca: Ca,
    server: Pair,
    alice: Pair,
    acceptor: Acceptor,
}

static VENUE: LazyLock<Venue> = LazyLock::new(|| {
    let year = Validity::years(1);
    let ca = Ca::make("Test CA", year).unwrap();
    let server = ca.make_server(&["localhost"], year).unwrap();
    let alice = ca.make_client("alice", year).unwrap();
    let acceptor = Acceptor::new(&pems(&server, &server, &ca)).unwrap();
    Venue { ca, server, alice, acceptor }
});

fn pems(certificate: &Pair, key: &Pair, roots: &Ca) -> TlsPems {
    TlsPems {
        certificate: certificate.certificate_pem.clone().into_bytes(),
        key: key.key_pem.clone().into_bytes(),
        client_roots: roots.pair().certificate_pem.clone().into_bytes(),
    }
}

fn client(pair: Option<&Pair>, versions: &[&'static SupportedProtocolVersion]) -> ClientConnection {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(VENUE.ca.pair().certificate_pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let config = match pair {
        None => config.with_no_client_auth(),
        Some(pair) => config
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(pair.certificate_pem.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(pair.key_pem.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap()
}

fn said_by(client: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    bytes
}

fn told_to(client: &mut ClientConnection, mut bytes: &[u8]) -> Result<(), rustls::Error> {
    while !bytes.is_empty() && client.read_tls(&mut bytes).unwrap() > 0 {
        client.process_new_packets()?;
    }
    Ok(())
}

/// What the two sides have to say to each other, until they are silent: what the client said plainly, or the fault
/// that the server found; and what the client thinks of it.
fn converse(
    client: &mut ClientConnection,
    server: &mut TlsConnection,
) -> (Result<Vec<u8>, TlsFault>, Result<(), rustls::Error>) {
    let mut plain = Vec::new();
    loop {
        let from_client = said_by(client);
        let fault = server.receive(&from_client, &mut plain).err();
        let mut from_server = Vec::new();
        server.output(&mut from_server);
        let verdict = told_to(client, &from_server);
        if let Some(fault) = fault {
            return (Err(fault), verdict);
        }
        if verdict.is_err() || (from_client.is_empty() && from_server.is_empty()) {
            return (Ok(plain), verdict);
        }
    }
}

const TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

fn connected() -> (ClientConnection, TlsConnection) {
    let mut client = client(Some(&VENUE.alice), TLS13);
    let mut server = VENUE.acceptor.connection();
    assert_eq!(converse(&mut client, &mut server), (Ok(Vec::new()), Ok(())));
    (client, server)
}

fn refused(pair: Option<&Pair>, versions: &[&'static SupportedProtocolVersion]) -> (TlsFault, String) {
    let mut server = VENUE.acceptor.connection();
    let (plain, verdict) = converse(&mut client(pair, versions), &mut server);
    assert!(server.peer_spki().is_none());
    (plain.unwrap_err(), verdict.unwrap_err().to_string())
}

#[test]
fn a_member_is_known_by_its_certificate_once_the_handshake_is_done() {
    let member = Member { id: MemberId(7), name: "alice".into(), spki_sha256: vec![VENUE.alice.spki_sha256] };
    let directory = Directory::new(vec![member], vec![], vec![], vec![], vec![]).unwrap();
    assert_eq!(VENUE.acceptor.connection().peer_spki(), None);
    let (_, server) = connected();
    assert!(!server.is_handshaking());
    let spki = server.peer_spki().unwrap();
    assert_eq!(spki, VENUE.alice.spki_sha256);
    assert_eq!(identify(spki, &directory), Some(Identity { member: MemberId(7), spki }));
    assert_eq!(identify([0; 32], &directory), None);
}

#[test]
fn bytes_go_both_ways_also_by_the_hundred_thousand() {
    let (mut client, mut server) = connected();
    let question: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    client.set_buffer_limit(None);
    client.writer().write_all(&question).unwrap();
    assert_eq!(converse(&mut client, &mut server), (Ok(question), Ok(())));
    let answer = vec![42; 300_000];
    server.send(&answer);
    let (mut wire, mut heard) = (Vec::new(), Vec::new());
    server.output(&mut wire);
    for piece in wire.chunks(4_000) {
        told_to(&mut client, piece).unwrap();
        let _would_block = client.reader().read_to_end(&mut heard);
    }
    assert_eq!(heard, answer);
}

#[test]
fn bytes_may_come_one_by_one() {
    let mut client = client(Some(&VENUE.alice), TLS13);
    let mut server = VENUE.acceptor.connection();
    let mut plain = Vec::new();
    for round in 0..3 {
        if round == 1 {
            client.writer().write_all(b"hello").unwrap();
        }
        for byte in said_by(&mut client) {
            server.receive(&[byte], &mut plain).unwrap();
        }
        let mut answer = Vec::new();
        server.output(&mut answer);
        for byte in answer {
            told_to(&mut client, &[byte]).unwrap();
        }
    }
    assert_eq!(plain, b"hello");
}

#[test]
fn a_client_without_a_certificate_is_refused_in_the_handshake() {
    let (fault, alert) = refused(None, TLS13);
    assert_eq!(fault, TlsFault::NoCertificate);
    assert!(alert.contains("CertificateRequired"), "{alert}");
}

#[test]
fn a_certificate_of_a_foreign_ca_is_refused_in_the_handshake() {
    let foreign = Ca::make("Test CA", Validity::years(1)).unwrap();
    let eve = foreign.make_client("alice", Validity::years(1)).unwrap();
    let (fault, alert) = refused(Some(&eve), TLS13);
    // The foreign CA has the name of ours, so it is found, and its signature does not fit.
    assert!(matches!(fault, TlsFault::UnknownIssuer | TlsFault::CertificateRefused(_)), "{fault}");
    assert!(alert.contains("alert"), "{alert}");
    let stranger = Ca::make("Another CA", Validity::years(1)).unwrap();
    let mallory = stranger.make_client("alice", Validity::years(1)).unwrap();
    assert_eq!(refused(Some(&mallory), TLS13).0, TlsFault::UnknownIssuer);
}

#[test]
fn a_certificate_of_a_server_is_no_members() {
    assert!(matches!(refused(Some(&VENUE.server), TLS13).0, TlsFault::CertificateRefused(_)));
}

#[test]
fn a_certificate_whose_time_is_over_is_refused() {
    let late = VENUE.ca.make_client("late", Validity::years(0)).unwrap();
    // Good from yesterday until yesterday.
    assert_eq!(refused(Some(&late), TLS13).0, TlsFault::CertificateTime);
}

#[test]
fn tls_1_2_is_refused_in_the_handshake() {
    let (fault, alert) = refused(Some(&VENUE.alice), &[&rustls::version::TLS12]);
    assert_eq!(fault, TlsFault::VersionTooOld);
    assert!(alert.contains("ProtocolVersion"), "{alert}");
}

#[test]
fn no_session_can_be_resumed() {
    let (mut client, mut server) = connected();
    client.writer().write_all(b"x").unwrap();
    converse(&mut client, &mut server).0.unwrap();
    assert_eq!(client.tls13_tickets_received(), 0);
}

#[test]
fn garbage_is_not_tls() {
    for garbage in
        [&b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01"[..], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[0; 64]]
    {
        let mut server = VENUE.acceptor.connection();
        let fault = server.receive(garbage, &mut Vec::new()).unwrap_err();
        assert!(matches!(fault, TlsFault::NotTls | TlsFault::Malformed(_)), "{fault}");
        let mut alert = Vec::new();
        server.output(&mut alert);
        assert!(alert.len() <= 7, "an alert at most");
    }
}

#[test]
fn half_a_handshake_says_nothing_and_keeps_little() {
    let hello = said_by(&mut client(Some(&VENUE.alice), TLS13));
    let mut server = VENUE.acceptor.connection();
    server.receive(&hello[..hello.len() / 2], &mut Vec::new()).unwrap();
    let mut answer = Vec::new();
    server.output(&mut answer);
    assert!(answer.is_empty() && server.is_handshaking() && server.peer_spki().is_none());
}

#[test]
fn a_record_or_a_handshake_message_beyond_the_limit_is_refused() {
    // A record that claims 64 KiB.
    let mut server = VENUE.acceptor.connection();
    let fault = server.receive(&[0x16, 3, 1, 0xff, 0xff, 1, 0, 0], &mut Vec::new()).unwrap_err();
    assert_eq!(fault, TlsFault::Oversized);
    // A ClientHello that claims 16 MiB, in records that are in order.
    let mut server = VENUE.acceptor.connection();
    let mut record = vec![0x16, 3, 1, 0x40, 0];
    record.extend([1, 0xff, 0xff, 0xff]);
    record.resize(5 + 0x4000, 0);
    let refused = (0..8).find_map(|_| server.receive(&record, &mut Vec::new()).err());
    assert!(matches!(refused, Some(TlsFault::Oversized | TlsFault::Malformed(_))), "{refused:?}");
}

#[test]
fn a_record_that_was_changed_on_its_way_ends_the_connection() {
    let (mut client, mut server) = connected();
    client.writer().write_all(b"35=D").unwrap();
    let mut record = said_by(&mut client);
    *record.last_mut().unwrap() ^= 1;
    let mut plain = Vec::new();
    assert_eq!(server.receive(&record, &mut plain), Err(TlsFault::Undecryptable));
    assert!(plain.is_empty());
}

#[test]
fn the_end_is_told_and_nothing_after_it_is_looked_at() {
    let (mut client, mut server) = connected();
    client.writer().write_all(b"last").unwrap();
    client.send_close_notify();
    let mut bytes = said_by(&mut client);
    bytes.extend(b"noise after the end");
    let mut plain = Vec::new();
    server.receive(&bytes, &mut plain).unwrap();
    assert_eq!(plain, b"last");
    server.close_notify();
    let mut farewell = Vec::new();
    server.output(&mut farewell);
    told_to(&mut client, &farewell).unwrap();
    assert_eq!(client.reader().read(&mut [0; 8]).unwrap(), 0, "closed in order");
}

#[test]
fn files_that_do_not_fit_are_named() {
    let (server, alice, ca) = (&VENUE.server, &VENUE.alice, &VENUE.ca);
    let refused = |pems: TlsPems| Acceptor::new(&pems).unwrap_err();
    let good = pems(server, server, ca);
    assert_eq!(refused(pems(server, alice, ca)), AcceptorError::KeyMismatch);
    assert_eq!(
        refused(TlsPems { certificate: good.key.clone(), ..good.clone() }),
        AcceptorError::Missing("certificate")
    );
    assert_eq!(
        refused(TlsPems { key: good.certificate.clone(), ..good.clone() }),
        AcceptorError::Missing("private key")
    );
    assert_eq!(
        refused(TlsPems { client_roots: Vec::new(), ..good.clone() }),
        AcceptorError::Missing("root certificate")
    );
    let broken = b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n".to_vec();
    assert!(matches!(
        refused(TlsPems { certificate: broken, ..good }),
        AcceptorError::Unreadable { what: "certificate", .. }
    ));
}

#[test]
fn the_development_ca_is_recognised_and_its_pairs_work() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("certs");
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    let development = TlsPems {
        certificate: read("server.pem"),
        key: read("server-key.pem"),
        client_roots: read("ca.pem"),
    };
    assert!(Acceptor::new(&development).unwrap().uses_development_ca());
    assert!(!VENUE.acceptor.uses_development_ca());
    let own = pems(&VENUE.server, &VENUE.server, &VENUE.ca);
    let roots_only = TlsPems { client_roots: read("ca.pem"), ..own.clone() };
    assert!(Acceptor::new(&roots_only).unwrap().uses_development_ca());
    let server_only = TlsPems { client_roots: own.client_roots, ..development };
    assert!(Acceptor::new(&server_only).unwrap().uses_development_ca());
    assert_ne!(pem_spki_sha256(&read("alice.pem")), pem_spki_sha256(&read("bob.pem")));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_say_something_plain(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let mut server = VENUE.acceptor.connection();
        let mut plain = Vec::new();
        let _ = server.receive(&bytes, &mut plain);
        let mut output = Vec::new();
        server.output(&mut output);
        prop_assert!(plain.is_empty() && server.is_handshaking());
    }

    #[test]
    fn a_damaged_hello_is_refused_or_waited_for(at in 0usize..200, xor in 1u8..=255) {
        let mut hello = said_by(&mut client(Some(&VENUE.alice), TLS13));
        let at = at % hello.len();
        hello[at] ^= xor;
        let mut server = VENUE.acceptor.connection();
        let mut plain = Vec::new();
        let _ = server.receive(&hello, &mut plain);
        prop_assert!(plain.is_empty() && server.is_handshaking());
    }
}
