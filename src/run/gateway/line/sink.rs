//! What a session says during one call: bytes into its line, records into the log.

use super::Replay;
use crate::limits::RESENDABLE_MAX;
use crate::planted::{self, Bug};
use crate::run::gateway::session_log::SessionLog;
use crate::run::gateway::staged::Staged;
use crate::run::journal::SentBody;
use crate::run::recovery::Sent;
use crate::session::fix::{CloseReason, Notice, Output};
use crate::types::{MsgSeqNum, Nanos, OutboundBody, Seq, SessionRecord};
use std::collections::VecDeque;

/// Where a session's output goes during one call.
pub(super) struct Sink<'a> {
    pub(super) now: Nanos,
    pub(super) log: &'a mut SessionLog,
    pub(super) sent: &'a mut VecDeque<Sent>,
    pub(super) begun: &'a mut Option<Nanos>,
    pub(super) staged: &'a mut Staged,
    pub(super) reservations: &'a mut VecDeque<(Seq, MsgSeqNum)>,
    pub(super) replay: &'a mut Option<Replay>,
    pub(super) over: &'a mut Option<CloseReason>,
    pub(super) jobs: &'a mut u64,
    /// What is sent was owed from the last run.
    pub(super) poss_resend: bool,
}

impl Output for Sink<'_> {
    fn wire(&mut self) -> &mut Vec<u8> {
        self.staged.wire()
    }

    fn record(&mut self, record: SessionRecord<'_>) {
        let seq = self.log.append(self.now, &record);
        self.begun.get_or_insert(self.now);
        match record {
            SessionRecord::Outbound { number, sent, body, .. } => {
                let body = match body {
                    OutboundBody::Event(at) => SentBody::Event(at),
                    OutboundBody::Own(_) => SentBody::Own(self.log.last_ref()),
                };
                if self.sent.len() == RESENDABLE_MAX {
                    self.sent.pop_front();
                }
                self.sent.push_back(Sent { number, time: sent, body, poss_resend: self.poss_resend });
            }
            SessionRecord::Reserved { upto, .. } => self.reservations.push_back((seq, upto)),
            SessionRecord::Reset { .. } => {
                self.sent.clear();
                self.reservations.clear();
                *self.begun = Some(self.now);
            }
            SessionRecord::Inbound { .. }
            | SessionRecord::InboundNext { .. }
            | SessionRecord::Request { .. }
            | SessionRecord::Answered { .. }
            | SessionRecord::Told { .. } => {}
        }
    }

    fn barrier(&mut self) {
        if !planted::has(Bug::OwnNotDurable) {
            self.staged.barrier(self.log.last());
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::LoggedOn => {}
            Notice::Paused => *self.replay = None,
            Notice::Replay { from, to } => {
                *self.jobs += 1;
                *self.replay = Some(Replay { job: *self.jobs, next: from, to, outstanding: 0 });
            }
            Notice::Close(reason) => *self.over = Some(reason),
        }
    }
}
