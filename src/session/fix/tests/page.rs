//! The session's own messages on the protocol page are those that a session sends.

use super::super::{Collected, LogonAsk, Notice, Numbers, Outgoing, Sent, Session, Settings};
use super::{complete, time_text};
use crate::types::{MsgSeqNum, Nanos, Span};
use crate::wire::fix::{Dictionary, Framed, Index, Message, Version, frame};

/// 2026-11-24 09:30:00.250 UTC.
const NOW: Nanos = Nanos(1_795_512_600_250_000_000);

fn settings(version: Version) -> Settings {
    Settings {
        dictionary: Dictionary::of(version),
        default_appl_ver_id: if version.is_fixt() { version.appl_ver_id().to_vec() } else { Vec::new() },
        heartbeat_secs: (1, 60),
        accepts: &[b"D"],
        resends: true,
        tell_max_message_size: true,
        session_status: true,
        next_expected_msg_seq_num: version.is_fixt(),
        last_msg_seq_num_processed: version.is_fixt(),
        ..Settings::initiator("SEALGATE", "ALICE")
    }
}

struct Venue {
    session: Session,
    now: Nanos,
    out: Collected,
}

impl Venue {
    fn new(settings: Settings) -> Self {
        Self { session: Session::new(settings, Numbers::FRESH), now: NOW, out: Collected::default() }
    }

    /// One that Alice has logged on to; its answer.
    fn logged_on(version: Version, fields: &str) -> (Self, String) {
        let mut venue = Self::new(settings(version));
        let answer = venue.logon(1, fields);
        (venue, answer)
    }

    fn bytes(&self, msg_type: &str, number: u32, body: &str) -> Vec<u8> {
        let begin = String::from_utf8_lossy(self.session.settings().dictionary.begin_string).into_owned();
        let sent = time_text(self.now, 0);
        complete(&format!("8={begin}|35={msg_type}|34={number}|49=ALICE|52={sent}|56=SEALGATE|{body}"))
    }

    fn logon(&mut self, number: u32, fields: &str) -> String {
        let bytes = self.bytes("A", number, &format!("98=0|108=30|{fields}"));
        let mut index = Index::new();
        let message = Message::parse(&bytes, &mut index).unwrap();
        let ask = LogonAsk::read(&message, self.session.settings().dictionary).unwrap();
        self.session.logon(&ask, self.now, &mut self.out).unwrap();
        self.said()
    }

    fn takes(&mut self, msg_type: &str, number: u32, body: &str) -> String {
        let bytes = self.bytes(msg_type, number, body);
        let mut index = Index::new();
        self.session.receive(&Message::parse(&bytes, &mut index).unwrap(), self.now, &mut self.out);
        self.said()
    }

    /// Lets so many seconds go by.
    fn waits(&mut self, seconds: u64) -> String {
        self.now = self.now + Span::from_secs(seconds);
        self.session.tick(self.now, &mut self.out);
        self.said()
    }

    /// The last message that it has sent since.
    fn said(&mut self) -> String {
        let mut last = String::new();
        while let Framed::Message(length) = frame(&self.out.wire) {
            let message: Vec<u8> = self.out.wire.drain(..length).collect();
            last = String::from_utf8(message).unwrap().replace('\x01', "|");
        }
        last
    }
}

/// What a session sends, by the heading under which the page shows it.
fn examples() -> Vec<(&'static str, String)> {
    let mut examples = Vec::new();
    let (mut venue, logon) = Venue::logged_on(Version::Fix44, "141=Y|");
    examples.push(("Logon(A), the answer to one with 141=Y:", logon));
    let (_, logon) = Venue::logged_on(Version::Fix50Sp2, "789=1|1137=9|");
    let what = "Logon(A) of a FIXT session with FIX.5.0 SP2, `next_expected_msg_seq_num` and `last_msg_seq_num_processed`:";
    examples.push((what, logon));
    examples.push(("Heartbeat(0), the answer to a TestRequest:", venue.takes("1", 2, "112=are you there|")));
    examples.push(("ResendRequest(2), when number 5 comes after 2:", venue.takes("0", 5, "")));
    venue.takes("4", 3, "43=Y|36=6|123=Y|");
    examples.push(("Reject(3), for a field that no dictionary has:", venue.takes("0", 6, "999=1|")));
    let told = Outgoing { msg_type: b"8", body: b"37=1\x01", event: None, poss_resend: false, sign: None };
    venue.session.send(&told, venue.now, &mut venue.out);
    venue.said();
    venue.now = venue.now + Span::from_secs(9);
    venue.takes("2", 7, "7=1|16=3|");
    assert!(venue.out.notices.contains(&Notice::Replay { from: MsgSeqNum(1), to: MsgSeqNum(3) }));
    venue.session.replayed(venue.now, &mut venue.out);
    examples.push(("SequenceReset(4), GapFill: under 1 to 3 there is nothing to say again:", venue.said()));
    venue.takes("2", 8, "7=4|16=4|");
    let (number, text) = (MsgSeqNum(4), "45=6\x0158=Invalid tag number\x01371=999\x01372=0\x01373=0\x01");
    let sent = Sent { number, sent: NOW, poss_resend: false, msg_type: b"3", body: text.as_bytes() };
    venue.session.replay(&sent, venue.now, &mut venue.out);
    examples.push(("The Reject, sent again nine seconds later:", venue.said()));
    venue.session.replayed(venue.now, &mut venue.out);
    venue.said();
    venue.waits(30);
    examples.push(("TestRequest(1), after 1.2 × HeartBtInt of silence:", venue.waits(6)));
    examples.push(("Logout(5), when a number comes again that was taken:", venue.takes("0", 3, "")));
    let mut closed = Venue::new(settings(Version::Fix50Sp2));
    closed.session.begin_anew(&mut closed.out);
    let refused = closed.logon(1, "789=7|1137=9|");
    examples.push(("Logout(5), which refuses a genuine Logon of a FIXT session:", refused));
    examples
}

const BEGIN: &str = "<!-- generated: SEALGATE_BLESS=1 cargo test --lib session::fix -->\n";
const END: &str = "<!-- end of what the session sends -->\n";

#[test]
fn the_protocol_page_shows_what_a_session_sends() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol-fix.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (there, tail) = rest.split_once(END).unwrap();
    let right: String =
        examples().iter().map(|(what, message)| format!("\n{what}\n\n    {message}\n")).collect();
    if std::env::var_os("SEALGATE_BLESS").is_some() {
        std::fs::write(path, format!("{head}{BEGIN}{right}\n{END}{tail}")).unwrap();
    } else {
        assert_eq!(there, right + "\n", "docs/protocol-fix.md: {BEGIN}");
    }
}

#[test]
fn every_message_of_the_session_is_shown() {
    let shown: Vec<String> = examples().into_iter().map(|(_, message)| message).collect();
    for msg_type in ["0", "1", "2", "3", "4", "5", "A"] {
        let field = format!("|35={msg_type}|");
        assert!(shown.iter().any(|message| message.contains(&field)), "{msg_type}");
    }
}
