//! What the versions of FIX know: fields, messages, groups; and Sealgate's dialect of each.
//!
//! ```text
//! fields.fix, messages.fix, dialect.fix ──build.rs: source, compile──► static tables
//!                                                                        │
//! Version ─► Dictionary::of: the dialect │ Dictionary::standard ◄────────┤
//!               │                                                        │
//!               └─► validate(message) ─► Verdict                xml: what a client loads
//! ```
//!
//! One text is the source of the codec (which fields are data), the check, the documentation and the dictionaries that
//! clients load. A FIXT.1.1 session has a transport (header, trailer, session messages) and an application version,
//! which ApplVerID(1128) may change from message to message; an older session has both in one.
//!
//! A block is what stands in one place: a header, a body, an entry of a repeating group. Its members are looked up by
//! tag in one step or two, and a set of them is one bit each. Cost: a look-up and a check of the value a field.

#[cfg(test)]
mod compile;
mod describe;
mod fault;
#[cfg(test)]
mod source;
mod tables;
mod validate;
mod value;
mod xml;

pub use crate::types::FixVersion as Version;
pub use describe::Entry;
pub use fault::{Fault, RejectReason};
pub(super) use tables::DATA;
pub use tables::{FIX42, FIX43, FIX44, FIX50, FIX50SP1, FIX50SP2};
pub use validate::{Validation, Verdict};
pub use value::Kind;
pub use xml::Xml;

use super::text::parse_uint;
use super::{Message, tag};
use tables::{FIXT_TAGS, FieldDef};

/// What a session of one version knows.
pub struct Dictionary {
    /// The version of the application's messages.
    pub version: Version,
    /// BeginString(8).
    pub begin_string: &'static [u8],
    /// Whether it is Sealgate's dialect rather than the standard.
    is_dialect: bool,
    header: u16,
    trailer: u16,
    /// Which versions of a field the transport and the application know: a bit of [`FieldDef::levels`].
    transport_level: u8,
    level: u8,
    session: &'static [MessageDef],
    application: &'static [MessageDef],
    /// MsgType(35) of the version's other messages.
    other_types: &'static [&'static str],
}

/// A message.
pub struct MessageDef {
    /// MsgType(35).
    pub msg_type: &'static [u8],
    /// Its name in the standard.
    pub name: &'static str,
    /// Whether it belongs to the session rather than to the application.
    pub admin: bool,
    /// Its body.
    block: u16,
}

/// The first tag of those that are not the standard's.
const FIRST_USER_DEFINED: u32 = 5_000;

impl Dictionary {
    /// Sealgate's dialect of a version: what a member's session speaks.
    pub const fn of(version: Version) -> &'static Self {
        match version {
            Version::Fix42 => &FIX42,
            Version::Fix43 => &FIX43,
            Version::Fix44 => &FIX44,
            Version::Fix50 => &FIX50,
            Version::Fix50Sp1 => &FIX50SP1,
            Version::Fix50Sp2 => &FIX50SP2,
        }
    }

    /// The standard's messages of a version.
    pub const fn standard(version: Version) -> &'static Self {
        match version {
            Version::Fix42 => &tables::STANDARD_FIX42,
            Version::Fix43 => &tables::STANDARD_FIX43,
            Version::Fix44 => &tables::STANDARD_FIX44,
            Version::Fix50 => &tables::STANDARD_FIX50,
            Version::Fix50Sp1 => &tables::STANDARD_FIX50SP1,
            Version::Fix50Sp2 => &tables::STANDARD_FIX50SP2,
        }
    }

    /// The same, for the version that ApplVerID(1128) of a message names; itself where it names none, or one that
    /// is not known here.
    pub fn for_message(&self, message: &Message<'_>) -> &Self {
        if !self.version.is_fixt() {
            return self;
        }
        match message.get(tag::APPL_VER_ID).and_then(Version::of_appl_ver_id) {
            Some(version) if version.is_fixt() && self.is_dialect => Self::of(version),
            Some(version) if version.is_fixt() => Self::standard(version),
            _ => self,
        }
    }

    /// The description of a message type.
    pub fn message(&self, msg_type: &[u8]) -> Option<&'static MessageDef> {
        let find = |messages: &'static [MessageDef]| messages.iter().find(|def| def.msg_type == msg_type);
        find(self.application).or_else(|| find(self.session))
    }

    /// The name of a field, as this version has it.
    pub fn field_name(&self, tag: u32) -> Option<&'static str> {
        self.field(tag).map(|field| field.name)
    }

    /// Every tag that the version or its transport knows, in ascending order.
    pub fn tags(&self) -> impl Iterator<Item = u32> {
        let mut tags: Vec<_> = tables::FIELDS.iter().map(|field| field.tag).collect();
        tags.dedup();
        tags.into_iter().filter(|tag| self.knows(*tag, false) || self.knows(*tag, true))
    }

    /// A SessionRejectReason(373), where the version knows it: FIX.4.2 ends at 11, FIX.4.3 at 17.
    pub fn reason_code(&self, reason: u16) -> Option<u16> {
        let mut known = tables::values_at(tag::SESSION_REJECT_REASON, self.transport_level);
        known.any(|known| parse_uint(known.code) == Some(u64::from(reason))).then_some(reason)
    }

    fn field(&self, tag: u32) -> Option<&'static FieldDef> {
        tables::field_at(tag, self.level).or_else(|| tables::field_at(tag, self.transport_level))
    }

    /// Whether the version, or for a session message its transport, has a field of this tag anywhere.
    fn knows(&self, tag: u32, admin: bool) -> bool {
        if tag >= FIRST_USER_DEFINED {
            return self.is_dialect && tables::field_at(tag, self.level).is_some();
        }
        let fixt = self.version.is_fixt();
        if fixt && (admin || FIXT_TAGS.binary_search(&tag).is_ok()) {
            return FIXT_TAGS.binary_search(&tag).is_ok();
        }
        tables::field_at(tag, self.level).is_some()
    }
}

#[cfg(test)]
mod tests;
