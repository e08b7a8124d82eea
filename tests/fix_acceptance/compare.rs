//! Whether what came is what a script expects.

use super::script::{framed, shown, with_times};
use sealgate::types::Nanos;
use sealgate::wire::fix::{Precision, SOH, parse_time};

/// How messages are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// The same fields in the same order with the same values; times and CheckSum by their form.
    Strict,
    /// In any order; 9, 10, 52, 60 and 122 do not count, and 58 need only begin as expected.
    Lax,
}

type Fields<'a> = Vec<(&'a [u8], &'a [u8])>;

/// The first difference, in words.
pub fn difference(compare: Compare, expected: &[u8], came: &[u8], precision: Precision) -> Option<String> {
    // A computed BodyLength needs the times at the length that they will have.
    let expected = framed(&with_times(expected, Nanos(0), precision));
    let (expected, came) = (fields(&expected), fields(came));
    match compare {
        Compare::Strict => first_difference(&expected, &came, strict),
        Compare::Lax => first_difference(&without_times(expected), &without_times(came), lax),
    }
}

fn fields(message: &[u8]) -> Fields<'_> {
    let field = |field: &[u8]| field.iter().position(|byte| *byte == b'=');
    message
        .split(|byte| *byte == SOH)
        .filter(|text| !text.is_empty())
        .map(|text| field(text).map_or((text, &b""[..]), |at| (&text[..at], &text[at + 1..])))
        .collect()
}

fn first_difference(
    expected: &Fields<'_>,
    came: &Fields<'_>,
    same: fn(&[u8], &[u8], &[u8]) -> bool,
) -> Option<String> {
    let told = |field: Option<&(&[u8], &[u8])>| {
        field.map_or("no more".to_owned(), |(tag, value)| format!("{}={}", shown(tag), shown(value)))
    };
    let longest = expected.len().max(came.len());
    let differs = |at: &usize| match (expected.get(*at), came.get(*at)) {
        (Some(expected), Some(came)) => expected.0 != came.0 || !same(expected.0, expected.1, came.1),
        _ => true,
    };
    // Where another field differs, so does BodyLength: it tells less.
    let is_length = |at: &usize| expected.get(*at).is_some_and(|field| field.0 == b"9");
    let at = (0..longest).filter(|at| !is_length(at)).find(differs).or((0..longest).find(differs))?;
    Some(format!("expected {}, came {}", told(expected.get(at)), told(came.get(at))))
}

fn strict(tag: &[u8], expected: &[u8], came: &[u8]) -> bool {
    match tag {
        b"10" => came.len() == 3 && came.iter().all(u8::is_ascii_digit),
        b"42" | b"52" | b"60" | b"122" => expected == came || parse_time_form(came),
        _ => expected == came,
    }
}

fn lax(tag: &[u8], expected: &[u8], came: &[u8]) -> bool {
    if tag == b"58" { came.starts_with(expected) } else { expected == came }
}

/// What the scripts send as a time is one, and so is what is sent back of it.
fn parse_time_form(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    parse_time(text).is_some()
        || text.len() >= 17 && digits(&text[..8]) && text[8] == b'-' && text[11] == b':' && text[14] == b':'
}

fn without_times(mut fields: Fields<'_>) -> Fields<'_> {
    fields.retain(|(tag, _)| !matches!(*tag, b"9" | b"10" | b"52" | b"60" | b"122"));
    fields.sort_by(|a, b| a.0.cmp(b.0));
    fields
}
