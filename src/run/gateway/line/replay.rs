//! What a session has sent, and how far it is sent again.

use crate::limits::RESENDABLE_MAX;
use crate::run::recovery::Sent;
use crate::types::MsgSeqNum;
use std::collections::VecDeque;

/// A replay under way.
pub(super) struct Replay {
    /// Tells its answers from those of a replay before it.
    pub(super) job: u64,
    /// What is asked for next: the first message that was sent with this number or a later one.
    pub(super) next: MsgSeqNum,
    /// The last number that is wanted.
    pub(super) to: MsgSeqNum,
    /// Asked for and not answered yet.
    pub(super) outstanding: usize,
}

/// The next message of a replay.
pub(super) fn next_of(sent: &VecDeque<Sent>, replay: &Replay) -> Option<Sent> {
    let at = sent.partition_point(|sent| sent.number < replay.next);
    sent.get(at).copied().filter(|sent| sent.number <= replay.to)
}

/// As many as are kept.
pub(super) fn newest(mut sent: Vec<Sent>) -> VecDeque<Sent> {
    sent.drain(..sent.len().saturating_sub(RESENDABLE_MAX));
    VecDeque::from(sent)
}
