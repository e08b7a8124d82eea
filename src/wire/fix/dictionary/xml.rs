//! A dictionary in the form that QuickFIX and its relatives load.
//!
//! Components are written out, so that the file needs no part of another. A FIXT.1.1 session has two: the transport and
//! the application.

use super::tables::{self, Block, FieldDef};
use super::{Dictionary, MessageDef};
use std::collections::BTreeSet;
use std::fmt::{self, Write};

/// Which of the two dictionaries of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All in one: FIX.4.2 to FIX.4.4.
    Whole,
    /// Header, trailer and session messages of FIXT.1.1.
    Transport,
    /// The application's messages of FIX.5.0 and later.
    Application,
}

/// A dictionary to be printed.
pub struct Xml<'d> {
    dictionary: &'d Dictionary,
    part: Part,
}

impl Dictionary {
    /// The parts that a client needs, each with the name that QuickFIX gives its file.
    pub fn xml(&self) -> Vec<(String, Xml<'_>)> {
        let of = |name: String, part| (name, Xml { dictionary: self, part });
        if self.version.is_fixt() {
            let application = format!("FIX{}.xml", self.version.name().replace('.', ""));
            return vec![of("FIXT11.xml".to_owned(), Part::Transport), of(application, Part::Application)];
        }
        vec![of(format!("FIX{}.xml", self.version.name().replace('.', "")), Part::Whole)]
    }
}

impl Xml<'_> {
    /// Which part it is.
    pub fn part(&self) -> Part {
        self.part
    }

    fn messages(&self) -> impl Iterator<Item = &'static MessageDef> {
        let (session, application) = (self.dictionary.session, self.dictionary.application);
        let session = if self.part == Part::Application { &[][..] } else { session };
        let application = if self.part == Part::Transport { &[][..] } else { application };
        session.iter().chain(application)
    }

    fn field(&self, tag: u32) -> &'static FieldDef {
        let level = self.level();
        // A field that the dialect adds to an older version is that of the next version that knows it.
        let known = (level..8).find_map(|level| tables::field_at(tag, level));
        known.unwrap_or(&tables::FIELDS[0])
    }

    fn level(&self) -> u8 {
        if self.part == Part::Application { self.dictionary.level } else { self.dictionary.transport_level }
    }

    /// Members of a block, one line each, groups with theirs below.
    fn write_block(
        &self,
        f: &mut fmt::Formatter<'_>,
        block: &Block,
        depth: usize,
        tags: &mut BTreeSet<u32>,
    ) -> fmt::Result {
        for member in (0..block.len()).map(|at| block.member(at)) {
            tags.insert(member.tag());
            let (name, required) =
                (self.field(member.tag()).name, if member.is_required() { 'Y' } else { 'N' });
            let indent = "  ".repeat(depth);
            match member.group() {
                None => writeln!(f, "{indent}<field name=\"{name}\" required=\"{required}\"/>")?,
                Some(group) => {
                    writeln!(f, "{indent}<group name=\"{name}\" required=\"{required}\">")?;
                    self.write_block(f, group, depth + 1, tags)?;
                    writeln!(f, "{indent}</group>")?;
                }
            }
        }
        Ok(())
    }

    fn write_section(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        block: u16,
        tags: &mut BTreeSet<u32>,
    ) -> fmt::Result {
        if self.part == Part::Application {
            return writeln!(f, "  <{name}/>");
        }
        writeln!(f, "  <{name}>")?;
        self.write_block(f, Block::of(block), 2, tags)?;
        writeln!(f, "  </{name}>")
    }

    fn write_field(&self, f: &mut fmt::Formatter<'_>, tag: u32) -> fmt::Result {
        let field = self.field(tag);
        let level = self.level();
        let values: Vec<_> = field.values.iter().filter(|value| value.levels >> level & 1 == 1).collect();
        write!(f, "    <field number=\"{tag}\" name=\"{}\" type=\"{}\"", field.name, field.kind.xml_name())?;
        if values.is_empty() {
            return writeln!(f, "/>");
        }
        writeln!(f, ">")?;
        for value in values {
            let code = String::from_utf8_lossy(value.code);
            let name = if value.name.is_empty() { Named::Code(&code) } else { Named::Name(value.name) };
            writeln!(f, "      <value enum=\"{code}\" description=\"{name}\"/>")?;
        }
        writeln!(f, "    </field>")
    }
}

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, major, minor, pack) = match (self.part, self.dictionary.version.name().as_bytes()) {
            (Part::Transport, _) => ("FIXT", '1', '1', '0'),
            (_, [major, b'.', minor, b'S', b'P', pack]) => {
                ("FIX", char::from(*major), char::from(*minor), char::from(*pack))
            }
            (_, name) => ("FIX", char::from(name[0]), char::from(name[2]), '0'),
        };
        let mut tags = BTreeSet::new();
        writeln!(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(f, "<fix type=\"{kind}\" major=\"{major}\" minor=\"{minor}\" servicepack=\"{pack}\">")?;
        self.write_section(f, "header", self.dictionary.header, &mut tags)?;
        writeln!(f, "  <messages>")?;
        for message in self.messages() {
            let category = if message.admin { "admin" } else { "app" };
            let msg_type = message.msg_type.escape_ascii();
            writeln!(
                f,
                "    <message name=\"{}\" msgtype=\"{msg_type}\" msgcat=\"{category}\">",
                message.name
            )?;
            self.write_block(f, Block::of(message.block), 3, &mut tags)?;
            writeln!(f, "    </message>")?;
        }
        writeln!(f, "  </messages>")?;
        self.write_section(f, "trailer", self.dictionary.trailer, &mut tags)?;
        writeln!(f, "  <components/>\n  <fields>")?;
        for tag in tags {
            self.write_field(f, tag)?;
        }
        writeln!(f, "  </fields>\n</fix>")
    }
}

/// How a value is described.
enum Named<'a> {
    Name(&'a str),
    /// Where the text has no name for it.
    Code(&'a str),
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "VALUE_{code}"),
            Self::Name(name) => {
                for (at, letter) in name.char_indices() {
                    if at > 0 && letter.is_ascii_uppercase() {
                        f.write_char('_')?;
                    }
                    f.write_char(letter.to_ascii_uppercase())?;
                }
                Ok(())
            }
        }
    }
}
