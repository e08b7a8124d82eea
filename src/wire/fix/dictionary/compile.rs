//! Turns the text of the dictionary into static tables. Used when the library is built, and by its tests.
//!
//! ```text
//! Source ─► for each version, standard and dialect:
//!             header, trailer, messages ─► components written out ─► one block each, one more for each group
//!        ─► tables.rs: fields, checks, blocks, dictionaries
//!           members.bin: 8 bytes a member          slots.bin: 2 bytes a slot of the hash tables over them
//! ```
//!
//! Blocks and checks that are equal are stored once. A tag is looked up in one block by a multiplicative hash; the
//! multiplier is the one of a few that needs the fewest steps.

use super::source::{Item, LEVELS, MessageLine, Source, What};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

/// What stands in the three files.
pub struct Tables {
    pub code: String,
    pub members: Vec<u8>,
    pub slots: Vec<u8>,
}

/// A field in its place, without components.
#[derive(Clone)]
struct Node {
    tag: u32,
    required: bool,
    group: Option<Vec<Node>>,
}

/// An application version: its place in [`LEVELS`], that of its transport, its names.
struct Version {
    level: usize,
    transport: usize,
    name: &'static str,
    begin_string: &'static str,
}

const FIXT: usize = 3;

const VERSIONS: [Version; 6] = [
    Version { level: 0, transport: 0, name: "Fix42", begin_string: "FIX.4.2" },
    Version { level: 1, transport: 1, name: "Fix43", begin_string: "FIX.4.3" },
    Version { level: 2, transport: 2, name: "Fix44", begin_string: "FIX.4.4" },
    Version { level: 4, transport: FIXT, name: "Fix50", begin_string: "FIXT.1.1" },
    Version { level: 5, transport: FIXT, name: "Fix50Sp1", begin_string: "FIXT.1.1" },
    Version { level: 6, transport: FIXT, name: "Fix50Sp2", begin_string: "FIXT.1.1" },
];

/// The tables of all versions.
pub fn compile(source: &Source) -> Tables {
    let mut compiler = Compiler::new(source);
    // Block 0 stands for "no group".
    compiler.blocks.push("Block::EMPTY".to_owned());
    for version in &VERSIONS {
        for dialect in [false, true] {
            compiler.dictionary(version, dialect);
        }
    }
    compiler.finish()
}

struct Compiler<'a> {
    source: &'a Source,
    checks: Vec<String>,
    check_of: HashMap<String, usize>,
    blocks: Vec<String>,
    block_of: HashMap<Vec<u64>, usize>,
    members: Vec<u64>,
    slots: Vec<u16>,
    dictionaries: String,
    transport_tags: BTreeSet<u32>,
}

impl<'a> Compiler<'a> {
    fn new(source: &'a Source) -> Self {
        Self {
            source,
            checks: Vec::new(),
            check_of: HashMap::new(),
            blocks: Vec::new(),
            block_of: HashMap::new(),
            members: Vec::new(),
            slots: Vec::new(),
            dictionaries: String::new(),
            transport_tags: BTreeSet::new(),
        }
    }

    fn dictionary(&mut self, version: &Version, dialect: bool) {
        let at = |session: bool| if session { version.transport } else { version.level };
        let mut parts = BTreeMap::new();
        let mut lists = [String::new(), String::new()];
        for message in &self.source.messages {
            let level = at(message.session);
            let added = dialect && self.own(message).is_some_and(|own| own.added);
            if message.levels >> level & 1 == 0 && !added {
                continue;
            }
            let mut nodes = self.expand(&message.items, level, true);
            if dialect {
                let Some(own) = self.own(message) else { continue };
                let wanted = self.expand(&own.items, level, true);
                nodes = spoken(nodes, &own.items, &wanted, level);
            }
            if message.session && level == FIXT && !dialect {
                note_tags(&nodes, &mut self.transport_tags);
            }
            let block = self.block(&nodes, level);
            if matches!(message.msg_type.as_str(), "header" | "trailer") {
                parts.insert(message.msg_type.as_str(), block);
                continue;
            }
            let _ = writeln!(
                lists[usize::from(!message.session)],
                "        MessageDef {{ msg_type: b{:?}, name: {:?}, admin: {}, block: {block} }},",
                message.msg_type,
                message.name,
                message.session
            );
        }
        let others: Vec<_> = self.other_types(version.level, dialect);
        let (name, begin_string) = (version.name, version.begin_string);
        let _ = writeln!(
            self.dictionaries,
            "/// {what} of {begin_string}{of}.\npub static {prefix}{upper}: Dictionary = Dictionary {{\n    version: Version::{name},\n    \
             begin_string: b{begin_string:?},\n    is_dialect: {dialect},\n    header: {},\n    trailer: {},\n    \
             transport_level: {},\n    level: {},\n    session: &[\n{}    ],\n    application: &[\n{}    ],\n    other_types: &{others:?},\n}};",
            parts["header"],
            parts["trailer"],
            version.transport,
            version.level,
            lists[0],
            lists[1],
            what = if dialect { "Sealgate's dialect" } else { "The standard messages" },
            of = if version.transport == FIXT { format!(" with {name}") } else { String::new() },
            prefix = if dialect { "" } else { "STANDARD_" },
            upper = name.to_uppercase(),
        );
    }

    fn own(&self, message: &MessageLine) -> Option<&'a MessageLine> {
        self.source.dialect.iter().find(|own| own.msg_type == message.msg_type)
    }

    /// MsgTypes that the version knows and this dictionary does not describe.
    fn other_types(&self, level: usize, dialect: bool) -> Vec<&'a str> {
        let undescribed = |message: &&MessageLine| dialect && self.own(message).is_none();
        let messages = self.source.messages.iter().filter(|message| !message.session).filter(undescribed);
        let described = messages.map(|message| (message.msg_type.as_str(), message.levels));
        let named = self.source.others.iter().map(|(msg_type, _, levels)| (msg_type.as_str(), *levels));
        described.chain(named).filter(|(_, levels)| levels >> level & 1 == 1).map(|(name, _)| name).collect()
    }

    /// The fields of a version with components written out. A field of an optional component is optional.
    fn expand(&self, items: &[Item], level: usize, must: bool) -> Vec<Node> {
        let mut nodes: Vec<Node> = Vec::new();
        for item in items.iter().filter(|item| item.levels >> level & 1 == 1) {
            let required = must && item.required >> level & 1 == 1;
            match &item.what {
                What::Tag(tag) => {
                    let group = item.group.as_ref().map(|members| self.expand(members, level, true));
                    nodes.push(Node { tag: *tag, required, group });
                }
                What::Component(name) => {
                    let items =
                        self.source.components.get(name).unwrap_or_else(|| panic!("component {name}?"));
                    nodes.extend(self.expand(items, level, required));
                }
            }
        }
        let mut seen = BTreeSet::new();
        for node in &nodes {
            assert!(seen.insert(node.tag), "{} is twice in one place of {}", node.tag, LEVELS[level]);
        }
        nodes
    }

    /// Stores a block and the blocks of its groups; equal ones once. Gives its number.
    fn block(&mut self, nodes: &[Node], level: usize) -> usize {
        let members: Vec<u64> = nodes
            .iter()
            .map(|node| {
                let group = node.group.as_ref().map_or(0, |members| self.block(members, level));
                let check = self.check(node.tag, level);
                assert!(node.tag < 1 << 24 && check < 1 << 16 && group < 1 << 16, "a member has eight bytes");
                u64::from(node.tag)
                    | u64::from(node.required) << 24
                    | (check as u64) << 32
                    | (group as u64) << 48
            })
            .collect();
        if let Some(block) = self.block_of.get(&members) {
            return *block;
        }
        let first = self.members.len();
        self.members.extend(&members);
        let (multiplier, bits) = self.hash(nodes);
        let mut required: Vec<_> = (0..nodes.len()).filter(|at| nodes[*at].required).collect();
        required.sort_by_key(|at| nodes[*at].tag);
        assert!(nodes.len() <= 512, "a set of members has 512 bits");
        let slots = self.slots.len() - (1 << bits);
        self.blocks.push(format!(
            "Block {{ first: {first}, count: {}, slots: {slots}, shift: {}, multiplier: {multiplier}, required: &{required:?} }}",
            nodes.len(),
            32 - bits
        ));
        self.block_of.insert(members, self.blocks.len() - 1);
        self.blocks.len() - 1
    }

    /// Appends the hash table over a block.
    fn hash(&mut self, nodes: &[Node]) -> (u32, u32) {
        let spread = if nodes.len() <= 64 { 4 } else { 2 };
        let bits = (nodes.len() * spread).max(2).next_power_of_two().ilog2();
        let mut multiplier = 0x9e37_79b1u32;
        let tables = (0..128).map(|_| {
            multiplier = multiplier.wrapping_mul(0x2545_f491).wrapping_add(0x6d2b_79f4) | 1;
            let (mut table, mut steps) = (vec![0u16; 1 << bits], 0);
            for (at, node) in nodes.iter().enumerate() {
                let mut slot = (node.tag.wrapping_mul(multiplier) >> (32 - bits)) as usize;
                while table[slot] != 0 {
                    slot = (slot + 1) % table.len();
                    steps += 1;
                }
                table[slot] = at as u16 + 1;
            }
            (steps, multiplier, table)
        });
        let (_, multiplier, table) = tables.min_by_key(|(steps, ..)| *steps).expect("there is one");
        self.slots.extend(table);
        (multiplier, bits)
    }

    /// The check of a field's value in a version.
    fn check(&mut self, tag: u32, level: usize) -> usize {
        // A field that the dialect adds to an older version is that of the next version that knows it.
        let known =
            |at: usize| self.source.fields.iter().find(move |f| f.tag == tag && f.levels >> at & 1 == 1);
        let (field, at) = (level..LEVELS.len())
            .find_map(|at| known(at).map(|field| (field, at)))
            .unwrap_or_else(|| panic!("no field {tag} in {}", LEVELS[level]));
        let values: Vec<_> = field
            .values
            .iter()
            .filter(|value| value.levels >> at & 1 == 1)
            .map(|value| value.code.as_str())
            .collect();
        let one_letter = matches!(field.kind.as_str(), "char" | "chars")
            || field.kind == "words" && values.iter().all(|value| value.len() == 1);
        let values = if values.is_empty() {
            "Values::Any".to_owned()
        } else if one_letter {
            let set = values.iter().fold(0u128, |set, value| set | 1 << value.as_bytes()[0]);
            format!("Values::Letters({set:#x})")
        } else {
            let mut values = values;
            values.sort_unstable();
            let list: Vec<_> = values.iter().map(|value| format!("b{value:?}")).collect();
            format!("Values::Words(&[{}])", list.join(", "))
        };
        let check = format!("Check {{ kind: Kind::{}, values: {values} }}", variant(&field.kind));
        let next = self.checks.len();
        *self.check_of.entry(check.clone()).or_insert_with(|| {
            self.checks.push(check);
            next
        })
    }

    fn finish(self) -> Tables {
        let mut code = String::from("// Made by build.rs from the text in src/wire/fix/dictionary.\n");
        let _ = writeln!(code, "pub(super) static FIELDS: &[FieldDef] = &[");
        for field in &self.source.fields {
            let values: Vec<_> = field
                .values
                .iter()
                .map(|v| {
                    format!("ValueDef {{ code: b{:?}, name: {:?}, levels: {} }}", v.code, v.name, v.levels)
                })
                .collect();
            let _ = writeln!(
                code,
                "    FieldDef {{ tag: {}, name: {:?}, kind: Kind::{}, levels: {}, values: &[{}] }},",
                field.tag,
                field.name,
                variant(&field.kind),
                field.levels,
                values.join(", ")
            );
        }
        let _ =
            writeln!(code, "];\npub(super) static CHECKS: &[Check] = &[{}];", self.checks.join(",\n    "));
        let _ = writeln!(code, "pub(super) static BLOCKS: &[Block] = &[{}];", self.blocks.join(",\n    "));
        let tags: Vec<_> = self.transport_tags.into_iter().collect();
        let _ = writeln!(code, "pub(super) static FIXT_TAGS: &[u32] = &{tags:?};");
        let pairs: BTreeSet<_> =
            self.source.fields.iter().filter_map(|f| f.length.map(|length| (f.tag, length))).collect();
        let _ = writeln!(code, "/// Fields that hold bytes, each with the field that tells how many.");
        let _ = writeln!(
            code,
            "pub(crate) static DATA: &[(u32, u32)] = &{:?};",
            pairs.into_iter().collect::<Vec<_>>()
        );
        code.push_str(&self.dictionaries);
        Tables {
            code,
            members: self.members.iter().flat_map(|member| member.to_le_bytes()).collect(),
            slots: self.slots.iter().flat_map(|slot| slot.to_le_bytes()).collect(),
        }
    }
}

/// What the dialect speaks of a message, in the standard's order; what it adds stands behind.
fn spoken(standard: Vec<Node>, own: &[Item], wanted: &[Node], level: usize) -> Vec<Node> {
    let items =
        |tag: u32| own.iter().find(|item| item.what == What::Tag(tag) && item.levels >> level & 1 == 1);
    let mut nodes = Vec::new();
    for node in standard {
        let Some(want) = wanted.iter().find(|want| want.tag == node.tag) else { continue };
        let members = items(node.tag).and_then(|item| item.group.as_ref());
        let group = match (node.group, members, &want.group) {
            (Some(standard), Some(own), Some(wanted)) => Some(spoken(standard, own, wanted, level)),
            (group, ..) => group,
        };
        nodes.push(Node { tag: node.tag, required: want.required, group });
    }
    for want in wanted {
        let added = items(want.tag).is_some_and(|item| item.added);
        if added && nodes.iter().all(|node| node.tag != want.tag) {
            nodes.push(want.clone());
        }
    }
    nodes
}

fn note_tags(nodes: &[Node], tags: &mut BTreeSet<u32>) {
    for node in nodes {
        tags.insert(node.tag);
        note_tags(node.group.as_deref().unwrap_or_default(), tags);
    }
}

/// `monthyear` → `Monthyear`: the variant of `Kind`.
fn variant(kind: &str) -> String {
    let mut letters = kind.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}
