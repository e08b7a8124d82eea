//! The dictionaries for clients: well-formed, and the same as the tables.

use super::super::*;
use std::collections::{BTreeMap, BTreeSet};

/// An element: its name, its attributes, what is in it.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    inside: Vec<Element>,
}

impl Element {
    fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    fn child(&self, name: &str) -> &Element {
        self.inside.iter().find(|element| element.name == name).unwrap_or_else(|| panic!("<{name}>"))
    }
}

/// Reads the little of XML that a dictionary is made of, and nothing else.
fn read(text: &str) -> Element {
    let text = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").expect("a declaration");
    let mut open = vec![Element::default()];
    for part in text.split('<').skip(1) {
        let (tag, between) = part.split_once('>').expect("a tag ends");
        assert!(between.trim().is_empty() && !tag.contains('&'), "only tags: {part}");
        if let Some(name) = tag.strip_prefix('/') {
            let closed = open.pop().unwrap();
            assert_eq!(closed.name, name);
            open.last_mut().expect("it was open").inside.push(closed);
            continue;
        }
        let (inner, empty) = tag.strip_suffix('/').map_or((tag, false), |inner| (inner, true));
        let mut words =
            inner.split("\" ").flat_map(|word| word.splitn(2, ' ')).filter(|word| !word.is_empty());
        let name = words.next().unwrap().to_owned();
        let attributes = words.map(|word| {
            let (key, value) = word.trim_end_matches('"').split_once("=\"").expect("key=\"value\"");
            (key.to_owned(), value.to_owned())
        });
        let element = Element { name, attributes: attributes.collect(), inside: Vec::new() };
        if empty {
            open.last_mut().unwrap().inside.push(element);
        } else {
            open.push(element);
        }
    }
    assert_eq!(open.len(), 1, "all is closed");
    open.pop().unwrap().inside.pop().expect("one element")
}

fn same(elements: &[Element], entries: &[Entry], names: &mut BTreeSet<String>) {
    assert_eq!(elements.len(), entries.len());
    for (element, entry) in elements.iter().zip(entries) {
        assert_eq!(element.get("name"), entry.name);
        assert_eq!(element.get("required") == "Y", entry.required, "{}", entry.name);
        assert_eq!(element.name == "group", !entry.group.is_empty(), "{}", entry.name);
        names.insert(entry.name.to_owned());
        same(&element.inside, &entry.group, names);
    }
}

/// Compares one file with the tables and gives the messages that are in it.
fn compare(dictionary: &Dictionary, xml: &Xml<'_>) -> Vec<&'static str> {
    let file = read(&xml.to_string());
    let mut names = BTreeSet::new();
    if !file.child("header").inside.is_empty() {
        same(&file.child("header").inside, &dictionary.header(), &mut names);
        same(&file.child("trailer").inside, &dictionary.trailer(), &mut names);
    }
    let mut types = Vec::new();
    for message in &file.child("messages").inside {
        let def = dictionary.message(message.get("msgtype").as_bytes()).expect("the tables have it");
        assert_eq!((message.get("name"), message.get("msgcat") == "admin"), (def.name, def.admin));
        same(&message.inside, &dictionary.body(def), &mut names);
        types.push(def.name);
    }
    let fields = &file.child("fields").inside;
    let defined: BTreeSet<_> = fields.iter().map(|field| field.get("name").to_owned()).collect();
    assert_eq!((defined.len(), &defined), (fields.len(), &names), "each field is defined once");
    for field in fields {
        let tag: u32 = field.get("number").parse().unwrap();
        assert_eq!(dictionary.field_name(tag).unwrap_or(field.get("name")), field.get("name"));
        for attribute in ["enum", "description"] {
            let unique: BTreeSet<_> = field.inside.iter().map(|value| value.get(attribute)).collect();
            assert_eq!(unique.len(), field.inside.len(), "{}: a name for each value", field.get("name"));
        }
    }
    types
}

#[test]
fn what_a_client_loads_is_well_formed_and_says_what_the_tables_say() {
    for version in Version::ALL {
        for dictionary in [Dictionary::of(version), Dictionary::standard(version)] {
            let mut types = compare(dictionary, &dictionary.xml());
            if let Some(transport) = dictionary.transport_xml() {
                types.splice(0..0, compare(dictionary, &transport));
            }
            let all: Vec<_> = dictionary.messages().map(|message| message.name).collect();
            assert_eq!(types, all, "{version}");
        }
    }
}

#[test]
fn files_have_the_names_and_versions_that_engines_look_for() {
    let head = |xml: &Xml<'_>| {
        let file = read(&xml.to_string());
        ["type", "major", "minor", "servicepack"].map(|name| file.get(name).to_owned()).join(" ")
    };
    let dictionary = Dictionary::of(Version::Fix50Sp2);
    let transport = dictionary.transport_xml().unwrap();
    assert_eq!((transport.file_name(), head(&transport)), ("FIXT11.xml".to_owned(), "FIXT 1 1 0".to_owned()));
    let xml = dictionary.xml();
    assert_eq!((xml.file_name(), head(&xml)), ("FIX50SP2.xml".to_owned(), "FIX 5 0 2".to_owned()));
    let xml = Dictionary::of(Version::Fix42).xml();
    assert_eq!((xml.file_name(), head(&xml)), ("FIX42.xml".to_owned(), "FIX 4 2 0".to_owned()));
}

#[test]
fn a_value_is_described_by_its_name() {
    let text = Dictionary::of(Version::Fix44).xml().to_string();
    for line in [
        "<value enum=\"1\" description=\"GOOD_TILL_CANCEL\"/>",
        "<field number=\"25000\" name=\"RecvWindow\" type=\"LENGTH\"/>",
        "<value enum=\"2\" description=\"EXPIRE_TAKER\"/>",
    ] {
        assert!(text.contains(line), "{line}");
    }
}
