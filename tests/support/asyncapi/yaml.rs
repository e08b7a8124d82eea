//! A value as YAML.

use serde_json::Value;
use std::fmt::Write as _;

/// A document.
pub fn text(document: &Value) -> String {
    let mut out = String::new();
    write(document, 0, &mut out);
    out
}

/// Block style; whatever is empty or no collection stands on its line, in JSON, which YAML understands.
fn write(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let _ = write!(out, "{indent}{}:", key(name));
                rest(value, depth, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                let _ = write!(out, "{indent}-");
                rest(item, depth, out);
            }
        }
        _ => unreachable!("only collections are written in blocks"),
    }
}

fn rest(value: &Value, depth: usize, out: &mut String) {
    let block = match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => items.iter().any(|item| item.is_object() || item.is_array()),
        _ => false,
    };
    if block {
        out.push('\n');
        write(value, depth + 1, out);
    } else {
        let _ = writeln!(out, " {value}");
    }
}

/// `y` and `n` are booleans to some parsers.
fn key(name: &str) -> String {
    let plain =
        name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-$".contains(&byte));
    if plain { name.to_owned() } else { format!("{name:?}") }
}
