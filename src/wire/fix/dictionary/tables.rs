//! The static tables, and how they are read.

use super::value::{Check, Kind, Values};
use super::{Dictionary, MessageDef, Version};

/// A field, as some versions define it.
pub(super) struct FieldDef {
    pub(super) tag: u32,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The versions that define it so: a bit each.
    pub(super) levels: u8,
    pub(super) values: &'static [ValueDef],
}

/// A value that a field may have.
pub(super) struct ValueDef {
    pub(super) code: &'static [u8],
    pub(super) name: &'static str,
    pub(super) levels: u8,
}

/// What stands in one place: a header, a body, an entry of a group.
pub(super) struct Block {
    first: u32,
    count: u16,
    slots: u32,
    shift: u8,
    multiplier: u32,
    /// Members that must be there, in the order of their tags.
    pub(super) required: &'static [u16],
}

/// A field in a block.
#[derive(Clone, Copy)]
pub(super) struct Member {
    bits: u64,
    /// Its place in the block.
    pub(super) at: u16,
}

include!(concat!(env!("OUT_DIR"), "/tables.rs"));

/// The members of all blocks, eight bytes each: tag, required, check, group.
static MEMBERS: &[[u8; 8]] = include_bytes!(concat!(env!("OUT_DIR"), "/members.bin")).as_chunks().0;
/// The hash tables of all blocks, two bytes a slot: the place in the block plus one, zero where there is none.
static SLOTS: &[[u8; 2]] = include_bytes!(concat!(env!("OUT_DIR"), "/slots.bin")).as_chunks().0;

impl Block {
    const EMPTY: Self = Self { first: 0, count: 0, slots: 0, shift: 31, multiplier: 1, required: &[] };

    /// The block of this number.
    pub(super) fn of(number: u16) -> &'static Self {
        &BLOCKS[usize::from(number)]
    }

    /// How many members it has.
    pub(super) fn len(&self) -> u16 {
        self.count
    }

    /// The member at a place.
    pub(super) fn member(&self, at: u16) -> Member {
        debug_assert!(at < self.count);
        Member { bits: u64::from_le_bytes(MEMBERS[self.first as usize + usize::from(at)]), at }
    }

    /// The member with this tag.
    #[inline]
    pub(super) fn find(&self, tag: u32) -> Option<Member> {
        let mut slot = tag.wrapping_mul(self.multiplier) >> self.shift;
        loop {
            let at = u16::from_le_bytes(SLOTS[(self.slots + slot) as usize]);
            if at == 0 {
                return None;
            }
            let member = self.member(at - 1);
            if member.tag() == tag {
                return Some(member);
            }
            slot = (slot + 1) & (u32::MAX >> self.shift);
        }
    }
}

impl Member {
    pub(super) fn tag(self) -> u32 {
        self.bits as u32 & 0xff_ffff
    }

    pub(super) fn is_required(self) -> bool {
        self.bits >> 24 & 1 == 1
    }

    pub(super) fn check(self) -> &'static Check {
        &CHECKS[usize::from((self.bits >> 32) as u16)]
    }

    /// The block of an entry, where the field counts those of a group.
    pub(super) fn group(self) -> Option<&'static Block> {
        match (self.bits >> 48) as u16 {
            0 => None,
            number => Some(Block::of(number)),
        }
    }
}

/// A field as a version defines it.
pub(super) fn field_at(tag: u32, level: u8) -> Option<&'static FieldDef> {
    let first = FIELDS.partition_point(|field| field.tag < tag);
    FIELDS[first..].iter().take_while(|field| field.tag == tag).find(|field| field.levels >> level & 1 == 1)
}

/// The values that a version knows of a field.
pub(super) fn values_at(tag: u32, level: u8) -> impl Iterator<Item = &'static ValueDef> {
    let values = field_at(tag, level).map_or(&[][..], |field| field.values);
    values.iter().filter(move |value| value.levels >> level & 1 == 1)
}
