//! Before anybody is known: connections that never get as far as a session.

use crate::support::connection::{send, tcp, tls};
use crate::support::{Setup, Venue, Ws, read_to_close};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::io::Write;
use std::sync::Arc;

fn roots(venue: &Venue) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(venue.path("ca.pem")).unwrap()).unwrap();
    roots
}

/// Whether a connection with this configuration is refused before it can say a word.
fn is_refused(venue: &Venue, config: ClientConfig) -> bool {
    [venue.websocket_addr(), venue.fix_addr()].into_iter().all(|address| {
        let mut stream = tls(address, Arc::new(config.clone()));
        // A client of TLS 1.3 hears that its certificate is refused only after its own part of the handshake.
        let _ = stream.write_all(b"GET /ws-api/v3 HTTP/1.1\r\n\r\n");
        let _ = stream.flush();
        read_to_close(&mut stream).is_empty()
    })
}

#[test]
fn refuses_a_client_without_certificate() {
    let venue = Venue::start();
    let config = ClientConfig::builder().with_root_certificates(roots(&venue)).with_no_client_auth();
    assert!(is_refused(&venue, config));
}

#[test]
fn refuses_a_certificate_of_a_foreign_ca() {
    let (venue, foreign) = (Venue::start(), Venue::start());
    let chain = vec![CertificateDer::from_pem_file(foreign.path("alice.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(foreign.path("alice-key.pem")).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots(&venue))
        .with_client_auth_cert(chain, key)
        .unwrap();
    assert!(is_refused(&venue, config));
    assert!(Ws::connect(&venue, "alice").is_alive());
}

#[test]
fn refuses_tls_1_2() {
    let venue = Venue::start();
    let chain = vec![CertificateDer::from_pem_file(venue.path("alice.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(venue.path("alice-key.pem")).unwrap();
    let config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
        .with_root_certificates(roots(&venue))
        .with_client_auth_cert(chain, key)
        .unwrap();
    assert!(is_refused(&venue, config));
}

#[test]
fn refuses_a_trusted_certificate_that_is_no_members() {
    let nobodys = format!("spki_sha256 = [\"{}\"]", "0".repeat(64));
    let venue = Setup::new().file(r#"certificates = ["bob.pem"]"#, &nobodys).start();
    let mut alice = Ws::connect(&venue, "alice");
    let mut stream = tls(venue.websocket_addr(), venue.tls("bob"));
    let _ = stream.write_all(b"GET /ws-api/v3 HTTP/1.1\r\n\r\n");
    assert!(read_to_close(&mut stream).is_empty());
    assert!(alice.is_alive());
}

#[test]
fn garbage_closes_its_own_connection_and_no_other() {
    let venue = Venue::start();
    let mut alice = Ws::connect(&venue, "alice");
    for address in [venue.websocket_addr(), venue.fix_addr()] {
        for garbage in
            [&b"\x00\xff\x13\x37 this is no TLS"[..], b"8=FIX.4.4\x019=5\x0135=A\x01", &[0x16; 4096]]
        {
            let mut stream = tcp(address);
            let _ = stream.write_all(garbage);
            let said = read_to_close(&mut stream);
            assert!(said.len() < 16, "an alert at most, not {said:?}");
        }
    }
    assert!(alice.is_alive());
}

#[test]
fn half_a_handshake_and_half_a_logon_are_cut_at_their_deadlines() {
    let venue = Venue::start();
    let mut alice = Ws::connect(&venue, "alice");
    let half_a_hello = &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01];
    let mut in_the_handshake: Vec<_> =
        [venue.fix_addr(), venue.websocket_addr()].into_iter().map(tcp).collect();
    in_the_handshake.iter_mut().for_each(|stream| send(stream, half_a_hello));
    let behind_it = [
        (venue.fix_addr(), &b"8=FIX.4.4\x019=100\x0135=A\x01"[..]),
        (venue.websocket_addr(), b"GET /ws-api/v3 HTTP/1.1\r\nHost: local"),
    ];
    let mut behind_it = behind_it.map(|(address, half)| {
        let mut stream = tls(address, venue.tls("bob"));
        send(&mut stream, half);
        stream
    });
    in_the_handshake.iter_mut().for_each(|stream| assert_eq!(read_to_close(stream), b""));
    behind_it.iter_mut().for_each(|stream| assert_eq!(read_to_close(stream), b""));
    assert!(alice.is_alive());
}

#[test]
fn a_connection_above_the_cap_is_closed_and_the_others_go_on() {
    let venue = Setup::new().caps(|caps| caps.connections = 1).start();
    let mut alice = Ws::connect(&venue, "alice");
    assert!(read_to_close(&mut tcp(venue.websocket_addr())).is_empty());
    assert!(alice.is_alive());
}

#[test]
fn answers_http_without_upgrade_and_unknown_paths_in_plain_words() {
    let venue = Venue::start();
    let cases = [
        ("GET /ws-api/v3 HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 426"),
        ("GET /elsewhere HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404"),
        ("POST /ws-api/v3 HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 405"),
        ("nonsense\r\n\r\n", "HTTP/1.1 400"),
    ];
    for (request, status) in cases {
        let mut stream = tls(venue.websocket_addr(), venue.tls("alice"));
        stream.write_all(request.as_bytes()).unwrap();
        let answer = String::from_utf8(read_to_close(&mut stream)).unwrap();
        assert!(answer.starts_with(status), "{request:?} was answered {answer:?}");
    }
}

#[test]
fn an_endless_upgrade_request_is_cut() {
    let venue = Venue::start();
    let mut stream = tls(venue.websocket_addr(), venue.tls("alice"));
    let _ = stream.write_all(b"GET /ws-api/v3 HTTP/1.1\r\n");
    let line = format!("X-Long: {}\r\n", "x".repeat(1_000));
    for _ in 0..20 {
        if stream.write_all(line.as_bytes()).is_err() {
            break;
        }
    }
    let answer = String::from_utf8(read_to_close(&mut stream)).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
}
