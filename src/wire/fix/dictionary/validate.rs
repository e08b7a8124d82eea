//! The check of a message against a dictionary.
//!
//! ```text
//! for each field: which place? header ≤ body ≤ trailer ─► known there? ─► once? ─► a value? ─► format, values
//!                   └─ it counts a group: entry by entry, each begins with the first member ─► as many as counted?
//! at the end: is all there that must be?
//! ```
//!
//! One pass over the index. Only when it finds a fault is more looked at, so that of several faults the one that
//! matters most is told: fields out of place before missing ones before what is wrong with one. In a group a wrong
//! count comes before what is wrong inside. It gives what a Reject(3) says: reason (373), tag (371) and the standard's
//! text (58).

use super::tables::{Block, Member};
use super::{Dictionary, FIRST_USER_DEFINED, Fault, MessageDef, RejectReason};
use crate::wire::fix::text::parse_uint;
use crate::wire::fix::{Field, Message};

/// Which parts of the check are made: settings of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validation {
    /// Any of it.
    pub on: bool,
    /// Unknown tags from 5000 on are refused.
    pub user_defined_fields: bool,
    /// Fields without a value are refused.
    pub fields_have_values: bool,
    /// Header, body and trailer fields must not be mixed, and the members of a group stand in the standard's order.
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

impl Validation {
    /// Every part.
    pub const FULL: Self =
        Self { on: true, user_defined_fields: true, fields_have_values: true, fields_out_of_order: true };
}

/// Where a field belongs, in the order in which they stand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Header,
    Body,
    Trailer,
}

/// The members of a block that are there.
struct Seen([u64; 8]);

impl Seen {
    const NONE: Self = Self([0; 8]);

    /// Whether it was there already.
    fn add(&mut self, member: Member) -> bool {
        let (word, bit) = (usize::from(member.at) / 64 % 8, 1 << (member.at % 64));
        let before = self.0[word] & bit != 0;
        self.0[word] |= bit;
        before
    }

    fn has(&self, at: u16) -> bool {
        self.0[usize::from(at) / 64 % 8] >> (at % 64) & 1 == 1
    }

    /// The first tag that must be there and is not.
    fn missing(&self, block: &Block) -> Option<u32> {
        let missing = block.required.iter().find(|at| !self.has(**at))?;
        Some(block.member(*missing).tag())
    }
}

impl Dictionary {
    /// Checks a message: its type, the order of its fields, those that it must have, then each field.
    pub fn validate(&self, message: &Message<'_>, parts: Validation) -> Verdict {
        match self.for_message(message).check(message, parts) {
            Ok(Some(def)) => Verdict::Good(def),
            Ok(None) => Verdict::Unsupported,
            Err(fault) => Verdict::Fault(fault),
        }
    }

    fn check(&self, message: &Message<'_>, parts: Validation) -> Result<Option<&'static MessageDef>, Fault> {
        if message.is_truncated() {
            return Err(Fault::whole(RejectReason::TooManyFields));
        }
        let Some(def) = self.message(message.msg_type()) else {
            let is_other = self.other_types.iter().any(|other| other.as_bytes() == message.msg_type());
            return if is_other || !parts.on {
                Ok(None)
            } else {
                Err(Fault::whole(RejectReason::InvalidMsgType))
            };
        };
        if parts.on {
            let blocks = [self.header, def.block, self.trailer].map(Block::of);
            let walk = Walk { dictionary: self, message, def, parts, blocks };
            walk.walk().map_err(|fault| walk.first_of_all(fault))?;
        }
        if let Some(length_tag) = message.wrong_length() {
            return Err(Fault::at(RejectReason::IncorrectFormat, length_tag));
        }
        Ok(Some(def))
    }
}

/// One check of one message.
struct Walk<'w> {
    dictionary: &'w Dictionary,
    message: &'w Message<'w>,
    def: &'w MessageDef,
    parts: Validation,
    /// Of header, body and trailer.
    blocks: [&'static Block; 3],
}

impl Walk<'_> {
    fn walk(&self) -> Result<(), Fault> {
        let mut seen = [const { Seen::NONE }; 3];
        let mut reached = Section::Header;
        let fields = self.message.fields();
        let mut next = 0;
        while let Some(field) = fields.get(next) {
            next += 1;
            let Some((section, member)) = self.find(field.tag, reached) else {
                self.check_unknown(*field)?;
                // It counts as body.
                if self.parts.fields_out_of_order && reached > Section::Body {
                    return Err(Fault::at(RejectReason::TagOutOfOrder, field.tag));
                }
                reached = reached.max(Section::Body);
                continue;
            };
            if section < reached && self.parts.fields_out_of_order {
                return Err(Fault::at(RejectReason::TagOutOfOrder, field.tag));
            }
            reached = section;
            if seen[section as usize].add(member) {
                return Err(Fault::at(RejectReason::TagRepeated, field.tag));
            }
            self.check_value(*field, member)?;
            if let Some(entry) = member.group() {
                next = self.walk_group(next, *field, entry)?;
            }
        }
        match self.missing(&seen) {
            Some(tag) => Err(Fault::at(RejectReason::RequiredTagMissing, tag)),
            None => Ok(()),
        }
    }

    /// Where a tag belongs, the place that was reached first.
    #[inline]
    fn find(&self, tag: u32, reached: Section) -> Option<(Section, Member)> {
        use Section::{Body, Header, Trailer};
        let order = match reached {
            Header => [Header, Body, Trailer],
            Body => [Body, Trailer, Header],
            Trailer => [Trailer, Body, Header],
        };
        order
            .into_iter()
            .find_map(|section| self.blocks[section as usize].find(tag).map(|member| (section, member)))
    }

    /// The entries of a group, from the field at `next` on; gives the first field behind them.
    fn walk_group(&self, mut next: usize, count: Field, entry: &'static Block) -> Result<usize, Fault> {
        let told = parse_uint(self.message.value(count)).unwrap_or(0);
        let fields = self.message.fields();
        let (mut entries, mut seen, mut last, mut inside) = (0, Seen::NONE, 0, Ok(()));
        while let Some(field) = fields.get(next) {
            let Some(member) = entry.find(field.tag) else {
                if self.is_transparent(field.tag) {
                    next += 1;
                    continue;
                }
                break;
            };
            if member.at == 0 {
                inside = inside.and(Self::close_entry(entries, &seen, entry));
                (entries, seen, last) = (entries + 1, Seen::NONE, 0);
            } else if entries == 0 && told == 0 {
                break;
            }
            inside = inside.and_then(|()| {
                self.check_member(*field, member, entries, &seen, last)?;
                self.check_value(*field, member)
            });
            seen.add(member);
            last = member.at;
            next += 1;
            if let Some(nested) = member.group() {
                match self.walk_group(next, *field, nested) {
                    Ok(behind) => next = behind,
                    Err(fault) => {
                        inside = inside.and(Err(fault));
                        next = self.behind_group(next, nested);
                    }
                }
            }
        }
        inside = inside.and(Self::close_entry(entries, &seen, entry));
        if entries != told {
            return Err(Fault::at(RejectReason::GroupCount, count.tag));
        }
        inside.map(|()| next)
    }

    /// The first field behind a group with a fault.
    fn behind_group(&self, mut next: usize, entry: &'static Block) -> usize {
        let fields = self.message.fields();
        while let Some(member) = fields.get(next).and_then(|field| entry.find(field.tag)) {
            next += 1;
            if let Some(nested) = member.group() {
                next = self.behind_group(next, nested);
            }
        }
        next
    }

    fn check_member(
        &self,
        field: Field,
        member: Member,
        entries: u64,
        seen: &Seen,
        last: u16,
    ) -> Result<(), Fault> {
        let fault = |reason| Err(Fault::at(reason, field.tag));
        if entries == 0 {
            return fault(RejectReason::GroupOutOfOrder);
        }
        if seen.has(member.at) {
            return fault(RejectReason::TagRepeated);
        }
        if member.at < last && self.parts.fields_out_of_order {
            return fault(RejectReason::GroupOutOfOrder);
        }
        Ok(())
    }

    fn close_entry(entries: u64, seen: &Seen, entry: &Block) -> Result<(), Fault> {
        match seen.missing(entry).filter(|_| entries > 0) {
            Some(tag) => Err(Fault::at(RejectReason::RequiredTagMissing, tag)),
            None => Ok(()),
        }
    }

    #[inline]
    fn check_value(&self, field: Field, member: Member) -> Result<(), Fault> {
        let value = self.message.value(field);
        if value.is_empty() {
            return match self.parts.fields_have_values {
                true => Err(Fault::at(RejectReason::TagWithoutValue, field.tag)),
                false => Ok(()),
            };
        }
        member.check().check(value).map_err(|reason| Fault::at(reason, field.tag))
    }

    /// A field that has no place in the message.
    fn check_unknown(&self, field: Field) -> Result<(), Fault> {
        if self.is_transparent(field.tag) {
            return Ok(());
        }
        let reason = if !self.dictionary.knows(field.tag, self.def.admin) {
            RejectReason::InvalidTag
        } else if self.parts.fields_have_values && self.message.value(field).is_empty() {
            RejectReason::TagWithoutValue
        } else {
            RejectReason::TagNotForMessage
        };
        Err(Fault::at(reason, field.tag))
    }

    /// Whether this is a user's own field that is let through.
    fn is_transparent(&self, tag: u32) -> bool {
        // A negative tag wraps above the range that is the users' own.
        let user_defined = (FIRST_USER_DEFINED..1 << 31).contains(&tag);
        user_defined && !self.parts.user_defined_fields && !self.dictionary.knows(tag, false)
    }

    /// The first tag that must be there and is not: of the header, then of the body.
    fn missing(&self, seen: &[Seen; 3]) -> Option<u32> {
        seen.iter().zip(self.blocks).find_map(|(seen, block)| seen.missing(block))
    }

    /// Of the faults of a message that has one, the one to be told.
    #[cold]
    fn first_of_all(&self, fault: Fault) -> Fault {
        if self.parts.fields_out_of_order
            && let Some(tag) = self.out_of_order()
        {
            return Fault::at(RejectReason::TagOutOfOrder, tag);
        }
        let mut seen = [const { Seen::NONE }; 3];
        for field in self.message.fields() {
            for (seen, block) in seen.iter_mut().zip(self.blocks) {
                if let Some(member) = block.find(field.tag) {
                    seen.add(member);
                }
            }
        }
        self.missing(&seen).map_or(fault, |tag| Fault::at(RejectReason::RequiredTagMissing, tag))
    }

    /// The first field of the header or the body behind one of the body or the trailer.
    fn out_of_order(&self) -> Option<u32> {
        let mut reached = Section::Header;
        for field in self.message.fields() {
            let section = if belongs(self.blocks[0], field.tag) {
                Section::Header
            } else if self.blocks[2].find(field.tag).is_some() {
                Section::Trailer
            } else {
                Section::Body
            };
            if section < reached {
                return Some(field.tag);
            }
            reached = section;
        }
        None
    }
}

/// Whether a block or a group in it has this tag.
fn belongs(block: &Block, tag: u32) -> bool {
    let groups = || (0..block.len()).filter_map(|at| block.member(at).group());
    block.find(tag).is_some() || groups().any(|group| belongs(group, tag))
}
