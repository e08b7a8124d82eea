//! The body fields of one message: each that it may have, at most once, none without a value, and no other.

use crate::types::{Nanos, Refusal, Reject};
use crate::wire::fix::{Message, parse_time, tag};

/// Most tags that one of our messages has.
const TAGS_MAX: usize = 20;
const _: () = assert!(TAGS_MAX < NOWHERE as usize, "a place is none of the two that are none");

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

/// The tags that a message may have, and where the value of each is kept: a look-up where a search through them would
/// cost more than all else.
pub(super) struct Tags {
    list: &'static [u32],
    /// For each small tag its place in the list; or one of the two below.
    places: [u8; SMALL_TAGS],
}

const SMALL_TAGS: usize = 256;

/// A tag of the [`ENVELOPE`].
const ENVELOPED: u8 = u8::MAX;

/// A tag that the message may not have.
const NOWHERE: u8 = u8::MAX - 1;

impl Tags {
    /// Of a list, in which large tags should stand last.
    pub(super) const fn new(list: &'static [u32]) -> Self {
        assert!(list.len() <= TAGS_MAX, "more tags than there is room for");
        let mut places = [NOWHERE; SMALL_TAGS];
        let mut at = 0;
        while at < ENVELOPE.len() {
            if (ENVELOPE[at] as usize) < SMALL_TAGS {
                places[ENVELOPE[at] as usize] = ENVELOPED;
            }
            at += 1;
        }
        at = 0;
        while at < list.len() {
            if (list[at] as usize) < SMALL_TAGS {
                places[list[at] as usize] = at as u8;
            }
            at += 1;
        }
        Self { list, places }
    }

    /// Where the value of a tag is kept.
    #[inline]
    fn place(&self, tag: u32) -> u8 {
        match self.places.get(tag as usize) {
            Some(place) => *place,
            None => match self.list.iter().rposition(|known| *known == tag) {
                Some(at) => at as u8,
                None if ENVELOPE.contains(&tag) => ENVELOPED,
                None => NOWHERE,
            },
        }
    }

    /// All of them.
    #[cfg(test)]
    pub(super) fn list(&self) -> &'static [u32] {
        self.list
    }
}

/// The values by their tags.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    tags: &'static Tags,
    values: [Option<&'a [u8]>; TAGS_MAX],
    sending_time: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Sorts the body of a message by the tags that it may have.
    pub(super) fn collect(message: &Message<'a>, tags: &'static Tags) -> Result<Self, Refusal> {
        let mut values = [None; TAGS_MAX];
        for field in message.fields() {
            let place = tags.place(field.tag);
            match values.get_mut(usize::from(place)) {
                Some(value @ None) => *value = Some(message.value(*field)),
                Some(Some(_)) => return Err(Refusal::tag(Reject::FieldRepeated, field.tag)),
                None if place == ENVELOPED => {}
                None => return Err(Refusal::tag(Reject::FieldNotForMessage, field.tag)),
            }
        }
        Ok(Self { tags, values, sending_time: message.get(tag::SENDING_TIME) })
    }

    /// The value of a field that need not be there.
    #[inline]
    pub(super) fn get(&self, tag: u32) -> Result<Option<&'a [u8]>, Refusal> {
        match self.values.get(usize::from(self.tags.place(tag))).copied().flatten() {
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
