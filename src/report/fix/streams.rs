//! Private streams by their own numbers: ApplicationMessageRequestAck(BX), ApplicationMessageReport(BY).

use super::body::Body;
use super::{ExecId, MsgType, OwnId};
use crate::config::Directory;
use crate::report::ApplId;
use crate::types::{
    ApplSeqNum, FixVersion, Refusal, Reject, ReqId, StreamAsk, StreamPosition, StreamRequest,
};
use crate::wire::fix::tag;

/// ApplicationMessageRequestAck.
pub const APPLICATION_MESSAGE_REQUEST_ACK: MsgType = b"BX";
/// ApplicationMessageReport.
pub const APPLICATION_MESSAGE_REPORT: MsgType = b"BY";

/// What is said of one stream that was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// What was asked.
    pub ask: StreamAsk,
    /// The last number of the stream, or why it is not told.
    pub found: Result<ApplSeqNum, Refusal>,
}

/// Writes the answer to an ApplicationMessageRequest(BW); `refusal` where it is refused as a whole.
pub fn ack(
    request: &StreamRequest,
    verdicts: &[Verdict],
    refusal: Option<&Refusal>,
    own: OwnId,
    out: &mut Vec<u8>,
) -> MsgType {
    let of_stream = verdicts.iter().find_map(|verdict| verdict.found.as_ref().err());
    let refusal = refusal.or(of_stream);
    let mut body = Body::new(out);
    body.display(tag::APPL_RESPONSE_ID, ExecId::Own(own)).text(tag::APPL_REQ_ID, request.id.as_bytes());
    body.number(tag::APPL_REQ_TYPE, request.kind.code())
        .text(tag::APPL_RESPONSE_TYPE, response_type(refusal));
    if refusal.is_none() && request.kind.resends() {
        body.number(tag::APPL_TOTAL_MESSAGE_COUNT, verdicts.iter().map(Verdict::count).sum());
    }
    if !verdicts.is_empty() {
        body.number(tag::NO_APPL_IDS, verdicts.len() as u64);
    }
    for Verdict { ask, found } in verdicts {
        body.text(tag::REF_APPL_ID, ask.appl_id.as_bytes());
        if let Some(first) = ask.first {
            body.number(tag::APPL_BEG_SEQ_NUM, first.0);
            body.number(tag::APPL_END_SEQ_NUM, ask.last.map_or(0, |last| last.0));
        }
        match found {
            Ok(last) => body.number(tag::REF_APPL_LAST_SEQ_NUM, last.0),
            Err(refusal) => body.text(tag::APPL_RESPONSE_ERROR, response_error(refusal)),
        };
    }
    if let Some(refusal) = refusal {
        body.display(tag::TEXT, refusal);
    }
    APPLICATION_MESSAGE_REQUEST_ACK
}

impl Verdict {
    /// How many executions are sent again.
    fn count(&self) -> u64 {
        let (Ok(end), Some(first)) = (self.found, self.ask.first) else { return 0 };
        (self.ask.last.unwrap_or(end).0 + 1).saturating_sub(first.0)
    }
}

/// ApplResponseType(1348): 1 there is no such application, 2 the messages are not available.
fn response_type(refusal: Option<&Refusal>) -> &'static str {
    match refusal.map(|refusal| refusal.reject) {
        None => "0",
        Some(Reject::FieldValue | Reject::AccountUnknown) => "1",
        Some(_) => "2",
    }
}

/// ApplResponseError(1354).
fn response_error(refusal: &Refusal) -> &'static str {
    match refusal.reject {
        Reject::FieldValue => "0",
        Reject::AccountUnknown => "2",
        _ => "1",
    }
}

/// ApplReportType(1426).
#[derive(Clone, Copy, Debug)]
pub enum StreamReport<'a> {
    /// 2: a heartbeat, with the last number of each stream; or what a question is answered as of, which it names.
    Heartbeat(Option<&'a ReqId>),
    /// 3: all is sent again that this request asked for. Before 5.0 SP2, which brought that code: 1, the last is sent.
    Resent(&'a ReqId),
    /// 1: the last that can be told is sent, and why what comes next cannot.
    Broken(&'a ReqId, &'a Refusal),
}

/// Writes an ApplicationMessageReport(BY): the last number of each of these streams.
pub fn report(
    report: StreamReport<'_>,
    positions: &[StreamPosition],
    version: FixVersion,
    own: OwnId,
    directory: &Directory,
    out: &mut Vec<u8>,
) -> MsgType {
    let mut body = Body::new(out);
    match report {
        StreamReport::Heartbeat(None) => body.display(tag::APPL_REPORT_ID, ExecId::Own(own)),
        StreamReport::Heartbeat(Some(of)) | StreamReport::Resent(of) | StreamReport::Broken(of, _) => {
            body.text(tag::APPL_REPORT_ID, of.as_bytes())
        }
    };
    let has_resent = version >= FixVersion::Fix50Sp2;
    let kind = match report {
        StreamReport::Heartbeat(_) => "2",
        StreamReport::Resent(_) if has_resent => "3",
        StreamReport::Resent(_) | StreamReport::Broken(..) => "1",
    };
    body.text(tag::APPL_REPORT_TYPE, kind).number(tag::NO_APPL_IDS, positions.len() as u64);
    for at in positions {
        let account = directory.account(at.account).map_or("", |account| account.name.as_str());
        body.display(tag::REF_APPL_ID, ApplId { account, shard: at.shard });
        body.number(tag::REF_APPL_LAST_SEQ_NUM, at.number.0);
    }
    match report {
        // 5.0 SP1 has no place for it.
        StreamReport::Resent(id) | StreamReport::Broken(id, _) if version != FixVersion::Fix50Sp1 => {
            body.text(tag::APPL_REQ_ID, id.as_bytes())
        }
        _ => &mut body,
    };
    if let StreamReport::Broken(_, refusal) = report {
        body.display(tag::TEXT, refusal);
    }
    APPLICATION_MESSAGE_REPORT
}
