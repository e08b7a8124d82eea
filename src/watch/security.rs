//! Security events: who was refused, and why, for the operator's log.
//!
//! An agent notes them, a thread of the control plane writes them. The channel between is bounded; what does not fit is
//! counted as lost, so that a flood of refusals can neither stall the path nor fill the memory.

use crate::types::time::Civil;
use crate::types::{ApiKeyId, MemberId, Nanos, Reject, SessionId, Text};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Events that wait for the thread that writes them: ten reads a second write ten thousand.
const EVENTS_MAX: usize = 1_024;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityEvent {
    /// The TLS handshake failed, or the connection broke the protocol later.
    TlsFailed {
        /// The name of the fault.
        fault: Text<120>,
    },
    /// The certificate is from a trusted CA, but no member's.
    UnknownCertificate {
        /// SHA-256 of its SubjectPublicKeyInfo: what the configuration would name.
        spki: [u8; 32],
    },
    /// The handshake or the logon took too long.
    LogonTimedOut,
    /// A logon was refused.
    LogonRefused {
        /// Whose certificate it was.
        member: MemberId,
        /// Why.
        reject: Reject,
        /// The SenderCompID or API key that was claimed.
        claimed: Text<36>,
    },
    /// A request carries no signature, or one that does not fit.
    SignatureRefused {
        /// Whose certificate it was.
        member: MemberId,
        /// The API key that should have signed.
        key: ApiKeyId,
        /// The FIX session; [`SessionId::NONE`] for WebSocket.
        session: SessionId,
        /// [`Reject::SignatureMissing`] or [`Reject::SignatureInvalid`].
        reject: Reject,
    },
    /// A request names an account, API key or CompID that its certificate has no right to.
    NotPermitted {
        /// Whose certificate it was.
        member: MemberId,
        /// Why.
        reject: Reject,
    },
    /// The connection sent more messages than twice its cap.
    Flood {
        /// Whose certificate it was.
        member: MemberId,
    },
    /// The connection did not read what was sent to it.
    SlowReader {
        /// Whose certificate it was.
        member: MemberId,
    },
    /// There were as many connections as there may be.
    ConnectionsExhausted,
    /// The fast verifier and `ed25519-dalek` judged a signature differently: the fast one is used no more.
    /// It means a mistake in Sealgate or a processor that computes wrongly.
    VerifierDistrusted {
        /// The API key whose signature it was.
        key: ApiKeyId,
    },
    /// Somebody without the right to it connected to the control socket.
    ControlRefused {
        /// The user on this machine.
        uid: u32,
    },
    /// An operator changed something at run time.
    ControlChange {
        /// The user on this machine.
        uid: u32,
        /// What was asked for, and of which thing.
        what: Text<160>,
        /// The name of the refusal; empty if it was done.
        refused: Text<24>,
    },
}

/// An event, with when and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityRecord {
    /// When.
    pub at: Nanos,
    /// From where; `None`: from this machine itself.
    pub peer: Option<SocketAddr>,
    /// What.
    pub event: SecurityEvent,
}

/// The end that agents write to. Clones write to the same.
#[derive(Clone, Debug)]
pub struct SecurityLog {
    channel: SyncSender<SecurityRecord>,
    lost: Arc<AtomicU64>,
    counts: SecurityCounts,
}

/// How often each kind of event has happened. Clones are the same; there are many writers, and each is rare.
#[derive(Clone, Debug, Default)]
pub struct SecurityCounts(Arc<[AtomicU64; SecurityEvent::NAMES.len()]>);

/// The end that is read.
#[derive(Debug)]
pub struct SecurityReader {
    channel: Receiver<SecurityRecord>,
    lost: Arc<AtomicU64>,
}

/// A log: the end that is written to and the end that is read.
pub fn security_log() -> (SecurityLog, SecurityReader) {
    let (sender, receiver) = sync_channel(EVENTS_MAX);
    let lost = Arc::new(AtomicU64::new(0));
    let counts = SecurityCounts::default();
    (
        SecurityLog { channel: sender, lost: Arc::clone(&lost), counts },
        SecurityReader { channel: receiver, lost },
    )
}

impl SecurityLog {
    /// Notes an event. Never waits: if the reader is that far behind, the event is counted as lost.
    pub fn note(&self, record: SecurityRecord) {
        self.counts.0[record.event.kind()].fetch_add(1, Ordering::Relaxed);
        if self.channel.try_send(record).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl SecurityLog {
    /// How often what was noted, by whichever clone.
    pub fn counts(&self) -> SecurityCounts {
        self.counts.clone()
    }
}

impl SecurityCounts {
    /// Those that have happened.
    pub fn read(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let all = SecurityEvent::NAMES.into_iter().zip(self.0.iter());
        all.map(|(name, count)| (name, count.load(Ordering::Relaxed))).filter(|(_, count)| *count > 0)
    }
}

impl SecurityEvent {
    /// The names of all kinds.
    pub const NAMES: [&'static str; 12] = [
        "TlsFailed",
        "UnknownCertificate",
        "LogonTimedOut",
        "LogonRefused",
        "SignatureRefused",
        "NotPermitted",
        "Flood",
        "SlowReader",
        "ConnectionsExhausted",
        "VerifierDistrusted",
        "ControlRefused",
        "ControlChange",
    ];

    /// Its place in [`SecurityEvent::NAMES`].
    fn kind(&self) -> usize {
        match self {
            Self::TlsFailed { .. } => 0,
            Self::UnknownCertificate { .. } => 1,
            Self::LogonTimedOut => 2,
            Self::LogonRefused { .. } => 3,
            Self::SignatureRefused { .. } => 4,
            Self::NotPermitted { .. } => 5,
            Self::Flood { .. } => 6,
            Self::SlowReader { .. } => 7,
            Self::ConnectionsExhausted => 8,
            Self::VerifierDistrusted { .. } => 9,
            Self::ControlRefused { .. } => 10,
            Self::ControlChange { .. } => 11,
        }
    }
}

impl SecurityReader {
    /// The oldest event that was not read yet. To be asked some times a second; who waits in the channel
    /// would have to be woken by an agent, which takes a system call.
    pub fn take(&mut self) -> Option<SecurityRecord> {
        self.channel.try_recv().ok()
    }

    /// How many events were lost since this was asked last.
    pub fn lost(&mut self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

/// One line: time, peer, name, and what else there is as `name=value`.
impl fmt::Display for SecurityRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} peer=", Civil::from_nanos(self.at))?;
        match self.peer {
            Some(peer) => write!(f, "{peer} {}", self.event),
            None => write!(f, "- {}", self.event),
        }
    }
}

impl fmt::Display for SecurityEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TlsFailed { fault } => write!(f, "TlsFailed fault={:?}", fault.as_str()),
            Self::UnknownCertificate { spki } => {
                f.write_str("UnknownCertificate spki_sha256=")?;
                spki.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::LogonTimedOut => f.write_str("LogonTimedOut"),
            // What was claimed comes from outside: quoted and escaped, so that it cannot forge a line.
            Self::LogonRefused { member, reject, claimed } => {
                let (claimed, reject) = (claimed.as_str(), reject.info().name);
                write!(f, "LogonRefused member={member} claimed={claimed:?} reject={reject}")
            }
            Self::SignatureRefused { member, key, session, reject } => {
                let reject = reject.info().name;
                write!(f, "SignatureRefused member={member} key={key} session={session} reject={reject}")
            }
            Self::NotPermitted { member, reject } => {
                write!(f, "NotPermitted member={member} reject={}", reject.info().name)
            }
            Self::Flood { member } => write!(f, "Flood member={member}"),
            Self::SlowReader { member } => write!(f, "SlowReader member={member}"),
            Self::ConnectionsExhausted => f.write_str("ConnectionsExhausted"),
            Self::VerifierDistrusted { key } => write!(f, "VerifierDistrusted key={key}"),
            Self::ControlRefused { uid } => write!(f, "ControlRefused uid={uid}"),
            Self::ControlChange { uid, what, refused } if refused.is_empty() => {
                write!(f, "ControlChange uid={uid} what={:?}", what.as_str())
            }
            Self::ControlChange { uid, what, refused } => {
                write!(f, "ControlChange uid={uid} what={:?} refused={}", what.as_str(), refused.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(event: SecurityEvent) -> SecurityRecord {
        SecurityRecord {
            at: Nanos(1_719_494_825_223_000_000),
            peer: Some("127.0.0.1:4711".parse().unwrap()),
            event,
        }
    }

    #[test]
    fn an_event_is_one_line_that_no_claim_can_forge() {
        let claimed = Text::truncated("eve\nadmin\"");
        let refused =
            SecurityEvent::LogonRefused { member: MemberId(2), reject: Reject::LogonRefused, claimed };
        let line = record(refused).to_string();
        assert_eq!(
            line,
            "2024-06-27T13:27:05.223Z peer=127.0.0.1:4711 LogonRefused member=2 claimed=\"eve\\nadmin\\\"\" \
             reject=LogonRefused"
        );
    }

    #[test]
    fn a_certificate_is_told_as_the_configuration_would_name_it() {
        let line = SecurityEvent::UnknownCertificate { spki: [0xab; 32] }.to_string();
        assert_eq!(line, format!("UnknownCertificate spki_sha256={}", "ab".repeat(32)));
    }

    #[test]
    fn a_change_of_an_operator_tells_who_what_and_whether() {
        let what = Text::truncated("session.set 3 enabled=false");
        let change = |refused| SecurityEvent::ControlChange { uid: 1000, what, refused };
        let line = SecurityRecord { peer: None, ..record(change(Text::EMPTY)) }.to_string();
        assert!(line.ends_with("Z peer=- ControlChange uid=1000 what=\"session.set 3 enabled=false\""));
        let refused = change(Text::truncated("UnknownSession")).to_string();
        assert!(refused.ends_with(" refused=UnknownSession"), "{refused}");
    }

    #[test]
    fn an_event_is_counted_under_the_name_that_its_line_has() {
        let member = MemberId(1);
        for event in [
            SecurityEvent::LogonTimedOut,
            SecurityEvent::Flood { member },
            SecurityEvent::ControlRefused { uid: 7 },
            SecurityEvent::VerifierDistrusted { key: ApiKeyId(3) },
        ] {
            let name = SecurityEvent::NAMES[event.kind()];
            assert_eq!(event.to_string().split(' ').next(), Some(name));
        }
    }

    #[test]
    fn a_flood_of_events_is_cut_and_counted() {
        let (log, mut reader) = security_log();
        for _ in 0..EVENTS_MAX + 7 {
            log.clone().note(record(SecurityEvent::ConnectionsExhausted));
        }
        assert_eq!(std::iter::from_fn(|| reader.take()).count(), EVENTS_MAX);
        assert_eq!((reader.lost(), reader.lost()), (7, 0));
        let counted: Vec<_> = log.counts().read().collect();
        assert_eq!(counted, [("ConnectionsExhausted", EVENTS_MAX as u64 + 7)], "lost ones too");
    }
}
