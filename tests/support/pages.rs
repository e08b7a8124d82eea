//! Pages of the documentation that are made from tables of the code, and the tests that they are.

use crate::source::repository;
use sealgate::types::reject::{FixAnswer, Reject};
use sealgate::wire::fix::{Dictionary, Entry, Version};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The tables of `docs/rejects.md`.
pub fn rejects() -> String {
    let mut out = String::new();
    let mut stage = "";
    for reject in Reject::ALL {
        let info = reject.info();
        if info.stage != stage {
            stage = info.stage;
            let _ = write!(out, "\n## {stage}\n\n{REJECTS_HEAD}\n");
        }
        let (reject, ord, cxl, business) = match info.fix {
            FixAnswer::Reject(reason) => (reason.to_string(), String::new(), String::new(), String::new()),
            FixAnswer::Application { ord_rej_reason: o, cxl_rej_reason: c, business_reject_reason: b } => {
                (String::new(), o.to_string(), c.to_string(), b.to_string())
            }
            FixAnswer::Never => Default::default(),
        };
        let (status, code) = (info.ws_status, info.ws_code);
        let _ = writeln!(
            out,
            "| {} | `{}` | {reject} | {ord} | {cxl} | {business} | {status} | {code} | {} |",
            info.number, info.name, info.advice
        );
    }
    out.trim_start().to_owned()
}

/// The table of the dialect in `docs/protocol-fix.md`: what each message has, and in which versions.
pub fn fix_dialect() -> String {
    let mut out = String::from("| MsgType | message | required | optional |\n|---|---|---|---|\n");
    let newest = Dictionary::of(Version::Fix50Sp2);
    let header = |dictionary: &Dictionary| Some(dictionary.header());
    let _ = writeln!(out, "| | header | {} |", fields_of(header));
    for message in newest.messages() {
        let body =
            |dictionary: &Dictionary| dictionary.message(message.msg_type).map(|def| dictionary.body(def));
        let msg_type = message.msg_type.escape_ascii();
        let _ = writeln!(out, "| {msg_type} | {} | {} |", message.name, fields_of(body));
    }
    let _ = writeln!(out, "| | trailer | {} |", fields_of(|dictionary| Some(dictionary.trailer())));
    out
}

/// Required and optional fields of one place, each with the versions that have it there, if not all have.
fn fields_of(place: impl Fn(&Dictionary) -> Option<Vec<Entry>>) -> String {
    let mut fields: BTreeMap<u32, (&str, [Vec<Version>; 2])> = BTreeMap::new();
    for version in Version::ALL {
        for entry in place(Dictionary::of(version)).unwrap_or_default() {
            let (name, versions) = fields.entry(entry.tag).or_default();
            *name = entry.name;
            versions[usize::from(!entry.required)].push(version);
        }
    }
    let column = |required: usize| {
        let cells = fields.iter().filter(|(_, (_, versions))| !versions[required].is_empty());
        let cells = cells.map(|(tag, (name, versions))| format!("{tag} {name}{}", told(&versions[required])));
        cells.collect::<Vec<_>>().join(", ")
    };
    format!("{} | {}", column(0), column(1))
}

/// Nothing for all versions; the first for it and all after it; else each.
fn told(versions: &[Version]) -> String {
    match versions {
        all if all.len() == Version::ALL.len() => String::new(),
        [first, ..] if Version::ALL.ends_with(versions) => format!(" (from {first})"),
        some => format!(" ({})", some.iter().map(Version::to_string).collect::<Vec<_>>().join(", ")),
    }
}

const REJECTS_HEAD: &str = "| number | name | 373 | 103 | 102 | 380 | status | code | what to do |\n\
                            |---|---|---|---|---|---|---|---|---|";

const BEGIN: &str = "<!-- generated: SEALGATE_BLESS=1 cargo test --test tidy -->\n";
const END: &str = "<!-- end of what is generated -->\n";

/// Compares what stands between the two marks of a page, or writes it there.
pub fn generated(page: &str, right: &str) {
    let path = repository().join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).expect("the page has a begin mark");
    let (there, tail) = rest.split_once(END).expect("the page has an end mark");
    if std::env::var_os("SEALGATE_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{right}{END}{tail}")).unwrap();
    } else {
        assert!(there == right, "{page} is not what the code says; {BEGIN}");
    }
}

/// Compares a file that is made as a whole, or writes it.
pub fn generated_file(path: &str, right: &str) {
    let path = repository().join(path);
    if std::env::var_os("SEALGATE_BLESS").is_some() {
        std::fs::write(&path, right).unwrap();
    } else {
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == right,
            "{} is not what the code says; SEALGATE_BLESS=1 cargo test --test tidy",
            path.display()
        );
    }
}

#[test]
fn the_page_of_rejects_is_the_table_of_the_code() {
    generated("docs/rejects.md", &rejects());
}

#[test]
fn the_page_of_the_configuration_is_the_schema_of_the_code() {
    generated("docs/configuration.md", &sealgate::config::schema::reference());
}

#[test]
fn the_page_of_the_fix_dialect_is_the_dictionary_of_the_code() {
    generated("docs/protocol-fix.md", &fix_dialect());
}

#[test]
fn the_asyncapi_document_is_made_from_the_code() {
    generated_file("docs/asyncapi.yaml", &crate::asyncapi::yaml(&repository()));
}
