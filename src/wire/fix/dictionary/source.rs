//! Reads the text of the dictionary: `fields.fix`, `messages.fix`, `dialect.fix`. Used when the library is built, and
//! by its tests; nothing of it runs in the server.
//!
//! ```text
//! statement:  what stands on one line and the indented lines below it; `#` begins a comment
//! field       tag name kind [@versions] [= value …]           value: code[:Name][@versions]
//! header, trailer, session TYPE Name, message TYPE Name, component Name        and below it items
//!                in the dialect Name+: versions that do not know the message have it as well
//! item:       tag or component, then + ! @ in this order      453!44@43-( 448 447 452 )
//!                +          the dialect has it although the standard has it not
//!                !versions  it must be there, without versions: wherever it is known
//!                @versions  which versions know it, without: all
//!                ( … )      the members of a repeating group, the first of an entry first
//! versions:   42,44-50 · -43: up to · 50-: from
//! ```

use std::collections::BTreeMap;

/// The versions that the text tells apart, in the order of `-`. `fixt` is the transport of all from 50 on.
pub const LEVELS: [&str; 7] = ["42", "43", "44", "fixt", "50", "50sp1", "50sp2"];

/// A set of versions: one bit for each of [`LEVELS`].
pub type Levels = u8;

/// All of them.
pub const ALL: Levels = 0x7f;

/// One definition of a field.
pub struct FieldLine {
    pub tag: u32,
    pub name: String,
    /// The word for its format: `text`, `char`, `price`, …
    pub kind: String,
    /// The field that tells the length, of a `data(length)`.
    pub length: Option<u32>,
    pub levels: Levels,
    pub values: Vec<ValueWord>,
}

/// One value that a field may have.
pub struct ValueWord {
    pub code: String,
    pub name: String,
    pub levels: Levels,
}

/// What stands in a message, a component or a group.
#[derive(Clone)]
pub struct Item {
    pub what: What,
    pub added: bool,
    pub required: Levels,
    pub levels: Levels,
    pub group: Option<Vec<Item>>,
}

/// A field or a component.
#[derive(Clone, PartialEq, Eq)]
pub enum What {
    Tag(u32),
    Component(String),
}

/// A message, or the header or the trailer.
pub struct MessageLine {
    pub msg_type: String,
    pub name: String,
    /// The dialect has it in every version.
    pub added: bool,
    pub session: bool,
    pub levels: Levels,
    pub items: Vec<Item>,
}

/// All that the files say.
#[derive(Default)]
pub struct Source {
    pub fields: Vec<FieldLine>,
    pub components: BTreeMap<String, Vec<Item>>,
    /// `header` and `trailer` are messages of these names here.
    pub messages: Vec<MessageLine>,
    /// Messages that are known by type and name only.
    pub others: Vec<(String, String, Levels)>,
    /// Messages of the dialect, by type.
    pub dialect: Vec<MessageLine>,
}

/// Reads the three files. The text is our own, so what is wrong with it stops the build, with its place.
pub fn read(fields: &str, messages: &str, dialect: &str) -> Source {
    let mut source = Source::default();
    for statement in statements(fields) {
        source.fields.push(field(&statement));
    }
    source.fields.sort_by_key(|field| (field.tag, field.levels.trailing_zeros()));
    for statement in statements(messages) {
        let words: Vec<_> = statement.split_whitespace().collect();
        match words[0] {
            "component" => {
                let at = if words.get(2).is_some_and(|word| word.starts_with('@')) { 3 } else { 2 };
                let before = source.components.insert(words[1].to_owned(), items(&words[at..]));
                assert!(before.is_none(), "component {} is there twice", words[1]);
            }
            "other" => others(&words[1..], &mut source.others),
            _ => source.messages.push(message(&words)),
        }
    }
    source.dialect =
        statements(dialect).iter().map(|s| message(&s.split_whitespace().collect::<Vec<_>>())).collect();
    source
}

/// Joins indented lines to the line above them, without comments.
fn statements(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim_end();
        match (line.starts_with(' '), all.last_mut()) {
            _ if line.is_empty() => {}
            (true, Some(last)) => last.push_str(line),
            _ => all.push(line.to_owned()),
        }
    }
    all
}

fn field(statement: &str) -> FieldLine {
    let (head, values) = statement.split_once(" = ").unwrap_or((statement, ""));
    let words: Vec<_> = head.split_whitespace().collect();
    let [tag, name, kind, rest @ ..] = words.as_slice() else {
        panic!("a field without a kind: {statement}")
    };
    let (kind, length) = match kind.strip_suffix(')').and_then(|kind| kind.split_once('(')) {
        Some((kind, length)) => (kind, Some(number(length))),
        None => (*kind, None),
    };
    let levels = rest.first().map_or(ALL, |word| levels(word.trim_start_matches('@')));
    let value = |word: &str| {
        let (word, mark) =
            word.split_once('@').map_or((word, ALL), |(word, mark)| (word, self::levels(mark)));
        let (code, name) = word.split_once(':').unwrap_or((word, ""));
        ValueWord { code: code.to_owned(), name: name.to_owned(), levels: mark & levels }
    };
    FieldLine {
        tag: number(tag),
        name: (*name).to_owned(),
        kind: kind.to_owned(),
        length,
        levels,
        values: values.split_whitespace().map(value).collect(),
    }
}

fn message(words: &[&str]) -> MessageLine {
    let (session, msg_type, name, mut at) = match words {
        [section @ ("header" | "trailer"), ..] => (true, *section, *section, 1),
        ["session", msg_type, name, ..] => (true, *msg_type, *name, 3),
        ["message", msg_type, name, ..] => (false, *msg_type, *name, 3),
        _ => panic!("no such statement: {}", words.join(" ")),
    };
    let mut known = ALL;
    if let Some(mark) = words.get(at).and_then(|word| word.strip_prefix('@')) {
        known = levels(mark);
        at += 1;
    }
    let (name, added) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    let (msg_type, name) = (msg_type.to_owned(), name.to_owned());
    MessageLine { msg_type, name, added, session, levels: known, items: items(&words[at..]) }
}

fn others(words: &[&str], to: &mut Vec<(String, String, Levels)>) {
    for word in words {
        match word.strip_prefix('@') {
            Some(mark) => to.last_mut().expect("a mark stands behind a message").2 = levels(mark),
            None => {
                let (msg_type, name) = word.split_once(':').expect("TYPE:Name");
                to.push((msg_type.to_owned(), name.to_owned(), ALL));
            }
        }
    }
}

/// Items up to the end, which must close what it opens.
fn items(words: &[&str]) -> Vec<Item> {
    let mut open: Vec<Vec<Item>> = vec![Vec::new()];
    for word in words {
        if *word == ")" {
            let members = open.pop().expect("a group that is open");
            let owner = open.last_mut().and_then(|items| items.last_mut()).expect("a field before its group");
            owner.group = Some(members);
            continue;
        }
        let opens = word.ends_with('(');
        let items = open.last_mut().expect("the message is open");
        items.push(item(word.trim_end_matches('(')));
        if opens {
            open.push(Vec::new());
        }
    }
    assert!(open.len() == 1, "a group is not closed: {}", words.join(" "));
    open.remove(0)
}

fn item(word: &str) -> Item {
    let (word, known) = word.split_once('@').map_or((word, ALL), |(word, mark)| (word, levels(mark)));
    let (word, required) = match word.split_once('!') {
        Some((word, "")) => (word, ALL),
        Some((word, mark)) => (word, levels(mark)),
        None => (word, 0),
    };
    let (word, added) = word.strip_suffix('+').map_or((word, false), |word| (word, true));
    let what = match word.parse() {
        Ok(tag) => What::Tag(tag),
        Err(_) => What::Component(word.to_owned()),
    };
    Item { what, added, required, levels: known, group: None }
}

/// `42,44-50`, `-43`, `50-`.
fn levels(text: &str) -> Levels {
    let place = |name: &str| {
        LEVELS.iter().position(|level| *level == name).unwrap_or_else(|| panic!("version {name}?"))
    };
    text.split(',').fold(0, |set, range| {
        let (from, to) = match range.split_once('-') {
            None => (place(range), place(range)),
            Some(("", to)) => (0, place(to)),
            Some((from, "")) => (place(from), LEVELS.len() - 1),
            Some((from, to)) => (place(from), place(to)),
        };
        (from..=to).fold(set, |set, at| set | 1 << at)
    })
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}
