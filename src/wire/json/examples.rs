//! The examples of `docs/protocol-websocket.md`, so that tests can hold them to what the code reads and writes.

/// The page.
pub(crate) const PAGE: &str = include_str!("../../../docs/protocol-websocket.md");

/// The JSON block that follows the line `<!-- example: name -->`.
pub(crate) fn example(name: &str) -> &'static str {
    let mark = format!("<!-- example: {name} -->\n```json\n");
    let start = PAGE.find(&mark).unwrap_or_else(|| panic!("the page has no example {name}")) + mark.len();
    let length = PAGE[start..].find("```").expect("the block ends");
    PAGE[start..start + length].trim_end()
}

/// The names of all examples that end in `what`.
pub(crate) fn names(what: &str) -> Vec<&'static str> {
    let marks = PAGE.lines().filter_map(|line| line.strip_prefix("<!-- example: ")?.strip_suffix(" -->"));
    marks.filter(|name| name.ends_with(what)).collect()
}
