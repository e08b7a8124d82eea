//! The body fields of one message: each that it may have, at most once, none without a value, and no other.

use crate::types::{Nanos, Refusal, Reject};
use crate::wire::fix::{Message, parse_time, tag};

/// Most tags that one of our messages has.
const TAGS_MAX: usize = 20;

/// Header and trailer: the session's business.
pub(super) const ENVELOPE: &[u32] = &[
    tag::BEGIN_STRING,
    tag::BODY_LENGTH,
    tag::MSG_TYPE,
    tag::MSG_SEQ_NUM,
    tag::SENDER_COMP_ID,
    tag::SENDING_TIME,
    tag::TARGET_COMP_ID,
    tag::POSS_DUP_FLAG,
    tag::POSS_RESEND,
    tag::ORIG_SENDING_TIME,
    tag::SENDER_SUB_ID,
    tag::TARGET_SUB_ID,
    tag::SENDER_LOCATION_ID,
    tag::TARGET_LOCATION_ID,
    tag::ON_BEHALF_OF_COMP_ID,
    tag::ON_BEHALF_OF_SUB_ID,
    tag::ON_BEHALF_OF_LOCATION_ID,
    tag::DELIVER_TO_COMP_ID,
    tag::DELIVER_TO_SUB_ID,
    tag::DELIVER_TO_LOCATION_ID,
    tag::MESSAGE_ENCODING,
    tag::LAST_MSG_SEQ_NUM_PROCESSED,
    tag::SIGNATURE_LENGTH,
    tag::SIGNATURE,
    tag::CHECK_SUM,
];

/// The values by their tags.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    tags: &'static [u32],
    values: [Option<&'a [u8]>; TAGS_MAX],
    sending_time: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Sorts the body of a message by the tags that it may have.
    pub(super) fn collect(message: &Message<'a>, tags: &'static [u32]) -> Result<Self, Refusal> {
        assert!(tags.len() <= TAGS_MAX, "room for {TAGS_MAX} tags, not {}", tags.len());
        let mut values = [None; TAGS_MAX];
        for field in message.fields() {
            match tags.iter().position(|tag| *tag == field.tag) {
                Some(at) if values[at].is_some() => {
                    return Err(Refusal::tag(Reject::FieldRepeated, field.tag));
                }
                Some(at) => values[at] = Some(message.value(*field)),
                None if ENVELOPE.contains(&field.tag) => {}
                None => return Err(Refusal::tag(Reject::FieldNotForMessage, field.tag)),
            }
        }
        Ok(Self { tags, values, sending_time: message.get(tag::SENDING_TIME) })
    }

    /// The value of a field that need not be there.
    pub(super) fn get(&self, tag: u32) -> Result<Option<&'a [u8]>, Refusal> {
        let at = self.tags.iter().position(|known| *known == tag);
        match at.and_then(|at| self.values[at]) {
            Some([]) => Err(Refusal::tag(Reject::FieldEmpty, tag)),
            value => Ok(value),
        }
    }

    /// The value of a field that must be there.
    pub(super) fn required(&self, tag: u32) -> Result<&'a [u8], Refusal> {
        self.get(tag)?.ok_or(Refusal::tag(Reject::FieldMissing, tag))
    }

    /// SendingTime(52): when its sender says it was sent.
    pub(super) fn sending_time(&self) -> Result<Nanos, Refusal> {
        let text = self.sending_time.ok_or(Refusal::tag(Reject::FieldMissing, tag::SENDING_TIME))?;
        parse_time(text).ok_or(Refusal::tag(Reject::FieldFormat, tag::SENDING_TIME))
    }

    /// TransactTime(60): the standard wants one, we have no use for it, but what is there must be a time.
    pub(super) fn check_transact_time(&self) -> Result<(), Refusal> {
        match self.get(tag::TRANSACT_TIME)? {
            Some(text) if parse_time(text).is_none() => {
                Err(Refusal::tag(Reject::FieldFormat, tag::TRANSACT_TIME))
            }
            _ => Ok(()),
        }
    }
}
