//! What a version of FIX knows, as compact static tables, and the check of a message against it.
//!
//! Fields stand in ascending order of their tags; a set of them is one bit a field, so that "required and
//! missing" and "not of this message" are each one operation. The check gives what a Reject(3) says: the
//! reason (373), the tag (371) and the standard's text (58).

use super::text::{is_decimal, parse_bool, parse_int, parse_time, parse_uint};
use super::{Field, Message, tag};
use crate::types::Reject;

/// A version of FIX: its fields, its messages and the types that it knows by name only.
pub struct Dictionary {
    /// BeginString(8).
    pub begin_string: &'static [u8],
    /// Every field, in ascending order of the tags.
    pub fields: &'static [FieldDef],
    /// The position in `fields` of each tag below 1,024; `NOWHERE` where there is none.
    pub(super) low_tags: &'static [u8; LOW_TAGS],
    /// Fields of the standard header.
    pub header: FieldSet,
    /// Header fields that each message must have.
    pub header_required: FieldSet,
    /// Fields of the standard trailer.
    pub trailer: FieldSet,
    /// The messages that are described.
    pub messages: &'static [MessageDef],
    /// MsgType(35) of the version's other messages.
    pub other_types: &'static [&'static [u8]],
}

/// A field.
#[derive(Clone, Copy)]
pub struct FieldDef {
    /// Its tag.
    pub tag: u32,
    /// Its name in the standard.
    pub name: &'static str,
    /// Its format, and the values that it may have.
    pub kind: Kind,
}

/// A field's format.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Bytes behind a length field.
    Data,
    /// `Y` or `N`.
    Bool,
    /// A whole number.
    Int,
    /// A whole number in this range, both ends included.
    Range(i64, i64),
    /// A number that counts: SeqNum, Length, NumInGroup.
    Count,
    /// A decimal: Price, Qty, Amt.
    Decimal,
    /// One of these characters.
    Char(&'static [u8]),
    /// Some of these characters, separated by spaces.
    Chars(&'static [u8]),
    /// One of these words.
    Word(&'static [&'static [u8]]),
    /// A UTCTimestamp.
    Time,
}

/// A message.
pub struct MessageDef {
    /// MsgType(35).
    pub msg_type: &'static [u8],
    /// Its name in the standard.
    pub name: &'static str,
    /// Whether it belongs to the session rather than to the application.
    pub admin: bool,
    /// Body fields that it must have.
    pub required: FieldSet,
    /// Body fields that it may have, the required ones included.
    pub allowed: FieldSet,
}

/// A set of the fields of one dictionary.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct FieldSet(u128);

/// Which parts of the check are made: settings of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validation {
    /// Any of it.
    pub on: bool,
    /// Unknown tags from 5000 on are refused.
    pub user_defined_fields: bool,
    /// Fields without a value are refused.
    pub fields_have_values: bool,
    /// Header, body and trailer fields must not be mixed.
    pub fields_out_of_order: bool,
}

/// What a message is against a dictionary.
#[derive(Clone, Copy)]
pub enum Verdict {
    /// As it should be.
    Good(&'static MessageDef),
    /// Of a type that the version has and the dictionary does not describe: BusinessMessageReject, 380=3.
    Unsupported,
    /// To be answered with a Reject(3).
    Fault(Fault),
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// SessionRejectReason(373), and Text(58) with it.
    pub reason: RejectReason,
    /// RefTagID(371).
    pub tag: Option<u32>,
}

/// SessionRejectReason(373), as far as Sealgate gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum RejectReason {
    /// 0
    InvalidTag = 0,
    /// 1
    RequiredTagMissing = 1,
    /// 2
    TagNotForMessage = 2,
    /// 4
    TagWithoutValue = 4,
    /// 5
    ValueIncorrect = 5,
    /// 6
    IncorrectFormat = 6,
    /// 9
    CompIdProblem = 9,
    /// 10
    SendingTimeAccuracy = 10,
    /// 11
    InvalidMsgType = 11,
    /// 13
    TagRepeated = 13,
    /// 14
    TagOutOfOrder = 14,
    /// 99: more fields than [`limits::FIX_FIELDS_MAX`](crate::limits::FIX_FIELDS_MAX).
    TooManyFields = 99,
}

impl RejectReason {
    /// Text(58), as the standard words it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::InvalidTag => "Invalid tag number",
            Self::RequiredTagMissing => "Required tag missing",
            Self::TagNotForMessage => "Tag not defined for this message type",
            Self::TagWithoutValue => "Tag specified without a value",
            Self::ValueIncorrect => "Value is incorrect (out of range) for this tag",
            Self::IncorrectFormat => "Incorrect data format for value",
            Self::CompIdProblem => "CompID problem",
            Self::SendingTimeAccuracy => "SendingTime accuracy problem",
            Self::InvalidMsgType => "Invalid MsgType",
            Self::TagRepeated => "Tag appears more than once",
            Self::TagOutOfOrder => "Tag specified out of required order",
            Self::TooManyFields => "Too many fields",
        }
    }

    /// The refusal that it is in the table of all refusals.
    pub const fn reject(self) -> Reject {
        match self {
            Self::InvalidTag => Reject::UndefinedTag,
            Self::RequiredTagMissing => Reject::FieldMissing,
            Self::TagNotForMessage => Reject::FieldNotForMessage,
            Self::TagWithoutValue => Reject::FieldEmpty,
            Self::ValueIncorrect => Reject::FieldValue,
            Self::IncorrectFormat => Reject::FieldFormat,
            Self::CompIdProblem => Reject::CompIdProblem,
            Self::SendingTimeAccuracy => Reject::SendingTimeAccuracy,
            Self::InvalidMsgType => Reject::MsgTypeInvalid,
            Self::TagRepeated => Reject::FieldRepeated,
            Self::TagOutOfOrder => Reject::FieldOutOfOrder,
            Self::TooManyFields => Reject::MessageTooLong,
        }
    }
}

impl Fault {
    /// A fault of a field.
    pub const fn at(reason: RejectReason, tag: u32) -> Self {
        Self { reason, tag: Some(tag) }
    }

    /// A fault of the message.
    pub const fn whole(reason: RejectReason) -> Self {
        Self { reason, tag: None }
    }
}

impl Validation {
    /// Every part.
    pub const FULL: Self =
        Self { on: true, user_defined_fields: true, fields_have_values: true, fields_out_of_order: true };
}

impl Dictionary {
    /// Checks a message: its type, the order of its fields, those that it must have, then each field.
    pub fn validate(&self, message: &Message<'_>, parts: Validation) -> Verdict {
        match self.check(message, parts) {
            Ok(Some(def)) => Verdict::Good(def),
            Ok(None) => Verdict::Unsupported,
            Err(fault) => Verdict::Fault(fault),
        }
    }

    /// The description of a message type.
    pub fn message(&self, msg_type: &[u8]) -> Option<&'static MessageDef> {
        self.messages.iter().find(|def| def.msg_type == msg_type)
    }

    /// The description of a field.
    pub fn field(&self, tag: u32) -> Option<&'static FieldDef> {
        self.position(tag).map(|at| &self.fields[at])
    }

    fn check(&self, message: &Message<'_>, parts: Validation) -> Result<Option<&'static MessageDef>, Fault> {
        if message.is_truncated() {
            return Err(Fault::whole(RejectReason::TooManyFields));
        }
        if parts.on && parts.fields_out_of_order {
            self.check_order(message)?;
        }
        let Some(def) = self.message(message.msg_type()) else {
            return if self.other_types.contains(&message.msg_type()) {
                Ok(None)
            } else {
                Err(Fault::whole(RejectReason::InvalidMsgType))
            };
        };
        if parts.on {
            self.check_required(message, def)?;
            self.check_fields(message, def, parts)?;
        }
        if let Some(length_tag) = message.wrong_length() {
            return Err(Fault::at(RejectReason::IncorrectFormat, length_tag));
        }
        Ok(Some(def))
    }

    /// Header before body before trailer. A field that is not known counts as body.
    fn check_order(&self, message: &Message<'_>) -> Result<(), Fault> {
        let mut reached = 0;
        for field in message.fields() {
            let section = match self.position(field.tag) {
                Some(at) if self.header.has(at) => 0,
                Some(at) if self.trailer.has(at) => 2,
                _ => 1,
            };
            if section < reached {
                return Err(Fault::at(RejectReason::TagOutOfOrder, field.tag));
            }
            reached = section;
        }
        Ok(())
    }

    fn check_required(&self, message: &Message<'_>, def: &MessageDef) -> Result<(), Fault> {
        let mut present = FieldSet::EMPTY;
        for at in message.fields().iter().filter_map(|field| self.position(field.tag)) {
            present.add(at);
        }
        let missing = self.header_required.without(present).first();
        match missing.or(def.required.without(present).first()) {
            Some(at) => Err(Fault::at(RejectReason::RequiredTagMissing, self.fields[at].tag)),
            None => Ok(()),
        }
    }

    fn check_fields(&self, message: &Message<'_>, def: &MessageDef, parts: Validation) -> Result<(), Fault> {
        let mut seen = FieldSet::EMPTY;
        for field in message.fields() {
            self.check_field(message, *field, def, parts, &mut seen)?;
        }
        Ok(())
    }

    fn check_field(
        &self,
        message: &Message<'_>,
        field: Field,
        def: &MessageDef,
        parts: Validation,
        seen: &mut FieldSet,
    ) -> Result<(), Fault> {
        let fault = |reason| Err(Fault::at(reason, field.tag));
        let value = message.value(field);
        let Some(at) = self.position(field.tag) else {
            // A negative tag wraps above the range that is the users' own.
            let user_defined = (FIRST_USER_DEFINED..1 << 31).contains(&field.tag);
            return match user_defined && !parts.user_defined_fields {
                true => Ok(()),
                false => fault(RejectReason::InvalidTag),
            };
        };
        if seen.has(at) {
            return fault(RejectReason::TagRepeated);
        }
        seen.add(at);
        if value.is_empty() {
            return match parts.fields_have_values {
                true => fault(RejectReason::TagWithoutValue),
                false => Ok(()),
            };
        }
        if !(def.allowed.has(at) || self.header.has(at) || self.trailer.has(at)) {
            return fault(RejectReason::TagNotForMessage);
        }
        match self.fields[at].kind.check(value) {
            Ok(()) => Ok(()),
            Err(reason) => fault(reason),
        }
    }

    fn position(&self, tag: u32) -> Option<usize> {
        match self.low_tags.get(tag as usize) {
            Some(&NOWHERE) => None,
            Some(&at) => Some(usize::from(at)),
            None => self.fields.binary_search_by_key(&tag, |field| field.tag).ok(),
        }
    }
}

const FIRST_USER_DEFINED: u32 = 5_000;

impl Kind {
    fn check(self, value: &[u8]) -> Result<(), RejectReason> {
        let format = |good| if good { Ok(()) } else { Err(RejectReason::IncorrectFormat) };
        let range = |good| if good { Ok(()) } else { Err(RejectReason::ValueIncorrect) };
        match self {
            Self::Text | Self::Data => Ok(()),
            Self::Bool => format(parse_bool(value).is_some()),
            Self::Int => format(parse_int(value).is_some()),
            Self::Range(low, high) => match parse_int(value) {
                Some(value) => range((low..=high).contains(&value)),
                None => Err(RejectReason::IncorrectFormat),
            },
            Self::Count => format(parse_uint(value).is_some()),
            Self::Decimal => format(is_decimal(value)),
            Self::Char(_) if value.len() != 1 => Err(RejectReason::IncorrectFormat),
            Self::Char(allowed) => range(allowed.contains(&value[0])),
            Self::Chars(allowed) => range(
                value.split(|byte| *byte == b' ').all(|one| one.len() == 1 && allowed.contains(&one[0])),
            ),
            Self::Word(allowed) => range(allowed.contains(&value)),
            Self::Time => format(parse_time(value).is_some()),
        }
    }
}

impl FieldSet {
    /// No field.
    pub const EMPTY: Self = Self(0);

    /// The fields with these tags; does not compile where the table has one of them not.
    pub(super) const fn of(fields: &[FieldDef], tags: &[u32]) -> Self {
        assert!(fields.len() <= u128::BITS as usize, "a set has one bit for each field");
        let mut set = 0;
        let mut i = 0;
        while i < tags.len() {
            let mut at = 0;
            while fields[at].tag != tags[i] {
                at += 1;
            }
            set |= 1 << at;
            i += 1;
        }
        Self(set)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn has(self, at: usize) -> bool {
        self.0 >> at & 1 == 1
    }

    fn add(&mut self, at: usize) {
        self.0 |= 1 << at;
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn first(self) -> Option<usize> {
        (self.0 != 0).then(|| self.0.trailing_zeros() as usize)
    }
}

pub(super) const LOW_TAGS: usize = 1_024;
pub(super) const NOWHERE: u8 = u8::MAX;

/// Where each low tag stands; does not compile where the fields are not in order.
pub(super) const fn low_tags(fields: &[FieldDef]) -> [u8; LOW_TAGS] {
    let mut table = [NOWHERE; LOW_TAGS];
    let mut at = 0;
    while at < fields.len() {
        assert!(at == 0 || fields[at - 1].tag < fields[at].tag, "fields stand in order of their tags");
        if (fields[at].tag as usize) < LOW_TAGS {
            table[fields[at].tag as usize] = at as u8;
        }
        at += 1;
    }
    table
}

const _: () = assert!(tag::TRADE_ID < LOW_TAGS as u32, "nearly all tags are looked up in one step");
