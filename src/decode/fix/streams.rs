//! ApplicationMessageRequest(BW): where a client is in its private streams, and what it wants of them.
//!
//! ```text
//!   1347  0 again what 1182 to 1183 name     1 from now on, or from 1182 on      4 no more of that
//!         2 the last numbers     3 which there are     5 no more of what is sent again     6 both
//!   group 1351: 1355 the stream, `account/shard`; without a group: all of the key's accounts
//! ```

use super::fields::ENVELOPE;
use crate::config::Directory;
use crate::types::ids::cl_ord_id as plain;
use crate::types::{
    AccountId, ApplSeqNum, Refusal, Reject, ShardId, StreamAsk, StreamRequest, StreamRequestType, Text,
};
use crate::wire::fix::{Message, parse_uint, tag};

const TAGS: &[u32] = &[tag::APPL_REQ_ID, tag::APPL_REQ_TYPE, tag::NO_APPL_IDS, tag::TEXT];

/// Fields of the group, which stand there more than once.
const OF_GROUP: &[u32] = &[tag::REF_APPL_ID, tag::APPL_BEG_SEQ_NUM, tag::APPL_END_SEQ_NUM];

/// Understands an ApplicationMessageRequest(BW) of who may act for these accounts. What it names and may not have is no
/// refusal of the message: the answer says so, stream by stream.
pub fn stream_request(
    message: &Message<'_>,
    accounts: &[AccountId],
    shards: usize,
    directory: &Directory,
) -> Result<StreamRequest, Refusal> {
    if message.is_truncated() {
        return Err(Reject::MessageTooLong.into());
    }
    check_tags(message)?;
    let id = plain(required(message, tag::APPL_REQ_ID)?)
        .map_err(|_| Refusal::tag(Reject::ClOrdIdInvalid, tag::APPL_REQ_ID))?;
    let code = parse_uint(required(message, tag::APPL_REQ_TYPE)?);
    let kind = code.and_then(StreamRequestType::of_code);
    let kind = kind.ok_or(Refusal::tag(Reject::FieldValue, tag::APPL_REQ_TYPE))?;
    let desk = Desk { accounts, shards, directory };
    let asks = match message.get(tag::NO_APPL_IDS) {
        Some(_) => desk.group(message)?,
        // Nobody says where to begin.
        None if kind == StreamRequestType::Resend => {
            return Err(Refusal::tag(Reject::FieldMissing, tag::NO_APPL_IDS));
        }
        None if message.fields().iter().any(|field| OF_GROUP.contains(&field.tag)) => {
            return Err(Refusal::tag(Reject::GroupCount, tag::NO_APPL_IDS));
        }
        None => desk.all(),
    };
    if kind == StreamRequestType::Resend && asks.iter().any(|ask| ask.first.is_none()) {
        return Err(Refusal::tag(Reject::FieldMissing, tag::APPL_BEG_SEQ_NUM));
    }
    Ok(StreamRequest { id, kind, asks })
}

fn check_tags(message: &Message<'_>) -> Result<(), Refusal> {
    let fields = message.fields();
    for (at, field) in fields.iter().enumerate() {
        if !TAGS.contains(&field.tag) && !OF_GROUP.contains(&field.tag) && !ENVELOPE.contains(&field.tag) {
            return Err(Refusal::tag(Reject::FieldNotForMessage, field.tag));
        }
        if TAGS.contains(&field.tag) && fields[..at].iter().any(|before| before.tag == field.tag) {
            return Err(Refusal::tag(Reject::FieldRepeated, field.tag));
        }
    }
    Ok(())
}

fn required<'a>(message: &Message<'a>, tag: u32) -> Result<&'a [u8], Refusal> {
    match message.get(tag) {
        Some([]) => Err(Refusal::tag(Reject::FieldEmpty, tag)),
        Some(value) => Ok(value),
        None => Err(Refusal::tag(Reject::FieldMissing, tag)),
    }
}

struct Desk<'d> {
    accounts: &'d [AccountId],
    shards: usize,
    directory: &'d Directory,
}

impl Desk<'_> {
    fn all(&self) -> Vec<StreamAsk> {
        let of = |account: &AccountId| {
            let account = *account;
            (0..self.shards).map(move |shard| (account, ShardId(shard as u8)))
        };
        let ask = |(account, shard): (AccountId, ShardId)| {
            let name = self.directory.account(account).map_or("", |account| account.name.as_str());
            let appl_id = Text::truncated(&format!("{name}/{shard}"));
            StreamAsk { appl_id, stream: Ok((account, shard)), first: None, last: None }
        };
        self.accounts.iter().flat_map(of).map(ask).collect()
    }

    /// The entries of the group, each begun by its ApplID.
    fn group(&self, message: &Message<'_>) -> Result<Vec<StreamAsk>, Refusal> {
        let mut asks: Vec<StreamAsk> = Vec::new();
        for field in message.fields() {
            let value = message.value(*field);
            match (field.tag, asks.last_mut()) {
                (tag::REF_APPL_ID, _) => asks.push(self.ask(value)),
                (tag::APPL_BEG_SEQ_NUM, Some(ask)) => {
                    let first = number(value, field.tag)?.filter(|first| ask.first.is_none() && first.0 > 0);
                    ask.first = Some(first.ok_or(Refusal::tag(Reject::FieldValue, field.tag))?);
                }
                // 0, as the standard has it: all that there are.
                (tag::APPL_END_SEQ_NUM, Some(ask)) => {
                    ask.last = number(value, field.tag)?.filter(|last| last.0 > 0);
                }
                (tag::APPL_BEG_SEQ_NUM | tag::APPL_END_SEQ_NUM, None) => {
                    return Err(Refusal::tag(Reject::GroupOutOfOrder, field.tag));
                }
                _ => {}
            }
        }
        if message.uint(tag::NO_APPL_IDS) != Some(asks.len() as u64) {
            return Err(Refusal::tag(Reject::GroupCount, tag::NO_APPL_IDS));
        }
        for (at, ask) in asks.iter().enumerate() {
            if asks[..at].iter().any(|before| before.appl_id == ask.appl_id) {
                return Err(Refusal::tag(Reject::FieldRepeated, tag::REF_APPL_ID));
            }
            if ask.last.is_some_and(|last| ask.first.is_none_or(|first| last < first)) {
                return Err(Refusal::tag(Reject::FieldValue, tag::APPL_END_SEQ_NUM));
            }
        }
        Ok(asks)
    }

    fn ask(&self, name: &[u8]) -> StreamAsk {
        let text = String::from_utf8_lossy(name);
        let (appl_id, stream) = (Text::truncated(&text), self.stream(&text));
        StreamAsk { appl_id, stream, first: None, last: None }
    }

    /// Whether an account of somebody else exists is not told.
    fn stream(&self, name: &str) -> Result<(AccountId, ShardId), Refusal> {
        let wrong = Refusal::tag(Reject::FieldValue, tag::REF_APPL_ID);
        let (account, shard) = name.rsplit_once('/').ok_or(wrong)?;
        let shard = shard.parse().map(ShardId).ok().filter(|shard| usize::from(shard.0) < self.shards);
        let shard = shard.ok_or(wrong)?;
        let account = self.directory.account_by_name(account).map(|account| account.id);
        let account = account.filter(|account| self.accounts.contains(account));
        Ok((account.ok_or(Refusal::tag(Reject::AccountUnknown, tag::REF_APPL_ID))?, shard))
    }
}

fn number(text: &[u8], tag: u32) -> Result<Option<ApplSeqNum>, Refusal> {
    match parse_uint(text) {
        Some(number) => Ok(Some(ApplSeqNum(number))),
        None => Err(Refusal::tag(Reject::FieldFormat, tag)),
    }
}
