//! What a dictionary says, for those who print it: the export for clients and the documentation.

use super::tables::{self, Block, ValueDef};
use super::{Dictionary, Kind, MessageDef};

/// A field in its place.
pub struct Entry {
    /// Its tag.
    pub tag: u32,
    /// Its name in this version.
    pub name: &'static str,
    /// Its format.
    pub kind: Kind,
    /// Whether the message, or an entry of the group, must have it.
    pub required: bool,
    /// The members of an entry, where it counts a repeating group; the first of them begins each entry.
    pub group: Vec<Entry>,
    values: &'static [ValueDef],
    level: u8,
}

impl Entry {
    /// The values that it may have, each with its name where the text has one for it; none: any of the format.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let level = self.level;
        self.values
            .iter()
            .filter(move |value| value.levels >> level & 1 == 1)
            .map(|value| (str::from_utf8(value.code).unwrap_or_default(), value.name))
    }
}

impl Dictionary {
    /// The session's messages, then the application's.
    pub fn messages(&self) -> impl Iterator<Item = &'static MessageDef> {
        self.session.iter().chain(self.application)
    }

    /// The standard header.
    pub fn header(&self) -> Vec<Entry> {
        entries(Block::of(self.header), self.transport_level)
    }

    /// The standard trailer.
    pub fn trailer(&self) -> Vec<Entry> {
        entries(Block::of(self.trailer), self.transport_level)
    }

    /// The body of one of its messages.
    pub fn body(&self, message: &MessageDef) -> Vec<Entry> {
        entries(Block::of(message.block), if message.admin { self.transport_level } else { self.level })
    }
}

fn entries(block: &Block, level: u8) -> Vec<Entry> {
    let entry = |at: u16| {
        let member = block.member(at);
        // A field that the dialect adds to an older version is that of the next version that knows it.
        let (field, level) = (level..u8::BITS as u8)
            .find_map(|level| tables::field_at(member.tag(), level).map(|field| (field, level)))?;
        Some(Entry {
            tag: member.tag(),
            name: field.name,
            kind: field.kind,
            required: member.is_required(),
            group: member.group().map_or(Vec::new(), |group| entries(group, level)),
            values: field.values,
            level,
        })
    };
    (0..block.len()).filter_map(entry).collect()
}
