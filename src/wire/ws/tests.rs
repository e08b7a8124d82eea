use super::*;
use crate::limits::UPGRADE_BYTES_MAX;
use proptest::prelude::*;

const UPGRADE: &str = "GET /ws-api/v3 HTTP/1.1\r\nHost: sealgate\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const TEXT: u8 = 0x81;
const MASK: [u8; 4] = [1, 2, 3, 4];

/// A client's frame: first byte as given, masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn sent(connection: &mut Connection) -> Vec<u8> {
    let mut out = Vec::new();
    connection.output(&mut out);
    out
}

fn open() -> Connection {
    let mut connection = Connection::new();
    connection.receive(UPGRADE.as_bytes());
    assert!(matches!(connection.next(), Some(Received::Opened(Options { return_rate_limits: true }))));
    assert!(connection.next().is_none());
    let answer = String::from_utf8(sent(&mut connection)).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 101 ") && answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "{answer}"
    );
    connection
}

/// The answer to an HTTP request.
fn http(request: &str) -> String {
    let mut connection = Connection::new();
    connection.receive(request.as_bytes());
    while connection.next().is_some() {}
    String::from_utf8(sent(&mut connection)).unwrap()
}

fn close_frame(why: Close) -> Vec<u8> {
    let mut frame = vec![0x88, 2 + why.reason().len() as u8];
    frame.extend_from_slice(&why.code().to_be_bytes());
    frame.extend_from_slice(why.reason().as_bytes());
    frame
}

/// What is sent and how it ends after these bytes.
fn after(bytes: &[u8]) -> (Vec<u8>, Option<Ended>) {
    let mut connection = open();
    connection.receive(bytes);
    while connection.next().is_some() {}
    (sent(&mut connection), connection.ended())
}

#[test]
fn an_upgrade_in_single_bytes_opens_too() {
    let mut connection = Connection::new();
    for byte in UPGRADE.bytes() {
        assert!(connection.next().is_none());
        connection.receive(&[byte]);
    }
    assert!(matches!(connection.next(), Some(Received::Opened(_))));
}

#[test]
fn http_that_is_no_upgrade_gets_a_short_plain_answer_and_the_end() {
    let cases = [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 404),
        (UPGRADE.replace("/ws-api/v3", "/ws-api/v3/"), 404),
        (UPGRADE.replace("/ws-api/v3", "/ws-api/v3x"), 404),
        (UPGRADE.replace("/ws-api/v3", "http://x/ws-api/v3"), 404),
        (UPGRADE.replace("/ws-api/v3", "/ws-api/v3?timeUnit=MICROSECOND"), 400),
        (UPGRADE.replace("GET", "POST"), 405),
        (UPGRADE.replace("HTTP/1.1", "HTTP/1.0"), 400),
        ("GET /ws-api/v3 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 426),
        (UPGRADE.replace("Upgrade: websocket", "Upgrade: h2c"), 426),
        (UPGRADE.replace("Version: 13", "Version: 8"), 426),
        (UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short"), 400),
        ("\u{1}\u{2}\r\n\r\n".to_owned(), 400),
        (UPGRADE.replace("Host", &"x".repeat(UPGRADE_BYTES_MAX)), 431),
    ];
    for (request, status) in cases {
        let answer = http(&request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())) && head.contains("close"),
            "{head}"
        );
        let mut connection = Connection::new();
        connection.receive(request.as_bytes());
        assert!(matches!(connection.next(), Some(Received::Ended(Ended::NoUpgrade))));
    }
}

#[test]
fn an_upgrade_request_without_end_is_cut_at_its_limit() {
    let mut connection = Connection::new();
    for _ in 0..UPGRADE_BYTES_MAX {
        assert_eq!(connection.ended(), None);
        connection.receive(b"x");
    }
    assert_eq!(connection.ended(), Some(Ended::NoUpgrade));
}

#[test]
fn the_query_can_switch_rate_limits_off() {
    let mut connection = Connection::new();
    connection.receive(UPGRADE.replace("/ws-api/v3", "/ws-api/v3?returnRateLimits=false").as_bytes());
    assert!(matches!(connection.next(), Some(Received::Opened(Options { return_rate_limits: false }))));
}

#[test]
fn messages_arrive_however_they_are_cut() {
    let mut bytes = frame(TEXT, b"first");
    bytes.extend(frame(0x01, b"sec"));
    bytes.extend(frame(0x89, b"are you there"));
    bytes.extend(frame(0x00, b""));
    bytes.extend(frame(0x80, "ond é".as_bytes()));
    let upgraded = [UPGRADE.as_bytes(), &bytes].concat();
    for size in 1..upgraded.len() {
        let mut connection = Connection::new();
        let mut heard = Vec::new();
        for part in upgraded.chunks(size) {
            connection.receive(part);
            while let Some(received) = connection.next() {
                match received {
                    Received::Text(text) => heard.push(text.to_string()),
                    Received::Opened(_) | Received::Control => {}
                    Received::Ended(ended) => panic!("{ended:?}"),
                }
            }
        }
        assert_eq!(heard, ["first", "second é"]);
        assert!(sent(&mut connection).ends_with(b"\x8a\x0dare you there"), "the pong");
    }
}

#[test]
fn what_is_sent_is_one_text_frame() {
    let mut connection = open();
    connection.send(b"{}");
    connection.send("x".repeat(70_000).as_bytes());
    let out = sent(&mut connection);
    assert_eq!(out[..4], [TEXT, 2, b'{', b'}']);
    assert_eq!(out[4..14], [TEXT, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    assert_eq!(out.len(), 14 + 70_000);
    connection.ping();
    assert_eq!(sent(&mut connection), [0x89, 0]);
}

#[test]
fn faults_of_the_peer_are_told_with_their_code() {
    let too_long = vec![b'x'; WS_MESSAGE_BYTES_MAX + 1];
    let in_two = [frame(0x01, &too_long[..WS_MESSAGE_BYTES_MAX]), frame(0x80, b"x")].concat();
    let cases = [
        (frame(0x82, b"binary"), Close::BinaryFrame),
        (frame(TEXT, b"\xff\xfe"), Close::NotUtf8),
        ([frame(0x01, b"\xc3"), frame(0x80, b"\x28")].concat(), Close::NotUtf8),
        (frame(TEXT, &too_long), Close::MessageTooLong),
        (in_two, Close::MessageTooLong),
        (vec![TEXT, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Close::MessageTooLong),
        (vec![TEXT, 2, b'{', b'}'], Close::ProtocolError),
        (frame(0xc1, b"rsv1"), Close::ProtocolError),
        (frame(0x83, b"reserved opcode"), Close::ProtocolError),
        (frame(0x80, b"nothing to continue"), Close::ProtocolError),
        (frame(0x09, b"fragmented ping"), Close::ProtocolError),
        (frame(0x89, &[0; 126]), Close::ProtocolError),
        (frame(0x88, &[3]), Close::ProtocolError),
        ([frame(0x01, b"a"), frame(TEXT, b"b")].concat(), Close::ProtocolError),
    ];
    for (bytes, why) in cases {
        // A header of 64 bits of length is whole only with its mask.
        let bytes = [bytes, MASK.to_vec()].concat();
        assert_eq!(after(&bytes), (close_frame(why), Some(Ended::Fault(why))), "{why:?} {bytes:?}");
    }
}

#[test]
fn nothing_is_read_after_a_fault() {
    let mut connection = open();
    connection.receive(&[frame(0x82, b""), frame(TEXT, b"order")].concat());
    assert!(matches!(connection.next(), Some(Received::Ended(Ended::Fault(Close::BinaryFrame)))));
    connection.receive(&frame(TEXT, b"order"));
    assert!(connection.next().is_none());
    connection.send(b"{}");
    connection.close(Close::ServerStopping);
    assert_eq!(sent(&mut connection), close_frame(Close::BinaryFrame));
}

#[test]
fn the_peer_may_close() {
    let (reply, ended) = after(&frame(0x88, &[&1000u16.to_be_bytes()[..], b"bye"].concat()));
    assert_eq!(reply, [&[0x88, 5][..], &1000u16.to_be_bytes(), b"bye"].concat());
    assert_eq!(ended, Some(Ended::Handshake));
}

#[test]
fn we_may_close_and_wait_for_the_other_half() {
    let mut connection = open();
    connection.close(Close::ServerStopping);
    connection.send(b"late");
    assert!(!connection.is_open());
    assert_eq!(sent(&mut connection), close_frame(Close::ServerStopping));
    connection.receive(&[frame(TEXT, b"order"), frame(0x82, b"")].concat());
    assert!(connection.next().is_none(), "what comes after our close is not taken");
    assert_eq!(connection.ended(), None);
    connection.receive(&frame(0x88, &1001u16.to_be_bytes()));
    assert!(matches!(connection.next(), Some(Received::Ended(Ended::Handshake))));
}

proptest! {
    #[test]
    fn no_bytes_make_a_connection_panic(upgraded: bool, parts: Vec<Vec<u8>>) {
        let mut connection = if upgraded { open() } else { Connection::new() };
        for part in parts {
            connection.receive(&part);
            while connection.next().is_some() {}
            connection.send(b"{}");
            connection.ping();
        }
        connection.close(Close::ServerStopping);
    }

    #[test]
    fn no_frames_make_a_connection_panic(frames: Vec<(u8, Vec<u8>)>, close_at: usize) {
        let mut connection = open();
        for (at, (first, payload)) in frames.iter().enumerate() {
            if at == close_at % 8 {
                connection.close(Close::NoSignOfLife);
            }
            connection.receive(&frame(*first, payload));
            while connection.next().is_some() {}
        }
    }
}
