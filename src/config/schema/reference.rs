//! The schema as a page.

use super::{Absent, SECTIONS};

/// The tables of `docs/configuration.md`.
pub fn reference() -> String {
    let mut out = String::new();
    for section in SECTIONS {
        let title =
            if section.name.is_empty() { "Top".to_owned() } else { format!("`{}`", section.header()) };
        out += &format!(
            "## {title}\n\n{}\n\n| key | allowed | default | what it does |\n|---|---|---|---|\n",
            section.says
        );
        for key in section.keys {
            let absent = match key.absent {
                Absent::Refused => "required".to_owned(),
                Absent::Default(value) => format!("`{value}`"),
                Absent::Means(means) => means.to_owned(),
            };
            out += &format!("| `{}` | {} | {absent} | {} |\n", key.name, key.kind, key.says);
        }
        out += "\n";
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}
