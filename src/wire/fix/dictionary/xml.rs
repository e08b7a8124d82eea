//! A dictionary in the form that QuickFIX and its relatives load.
//!
//! Components are written out, so that no file needs another. A FIXT.1.1 session has two: the transport (header,
//! trailer, session messages) and the application.

use super::{Dictionary, Entry, MessageDef};
use std::collections::BTreeMap;
use std::fmt;

/// A file that a client loads. It prints itself.
pub struct Xml<'d> {
    dictionary: &'d Dictionary,
    part: Part,
}

/// What is in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All: FIX.4.2 to FIX.4.4.
    Whole,
    /// Header, trailer and session messages of FIXT.1.1.
    Transport,
    /// The messages of the application.
    Application,
}

impl Dictionary {
    /// The application's messages; of FIX.4.2 to FIX.4.4 those of the session too.
    pub fn xml(&self) -> Xml<'_> {
        let part = if self.version.is_fixt() { Part::Application } else { Part::Whole };
        Xml { dictionary: self, part }
    }

    /// The messages of the session, where they stand in a dictionary of their own: FIXT.1.1.
    pub fn transport_xml(&self) -> Option<Xml<'_>> {
        self.version.is_fixt().then_some(Xml { dictionary: self, part: Part::Transport })
    }
}

impl Xml<'_> {
    /// The name that such a file usually has.
    pub fn file_name(&self) -> String {
        match self.part {
            Part::Transport => "FIXT11.xml".to_owned(),
            _ => format!("FIX{}.xml", self.dictionary.version.name().replace('.', "")),
        }
    }

    fn has(&self, message: &MessageDef) -> bool {
        match self.part {
            Part::Whole => true,
            Part::Transport => message.admin,
            Part::Application => !message.admin,
        }
    }
}

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.dictionary.version.name();
        let (kind, version) =
            if self.part == Part::Transport { ("FIXT", "1.1") } else { ("FIX", &name[..3]) };
        let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
        let pack =
            name.split_once("SP").filter(|_| self.part == Part::Application).map_or("0", |(_, pack)| pack);
        let mut page = Page { out: f, fields: BTreeMap::new() };
        page.line(0, format_args!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"))?;
        let version = format_args!("major=\"{major}\" minor=\"{minor}\" servicepack=\"{pack}\"");
        page.line(0, format_args!("<fix type=\"{kind}\" {version}>"))?;
        let whole = self.part != Part::Application;
        page.section("header", whole.then(|| self.dictionary.header()))?;
        page.line(1, format_args!("<messages>"))?;
        for message in self.dictionary.messages().filter(|message| self.has(message)) {
            page.message(message, &self.dictionary.body(message))?;
        }
        page.line(1, format_args!("</messages>"))?;
        page.section("trailer", whole.then(|| self.dictionary.trailer()))?;
        page.line(1, format_args!("<components/>"))?;
        page.all_fields()?;
        page.line(0, format_args!("</fix>"))
    }
}

/// A file as it is written, and the fields that it has named so far.
struct Page<'p, 'f> {
    out: &'p mut fmt::Formatter<'f>,
    fields: BTreeMap<u32, String>,
}

impl Page<'_, '_> {
    fn line(&mut self, depth: usize, what: fmt::Arguments<'_>) -> fmt::Result {
        writeln!(self.out, "{:1$}{what}", "", 2 * depth)
    }

    fn section(&mut self, name: &str, entries: Option<Vec<Entry>>) -> fmt::Result {
        let Some(entries) = entries else { return self.line(1, format_args!("<{name}/>")) };
        self.line(1, format_args!("<{name}>"))?;
        self.entries(&entries, 2)?;
        self.line(1, format_args!("</{name}>"))
    }

    fn message(&mut self, message: &MessageDef, body: &[Entry]) -> fmt::Result {
        let (name, msg_type) = (message.name, message.msg_type.escape_ascii());
        let category = if message.admin { "admin" } else { "app" };
        self.line(2, format_args!("<message name=\"{name}\" msgtype=\"{msg_type}\" msgcat=\"{category}\">"))?;
        self.entries(body, 3)?;
        self.line(2, format_args!("</message>"))
    }

    /// One line a field, the members of a group below it.
    fn entries(&mut self, entries: &[Entry], depth: usize) -> fmt::Result {
        for entry in entries {
            self.fields.entry(entry.tag).or_insert_with(|| field(entry));
            let (name, required) = (entry.name, if entry.required { 'Y' } else { 'N' });
            if entry.group.is_empty() {
                self.line(depth, format_args!("<field name=\"{name}\" required=\"{required}\"/>"))?;
            } else {
                self.line(depth, format_args!("<group name=\"{name}\" required=\"{required}\">"))?;
                self.entries(&entry.group, depth + 1)?;
                self.line(depth, format_args!("</group>"))?;
            }
        }
        Ok(())
    }

    fn all_fields(&mut self) -> fmt::Result {
        self.line(1, format_args!("<fields>"))?;
        for field in std::mem::take(&mut self.fields).into_values() {
            self.out.write_str(&field)?;
        }
        self.line(1, format_args!("</fields>"))
    }
}

/// The definition of a field: its lines in `<fields>`.
fn field(entry: &Entry) -> String {
    let (tag, name, kind) = (entry.tag, entry.name, entry.kind.xml_name());
    let mut text = format!("    <field number=\"{tag}\" name=\"{name}\" type=\"{kind}\"");
    let values: String = entry
        .values()
        .map(|(code, name)| {
            format!("      <value enum=\"{code}\" description=\"{}\"/>\n", described(code, name))
        })
        .collect();
    text += &if values.is_empty() { "/>\n".to_owned() } else { format!(">\n{values}    </field>\n") };
    text
}

/// `GoodTillCancel` → `GOOD_TILL_CANCEL`; a value without a name is called by its code.
fn described(code: &str, name: &str) -> String {
    if name.is_empty() {
        return format!("VALUE_{code}");
    }
    let mut text = String::new();
    let mut before = None;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && before.is_some_and(|before: char| !before.is_ascii_uppercase()) {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
        before = Some(letter);
    }
    text
}
