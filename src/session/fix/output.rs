//! What a session gives to its caller.

use crate::types::{MsgSeqNum, Nanos, OutboundBody, SessionRecord};
use std::fmt;

/// Where a session puts what it has to say. The caller's buffers live behind it, so a session allocates nothing.
///
/// Order matters: bytes, records and barriers are one sequence.
pub trait Output {
    /// Bytes for the peer are appended here.
    fn wire(&mut self) -> &mut Vec<u8>;

    /// A record for the session log. The bytes that it borrows are gone after the call.
    fn record(&mut self, record: SessionRecord<'_>);

    /// What is appended to [`Output::wire`] from here on may leave only when all records so far are durable. A
    /// session asks for it before a Reject, which is a promise, and before it uses numbers that the log may not
    /// know yet.
    fn barrier(&mut self);

    /// Something that the caller must act on.
    fn notice(&mut self, notice: Notice);
}

/// Something that the caller must act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The session is established.
    LoggedOn,
    /// The peer wants these numbers again: feed what the log has of them, in order, to
    /// [`Session::replay`](super::Session::replay), then call [`Session::replayed`](super::Session::replayed).
    /// Piece by piece is fine; until then the session holds back what it sends otherwise.
    Replay {
        /// The first number.
        from: MsgSeqNum,
        /// The last number.
        to: MsgSeqNum,
    },
    /// The replay has used up what may be sent again in a minute: feed no more of it. What is left is asked for with
    /// another [`Notice::Replay`].
    Paused,
    /// Send what is on the wire buffer, then close the connection. The session is over; its numbers live on.
    Close(CloseReason),
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Both sides said Logout.
    LoggedOut,
    /// The peer did not answer our Logout in time.
    LogoutTimeout,
    /// The peer did not answer our Logon in time.
    LogonTimeout,
    /// The peer refused our Logon, or answered with something else.
    LogonRefused,
    /// Nothing came for 2.4 × HeartBtInt, a TestRequest notwithstanding.
    Silent,
    /// MsgSeqNum was lower than expected: one side has lost its numbers.
    SequenceTooLow,
    /// A Logon for a session that has a connection.
    AlreadyLoggedOn,
    /// SendingTime of the Logon was too far from our clock.
    SendingTime,
    /// HeartBtInt of the Logon was outside the bounds.
    HeartBtInt,
    /// The Logon asked for a cancel on disconnect that this session may not have.
    CancelTerms,
    /// The Logon asked for a reset that this session may not ask for, or with a number other than 1.
    ResetRefused,
    /// The Logon came outside the hours of the session.
    OutsideHours,
    /// Password of the Logon was not the session's, or it asked for another.
    Password,
    /// The Logon asked for another password.
    NewPassword,
    /// DefaultApplVerID of the Logon was another.
    ApplVerId,
    /// NextExpectedMsgSeqNum of the Logon was above our numbers: one side has lost its own.
    NextExpectedTooHigh,
    /// The peer asked for a resend and did not read it while we had more to say.
    HeldTooMuch,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LoggedOut => "logged out",
            Self::LogoutTimeout => "no answer to Logout",
            Self::LogonTimeout => "no answer to Logon",
            Self::LogonRefused => "Logon was refused",
            Self::Silent => "nothing received for 2.4 x HeartBtInt",
            Self::SequenceTooLow => "MsgSeqNum too low",
            Self::AlreadyLoggedOn => "the session has a connection",
            Self::SendingTime => "SendingTime of the Logon is too far from the clock",
            Self::HeartBtInt => "HeartBtInt is outside the bounds",
            Self::ResetRefused => "ResetSeqNumFlag is not allowed",
            Self::OutsideHours => "the session is closed at this hour",
            Self::Password => "Password is not that of the session",
            Self::NewPassword => "the Logon asked for another password",
            Self::ApplVerId => "DefaultApplVerID is another",
            Self::NextExpectedTooHigh => "NextExpectedMsgSeqNum too high",
            Self::CancelTerms => "cancel on disconnect as asked for is not allowed",
            Self::HeldTooMuch => "too much to say during a resend",
        })
    }
}

/// A record of the session log that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedRecord {
    /// As [`SessionRecord::Inbound`].
    Inbound(MsgSeqNum),
    /// As [`SessionRecord::InboundNext`].
    InboundNext(MsgSeqNum),
    /// As [`SessionRecord::Outbound`], with the body in full or the event's place.
    Outbound(MsgSeqNum, Nanos, Result<Vec<u8>, crate::types::EventRef>),
    /// As [`SessionRecord::Reserved`].
    Reserved(MsgSeqNum),
    /// As [`SessionRecord::Reset`].
    Reset,
    /// As [`SessionRecord::Told`].
    Told(crate::types::EventRef),
    /// As [`SessionRecord::Request`].
    Request(MsgSeqNum),
    /// As [`SessionRecord::Answered`].
    Answered(MsgSeqNum),
}

/// An [`Output`] that keeps everything in memory: for initiators without a durable log, and for tests.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// Bytes for the peer.
    pub wire: Vec<u8>,
    /// Records, unless [`Collected::forgetting`].
    pub records: Vec<OwnedRecord>,
    /// Notices.
    pub notices: Vec<Notice>,
    /// For each barrier, how many bytes stood on the wire before it.
    pub barriers: Vec<usize>,
    forgets: bool,
}

impl Collected {
    /// One that drops records: the numbers live only in [`Session`](super::Session).
    pub fn forgetting() -> Self {
        Self { forgets: true, ..Self::default() }
    }
}

impl Output for Collected {
    fn wire(&mut self) -> &mut Vec<u8> {
        &mut self.wire
    }

    fn record(&mut self, record: SessionRecord<'_>) {
        if self.forgets {
            return;
        }
        self.records.push(match record {
            SessionRecord::Inbound { number, .. } => OwnedRecord::Inbound(number),
            SessionRecord::InboundNext { next, .. } => OwnedRecord::InboundNext(next),
            SessionRecord::Outbound { number, sent, body: OutboundBody::Own(body), .. } => {
                OwnedRecord::Outbound(number, sent, Ok(body.to_vec()))
            }
            SessionRecord::Outbound { number, sent, body: OutboundBody::Event(at), .. } => {
                OwnedRecord::Outbound(number, sent, Err(at))
            }
            SessionRecord::Reserved { upto, .. } => OwnedRecord::Reserved(upto),
            SessionRecord::Reset { .. } => OwnedRecord::Reset,
            SessionRecord::Told { event, .. } => OwnedRecord::Told(event),
            SessionRecord::Request { number, .. } => OwnedRecord::Request(number),
            SessionRecord::Answered { number, .. } => OwnedRecord::Answered(number),
        });
    }

    fn barrier(&mut self) {
        if !self.forgets {
            self.barriers.push(self.wire.len());
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }
}
