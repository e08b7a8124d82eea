//! What is wrong with a message: what a Reject(3) says.

use crate::types::Reject;

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// SessionRejectReason(373), and Text(58) with it.
    pub reason: RejectReason,
    /// RefTagID(371).
    pub tag: Option<u32>,
}

/// SessionRejectReason(373), as far as Sealgate gives it. FIX.4.2 knows those up to 11, FIX.4.3 has no 99: see
/// [`Dictionary::reason_code`](super::Dictionary::reason_code).
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
    /// 15
    GroupOutOfOrder = 15,
    /// 16
    GroupCount = 16,
    /// 99: more fields than [`limits::FIX_FIELDS_MAX`](crate::limits::FIX_FIELDS_MAX).
    TooManyFields = 99,
}

impl RejectReason {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::InvalidTag,
        Self::RequiredTagMissing,
        Self::TagNotForMessage,
        Self::TagWithoutValue,
        Self::ValueIncorrect,
        Self::IncorrectFormat,
        Self::CompIdProblem,
        Self::SendingTimeAccuracy,
        Self::InvalidMsgType,
        Self::TagRepeated,
        Self::TagOutOfOrder,
        Self::GroupOutOfOrder,
        Self::GroupCount,
        Self::TooManyFields,
    ];

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
            Self::GroupOutOfOrder => "Repeating group fields out of order",
            Self::GroupCount => "Incorrect NumInGroup count for repeating group",
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
            Self::GroupOutOfOrder => Reject::GroupOutOfOrder,
            Self::GroupCount => Reject::GroupCount,
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
